"""The example paper agrees with its results, and ``check`` finds each digit and each claim that does not: by mutation over all of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from paperbuild.cli.main import main
from paperbuild.paper.agreement import findings
from paperbuild.paper.source import Candidate, scan
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.proofreading import Proofreader
from tests import example

PAPER = (example.SOURCE / "paper.md").read_text(encoding="utf-8")
BOUND = tuple(candidate for candidate in scan(PAPER).live() if candidate.kind != "claim" and candidate.literal is not None)
CLAIMS = tuple(candidate for candidate in scan(PAPER).live() if candidate.kind == "claim")
INVERTED = {">": "<=", "==": "!="}


@dataclass(frozen=True)
class Mutant:
    """A paper with one digit of one literal altered."""

    text: str
    candidate: Candidate
    offset: int


def mutants() -> list[Mutant]:
    found = []
    for candidate in BOUND:
        assert candidate.literal is not None
        for offset in range(*candidate.literal):
            if PAPER[offset] in "0123456789":
                other = str((int(PAPER[offset]) + 1) % 10)
                found.append(Mutant(PAPER[:offset] + other + PAPER[offset + 1 :], candidate, offset))
    return found


def inverted(candidate: Candidate) -> str:
    for sign, other in INVERTED.items():
        if f" {sign} " in candidate.raw:
            raw = candidate.raw.replace(f" {sign} ", f" {other} ")
            return PAPER[: candidate.value] + raw + PAPER[candidate.value + len(candidate.raw) :]
    raise AssertionError(candidate.raw)


def place(offset: int) -> tuple[int, int]:
    return PAPER.count("\n", 0, offset) + 1, offset - PAPER.rfind("\n", 0, offset)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the built example, whose paper may be changed."""
    copy = tmp_path_factory.mktemp("agrees") / "paper"
    shutil.copytree(example.built(tmp_path_factory), copy, symlinks=True)
    return copy


@pytest.fixture
def check(folder, capfd):
    """Return what ``check`` finds in a text of the paper: code, and where."""

    def check(text: str) -> list[tuple[str, int, int, int]]:
        (folder / "paper.md").write_text(text, encoding="utf-8")
        capfd.readouterr()
        code = main(["-C", str(folder), "check", "--json"])
        told = json.loads(capfd.readouterr().out)["diagnostics"]
        assert code == int(bool(told))
        return [(f["code"], f["span"]["line"], f["span"]["column"], f["span"]["length"]) for f in told]

    yield check
    (folder / "paper.md").write_text(PAPER, encoding="utf-8")


def expected(mutant: Mutant) -> list[tuple[str, int, int, int]]:
    assert mutant.candidate.literal is not None
    start, end = mutant.candidate.literal
    return [("PB231", *place(start), end - start)]


def test_the_example_agrees_with_its_results(check):
    assert check(PAPER) == []


def test_the_example_has_literals_and_claims_of_every_kind():
    kinds = {candidate.kind for candidate in BOUND}
    captions = [c for c in BOUND if "![" in PAPER[PAPER.rfind("\n\n", 0, c.key) : c.key]]
    abstract = [c for c in BOUND if c.key < scan(PAPER).regions.header_end]
    cells = [c for c in BOUND if PAPER[PAPER.rfind("\n", 0, c.key) + 1] == "|"]
    assert kinds == {"value", "math-value"}
    assert captions
    assert abstract
    assert cells
    assert len(CLAIMS) >= 3
    assert len(mutants()) > 100


def test_any_altered_digit_of_any_literal_is_one_finding_at_its_place(folder):
    """All of them on the lexical scan, which costs milliseconds each; the next tests ask the command itself."""
    plan = example.expansion()
    (folder / "paper.md").write_text(PAPER, encoding="utf-8")
    worker = PandocWorker()
    for mutant in mutants():
        (folder / "paper.md").write_text(mutant.text, encoding="utf-8")
        proofreader = Proofreader(plan.catalog, example.Folder(folder), worker)
        proof = proofreader.read(plan.documents[0])
        found = [(f.code, f.span.line, f.span.column, f.span.length) for f in findings(proof.items, proof.sources) if f.span]
        assert found == expected(mutant)
        assert all(item.is_good for item in proof.items)
        assert proofreader.unbound(proof, ()) == ()
    (folder / "paper.md").write_text(PAPER, encoding="utf-8")


def test_the_command_finds_altered_digits_in_abstract_text_formula_caption_and_table(check):
    chosen = {}
    for mutant in mutants():
        line = PAPER[PAPER.rfind("\n", 0, mutant.offset) + 1 : mutant.offset]
        caption = "![" in PAPER[PAPER.rfind("\n\n", 0, mutant.offset) : mutant.offset]
        header = mutant.offset < scan(PAPER).regions.header_end
        where = "header" if header else "caption" if caption else "table" if line.startswith("|") else mutant.candidate.kind
        chosen[where] = mutant
    assert set(chosen) == {"header", "value", "math-value", "caption", "table"}
    for mutant in chosen.values():
        assert check(mutant.text) == expected(mutant)


@pytest.mark.slow
def test_the_command_finds_every_altered_digit(check):
    for mutant in mutants():
        assert check(mutant.text) == expected(mutant)


def test_an_inverted_claim_is_one_finding(check):
    for claim in CLAIMS:
        text = inverted(claim)
        line, column = place(claim.value)
        length = len(scan(text).candidates[scan(PAPER).candidates.index(claim)].text)
        assert check(text) == [("PB230", line, column, length)]
