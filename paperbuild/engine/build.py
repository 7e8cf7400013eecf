"""Builds: which actions run, which are reused, and what becomes of their outputs.

One loop in one thread decides; what takes long happens in lanes beside it. The loop looks each action up when all it waits for is
settled: first by its key, then among that key's records for one whose trace still holds. Reused outputs are placed from the store;
the others are run, published and noted. A step that asks for an output that has not settled is put back behind the action that
makes it; one whose inputs changed while it ran is run again.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.faults import disk_fault
from paperbuild.engine.graph import Action, Command, Graph, Resources, Step, circle
from paperbuild.engine.grounds import Grounds, Stretch
from paperbuild.engine.holding import nothing_to_adopt, why_held
from paperbuild.engine.index import Run
from paperbuild.engine.keys import Keyed, KeyMaker
from paperbuild.engine.lookup import Lookup
from paperbuild.engine.noting import Facts
from paperbuild.engine.observation import Observer
from paperbuild.engine.ports import NotSettled
from paperbuild.engine.reading import RecordingReader
from paperbuild.engine.reasons import Reason
from paperbuild.engine.retrying import given_up, is_tried_again, pause_s, tried_again
from paperbuild.engine.schedule import Schedule
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.store import DAY_NS, DamagedBlob
from paperbuild.engine.trace import Record
from paperbuild.engine.turns import Free, Turns
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import BuildError, InternalError, Interrupted, PaperbuildError
from paperbuild.events import ActionEnded, ActionStarted, ActionWaits, BuildEnded, BuildStarted, BuildWaits, Listener, Noticed, Outcome

if TYPE_CHECKING:
    from paperbuild.engine.running import Attempt

LEFT_BEHIND_NS = DAY_NS
"""A file on its way into the store that nobody has written to for a day was left by a build that died."""

MOST_ATTEMPTS = 4
"""How often an action runs whose inputs change while it runs, before that is an error."""


class BuildOptions(msgspec.Struct, frozen=True):
    """How to build.

    ``jobs`` processors may be used at once, ``memory_bytes`` of memory (0: not counted), ``gpus`` GPUs. ``keep_going``: a failure stops
    only what needs it. ``no_run``: no command is executed; ``no_heavy``: no heavy one. ``adopt``/``overwrite``: what becomes of outputs
    that are somebody's own. ``adopts`` are actions whose outputs on the disk are to become their results, for ``reason``; then nothing
    else is executed. ``strict``: commands may read and write only what they declare. ``whole`` says that the graph is all there is in this
    folder, so what nothing in it declares is left over and can go. ``keep_checkpoints``: those of a target stay also when it has succeeded.
    """

    jobs: int = 1
    gpus: int = 1
    memory_bytes: int = 0
    keep_going: bool = False
    no_run: bool = False
    adopt: bool = False
    adopts: frozenset[str] = frozenset()
    reason: str = ""
    overwrite: bool = False
    whole: bool = True
    strict: bool = False
    keep_checkpoints: bool = False
    no_heavy: bool = False


class BuildReport(msgspec.Struct, frozen=True):
    """How a build ended: each action's outcome, and every diagnostic, errors last."""

    outcomes: Mapping[str, Outcome]
    diagnostics: tuple[Diagnostic, ...]
    duration_s: float

    @property
    def succeeded(self) -> bool:
        """Whether everything that was wanted is up to date."""
        return all(outcome.is_good for outcome in self.outcomes.values())

    def count(self, outcome: Outcome) -> int:
        """Return how many actions ended so."""
        return sum(1 for found in self.outcomes.values() if found is outcome)


def build(graph: Graph, wanted: Sequence[str], workshop: Workshop, options: BuildOptions, listener: Listener) -> BuildReport:
    """Bring the actions ``wanted``, and what they need, up to date, once no other build is at work in this project any more.

    Raises:
        BuildError: the project's state cannot be written, or what an earlier build left cannot be put right.
        Interrupted: the user asked to stop; what ran was ended and undone.
    """
    try:
        workshop.prepare()
    except OSError as error:
        raise BuildError(disk_fault("the project's state", error)) from None

    def waits(process: str) -> None:
        listener(BuildWaits(process))

    with workshop.lock.hold(f"{workshop.site.state}/lock", waits=waits), workshop.store.at_work(workshop.lock):
        one = _Build(graph, workshop, options, listener)
        try:
            return one.run(wanted)
        finally:
            one.keep()


