"""What an edit of each kind of file does to the page of ``watch``: that, and nothing else."""

import logging
import os
import re
import signal
import time

import pytest

from tests.browser.watched import FILLER, LIMIT_S, Live, Window, edited

MANIFEST = """\
[paper]
source = "paper.md"
template = "house"
formats = ["html"]

[target.curve]
run = "python3 code/curve.py"
outputs = { curve = "figures/curve.svg", data = "out/data.json" }

[target.other]
run = "python3 code/other.py {n}"
outputs = ["out/other.json"]
params = { n = 3 }
"""
CURVE = """\
import csv, json, pathlib, shape
rows = list(csv.DictReader(open("data/input.csv")))
for name in ("figures", "out"):
    pathlib.Path(name).mkdir(exist_ok=True)
pathlib.Path("figures/curve.svg").write_text(shape.picture(len(rows)))
pathlib.Path("out/data.json").write_text(json.dumps({"mean": sum(float(row["x"]) for row in rows)}))
"""
SHAPE = """\
import time
def picture(width):
    time.sleep(PAUSE)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="150">'
        f'<rect width="{100 + width}" height="150" fill="COLOR"/></svg>'
    )
"""
PAPER = f"""\
---
title: A paper of many files
bibliography: refs.bib
---

# First

The mean is [0.5]{{val=curve.mean}}, the other is [3]{{val=other.n}}, as @knuth1984 wrote. It has a sentence that will be edited.

# Second

![The curve.](figures/curve.svg){{#fig:curve}}

![The rows.](data/rows.csv){{#tbl:rows}}

{FILLER}

# Third

The last paragraph, far below.

# References
"""


OTHER = """\
import json, os, sys
os.makedirs("out", exist_ok=True)
json.dump({"n": int(sys.argv[1])}, open("out/other.json", "w"))
"""


def shape(color="teal", pause=0.0):
    return SHAPE.replace("COLOR", color).replace("PAUSE", str(pause))


BASE = {
    "paperbuild.toml": MANIFEST,
    "paper.md": PAPER,
    "code/curve.py": CURVE,
    "code/shape.py": shape(),
    "code/other.py": OTHER,
    "data/input.csv": "x\n1\n2\n",
    "data/rows.csv": "town,people\nRiga,605\nTartu,91\n",
    "refs.bib": "@book{knuth1984, author={Donald E. Knuth}, title={The book of type}, year={1984}, publisher={AW}}\n",
    "templates/house/template.toml": 'name = "house"\nbase = "article"\n\n[files]\nstyles = ["...", "house.css"]\n',
    "templates/house/house.css": ".body p { letter-spacing: 1px; }\n",
}


@pytest.fixture(scope="module")
def running(browser, tmp_path_factory):
    live = Live(tmp_path_factory.mktemp("edits"), BASE)
    live.start("--editor", "vscode")
    yield live
    if live.process.poll() is None:
        live.stop()
    assert "Traceback" not in re.sub(r"(?m)^ *\|.*$", "", live.said)


@pytest.fixture
def live(running):
    running.reset()
    return running


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
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


@pytest.fixture
def another(tmp_path):
    """Starts a project of its own, with these options."""
    lives = []

    def start(*options):
        lives.append(Live(tmp_path, BASE))
        lives[-1].start(*options)
        return lives[-1]

    yield start
    for live in lives:
        if live.process.poll() is None:
            live.stop()


# Each kind of file


def test_a_helper_module_runs_what_imports_it_and_nothing_else(live, window):
    live.save("code/shape.py", shape("maroon"))
    window.paper.locator("#fig\\:curve img[data-live-landed]").wait_for()
    assert live.ran() == {"curve"}
    assert window.picture("#fig\\:curve").count("maroon") == 1


def test_a_data_file_runs_what_reads_it_and_the_numbers_follow(live, window):
    live.save("data/input.csv", "x\n1\n2\n4\n")
    window.paper.locator(".pb-value", has_text=re.compile("^7")).wait_for()
    assert live.ran() == {"curve"}


