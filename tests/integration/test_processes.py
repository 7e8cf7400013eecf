"""Commands as real processes: how they end, what they may leave behind, and who may end them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paperbuild.engine import process
from paperbuild.engine.jobs import Ended, Job
from paperbuild.engine.process import MARK, LocalExecutor, identity_of


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_GRACE_S", 0.3)


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    made = LocalExecutor()
    yield made
    made.cancel_all()


def job(folder: Path, line: str, *, time_s: float | None = 20.0, **variables: str) -> Job:
    environment = {"PATH": os.environ["PATH"], MARK: str(folder), **variables}
    return Job("t", line, "/bin/sh", str(folder), tuple(environment.items()), str(folder / "log"), time_s)


def run(executor: LocalExecutor, asked: Job) -> Ended:
    return executor.run(asked, lambda group, identity: None)


def wait_for(path: Path, seconds: float = 5.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text()
        time.sleep(0.005)
    raise AssertionError(f"{path} was never written")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def test_a_status_a_signal_and_what_was_printed_are_told(tmp_path: Path, executor: LocalExecutor):
    assert run(executor, job(tmp_path, "echo out; echo err >&2; exit 3")).status == 3
    assert (tmp_path / "log").read_text() == "out\nerr\n"
    assert run(executor, job(tmp_path, "kill -9 $$")).status == -9
    assert run(executor, job(tmp_path, "true")).status == 0


def test_a_command_starts_in_the_folder_with_its_environment_and_no_input(tmp_path: Path, executor: LocalExecutor):
    ended = run(executor, job(tmp_path, 'pwd; cat; echo "$GIVEN-$HOME"', GIVEN="a b"))
    assert ended.status == 0
    assert (tmp_path / "log").read_text() == f"{tmp_path}\na b-\n"


LINES = (
    'echo "$0 $# $go"; env | sort',
    "",
    "# nothing but words",
    "not_there",
    '"no end',
    "true &&\n  not_there",
    "\n\nnot_there; exit 7",
    "cat <<E\nx\nE",
    "if true\nthen echo $LINENO; not_there\nfi",
    "! true",
    "( exit 4 )",
    "exec sh -c 'exit 5'",
    "set -u; echo $nope; echo no",
    ") x",
    "|| true",
    "; x",
    "trap 'echo end' EXIT; exit 2",
    "sed -n 1p; read x; echo $?",
    "case a in a) echo yes;; esac",
    "sleep 0 & wait",
)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_waiting_at_the_gate_changes_nothing_of_what_a_command_sees_and_says(tmp_path: Path, executor: LocalExecutor, shell: str):
    if not os.path.exists(shell):
        pytest.skip(f"there is no {shell}")
    variables = {"PATH": os.environ["PATH"], MARK: "1", "go": "mine"}
    for line in LINES:
        log, words = tmp_path / "plain", [shell, "-c", line]
        with log.open("wb") as file:
            plain = subprocess.run(words, cwd=tmp_path, env=variables, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False)
        ended = run(executor, Job("t", line, shell, str(tmp_path), tuple(variables.items()), str(tmp_path / "log"), 20.0))
        assert (ended.status, _told(tmp_path / "log")) == (plain.returncode, _told(log)), line


def _told(log: Path) -> list[str]:
    """Return what was printed, but for how many shells are in each other."""
    return [line for line in log.read_text().splitlines() if not line.startswith(("SHLVL=", "_="))]


def test_a_shell_that_does_not_exist_and_a_zero_byte_are_errors_of_the_job(tmp_path: Path, executor: LocalExecutor):
    asked = job(tmp_path, "true")
    assert run(executor, Job(asked.action, "true", "/no/shell", asked.folder, asked.environment, asked.log, None)).status in {126, 127}
    with pytest.raises(OSError, match="cannot be started"):
        run(executor, job(tmp_path, "echo a\0b"))


def test_the_group_is_told_before_the_first_instruction(tmp_path: Path, executor: LocalExecutor):
    seen: list[bool] = []

    def started(group: int, identity: str) -> None:
        time.sleep(0.05)
        seen.append((tmp_path / "ran").exists())
        assert identity == identity_of(group)

    assert executor.run(job(tmp_path, "touch ran"), started).status == 0
    assert seen == [False]
    assert (tmp_path / "ran").exists()


def test_a_failure_to_journal_means_that_nothing_runs(tmp_path: Path, executor: LocalExecutor):
    def started(group: int, identity: str) -> None:
        raise OSError(28, "no space")

    with pytest.raises(OSError, match="no space"):
        executor.run(job(tmp_path, "touch ran"), started)
    time.sleep(0.05)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_time_limit_ends_the_whole_group_even_what_ignores_to_be_asked(tmp_path: Path, executor: LocalExecutor, trap: str):
    line = f"{trap}(while :; do sleep 0.05; done) & echo $! > child; wait"
    ended = run(executor, job(tmp_path, line, time_s=0.3))
    assert ended.timed_out
    assert ended.status < 0
    assert not is_running(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_time_limit_ends_also_what_went_into_a_session_of_its_own(tmp_path: Path, executor: LocalExecutor, trap: str):
    inner = f"{trap}(setsid sh -c 'echo $$ > inner; {trap.replace(chr(39), chr(34))}while :; do sleep 1; done' &) ; echo $$ > pid"
    ended = run(executor, job(tmp_path, f"setsid sh -c {shlex.quote(inner)}; sleep 60", time_s=0.5))
    assert ended.timed_out
    assert not is_running(int(wait_for(tmp_path / "inner")))


def test_what_another_command_started_outlives_the_time_limit_of_this_one(tmp_path: Path, executor: LocalExecutor):
    for name in "ab":
        (tmp_path / name).mkdir()
    other = threading.Thread(target=run, args=(executor, job(tmp_path / "b", "setsid sh -c 'echo $$ > pid; sleep 60'")))
    other.start()
    pid = int(wait_for(tmp_path / "b/pid"))
    assert run(executor, job(tmp_path / "a", "sleep 60", time_s=0.2)).timed_out
    assert is_running(pid)
    executor.cancel_all()
    other.join(20)
    assert not is_running(pid)


def test_what_a_command_leaves_running_is_ended(tmp_path: Path, executor: LocalExecutor):
    ended = run(executor, job(tmp_path, "(while :; do echo x >> out; sleep 0.01; done) & echo $! > child"))
    assert ended.status == 0
    assert not is_running(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_cancelling_from_another_thread_ends_what_runs_and_what_would_start(tmp_path: Path, executor: LocalExecutor, trap: str):
    ended: list[Ended] = []
    thread = threading.Thread(
        target=lambda: ended.append(run(executor, job(tmp_path, f"{trap}echo $$ > child; while :; do sleep 0.05; done")))
    )
    thread.start()
    pid = int(wait_for(tmp_path / "child"))
    executor.cancel_all()
    thread.join(5)
    assert not thread.is_alive()
    assert ended[0].cancelled
    assert not is_running(pid)
    assert run(executor, job(tmp_path, "touch late")).cancelled
    assert not (tmp_path / "late").exists()


BUILDER = """
import os, sys, time
from paperbuild.engine.jobs import Job
from paperbuild.engine.process import LocalExecutor
folder, moment = sys.argv[1:]
def started(group, identity):
    with open(f"{folder}/started", "w") as file:
        file.write(f"{group} {identity}\\n")
    if moment == "before":
        time.sleep(60)
