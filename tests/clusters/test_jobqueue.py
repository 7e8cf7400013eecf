"""A cluster of dask-jobqueue that is made for the build: its workers are jobs of a real Slurm, and end with the build."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from paperbuild.clusters.dask_making import Lab, made_cluster
from paperbuild.errors import BuildError
from tests.clusters.slurm_server import SlurmServer
from tests.clusters.test_slurm import Paper

MANIFEST = """\
[target.cell]
run = "echo $SLURM_JOB_ID >> ../JOBS; cat in > out-{n}"
outputs = ["out-{n}"]
matrix = { n = [1, 2, 3, 4] }
on = "queue"

[executor.queue]
kind = "dask"
cluster = "dask_jobqueue.SLURMCluster"

[executor.queue.arguments]
cores = 1
memory = "1 GB"
walltime = "00:30:00"
n_workers = 2
log_directory = ".paperbuild/workers"
scheduler_options = { dashboard_address = ":0" }
"""


@pytest.fixture
def paper(tmp_path: Path, slurm: SlurmServer) -> Paper:
    folder = tmp_path.resolve() / "paper"
    folder.mkdir()
    paper = Paper(folder, slurm)
    paper.write({"paperbuild.toml": MANIFEST, "in": "x"})
    return paper


def _left(paper: Paper) -> str:
    """What Slurm has yet of the workers of this project."""
    listed = paper.server.run("squeue", "--noheader", "--format=%T %Z").splitlines()
    return "\n".join(line for line in listed if line.endswith(f" {paper.folder}") and not line.startswith("COMPLETING"))


@pytest.mark.slow
def test_cells_run_in_jobs_of_a_queue_that_end_with_the_build_and_leave_nothing_in_the_project(paper: Paper) -> None:
    assert "4 ran" in paper.run("run")
    assert [(paper.folder / f"out-{n}").read_text() for n in (1, 2, 3, 4)] == ["x"] * 4
    assert set((paper.folder.parent / "JOBS").read_text().split()) <= {*_numbers(paper)}
    assert _left(paper) == ""
    outputs = [f"out-{n}" for n in (1, 2, 3, 4)]
    assert sorted(path.name for path in paper.folder.iterdir()) == [".paperbuild", "in", *outputs, "paperbuild.toml"]
    assert "0 ran, 4 up to date" in paper.run("run")


def _numbers(paper: Paper) -> list[str]:
    listed = paper.server.run("squeue", "--states=all", "--noheader", "--format=%A %Z").splitlines()
    return [line.split()[0] for line in listed if line.endswith(f" {paper.folder}")]


@pytest.mark.slow
def test_a_queue_that_refuses_the_workers_is_told_at_once(paper: Paper) -> None:
    paper.write({"paperbuild.toml": MANIFEST + 'queue = "nowhere"\n'})
    said = paper.run("run", status=1)
    assert "error[PB737]: the cluster dask_jobqueue.SLURMCluster of the executor queue could start no worker" in said
    assert "sbatch: error: invalid partition specified: nowhere" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_who_interrupts_a_build_whose_workers_wait_in_the_queue_need_not_wait_and_leaves_none_there(paper: Paper) -> None:
    paper.write({"paperbuild.toml": MANIFEST + 'job_extra_directives = ["--begin=now+1hour"]\n'})
    process = paper.start("run")
    deadline_s = time.monotonic() + 60
    while _left(paper).count("PENDING") < 2:
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "PB404" in said
    assert _left(paper) == ""


def test_what_is_imported_for_a_cluster_takes_no_signals_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greedy_cluster.py").write_text(
        "import signal\nsignal.signal(signal.SIGINT, print)\nclass Made: scheduler_address = 'tcp://x'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    before, made = signal.getsignal(signal.SIGINT), []
    thread = threading.Thread(target=lambda: made.append(made_cluster(Lab("lab", cluster="greedy_cluster.Made"), threading.Event())))
    thread.start()
    thread.join(20)
    assert made[0].scheduler_address == "tcp://x"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_cluster_that_takes_for_ever_to_be_made_is_waited_for_no_longer_than_anybody_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "endless_cluster.py").write_text("import threading\nclass Made:\n    def __init__(self): threading.Event().wait(60)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    halted = threading.Event()
    threading.Timer(0.3, halted.set).start()
    with pytest.raises(BuildError) as caught:
        made_cluster(Lab("lab", cluster="endless_cluster.Made"), halted)
    assert caught.value.diagnostics[0].notes == ("nobody waits for it any more",)
