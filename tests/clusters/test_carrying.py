"""Commands where no file system is shared: what they need goes along, what they made comes back, what stands in the project is not absent.

The store is a folder, the scheduler a real outpost on this machine that knows nothing of the project's folder but what it is sent.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from paperbuild.cli.carried import PROGRAM
from paperbuild.clusters.cargo import Haul, Thing
from paperbuild.clusters.carrying import Address, Carrying, _place
from paperbuild.clusters.dispatch import FarExecutor
from paperbuild.clusters.news import MOST_LOG, grown, keep, put_back
from paperbuild.clusters.pace import Pace
from paperbuild.clusters.packing import Limits, Packer
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.cluster import Parcel, Report
from paperbuild.engine.digest import file_digest
from paperbuild.engine.filesystem import SystemClock
from paperbuild.engine.graph import Resources
from paperbuild.engine.jobs import Ended, Errand, Job, Watch
from paperbuild.engine.process import MARK
from paperbuild.engine.remote import Carrier
from paperbuild.engine.tracing.heard import VARIABLE
from paperbuild.engine.tracing.sightings import LISTED, READ, SOUGHT
from paperbuild.errors import BuildError
from paperbuild.sharing.loose import LooseStore
from paperbuild.sharing.places import parse_place
from tests.clusters.nearby import Nearby

PACE = Pace(quiet_s=0.15, late_s=0.2, ask_s=0.2, slow_ask_s=0.5, patience_s=0.5, end_s=10)


class Sender:
    """Sends commands of the project in ``root`` away, by a store in a folder."""

    def __init__(self, root: Path, store: Path, limits: Limits | None = None, opened: Callable[[], Carrier] | None = None) -> None:
        self.root = root
        self.store = store
        store.mkdir(exist_ok=True)
        self.nearby = Nearby(PROGRAM)
        place = parse_place(f"file://{store}")
        self.loose = LooseStore(place, scratch=str(store.parent))
        cluster = Carrying(
            self.nearby,
            opened or (lambda: LooseStore(place, scratch=str(store.parent))),
            Address(place.address),
            Packer(str(root), file_digest, SystemClock(), limits),
        )
        self.executor = FarExecutor(cluster, PACE)
        self._count = 0

    def job(self, line: str, outputs: tuple[str, ...] = (), supplies: tuple[str, ...] = (), **changes: object) -> Job:
        self._count += 1
        own = f"{self.root}/.paperbuild/sent/{self._count}"
        variables = (("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"), ("HOME", os.environ.get("HOME", "/")))
        errand = Errand("far", own, supplies=supplies, outputs=outputs)
        job = Job("cell", line, "/bin/sh", str(self.root), variables, f"{self.store}.log", None, Watch(f"{self.root}/"), errand=errand)
        return msgspec.structs.replace(job, **changes)

    def run(self, line: str, outputs: tuple[str, ...] = (), supplies: tuple[str, ...] = ()) -> Ended:
        return self.executor.run(self.job(line, outputs, supplies), lambda _group, _handle: None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "paper"
    root.mkdir()
    for path, text in {"in.txt": "tracked", "sub/new.txt": "untracked", ".gitignore": "*.dat\ndata/\n", "big.dat": "ignored"}.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    (root / "data").mkdir()
    (root / "data" / "one.csv").write_text("1")
    (root / "data" / "two.csv").write_text("2")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "in.txt", ".gitignore"], check=True)
    return root


@pytest.fixture
def sender(project: Path, tmp_path: Path) -> Iterator[Sender]:
    made = Sender(project, tmp_path / "store")
    yield made
    made.executor.close()
    made.nearby.close()
    made.loose.close()


def test_what_git_knows_goes_along_and_outputs_come_back_as_if_made_here(sender: Sender, project: Path) -> None:
    ended = sender.run(
        "pwd > where.txt; mkdir -p out/deep; cat in.txt sub/new.txt > out/deep/all.txt; ln -s deep/all.txt out/link", ("out/", "where.txt")
    )
    assert (ended.status, ended.lost, ended.cancelled) == (0, "", False)
    assert (project / "out/deep/all.txt").read_text() == "trackeduntracked"
    assert os.readlink(project / "out/link") == "deep/all.txt"
    assert (project / "where.txt").read_text().strip() != str(project)
    assert ended.seen is not None
    seen = {sighting.path: sighting for sighting in ended.seen.sightings}
    here = seen[f"{project}/in.txt"]
    status = (project / "in.txt").stat()
    assert here.bits & READ
    assert here.state == ("file", 7, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev, False)
    assert not any("/paperbuild-" in path for path in seen)


def test_the_log_comes_back(sender: Sender, tmp_path: Path) -> None:
    assert sender.run("echo well; echo bad >&2; exit 3").status == 3
    assert (tmp_path / "store.log").read_text() == "well\nbad\n"


def test_a_file_that_was_not_sent_is_fetched_when_it_is_read_and_the_command_begins_again(sender: Sender, project: Path) -> None:
    ended = sender.run("cat big.dat > out.txt", ("out.txt",))
    assert ended.status == 0
    assert (project / "out.txt").read_text() == "ignored"
    assert sender.nearby.hand_ins == [1, 1]
    assert ended.seen is not None
    assert next(sighting.state for sighting in ended.seen.sightings if sighting.path == f"{project}/big.dat") is not None


def test_a_list_of_a_folder_holds_what_stands_there(sender: Sender, project: Path) -> None:
    assert sender.run("ls > out.txt; ls data >> out.txt", ("out.txt",)).status == 0
    assert (project / "out.txt").read_text().split() == ["big.dat", "data", "in.txt", "out.txt", "sub", "one.csv", "two.csv"]


def test_asking_whether_something_is_there_tells_the_truth(sender: Sender, project: Path) -> None:
    assert sender.run("test -e data/two.csv && test ! -e data/three.csv && test -d data && echo yes > out.txt", ("out.txt",)).status == 0
    assert (project / "out.txt").read_text() == "yes\n"


def test_a_module_that_was_not_sent_is_found_all_the_same(sender: Sender, project: Path) -> None:
    (project / ".gitignore").write_text("*.dat\ndata/\nlocal_settings.py\n")
    (project / "local_settings.py").write_text("VALUE = 7\n")
    (project / "main.py").write_text(
        "try:\n    import local_settings\nexcept ImportError:\n    print(0)\nelse:\n    print(local_settings.VALUE)\n"
    )
    hook = Path(sys.modules["paperbuild.engine"].__file__ or "").parent / "tracing" / "hook"
    job = sender.job("python main.py > out.txt", ("out.txt",))
    job = msgspec.structs.replace(job, environment=(*job.environment, ("PYTHONPATH", str(hook)), ("PYTHONDONTWRITEBYTECODE", "1")))
    assert sender.executor.run(job, lambda _group, _handle: None).status == 0
    assert (project / "out.txt").read_text() == "7\n"


def test_a_python_that_is_watched_there_tells_which_modules_it_looked_for(sender: Sender, project: Path, tmp_path: Path) -> None:
    (project / "main.py").write_text("import json\n")
    hook = Path(sys.modules["paperbuild.engine"].__file__ or "").parent / "tracing" / "hook"
    job = sender.job("python main.py")
    job = msgspec.structs.replace(job, environment=(*job.environment, ("PYTHONPATH", str(hook)), (VARIABLE, f"{tmp_path}/heard")))
    ended = sender.executor.run(job, lambda _group, _handle: None)
    assert ended.seen is not None
    bits = next(sighting.bits for sighting in ended.seen.sightings if sighting.path == str(project))
    assert (bits & SOUGHT, bits & LISTED, "json" in ended.seen.sought) == (SOUGHT, 0, True)


def test_what_is_declared_goes_along_at_once(sender: Sender, project: Path) -> None:
    assert sender.run("cat data/*.csv > out.txt", ("out.txt",), ("data/",)).status == 0
    assert (project / "out.txt").read_text() == "12"
    assert sender.nearby.hand_ins == [1]


def test_a_link_that_leads_out_of_the_project_goes_as_what_it_leads_to(sender: Sender, project: Path, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "a.csv").write_text("a")
    (mounted / "b.csv").write_text("b")
    (project / "all").symlink_to(mounted)
    (project / "one.csv").symlink_to(mounted / "a.csv")
    (project / "inner.txt").symlink_to("in.txt")
    line = "cat all/*.csv one.csv inner.txt > out.txt; test -L inner.txt && ! test -L one.csv"
    assert sender.run(line, ("out.txt",)).status == 0
    assert (project / "out.txt").read_text() == "abatracked"


def test_what_comes_back_cannot_leave_the_project_by_a_link(sender: Sender, project: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    ended = sender.run(f"mkdir out; ln -s {tmp_path}/precious out/a; ln -s {tmp_path}/precious out/b", ("out/",))
    assert ended.status == 0
    parcel = Parcel("", sender.job("true", ("out/",)), Resources(), "", outputs=("out/",))
    haul = Haul(Report("", ""), (Thing("out/a/new.txt", "folder"),))
    with pytest.raises(OSError, match="leads out of the project"):
        _place(parcel, haul, str(tmp_path), sender.loose)
    assert [*(tmp_path / "precious").iterdir()] == []


def test_nothing_but_its_outputs_comes_back(sender: Sender, project: Path) -> None:
    before = sorted(path.relative_to(project) for path in project.rglob("*") if ".paperbuild" not in path.parts)
    assert sender.run("echo x > stray.txt; echo changed > in.txt; rm sub/new.txt").status == 0
    assert sorted(path.relative_to(project) for path in project.rglob("*") if ".paperbuild" not in path.parts) == before
    assert (project / "in.txt").read_text() == "tracked"


def test_of_a_command_that_fails_no_output_comes_back(sender: Sender, project: Path) -> None:
    assert sender.run("echo half > out.txt; exit 1", ("out.txt",)).status == 1
    assert not (project / "out.txt").exists()


def test_the_store_keeps_nothing_of_a_parcel_that_is_over(sender: Sender, tmp_path: Path) -> None:
    sender.run("true")
    assert [path for path in (tmp_path / "store" / "parcels").rglob("*") if path.is_file()] == []


def test_who_can_read_the_store_reads_no_secret_of_a_command(sender: Sender, project: Path, tmp_path: Path) -> None:
    told = sender.job('printf "%s" "$TOKEN" > token', ("token",))
    told = msgspec.structs.replace(told, environment=(*told.environment, ("TOKEN", "hunter2hunter2")))
    kept: list[bytes] = []
    send = sender.nearby.submit

    def submit(parcels: Sequence[Parcel]) -> tuple[str, ...]:
        kept.extend(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
        return send(parcels)

    sender.nearby.submit = submit  # type: ignore[method-assign]  # to look at what lies there by then
    assert sender.executor.run(told, lambda _group, _handle: None).status == 0
    assert (project / "token").read_text() == "hunter2hunter2"
    assert kept
    assert not any(b"hunter2" in data for data in kept)


def test_too_much_is_refused_before_anything_is_sent(project: Path, tmp_path: Path) -> None:
    sender = Sender(project, tmp_path / "store", Limits(most=1))
    with pytest.raises(BuildError, match=r"cell needs 0.0 GiB of the project's files"):
        sender.run("true", (), ("data/",))
    sender.executor.close()


def test_what_is_too_large_to_go_unasked_goes_when_it_is_read(project: Path, tmp_path: Path) -> None:
    sender = Sender(project, tmp_path / "store", Limits(unasked_file=5))
    assert sender.run("cat in.txt > out.txt", ("out.txt",)).status == 0
    assert (project / "out.txt").read_text() == "tracked"
    assert sender.nearby.hand_ins == [1, 1]
    sender.executor.close()


def test_an_answer_of_somebody_else_is_not_believed(sender: Sender, project: Path, tmp_path: Path) -> None:
    outcome: list[Ended | BuildError] = []

    def work() -> None:
        try:
            outcome.append(sender.run("while [ ! -e /nowhere ]; do sleep 0.1; done", ("out.txt",)))
        except BuildError as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    begun = _appeared(tmp_path / "store" / "parcels", "begun")
    (begun.parent / "haul").write_bytes(b"0" * 64 + b"{}")
    sender.nearby.kill(next(iter(sender.nearby.handles())))
    thread.join(20)
    assert isinstance(outcome[0], BuildError | Ended)
    assert not (project / "out.txt").exists()
    assert not isinstance(outcome[0], Ended) or outcome[0].unreachable or outcome[0].lost


def _kept(sender: Sender, line: str, outputs: tuple[str, ...] = ()) -> Job:
    """A command that keeps something to go on from."""
    job = sender.job(line, outputs)
    folder = sender.root / ".paperbuild/checkpoints/cell/key-1"
    folder.mkdir(parents=True, exist_ok=True)
    return msgspec.structs.replace(job, environment=(*job.environment, (MARK, str(folder))))


def _beside(sender: Sender, job: Job) -> tuple[threading.Thread, list[Ended]]:
    ended: list[Ended] = []
    thread = threading.Thread(target=lambda: ended.append(sender.executor.run(job, lambda _group, _handle: None)))
    thread.start()
    return thread, ended


def _has_told(store: Path, words: bytes) -> bool:
    return any(words in path.read_bytes() for path in (store / "parcels").rglob("news-*"))


def _until(holds: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


SAVES = 'echo half > "$PAPERBUILD_CHECKPOINTS/state"; mkdir -p "$PAPERBUILD_CHECKPOINTS/more"; echo saved; '


@pytest.mark.slow
def test_what_a_command_writes_is_read_while_it_runs_and_what_it_kept_when_its_machine_died_is_gone_on_from(
    sender: Sender, project: Path, tmp_path: Path
) -> None:
    thread, ended = _beside(sender, _kept(sender, SAVES + "sleep 60"))
    log = tmp_path / "store.log"
    _until(lambda: log.exists() and log.read_text() == "saved\n")
    _until(lambda: _has_told(tmp_path / "store", b'"kept":[{'))
    sender.nearby.kill(sender.nearby.handles()[-1])
    thread.join(60)
    assert ended[0].lost
    assert log.read_text() == "saved\n"
    again = _kept(sender, 'cat "$PAPERBUILD_CHECKPOINTS/state" > out.txt; ls "$PAPERBUILD_CHECKPOINTS" >> out.txt', ("out.txt",))
    assert sender.executor.run(again, lambda _group, _handle: None).status == 0
    assert (project / "out.txt").read_text() == "half\nmore\nstate\n"


def test_what_a_command_kept_that_fails_comes_back_and_of_one_that_succeeds_nothing(sender: Sender, project: Path) -> None:
    state = project / ".paperbuild/checkpoints/cell/key-1/state"
    assert sender.executor.run(_kept(sender, SAVES + "exit 3"), lambda _group, _handle: None).status == 3
    assert state.read_text() == "half\n"
    assert sender.executor.run(_kept(sender, 'echo all > "$PAPERBUILD_CHECKPOINTS/state"'), lambda _group, _handle: None).status == 0
    assert state.read_text() == "half\n"  # whoever takes the result takes it away
    assert not [*state.parent.parent.glob("*.*")]


def test_what_a_command_kept_that_is_cancelled_comes_back(sender: Sender, project: Path, tmp_path: Path) -> None:
    thread, ended = _beside(sender, _kept(sender, f"{SAVES} echo > {tmp_path}/HERE; sleep 60"))
    _until((tmp_path / "HERE").exists)
    sender.executor.cancel_all()
    thread.join(60)
    assert ended[0].cancelled
    assert (project / ".paperbuild/checkpoints/cell/key-1/state").read_text() == "half\n"
    assert [path for path in (tmp_path / "store" / "parcels").rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_news_of_somebody_else_are_not_believed_and_a_store_that_cannot_be_asked_for_them_ends_nothing(
    project: Path, tmp_path: Path
) -> None:
    opened: list[int] = []

    def once() -> Carrier:
        opened.append(1)
        if len(opened) == 2:
            raise BuildError(Diagnostic("PB720", "it does not answer"))
        return LooseStore(parse_place(f"file://{tmp_path}/store"), scratch=str(tmp_path))

    sender = Sender(project, tmp_path / "store", opened=once)
    thread, ended = _beside(sender, sender.job(f"echo well; while [ ! -e {tmp_path}/END ]; do sleep 0.1; done"))
    begun = _appeared(tmp_path / "store" / "parcels", "begun")
    (begun.parent / "news-0").write_bytes(b"0" * 64 + b'{"number":0,"start":0,"log":"aGE="}')
    _until(lambda: len(opened) == 2)
    (tmp_path / "END").touch()
    thread.join(60)
    assert ended[0].status == 0
    assert (tmp_path / "store.log").read_text() == "well\n"
    sender.executor.close()
    sender.nearby.close()
    sender.loose.close()


def test_a_file_that_may_be_written_again_this_moment_is_hashed_for_each_command(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    clock = SystemClock()
    packer = Packer(str(project), lambda path: hashed.append(path) or file_digest(path), clock)  # type: ignore[func-returns-value]
    stamped_ns = max((project / "in.txt").stat().st_mtime_ns, (project / "in.txt").stat().st_ctime_ns)
    for later_ns, times in ((0, 2), (10_000_000_000, 3), (10_000_000_000, 3)):
        monkeypatch.setattr(clock, "now_ns", lambda later_ns=later_ns: stamped_ns + later_ns)
        packer.common()
        if not later_ns:
            packer.common()
        assert hashed.count(f"{project}/in.txt") == times


def test_of_a_log_that_grows_fast_the_end_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert grown(str(log), 0) == (0, b"")
    log.write_bytes(b"a" * 10)
    assert grown(str(log), 4) == (4, b"a" * 6)
    log.write_bytes(b"a" * MOST_LOG + b"b" * 10)
    start, data = grown(str(log), 4)
    assert (start, len(data), data[-10:]) == (10, MOST_LOG, b"b" * 10)


def test_checkpoints_that_are_written_just_now_are_not_kept_by_halves(tmp_path: Path, sender: Sender) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    assert keep(str(folder), sender.loose) is None
    (folder / "state").write_text("1")

    class Slow(LooseStore):
        def send(self, contents: Mapping[str, str]) -> None:
            super().send(contents)
            (folder / "state").write_text("22")

    slow = Slow(parse_place(f"file://{tmp_path}/store"), scratch=str(tmp_path))
    assert keep(str(folder), slow) is None
    slow.close()
    things = keep(str(folder), sender.loose)
    assert things is not None
    put_back(things, str(tmp_path / "other"), sender.loose)
    assert (tmp_path / "other/state").read_text() == "22"
    with pytest.raises(OSError, match="leads out"):
        put_back((msgspec.structs.replace(things[0], path="../x"),), str(tmp_path / "other"), sender.loose)
    assert (tmp_path / "other/state").read_text() == "22"


def _appeared(folder: Path, name: str) -> Path:
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        found = [path for path in folder.rglob(name) if path.is_file()]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(name)
