"""Random walks on the square grid: how far from their start the walkers are after a number of steps."""

import argparse
import csv
import json
import math
import random
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--walkers", type=int, required=True)
parser.add_argument("--steps", type=int, required=True)
parser.add_argument("--seed", type=int, required=True)
given = parser.parse_args()

dice = random.Random(given.seed)
squares = [0] * given.steps  # the squared distances after each step, summed over the walkers
for _ in range(given.walkers):
    x = y = 0
    for step in range(given.steps):
        turn = int(4 * dice.random())
        x += (1, -1, 0, 0)[turn]
        y += (0, 0, 1, -1)[turn]
        squares[step] += x * x + y * y
distances = [math.sqrt(square / given.walkers) for square in squares]

shown = sorted({max(1, round(given.steps ** (share / 6))) for share in range(1, 7)})
with Path("results/growth.csv").open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["steps", "distance", "theory"])
    table.writerows([step, distances[step - 1], math.sqrt(step)] for step in shown)

summary = {"distance": distances[-1], "theory": math.sqrt(given.steps)}
Path("results/walk.json").write_text(json.dumps(summary) + "\n")

# The figure's width and type are those of the paper's template.
steps = range(1, given.steps + 1)
figure, axes = plt.subplots()
axes.loglog(steps, distances, label=f"{given.walkers} walkers")
axes.loglog(steps, [math.sqrt(step) for step in steps], "--", color="black", label="theory")
axes.set(xlabel="steps", ylabel="distance")
axes.legend()
figure.savefig("figures/growth.svg")
