"""How results reach the disk: in which order, with how many flushes, and what a disk that is full, read-only or broken does to a build."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from paperbuild.diagnostics import Severity
from paperbuild.events import Outcome
from tests.engine.disk import Project
from tests.engine.world import command
from tests.integration.test_faults import ACTIONS, expected, no_output_is_wrong, steps
from tests.integration.test_histories_on_disk import Mortal


def codes(project: Project, **options: bool) -> list[str]:
    return [diagnostic.code for diagnostic in project.build(keep_going=True, **options).diagnostics if diagnostic.code != "PB417"]


# the order


Done = tuple[str, str, str]
"""What was done to the disk: "flush" a path, or "rename" one path to another."""


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[Done]:
    """Everything that this process flushes and renames, in order."""
    found: list[Done] = []
    fsync, rename = os.fsync, os.replace

    def flushing(handle: int) -> None:
        fsync(handle)
        found.append(("flush", os.readlink(f"/proc/self/fd/{handle}"), ""))

    def renaming(source: str, target: str) -> None:
        rename(source, target)
        found.append(("rename", source, target))

    monkeypatch.setattr("os.fsync", flushing)
    monkeypatch.setattr("os.replace", renaming)
    return found


def test_no_record_is_there_before_its_blobs_are_on_the_disk(tmp_path: Path, done: list[Done]):
    project = Project(tmp_path, ACTIONS).write({"a": "1"})
    assert project.build(jobs=1).succeeded
    records = [n for n, (what, _, target) in enumerate(done) if what == "rename" and "/records/" in target]
    assert len(records) == len(ACTIONS)
    for n in records:
        _, temporary, record = done[n]
        assert ("flush", temporary, "") in done[:n], "a record that was not flushed may be empty"
        assert ("flush", os.path.dirname(record), "") in done[n:]
        needed = Path(record).read_text()
        for path in (tmp_path / ".paperbuild/blobs").glob("*/*"):
            if path.name in needed:
                needed += path.read_text(errors="replace")  # of a folder, the list of what is in it
        for m, (what, _, blob) in enumerate(done[:n]):
            if what == "rename" and "/blobs/" in blob and os.path.basename(blob) in needed:  # others may be on their way
                assert ("flush", blob, "") in done[m:n]
                assert ("flush", os.path.dirname(blob), "") in done[m:n]


def test_flushes_are_one_for_each_file_and_one_for_each_folder_that_they_went_to(tmp_path: Path, done: list[Done]):
    names = [f"out/{n}" for n in range(40)]
    line = "for n in " + " ".join(names) + "; do echo $n > $n; done"
    project = Project(tmp_path, (command("t", line, " ".join(names), "a"),)).write({"a": "1"})
    assert project.build().succeeded
    blobs = [target for what, _, target in done if what == "rename" and "/blobs/" in target]
    assert len(blobs) == len(names)
    flushed = [path for what, path, _ in done if what == "flush"]
    in_blobs = [path for path in flushed if "/blobs/" in path]
    assert sorted(in_blobs) == sorted({*blobs, *map(os.path.dirname, blobs)}), "once each, all together"
    assert sum("/records/" in path for path in flushed) == 1
    assert sum("/journal" in path for path in flushed) == 2, "who runs: a file and its folder"
    time.sleep(0.1)
    assert project.build().count(Outcome.RAN) == 0
    done.clear()
    assert project.build().count(Outcome.RAN) == 0
    assert done == [], "nothing to do, nothing to write"


# a disk that breaks, and a process that does


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_after_whatever_change_a_build_dies_the_next_one_is_right(tmp_path: Path, *, every: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.fsync", lambda handle: None)  # what dies here is a process, not the machine
    for n in steps(2000, every=every):
        project = Project(tmp_path / str(n), ACTIONS).write({"a": "1"})
        assert project.build().succeeded
        project.write({"a": "2"})
        child = os.fork()
        if child == 0:
            try:
                project.wrap = lambda fs, n=n: Mortal(fs, n)  # type: ignore[misc,assignment,return-value]  # it answers to all of it
                project.build()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        paper = project.root / "_build/paper"
        assert not paper.exists() or paper.read_text() in {expected("1")["_build/paper"], expected("2")["_build/paper"]}
        report = project.build()
        assert report.succeeded, (n, report)
        assert project.tree() == expected("2"), n
        assert project.build().count(Outcome.RAN) == 0
        assert os.listdir(project.root / ".paperbuild/journal") == os.listdir(project.root / ".paperbuild/aside") == []
        if not os.WIFSIGNALED(status):
            return
    raise AssertionError("it never came through")


def test_a_limit_on_the_size_of_files_is_told_and_nothing_is_half_there(tmp_path: Path):
    actions = (command("big", "head -c 200000 /dev/zero > big", "big", "a"), command("small", "cat a > small", "small", "a"))
    project = Project(tmp_path, actions).write({"a": "1"})
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            report = project.build(keep_going=True)
            os._exit(0 if report.outcomes == {"big": Outcome.FAILED, "small": Outcome.RAN} else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not (tmp_path / "big").exists()
    assert project.build().outcomes == {"big": Outcome.RAN, "small": Outcome.REUSED}


# an index that was deleted or corrupted


@pytest.mark.parametrize("what", ["gone", "cut", "garbage", "flipped"])
def test_whatever_becomes_of_the_index_no_result_is_wrong_or_lost(tmp_path: Path, what: str):
    project = Project(tmp_path, ACTIONS).write({"a": "1"})
    assert project.build().succeeded
    path = tmp_path / ".paperbuild/index.sqlite"
    random = Random(what)
    whole = path.read_bytes()
    for _ in range(12):
        data = bytearray(whole)
        match what:
            case "gone":
                path.unlink()
            case "cut":
                path.write_bytes(data[: random.randrange(len(data))])
            case "garbage":
                start = random.randrange(len(data) - 4096)
                data[start : start + 4096] = random.randbytes(4096)
                path.write_bytes(data)
            case _:
                for _ in range(40):
                    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
                path.write_bytes(data)
        report = project.build()
        assert report.succeeded, report
        assert what == "flipped" or report.count(Outcome.RAN) == 0
        assert project.tree() == expected("1")
        path.unlink(missing_ok=True)
        assert project.build().count(Outcome.RAN) == 0


# small disks


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk: a full and a read-only disk are left out")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here: a full and a read-only disk are left out")
    yield folder
    subprocess.run(["umount", folder], check=True)


def filled(folder: Path) -> Path:
    """Fill the disk that ``folder`` is on; return the file that does."""
    path = folder / "ballast"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the disk is full, as it should be
    return path


def read_only(folder: Path, *, on: bool) -> None:
    subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", folder], check=True)


def test_a_full_disk_is_told_hits_are_served_and_with_room_all_is_right(small: Path):
    project = Project(small / "project", ACTIONS).write({"a": "1"})
    assert project.build().succeeded
    project.write({"a": "2"})
    assert project.build().succeeded
    ballast = filled(small)
    assert project.build().count(Outcome.REUSED) == len(ACTIONS)
    (project.root / "a").write_bytes(b"3")
    assert "PB406" in codes(project) or "PB440" in codes(project)
    no_output_is_wrong({**project.tree(), "a": "3"}, "1", "2", "3")
    ballast.unlink()
    assert project.build().succeeded
    assert project.tree() == expected("3")


def test_a_full_store_is_told_and_its_hits_are_served(small: Path, tmp_path: Path):
    project = Project(tmp_path / "project", ACTIONS, store=str(small / "store")).write({"a": "1"})
    assert project.build().succeeded
    project.write({"a": "2"})
    assert project.build().succeeded
    ballast = filled(small)
    project.write({"a": "1"})
    assert project.build().count(Outcome.REUSED) == len(ACTIONS)
    assert project.tree() == expected("1")
    project.write({"a": "3"})
    assert set(codes(project)) == {"PB406"}
    no_output_is_wrong({**project.tree(), "a": "3"}, "1", "3")
    ballast.unlink()
    assert project.build().succeeded
    assert project.tree() == expected("3")


def test_a_store_that_can_only_be_read_serves_its_hits_and_the_rest_is_told(small: Path, tmp_path: Path):
    project = Project(tmp_path / "project", ACTIONS, store=str(small / "store")).write({"a": "1"})
    assert project.build().succeeded
    project.write({"a": "2"})
    assert project.build().succeeded
    read_only(small, on=True)
    project.write({"a": "1"})
    assert project.build().count(Outcome.REUSED) == len(ACTIONS)
    assert project.tree() == expected("1")
    other = Project(tmp_path / "clone", ACTIONS, store=str(small / "store")).write({"a": "2"})
    assert other.build().count(Outcome.REUSED) == len(ACTIONS)
    assert other.tree() == expected("2")
    project.write({"a": "3"})
    assert set(codes(project)) == {"PB406"}
    no_output_is_wrong({**project.tree(), "a": "3"}, "1", "3")
    read_only(small, on=False)
    assert project.build().succeeded
    assert project.tree() == expected("3")


def test_a_damaged_blob_in_a_store_that_can_only_be_read_is_told_and_not_placed(small: Path, tmp_path: Path):
    project = Project(tmp_path / "project", ACTIONS[:1], store=str(small / "store")).write({"a": "1"})
    assert project.build().succeeded
    for blob in (small / "store/blobs").glob("*/*"):
        blob.chmod(0o644)
        blob.write_bytes(b"damaged")
    read_only(small, on=True)
    (project.root / "out/one").unlink()
    assert set(codes(project)) == {"PB406"}
    assert "damaged" not in project.tree().values()
    read_only(small, on=False)
    assert project.build().succeeded
    assert project.tree()["out/one"] == "1"


def test_in_a_project_that_can_only_be_read_what_is_up_to_date_is_and_the_rest_is_told(small: Path):
    project = Project(small / "project", ACTIONS).write({"a": "1"})
    assert project.build().succeeded
    read_only(small, on=True)
    report = project.build()
    assert report.succeeded
    assert report.count(Outcome.REUSED) == len(ACTIONS)
    (note,) = report.diagnostics
    assert (note.code, note.severity) == ("PB407", Severity.NOTE)
    assert "read-only" in note.message.lower()
    read_only(small, on=False)
    assert project.build().count(Outcome.RAN) == 0
    project.write({"a": "2"})
    read_only(small, on=True)
    report = project.build()
    assert not report.succeeded
    (fault,) = report.diagnostics
    assert (fault.code, fault.notes[0]) == ("PB406", f"{ACTIONS[0].id}: a changed")
    assert project.tree()["out/one"] == "1"
    read_only(small, on=False)
    assert project.build().succeeded
