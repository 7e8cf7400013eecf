"""Commands on the workers of Dask, behind the engine's one seam to machines that others run (:class:`paperbuild.engine.cluster.Cluster`).

Dask is made for pure functions: it computes equal calls once, and those of a worker that died once more. A command is none, so each
parcel is a task of a name of its own, and begins at most once (:mod:`.dask_worker`). What is handed in together is published under one
name, which keeps it on the scheduler whatever becomes of who handed it in, and lets another process find it again. A handle is that
name and a number: ``paperbuild-5f0c…/3``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from paperbuild import __version__
from paperbuild.clusters import dask_faults as faults
from paperbuild.clusters import dask_worker
from paperbuild.clusters.dask_line import Line, NoAnswerError
from paperbuild.clusters.dask_making import START_S, Lab, Troubles, close, made_cluster
from paperbuild.engine.cluster import BEGUN, ENDED, OUTPOST, Fate, Parcel
from paperbuild.engine.graph import Resources
from paperbuild.errors import BuildError

if TYPE_CHECKING:
    from distributed import Client, Future

_ANSWER_S = 20.0
"""How long an answer may take of a scheduler that is there."""
_END_S = 30.0
"""How long a worker may take to end a command with all that it started."""
_WORKERS_S = 10.0
"""How long a scheduler that others run may be without workers."""
_LOOK_S = 1.0
"""How often is looked, while there are none, whether anybody still waits."""
_ALONE_S = 60.0
"""How long it may be without workers when it had some."""
T = TypeVar("T")


class _Batch(msgspec.Struct):
    """What was handed in together: each one's folder and future. ``open`` are the numbers of those whose fate is not settled."""

    folders: tuple[str, ...]
    futures: list[Future[str]]
    open: set[int]


