"""Builds of several work trees on one store, while results are removed from it: nobody gets a wrong result, or none."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.engine.auditing import audit
from paperbuild.engine.collecting import Policy, collect, spared_since, take_inventory
from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.locks import FileLock
from paperbuild.engine.store import DAY_NS, Store
from paperbuild.engine.trace import dump_record, load_record
from paperbuild.events import Outcome
from tests.engine.disk import Project
from tests.engine.world import command

VALUES = 3
ACTIONS = (
    command("t", "cat a > x", "x", "a"),
    command("folder", "mkdir model && cp x model/w && echo same > model/same", "model/", "x"),
    command("sum", "cat x model/w model/same > sum", "sum", "x model/"),
)
EVERYTHING = 10**20

BUILDER = """
import os, random, shutil, sys
os.fsync = lambda handle: None
from pathlib import Path
from tests.engine.disk import Project
from tests.integration.test_collecting_beside_builds import ACTIONS, VALUES, expected
root, store, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
draw = random.Random(seed)
project = Project(root, ACTIONS, store)
for round_ in range(int(sys.argv[4])):
    value = f"{draw.randrange(VALUES)}\\n"
    project.write({"a": value})
    if draw.random() < 0.5:
        shutil.rmtree(root / "model", ignore_errors=True)
        (root / "sum").unlink(missing_ok=True)
    report = project.build()
    assert report.succeeded, report
    assert project.tree() == expected(value), project.tree()
"""
COLLECTOR = """
import sys, time
from pathlib import Path
from tests.integration.test_collecting_beside_builds import once
stop, store, spare = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
while not stop.exists():
    once(store, spare)
    time.sleep(0.002)
"""


WAITER = """
import sys
from pathlib import Path
from paperbuild.engine.graph import *
from tests.engine.disk import Project
from tests.integration.test_collecting_beside_builds import ACTIONS
report = Project(Path(sys.argv[1]), (*ACTIONS, {waits!r}), sys.argv[2]).build()
sys.exit(not report.succeeded)
"""
HOLDER = """
import sys
from tests.integration.test_collecting_beside_builds import DiskFileSystem, FileLock, Store
with Store(DiskFileSystem(), sys.argv[1]).at_work(FileLock()):
    print("held", flush=True)
    sys.stdin.read()
"""


def expected(value: str) -> dict[str, str]:
    return {"a": value, "x": value, "model": "a folder", "model/w": value, "model/same": "same\n", "sum": value + value + "same\n"}


def once(root: str, spare_ns: int) -> int:
    """Remove what may go; return how many results went."""
    fs = DiskFileSystem()
    store = Store(fs, root)
    spare_ns = spare_ns or spared_since(store, FileLock(), time.time_ns())
    return len(collect(store, fs, Policy(spare_ns, EVERYTHING), take_inventory(store, fs)).records)


def start(code: str, *words: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], env=environment)


def age(store: Path) -> None:
    """Let everything in the store look as if nobody had used it for a hundred days."""
    stamp(store, time.time_ns() - 100 * DAY_NS)


def stamp(store: Path, used_ns: int) -> None:
    for path in store.rglob("*.json"):
        record = load_record(path.read_bytes())
        assert record is not None
        path.write_bytes(dump_record(replace(record, finished_ns=used_ns)))
    for path in (*(store / "blobs").rglob("*"), *(store / "records").rglob("*")):
        if path.is_file():
            os.utime(path, ns=(used_ns, used_ns))


@pytest.fixture(autouse=True)
def no_flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda handle: None)


def filled(tmp_path: Path) -> Path:
    """Return a store with old results for all values."""
    store = tmp_path / "store"
    project = Project(tmp_path / "first", ACTIONS, str(store))
    for value in range(VALUES):
        assert project.write({"a": f"{value}\n"}).build().succeeded
    age(store)
    return store


@pytest.mark.parametrize("spare_ns", [0, EVERYTHING], ids=["what is in use stays", "everything goes at any time"])
def test_builds_beside_a_collection_get_right_results(tmp_path: Path, spare_ns: int):
    store = filled(tmp_path)
    collector = start(COLLECTOR, tmp_path / "stop", store, spare_ns)
    builders = [start(BUILDER, tmp_path / f"tree-{n}", store, n, 6) for n in range(2)]
    codes = [builder.wait(120) for builder in builders]
    (tmp_path / "stop").touch()
    assert (codes, collector.wait(30)) == ([0, 0], 0)
    assert list((store / "builds").iterdir()) == []
    found = audit(Store(DiskFileSystem(), str(store)), DiskFileSystem())
    assert [damage for damage in found.damages if spare_ns == 0 or damage.kind != "lost"] == []
    project = Project(tmp_path / "tree-0", ACTIONS, str(store))
    assert project.build().succeeded
    assert project.build().count(Outcome.RAN) == 0


def test_what_a_build_at_work_has_used_stays_however_long_it_takes(tmp_path: Path):
    store = filled(tmp_path)
    root = tmp_path / "tree"
    waits = command("waits", "until [ -e go ]; do sleep 0.01; done; cat x > y", "y", "x", needs="sum")
    project = Project(root, (*ACTIONS, waits), str(store)).write({"a": "1\n"})
    builder = start(WAITER.format(waits=waits), root, store)
    while not any((root / ".paperbuild/logs/waits").glob("*.log")):
        time.sleep(0.02)
        assert builder.poll() is None
    began_ns = time.time_ns() - 3 * DAY_NS
    (lease,) = (store / "builds").iterdir()
    os.utime(lease, ns=(began_ns, began_ns))  # the build began three days ago, and used its results right away
    used = [path for path in (store / "records").rglob("*.json") if path.stat().st_mtime_ns > began_ns]
    assert len(used) == len(ACTIONS)
    for path in used:
        os.utime(path, ns=(began_ns + 1, began_ns + 1))
    assert once(str(store), 0) == len(ACTIONS) * (VALUES - 1)
    (root / "go").touch()
    assert builder.wait(30) == 0
    assert project.build().count(Outcome.RAN) == 0


def test_a_build_that_was_killed_holds_nothing_back(tmp_path: Path):
    store = filled(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(store)], env=environment, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdin is not None
    with child.stdout, child.stdin:
        assert child.stdout.readline() == b"held\n"
        (lease,) = (store / "builds").iterdir()
        year_ago = time.time() - 365 * 24 * 3600
        os.utime(lease, (year_ago, year_ago))
        assert once(str(store), 0) == 0, "it may be using what is old"
        child.kill()
        child.wait(60)
    assert once(str(store), 0) == 3 * VALUES
    assert list((store / "builds").iterdir()) == []