def test_a_table_of_the_paper_is_read_again_and_nothing_runs(live, window):
    window.run("window.mine = true")
    live.save("data/rows.csv", "town,people\nRiga,605\nVilnius,602\n")
    window.paper.locator("#tbl\\:rows td", has_text="Vilnius").wait_for()
    assert live.ran() == set()
    assert window.run("window.mine")


def test_a_bibliography_changes_the_citation_and_the_list_and_nothing_runs(live, window):
    window.run("window.mine = true")
    live.save("refs.bib", BASE["refs.bib"].replace("of type", "of letters").replace("year={1984}", "year={1986}"))
    window.paper.locator("#refs", has_text="The Book of Letters").wait_for()
    window.paper.locator(".body p .citation", has_text="1986").wait_for()
    assert live.ran() == set()
    assert window.run("window.mine"), "the page was patched"


def test_a_template_dresses_the_page_anew_where_it_is_scrolled_to_and_nothing_runs(live, window):
    window.run("scrollTo({ top: 700, behavior: 'instant' })")
    live.save("templates/house/house.css", ".body p { letter-spacing: 3px; }\n")
    spacing = "getComputedStyle(document.querySelector('.body p')).letterSpacing"
    window.until(lambda: window.run(spacing) == "3px")
    assert live.ran() == set()
    window.until(lambda: window.run("scrollY") == 700)


def test_another_parameter_in_the_manifest_runs_its_target_alone(live, window):
    live.save("paperbuild.toml", MANIFEST.replace("n = 3", "n = 4"))
    window.paper.locator(".pb-value", has_text=re.compile("^4$")).wait_for()
    assert live.ran() == {"other"}


def test_a_document_more_in_the_manifest_is_there_to_be_chosen_and_one_less_is_not(live, window):
    live.save("notes.md", "# Notes\n\nText of the notes.\n")
    live.save("paperbuild.toml", MANIFEST + '\n[document.notes]\nsource = "notes.md"\nformats = ["html"]\n')
    window.page.locator("#documents").wait_for()
    window.page.locator("#documents").select_option("notes")
    window.shows("Text of the notes")
    window.page.locator("#documents").select_option("paper")
    window.shows("a sentence that will be edited")
    live.save("paperbuild.toml", MANIFEST)
    window.page.locator("#documents").wait_for(state="hidden")


def test_a_syntax_error_is_typed_and_mended(live, window):
    picture = window.picture("#fig\\:curve")
    live.save("code/curve.py", CURVE.replace("import csv", "import csv(", 1))
    faults = window.page.locator("#faults", has_text="SyntaxError")
    faults.wait_for()
    window.says("Failed")
    assert window.paper.locator("#fig\\:curve").get_attribute("data-live-badge") == "failed"
    assert window.picture("#fig\\:curve") == picture
    live.save("paper.md", edited(PAPER))
    window.shows("a sentence that WAS edited")
    assert faults.is_visible()
    live.save("code/curve.py", CURVE)
    faults.wait_for(state="hidden")
    window.says("Up to date")
    assert window.paper.locator("#fig\\:curve").get_attribute("data-live-badge") is None


def test_a_text_is_shown_as_it_is_edited_though_a_target_has_failed_and_its_own_errors_come_and_go(live, window):
    live.save("code/curve.py", "raise SystemExit(3)\n")
    window.says("Failed")
    for n in range(2):
        live.save("paper.md", edited(PAPER, new=f"version {n} of it"))
        window.shows(f"version {n} of it")
        live.settle()
        window.page.wait_for_timeout(200)
        window.shows(f"version {n} of it")
    assert "version 1 of it" not in (live.root / "_build/paper.html").read_text(), "what rests on an old result is not published"
    live.save("paper.md", edited(PAPER, new="[]{val=curve.meen}"))
    window.page.locator("#faults mark", has_text="meen").wait_for()
    live.settle()
    assert live.said.rpartition("build begins")[2].count("error[PB212]") == 1
    window.shows("version 1 of it")
    live.save("paper.md", edited(PAPER))
    window.page.locator("#faults mark", has_text="meen").wait_for(state="hidden")
    window.shows("a sentence that WAS edited")
    live.save("code/curve.py", CURVE)
    window.says("Up to date")
    window.shows("a sentence that WAS edited")


