"""What a page or a key asks of the build: kept until the loop comes by, or done at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from paperbuild.engine.graph import Graph
from paperbuild.live.cancelling import CancellingExecutor


class Desk:
    """Where orders arrive. ``wake`` lets the loop go on that waits for changes; ``held`` are the actions that wait for leave to run."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._wanted: set[str] = set()
        self._graph = Graph(())
        self._executor: CancellingExecutor | None = None
        self.held: tuple[str, ...] = ()

    @property
    def graph(self) -> Graph:
        """What was built last, or is being built."""
        with self._lock:
            return self._graph

    def at_work(self, graph: Graph, executor: CancellingExecutor | None) -> None:
        """A build of ``graph`` begins with ``executor``, or is over (None)."""
        with self._lock:
            self._graph, self._executor = graph, executor

    def run(self, action: str) -> bool:
        """Let ``action`` run once, though it is held, or failed; return whether there is such an action."""
        with self._lock:
            if action not in self._graph.actions:
                return False
            self._wanted.add(action)
        self._wake()
        return True

    def run_held(self) -> bool:
        """Let everything run once that waits for leave; return whether something does."""
        started = [self.run(action) for action in self.held]
        return any(started)

    def cancel(self, action: str) -> bool:
        """End the command of ``action``, at once or as soon as it starts, or of all ("") that run; return whether there is one."""
        with self._lock:
            executor, is_known = self._executor, action in self._graph.actions
        if executor is None:
            return False
        names = (action,) if action else executor.running()
        ended = [executor.cancel(name) for name in names]  # each of them, not only up to the first
        return any(ended) or is_known

    def running(self) -> tuple[str, ...]:
        """Return the actions whose commands run."""
        with self._lock:
            executor = self._executor
        return () if executor is None else executor.running()

    def stop(self) -> None:
        """End everything that runs, and let nothing more begin."""
        with self._lock:
            executor = self._executor
        if executor is not None:
            executor.cancel_all()

    @property
    def has_orders(self) -> bool:
        """Whether something is to be run."""
        with self._lock:
            return bool(self._wanted)

    def take(self) -> frozenset[str]:
        """Return what is to be run, and forget it: leave is given once."""
        with self._lock:
            taken = frozenset(self._wanted)
            self._wanted.clear()
            return taken
