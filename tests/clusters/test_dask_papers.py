"""Papers whose sweeps run on a real Dask with two workers, from the command line: nothing runs twice unseen, and the paper is right."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.clusters.dask_servers import Dask

CELLS = 40
MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[executor.lab]
kind = "dask"
scheduler = "{address}"
{more}

[target.cell]
run = "sh cell.sh {{n}} out/{{n}}.json"
outputs = ["out/{{n}}.json"]
matrix = {{ n = {numbers} }}
retries = {retries}
"""
PAPER = '---\ntitle: Sweep\n---\n\nThe sum is []{{val="sum(cell.square):d"}}.\n'
CELL = """\
echo $1 >> {ran}
while [ -e {slow} ]; do sleep 0.1; done
read add < add.txt
echo "{{\\"square\\": $(( $1 * $1 + add ))}}" > $2
"""


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    servers = Dask(tmp_path_factory.mktemp("dask"))
    yield servers
    servers.stop()


@pytest.fixture
def two(dask: Dask) -> Dask:
    for name in ("one", "two"):
        if name not in dask.workers:
            dask.add_worker(name)
    dask.await_workers(2)
    return dask


class Project:
    """A paper with a sweep; what a cell did is counted outside of it."""

    def __init__(self, folder: Path, address: str, *, cells: int = CELLS, retries: int = 0, more: str = "") -> None:
        self.root = folder / "paper"
        self.ran = folder / "ran"
        self.slow = folder / "slow"
        self.root.mkdir()
        numbers = list(range(cells))
        self._manifest = MANIFEST.format(address=address, numbers=numbers, retries=retries, more=more)
        (self.root / "paperbuild.toml").write_text(self._manifest)
        (self.root / "paper.md").write_text(PAPER.format())
        (self.root / "cell.sh").write_text(CELL.format(ran=self.ran, slow=self.slow))
        (self.root / "add.txt").write_text("0\n")

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "paperbuild", *words],
            cwd=self.root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "PAPERBUILD_KEY": "", "PAPERBUILD_REMOTE": ""},
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said.decode()

    def runs(self) -> list[int]:
        return sorted(map(int, self.ran.read_text().split())) if self.ran.exists() else []

    def ends(self) -> int:
        """Return how many of those that are away were ended and not taken yet: here by the death of their worker."""
        return len([*(self.root / ".paperbuild" / "sent").glob("*/ended.json")])

    def shown(self) -> int:
        found = re.search(r"The sum is\D*?(\d+)", re.sub(r"<[^>]+>", "", (self.root / "_build" / "paper.html").read_text()))
        assert found
        return int(found[1])

    def records(self) -> set[tuple[str, str, str]]:
        """Return (key, path, digest) of each artifact of the sweep in the store."""
        found = set()
        for file in (self.root / ".paperbuild" / "records").rglob("*.json"):
            record = msgspec.json.decode(file.read_bytes().partition(b"\n")[2])
            found.update((record["key"], one["path"], one["digest"]) for one in record["artifacts"] if record["target"] == "cell")
        return found


def _wait(holds: Callable[[], object], limit_s: float = 60) -> None:
    deadline_s = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline_s, "it did not come to that in time"
        time.sleep(0.05)


def _wait_for_two(project: Project) -> None:
    """Wait until both workers are held up by a cell."""
    before = -1
    while before != len(project.runs()) or project.ends():
        before = len(project.runs())
        time.sleep(1)


@pytest.mark.parametrize("cells", [12, pytest.param(CELLS, marks=pytest.mark.slow)])
def test_a_worker_that_is_killed_midway_loses_its_cell_and_no_other_runs_twice(two: Dask, tmp_path: Path, cells: int) -> None:
    project = Project(tmp_path, two.address, cells=cells)
    process = project.start("render", "--on", "lab", "--keep-going")
    _wait(lambda: len(project.runs()) >= 6)
    project.slow.touch()
    _wait_for_two(project)
    two.kill("two")
    _wait(lambda: project.ends() > 0)
    project.slow.unlink()
    said = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 1, said
    assert len(re.findall(r"error\[PB707\]: cell\[n=\d+\] was lost on lab: the worker tcp:\S+ died while it ran", said)) == 1, said
    assert project.runs() == list(range(cells))
    two.add_worker("two")
    code, said = project.run("render", "--on", "lab")
    assert code == 0, said
    runs = project.runs()
    assert len(runs) == cells + 1
    assert project.shown() == sum(n * n for n in range(cells))
    assert project.run("render")[0] == 0  # where it ran is in no key: nothing is to be done here
    assert project.runs() == runs