def test_a_new_figure_is_on_the_page_within_half_a_second_of_the_end_of_its_script(live, window, record_property):
    ends = "import atexit\natexit.register(lambda: open('.end~', 'w').write(str(time.time())))\n"
    window.run("""() => {
      window.landed = new Promise((done) => {
        const image = document.querySelector("#fig\\\\:curve img");
        new MutationObserver(() => image.decode().then(() => requestAnimationFrame(() => done(Date.now() / 1000))))
          .observe(image, { attributeFilter: ["src"] });
      });
    }""")
    live.save("code/shape.py", shape("navy", pause=1.0).replace("import time\n", f"import time\n{ends}"))
    begin = time.time()
    shown = window.run("() => window.landed")
    end = float((live.root / ".end~").read_text())
    record_property("script_s", round(end - begin, 2))
    record_property("figure_after_s", round(shown - end, 3))
    logging.getLogger(__name__).info("the script took %.2f s, and %.3f s later its figure was on the page", end - begin, shown - end)
    assert live.ran() == {"curve"}
    assert shown - end < 0.5


# The reader


def test_what_is_unfolded_stays_so_and_a_card_stays_open(live, window):
    window.paper.locator(".references-bibtex summary").click()
    window.run("scrollTo({ top: 0, behavior: 'instant' })")
    window.paper.locator("#fig\\:curve .pb-source").click()
    window.paper.locator("#pb-card").wait_for()
    before = window.run("scrollY")
    live.save("paper.md", edited(PAPER))
    window.shows("a sentence that WAS edited")
    assert window.run("document.querySelector('.references-bibtex').open")
    assert window.paper.locator("#pb-card").is_visible()
    assert window.run("scrollY") == before
    live.save("refs.bib", BASE["refs.bib"].replace("of type", "of letters"))
    window.paper.locator("#refs", has_text="The Book of Letters").wait_for()
    window.paper.locator(".references-bibtex", has_text="The book of letters").wait_for()
    assert window.run("document.querySelector('.references-bibtex').open")


class TestScrolling:
    @staticmethod
    def at(window):
        window.page.wait_for_timeout(150)
        return window.run("scrollY")

    def test_an_edit_out_of_sight_is_scrolled_to(self, live, window):
        live.save("paper.md", edited(PAPER, "far below", "FAR below"))
        window.shows("FAR below")
        assert self.at(window) > 500

    def test_who_scrolls_by_hand_is_left_where_he_is(self, live, window):
        window.page.mouse.move(600, 300)
        window.page.mouse.wheel(0, 100)
        window.until(lambda: window.run("scrollY") > 0)
        before = self.at(window)
        live.save("paper.md", edited(PAPER, "far below", "FAR below"))
        window.shows("FAR below")
        assert self.at(window) == before

    def test_what_changes_in_many_places_at_once_is_no_edit(self, live, window):
        window.run("scrollTo({ top: 500, behavior: 'instant' })")
        live.save("paper.md", edited(PAPER, "far below", "FAR below").replace("Paragraph 30 says", "Paragraph 30 said"))
        window.shows("FAR below")
        assert self.at(window) == 500

    def test_numbers_that_follow_from_an_edit_are_not_scrolled_to(self, live, window):
        live.save("paper.md", PAPER.replace("# Third", "# Between\n\nA section more.\n\n# Third"))
        window.shows("A section more.")
        assert window.until(lambda: window.sees("A section more."))

    def test_results_are_not_scrolled_to(self, live, window):
        window.run("scrollTo({ top: 1200, behavior: 'instant' })")
        live.save("data/input.csv", "x\n1\n2\n5\n")
        window.paper.locator(".pb-value", has_text=re.compile("^8")).wait_for()
        assert self.at(window) == 1200


