"""The page of ``watch`` in a real browser: it follows the paper, and what the reader does stays."""

import re
import time

import pytest

from tests.browser.conftest import found_by
from tests.browser.watched import LIMIT_S, MANIFEST, PAPER, Live, Window, edited

EVIL = "<script>window.broken = true</script><img src=x onerror='window.broken = true'>"


@pytest.fixture(scope="module")
def running(browser, tmp_path_factory):
    live = Live(tmp_path_factory.mktemp("live"))
    live.start()
    yield live
    if live.process.poll() is None:
        live.stop()
    assert "Traceback" not in live.said


@pytest.fixture
def live(running):
    running.reset()
    return running


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def window(tab, live):
    tab.set_viewport_size({"width": 1300, "height": 800})
    window = Window(tab.context, live.address, tab)
    yield window
    complaints = [*window.complaints]
    window.leave()
    assert complaints == []


# What follows


def test_an_edit_reaches_the_page_and_scroll_selection_and_an_open_card_stay(live, window):
    window.run("window.mine = true")
    window.paper.locator("#fig\\:curve .pb-source").click()
    window.paper.locator("#pb-card").wait_for()
    window.run("""() => {
      const range = document.createRange();
      range.selectNodeContents(document.querySelector("#fig\\\\:curve figcaption"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }""")
    before = window.run("[scrollY, getSelection().toString()]")
    assert before[1].startswith("Figure 1")
    live.save("paper.md", edited(PAPER))
    window.shows("a sentence that WAS edited")
    assert window.run("[scrollY, getSelection().toString()]") == before
    assert window.paper.locator("#pb-card").is_visible()
    assert window.run("window.mine")
    assert "ran curve" not in live.said.rpartition("changed: ")[2]


def test_only_the_block_that_changed_is_touched(live, window):
    window.run("""() => {
      window.touched = 0;
      window.paragraphs = [...document.querySelectorAll(".body > *")];
      new MutationObserver((changes) => { window.touched += changes.length; })
        .observe(document.querySelector(".body"), { childList: true, subtree: true, characterData: true });
    }""")
    live.save("paper.md", edited(PAPER))
    window.shows("a sentence that WAS edited")
    assert window.run("window.touched") <= 2
    assert window.run("[...document.querySelectorAll('.body > *')].every((one, n) => one === window.paragraphs[n])")


def test_a_page_that_was_patched_often_is_the_page_that_would_be_loaded(live, window):
    new = PAPER.replace(
        "# Second", "A new paragraph with [0.5]{val=curve.mean} in it[^n], see @fig:curve.\n\n[^n]: A note.\n\n# The second"
    )
    new = new.replace("Paragraph 7 says", "- one\n- two\n\nParagraph *7* says").replace("being written", "nearly written")
    window.run("window.mine = true")
    live.save("paper.md", edited(PAPER))
    window.shows("WAS edited")
    live.save("paper.md", new)
    window.shows("nearly written")
    live.settle()
    window.page.wait_for_timeout(300)
    assert window.run("window.mine"), "the page was loaded again"
    assert window.page.title() == "A paper that is nearly written"
    patched = window.run("document.querySelector('main').outerHTML + document.querySelector('.contents ol').outerHTML")
    window.page.reload()
    window.shows("nearly written")
    window.page.wait_for_timeout(300)
    loaded = window.run("document.querySelector('main').outerHTML + document.querySelector('.contents ol').outerHTML")
    assert [plain(line) for line in patched.split("<")] == [plain(line) for line in loaded.split("<")]


def plain(tag):
    """A tag without what comes and goes with the scroll and with what was just seen to change."""
    return re.sub(r' (?:data-live[a-z-]*|aria-current|style)="[^"]*"', "", tag).strip()


def test_what_a_patch_brings_can_be_used_like_the_rest(live, window):
    live.save("paper.md", edited(PAPER, new="[0.5]{val=curve.mean} again, as @fig:curve shows"))
    value = window.paper.locator(".body .pb-value").nth(1)
    value.click()
    window.paper.locator("#pb-card", has_text="curve.mean").wait_for()
    window.page.keyboard.press("Escape")
    window.paper.locator("#pb-card").wait_for(state="hidden")
    window.paper.locator(".body p a.xref").hover()
    window.paper.locator("#pb-card", has_text="The curve").wait_for()


