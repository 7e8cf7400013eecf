"""Word documents, read as the archives of XML that they are."""

import io
import re
import zipfile
from xml.etree import ElementTree as ET

import pytest

from .project import FILES, render
from .reference_docx import PLACE, members

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"


def opened(runner, *arguments, **options):
    return opened_bytes(render(runner, "docx", *arguments, **options).outputs["docx"])


def opened_bytes(made):
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def parts(runner):
    return opened(runner)


@pytest.fixture(scope="module")
def paragraphs(parts):
    """Each paragraph's style and text, formulas by their signs."""
    return styled(parts)


def styled(parts):
    found = []
    for paragraph in ET.fromstring(parts["word/document.xml"]).iter(f"{W}p"):
        style = paragraph.find(f"{W}pPr/{W}pStyle")
        text = "".join(node.text or "" for node in paragraph.iter() if node.tag in (f"{W}t", f"{M}t"))
        found.append(("" if style is None else style.get(f"{W}val"), text.replace("\u00a0", " ")))
    return found


def test_every_part_of_the_archive_is_xml(parts):
    for name, data in parts.items():
        if name.endswith((".xml", ".rels")):
            ET.fromstring(data)


def test_numbers_stand_in_words(paragraphs):
    for expected in (
        ("ImageCaption", "Figure 1. A caption with \u03b1 and a note."),
        ("ImageCaption", "Figure 2. Two of them."),
        ("SubfigureCaption", "(b) Two"),
        ("TableCaption", "Table 1. Values."),
        ("EquationNumber", "(1)"),
        ("EquationNumber", "(2)(3)"),
        ("Theorem", "Theorem 1 (Big). Nothing is lost."),
        ("Heading2", "1.1\u2002More"),
        ("Heading1", "Appendix A\u2002Extra"),
    ):
        assert expected in paragraphs
    (said,) = (text for _, text in paragraphs if text.startswith("See "))
    assert said.startswith("See Figure 1, Figure 2b, Table 1, Equation (1), Theorem 1 and Section 1.1;")


def test_every_link_inside_leads_to_a_bookmark(parts):
    document = parts["word/document.xml"].decode()
    anchors = set(re.findall(r'<w:hyperlink w:anchor="([^"]+)"', document))
    assert anchors >= {"fig:a", "fig:p-b", "tbl:t", "eq:e", "thm:t", "sec:more", "ref-knuth1984"}
    assert anchors <= set(re.findall(r'<w:bookmarkStart [^>]*w:name="([^"]+)"', document))


def test_the_front_matter_is_what_other_formats_show(paragraphs):
    assert paragraphs[:9] == [
        ("Title", "Numbers & their places"),
        ("Author", "Ada Lovelace1,2,*, Łukasz Ćwik2"),
        ("Affiliation", "1Engine Laboratory"),
        ("Affiliation", "2Institute for A & B"),
        ("Affiliation", "* ada@example.org"),
        ("Date", "2026-11-01"),
        ("AbstractTitle", "Abstract"),
        ("Abstract", "We reach 100 % of x2 (Knuth 1984)."),
        ("Keywords", "Keywords: one & two, three"),
    ]


def test_formulas_are_words_own(parts):
    root = ET.fromstring(parts["word/document.xml"])
    assert len(list(root.iter(f"{M}oMath"))) == 5
    assert len(list(root.iter(f"{M}oMathPara"))) == 2


def test_a_formula_that_cannot_be_converted_is_an_error(runner):
    from paperbuild.errors import BuildError

    with pytest.raises(BuildError) as caught:
        render(runner, "docx", "Then $\\frobnicate$.\n")
    assert [(fault.code, fault.span.line) for fault in caught.value.diagnostics] == [("PB550", 1)]


def test_pictures_are_png_of_their_own_size_with_words_for_those_who_listen(parts):
    pictures = [data for name, data in parts.items() if name.startswith("word/media/")]
    assert len(pictures) == 3
    assert all(data.startswith(b"\x89PNG") for data in pictures)
    document = parts["word/document.xml"].decode()
    extents = [(int(x), int(y)) for x, y in re.findall(r'<wp:extent cx="(\d+)" cy="(\d+)"', document)]
    assert all(abs(x / y - 1.5) < 0.02 for x, y in extents)
    assert 'descr="One"' in document


def test_notes_are_notes(parts):
    text = parts["word/footnotes.xml"].decode()
    for words in ("A note on the title.", "A footnote with", "In a caption."):
        assert words in text


def test_the_properties_say_who_wrote_it_and_no_time_of_day(parts):
    core = parts["docProps/core.xml"].decode()
    assert "<dc:title>Numbers &amp; their places</dc:title><dc:creator>Ada Lovelace; Łukasz Ćwik</dc:creator>" in core
    assert "2026-11-01T00:00:00Z" in core


def test_an_equation_between_words_parts_its_paragraph(runner):
    text = "Let $$a = b$$ {#eq:a} and $$c$$ {#eq:b} hold.\n"
    shown = [text for _, text in styled(opened(runner, text))]
    assert [line for line in shown if line] == ["Let ", "a=b", "(1)", "and ", "c", "(2)", "hold."]


def test_styles_can_be_a_projects_own(runner):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members().items():
            archive.writestr(name, data.replace(b"Times New Roman", b"Palatino") if name == "word/styles.xml" else data)
    files = {**FILES, "templates/article/reference.docx": out.getvalue()}
    assert b"Palatino" in opened(runner, None, files)["word/styles.xml"]


def test_the_reference_document_is_what_its_script_makes():
    with zipfile.ZipFile(PLACE) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members()


def test_notes_of_a_table_have_a_style_of_their_own(runner):
    text = "| A | B |\n|---|---|\n| a | b |\n\n: T. {#tbl:t}\n\n::: table-notes\nBeware.\n:::\n"
    assert ("TableNote", "Beware.") in styled(opened(runner, text))
