"""The example paper, built once for all tests that read it: its experiments are most of what they cost.

Who wants to change it copies it. Workers of pytest-xdist share it: the first one builds, the others wait.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from paperbuild.cli.planning import planned
from paperbuild.engine.graph import Command
from paperbuild.paper.plan import Plan
from paperbuild.render.templates import TemplateFinder

TOP = Path(__file__).resolve().parents[1]
SOURCE = TOP / "example-paper"
BUILT = ("_build", ".paperbuild", "build", "figures", "__pycache__")
LIMIT_S = 400

DRAW = """
import runpy, shlex, sys
sys.path.insert(0, "experiments")
for line in sys.argv[1:]:
    python, script, *words = shlex.split(line)
    sys.argv = [script, *words]
    runpy.run_path(script, run_name="__main__")
"""


@dataclass(frozen=True)
class Folder:
    """A folder, as the engine shows it to a document."""

    root: Path

    def require(self, paths: Iterable[str]) -> None:
        """Nothing here is any target's output that is still to be made."""

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def exists(self, path: str) -> bool:
        return (self.root / path).is_file()


def environment() -> dict[str, str]:
    """Return the environment in which this checkout's paperbuild runs, whatever is installed."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"PYTHONPATH": str(TOP)}


def copied(folder: Path) -> Path:
    """Return ``folder`` with a clean copy of the example in it."""
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(*BUILT))
    return folder


def built(factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the example was rendered to PDF and HTML from a clean copy; nobody may change it."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = base / "example-paper", base / "example-paper-is-built"
    with open(base / "example-paper-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            command = [sys.executable, "-P", "-m", "paperbuild", "render", "-j1"]
            ended = subprocess.run(
                command, cwd=copied(folder), env=environment(), capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
            assert ended.returncode == 0, ended.stdout + ended.stderr
            done.touch()
    return folder


def expansion() -> Plan:
    """Return what the example's manifest and the chunk in its paper declare."""
    return planned(str(SOURCE), "", keeps=False).plan


def drawn(results: Path, folder: Path, template: str) -> Path:
    """Return ``folder`` with the example's sources and results, its figures drawn in the style of ``template``.

    ``results`` is what :func:`built` returns. As a build with that template would draw them, without the experiments run again.
    """
    shutil.copytree(results, folder, ignore=shutil.ignore_patterns("_build", ".paperbuild"))
    style = folder / "matplotlibrc"
    style.write_text(TemplateFinder().find(template, Folder(folder)).matplotlibrc())
    figures = [action for action in expansion().actions if any(output.path.startswith("figures/") for output in action.outputs)]
    lines = [action.recipe.line for action in figures if isinstance(action.recipe, Command)]
    assert len(lines) == 4
    subprocess.run(
        [sys.executable, "-c", DRAW, *lines],
        cwd=folder,
        env=environment() | {"MATPLOTLIBRC": str(style), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=LIMIT_S,
        check=True,
    )
    return folder