def test_the_page_scrolls_to_the_edit_unless_it_is_told_not_to(live, window):
    live.save("paper.md", edited(PAPER, "far below", "FAR below"))
    window.shows("FAR below")
    window.page.wait_for_timeout(100)
    below = window.run("scrollY")
    assert below > 500
    window.page.locator("#follow").click()
    live.save("paper.md", edited((live.root / "paper.md").read_text()))
    window.shows("a sentence that WAS edited")
    window.page.wait_for_timeout(100)
    assert window.run("scrollY") == below
    window.page.locator("#follow").click()


def test_two_tabs_show_the_same(live, window, browser):
    context = browser.new_context()
    other = Window(context, live.address)
    live.save("paper.md", edited(PAPER))
    window.shows("a sentence that WAS edited")
    other.shows("a sentence that WAS edited")
    assert other.complaints == []
    context.close()


@pytest.mark.slow
def test_two_hundred_saves_in_ten_seconds_end_in_the_last_one(live, window):
    begin = time.monotonic()
    for n in range(200):
        live.save("paper.md", edited(PAPER, new=f"version {n} of the sentence"))
        time.sleep(max(0.0, begin + (n + 1) * 0.05 - time.monotonic()))
    window.shows("version 199 of the sentence")
    live.settle()
    window.says("Up to date")
    assert window.paper.get_by_text("version 199").count() == 1


# Errors


def test_an_error_lies_over_the_last_good_page_and_vanishes_when_it_is_mended(live, window):
    live.save("paper.md", edited(PAPER, new="[]{val=curve.meen}"))
    faults = window.page.locator("#faults")
    faults.wait_for()
    text = faults.inner_text()
    assert "PB" in text
    assert re.search(r"paper\.md:8:\d+", text)
    assert faults.locator("mark").inner_text() == "meen"
    assert "did you mean" in text
    window.says("Failed")
    window.shows("a sentence that will be edited")
    live.save("paper.md", PAPER)
    faults.wait_for(state="hidden")
    window.says("Up to date")


def test_an_error_that_is_put_aside_stays_aside_until_there_is_another(live, window):
    live.save("paper.md", edited(PAPER, new="[]{val=curve.meen}"))
    faults = window.page.locator("#faults")
    faults.wait_for()
    faults.get_by_role("button", name="Put aside").click()
    faults.wait_for(state="hidden")
    window.page.locator("#show-faults", has_text="1 error").click()
    faults.wait_for()
    window.page.keyboard.press("Escape")
    faults.wait_for(state="hidden")
    live.save("paper.md", edited(PAPER, new="[]{val=curve.moon}"))
    faults.locator("mark", has_text="moon").wait_for()
    live.save("paper.md", PAPER)
    faults.wait_for(state="hidden")
    window.page.locator("#show-faults").wait_for(state="hidden")


def test_a_broken_manifest_is_told_and_mended(live, window):
    live.save("paperbuild.toml", MANIFEST + "[target.\n")
    window.page.locator("#faults", has_text="PB101").wait_for()
    window.shows("a sentence that will be edited")
    live.save("paperbuild.toml", MANIFEST)
    window.page.locator("#faults").wait_for(state="hidden")
    window.says("Up to date")


def test_scripts_in_values_errors_and_logs_are_shown_as_text(live, window):
    said = f"print({EVIL!r})\nraise SystemExit('\\x1b[31mred\\x1b[0m' + {EVIL!r})\n"
    live.save("curve.py", said)
    log = window.page.locator("#faults .log")
    log.wait_for()
    assert log.inner_text().splitlines()[-2:] == [EVIL, f"red{EVIL}"]
    live.save("curve.py", live.curve(mean=f"{EVIL!r}"))
    live.save("paper.md", edited(PAPER, new=f"[]{{val=curve.mean}} and `{EVIL}`"))
    window.page.locator("#faults").wait_for(state="hidden")
    window.shows(EVIL)
    for where in (window.page, window.frame):
        assert where.evaluate("window.broken") is None
        assert where.evaluate("document.querySelectorAll('img[src=x]').length") == 0


