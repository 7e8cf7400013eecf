"""How long an edit takes from the save to the changed pixels, in a real browser.

usage: python benchmarks/live.py [edits]

A paper of 6,000 words and one of 60,000 are watched; in each edit one word in the middle is changed, or a citation is added. The page says
when it has painted what it was told, by the same clock as the one that the save is timed by. In the same run, for comparison, a whole
``paperbuild render --to html`` of the edited paper, and ``latexmk`` on its LaTeX source where there is one.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import long_paper
from playwright.sync_api import Browser, Frame, Page, sync_playwright
from timing import ENVIRONMENT, PAPERBUILD, Case, once

PAINTED = """word => new Promise(done => {
  const seen = () => document.body.textContent.includes(word);
  const painted = () => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.timeOrigin + performance.now())));
  if (seen()) return painted();
  const observer = new MutationObserver(() => { if (seen()) { observer.disconnect(); painted(); } });
  observer.observe(document, { subtree: true, childList: true, characterData: true });
})"""


REDRAWN = """() => new Promise(done => {
  const box = document.getElementById("sheets");
  const inSight = (sheet) => sheet.getBoundingClientRect().bottom > 0 && sheet.getBoundingClientRect().top < innerHeight;
  const painted = () => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.timeOrigin + performance.now())));
  const observer = new MutationObserver((records) => {
    if (!records.some(({ target }) => target.classList.contains("sheet") && inSight(target))) return;
    observer.disconnect();
    painted();
  });
  observer.observe(box, { subtree: true, childList: true });
})"""
DRAWINGS = '() => [...document.querySelectorAll("#sheets .sheet")].map((sheet) => sheet.dataset.digest)'


class Watched:
    """``paperbuild watch`` at work in ``folder``."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.log = (folder / ".log~").open("w+")
        self.process = subprocess.Popen(
            [*PAPERBUILD, "watch", *options], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=self.log
        )
        self.settle()
        found = re.search(r"shown at (\S+)", self._said())
        self.address = found[1] if found else ""

    def _said(self) -> str:
        return (self.folder / ".log~").read_text()

    def settle(self) -> None:
        """Wait until nothing is to be done."""
        while not self._said().endswith("Ctrl-C ends this\n"):
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


def edits(watched: Watched, frame: Callable[[], Frame], change: Callable[[str, str], str], count: int) -> list[float]:
    """Make ``count`` edits; return how long each took, in milliseconds."""
    paper = watched.folder / "paper.md"
    text = paper.read_text()
    found = []
    for n in range(count + 3):
        word = f"edited{n}"
        begun = frame().evaluate_handle("word => { window.waited = (" + PAINTED + ")(word); }", word)
        begin = time.time()
        paper.write_text(change(text, word))
        found.append(frame().evaluate("() => window.waited") - 1000 * begin)
        begun.dispose()
        watched.settle()
        time.sleep(0.3)
    return found[3:]  # the first ones fill what is kept


def sheet_edits(watched: Watched, page: Page, count: int) -> list[float]:
    """Make ``count`` edits while the PDF is shown; return how long each took, in milliseconds."""
    paper = watched.folder / "paper.md"
    text = paper.read_text()
    found = []
    for n in range(count + 3):
        before = page.evaluate(DRAWINGS)
        page.evaluate(f"() => {{ window.waited = ({REDRAWN})(); }}")
        begin = time.time()
        paper.write_text(one_word(text, f"edited{n}"))
        if n:
            found.append(page.evaluate("() => window.waited") - 1000 * begin)
        if not n:  # the sheet that is edited comes into sight
            page.wait_for_function(f"before => JSON.stringify(({DRAWINGS})()) !== before", arg=json.dumps(before, separators=(",", ":")))
            after = page.evaluate(DRAWINGS)
            at = next(place for place, (old, new) in enumerate(zip(before, after, strict=False)) if old != new)
            page.evaluate("at => document.querySelectorAll('#sheets .sheet')[at].scrollIntoView()", at)
        watched.settle()
        time.sleep(1)
    return found[2:]


def one_word(text: str, word: str) -> str:
    """Return ``text`` with a word in its middle changed."""
    at = text.index(" the ", len(text) // 2)
    return f"{text[:at]} {word} {text[at + 5 :]}"


def a_citation(text: str, word: str) -> str:
    """Return ``text`` with a citation in its middle that was not there."""
    at = text.index(" the ", len(text) // 2)
    number = int(word.removeprefix("edited")) % 20
    keys = re.findall(r"@(\w+\d+)", text)
    return f"{text[:at]} {word} [see @{keys[number % len(keys)]}, p. {number + 1}] the {text[at + 5 :]}"


def told(name: str, found: list[float]) -> None:
    """Print a line."""
    ordered = sorted(found)
    most = ordered[math.ceil(0.95 * (len(ordered) - 1))]
    print(f"{name:44s} median {statistics.median(ordered):6.0f} ms   95th percentile {most:6.0f} ms")


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    chromium = shutil.which("chromium") or sys.exit("there is no chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scale in (1, 10):
            folder = Path(name, str(scale))
            long_paper.write(folder, scale)
            original = (folder / "paper.md").read_text()
            watched = Watched(folder, "paper.md", "--to", "html")
            page = browser.new_page()
            page.goto(watched.address)

            def paper(page: object = page) -> Frame:
                return next(frame for frame in page.frames if "/paper" in frame.url)  # type: ignore[attr-defined]

            page.frame_locator("iframe").locator(".body").first.wait_for()
            time.sleep(1)
            print(f"\n{scale * long_paper.WORDS:,} words, HTML view")
            told("one word changed", edits(watched, paper, one_word, count if scale == 1 else count // 3))
            (folder / "paper.md").write_text(original)
            watched.settle()
            told("a new citation", edits(watched, paper, a_citation, count // 4))
            watched.stop()
            page.close()
            (folder / "paper.md").write_text(original)
            if scale == 1:
                sheets(browser, folder, count)
            (folder / "paper.md").write_text(one_word(original, "again"))
            whole = once(Case("whole render", [*PAPERBUILD, "render", "paper.md", "--to", "html"], folder))
            print(f"{'a whole render, for comparison':44s} {1000 * whole.wall:13.0f} ms")
            latex(folder)
        browser.close()


def sheets(browser: Browser, folder: Path, count: int) -> None:
    """Print what an edit takes in the PDF view, while the page is made as well."""
    watched = Watched(folder, "paper.md", "--to", "html,pdf")
    page = browser.new_page()
    page.goto(watched.address)
    page.click("#views button[data-view=pdf]")
    page.locator("#sheets .sheet img").first.wait_for()
    time.sleep(1)
    told("one word changed, PDF view", sheet_edits(watched, page, count))
    watched.stop()
    page.close()


def latex(folder: Path) -> None:
    """Print what a LaTeX run takes after an edit, where there is LaTeX."""
    if shutil.which("latexmk") is None or shutil.which("lualatex") is None:
        return
    once(Case("source", [*PAPERBUILD, "render", "paper.md", "--to", "latex"], folder))
    source = next((folder / "_build").rglob("*.tex"))
    run = ["latexmk", "-lualatex", "-interaction=nonstopmode", "-silent", source.name]
    once(Case("latexmk", run, source.parent))
    source.write_text(source.read_text().replace(" the ", " latexed ", 1))
    print(f"{'latexmk after an edit, for comparison':44s} {1000 * once(Case('latexmk', run, source.parent)).wall:13.0f} ms")


if __name__ == "__main__":
    main()
