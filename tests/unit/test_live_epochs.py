"""From one published page to the next: what is told makes the old page the new one, and is the least that does."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from paperbuild.live.epochs import KEPT, Change, Chronicle, Page, Sheet, applied, difference, splices
from paperbuild.live.standing import Phase, Standing

HEAD = '<html><head><title>A &amp; B</title><meta name="description" content="x"><style>p {}</style></head>\n<body>\n<div class="body">\n'
TAIL = "</div>\n</body></html>"
BLOCKS = st.lists(st.sampled_from(["<p>a</p>", "<p>b</p>", "<p>c</p>", "<p>d</p>"]), max_size=12).map(tuple)


def page(*blocks, head=HEAD, tail=TAIL):
    return Page(head, blocks, tail)


def least_edits(old, new):
    """How many blocks must go or come: by the plain table of longest common subsequences."""
    row = [0] * (len(new) + 1)
    for one in old:
        above, row = row, [0]
        for n, other in enumerate(new):
            row.append(above[n] + 1 if one == other else max(above[n + 1], row[n]))
    return len(old) + len(new) - 2 * row[-1]


@given(BLOCKS, BLOCKS)
def test_the_splices_make_the_old_blocks_the_new_ones(old, new):
    assert applied(page(*old), Change(splices=splices(old, new))) == new


@given(BLOCKS, BLOCKS)
def test_no_splices_would_do_with_fewer_blocks(old, new):
    found = splices(old, new)
    assert sum(splice.end - splice.start + len(splice.blocks) for splice in found) == least_edits(old, new)


@given(BLOCKS, BLOCKS)
def test_splices_come_in_order_and_do_not_touch(old, new):
    found = splices(old, new)
    assert all(a.end < b.start for a, b in pairwise(found))


def test_a_changed_paragraph_among_many_is_one_block():
    old = tuple(f"<p>{n}</p>" for n in range(3000))
    new = (*old[:1500], "<p>other</p>", *old[1501:])
    assert [(s.start, s.end, s.blocks) for s in splices(old, new)] == [(1500, 1501, ("<p>other</p>",))]


def test_a_paper_that_is_another_altogether_is_replaced_without_a_long_search():
    old, new = (tuple(f"<p>{name}{n}</p>" for n in range(5000)) for name in "ab")
    assert [(s.start, s.end) for s in splices(old, new)] == [(0, 5000)]


def test_equal_pages_differ_by_nothing():
    assert difference(page("<p>a</p>"), page("<p>a</p>")) is None


def test_a_page_with_other_styles_or_scripts_is_told_as_a_whole():
    other = page("<p>a</p>", head=HEAD.replace("p {}", "p { color: red }"))
    assert difference(page("<p>a</p>"), other) == Change(whole=other.text)


def test_what_only_search_engines_read_is_no_reason_to_load_a_page_again():
    other = page("<p>b</p>", head=HEAD.replace("A &amp; B", "A &lt; B").replace('"x"', '"y"'))
    change = difference(page("<p>a</p>"), other)
    assert change is not None
    assert (change.whole, change.title, change.frame) == ("", "A < B", "")
    assert len(change.splices) == 1


def test_what_stands_around_the_blocks_is_told_where_it_changed():
    other = page("<p>a</p>", tail='<script id="provenance">[]</script>' + TAIL)
    change = difference(page("<p>a</p>"), other)
    assert change is not None
    assert change.frame == '<body>\n<div class="body">\n<script id="provenance">[]</script>' + TAIL
    assert change.splices == ()


def test_a_page_that_begins_or_ends_to_have_blocks_is_told_as_a_whole():
    change = difference(page(), page("<p>a</p>"))
    assert change is not None
    assert change.whole


@given(st.lists(BLOCKS.filter(bool), min_size=2, max_size=8), st.data())
def test_whoever_missed_epochs_catches_up_with_one_update(states, data):
    chronicle = Chronicle(Standing())
    epochs = [chronicle.publish(Standing(), [Sheet("paper", page(*blocks))]).epoch for blocks in states]
    n = data.draw(st.integers(0, len(states) - 1))
    update = chronicle.update("paper", epochs[n])
    assert update.epoch == epochs[-1]
    assert applied(page(*states[n]), update.page) == states[-1]


def test_whoever_shows_nothing_yet_or_something_long_forgotten_is_given_the_whole_page():
    chronicle = Chronicle(Standing())
    first = chronicle.publish(Standing(), [Sheet("paper", page("<p>a</p>"))]).epoch
    for n in range(KEPT):
        last = page(f"<p>{n}</p>")
        chronicle.publish(Standing(), [Sheet("paper", last)])
    assert chronicle.update("paper", 0).page == Change(whole=last.text)
    assert chronicle.update("paper", first).page == Change(whole=last.text)


def test_a_new_standing_leaves_the_page_alone():
    chronicle = Chronicle(Standing())
    shown = chronicle.publish(Standing(), [Sheet("paper", page("<p>a</p>"), "digest")]).epoch
    chronicle.publish(Standing(phase=Phase.FAILED))
    update = chronicle.update("paper", shown)
    assert update.page is None
    assert (update.standing.phase, update.pdf) == (Phase.FAILED, "digest")


def test_equal_blocks_of_pages_that_follow_each_other_are_kept_once():
    chronicle = Chronicle(Standing())
    long = "<p>" + "x" * 1000 + "</p>"
    for last in "ab":
        chronicle.publish(Standing(), [Sheet("paper", page("".join(list(long)), f"<p>{last}</p>", head="".join(list(HEAD))))])
    before, now = (state.sheet("paper").page for state in chronicle._states[-2:])
    assert before.blocks[0] is now.blocks[0]
    assert before.head is now.head


def test_that_the_text_was_edited_is_told_to_whoever_missed_it():
    chronicle = Chronicle(Standing())
    shown = chronicle.publish(Standing(), [Sheet("paper", page("<p>a</p>"))]).epoch
    chronicle.publish(Standing(), [Sheet("paper", page("<p>b</p>"))], edited=True)
    chronicle.publish(Standing(phase=Phase.FRESH))
    assert chronicle.update("paper", shown).edited
    assert not chronicle.update("paper", chronicle.now.epoch).edited


def test_each_document_has_updates_of_its_own():
    chronicle = Chronicle(Standing())
    both = [Sheet("paper", page("<p>a</p>")), Sheet("supplement", page("<p>s</p>"))]
    shown = chronicle.publish(Standing(), both).epoch
    chronicle.publish(Standing(), [both[0], Sheet("supplement", page("<p>t</p>"))])
    assert chronicle.update("paper", shown).page is None
    assert chronicle.update("supplement", shown).page is not None
    assert chronicle.update("", shown).names == ("paper", "supplement")
