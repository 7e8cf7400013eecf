"""Genetic programming after Koza (1992): programs as trees, bred by tournament, crossover and mutation.

A program is a nested tuple, `("mul", ("a",), ("sqrt", ("a",)))`, hence immutable: offspring share subtrees with their parents.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Program = tuple[Any, ...]  # recursive: the name of a variable or operator, then programs

VARIABLES = ("a", "e", "m", "d")  # the planet's distance, eccentricity, mass and diameter
ARITY = {"add": 2, "sub": 2, "mul": 2, "div": 2, "sqrt": 1}
SYMBOL = {"add": "+", "sub": "−", "mul": "×", "div": "÷"}  # noqa: RUF001 - these are formulas for readers
DEEPEST = 7


@dataclass(frozen=True)
class Settings:
    """How a population breeds; `crossover` and `mutation` are probabilities, the rest of each generation is copied."""

    population: int
    generations: int
    tournament: int = 5
    crossover: float = 0.8
    mutation: float = 0.15
    price_per_node: float = 1e-4


@dataclass(frozen=True)
class Generation:
    """The best program of a generation and its error."""

    number: int
    best: Program
    error: float


def evaluate(program: Program, values: Mapping[str, Array]) -> Array:
    """Return the program's value for each planet; division by zero gives 1 and the root takes the magnitude, as in Koza's book."""
    name = program[0]
    if name in values:
        return values[name]
    first = evaluate(program[1], values)
    if name == "sqrt":
        return np.asarray(np.sqrt(np.abs(first)))
    second = evaluate(program[2], values)
    if name == "div":
        return np.divide(first, second, out=np.ones_like(first), where=second != 0)
    operation: Callable[[Array, Array], Array] = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[name]
    return operation(first, second)


def size(program: Program) -> int:
    """Return the number of nodes."""
    return 1 + sum(size(child) for child in program[1:])


def depth(program: Program) -> int:
    """Return the number of levels; a leaf has one."""
    return 1 + max((depth(child) for child in program[1:]), default=0)


def text(program: Program, *, inner: bool = False) -> str:
    """Return the program as a formula; `inner` asks for the parentheses that a sum or product needs inside another."""
    name, *children = program
    if not children:
        return str(name)
    operands = [text(child, inner=True) for child in children]
    if name == "sqrt":
        return f"√{operands[0]}"
    formula = f"{operands[0]} {SYMBOL[name]} {operands[1]}"
    return f"({formula})" if inner else formula


def grow(levels: int, rng: random.Random, *, full: bool) -> Program:
    """Return a random program of at most (if `full`: of exactly) `levels` levels."""
    if levels == 1 or (not full and rng.random() < 0.3):
        return (rng.choice(VARIABLES),)
    name = rng.choice(sorted(ARITY))
    return (name, *(grow(levels - 1, rng, full=full) for _ in range(ARITY[name])))


def nodes(program: Program, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Yield the path of every node."""
    yield path
    for i, child in enumerate(program[1:], start=1):
        yield from nodes(child, (*path, i))


def at(program: Program, path: tuple[int, ...]) -> Program:
    """Return the subtree at a path."""
    for i in path:
        program = program[i]
    return program


def replaced(program: Program, path: tuple[int, ...], subtree: Program) -> Program:
    """Return the program with another subtree at a path."""
    if not path:
        return subtree
    i = path[0]
    return (*program[:i], replaced(program[i], path[1:], subtree), *program[i + 1 :])


def bred(pool: list[tuple[float, Program]], settings: Settings, rng: random.Random) -> Program:
    """Return one offspring: crossed, mutated or copied; one that is too deep gives way to its parent."""

    def parent() -> Program:
        return min(rng.choices(pool, k=settings.tournament), key=lambda scored: scored[0])[1]

    mother = parent()
    dice = rng.random()
    if dice < settings.crossover:
        father = parent()
        gift = at(father, rng.choice(list(nodes(father))))
    elif dice < settings.crossover + settings.mutation:
        gift = grow(3, rng, full=False)
    else:
        return mother
    child = replaced(mother, rng.choice(list(nodes(mother))), gift)
    return child if depth(child) <= DEEPEST else mother


def evolve(error: Callable[[Program], float], settings: Settings, good_enough: float, rng: random.Random) -> list[Generation]:
    """Breed until the best program's error is good enough or the generations are over.

    Args:
        error: The error of a program; not finite for one that fails.
        settings: The population and how it breeds.
        good_enough: The error at which the search ends.
        rng: The only source of chance.

    Returns:
        Each generation's best by price, which is error plus a little for every node.
    """
    known: dict[Program, float] = {}

    def scored(program: Program) -> tuple[float, Program]:
        if program not in known:
            known[program] = error(program)
        return known[program] + settings.price_per_node * size(program), program

    pool = [scored(grow(2 + i % 4, rng, full=i % 2 == 0)) for i in range(settings.population)]  # ramped half and half
    history = []
    for number in range(settings.generations + 1):
        best = min(pool, key=lambda one: one[0])[1]
        history.append(Generation(number, best, known[best]))
        if known[best] <= good_enough:
            break
        pool = [scored(best), *(scored(bred(pool, settings, rng)) for _ in range(settings.population - 1))]
    return history
