"""The example paper from end to end, as a stranger meets it: real experiments, real pandoc, real typst.

Two clean copies in different folders are rendered side by side, each with a store of its own; then they are edited, the first after a move
to a third folder, because other tests read what it was built to.
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

from tests import example


@dataclass(frozen=True)
class Copy:
    folder: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "paperbuild", *words],
            cwd=self.folder,
            env=example.environment(),
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
    second = Copy(example.copied(tmp_path_factory.mktemp("clone") / "another place, with spaces" / "paper"))
    running = second.start("render", "-j1")
    first = Copy(tmp_path_factory.mktemp("clone") / "one" / "paper")
    shutil.copytree(example.built(tmp_path_factory), first.folder, symlinks=True)
    said = running.communicate(timeout=example.LIMIT_S)[1]
    assert running.returncode == 0, said
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
    paper = copies[0]
    before = paper.digests()
    assert paper.ran("render") == []
    (paper.folder / "paper.md").touch()
    (paper.folder / "experiments/train.py").touch()
    assert paper.ran("render") == []

    paper.edit("experiments/extraction.py", "import argparse", "import argparse  # to read the command line")
    assert paper.ran("render") == ["pi-check"]
    paper.edit("experiments/extraction.py", "  # to read the command line", "")
    assert paper.ran("render") == []

    paper.edit("paper.md", "# Introduction", "# Opening")
    assert paper.ran("render") == ["paper.html", "paper.pdf"]
    paper.edit("paper.md", "# Opening", "# Introduction")
    assert paper.ran("render") == []
    assert paper.digests() == before


def test_a_changed_parameter_reruns_exactly_what_depends_on_it(copies):
    paper = copies[1]
    before = paper.digests()
    paper.edit("paperbuild.toml", "params = { digits = 100000 }", "params = { digits = 100100 }")
    assert paper.ran("render") == ["frequencies", "paper.html", "paper.pdf", "pi", "pi-check", "year"]
    assert paper.digests() != before
    paper.edit("paperbuild.toml", "params = { digits = 100100 }", "params = { digits = 100000 }")
    assert paper.ran("render") == []
    assert paper.digests() == before


def test_a_cell_that_leaves_the_matrix_leaves_the_tree_and_the_aggregates(copies):
    paper = copies[1]
    before = paper.digests()
    paper.edit("paperbuild.toml", "length = [20, 24, 25, 36], seed = [0, 1, 2]", "length = [20, 24, 25, 36], seed = [0, 1]")
    ran = paper.ran("run", "folding")
    assert ran == ["folding"]
    assert not list((paper.folder / "build/fold").glob("*/seed-2.json"))
    paper.edit("paperbuild.toml", "length = [20, 24, 25, 36], seed = [0, 1]", "length = [20, 24, 25, 36], seed = [0, 1, 2]")
    assert paper.ran("render") == []
    assert paper.digests() == before


def test_no_render_starts_a_program_when_nothing_is_to_be_done(copies, tmp_path):
    paper = copies[0]
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
    environment = example.environment() | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{example.TOP}"}
    done = subprocess.run(
        [sys.executable, "-m", "paperbuild", "render"],
        cwd=paper.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "0 ran" in done.stderr
    assert not empty.exists(), empty.read_text()
