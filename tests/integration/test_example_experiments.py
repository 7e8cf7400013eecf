"""The experiments of the example paper, each against an independent computation of what it claims."""

import ast
import importlib
import itertools
import json
import random
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

PAPER = Path(__file__).parents[2] / "example-paper"
EXPERIMENTS = PAPER / "experiments"


@pytest.fixture(scope="module", autouse=True)
def _importable_scripts() -> Iterator[None]:
    """Let scripts import their neighbours, as when they are run, and leave nothing behind."""
    before, writing = set(sys.modules), sys.dont_write_bytecode
    sys.path.insert(0, str(EXPERIMENTS))
    sys.dont_write_bytecode = True
    yield
    sys.path.remove(str(EXPERIMENTS))
    sys.dont_write_bytecode = writing
    for name in set(sys.modules) - before:
        if (EXPERIMENTS / f"{name}.py").exists():
            del sys.modules[name]


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


# Training


@pytest.mark.parametrize("hidden", [0, 5])
def test_the_gradient_by_hand_agrees_with_finite_differences(hidden: int) -> None:
    rng = np.random.default_rng(1)
    network = script("network").Network.create(4, hidden, 3, rng)
    x, y = rng.normal(size=(12, 4)), rng.integers(0, 3, size=12)
    step = 1e-6
    for parameter, gradient in zip(network.parameters, network.gradients(x, y), strict=True):
        assert gradient.shape == parameter.shape
        for index in np.ndindex(parameter.shape):
            kept = parameter[index]
            parameter[index] = kept + step
            above = network.loss(x, y)
            parameter[index] = kept - step
            below = network.loss(x, y)
            parameter[index] = kept
            assert gradient[index] == pytest.approx((above - below) / (2 * step), abs=1e-7)


def test_a_split_uses_every_measured_bird_once_and_sets_a_share_of_each_species_aside() -> None:
    penguins = script("penguins")
    x, y = penguins.load(str(PAPER / "data" / "penguins.csv"))
    assert x.shape == (342, 4)
    data = penguins.split(x, y, 0.25, np.random.default_rng(3))
    assert len(data.y_train) + len(data.y_test) == 342
    for species in range(3):
        assert (data.y_test == species).sum() == round(0.25 * (y == species).sum())
    assert data.x_train.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-12)


def test_training_lowers_the_loss_and_is_a_function_of_its_seed() -> None:
    penguins, network, train = script("penguins"), script("network"), script("train")

    def run(seed: int) -> tuple[list[tuple[int, float, float]], list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]]:
        rng = np.random.default_rng(seed)
        data = penguins.split(*penguins.load(str(PAPER / "data" / "penguins.csv")), 0.25, rng)
        model = network.Network.create(4, 16, 3, rng)
        return train.train(model, data, 5, 0.01, rng), model.parameters

    (history, weights), (again, same_weights) = run(0), run(0)
    assert history == again
    assert all((a == b).all() for a, b in zip(weights, same_weights, strict=True))
    assert history[-1][1] < history[0][1] / 4
    assert run(1)[0] != history


# Evolution


@given(seed=st.integers(0, 10_000))
def test_replacing_a_subtree_puts_it_there_and_changes_nothing_else(seed: int) -> None:
    programs, rng = script("programs"), random.Random(seed)
    program, gift = programs.grow(5, rng, full=False), programs.grow(2, rng, full=True)
    path = rng.choice(list(programs.nodes(program)))
    changed = programs.replaced(program, path, gift)
    assert programs.at(changed, path) == gift
    assert programs.replaced(changed, path, programs.at(program, path)) == program
    assert programs.size(changed) == programs.size(program) - programs.size(programs.at(program, path)) + programs.size(gift)


