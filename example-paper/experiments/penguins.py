"""The Palmer penguins as arrays: four body measurements and a species for each bird."""

import csv
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPECIES = ("Adelie", "Chinstrap", "Gentoo")
MEASUREMENTS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")


@dataclass(frozen=True)
class Split:
    """Standardised measurements, shape (n, 4), and species as indices into `SPECIES`, for birds to learn from and birds to test on."""

    x_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.int64]


def load(path: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return measurements and species of every bird that was measured completely."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if all(row[name] != "NA" for name in MEASUREMENTS)]
    x = np.array([[float(row[name]) for name in MEASUREMENTS] for row in rows])
    y = np.array([SPECIES.index(row["species"]) for row in rows])
    return x, y


def split(x: NDArray[np.float64], y: NDArray[np.int64], test_share: float, rng: np.random.Generator) -> Split:
    """Set a share of every species aside for testing, and standardise with the mean and deviation of the rest only."""
    test = np.zeros(len(y), dtype=bool)
    for species in range(len(SPECIES)):
        members = rng.permutation(np.flatnonzero(y == species))
        test[members[: round(test_share * len(members))]] = True
    mean, deviation = x[~test].mean(axis=0), x[~test].std(axis=0)
    standardised = (x - mean) / deviation
    return Split(standardised[~test], y[~test], standardised[test], y[test])
