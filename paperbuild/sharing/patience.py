"""How long a build waits for a place that does not answer: not long, and then not again.

What may pass is tried again a few times. A place that lets all tries of one thing go wrong, while nothing else goes well, counts as down
for the rest of the command. So does one that answers so slowly that a build waits for answers more than ten seconds, and 50 ms for each
that came.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from paperbuild.sharing.transport import ANSWER_S, TransportError, Trouble

T = TypeVar("T")

PAUSES_S = (0.05, 0.1, 0.25, 0.5, 1.0)
"""How long is waited before each further try."""
QUICK_S = 1.0
"""A connection that takes longer than this to fail is not tried again: the packets go nowhere."""
SLOW_S = ANSWER_S - 1
"""Nor is anything else that takes longer than this: there was no answer in time, and there would be none the next time."""
BUDGET_S = 10.0
EARNED_S = 0.05


class Down(Exception):  # noqa: N818 - a state, which whoever waits looks at
    """The place counts as down; nothing is asked any more."""


class Patience:
    """What is known of how a place answers. ``pause`` waits so many seconds (tests need not)."""

    def __init__(self, pause: Callable[[float], object] = time.sleep) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._answers = 0
        self._waiting = 0
        self._since_s = self._waited_s = 0.0
        self.fault: TransportError | None = None
        """Why it counts as down; None while it does not."""

    @property
    def is_down(self) -> bool:
        """Whether nothing is asked any more."""
        return self.fault is not None

    @property
    def has_answered(self) -> bool:
        """Whether anything went well."""
        return self._answers > 0

    def give_up(self, error: TransportError) -> None:
        """Count the place as down, unless it is already."""
        with self._lock:
            self.fault = self.fault or error

    def attempt(self, act: Callable[[], T]) -> T:
        """Return what ``act`` returns, tried again where the trouble may pass.

        Raises:
            TransportError: it went wrong each time.
            Down: the place counts as down.
        """
        with self._lock:
            before = self._answers
        for pause_s in (*PAUSES_S, None):
            if self.fault is not None:
                raise Down
            begun = time.monotonic()
            try:
                result = act()
            except TransportError as error:
                if not error.trouble.may_pass:
                    self.give_up(error)
                    raise
                hopeless = time.monotonic() - begun > (QUICK_S if error.trouble is Trouble.UNREACHABLE else SLOW_S)
                if pause_s is None or hopeless:
                    self._judge(error, before)
                    raise
                self._pause(pause_s)
            else:
                self.answered()
                return result
        raise AssertionError  # the last of them returned or raised

    def answered(self) -> None:
        """Note that something went well."""
        with self._lock:
            self._answers += 1

    def _judge(self, error: TransportError, before: int) -> None:
        with self._lock:
            if self._answers == before:
                self.fault = self.fault or error

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Note that a build waits for answers; what several of its threads wait at the same time counts once."""
        with self._lock:
            if not self._waiting:
                self._since_s = time.monotonic()
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._waited_s += time.monotonic() - self._since_s

    def left_s(self) -> float:
        """Return how long answers may still be waited for, now."""
        with self._lock:
            now_s = time.monotonic() - self._since_s if self._waiting else 0.0
            return max(0.0, BUDGET_S + EARNED_S * self._answers - self._waited_s - now_s)
