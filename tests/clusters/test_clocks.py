"""Machines whose clock is wrong: told once, with which way, and their results are taken."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paperbuild.clusters.clocks import Ahead, Clocks, Reading, ahead_of_files, tell_clock
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.cluster import Report
from tests.clusters.dask_servers import Dask
from tests.clusters.slurm_server import SlurmServer
from tests.clusters.test_dask_papers import Project
from tests.clusters.test_slurm import Paper, one

S = 1_000_000_000


def clock(folder: Path, shift_s: int) -> dict[str, str]:
    """The variables of a Python whose clock is ``shift_s`` off. Files are stamped by the right one, as those of a server are.

    Not by libfaketime: with that, now and then, Python cannot sleep.
    """
    wrong = folder / "wrong"
    wrong.mkdir()
    (wrong / "sitecustomize.py").write_text(f"import time\nnow = time.time_ns\ntime.time_ns = lambda: now() + {shift_s * S}\n")
    return {"PYTHONPATH": str(wrong)}


@pytest.mark.parametrize(
    ("ahead", "proven_s"),
    [
        (Ahead(0, 0), 0),
        (Ahead(-3600 * S, 5 * S), 0),  # anything between
        (Ahead(-5 * S, 4 * S), 0),
        (Ahead(6 * S, 7 * S), 6),
        (Ahead(6 * S, 3600 * S), 6),
        (Ahead(-9 * S, -7 * S), -7),
    ],
)
def test_only_what_no_journey_explains_is_proven(ahead: Ahead, proven_s: int) -> None:
    assert ahead.proven_ns() == proven_s * S


def test_two_clocks_are_compared_by_a_third() -> None:
    assert Ahead(600 * S, 601 * S).than(Ahead(-2 * S, -1 * S)) == Ahead(601 * S, 603 * S)


@pytest.mark.parametrize("ahead_s", [600, -600])
def test_a_clock_is_compared_with_the_one_that_stamps_a_file(tmp_path: Path, ahead_s: int) -> None:
    found = ahead_of_files(str(tmp_path / "x"), lambda path: Path(path).touch(), lambda: time.time_ns() + ahead_s * S)
    assert ahead_s - 1 < found.least_ns / S <= found.most_ns / S < ahead_s + 5


def test_each_machine_is_told_of_once_and_the_file_server_too(tmp_path: Path) -> None:
    told: list[Diagnostic] = []
    clocks = Clocks()
    clocks.tells = told.append
    assert not clocks.begun(str(tmp_path))  # it has said nothing yet
    for host, ahead_s in (("node7", 700), ("node7", 700), ("node8", 0), ("node9", -40)):
        tell_clock(str(tmp_path), Reading(host, Ahead(ahead_s * S, ahead_s * S)))
        assert clocks.begun(str(tmp_path))
    (tmp_path / "clock").write_text("{")
    assert clocks.begun(str(tmp_path))
    assert [fault.message.partition(" is ")[0] for fault in told] == ["the clock of node7", "the clock of node9"]
    assert ("ahead of" in told[0].message, "behind" in told[1].message) == (True, True)


@pytest.mark.parametrize(
    ("sent_s", "when_s", "words"),
    [
        (0, (10, 20), ""),
        (0, (10, 100_000_000_000), "ahead of"),
        (50, (10, 20), "the clock of node7 is at least 40 s behind the one here"),
        (12, (10, 20), ""),
    ],
)
def test_where_no_file_is_shared_nothing_begins_before_it_is_sent_and_ends_after_it_is_heard_of(
    sent_s: int, when_s: tuple[int, int], words: str
) -> None:
    told: list[Diagnostic] = []
    clocks = Clocks()
    clocks.tells = told.append
    for _ in range(2):
        clocks.ended(Report("1", "node7", when=(when_s[0] * S, when_s[1] * S)), sent_s * S)
    clocks.ended(Report("1", "node8"), sent_s * S)  # of another version
    assert len(told) == bool(words)
    assert not words or words in told[0].message


@pytest.fixture
def paper(tmp_path: Path, slurm: SlurmServer) -> Paper:
    folder = tmp_path.resolve() / "paper"
    folder.mkdir()
    return Paper(folder, slurm)


def python_with(folder: Path, variables: dict[str, str]) -> str:
    """Return a Python like this one with these ``variables``."""
    path = folder / "python"
    words = " ".join(f"{name}={value}" for name, value in variables.items())
    path.write_text(f'#!/bin/sh\nexec env {words} {sys.executable} "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize(("shift_s", "words"), [(600, "10 min 0 s ahead of the one here"), (-3600, "1 h 0 min behind the one here")])
def test_a_node_whose_clock_is_wrong_is_told_of_while_its_job_runs_and_its_result_is_used(
    paper: Paper, tmp_path: Path, shift_s: int, words: str
) -> None:
    python = python_with(tmp_path, clock(tmp_path, shift_s))
    command = "while [ ! -e ../END ]; do sleep 0.1; done; echo x > out"
    paper.write({"paperbuild.toml": one(command) + f'python = "{python}"\n'})
    process = paper.start("run")
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "warning[PB714]: the clock of" in first
    assert words in first
    (tmp_path / "END").touch()
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert "PB714" not in rest
    assert "0 ran, 1 up to date" in paper.run("run")
    assert (paper.folder / "out").read_text() == "x\n"


@pytest.mark.slow
def test_a_build_whose_own_clock_is_wrong_runs_nothing_twice(paper: Paper) -> None:
    paper.write({"paperbuild.toml": one("cat in > out").replace("inputs = []", 'inputs = ["in"]'), "in": "1"})
    ours = "import runpy, sys, time; now = time.time_ns; time.time_ns = lambda: now() + 7_200_000_000_000; sys.argv = ['paperbuild', 'run']"
    words = [sys.executable, "-c", f"{ours}; runpy.run_module('paperbuild', run_name='__main__')"]

    def build() -> str:
        return subprocess.run(words, cwd=paper.folder, env=paper.environment, capture_output=True, text=True, check=True, timeout=60).stderr

    said = build()
    assert re.findall(r"the clock (.*?) is 2 h 0 min behind the one here", said) == [
        f"of {socket.gethostname()}",
        "that stamps the project's files",
    ]
    assert "0 ran, 1 up to date" in build()
    paper.write({"in": "2"})
    assert "1 ran" in build()
    assert (paper.folder / "out").read_text() == "2"


@pytest.mark.slow
def test_where_slurm_does_not_believe_who_asks_the_error_names_the_clock(paper: Paper, faketime: str) -> None:
    paper.write({"paperbuild.toml": one("echo x > out")})
    paper.environment["SLURM_CONF"] = str(paper.server.believed_wrong(faketime, "-1h"))
    said = paper.run("run", status=1)
    assert "error[PB700]: Slurm, the executor cluster, does not answer" in said
    assert "The clock here must be right to a few minutes" in said
    assert not (paper.folder / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shift_s", "files", "words"),
    [
        (-600, "shared", "10 min 0 s behind the one here"),
        (-600, "store", r"9 min \d+ s behind the one here"),
    ],
)
def test_a_worker_of_dask_whose_clock_is_wrong_is_told_of_once(tmp_path: Path, shift_s: int, files: str, words: str) -> None:
    dask = Dask(tmp_path)
    try:
        dask.add_worker("wrong", before=f"import os; os.environ.update({clock(tmp_path, shift_s)})")  # for what it starts
        dask.await_workers(1)
        (tmp_path / "store").mkdir()
        more = f'files = "{files}"\n\n[store]\nremote = "file://{tmp_path}/store"'
        project = Project(tmp_path, dask.address, cells=3, more=more)
        status, said = project.run("run", "--on", "lab")
        assert status == 0, said
        assert said.count("PB714") == 1
        assert re.search(words, said)
        assert project.runs() == [0, 1, 2]
        assert "0 ran, 3 up to date" in project.run("run", "--on", "lab")[1]
    finally:
        dask.stop()
