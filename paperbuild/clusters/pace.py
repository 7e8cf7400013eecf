"""When is looked at what jobs elsewhere do: soon where something happens, seldom where nothing does."""

from __future__ import annotations

import time

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """How long, in seconds, is waited for what.

    Jobs are handed in once none came for ``quiet_s`` (see :func:`silence_s`), or the first waited for ``gather_s``. Folders are looked at
    after ``glance_s`` at first and up to ``slow_glance_s`` while nothing happens; the scheduler is asked after ``ask_s``, up to
    ``slow_ask_s``. What a job that is gone wrote last may be seen ``late_s`` later. A scheduler that does not answer for ``patience_s`` is
    given up, and one that is to end a job has ``end_s`` for it.
    """

    quiet_s: float = 0.3
    gather_s: float = 5.0
    glance_s: float = 0.03
    slow_glance_s: float = 1.0
    ask_s: float = 1.0
    slow_ask_s: float = 10.0
    late_s: float = 6.0
    patience_s: float = 120.0
    end_s: float = 45.0


def silence_s(quiet_s: float, longest_gap_s: float) -> float:
    """Return for how long none must have come before it is believed that no more do.

    On a busy machine the cells of one sweep come slowly; handed in one by one they would not be one array.
    """
    return max(quiet_s, 5 * longest_gap_s)


class Rounds:
    """When the thread looks again: soon where something happens, seldom where nothing does."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._unanswered_since_s: float | None = None
        self.begin_anew()
        self._ask_at_s = 0.0

    def begin_anew(self) -> None:
        """Something happened: more may happen soon."""
        self.glance_s = self._pace.glance_s
        self._ask_s = self._pace.ask_s
        self._ask_at_s = time.monotonic() + self._ask_s

    def ask_soon(self) -> None:
        """Something is about to be known."""
        self.glance_s = self._pace.glance_s
        self._ask_s = min(self._ask_s, self._pace.ask_s)
        self._ask_at_s = time.monotonic() + self._ask_s

    def go_on(self) -> None:
        """A look is over."""
        self.glance_s = min(1.3 * self.glance_s, self._pace.slow_glance_s)

    def may_ask(self) -> bool:
        """Return whether the scheduler may be asked now; if so it is."""
        now_s = time.monotonic()
        if now_s < self._ask_at_s:
            return False
        self._ask_s = min(1.5 * self._ask_s, self._pace.slow_ask_s)
        self._ask_at_s = now_s + self._ask_s
        return True

    def was_answered(self) -> None:
        """The scheduler answered."""
        self._unanswered_since_s = None

    def is_given_up(self) -> bool:
        """The scheduler did not answer: return whether that has been so for too long."""
        now_s = time.monotonic()
        if self._unanswered_since_s is None:
            self._unanswered_since_s = now_s
        return now_s - self._unanswered_since_s >= self._pace.patience_s
