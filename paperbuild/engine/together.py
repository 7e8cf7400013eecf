"""Group commit: what several threads want on the disk goes there together.

While one batch is being flushed, whatever comes waits and makes the next one; so flushes are shared as soon as there are more than the disk
can do one by one, and nobody ever waits for company. (The idea is that of databases: DeWitt and others, 1984.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Wish(Generic[T]):
    def __init__(self, one: T) -> None:
        self.one = one
        self.is_done = False
        self.error: BaseException | None = None


class Together(Generic[T]):
    """Calls ``act`` with batches of what is wished for, one batch at a time."""

    def __init__(self, act: Callable[[Sequence[T]], None]) -> None:
        self._act = act
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[_Wish[T]] = []

    def wish(self, one: T) -> None:
        """Return as soon as a batch with ``one`` is done. What is raised for a batch is raised for each in it."""
        mine = _Wish(one)
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if not mine.is_done:
                self._do()
        if mine.error is not None:
            raise mine.error

    def _do(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
        error = None
        try:
            self._act([wish.one for wish in batch])
        except BaseException as raised:  # each that waits for it raises it
            error = raised
        for wish in batch:
            wish.error, wish.is_done = error, True
