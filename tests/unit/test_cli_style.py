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


def test_a_projects_own_style_comes_first(tmp_path: Path):
    own = tmp_path / "templates" / "article" / "matplotlibrc"
    own.parent.mkdir(parents=True)
    own.write_text("lines.linewidth: 3\n")
    assert style_variables(str(tmp_path), document(), writes=True)[0].value == str(own)
