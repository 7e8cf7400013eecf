"""Several requests at once: threads that end with what they were called for, or with the process, whatever hangs.

How many at once is found out while they run: four at first, then twice as many as long as answers come faster for it. A server that is near
and slow is not helped by more, one that is far needs them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_FIRST = 4
_GAIN = 1.1
"""By which factor answers must come faster for more requests at once to be worth it."""


class Pace:
    """How many are at work at once, ``most`` at most; ``begun_s`` is when they began, on any clock."""

    def __init__(self, most: int, begun_s: float) -> None:
        self.size = min(_FIRST, most)
        self._most = most
        self._count = 0
        self._since_s = begun_s
        self._rate = 0.0

    def answered(self, now_s: float) -> int:
        """Note an answer; return how many more are to begin work."""
        self._count += 1
        if self._count < 2 * self.size or self.size >= self._most:
            return 0
        rate = self._count / max(now_s - self._since_s, 1e-6)
        more = min(self.size, self._most - self.size) if rate > _GAIN * self._rate else 0
        if not more:
            self._most = self.size  # it stays at that
        self._count, self._since_s, self._rate = 0, now_s, rate
        self.size += more
        return more


def spread(act: Callable[[T], R], items: Sequence[T], most: int, left_s: Callable[[], float] | None = None) -> Iterator[tuple[T, R]]:
    """Yield each of ``items`` with what ``act`` returns for it, as they come, at most ``most`` at once.

    Whoever waits can be interrupted, since nothing is done in its own thread. ``left_s`` tells how long may be waited for the next one;
    where that is over the rest is left out, and what is under way goes on without anybody who waits (the threads are daemons: one that
    hangs holds up no exit). An exception of ``act`` is raised here, and ends it all.
    """
    todo: queue.SimpleQueue[T] = queue.SimpleQueue()
    for item in items:
        todo.put(item)
    done: queue.SimpleQueue[tuple[T, R | None, BaseException | None, float]] = queue.SimpleQueue()
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                item = todo.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((item, act(item), None, time.monotonic()))
            except BaseException as error:  # it is raised where somebody waits for it
                done.put((item, None, error, time.monotonic()))

    def start(count: int) -> None:
        for _ in range(min(count, todo.qsize())):
            threading.Thread(target=work, name="paperbuild-remote", daemon=True).start()

    pace = Pace(most, time.monotonic())
    start(pace.size)
    try:
        for _ in items:
            try:
                item, result, error, moment = done.get(timeout=None if left_s is None else left_s())
            except queue.Empty:
                return
            if error is not None:
                raise error
            start(pace.answered(moment))
            yield item, result  # type: ignore[misc]  # without an error there is a result
    finally:
        over.set()
