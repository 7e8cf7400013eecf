"""The pages of all templates: notes beside the text where there is room for them, nothing wider than the window."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.paper.catalog import Catalog
from paperbuild.render.documents import DocumentRunner
from tests import example
from tests.typesetting.test_templates import PAPERS

TEMPLATES = ("article", "twocolumn", "preprint", "joss", "report")
STRAY = "() => document.documentElement.scrollWidth - window.innerWidth"
GAP = """() => {
  const left = (part) => part.getBoundingClientRect().left;
  const text = [...document.querySelectorAll(".front > *, .body > p, .body > h1, .body > section > h1")];
  const links = [...document.querySelectorAll(".contents a")];
  return Math.min(...text.map(left)) - Math.max(...links.map((link) => link.getBoundingClientRect().right));
}"""
NOTES = """() => [...document.querySelectorAll(".footnotes li")].map((note) => {
  const mark = document.querySelector(`a.footnote-ref[href="#${note.id}"]`).getBoundingClientRect();
  const box = note.getBoundingClientRect();
  const text = document.querySelector("main").getBoundingClientRect();
  return {mark: mark.top, right: text.right, left: box.left, top: box.top, bottom: box.bottom};
})"""


@pytest.fixture(scope="module")
def pages(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("templates")
    runner = DocumentRunner(Catalog({}))
    found = {}
    for template in TEMPLATES:
        config = (("format", "html"), ("sources", "stress/paper.md"), ("template", template))
        output = Output("html", "_build/paper.html")
        action = Action("paper.html", "paper", Step("document", config), (output,), inputs=("stress/paper.md",))
        path = Path(folder, f"{template}.html")
        path.write_bytes(runner.run(action, example.Folder(PAPERS)).outputs["html"])
        found[template] = path.as_uri()
    runner.close()
    return found


@pytest.fixture(scope="module")
def windows(browser, pages):
    """Returns a template's page, loaded anew in a window of this width: in one that is open already, which costs a fraction."""
    shown = {}

    def show(template, width):
        if template not in shown:
            shown[template] = browser.new_context(viewport={"width": width, "height": 900}).new_page()
        page = shown[template]
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(pages[template])
        page.wait_for_timeout(200)
        return page

    yield show
    for page in shown.values():
        page.context.close()


def opened(browser, address, width, *, scripts=True):
    page = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts).new_page()
    page.goto(address)
    page.wait_for_timeout(200)
    return page


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_page_is_no_wider_than_its_window(windows, template):
    for width in (360, 1300):
        assert windows(template, width).evaluate(STRAY) <= 0


@pytest.mark.parametrize("template", TEMPLATES)
def test_contents_beside_the_text_do_not_touch_it(windows, template):
    for width in (1180, 1200, 1300, 1700):
        assert windows(template, width).evaluate(GAP) > 8


def test_no_reference_ends_in_an_empty_line(browser, pages):
    page = opened(browser, pages["article"], 1200)
    heights = "() => [...document.querySelectorAll('.csl-entry')].map((entry) => entry.offsetHeight)"
    shown = page.evaluate(heights)
    page.add_style_tag(content=".entry-bibtex { display: none }")
    assert page.evaluate(heights) == shown
    assert len(shown) == 45
    page.context.close()


def test_notes_stand_beside_their_marks_and_none_on_another(browser, pages):
    page = opened(browser, pages["preprint"], 1300)
    notes = page.evaluate(NOTES)
    page.context.close()
    assert len(notes) == 20
    assert all(note["left"] >= note["right"] - 24 for note in notes)
    assert all(before["bottom"] <= after["top"] for before, after in pairwise(notes))
    assert sum(abs(note["top"] - note["mark"]) < 40 for note in notes) >= 16


@pytest.mark.parametrize(("width", "scripts"), [(900, True), (1300, False)])
def test_notes_stand_at_the_end_where_there_is_no_room_or_no_script(browser, pages, width, scripts):
    page = opened(browser, pages["preprint"], width, scripts=scripts)
    tops = [page.locator(".footnotes li").nth(n).bounding_box()["y"] for n in range(3)]
    end = page.locator(".body h1").last.bounding_box()["y"]
    page.context.close()
    assert tops == sorted(tops)
    assert tops[0] > end
