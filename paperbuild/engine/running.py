"""One attempt at one action, in a lane: how it ends, what is published of it, and how steps run.

An attempt never raises; it returns how it ended. Commands have :mod:`paperbuild.engine.commanding`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.borrowing import borrowed
from paperbuild.engine.faults import disk_fault
from paperbuild.engine.findings import Findings
from paperbuild.engine.floor import Floor
from paperbuild.engine.graph import Action, Command, Output, Step
from paperbuild.engine.index import End, Execution, Run
from paperbuild.engine.keys import Keyed
from paperbuild.engine.ports import NotSettled, Unfetched
from paperbuild.engine.reading import RecordingReader
from paperbuild.engine.reasons import Reason
from paperbuild.engine.schedule import Settled
from paperbuild.engine.trace import Artifact, Item, Record, path_of
from paperbuild.errors import BuildError, PaperbuildError


class Made(msgspec.Struct, frozen=True):
    """It ran, and its outputs are published. ``spent`` are files that it had read before it changed them or took them away."""

    duration_s: float
    warnings: tuple[Diagnostic, ...] = ()
    spent: tuple[str, ...] = ()


class Failed(msgspec.Struct, frozen=True):
    """It failed. ``is_ours`` is false where only the place of its outputs is the trouble, and nothing ran.

    ``by_itself`` says that the command failed, and not what is around it: it may succeed another time. ``goes_on`` says that it may run
    still, elsewhere: nothing of it is undone.
    """

    diagnostics: tuple[Diagnostic, ...]
    duration_s: float = 0.0
    is_ours: bool = True
    by_itself: bool = False
    goes_on: bool = False


class Released(msgspec.Struct, frozen=True):
    """It does not use its resources any more: all that is left is to wait for the disk. How it ends comes later."""


class Needs(msgspec.Struct, frozen=True):
    """It asked for outputs of these actions, which have not settled; or for outputs that are ``away``, by their paths."""

    actions: tuple[str, ...]
    away: tuple[str, ...] = ()


class Lost(msgspec.Struct, frozen=True):
    """It needs outputs that were away and cannot be had."""

    paths: tuple[str, ...]


class Changed(msgspec.Struct, frozen=True):
    """What it read changed while it ran, or before it ``began``; nothing was published."""

    path: str
    began: bool = True


class Cancelled(msgspec.Struct, frozen=True):
    """It was ended because the build stops."""


Result = Made | Failed | Needs | Lost | Changed | Cancelled | BaseException


class Attempt(ABC):
    """One attempt at ``action`` under the key ``keyed``, because of ``reasons``, with the actions in ``settled`` up to date."""

    def __init__(self, floor: Floor, action: Action, keyed: Keyed, reasons: tuple[Reason, ...], settled: Settled = ()) -> None:
        self._workshop = floor.workshop
        self._graph = floor.graph
        self._observer = floor.observer
        self._shelf = floor.shelf
        self._keys = floor.keys
        self._strict = floor.strict
        self._keeps_checkpoints = floor.keeps_checkpoints
        self._action = action
        self._keyed = keyed
        self._reasons = reasons
        self._settled = settled
        self.wanted: frozenset[str] = frozenset()
        """Outputs that earlier attempts were found to need in the tree."""
        self.released: Callable[[], None] = lambda: None
        """Is called when it is :class:`Released`."""

    def run(self) -> Result:
        """Run the action; return how it ended."""
        begin = self._workshop.clock.monotonic_s()
        try:
            return self._run()
        except NotSettled as wanted:
            return Needs(wanted.actions)
        except Unfetched as gone:
            return Lost(gone.paths)
        except PaperbuildError as error:
            return Failed(error.diagnostics, self._workshop.clock.monotonic_s() - begin)
        except OSError as error:
            return Failed((disk_fault(self._action.id, error, self._action.span),), self._workshop.clock.monotonic_s() - begin)
        except BaseException as error:
            return error

    @abstractmethod
    def _run(self) -> Result:
        """Run the action; whatever is raised becomes a result."""

    def _changed(self, items: Sequence[Item]) -> Changed | None:
        """Return what changed since the key was made and the items were read."""
        now = self._keys.key(self._action)
        if now.key != self._keyed.key:
            names = {name.removeprefix("input:") for name, _ in set(now.components) ^ set(self._keyed.components)}
            return Changed(min(names))
        for item in items:
            if not self._observer.holds(item):
                return Changed(path_of(item) or item.name)  # type: ignore[union-attr]  # what has no path has a name
        return None

    def _borrowed(self, items: Iterable[Item]) -> tuple[Diagnostic, ...]:
        return borrowed(self._action, items, self._workshop.index.strays(), self._graph)

    def _publish(self, findings: Findings, artifacts: tuple[Artifact, ...], duration_s: float, log: str = "") -> None:
        record = self._record(findings, artifacts, duration_s)
        self.released()
        self._workshop.store.add(record)
        if self._workshop.remote is not None and all(artifact.stored for artifact in artifacts):
            self._workshop.remote.offer(record)
        self._observer.inventories.keep(record)
        status = 0 if isinstance(self._action.recipe, Command) else None
        execution = Execution(self._reasons, "made", record.finished_ns, duration_s, status, log)
        run = Run(record.key, record.name, record.finished_ns, duration_s, True, log, findings.reads, findings.strays)
        self._workshop.index.note_run(self._action.id, run, execution)

    def _record(self, findings: Findings, artifacts: tuple[Artifact, ...], duration_s: float) -> Record:
        return Record(
            key=self._keyed.key, action=self._action.id, target=self._action.target, components=self._keyed.components,
            items=findings.items, artifacts=artifacts, finished_ns=self._workshop.clock.now_ns(), duration_s=duration_s,
            observed=findings.observed, strays=findings.strays,
        )  # fmt: skip

    def _note_failure(self, end: End, duration_s: float, status: int | None = None, log: str = "") -> None:
        """Remember that it ran in vain; the result that it had before is still its last one."""
        now_ns = self._workshop.clock.now_ns()
        last = self._workshop.index.last_run(self._action.id)
        key, record, reads, strays = ("", "", (), ()) if last is None else (last.key, last.record, last.reads, last.strays)
        run = Run(key, record, now_ns, duration_s, False, log, reads, strays)
        self._workshop.index.note_run(self._action.id, run, Execution(self._reasons, end, now_ns, duration_s, status, log))

    def adoption(self, reason: str) -> Record:
        """Return the record, without outputs yet, of what stands on the disk being adopted as the action's result."""
        return msgspec.structs.replace(self._record(self._assumed(), (), 0.0), adopted=True, reason=reason)

    def adopt(self, adoption: Record) -> None:
        """Record what stands at the outputs as the action's result, without running.

        Raises:
            BuildError: an output is a folder where a file was declared, or the other way round.
        """
        artifacts = self._shelf.collect(self._action, "")
        record = msgspec.structs.replace(adoption, artifacts=artifacts)
        self._workshop.store.add(record)
        self._shelf.own(artifacts)
        self._workshop.index.note_run(self._action.id, Run(record.key, record.name, record.finished_ns, 0.0, True))

    def _assumed(self) -> Findings:
        """Return what a result that nobody saw come about is taken to depend on."""
        return Findings(observed=False)


