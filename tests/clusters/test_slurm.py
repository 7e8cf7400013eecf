"""Papers whose experiments run on a real Slurm, as a user has them made: by the command line, in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from paperbuild.clusters.slurm import Slurm, SlurmSettings
from paperbuild.engine.cluster import Fate, Parcel
from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.graph import Resources
from paperbuild.engine.jobs import Job
from paperbuild.engine.logs import last_line
from tests.clusters.slurm_server import SlurmServer

MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.cell]
run = "sh cell.sh {n}"
inputs = ["cell.sh"]
outputs = ["build/cell-{n}.json"]
on = "cluster"

[target.cell.matrix]
n = [NUMBERS]

[target.total]
run = "sh total.sh"
inputs = ["total.sh"]
needs = ["cell"]
outputs = ["build/total.json"]

[executor.cluster]
kind = "slurm"
"""
CELL = """\
echo $1 >> ../RUNS
while [ -e ../HOLD ] && [ $1 -ge 20 ]; do sleep 0.05; done
echo '{"square": '$(($1 * $1))'}' > build/cell-$1.json
"""
TOTAL = """\
total=0
for file in build/cell-*.json; do n=${file#build/cell-}; n=${n%.json}; total=$((total + n * n)); done
echo '{"all": '$total'}' > build/total.json
"""


PROSE = 'The total is []{val=total.all}, and seven squared []{val="cell.where(n=7).square"}.\n'


HEARS_ALL = (
    "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Starts Python so that it hears when its terminal is lost, also where the tests were started not to."""


class Paper:
    """A project in ``folder``, made by the command line with the Slurm ``server`` around."""

    def __init__(self, folder: Path, server: SlurmServer) -> None:
        self.folder = folder
        self.server = server
        self.processes: list[subprocess.Popen[str]] = []
        self.environment = {**os.environ, **server.environment, "NO_COLOR": "1"}

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HEARS_ALL, "-m", "paperbuild", *words], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def close(self) -> None:
        """End what a test that failed left running."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def run(self, *words: str, status: int = 0) -> str:
        """Run the command, which must end with ``status``; return all that it says."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == status, out + err
        return out + err

    def jobs(self) -> set[str]:
        """Return the numbers of the arrays and jobs of this project that the scheduler has or had."""
        listed = self.server.run("squeue", "--states=all", "--noheader", "--format=%F %Z").splitlines()
        return {line.split()[0] for line in listed if line.split()[1] == str(self.folder)}

    def waiting(self) -> list[str]:
        """Return what has not begun."""
        return self.server.run("squeue", "--states=pending", "--array", "--noheader", "--format=%i").split()

    def runs(self) -> list[str]:
        return sorted((self.folder.parent / "RUNS").read_text().split()) if (self.folder.parent / "RUNS").exists() else []


@pytest.fixture
def paper(tmp_path: Path, slurm: SlurmServer) -> Iterator[Paper]:
    folder = tmp_path.resolve() / "paper"  # what is beside it counts for nothing
    folder.mkdir()
    made = Paper(folder, slurm)
    yield made
    made.close()


def one(command: str, rest: str = "") -> str:
    """Return a manifest of one target that runs ``command`` on the cluster."""
    return f'[target.job]\nrun = "{command}"\ninputs = []\noutputs = ["out"]\non = "cluster"\n{rest}\n[executor.cluster]\nkind = "slurm"\n'


