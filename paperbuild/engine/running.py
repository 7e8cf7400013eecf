"""One attempt at one action, in a lane: from clearing the places of its outputs to publishing them.

An attempt never raises; it returns how it ended. Whatever goes wrong, the outputs that stood before stand again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.digest import digest_of
from paperbuild.engine.faults import disk_fault
from paperbuild.engine.graph import Action, Command, Graph, Output, text_of
from paperbuild.engine.index import Run
from paperbuild.engine.journal import Entry
from paperbuild.engine.keys import Keyed, KeyMaker, index_of, params_of
from paperbuild.engine.observation import Observer
from paperbuild.engine.ports import Ended, Job, NotSettled
from paperbuild.engine.reading import RecordingReader
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.store import DamagedBlob
from paperbuild.engine.trace import Artifact, EnvironmentVariable, Item, Package, Record
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import BuildError, PaperbuildError

LOG_LINES = 12
"""How many of a failed command's last lines an error shows."""

LOG_BYTES = 1 << 16
"""How much of a log's end is looked at for them: a log can be larger than memory."""

LOGS_KEPT = 10


class Made(msgspec.Struct, frozen=True):
    """It ran, and its outputs are published."""

    duration_s: float
    warnings: tuple[Diagnostic, ...] = ()


class Failed(msgspec.Struct, frozen=True):
    """It failed. ``is_ours`` is false where only the place of its outputs is the trouble, and nothing ran."""

    diagnostics: tuple[Diagnostic, ...]
    duration_s: float = 0.0
    is_ours: bool = True


class Needs(msgspec.Struct, frozen=True):
    """It asked for outputs of these actions, which have not settled."""

    actions: tuple[str, ...]


class Changed(msgspec.Struct, frozen=True):
    """What it read changed while it ran; nothing was published."""

    path: str


class Cancelled(msgspec.Struct, frozen=True):
    """It was ended because the build stops."""


Result = Made | Failed | Needs | Changed | Cancelled | BaseException


class Floor(msgspec.Struct, frozen=True):
    """What all attempts of one build share."""

    workshop: Workshop
    graph: Graph
    observer: Observer
    shelf: Shelf
    keys: KeyMaker


