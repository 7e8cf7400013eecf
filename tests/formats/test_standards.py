"""PDF standards on request: what conforms says so in its metadata, what lacks something is told where."""

import io
import re

import pypdf
import pytest

from paperbuild.errors import BuildError
from paperbuild.paper.manifest import pdf_fault

from .project import FILES, SVG, render

HEAD = "---\ntitle: T\n---\n\n"


def claimed(data):
    """Return what the PDF says of itself."""
    metadata = pypdf.PdfReader(io.BytesIO(data)).trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    found = re.findall(r"<(pdfaid:part|pdfaid:conformance|pdfuaid:part)>(.*?)</", metadata)
    return dict(found)


def pdf(runner, standards, text=None, files=FILES):
    return render(runner, "pdf", text, files, **{"pdf-standard": standards}).outputs["pdf"]


def lacks(runner, text, standards="ua-1"):
    with pytest.raises(BuildError) as caught:
        pdf(runner, standards, text)
    return [(fault.code, fault.message, fault.span and (fault.span.line, fault.span.column)) for fault in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("standards", "expected"),
    [
        ("ua-1", {"pdfuaid:part": "1"}),
        ("a-2b", {"pdfaid:part": "2", "pdfaid:conformance": "B"}),
        ("a-3b", {"pdfaid:part": "3", "pdfaid:conformance": "B"}),
        ("a-2a ua-1", {"pdfaid:part": "2", "pdfaid:conformance": "A", "pdfuaid:part": "1"}),
    ],
)
def test_a_pdf_claims_the_standards_that_were_asked_for(runner, standards, expected):
    assert claimed(pdf(runner, standards)) == expected


def test_a_pdf_figure_keeps_no_paper_from_conforming(runner):
    from paperbuild.render.typst import Typesetter

    figure = Typesetter().drawn(SVG, "svg", "pdf", 1.0)
    text = HEAD + "![A figure.](figures/x.pdf)\n"
    data = pdf(runner, "a-2b ua-1", text, {**FILES, "figures/x.pdf": figure})
    assert claimed(data)["pdfaid:part"] == "2"


def test_a_picture_without_words_is_told_at_its_place(runner):
    text = HEAD + "Words ![](figures/one.svg) here.\n\n![](figures/two.svg)\n\n![](figures/one.svg){alt='A square'}\n"
    message = "this picture has no alternative text"
    assert lacks(runner, text) == [("PB514", message, (5, 11)), ("PB514", message, (7, 5))]
    assert lacks(runner, text, "a-2a") == lacks(runner, text)
    assert claimed(pdf(runner, "a-2b", text))["pdfaid:conformance"] == "B"  # which asks for no words


def test_a_paper_without_title_is_told(runner):
    assert lacks(runner, "Words.\n") == [("PB514", "the paper has no title", (1, 1))]


def test_a_heading_that_skips_a_level_is_told_at_its_place(runner):
    text = HEAD + "# One\n\n### Three levels down\n"
    assert lacks(runner, text) == [("PB514", "a heading of level 3 follows a heading of level 1", (7, 5))]


def test_without_request_nothing_is_asked_for(runner):
    assert render(runner, "pdf", "![](figures/one.svg)\n").outputs["pdf"].startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("engine", "standards", "said"),
    [
        ("", ("a-2b", "ua-1"), None),
        ("latex", (), None),
        ("", ("a-2c",), "there is no PDF standard a-2c"),
        ("", ("a-2b", "a-3b"), "no PDF is both a-2b and a-3b"),
        ("", ("ua-1", "a-4"), "no PDF is both a-4 and ua-1"),
        ("latex", ("ua-1",), "the LaTeX engine makes PDF without standards"),
        ("lualatex", (), "there is no PDF engine lualatex"),
    ],
)
def test_what_cannot_be_asked_for(engine, standards, said):
    found = pdf_fault(engine, standards)
    assert (found and found.message) == said
