"""What a job says of the conditions under which its command runs, on the real disk with the real kernel."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paperbuild.engine.jobs import Ended, Executor, Job, Watch
from paperbuild.engine.process import LocalExecutor
from paperbuild.engine.tracing.executor import TracingExecutor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets commands be watched")


@pytest.fixture(params=["watched", "alone"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor = TracingExecutor(LocalExecutor()) if request.param == "watched" else LocalExecutor()
    yield made
    made.close()


def ran(executor: Executor, folder: Path, line: str, watch: Watch, **more: object) -> Ended:
    variables = (("PATH", os.environ["PATH"]),)
    job = Job("t", line, "/bin/sh", str(folder), variables, str(folder / "log"), None, watch, **more)  # type: ignore[arg-type]
    return executor.run(job, lambda _group, _identity: None)


def test_files_are_made_with_the_mask_that_was_given(executor: Executor, tmp_path: Path):
    ran(executor, tmp_path, "echo 1 > out", Watch(f"{tmp_path}/"), umask=0o027)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


def test_only_the_processors_that_were_given_are_used(executor: Executor, tmp_path: Path):
    one = min(os.sched_getaffinity(0))
    ran(executor, tmp_path, "grep Cpus_allowed_list /proc/self/status > out", Watch(f"{tmp_path}/"), processors=(one,))
    assert (tmp_path / "out").read_text().split() == ["Cpus_allowed_list:", str(one)]


class TestClosedFolders:
    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        made = TracingExecutor(LocalExecutor())
        yield made
        made.close()

    @pytest.fixture
    def closed(self, tmp_path: Path) -> Path:
        folder = tmp_path / "closed"
        (folder / "lib").mkdir(parents=True)
        (folder / "secret").write_text("s")
        (folder / "lib" / "open").write_text("o")
        return folder

    @pytest.mark.parametrize(
        "line",
        ["cat CLOSED/secret", "ls CLOSED", "echo 1 > CLOSED/new", "rm CLOSED/secret", "mkdir CLOSED/folder", "cd CLOSED && cat secret",
         "echo 1 > CLOSED/lib/open", "mv CLOSED/secret elsewhere", "ln CLOSED/secret elsewhere"],
    )  # fmt: skip
    def test_nothing_in_them_is_read_or_written_and_who_wanted_it_is_told(
        self, executor: Executor, tmp_path: Path, closed: Path, line: str
    ):
        here = tmp_path / "here"
        here.mkdir()
        watch = Watch(f"{here}/", closed=(f"{closed}/",), ajar=(f"{closed}/lib/",))
        ended = ran(executor, here, line.replace("CLOSED", str(closed)), watch)
        assert ended.status != 0
        assert ended.seen is not None
        assert ended.seen.denied
        assert all(path.startswith(str(closed)) for path in ended.seen.denied)
        assert sorted(path.name for path in closed.rglob("*")) == ["lib", "open", "secret"]
        assert (closed / "lib" / "open").read_text() == "o"

    def test_what_is_ajar_may_be_read_and_all_else_is_as_ever(self, executor: Executor, tmp_path: Path, closed: Path):
        here = tmp_path / "here"
        here.mkdir()
        (tmp_path / "beside").write_text("b")
        watch = Watch(f"{here}/", closed=(f"{closed}/",), ajar=(f"{closed}/lib/",))
        line = f"cat {closed}/lib/open ../beside > out; mkdir -p folder {closed}/lib; [ -e {closed}/nothing ] || echo 1 > ../made"
        ended = ran(executor, here, line, watch)
        assert (ended.status, ended.seen and ended.seen.denied) == (0, ())
        assert (here / "out").read_text() == "ob"
        assert (tmp_path / "made").exists()


def test_a_job_that_is_ended_at_its_gate_is_just_that_and_the_next_one_is_watched(tmp_path: Path):
    executor = TracingExecutor(LocalExecutor())
    try:
        watch = Watch(f"{tmp_path}/")
        job = Job("t", "echo 1 > out", "/bin/sh", str(tmp_path), (("PATH", os.environ["PATH"]),), str(tmp_path / "log"), None, watch)
        ended = executor.run(job, executor.end_group)
        assert ended.status == -signal.SIGTERM
        assert not (tmp_path / "out").exists()
        assert executor.blind() == ""
        after = executor.run(job, lambda _group, _identity: None)
        assert (after.status, after.seen is not None) == (0, True)
    finally:
        executor.close()
