"""Where generated code comes from: pandoc's blocks are found in the source, and in them the name that an engine stumbled over."""

import pytest

from paperbuild.paper.source import SourceMap
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.marks import TEX, TYPST, Generated, generated
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.places import Places
from paperbuild.render.protocol import Request

PAPER = """\
---
title: The same words
abstract: The same words stand here.
---

# The same words {#sec:a}

The same words stand *here*, with “quotes” and [91]{val=train.acc:.1%}.

The same [words](https://example.org/a_(b)) stand here, too.

![The same words](figures/a.svg){#fig:a width=50%}

- The same words

- stand in items

| the same | words |
|----------|-------|
| 1        | 2     |

: The same words {#tbl:a}

$$ x = 1 $$ {#eq:a}

> The same words, quoted.

::: {#thm:a .theorem}
The same words, proven.
:::

```python
the = "same words"
```

    the same = words

```{=typst}
#let a = 1
#a.nosuch
```

***

The same words[^n], once more, and `#nosuch(1)`{=typst} or `#nosuch(2)`{=typst}.

[^n]: The same words below.

Setext heading
--------------

1. The same words
2. in numbers

End.
"""
LINES = (6, 8, 10, 12, 14, 18, 24, 26, 29, 33, 36, 39, 45, 49, 52, 55)  # all but the rule, of which nothing is left to look for


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


def manuscript(worker, *files):
    sources = SourceMap.join(files)
    return Manuscript(sources, worker)


def test_every_block_is_found_where_it_begins(worker):
    paper = manuscript(worker, ("paper.md", PAPER))
    blocks = worker.blocks(paper.text)
    offsets = Places(paper).offsets(blocks)
    assert tuple(paper.sources.span(offset).line for offset in offsets if offset >= 0) == LINES
    assert [block.kind for block, offset in zip(blocks, offsets, strict=True) if offset < 0] == ["HorizontalRule"]


def test_a_place_in_the_second_file_is_named_by_that_file(worker):
    paper = manuscript(worker, ("one.md", "# One\n\nSame words.\n"), ("two.md", "# Two\n\nSame words, and `#bad`{=typst}.\n"))
    places = Places(paper)
    start = places.offsets(worker.blocks(paper.text))[3]
    span = places.span(Generated("Same words, and #bad.", 17, start))
    assert span is not None
    assert (span.path, span.line, span.column, span.length) == ("two.md", 3, 19, 3)


@pytest.mark.parametrize("argument", ["(1)", "(2)"])
def test_of_two_names_alike_in_one_paragraph_the_one_at_fault_is_told(worker, argument):
    paper = manuscript(worker, ("paper.md", PAPER))
    line = "The same words#footnote[x], once more, and #nosuch(1) or #nosuch(2)."
    at = line.index("nosuch" + argument)
    span = Places(paper).span(Generated(line, at, PAPER.index("The same words[^n]"), PAPER.index("Setext")))
    assert span is not None
    assert (span.line, span.length) == (45, 6)
    assert span.text[span.column - 1 :].startswith("nosuch" + argument)


def test_a_line_of_the_authors_own_code_needs_no_mark(worker):
    paper = manuscript(worker, ("paper.md", PAPER))
    span = Places(paper).span(Generated("#a.nosuch", 3))
    assert span is not None
    assert (span.line, span.column, span.length) == (40, 4, 6)


def test_what_the_author_did_not_write_is_told_at_its_block(worker):
    paper = manuscript(worker, ("paper.md", PAPER))
    places = Places(paper)
    span = places.span(Generated("#mq(zzz)", 4, PAPER.index("$$ x"), PAPER.index("> The same")))
    assert span is not None
    assert (span.line, span.column) == (24, 1)
    assert places.span(Generated("#mq(zzz)", 4)) is None


def test_marks_stand_in_generated_code_only_where_they_are_asked_for(worker):
    offsets = tuple(range(10, 10 + 10 * len(worker.blocks("# A\n\nB\n\nC\n")), 10))
    for target, comment in (("typst", TYPST), ("latex", TEX)):
        plain = worker.write(Request("# A\n\nB\n\nC\n", target, lang="en"))
        marked = worker.write(Request("# A\n\nB\n\nC\n", target, lang="en", offsets=offsets))
        assert " pb:" not in plain.body
        lines = marked.body.splitlines()
        assert generated(lines, lines.index("B") + 1, 0, comment) == Generated("B", 0, 20, 30)
