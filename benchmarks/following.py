"""What an edit of prose costs while a page follows its paper, beside a whole render by the same warm process: CPU milliseconds.

usage: python benchmarks/following.py [edits]      40 where none is said

A word, a citation, a note, an equation is written at a random place of papers of 6,000 and 60,000 words, again and again; each page is what
the next edit starts from. CPU is that of this process and of pandoc. Edits that come to a whole render are told with their reasons.
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


def a_word(text: str, gap: int, _: int) -> str:
    """Return ``text`` with a word more at ``gap``."""
    return f"{text[:gap]} word{text[gap:]}"


def a_citation(text: str, gap: int, n: int) -> str:
    """Return ``text`` with a citation more at ``gap``; every fifth is of what was not cited before."""
    return f"{text[:gap]} [see @key{n % 20 if n % 5 else 20 + n // 5 % 10}]{text[gap:]}"


def a_note(text: str, gap: int, n: int) -> str:
    """Return ``text`` with a note more at ``gap``."""
    return f"{text[:gap]}^[Note {n}.]{text[gap:]}"


def an_equation(text: str, gap: int, n: int) -> str:
    """Return ``text`` with an equation more behind the paragraph of ``gap``."""
    end = text.find("\n\n", gap)
    return f"{text[:end]}\n\n$$ x_{n} = {n} $$ {{#eq:new{n}}}{text[end:]}"


EDITS = {"a word": a_word, "a citation": a_citation, "a note": a_note, "an equation": an_equation}


def measure(folder: Path, scale: int, edits: int) -> None:
    """Print what edits of one paper take."""
    original = long_paper.write(folder, scale).read_text()
    worker = CountedWorker()
    live = FollowingRunner(DocumentRunner(Catalog({}), worker=worker))
    dice = random.Random(7)

    def run(text: str) -> tuple[str, float, float]:
        """Return why all was made, and the milliseconds it took: CPU, and by the clock."""
        cpu, pandoc, start = time.process_time(), worker.seconds(), time.perf_counter()
        live.run(ACTION, Reader(folder, text))
        shown = live.shown(ACTION.id)
        assert shown is not None
        wall = 1000 * (time.perf_counter() - start)
        return shown.effort.whole, 1000 * (time.process_time() - cpu + worker.seconds() - pandoc), wall

    whole = [run(re.sub("2026-01-..", f"2026-01-1{n}", original))[1] for n in range(3)]
    print(f"{6000 * scale} words: all of it {statistics.median(whole[1:]):.0f} ms CPU")
    for name, edit in EDITS.items():
        text, took = original, []
        run(text)
        for n in range(edits):
            gap = dice.choice([match.start() for match in re.finditer(r"(?<=[a-z]) (?=[a-z])", text)][50:])
            text = edit(text, gap, n)
            took.append(run(text))
        parts = [(cpu, wall) for why, cpu, wall in took if not why]
        why = ", ".join(sorted({why for why, _, _ in took if why}))
        cpu, wall = (sorted(column) for column in zip(*parts, strict=True)) if parts else ([0.0], [0.0])
        most = cpu[int(0.95 * len(cpu))]
        told = f"  {name:12s} {statistics.median(cpu):.0f} ms CPU (95 %: {most:.0f}), {statistics.median(wall):.0f} ms wall"
        print(f"{told}; {len(parts)} of {edits} were a part; pandoc holds {worker.memory() >> 20} MiB{'; all: ' + why if why else ''}")
    live.close()


def main() -> None:
    """Measure both papers."""
    edits = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder:
        for scale in (1, 10):
            measure(Path(folder) / str(scale), scale, edits)


if __name__ == "__main__":
    main()
