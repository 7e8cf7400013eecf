"""What runs in a Dask worker: it starts a parcel's program as a child, waits for its end, and ends it where that is wished.

Dask gives the task of a worker that died to another one, as often as its scheduler's ``allowed-failures`` says. That one finds that the
parcel has begun, and tells so instead: nothing runs twice but by a decision of the build that sent it.

The child's standard input is a pipe that nothing is written to. It closes with the worker, however that ends, which tells the child to end
itself and all that it started.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from typing import IO

from paperbuild import __version__
from paperbuild.clusters.outpost import ATTENDED
from paperbuild.engine.cluster import BEGUN, ENDED, WORDS

WORKER = "worker"
"""The file in a parcel's folder that says by its address which worker runs it."""

_LOOK_S = 0.5
"""How often a worker looks whether it is to close."""
_GRACE_S = 12.0
"""How long a program may take to end what it started, before it is killed."""
SETTLE_S = 6.0
"""How long what a dead worker had started may take to end."""

PROBE = (
    "(__import__('platform').python_version(), "
    "__import__('paperbuild').__version__ if __import__('importlib.util').util.find_spec('paperbuild') else '')"
)
"""An expression: which Python a worker has, and which paperbuild ("": none). A text, since a worker without paperbuild must say so."""

PERFORM = "__import__('paperbuild.clusters.dask_worker', fromlist=['']).perform(*given)"
END = "__import__('paperbuild.clusters.dask_worker', fromlist=['']).end(given)"
"""Calls as expressions: the scheduler, which reads what it is handed, may have no paperbuild, and a worker without one can say so."""

# State of the module: what is asked of a worker from outside names a function, and finds nothing else there.
_lock = threading.Lock()
_running: dict[str, subprocess.Popen[bytes]] = {}
_unwanted: set[str] = set()


def perform(key: str, parcel: str, program: Sequence[str], version: str) -> str:
    """Run ``program`` for ``parcel`` to its end, under the name ``key``; return "", or why it can never say how it ended.

    A parcel is its folder; where no file system is shared it is a text that says to the program where it lies.
    """
    here = f"the worker {_worker_name()} on {socket.gethostname()}"
    if version != __version__:
        return f"{here} has paperbuild {__version__}, and {version} sent the command"
    if parcel.startswith("/"):
        if not os.path.isdir(parcel):
            return f'{here} does not see the folder {parcel}: where no file system is shared, files = "store" sends files along'
        if os.path.exists(f"{parcel}/{BEGUN}"):
            return _left(parcel)
        with open(f"{parcel}/{WORKER}", "w", encoding="utf-8") as file:
            file.write(_worker_name())
    with open(f"{parcel}/{WORDS}", "w+b") if parcel.startswith("/") else tempfile.TemporaryFile() as said:
        child = _start(key, (*program, parcel), said)
        if child is None:
            return "it was cancelled"
        try:
            closing = _await(child)
        finally:
            with _lock:
                del _running[key]
        if closing:
            return f"{here} was shut down while it ran"
        if key in _unwanted:
            return "it was cancelled"
        if os.path.exists(f"{parcel}/{ENDED}") if parcel.startswith("/") else child.returncode == 0:
            return ""
        said.seek(0)
        words = said.read()[-2000:].decode("utf-8", "replace").strip().splitlines()[-3:]
    last = " / ".join(line.removeprefix("paperbuild: ") for line in words) or "no words"
    return f"what ran it on {socket.gethostname()} ended with status {child.returncode} and did not say how: {last}"


def _start(key: str, program: Sequence[str], said: IO[bytes]) -> subprocess.Popen[bytes] | None:
    """Start ``program``, which says what it has to say to ``said``; None where it is not wanted any more."""
    words = (sys.executable, *program) if program[0].startswith("-") else tuple(program)
    with _lock:
        if key in _unwanted:
            return None
        _running[key] = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True, env={**os.environ, ATTENDED: "1"}
        )
        return _running[key]


def _await(child: subprocess.Popen[bytes]) -> bool:
    """Wait for the end of ``child``; return whether it had to end because its worker closes."""
    while True:
        try:
            child.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            if _is_closing():
                _dismiss(child)
                child.wait()
                return True
        else:
            _close(child)
            return False


def _dismiss(child: subprocess.Popen[bytes]) -> None:
    """Have ``child`` end, with all that it started."""
    _close(child)
    timer = threading.Timer(_GRACE_S, child.kill)
    timer.daemon = True
    timer.start()


def _close(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()


def end(keys: Iterable[str]) -> int:
    """End what this worker runs of ``keys``, and begin none of them any more; return how many of them still run."""
    with _lock:
        new = set(keys) - _unwanted
        _unwanted.update(new)
        children = {key: _running[key] for key in keys if key in _running}
    for key, child in children.items():
        if key in new:
            _dismiss(child)
    return sum(child.poll() is None for child in children.values())


def _left(folder: str) -> str:
    """Return what became of a parcel that had begun on a worker before, once what that one had started has had time to end."""
    deadline = time.monotonic() + SETTLE_S
    while not os.path.exists(f"{folder}/{ENDED}") and time.monotonic() < deadline:
        host, _, pid = _read(f"{folder}/{BEGUN}").strip().partition(" ")
        if host == socket.gethostname() and pid.isdecimal() and not _lives(int(pid)):
            break
        time.sleep(0.1)
    return lost(_read(f"{folder}/{WORKER}"))


def lost(worker: str) -> str:
    """Return what is said of a parcel that the worker with the address ``worker`` had begun."""
    return f"the worker {worker} died while it ran" if worker else "the worker that ran it died"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _worker_name() -> str:
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return ""


def _is_closing() -> bool:
    from distributed import get_worker
    from distributed.core import Status

    try:
        return get_worker().status in {Status.closing, Status.closed, Status.failed}
    except ValueError:
        return True
