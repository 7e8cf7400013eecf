"""Parcels on a real Dask scheduler with two workers, and what is said where it lacks something.

What the workers run for a parcel is here a small program; a later test runs whole papers.
"""

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from paperbuild import __version__
from paperbuild.clusters import dask as dask_module
from paperbuild.clusters.dask import DaskCluster
from paperbuild.clusters.dask_making import Lab
from paperbuild.clusters.dispatch import FarExecutor
from paperbuild.clusters.pace import Pace
from paperbuild.engine.cluster import Fate, Parcel
from paperbuild.engine.graph import Resources
from paperbuild.engine.jobs import Ended, Errand, Job, Watch
from paperbuild.errors import BuildError
from tests.clusters.dask_servers import WITHOUT, Dask

PROGRAM = textwrap.dedent("""
    import json, os, pathlib, subprocess, sys, threading, time
    folder = pathlib.Path(sys.argv[1])
    def attend():
        sys.stdin.buffer.read()
        os.killpg(0, 9)
    threading.Thread(target=attend, daemon=True).start()
    with (folder / "begun").open("x") as file:
        file.write(f"{os.uname().nodename} {os.getpid()}")
    line = json.loads((folder / "line.json").read_text())
    status = subprocess.call(line, shell=True)
    (folder / "ended.json").write_text(str(status))
""")


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    servers = Dask(tmp_path_factory.mktemp("dask"))
    try:
        for name in ("one", "two"):
            servers.add_worker(name, "--resources", "GPU=1" if name == "one" else "SPACE=1")
        yield servers
    finally:
        servers.stop()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """Start a scheduler without workers."""
    servers = Dask(tmp_path_factory.mktemp("bare"))
    yield servers
    servers.stop()


@pytest.fixture
def two(dask: Dask) -> Dask:
    """Have two workers, whatever tests before this one killed."""
    for name in ("one", "two"):
        if name not in dask.workers:
            dask.add_worker(name, "--resources", "GPU=1" if name == "one" else "SPACE=1")
    dask.await_workers(2)
    return dask


@pytest.fixture
def lab(two: Dask, tmp_path: Path) -> Iterator[DaskCluster]:
    cluster = _lab(two, tmp_path)
    yield cluster
    cluster.close()


def _lab(dask: Dask, folder: Path) -> DaskCluster:
    program = folder / "program.py"
    program.write_text(PROGRAM)
    return DaskCluster(Lab("lab", dask.address), (sys.executable, str(program)))


def _parcels(folder: Path, lines: Sequence[str], resources: Resources | None = None) -> list[Parcel]:
    import json

    parcels = []
    for number, line in enumerate(lines):
        own = folder / f"parcel-{number}"
        own.mkdir(parents=True)
        (own / "line.json").write_text(json.dumps(line))
        job = Job(f"cell-{number}", line, "/bin/sh", str(folder), (), str(own / "log"), None)
        parcels.append(Parcel(str(own), job, resources or Resources(), __version__))
    return parcels


def _settled(cluster: DaskCluster, handles: Sequence[str], limit_s: float = 30) -> dict[str, Fate]:
    found: dict[str, Fate] = {}
    _wait(lambda: found.update(cluster.look([h for h in handles if h not in found or found[h].state in {"waiting", "running"}]))
          or all(fate.state in {"ended", "gone"} for fate in found.values()), limit_s)  # fmt: skip
    return found


def _wait(holds: Callable[[], object], limit_s: float = 20) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_parcels_that_are_handed_in_together_run_on_both_workers_each_once(lab: DaskCluster, tmp_path: Path) -> None:
    lines = [f"echo $PPID >> {tmp_path}/ran; sleep 0.05" for _ in range(12)]
    handles = lab.submit(_parcels(tmp_path, lines))
    fates = _settled(lab, handles)
    assert {fate.state for fate in fates.values()} == {"ended"}
    assert len((tmp_path / "ran").read_text().split()) == 12
    assert len(set(handles)) == 12


@pytest.mark.slow
def test_equal_commands_are_as_many_runs(lab: DaskCluster, tmp_path: Path) -> None:
    first = lab.submit(_parcels(tmp_path / "a", [f"echo x >> {tmp_path}/ran"] * 2))
    second = lab.submit(_parcels(tmp_path / "b", [f"echo x >> {tmp_path}/ran"]))
    _settled(lab, (*first, *second))
    assert (tmp_path / "ran").read_text() == "x\n" * 3