# Targets


def test_a_figure_whose_target_runs_keeps_its_picture_with_a_badge_and_the_new_one_lands(live, window):
    picture = "document.querySelector('#fig\\\\:curve img').src"
    before = window.run(picture)
    live.save("curve.py", live.curve("#c02020", pause=1.5))
    figure = window.paper.locator("#fig\\:curve")
    window.paper.locator("#fig\\:curve[data-live=running]").wait_for()
    assert re.match(r"running \d", figure.get_attribute("data-live-badge"))
    assert window.run(picture) == before
    assert window.page.locator("#running").inner_text().startswith("curve ")
    window.says("Building")
    window.paper.locator("#fig\\:curve img[data-live-landed]").wait_for()
    assert window.run(picture) != before
    window.says("Up to date")
    assert figure.get_attribute("data-live-badge") is None


def test_what_runs_can_be_cancelled_and_run_again(live, window):
    live.save("curve.py", live.curve("#208020", pause=60.0))
    window.paper.locator("#fig\\:curve[data-live=running]").wait_for()
    window.page.locator("#standing").click()
    begin = time.monotonic()
    window.page.locator("#work").get_by_role("button", name="Cancel").click()
    window.says("Stale")
    assert time.monotonic() - begin < 30, live.said
    assert window.paper.locator("#fig\\:curve").get_attribute("data-live-badge") == "cancelled"
    window.page.locator("#work").get_by_role("button", name="Run again").click()
    window.paper.locator("#fig\\:curve[data-live=running]").wait_for()
    window.page.locator("#work").get_by_role("button", name="Cancel").click()
    window.says("Stale")


def test_a_heavy_target_waits_for_a_press(live, window):
    live.save("paper.md", edited(PAPER, new=f"[]{{val=big.n}} and {time.time()}"))
    live.save("big.in", f"{time.time()}\n")
    window.says("Stale, 1 held")
    assert window.page.locator("#faults").is_hidden()
    window.page.locator("#standing").click()
    window.page.locator("#work li", has_text="big").get_by_role("button", name="Run").click()
    window.says("Up to date")
    window.paper.locator(".pb-value", has_text=re.compile("^4$")).wait_for()


def test_an_earlier_result_of_a_heavy_target_is_marked_until_it_is_made_anew(live, window):
    live.save("paper.md", edited(PAPER, new=f"[]{{val=big.n}} and {time.time()}"))
    window.says(re.compile("Stale, 1 held|Up to date"))
    if window.page.locator("#standing .words").inner_text() != "Up to date":
        window.page.locator("#standing").click()
        window.page.locator("#work li", has_text="big").get_by_role("button", name="Run").click()
        window.says("Up to date")
        window.page.locator("#standing").click()
    live.save("big.in", f"{time.time()}\n")
    window.says("Stale, 1 held")
    value = window.paper.locator(".pb-value.pb-stale", has_text=re.compile("^4$"))
    value.wait_for()
    assert "since then big.in changed" in value.get_attribute("title")
    assert "Not up to date: earlier results of big" in window.paper.locator(".built-with").inner_text()
    window.page.locator("#standing").click()
    window.page.locator("#work li", has_text="big").get_by_role("button", name="Run").click()
    window.says("Up to date")
    window.paper.locator(".pb-value:not(.pb-stale)", has_text=re.compile("^4$")).wait_for()
    assert window.paper.locator(".pb-stale").count() == 0
    assert {words.partition(": ")[2] for words in window.complaints} == {"the page is loaded again: other results are up to date"}
    window.complaints.clear()


# Looks


@pytest.mark.parametrize("width", [360, 700, 1300])
def test_nothing_is_wider_than_the_window(live, window, width):
    window.page.set_viewport_size({"width": width, "height": 700})
    live.save("paper.md", edited(PAPER, new="[]{val=curve.meen}" + " x" * 90))
    window.page.locator("#faults").wait_for()
    assert window.rests()
    box = window.page.locator("#faults").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    bar = window.page.locator("#bar")
    assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth")


