"""How long paperbuild takes, beside peers that do comparable work, in one run: medians and ratios.

usage: python benchmarks/run.py [runs]

Whole processes are timed, each figure the median over the runs (after one that is not counted), the commands in turn, so that a
machine whose speed drifts hits all alike. CPU seconds include children. Absolute figures mean little on a shared machine; ratios do.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Case:
    """One command; ``before`` is done before each run, and not timed."""

    name: str
    command: list[str]
    folder: Path
    before: Callable[[], None] = lambda: None


def once(case: Case) -> tuple[float, float]:
    """Run ``case``; return wall and CPU seconds, children included."""
    case.before()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(case.command, cwd=case.folder, capture_output=True, check=False)
    wall = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"{case.name} failed:\n{done.stderr.decode()}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def measure(title: str, cases: list[Case], runs: int) -> None:
    """Print a table of ``cases``; ratios are to the first one."""
    figures: dict[str, list[tuple[float, float]]] = {case.name: [] for case in cases}
    for turn in range(runs + 1):
        for case in cases:
            found = once(case)
            if turn:
                figures[case.name].append(found)
    print(f"\n{title}\n{'':44s} {'wall s':>8s} {'CPU s':>8s} {'ratio':>7s}")
    reference = statistics.median(cpu for _, cpu in figures[cases[0].name])
    for name, found in figures.items():
        wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name:44s} {wall:8.3f} {cpu:8.3f} {cpu / reference:7.2f}")


def project(folder: Path) -> Path:
    """Return a copy of the example paper in a repository of its own."""
    target = folder / "example"
    shutil.copytree(TOP / "example-paper", target, ignore=shutil.ignore_patterns("_build", ".paperbuild", "build", "figures"))
    return target


def makefile(folder: Path) -> Path:
    """Return a folder in which make has as many targets as the example has actions, all up to date."""
    folder.mkdir()
    rules = [f"t{n}: source\n\tcp source t{n}\n" for n in range(20)]
    (folder / "Makefile").write_text("all: " + " ".join(f"t{n}" for n in range(20)) + "\n" + "\n".join(rules))
    (folder / "source").write_text("x")
    subprocess.run(["make", "-s"], cwd=folder, check=True)
    return folder


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    paperbuild = [sys.executable, "-m", "paperbuild"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        example = project(folder)
        begin = time.perf_counter()
        clean = once(Case("clean render", [*paperbuild, "render"], example))
        print(f"a clean render of the example: {time.perf_counter() - begin:.1f} s wall, {clean[1]:.1f} s CPU, "
              f"largest process {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB")  # fmt: skip
        once(Case("settle", [*paperbuild, "render"], example))
        peers = [Case("python -c pass", [sys.executable, "-c", "pass"], folder)]
        if shutil.which("make"):
            peers.append(Case("make, 20 targets up to date", ["make", "-s"], makefile(folder / "make")))
        nothing = Case("paperbuild render, nothing to do", [*paperbuild, "render"], example)
        measure("Nothing to do", [nothing, Case("paperbuild status", [*paperbuild, "status"], example), *peers], runs)

        source = example / "paper.md"
        text = source.read_text()

        def edit() -> None:
            source.write_text(text + f"\n\nEdited {time.monotonic_ns()}.\n")

        import pypandoc

        pandoc = [pypandoc.get_pandoc_path(), "paper.md", "--citeproc", "--bibliography", "refs.bib", "-s", "-o", os.devnull, "-t", "html"]
        measure(
            "One word of prose changed",
            [
                Case("paperbuild render --to html", [*paperbuild, "render", "--to", "html"], example, edit),
                Case("paperbuild render --to pdf", [*paperbuild, "render", "--to", "pdf"], example, edit),
                Case("pandoc --citeproc, HTML, no results", pandoc, example),
            ],
            runs,
        )


if __name__ == "__main__":
    main()