def test_a_parcel_whose_worker_is_killed_is_gone_with_words_and_does_not_run_again(two: Dask, lab: DaskCluster, tmp_path: Path) -> None:
    wait = f"while [ ! -e {tmp_path}/open ]; do sleep 0.1; done"
    handles = lab.submit(_parcels(tmp_path, [f"echo {n} >> {tmp_path}/ran; echo $$ > {tmp_path}/pid-{n}; {wait}" for n in range(6)]))
    _wait(lambda: len([*tmp_path.glob("pid-*")]) == 2)
    pids = [int(path.read_text()) for path in tmp_path.glob("pid-*")]
    assert [fate.state for fate in lab.look(handles).values()].count("running") == 2
    two.kill("one")
    _wait(lambda: len([*tmp_path.glob("pid-*")]) == 2)
    two.kill("two")
    (tmp_path / "open").touch()
    two.add_worker("one", "--resources", "GPU=1")
    fates = _settled(lab, handles)
    lost = [fate for fate in fates.values() if fate.state == "gone"]
    assert len(lost) == 2
    assert all("died" in fate.detail for fate in lost)
    assert sorted((tmp_path / "ran").read_text().split()) == [*"012345"]
    assert not any(map(_alive, pids))


def test_cancelling_ends_grandchildren_and_what_waits_never_begins(lab: DaskCluster, tmp_path: Path) -> None:
    lines = [f"sh -c 'sleep 60 & echo $! > {tmp_path}/new-{n}; mv {tmp_path}/new-{n} {tmp_path}/grand-{n}; wait'; true" for n in range(4)]
    handles = lab.submit(_parcels(tmp_path, lines))
    _wait(lambda: len([*tmp_path.glob("grand-*")]) == 2)
    grandchildren = [int(path.read_text()) for path in tmp_path.glob("grand-*")]
    assert all(map(_alive, grandchildren))
    lab.cancel(handles)
    assert not any(map(_alive, grandchildren))
    assert {fate.state for fate in lab.look(handles).values()} == {"gone"}
    time.sleep(0.5)
    assert len([*tmp_path.glob("grand-*")]) == 2
    lab.cancel(handles)  # what is gone already is no error


