"""From a block of a page, and words in it, to the line of the source."""

import pytest

from paperbuild.paper.source import SourceMap
from paperbuild.render.blocks import Blocks, Frame, Place, Stretch

FIRST = """\
---
title: A title
---

# Method

We ran *the* experiment
three times, as @knuth1984 says,
with the seed [3]{val=train.seed} each.

- one item of a list
- another item, **which** is longer
- a third item

# Results
"""
SECOND = "The last words stand in another file.\n"
SOURCES = SourceMap.join([("paper.md", FIRST), ("results.md", SECOND)])
PAGE = (
    '<h1 id="method"><span class="secno">1</span> Method</h1>',
    '<p>We ran <em>the</em> experiment three times, as Knuth (1984) says, with the seed <span class="pb-value">3</span> each.</p>',
    "<ul><li>one item of a list</li><li>another item, <strong>which</strong> is longer</li><li>a third item</li></ul>",
    '<h1 id="results"><span class="secno">2</span> Results</h1>',
    "<p>The last words stand in another file.</p>",
)


@pytest.fixture
def blocks():
    return Blocks(Frame("", ""), ((0, Stretch(PAGE, SOURCES.text)),), "<section>notes</section>", SOURCES)


@pytest.mark.parametrize(
    ("block", "words", "place"),
    [
        (0, "", ("paper.md", 5, 1)),
        (1, "", ("paper.md", 7, 1)),
        (1, "experiment three times, as Knuth (1984)", ("paper.md", 7, 14)),
        (1, "times, as Knuth (1984) says", ("paper.md", 8, 7)),
        (1, "says, with the seed 3 each", ("paper.md", 8, 28)),
        (1, "Knuth", ("paper.md", 7, 1)),  # written otherwise in the source
        (1, "nowhere to be found", ("paper.md", 7, 1)),
        (2, "which is longer", ("paper.md", 12, 19)),
        (2, "item", ("paper.md", 11, 7)),
        (2, "third item", ("paper.md", 13, 5)),
        (2, "The last words", ("paper.md", 11, 1)),
        (4, "another file", ("results.md", 1, 25)),
        (-1, "A title", ("paper.md", 1, 1)),
    ],
)
def test_words_are_found_in_their_block_and_no_other(blocks, block, words, place):
    assert blocks.place_of(block, words) == Place(*place)


def test_of_what_comes_from_no_source_nothing_is_said(blocks):
    assert blocks.place_of(5) is None, "the notes"
    assert blocks.place_of(6) is None
