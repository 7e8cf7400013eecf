"""What a client of a file server remembers is asked for anew. The server is played by a function that is told what it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from paperbuild.engine.disks import disk
from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.index import Index
from paperbuild.engine.network_disks import NetworkFileSystem, mount_points

MOUNTS = r"""
25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 25 0:28 / /home rw,relatime shared:9 - nfs4 server:/home rw,vers=4.2
41 25 0:29 / /my\040data rw,relatime - nfs server:/data rw,vers=3
42 25 0:30 / /home/local rw - tmpfs tmpfs rw
43 25 0:31 / /mnt/share rw - cifs //server/share rw
"""


class Server:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.now_s = 100.0

    def over(self, folder: Path) -> NetworkFileSystem:
        return NetworkFileSystem((f"{folder}/",), self.asked.append, lambda: self.now_s)

    def questions(self) -> list[str]:
        asked, self.asked[:] = [*self.asked], []
        return asked


def test_mount_points_are_those_of_file_servers_with_what_is_escaped_in_them():
    assert mount_points(MOUNTS) == ("/home/", "/mnt/share/", "/my data/")


def test_folders_are_asked_for_before_what_is_in_them_from_the_mount_point_on(tmp_path: Path):
    server = Server()
    fs = server.over(tmp_path)
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("x")
    found = fs.stat(f"{tmp_path}/a/b/file")
    assert found is not None
    assert found.size == 1
    assert server.questions() == [str(tmp_path), f"{tmp_path}/a", f"{tmp_path}/a/b", f"{tmp_path}/a/b/file"]


def test_each_is_asked_for_once_in_a_breath_and_again_later(tmp_path: Path):
    server = Server()
    fs = server.over(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).write_text("x")
    marks = [("status", f"{tmp_path}/{name}", fs.mark("status", f"{tmp_path}/{name}")) for name in ("one", "two")]
    assert fs.moved([*marks, *marks]) == []
    assert server.questions() == [str(tmp_path), f"{tmp_path}/one", f"{tmp_path}/two"]
    server.now_s += 5.0
    assert fs.moved(marks) == []
    assert server.questions() == [str(tmp_path), f"{tmp_path}/one", f"{tmp_path}/two"]


@pytest.mark.parametrize("question", ["stat", "exists", "link", "names"])
def test_every_question_asks_also_about_what_is_not_there(tmp_path: Path, question: str):
    server = Server()
    getattr(server.over(tmp_path), question)(f"{tmp_path}/no/file")
    assert server.questions() == [str(tmp_path), f"{tmp_path}/no", f"{tmp_path}/no/file"]


def test_a_link_into_a_mount_is_followed_and_what_is_elsewhere_is_asked_of_nobody(tmp_path: Path):
    server = Server()
    (tmp_path / "mount/data").mkdir(parents=True)
    (tmp_path / "link").symlink_to("mount/data")
    fs = server.over(tmp_path / "mount")
    fs.stat(f"{tmp_path}/elsewhere")
    assert server.questions() == []
    fs.stat(f"{tmp_path}/link/file")
    assert server.questions() == [f"{tmp_path}/mount", f"{tmp_path}/mount/data", f"{tmp_path}/mount/data/file"]


def test_what_need_not_be_durable_is_asked_for_alike(tmp_path: Path):
    server = Server()
    server.over(tmp_path).fleeting().stat(f"{tmp_path}/file")
    assert server.questions() == [str(tmp_path), f"{tmp_path}/file"]


def test_the_kernel_is_asked_for_real_and_changes_nothing_of_the_answer(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    real, asking = DiskFileSystem(), NetworkFileSystem((f"{tmp_path}/",))
    for name in ("file", "missing", "nul\0"):
        assert asking.stat(f"{tmp_path}/{name}") == real.stat(f"{tmp_path}/{name}")
    assert asking.mark("status", f"{tmp_path}/file") == real.mark("status", f"{tmp_path}/file")
    assert isinstance(disk(), DiskFileSystem)


def test_only_what_is_below_a_mount_is_shared_links_followed(tmp_path: Path):
    (tmp_path / "mount").mkdir()
    (tmp_path / "link").symlink_to("mount")
    fs = Server().over(tmp_path / "mount")
    assert [fs.is_shared(f"{tmp_path}/{name}") for name in ("mount", "mount/file", "link/file", "mounted")] == [True, True, True, False]
    assert not DiskFileSystem().is_shared(str(tmp_path))


def test_an_index_that_machines_share_has_no_log_that_needs_shared_memory(tmp_path: Path):
    path = str(tmp_path / "index")
    Index(path).close()
    index = Index(path, is_shared=True)  # also one that was in the other mode
    index.own({"out": "d1"})
    index.flush()
    assert Index(path, reading_only=True, is_shared=True).owned() == {"out": "d1"}
    index.own({"out": "d2"})
    assert {name.name for name in tmp_path.iterdir()} == {"index"}
    index.close()
    assert Index(path).owned() == {"out": "d2"}
