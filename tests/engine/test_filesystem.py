"""The file system in memory, on which builds are tested, behaves as the one on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.locks import FileLock
from paperbuild.engine.ports import FileSystem
from paperbuild.errors import BuildError
from tests.engine.memory import Clock, MemoryFileSystem

NAMES = ("a", "b", "a/x", "a/y", "b/x", "a/x/z")
some = st.sampled_from(NAMES)


class BothFileSystems(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.disk = DiskFileSystem()
        self.memory = MemoryFileSystem(Clock())
        self.memory.make_folder("/m")

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def both(self, work: Callable[[FileSystem, str], object]) -> None:
        """Do the same in both places; they must give the same, and fail in the same cases."""
        outcomes = []
        for fs, root in ((self.disk, self.folder), (self.memory, "/m")):
            try:
                outcomes.append((True, work(fs, root)))
            except OSError:
                outcomes.append((False, None))
        assert outcomes[0] == outcomes[1]

    def is_free(self, path: str) -> bool:
        """Return whether a new file or link may be put at ``path``: the engine makes none elsewhere."""
        parent = os.path.dirname(f"{self.folder}/{path}")
        return os.path.isdir(parent) and not os.path.lexists(f"{self.folder}/{path}")

    @rule(path=some, data=st.sampled_from([b"", b"one", b"two"]))
    def write(self, path: str, data: bytes) -> None:
        if self.is_free(path):
            self.both(lambda fs, root: fs.write(f"{root}/{path}", data))

    @rule(source=some, goal=some, executable=st.booleans())
    def copy(self, source: str, goal: str, executable: bool) -> None:
        if self.is_free(goal) and os.path.isfile(f"{self.folder}/{source}"):
            self.both(lambda fs, root: fs.copy(f"{root}/{source}", f"{root}/{goal}", executable=executable))

    @rule(path=some, text=st.sampled_from(["x", "../b", "nowhere", "a"]))
    def make_link(self, path: str, text: str) -> None:
        if self.is_free(path) and (self.folder in os.path.normpath(f"{self.folder}/{os.path.dirname(path)}/{text}")):
            self.both(lambda fs, root: fs.make_link(text, f"{root}/{path}"))

    @rule(path=some)
    def make_folder(self, path: str) -> None:
        parents = [f"{self.folder}/{path[:n]}" for n in range(1, len(path) + 1) if path[n : n + 1] in {"", "/"}]
        if all(os.path.isdir(one) or not os.path.lexists(one) for one in parents):
            self.both(lambda fs, root: fs.make_folder(f"{root}/{path}"))

    @rule(source=some, goal=some)
    def rename(self, source: str, goal: str) -> None:
        here, there = f"{self.folder}/{source}", f"{self.folder}/{goal}"
        plain = os.path.isdir(os.path.dirname(there)) and not os.path.isdir(there) and not there.startswith(here)
        if plain and os.path.lexists(here) and not (os.path.isdir(here) and os.path.lexists(there)):

            def at(fs: FileSystem, root: str, path: str) -> str:
                return f"{fs.real(os.path.dirname(f'{root}/{path}'))}/{os.path.basename(path)}"

            self.both(lambda fs, root: fs.rename(at(fs, root, source), at(fs, root, goal)))

    @rule(path=st.sampled_from(("a", "b")))
    def remove_tree(self, path: str) -> None:
        self.both(lambda fs, root: fs.remove_tree(f"{root}/{path}"))

    @rule(path=st.sampled_from(("a", "b")))
    def remove_empty(self, path: str) -> None:
        if not os.path.islink(f"{self.folder}/{path}") and not os.path.isfile(f"{self.folder}/{path}"):
            self.both(lambda fs, root: fs.remove_empty(f"{root}/{path}"))

    @invariant()
    def they_agree(self) -> None:
        for path in NAMES:

            def seen(fs: FileSystem, root: str, path: str = path) -> object:
                at = f"{root}/{path}"
                stat = fs.stat(at)
                known = None if stat is None else (stat.is_folder, not stat.is_folder and (stat.size, stat.executable))
                content = (fs.read(at), fs.read_end(at, 2), fs.digest(at)) if stat is not None and not stat.is_folder else None
                return known, content, fs.names(at), fs.real(at).replace(os.path.realpath(root), "R", 1)

            self.both(seen)
            if os.path.realpath(os.path.dirname(f"{self.folder}/{path}")) == os.path.dirname(f"{self.folder}/{path}"):
                self.both(lambda fs, root, path=path: (fs.exists(f"{root}/{path}"), fs.link(f"{root}/{path}")))


TestBothFileSystems = BothFileSystems.TestCase
TestBothFileSystems.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)


@pytest.fixture
def disk() -> DiskFileSystem:
    return DiskFileSystem()


def test_what_cannot_be_the_name_of_a_file_is_no_file(disk: DiskFileSystem):
    for path in ("/tmp/a\0b", "/tmp/\ud800", "/tmp/" + "x" * 300):
        assert disk.stat(path) is None
        assert not disk.exists(path)
        assert disk.link(path) is None
    with pytest.raises(FileNotFoundError):
        disk.read("/tmp/a\0b")


def test_a_link_that_leads_to_itself_is_nothing_but_it_exists(disk: DiskFileSystem, tmp_path: Path):
    (tmp_path / "loop").symlink_to("loop")
    assert disk.stat(f"{tmp_path}/loop") is None
    assert disk.exists(f"{tmp_path}/loop")


def test_a_link_to_a_folder_is_removed_and_the_folder_stays(disk: DiskFileSystem, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("x")
    (tmp_path / "link").symlink_to("folder")
    disk.remove_tree(f"{tmp_path}/link")
    assert os.listdir(tmp_path) == ["folder"]
    assert (tmp_path / "folder/file").exists()


def test_a_pipe_is_not_read(disk: DiskFileSystem, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for read in (disk.read, disk.digest, lambda path: disk.copy(path, f"{tmp_path}/copy"), lambda path: disk.read_end(path, 1)):
        with pytest.raises(OSError, match="no regular file"):
            read(f"{tmp_path}/pipe")


def test_a_folder_is_not_read_as_a_file(disk: DiskFileSystem, tmp_path: Path):
    with pytest.raises(IsADirectoryError):
        disk.read(str(tmp_path))


def test_a_lock_is_held_by_one_and_names_its_holder(tmp_path: Path):
    path = f"{tmp_path}/lock"
    with FileLock().hold(path), pytest.raises(BuildError, match=str(os.getpid())), FileLock().hold(path):
        pass
    with FileLock().hold(path):
        pass


def test_a_lock_that_somebody_has_is_waited_for_where_that_can_be_told(tmp_path: Path):
    path, told = str(tmp_path / "lock"), list[str]()
    begin = time.monotonic()
    held = FileLock().hold(path)
    held.__enter__()
    threading.Timer(0.3, held.__exit__, (None, None, None)).start()
    with FileLock().hold(path, waits=told.append):
        assert told == [str(os.getpid())]
        assert 0.2 < time.monotonic() - begin < 5


def test_a_lock_that_a_child_of_a_dead_process_still_holds_is_waited_for(tmp_path: Path):
    path = str(tmp_path / "lock")
    script = (
        "import os, sys\nfrom paperbuild.engine.locks import FileLock\n"
        "with FileLock().hold(sys.argv[1]):\n"
        "    if os.fork() == 0:\n        __import__('time').sleep(0.3)\n"
        "    os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    with FileLock().hold(path):
        assert Path(path).read_text() == str(os.getpid())


@pytest.mark.parametrize("change", ["nothing", "write", "remove", "link to itself elsewhere", "hard link and link", "folder"])
def test_what_moved_is_what_has_another_mark(disk: DiskFileSystem, tmp_path: Path, change: str):
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_text("x")
    kinds = ("status", "link", "names", "presence")
    asked = [(kind, str(path), disk.mark(kind, str(path))) for kind in kinds]
    if change == "write":
        path.write_text("longer")
    elif change == "remove":
        path.unlink()
    elif change == "link to itself elsewhere":
        path.rename(other)
        path.symlink_to(other)
    elif change == "hard link and link":
        os.link(path, other)
        path.unlink()
        path.symlink_to(other)
    elif change == "folder":
        path.unlink()
        path.mkdir()
    for facts in (asked, asked[::-1]):
        assert disk.moved(facts) == [n for n, (kind, of, mark) in enumerate(facts) if disk.mark(kind, of) != mark]
    assert bool(disk.moved(asked)) == (change != "nothing")
