"""Timing of whole processes, in turn, with what they take of CPU and memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parent.parent
PAPERBUILD = [sys.executable, "-m", "paperbuild"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Bytecode is written, as it is wherever paperbuild is installed: without it each start would compile all modules."""


class Figure(NamedTuple):
    """What one process took, in seconds and MiB; CPU seconds include its children, memory is that of the largest of them."""

    wall: float
    cpu: float
    memory: float


def put_away(folder: Path, names: Iterable[str]) -> None:
    """Take what is there of ``names`` out of the project in ``folder`` and leave it beside that, to be removed when all is measured.

    Removed at once it would be paid for by whatever is measured next: an ext4 without a journal does not use the place of a file again for
    a minute and more after its removal, and passes over all such places whenever a file is made (``recently_deleted`` in Linux'
    ``fs/ext4/ialloc.c``). After 9,000 files are removed, making 3,000 takes eight times as long.
    """
    away = folder.parent / f"away-{time.monotonic_ns()}"
    away.mkdir()
    for name in names:
        if os.path.lexists(folder / name):
            (folder / name).rename(away / name)


@dataclass(frozen=True)
class Case:
    """One command; ``before`` is done before each run, and not timed."""

    name: str
    command: list[str]
    folder: Path
    before: Callable[[], None] = lambda: None
    more: dict[str, str] = field(default_factory=dict)
    """Environment variables besides those there are."""


def once(case: Case) -> Figure:
    """Run ``case``; end the program where it fails."""
    case.before()
    with tempfile.TemporaryFile() as output:
        begin = time.perf_counter()
        process = subprocess.Popen(case.command, cwd=case.folder, env=ENVIRONMENT | case.more, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{case.name} failed:\n{output.read().decode(errors='replace')}")
    return Figure(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def median(figures: list[Figure]) -> Figure:
    """Return the median of each column."""
    return Figure(*(statistics.median(column) for column in zip(*figures, strict=True)))


def measure(title: str, cases: list[Case], runs: int) -> dict[str, Figure]:
    """Print a table of ``cases``, and return it; ratios are to the first one. Each is run once more before it counts."""
    figures: dict[str, list[Figure]] = {case.name: [] for case in cases}
    for turn in range(runs + 1):
        for case in cases:
            found = once(case)
            if turn:
                figures[case.name].append(found)
    medians = {name: median(found) for name, found in figures.items()}
    print(f"\n{title}\n{'':44s} {'wall s':>8s} {'CPU s':>8s} {'ratio':>7s}")
    reference = medians[cases[0].name].cpu
    for name, found in medians.items():
        print(f"{name:44s} {found.wall:8.3f} {found.cpu:8.3f} {found.cpu / reference:7.2f}")
    return medians
