"""A paper's text in passages and words."""

import pytest

from paperbuild.paper import agreement
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.edition import images
from paperbuild.paper.formats import ENGLISH
from paperbuild.paper.passages import passages, sentence, spelled
from paperbuild.paper.results import ResultCache
from paperbuild.paper.source import scan


def read(text):
    found = scan(text)
    results = agreement.Results(Catalog({}), ResultCache(lambda _: b""), ENGLISH)
    return passages(found, agreement.held(found.live(), results))


def test_paragraphs_headings_items_code_and_keys_are_passages():
    text = "---\ntitle: T\nabstract: |\n  One.\n\n  Two.\n---\n\n# Head {#sec:x}\nText\ngoes on.\n\n- one\n- two\n\n"
    text += "```python\na = 1\n\nb = 2\n```\n\nEnd.\n"
    found = read(text)
    assert [(p.kind, spelled(p.words)) for p in found] == [
        ("meta", "T"),
        ("meta", "One. Two."),
        ("heading", "Head"),
        ("text", "Text goes on."),
        ("text", "one"),
        ("text", "two"),
        ("code", "```python a = 1 b = 2 ```"),
        ("text", "End."),
    ]
    assert [p.section for p in found] == ["title", "abstract", *["Head"] * 6]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("It is [91.2 %]{val=train.acc:.1%} now.", "It is 91.2 % now."),
        ('It [wins]{claim="a > b"} here.', "It wins here."),
        ("See [the *page*](http://x.y/z) and `code`.", "See the *page* and code."),
        ("![A caption.](figures/x.svg){#fig:x width=50%}", "A caption."),
        ("Seen <!-- not this --> often.", "Seen often."),
        ("A don't, a re-run, 1,234.5 and 10\\%.", "A don't, a re-run, 1,234.5 and 10%."),
        ("As [@knuth1984, p. 99] says", "As [@knuth1984, p. 99] says"),
    ],
)
def test_a_reader_sees_words_and_values_and_no_attributes(source, shown):
    (passage,) = read(source)
    assert spelled(passage.words) == shown


def test_a_literal_says_nothing_and_neither_does_a_line_end():
    (one,), (other,) = read("It is [1]{val=t.a} now."), read("It is [2]{val=t.a}\nnow.")
    assert one.keys == other.keys
    (third,) = read("It is [1]{val=t.b} now.")
    assert one.keys != third.keys


def test_the_literal_of_a_formula_says_nothing_either():
    (one,), (other,) = read(r"So $a = \val[1]{t.a}$."), read(r"So $a = \val[2]{t.a}$.")
    assert one.keys == other.keys


@pytest.mark.parametrize(
    ("source", "word", "shown"),
    [
        ("First one. Then it is here, e.g. twice. And so on.", "here", "Then it is here, e.g. twice."),
        ("One (with more.) Then two! Last.", "two", "Then two!"),
        ("Only one without an end", "one", "Only one without an end"),
        ("At 3.5 m it ends. Next.", "ends", "At 3.5 m it ends."),
    ],
)
def test_a_sentence_ends_where_the_next_one_begins(source, word, shown):
    (passage,) = read(source)
    at = [w.text for w in passage.words].index(word)
    first, last = sentence(passage.words, at)
    assert spelled(passage.words[first:last]) == shown


def test_images_are_found_with_captions_and_attributes_and_none_in_code():
    text = '![A [b] c.](results/a.csv "Title"){#tbl:a columns="x,y"} and `![no](x.png)`\n\n![](plain.svg)\n'
    assert [(i.destination.path, i.id, i.caption, dict(i.attributes)) for i in images(scan(text))] == [
        ("results/a.csv", "tbl:a", "A [b] c.", {"columns": "x,y"}),
        ("plain.svg", "", "", {}),
    ]