class Attempt:
    """One attempt at ``action`` under the key ``keyed``, with the actions in ``settled`` up to date."""

    def __init__(self, floor: Floor, action: Action, keyed: Keyed, settled: frozenset[str] = frozenset()) -> None:
        self._workshop = floor.workshop
        self._graph = floor.graph
        self._observer = floor.observer
        self._shelf = floor.shelf
        self._keys = floor.keys
        self._action = action
        self._keyed = keyed
        self._settled = settled

    def run(self) -> Result:
        """Run the action; return how it ended."""
        begin = self._workshop.clock.monotonic_s()
        try:
            return (
                self._run_command(self._action.recipe)
                if isinstance(self._action.recipe, Command)
                else self._run_step(self._action.recipe.runner)
            )
        except NotSettled as wanted:
            return Needs(wanted.actions)
        except PaperbuildError as error:
            return Failed(error.diagnostics, self._workshop.clock.monotonic_s() - begin)
        except OSError as error:
            return Failed((disk_fault(self._action.id, error, self._action.span),), self._workshop.clock.monotonic_s() - begin)
        except BaseException as error:
            return error

    # steps

    def _run_step(self, name: str) -> Result:
        workshop = self._workshop
        begin = workshop.clock.monotonic_s()
        reader = RecordingReader(self._observer, workshop.fs, self._graph, self._action.id, self._settled)
        result = workshop.runners[name].run(self._action, reader)
        items = reader.items()
        changed = self._changed(self._keys.key(self._action), items)
        if changed is not None:
            return changed
        artifacts = tuple(self._kept(output, result.outputs[output.name]) for output in self._action.outputs)
        duration_s = workshop.clock.monotonic_s() - begin
        self._publish(items, artifacts, duration_s, reads=reader.outputs())
        try:
            self._shelf.place(self._action, artifacts)
        except DamagedBlob as lost:
            return Failed((Diagnostic("PB405", f"the store lost {lost} as soon as it was written"),), duration_s)
        except BuildError as refused:
            return Failed(refused.diagnostics, duration_s, is_ours=False)
        return Made(duration_s, result.warnings)

    def _kept(self, output: Output, made: bytes | Mapping[str, bytes]) -> Artifact:
        store = self._workshop.store
        if isinstance(made, bytes):
            return Artifact(output.name, output.path, store.put_bytes(made), len(made))
        return Artifact(output.name, output.path, store.put_files(made), 0, is_folder=True)

    def _changed(self, now: Keyed, items: Sequence[Item]) -> Changed | None:
        """Return what changed since the key was made and the items were read; ``now`` is the key as it would be made now."""
        if now.key != self._keyed.key:
            pairs = set(now.components) ^ set(self._keyed.components)
            names = {name.removeprefix("input:") for name, _ in pairs} - self._appeared(now)
            if names:
                return Changed(min(names))
        for item in items:
            if not self._observer.holds(item):
                return Changed(item.name if isinstance(item, Package | EnvironmentVariable) else item.path)
        return None

    def _appeared(self, now: Keyed) -> set[str]:
        """Return the words of the command that became files while it ran: what it made itself is no input of it."""
        before = dict(self._keyed.components)
        declared = set(self._action.inputs or ())
        return {path for path in self._action.mentioned if path not in declared and f"input:{path}" not in before} & {
            name.removeprefix("input:") for name, _ in now.components
        }

    # commands

    def _run_command(self, recipe: Command) -> Result:
        try:
            cleared = self._shelf.set_aside(self._action)
        except BuildError as refused:
            return Failed(refused.diagnostics, is_ours=False)
        running = Entry(cleared.action, cleared.outputs, "running", made=cleared.made)
        try:
            result = self._run_cleared(recipe, running)
        except BaseException:
            self._shelf.journal.undo(running)
            raise
        if isinstance(result, Made):
            self._shelf.journal.forget(running)
        else:
            self._shelf.journal.undo(running)
        return result

    def _run_cleared(self, recipe: Command, entry: Entry) -> Result:
        """Run the command where nothing stands at its outputs, and publish what it makes."""
        log, shown = self._new_log()
        limit_s = self._action.resources.time_s
        job = Job(self._action.id, recipe.line, recipe.shell, self._workshop.site.root, self._environment(), log, limit_s)

        def started(group: int, identity: str) -> None:
            self._shelf.journal.write(Entry(entry.action, entry.outputs, "running", group, identity, entry.made))

        ended = self._workshop.executor.run(job, started)
        failed = Run("", "", self._workshop.clock.now_ns(), ended.duration_s, False, shown)
        if ended.cancelled or ended.timed_out or ended.status != 0:
            self._note(failed)
            return Cancelled() if ended.cancelled else Failed((self._fault(ended, log, shown),), ended.duration_s)
        try:
            artifacts = self._shelf.collect(self._action, shown)
        except BuildError as error:
            self._note(failed)
            return Failed(error.diagnostics, ended.duration_s)
        items = self._packages()
        now = self._keys.key(self._action)
        changed = self._changed(now, items)
        if changed is not None:
            return changed
        self._publish(items, artifacts, ended.duration_s, shown)
        found = self._appeared(now)
        strays = sorted(path for path in found if not any(path.startswith(f"{other.rstrip('/')}/") for other in found))
        return Made(ended.duration_s, tuple(_stray(self._action, path) for path in strays))

    def _packages(self) -> tuple[Item, ...]:
        sources = [file for path, _ in self._keys.inputs(self._action) for file in self._observer.files(path)]
        return tuple(Package(*found) for found in self._workshop.environment.packages(self._action, sources))

    def _environment(self) -> tuple[tuple[str, str], ...]:
        """Return the command's environment, with its parameters and its index of cells in files and variables."""
        folder = f"{self._workshop.site.state}/given/{_slug(self._action.id)}"
        self._workshop.fs.make_folder(folder)
        given = dict(self._workshop.environment.given(self._action))
        for name, data in (("params", params_of(self._action)), ("index", index_of(self._action, self._graph))):
            path = f"{folder}/{name}.json"
            self._workshop.fs.write(path, data)
            given[f"PAPERBUILD_{name.upper()}"] = path
        given["PAPERBUILD_CHECKPOINTS"] = f"{self._workshop.site.state}/checkpoints/{_slug(self._action.id)}"
        self._workshop.fs.make_folder(given["PAPERBUILD_CHECKPOINTS"])
        for name, value in self._action.params:
            given[f"PAPERBUILD_PARAM_{re.sub(r'[^A-Za-z0-9_]', '_', name).upper()}"] = text_of(value)
        return tuple(sorted(given.items()))

    def _new_log(self) -> tuple[str, str]:
        """Return the absolute path of a new log, and the path to show."""
        now = datetime.fromtimestamp(self._workshop.clock.now_ns() / 1e9, UTC)
        relative = f"logs/{_slug(self._action.id)}"
        folder = f"{self._workshop.site.state}/{relative}"
        self._workshop.fs.make_folder(folder)
        for name in self._workshop.fs.names(folder)[: -(LOGS_KEPT - 1)]:
            self._workshop.fs.unlink(f"{folder}/{name}")
        name = f"{now:%Y%m%dT%H%M%S.%f}.log"
        return f"{folder}/{name}", f".paperbuild/{relative}/{name}"

    def _fault(self, ended: Ended, log: str, shown: str) -> Diagnostic:
        text = self._workshop.fs.read_end(log, LOG_BYTES).decode(errors="replace") if self._workshop.fs.stat(log) else ""
        lines = [line.rpartition("\r")[2] for line in text.rstrip().splitlines()]
        if ended.timed_out:
            what = f"{self._action.id} took longer than its limit of {self._action.resources.time_s:g} s and was ended"
        elif ended.status < 0:
            what = f"{self._action.id} was ended by signal {-ended.status}"
        else:
            what = f"{self._action.id} failed with exit status {ended.status}"
        recipe = self._action.recipe
        assert isinstance(recipe, Command)
        return Diagnostic(
            "PB440",
            what,
            self._action.span,
            notes=(f"the command was: {recipe.line}", f"the whole log is {shown}"),
            help=_mends(ended.status, lines, recipe),
            detail=tuple(lines[-LOG_LINES:]),
        )

    # publishing

    def _publish(
        self, items: tuple[Item, ...], artifacts: tuple[Artifact, ...], duration_s: float, log: str = "", reads: tuple[str, ...] = ()
    ) -> None:
        record = self._record(items, artifacts, duration_s)
        self._workshop.store.add(record)
        if isinstance(self._action.recipe, Command):
            self._shelf.own(artifacts)
        self._note(Run(record.key, record.name, record.finished_ns, duration_s, True, log, reads))

    def _record(self, items: tuple[Item, ...], artifacts: tuple[Artifact, ...], duration_s: float, *, adopted: bool = False) -> Record:
        return Record(
            key=self._keyed.key, action=self._action.id, target=self._action.target, components=self._keyed.components, items=items,
            artifacts=artifacts, finished_ns=self._workshop.clock.now_ns(), duration_s=duration_s, adopted=adopted,
        )  # fmt: skip

    def _note(self, run: Run) -> None:
        last = self._workshop.index.last_run(self._action.id)
        if not run.succeeded and last is not None:
            run = Run(last.key, last.record, run.finished_ns, run.duration_s, False, run.log, last.reads)
        self._workshop.index.note_run(self._action.id, run)

    def adopt(self) -> bool:
        """Record what stands at the outputs as the action's result, without running; return whether all of them were there."""
        if not all(self._observer.exists(output.path.rstrip("/")) for output in self._action.outputs):
            return False
        artifacts = self._shelf.collect(self._action, "")
        record = self._record(self._packages(), artifacts, 0.0, adopted=True)
        self._workshop.store.add(record)
        self._shelf.own(artifacts)
        self._note(Run(record.key, record.name, record.finished_ns, 0.0, True))
        return True


