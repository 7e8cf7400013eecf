"""The tagged parse on real pandoc: every slip that GRAMMAR knows, and positions that point at what they say."""

import json
import re
import subprocess
from collections.abc import Iterator

import pypandoc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError
from paperbuild.paper import frontmatter, positions, slips
from paperbuild.paper.positions import Match, Surfaced
from paperbuild.paper.source import SourceMap, needed_names, scan

COMMAND = [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", "json", "--columns=100000"]


def parse(text: str, words: dict[str, str]) -> tuple[Surfaced, ...]:
    """Parse with pandoc and list the references as the worker does."""
    run = subprocess.run(COMMAND, input=text.encode(), capture_output=True, timeout=30, check=True)
    tree = json.loads(run.stdout)
    return (*walk(tree["meta"], words, "meta"), *walk(tree["blocks"], words, "body"))


def walk(node: object, words: dict[str, str], where: str) -> Iterator[Surfaced]:
    if isinstance(node, list):
        for item in node:
            yield from walk(item, words, where)
    elif isinstance(node, dict) and "t" not in node:
        for key in sorted(node):
            yield from walk(node[key], words, where)
    elif isinstance(node, dict):
        yield from element(node["t"], node.get("c"), words, where)


def element(kind: str, content: object, words: dict[str, str], where: str) -> Iterator[Surfaced]:
    if kind == "Math":
        for code, group in re.findall(r"\\(\w+)[ ]*(?:\[[^]]*\])?[ ]*\{((?:[^{}]|\{[^{}]*\})*)\}", content[1]):
            if code == "val" or code in words:
                yield Surfaced("math-value", code, group, where, "Math")
    elif isinstance(content, str) or kind in {"Code", "CodeBlock", "RawInline", "RawBlock"}:
        text = content if isinstance(content, str) else content[1]
        for key, _ in content[0][2] if kind.startswith("Code") else ():
            yield from (Surfaced("stray", code, "", where, kind) for code in words if code == key)
        yield from (Surfaced("stray", code, "", where, kind) for code in words if code in text)
    else:
        children = content if isinstance(content, list) else []
        attributes = [item for item in children if isinstance(item, list) and len(item) == 3 and isinstance(item[0], str)]
        for key, value in attributes[0][2] if attributes and isinstance(attributes[0][2], list) else ():
            word = key if key in {"val", "claim"} else words.get(key)
            if word and kind == "Span":
                yield Surfaced("value" if word == "val" else "claim", key, value, where)
            elif word:
                yield Surfaced("stray", key, "", where, kind)
        if kind == "Cite":
            content = content[0]
        yield from walk(content, words, where)


def matched(text: str) -> tuple[tuple[Surfaced, ...], Match]:
    found = scan(text)
    tagged = positions.tag(found)
    references = tuple(item for item in parse(text, {}) if item.kind != "stray")
    return references, positions.match(tagged, parse(tagged.text, dict(tagged.words)), references)


def faults(text: str) -> tuple[Diagnostic, ...]:
    _, match = matched(text)
    return slips.faults(scan(text), SourceMap.join([("paper.md", text)]), match)


PAPER = """\
---
title: 'Worth [91]{val=a.one}'
abstract: |
  We reach $\\val{b.two:.1\\%}$ and [more]{claim="a.one > b.two"}.
---

# Head [1]{val=h.one} {#sec:head}

\\newcommand{\\acc}{\\val{m.acc}}

A note[^n], math $\\acc + \\val[0.3]{m.x}$, again $\\acc$, a citation [see [9]{val=c.pre} @k, p. [3]{val=c.post}].

![Caption [9]{val=f.cap} and $\\val{f.math}$](x.png){#fig:x}

+------------+-----------------------+
| a          | b                     |
+============+=======================+
| [9]{val=g} | [10]{val="g + 1:.0f"} |
+------------+-----------------------+

| p | q |
|---|---|
| [1]{val="r \\| mean:.1f"} | [2]{val=mean(r.x)} |

  Right        Left
-------------  -----------
 [9]{val=s.a}  x

Table: Cap [9]{val=t.cap}

Term [9]{val=d.t}

:   def [9]{val="d
    .d"}

- item

    [5]{val=list.item} continued

- ```
  [5]{val=not.this}
  ```

    [5]{val=not.that}

H~[9]{val=sub}~ `[5]{val=not.code}` <!-- [5]{val=not.comment} --> <span val="tag.x">5</span>

[^n]: Note [9]{val=note.x}.

    Second [9]{val=note.y}.
"""


def test_every_reference_of_a_paper_has_the_position_of_its_own_expression() -> None:
    references, match = matched(PAPER)
    assert match.exact
    assert match.lost == ()
    assert len(references) >= 26
    for reference, candidate in zip(references, match.places, strict=True):
        assert candidate is not None, reference
        assert candidate.kind == reference.kind
        assert candidate.text == reference.expression
        assert PAPER.startswith(candidate.word, candidate.key)
        assert PAPER.startswith(candidate.raw, candidate.value)


def test_a_paper_without_slips_has_no_faults_and_code_is_no_reference() -> None:
    assert faults(PAPER) == ()
    assert "not" not in needed_names(scan(PAPER))
    references, _ = matched(PAPER)
    assert not positions.suspects(scan(PAPER), references)


def test_the_same_paper_with_windows_line_ends_has_the_same_positions() -> None:
    text = PAPER.replace("\n", "\r\n")
    references, match = matched(text)
    assert match.exact
    assert [c and c.text for c in match.places] == [reference.expression for reference in references]
    assert match.lost == ()


LOST = [
    ("Done![9]{val=a}", "PB263", "exclamation mark", r"\!"),
    ("[a][b]{val=a}", "PB263", "two pairs of brackets", "space between"),
    ("[@k][9]{val=a}", "PB263", "two pairs of brackets", "space between"),
    ("[9]{val=a b}", "PB254", "ends at its first space", 'val="a b"'),
    ("[9]{val=a + b:.1f}", "PB254", "ends at its first space", 'val="a + b:.1f"'),
    ('[9]{val = "a"}', "PB254", "around the =", "val=a"),
    ('[9]{val= "a"}', "PB254", "around the =", "val=a"),
    ("[9]{val=\u201ca b\u201d}", "PB254", "curly quotes", 'val="a b"'),
    ("[9] {val=a}", "PB254", "space between ] and {", "[literal]{val=a}"),
    ("[9]{.x}{val=a}", "PB254", "second pair of braces", "join both"),
    ('[9]{val="a b}', "PB254", "not closed", 'val="a b"'),
    ("[9]{val=a", "PB254", "cannot be read", "closing }"),
    ("# Head {val=a}", "PB256", "stand on a heading", "{#sec:name}"),
    ("![c](f.png){val=a}", "PB256", "stand on an image", "caption"),
    ("[c](f.html){val=a}", "PB256", "stand on a link", "inside"),
    ("`x`{val=a}", "PB256", "stand on code", "without the backticks"),
    ("::: {val=a}\nx\n:::", "PB256", "stand on a division", "running text"),
    ("``` {val=a}\nx\n```", "PB256", "stand on a code block", "running text"),
    ('| a | b |\n|---|---|\n| [9]{val="a|mean"} | x |', "PB259", "cuts this table row", r"write \|"),
    ("costs $5 and [3]{val=a:$}", "PB263", "dollar sign", r"\$"),
    ("x ] y]{val=a}", "PB262", "opened nowhere", "[literal]"),
    (r"\[9]{val=a}", "PB262", "opened nowhere", "[literal]"),
    (r"\val{a}", "PB256", "outside of mathematics", "[]{val=a}"),
    (r"$ \val{a}$", "PB256", "outside of mathematics", "no space after its first $"),
    (r"$\val{a}$5", "PB256", "outside of mathematics", "the digit"),
    (r"$\val a$", "PB254", "expression in braces", r"\val{target.key:.2f}"),
    (r"\newcommand{\acc}{\val{t.a:.1%}}", "PB263", "TeX comment", r"\%"),
    (r"\emph{[9]{val=a}}", "PB256", "raw TeX", "Markdown"),
    ('![c](f.png "T [9]{val=a}")', "PB256", "title", "caption"),
    ("---\ntitle: x # [9]{val=a}\n---\n\ny", "PB263", "comment in YAML", "quotes"),
    ("[9]{val=a claim=b}", "PB257", "both val and claim", "two spans"),
    ("[9]{val=a val=b}", "PB257", "val twice", "two spans"),
    ("[x [9]{val=a}]{val=b}", "PB258", "around another reference", "stand alone"),
    ("# Head [9]{val=a}", "PB260", "id of its own", "{#sec:name}"),
    ("Head [9]{val=a}\n===", "PB260", "id of its own", "{#sec:name}"),
    ("[9]{val=a-b}", "PB255", "needs quotes", 'val="a-b"'),
    ("[9]{val=\u201ca\u201d}", "PB255", "needs quotes", "val=a"),
    ("[9]{val=}", "PB254", "empty", "val=target.key"),
    (r"\newcommand{\val}{x}", "PB261", "cannot be defined", "another name"),
]


@pytest.mark.parametrize(("text", "code", "message", "mend"), LOST, ids=[text[:24] for text, *_ in LOST])
def test_a_slip_is_named_and_mended(text: str, code: str, message: str, mend: str) -> None:
    found = faults(text + "\n")
    assert [fault.code for fault in found] == [code]
    assert message in found[0].message
    assert any(mend in line for line in found[0].help), found[0].help
    assert found[0].span is not None
    assert found[0].span.line == next(n for n, line in enumerate(text.split("\n"), 1) if "val" in line)


FINE = [
    "[9]{val=a}",
    "[]{val=a}",
    '[9]{val="a.b + 1:.1f"}',
    "[9]{.x #i val=a}",
    r"Done\![9]{val=a}",
    "[@k] [9]{val=a}",
    "[^1][9]{val=a}\n\n[^1]: n",
    r"costs \$5 and [3]{val=a}",
    r"$\val{a:.1%}$",
    "[x `]` y]{val=a}",
    "[x $[0,1)$ y]{val=a}",
    r"[\[9\]]{val=a}",
    "*[9]{val=a}*",
    "[x [ y]{val=a}",
    "``x` [9]{val=a}",
    "```\n[9]{val=a}",
    "~~~\n[9]{val=a}",
    "text\n    [9]{val=a}",
    "    [9]{val=a b}",
    "- x\n\n        [9]{val=a b}",
    "<pre>\n`[9]{val=a b}`\n</pre>",
    "[9]{\n.x\nval=a}",
    "[a](b)[9]{val=a}",
    '| [9]{val="a|b"}\n| x',
    "| a |\n|---|\n| `[9]{val=a|b}` |",
    r"\newcommand{\acc}{\val{t.a}} unused",
    "# Head [words]{claim=a}",
    "# Head [9]{val=a} {#h}",
    "text [9]{val=a}\n\n---\n\nx",
]


@pytest.mark.parametrize("text", FINE)
def test_what_pandoc_reads_is_no_fault(text: str) -> None:
    assert [fault.message for fault in faults(text + "\n")] == []


MARKS = (
    "` `` $ [ ] { } | # ! \\ <!-- --> \" ' * _ ~ ^ @k [^1] (x.png) word : = é {val=a} \\val{a} <span\tval=a> </span> $\\val{a}$ [9]{val=a}"
)
BLOCKS = (
    "[9]{val=a b}",
    '[x]{claim="a > b"}',
    "\n\n",
    "\n",
    "    ",
    "> ",
    "- ",
    "1. ",
    " ",
    "\n|---|---|\n",
    "\n\n[^1]: ",
    "\n---\n",
    "\n```\n",
    "\n~~~\n",
)
SNIPPETS = st.sampled_from([*MARKS.split(" "), *BLOCKS])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SNIPPETS, max_size=25))
def test_whatever_the_text_each_reference_finds_its_candidate(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        frontmatter.read(scan(text), SourceMap.join([("paper.md", text)]))
    except BuildError:
        return  # pandoc refuses it as well, without a position
    references, match = matched(text)
    if match.exact:
        for reference, candidate in zip(references, match.places, strict=True):
            assert candidate is not None, reference
            assert (candidate.kind, candidate.text) == (reference.kind, reference.expression)
    slips.faults(scan(text), SourceMap.join([("paper.md", text)]), match)
