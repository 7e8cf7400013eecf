"""A paper whose sweep runs on a real Slurm that does not see the project's folder: files travel by the store."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.clusters.slurm_server import SlurmServer
from tests.clusters.test_slurm import Paper, until

MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.cell]
run = "sh cell.sh {n}"
outputs = ["build/cell-{n}.json"]
on = "cluster"
matrix = { n = [1, 2, 3] }

[executor.cluster]
kind = "slurm"
files = "store"
"""
CELL = "pwd >> PLACES\nread add < data/add.txt\necho '{\"square\": '$(($1 * $1 + add))'}' > build/cell-$1.json\n"


@pytest.fixture
def paper(tmp_path: Path, slurm: SlurmServer) -> Paper:
    folder = tmp_path.resolve() / "paper"
    folder.mkdir()
    paper = Paper(folder, slurm)
    paper.environment |= {"PAPERBUILD_KEY": "", "PAPERBUILD_REMOTE": ""}
    (tmp_path / "store").mkdir()
    places = tmp_path.resolve() / "places"
    paper.write(
        {
            "paperbuild.toml": MANIFEST + f'\n[store]\nremote = "file://{tmp_path.resolve()}/store"\n',
            "paper.md": 'The sum is []{val="sum(cell.square):d"}.\n',
            "cell.sh": CELL.replace("PLACES", str(places)),
            "data/add.txt": "1\n",
            ".gitignore": "data/\nbuild/\n_build/\n",
        }
    )
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return paper


@pytest.mark.slow
def test_cells_run_in_private_copies_and_what_they_made_comes_back(paper: Paper, tmp_path: Path) -> None:
    paper.run("render")
    page = (paper.folder / "_build" / "paper.html").read_text()
    assert ">17<" in page
    places = (tmp_path / "places").read_text().split()
    assert len(places) == 6  # each began once more when it turned out to need what git ignores
    assert not any(place.startswith(str(paper.folder)) for place in places)
    paper.run("render")
    (paper.folder / "data" / "add.txt").write_text("2\n")
    paper.run("render")
    assert ">20<" in (paper.folder / "_build" / "paper.html").read_text()
    assert len((tmp_path / "places").read_text().split()) == 9  # now it is known beforehand


def test_without_a_shared_store_one_error_says_so(paper: Paper) -> None:
    paper.write({"paperbuild.toml": MANIFEST})
    said = paper.run("run", status=1)
    assert "error[PB741]: files of the executor cluster travel by the shared store, and there is none" in said


@pytest.mark.slow
def test_who_asks_is_told_what_slurm_calls_it_and_who_builds_after_a_kill_takes_it_up(paper: Paper) -> None:
    hold = paper.folder.parent / "HOLD"
    cell = (paper.folder / "cell.sh").read_text()
    paper.write({"cell.sh": f"while [ -e {hold} ]; do sleep 0.05; done\n{cell}", "../HOLD": ""})
    first = paper.start("render")
    places = paper.folder.parent / "places"
    until(lambda: [*(paper.folder / ".paperbuild/sent").glob("*/called")], first)
    first.kill()
    first.communicate()
    assert re.search(r"^cell\[n=1\] is with cluster, as \d+_\d+$", paper.run("explain", "cell[n=1]"), re.MULTILINE)
    hold.unlink()
    paper.run("render")
    assert ">17<" in (paper.folder / "_build" / "paper.html").read_text()
    assert len(places.read_text().split()) == 6
    assert not [*(paper.folder / ".paperbuild/sent").glob("*")]
