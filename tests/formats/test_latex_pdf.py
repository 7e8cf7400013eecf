"""The PDF by an installed LaTeX."""

import contextlib
import io

import pypdf
import pytest

from paperbuild.errors import BuildError
from paperbuild.render import tex
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.marks import Generated

from .project import EMPTY, render
from .tex import needs_latex, needs_lualatex


def pdf(runner, text=None, **options):
    return render(runner, "pdf", text, **{"pdf-engine": "latex"}, **options).outputs["pdf"]


def words(data):
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).split())


def fault(runner, text):
    with pytest.raises(BuildError) as caught:
        pdf(runner, text)
    (found,) = caught.value.diagnostics
    return found


@needs_latex
def test_tex_makes_the_pdf_and_two_renders_are_byte_identical(runner):
    data = pdf(runner)
    assert "Figure 1. A caption" in words(data)
    assert "pdfTeX" in str(pypdf.PdfReader(io.BytesIO(data)).metadata.producer)
    other = DocumentRunner(EMPTY)
    try:
        assert pdf(other) == data
    finally:
        other.close()


@needs_lualatex
def test_letters_that_pdftex_lacks_are_set_by_luatex_with_equal_bytes(runner):
    text = "---\ntitle: T\n---\n\nNguyễn and Ấu.\n"
    data = pdf(runner, text)
    assert "Nguyễn" in words(data)
    assert pdf(runner, text) == data


@needs_lualatex
def test_a_character_that_no_font_has_is_told_at_its_place(runner):
    found = fault(runner, "---\ntitle: T\n---\n\nThis is 好.\n")
    assert (found.code, found.span.line, found.span.column) == ("PB512", 5, 9)


def refusal(body, **more):
    source = "\\documentclass{article}\n\\begin{document}\n" + body + "\n\\end{document}\n"
    with pytest.raises(BuildError) as caught:
        tex.tex_pdf(tex.TexJob(source, {}, **more))
    (found,) = caught.value.diagnostics
    return found


@needs_latex
def test_what_tex_stumbles_over_is_told_at_its_place(runner):
    found = fault(runner, "---\ntitle: T\n---\n\nWords and $\\frobnicate{x}$.\n")
    assert (found.code, found.message) == ("PB516", "LaTeX: Undefined control sequence")
    assert (found.span.line, found.span.column, found.span.length) == (5, 12, 11)
    assert found.help == ("define \\frobnicate, or load the package that has it in the template's LaTeX form",)


@needs_latex
def test_the_marks_around_a_fault_are_told_with_it():
    asked = []
    refusal("Fine.\n% pb:12\n\\begin{itemize}\nWrong \\frob.\n\\end{itemize}\n% pb:80", place=asked.append)
    assert asked == [Generated("Wrong \\frob.", 6, 12, 80)]


@needs_latex
def test_a_package_that_is_not_there_is_named():
    found = refusal("\\input{nowhere-to-be-found.tex}")
    assert (found.code, found.message) == ("PB515", "LaTeX lacks nowhere-to-be-found.tex")


@needs_latex
@pytest.mark.parametrize("code", ["\\input{/etc/hostname}", "\\newwrite\\f \\immediate\\openout\\f=/tmp/paperbuild-wrote.tex"])
def test_tex_reads_and_writes_no_file_elsewhere(code):
    assert refusal(code).code in {"PB515", "PB516"}


@needs_latex
def test_tex_runs_no_program(tmp_path):
    mark = tmp_path / "ran"
    with contextlib.suppress(BuildError):
        tex.tex_pdf(tex.TexJob(f"\\documentclass{{article}}\\begin{{document}}x\\immediate\\write18{{touch {mark}}}\\end{{document}}", {}))
    assert not mark.exists()


def test_without_tex_it_is_told_what_to_install(runner, monkeypatch):
    monkeypatch.setattr(tex.shutil, "which", lambda name: None)
    found = fault(runner, "Words.\n")
    assert (found.code, found.message) == ("PB515", "no LaTeX is installed: there is no latexmk, and no tectonic")
    assert any("apt install latexmk" in line for line in found.help)
    assert tex.tex_version() == ""


@needs_latex
def test_a_run_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(tex, "TIME_LIMIT_S", 3.0)
    assert refusal("\\loop\\iftrue\\repeat").message == "TeX was at it for more than 3 s"
