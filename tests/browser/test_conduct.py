"""What the page does: its theme, its contents, previews of what links point to, and where each number comes from."""

from __future__ import annotations

import re

import pytest

CARD = "#pb-card"
EVIL = "<script>window.broken = true</script><img src=x onerror='window.broken = true'>"
NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } });"
AT_THE_FIRST_SIGHT = """new MutationObserver((changes, watch) => {
  if (!document.body) return;
  window.atFirst = document.documentElement.dataset.theme || null;
  watch.disconnect();
}).observe(document, { childList: true, subtree: true });"""
TOUCH = {"has_touch": True, "is_mobile": True, "java_script_enabled": True}


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def value(page, text):
    return page.locator(".pb-value", has_text=re.compile(f"^{re.escape(text)}$")).first


def card(page):
    found = page.locator(CARD)
    found.wait_for(state="visible")
    return found


def gone(page):
    page.locator(CARD).wait_for(state="hidden")


def fact(page, name):
    return page.locator(f"{CARD} dt", has_text=re.compile(f"^{name}$")).locator("xpath=following-sibling::dd[1]").inner_text()


def is_inside_window(page, found):
    box = found.bounding_box()
    size = page.viewport_size
    return box["x"] >= 0 and box["x"] + box["width"] <= size["width"] and box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


# The policy


