"""A sweep of 100,000 cells with a table of all of them and a paper: to plan it, to find that nothing is to be done, to schedule it.

To run 100,000 commands would take ten minutes. The results are written by this script instead, and become records by ``paperbuild adopt``:
as good as any, each with its key, its trace and its blob. Meanwhile nothing is flushed to the disk, which is not what is measured.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import layers
from timing import PAPERBUILD, Case, Figure, median, once

WIDE = (100, 1_000)
BARS = {"graph": (5.0, 500.0), "nothing": (4.0, 0.0)}
"""At most so many CPU seconds, and so many MiB of memory (0: no bar)."""

UNFLUSHED = "import os, sys; os.fsync = lambda _: None; from paperbuild.cli.main import main; sys.exit(main(sys.argv[1:]))"

GRAPH = """
import gc, os
gc.set_threshold(500_000, 50, 50)  # as the command itself does
from paperbuild.cli.planning import planned
from paperbuild.paper.documents import document_actions
plan = planned(os.getcwd(), "", keeps=True).plan
documents = [action for one in plan.documents for action in document_actions(one, plan.cells_of(plan.targets[-1].name), one.formats)]
graph = plan.graph(documents, {})
assert len(graph.closure([action.id for action in documents])) > 1
"""

SCHEDULE = """
from paperbuild.engine.graph import Resources
from paperbuild.engine.schedule import Schedule
ids = [f"train[{n}]" for n in range(100_000)]
edges = {**dict.fromkeys(ids, frozenset()), "table": frozenset(ids)}
kinds = (Resources(), Resources(gpu=1), Resources(cpu=2))
schedule = Schedule([*edges], edges, {id_: kinds[n % 3] for n, id_ in enumerate(edges)}, Resources(cpu=64, gpu=4))
ended = 0
while ended < len(edges):
    for id_ in schedule.arrivals():
        schedule.line_up(id_)
    while id_ := schedule.next():
        schedule.start(id_)
    schedule.settle(next(iter(schedule.running)))
    ended += 1
"""


def wide(folder: Path) -> None:
    """Write a sweep of two axes, a table of all its cells, a paper with that table, and the results of the sweep."""
    outer, inner = WIDE
    folder.mkdir()
    (folder / "paper.md").write_text("# A sweep\n\n![All](table.csv){#tbl:all}\n")
    (folder / "collect.py").write_text(
        "import json, os\n\ncells = json.load(open(os.environ['PAPERBUILD_INDEX']))['train']\nbest = {}\nfor cell in cells:\n"
        "    (path,), a = cell['outputs'].values(), cell['params']['a']\n    best[a] = max(best.get(a, 0), json.load(open(path))['acc'])\n"
        "with open('table.csv', 'w') as table:\n    table.write('a,acc\\n' + ''.join(f'{a},{acc}\\n' for a, acc in best.items()))\n"
    )
    (folder / "paperbuild.toml").write_text(
        '[document.paper]\nsource = "paper.md"\nformats = ["html"]\n\n'
        '[target.train]\nrun = "./train {a} {b} > runs/{a}/{b}.json"\noutputs = ["runs/{a}/{b}.json"]\n'
        f"matrix = {{ a = {[*range(outer)]}, b = {[*range(inner)]} }}\n\n"
        '[target.table]\nrun = "python collect.py"\nneeds = ["train"]\noutputs = ["table.csv"]\n'
    )
    (folder / "train").write_text('#!/bin/sh\necho "{ \\"acc\\": 0.$1$2 }"\n')
    (folder / "train").chmod(0o755)
    for a in range(outer):
        (folder / f"runs/{a}").mkdir(parents=True)
        for b in range(inner):
            (folder / f"runs/{a}/{b}.json").write_text(f'{{ "acc": 0.{a}{b} }}\n')


def deep(folder: Path) -> None:
    """Write ten sweeps, each of which reads the results of the one before, and all their results."""
    targets = WIDE[0] * WIDE[1]
    layers.sources(folder, targets)
    layers.sweeps(folder, targets)
    for out, source in layers.rows(targets):
        (folder / out).parent.mkdir(exist_ok=True)
        (folder / out).write_text((folder / source).read_text() + "x\n")


def measure_sweep(folder: Path, runs: int) -> None:
    """Both projects: the graph, a build with nothing to do, what would be done, how all stands, one result gone; and the schedule alone."""
    runs = min(3, runs)
    print(f"\nSweeps of {WIDE[0] * WIDE[1]:,} cells\n{'':44s} {'wall s':>8s} {'CPU s':>8s} {'MiB':>8s}")
    for name, write, targets in (("wide", wide, ["train"]), ("ten layers", deep, [f"l{n}" for n in range(layers.LAYERS)])):
        _measure(name, write, folder / name.replace(" ", "-"), targets, runs)
    schedule = Case("schedule", [sys.executable, "-c", SCHEDULE], folder)
    _print("scheduled, 64 at once, three kinds", [once(schedule) for _ in range(runs)])


def _measure(name: str, write: Callable[[Path], None], place: Path, targets: list[str], runs: int) -> None:
    write(place)
    graph = Case("graph", [sys.executable, "-c", GRAPH], place)
    anew = Case("graph anew", graph.command, place, partial(shutil.rmtree, place / ".paperbuild", ignore_errors=True))
    _print(f"{name}: graph, manifest read anew", [once(anew) for _ in range(runs)], "graph")
    _print(f"{name}: graph as it was kept", [once(graph) for _ in range(runs)], "graph")
    once(Case("adopt", [sys.executable, "-c", UNFLUSHED, "adopt", "-q", *targets], place))
    build = Case("build", [*PAPERBUILD, "run", "-q"], place)
    once(build)
    _print(f"{name}: nothing to do, right after a build", [once(build)], "nothing")
    _print(f"{name}: nothing to do", [once(build) for _ in range(runs)], "nothing")
    for words in (("run", "--dry-run"), ("status",)):
        _print(f"{name}: {' '.join(words)}", [once(Case(words[0], [*PAPERBUILD, *words], place))])
    gone = place / ("runs/50/500.json" if targets == ["train"] else "l5/500")
    gone.unlink()
    _print(f"{name}: one result gone", [once(build)])


def _print(name: str, figures: list[Figure], bar: str = "") -> None:
    found = median(figures)
    most_s, most_mib = BARS.get(bar, (0.0, 0.0))
    bars = [f"{most_s:g} s" if most_s else "", f"{most_mib:g} MiB" if most_mib else ""]
    within = (not most_s or found.cpu <= most_s) and (not most_mib or found.memory <= most_mib)
    verdict = f"  {'within' if within else 'BEYOND'} {', '.join(filter(None, bars))}" if bar else ""
    print(f"{name:44s} {found.wall:8.2f} {found.cpu:8.2f} {found.memory:8.0f}{verdict}", flush=True)
