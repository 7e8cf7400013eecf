"""The style that figures are drawn in."""

from __future__ import annotations

from pathlib import Path

from paperbuild.cli.style import style_variables
from paperbuild.paper.manifest import parse_manifest


def document(text: str = ""):
    return parse_manifest(f'[paper]\nsource = "paper.md"\n{text}'.encode()).documents[0]


def test_one_column_takes_the_templates_own_file(tmp_path: Path):
    (variable,) = style_variables(str(tmp_path), document(), writes=True)
    assert "figure.figsize: 5.0" in Path(variable.value).read_text()
    assert list(tmp_path.iterdir()) == []


def test_two_columns_make_figures_as_wide_as_one_of_them(tmp_path: Path):
    (variable,) = style_variables(str(tmp_path), document("columns = 2"), writes=True)
    assert "figure.figsize: 3.33" in Path(variable.value).read_text()
    assert variable.counted != style_variables(str(tmp_path), document(), writes=True)[0].counted


def test_a_question_writes_nothing(tmp_path: Path):
    (asked,) = style_variables(str(tmp_path), document("columns = 2"), writes=False)
    assert list(tmp_path.iterdir()) == []
    assert asked == style_variables(str(tmp_path), document("columns = 2"), writes=True)[0]


def test_a_template_with_two_columns_needs_no_telling(tmp_path: Path):
    (variable,) = style_variables(str(tmp_path), document('template = "twocolumn"'), writes=True)
    assert "figure.figsize: 3.5, 2.10" in Path(variable.value).read_text()


def test_a_projects_own_style_comes_before_that_of_its_base(tmp_path: Path):
    own = tmp_path / "templates" / "lab"
    own.mkdir(parents=True)
    (own / "template.toml").write_text('name = "lab"\nbase = "article"\n')
    (own / "matplotlibrc").write_text("lines.linewidth: 3\n")
    (variable,) = style_variables(str(tmp_path), document('template = "lab"'), writes=True)
    style = Path(variable.value).read_text()
    assert "lines.linewidth: 3\n" in style
    assert "lines.linewidth: 1.3" not in style
    assert "svg.hashsalt: paperbuild" in style


def test_a_file_of_the_project_replaces_that_of_the_template_of_the_same_name(tmp_path: Path):
    own = tmp_path / "templates" / "article" / "matplotlibrc"
    own.parent.mkdir(parents=True)
    own.write_text("figure.figsize: 4, 2\nlines.linewidth: 3\n")
    (variable,) = style_variables(str(tmp_path), document(), writes=True)
    assert Path(variable.value).read_text() == "figure.figsize: 5, 2.50\nlines.linewidth: 3\n#: text-width 5\n"


def test_a_template_that_there_is_not_is_told_by_its_document_and_not_here(tmp_path: Path):
    assert style_variables(str(tmp_path), document('template = "articel"'), writes=True) == ()
