"""One run per action: where several builds share a store, one of them runs an action, and the others wait for its record.

A build takes an action's turn before its command starts, and gives it back when the record is published, or the command failed. Nobody
waits for a turn while holding one for what waits: an action that waits is not running, so builds cannot wait for each other in a circle.
A turn ends with the process that has it, however that ends.
"""

from __future__ import annotations

import threading

import msgspec

from paperbuild.engine.ports import Hold, Lock

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.2  # a short command is not waited for long, and a long one costs five looks a second


class Free(msgspec.Struct, frozen=True):
    """A turn was waited for, and nobody has it any more."""


class Turns:
    """The turns of one build, by action key, as locks in ``folder``."""

    def __init__(self, lock: Lock, folder: str) -> None:
        self._lock = lock
        self._folder = folder
        self._held: dict[str, Hold] = {}
        self._over = threading.Event()

    def take(self, key: str) -> bool:
        """Return whether this build may run the action with ``key`` now. If so it has the turn until :meth:`give_back`."""
        hold = self._lock.attempt(self._path(key))
        if hold is not None:
            self._held[key] = hold
        return hold is not None

    def give_back(self, key: str) -> None:
        """Let others run the action with ``key``; nothing happens where this build does not have its turn."""
        hold = self._held.pop(key, None)
        if hold is not None:
            hold.release()

    def wait(self, key: str) -> Free:
        """Wait, in a lane, until no build has the turn of ``key``, or this one has ended waiting."""
        pause_s = _FIRST_PAUSE_S
        while not self._over.is_set():
            hold = self._lock.attempt(self._path(key))
            if hold is not None:
                hold.release()
                break
            self._over.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return Free()

    def end_waiting(self) -> None:
        """Have nobody wait any more: nothing that waits would be run."""
        self._over.set()

    def close(self) -> None:
        """Give everything back."""
        self.end_waiting()
        for key in [*self._held]:
            self.give_back(key)

    def _path(self, key: str) -> str:
        return f"{self._folder}/{key}"
