"""Where runs happen side by side: one thread each, their results taken one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import queue


class Lanes(Protocol):
    """Runs functions beside the caller. A test's lanes run them in an order of its own."""

    def start(self, id_: str, work: Callable[[], object]) -> None:
        """Begin ``work``, which never raises."""

    def tell(self, id_: str, what: object) -> None:
        """Have whoever waits be told ``what`` of the work ``id_``, which goes on. For that work itself to call."""

    def wait(self) -> tuple[str, object]:
        """Wait until one of the works begun has ended, or tells something; return its id and what it returned, or tells."""

    def drain(self) -> tuple[object, ...]:
        """Wait until no work is under way any more; return what those returned. What they told is dropped."""


class ThreadLanes:
    """One thread for each work: they wait for processes, disks and typesetters, which all let other threads go on."""

    def __init__(self) -> None:
        self._threads: dict[str, threading.Thread] = {}

    @cached_property
    def _told(self) -> queue.SimpleQueue[tuple[str, object, bool]]:
        """Of which work, what, and whether that was its end."""
        import queue

        return queue.SimpleQueue()

    def start(self, id_: str, work: Callable[[], object]) -> None:
        """See :class:`Lanes`."""
        told = self._told
        self._threads[id_] = threading.Thread(target=lambda: told.put((id_, work(), True)), name=id_, daemon=True)
        self._threads[id_].start()

    def tell(self, id_: str, what: object) -> None:
        """See :class:`Lanes`."""
        self._told.put((id_, what, False))

    def wait(self) -> tuple[str, object]:
        """See :class:`Lanes`."""
        id_, what, is_end = self._told.get()
        if is_end:
            self._threads.pop(id_).join()  # it has nothing left to do, and a long build would keep the threads of all its runs
        return id_, what

    def drain(self) -> tuple[object, ...]:
        """See :class:`Lanes`."""
        returned = []
        for thread in self._threads.values():
            if thread.ident is not None:  # Ctrl-C may have come before it was started
                thread.join()
        while self._threads and not self._told.empty():
            _, what, is_end = self._told.get()
            returned += [what] if is_end else []
        self._threads.clear()
        return tuple(returned)
