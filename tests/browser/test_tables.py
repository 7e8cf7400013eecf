"""Tables on the page: decimal points below each other, what is copied, captions, notes and groups."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import LIMIT_S, TOP

PAPER = r"""---
title: Tables
---

![A caption that is a good deal longer than the narrow table below it is wide.](scores.csv){#tbl:narrow columns="n" where="n < 200"}

![Scores.](scores.csv){#tbl:scores group="set" columns="model,acc,loss,p,n" header="model:Model^a^,acc:Accuracy<br>(%)"
  format="acc±acc_std:.1%,p:.1e,n:,d" best="acc:max,loss:min" second="acc" spanner="Quality:acc,loss"
  notes="^a^ A note much longer than the table that it stands below, which must not make that table any wider than it is."}

| Name | Value |
|:-----|------:|
| one  | 1.5   |
| two  | **12.25** |
| none | n/a   |

: By hand. {#tbl:hand .decimal}

![All.](long.csv){#tbl:long}
"""
SCORES = """set,model,acc,acc_std,loss,p,n
birds,base,0.851,0.012,0.31,0.00312,1000
birds,ours,1.0,0.103,10.125,1e-12,12000
cats,base,0.0751,0.012,0.5,0.031,10
cats,ours,0.7,0.003,0.25,0.5,120
"""
POINTS = """(table) => [...table.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("td")].map((cell) => {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.data.indexOf(".");
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect().left;
  }
  return null;
}))"""
COPIED = (
    """(cell) => { getSelection().selectAllChildren(cell); const text = getSelection().toString(); getSelection().empty(); return text; }"""
)


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("tables")
    (folder / "paper.md").write_text(PAPER)
    (folder / "scores.csv").write_text(SCORES)
    (folder / "long.csv").write_text("a,b\n" + "".join(f"{n},{n / 7:.3f}\n" for n in range(200)))
    (folder / "paperbuild.toml").write_text('[paper]\nsource = "paper.md"\nformats = ["html"]\n')
    words = [sys.executable, "-P", "-m", "paperbuild", "render"]
    done = subprocess.run(words, cwd=folder, env={"PYTHONPATH": str(TOP)}, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    opened = browser.new_page(viewport={"width": 1000, "height": 900})
    opened.goto((folder / "_build" / "paper.html").as_uri())
    opened.evaluate("document.fonts.ready")
    yield opened
    opened.close()


def table(page: Any, name: str) -> Any:
    return page.locator(f"#tbl\\:{name} table")


def test_decimal_points_stand_below_each_other_whatever_is_bold(page):
    rows = [row for row in table(page, "scores").evaluate(POINTS) if len(row) == 5]
    for column in (1, 2, 3):
        points = [row[column] for row in rows if row[column] is not None]
        assert len(points) == 4
        assert max(points) - min(points) < 0.3
    points = [row[1] for row in table(page, "hand").evaluate(POINTS)]
    assert points[2] is None
    assert abs(points[0] - points[1]) < 0.3


def test_signs_of_uncertainty_stand_below_each_other_and_their_points_do(page):
    edges = table(page, "scores").evaluate(
        """(table) => [...table.querySelectorAll("td:nth-child(2)")].map((cell) => {
          const [, sign, whole, rest] = [...cell.querySelectorAll(".decimal")].map((part) => part.getBoundingClientRect());
          return [sign.left, whole.right, rest.left]; })"""
    )
    assert len(edges) == 4
    for column in zip(*edges, strict=True):
        assert max(column) - min(column) < 0.3


def test_a_number_is_copied_as_it_reads(page):
    cells = table(page, "scores").locator("td:nth-child(2)")
    copied = [cells.nth(n).evaluate(COPIED).replace("\N{NO-BREAK SPACE}", " ").strip() for n in range(4)]
    assert copied == ["85.1 ± 1.2 %", "100.0 ± 10.3 %", "7.5 ± 1.2 %", "70.0 ± 0.3 %"]
    assert cells.nth(0).get_attribute("data-value") == "0.851"


def test_figures_stay_inside_their_column(page):
    over = table(page, "scores").evaluate(
        """(table) => [...table.querySelectorAll("td .decimal:last-child")].map((part) => {
          const range = document.createRange(); range.selectNodeContents(part);
          return range.getBoundingClientRect().right - part.closest("td").getBoundingClientRect().right; })"""
    )
    assert max(over) < -5


def test_a_caption_above_a_narrow_table_takes_the_width_of_the_text(page):
    caption = page.locator("#tbl\\:narrow figcaption").bounding_box()
    assert caption["height"] < 30
    assert caption["width"] > 2 * table(page, "narrow").bounding_box()["width"]


def test_notes_stand_below_their_table_and_do_not_widen_it(page):
    box = page.locator("#tbl\\:scores .table-notes").bounding_box()
    found = table(page, "scores").bounding_box()
    assert found["y"] + found["height"] <= box["y"] < found["y"] + found["height"] + 20
    assert box["width"] <= found["width"] + 1
    assert box["height"] > 30


def test_groups_and_spanners_say_what_they_head(page):
    groups = table(page, "scores").locator("tbody th")
    assert groups.all_inner_texts() == ["birds", "cats"]
    assert {group.get_attribute("scope") for group in groups.all()} == {"rowgroup"}
    spanner = table(page, "scores").locator("thead th[colspan]")
    assert (spanner.inner_text(), spanner.get_attribute("scope"), spanner.get_attribute("colspan")) == ("Quality", "colgroup", "2")


def test_a_long_table_scrolls_below_its_head_and_the_keyboard_reaches_it(page):
    place = page.locator("#tbl\\:long .scroller")
    assert place.bounding_box()["height"] < 700
    page.locator("#tbl\\:long .scroller[tabindex='0'][role=region]").wait_for()
    place.evaluate("(found) => { found.scrollTop = 2000; }")
    head, box = page.locator("#tbl\\:long thead").bounding_box(), place.bounding_box()
    assert abs(head["y"] - box["y"]) < 2
