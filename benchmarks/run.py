"""How long paperbuild takes, beside peers that do comparable work, in one run: medians and ratios.

usage: python benchmarks/run.py [runs] [PART...]    (none: all)

Parts: nothing, edit, cold, references, engines, hashing, watching, sharing, sweep, executors.

Whole processes are timed, each figure the median over the runs (after one that is not counted), the commands in turn, so that a
machine whose speed drifts hits all alike. CPU seconds include children. Absolute figures mean little on a shared machine; ratios do.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import engines
import executors
import long_paper
import references
import sharing
import sweeps
from timing import PAPERBUILD, TOP, Case, measure, once, put_away


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


def start_anew(folder: Path) -> None:
    """Take away all that an earlier render left."""
    put_away(folder, ("_build", ".paperbuild"))


def bare(folder: Path) -> list[str]:
    """Return the command of who has pandoc and the typst wheel and nothing else: PDF and one self-contained page."""
    import pypandoc

    pandoc = pypandoc.get_pandoc_path()
    script = folder / "bare.sh"
    script.write_text(
        f"set -e\n{pandoc} paper.md --citeproc -s -t typst -o bare.typ\n"
        f"{sys.executable} -c \"import typst; typst.compile('bare.typ', output='bare.pdf')\"\n"
        f"{pandoc} paper.md --citeproc -s --mathml --embed-resources -t html -o bare.html\n"
    )
    return ["sh", str(script)]


def measure_nothing(folder: Path, runs: int) -> None:
    """A render with nothing to do, and one after an edit."""
    example = project(folder)
    clean = once(Case("clean render", [*PAPERBUILD, "render"], example))
    print(f"a clean render of the example: {clean.wall:.1f} s wall, {clean.cpu:.1f} s CPU, largest process {clean.memory:.0f} MiB")
    once(Case("settle", [*PAPERBUILD, "render"], example))
    peers = [
        Case("python -c pass", [sys.executable, "-c", "pass"], folder),
        Case("paperbuild --version", [*PAPERBUILD, "--version"], folder),
    ]
    if shutil.which("make"):
        peers.append(Case("make, 20 targets up to date", ["make", "-s"], makefile(folder / "make")))
    nothing = Case("paperbuild render, nothing to do", [*PAPERBUILD, "render"], example)
    measure("Nothing to do", [nothing, Case("paperbuild status", [*PAPERBUILD, "status"], example), *peers], runs)


def measure_edit(folder: Path, runs: int) -> None:
    """One word of the example's prose changed."""
    import pypandoc

    example = project(folder)
    once(Case("settle", [*PAPERBUILD, "render"], example))
    source = example / "paper.md"
    text = source.read_text()

    def edit() -> None:
        source.write_text(text + f"\n\nEdited {time.monotonic_ns()}.\n")

    pandoc = [pypandoc.get_pandoc_path(), "paper.md", "--citeproc", "--bibliography", "refs.bib", "-s", "-o", os.devnull, "-t", "html"]
    cases = [
        Case("paperbuild render --to html", [*PAPERBUILD, "render", "--to", "html"], example, edit),
        Case("paperbuild render --to pdf", [*PAPERBUILD, "render", "--to", "pdf"], example, edit),
        Case("paperbuild check", [*PAPERBUILD, "check"], example, edit),
        Case("pandoc --citeproc, HTML, no results", pandoc, example),
    ]
    measure("One word of prose changed", cases, runs)


def measure_cold(folder: Path, runs: int) -> None:
    """A paper of 6,000 words and one of 60,000, from nothing, beside bare pandoc and typst."""
    for scale in (1, 10):
        where = folder / f"words-{scale}"
        long_paper.write(where, scale)
        cases = [
            Case("pandoc and typst alone", bare(where), where),
            Case(
                "paperbuild render --to pdf,html",
                [*PAPERBUILD, "render", "paper.md", "--to", "pdf,html"],
                where,
                functools.partial(start_anew, where),
            ),
        ]
        measure(f"Cold, {long_paper.WORDS * scale:,} words to PDF and HTML", cases, runs if scale == 1 else max(1, runs // 3))


TABLES = {
    "nothing": measure_nothing,
    "edit": measure_edit,
    "cold": measure_cold,
    "references": references.measure_references,
    "engines": engines.measure_engines,
    "hashing": engines.measure_hashing,
    "watching": engines.measure_watching,
    "sharing": sharing.measure_sharing,
    "sweep": sweeps.measure_sweep,
    "executors": executors.measure_executors,
}


def main() -> None:
    """Measure and print."""
    words = sys.argv[1:]
    runs = int(words.pop(0)) if words and words[0].isdigit() else 7
    parts = [title for title in TABLES if not words or title in words]
    if len(parts) > 1:  # by processes that hold little: what one holds when it starts another counts as taken by that
        for title in parts:
            subprocess.run([sys.executable, __file__, str(runs), title], check=True)
        return
    with tempfile.TemporaryDirectory() as name:
        for title in parts:
            TABLES[title](Path(name), runs)


if __name__ == "__main__":
    main()