@given(seed=st.integers(0, 10_000))
def test_a_formula_evaluates_to_what_its_program_evaluates_to(seed: int) -> None:
    programs, rng = script("programs"), random.Random(seed)
    program = programs.grow(4, rng, full=False)
    values = {"a": np.array([2.0]), "e": np.array([0.3]), "m": np.array([5.0]), "d": np.array([7.0])}

    def read(formula: str) -> float:
        python = formula.replace("\N{MINUS SIGN}", "-").replace("\N{MULTIPLICATION SIGN}", "*").replace("\N{DIVISION SIGN}", "@")
        python = python.replace("\N{SQUARE ROOT}", "~")  # Python's ~ binds as tightly as a root sign, its @ as a division
        return float(eval(python, {name: _Koza(float(value[0])) for name, value in values.items()}).value)

    assert read(programs.text(program)) == pytest.approx(float(programs.evaluate(program, values)[0]), rel=1e-9, abs=1e-9)


class _Koza:
    """A number with protected division and root, for reading formulas back."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __add__(self, other: "_Koza") -> "_Koza":
        return _Koza(self.value + other.value)

    def __sub__(self, other: "_Koza") -> "_Koza":
        return _Koza(self.value - other.value)

    def __mul__(self, other: "_Koza") -> "_Koza":
        return _Koza(self.value * other.value)

    def __matmul__(self, other: "_Koza") -> "_Koza":
        return _Koza(self.value / other.value if other.value else 1.0)

    def __invert__(self) -> "_Koza":
        return _Koza(abs(self.value) ** 0.5)


def test_evolution_finds_the_third_law_and_is_a_function_of_its_seed() -> None:
    programs, evolve = script("programs"), script("evolve")
    planets, periods = evolve.load(str(PAPER / "data" / "planets.csv"))
    histories = [evolve.search(planets, periods, programs.Settings(200, 40), 0.001, 1) for _ in range(2)]
    assert histories[0] == histories[1]
    best = histories[0][-1].best
    assert programs.evaluate(best, planets) == pytest.approx(planets["a"] ** 1.5)


# Folding


def energy_by_definition(sequence: str, fold: list[complex]) -> int:
    pairs = itertools.combinations(range(len(sequence)), 2)
    return -sum(j - i > 1 and sequence[i] == sequence[j] == "H" and abs(fold[i] - fold[j]) == 1 for i, j in pairs)


@given(seed=st.integers(0, 10_000), sequence=st.text("HP", min_size=4, max_size=24))
def test_pull_moves_keep_the_chain_whole_and_the_energy_is_that_of_the_definition(seed: int, sequence: str) -> None:
    lattice, rng = script("lattice"), random.Random(seed)
    fold = lattice.straight(len(sequence))
    for _ in range(60):
        fold = lattice.neighbour(fold, rng) or fold
        assert lattice.is_valid(fold)
    assert lattice.energy(sequence, fold) == energy_by_definition(sequence, fold)


def test_the_search_reaches_the_minimum_that_enumeration_finds() -> None:
    fold, sequence = script("fold"), "HPHPHHPPHH"

    def walks(chain: list[complex]) -> Iterator[list[complex]]:
        if len(chain) == len(sequence):
            yield chain
            return
        for step in (1, 1j, -1j) if len(chain) == 2 else (1, 1j, -1, -1j):
            if chain[-1] + step not in chain:
                yield from walks([*chain, chain[-1] + step])

    minimum = min(energy_by_definition(sequence, walk) for walk in walks([0j, 1 + 0j]))
    best, tried = fold.search(sequence, fold.Settings(0.25, 0.5, 4, 50, 100), minimum, random.Random(0))
    assert best.energy == energy_by_definition(sequence, best.fold) == minimum
    assert tried <= 4 * 50 * 100


def test_the_benchmark_of_twenty_residues_folds_to_its_known_minimum() -> None:
    fold = script("fold")
    sequence, known = fold.sequence_of(20, str(PAPER / "data" / "sequences.csv"))
    best, _ = fold.search(sequence, fold.Settings(0.25, 0.5, 4, 250, 200), known, random.Random(0))
    assert energy_by_definition(sequence, best.fold) == best.energy == known == -9


# Digits of pi


def machin(digits: int) -> str:
    """Return decimals of pi by Machin's formula of 1706, which shares nothing with the series under test."""

    def arctan_of_inverse(x: int, unit: int) -> int:
        total = term = unit // x
        for k in itertools.count(1):
            term //= -x * x
            if not term + (term < 0):
                return total
            total += term // (2 * k + 1)
        raise AssertionError

    unit = 10 ** (digits + 10)
    return str(4 * (4 * arctan_of_inverse(5, unit) - arctan_of_inverse(239, unit)))[1:-10]


