"""Running an action once more, in a copy of the project that holds what its record names, under other conditions than a build's.

It is the engine's own attempt that runs: in a workshop of its own, whose project is the copy and whose store is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine import running
from paperbuild.engine.commanding import CommandAttempt
from paperbuild.engine.conditions import Conditions
from paperbuild.engine.copying import Copyist, Place
from paperbuild.engine.faults import disk_fault
from paperbuild.engine.findings import Findings
from paperbuild.engine.floor import Floor
from paperbuild.engine.graph import Action, Command, Graph
from paperbuild.engine.index import Index
from paperbuild.engine.jobs import Ended, Job
from paperbuild.engine.keys import Keyed, KeyMaker, differences
from paperbuild.engine.logs import Log, new_log, slug
from paperbuild.engine.observation import Observer
from paperbuild.engine.ports import Unfetched
from paperbuild.engine.reading import RecordingReader
from paperbuild.engine.shelf import Shelf, Site
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Absent, Item, Link, Record, from_record, path_of
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import InternalError, PaperbuildError


class Rerun(msgspec.Struct, frozen=True):
    """How a rerun went.

    ``record`` is what it made and read; None where it failed, and ``failure`` says how, or where it could not even begin, and ``refusal``
    says why. ``items`` are what it was seen to do, also where it failed; ``is_observed`` says that this is all. ``denied`` are files of the
    project itself, which it wanted by their own paths. As long as ``area`` is there, the artifacts are in ``store``, and the copy in
    ``root`` is as the rerun left it.
    """

    store: Store
    root: str
    area: str
    record: Record | None = None
    items: tuple[Item, ...] = ()
    is_observed: bool = False
    denied: tuple[str, ...] = ()
    failure: tuple[Diagnostic, ...] = ()
    refusal: str = ""
    duration_s: float = 0.0
    log: str = ""


class _Scene(msgspec.Struct, frozen=True):
    """What an attempt in a copy needs to know of the project itself, and of the conditions."""

    origin: Workshop
    conditions: Conditions


class _AgainAsCommand(CommandAttempt):
    """A command's attempt in a copy. Nothing of the project itself may be read or written; the log stays when the copy goes."""

    scene: _Scene
    ended: Ended | None = None
    log: Log | None = None

    def _log(self) -> Log:
        self.log = new_log(self.scene.origin, f"verify/{slug(self._action.id)}")
        return self.log

    def _job(self, recipe: Command, log: str, checkpoints: str) -> Job:
        job = super()._job(recipe, log, checkpoints)
        conditions, watch = self.scene.conditions, job.watch
        if watch is not None:
            fs, site = self._workshop.fs, self.scene.origin.site
            closed = tuple(f"{root}/" for root in dict.fromkeys((site.root, fs.real(site.root))))
            lent = (*watch.dropped, *watch.grouped, *self._workshop.environment.files)
            watch = msgspec.structs.replace(watch, closed=closed, ajar=tuple(path for path in lent if path.startswith(closed)))
        return msgspec.structs.replace(job, watch=watch, umask=conditions.umask, processors=conditions.processors, errand=None)

    def _execute(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        self.ended = super()._execute(job, started)
        return self.ended

    def seen(self) -> Findings:
        """Return what it was seen to do, however it ended."""
        ended = self.ended
        if ended is None or ended.seen is None or ended.seen.blind:
            return Findings(observed=False)
        return self._reading().findings(ended.seen)

    def denied(self) -> tuple[str, ...]:
        """Return what of the project itself it wanted, by absolute paths."""
        ended = self.ended
        return () if ended is None or ended.seen is None else ended.seen.denied


class _AgainAsStep(running.StepAttempt):
    """A step's attempt in a copy."""

    reader: RecordingReader | None = None

    def _reader(self) -> RecordingReader:
        self.reader = super()._reader()
        return self.reader

    def seen(self) -> Findings:
        """Return what it read, however it ended."""
        return Findings() if self.reader is None else Findings(self.reader.items(), self.reader.outputs())


class Rerunner:
    """Reruns actions of ``graph`` in copies of the project of ``workshop`` below the absolute folder ``place``, which is its own."""

    def __init__(self, workshop: Workshop, graph: Graph, place: str) -> None:
        self._workshop = workshop
        self._graph = graph
        self._place = workshop.fs.real(place)
        noting = workshop.noting()[1]
        self._observer = Observer(workshop.site.root, noting, workshop.index, workshop.clock, workshop.environment, graph)
        self._keys = KeyMaker(graph, self._observer, workshop.environment, workshop.runners)
        self._fs = noting.fleeting()
        self._copyist = Copyist(self._fs, self._observer, graph)

    @property
    def observer(self) -> Observer:
        """What sees the project itself."""
        return self._observer

    def declared(self, action: Action) -> tuple[str, ...]:
        """Return the declared inputs of ``action`` as they are now: files, and folders with their slash."""
        paths = (path for path, _ in self._keys.inputs(action))
        return tuple(f"{path.rstrip('/')}/" if self._observer.status(path.rstrip("/")) == "folder" else path for path in paths)

    def rerun(self, action: Action, record: Record, items: Sequence[Item], conditions: Conditions) -> Rerun:
        """Run ``action`` in a copy that holds what ``items`` say. Its key there must be that of ``record``; so it is the same action."""
        area = f"{self._place}/{slug(action.id)}-{conditions.folder.partition('/')[0]}"
        root = f"{area}/{conditions.folder}"
        store = Store(self._fs, f"{area}/store")
        nothing = Rerun(store, root, area)
        index = Index(":memory:")
        try:
            self._fs.remove_tree(area)
            copy = self._open(area, root, store, index, conditions)
            plan = self._copyist.plan(action, items, self.declared(action))
            self._copyist.make(plan, Place(root, area), copy.environment.lent, backwards=conditions.backwards)
            copy.prepare()
            return self._attempt(action, record, items, _Scene(self._workshop, conditions), copy, nothing)
        except OSError as error:
            return msgspec.structs.replace(nothing, refusal=disk_fault("the copy", error).message)
        except Unfetched as gone:
            return msgspec.structs.replace(nothing, refusal=f"{gone.paths[0]} is elsewhere, and cannot be had: build it again")
        except PaperbuildError as error:
            return msgspec.structs.replace(nothing, refusal=error.diagnostics[0].message)
        finally:
            index.close()

    def _open(self, area: str, root: str, store: Store, index: Index, conditions: Conditions) -> Workshop:
        """Return a workshop whose project is the copy in ``root``."""
        fs, changes = self._fs, {}
        if conditions.home:
            changes["HOME"] = f"{area}/{conditions.home}"
            fs.make_folder(changes["HOME"])
            caches = f"{self._workshop.environment.home}/.cache"
            if fs.stat(caches) is not None:  # nobody's input: filling an empty one takes long, and matplotlib's far longer than a figure
                fs.make_link(caches, f"{changes['HOME']}/.cache")
        if conditions.scratch:
            scratch = f"{area}/{conditions.scratch}"
            changes.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch))
            fs.make_folder(scratch)
        if conditions.user:
            changes.update(dict.fromkeys(("USER", "LOGNAME"), conditions.user))
        environment = self._workshop.environment.elsewhere(root, changes)
        site = Site(root, f"{root}/.paperbuild")
        return msgspec.structs.replace(self._workshop, site=site, fs=fs, store=store, index=index, environment=environment, remote=None)

    def _attempt(
        self, action: Action, record: Record, items: Sequence[Item], scene: _Scene, copy: Workshop, nothing: Rerun
    ) -> Rerun:  # fmt: skip
        copy, noting = copy.noting()
        observer = Observer(copy.site.root, noting, copy.index, copy.clock, copy.environment, self._graph)
        keys = KeyMaker(self._graph, observer, copy.environment, copy.runners)
        keyed = keys.key(action)
        refusal = self._unlike(keyed, record, items, observer)
        if refusal:
            return msgspec.structs.replace(nothing, refusal=refusal)
        shelf = Shelf(copy.site, copy.fs, copy.store, copy.index, observer, copy.versions)
        floor = Floor(copy, self._graph, observer, shelf, keys)
        settled = frozenset(self._graph.actions) - {action.id}
        if not isinstance(action.recipe, Command):
            step = _AgainAsStep(floor, action, keyed, (), settled)
            return _rerun(step.run(), step.seen(), keyed, nothing)
        command = _AgainAsCommand(floor, action, keyed, (), settled)
        command.scene = scene
        result = command.run()
        match result:
            case running.Failed((Diagnostic(code="PB406") as fault,)):  # the disk's failure, not the command's
                return msgspec.structs.replace(nothing, refusal=fault.message)
        found = _rerun(result, command.seen(), keyed, nothing)
        denied = tuple(map(self._observer.portable, command.denied()))
        return msgspec.structs.replace(found, denied=denied, log=command.log.shown if command.log is not None else "")

    def _unlike(self, keyed: Keyed, record: Record, items: Sequence[Item], observer: Observer) -> str:
        """Return why the copy, which ``observer`` observes, is not what the record says; "" where it is."""
        if keyed.key != record.key:
            what = next((reason.text for reason in differences(keyed.components, record.components)), "its key is another one")
            return f"in a copy of the project {what}"
        for item in items:
            path = path_of(item)
            if not observer.holds(item) and not self._may_differ(item, record):
                name = from_record(path) if path is not None else item.name  # type: ignore[union-attr]  # what has no path has a name
                return f"{name} cannot be in a copy as it was for the recorded run"
        return ""

    def _may_differ(self, item: Item, record: Record) -> bool:
        match item:
            case Absent(path):  # around the project, where the copy is something may be; what the run left is not there yet
                return path.startswith(("/", "~")) or path in record.strays
            case Link(_, text):  # back into the project itself: in a copy it leads into that
                roots = (self._observer.root, self._workshop.fs.real(self._observer.root))
                return f"{text}/".startswith(tuple(f"{root}/" for root in roots))
            case _:
                return False


def _rerun(result: running.Result, seen: Findings, keyed: Keyed, nothing: Rerun) -> Rerun:
    """Return what the ``result`` of an attempt means."""
    found = msgspec.structs.replace(nothing, items=seen.items, is_observed=seen.observed)
    match result:
        case running.Made(duration_s):
            made = nothing.store.records(keyed.key)
            return msgspec.structs.replace(found, record=made[0], duration_s=duration_s)
        case running.Failed(diagnostics, duration_s):
            return msgspec.structs.replace(found, failure=diagnostics, duration_s=duration_s)
        case running.Changed(path):
            return msgspec.structs.replace(found, failure=(Diagnostic("PB414", f"{path} changed while it ran"),))
        case running.Cancelled():
            return msgspec.structs.replace(found, refusal="it was interrupted")
        case BaseException():
            raise result
        case _:
            raise InternalError(f"a rerun ended as {result!r}")
