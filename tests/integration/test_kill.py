"""Builds that are killed or interrupted at any moment: the next one puts everything right by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from paperbuild.events import Outcome
from tests.engine.disk import Project
from tests.engine.world import command, document

LINES = 12
ACTIONS = (
    command("grow", f"n=0; while [ $n -lt {LINES} ]; do cat a >> out/grow; sleep 0.01; n=$((n+1)); done", "out/grow", "a"),
    command("lazy", "[ -e out/lazy ] || cp a out/lazy", "out/lazy", "a"),
    command("folder", "mkdir model && cp a model/w && sleep 0.02 && cp a model/x", "model/", "a"),
    command("sum", "cat out/grow model/w > sum; sleep 0.02", "sum", "out/grow model/"),
    document("paper", "sum out/lazy", needs="sum lazy"),
)  # fmt: skip
CHILD = """
import os
import sys
os.fsync = lambda handle: None
from pathlib import Path
from tests.engine.disk import Project
from tests.integration.test_kill import ACTIONS
from paperbuild.errors import Interrupted
project = Project(Path(sys.argv[1]), ACTIONS)
print("ready", flush=True)
try:
    project.build()
except Interrupted as error:
    sys.exit(int(error.exit_code))
"""


@pytest.fixture(autouse=True)
def no_flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda handle: None)  # what is killed here is a process, not the machine


def expected(text: str) -> dict[str, str]:
    grown = text * LINES
    return {
        "a": text, "out": "a folder", "out/grow": grown, "out/lazy": text, "model": "a folder", "model/w": text, "model/x": text,
        "sum": grown + text, "_build": "a folder", "_build/paper": grown + text + "|" + text,
    }  # fmt: skip


def signalled(project: Project, number: signal.Signals, delay_s: float) -> subprocess.Popen[bytes]:
    """Build in a process of its own, and send it a signal so long after it began."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(project.root)], stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    with child.stdout as told:
        assert told.readline() == b"ready\n"
        time.sleep(delay_s)
        child.send_signal(number)
        child.wait(20)
    return child


def outputs_are_whole(tree: dict[str, str], *texts: str) -> None:
    good = [expected(text) for text in texts]
    for path, content in tree.items():
        assert any(content == one.get(path) for one in good), (path, content)


@pytest.mark.parametrize("seed", range(2))
def test_after_a_kill_at_any_moment_everything_comes_right(tmp_path: Path, seed: int):
    random = Random(seed)
    project = Project(tmp_path, ACTIONS).write({"a": "0\n"})
    assert project.build().succeeded
    for round_ in range(1, 5):
        before, after = f"{round_ - 1}\n", f"{round_}\n"
        project.write({"a": after})
        signalled(project, signal.SIGKILL, random.uniform(0, 0.3))
        paper = (tmp_path / "_build/paper").read_text()
        assert paper in {expected(before)["_build/paper"], expected(after)["_build/paper"]}, "a document is never partial"
        report = project.build(no_run=True)  # recovers, places what was published, and runs nothing
        assert report.count(Outcome.FAILED) == 0
        outputs_are_whole(project.tree(), before, after)
        assert set(project.tree()) == set(expected(after)), "the last good outputs stand"
        assert project.build().succeeded
        assert project.tree() == expected(after)
        assert list((tmp_path / ".paperbuild/journal").iterdir()) == []
        assert list((tmp_path / ".paperbuild/aside").iterdir()) == []


def test_a_build_killed_before_it_ever_ended_leaves_nothing_that_the_next_one_trips_over(tmp_path: Path):
    random = Random(7)
    for n in range(4):
        project = Project(tmp_path / str(n), ACTIONS).write({"a": "1\n"})
        signalled(project, signal.SIGKILL, random.uniform(0, 0.15))
        assert project.build().succeeded
        assert project.tree() == expected("1\n")


def test_what_a_killed_build_left_writing_is_ended_before_anything_runs(tmp_path: Path):
    endless = command("endless", "cat a > out/grow; while [ -e forever ]; do echo x >> out/grow; sleep 0.005; done", "out/grow", "a")
    project = Project(tmp_path, (endless, *ACTIONS[1:2])).write({"a": "1\n", "forever": ""})
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    script = CHILD.replace("ACTIONS)", f"({endless!r},))").replace("import ACTIONS", "import *\nfrom paperbuild.engine.graph import *")
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.DEVNULL, env=environment)
    deadline = time.monotonic() + 10
    while not (tmp_path / "out/grow").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.kill()
    child.wait(60)
    (tmp_path / "forever").unlink()
    project.actions = (ACTIONS[0], ACTIONS[1])  # the same output, by another command
    assert project.build().succeeded
    time.sleep(0.05)
    assert (tmp_path / "out/grow").read_text() == "1\n" * LINES


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.08, 0.15])
def test_an_interrupted_build_ends_soon_and_leaves_the_outputs_as_they_were(tmp_path: Path, delay_s: float):
    project = Project(tmp_path, ACTIONS).write({"a": "0\n"})
    assert project.build().succeeded
    project.write({"a": "1\n"})
    child = signalled(project, signal.SIGINT, delay_s)
    assert child.returncode in {0, 1, 130, -signal.SIGINT}
    outputs_are_whole(project.tree(), "0\n", "1\n")
    assert list((tmp_path / ".paperbuild/journal").iterdir()) == []
    assert project.build().succeeded
    assert project.tree() == expected("1\n")
