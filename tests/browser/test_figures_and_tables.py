"""Figures that are enlarged, and tables that are sorted."""

from __future__ import annotations

import pytest

PICTURE = "#fig\\:curve img"
TOUCH = {"has_touch": True, "is_mobile": True, "java_script_enabled": True}


def opened(page):
    dialog = page.locator("dialog.lightbox")
    dialog.wait_for(state="visible")
    return dialog


def width(page):
    return page.locator(".stage img").bounding_box()["width"]


def middle(page):
    box = page.locator(".stage").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


# Figures


def test_a_press_on_a_picture_shows_it_alone_and_as_large_as_the_window_allows(open_page):
    page = open_page()
    before = page.locator(PICTURE).bounding_box()["width"]
    page.locator(PICTURE).click()
    dialog = opened(page)
    assert dialog.get_attribute("aria-label") == "Figure 1"
    assert "The curve of 0.91" in dialog.locator(".lightbox-caption").inner_text()
    assert width(page) > 1.5 * before
    stage, picture = page.locator(".stage").bounding_box(), page.locator(".stage img").bounding_box()
    assert picture["width"] <= stage["width"] + 1
    assert picture["height"] <= stage["height"] + 1
    assert page.locator(".stage img").get_attribute("src") == page.locator(PICTURE).get_attribute("src")


def test_the_keyboard_opens_enlarges_moves_and_closes_a_figure_and_comes_back(open_page):
    page = open_page()
    button = page.get_by_role("button", name="Enlarge: Figure 1", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    opened(page)
    whole = width(page)
    for _ in range(4):
        page.keyboard.press("+")
    assert width(page) == pytest.approx(whole * 1.4**4, rel=0.01)
    left = page.locator(".stage img").bounding_box()["x"]
    page.keyboard.press("ArrowRight")
    assert page.locator(".stage img").bounding_box()["x"] == pytest.approx(left - 60, abs=1)
    page.keyboard.press("-")
    assert width(page) == pytest.approx(whole * 1.4**3, rel=0.01)
    page.keyboard.press("0")
    assert width(page) == pytest.approx(whole, abs=1)
    page.keyboard.press("Escape")
    page.locator("dialog.lightbox").wait_for(state="hidden")
    assert button.evaluate("(button) => document.activeElement === button")


def test_the_wheel_enlarges_what_is_under_the_pointer_and_the_mouse_moves_it(open_page):
    page = open_page()
    page.locator(PICTURE).click()
    opened(page)
    whole = width(page)
    x, y = middle(page)
    page.mouse.move(x + 100, y)
    page.mouse.wheel(0, -600)
    page.wait_for_function("(least) => document.querySelector('.stage img').offsetWidth > least", arg=2 * whole)
    box = page.locator(".stage img").bounding_box()
    assert (x + 100 - box["x"]) / box["width"] == pytest.approx((100 + whole / 2) / whole, abs=0.01)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=3)
    page.mouse.up()
    assert page.locator(".stage img").bounding_box()["x"] == pytest.approx(box["x"] - 40, abs=1)
    assert page.locator("dialog.lightbox").is_visible()


def test_two_fingers_enlarge_a_figure_on_a_phone(open_page):
    page = open_page(390, 700, **TOUCH)
    page.locator(PICTURE).tap()
    opened(page)
    whole = width(page)
    x, y = middle(page)
    client = page.context.new_cdp_session(page)

    def touch(kind, *apart):
        points = [{"x": x + side * offset, "y": y, "id": n} for offset in apart for n, side in enumerate((-1, 1))]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 30)
    for apart in (45, 60, 75, 90):
        touch("touchMove", apart)
    touch("touchEnd")
    assert width(page) == pytest.approx(3 * whole, rel=0.05)
    assert page.locator("dialog.lightbox").is_visible()


def test_arrows_step_through_the_parts_of_one_figure_and_no_further(open_page):
    page = open_page()
    page.locator("#fig\\:two-a img").click()
    dialog = opened(page)
    assert dialog.get_attribute("aria-label") == "Figure 2 (a)"
    page.keyboard.press("ArrowRight")
    assert dialog.get_attribute("aria-label") == "Figure 2 (b)"
    assert "Second half" in dialog.inner_text()
    dialog.get_by_role("button", name="Next").click()
    assert dialog.get_attribute("aria-label") == "Figure 2 (a)"
    page.keyboard.press("Escape")
    page.locator(PICTURE).click()
    opened(page)
    assert not dialog.get_by_role("button", name="Next").is_visible()


