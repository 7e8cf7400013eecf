"""A real Dask on loopback: a scheduler and workers, each a process of its own, started with the programs that users start."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from paperbuild.clusters.dask_line import Line

START_S = 30.0
WITHOUT = "import sys; sys.modules['paperbuild'] = None"
"""What has a Python behave as one that has no paperbuild, as that of a scheduler may."""


class Dask:
    """A scheduler with its workers; everything that it started ends with :meth:`stop`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self._file))
        self.scheduler = self._start("scheduler", *words, before=WITHOUT)
        self.address = str(_awaited(self._address)["address"])

    def _address(self) -> dict[str, object] | None:
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, object] = json.loads(self._file.read_text())
            return found
        return None

    def add_worker(self, name: str, *words: str, before: str = "", **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker with one thread, and return its process; it has no nanny, so it is this process that runs tasks.

        ``before`` is Python that runs in it first.
        """
        common = ("--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        worker = self._start("worker", self.address, *common, *words, before=before, **variables)
        self.workers[name] = worker
        return worker

    def _start(self, kind: str, *words: str, before: str = "", **variables: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{kind}-{len(self._processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-c", f"{before}\nfrom distributed.cli.dask_{kind} import main; main()", *words],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **variables}, cwd=self._folder,
                start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        return process

    def await_workers(self, number: int) -> None:
        """Wait until the scheduler has so many workers."""
        line = Line(self.address)
        try:
            _awaited(lambda: len(line.ask(lambda client: client.nthreads(), 5)) == number or None)
        finally:
            line.close()

    def cpu_s(self) -> float:
        """Return how many CPU seconds scheduler and workers took, with what they ran and has ended."""
        return sum(sum(psutil.Process(process.pid).cpu_times()[:4]) for process in self._processes if process.poll() is None)

    def kill(self, name: str) -> None:
        """Kill the worker ``name`` as the kernel kills what takes too much memory."""
        worker = self.workers.pop(name)
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    def stop(self) -> None:
        """End everything at once."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


def _awaited(look):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("Dask did not start")
