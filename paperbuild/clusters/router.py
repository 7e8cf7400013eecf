"""Which executor runs which job: what has no errand runs here, everything else where its errand says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.jobs import Ended, Errand, Executor, Job
from paperbuild.errors import BuildError

if TYPE_CHECKING:
    from paperbuild.clusters.dispatch import FarExecutor
    from paperbuild.engine.cluster import Cluster


class Router:
    """:class:`paperbuild.engine.jobs.Executor` over ``local`` and the clusters that ``makers`` make, by the name of each executor.

    A cluster is made when the first job goes there.
    """

    def __init__(self, local: Executor, makers: Mapping[str, Callable[[], Cluster]]) -> None:
        self._local = local
        self._makers = makers
        self._far: dict[str, FarExecutor] = {}
        self._away: dict[str, Errand] = {}
        self._lock = threading.Lock()
        self._cancelled = self._called_back = False
        self._tells: Callable[[Diagnostic], None] = lambda _: None

    def hear(self, listener: Callable[[Diagnostic], None]) -> None:
        """See the port."""
        with self._lock:
            self._tells = listener
            for executor in self._far.values():
                executor.hear(listener)

    def blind(self) -> str:
        """See the port. It is told of this machine."""
        return self._local.blind()

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        """See the port."""
        errand = job.errand
        if errand is None:
            return self._local.run(job, started)

        def sent(group: int, handle: str) -> None:
            with self._lock:
                self._away[handle] = errand
            started(group, handle)

        try:
            return self._to(errand.executor).run(job, sent)
        finally:
            with self._lock:
                self._away = {handle: other for handle, other in self._away.items() if other is not errand}

    def rest(self, seconds: float) -> bool:
        """See the port."""
        return self._local.rest(seconds)

    def cancel_all(self, *, leaves: bool = False) -> None:
        """See the port."""
        with self._lock:
            self._cancelled = True
            far = tuple(self._far.values())
        threads = [threading.Thread(target=partial(executor.cancel_all, leaves=leaves)) for executor in far]
        self._local.cancel_all()  # first, since that is done at once
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def call_back(self) -> None:
        """See the port."""
        with self._lock:
            self._called_back = True
            far = tuple(self._far.values())
        for executor in far:
            executor.call_back()

    def end_group(self, group: int, identity: str) -> None:
        """See the port. What is sent away has no group, and its handle for an identity."""
        with self._lock:
            errand = self._away.get(identity) if group == 0 else None
        if errand is not None:
            self._to(errand.executor).end(errand, identity)
        elif group != 0:
            self._local.end_group(group, identity)

    def recall(self, errands: Sequence[Errand]) -> None:
        """See the port."""
        unknown = tuple(errand for errand in errands if errand.executor not in self._makers)
        for name in dict.fromkeys(errand.executor for errand in errands if errand not in unknown):
            self._to(name).recall(tuple(errand for errand in errands if errand.executor == name))
        if unknown:
            self._local.recall(unknown)

    def close(self) -> None:
        """See the port."""
        for executor in self._far.values():
            executor.close()
        self._local.close()

    def _to(self, name: str) -> FarExecutor:
        with self._lock:
            if name not in self._makers:
                raise BuildError(Diagnostic("PB711", f"there is no executor {name}"))
            if name not in self._far:
                from paperbuild.clusters.dispatch import FarExecutor  # a build that sends nothing does without

                self._far[name] = FarExecutor(self._makers[name]())
                self._far[name].hear(self._tells)
                if self._cancelled:
                    self._far[name].cancel_all()
                if self._called_back:
                    self._far[name].call_back()
            return self._far[name]
