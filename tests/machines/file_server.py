"""A project on NFS that two machines use. Run in a virtual machine of its own: ``make test-nfs``; it starts a server there, as root.

Both clients are this machine. They are two all the same: by other versions of the protocol they have other names, connections and memories,
and the server takes back from one what it has lent to it (a delegation) where the other one writes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paperbuild.sharing.files import Files

EXPORT, HERE, THERE = Path("/export"), Path("/clients/here"), Path("/clients/there")
SLOW = 30
"""How many times as long an emulated processor may take."""

MANIFEST = """
[store]
path = "../store"
[target.t]
run = "cat data.txt > out.txt; sleep 0.2; cat data.txt >> out.txt"
outputs = ["out.txt"]
[target.u]
run = "mkdir model; ls in > model/list; cat opt.txt >> model/list 2>/dev/null; cat out.txt >> model/list"
outputs = ["model/"]
"""


def sh(line: str) -> None:
    subprocess.run(line, shell=True, check=True)


@pytest.fixture(scope="session", autouse=True)
def server() -> Iterator[None]:
    sh("modprobe nfsd; modprobe nfsv4; mkdir -p /proc/fs/nfsd /var/lib/nfs/v4recovery /var/lib/nfs/rpc_pipefs /var/lib/nfs/sm")
    sh("mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd; touch /var/lib/nfs/etab /var/lib/nfs/rmtab")
    sh(f"mkdir -p {EXPORT} {HERE} {THERE}")
    Path("/etc/exports").write_text(f"{EXPORT} 127.0.0.1(rw,sync,no_root_squash,no_subtree_check,fsid=0,insecure)\n", encoding="utf-8")
    sh("echo 10 > /proc/fs/nfsd/nfsv4leasetime; echo 10 > /proc/fs/nfsd/nfsv4gracetime")
    sh("rpcbind -w; exportfs -ra; rpc.nfsd 4; rpc.mountd")
    for place, version in ((HERE, "4.2"), (THERE, "4.1")):
        sh(f"mount -t nfs4 -o vers={version},nosharecache 127.0.0.1:/ {place}")
    yield
    sh(f"umount -l {HERE} {THERE}; rpc.nfsd 0")


@pytest.fixture(params=["lends files", "lends nothing"])
def folder(request: pytest.FixtureRequest) -> str:
    """Return the name of a fresh folder on the server, which lends files to clients (delegations) or does not."""
    Path("/proc/sys/fs/leases-enable").write_text(str(int(request.param == "lends files")))
    name = f"{request.node.originalname}-{request.param.replace(' ', '-')}"
    shutil.rmtree(HERE / name, ignore_errors=True)
    for project in ("p", "q"):
        (HERE / name / project / "in").mkdir(parents=True)
        (HERE / name / project / "in/one").write_text("")
        (HERE / name / project / "paperbuild.toml").write_text(MANIFEST)
        (HERE / name / project / "data.txt").write_text("v1\n")
    return name


def begun(place: Path, *words: str) -> subprocess.Popen[str]:
    words = ("paperbuild", "-C", str(place), *words)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def ended(process: subprocess.Popen[str], status: int = 0) -> str:
    said, _ = process.communicate(timeout=20 * SLOW)
    assert process.returncode == status, said
    assert "Traceback" not in said, said
    return said


def built(place: Path) -> str:
    return ended(begun(place, "run"))


def waited_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5 * SLOW
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_is_edited_at_the_other_machine_counts_at_once(folder: str):
    here, there = HERE / folder / "p", THERE / folder / "p"
    assert "2 ran" in built(here)
    time.sleep(4)  # now this client would believe what it remembers
    assert "2 up to date" in built(here)
    (there / "data.txt").write_text("v2\n")  # of the same size
    assert "data.txt changed" in built(here)
    assert (here / "out.txt").read_text() == "v2\nv2\n"
    (there / "opt.txt").write_text("optional\n")
    assert "opt.txt appeared" in built(here)
    (there / "in/two").write_text("")
    assert "two" in built(here)
    (there / "new").write_text("v3\n")
    os.replace(there / "new", there / "data.txt")
    (there / "opt.txt").unlink()
    assert "2 ran" in built(here)
    assert (here / "model/list").read_text() == "one\ntwo\nv3\nv3\n"
    assert "2 up to date" in built(there)
    (here / "data.txt").write_text("v4\n")
    assert "data.txt changed" in built(there)
    assert (here / "out.txt").read_text() == "v4\nv4\n"
    assert "2 up to date" in built(here)


def test_of_two_builds_of_one_project_the_second_waits(folder: str):
    here, there = HERE / folder / "p", THERE / folder / "p"
    first = begun(here, "run")
    second = begun(there, "run")
    said = sorted((ended(first), ended(second)), key=lambda text: "2 ran" in text)
    assert "2 up to date" in said[0]
    assert "2 ran" in said[1]
    assert (there / "model/list").read_text() == "one\nv1\nv1\n"


def test_two_projects_with_one_store_run_each_command_once(folder: str):
    first, second = begun(HERE / folder / "p", "run"), begun(THERE / folder / "q", "run")
    said = ended(first) + ended(second)
    assert said.count("ran t in") == said.count("ran u in") == 1
    assert (HERE / folder / "p/model/list").read_text() == (HERE / folder / "q/model/list").read_text() == "one\nv1\nv1\n"
    ended(begun(HERE / folder / "p", "cache", "verify"))


def test_a_build_that_is_killed_is_taken_up_at_the_other_machine(folder: str):
    here, there = HERE / folder / "p", THERE / folder / "p"
    built(here)
    manifest = MANIFEST.replace("sleep 0.2", "sleep 7")
    (here / "paperbuild.toml").write_text(manifest)
    killed = begun(here, "run")
    waited_for(lambda: (EXPORT / folder / "p/out.txt").exists() and (EXPORT / folder / "p/out.txt").read_text() == "v1\n")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert "ran t" in built(there)
    assert (there / "out.txt").read_text() == "v1\nv1\n"
    assert "2 up to date" in built(here)


def test_collecting_at_one_machine_takes_nothing_from_a_build_at_the_other(folder: str):
    here, there = HERE / folder / "p", THERE / folder / "q"
    build = begun(here, "run")
    collected = []
    while build.poll() is None:
        collected.append(ended(begun(there, "cache", "gc", "--older", "0d")))
    ended(build)
    assert collected
    assert "2 up to date" in built(here)
    ended(begun(here, "cache", "verify"))


def test_an_output_that_somebody_has_open_is_replaced(folder: str):
    here = HERE / folder / "p"
    built(here)
    with open(here / "model/list", encoding="utf-8") as held, open(here / "out.txt", encoding="utf-8") as other:
        (here / "data.txt").write_text("v2\n")
        assert "2 ran" in built(here)
        assert "2 up to date" in built(here)
        assert held.read() == "one\nv1\nv1\n"
        assert other.read() == "v1\nv1\n"
    assert sorted(path.name for path in (here / "model").iterdir()) == ["list"]
    assert "2 up to date" in built(here)


def test_a_server_that_is_away_for_a_while_is_waited_for(folder: str):
    here = HERE / folder / "p"
    build = begun(here, "run")
    waited_for((EXPORT / folder / "p/out.txt").exists)
    sh("rpc.nfsd 0")
    time.sleep(15)
    sh("rpc.nfsd 4")
    assert "2 ran" in ended(build)
    assert (here / "model/list").read_text() == "one\nv1\nv1\n"
    assert "2 up to date" in built(here)


def test_a_full_server_gives_an_error_that_says_so_and_nothing_is_wrong_afterwards():
    small, there = EXPORT / "small", Path("/clients/small")  # below the server's root, which is what clients can name
    sh(f"mkdir -p {small} {there} && mount -t tmpfs -o size=8m small {small}")
    sh(f"exportfs -o rw,sync,no_root_squash,no_subtree_check,fsid=7,insecure 127.0.0.1:{small}")
    sh(f"mount -t nfs4 -o vers=4.2 127.0.0.1:/small {there}")
    try:
        manifest = '[target.t]\nrun = "head -c SIZE /dev/zero > big"\noutputs = ["big"]\n'
        for size, code in ((12_000_000, "PB440"), (5_000_000, "PB406")):  # more than there is; so much that the store has no room for it
            (there / "paperbuild.toml").write_text(manifest.replace("SIZE", str(size)))
            assert f"error[{code}]" in ended(begun(there, "run"), 1)
        (there / "paperbuild.toml").write_text(manifest.replace("SIZE", "1000"))
        assert "1 ran" in built(there)
        assert (there / "big").stat().st_size == 1000
        assert "1 up to date" in built(there)
    finally:
        sh(f"umount -l {there}; exportfs -u 127.0.0.1:{small}; umount -l {small}")


def test_a_project_that_is_taken_away_on_the_server_gives_an_error_that_says_so(folder: str):
    here = HERE / folder / "p"
    build = begun(here, "run")
    waited_for((EXPORT / folder / "p/out.txt").exists)
    shutil.rmtree(EXPORT / folder / "p")
    said = ended(build, 1)
    assert "error[PB" in said


def test_of_two_machines_that_write_one_name_of_a_shared_store_the_later_one_is_told(folder: str):
    here, there = Files(str(HERE / folder)), Files(str(THERE / folder))
    assert here.put("index/a", b"1", over="")
    first = here.read("index/a", 9)
    assert first is not None
    assert here.read("index/b", 9) is None
    time.sleep(4)
    assert not os.path.exists(HERE / folder / "index/b")
    os.stat(HERE / folder / "index/a")  # what is remembered
    assert there.put("index/a", b"2", over=first.version)
    assert there.put("index/b", b"2", over="")
    assert not here.put("index/a", b"3", over=first.version)
    assert not here.put("index/b", b"3", over="")
    assert (EXPORT / folder / "index/a").read_bytes() == (EXPORT / folder / "index/b").read_bytes() == b"2"
