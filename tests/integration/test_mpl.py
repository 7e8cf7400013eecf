"""``paperbuild.mpl``: figures as wide as the template's columns, in its font, with equal bytes; in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DRAW = """
import json, sys
import paperbuild.mpl
light = "matplotlib" not in sys.modules and "paperbuild.render.templates" not in sys.modules
paperbuild.mpl.use({template!r}{more})
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 2, 3], label=r"$\\alpha_i^2 \\leq \\mathbf{{x}}$")
axes.set(xlabel="time (s)", ylabel="Größe")
axes.legend()
for kind in {kinds}:
    figure.savefig(f"figure.{{kind}}")
size = [float(side) for side in figure.get_size_inches()]
print(json.dumps([light, size, matplotlib.rcParams["font.size"], axes.xaxis.label.get_fontname()]))
"""


def draw(folder: Path, template: str | None, more: str = "", *, kinds: tuple[str, ...] = ("svg",), **environment: str) -> list[object]:
    """Draw a figure; return whether the import was light, the figure's size, the size of its type and its font."""
    folder.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in ("MATPLOTLIBRC", "SOURCE_DATE_EPOCH")}
    done = subprocess.run(
        [sys.executable, "-c", DRAW.format(template=template, more=more, kinds=kinds)],
        cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "findfont" not in done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("template", "size", "points", "font"),
    [
        ("article", [5.0, 3.0], 9.0, "Libertinus Serif"),
        ("twocolumn", [3.5, 2.1], 8.0, "TeX Gyre Termes"),
        ("joss", [4.7, 2.82], 8.0, "Paper Sans"),
    ],
)
def test_figures_fill_a_column_in_the_papers_own_font_with_equal_bytes(tmp_path: Path, template, size, points, font):
    kinds = ("svg", "pdf", "png")
    assert draw(tmp_path / "one", template, kinds=kinds) == [True, size, points, font]
    assert draw(tmp_path / "two", template, kinds=kinds) == [True, size, points, font]
    for name in map("figure.{}".format, kinds):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert b"1980-01-01" in (tmp_path / "one" / "figure.svg").read_bytes()


def test_a_running_target_draws_in_the_style_that_it_was_given(tmp_path: Path):
    given = tmp_path / "matplotlibrc"
    given.write_text("#: font Paper Sans\n#: text-width 6.5\nfigure.figsize: 3, 1.5\nfont.size: 7\n")
    assert draw(tmp_path / "here", None, MATPLOTLIBRC=str(given))[1:] == [[3.0, 1.5], 7.0, "Paper Sans"]
    assert draw(tmp_path / "here", None, ", columns=2", MATPLOTLIBRC=str(given))[1] == [6.5, 3.25]
    assert draw(tmp_path / "here", None)[1:] == [[5.0, 3.0], 9.0, "Libertinus Serif"]


def test_a_templates_of_the_project_comes_first(tmp_path: Path):
    own = tmp_path / "templates" / "lab"
    own.mkdir(parents=True)
    (own / "template.toml").write_text('name = "lab"\nbase = "article"\n[column-width]\n1 = 4.0\n')
    assert draw(tmp_path, "lab")[1] == [4.0, 2.4]


def test_type_is_scaled_as_a_whole(tmp_path: Path):
    assert draw(tmp_path, "article", ", font_size=18")[2] == 18.0


def test_an_unknown_template_is_an_error_that_offers_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from paperbuild import mpl
    from paperbuild.errors import UsageError

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        mpl.figsize(template="articel")
    assert caught.value.diagnostics[0].help[0] == "did you mean article?"


def test_a_figure_is_as_wide_as_the_columns_that_it_spans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from paperbuild import mpl

    monkeypatch.chdir(tmp_path)
    assert mpl.figsize(template="twocolumn") == (3.5, 2.1)
    assert mpl.figsize(2, 0.25, template="twocolumn") == (7.16, 1.79)
    assert mpl.figsize(2, template="report") == mpl.figsize(template="report") == (5.2, 3.12)