class DaskCluster:
    """:class:`paperbuild.engine.cluster.Cluster` over Dask; workers run ``program`` for each parcel."""

    def __init__(self, lab: Lab, program: Sequence[str] = OUTPOST) -> None:
        self._lab = lab
        self._program = tuple(program)
        self._line: Line | None = None
        self._made: Any = None
        self._troubles: Troubles | None = None
        self._halted = threading.Event()
        self._batches: dict[str, _Batch] = {}
        self._known: set[str] = set()
        """The addresses of workers that have what they need."""
        self._orphans: dict[str, float] = {}
        self._alone_since: float | None = None

    # the port

    def submit(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        """See the port."""
        offered = self._ready_workers()
        name = f"paperbuild-{os.urandom(8).hex()}"
        folders = tuple(parcel.folder for parcel in parcels)
        alike: dict[tuple[tuple[str, float], ...], list[int]] = {}
        for number, parcel in enumerate(parcels):
            alike.setdefault(self._needed(parcel.resources, offered, parcel.job.action), []).append(number)

        async def hand_in(client: Client) -> list[Future[str]]:
            futures: dict[int, Future[str]] = {}
            for needed, numbers in alike.items():
                keys = [f"{name}-{number}" for number in numbers]
                given = [{"given": (key, folders[n], self._program, __version__)} for key, n in zip(keys, numbers, strict=True)]
                texts = [dask_worker.PERFORM] * len(numbers)
                made = client.map(eval, texts, given, key=keys, pure=False, retries=0, resources=dict(needed) or None)
                futures.update(zip(numbers, made, strict=True))
            ordered = [futures[number] for number in range(len(parcels))]
            try:
                await client.publish_dataset({"folders": folders, "futures": ordered}, name=name)
            except BaseException:
                await client.cancel(ordered, force=True)
                raise
            return ordered

        self._batches[name] = _Batch(folders, self._ask(hand_in), set(range(len(parcels))))
        return tuple(f"{name}/{number}" for number in range(len(parcels)))

    def look(self, handles: Sequence[str]) -> Mapping[str, Fate]:
        """See the port."""
        if self._lab.cluster and self._line is None:
            return {handle: Fate("gone", "it ended with the build that had made its cluster") for handle in handles}
        fates = self._ask(lambda client: self._looked(client, handles))
        self._settle(handle for handle, fate in fates.items() if fate.state in {"ended", "gone"})
        return fates

    def cancel(self, handles: Sequence[str]) -> None:
        """See the port."""
        if self._lab.cluster and self._line is None:
            return  # it ended with who had made it
        keys = tuple(_key(handle) for handle in handles)

        async def end(client: Client) -> None:
            futures = [future for handle in handles if (future := await self._future(client, handle)) is not None]
            await client.cancel(futures, force=True)
            while any((await client.run(eval, dask_worker.END, {"given": keys}, on_error="ignore")).values()):  # noqa: ASYNC110 - they are elsewhere
                await asyncio.sleep(0.1)

        self._ask(end, _END_S)
        self._settle(handles)

    def halt(self) -> None:
        """See the port."""
        self._halted.set()

    def close(self) -> None:
        """See the port. A cluster that was made here ends, with what runs in it."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._made is not None:
            close(self._made)
            self._made = None
        if self._troubles is not None:
            self._troubles.close()

    # how far

    async def _looked(self, client: Client, handles: Sequence[str]) -> dict[str, Fate]:
        workers = frozenset(await client.nthreads())
        assigned = {key for keys in (await client.processing()).values() for key in keys}
        if workers:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = time.monotonic()
        fates = {}
        for handle in handles:
            future = await self._future(client, handle)
            if future is not None and future.status == "pending":
                fates[handle] = self._pending(handle, _key(handle) in assigned, workers)
                if fates[handle].state == "gone":
                    await client.cancel([future], force=True)
            else:
                fates[handle] = await _over(future)
        return fates

    def _pending(self, handle: str, assigned: bool, workers: frozenset[str]) -> Fate:
        """Return how far one is that Dask has not heard the end of."""
        batch, number = _parts(handle)
        folder, now = self._batches[batch].folders[number], time.monotonic()
        if os.path.exists(f"{folder}/{BEGUN}"):
            worker = _read(f"{folder}/{dask_worker.WORKER}")
            if not worker or worker in workers:
                return Fate("running")
            since = self._orphans.setdefault(handle, now)  # what it had started may take a moment to end
            if os.path.exists(f"{folder}/{ENDED}") or now - since > dask_worker.SETTLE_S:
                return Fate("gone", dask_worker.lost(worker))
            return Fate("running", f"the worker {worker} died")
        alone_s = 0.0 if self._alone_since is None else now - self._alone_since
        if alone_s and self._why_none():
            return Fate("gone", f"no worker could be started: {' '.join(self._why_none()[-2:])}")
        if alone_s > (START_S if self._lab.cluster else _ALONE_S):
            return Fate("gone", f"there has been no worker for {alone_s:.0f} s")
        if assigned and not folder.startswith("/"):  # whether it has begun is known to nobody here
            return Fate("running")
        return Fate("waiting", "there is no worker" if alone_s else "a worker has it" if assigned else "all workers are busy")

    async def _future(self, client: Client, handle: str) -> Future[str] | None:
        """Return what stands for ``handle``, None where the scheduler does not know it: by name, where this connection is a new one."""
        name, number = _parts(handle)
        batch = self._batches.get(name)
        if batch is None or batch.futures[number].client is not client or batch.futures[number].status in {"cancelled", "lost"}:
            try:
                found = await client.get_dataset(name)
            except KeyError:
                return None
            still_open = set(range(len(found["folders"]))) if batch is None else batch.open
            batch = self._batches[name] = _Batch(tuple(found["folders"]), found["futures"], still_open)
        return batch.futures[number] if number < len(batch.futures) else None

    def _settle(self, handles: Iterable[str]) -> None:
        """Let the scheduler forget what was handed in with ``handles``, once the fate of all of it is known."""
        over = []
        for handle in handles:
            name, number = _parts(handle)
            batch = self._batches.get(name)
            if batch is not None:
                batch.open.discard(number)
                if not batch.open:
                    over.append(name)
                    del self._batches[name]

        async def forget(client: Client) -> None:
            for name in over:
                await client.unpublish_dataset(name)

        if over and self._line is not None:
            with contextlib.suppress(NoAnswerError):  # it is tidiness alone
                self._line.ask(forget, _ANSWER_S)

    # what there is

    @property
    def _where(self) -> str:
        return f"the scheduler {self._lab.scheduler}" if self._lab.scheduler else f"the scheduler of {self._lab.cluster}"

    def _connection(self) -> Line:
        if self._line is None:
            if find_spec("distributed") is None:
                raise BuildError(faults.not_installed(self._lab.name))
            if self._lab.cluster:
                self._troubles = Troubles()
                self._made = made_cluster(self._lab, self._halted)
                self._line = Line(str(self._made.scheduler_address), getattr(self._made, "security", None))
            else:
                self._line = Line(self._lab.scheduler)
        return self._line

    def _ask(self, question: Callable[[Client], Coroutine[Any, Any, T]], limit_s: float = _ANSWER_S) -> T:
        line = self._connection()
        try:
            return line.ask(question, limit_s)
        except NoAnswerError as silence:
            raise BuildError(faults.no_scheduler(self._lab.name, self._where, silence)) from None

    def _ready_workers(self) -> tuple[Mapping[str, float], ...]:
        """Return the resources that each worker offers, once there are some and each is known to have what it needs.

        Nothing of a cluster that was made for the build and has none yet: they may wait in a queue.
        """

        async def ask(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
            with contextlib.suppress(TimeoutError):
                await cast("Any", client.wait_for_workers(1, timeout=_LOOK_S))
            workers = client.scheduler_info()["workers"]  # as they were just found by that
            new = [address for address in workers if address not in self._known]
            return workers, (await client.run(eval, dask_worker.PROBE, workers=new, on_error="return")) if new else {}

        deadline_s = time.monotonic() + _WORKERS_S
        workers, told = self._ask(ask)
        while not (workers or self._halted.is_set() or self._why_none() or time.monotonic() >= deadline_s):
            workers, told = self._ask(ask)
        if not workers and self._why_none():
            raise BuildError(faults.unmade_cluster(self._lab.name, self._lab.cluster, self._why_none(), "could start no worker"))
        if not workers and not self._lab.cluster:
            raise BuildError(faults.no_workers(self._lab.name, self._where, _WORKERS_S))
        wrong = faults.of_workers(self._lab.name, told)
        if wrong is not None:
            raise BuildError(wrong)
        self._known.update(workers)
        return tuple(worker.get("resources") or {} for worker in workers.values())

    def _why_none(self) -> tuple[str, ...]:
        """Return why the cluster that was made here could start no worker, where it could not."""
        return () if self._troubles is None else self._troubles.why

    def _needed(self, resources: Resources, offered: Sequence[Mapping[str, float]], action: str) -> tuple[tuple[str, float], ...]:
        """Return what a worker must offer by Dask's names: GPUs always, processors and memory where workers say how much they have."""
        wanted = {"GPU": resources.gpu, "CPU": resources.cpu, "MEMORY": float(resources.memory_bytes)}
        asked = {name: value for name, value in wanted.items() if value and (name == "GPU" or any(name in one for one in offered))}
        if offered and not any(all(one.get(name, 0) >= value for name, value in asked.items()) for one in offered):
            raise BuildError(faults.no_such_worker(self._lab.name, action, asked))
        return tuple(sorted(asked.items()))


def _key(handle: str) -> str:
    """Return the name of the task that ``handle`` means."""
    return handle.replace("/", "-")


def _parts(handle: str) -> tuple[str, int]:
    name, _, number = handle.partition("/")
    return name, int(number)


async def _over(future: Future[str] | None) -> Fate:
    """Return what became of one that Dask is done with, or does not know."""
    if future is None:
        return Fate("gone", "the scheduler does not know it: it was started anew, or the work was cancelled there")
    if future.status == "finished":
        words = await future
        return Fate("gone", words) if words else Fate("ended")
    return Fate("gone", _why(await future.exception()) if future.status == "error" else "it was cancelled at the scheduler")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _why(error: BaseException | None) -> str:
    """Return in words why a task failed that never fails by itself."""
    worker = getattr(error, "last_worker", None)  # of distributed's KilledWorker
    if worker is not None:
        return dask_worker.lost(getattr(worker, "address", str(worker)))
    if isinstance(error, ModuleNotFoundError):
        return f"its worker has no {error.name}"
    return f"its worker failed: {type(error).__name__}: {error}"