@pytest.mark.slow
def test_another_process_finds_what_a_killed_one_handed_in(two: Dask, lab: DaskCluster, tmp_path: Path) -> None:
    parcels = _parcels(tmp_path, [f"echo {n} >> {tmp_path}/ran; sleep 1" for n in range(4)])
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from paperbuild.engine.cluster import Parcel
from tests.clusters.test_dask import DaskCluster, Lab, Resources, Job, __version__
cluster = DaskCluster(Lab("lab", {two.address!r}), ({sys.executable!r}, {str(tmp_path / "program.py")!r}))
parcels = [Parcel(f, Job("a", "", "/bin/sh", f, (), f, None), Resources(), __version__) for f in {[p.folder for p in parcels]!r}]
print(*cluster.submit(parcels), flush=True)
os.kill(os.getpid(), 9)
"""
    told = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False)
    assert told.returncode == -9
    handles = told.stdout.decode().split()
    assert len(handles) == 4
    fates = lab.look(handles)
    assert {fate.state for fate in fates.values()} <= {"running", "waiting"}
    assert {fate.state for fate in _settled(lab, handles).values()} == {"ended"}
    assert sorted((tmp_path / "ran").read_text().split()) == [*"0123"]
    assert {fate.state for fate in lab.look(handles).values()} == {"gone"}  # once all are settled the scheduler forgets them


def test_another_process_can_cancel_what_a_killed_one_handed_in(two: Dask, lab: DaskCluster, tmp_path: Path) -> None:
    handles = lab.submit(_parcels(tmp_path, [f"echo $$ > {tmp_path}/pid; sleep 60"]))
    _wait((tmp_path / "pid").exists)
    other = _lab(two, tmp_path)
    other.cancel(handles)
    other.close()
    assert not _alive(int((tmp_path / "pid").read_text()))


@pytest.mark.slow
def test_a_connection_that_was_lost_is_made_again_and_what_runs_is_found(lab: DaskCluster, tmp_path: Path) -> None:
    handles = lab.submit(_parcels(tmp_path, [f"echo x >> {tmp_path}/ran; sleep 1"] * 2))
    lab._connection().ask(lambda client: client.close(), 5)
    assert {fate.state for fate in lab.look(handles).values()} <= {"running", "waiting"}
    assert {fate.state for fate in _settled(lab, handles).values()} == {"ended"}
    assert (tmp_path / "ran").read_text() == "x\nx\n"


@pytest.mark.slow
def test_who_closes_lets_go_of_what_runs(two: Dask, lab: DaskCluster, tmp_path: Path) -> None:
    first = _lab(two, tmp_path)
    handles = first.submit(_parcels(tmp_path, ["sleep 0.5"]))
    first.close()
    assert _settled(lab, handles) == {handles[0]: Fate("ended")}


@pytest.mark.slow
def test_what_needs_a_gpu_runs_where_there_is_one(lab: DaskCluster, tmp_path: Path) -> None:
    parcels = _parcels(tmp_path, [f"echo $DASK_WORKER_NAME; echo {n} >> {tmp_path}/ran" for n in range(3)], Resources(gpu=1))
    assert {fate.state for fate in _settled(lab, lab.submit(parcels)).values()} == {"ended"}
    with pytest.raises(BuildError, match="no worker of the executor lab offers what cell-0 needs: GPU 4"):
        lab.submit(_parcels(tmp_path / "more", ["true"], Resources(gpu=4)))


def test_a_folder_that_a_worker_does_not_see_is_told(lab: DaskCluster, tmp_path: Path) -> None:
    parcels = _parcels(tmp_path, ["true"])
    Path(parcels[0].folder).rename(tmp_path / "elsewhere")
    fates = _settled(lab, lab.submit(parcels))
    assert [("does not see the folder" in fate.detail, fate.state) for fate in fates.values()] == [(True, "gone")]


def test_a_program_that_says_nothing_of_its_end_is_gone_with_its_last_words(two: Dask, tmp_path: Path) -> None:
    cluster = DaskCluster(Lab("lab", two.address), (sys.executable, "-c", "import sys; sys.exit('the disk is full')"))
    fates = _settled(cluster, cluster.submit(_parcels(tmp_path, ["true"])))
    assert all("ended with status 1 and did not say how: the disk is full" in fate.detail for fate in fates.values())
    cluster.close()


def _refusal(lab: Lab, folder: Path, resources: Resources | None = None) -> str:
    """Return what is said when a parcel cannot be handed in, as it is printed."""
    cluster = DaskCluster(lab, ("true",))
    try:
        with pytest.raises(BuildError) as caught:
            cluster.submit(_parcels(folder, ["true"], resources))
    finally:
        cluster.close()
    (diagnostic,) = caught.value.diagnostics
    return " | ".join((diagnostic.code, diagnostic.message, *diagnostic.notes, *diagnostic.detail, *diagnostic.help))


def test_a_scheduler_that_is_not_there_is_told_in_a_bounded_time(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        begin = time.monotonic()
        said = _refusal(Lab("lab", f"tcp://127.0.0.1:{taken.getsockname()[1]}"), tmp_path)
    assert time.monotonic() - begin < 10
    assert said.startswith("PB730 | the scheduler tcp://127.0.0.1:")
    assert "of the executor lab does not answer | Connect" in said


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    assert "PB730 | the scheduler foo://x of the executor lab does not answer | unknown address scheme" in _refusal(
        Lab("lab", "foo://x"), tmp_path
    )


def test_something_that_is_no_scheduler_is_told_in_a_bounded_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as connection:
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                        connection.recv(1000)

        threading.Thread(target=greet, daemon=True).start()
        begin = time.monotonic()
        said = _refusal(Lab("lab", f"tcp://127.0.0.1:{server.getsockname()[1]}"), tmp_path)
    assert time.monotonic() - begin < 12
    assert said.startswith("PB731")
    assert "does not speak its protocol" in said


def test_a_scheduler_without_workers_is_told(bare: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_module, "_WORKERS_S", 0.5)
    said = _refusal(Lab("lab", bare.address), tmp_path)
    assert said.startswith(f"PB732 | the scheduler {bare.address} of the executor lab has no workers | none came within 0 s")


def test_workers_without_paperbuild_or_with_another_are_told(bare: Dask, tmp_path: Path) -> None:
    bare.add_worker("without", before=WITHOUT)
    said = _refusal(Lab("lab", bare.address), tmp_path / "without")
    assert said.startswith("PB733 | the worker of the executor lab has no paperbuild | tcp://127.0.0.1:")
    (tmp_path / "old" / "paperbuild").mkdir(parents=True)
    (tmp_path / "old" / "paperbuild" / "__init__.py").write_text('__version__ = "0.0.1"')
    bare.kill("without")
    bare.add_worker("old", PYTHONPATH=str(tmp_path / "old"))
    said = _refusal(Lab("lab", bare.address), tmp_path / "skew")
    assert said.startswith(f"PB734 | the worker of the executor lab has another version | here is paperbuild {__version__}, Python 3.")
    assert "paperbuild 0.0.1, Python 3." in said
    bare.kill("old")


@pytest.mark.slow
def test_a_cluster_that_the_user_names_is_made_used_and_ended(tmp_path: Path) -> None:
    arguments = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": ":0", "processes": True}
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    cluster = DaskCluster(Lab("lab", cluster="distributed.LocalCluster", arguments=arguments), (sys.executable, str(program)))
    handles = cluster.submit(_parcels(tmp_path, [f"echo $PPID > {tmp_path}/pid; sleep 0.1"] * 2))
    assert {fate.state for fate in _settled(cluster, handles).values()} == {"ended"}
    cluster.close()
    later = DaskCluster(Lab("lab", cluster="distributed.LocalCluster", arguments=arguments))
    assert later.look(handles)[handles[0]] == Fate("gone", "it ended with the build that had made its cluster")
    later.cancel(handles)
    later.close()


def test_a_cluster_that_does_not_exist_or_cannot_be_made_is_told(tmp_path: Path) -> None:
    said = _refusal(Lab("lab", cluster="dask_nowhere.KubeCluster"), tmp_path / "a")
    assert said.startswith(
        "PB736 | the executor lab has no cluster dask_nowhere.KubeCluster | No module named 'dask_nowhere' | pip install dask-nowhere"
    )
    said = _refusal(Lab("lab", cluster="fractions.Fraction", arguments={"numerator": "many"}), tmp_path / "b")
    assert said.startswith("PB737 | the cluster fractions.Fraction of the executor lab could not be made | ValueError: Invalid literal")
    said = _refusal(Lab("lab", cluster="fractions.Fraction"), tmp_path / "c")
    assert "could not be made | it has no scheduler_address: is it one of Dask's clusters?" in said


@pytest.mark.slow
def test_a_scheduler_that_dies_is_told_and_what_its_workers_ran_ends(tmp_path: Path) -> None:
    servers = Dask(tmp_path)
    try:
        servers.add_worker("one")
        cluster = _lab(servers, tmp_path)
        handles = cluster.submit(_parcels(tmp_path, [f"echo $$ > {tmp_path}/pid; sleep 60"]))
        _wait((tmp_path / "pid").exists)
        servers.scheduler.kill()
        with pytest.raises(BuildError, match="of the executor lab does not answer"):
            cluster.look(handles)
        _wait(lambda: not _alive(int((tmp_path / "pid").read_text())), 40)
        cluster.close()
    finally:
        servers.stop()


class _Sender:
    """Sends jobs through the engine's executor; what runs on the workers is what always does."""

    def __init__(self, dask: Dask, folder: Path) -> None:
        self.folder = folder
        self.executor = FarExecutor(DaskCluster(Lab("lab", dask.address)), Pace(late_s=0.2, ask_s=0.3, slow_ask_s=0.5))
        self.ended: dict[str, Ended] = {}
        self._threads: list[threading.Thread] = []

    def send(self, name: str, line: str) -> None:
        errand = Errand("lab", f"{self.folder}/sent/{name}")
        watch = Watch(f"{self.folder}/")
        job = Job(name, line, "/bin/sh", str(self.folder), (("PATH", os.environ["PATH"]),), f"{self.folder}/{name}.log", None, watch)
        job = msgspec.structs.replace(job, errand=errand)

        def work() -> None:
            self.ended[name] = self.executor.run(job, lambda _group, _handle: None)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)

    def wait(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


def test_jobs_come_back_with_what_they_were_seen_to_do_and_a_lost_one_says_so(two: Dask, tmp_path: Path) -> None:
    sender = _Sender(two, tmp_path)
    (tmp_path / "in").write_text("x")
    for n in range(6):
        sender.send(f"cell-{n}", f"echo {n} >> ran; cat in > out-{n}; echo well; while [ ! -e {tmp_path}/open ]; do sleep 0.1; done")
    _wait(lambda: len([*tmp_path.glob("out-*")]) == 2)
    two.kill("two")
    _wait(lambda: sum(bool(ended.lost) for ended in sender.ended.values()) == 1)
    (tmp_path / "open").touch()
    sender.wait()
    lost = [ended for ended in sender.ended.values() if ended.lost]
    assert len(lost) == 1
    assert lost[0].lost.startswith("the worker tcp:")
    assert lost[0].lost.endswith(" died while it ran")
    good = [(name, ended) for name, ended in sender.ended.items() if not ended.lost]
    assert {ended.status for _, ended in good} == {0}
    assert all(ended.seen is not None and str(tmp_path / "in") in {s.path for s in ended.seen.sightings} for _, ended in good)
    assert sorted((tmp_path / "ran").read_text().split()) == [*"012345"]
    assert (tmp_path / f"{good[0][0]}.log").read_text() == "well\n"
    sender.executor.close()


def test_cancelling_all_ends_what_runs_on_workers(two: Dask, tmp_path: Path) -> None:
    sender = _Sender(two, tmp_path)
    sender.send("long", f"sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60'")
    _wait(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    sender.executor.cancel_all()
    sender.wait()
    assert sender.ended["long"].cancelled
    assert not _alive(int((tmp_path / "pid").read_text()))
    sender.executor.close()
