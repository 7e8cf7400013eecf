"""The example paper from end to end, as a stranger meets it: real experiments, real pandoc, real typst.

Two clean copies in different folders are rendered side by side, each with a store of its own; then one of them is edited.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pypdf
import pytest

TOP = Path(__file__).resolve().parents[2]
BUILT = ("_build", ".paperbuild", "build", "figures", "__pycache__")


@dataclass(frozen=True)
class Copy:
    folder: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"PYTHONPATH": str(TOP)}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "paperbuild", *words],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> dict[str, str]:
        """Run a command that builds; return each action's outcome."""
        process = self.start(*words, "--json")
        said, errors = process.communicate(timeout=300)
        assert process.returncode == 0, said + errors
        return {row["action"]: row["outcome"] for row in json.loads(said)["actions"]}

    def ran(self, *words: str) -> list[str]:
        return sorted(action for action, outcome in self(*words).items() if outcome == "ran")

    def digests(self) -> dict[str, str]:
        documents = sorted((self.folder / "_build").glob("paper.*"))
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in documents}

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Copy, Copy]:
    made = []
    for name in ("one", "another place, with spaces"):
        folder = tmp_path_factory.mktemp("clone") / name / "paper"
        shutil.copytree(TOP / "example-paper", folder, ignore=shutil.ignore_patterns(*BUILT))
        made.append(Copy(folder))
    first, second = made
    running = [first.start("render", "-j1"), second.start("render", "-j1")]
    said = [process.communicate(timeout=400)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    return first, second


def test_two_clean_clones_give_the_same_bytes(copies):
    first, second = copies
    assert set(first.digests()) == {"paper.html", "paper.pdf"}
    assert first.digests() == second.digests()


def test_the_documents_hold_what_was_computed(copies):
    metrics = [json.loads(path.read_text()) for path in (copies[0].folder / "build/train").glob("hidden-16/*/metrics.json")]
    mean = sum(m["accuracy"] for m in metrics) / len(metrics)
    page = (copies[0].folder / "_build/paper.html").read_text()
    pdf = pypdf.PdfReader(copies[0].folder / "_build/paper.pdf")
    text = "".join(sheet.extract_text() for sheet in pdf.pages)
    assert 4 <= len(pdf.pages) <= 8
    for hole in ("??", "{val=", "\\ref", "[@", "@fig:"):
        assert hole not in text
    assert f"{mean * 100:.1f}" in text
    assert f"{mean * 100:.1f}" in page


def test_a_second_render_runs_nothing_and_an_edit_runs_what_depends_on_it(copies):
    example = copies[0]
    before = example.digests()
    assert example.ran("render") == []
    (example.folder / "paper.md").touch()
    (example.folder / "experiments/train.py").touch()
    assert example.ran("render") == []

    example.edit("experiments/extraction.py", "import argparse", "import argparse  # to read the command line")
    assert example.ran("render") == ["pi-check"]
    example.edit("experiments/extraction.py", "  # to read the command line", "")
    assert example.ran("render") == []

    example.edit("paper.md", "# Introduction", "# Opening")
    assert example.ran("render") == ["paper.html", "paper.pdf"]
    example.edit("paper.md", "# Opening", "# Introduction")
    assert example.ran("render") == []
    assert example.digests() == before


def test_a_changed_parameter_reruns_exactly_what_depends_on_it(copies):
    example = copies[1]
    before = example.digests()
    example.edit("paperbuild.toml", "params = { digits = 100000 }", "params = { digits = 100100 }")
    assert example.ran("render") == ["frequencies", "paper.html", "paper.pdf", "pi", "pi-check"]
    assert example.digests() != before
    example.edit("paperbuild.toml", "params = { digits = 100100 }", "params = { digits = 100000 }")
    assert example.ran("render") == []
    assert example.digests() == before


def test_a_cell_that_leaves_the_matrix_leaves_the_tree_and_the_aggregates(copies):
    example = copies[1]
    before = example.digests()
    example.edit("paperbuild.toml", "length = [20, 24, 25, 36], seed = [0, 1, 2]", "length = [20, 24, 25, 36], seed = [0, 1]")
    ran = example.ran("run", "folding")
    assert ran == ["folding"]
    assert not list((example.folder / "build/fold").glob("*/seed-2.json"))
    example.edit("paperbuild.toml", "length = [20, 24, 25, 36], seed = [0, 1]", "length = [20, 24, 25, 36], seed = [0, 1, 2]")
    assert example.ran("render") == []
    assert example.digests() == before


def test_no_render_starts_a_program_when_nothing_is_to_be_done(copies, tmp_path):
    example = copies[0]
    empty = tmp_path / "started"
    spy = tmp_path / "sitecustomize.py"
    spy.write_text(
        "import sys, pathlib\n"
        "starts = {'subprocess.Popen', 'os.posix_spawn', 'os.fork', 'os.exec'}\n"
        "def hook(event, args):\n"
        "    if event in starts or (event == 'import' and args[0] in {'typst', 'pypandoc'}):\n"
        f"        pathlib.Path({str(empty)!r}).write_text(event + ' ' + str(args[0]))\n"
        "sys.addaudithook(hook)\n"
    )
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PYTHON")} | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{TOP}"}
    done = subprocess.run(
        [sys.executable, "-m", "paperbuild", "render"],
        cwd=example.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "0 ran" in done.stderr
    assert not empty.exists(), empty.read_text()
