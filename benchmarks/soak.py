"""A day at the desk in some minutes: random edits of a paper that is watched, and what is left of memory, descriptors and truth.

usage: python benchmarks/soak.py [edits] [seed]

A paper of 6,000 words with a target, both formats and an open page is edited a thousand times: words, sentences, headings, citations,
notes, formulas, a table's data, the bibliography, now and then the script of a figure, and slips that are mended by the next edit.
Most edits come while the one before is still being built. In the end the page that was patched all the way must be the one that a clean
render of the same files gives; all processes together may hold 700 MB, and no more descriptors than in the beginning.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import long_paper
from live import Watched
from playwright.sync_api import Page, sync_playwright
from timing import ENVIRONMENT, PAPERBUILD

MOST_MB = 700
PAUSE_S = 0.15
SETTLES_EVERY, SAMPLES_EVERY = 25, 50
MANIFEST = """\
[paper]
source = "paper.md"

[target.curve]
run = "python3 curve.py"
outputs = { picture = "out/curve.svg", data = "out/curve.json" }
"""
SCRIPT = """\
import json, pathlib
pathlib.Path("out").mkdir(exist_ok=True)
width = WIDTH
pathlib.Path("out/curve.svg").write_text(
    f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="150"><rect width="{width}" height="150" fill="teal"/></svg>'
)
pathlib.Path("out/curve.json").write_text(json.dumps({"width": width}))
"""
SHOWN = "document.querySelector('main').outerHTML"


class Author:
    """Writes a paper at random, which stays a valid one but for slips that the next edit mends."""

    def __init__(self, folder: Path, seed: int) -> None:
        long_paper.write(folder)
        self.folder = folder
        self._dice = random.Random(seed)
        self._count = 0
        text = (folder / "paper.md").read_text()
        text = text.replace(
            "\n# References\n",
            "\nThe width is []{val=curve.width}.\n\n![A bar.](out/curve.svg){#fig:bar}\n\n![Rows.](rows.csv){#tbl:rows}\n\n# References\n",
        )
        head, _, body = text.partition("\n---\n")
        self._head = head + "\n---\n"
        self._parts = body.split("\n\n")
        self._slip = ""
        (folder / "paperbuild.toml").write_text(MANIFEST)
        (folder / "rows.csv").write_text("name,count\na,1\n")
        self._script(300)
        self._save()

    def edit(self) -> str:
        """Make one edit and save it; return of which kind it was."""
        self._count += 1
        kinds: dict[Callable[[], None], int] = {
            self._word: 50, self._sentence: 10, self._shorter: 8, self._heading: 4, self._citation: 7, self._note: 5, self._formula: 6,
            self._slips: 3, self._table: 3, self._entry: 2, self._curve: 2,
        }  # fmt: skip
        self._slip = ""
        kind = self._dice.choices(list(kinds), list(kinds.values()))[0]
        kind()
        self._save()
        return kind.__name__.strip("_")

    def mend(self) -> None:
        """Take back the last slip."""
        self._slip = ""
        self._save()

    def _save(self) -> None:
        parts = [*self._parts[:-1], self._slip, self._parts[-1]] if self._slip else self._parts
        beside = self.folder / ".paper.md.new~"
        beside.write_text(self._head + "\n\n".join(parts))
        beside.replace(self.folder / "paper.md")

    def _prose(self) -> int:
        """Return which part of the paper is prose of some length, at random."""
        found = [n for n, part in enumerate(self._parts) if re.match(r"\w", part) and len(part) > 120 and "$$" not in part]
        return self._dice.choice(found)

    def _word(self) -> None:
        n = self._prose()
        words = self._parts[n].split(" ")
        at = self._dice.choice([k for k, word in enumerate(words) if word.isalpha()])
        words[at] = f"w{self._count}" if self._dice.random() < 0.5 else self._dice.choice(("some", "many", "few", "*most*", "no"))
        self._parts[n] = " ".join(words)

    def _sentence(self) -> None:
        n = self._prose()
        self._parts[n] += f"\nSentence {self._count} was added, after @sec:s{self._dice.randrange(8)}."

    def _shorter(self) -> None:
        n = self._prose()
        lines = self._parts[n].split("\n")
        if len(lines) > 4:
            self._parts[n] = "\n".join(lines[:-1]) + "."

    def _heading(self) -> None:
        found = [n for n, part in enumerate(self._parts) if part.startswith("## ")]
        n = self._dice.choice(found)
        if self._dice.random() < 0.5:
            self._parts.insert(self._prose() + 1, f"## Part {self._count}")
        elif len(found) > 6:
            del self._parts[n]
        else:
            self._parts[n] = f"## Details {self._count}"

    def _citation(self) -> None:
        n = self._prose()
        if self._dice.random() < 0.4 and "[see @key" in self._parts[n]:
            self._parts[n] = re.sub(r" ?\[see @key\d+\]", "", self._parts[n], count=1)
        else:
            self._parts[n] += f" [see @key{self._dice.randrange(long_paper.ENTRIES)}]"

    def _note(self) -> None:
        self._parts[self._prose()] += f"^[A note, the {self._count}th edit.]"

    def _formula(self) -> None:
        self._parts[self._prose()] += f" Here $x_{{{self._count}}} = \\sqrt{{{self._dice.randrange(99)}}}$."

    def _slips(self) -> None:
        self._slip = self._dice.choice(("See @fig:nothing.", "It is []{val=curve.widht}.", "As [@nobody2000] said."))

    def _table(self) -> None:
        rows = "".join(f"{chr(97 + n)},{self._dice.randrange(100)}\n" for n in range(self._dice.randrange(1, 6)))
        (self.folder / "rows.csv").write_text("name,count\n" + rows)

    def _entry(self) -> None:
        bibliography = self.folder / "refs.bib"
        key = self._dice.randrange(long_paper.ENTRIES)
        bibliography.write_text(
            re.sub(rf"(@article\{{key{key},[^@]*year = \{{)\d+", rf"\g<1>{1950 + self._count % 70}", bibliography.read_text())
        )

    def _curve(self) -> None:
        self._script(self._dice.randrange(20, 300))

    def _script(self, width: int) -> None:
        (self.folder / "curve.py").write_text(SCRIPT.replace("WIDTH", str(width)))


def family(pid: int) -> Iterator[int]:
    """Yield ``pid`` and all that it started, and so on."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parent = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(name))
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(parents.get(one, ()))


