"""How one text became another: properties of the alignment, and what a reader expects of it."""

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from paperbuild.provenance.alignment import Pair, Run, pairs, readable, runs


def said(text):
    return text.split()


words = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), max_size=30)


@given(words, words)
def test_runs_tell_both_texts_and_what_stays_is_equal(old, new):
    found = runs(old, new)
    assert [word for run in found for word in old[run.a0 : run.a1]] == old
    assert [word for run in found for word in new[run.b0 : run.b1]] == new
    assert all(old[run.a0 : run.a1] == new[run.b0 : run.b1] for run in found if run.same)
    assert all(one.same != other.same for one, other in pairwise(found))


@given(words, words)
def test_readable_runs_still_tell_both_texts(old, new):
    found = readable(runs(old, new), lambda run: run.a1 - run.a0)
    assert [word for run in found for word in old[run.a0 : run.a1]] == old
    assert [word for run in found for word in new[run.b0 : run.b1]] == new


@given(st.lists(words, max_size=8), st.lists(words, max_size=8))
def test_every_passage_is_in_one_pair_and_new_ones_keep_their_order(old, new):
    found = pairs(old, new)
    assert sorted(pair.old for pair in found if pair.old is not None) == list(range(len(old)))
    assert [pair.new for pair in found if pair.new is not None] == list(range(len(new)))


@given(words)
def test_a_text_is_itself(text):
    assert all(run.same for run in runs(text, text))
    assert pairs([text], [text]) == (Pair(0, 0),)


def test_a_word_between_two_changes_is_not_kept_for_its_own_sake():
    old = said("we see the cause of it at once")
    new = said("nobody knows the reason why it stopped")
    assert len(runs(old, new)) > 2
    (changed,) = readable(runs(old, new), lambda run: run.a1 - run.a0)
    assert changed == Run(False, 0, 8, 0, 7)


def test_what_must_stay_stays_though_it_is_slight():
    old, new = [*"abXcd"], [*"efXgh"]
    found = readable(runs(old, new), lambda _: None)
    assert [run.same for run in found] == [False, True, False]


def test_a_paragraph_that_moved_is_told_as_one_also_where_it_was_edited():
    first = said("the quick brown fox jumps over the lazy dog")
    second = said("a stitch in time saves nine and so on")
    third = said("all work and no play makes a dull text")
    edited = [*first[:-1], "cat"]
    assert pairs([first, second, third], [second, third, edited]) == (Pair(1, 0), Pair(2, 1), Pair(0, 2, True))


def test_an_edited_paragraph_is_found_between_new_ones():
    old = [["in", "the", "end", "it", "works", "well"]]
    new = [["nothing", "alike"], ["in", "the", "end", "it", "works", "badly"], ["other", "words"]]
    assert pairs(old, new) == (Pair(None, 0), Pair(0, 1), Pair(None, 2))


def test_long_texts_of_few_words_take_no_long_time():
    old = ["the", "of", "a"] * 3000
    new = ["of", "the", "an"] * 3000
    start = time.process_time()
    runs(old, new)
    paragraphs = [[f"w{n % 17}", f"v{n % 13}", "the", "of"] * 10 for n in range(1500)]
    pairs(paragraphs, [[*words[1:], "x"] for words in paragraphs])
    assert time.process_time() - start < 20
