"""Fold a chain of the HP model by replica exchange and write the best fold found.

Copies of the chain walk at several temperatures; after every round, neighbours in temperature may change places. The hot copies
unfold what the cold ones cannot (Thachuk, Shmygelska and Hoos 2007). The walk is for finding a minimum, not for sampling.
"""

import argparse
import csv
import json
import math
import random
from dataclasses import dataclass
from pathlib import Path

from lattice import Fold, contacts, energy, neighbour, straight


@dataclass(frozen=True)
class Settings:
    """A ladder of temperatures, from `coldest` to `hottest`, and the length of the walk."""

    coldest: float
    hottest: float
    replicas: int
    rounds: int
    moves: int

    def ladder(self) -> list[float]:
        """Return the inverse temperatures, coldest first."""
        step = (self.hottest - self.coldest) / (self.replicas - 1)
        return [1 / (self.coldest + i * step) for i in range(self.replicas)]


@dataclass
class Replica:
    """One walking chain."""

    fold: Fold
    energy: int


def walk(replica: Replica, sequence: str, beta: float, moves: int, rng: random.Random) -> Replica:
    """Walk in place by Metropolis's rule; return the lowest point of the way."""
    best = Replica(replica.fold, replica.energy)
    for _ in range(moves):
        fold = neighbour(replica.fold, rng)
        if fold is None:
            continue
        level = energy(sequence, fold)
        if level <= replica.energy or rng.random() < math.exp(beta * (replica.energy - level)):
            replica.fold, replica.energy = fold, level
            if level < best.energy:
                best = Replica(fold, level)
    return best


def search(sequence: str, settings: Settings, target: int, rng: random.Random) -> tuple[Replica, int]:
    """Return the best fold and the number of moves tried; end at the first round that reaches the target energy."""
    replicas = [Replica(straight(len(sequence)), 0) for _ in range(settings.replicas)]
    betas = settings.ladder()
    best = Replica(replicas[0].fold, 0)
    tried = 0
    for _ in range(settings.rounds):
        for beta, replica in zip(betas, replicas, strict=True):
            best = min(best, walk(replica, sequence, beta, settings.moves, rng), key=lambda r: r.energy)
        for i in range(settings.replicas - 1):
            gain = (betas[i] - betas[i + 1]) * (replicas[i].energy - replicas[i + 1].energy)
            if gain >= 0 or rng.random() < math.exp(gain):
                replicas[i], replicas[i + 1] = replicas[i + 1], replicas[i]
        tried += settings.replicas * settings.moves
        if best.energy <= target:
            break
    return best, tried


def sequence_of(length: int, path: str) -> tuple[str, int]:
    """Return the benchmark chain of a length and the lowest energy known for it."""
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if int(row["length"]) == length:
                return row["sequence"], int(row["lowest_known"])
    raise SystemExit(f"{path}: no chain of length {length}")


def main() -> None:
    """Read the command line, fold, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=20, help="which benchmark chain")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=250)
    parser.add_argument("--moves", type=int, default=200, help="per replica and round")
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--coldest", type=float, default=0.25)
    parser.add_argument("--hottest", type=float, default=0.5)
    parser.add_argument("--data", default="data/sequences.csv")
    parser.add_argument("--out", default="build/fold/length-20/seed-0.json")
    options = parser.parse_args()

    sequence, lowest_known = sequence_of(options.length, options.data)
    settings = Settings(options.coldest, options.hottest, options.replicas, options.rounds, options.moves)
    best, tried = search(sequence, settings, lowest_known, random.Random(options.seed))

    result = {
        "sequence": sequence,
        "lowest_known": lowest_known,
        "energy": best.energy,
        "moves_tried": tried,
        "fold": [[int(p.real), int(p.imag)] for p in best.fold],
        "contacts": contacts(sequence, best.fold),
    }
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