def test_a_press_beside_the_picture_closes_it(open_page):
    page = open_page(1400, 500)
    page.locator(PICTURE).click()
    opened(page)
    box = page.locator(".stage").bounding_box()
    page.mouse.click(box["x"] + 20, box["y"] + 20)
    page.locator("dialog.lightbox").wait_for(state="hidden")


def test_a_picture_keeps_its_place_and_size_when_it_can_be_enlarged(open_page):
    for window in (1400, 390):
        boxes = []
        for scripts in (True, False):
            page = open_page(window, 800, java_script_enabled=scripts)
            found = page.locator("figure img").evaluate_all if scripts else None
            places = page.locator("figure img").all()
            boxes.append([(round(b["x"]), round(b["width"]), round(b["height"])) for b in (place.bounding_box() for place in places)])
            assert found is None or len(places) == 3
        assert boxes[0] == boxes[1]


# Tables


def column(page, n, table="#tbl\\:small"):
    return [cell.strip() for cell in page.locator(f"{table} tbody tr > :nth-child({n})").all_inner_texts()]


def test_a_head_sorts_its_column_up_then_down_then_as_it_was(open_page):
    page = open_page()
    head = page.get_by_role("columnheader", name="Birds")
    button = head.get_by_role("button")
    assert head.get_attribute("aria-sort") == "none"
    before = column(page, 4)
    button.click()
    assert column(page, 4) == ["7", "12,345", "12,346"]
    assert column(page, 1) == ["other", "seed 0", "seed 1"]
    assert head.get_attribute("aria-sort") == "ascending"
    button.press("Enter")
    assert column(page, 4) == ["12,346", "12,345", "7"]
    assert head.get_attribute("aria-sort") == "descending"
    button.press("Space")
    assert column(page, 4) == before
    assert head.get_attribute("aria-sort") == "none"


def test_only_one_column_says_that_it_is_sorted_and_what_is_missing_stays_last(open_page):
    page = open_page()
    page.get_by_role("columnheader", name="Birds").get_by_role("button").click()
    accuracy = page.get_by_role("columnheader", name="Accuracy")
    accuracy.get_by_role("button").click()
    assert column(page, 1) == ["seed 0", "seed 1", "other"]
    accuracy.get_by_role("button").click()
    assert column(page, 1) == ["seed 1", "seed 0", "other"]
    assert page.locator("[aria-sort]:not([aria-sort=none])").count() == 1


SHOWN = [
    ("91.2 ± 0.3", "91.4 ± 0.1", "100.0 ± 0.2", "–"),  # noqa: RUF001 - signs as papers show them
    ("−10", "−9.5", "0", "3"),  # noqa: RUF001 - signs as papers show them
    ("1.5 × 10<sup>−7</sup>", "(2.0 ± 0.1) × 10<sup>−7</sup>", "1 × 10<sup>3</sup>", "1 × 10<sup>4</sup>"),  # noqa: RUF001 - signs as papers show them
    ("< 0.001", "0.02", "0.3", "n/a"),
    ("9 %", "45 %", "100.5 %", ""),
    ("1 234", "12\u2009345", "1,000,000", "2e6"),
    ("item 2", "item 10", "Zebra", "—"),
]


TABLES_OF_THESE = f"""new MutationObserver((changes, watch) => {{
  if (!document.getElementById("words")) return; // what the page holds is there, its scripts have not run
  watch.disconnect();
  for (const [n, cells] of {[list(reversed(cells)) for cells in SHOWN]!r}.entries()) {{
    const made = document.createElement("table");
    made.className = "data";
    made.id = `made-${{n}}`;
    made.innerHTML = "<thead><tr><th>A</th></tr></thead>" + cells.map((cell) => `<tr><td>${{cell}}</td></tr>`).join("");
    document.getElementById("paper").append(made);
  }}
}}).observe(document, {{ childList: true, subtree: true }});"""


def test_numbers_are_sorted_as_numbers_however_they_are_shown(open_page):
    page = open_page(script=TABLES_OF_THESE)
    for n, wanted in enumerate(SHOWN):
        page.locator(f"#made-{n} button").click()
        found = page.locator(f"#made-{n} td").evaluate_all("(cells) => cells.map((cell) => cell.innerHTML)")
        assert [text.replace("&lt;", "<") for text in found] == list(wanted)


def test_a_table_of_the_authors_own_is_not_sorted(open_page):
    page = open_page()
    assert page.locator("#tbl\\:own button.sort").count() == 0
    assert page.locator("#tbl\\:small button.sort").count() == 4
