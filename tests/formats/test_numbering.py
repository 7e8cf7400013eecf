"""A paper of thirty floats: captions, headings, formulas and references have the same numbers in every format."""

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pypdf
import pytest

from .project import SVG, render
from .test_docx import opened_bytes, styled
from .tex import compiled, needs_latex

PAPER = Path(__file__).parents[1] / "papers" / "numbering" / "paper.md"
CAPTIONS = {
    "one": "Figure 1", "two": "Figure 2", "three": "Figure 3", "pair": "Figure 4", "five": "Figure 5", "six": "Figure 6",
    "mfiga": "Figure 7", "mfigb": "Figure 8", "mfigc": "Figure 9", "mfigd": "Figure 10", "mfige": "Figure 11",
    "appended": "Figure 12", "eight": "Figure 13", "extra": "Figure S1", "extratwo": "Figure S2",
    "tone": "Table 1", "ttwo": "Table 2", "tthree": "Table 3", "mtbla": "Table 4", "mtblb": "Table 5",
    "mtblc": "Table 6", "mtbld": "Table 7", "tappended": "Table 8", "textra": "Table S1",
    "lone": "Listing 1", "ltwo": "Listing 2", "mlsta": "Listing 3", "mlstb": "Listing 4", "mlstc": "Listing 5", "lextra": "Listing S1",
}  # fmt: skip
PARTS = {"pone": "(a)", "ptwo": "(b)", "pthree": "(c)", "xone": "(a)", "xtwo": "(b)"}
EQUATIONS = {
    "one": "(1)", "two": "(2)", "starred": "(T1)", "three": "(3)", "lineone": "(4)", "linethree": "(5)", "subone": "(6a)",
    "subtwo": "(6b)", "appended": "(7)", "extra": "(S1)",
}  # fmt: skip
THEOREMS = {
    "thmone": "Theorem 1", "lemone": "Lemma 2", "thmtwo": "Theorem 3", "corappended": "Corollary 4", "lemextra": "Lemma S1",
}  # fmt: skip
HEADINGS = {
    "Opening": "1", "Deep": "1.1", "Deeper": "1.1.1", "Middle": "2", "Closing": "3", "Many": "4", "Proofs": "Appendix A",
    "Steps": "A.1", "More proofs": "Appendix B", "More of everything": "S1", "Data": "S1.1",
}  # fmt: skip
REFERENCES = {
    "early": "Figure 1, Table 1, Listing 1, Equation (1), Theorem 1 and Section 1.1.",
    "range": "Figures 1\N{EN DASH}3",
    "list": "Tables 1 and 3 and Figure 2",
    "parts": "Figures 4a\N{EN DASH}c and Figure 4b.",
    "equations": "Equations (1), (2), (T1), and (3)",
    "lines": "Equations (4) and (5), Equation (6) and (6b).",
    "lemmas": "Theorems 1 and 3 and Lemma 2",
    "sections": "Sections 1\N{EN DASH}3 and Section 1.1.1.",
    "bare": "2, (2) and Figures 1\N{EN DASH}3.",
    "late": "Appendix A, Appendix A.1 and Figure 12.",
    "later": "Table 8, Equation (7) and Corollary 4.",
    "beyond": "Section S1, Section S1.1, Figures S1 and S2 and Figure S2b.",
    "many": "Figures 7\N{EN DASH}11, Tables 4, 6, and 7 and Listings 3\N{EN DASH}5.",
    "last": "Table S1, Listing S1, Equation (S1) and Lemma S1.",
    "mixed": "Figures 6 and S1, Table 1, and Appendix A",
}


class Words(HTMLParser):
    """The text of a page, without its head."""

    def __init__(self):
        super().__init__()
        self.words, self.muted = [], 0

    def handle_starttag(self, tag, attrs):
        self.muted += tag in {"script", "style", "head"}
        self.words.append(" " if tag in {"p", "li", "figcaption", "caption", "div", "h1", "h2", "h3"} else "")

    def handle_endtag(self, tag):
        self.muted -= tag in {"script", "style", "head"}

    def handle_data(self, data):
        if not self.muted:
            self.words.append(data)


def printed(element):
    """Return the words of a JATS element as a journal prints them: a label before a caption, and behind a formula."""
    kind = element.tag.rpartition("}")[2]
    if kind in {"tex-math", "front"}:
        return ""
    pieces = [element.text or ""]
    for child in element:
        words, name = printed(child), child.tag.rpartition("}")[2]
        if name == "label" and kind in {"fig", "fig-group", "table-wrap", "boxed-text"} and not words.startswith("("):
            words += "."
        elif name == "title" and kind == "statement":
            words = f"({words})"
        pieces.append(f" {words} {child.tail or ''}" if name in {"label", "title", "p", "fig", "caption"} else words + (child.tail or ""))
    if kind == "disp-formula":
        label = element.find("label")
        return "".join(pieces).replace(f" {label.text} ", "", 1) + f" {label.text}" if label is not None else "".join(pieces)
    return "".join(pieces)


