"""How a command ends with all that it started: nothing that it left behind goes on, whatever group or session it moved to."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Collection
else:
    import _signal as signal  # the module around it takes 4 ms to import

GRACE_S = 5.0
"""How long processes may take to end after SIGTERM before they are killed."""

_PAUSE_MS = 5


class Ending:
    """Ends the descendants of this process, first by asking. It adopts what outlives its parents, so it finds them all.

    ``spared`` are children that go on; what those have started does not.
    """

    def __init__(self, spared: Collection[int]) -> None:
        self._spared = spared
        self._killing = False
        self._deadline = 0.0
        self.pause_ms: int | None = None
        """How long to wait for something to happen: for ever, while nobody is being ended."""

    def begin(self, group: int, *, at_once: bool = False) -> None:
        """Ask the processes and the group ``group`` (0: none) to end, or ``at_once`` kill them; asking twice does nothing more."""
        if self.pause_ms is None or (at_once and not self._killing):
            self.pause_ms, self._killing = _PAUSE_MS, at_once
            self._deadline = time.monotonic() + GRACE_S
            number = signal.SIGKILL if at_once else signal.SIGTERM
            if group:
                try:
                    os.killpg(group, number)
                except (ProcessLookupError, PermissionError):
                    pass
            self._signal(number)

    def go_on(self) -> None:
        """Wait for those that have ended, and kill those that took too long."""
        if self.pause_ms is not None:
            for child in _children(os.getpid()):
                if child not in self._spared:
                    try:
                        os.waitpid(child, os.WNOHANG)
                    except ChildProcessError:
                        pass
            self._killing = self._killing or time.monotonic() > self._deadline
            if self._killing:
                self._signal(signal.SIGKILL)

    def is_over(self) -> bool:
        """Return whether nothing is left. What those that are spared have started they wait for themselves."""
        return all(child in self._spared for child in _children(os.getpid()))

    def _signal(self, number: int) -> None:
        todo = [os.getpid()]
        while todo:
            for child in _children(todo.pop()):
                todo.append(child)
                if child not in self._spared:
                    try:
                        os.kill(child, number)
                    except (ProcessLookupError, PermissionError):
                        pass


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
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                        found.append(int(name))
            except OSError:
                continue
    return found
