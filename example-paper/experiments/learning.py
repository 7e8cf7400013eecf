"""Draw the learning curves of all training runs, and add up their confusion matrices."""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from cells import outputs
from drawing import BLUE, INK, ORANGE, save, text_width_in
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from penguins import SPECIES

MODELS = (("0", "linear", ORANGE), ("16", "16 hidden units", BLUE))


def curves(paths: list[Path], column: str) -> NDArray[np.float64]:
    """Return one column of several histories, shape (runs, epochs)."""
    return np.array([[float(row[column]) for row in csv.DictReader(path.open(newline="", encoding="utf-8"))] for path in paths])


def draw_loss(axes: Axes, histories: dict[str, list[Path]], column: str, title: str) -> None:
    """Draw mean and standard deviation of the loss over seeds for each model, and name the models beside their lines."""
    for hidden, name, colour in MODELS:
        values = curves(histories[hidden], column)
        mean, deviation = values.mean(axis=0), values.std(axis=0, ddof=1)
        epochs = np.arange(values.shape[1])
        axes.fill_between(epochs, np.maximum(mean - deviation, 1e-3), mean + deviation, color=colour, alpha=0.2, linewidth=0)
        axes.plot(epochs, mean, color=colour, linewidth=1.4)
        if column == "training":
            above = hidden == "0"
            at = 26 if above else 42
            axes.annotate(
                name,
                (at, mean[at]),
                xytext=(4, 5 if above else -5),
                textcoords="offset points",
                va="bottom" if above else "top",
                ha="left" if above else "right",
                color=colour,
            )
    axes.set_yscale("log")
    axes.set_ylim(bottom=4e-3)
    axes.set_title(title, loc="left", color=INK, fontsize="medium")
    axes.set_xlabel("epoch")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(0, len(epochs) - 1)


def write_confusion(metrics: list[Path], path: str) -> None:
    """Write the sum of the runs' confusion matrices as a table: a row per true species, its recall at the end."""
    total = np.sum([json.loads(p.read_text(encoding="utf-8"))["confusion"] for p in metrics], axis=0)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["species", *SPECIES, "recall"])
        for i, name in enumerate(SPECIES):
            row = [int(n) for n in total[i]]
            writer.writerow([name, *row, row[i] / sum(row)])


def main() -> None:
    """Read the command line, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", default="figures/learning.svg")
    parser.add_argument("--confusion", default="build/confusion.csv")
    options = parser.parse_args()

    everything = outputs("train", "history", "build/train/*/*/history.csv")
    histories = {hidden: [p for p in everything if p.parts[-3] == f"hidden-{hidden}"] for hidden, _, _ in MODELS}
    figure = Figure(figsize=(text_width_in(), 1.95), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    draw_loss(left, histories, "training", "birds it learns from")
    draw_loss(right, histories, "held_out", "birds it has never seen")
    left.set_ylabel("cross-entropy (nats)")
    save(figure, options.figure)

    metrics = outputs("train", "metrics", "build/train/*/*/metrics.json")
    write_confusion([p for p in metrics if p.parts[-3] == "hidden-16"], options.confusion)


if __name__ == "__main__":
    main()