def until(holds: Callable[[], object], process: subprocess.Popen[str], limit_s: float = 30) -> None:
    """Wait until something ``holds`` while ``process`` runs."""
    deadline_s = time.monotonic() + limit_s
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def lives(pid: str) -> bool:
    """Return whether the process ``pid`` runs; one that only waits to be waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_sweep_is_one_array_and_who_builds_after_a_kill_takes_up_what_runs(paper: Paper) -> None:
    numbers = ", ".join(map(str, range(40)))
    paper.write({"paperbuild.toml": MANIFEST.replace("NUMBERS", numbers), "cell.sh": CELL, "total.sh": TOTAL})
    paper.write({"paper.md": PROSE, "../HOLD": ""})
    first = paper.start("render")
    until(lambda: len(paper.runs()) == 40, first)
    until(lambda: len([*(paper.folder / ".paperbuild/sent").glob("*/ended.json")]) <= 20, first)
    assert len(paper.jobs()) == 1
    assert re.search(r"^cell\[n=30\] is with cluster, as \d+_\d+$", paper.run("explain", "cell[n=30]"), re.MULTILINE)
    first.kill()
    first.communicate()
    assert json.loads(paper.run("status", "--json"))
    assert re.search(r"^sent +cell\[.*\] +with cluster, as \d+_\d+$", paper.run("status"), re.MULTILINE)
    (paper.folder.parent / "HOLD").unlink()
    told = paper.run("render")
    assert re.search(r"an earlier build sent \d+ jobs to cluster", told)
    assert paper.runs() == sorted(map(str, range(40)))
    assert len(paper.jobs()) == 1
    text = (paper.folder / "_build/paper.html").read_text(encoding="utf-8")
    assert "The total is" in text
    assert "20540" in re.sub(r"[,\u202f\u00a0 ]", "", text)
    assert not [*(paper.folder / ".paperbuild/sent").glob("*")]
    assert not [*(paper.folder / ".paperbuild/journal").glob("*")]
    assert "40" not in paper.run("render")
    assert paper.runs() == sorted(map(str, range(40)))


@pytest.mark.slow
def test_what_waits_when_its_script_is_edited_is_called_back_and_does_not_run_in_vain(paper: Paper) -> None:
    manifest = MANIFEST.replace("NUMBERS", "20, 21, 22, 23").replace('on = "cluster"', 'on = "cluster"\nresources = { cpu = 24 }')
    paper.write({"paperbuild.toml": manifest, "cell.sh": CELL, "total.sh": TOTAL, "paper.md": "None.\n", "../HOLD": ""})
    first = paper.start("run", "cell")
    until(lambda: len(paper.runs()) == 2, first)  # as many as there is room for
    paper.write({"cell.sh": CELL.replace("echo '{", "echo ' {")})
    until(lambda: len(paper.jobs()) > 1, first)
    (paper.folder.parent / "HOLD").unlink()
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, out + err
    assert sorted(Counter(paper.runs()).values()) == [1, 1, 2, 2]
    assert all((paper.folder / f"build/cell-{n}.json").read_text().startswith(" {") for n in range(20, 24))
    assert "0 ran, 4 up to date" in paper.run("run", "cell")
    assert not [*(paper.folder / ".paperbuild/sent").glob("*")]


def test_a_failing_cell_tells_its_last_words_and_its_exit_status(paper: Paper) -> None:
    paper.write({"paperbuild.toml": one("echo begins; echo no such data >&2; exit 3")})
    told = paper.run("run", status=1)
    assert "job failed with exit status 3" in told
    assert "no such data" in told
    assert "no such data" in paper.run("logs", "job")


def test_after_a_failure_what_waits_does_not_run_and_what_runs_is_finished(paper: Paper) -> None:
    manifest = MANIFEST.replace("NUMBERS", "20, 21, 22, 23").replace('on = "cluster"', 'on = "cluster"\nresources = { cpu = 24 }')
    failing = CELL.replace("while", "mkdir ../FIRST && { until [ -e ../FAIL ]; do sleep 0.05; done; exit 3; }\nwhile")
    paper.write({"paperbuild.toml": manifest, "cell.sh": failing, "total.sh": TOTAL, "paper.md": "None.\n", "../HOLD": ""})
    process = paper.start("run", "cell")
    until(lambda: len(paper.runs()) == 2, process)  # as many as there is room for
    begun = paper.runs()
    paper.write({"../FAIL": ""})
    until(lambda: not paper.waiting(), process)
    (paper.folder.parent / "HOLD").unlink()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert re.search(r"cell\[n=2\d\] failed with exit status 3", err)
    assert "1 ran, 0 reused, 1 failed, 2 cancelled" in err
    assert paper.runs() == begun
    assert not [*(paper.folder / ".paperbuild/sent").glob("*")]
    paper.write({"cell.sh": CELL})
    assert "4 ran" in paper.run("run", "cell")


def test_a_job_over_its_time_limit_is_reported_so(paper: Paper) -> None:
    paper.write({"paperbuild.toml": one("echo begins; sleep 60", 'resources = { time = "1s" }')})
    told = paper.run("run", status=1)
    assert "job took longer than its limit of 1 s" in told


def test_ctrl_c_ends_a_job_with_its_grandchildren(paper: Paper) -> None:
    paper.write({"paperbuild.toml": one("(setsid sh -c 'echo $$ > ../PID; sleep 60' &) ; sleep 60")})
    process = paper.start("run")
    until(lambda: (paper.folder.parent / "PID").exists() and (paper.folder.parent / "PID").read_text(), process)
    pid = (paper.folder.parent / "PID").read_text().strip()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert not lives(pid)
    assert not paper.server.run("squeue", "--noheader", f"--jobs={paper.jobs().pop()}").strip()


def test_what_slurm_refuses_is_one_clear_error_and_other_work_is_kept(paper: Paper) -> None:
    manifest = one("echo x > out", 'resources = { partition = "nope" }')
    manifest += '[target.large]\nrun = "echo x > large"\noutputs = ["large"]\non = "cluster"\nresources = { mem = "1TiB" }\n'
    paper.write({"paperbuild.toml": manifest + '[target.here]\nrun = "echo y > here"\ninputs = []\noutputs = ["here"]\n'})
    told = paper.run("run", "-k", status=1)
    assert "Slurm refuses job: there is no partition nope" in told
    assert "Slurm refuses large: no node gives 1024 GiB of memory" in told
    assert (paper.folder / "here").read_text() == "y\n"
    assert os.listdir(paper.folder / ".paperbuild/sent") == []  # what never went, secrets perhaps, stays nowhere
    paper.run("run", "job", "--on", "local")
    assert (paper.folder / "out").read_text() == "x\n"


def test_why_a_job_waits_is_said_in_words_whatever_nodes_slurm_names_with_it(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", str(paper.server.conf))
    handed_in = ("sbatch", "--parsable", "--hold", "--array=0-0", "--output=/dev/null", "--wrap=true")
    job = paper.server.run(*handed_in).strip()
    cluster = Slurm(SlurmSettings("cluster"))
    assert cluster.look([f"{job}_0"]) == {f"{job}_0": Fate("waiting", "somebody holds it: scontrol release")}
    paper.server.run("scontrol", "update", "nodename=n1", "state=drain", "reason=test")
    try:
        paper.server.run("scontrol", "release", job)
        until_told = time.monotonic() + 20
        while (fate := cluster.look([f"{job}_0"])[f"{job}_0"]).detail != "the nodes for it are down, drained or reserved":
            assert time.monotonic() < until_told, fate
            time.sleep(0.2)
    finally:
        paper.server.run("scancel", job)
        paper.server.run("scontrol", "update", "nodename=n1", "state=resume")


def test_what_somebody_has_set_for_calls_by_hand_hides_no_job(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    handed_in = ("sbatch", "--parsable", "--hold", "--array=0-0", "--output=/dev/null", "--wrap=true")
    job = paper.server.run(*handed_in).strip()
    by_hand = {"SQUEUE_PARTITION": "long", "SQUEUE_NAMES": "mine", "SCANCEL_PARTITION": "long", "SLURM_CONF": str(paper.server.conf)}
    for name, value in by_hand.items():
        monkeypatch.setenv(name, value)
    cluster = Slurm(SlurmSettings("cluster"))
    assert cluster.look([f"{job}_0"])[f"{job}_0"].state == "waiting"
    cluster.cancel([f"{job}_0"])
    assert cluster.look([f"{job}_0"])[f"{job}_0"].state == "gone"


def test_what_a_site_s_own_sbatch_says_besides_is_no_part_of_what_the_job_is_called(
    paper: Paper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    own = tmp_path / "bin/sbatch"
    own.write_text(f'#!/bin/sh\necho "This costs 3 units."\nexec {shutil.which("sbatch")} --hold "$@"\n')
    own.chmod(0o755)
    monkeypatch.setenv("SLURM_CONF", str(paper.server.conf))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    cluster = Slurm(SlurmSettings("cluster"))
    job = Job("job", ":", "/bin/sh", str(tmp_path), (), "", None)
    (handle,) = cluster.submit([Parcel(str(tmp_path), job, Resources(), "")])
    assert cluster.look([handle])[handle].state == "waiting"
    cluster.cancel([handle])
    assert cluster.look([handle])[handle].state == "gone"


@pytest.mark.slow
def test_a_copy_of_the_project_leaves_alone_what_runs_for_the_original_and_a_moved_one_ends_it(paper: Paper) -> None:
    paper.write({"paperbuild.toml": MANIFEST.replace("NUMBERS", "20, 21"), "cell.sh": CELL, "paper.md": "None.\n", "../HOLD": ""})
    first = paper.start("run", "cell")
    until(lambda: len(paper.runs()) == 2, first)
    copy = Paper(paper.folder.parent / "copy", paper.server)
    shutil.copytree(paper.folder, copy.folder, symlinks=True)
    second = copy.start("run", "cell")
    until(lambda: len(paper.runs()) == 4, second)
    second.kill()
    second.communicate()
    moved = Paper(copy.folder.rename(copy.folder.parent / "moved"), paper.server)
    third = moved.start("run", "cell")
    until(lambda: len(paper.runs()) == 6, third)
    (paper.folder.parent / "HOLD").unlink()
    for process in (first, third):
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
    for one in (paper, moved):
        assert (one.folder / "build/cell-21.json").read_text() == '{"square": 441}\n'
        assert "0 ran, 2 up to date" in one.run("run", "cell")
        assert not [*(one.folder / ".paperbuild/sent").glob("*")]
    assert not copy.folder.exists()


@pytest.mark.slow
def test_a_python_that_the_nodes_do_not_have_is_told_with_the_key_that_names_it(paper: Paper) -> None:
    paper.write({"paperbuild.toml": one("echo x > out") + 'python = "/no/such/python"\n'})
    told = paper.run("run", status=1)
    assert "/no/such/python: not found" in told
    assert "help: python in [executor.cluster] names a Python of its machines that has paperbuild" in told


@pytest.mark.slow
def test_a_shell_that_goes_on_when_its_job_is_cancelled_gives_no_result(paper: Paper) -> None:
    line = "echo {n} >> ../RUNS; sleep 60; echo $? > out-{n}"
    cells = one(line, f"matrix = {{ n = {[*range(16)]} }}").replace('"out"', '"out-{n}"')
    paper.write({"paperbuild.toml": cells})
    process = paper.start("run", "-k")
    until(lambda: len(paper.runs()) == 16, process)
    paper.server.run("scancel", *paper.jobs())
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    assert "16 failed" in err
    assert not [*paper.folder.glob("out-*")]


@pytest.mark.slow
def test_a_job_under_another_key_is_cancelled_and_one_that_is_not_wanted_left_alone(paper: Paper) -> None:
    manifest = one("echo $$ >> ../RUNS; echo old > out; while [ -e ../HOLD ]; do sleep 0.05; done", "")
    other = '[target.other]\nrun = "echo y > other"\ninputs = []\noutputs = ["other"]\n'
    paper.write({"paperbuild.toml": manifest + other, "../HOLD": ""})
    first = paper.start("run", "job")
    until(paper.runs, first)
    first.kill()
    first.communicate()
    paper.run("run", "other")
    assert lives(paper.runs()[0])
    paper.write({"paperbuild.toml": one("echo new > out") + other})
    paper.run("run")
    assert not lives(paper.runs()[0])
    assert (paper.folder / "out").read_text() == "new\n"
    assert len(paper.jobs()) == 2


@pytest.mark.slow
def test_cleaning_ends_what_runs(paper: Paper) -> None:
    paper.write({"paperbuild.toml": one("echo $$ >> ../RUNS; echo old > out; sleep 60")})
    first = paper.start("run")
    until(paper.runs, first)
    first.kill()
    first.communicate()
    paper.run("clean")
    assert not lives(paper.runs()[0])
    assert not (paper.folder / "out").exists()


def test_a_lost_terminal_leaves_jobs_to_the_next_build_wherever_that_would_run_them(paper: Paper) -> None:
    waiting = "echo run >> ../RUNS; echo begins; while [ -e ../HOLD ]; do sleep 0.05; done; echo x > out"
    paper.write({"paperbuild.toml": one(waiting).replace('on = "cluster"\n', ""), "../HOLD": ""})
    first = paper.start("run", "--on", "cluster")
    until(paper.runs, first)
    first.send_signal(signal.SIGHUP)
    _, told = first.communicate(timeout=30)
    assert first.returncode == 130
    assert "interrupted; a job elsewhere goes on, and what ran here was ended" in told
    assert "1 job with cluster" in paper.run("status")
    assert "job is with cluster, as" in paper.run("explain", "job")
    log = json.loads(paper.run("logs", "job", "--json"))["logs"][0]
    assert (log["running"], log["end"]) == (True, "begins\n")
    (paper.folder.parent / "HOLD").unlink()
    paper.run("run")
    assert paper.runs() == ["run"]
    assert (paper.folder / "out").read_text() == "x\n"
    assert "with cluster" not in paper.run("status")


@pytest.mark.slow
def test_short_cells_share_a_job_that_asks_for_the_time_of_one_and_each_is_held_to_what_it_declares(paper: Paper) -> None:
    more = 'on = "cluster"\nobserve = "strict"\nresources = { time = "40min" }'  # the partition gives an hour
    manifest = MANIFEST.replace("NUMBERS", "1, 2, 3").replace('on = "cluster"', more)
    paper.write({"paperbuild.toml": manifest, "cell.sh": CELL, "total.sh": TOTAL, "paper.md": "None.\n"})
    paper.run("run", "cell")
    paper.write({"cell.sh": "# again\n" + CELL})
    paper.run("run", "cell")
    assert paper.runs() == ["1", "1", "2", "2", "3", "3"]
    assert sorted(
        paper.server.run("squeue", "--states=all", "--array", "--noheader", "--format=%i %Z").count(f"{array}_") for array in paper.jobs()
    ) == [1, 3]
    paper.write({"cell.sh": "cat secret\n" + CELL, "secret": "x"})
    told = paper.run("run", "cell", status=1)
    assert "wanted secret, which it does not declare" in told


@pytest.mark.slow
def test_without_a_controller_one_error_says_so_and_local_work_is_kept(paper: Paper) -> None:
    other = '[target.here]\nrun = "echo y > here"\ninputs = []\noutputs = ["here"]\n'
    paper.write({"paperbuild.toml": one("echo x > out") + other})
    paper.server.stop_controller()
    paper.environment["SLURM_CONF"] = str(paper.server.hasty_conf)
    try:
        told = paper.run("run", "-k", status=1)
    finally:
        paper.server.start_controller()
        paper.server.await_controller()
    assert told.count("Slurm, the executor cluster, does not answer") == 1
    assert (paper.folder / "here").read_text() == "y\n"
    paper.run("run")
    assert (paper.folder / "out").read_text() == "x\n"


def test_without_slurm_the_error_says_where_to_build(paper: Paper) -> None:
    paper.write({"paperbuild.toml": one("echo x > out")})
    paper.environment["PATH"] = f"{os.path.dirname(sys.executable)}:/nowhere"
    assert "there is no sbatch here" in paper.run("run", status=1)


@pytest.mark.slow
def test_what_counts_of_the_machine_is_compared_there(paper: Paper) -> None:
    manifest = one("echo x > out", 'platform = ["gpu"]')
    paper.write({"paperbuild.toml": manifest})
    assert "does not say which it is" in paper.run("run", status=2)
    paper.write({"paperbuild.toml": manifest + '[executor.cluster.platform]\ngpu = "NVIDIA A100"\n'})
    told = paper.run("run", status=1)
    assert "the gpu of" in told
    assert "says NVIDIA A100" in told
    paper.write({"paperbuild.toml": manifest + '[executor.cluster.platform]\ngpu = "none"\n'})
    paper.run("run")
    assert "0 ran, 1 up to date" in paper.run("run", "--on", "local")


@pytest.mark.slow
def test_why_a_job_waits_is_told_while_it_does(paper: Paper) -> None:
    paper.write({"paperbuild.toml": one("echo x > out", "resources = { cpu = 48 }")})
    holder = paper.server.run("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 60").strip()
    process = paper.start("run")
    try:
        until(lambda: any(file.read_text() for file in paper.folder.glob(".paperbuild/sent/*/waits")), process)
        assert last_line(DiskFileSystem(), f"{paper.folder}/.paperbuild", "job") == "it waits: no node is free"
    finally:
        paper.server.run("scancel", holder)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.slow
def test_what_has_ended_is_taken_where_nothing_may_run_and_what_nothing_declares_any_more_is_cancelled(paper: Paper) -> None:
    manifest = one("echo run >> ../RUNS; while [ -e ../HOLD ]; do sleep 0.05; done; echo x > out", "heavy = true")
    paper.write({"paperbuild.toml": manifest, "../HOLD": ""})
    first = paper.start("run")
    until(paper.runs, first)
    first.kill()
    first.communicate()
    assert "stale, and heavy" in paper.run("run", "--no-heavy", status=1)
    (paper.folder.parent / "HOLD").unlink()
    (report,) = (folder / "ended.json" for folder in (paper.folder / ".paperbuild/sent").iterdir())
    process = paper.start("logs", "-f", "job")  # until it has ended
    process.communicate(timeout=30)
    assert report.exists()
    paper.run("run", "--no-heavy")
    assert (paper.folder / "out").read_text() == "x\n"
    paper.write({"paperbuild.toml": manifest.replace("echo x", "echo $$ > ../PID; sleep 60; echo y")})
    again = paper.start("run")
    until(lambda: (paper.folder.parent / "PID").exists() and (paper.folder.parent / "PID").read_text(), again)
    again.kill()
    again.communicate()
    paper.write({"paperbuild.toml": '[target.other]\nrun = "echo > other"\noutputs = ["other"]\n\n[executor.cluster]\nkind = "slurm"\n'})
    paper.run("run")
    assert not lives((paper.folder.parent / "PID").read_text().strip())
    assert not [*(paper.folder / ".paperbuild/sent").glob("*")]
    assert len(paper.runs()) == 2


@pytest.mark.slow
def test_whenever_a_build_is_killed_each_cell_runs_once(paper: Paper) -> None:
    dice = random.Random(8)
    cell = 'run = "echo {n} >> ../RUNS; sleep 0.3; echo {n} > build/{n}"\ninputs = []\noutputs = ["build/{n}"]\non = "cluster"\n'
    numbers = [str(n) for n in range(12)]
    for round_ in range(6):
        manifest = f'[target.cell]\n{cell}matrix = {{ n = [{", ".join(numbers)}] }}\n[executor.cluster]\nkind = "slurm"\n'
        paper.write({"paperbuild.toml": manifest.replace("echo {n} >> ", f": {round_}; echo {{n}} >> "), "../RUNS": ""})
        for _ in range(2):
            build = paper.start("run")
            with contextlib.suppress(subprocess.TimeoutExpired):
                build.communicate(timeout=dice.uniform(0.3, 3))
            build.kill()
            build.communicate()
        paper.run("run")
        assert paper.runs() == sorted(numbers)
        assert [(paper.folder / "build" / n).read_text().strip() for n in numbers] == numbers
        assert not [*(paper.folder / ".paperbuild/sent").glob("*")]
