"""How the page looks: on a phone, a tablet and a desk, in the light and in the dark, on paper, and without scripts."""

from __future__ import annotations

import io

import pypdf
import pytest

from tests.browser.measure import CONTRAST, OVERFLOW, TORN, UNDERLINES

ON_A4_PX = 597  # 210 mm without the page's margins, at 96 px to the inch


def test_nothing_sticks_out_of_the_window(open_page):
    page = open_page()
    for width in (320, 390, 800, 1180, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(OVERFLOW) == [], width


def test_what_is_wider_than_a_phone_scrolls_in_its_own_place(open_page):
    page = open_page(390)
    for selector in ("#tbl\\:wide .scroller", "pre.sourceCode", "#eq\\:long math"):
        wide = page.locator(selector)
        wide.evaluate("(found) => { found.scrollLeft = 60; }")
        assert wide.evaluate("(found) => found.scrollLeft") == 60, selector
        page.locator(f"{selector}[tabindex='0']").wait_for()  # widths are told with the next frame
    assert page.get_by_role("region", name="Table 2").count() == 1
    assert page.evaluate("scrollX") == 0


def test_what_fits_is_no_stop_for_the_keyboard(open_page):
    page = open_page(250)
    page.locator("#tbl\\:small .scroller[tabindex='0'][role=region]").wait_for()
    page.set_viewport_size({"width": 900, "height": 800})
    page.locator("#tbl\\:small .scroller:not([tabindex], [role], [aria-label])").wait_for()
    assert page.locator("#eq\\:risk math[tabindex]").count() == 0


def test_the_caption_of_a_wide_table_is_read_whole_while_the_table_scrolls(open_page):
    page = open_page(390)
    page.locator("#tbl\\:wide .scroller").evaluate("(found) => { found.scrollLeft = 300; }")
    caption = page.locator("#tbl\\:wide figcaption").bounding_box()
    assert caption["x"] >= 0
    assert caption["x"] + caption["width"] <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_what_is_behind_it(open_page, scheme):
    page = open_page(scheme=scheme)
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(CONTRAST, 4.5) == []
    page.locator(".pb-value").first.click()
    assert page.evaluate(CONTRAST, 4.5) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_mark_under_a_bound_number_can_be_seen(open_page, scheme):
    marks = open_page(scheme=scheme).evaluate(UNDERLINES, ".pb-value[data-pb]")
    assert len(marks) >= 10
    assert all("underline" in mark["line"] and mark["ratio"] >= 3 for mark in marks), marks


def test_links_in_text_are_told_from_it_by_more_than_colour(still_page):
    for selector in (".xref", "[role=doc-biblioref]", "#refs a", "a.uri", "#fn1 a[href^=http]"):
        assert all("underline" in mark["line"] for mark in still_page.evaluate(UNDERLINES, selector)), selector


def test_classes_of_code_mean_nothing_outside_of_it(still_page):
    looks = "(element) => { const style = getComputedStyle(element); return [style.color, style.fontVariantCaps]; }"
    ink = still_page.evaluate("getComputedStyle(document.body).color")
    assert still_page.locator("p .sc").evaluate(looks) == [ink, "small-caps"]
    assert still_page.locator("pre .kw").first.evaluate(looks)[0] != ink


def test_a_figure_keeps_its_white_paper_in_the_dark(open_page):
    page = open_page(scheme="dark")
    assert page.locator("#fig\\:curve img").evaluate("(image) => getComputedStyle(image).backgroundColor") == "rgb(255, 255, 255)"


def test_a_formula_keeps_what_touches_it_on_its_line(open_page):
    page = open_page(1400)
    assert page.evaluate(TORN, [*range(300, 640, 5)]) == []


def test_a_long_word_does_not_tear_the_line_before_it_apart(open_page):
    page = open_page(800)
    assert page.locator("p", has=page.locator(".long-word")).last.evaluate("(p) => getComputedStyle(p).textAlign") == "start"
    assert page.locator("p", has_text="Ut enim ad minim").evaluate("(p) => getComputedStyle(p).textAlign") == "justify"


def test_what_is_cancelled_is_struck_out(still_page):
    drawn = still_page.locator("mrow.cancel").evaluate_all(
        """(all) => all.map((e) => [getComputedStyle(e).color, getComputedStyle(e).backgroundImage.split("linear-gradient").slice(1, 3)])"""
    )
    assert [[colour in line for line in lines] for colour, lines in drawn] == [[True, False], [True, True], [False, True]]


def test_long_addresses_and_names_break_where_their_parts_end(open_page):
    page = open_page(390)
    assert page.locator("a.uri wbr").count() > 5
    assert page.locator("code wbr").count() > 5
    assert page.locator("a.uri").inner_text() == page.locator("a.uri").get_attribute("href")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_everything_fits_in_dark_ink_and_without_controls(open_page, scheme):
    page = open_page(ON_A4_PX, scheme=scheme)
    page.locator("button.theme").click()
    page.emulate_media(media="print")
    assert page.evaluate(OVERFLOW) == []
    assert (
        page.evaluate("[...document.querySelectorAll('pre, table, math[display]')].filter((e) => e.scrollWidth > e.clientWidth + 1).length")
        == 0
    )
    for selector in (
        ".theme",
        ".contents",
        ".skip",
        ".pb-source",
        ".footnote-back",
        ".pb-card",
        ".zoom",
        ".bibtex",
        ".entry-bibtex",
        ".notice",
    ):
        assert all(not found.is_visible() for found in page.locator(selector).all()), selector
    address = "(link) => getComputedStyle(link, '::after').content"
    assert "https://example.org/" in page.locator("#fn1 a[href^=http]").evaluate(address)
    for link in (".xref", "a.uri", "#refs a", "a.anchor"):
        assert page.locator(link).first.evaluate(address) in {"none", "normal"}, link
    assert page.evaluate(CONTRAST, 4.5) == []
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 28, 26)"


