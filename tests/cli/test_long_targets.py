"""Long targets as real processes: checkpoints through kills, retries, logs while they run, heavy ones in a watched project."""

import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT_S
from tests.cli.test_watch_command import WAITS, Watching

MANIFEST = """\
[paper]
source = "paper.md"

[target.train]
run = "python3 train.py"
outputs = { acc = "acc.json" }
retries = RETRIES
"""
# Goes on from the epoch that it saved, tells where it began, and at the epoch that a file names does what that file says.
TRAIN = """\
import json, os, pathlib, sys, time
import helper
saved = pathlib.Path(os.environ["PAPERBUILD_CHECKPOINTS"]) / "epoch"
begin = int(saved.read_text()) if saved.exists() else 0
for epoch in range(begin, 4):
    print("epoch", epoch, flush=True)
    trouble = pathlib.Path("TROUBLE")
    if epoch == 2 and trouble.exists():
        what = trouble.read_text()
        if what == "fail once":
            trouble.unlink()
        if what.startswith("fail"):
            sys.exit("no luck")
        trouble.write_text("waiting")
        while trouble.exists():
            time.sleep(0.01)
    saved.with_suffix(".new").write_text(str(epoch + 1))
    saved.with_suffix(".new").rename(saved)
json.dump({"begin": begin, "helper": helper.VALUE}, open("acc.json", "w"))
"""


class Training:
    def __init__(self, project):
        self.project = project
        self.trouble = Path(tempfile.mkdtemp(), "trouble")  # what is there is no input of anything
        project.write("paperbuild.toml", MANIFEST.replace("RETRIES", "0")).write("helper.py", "VALUE = 1\n")
        project.write("train.py", TRAIN.replace("TROUBLE", str(self.trouble)))

    def waits_at_epoch_2(self):
        """Start a build whose training waits; return its process once it does."""
        self.trouble.write_text("wait")
        process = self.project.start("run", "train")
        until = time.monotonic() + LIMIT_S
        while self.trouble.read_text() != "waiting":
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)
        return process

    def goes_on(self):
        self.trouble.unlink(missing_ok=True)
        answer = self.project.call("run", "train")
        assert answer.code == 0, answer.err
        return json.loads(self.project.read("acc.json"))

    def checkpoints(self):
        return [path for path in (self.project.root / ".paperbuild/checkpoints").rglob("*") if path.is_file()]


@pytest.fixture
def training(project):
    training = Training(project)
    yield training
    shutil.rmtree(training.trouble.parent)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_training_that_was_ended_in_the_middle_goes_on_where_it_was(training, number):
    process = training.waits_at_epoch_2()
    process.send_signal(number)
    process.communicate(timeout=LIMIT_S)
    assert training.goes_on() == {"begin": 2, "helper": 1}
    assert training.checkpoints() == [], "what succeeded needs no checkpoint any more"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_begins_anew_where_a_module_that_it_imports_was_edited(training, number):
    process = training.waits_at_epoch_2()
    process.send_signal(number)
    process.communicate(timeout=LIMIT_S)
    training.project.write("helper.py", "VALUE = 2\n")
    assert training.goes_on() == {"begin": 0, "helper": 2}


def test_a_failure_leaves_its_checkpoints_and_other_files_may_change(training):
    training.trouble.write_text("fail")
    assert training.project.call("run", "train").code == 1
    assert len(training.checkpoints()) == 2
    training.project.write("paper.md", "Another text.\n").write("notes.txt", "x")
    assert training.goes_on() == {"begin": 2, "helper": 1}


def test_another_attempt_goes_on_by_itself_where_the_manifest_says_so(training):
    training.project.write("paperbuild.toml", MANIFEST.replace("RETRIES", "1"))
    training.trouble.write_text("fail once")
    answer = training.project.call("run", "train")
    assert answer.code == 0
    assert "note[PB443]: train failed with exit status 1; it is tried again in 1 s, attempt 2 of 2" in answer.err
    assert json.loads(training.project.read("acc.json"))["begin"] == 2


