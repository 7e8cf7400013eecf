"""Where Dask is: a scheduler that others run, or a cluster of a class that the user names, which is made here and ends with the build."""

from __future__ import annotations

import concurrent.futures
import contextlib
import gc
import importlib
import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from paperbuild.clusters import dask_faults as faults
from paperbuild.errors import BuildError

START_S = 600.0
"""How long a cluster and its workers may take to come: pods are scheduled, jobs wait in queues."""
_CLOSE_S = 60.0
_LOOK_S = 0.2


class Lab(msgspec.Struct, frozen=True):
    """A ``scheduler`` that runs ("tcp://…"), or a ``cluster``, a class to make with ``arguments``; ``name`` is the executor's."""

    name: str
    scheduler: str = ""
    cluster: str = ""
    arguments: Mapping[str, object] = {}


class Troubles(logging.Filter):
    """What went wrong beside a cluster: it starts workers in tasks that nobody waits for, and tornado writes down what becomes of those.

    ``why`` are lines, of the last that failed. Nobody else is shown them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.why: tuple[str, ...] = ()
        logging.getLogger("tornado.application").addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether ``record`` is none of those."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            told = f"{type(error).__name__}: {error}".splitlines()
            lines = [line.strip() for line in told if line.strip() and not line.rstrip().endswith(":")]
            self.why = tuple(dict.fromkeys((*lines[:1], *lines[-3:])))
        return error is None

    def close(self) -> None:
        """Listen no more."""
        logging.getLogger("tornado.application").removeFilter(self)


def made_cluster(lab: Lab, halted: threading.Event) -> Any:
    """Return a new cluster of the class that ``lab`` names.

    Raises:
        BuildError: there is no such class, or it could not be made, or not in time, or not before it was ``halted``.
    """
    module, _, name = lab.cluster.rpartition(".")
    try:
        with _signals_left_alone():
            made_of = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BuildError(faults.no_such_cluster(lab.name, lab.cluster, str(error))) from None
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def make() -> None:
        try:
            future.set_result(made_of(**lab.arguments))
        except BaseException as error:
            future.set_exception(_UnmadeError(f"{type(error).__name__}: {error}"))

    threading.Thread(target=make, name="dask cluster", daemon=True).start()  # its constructor may wait for ever
    deadline_s = time.monotonic() + START_S
    while not concurrent.futures.wait((future,), _LOOK_S).done and time.monotonic() < deadline_s and not halted.is_set():
        pass
    try:
        made = future.result(0)
    except TimeoutError:
        why = "nobody waits for it any more" if halted.is_set() else f"it was not there after {START_S:.0f} s"
    except _UnmadeError as error:
        why = str(error)
        gc.collect()  # half a cluster that somebody remembers is closed once more when the process ends, with much ado
    else:
        if isinstance(getattr(made, "scheduler_address", None), str):
            return made
        why = "it has no scheduler_address: is it one of Dask's clusters?"
    raise BuildError(faults.unmade_cluster(lab.name, lab.cluster, (why,)))


class _UnmadeError(Exception):
    """What kept a cluster from being made, in words: the error itself would keep what there is of it."""


def close(made: Any) -> None:
    """Close the cluster ``made``, with what runs in it; one that does not close in time is left to the end of this process."""

    def end() -> None:
        with contextlib.suppress(Exception):  # of one that never stood, distributed says so once more
            made.close()

    thread = threading.Thread(target=end, name="dask cluster", daemon=True)
    thread.start()
    thread.join(_CLOSE_S)


@contextlib.contextmanager
def _signals_left_alone() -> Iterator[None]:
    """Let this thread set no signals: only the main one can, and who imports dask-jobqueue has it take SIGINT, which is ours."""
    set_signal, thread = signal.signal, threading.get_ident()

    def left_alone(number: int, handler: Any) -> Any:
        return signal.getsignal(number) if threading.get_ident() == thread else set_signal(number, handler)

    signal.signal = left_alone  # type: ignore[assignment]  # for as long as something is imported
    try:
        yield
    finally:
        signal.signal = set_signal