@pytest.mark.slow
def test_a_lost_cell_is_tried_again_as_often_as_its_retries_say(two: Dask, tmp_path: Path) -> None:
    project = Project(tmp_path, two.address, cells=6, retries=1)
    project.slow.touch()
    process = project.start("render", "--on", "lab")
    _wait(lambda: len(project.runs()) == 2)
    two.kill("one")
    _wait(lambda: project.ends() > 0)
    project.slow.unlink()
    said = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, said
    assert len(project.runs()) == 7, said
    assert project.shown() == sum(n * n for n in range(6))


@pytest.mark.slow
def test_the_same_key_gives_the_same_result_as_here(two: Dask, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    away, local = Project(there, two.address, cells=3), Project(here, two.address, cells=3)
    (local.root / "cell.sh").write_text((away.root / "cell.sh").read_text())
    assert away.run("run", "--on", "lab")[0] == 0
    assert local.run("run")[0] == 0
    assert away.records() == local.records()
    assert len(away.records()) == 3


@pytest.mark.slow
def test_a_build_that_was_killed_is_taken_up_where_it_was(two: Dask, tmp_path: Path) -> None:
    project = Project(tmp_path, two.address, cells=12)
    project.slow.touch()
    process = project.start("render", "--on", "lab")
    _wait(lambda: len(project.runs()) == 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    project.slow.unlink()
    code, said = project.run("render", "--on", "lab")
    assert code == 0, said
    assert project.runs() == list(range(12))
    assert project.shown() == sum(n * n for n in range(12))


@pytest.mark.slow
def test_without_a_shared_folder_files_go_along_and_results_come_back(two: Dask, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    project = Project(tmp_path, two.address, cells=4, more=f'files = "store"\n\n[store]\nremote = "file://{store}"')
    subprocess.run(["git", "init", "-q", str(project.root)], check=True)
    (project.root / ".gitignore").write_text("add.txt\nout/\n_build/\n")
    (project.root / "add.txt").write_text("1\n")
    code, said = project.run("render", "--on", "lab")
    assert code == 0, said
    assert project.shown() == sum(n * n + 1 for n in range(4))
    assert len(project.runs()) == 8, said  # each began once more when it wanted what was not sent
    before = project.runs()
    assert project.run("render")[0] == 0
    assert project.runs() == before
    (project.root / "add.txt").write_text("2\n")
    assert project.run("render", "--on", "lab")[0] == 0
    assert len(project.runs()) == len(before) + 4  # now it is known that it is read
    assert project.shown() == sum(n * n + 2 for n in range(4))


@pytest.mark.slow
def test_without_a_shared_folder_a_killed_worker_and_a_killed_build_lose_what_they_must(two: Dask, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    project = Project(tmp_path, two.address, cells=8, more=f'files = "store"\n\n[store]\nremote = "file://{store}"')
    project.slow.touch()
    process = project.start("run", "--on", "lab", "--keep-going")
    _wait(lambda: len(project.runs()) == 2)
    two.kill("one")
    _wait(lambda: [*store.glob("parcels/*/haul")] or project.ends())  # what its worker ran has ended
    project.slow.unlink()
    said = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 1, said
    assert len(re.findall(r"error\[PB707\]: cell\[n=\d+\] was lost on lab", said)) == 1, said
    assert project.runs() == list(range(8))
    two.add_worker("one")
    project.slow.touch()
    (project.root / "add.txt").write_text("1\n")
    process = project.start("run", "--on", "lab")
    _wait(lambda: len(project.runs()) == 10)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    project.slow.unlink()
    code, said = project.run("render", "--on", "lab")
    assert code == 0, said
    assert len(project.runs()) == 16
    assert project.shown() == sum(n * n + 1 for n in range(8))
