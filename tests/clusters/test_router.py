"""Which executor runs which job, and how one is ended that runs elsewhere."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paperbuild.clusters.router import Router
from paperbuild.engine.jobs import Ended, Errand, Job
from paperbuild.engine.process import LocalExecutor
from paperbuild.errors import BuildError
from paperbuild.live.cancelling import CancellingExecutor
from tests.clusters.nearby import Nearby


@pytest.fixture
def nearby() -> Iterator[Nearby]:
    cluster = Nearby()
    yield cluster
    cluster.close()


@pytest.fixture
def router(nearby: Nearby) -> Iterator[Router]:
    made = Router(LocalExecutor(), {"far": lambda: nearby})
    yield made
    made.close()


def job(folder: Path, name: str, line: str, on: str) -> Job:
    errand = Errand(on, f"{folder}/sent/{name}") if on else None
    return Job(name, line, "/bin/sh", str(folder), (("PATH", os.environ["PATH"]),), f"{folder}/{name}.log", None, errand=errand)


def run(router: Router | CancellingExecutor, what: Job) -> Ended:
    return router.run(what, lambda _group, _identity: None)


def test_a_job_runs_where_its_errand_says(router: Router, nearby: Nearby, tmp_path: Path) -> None:
    assert run(router, job(tmp_path, "here", "echo here > a", "")).status == 0
    assert nearby.hand_ins == []
    assert run(router, job(tmp_path, "there", "echo there > b", "far")).elsewhere is not None
    assert nearby.hand_ins == [1]
    assert (tmp_path / "a").read_text() + (tmp_path / "b").read_text() == "here\nthere\n"


def test_where_there_is_no_executor_of_that_name_nothing_runs_and_nothing_is_ended(router: Router, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="there is no executor moon"):
        run(router, job(tmp_path, "lost", ":", "moon"))
    with pytest.raises(BuildError, match="not known any more: it may still run"):
        router.recall((Errand("moon", f"{tmp_path}/sent/lost", handle="7"),))


def test_who_watches_can_end_one_job_elsewhere_and_the_others_go_on(router: Router, tmp_path: Path) -> None:
    executor = CancellingExecutor(router)
    ended: dict[str, Ended] = {}

    def send(name: str) -> None:
        line = f"echo $$ > {name}.pid; while [ ! -e end ]; do sleep 0.05; done"
        ended[name] = run(executor, job(tmp_path, name, line, "far"))

    threads = [threading.Thread(target=send, args=(name,), daemon=True) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    deadline_s = time.monotonic() + 30
    while not all((tmp_path / f"{name}.pid").exists() for name in ("one", "other")):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    assert executor.cancel("one")
    threads[0].join(30)
    assert ended["one"].cancelled
    assert "other" in executor.running()
    (tmp_path / "end").touch()
    threads[1].join(30)
    assert (ended["other"].status, ended["other"].cancelled) == (0, False)
