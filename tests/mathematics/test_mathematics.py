"""Every formula of the corpus: converted, with the structure that somebody has judged right, and taken by typst."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Request
from tests.formats.tex import needs_latex
from tests.mathematics.corpus import FORMATS, load, save, structure
from tests.mathematics.drawing import accepted, converted, difference, drawn, mathml

FORMULAS = load()
_AT_LEAST = 400
_SHARE = 0.98
_SEEN = 28  # of 255, blurred: a twentieth of an em more space makes 16, another letter 43 and more


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


@pytest.fixture(scope="module")
def pages(worker):
    return converted(worker, [formula.markdown for formula in FORMULAS], "html")


def test_there_are_enough_formulas_and_none_stands_there_twice():
    assert len({(formula.tex, formula.display) for formula in FORMULAS}) == len(FORMULAS) >= _AT_LEAST


@pytest.mark.parametrize("where", FORMATS)
def test_all_but_two_in_a_hundred_formulas_look_as_tex_sets_them(where):
    right = sum(formula.is_right(where) for formula in FORMULAS)
    assert right >= _SHARE * len(FORMULAS)


def test_what_is_known_to_look_otherwise_says_where_and_how():
    for formula in FORMULAS:
        where, _, how = formula.known.partition(": ")
        assert set(where.split()) <= set(FORMATS), formula.place
        assert bool(where) == bool(how), formula.place


def test_every_formula_becomes_mathml_of_the_structure_that_it_should(pages):
    parts, problems = pages
    assert problems == []
    now = [replace(f, expected=" ".join(map(structure, mathml(part)))) for f, part in zip(FORMULAS, parts, strict=True)]
    if os.environ.get("PAPERBUILD_UPDATE"):
        save(now)
    changed = {new.place: (new.expected, old.expected) for new, old in zip(now, FORMULAS, strict=True) if new.expected != old.expected}
    assert changed == {}


def test_every_formula_becomes_typst_that_looks_as_in_the_picture_that_was_accepted(worker):
    code, problems = converted(worker, [formula.markdown for formula in FORMULAS], "typst")
    assert problems == []
    before = {chapter: accepted(chapter) for chapter in {formula.chapter for formula in FORMULAS}}
    changed = []
    for formula, picture in zip(FORMULAS, drawn(code), strict=True):
        old = before[formula.chapter].get(f"{formula.display:d} {formula.tex}")
        if old is None or difference(old, picture) > _SEEN:
            changed.append(f"{formula.place}: {formula.tex}")
    assert changed == []


def test_every_formula_becomes_mathml_of_jats(worker):
    parts, problems = converted(worker, [formula.markdown for formula in FORMULAS], "jats")
    assert problems == []
    assert [formula.tex for formula, part in zip(FORMULAS, parts, strict=True) if "<mml:math" not in part] == []


# What LaTeX itself refuses: three columns of cases, a definition that belongs into the head of a paper.
_NOT_LATEX = (r"\begin{cases} a & b & c", r"\DeclarePairedDelimiter")


@needs_latex
@pytest.mark.parametrize("fonts", [True, False], ids=["alphabets", "everything else"])
def test_every_formula_becomes_tex_that_latex_takes(worker, tmp_path, fonts):
    formulas = [f for f in FORMULAS if (f.chapter in {"fonts", "color"}) == fonts and not f.tex.startswith(_NOT_LATEX)]
    written = [worker.write(Request(formula.markdown + "\n", "latex")) for formula in formulas]
    packages = sorted({package for part in written for package in part.packages} | {"amsmath", "amssymb", "xcolor"})
    head = "".join(rf"\IfFileExists{{{name}.sty}}{{\usepackage{{{name}}}}}{{}}" for name in packages)
    stand_in = r"\providecommand{\mathbbm}{\mathbf}\providecommand{\mathds}{\mathbf}\newcommand{\fitteddisplay}[1]{#1}"
    body = "\n\\clearpage\n".join(part.body for part in written)
    (tmp_path / "all.tex").write_text(
        rf"\documentclass{{article}}{head}{stand_in}\begin{{document}}" + f"\n{body}\n\\end{{document}}\n", encoding="utf-8"
    )
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "all.tex"], cwd=tmp_path, capture_output=True, check=False)
    log = (tmp_path / "all.log").read_text(errors="replace")
    assert re.findall(r"^! .*\n(?:.*\n){0,6}?l\.\d+.*$", log, re.MULTILINE) == []
    assert "Output written" in log