class Held(NamedTuple):
    """What the processes of a family hold: megabytes (what they share counts once) by the name of the program, and descriptors."""

    by_program: dict[str, float]
    descriptors: int

    @property
    def megabytes(self) -> float:
        """All of them together."""
        return sum(self.by_program.values())


def held(pid: int) -> Held:
    """Look at the family of ``pid``."""
    found: dict[str, float] = {"watch": 0.0, "press": 0.0, "pandoc": 0.0}
    descriptors = 0
    for one in family(pid):
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            command = Path(f"/proc/{one}/cmdline").read_text()
            megabytes = int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1]) * 1024 / 1e6  # type: ignore[index]
            descriptors += len(os.listdir(f"/proc/{one}/fd"))
        except (OSError, TypeError):
            continue
        program = "watch" if one == pid else "press" if "presswork" in command else "pandoc" if "worker.lua" in command else "others"
        found[program] = found.get(program, 0.0) + megabytes
    return Held(found, descriptors)


def plain(html: str) -> list[str]:
    """Return the tags and texts of a page without what comes and goes with the scroll and with what was just seen to change."""
    return [re.sub(r' (?:data-live[a-z-]*|aria-current|style)="[^"]*"', "", tag).strip() for tag in html.split("<")]


def shown(page: Page) -> list[str]:
    """Return what the page shows now."""
    frame = next(frame for frame in page.frames if "/paper" in frame.url)
    return plain(frame.evaluate(SHOWN))


def main() -> None:
    """Edit, measure, compare; exit with 1 where something does not hold."""
    edits = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    chromium = shutil.which("chromium") or sys.exit("there is no chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        author = Author(Path(name, "paper"), seed)
        watched = Watched(author.folder)
        page = browser.new_page()
        page.goto(watched.address)
        page.frame_locator("iframe").locator(".body > *").first.wait_for()
        page.locator("#views button", has_text="Both").click()
        faults = _soak(author, watched, page, edits)
        faults += _compare(author, page, Path(name, "clean"))
        watched.stop()
        browser.close()
    print("\n".join(faults) or "all holds")
    sys.exit(bool(faults))


def _soak(author: Author, watched: Watched, page: Page, edits: int) -> list[str]:
    samples: list[Held] = []
    kinds: dict[str, int] = {}
    begin = time.monotonic()
    for n in range(1, edits + 1):
        kind = author.edit()
        kinds[kind] = kinds.get(kind, 0) + 1
        if n % SETTLES_EVERY:
            page.wait_for_timeout(1000 * PAUSE_S)
        else:
            time.sleep(0.05)
            watched.settle()
        if n % SAMPLES_EVERY == 0:
            samples.append(held(watched.process.pid))
            seconds = time.monotonic() - begin
            parts = ", ".join(f"{name} {megabytes:.0f}" for name, megabytes in samples[-1].by_program.items())
            print(
                f"{n:5d} edits {seconds:6.0f} s {samples[-1].megabytes:5.0f} MB ({parts}), {samples[-1].descriptors} descriptors",
                flush=True,
            )
    author.mend()
    page.wait_for_timeout(1500)
    watched.settle()
    print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    most, descriptors = max(one.megabytes for one in samples), [one.descriptors for one in samples]
    faults = [f"{most:.0f} MB are more than {MOST_MB}"] if most > MOST_MB else []
    half = len(descriptors) // 2 + 1
    grown = min(descriptors[half - 1 :]) - max(descriptors[:half])  # one that is open just now is no leak
    return faults + ([f"{grown} descriptors more than in the first half"] if grown > 0 else [])


def _compare(author: Author, page: Page, clean: Path) -> list[str]:
    shutil.copytree(author.folder, clean, ignore=shutil.ignore_patterns(".paperbuild", "_build", "out", "*~"))
    subprocess.run([*PAPERBUILD, "render", "--to", "html"], cwd=clean, env=ENVIRONMENT, check=True, capture_output=True)
    faults = []
    if (clean / "_build/paper.html").read_bytes() != (author.folder / "_build/paper.html").read_bytes():
        faults.append("the page on the disk is not the one of a clean render")
    patched = shown(page)
    page.reload()
    page.frame_locator("iframe").locator(".body > *").first.wait_for()
    page.wait_for_timeout(1500)
    loaded = shown(page)
    different = sum(a != b for a, b in zip(patched, loaded, strict=False)) + abs(len(patched) - len(loaded))
    if different:
        faults.append(f"the patched page differs from the loaded one in {different} tags")
    return faults


if __name__ == "__main__":
    main()