def test_the_frame_is_dark_where_the_paper_is(live, window):
    def grounds():
        ask = "getComputedStyle(document.body).backgroundColor"
        return window.page.evaluate(ask), window.run(ask)

    light = grounds()
    assert len(set(light)) == 1
    window.page.emulate_media(color_scheme="dark")
    dark = grounds()
    assert len(set(dark)) == 1
    assert dark != light
    window.paper.locator("button.theme").click()
    window.until(lambda: grounds() == light)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_frame_of_the_page(live, browser, axe, scheme):
    context = browser.new_context(viewport={"width": 1000, "height": 800}, color_scheme=scheme, bypass_csp=True)
    window = Window(context, live.address)
    window.page.locator("#views").get_by_role("button", name="Both").click()
    live.save("paper.md", edited(PAPER, new="[]{val=curve.meen}"))
    window.page.locator("#faults").wait_for()
    window.page.locator("#standing").click()
    assert found_by(axe, window.page) == []
    context.close()


# The PDF


def test_the_pdf_is_shown_page_by_page_and_only_the_page_that_changed_is_exchanged(live, window):
    live.save("paper.md", edited(PAPER, "far below", "Far below"))  # one that was there before is drawn from itself, and so otherwise
    window.shows("Far below")
    live.settle()
    window.page.locator("#views").get_by_role("button", name="Both").click()
    sheets = window.page.locator("#sheets .sheet")
    sheets.nth(1).locator("img").wait_for()
    assert window.page.locator("#sheets .place").inner_text() == f"1 / {sheets.count()}"
    assert sheets.count() >= 2
    drawn = "[...document.querySelectorAll('.sheet')].map((sheet) => sheet.dataset.digest)"
    before = window.page.evaluate(drawn)
    window.page.evaluate("window.images = [...document.querySelectorAll('.sheet img')]")
    live.save("paper.md", edited(PAPER, "far below", "FAR below"))
    window.shows("FAR below")
    live.settle()
    until = time.monotonic() + LIMIT_S
    while window.page.evaluate(drawn) == before and time.monotonic() < until:
        window.page.wait_for_timeout(20)
    after = window.page.evaluate(drawn)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True] * (len(before) - 1) + [False]
    assert window.page.evaluate("document.querySelector('.sheet img') === window.images[0]")
    wide = sheets.first.bounding_box()["width"]
    window.page.get_by_role("button", name="Larger").click()
    assert sheets.first.bounding_box()["width"] > wide * 1.1
    window.page.get_by_role("button", name="As wide as the pane").click()
    assert abs(sheets.first.bounding_box()["width"] - wide) < 2
    window.page.locator("#views").get_by_role("button", name="Page").click()


# The server


def test_a_page_finds_the_server_again_and_shows_what_it_missed(live, window):
    window.run("scrollTo({ top: 900, behavior: 'instant' })")
    live.stop()
    window.says("Not connected")
    live.save("paper.md", edited(PAPER))
    live.start()
    window.shows("a sentence that WAS edited")
    window.says("Up to date")
    assert window.run("scrollY") == 900
    live.save("paper.md", edited(PAPER, new="a sentence that was edited ONCE MORE"))
    window.shows("a sentence that was edited ONCE MORE")


def test_documents_of_a_project_are_chosen_in_the_bar(browser, tmp_path):
    live = Live(tmp_path)
    more = '\n[document.notes]\nsource = "notes.md"\nformats = ["html"]\n'
    paper = MANIFEST.replace("[paper]", '[document.paper]\nformats = ["html"]')
    (tmp_path / "paperbuild.toml").write_text(paper + more)
    (tmp_path / "notes.md").write_text("# Notes\n\nText of the notes.\n")
    live.start()
    context = browser.new_context()
    window = Window(context, live.address)
    window.shows("a sentence that will be edited")
    window.page.locator("#documents").select_option("notes")
    window.shows("Text of the notes")
    live.save("notes.md", "# Notes\n\nOther text of the notes.\n")
    window.shows("Other text of the notes")
    window.page.reload()
    window.shows("Other text of the notes")
    assert window.complaints == []
    context.close()
    live.stop()