def test_a_build_that_waits_to_try_again_ends_at_once_when_it_is_stopped(training):
    training.project.write("paperbuild.toml", MANIFEST.replace("RETRIES", "9"))
    training.trouble.write_text("fail")
    log = training.project.root / "told.log"
    with log.open("w") as told:
        process = training.project.start("run", "train", stderr=told)
        until = time.monotonic() + LIMIT_S
        while "attempt 4 of 10" not in log.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert time.monotonic() - begin < 4, "what it was waiting for: four seconds"


def test_checkpoints_of_what_succeeded_can_be_kept(training):
    assert training.project.call("run", "train", "--keep-checkpoints").code == 0
    assert [path.name for path in training.checkpoints() if path.suffix != ".json"] == ["epoch"]


def test_the_log_of_a_run_can_be_printed_and_followed_while_it_runs(training):
    process = training.waits_at_epoch_2()
    assert training.project.call("logs", "train").out == "epoch 0\nepoch 1\nepoch 2\n"
    assert json.loads(training.project.call("logs", "train", "--json").out)["logs"][0]["running"] is True
    follower = training.project.start("logs", "acc.json", "-f")
    assert [follower.stdout.readline() for _ in range(3)] == ["epoch 0\n", "epoch 1\n", "epoch 2\n"]
    training.trouble.unlink()
    assert follower.stdout.readline() == "epoch 3\n"
    out, err = follower.communicate(timeout=LIMIT_S)
    assert (follower.returncode, out, err) == (0, "", "train does not run\n")
    process.communicate(timeout=LIMIT_S)
    answer = training.project.call("logs", "train", "-f")
    assert (answer.code, answer.out) == (0, "epoch 0\nepoch 1\nepoch 2\nepoch 3\n")


def test_following_goes_on_with_the_next_attempt(training):
    training.project.write("paperbuild.toml", MANIFEST.replace("RETRIES", "1"))
    process = training.waits_at_epoch_2()
    follower = training.project.start("logs", "train", "--follow")
    assert [follower.stdout.readline() for _ in range(3)] == ["epoch 0\n", "epoch 1\n", "epoch 2\n"]
    for pid in (int(name) for name in os.listdir("/proc") if name.isdecimal()):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            inside = os.readlink(f"/proc/{pid}/cwd") == str(training.project.root)
        except OSError:
            continue
        if inside and line == b"python3\0train.py\0":
            os.kill(pid, signal.SIGKILL)
    training.trouble.unlink()
    out, err = follower.communicate(timeout=LIMIT_S)
    told = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, told
    assert out.endswith("epoch 2\nepoch 3\n"), (err, told)


def test_logs_that_there_are_not_are_told(project):
    answer = project.call("logs", "train")
    assert (answer.code, answer.err) == (
        2, "error[PB194]: train has no log: it was never run here\n  = help: to run it: paperbuild run train\n",
    )  # fmt: skip
    assert "no command makes a document" in project.call("logs", "paper.pdf").err
    project.call("run", "train")
    assert project.call("logs", "train").out == "==> train[seed=0] <==\n==> train[seed=1] <==\n"
    answer = project.call("logs", "train", "-f")
    assert (answer.code, answer.out, answer.err) == (0, "==> train[seed=0] <==\n==> train[seed=1] <==\n", "train does not run\n")


def test_in_a_watched_project_heavy_targets_are_held_until_somebody_runs_them(project):
    project.write("paperbuild.toml", MANIFEST.replace("RETRIES", "0") + "heavy = true\n")
    project.write("train.py", "print('{\"n\": 3}', file=open('acc.json', 'w'))\n")
    project.write("paper.md", "It is []{val=train.n}\n")
    watching = Watching(project)
    try:
        assert watching.said("error[PB431]: train is stale, and heavy")
        assert watching.said(WAITS)
        assert not (project.root / "acc.json").exists()
        project.call("run", "train")
        project.write("paper.md", "# Result\n\nText.\n")
        assert watching.said(WAITS, times=2)
        assert (project.root / "_build/paper.html").exists()
        project.write("paper.md", "It is []{val=train.n}\n")
        assert watching.said(WAITS, times=3)
        project.write("train.py", "print('{\"n\": 4}', file=open('acc.json', 'w'))\n")
        assert watching.said("warning[PB750]: train is stale, and heavy: its last result, of 20")
        assert "Not up to date: earlier results of train" in project.read("_build/paper.html")
    finally:
        assert watching.end() == 130
