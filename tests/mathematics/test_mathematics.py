"""Every formula of the corpus: converted, with the structure that somebody has judged right, and taken by typst."""

from __future__ import annotations

import os

import pytest

from paperbuild.render.pandoc import PandocWorker
from tests.mathematics.corpus import Formula, load, save, structure
from tests.mathematics.drawing import accepted, converted, difference, drawn, mathml

FORMULAS = load()
_AT_LEAST = 400
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


def test_every_formula_becomes_mathml_of_the_structure_that_it_should(pages):
    parts, problems = pages
    assert problems == []
    now = [
        Formula(f.chapter, f.number, f.tex, f.display, " ".join(map(structure, mathml(part))))
        for f, part in zip(FORMULAS, parts, strict=True)
    ]
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