class _Progress(msgspec.Struct):
    """What the loop knows of the actions on their way."""

    keyed: dict[str, Keyed] = msgspec.field(default_factory=dict)
    reasons: dict[str, tuple[Reason, ...]] = msgspec.field(default_factory=dict)
    attempts: Counter[str] = msgspec.field(default_factory=Counter)
    failures: Counter[str] = msgspec.field(default_factory=Counter)
    outcomes: dict[str, Outcome] = msgspec.field(default_factory=dict)
    diagnostics: list[Diagnostic] = msgspec.field(default_factory=list)
    expecting: set[str] = msgspec.field(default_factory=set)
    in_place: dict[str, Record] = msgspec.field(default_factory=dict)
    use_noted: dict[str, int] = msgspec.field(default_factory=dict)  # until when the use of its record need not be noted again
    waiting: set[str] = msgspec.field(default_factory=set)
    stopping: bool = False


class _Build:
    def __init__(self, graph: Graph, workshop: Workshop, options: BuildOptions, listener: Listener) -> None:
        workshop, self._fs = workshop.noting()
        self._workshop = workshop
        self._options = options
        self._tell = listener
        self._observer = Observer(workshop.site.root, self._fs, workshop.index, workshop.clock, workshop.environment, graph)
        self._shelf = Shelf(
            workshop.site, workshop.fs, workshop.store, workshop.index, self._observer, workshop.versions, overwrite=options.overwrite
        )
        self._declared = graph
        self._graph = graph.copy()
        self._keys = KeyMaker(self._graph, self._observer, workshop.environment, workshop.runners)
        self._lookup = Lookup(workshop, self._observer, self._shelf)
        self._grounds = Grounds(workshop, graph)
        self._turns = Turns(workshop.lock, workshop.store.locks)
        self._progress = _Progress()

    def run(self, wanted: Sequence[str]) -> BuildReport:
        clock = self._workshop.clock
        begin = clock.monotonic_s()
        self._put_right()
        ids = self._graph.closure(wanted)
        self._tell(BuildStarted(len(ids)))
        resources = {id_: action.resources for id_, action in self._graph.actions.items()}
        capacity = Resources(cpu=self._options.jobs, gpu=self._options.gpus, memory_bytes=self._options.memory_bytes)
        self._grounds.look(ids)
        schedule = Schedule(ids, self._graph.edges, resources, capacity, self._hints(ids))
        try:
            self._check_sources(schedule, ids)
            self._loop(schedule)
        except KeyboardInterrupt:
            self._cancel()
            raise Interrupted(Diagnostic("PB404", "interrupted; what ran was ended, and its outputs are as they were")) from None
        except BaseException:
            self._cancel()  # nothing goes on behind the back of whoever called
            raise
        finally:
            self._turns.close()
        self._tell_blindness()
        self._lay_grounds()
        outcomes = {id_: self._progress.outcomes.get(id_, Outcome.CANCELLED) for id_ in schedule.order}
        duration_s = clock.monotonic_s() - begin
        self._tell(BuildEnded(tuple(sorted(Counter(outcomes.values()).items())), duration_s))
        return BuildReport(outcomes, tuple(self._progress.diagnostics), duration_s)

    def keep(self) -> None:
        """Keep what was found out, for the next build."""
        self._workshop.index.flush()
        self._grounds.save()

    def _hints(self, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return what these probably read besides what they wait for: an action's id to those that make it."""
        reads = self._workshop.index.last_reads()
        known = ((id_, self._grounds.after(id_) if self._grounds.are_laid(id_) else self._makers(id_, reads.get(id_, ()))) for id_ in ids)
        return {id_: others for id_, others in known if others}

    def _makers(self, id_: str, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the ids of the other actions whose outputs whoever read ``paths`` looked at."""
        return tuple(sorted({other for path in paths for other in self._graph.makers_touched(path, listed=True)} - {id_}))

    def _tell_blindness(self) -> None:
        """Say once where commands ran that nobody could watch: what they are supposed to read was taken for what they read."""
        ran = (id_ for id_ in self._progress.attempts if isinstance(self._graph.actions[id_].recipe, Command))
        unwatched = [id_ for id_ in ran if self._graph.actions[id_].observe != "off"]
        why = self._workshop.executor.blind() if unwatched else ""
        if why:
            notes = ("declared inputs, files that their words name, what they need and what Python programs open count as what they read",)
            self._notice(Diagnostic("PB417", f"commands cannot be watched here: {why}", severity=Severity.NOTE, notes=notes))

    def _put_right(self) -> None:
        """Undo what died, and take away what is left over, before anything is looked at."""
        try:
            self._notice(*self._shelf.recover(self._workshop.executor.end_group))
            self._shelf.owned()  # found again, if need be: after what stood there is back, and before anything is noted
            self._workshop.store.sweep(self._workshop.clock.now_ns() - LEFT_BEHIND_NS)
            if self._options.whole:
                self._notice(*self._shelf.remove_orphans(self._graph))
        except OSError as error:
            raise BuildError(disk_fault("what an earlier build left could not be put right", error)) from None

    def _check_sources(self, schedule: Schedule, ids: Sequence[str]) -> None:
        """Fail the steps whose changed sources are wrong in themselves, before any command runs for them."""
        actions = [self._graph.actions[id_] for id_ in ids]
        if not any(isinstance(action.recipe, Command) for action in actions):
            return  # nothing long comes first: running the step tells as soon
        for action in actions:
            if isinstance(action.recipe, Step) and not self._grounds.unmoved(action) and self._sources_changed(action):
                faults = self._early_faults(action, action.recipe)
                if faults:
                    self._fail(schedule, action.id, faults)

    def _sources_changed(self, action: Action) -> bool:
        last = self._workshop.index.last_run(action.id)
        try:
            record = None if last is None else self._workshop.store.record(last.key, last.record)
            then = {} if record is None else dict(record.components)
            return any(then.get(f"input:{path}") != self._observer.file_digest(path) for path in action.inputs or ())
        except OSError:
            return False  # looking the action up tells

    def _early_faults(self, action: Action, recipe: Step) -> tuple[Diagnostic, ...]:
        reader = RecordingReader(self._observer, self._workshop.fs, self._graph, action.id, frozenset())
        try:
            found = self._workshop.runners[recipe.runner].check(action, reader)
        except PaperbuildError as error:
            found = error.diagnostics
        except (NotSettled, OSError):
            return ()  # it reads what is not made yet, or cannot be read now: running it tells
        return tuple(fault for fault in found if fault.severity is Severity.ERROR)

    def _loop(self, schedule: Schedule) -> None:
        while True:
            self._start_what_can(schedule)
            if not schedule.running:
                return
            id_, result = self._workshop.lanes.wait()
            self._take(schedule, id_, result)

    def _start_what_can(self, schedule: Schedule) -> None:
        while True:
            while arrived := schedule.arrivals():
                for id_ in arrived:
                    if self._examine(schedule, id_):
                        schedule.line_up(id_)
            next_ = None if self._progress.stopping else schedule.next()
            if next_ is None:
                return
            self._start(schedule, next_)

    def _examine(self, schedule: Schedule, id_: str) -> bool:
        """Look ``id_`` up: reuse it, or find the reason to run it. Return whether it must run."""
        action = self._graph.actions[id_]
        if id_ not in self._options.adopts and self._grounds.hold(action, schedule.settled):
            self._settle(schedule, action, Outcome.REUSED, 0.0)
            return False
        taken_ns = self._workshop.clock.now_ns()
        try:
            with self._fs.noting() as facts:
                must_run = self._look_up(schedule, action)
        except OSError as error:
            self._fail(schedule, id_, (disk_fault(id_, error, action.span),))
            return False
        found = self._progress.in_place.pop(id_, None)
        if found is not None:
            self._lay_ground(action, found, facts, taken_ns)
        return must_run

    def _look_up(self, schedule: Schedule, action: Action) -> bool:
        others = self._unsettled(schedule, action, self._keys.makers(action))
        if others:
            self._put_behind(schedule, action, others)
            return False
        keyed = self._keys.key(action)
        self._progress.keyed[action.id] = keyed
        self._notice(*(notice for notice in keyed.notices if notice not in self._progress.diagnostics))
        if keyed.faults:
            self._fail(schedule, action.id, keyed.faults)
            return False
        found = self._lookup.find(action, keyed, self._graph, schedule.settled)
        if isinstance(found, Record):
            others = self._lookup.unsettled(action, found, self._graph, schedule.settled)
            turn = next((other for other in others if self._graph.path(other, action.id)), None)
            if others and turn is None:
                self._put_behind(schedule, action, others)
                return False
            if turn:
                found = (Reason("order", turn),)
        if action.id in self._options.adopts:
            self._adopt_as_asked(schedule, action, found)
            return False
        if isinstance(found, Record):
            reason = self._reuse(schedule, action, found)
            if reason is None:
                return False
            found = (reason,)
        if self._options.adopt and isinstance(action.recipe, Command) and self._adopt(schedule, action):
            return False
        fault = why_held(action, self._options, found[0])
        if fault is not None:
            self._fail(schedule, action.id, (fault,), outcome=Outcome.HELD, stop=False)
            return False
        if self._expects_others(schedule, action):
            return False
        self._progress.reasons[action.id] = found
        return True

    def _expects_others(self, schedule: Schedule, action: Action) -> bool:
        """Let what a command read last time be made first: it will probably read it again. Return whether there is such.

        Steps ask before they read, which costs nothing; a command would have run in vain.
        """
        if action.id in self._progress.expecting or isinstance(action.recipe, Step):
            return False
        self._progress.expecting.add(action.id)
        last = self._workshop.index.last_run(action.id)
        others = [other for other in self._makers(action.id, last.reads if last else ()) if not self._graph.path(other, action.id)]
        schedule.add(self._graph.closure(others), self._graph.edges)
        return schedule.expect(action.id, others)

    def _unsettled(self, schedule: Schedule, action: Action, others: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(set(others) - schedule.settled - {action.id}))

    def _reuse(self, schedule: Schedule, action: Action, record: Record) -> Reason | None:
        """Place the outputs of ``record``; return why the action must run after all, or None."""
        # Before anything relies on it.
        self._progress.use_noted[action.id] = self._workshop.store.note_use(record, self._workshop.clock.now_ns())
        try:
            if not self._shelf.place(action, record.artifacts):
                self._progress.in_place[action.id] = record
            else:
                self._grounds.disturb()
        except DamagedBlob as lost:
            path = next((artifact.path for artifact in record.artifacts if artifact.digest == str(lost)), "")
            return Reason("lost", path, str(lost), "damaged")
        except BuildError as error:
            if not (self._options.adopt and self._adopt(schedule, action)):
                self._fail(schedule, action.id, error.diagnostics, stop=False)
            return None
        last = self._workshop.index.last_run(action.id)
        if last is None or (last.key, last.record) != (record.key, record.name):
            self._observer.inventories.keep(record)
            reads = self._lookup.reads(record, self._graph)
            self._workshop.index.note_run(action.id, Run(record.key, record.name, record.finished_ns, record.duration_s, True, "", reads))
        self._settle(schedule, action, Outcome.REUSED, 0.0)
        return None

    def _lay_ground(self, action: Action, record: Record, facts: Facts, taken_ns: int) -> None:
        """Keep why ``action`` is up to date, so that the next build need not look it up. A warning is to be told each time."""
        if not self._progress.keyed[action.id].notices:
            others = {*self._keys.makers(action), *self._lookup.unsettled(action, record, self._graph, frozenset())}
            after = tuple(sorted(others - self._declared.edges[action.id] - {action.id}))
            until_ns = self._progress.use_noted.get(action.id, record.finished_ns + DAY_NS)
            self._grounds.lay(action, record, facts, after, Stretch(taken_ns, until_ns))

    def _lay_grounds(self) -> None:
        """Look up again what ran or came back from the store, now that everything is in its place."""
        for id_, outcome in self._progress.outcomes.items():
            if outcome.is_good and not self._grounds.are_laid(id_):
                with contextlib.suppress(OSError):  # the next build tells
                    self._look_back(self._graph.actions[id_])

    def _look_back(self, action: Action) -> None:
        taken_ns = self._workshop.clock.now_ns()
        with self._fs.noting() as facts:
            keyed = self._progress.keyed[action.id] = self._keys.key(action)
            found = None if keyed.faults else self._lookup.find(action, keyed, self._graph, self._graph.actions.keys())
            if isinstance(found, Record) and self._shelf.in_place(found.artifacts):
                self._lay_ground(action, found, facts, taken_ns)

    def _adopt_as_asked(self, schedule: Schedule, action: Action, found: Record | tuple[Reason, ...]) -> None:
        """Take what stands at the outputs for the result of ``action``, whatever the store has for it; complain of what is missing."""
        is_told = isinstance(found, Record) and (not found.adopted or self._options.reason in {"", found.reason})
        if isinstance(found, Record) and is_told and self._shelf.in_place(found.artifacts):
            self._settle(schedule, action, Outcome.REUSED, 0.0)
        elif not self._adopt(schedule, action):
            missing = [output.path for output in action.outputs if not self._observer.exists(output.path.rstrip("/"))]
            self._fail(schedule, action.id, (nothing_to_adopt(action, missing),), stop=False)

    def _adopt(self, schedule: Schedule, action: Action) -> bool:
        """Take what stands at the outputs for the result of ``action``; return whether that was the end of it, one way or the other."""
        if not all(self._observer.exists(output.path.rstrip("/")) for output in action.outputs):
            return False
        attempt = self._attempt(action, frozenset(schedule.settled))
        try:
            adoption = attempt.adoption(self._options.reason)
            others = self._lookup.unsettled(action, adoption, self._graph, schedule.settled)
            if others:
                self._put_behind(schedule, action, others)
            else:
                self._grounds.drop(action.id)
                attempt.adopt(adoption)
                self._settle(schedule, action, Outcome.ADOPTED, 0.0)
        except BuildError as error:
            self._fail(schedule, action.id, error.diagnostics, stop=False)
        return True

    def _attempt(self, action: Action, settled: frozenset[str] = frozenset()) -> Attempt:
        from paperbuild.engine.commanding import CommandAttempt  # only a build with something to do pays for it
        from paperbuild.engine.running import Floor, StepAttempt

        floor = Floor(
            self._workshop, self._graph, self._observer, self._shelf, self._keys, self._options.strict, self._options.keep_checkpoints
        )
        kind = StepAttempt if isinstance(action.recipe, Step) else CommandAttempt
        return kind(floor, action, self._progress.keyed[action.id], self._progress.reasons.get(action.id, ()), settled)

    def _start(self, schedule: Schedule, id_: str) -> None:
        action = self._graph.actions[id_]
        if isinstance(action.recipe, Command) and not self._take_turn(schedule, action):
            return
        schedule.start(id_)
        self._grounds.drop(id_)
        self._grounds.disturb()
        self._progress.attempts[id_] += 1
        self._attempt_now(schedule, action, 0.0)

    def _attempt_now(self, schedule: Schedule, action: Action, after_s: float) -> None:
        from paperbuild.engine.running import Cancelled, Released

        attempt = self._attempt(action, frozenset(schedule.settled))
        attempt.released = partial(self._workshop.lanes.tell, action.id, Released())
        last = self._workshop.index.last_run(action.id)
        self._tell(
            ActionStarted(action.id, self._progress.reasons[action.id][0].text, last.duration_s if last and last.succeeded else None)
        )

        def run() -> object:
            return attempt.run() if not after_s or self._workshop.executor.rest(after_s) else Cancelled()

        self._workshop.lanes.start(action.id, run)

    def _take_turn(self, schedule: Schedule, action: Action) -> bool:
        """Take the turn of ``action`` among all builds; return whether it runs now. Else it is looked up again, at once or later."""
        key = self._progress.keyed[action.id].key
        if not self._turns.take(key):
            if action.id not in self._progress.waiting:
                self._progress.waiting.add(action.id)
                self._tell(ActionWaits(action.id))
            schedule.start(action.id, idle=True)
            self._workshop.lanes.start(action.id, partial(self._turns.wait, key))
            return False
        if self._is_settled_by_now(schedule, action):
            self._turns.give_back(key)
            del self._progress.reasons[action.id]
            schedule.again(action.id)
            return False
        return True

    def _is_settled_by_now(self, schedule: Schedule, action: Action) -> bool:
        """Return whether another build has made ``action`` since it was looked up, or what it reads has settled as it was."""
        if self._progress.reasons[action.id][0].kind == "lost":
            return False  # its record holds, and there is nothing to take
        with contextlib.suppress(OSError):  # running it tells
            return self._lookup.is_settled(action, self._progress.keyed[action.id], self._graph, schedule.settled)
        return False

    def _take(self, schedule: Schedule, id_: str, result: object) -> None:
        from paperbuild.engine import running

        if isinstance(result, running.Released):
            schedule.rest(id_)
            return
        action = self._graph.actions[id_]
        self._grounds.disturb()
        if isinstance(result, running.Failed) and result.by_itself:
            self._progress.failures[id_] += 1
            failures = self._progress.failures[id_]
            if is_tried_again(action, failures) and not self._progress.stopping:
                self._notice(tried_again(action, failures, result.diagnostics))
                self._attempt_now(schedule, action, pause_s(failures))
                return
            result = msgspec.structs.replace(result, diagnostics=given_up(failures, result.diagnostics))
        del self._progress.reasons[id_]
        if id_ in self._progress.keyed:
            self._turns.give_back(self._progress.keyed[id_].key)
        match result:
            case Free():
                schedule.again(id_)
            case running.Made(duration_s, warnings):
                self._notice(*warnings)
                self._settle(schedule, action, Outcome.RAN, duration_s)
            case running.Failed(diagnostics=diagnostics, duration_s=duration_s, is_ours=is_ours):
                self._fail(schedule, id_, diagnostics, duration_s=duration_s, stop=is_ours)
            case running.Needs(others):
                self._progress.attempts[id_] -= 1
                self._put_behind(schedule, action, others)
            case running.Changed(path):
                self._run_again(schedule, action, path)
            case running.Cancelled():
                self._fail(schedule, id_, (), outcome=Outcome.CANCELLED)
            case BaseException():
                raise result
            case _:
                raise InternalError(f"{id_} ended as {result!r}")

    def _put_behind(self, schedule: Schedule, action: Action, others: Sequence[str]) -> None:
        for other in others:
            turn = self._graph.path(other, action.id)
            if turn:
                self._fail(schedule, action.id, (circle((action.id, *turn), self._graph.actions),))
                return
        self._graph.edges[action.id] |= frozenset(others)
        schedule.add(self._graph.closure(others), self._graph.edges)
        if schedule.again(action.id, others):
            self._fail(schedule, action.id, (), outcome=Outcome.BLOCKED)

    def _run_again(self, schedule: Schedule, action: Action, path: str) -> None:
        if self._progress.attempts[action.id] < MOST_ATTEMPTS:
            schedule.again(action.id)
            return
        fault = Diagnostic(
            "PB414", f"{path} changed each time that {action.id} ran", action.span,
            notes=(f"it ran {MOST_ATTEMPTS} times; a result is published only where its inputs stayed the same",),
            help=(f"does {action.id}, or something beside it, write {path}?",),
        )  # fmt: skip
        self._fail(schedule, action.id, (fault,))

    # endings

    def _settle(self, schedule: Schedule, action: Action, outcome: Outcome, duration_s: float) -> None:
        schedule.settle(action.id)
        self._progress.outcomes[action.id] = outcome
        self._tell(ActionEnded(action.id, outcome, duration_s, tuple(output.path for output in action.outputs)))

    def _fail(
        self,
        schedule: Schedule,
        id_: str,
        diagnostics: Sequence[Diagnostic],
        *,
        outcome: Outcome = Outcome.FAILED,
        duration_s: float = 0.0,
        stop: bool = True,
    ) -> None:
        if stop and not self._options.keep_going:
            self._progress.stopping = True
            self._turns.end_waiting()
        self._progress.outcomes[id_] = outcome
        self._tell(ActionEnded(id_, outcome, duration_s))
        self._notice(*diagnostics)
        self._block(id_, schedule)

    def _block(self, id_: str, schedule: Schedule) -> None:
        for other in schedule.lose(id_):
            self._progress.outcomes[other] = Outcome.BLOCKED
            self._tell(ActionEnded(other, Outcome.BLOCKED, 0.0))

    def _notice(self, *diagnostics: Diagnostic) -> None:
        for diagnostic in diagnostics:
            self._progress.diagnostics.append(diagnostic)
            self._tell(Noticed(diagnostic))

    def _cancel(self) -> None:
        self._turns.end_waiting()
        self._workshop.executor.cancel_all()
        self._workshop.lanes.drain()


def has_errors(report: BuildReport) -> bool:
    """Return whether an error was told."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in report.diagnostics)
