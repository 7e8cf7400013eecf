"""The LaTeX form of each template: complete, and compiled by a TeX where one is installed."""

from __future__ import annotations

import re

import pytest

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.paper.catalog import Catalog
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.templates import TemplateFinder
from tests.example import Folder
from tests.typesetting.test_templates import PAPERS

from .tex import compiled, needs_latex

FACTS = {"doi": "10.21105/joss.1", "repository": "https://example.org/a_b", "institution": "Laboratory & Sons", "journal": "Letters"}


@pytest.fixture(scope="module")
def sources():
    runner = DocumentRunner(Catalog({}))
    found = {}
    for template in TemplateFinder().names():
        known = dict(TemplateFinder().find(template, Folder(PAPERS)).settings.options)
        facts = tuple((name, value) for name, value in FACTS.items() if name in known)
        config = tuple(sorted((("format", "latex"), ("sources", "short/paper.md"), ("template", template), *facts)))
        outputs = (Output("latex", "_build/paper.tex"), Output("figures", "_build/paper-figures/"))
        found[template] = runner.run(
            Action("paper.latex", "paper", Step("document", config), outputs, inputs=("short/paper.md",)), Folder(PAPERS)
        )
    runner.close()
    return {template: result.outputs for template, result in found.items()}


def test_each_template_has_a_form_of_its_own(sources):
    texts = {template: made["latex"].decode() for template, made in sources.items()}
    assert len({re.sub(r"\\begin\{document\}.*", "", text, flags=re.DOTALL) for text in texts.values()}) == 5
    assert "twocolumn" in texts["twocolumn"]
    assert "columnsep=0.16in" in texts["twocolumn"]
    assert "\\linenumbers" in texts["preprint"]
    assert "\\sfdefault" in texts["joss"]
    assert r"\href{https://doi.org/10.21105/joss.1}" in texts["joss"]
    assert "Laboratory \\& Sons" in texts["report"]


@needs_latex
@pytest.mark.parametrize("template", TemplateFinder().names())
def test_each_form_compiles(sources, template, tmp_path):
    text, log = compiled(tmp_path, sources[template])
    assert "A book that is read twice" in text
    assert "There were undefined references" not in log