# Where it comes from


def line_of(text, words):
    at = text.index(words)
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


class TestTheLineInTheSource:
    def test_a_press_with_alt_says_the_line_and_column_and_copies_it(self, live, window):
        live.save("paper.md", edited(PAPER))
        window.shows("a sentence that WAS edited")
        live.settle()
        window.alt_click("WAS edited")
        line, column = line_of(edited(PAPER), "WAS edited")
        place = window.page.locator("#place .place")
        place.wait_for()
        assert place.inner_text() == f"paper.md:{line}:{column}"
        place.click()
        window.until(lambda: place.inner_text() == "Copied")
        assert window.page.evaluate("navigator.clipboard.readText()") == f"paper.md:{line}:{column}"
        assert window.page.locator("#place .edit").get_attribute("href") == f"vscode://file{live.root}/paper.md:{line}:{column}"
        window.page.keyboard.press("Escape")

    def test_each_kind_of_block_has_its_line(self, live, window):
        for selector, words in (
            ("h1:has-text('Second')", "# Second"),
            ("#fig\\:curve figcaption", "![The curve."),
            ("#tbl\\:rows td >> nth=0", "![The rows."),
            ("p:has-text('Paragraph 17')", "Paragraph 17"),
            (".body p:has-text('far below')", "The last paragraph"),
        ):
            window.paper.locator(selector).first.click(modifiers=["Alt"], position={"x": 3, "y": 5})
            said = f"paper.md:{line_of(PAPER, words)[0]}"
            window.page.locator("#place .place", has_text=re.compile(f"^{re.escape(said)}(:|$)")).wait_for()

    def test_a_page_that_an_earlier_session_made_has_lines_as_well(self, browser, another):
        live = another()
        live.stop()
        live.start()
        context = browser.new_context(viewport={"width": 1300, "height": 800})
        window = Window(context, live.address)
        assert "\n0 ran" in live.said
        window.alt_click("Paragraph 21")
        window.page.locator("#place .place", has_text=re.compile(f"^paper.md:{line_of(PAPER, 'Paragraph 21')[0]}(:|$)")).wait_for()
        assert window.page.locator("#place .edit").count() == 0, "no editor is known"
        assert window.complaints == []
        context.close()

    def test_the_button_in_the_bar_does_the_same_without_a_keyboard_and_a_link_is_not_followed(self, live, window):
        window.page.locator("#point").click()
        window.paper.locator("a.xref, .citation a").first.click()
        line, _ = line_of(PAPER, "The mean is")
        window.page.locator("#place .place", has_text=f"paper.md:{line}").wait_for()
        assert window.page.locator("#point").get_attribute("aria-pressed") == "false"
        assert window.run("location.hash") == ""

    def test_an_error_has_its_place_in_the_editor(self, live, window):
        live.save("paper.md", edited(PAPER, new="[]{val=curve.meen}"))
        edit = window.page.locator("#faults .edit").first
        edit.wait_for()
        line, _ = line_of((live.root / "paper.md").read_text(), "[]{val=curve.meen}")
        assert re.fullmatch(rf"vscode://file{re.escape(str(live.root))}/paper\.md:{line}:\d+", edit.get_attribute("href"))

    def test_a_command_opens_the_editor_and_opens_nothing_else(self, browser, another, tmp_path):
        live = another("--editor", "python3 editor.py '+{line}' '{file}'")
        live.save("editor.py", "import sys\nopen('.opened~', 'w').write(repr(sys.argv[1:]))\n")
        context = browser.new_context(viewport={"width": 1300, "height": 800})
        window = Window(context, live.address)
        window.alt_click("Paragraph 3 says")
        window.page.locator("#place .edit").click()
        opened = tmp_path / ".opened~"
        window.until(lambda: opened.exists() and opened.read_text())
        assert opened.read_text() == repr([f"+{line_of(PAPER, 'Paragraph 3 says')[0]}", str(tmp_path / "paper.md")])
        opened.unlink()
        for path in ("/etc/passwd", "../paper.md", "code/curve.py", ""):
            asked = f"fetch('/edit?' + new URLSearchParams({{path: {path!r}, line: 1, column: 1}}), {{method: 'POST', headers: {{"
            asked += "'X-Paperbuild-Token': document.querySelector('meta[name=token]').content}}).then(answer => answer.status)"
            assert window.page.evaluate(asked) == 409
        window.page.wait_for_timeout(200)
        assert not opened.exists()
        window.complaints = [one for one in window.complaints if "409" not in one]
        assert window.complaints == []
        context.close()


