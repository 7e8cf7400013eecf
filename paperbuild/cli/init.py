"""``paperbuild init``: a paper to start from, whose one number and one table come from an experiment."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

import click

from paperbuild.cli.invocation import Invocation, shown_path
from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError

_MANIFEST = """\
[paper]
source = "paper.md"
formats = ["pdf", "html"]

[target.walk]
run = "python3 experiments/walk.py --steps {steps}"
inputs = ["experiments/walk.py"]
outputs = { summary = "results/walk.json", lengths = "results/lengths.csv" }
params = { steps = 1000 }
"""

_PAPER = """\
---
title: A paper that builds itself
author: Your Name
abstract: |
  Every number below is the output of an experiment. Change `steps` in `paperbuild.toml` and render again.
---

# Result

After [1,000]{val=walk.params.steps:,d} random steps on a square grid the walker is [11.4]{val=walk.summary.distance:.1f} units from
where it began; theory expects about [31.6]{val=walk.summary.expected:.1f}. @tbl:lengths gives the distance along the way.

![The distance from the start after a number of steps.](results/lengths.csv){#tbl:lengths format="distance:.1f"}
"""

_EXPERIMENT = '''\
"""A random walk on the square grid: the distance from the start after a number of steps."""

import argparse
import csv
import json
import math
import random
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, required=True)
steps = parser.parse_args().steps

dice = random.Random(1)
x = y = 0
rows = []
for step in range(1, steps + 1):
    dx, dy = dice.choice([(1, 0), (-1, 0), (0, 1), (0, -1)])
    x, y = x + dx, y + dy
    if step % max(1, steps // 5) == 0:
        rows.append({"steps": step, "distance": math.hypot(x, y)})

with Path("results/lengths.csv").open("w", newline="") as file:
    table = csv.DictWriter(file, ["steps", "distance"])
    table.writeheader()
    table.writerows(rows)
summary = {"distance": math.hypot(x, y), "expected": math.sqrt(steps)}
Path("results/walk.json").write_text(json.dumps(summary))
'''

_IGNORED = ".paperbuild/\n_build/\nresults/\n"

STARTER: Mapping[str, str] = {
    "paperbuild.toml": _MANIFEST,
    "paper.md": _PAPER,
    "experiments/walk.py": _EXPERIMENT,
    ".gitignore": _IGNORED,
}
"""The files of a new project and what stands in them."""


@click.command("init")
@click.argument("folder", required=False, default="")
@click.pass_obj
def command(invocation: Invocation, folder: str) -> None:
    """Start a paper in FOLDER (default: here). Existing files are never overwritten."""
    root = os.path.normpath(os.path.join(invocation.folder, folder))
    taken = [name for name in STARTER if name != ".gitignore" and os.path.lexists(os.path.join(root, name))]
    if taken:
        raise UsageError(
            Diagnostic(
                "PB186",
                f"{', '.join(shown_path(root, name, invocation.shown_from) for name in taken)}: already there, and init overwrites nothing",
                help=("name another folder: paperbuild init FOLDER", "to build what is there: paperbuild render"),
            )
        )
    for name, text in STARTER.items():
        path = os.path.join(root, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            if stat.S_ISREG(os.lstat(path).st_mode):
                continue  # the author's own .gitignore stays as it is
            raise
        except OSError as error:
            raise UsageError(Diagnostic("PB187", f"{shown_path(root, name, invocation.shown_from)}: {error.strerror}")) from error
        invocation.answer(shown_path(root, name, invocation.shown_from))
    where = "" if root == os.path.normpath(invocation.shown_from) else f" -C {shown_path(root, '.', invocation.shown_from)}"
    invocation.narrate(f"now: paperbuild{where} render")