line = "echo $$ > ran; (while :; do echo x >> out; sleep 0.01; done) & wait"
LocalExecutor().run(Job("t", line, "/bin/sh", folder, tuple(os.environ.items()), f"{folder}/log", None), started)
"""


def killed_builder(folder: Path, moment: str) -> tuple[int, str]:
    environment = {**os.environ, MARK: "1", "PYTHONPATH": os.getcwd()}
    builder = subprocess.Popen([sys.executable, "-c", BUILDER, str(folder), moment], env=environment)
    try:
        group, _, identity = wait_for(folder / "started").strip().partition(" ")
        if moment == "after":
            wait_for(folder / "out")
    finally:
        builder.send_signal(signal.SIGKILL)
        builder.wait(60)
    return int(group), identity


def test_a_builder_killed_before_the_gate_opens_never_runs_the_command(tmp_path: Path):
    group, _ = killed_builder(tmp_path, "before")
    deadline = time.monotonic() + 5
    while is_running(group) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(group)
    assert not (tmp_path / "ran").exists()


def test_what_a_killed_builder_left_is_ended_by_the_next_one(tmp_path: Path, executor: LocalExecutor):
    group, identity = killed_builder(tmp_path, "after")
    assert is_running(group)
    executor.end_group(group, identity)
    size = (tmp_path / "out").stat().st_size
    time.sleep(0.05)
    assert (tmp_path / "out").stat().st_size == size


def test_children_whose_leader_is_gone_are_ended_too(tmp_path: Path, executor: LocalExecutor):
    group, identity = killed_builder(tmp_path, "after")
    os.kill(group, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while is_running(group) and time.monotonic() < deadline:
        time.sleep(0.01)
    executor.end_group(group, identity)
    size = (tmp_path / "out").stat().st_size
    time.sleep(0.05)
    assert (tmp_path / "out").stat().st_size == size


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A group that is not ours: a leader, and a child of it that writes its number down."""
    line = "(while :; do sleep 0.05; done) & echo $! > foreign; wait"
    started = subprocess.Popen(["/bin/sh", "-c", line], cwd=tmp_path, start_new_session=True, env={"PATH": os.environ["PATH"]})
    wait_for(tmp_path / "foreign")
    yield started
    os.killpg(started.pid, signal.SIGKILL)
    started.wait(60)


def test_a_group_that_got_the_number_later_is_not_touched(tmp_path: Path, executor: LocalExecutor, foreign: subprocess.Popen[bytes]):
    boot, _, start = identity_of(foreign.pid).partition(" ")
    for identity in (f"{boot} {int(start) - 1}", f"another-boot {start}", ""):
        executor.end_group(foreign.pid, identity)
        assert is_running(foreign.pid)


def test_a_foreign_group_without_its_leader_is_not_touched(tmp_path: Path, executor: LocalExecutor, foreign: subprocess.Popen[bytes]):
    identity = identity_of(foreign.pid)
    foreign.send_signal(signal.SIGKILL)
    foreign.wait(60)
    executor.end_group(foreign.pid, identity.replace(" ", " 1"))
    assert is_running(int((tmp_path / "foreign").read_text()))


def test_a_group_that_is_long_gone_is_nothing_to_end(executor: LocalExecutor):
    gone = subprocess.Popen(["true"], start_new_session=True)
    identity = identity_of(gone.pid)
    gone.wait(60)
    executor.end_group(gone.pid, identity)
