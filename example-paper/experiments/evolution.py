"""Draw the errors of all evolutions and the law they look for, and count the runs that found it."""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from cells import outputs
from drawing import BLUE, GREY, INK, ORANGE, save, text_width_in
from evolve import load
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

POPULATIONS = (("100", ORANGE), ("200", BLUE))
BESIDE = {"Mercury": (5, -7), "Venus": (5, -7), "Mars": (5, -7)}  # where these names stand; the others, to the upper left


def draw_errors(axes: Axes, runs: dict[str, list[Path]], law: float) -> None:
    """Draw each run's best error by generation, and a dot where it found the law."""
    for population, colour in POPULATIONS:
        for path in runs[population]:
            rows = list(csv.DictReader(path.open(newline="", encoding="utf-8")))
            numbers, errors = [int(row["number"]) for row in rows], [float(row["best_error"]) for row in rows]
            axes.plot(numbers, errors, color=colour, linewidth=0.9, alpha=0.75, drawstyle="steps-post")
            if errors[-1] < 2 * law:
                axes.plot(numbers[-1], errors[-1], "o", color=colour, markersize=3.2, alpha=0.75, clip_on=False)
    axes.set_yscale("log")
    axes.set_xlim(0, 40)
    axes.set_ylim(1e-4, 1)
    axes.set_title("populations of 100", loc="left", color=ORANGE, fontsize="medium")
    axes.set_title("of 200", loc="right", color=BLUE, fontsize="medium")
    axes.set_xlabel("generation")
    axes.set_ylabel("mean relative error")


def draw_law(axes: Axes, data: str) -> None:
    """Draw the planets and Kepler's third law on logarithmic axes."""
    planets, periods = load(data)
    distance: NDArray[np.float64] = planets["a"]
    with open(data, newline="", encoding="utf-8") as file:
        names = [row["planet"] for row in csv.DictReader(file)]
    line = np.geomspace(0.25, 50, 2)
    axes.plot(line, line**1.5, color=GREY, linewidth=0.8, zorder=1)
    axes.plot(distance, periods, "o", color=INK, markersize=3.5)
    for name, x, y in zip(names, distance, periods, strict=True):
        offset = BESIDE.get(name, (-5, 3))
        axes.annotate(name, (x, y), xytext=offset, textcoords="offset points", ha="left" if name in BESIDE else "right", fontsize="small")
    axes.annotate("$T = a\\sqrt{a}$", (2.6, 2.6**1.5), xytext=(9, -9), textcoords="offset points", color=INK)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.25, 50)
    axes.set_xticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
    axes.set_xticks([], minor=True)
    axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes.set_xlabel("distance $a$ (au)")
    axes.set_ylabel("period $T$ (years)")


def main() -> None:
    """Read the command line, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/planets.csv")
    parser.add_argument("--figure", default="figures/evolution.svg")
    parser.add_argument("--summary", default="build/evolution.json")
    options = parser.parse_args()

    ancestries = outputs("evolve", "ancestry", "build/evolve/*/*/ancestry.csv")
    runs = {population: [p for p in ancestries if p.parts[-3] == f"population-{population}"] for population, _ in POPULATIONS}
    winners = [json.loads(p.read_text(encoding="utf-8")) for p in outputs("evolve", "winner", "build/evolve/*/*/winner.json")]

    figure = Figure(figsize=(text_width_in(), 2.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    draw_errors(left, runs, winners[0]["kepler_error"])
    draw_law(right, options.data)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, options.figure)

    shortest = min((w for w in winners if w["found"]), key=lambda w: (w["nodes"], w["error"], w["formula"]))
    summary = {"shortest": shortest["formula"], "shortest_nodes": shortest["nodes"], "longest_nodes": max(w["nodes"] for w in winners)}
    for population, _ in POPULATIONS:
        same_size = [w for w, p in zip(winners, ancestries, strict=True) if p.parts[-3] == f"population-{population}"]
        summary[f"runs_{population}"] = len(same_size)
        summary[f"found_{population}"] = sum(w["found"] for w in same_size)
    Path(options.summary).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
