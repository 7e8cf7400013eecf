"""What values cost: a thousand references, and a sweep of a thousand cells, beside the same papers whose numbers are bound to nothing."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from timing import PAPERBUILD, Case, measure, once

COUNT = 1000
_PAPER = '[paper]\nsource = "paper.md"\nformats = ["html"]\n'
_VALUES = '\n[target.t]\nrun = "cp source.json values.json"\ninputs = ["source.json"]\noutputs = { values = "values.json" }\n'
_SWEEP = f"""
[target.sweep]
run = 'mkdir -p cells; echo {{{{\\"acc\\": 0.{{n}}, \\"on\\": true}}}} > cells/{{n}}.json'
outputs = {{ cell = "cells/{{n}}.json" }}
matrix = {{ n = {[*range(1000, 1000 + COUNT)]} }}
"""


def _words(n: int, value: str) -> str:
    return f"In sentence {n} of this paper, which goes on for some words as sentences in papers do, the value is {value}."


def values(folder: Path, *, bound: bool) -> Path:
    """Write a paper with a thousand numbers, bound to results, or spans all the same that are bound to nothing."""
    folder.mkdir()
    results = {f"k{n}": n + 0.125 for n in range(COUNT)}
    numbers = (f"[{n}.12]{{val=t.k{n}:.2f}}" if bound else f"[{n}.12]{{.k{n}}}" for n in range(COUNT))
    (folder / "paper.md").write_text("\n\n".join(_words(n, number) for n, number in enumerate(numbers)) + "\n")
    (folder / "paperbuild.toml").write_text(_PAPER + (_VALUES if bound else ""))
    (folder / "source.json").write_text(json.dumps(results))
    return folder


def sweep(folder: Path, *, bound: bool) -> Path:
    """Write a paper about a sweep of a thousand cells: what it comes to is bound, or typed."""
    folder.mkdir()
    texts = [
        '[x]{val="pm(sweep.acc):.1%"}',
        "[x]{val=max(sweep.acc)}",
        '[x]{val="words(count(sweep.on), len(sweep))"}',
        '[so]{claim="sweep.acc < 1"}',
    ]
    (folder / "paper.md").write_text("\n\n".join(_words(n, text if bound else "15.0") for n, text in enumerate(texts)) + "\n")
    (folder / "paperbuild.toml").write_text(_PAPER + (_SWEEP if bound else ""))
    return folder


def _edited(folder: Path) -> None:
    with (folder / "paper.md").open("a") as file:
        file.write(f"\nEdited at {time.monotonic_ns()}.\n")


def measure_references(folder: Path, runs: int) -> None:
    """After an edit: a render with values beside one without, and check; and check where nothing changed."""
    for title, make in ((f"{COUNT} values", values), (f"A sweep of {COUNT} cells", sweep)):
        bound, typed = make(folder / f"{make.__name__}-bound", bound=True), make(folder / f"{make.__name__}-typed", bound=False)
        for where in (bound, typed):
            once(Case("settle", [*PAPERBUILD, "render", "-q"], where))
            subprocess.run([*PAPERBUILD, "sync", "-q"], cwd=where, check=True, stdout=subprocess.DEVNULL)
            once(Case("settle", [*PAPERBUILD, "render", "-q"], where))
        measure(f"{title}: check, nothing changed", [Case("paperbuild check", [*PAPERBUILD, "check"], bound)], runs)
        cases = [
            Case("render, values bound", [*PAPERBUILD, "render"], bound, lambda where=bound: _edited(where)),
            Case("render, the same spans unbound", [*PAPERBUILD, "render"], typed, lambda where=typed: _edited(where)),
            Case("check, values bound", [*PAPERBUILD, "check"], bound, lambda where=bound: _edited(where)),
        ]
        measure(f"{title}: after an edit", cases, runs)