# Tabs and servers


def test_two_tabs_at_different_places_and_documents_follow_each_its_own(live, window, browser):
    live.save("notes.md", "# Notes\n\nText of the notes.\n")
    live.save("paperbuild.toml", MANIFEST + '\n[document.notes]\nsource = "notes.md"\nformats = ["html"]\n')
    window.page.locator("#documents").wait_for()
    context = browser.new_context()
    other = Window(context, f"{live.address}?document=notes")
    other.shows("Text of the notes")
    live.save("paper.md", edited(PAPER))
    window.shows("a sentence that WAS edited")
    live.save("notes.md", "# Notes\n\nNew text of the notes.\n")
    other.shows("New text of the notes")
    other.says("Up to date")
    window.says("Up to date")
    assert other.paper.get_by_text("a sentence that").count() == 0
    assert other.complaints == []
    context.close()


def test_ctrl_c_with_pages_open_and_a_target_at_work_ends_all_in_a_moment(browser, another):
    live = another()
    context = browser.new_context()
    windows = [Window(context, live.address) for _ in range(3)]
    live.save("code/shape.py", shape("olive", pause=60.0))
    windows[0].paper.locator("#fig\\:curve[data-live=running]").wait_for()
    until = time.monotonic() + LIMIT_S
    while len(family := descendants(live.process.pid)) < 2:
        assert time.monotonic() < until, "pandoc, and the script"
        time.sleep(0.02)
    begin = time.monotonic()
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(LIMIT_S) == 130
    assert time.monotonic() - begin < 30, "the script would have taken a minute"
    assert [pid for pid in family if os.path.exists(f"/proc/{pid}") and "State:\tZ" not in status(pid)] == []
    for window in windows:
        window.says("Not connected")
    context.close()


def status(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            return file.read()
    except OSError:
        return "State:\tZ"


def descendants(pid):
    parents = {int(name): int(re.search(r"PPid:\t(\d+)|$", status(name))[1] or 0) for name in os.listdir("/proc") if name.isdigit()}
    found = {pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def test_while_a_target_is_at_work_an_error_in_the_text_is_told_at_once_and_goes_at_once(live, window):
    live.save("code/shape.py", shape("olive", pause=60.0))
    window.paper.locator("#fig\\:curve[data-live=running]").wait_for()
    live.save("paper.md", edited(PAPER, new="[]{val=curve.meen}"))
    window.page.locator("#faults mark", has_text="meen").wait_for()
    live.save("paper.md", edited(PAPER))
    window.page.locator("#faults").wait_for(state="hidden")
    window.shows("a sentence that WAS edited")
    assert window.paper.locator("#fig\\:curve[data-live=running]").count() == 1
    live.save("code/shape.py", shape("olive"))  # which ends the one that runs
    until = time.monotonic() + LIMIT_S
    while "Up to date" not in window.page.locator("#standing").inner_text():
        assert time.monotonic() < until
        window.page.wait_for_timeout(50)
