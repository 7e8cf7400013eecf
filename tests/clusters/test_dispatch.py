"""Jobs that are sent away, by real outposts on this machine: together, to their end, and back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild import __version__
from paperbuild.clusters.dispatch import FarExecutor
from paperbuild.clusters.outpost import Outpost, differences
from paperbuild.clusters.pace import Pace, silence_s
from paperbuild.engine.cluster import Fate, Parcel, Report, packed, parcel_of
from paperbuild.engine.graph import Resources
from paperbuild.engine.jobs import Ended, Errand, Job, Watch
from paperbuild.engine.machine_facts import fact_here
from paperbuild.engine.platforms import platform_here, python_here
from paperbuild.errors import BuildError
from tests.clusters.nearby import Nearby

PACE = Pace(quiet_s=0.15, late_s=0.2, ask_s=0.2, slow_ask_s=0.5, patience_s=0.5, end_s=10)


@pytest.fixture
def nearby() -> Iterator[Nearby]:
    cluster = Nearby()
    yield cluster
    cluster.close()


class Sender:
    """Sends commands that start in ``folder``."""

    def __init__(self, folder: Path, cluster: Nearby) -> None:
        self.folder = folder
        self.executor = FarExecutor(cluster, PACE)
        self.handles: dict[str, str] = {}

    def job(self, name: str, line: str, handle: str = "", time_s: float | None = None, expected_s: float | None = None) -> Job:
        variables = (("PATH", os.environ["PATH"]),)
        errand = Errand("far", f"{self.folder}/sent/{name}", expected_s=expected_s, handle=handle)
        watch = Watch(f"{self.folder}/")
        return Job(name, line, "/bin/sh", str(self.folder), variables, f"{self.folder}/{name}.log", time_s, watch, errand=errand)

    def send(self, job: Job) -> Ended:
        def started(group: int, identity: str) -> None:
            assert group == 0
            self.handles[job.action] = identity

        return self.executor.run(job, started)


@pytest.fixture
def sender(tmp_path: Path, nearby: Nearby) -> Iterator[Sender]:
    made = Sender(tmp_path, nearby)
    yield made
    made.executor.close()


def _beside(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _appears(path: Path, limit_s: float = 20) -> None:
    deadline_s = time.monotonic() + limit_s
    while not path.exists():
        assert time.monotonic() < deadline_s, path
        time.sleep(0.02)


class _Packing(Nearby):
    """Parcels of which it is known how long they took share a job, of which none may be late by more than half a second."""

    def __init__(self) -> None:
        super().__init__(("-c", "import sys; from paperbuild.clusters import outpost as o; o.ROOM_S = 0.5; sys.exit(o.main(sys.argv[1:]))"))

    def submit(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        return super().submit(parcels) if parcels[0].expected_s is None else self.submit_together(parcels)


def test_who_shares_a_job_with_one_that_takes_longer_than_it_did_gets_a_job_of_its_own(tmp_path: Path) -> None:
    cluster = _Packing()
    sender = Sender(tmp_path, cluster)
    ended: dict[str, Ended] = {}
    lines = {"slow": "until [ -e go ]; do sleep 0.05; done; echo slow >> ran", "b": "echo b >> ran", "c": "echo c >> ran"}
    jobs = [sender.job(name, line, expected_s=0.1) for name, line in lines.items()]
    try:
        threads = []
        for job in jobs:  # in this order
            threads.append(_beside(partial(lambda job: ended.update({job.action: sender.send(job)}), job)))
            _appears(tmp_path / "sent" / job.action / "parcel.json")
            time.sleep(0.02)
        for thread in threads[1:]:
            thread.join(30)
        assert sorted(ended) == ["b", "c"]
        assert cluster.hand_ins == [3, 2]
        assert sender.handles["b"] != sender.handles["slow"]
        (tmp_path / "go").touch()
        threads[0].join(30)
        assert [one.status for one in ended.values()] == [0, 0, 0]
        assert sorted((tmp_path / "ran").read_text().split()) == ["b", "c", "slow"]
    finally:
        sender.executor.close()
        cluster.close()


def test_what_a_scheduler_does_not_take_for_a_moment_is_handed_in_when_it_answers_again(sender: Sender, nearby: Nearby) -> None:
    assert sender.send(sender.job("first", "true")).status == 0
    nearby.is_away = True
    ended: list[Ended] = []
    second = _beside(lambda: ended.append(sender.send(sender.job("second", "echo out > out"))))
    _appears(sender.folder / "sent/second/parcel.json")
    time.sleep(0.3)  # by now it was handed in in vain
    nearby.is_away = False
    second.join(20)
    assert [one.status for one in ended] == [0]
    assert (sender.folder / "out").read_text() == "out\n"


def test_a_scheduler_that_does_not_take_anything_any_more_is_given_up(sender: Sender, nearby: Nearby) -> None:
    assert sender.send(sender.job("first", "true")).status == 0
    nearby.is_away = True
    with pytest.raises(BuildError, match="does not answer"):
        sender.send(sender.job("second", "true"))


def test_who_takes_up_one_that_was_left_hands_it_in_anew(sender: Sender, nearby: Nearby) -> None:
    job = sender.job("cell", "echo out > out")
    assert job.errand is not None
    folder = Path(job.errand.folder)
    folder.mkdir(parents=True)
    (folder / "parcel.json").write_bytes(packed(Parcel(str(folder), replace(job, errand=None), job.errand.resources, __version__)))
    for name in ("go", "left", "log"):  # whoever sent it is dead, and so is its job
        (folder / name).touch()
    ended = sender.send(replace(job, errand=replace(job.errand, handle="4711")))
    assert (ended.status, ended.lost) == (0, "")
    assert sender.handles["cell"] in nearby.handles()
    assert (sender.folder / "out").read_text() == "out\n"


def test_where_jobs_come_slowly_more_are_waited_for_longer() -> None:
    assert silence_s(0.3, longest_gap_s=0.0) == 0.3
    assert silence_s(0.3, longest_gap_s=0.01) == 0.3
    assert silence_s(0.3, longest_gap_s=0.2) == 1.0


def test_what_comes_together_is_handed_in_together_and_each_tells_how_it_ended(sender: Sender, nearby: Nearby) -> None:
    ended: dict[str, Ended] = {}
    lines = {"good": "cat in > out; echo well", "bad": "echo so; exit 3", "killed": "kill -9 $$"}
    (sender.folder / "in").write_text("x")
    jobs = {name: sender.job(name, line) for name, line in lines.items()}

    def send(job: Job) -> None:
        ended[job.action] = sender.send(job)

    threads = [_beside(partial(send, job)) for job in jobs.values()]
    for thread in threads:
        thread.join(60)
    assert nearby.hand_ins == [3]
    assert {name: one.status for name, one in ended.items()} == {"good": 0, "bad": 3, "killed": -9}
    assert (sender.folder / "out").read_text() == "x"
    assert (sender.folder / "good.log").read_text() == "well\n"
    assert not (sender.folder / "good.log").is_symlink()
    seen = ended["good"].seen
    assert seen is not None
    assert seen.blind or f"{sender.folder}/in" in {sighting.path for sighting in seen.sightings}
    assert ended["good"].elsewhere is not None


def test_its_log_can_be_read_while_it_runs_and_a_limit_ends_it(sender: Sender) -> None:
    ended: list[Ended] = []
    job = sender.job("slow", "echo begins; sleep 60", time_s=1)
    thread = _beside(lambda: ended.append(sender.send(job)))
    log = sender.folder / "slow.log"
    _appears(log)
    while not log.read_text():
        time.sleep(0.02)
    assert log.read_text() == "begins\n"
    thread.join(60)
    assert ended[0].timed_out


def test_cancelling_ends_grandchildren_too(sender: Sender) -> None:
    ended: list[Ended] = []
    line = "(setsid sh -c 'echo $$ > pid; sleep 60' &) ; sleep 60"
    thread = _beside(lambda: ended.append(sender.send(sender.job("long", line))))
    _appears(sender.folder / "pid")
    while not (pid := (sender.folder / "pid").read_text()):
        time.sleep(0.02)
    sender.executor.cancel_all()
    thread.join(60)
    assert ended[0].cancelled
    assert not os.path.exists(f"/proc/{pid.strip()}")


class _Full(Nearby):
    """One parcel runs, and all that come after it wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []

    def submit(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        if not self.hand_ins:
            return super().submit(parcels)
        self.waiting += [f"w{len(self.waiting) + n}" for n in range(len(parcels))]
        return tuple(self.waiting[-len(parcels) :])

    def look(self, handles: Sequence[str]) -> Mapping[str, Fate]:
        return {**super().look(handles), **{handle: Fate("waiting") for handle in handles if handle in self.waiting}}

    def cancel(self, handles: Sequence[str]) -> None:
        super().cancel([handle for handle in handles if handle not in self.waiting])
        self.waiting = [handle for handle in self.waiting if handle not in handles]


def test_what_waits_is_called_back_where_nobody_wants_it_any_more_and_what_runs_comes_to_its_end(tmp_path: Path) -> None:
    cluster = _Full()
    sender = Sender(tmp_path, cluster)
    ended: dict[str, Ended] = {}
    lines = {"first": "echo > begun; until [ -e go ]; do sleep 0.05; done", "second": "echo > ran", "third": "echo > ran"}
    jobs = [sender.job(name, line) for name, line in lines.items()]

    def send(job: Job) -> None:
        ended[job.action] = sender.send(job)

    try:
        first = _beside(partial(send, jobs[0]))
        _appears(tmp_path / "begun")
        second = _beside(partial(send, jobs[1]))
        _appears(tmp_path / "sent/second/go")
        sender.executor.call_back()
        second.join(30)
        assert ended["second"].cancelled
        assert cluster.waiting == []
        send(jobs[2])  # it was about to be sent
        assert ended["third"].cancelled
        assert not first.join(0.2)
        assert "first" not in ended
        (tmp_path / "go").touch()
        first.join(30)
        assert (ended["first"].status, ended["first"].cancelled) == (0, False)
        assert not (tmp_path / "ran").exists()
    finally:
        sender.executor.close()
        cluster.close()


def test_another_process_finds_a_job_by_its_handle_and_waits_for_its_end(sender: Sender, nearby: Nearby) -> None:
    _beside(lambda: sender.send(sender.job("long", "echo once >> runs; while [ ! -e end ]; do sleep 0.05; done; echo x > out")))
    _appears(sender.folder / "runs")
    other = Sender(sender.folder, nearby)
    ended: list[Ended] = []
    thread = _beside(lambda: ended.append(other.send(other.job("long", "", handle=sender.handles["long"]))))
    (sender.folder / "end").touch()
    thread.join(60)
    assert ended[0].status == 0
    assert (sender.folder / "runs").read_text() == "once\n"
    assert nearby.hand_ins == [1]


def test_what_its_machine_took_down_with_it_is_lost(sender: Sender, nearby: Nearby) -> None:
    ended: list[Ended] = []
    thread = _beside(lambda: ended.append(sender.send(sender.job("long", "echo > begun; sleep 60"))))
    _appears(sender.folder / "begun")
    nearby.kill(sender.handles["long"])
    thread.join(60)
    assert ended[0].lost == "its process is gone"


def test_a_command_that_ended_well_a_moment_before_its_job_was_ended_has_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its child had heard of it first: ``sleep 60; echo > out`` then goes on, and ends with 0."""
    report = Report("1", "there", (), "", Ended(0, 1.0))
    assert Outpost().settled(report) == report
    outpost = Outpost()
    monkeypatch.setattr("paperbuild.clusters.outpost.time.sleep", lambda _seconds: outpost.end())
    ended = outpost.settled(report).ended
    assert ended is not None
    assert ended.cancelled


def test_a_scheduler_that_does_not_answer_is_given_up_and_its_jobs_go_on(sender: Sender, nearby: Nearby) -> None:
    ended: list[Ended] = []
    job = sender.job("long", "echo > begun; while [ ! -e end ]; do sleep 0.05; done")
    thread = _beside(lambda: ended.append(sender.send(job)))
    _appears(sender.folder / "begun")
    nearby.is_away = True
    thread.join(60)
    assert [fault.message for fault in ended[0].unreachable] == ["the scheduler does not answer"]
    (sender.folder / "end").touch()
    _appears(sender.folder / "sent/long/ended.json")
    nearby.is_away = False
    again = sender.send(sender.job("long", "", handle=sender.handles["long"]))
    assert again.status == 0


def test_a_fault_in_handing_in_is_told_once(sender: Sender, nearby: Nearby) -> None:
    nearby.is_away = True
    told: list[str] = []

    def send(name: str) -> None:
        try:
            told.append("cancelled" if sender.send(sender.job(name, ":")).cancelled else "ran")
        except BuildError as error:
            told.append(error.diagnostics[0].message)

    for thread in [_beside(partial(send, name)) for name in ("a", "b", "c")]:
        thread.join(60)
    assert sorted(told) == ["cancelled", "cancelled", "the scheduler does not answer"]


def test_another_version_at_the_other_end_is_one_clear_error(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paperbuild.clusters.dispatch.__version__", "9.9")
    with pytest.raises(BuildError) as caught:
        sender.send(sender.job("train", ":"))
    fault = caught.value.diagnostics[0]
    assert fault.code == "PB702"
    assert "paperbuild is" in fault.message
    assert "9.9 here" in fault.message


def test_a_parcel_begins_once_and_never_without_leave(sender: Sender, nearby: Nearby) -> None:
    job = sender.job("one", "echo run >> runs")
    assert sender.send(job).status == 0
    folder = Path(job.errand.folder if job.errand else "")
    (folder / "ended.json").unlink()
    assert nearby.status(*nearby.submit([parcel_of((folder / "parcel.json").read_bytes())])) == 1
    (folder / "begun").unlink()
    (folder / "stop").touch()
    assert nearby.status(*nearby.submit([parcel_of((folder / "parcel.json").read_bytes())])) == 1
    assert (sender.folder / "runs").read_text() == "run\n"
    assert not (folder / "ended.json").exists()


def test_what_a_job_is_given_is_for_nobody_elses_eyes(sender: Sender) -> None:
    sender.send(sender.job("one", ":"))
    assert (sender.folder / "sent/one").stat().st_mode & 0o077 == 0


def test_what_is_not_at_the_other_end_as_it_is_here_is_told(tmp_path: Path) -> None:
    bare = Job("train", ":", "/bin/sh", str(tmp_path), (), "/log", None)
    here = Parcel("/sent", bare, Resources(), __version__, None, python_here(), platform_here(), facts=(("gpu", fact_here("gpu")),))
    assert [*differences(here)] == []
    other = Parcel("/sent", replace(bare, folder="/nowhere"), Resources(), "9", None, "pypy 3.11", "Plan9 mips", facts=(("gpu", "A100"),))
    told = [*differences(other)]
    assert [next(word for word in ("paperbuild", "Python", "machine", "gpu", "folder") if word in one) for one in told] == [
        "paperbuild", "Python", "machine", "gpu", "folder",
    ]  # fmt: skip