@pytest.mark.parametrize("digits", [1, 14, 15, 1000, 4000])
def test_the_digits_agree_with_machins_formula(digits: int) -> None:
    decimals = script("chudnovsky").decimals(digits)
    assert len(decimals) == digits
    assert decimals == machin(digits)


def test_six_nines_stand_at_decimal_762() -> None:
    assert script("chudnovsky").decimals(800).find("999999") + 1 == 762


def test_extraction_agrees_with_the_digits_and_notices_a_wrong_one() -> None:
    extraction, decimals = script("extraction"), script("chudnovsky").decimals(1300)
    assert extraction.extracted(0) == "243F6A88"
    assert extraction.extracted(1000) == extraction.converted(decimals, 1000)
    wrong = decimals[:700] + str((int(decimals[700]) + 1) % 10) + decimals[701:]
    assert extraction.extracted(1000) != extraction.converted(wrong, 1000)
    with pytest.raises(SystemExit, match="there are 1,300"):
        extraction.converted(decimals, 1100)


def test_too_many_digits_without_gmpy2_end_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gmpy2", None)
    with pytest.raises(SystemExit, match="pip install gmpy2"):
        script("chudnovsky").decimals(1_000_001)


@pytest.mark.parametrize(("statistic", "p"), [(4.168, 0.9), (8.343, 0.5), (16.919, 0.05), (21.666, 0.01)])
def test_the_p_value_agrees_with_the_tables_of_the_chi_square_distribution(statistic: float, p: float) -> None:
    assert script("frequencies").p_value(statistic) == pytest.approx(p, abs=5e-5)


# What all share


def test_outputs_of_a_sweep_come_from_the_index_in_its_order_else_from_the_glob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "left-over"):
        (tmp_path / f"{name}.json").touch()
    monkeypatch.delenv("PAPERBUILD_INDEX", raising=False)
    assert [p.name for p in script("cells").outputs("t", "o", "*.json")] == ["a.json", "b.json", "left-over.json"]
    index = {"t": [{"params": {}, "outputs": {"o": f"{name}.json"}} for name in ("b", "a")]}
    (tmp_path / "index").write_text(json.dumps(index), encoding="utf-8")
    monkeypatch.setenv("PAPERBUILD_INDEX", "index")
    assert [p.name for p in script("cells").outputs("t", "o", "*.json")] == ["b.json", "a.json"]


def test_a_figure_saved_twice_has_the_same_bytes(tmp_path: Path) -> None:
    frequencies = script("frequencies")
    for name in ("one.svg", "two.svg"):
        frequencies.draw([9, 11, 10, 8, 12, 10, 10, 9, 11, 10], str(tmp_path / name))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def imported_scripts(path: Path) -> set[Path]:
    """Return the script and the neighbours that it imports, directly or not."""
    found, waiting = set(), [path]
    while waiting:
        found.add(waiting.pop())
        for node in itertools.chain.from_iterable(ast.walk(ast.parse(p.read_text(encoding="utf-8"))) for p in list(found)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in getattr(node, "names", ())]
            near = {EXPERIMENTS / f"{name}.py" for name in names}
            waiting += [p for p in near if p.exists() and p not in found and p not in waiting]
    return found


def test_every_target_declares_its_script_and_all_that_the_script_imports() -> None:
    manifest = tomllib.loads((PAPER / "paperbuild.toml").read_text(encoding="utf-8"))
    for name, target in manifest["target"].items():
        first = PAPER / target["run"].split()[1]
        needed = {p.relative_to(PAPER).as_posix() for p in imported_scripts(first)}
        assert needed <= set(target["inputs"]), name
        assert all((PAPER / path).exists() for path in target["inputs"]), name