def test_the_page_prints(open_page):
    page = open_page(scheme="dark")
    text = "\n".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages)
    for words in ("A page that reaches 91.0%", "Literate Programming", "screen of a telephone is wide", "0.12345", "Theorem 1"):
        assert words in " ".join(text.split()), words
    assert "Contents" not in text


def test_without_scripts_no_word_is_missing(open_page):
    words = []
    for scripts in (True, False):
        page = open_page(1400, java_script_enabled=scripts)
        page.locator(".pb-source, .sort, .entry-bibtex").evaluate_all("(all) => all.forEach((e) => e.matches('.sort') || e.remove())")
        words.append(page.locator("article").inner_text().split())
    assert words[0] == words[1]


def test_on_a_phone_without_scripts_the_contents_stand_open_above_the_text(open_page):
    page = open_page(360, 740, java_script_enabled=False)
    contents = page.locator(".contents").bounding_box()
    assert page.locator(".contents a").last.is_visible()
    assert contents["y"] + contents["height"] <= page.locator("h1.title").bounding_box()["y"]
    assert page.evaluate(OVERFLOW) == []


def test_without_scripts_the_paper_reads_and_its_links_lead_on(open_page):
    page = open_page(java_script_enabled=False)
    assert page.locator("h1.title").inner_text() == "A page that reaches 91.0%"
    assert page.locator(".contents a").first.is_visible()
    assert not page.locator("button.theme").is_visible()
    assert page.locator("#tbl\\:small td").first.is_visible()
    for chrome in (".zoom", ".sort", ".entry-bibtex", ".bibtex-tools", "[role=region]"):
        assert page.locator(chrome).count() == 0, chrome
    page.locator(".own-bibtex summary").click()
    assert page.locator(".own-bibtex code").inner_text().startswith("@misc{lovelace2026page,")
    page.locator(".references-bibtex summary").click()
    assert "{mokhov2018," in page.locator(".references-bibtex pre").inner_text()
    page.locator("#sec\\:method a.anchor").click()
    assert page.url.endswith("#sec:method")
    assert page.locator(".pb-value").first.evaluate("(value) => getComputedStyle(value).cursor") != "pointer"
    page.locator(".xref", has_text="Equation (1)").first.click()
    assert page.url.endswith("#eq:risk")
    assert 0 <= page.locator("#eq\\:risk").bounding_box()["y"] < 800
