"""How a command ends with all that it started: nothing that it left behind goes on, whatever group or session it moved to."""

from __future__ import annotations

import contextlib
import os
import signal
import time

GRACE_S = 5.0
"""How long processes may take to end after SIGTERM before they are killed."""

_PAUSE_MS = 5


class Ending:
    """Ends ``command`` and its descendants, first by asking. This process adopts what outlives its parents, so it finds them all."""

    def __init__(self, command: int) -> None:
        self._command = command
        self._killing = False
        self._deadline = 0.0
        self.pause_ms: int | None = None
        """How long to wait for something to happen: for ever, while nobody is being ended."""

    def begin(self, *, at_once: bool = False) -> None:
        """Ask the processes to end, or ``at_once`` kill them; asking twice does nothing more."""
        if self.pause_ms is None or (at_once and not self._killing):
            self.pause_ms, self._killing = _PAUSE_MS, at_once
            self._deadline = time.monotonic() + GRACE_S
            self._signal(signal.SIGKILL if at_once else signal.SIGTERM)

    def go_on(self) -> None:
        """Wait for those that have ended, and kill those that took too long."""
        if self.pause_ms is not None:
            for child in _children(os.getpid()):
                if child != self._command:  # whose status is taken elsewhere
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(child, os.WNOHANG)
            self._killing = self._killing or time.monotonic() > self._deadline
            if self._killing:
                self._signal(signal.SIGKILL)

    def is_over(self) -> bool:
        """Return whether nothing is left."""
        return self.pause_ms is not None and not _children(os.getpid())

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._command, number)
        todo = _children(os.getpid())
        while todo:
            child = todo.pop()
            todo.extend(_children(child))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, number)


def _children(process: int) -> list[int]:
    """Return the processes that ``process`` is the parent of, ended ones that nobody has waited for included."""
    try:
        tasks = os.listdir(f"/proc/{process}/task")
    except OSError:
        return []
    found: list[int] = []
    for task in tasks:  # a child belongs to the thread that made it
        try:
            with open(f"/proc/{process}/task/{task}/children", "rb", buffering=0) as file:
                found.extend(map(int, file.read().split()))
        except FileNotFoundError:
            if os.path.exists(f"/proc/{process}/task/{task}"):
                return _children_by_search(process)  # a kernel without CONFIG_PROC_CHILDREN
        except OSError:
            continue
    return found


def _children_by_search(parent: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                    found.append(int(name))
    return found
