"""Ending one command while the others go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.jobs import Ended, Errand, Executor, Job


class CancellingExecutor:
    """An :class:`paperbuild.engine.jobs.Executor` whose jobs can be cancelled one by one; ``inner`` runs them."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._groups: dict[str, tuple[int, str]] = {}
        self._cancelled: set[str] = set()

    def cancel(self, action: str) -> bool:
        """End the job of ``action`` with all its children; return whether it ran. One that is about to start ends as soon as it does."""
        with self._lock:
            self._cancelled.add(action)
            found = self._groups.get(action)
        if found is not None:
            self._inner.end_group(*found)
        return found is not None

    def running(self) -> tuple[str, ...]:
        """Return the actions whose jobs run."""
        with self._lock:
            return tuple(self._groups)

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        """See the port. A job that was cancelled says so, whatever it made of the signal."""

        def begun(group: int, identity: str) -> None:
            with self._lock:
                self._groups[job.action] = (group, identity)
                cancelled = job.action in self._cancelled
            started(group, identity)
            if cancelled:
                self._inner.end_group(group, identity)

        try:
            ended = self._inner.run(job, begun)
        finally:
            with self._lock:
                self._groups.pop(job.action, None)
                cancelled = job.action in self._cancelled
                self._cancelled.discard(job.action)
        return replace(ended, cancelled=True) if cancelled else ended

    def blind(self) -> str:
        """See the port."""
        return self._inner.blind()

    def hear(self, listener: Callable[[Diagnostic], None]) -> None:
        """See the port."""
        self._inner.hear(listener)

    def rest(self, seconds: float) -> bool:
        """See the port."""
        return self._inner.rest(seconds)

    def cancel_all(self, *, leaves: bool = False) -> None:
        """See the port."""
        self._inner.cancel_all(leaves=leaves)

    def call_back(self) -> None:
        """See the port."""
        self._inner.call_back()

    def end_group(self, group: int, identity: str) -> None:
        """See the port."""
        self._inner.end_group(group, identity)

    def recall(self, errands: Sequence[Errand]) -> None:
        """See the port."""
        self._inner.recall(errands)

    def close(self) -> None:
        """See the port."""
        self._inner.close()
