"""Search for the law behind the planets' periods among their distances, shapes, masses and sizes, and write the winner and its ancestry."""

import argparse
import csv
import json
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from programs import Generation, Program, Settings, evaluate, evolve, size, text

COLUMNS = {"a": "semi_major_axis_au", "e": "eccentricity", "m": "mass_earths", "d": "diameter_earths"}


def load(path: str) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Return what a program may know of the planets, by variable, and their periods in years."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    planets = {variable: np.array([float(row[column]) for row in rows]) for variable, column in COLUMNS.items()}
    return planets, np.array([float(row["period_years"]) for row in rows])


def search(
    planets: dict[str, NDArray[np.float64]], periods: NDArray[np.float64], settings: Settings, good_enough: float, seed: int
) -> list[Generation]:
    """Return the generations of one evolution; a program's error is its mean relative error over the planets."""

    def error(program: Program) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            mistakes = np.abs(evaluate(program, planets) - periods) / periods
        return float(mistakes.mean()) if np.isfinite(mistakes).all() else float("inf")

    return evolve(error, settings, good_enough, random.Random(seed))


def main() -> None:
    """Read the command line, evolve, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--population", type=int, default=200)
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--good-enough", type=float, default=0.001, help="mean relative error that ends the search")
    parser.add_argument("--data", default="data/planets.csv")
    parser.add_argument("--out", default="build/evolve/population-200/seed-0", help="folder for winner.json and ancestry.csv")
    options = parser.parse_args()

    planets, periods = load(options.data)
    history = search(planets, periods, Settings(options.population, options.generations), options.good_enough, options.seed)

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    last = history[-1]
    winner = {
        "found": last.error <= options.good_enough,
        "generation": last.number,
        "error": last.error,
        "nodes": size(last.best),
        "kepler_error": float((np.abs(planets["a"] ** 1.5 - periods) / periods).mean()),
        "formula": text(last.best),
    }
    (out / "winner.json").write_text(json.dumps(winner, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with open(out / "ancestry.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["number", "best_error", "best_nodes"])
        writer.writerows((g.number, g.error, size(g.best)) for g in history)


if __name__ == "__main__":
    main()
