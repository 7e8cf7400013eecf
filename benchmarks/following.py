"""What an edit of prose costs while a page follows its paper, beside a whole render by the same warm process: CPU milliseconds.

usage: python benchmarks/following.py [edits]      40 where none is said

One word is written at a random place of papers of 6,000 and 60,000 words, again and again; each page is what the next edit starts from.
CPU is that of this process and of pandoc. Edits that come to a whole render (a word inside of a formula) are counted by themselves.
"""

from __future__ import annotations

import os
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import long_paper

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.paper.catalog import Catalog
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.incremental import FollowingRunner
from paperbuild.render.pandoc import PandocWorker

_CONFIG = (("format", "html"), ("sources", "paper.md"), ("template", "article"))
ACTION = Action("paper.html", "paper", Step("document", _CONFIG), (Output("html", "_build/paper.html"),), inputs=("paper.md",))


class Reader:
    """The project in ``folder``, with the paper as it is written at present."""

    def __init__(self, folder: Path, text: str) -> None:
        self._folder = folder
        self._paper = text.encode()

    def require(self, paths: object) -> None:
        """Know no target."""

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return self._paper if path == "paper.md" else (self._folder / path).read_bytes()

    def exists(self, path: str) -> bool:
        """Return whether a file is there."""
        return (self._folder / path).is_file()


class CountedWorker(PandocWorker):
    """A worker that tells what CPU time it took."""

    def seconds(self) -> float:
        """Return the CPU seconds of pandoc since it started."""
        if self._process is None:
            return 0.0
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, scale: int, edits: int) -> None:
    """Print what edits of one paper take."""
    text = long_paper.write(folder, scale).read_text()
    worker = CountedWorker()
    live = FollowingRunner(DocumentRunner(Catalog({}), worker=worker))
    dice = random.Random(7)
    took: dict[bool, list[float]] = {False: [], True: []}
    wall: list[float] = []
    for n in range(-2, edits):
        gap = dice.choice([match.start() for match in re.finditer(r"(?<=[a-z]) (?=[a-z])", text)][50:])
        text = f"{text[:gap]} word{text[gap:]}" if n >= 0 else re.sub("2026-01-..", f"2026-01-1{n + 2}", text)
        cpu, pandoc, start = time.process_time(), worker.seconds(), time.perf_counter()
        live.run(ACTION, Reader(folder, text))
        shown = live.shown(ACTION.id)
        assert shown is not None
        took[bool(shown.effort.whole)].append(1000 * (time.process_time() - cpu + worker.seconds() - pandoc))
        if not shown.effort.whole:
            wall.append(1000 * (time.perf_counter() - start))
    parts = sorted(took[False])
    print(f"{6000 * scale} words: one section {statistics.median(parts):.0f} ms CPU (95 %: {parts[int(0.95 * len(parts))]:.0f}),", end=" ")
    print(f"{statistics.median(wall):.0f} ms wall; all of it {statistics.median(took[True][1:]):.0f} ms CPU.", end=" ")
    print(f"{len(parts)} of {edits} edits were one section; pandoc holds {worker.memory() >> 20} MiB")
    live.close()


def main() -> None:
    """Measure both papers."""
    edits = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder:
        for scale in (1, 10):
            measure(Path(folder) / str(scale), scale, edits)


if __name__ == "__main__":
    main()
