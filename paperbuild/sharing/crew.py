"""Several requests at once: threads that end with what they were called for, or with the process, whatever hangs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def spread(act: Callable[[T], R], items: Sequence[T], most: int, left_s: Callable[[], float] | None = None) -> Iterator[tuple[T, R]]:
    """Yield each of ``items`` with what ``act`` returns for it, as they come, at most ``most`` at once.

    ``left_s`` tells how long may be waited for the next one; where that is over the rest is left out, and what is under way goes on without
    anybody who waits (the threads are daemons: one that hangs holds up no exit). An exception of ``act`` is raised here, and ends it all.
    """
    if len(items) == 1 and left_s is None:
        yield items[0], act(items[0])
        return
    todo: queue.SimpleQueue[T] = queue.SimpleQueue()
    for item in items:
        todo.put(item)
    done: queue.SimpleQueue[tuple[T, R | None, BaseException | None]] = queue.SimpleQueue()
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                item = todo.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((item, act(item), None))
            except BaseException as error:  # it is raised where somebody waits for it
                done.put((item, None, error))

    for _ in range(min(most, len(items))):
        threading.Thread(target=work, name="paperbuild-remote", daemon=True).start()
    try:
        for _ in items:
            try:
                item, result, error = done.get(timeout=None if left_s is None else left_s())
            except queue.Empty:
                return
            if error is not None:
                raise error
            yield item, result  # type: ignore[misc]  # without an error there is a result
    finally:
        over.set()
