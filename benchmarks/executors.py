"""What an action costs on top of its command, here and elsewhere: commands that do next to nothing; a Slurm and a Dask on loopback.

usage: python benchmarks/run.py [runs] executors

``alone`` is one action by itself, from the start of paperbuild to its end; ``of 40`` a sweep of 40, divided by 40; ``again`` the same once
it is known that each takes no time, so that short ones can share a job. CPU is that of paperbuild itself, without what runs
elsewhere. ``carried`` is Dask with ``files = "store"``. A cluster of one node starts jobs on the same processors: on a real one, cells run
beside each other.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from timing import PAPERBUILD, TOP, Case, Figure, median, once, put_away

sys.path.insert(0, str(TOP))

CELLS = 40

Place = tuple[str, Mapping[str, str]]
"""An executor's table for the manifest ("" for this machine), and the variables that lead there."""


@contextlib.contextmanager
def _here() -> Iterator[Place | None]:
    yield "", {}


@contextlib.contextmanager
def _slurm() -> Iterator[Place | None]:
    from tests.clusters import slurm_server

    reason = slurm_server.missing()
    if reason:
        print(f"left out, for want of a Slurm: {reason}")
        yield None
        return
    with slurm_server.started() as server:
        yield '[executor.there]\nkind = "slurm"\n', server.environment


@contextlib.contextmanager
def _dask(*, shared: bool = True) -> Iterator[Place | None]:
    from tests.clusters.dask_servers import Dask

    with tempfile.TemporaryDirectory() as folder:
        servers = Dask(Path(folder))
        try:
            for n in range(2):
                servers.add_worker(f"worker-{n}")
            servers.await_workers(2)
            before = servers.cpu_s()
            table = f'[executor.there]\nkind = "dask"\nscheduler = "{servers.address}"\n'
            Path(folder, "store").mkdir()
            yield table + ("" if shared else f'files = "store"\n[store]\nremote = "file://{folder}/store"\n'), {"PAPERBUILD_KEY": ""}
            print(f"  scheduler and workers took {servers.cpu_s() - before:.1f} s CPU in all")
        finally:
            servers.stop()


PLACES: Mapping[str, Callable[[], AbstractContextManager[Place | None]]] = {
    "local": _here,
    "slurm": _slurm,
    "dask": _dask,
    "carried": functools.partial(_dask, shared=False),
}


def measure_executors(folder: Path, runs: int) -> None:
    """Overhead per action, place by place."""
    print(f"Overhead per action, median of {runs}: seconds from start to end, CPU seconds of paperbuild")
    for name, opened in PLACES.items():
        with opened() as place:
            if place is not None:
                _measure(folder / name, name, place, runs)


def _measure(folder: Path, name: str, place: Place, runs: int) -> None:
    table, variables = place
    folder.mkdir()
    on = 'on = "there"\n' if table else ""
    number = 0

    def anew(cells: int, *, forgets: bool) -> None:
        nonlocal number
        number += 1
        if forgets:
            put_away(folder, (".paperbuild", "build"))
        cell = f'[target.cell]\nrun = ": {number}; : > build/{{n}}"\ninputs = []\noutputs = ["build/{{n}}"]\n{on}'
        axis = f"[target.cell.matrix]\nn = [{', '.join(map(str, range(cells)))}]\n"
        (folder / "paperbuild.toml").write_text(cell + axis + table, encoding="utf-8")

    def timed(cells: int, *, forgets: bool) -> Figure:
        case = Case(name, [*PAPERBUILD, "run", "-j", "2"], folder, lambda: anew(cells, forgets=forgets), dict(variables))
        return median([once(case) for _ in range(runs)])

    for what, cells, forgets in (("alone", 1, True), (f"of {CELLS}", CELLS, True), ("again", CELLS, False)):
        took = timed(cells, forgets=forgets)
        print(f"  {name:8} {what:8} {took.wall / cells:8.3f} s {took.cpu / cells:8.3f} s CPU")