def text_of(output, result, folder):
    """Return the words of a document, with single spaces."""
    if output == "html":
        page = Words()
        page.feed(result.outputs["html"].decode())
        text = "".join(page.words)
    elif output == "docx":
        text = " ".join(text for _, text in styled(opened_bytes(result.outputs["docx"])))
    elif output == "jats":
        text = printed(ET.fromstring(result.outputs["jats"]))
    elif output == "latex":
        text, _ = compiled(folder, result.outputs)
    else:
        text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(result.outputs["pdf"])).pages)
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def numbers_in(text):
    """Return what is numbered how, and what each reference says."""
    number = r"(?:[A-Z]?\d+(?:\.\d+)*|[A-Z](?:\.\d+)*)"
    return {
        "captions": {name: called for called, name in re.findall(rf"((?:Figure|Table|Listing) {number})[.:] cap (\w+)", text)},
        "parts": {name: letter for letter, name in re.findall(r"(\([a-z]\)) part (\w+)", text)},
        "equations": dict(re.findall(r"eqn(\w+) ?= ?1 ?(\([^)]*\))", text)),
        "theorems": {name: called for called, name in re.findall(rf"([A-Z][a-z]+ {number}) \((\w+)\)", text)},
        "references": dict(re.findall(r"ref (\w+): (.*?) ?end\b", text)),
        "headings": {
            name: max(re.findall(rf"((?:Appendix )?{number}) {name}\b", text), key=len, default="") for name in HEADINGS
        },
    }  # fmt: skip


EXPECTED = {
    "captions": CAPTIONS, "parts": PARTS, "equations": EQUATIONS, "theorems": THEOREMS, "references": REFERENCES, "headings": HEADINGS,
}  # fmt: skip


def rendered(runner, output, folder, **options):
    result = render(runner, output, files={"paper.md": PAPER.read_bytes(), "one.svg": SVG}, **options)
    assert result.warnings == ()
    return numbers_in(text_of(output, result, folder))


OUTPUTS = ("pdf", "html", "docx", "jats", pytest.param("latex", marks=needs_latex))


@pytest.mark.parametrize("what", EXPECTED)
@pytest.mark.parametrize("output", OUTPUTS)
def test_numbers_and_references_are_the_same_in_every_format(numbers, output, what):
    found = numbers(output)[what]
    if what == "equations" and output in {"docx", "jats"}:  # whose formulas have their lines' numbers beside them all together
        assert {name: EQUATIONS[name] for name in found if not name.startswith(("line", "sub"))}.items() <= found.items()
    else:
        assert found == EXPECTED[what]


@pytest.fixture(scope="module")
def numbers(runner, tmp_path_factory):
    """Render each format once."""
    made = {}

    def ask(output):
        if output not in made:
            made[output] = rendered(runner, output, tmp_path_factory.mktemp(output))
        return made[output]

    return ask


@pytest.mark.parametrize("output", OUTPUTS)
def test_numbers_within_sections_are_the_same_in_every_format(runner, tmp_path, output):
    found = rendered(runner, output, tmp_path, **{"number-within": "section"})
    assert found["captions"] == {
        "one": "Figure 1.1", "two": "Figure 1.2", "three": "Figure 1.3", "pair": "Figure 2.1", "five": "Figure 2.2", "six": "Figure 2.3",
        "mfiga": "Figure 4.1", "mfigb": "Figure 4.2", "mfigc": "Figure 4.3", "mfigd": "Figure 4.4", "mfige": "Figure 4.5",
        "appended": "Figure A.1", "eight": "Figure B.1", "extra": "Figure S1.1", "extratwo": "Figure S1.2",
        "tone": "Table 1.1", "ttwo": "Table 2.1", "tthree": "Table 2.2", "mtbla": "Table 4.1", "mtblb": "Table 4.2",
        "mtblc": "Table 4.3", "mtbld": "Table 4.4", "tappended": "Table A.1", "textra": "Table S1.1",
        "lone": "Listing 1.1", "ltwo": "Listing 3.1", "mlsta": "Listing 4.1", "mlstb": "Listing 4.2", "mlstc": "Listing 4.3",
        "lextra": "Listing S1.1",
    }  # fmt: skip
    assert found["theorems"] == {
        "thmone": "Theorem 1.1", "lemone": "Lemma 2.1", "thmtwo": "Theorem 2.2", "corappended": "Corollary A.1", "lemextra": "Lemma S1.1",
    }  # fmt: skip
    assert found["equations"].items() >= {
        "one": "(1.1)", "two": "(1.2)", "starred": "(T1)", "three": "(2.1)", "appended": "(A.1)", "extra": "(S1.1)",
    }.items()  # fmt: skip
    assert found["references"]["range"] == "Figures 1.1\N{EN DASH}1.3"
    assert found["references"]["parts"] == "Figures 2.1a\N{EN DASH}c and Figure 2.1b."
    assert found["references"]["equations"] == "Equations (1.1), (1.2), (T1), and (2.1)"


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_whole_supplement_counts_with_an_s_in_every_format(runner, tmp_path, output):
    text = "---\nsupplement: true\n---\n\n# Deep {#sec:a}\n\nref all: @sec:a, @fig:b. end\n\n![cap one](one.svg){#fig:b}\n"
    found = numbers_in(text_of(output, render(runner, output, files={"paper.md": text.encode(), "one.svg": SVG}), tmp_path))
    assert found["captions"] == {"one": "Figure S1"}
    assert found["references"] == {"all": "Section S1, Figure S1."}


@pytest.mark.parametrize("output", OUTPUTS)
def test_captions_have_the_papers_names_in_every_format(runner, tmp_path, output):
    text = "---\nlang: sv\nfigureTitle: Bild\n---\n\n![cap one](one.svg){#fig:b}\n\n| a |\n|---|\n| 1 |\n\n: cap two {#tbl:t}\n"
    said = text_of(output, render(runner, output, files={"paper.md": text.encode(), "one.svg": SVG}), tmp_path)
    assert "Bild 1. cap one" in said
    assert "Tabell 1. cap two" in said
