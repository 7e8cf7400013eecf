"""Formats of more than one file, written into a real project."""

import pytest

from paperbuild.cli.main import main

from .project import SVG

PAPER = "---\ntitle: T\n---\n\n![One.](one.svg){#fig:one}\n\n![Two.](two.svg){#fig:two}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "paper.md").write_text(PAPER)
    for name in ("one.svg", "two.svg"):
        (tmp_path / name).write_bytes(SVG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def built(folder):
    return sorted(str(path.relative_to(folder / "_build")) for path in (folder / "_build").rglob("*") if path.is_file())


def render(*words):
    return main(["render", "-q", "paper.md", *words])


def test_pictures_lie_beside_the_document_and_go_with_it(project, capsys):
    assert render("--to", "latex,jats") == 0
    assert capsys.readouterr().out.split() == ["_build/paper.tex", "_build/paper.xml"]
    pictures = ["paper-figures/one.pdf", "paper-figures/two.pdf", "paper-media/one.svg", "paper-media/two.svg"]
    assert built(project) == [*pictures, "paper.tex", "paper.xml", "provenance.json"]
    (project / "paper.md").write_text(PAPER.replace("![Two.](two.svg){#fig:two}\n", ""))
    assert render("--to", "latex") == 0
    assert [name for name in built(project) if "figures" in name] == ["paper-figures/one.pdf"]


def test_what_tex_leaves_beside_the_source_is_nobodys_concern(project, capsys):
    assert render("--to", "latex") == 0
    (project / "_build" / "paper.aux").write_text("TeX was here")
    (project / "paper.md").write_text(PAPER + "\nMore.\n")
    assert render("--to", "latex") == 0
    assert "More." in (project / "_build" / "paper.tex").read_text()


def test_a_source_that_somebody_edited_is_not_overwritten(project, capsys):
    assert render("--to", "latex") == 0
    (project / "_build" / "paper.tex").write_text("mine")
    (project / "paper.md").write_text(PAPER + "\nMore.\n")
    assert render("--to", "latex") == 1
    assert "PB420" in capsys.readouterr().err
    assert (project / "_build" / "paper.tex").read_text() == "mine"


def test_options_of_the_pdf_concern_no_other_format(project, capsys):
    assert render("--to", "html,docx") == 0
    times = {name: (project / "_build" / name).stat().st_mtime_ns for name in ("paper.html", "paper.docx")}
    assert render("--to", "html,docx,pdf", "--pdf-standard", "a-2b") == 0
    assert {name: (project / "_build" / name).stat().st_mtime_ns for name in times} == times