def test_what_a_stranger_puts_into_the_page_neither_runs_nor_reaches_the_network(open_page, windows):
    page = open_page()
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.broken = true";
      const image = document.createElement("img");
      image.src = "https://example.org/counted.png";
      image.setAttribute("onerror", "window.broken = true");
      document.body.append(script, image);
    }""")
    page.wait_for_function("window.refused.length >= 3")
    assert page.evaluate("window.broken") is None
    assert sorted({entry.split()[0] for entry in page.evaluate("window.refused")}) == ["img-src", "script-src-attr", "script-src-elem"]
    said = windows.leave()
    assert any("example.org" in complaint for complaint in said)
    assert not any(complaint.startswith("asked for") for complaint in said)


# The theme


def test_the_theme_is_the_systems_until_the_reader_chooses_and_the_choice_is_kept(open_page):
    page = open_page(scheme="dark")
    button = page.locator("button.theme")
    dark = ground(page)
    assert button.get_attribute("aria-pressed") == "true"
    page.emulate_media(color_scheme="light")
    light = ground(page)
    assert light != dark
    page.locator("button.theme[aria-pressed='false']").wait_for()  # the page hears of the system's change with its next frame
    button.click()
    assert ground(page) == dark
    page.reload()
    assert ground(page) == dark
    assert page.locator("button.theme").get_attribute("aria-pressed") == "true"
    button.click()
    page.emulate_media(color_scheme="dark")
    assert ground(page) == light


def test_the_chosen_theme_is_there_before_anything_is_shown(open_page):
    page = open_page(script=AT_THE_FIRST_SIGHT)
    assert page.evaluate("window.atFirst") is None
    page.locator("button.theme").click()
    page.reload()
    assert page.evaluate("window.atFirst") == "dark"


def test_the_theme_changes_where_a_browser_keeps_nothing(open_page):
    page = open_page(script=NO_STORAGE)
    before = ground(page)
    page.locator("button.theme").click()
    assert ground(page) != before


# The contents


def test_each_entry_of_the_contents_leads_to_its_heading_and_is_marked_then(open_page):
    page = open_page()
    for link in page.locator(".contents a").all():
        link.click()
        page.wait_for_function("(link) => link.getAttribute('aria-current') === 'location'", arg=link.element_handle())
        assert page.locator(".contents a[aria-current]").count() == 1
        target = page.locator(f"[id='{link.get_attribute('href')[1:]}']")
        assert 0 <= target.bounding_box()["y"] < page.viewport_size["height"]


def test_the_contents_follow_the_reader(open_page):
    page = open_page()
    assert page.locator(".contents a[aria-current]").count() == 0
    page.locator("#sec\\:results").evaluate("(heading) => heading.scrollIntoView()")
    page.locator(".contents a[aria-current]", has_text="Results").wait_for()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.locator(".contents a[aria-current]", has_text="References").wait_for()


def test_on_a_phone_the_contents_are_folded_and_open_by_a_tap(open_page):
    page = open_page(390, 700, **TOUCH)
    link = page.locator(".contents a", has_text="Discussion")
    assert not link.is_visible()
    page.locator(".contents summary").tap()
    link.tap()
    assert page.url.endswith("#sec:discussion")
    assert not link.is_visible()


def test_on_a_phone_a_bar_says_which_section_is_read_and_covers_no_heading(open_page):
    page = open_page(390, 700, **TOUCH)
    bar = page.locator(".contents summary")
    page.locator("a.xref[href='#sec:method']").first.tap()
    page.locator(".contents .here", has_text="Method").wait_for()
    heading = page.locator("#sec\\:method").bounding_box()
    assert bar.bounding_box()["y"] == 0
    assert heading["y"] >= bar.bounding_box()["height"]
    bar.tap()
    page.locator("#paper").tap(position={"x": 20, "y": 2500})
    assert not page.locator(".contents a").first.is_visible()


def test_escape_closes_the_open_contents_of_a_phone(open_page):
    page = open_page(390, 700)
    page.locator(".contents summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.locator(".contents a").first.evaluate("(link) => link === document.activeElement")
    page.keyboard.press("Escape")
    assert not page.locator(".contents a").first.is_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


# Previews


PREVIEWS = {
    "a.xref[href='#fig:curve']": ("img", "The curve of 0.91"),
    "a.xref[href='#tbl:small']": ("td", "12,346"),
    "a.xref[href='#eq:risk']": ("math", "(1)"),
    "a.xref[href='#thm:main']": (".theorem-label", "Every risk has an infimum"),
    "a.xref[href='#sec:method']": (".secno", "Method"),
    ".body a[href='#ref-mokhov2018']": ("em", "Build Systems"),
    "a.footnote-ref": (".pb-value", "A note with a 92.0%"),
}


def test_resting_on_a_link_shows_what_it_points_to_and_leaving_hides_it(open_page):
    page = open_page()
    for selector, (holds, says) in PREVIEWS.items():
        page.locator(selector).first.hover()
        page.wait_for_function("(says) => document.getElementById('pb-card').innerText.includes(says)", arg=says)
        shown = card(page)
        assert shown.locator(holds).count(), selector
        assert shown.get_attribute("role") == "tooltip"
        assert is_inside_window(page, shown), selector
        assert page.evaluate(
            "new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size === document.querySelectorAll('[id]').length"
        )
    page.mouse.move(5, 790)
    gone(page)


def test_a_preview_stays_while_the_pointer_is_on_it_and_goes_by_escape(open_page):
    page = open_page()
    page.locator(".body a[href='#ref-knuth1984']").first.hover()
    box = card(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.wait_for_timeout(350)
    assert page.locator(CARD).is_visible()
    page.keyboard.press("Escape")
    gone(page)


def test_a_link_that_the_keyboard_reaches_shows_its_preview_and_is_described_by_it(open_page):
    page = open_page()
    page.locator(".body a[href='#ref-knuth1984']").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert "Literate Programming" in card(page).inner_text()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "pb-card"
    page.keyboard.press("Tab")
    page.wait_for_function("!document.querySelector(\".body a[href='#ref-knuth1984']\").hasAttribute('aria-describedby')")


def test_a_finger_that_rests_on_a_link_shows_what_it_points_to_and_does_not_follow_it(open_page):
    page = open_page(390, 700, **TOUCH)
    link = page.locator("a.xref[href='#tbl:small']").first
    link.scroll_into_view_if_needed()
    box = link.bounding_box()
    x, y = box["x"] + 10, box["y"] + box["height"] / 2
    client = page.context.new_cdp_session(page)
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    assert "12,346" in card(page).inner_text()
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(100)
    assert card(page).is_visible()
    assert "#" not in page.url
    page.locator("h1.title").evaluate("(title) => title.click()")
    gone(page)


def test_a_tap_on_a_link_follows_it_without_a_preview(open_page):
    page = open_page(390, 700, **TOUCH)
    page.locator("a.xref[href='#tbl:small']").first.tap()
    assert page.url.endswith("#tbl:small")
    page.wait_for_timeout(250)
    assert not page.locator(CARD).is_visible()


# Where a number comes from


def test_resting_on_a_number_shows_where_it_comes_from(open_page):
    page = open_page()
    value(page, "12,345").hover()
    assert "measure[seed=0]" in card(page).inner_text()
    page.mouse.move(5, 790)
    gone(page)


def test_a_click_pins_it_with_target_parameters_command_output_and_digest(open_page):
    page = open_page()
    value(page, "12,345").click()
    shown = card(page)
    assert shown.get_attribute("role") == "dialog"
    assert shown.get_attribute("aria-label")
    assert shown.locator(".pb-head").inner_text() == "12,345"
    assert fact(page, "expression") == "measure.where(seed=0).birds:,d"
    assert fact(page, "target") == "measure[seed=0]"
    assert "lr = 0.1" in fact(page, "parameters")
    assert "seed = 0" in fact(page, "parameters")
    assert fact(page, "command").startswith("python measure.py --lr")
    assert fact(page, "output") == "out/scores-0.json"
    assert re.fullmatch("[0-9a-f]{16}…", fact(page, "sha-256"))
    assert fact(page, "to rerun") == "paperbuild verify 'measure[seed=0]'"
    page.mouse.move(5, 790)
    page.wait_for_timeout(300)
    assert shown.is_visible()
    page.locator("h1.title").click(position={"x": 3, "y": 3})
    gone(page)


def test_a_second_click_closes_it_and_a_click_on_another_number_moves_it(open_page):
    page = open_page()
    value(page, "12,345").click()
    value(page, "0.90").click()
    assert page.locator(f"{CARD} .pb-head").inner_text() == "0.90"
    assert page.locator("[aria-expanded=true]").count() == 1
    value(page, "0.90").click()
    gone(page)
    assert page.locator("[aria-expanded=true]").count() == 0


def test_what_data_says_is_text_and_never_markup(open_page):
    page = open_page()
    value(page, "12,345").click()
    assert EVIL in card(page).inner_text()
    assert page.locator(f"{CARD} script, {CARD} img").count() == 0
    assert page.evaluate("window.broken") is None


def test_figures_and_tables_have_a_source_button(open_page):
    page = open_page()
    for selector, output in (("#fig\\:curve", "figures/curve.svg"), ("#tbl\\:small", "out/small.csv"), ("#tbl\\:wide", "out/wide.csv")):
        page.locator(f"{selector} .pb-source").click()
        assert fact(page, "output") == output
        assert fact(page, "target") == "report"
        page.keyboard.press("Escape")
        gone(page)
    assert page.locator("#tbl\\:own .pb-source").count() == 0


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_keyboard_opens_it_reads_it_and_comes_back(open_page, key):
    page = open_page()
    number = value(page, "12,345")
    number.focus()
    page.keyboard.press(key)
    assert "measure[seed=0]" in card(page).inner_text()
    assert page.evaluate("document.activeElement.id") == "pb-card"
    assert number.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Escape")
    gone(page)
    assert number.evaluate("(number) => document.activeElement === number")
    assert number.get_attribute("aria-expanded") == "false"


def test_tab_leaves_the_card_for_what_follows_the_number(open_page):
    page = open_page()
    value(page, "12,345").focus()
    page.keyboard.press("Enter")
    card(page)
    page.keyboard.press("Tab")
    gone(page)
    assert page.evaluate("document.activeElement.textContent").startswith("1.5")
    page.keyboard.press("Enter")
    card(page)
    page.keyboard.press("Shift+Tab")
    gone(page)
    assert page.evaluate("document.activeElement.textContent").startswith("1.5")


def test_tabbing_from_the_top_reaches_a_number_and_opens_it(open_page):
    page = open_page(390)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('pb-value')"):
            break
    page.keyboard.press("Enter")
    assert page.locator(f"{CARD} .pb-head").inner_text() == "91.0%"


def test_a_finger_opens_and_closes_it(open_page):
    page = open_page(390, 700, **TOUCH)
    value(page, "0.90").tap()
    assert fact(page, "target") == "measure[seed=0]"
    page.locator("h1", has_text="Method").tap()
    gone(page)


def test_no_card_is_clipped_by_the_edges_of_a_phone(open_page):
    page = open_page(390, 500, **TOUCH)
    anchors = page.locator(".pb-value[role=button], .pb-source").all()
    assert len(anchors) >= 15
    for anchor in anchors:
        anchor.tap()
        shown = card(page)
        assert is_inside_window(page, shown), anchor.inner_text()
        assert shown.evaluate("(card) => card.scrollWidth <= card.clientWidth"), anchor.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.keyboard.press("Escape")


def test_a_number_in_the_words_of_a_link_follows_the_link(open_page):
    page = open_page()
    number = page.locator("blockquote a .pb-value")
    assert number.get_attribute("role") is None
    number.click()
    assert page.url.endswith("#fig:curve")


def test_powers_of_ten_are_raised_in_the_text_and_in_italics(open_page):
    page = open_page()
    for number in (page.locator(".pb-value:has(sup)").first, page.locator("em .pb-value:has(sup)")):
        raised = number.locator("sup").bounding_box()
        whole = number.bounding_box()
        assert raised["height"] < whole["height"]
        assert raised["y"] + raised["height"] / 2 < whole["y"] + whole["height"] / 2


# Anchors


def test_a_click_on_what_names_a_thing_copies_its_address(open_page):
    page = open_page(permissions=("clipboard-read", "clipboard-write"))
    for selector, words in (
        ("#sec\\:method", "2 Method"),
        ("#fig\\:curve", "Figure 1."),
        ("#tbl\\:small", "Table 1."),
        ("#eq\\:risk", "(1)"),
    ):
        anchor = page.locator(f"{selector} a.anchor").first
        assert anchor.inner_text().replace("\n", " ") == words
        anchor.click()
        page.locator(".notice.shown").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == page.url
        assert page.url.partition("#")[2] == selector[1:].replace("\\", "")


def test_where_the_browser_has_no_clipboard_the_address_is_copied_the_older_way(open_page):
    page = open_page(script="Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    page.evaluate("addEventListener('copy', () => { window.copied = document.activeElement.value; })")
    page.locator("#sec\\:method a.anchor").click()
    page.locator(".notice.shown", has_text="Link copied").wait_for()
    assert page.evaluate("window.copied") == page.url


def test_anchors_add_nothing_to_what_is_read_aloud(still_page):
    assert still_page.get_by_role("heading", name="2 Method", exact=True).count() == 1
    assert still_page.locator("#tbl\\:own figcaption").inner_text() == "Table 3. A table of its own."


# BibTeX


CLIPBOARD = {"permissions": ("clipboard-read", "clipboard-write")}


def test_the_papers_own_bibtex_is_copied_and_downloaded(open_page):
    page = open_page(**CLIPBOARD)
    page.locator(".own-bibtex summary").click()
    shown = page.locator(".own-bibtex code").inner_text()
    assert shown.startswith("@misc{lovelace2026page,\n")
    assert "author = {Lovelace, Ada and Babbage, Charles}" in shown
    page.locator(".own-bibtex").get_by_role("button", name="Copy").click()
    page.locator(".notice.shown").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == shown
    with page.expect_download() as saving:
        page.locator(".own-bibtex").get_by_role("button", name="Download .bib").click()
    assert saving.value.suggested_filename == "lovelace2026page.bib"
    assert saving.value.path().read_text() == shown + "\n"


def test_one_reference_or_all_are_copied_as_bibtex(open_page):
    page = open_page(**CLIPBOARD)
    for entry in page.locator(".csl-entry").all():
        entry.hover()
        entry.get_by_role("button", name="BibTeX").click()
        page.locator(".notice.shown").wait_for()
        assert page.evaluate("navigator.clipboard.readText()").partition(",")[0].endswith("{" + entry.get_attribute("id")[4:])
    page.locator(".references-bibtex summary").click()
    page.locator(".references-bibtex").get_by_role("button", name="Copy").click()
    page.wait_for_function("() => navigator.clipboard.readText().then((text) => text.match(/^@/gm).length === 2)")


def test_the_preview_of_a_citation_offers_its_bibtex_and_its_links(open_page):
    page = open_page(**CLIPBOARD)
    page.locator(".body a[href='#ref-knuth1984']").first.hover()
    card(page).get_by_role("button", name="BibTeX").click()
    page.wait_for_function("() => navigator.clipboard.readText().then((text) => text.includes('{knuth1984,'))")
    page.locator("a.xref[href='#sec:method']").first.hover()
    page.wait_for_function("() => document.getElementById('pb-card').innerText.includes('Method')")
    assert page.locator(f"{CARD} a.anchor[href]").count() == 0