class StepAttempt(Attempt):
    """An attempt at a step."""

    def _run(self) -> Result:
        workshop, recipe = self._workshop, self._action.recipe
        assert isinstance(recipe, Step)
        begin = workshop.clock.monotonic_s()
        reader = self._reader()
        try:
            result = workshop.runners[recipe.runner].run(self._action, reader)
        except (PaperbuildError, OSError):
            self._note_failure("failed", workshop.clock.monotonic_s() - begin)
            raise
        items = reader.items()
        changed = self._changed(items)
        if changed is not None:
            return changed
        faults = self._borrowed(items)
        if faults:
            return Failed(faults, workshop.clock.monotonic_s() - begin)
        artifacts = tuple(self._kept(output, result.outputs[output.name]) for output in self._action.outputs)
        duration_s = workshop.clock.monotonic_s() - begin
        self._publish(Findings(items, reader.outputs()), artifacts, duration_s)
        try:
            self._shelf.place(self._action, artifacts)
        except DamagedBlob as lost:
            return Failed((Diagnostic("PB405", f"the store lost {lost} as soon as it was written"),), duration_s)
        except BuildError as refused:
            return Failed(refused.diagnostics, duration_s, is_ours=False)
        return Made(duration_s, result.warnings)

    def _reader(self) -> RecordingReader:
        return RecordingReader(self._observer, self._workshop, self._graph, self._action.id, self._settled)

    def _kept(self, output: Output, made: bytes | Mapping[str, bytes]) -> Artifact:
        store = self._workshop.store
        if isinstance(made, bytes):
            return Artifact(output.name, output.path, store.blobs.put_bytes(made), len(made))
        return Artifact(output.name, output.path, store.blobs.put_files(made), 0, is_folder=True)
