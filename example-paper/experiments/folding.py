"""Draw the best fold of every chain, and tabulate the energies that the runs reached."""

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import TypedDict

from cells import outputs
from drawing import GREY, INK, ORANGE, save, text_width_in
from matplotlib.axes import Axes
from matplotlib.figure import Figure

GAP = 2.2  # lattice units between two chains


class Run(TypedDict):
    """What the script reads of a result of `fold.py`."""

    sequence: str
    lowest_known: int
    energy: int
    moves_tried: int
    fold: list[list[int]]
    contacts: list[list[int]]


def upright(fold: list[list[int]]) -> list[tuple[int, int]]:
    """Return the fold moved to the origin, turned so that it is at least as tall as wide."""
    xs, ys = [x for x, _ in fold], [y for _, y in fold]
    points = [(x - min(xs), y - min(ys)) for x, y in fold]
    return points if max(ys) - min(ys) >= max(xs) - min(xs) else [(y, x) for x, y in points]


def draw_fold(axes: Axes, run: Run, left: float) -> float:
    """Draw one chain with its left edge at `left`; return its right edge."""
    points = [(left + x, float(y)) for x, y in upright(run["fold"])]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    middle = max(ys) / 2
    ys = [y - middle for y in ys]
    for i, j in run["contacts"]:
        axes.plot([xs[i], xs[j]], [ys[i], ys[j]], color=ORANGE, linewidth=1.6, linestyle=(0, (1, 1)), zorder=1)
    axes.plot(xs, ys, color=GREY, linewidth=2.2, solid_joinstyle="round", zorder=2)
    for kind, face, edge in (("H", INK, INK), ("P", "white", GREY)):
        chosen = [i for i, k in enumerate(run["sequence"]) if k == kind]
        axes.scatter([xs[i] for i in chosen], [ys[i] for i in chosen], s=30, color=face, edgecolors=edge, linewidths=0.9, zorder=3)
    axes.scatter(xs[:1], ys[:1], s=75, facecolors="none", edgecolors=INK, linewidths=0.7, zorder=3)
    label = f"{len(xs)} residues\n$E = -{-run['energy']}$"
    axes.text((min(xs) + max(xs)) / 2, -4.3, label, ha="center", va="top", color=INK, linespacing=1.35)
    return max(xs)


def write_table(runs: dict[int, list[Run]], path: str) -> None:
    """Write a row per chain: its length, the lowest energy known, best and mean of the runs, their moves, and how many reached it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["residues", "lowest_known", "best", "mean", "moves", "runs", "reached"])
        for length, results in sorted(runs.items()):
            energies, known = [run["energy"] for run in results], results[0]["lowest_known"]
            mean = sum(energies) / len(energies)
            moves = sum(run["moves_tried"] for run in results) // len(results)
            writer.writerow([length, known, min(energies), round(mean, 2), moves, len(energies), sum(e <= known for e in energies)])


def main() -> None:
    """Read the command line, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", default="figures/folds.svg")
    parser.add_argument("--table", default="build/folds.csv")
    options = parser.parse_args()

    runs: dict[int, list[Run]] = defaultdict(list)
    for path in outputs("fold", "result", "build/fold/*/*.json"):
        run: Run = json.loads(path.read_text(encoding="utf-8"))
        runs[len(run["sequence"])].append(run)

    figure = Figure(figsize=(text_width_in(), 1.95), layout="constrained")
    axes = figure.subplots()
    left = 0.0
    for _, results in sorted(runs.items()):
        left = draw_fold(axes, min(results, key=lambda run: run["energy"]), left) + GAP
    axes.set_aspect("equal")
    axes.set_axis_off()
    save(figure, options.figure)
    write_table(runs, options.table)


if __name__ == "__main__":
    main()
