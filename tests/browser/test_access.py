"""The page for those who hear it, or move through it by the keyboard."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise


def test_the_page_has_a_language_a_title_and_landmarks(still_page):
    assert still_page.evaluate("document.documentElement.lang") == "en"
    assert still_page.title() == "A page that reaches 91.0%"
    for role, name in (("main", None), ("navigation", "Contents"), ("region", "Abstract")):
        assert still_page.get_by_role(role, **({"name": name} if name else {})).count() == 1, role


def test_headings_descend_one_level_at_a_time(still_page):
    levels = still_page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


def test_images_and_formulas_can_be_read_aloud(still_page):
    assert still_page.locator("img").count() == 4
    assert still_page.locator("img:not([alt])").count() == 0
    assert still_page.locator("#fig\\:curve img").get_attribute("alt") == "The curve of 0.91, from Section\u00a02."
    assert still_page.locator("math").count() >= 8
    assert still_page.locator("math:not([alttext]), math[alttext='']").count() == 0
    assert still_page.locator("svg:not([aria-hidden=true])").count() == 0


def test_no_id_is_used_twice_and_every_link_within_leads_somewhere(still_page):
    ids = still_page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    links = still_page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => decodeURIComponent(a.hash.slice(1)))")
    assert len(links) > 20
    assert set(links) <= set(ids)
    described = "[...document.querySelectorAll('[aria-controls], [aria-labelledby]')]"
    named = still_page.evaluate(described + ".map((e) => e.getAttribute('aria-controls') || e.getAttribute('aria-labelledby'))")
    assert set(named) <= set(ids)


def test_headings_of_tables_say_what_they_head_and_tables_stay_tables(still_page):
    assert still_page.locator("thead th").count() > 20
    assert still_page.locator("thead th:not([scope=col])").count() == 0
    tree = still_page.context.new_cdp_session(still_page).send("Accessibility.getFullAXTree")
    roles = Counter(node["role"]["value"] for node in tree["nodes"] if not node.get("ignored"))
    assert roles["table"] == 3
    assert roles["columnheader"] == still_page.locator("thead th").count()
    assert roles["Figcaption"] >= 3


def test_everything_that_can_be_used_has_a_name(still_page):
    tree = still_page.context.new_cdp_session(still_page).send("Accessibility.getFullAXTree")
    used = [node for node in tree["nodes"] if not node.get("ignored") and node["role"]["value"] in {"button", "link"}]
    assert len(used) > 40
    assert [node for node in used if not node.get("name", {}).get("value", "").strip()] == []


def test_the_first_tab_leads_past_the_contents_to_the_text(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("(link) => document.activeElement === link")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#paper")


def test_the_keyboard_shows_where_it_is(open_page):
    page = open_page(390)
    seen = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate("""() => {
          const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
          const name = e.tagName + e.className + e.textContent.slice(0, 20) + box.top;
          return { name, line: style.outlineStyle, px: parseFloat(style.outlineWidth), inside: box.bottom > 0 && box.top < innerHeight };
        }""")
        assert at["line"] != "none", at
        assert at["px"] >= 1, at
        assert at["inside"], at
        seen.add(at["name"])
    assert len(seen) >= 35


def test_who_wants_no_motion_gets_none(open_page):
    page = open_page()
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    page.locator("a.xref[href='#fig:curve']").first.click()
    assert page.locator("#fig\\:curve").evaluate("(figure) => getComputedStyle(figure).animationName") == "none"
    page.emulate_media(reduced_motion="no-preference")
    assert page.locator("#fig\\:curve").evaluate("(figure) => getComputedStyle(figure).animationName") == "found"
