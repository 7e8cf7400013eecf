"""Build engines on the same graph of shell commands, side by side; and what hashing and watching cost ours."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import layers
from timing import PAPERBUILD, Case, Figure, measure, median, once, put_away

PHASES = ("clean", "first no-op", "second no-op", "one leaf")
ROUNDS = {10: 7, 100: 5, 1_000: 3, 10_000: 1}
NO_OPS = {10_000: 5}
"""How often the second no-op is measured within a round, where there are few rounds."""

MOST = {"snakemake": 1_000}
"""Up to how many targets a tool is measured: beyond that it takes tens of minutes."""


@dataclass(frozen=True)
class Tool:
    """A tool in a folder of its own, and what it leaves behind besides the targets."""

    name: str
    command: list[str]
    write: Callable[[Path, int], None]
    leavings: tuple[str, ...] = ()


def _tools() -> tuple[Tool, ...]:
    def found(name: str) -> str:
        beside = Path(os.environ.get("PEERS", ""), name)
        return str(beside) if os.environ.get("PEERS") and beside.exists() else shutil.which(name) or ""

    run = [*PAPERBUILD, "run", "-q", "-j1"]
    peers = (
        Tool("make", [found("make"), "-s", "-j1"], layers.make),
        Tool("ninja", [found("ninja"), "-j1", "--quiet"], layers.ninja, (".ninja_log", ".ninja_deps")),
        Tool("doit", [found("doit"), "-v0"], layers.doit, (".doit.db", ".doit.db.dat", ".doit.db.dir", ".doit.db.bak")),
        Tool("snakemake", [found("snakemake"), "--cores", "1", "--quiet", "all"], layers.snakemake, (".snakemake",)),
    )
    ours = (
        Tool("paperbuild, tables", run, layers.tables, (".paperbuild",)),
        Tool("paperbuild, sweeps", run, layers.sweeps, (".paperbuild",)),
        Tool("paperbuild, tables, unwatched", run, lambda folder, n: layers.tables(folder, n, "off"), (".paperbuild",)),
    )
    return (*(tool for tool in peers if tool.command[0]), *ours)


def _commands(folder: Path, columns: range, targets: int) -> list[str]:
    """Write and return a program that runs the commands of ``columns`` and nothing else, each in a shell of its own."""
    script = folder / "commands.py"
    lines = [f"cat {source} settings > {out}" for out, source in layers.rows(targets) if int(out.partition("/")[2]) in columns]
    script.write_text(
        "import os, subprocess\n"
        "for n in range(10): os.makedirs(f'l{n}', exist_ok=True)\n"
        f"for line in {lines!r}: subprocess.run(['/bin/sh', '-c', line], check=True)\n"
    )
    return [sys.executable, str(script)]


def measure_engines(folder: Path, runs: int) -> None:
    """Clean, nothing to do right after a build and once more, one source changed: at ten to ten thousand targets."""
    for targets, rounds in ROUNDS.items():
        tools = [tool for tool in _tools() if targets <= MOST.get(tool.name, targets)]
        where = {tool.name: folder / f"{targets}-{n}" for n, tool in enumerate(tools)}
        for tool in tools:
            layers.sources(where[tool.name], targets)
            tool.write(where[tool.name], targets)
        bare = folder / f"{targets}-bare"
        layers.sources(bare, targets)
        figures: dict[str, dict[str, list[Figure]]] = {tool.name: {phase: [] for phase in PHASES} for tool in tools}
        alone: dict[str, list[Figure]] = {"clean": [], "one leaf": []}
        for _ in range(min(rounds, runs)):
            alone["clean"].append(once(Case("commands", _commands(bare, range(targets), targets), bare)))
            alone["one leaf"].append(once(Case("commands", _commands(bare, range(1), targets), bare)))
            for tool in tools:
                _round(tool, where[tool.name], figures[tool.name], NO_OPS.get(targets, 1))
        _print(targets, figures, alone)


def _round(tool: Tool, folder: Path, figures: dict[str, list[Figure]], no_ops: int) -> None:
    put_away(folder, (*tool.leavings, *(f"l{layer}" for layer in range(layers.LAYERS))))
    case = Case(tool.name, tool.command, folder)
    figures["clean"].append(once(case))
    figures["first no-op"].append(once(case))
    time.sleep(0.1)
    once(case)
    figures["second no-op"] += [once(case) for _ in range(no_ops)]
    (folder / "source" / "0").write_text(f"{time.monotonic_ns()}\n")
    figures["one leaf"].append(once(case))


def _print(targets: int, figures: dict[str, dict[str, list[Figure]]], alone: dict[str, list[Figure]]) -> None:
    columns = "".join(f"{phase:>18s}" for phase in PHASES)
    print(f"\n{targets:,} targets, one at a time: CPU s / wall s\n{'':32s}{columns}{'MiB':>8s}")
    bare = {phase: median(found) for phase, found in alone.items()}
    for name, phases in ({"the commands alone": alone} | figures).items():
        medians = {phase: median(found) for phase, found in phases.items()}
        cells = "".join(f"{medians[p].cpu:9.3f} /{medians[p].wall:7.3f}" if p in medians else " " * 18 for p in PHASES)
        memory = max(found.memory for column in phases.values() for found in column)
        print(f"{name:32s}{cells}{memory:8.0f}")
    for name, phases in figures.items():
        clean, leaf = median(phases["clean"]), median(phases["one leaf"])
        print(
            f"  {name}: beyond the commands {1000 * (clean.cpu - bare['clean'].cpu) / targets:.1f} ms CPU, "
            f"{1000 * (clean.wall - bare['clean'].wall) / targets:.1f} ms wall for each target; "
            f"one leaf {leaf.cpu - bare['one leaf'].cpu:.3f} s CPU, {leaf.wall - bare['one leaf'].wall:.3f} s wall"
        )


def measure_hashing(folder: Path, runs: int) -> None:
    """Two hundred inputs of a megabyte each, with what is known of their digests and without."""
    data = folder / "data"
    data.mkdir()
    for n in range(200):
        (data / f"{n}.bin").write_bytes(os.urandom(1 << 20))
    (folder / "paperbuild.toml").write_text('[target.t]\nrun = "ls data > names"\ninputs = ["data/"]\noutputs = ["names"]\n')
    run = [*PAPERBUILD, "run", "-q"]
    once(Case("build", run, folder))
    once(Case("settle", run, folder))

    def forget() -> None:
        for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "grounds"):
            (folder / ".paperbuild" / name).unlink(missing_ok=True)

    cases = [Case("paperbuild run, digests known", run, folder), Case("paperbuild run, all hashed again", run, folder, forget)]
    if shutil.which("sha256sum"):
        cases.append(Case("sha256sum", ["sh", "-c", "sha256sum data/* > /dev/null"], folder))
    measure("Inputs of 200 MiB", cases, runs)


FIGURE = """import sys
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
x = np.linspace(0, 10, 200)
fig, ax = plt.subplots()
ax.plot(x, np.sin(x * float(sys.argv[1])))
ax.set_title("A title")
fig.savefig(sys.argv[2])
"""


def measure_watching(folder: Path, runs: int) -> None:
    """Eight figures by numpy and matplotlib, observed and not, one at a time and eight."""
    cases = []
    for jobs in (1, 8):
        for observe in ("off", "trace"):
            where = folder / f"{observe}-{jobs}"
            where.mkdir()
            (where / "figure.py").write_text(FIGURE)
            (where / "paperbuild.toml").write_text(
                f'[target.figure]\nrun = "python figure.py {{n}} {{n}}.png"\ninputs = ["figure.py"]\noutputs = ["{{n}}.png"]\n'
                f'matrix = {{ n = {list(range(8))} }}\nobserve = "{observe}"\n'
            )

            def forget(where: Path = where) -> None:
                put_away(where, (".paperbuild", *(picture.name for picture in where.glob("*.png"))))

            name = f"{'observed' if observe == 'trace' else 'unobserved'}, {jobs} at a time"
            cases.append(Case(name, [*PAPERBUILD, "run", "-q", f"-j{jobs}"], where, forget))
    found = measure("Eight figures by numpy and matplotlib", cases, runs)
    for jobs in (1, 8):
        off, on = found[f"unobserved, {jobs} at a time"], found[f"observed, {jobs} at a time"]
        print(f"  observing, {jobs} at a time: {100 * (on.cpu / off.cpu - 1):+.0f} % CPU, {100 * (on.wall / off.wall - 1):+.0f} % wall")
