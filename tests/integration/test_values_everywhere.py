"""Values wherever text is, in every format; and where no reference can stand, a word about it instead of a hole."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile

import pypdfium2
import pytest

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.errors import BuildError
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.render.documents import DocumentRunner

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40"/></svg>'
_PLACES = """
title subtitle abstract abstract_math heading text emphasis strong quote item note note_math caption caption_math pipe pipe_math grid simple
table_caption data_caption link prefix suffix term definition inline display macro tag line_block theorem part two_lines deep
"""
PLACES = _PLACES.split()
VALUES = {name: 70001 + 111 * n for n, name in enumerate(PLACES)}
LITERAL = "LITERAL"
PAPER = r"""---
title: 'The [LITERAL]{val=t.title} title'
subtitle: "A [LITERAL]{val=t.subtitle} subtitle"
abstract: |
  It holds [LITERAL]{val=t.abstract} and $a = \val[0]{t.abstract_math}$.
bibliography: refs.bib
---

# Head [LITERAL]{val=t.heading} {#sec:head}

\newcommand{\acc}{\val{t.macro}}

Text [LITERAL]{val=t.text}, *emphasis [LITERAL]{val=t.emphasis}*, **[LITERAL]{val=t.strong}**, a note[^n], see [a link with
[LITERAL]{val=t.link}](#sec:head) and [see [LITERAL]{val=t.prefix} @knuth1984, p. [LITERAL]{val=t.suffix}]. In mathematics
$x = \val[0]{t.inline}$, by a macro $y = \acc$, and

$$ z = \val[0]{t.display} $$ {#eq:z}

> Quoted [LITERAL]{val=t.quote}.

- An item [LITERAL]{val=t.item}

  ::: {.aside}
  A division with [LITERAL]{val=t.deep}.
  :::

Term [LITERAL]{val=t.term}

:   Defined by [LITERAL]{val=t.definition}

| A line [LITERAL]{val=t.line_block}
| and another

A raw <span val="t.tag">LITERAL</span> tag, and [LITERAL]{val="t.two_lines
  + 0"} over two lines.

![Caption [LITERAL]{val=t.caption} and $c = \val[0]{t.caption_math}$.](a.svg){#fig:a}

::: {#fig:two}
![Part [LITERAL]{val=t.part}.](a.svg){#fig:two-a}

Two.
:::

| a | b |
|---|---|
| [LITERAL]{val="t.pipe \| abs"} | $p = \val{t.pipe_math}$ |

: Table [LITERAL]{val=t.table_caption}. {#tbl:a}

+---------------------------+---+
| a                         | b |
+===========================+===+
| [LITERAL]{val=t.grid}     | x |
+---------------------------+---+

a                           b
--------------------------  ---
[LITERAL]{val=t.simple}     x

![Data [LITERAL]{val=t.data_caption}.](d.csv){#tbl:d}

::: {#thm:a}
Let [LITERAL]{val=t.theorem} be.
:::

[^n]: A note with [LITERAL]{val=t.note} and $n = \val{t.note_math}$.
"""
FILES = {
    "paper.md": PAPER.encode(),
    "t.json": json.dumps(VALUES).encode(),
    "a.svg": SVG,
    "d.csv": b"model,acc\nours,0.5\n",
    "refs.bib": b"@book{knuth1984, author={Donald E. Knuth}, title={The {TeX}book}, year={1984}, publisher={AW}}",
}
CATALOG = Catalog({"t": CatalogTarget("t", (Cell("t", (), (("main", "t.json"),)),), (), "make t")})


class Memory:
    """A project in a dictionary."""

    def __init__(self, files):
        self.files = files

    def require(self, paths):
        """Everything is there."""

    def read(self, path):
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def exists(self, path):
        return path in self.files


@pytest.fixture(scope="module")
def runner():
    made = DocumentRunner(CATALOG)
    yield made
    made.close()


NAMES = {"latex": ("latex", "figures"), "jats": ("jats", "figures")}


def made(runner, output, text=PAPER, files=FILES, **options):
    """Return the document, and what was warned of."""
    config = {"format": output, "sources": "paper.md", "template": "article", **options}
    outputs = tuple(
        Output(name, f"_build/paper-{name}/" if name == "figures" else f"_build/paper.{name}") for name in NAMES.get(output, (output,))
    )
    action = Action(f"paper.{output}", "paper", Step("document", tuple(sorted(config.items()))), outputs, inputs=("paper.md",))
    result = runner.run(action, Memory({**files, "paper.md": text.encode()}))
    return result.outputs[output], result.diagnostics if hasattr(result, "diagnostics") else ()


def text_of(output, data):
    if output == "pdf":
        with pypdfium2.PdfDocument(io.BytesIO(data)) as pdf:
            return "\n".join(page.get_textpage().get_text_range() for page in pdf)
    if output == "docx":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [archive.read(name).decode() for name in archive.namelist() if re.fullmatch(r"word/(document|footnotes)\.xml", name)]
        return html.unescape(re.sub(r"<[^>]+>", "", "".join(parts)))
    text = data.decode()
    if output == "html":
        text = re.sub(r"(?s)<(script|style|annotation)\b.*?</\1>", " ", text)
    return html.unescape(re.sub(r"<[^>]+>", "", text)) if output in {"html", "jats"} else text


AGAIN = {
    "html": {"heading", "title"},  # in the contents, and in the page's own title
    "pdf": {"title"},  # on the second page's head
    "latex": {"title", "caption", "caption_math", "part"},  # in the file's own title, and in the alternative texts of figures
}


@pytest.mark.parametrize("output", ["html", "pdf", "latex", "docx", "jats"])
def test_a_value_is_shown_wherever_text_is(runner, output):
    data, _ = made(runner, output)
    text = text_of(output, data)
    found = {name: len(re.findall(rf"(?<![0-9]){value}(?![0-9])", text)) for name, value in VALUES.items()}
    twice = AGAIN.get(output, set())
    assert {name: count for name, count in found.items() if count != 1 and name not in twice} == {}
    assert all(found[name] for name in twice)
    assert LITERAL not in text


def codes(runner, text, **files):
    """Return the codes of what is wrong with a paper; nothing where it is rendered."""
    try:
        made(runner, "html", text, {**FILES, **files})
    except BuildError as error:
        return [found.code for found in error.diagnostics]
    return []


LOST = {
    "an image's alternative text": '![c](a.svg){alt="x [9]{val=t.text}"}',
    "the alternative text of an image by name": "![][x]\n\n[x]: a.svg '[9]{val=t.text}'",
    "an image's attribute": "![c](a.svg){val=t.text}",
    "a link's attribute": "[c](a.html){val=t.text}",
    "a link's title": '[c](a.html "T [9]{val=t.text}")',
    "a link's address": "[c](a-[9]{val=t.text}.html)",
    "a table's attribute": "| a |\n|---|\n| b |\n\n: Cap {val=t.text}",
    "a heading's attribute": "# Head {val=t.text}",
    "a heading of nothing else": "# []{val=t.text}",
    "a heading's automatic id": "# Head [91]{val=t.text}",
    "a division's attribute": "::: {val=t.text}\nx\n:::",
    "an exclamation mark": "Done![9]{val=t.text}",
    "two brackets": "[a][b]{val=t.text}",
    "a citation before": "[@knuth1984][9]{val=t.text}",
    "no quotes around a space": "[9]{val=t.text + 1}",
    "spaces around =": '[9]{val = "t.text"}',
    "curly quotes": "[9]{val=\u201ct.text + 1\u201d}",
    "a bare bar in a pipe table": '| a | b |\n|---|---|\n| [9]{val="t.text|abs"} | x |',
    "a dollar before": "costs $5 and [3]{val=t.text:$}",
    "a dollar and a space": "$ \\val{t.text}$",
    "a digit behind": "$\\val{t.text}$5",
    "no mathematics": "Text \\val{t.text}.",
    "raw TeX": "\\textbf{[9]{val=t.text}}",
    "a raw block of TeX": "```{=latex}\n[9]{val=t.text}\n\\val{t.text}\n```\n\nSee [9]{val=t.nothing}.",
    "raw HTML": '<div title="[9]{val=t.text}">x</div>\n\nSee [9]{val=t.nothing}.',
    "a column's edge of a simple table": "a             b\n------------  ---\n[9]{val=t.text}  x\n",
    "YAML without quotes": "---\ntitle: [91]{val=t.text} x\n---\n\nText.",
    "a comment of YAML": "---\ntitle: x # [91]{val=t.text}\n---\n\nText.",
    "a blank line inside": '[9]{val="t.text\n\n+ 1"}',
    "a figure with a letter behind its suffix": "![c](a.svg){#fig:roc}\n\nSee @fig:roc.svg.",
}


@pytest.mark.parametrize("text", LOST.values(), ids=LOST)
def test_a_reference_where_none_can_be_is_never_lost(runner, text):
    assert codes(runner, f"{text}\n")


def test_a_reference_in_a_bibliography_is_never_lost(runner):
    text = "---\nbibliography: refs.bib\n---\n\nSee [@knuth1984].\n"
    for title in ("The [9]{val=t.text} book", "The {[9]{val=t.text}} book", "The $\\val{t.text}$ book"):
        entry = f"@book{{knuth1984, author={{Donald E. Knuth}}, title={{{title}}}, year={{1984}}, publisher={{AW}}}}"
        assert codes(runner, text, **{"refs.bib": entry.encode()}) == ["PB256"]
    data, _ = made(runner, "html", text, {**FILES, "refs.bib": entry.replace("\\val{t.text}", "x").encode()})
    assert b"Knuth" in data


FINE = {
    "an equation's id behind it": ("$$x$$ {#eq:x}\n\nSee @eq:x.", "Equation (1)"),
    "a figure at the end of a sentence": ("![c](a.svg){#fig:roc}\n\nSee @fig:roc.", "Figure 1."),
    "a macro": ("\\newcommand{\\acc}{\\val{t.text}}\n\nIt is $\\acc$.", str(VALUES["text"])),
    "a percent sign in mathematics": ("It is $\\val{t.text / 100000:.1\\%}$.", "70.6"),
    "a bar in mathematics": ("It is $\\val{t.text \\| abs}$.", str(VALUES["text"])),
    "an empty literal": ("It is []{val=t.text}.", str(VALUES["text"])),
    "code": ("`[9]{val=t.nothing}` and [9]{val=t.text}", "[9]{val=t.nothing}"),
    "a comment": ("<!-- [9]{val=t.nothing} -->\n\nIt is [9]{val=t.text}.", str(VALUES["text"])),
}


@pytest.mark.parametrize(("text", "shown"), FINE.values(), ids=FINE)
def test_what_looks_like_a_slip_and_is_read_well_is_shown(runner, text, shown):
    data, _ = made(runner, "html", f"{text}\n")
    assert shown in " ".join(text_of("html", data).split()).replace("\u00a0", " ")


@pytest.mark.parametrize(
    "text",
    [
        "![Caption [9]{val=t.nothing}.](a.svg){#fig:a}",
        "See [@knuth1984, p. [9]{val=t.nothing}].",
        "Note[^n].\n\n[^n]: [9]{val=t.nothing}",
        "# Head [9]{val=t.nothing} {#sec:a}",
        "---\ntitle: 'A [9]{val=t.nothing}'\n---\n\nText.",
    ],
)
def test_what_stands_twice_in_the_tree_is_told_once(runner, text):
    with pytest.raises(BuildError) as caught:
        made(runner, "html", f"---\nbibliography: refs.bib\n---\n\n{text}\n" if not text.startswith("---") else text)
    (found,) = caught.value.diagnostics
    assert found.code == "PB212"
    assert found.span is not None
    assert found.span.text[found.span.column - 1 :].startswith("nothing")


def test_long_attributes_do_not_change_the_columns_of_a_table(runner):
    long = " + 0" * 60
    table = f'| a | b |\n|---|---|\n| [9]{{val="t.text{long}"}} | x |\n'
    data, _ = made(runner, "html", table)
    plain, _ = made(runner, "html", "| a | b |\n|---|---|\n| [9]{val=t.text} | x |\n")
    columns = [re.findall(r"<col\b[^>]*>|<t[hd]\b[^>]*>", page.decode()) for page in (data, plain)]
    assert columns[0] == columns[1]


PROFILED = {
    "html": "Gebaut mit dem Profil „quick“",
    "pdf": "Gebaut mit dem Profil „quick“",
    "latex": "Gebaut mit dem Profil „quick“",
    "docx": "Gebaut mit dem Profil „quick“",
    "jats": "Gebaut mit dem Profil „quick“",
}


@pytest.mark.parametrize("output", PROFILED)
def test_a_document_that_was_built_with_a_profile_says_so_on_its_face(runner, output):
    data, _ = made(runner, output, "---\ntitle: A title\nlang: de\n---\n\nText.\n", profile="quick")
    text = " ".join(text_of(output, data).split())
    assert text.count(PROFILED[output]) == 1
    other, _ = made(runner, output, "---\ntitle: A title\nlang: de\n---\n\nText.\n")
    assert "Profil" not in text_of(output, other)


@pytest.mark.parametrize("template", ["article", "twocolumn", "preprint", "joss", "report"])
def test_every_template_shows_the_profile_in_page_pdf_and_latex(runner, template):
    for output in ("html", "pdf", "latex"):
        data, _ = made(runner, output, "---\ntitle: A title\n---\n\nText.\n", profile="quick", template=template)
        assert "Built with the profile “quick”" in " ".join(text_of(output, data).split())


SWEPT = Catalog(
    {
        "train": CatalogTarget(
            "train",
            tuple(
                Cell(f"train[lr={lr},seed={seed}]", (("lr", lr), ("seed", seed)), (("m", "m.json"),))
                for lr in (0.1, 0.2)
                for seed in (0, 1)
            ),
            ("lr", "seed"),
        ),
        "test-set": CatalogTarget("test-set", (Cell("test-set", (), (("a", "a.json"), ("b", "b.json"), ("curve", "c.svg"))),)),
    }
)
RESULTS = {
    "m.json": b'{"acc": 0.9, "on": true}',
    "a.json": b'{"acc": 0.5, "nan": NaN, "inf": -Infinity, "none": null, "name": "net", "zero": 0, "half": 0.5, "day": "2026-05-01"}',
    "b.json": b'{"acc": 0.6}',
    "a.svg": SVG,
}
FAULTS = {
    "an unknown target": ("trian.acc", "PB211", "trian", "did you mean train?"),
    "a target's name with its hyphen": ("test-set.half", "PB211", "test", "write test_set for the target test-set"),
    "an unknown key": ("test_set.nmae", "PB212", "nmae", "did you mean name?"),
    "an unknown key of a sweep": ("mean(train.ac):f", "PB212", "ac", "did you mean acc?"),
    "an unknown function": ("meen(train.acc):f", "PB217", "meen", "did you mean mean"),
    "an unknown filter": ("train.acc|meen:f", "PB217", "meen", "did you mean mean"),
    "an unknown cell": ("train.where(lr=0.3, seed=0).acc", "PB218", "train.where(lr=0.3, seed=0)", ""),
    "an unknown parameter": ("train.where(sed=0).acc", "PB218", "train.where(sed=0)", "did you mean seed?"),
    "a selector that leaves several cells": ("train.where(lr=0.1).acc:.1%", "PB221", ".1%", "choose one of the 2 cells"),
    "a sweep used as one value": ("train.acc", "PB223", "train.acc", "choose one of the 4 cells: train.where(lr=…, seed=…)"),
    "a sweep computed with": ("train.acc + 1:f", "PB214", "train.acc", "mean(…)"),
    "a key of two outputs": ("test_set.acc", "PB213", "acc", "test_set.a.acc or test_set.b.acc"),
    "a figure": ("test_set.curve.x", "PB219", "curve", ""),
    "a format for something else": ("test_set.name:.1f", "PB221", ".1f", ""),
    "a date's format for a number": ("test_set.half:%Y", "PB221", "%Y", "2026-05-01"),
    "a number's format for a date": ("test_set.day:.1f", "PB221", ".1f", ""),
    "a format that is none": ("test_set.half:10.2f", "PB220", "10.2f", "did you mean"),
    "NaN": ("test_set.nan:.1f", "PB221", ".1f", "mend the script"),
    "infinity": ("test_set.inf", "PB221", "test_set.inf", "mend the script"),
    "NaN in a mean": ("mean([test_set.nan, 1]):f", "PB216", "mean([test_set.nan, 1])", "mend the script"),
    "nothing": ("test_set.none", "PB223", "test_set.none", "is not none else"),
    "a division by zero": ("1 / test_set.zero:f", "PB216", "1 / test_set.zero", ""),
    "Python's insides": ("test_set.__class__", "PB212", "__class__", ""),
    "a call of Python": ("test_set.name.upper()", "PB217", "test_set.name.upper()", "where is the only method"),
    "a text of ten thousand million characters": ("'a' * 10**10", "PB214", "'a'", ""),
    "a power of powers": ("9**9**9", "PB210", "9**9**9", "parentheses"),
}


@pytest.mark.parametrize(("text", "code", "part", "mend"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_a_reference_is_told_at_its_place_in_the_paper(text, code, part, mend):
    runner = DocumentRunner(SWEPT)
    try:
        with pytest.raises(BuildError) as caught:
            made(runner, "html", f'A sentence with a *number*\nof [9]{{val="{text}"}} in it.\n', RESULTS)
    finally:
        runner.close()
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert found.span.line == 2
    assert found.span.text[found.span.column - 1 :].startswith(part)
    assert found.span.length == len(part)
    assert mend in " ".join(found.help)
