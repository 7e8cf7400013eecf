"""Files stamped by another clock than ours: what was written again unnoticed is noticed all the same, however far the clocks are apart."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.filesystem import SystemClock
from paperbuild.engine.index import COARSE_STEP_NS, Index
from paperbuild.engine.noting import NotingFileSystem
from paperbuild.engine.observation import Observer
from paperbuild.engine.ports import Stat
from paperbuild.engine.stamping import UNKNOWN_NS, Stamping, foreign, measured
from tests.engine.test_checkpoints import killed, training
from tests.engine.world import ROOT, World, command

HOUR_NS = 3_600_000_000_000
MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
29 27 0:23 / /dev/shm rw,relatime shared:3 - tmpfs tmpfs rw,size=24684092k
31 27 0:40 / /home rw,relatime shared:9 master:4 - nfs4 server:/home rw,vers=4.2
32 27 0:41 /sub /mnt/with\\040space rw,relatime - fuse.sshfs me@there:/ rw
33 27 0:42 / /btrfs rw,relatime - btrfs /dev/sdb rw
34 27 8:17 / /media/stick rw,relatime - fuseblk /dev/sdb1 rw
damaged
"""


def test_file_servers_have_a_clock_of_their_own_and_disks_have_ours():
    assert foreign(MOUNTS) == {os.makedev(0, 40), os.makedev(0, 41)}
    assert foreign("") == frozenset()


@pytest.mark.parametrize("ahead_ns", [0, HOUR_NS, -HOUR_NS])
def test_a_file_that_is_written_tells_the_time_of_its_file_system(tmp_path: Path, ahead_ns: int):
    (lag_ns,) = measured(str(tmp_path / "clock"), lambda: time.time_ns() + ahead_ns).values()
    assert ahead_ns <= lag_ns < ahead_ns + 5_000_000_000
    assert measured(str(tmp_path / "nowhere/clock"), time.time_ns) == {}


def test_a_clock_is_asked_again_after_a_minute_and_one_that_nobody_can_ask_is_not_relied_on(tmp_path: Path):
    moment_s, ahead_ns = 0.0, HOUR_NS
    device = os.stat(tmp_path).st_dev
    mounts = f"{MOUNTS}35 27 0:{os.minor(device)} / /x rw - nfs4 server:/x rw\n"
    stamping = Stamping(str(tmp_path), lambda: time.time_ns() + ahead_ns, lambda: moment_s, mounts)
    if os.major(device):
        stamping._foreign |= {device}  # a disk of this machine stands in for a server
    assert stamping.lag_ns(device) // HOUR_NS == 1
    ahead_ns = 2 * HOUR_NS
    assert stamping.lag_ns(device) // HOUR_NS == 1
    moment_s = 61.0
    assert stamping.lag_ns(device) // HOUR_NS == 2
    assert stamping.lag_ns(os.makedev(0, 40)) == UNKNOWN_NS
    assert stamping.lag_ns(os.makedev(0, 21)) == 0
    assert Stamping("", time.time_ns, lambda: 0.0, MOUNTS).lag_ns(os.makedev(0, 40)) == UNKNOWN_NS


def test_nobody_writes_anything_to_learn_the_time_of_a_disk(tmp_path: Path):
    assert SystemClock(str(tmp_path)).lag_ns(os.makedev(254, 0)) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=[0, HOUR_NS, -HOUR_NS], ids=["as ours", "behind", "ahead"])
def world(request: pytest.FixtureRequest) -> World:
    """A project on a file system with a clock that is so far from ours."""
    world = World()
    world.clock.ahead = request.param
    return world


def rewritten(world: World, path: str, text: str) -> None:
    """Write to the file at ``path`` once more, within the tick of the clock in which it was written last."""
    world.fs.nodes[f"{ROOT}/{path}"].data = text.encode()


def young(world: World, path: str, after_ns: int = 0) -> None:
    """Let the file at ``path`` be one that was written just now."""
    node = world.fs.nodes[f"{ROOT}/{path}"]
    node.mtime = node.ctime = world.clock.now + after_ns


def test_a_file_that_is_written_again_in_the_moment_in_which_it_was_hashed_is_hashed_again(world: World):
    world.write(a="1")
    observer = Observer(ROOT, NotingFileSystem(world.fs), world.index, world.clock, world.environment)
    young(world, "a")
    assert observer.file_digest("a") == digest_bytes(b"1")
    rewritten(world, "a", "2")
    assert observer.file_digest("a") == digest_bytes(b"2")
    world.clock.tick()
    assert observer.file_digest("a") == digest_bytes(b"2")
    stat = world.fs.stat(f"{ROOT}/a")
    assert stat is not None
    assert world.index.digest(f"{ROOT}/a", stat) == digest_bytes(b"2")  # that was the last time


def test_a_build_notices_what_was_written_again_in_the_moment_in_which_it_looked(world: World):
    world.write(a="1").targets(command("t", "cat a to out", "out", "a")).build().ran("t")
    young(world, "a", 10_000_000_000)  # when the next build begins
    world.build().ran_nothing()
    rewritten(world, "a", "2")
    world.build().ran("t").succeeded()
    assert world.content("out") == "2"


def test_a_build_that_has_nothing_to_do_need_not_look_twice(world: World):
    world.write(a="1").targets(command("t", "cat a to out", "out", "a")).build().build().ran_nothing()
    hashed: list[str] = []
    digest = world.fs.digest
    world.fs.digest = lambda path: hashed.append(path) or digest(path)  # type: ignore[func-returns-value, method-assign]
    world.build().ran_nothing()
    assert hashed == []


@pytest.mark.parametrize("ahead_ns", [HOUR_NS, -HOUR_NS])
def test_a_checkpoint_is_not_gone_on_from_where_what_it_rests_on_changed_by_the_clock_of_the_server(ahead_ns: int):
    world = training("deadly 1")
    world.clock.ahead = ahead_ns
    killed(world).write(script="s2").build().succeeded()
    assert world.content("y") == "s2"
    if World.is_watched:
        assert world.content("x") == "anew"
    world = training("deadly 1")
    world.clock.ahead = ahead_ns
    assert killed(world).build().ran("t").succeeded().content("x") == "half"


def test_a_file_hashed_once_more_much_later_is_known_whatever_its_clock_says():
    index = Index(":memory:")
    when = 1_700_000_000_123_456_789
    stat = Stat(is_folder=False, size=3, mtime_ns=when + HOUR_NS, ctime_ns=when + HOUR_NS, inode=5, device=1)
    index.note_digest("/a", stat, when, "d")
    index.note_digest("/a", stat, when + COARSE_STEP_NS, "d")
    assert index.digest("/a", stat) is None
    index.note_digest("/a", stat, when + 2 * COARSE_STEP_NS + 1, "d")
    assert index.digest("/a", stat) == "d"
    index.note_digest("/a", replace(stat, ctime_ns=when + HOUR_NS + 1), when + 9 * COARSE_STEP_NS, "e")
    assert index.digest("/a", replace(stat, ctime_ns=when + HOUR_NS + 1)) is None
