"""The HP model of Dill (1985) on the square lattice, and the pull moves of Lesh, Mitzenmacher and Whitesides (2003).

A fold is a list of lattice points, one per residue. Points are complex numbers with integer parts: a step is one of `STEPS`,
two points touch when they differ by one, and a quarter turn is a multiplication by `1j`.
"""

import random
from itertools import pairwise

Fold = list[complex]
STEPS = (1, 1j, -1, -1j)


def straight(length: int) -> Fold:
    """Return the unfolded chain."""
    return [complex(i) for i in range(length)]


def contacts(sequence: str, fold: Fold) -> list[tuple[int, int]]:
    """Return the pairs of hydrophobic residues that touch without being neighbours along the chain."""
    hydrophobic = {point: i for i, (kind, point) in enumerate(zip(sequence, fold, strict=True)) if kind == "H"}
    pairs = []
    for point, i in hydrophobic.items():
        for step in (1, 1j):
            j = hydrophobic.get(point + step)
            if j is not None and abs(i - j) > 1:
                pairs.append((min(i, j), max(i, j)))
    return sorted(pairs)


def energy(sequence: str, fold: Fold) -> int:
    """Return the energy, minus one for every contact."""
    return -len(contacts(sequence, fold))


def is_valid(fold: Fold) -> bool:
    """Return whether the chain is connected and never crosses itself."""
    return len(set(fold)) == len(fold) and all(abs(a - b) == 1 for a, b in pairwise(fold))


def pulled(fold: Fold, i: int, rng: random.Random) -> Fold | None:
    """Return the fold after residue `i` has moved and pulled those before it along; None where there is no room.

    The last residue moves two steps ahead. Any other moves diagonally, staying beside its successor; the residues before it follow
    two places behind, each into a place just left, until the chain is connected again.
    """
    taken = set(fold)
    moved = fold.copy()
    if i == len(fold) - 1:
        corner = fold[i] + rng.choice(STEPS)
        target = corner + rng.choice(STEPS)
    else:
        aside = (fold[i + 1] - fold[i]) * rng.choice((1j, -1j))
        corner, target = fold[i] + aside, fold[i + 1] + aside
    if target in taken:
        return None
    moved[i] = target
    if i == 0 or fold[i - 1] == corner:
        return moved
    if corner in taken:
        return None
    moved[i - 1] = corner
    for j in range(i - 2, -1, -1):
        if abs(moved[j] - moved[j + 1]) == 1:
            break
        moved[j] = fold[j + 2]
    return moved


def neighbour(fold: Fold, rng: random.Random) -> Fold | None:
    """Return the fold after a random pull move from a random end; None where there is no room for it."""
    i = rng.randrange(len(fold))
    if rng.random() < 0.5:
        return pulled(fold, i, rng)
    moved = pulled(fold[::-1], i, rng)
    return moved and moved[::-1]