def _mends(status: int, lines: Sequence[str], recipe: Command) -> tuple[str, ...]:
    """Return what mends a failure that its exit status, or the last words in its log, tell."""
    told = "\n".join(lines[-LOG_LINES:])
    if "EOFError" in told:
        return ("commands get no input: give them what they ask for as params",)
    if status == 126:
        return ("a script is run by name only where it may be executed (chmod +x), or as  python script.py",)
    if status == 127 and _BASH.search(recipe.line) and recipe.shell.endswith("/sh"):
        return ('the command is run by sh: for words of bash, say  shell = "bash"  in the target',)
    return ("is the program installed, and on PATH?",) if status == 127 else ()


_BASH = re.compile(r"\[\[|(?:^|[;&|]\s*)(?:source|function|declare|shopt|mapfile)\s|<\(")


def _slug(id_: str) -> str:
    """Return a file name for an action's id, different for different ids."""
    plain = re.sub(r"[^A-Za-z0-9._=,-]", "_", id_)[:80]
    return plain if plain == id_ else f"{plain}-{digest_of('slug', id_)[:8]}"


def _stray(action: Action, path: str) -> Diagnostic:
    return Diagnostic(
        "PB415",
        f"{action.id} wrote {path}, which its outputs do not declare",
        action.span,
        severity=Severity.WARNING,
        notes=("it stays in the project, and counts as an input of the next run",),
        help=(f"add {path} to the outputs of {action.target}, or write it outside the project",),
    )
