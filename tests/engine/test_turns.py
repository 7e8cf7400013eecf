"""Builds that share a store: one of them runs an action, and the others take its result."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from msgspec.structs import replace

from paperbuild.engine.build import BuildReport
from paperbuild.engine.locks import FileLock
from paperbuild.engine.turns import Free, Turns
from paperbuild.events import ActionWaits, Outcome
from tests.engine.disk import Project
from tests.engine.world import command

SLOW = "echo ran >> {runs}; cat a > out; sleep 0.5"


def test_a_turn_is_taken_by_one_and_free_once_it_is_given_back(tmp_path: Path):
    one, other = (Turns(FileLock(), f"{tmp_path}/locks") for _ in range(2))
    assert one.take("key")
    assert not other.take("key")
    assert other.take("another key")
    one.give_back("key")
    assert other.take("key")
    other.close()
    assert one.take("key")
    one.close()
    assert list((tmp_path / "locks").iterdir()) == []


def test_whoever_waits_hears_soon_that_a_turn_is_free(tmp_path: Path):
    one, other = (Turns(FileLock(), f"{tmp_path}/locks") for _ in range(2))
    one.take("key")
    threading.Timer(0.1, one.close).start()
    begin = time.monotonic()
    assert other.wait("key") == Free()
    assert 0.05 < time.monotonic() - begin < 20


def test_nobody_waits_for_what_would_not_be_run(tmp_path: Path):
    one, other = (Turns(FileLock(), f"{tmp_path}/locks") for _ in range(2))
    one.take("key")
    threading.Timer(0.05, other.end_waiting).start()
    assert other.wait("key") == Free()
    one.close()


def test_where_there_can_be_no_locks_everybody_has_their_turn(tmp_path: Path):
    (tmp_path / "file").touch()
    one, other = (Turns(FileLock(), f"{tmp_path}/file/locks") for _ in range(2))
    assert one.take("key")
    assert other.take("key")
    one.close()
    other.close()


def clones(tmp_path: Path, n: int, line: str) -> list[Project]:
    """Return copies of one project that share a store, as two work trees do."""
    line = line.format(runs=tmp_path / "runs")
    found = []
    for i in range(n):
        action = replace(command("slow", line, "out", "a"), observe="off")  # it writes outside the project
        found.append(Project(tmp_path / str(i), (action, command("next", "cat out > last", "last", "out")), store=f"{tmp_path}/store"))
        found[-1].write({"a": "1\n"})
    return found


def built_at_once(projects: list[Project], **options: bool) -> list[BuildReport]:
    reports: dict[int, BuildReport] = {}
    threads = [
        threading.Thread(target=lambda n=n, one=one: reports.update({n: one.build(**options)})) for n, one in enumerate(projects)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [reports[n] for n in range(len(projects))]


def test_builds_that_share_a_store_run_an_action_once(tmp_path: Path):
    projects = clones(tmp_path, 3, SLOW)
    reports = built_at_once(projects)
    assert all(report.succeeded for report in reports)
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert sorted(report.outcomes["slow"] for report in reports) == [Outcome.RAN, Outcome.REUSED, Outcome.REUSED]
    assert sum(ActionWaits("slow") in project.events for project in projects) == 2
    assert {(project.root / "last").read_text() for project in projects} == {"1\n"}
    assert list((tmp_path / "store/locks").iterdir()) == []


def test_where_the_one_that_runs_it_fails_the_others_try_themselves(tmp_path: Path):
    projects = clones(tmp_path, 2, "echo ran >> {runs}; sleep 0.3; false")
    reports = built_at_once(projects)
    assert [report.outcomes["slow"] for report in reports] == [Outcome.FAILED] * 2
    assert (tmp_path / "runs").read_text() == "ran\nran\n"


def test_waiting_for_another_build_takes_no_room_from_what_can_run(tmp_path: Path):
    one, other = clones(tmp_path, 2, "echo ran >> {runs}; cat a > out; sleep 1")
    other.actions = (*other.actions, command("beside", "cat a > beside", "beside", "a"))
    thread = threading.Thread(target=one.build)
    thread.start()
    while not (tmp_path / "runs").exists():
        time.sleep(0.01)
    assert other.build(jobs=1).succeeded
    thread.join()
    ended = [event.action for event in other.events if hasattr(event, "outcome")]
    assert ended == ["beside", "slow", "next"]
