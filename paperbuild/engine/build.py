"""Builds: which actions run, which are reused, and what becomes of their outputs.

One loop in one thread decides; what takes long happens in lanes beside it. It examines each action when all it waits for is settled;
those that must run are run, published and noted. A step that asks for an output that has not settled is put back behind the action that
makes it; one whose inputs changed while it ran is run again.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.course import Course
from paperbuild.engine.earlier import Earlier, overtaken, shown_stale
from paperbuild.engine.examining import Examiner, probable
from paperbuild.engine.faults import disk_fault, refused
from paperbuild.engine.floor import Floor
from paperbuild.engine.foresight import early_faults
from paperbuild.engine.graph import Action, Command, Graph, Resources, Step
from paperbuild.engine.grounds import Grounds
from paperbuild.engine.keys import KeyMaker
from paperbuild.engine.observation import Observer
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.ports import Unfetched
from paperbuild.engine.reopening import alike, dependents
from paperbuild.engine.retrying import given_up, is_tried_again, pause_s, tried_again
from paperbuild.engine.schedule import Elsewhere, Schedule
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.store import DAY_NS
from paperbuild.engine.trace import Artifact
from paperbuild.engine.turns import Free, Turns
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import BuildError, HungUp, InternalError, Interrupted, WriteError
from paperbuild.events import ActionStarted, ActionWaits, BuildEnded, BuildStarted, BuildWaits, Fetching, Listener, Outcome

if TYPE_CHECKING:
    from paperbuild.engine import running
    from paperbuild.engine.away import Away

LEFT_BEHIND_NS = DAY_NS
"""A file on its way into the store that nobody has written to for a day was left by a build that died."""

MOST_ATTEMPTS = 4
"""How often an action runs whose inputs change while it runs, before that is an error."""


MOST_MISSES = 3
"""How often a command runs that touches outputs elsewhere, which nobody could know, before all come that there are."""


class BuildReport(msgspec.Struct, frozen=True):
    """How a build ended: each action's outcome, and every diagnostic, errors last.

    ``earlier`` tells of the actions that are not up to date and are used all the same, and of those that rest on them.
    """

    outcomes: Mapping[str, Outcome]
    diagnostics: tuple[Diagnostic, ...]
    duration_s: float
    earlier: Mapping[str, Earlier] = {}

    @property
    def succeeded(self) -> bool:
        """Whether everything that was wanted is up to date, or is allowed to be shown though it is not."""
        return all(outcome.is_usable for outcome in self.outcomes.values())

    def count(self, outcome: Outcome) -> int:
        """Return how many actions ended so."""
        return sum(1 for found in self.outcomes.values() if found is outcome)


def build(graph: Graph, wanted: Sequence[str], workshop: Workshop, options: BuildOptions, listener: Listener) -> BuildReport:
    """Bring the actions ``wanted``, and what they need, up to date, once no other build is at work in this project any more.

    Where nothing can be written to the project, that is told of what is not up to date, and nothing is done.

    Raises:
        BuildError: the project's state cannot be written, or what an earlier build left cannot be put right.
        Interrupted: the user asked to stop; what ran was ended and undone.
    """
    try:
        return _built(graph, wanted, workshop, options, listener)
    except WriteError as closed:
        from paperbuild.engine.unwritable import as_it_stands

        return BuildReport(*as_it_stands(graph, wanted, workshop, options, listener, closed))


def _built(graph: Graph, wanted: Sequence[str], workshop: Workshop, options: BuildOptions, listener: Listener) -> BuildReport:
    try:
        workshop.prepare()
    except OSError as error:
        raise refused(error, disk_fault("the project's state", error)) from None

    def waits(process: str) -> None:
        listener(BuildWaits(process))

    with workshop.lock.hold(f"{workshop.site.state}/lock", waits=waits), workshop.store.at_work(workshop.lock):
        begin = workshop.clock.monotonic_s()
        floor = _floor(graph.copy(), workshop, options)
        grounds = Grounds(floor.workshop, graph)  # before a lost index is filled again: nothing of an earlier one holds then
        notices = _put_right(floor, whole=options.whole)
        ids = floor.graph.closure(wanted)
        grounds.look(ids)
        turns = Turns(workshop.lock, workshop.store.locks)

        def stopped() -> None:
            turns.end_waiting()
            workshop.executor.call_back()

        schedule = _schedule(floor, grounds, ids, options)
        course = Course(floor.graph, schedule, listener, keeps_going=options.keep_going, stopped=stopped)
        course.notice(*notices)
        try:
            course.tell(BuildStarted(len(ids), tuple(ids)))
            _Build(floor, course, Examiner(floor, graph, grounds, course, options), grounds, turns, options).run(ids)
            if workshop.remote is not None:
                course.notice_new(workshop.remote.notices())
            return _report(course, workshop.clock.monotonic_s() - begin)
        finally:
            if floor.workshop.away is not None:
                floor.workshop.away.save()
            workshop.index.flush()  # what was found out is kept for the next build, however this one ends
            grounds.save()


def _floor(graph: Graph, workshop: Workshop, options: BuildOptions) -> Floor:
    workshop, fs = workshop.noting()
    if workshop.away is None:
        with contextlib.suppress(OSError):  # whatever was elsewhere is out of reach
            workshop.fs.unlink(f"{workshop.site.state}/away")
    else:
        workshop.away.tells = partial(workshop.lanes.tell, "")
    observer = Observer(workshop.site.root, fs, workshop.index, workshop.clock, workshop.environment, graph)
    workshop.executor.hear(partial(workshop.lanes.tell, ""))
    shelf = Shelf(
        workshop.site, workshop.fs, workshop.store, workshop.index, observer, workshop.versions, overwrite=options.overwrite,
        away=workshop.away,
    )  # fmt: skip
    keys = KeyMaker(graph, observer, workshop.environment, workshop.runners)
    return Floor(workshop, graph, observer, shelf, keys, options.strict, options.keep_checkpoints)


def _put_right(floor: Floor, *, whole: bool) -> tuple[Diagnostic, ...]:
    """Undo what died, and take away what is left over, before anything is looked at; return what there is to tell of it."""
    workshop, shelf = floor.workshop, floor.shelf
    try:
        notices = shelf.recover(workshop.executor.end_group)
        shelf.deeds.owned()  # found again, if need be: after what stood there is back, and before anything is noted
        workshop.store.incoming.sweep(workshop.clock.now_ns() - LEFT_BEHIND_NS)
        if shelf.sent:
            notices = (*notices, *_of_sent(floor, whole=whole))
        return (*notices, *(shelf.remove_orphans(floor.graph) if whole else ()))
    except OSError as error:
        raise BuildError(disk_fault("what an earlier build left could not be put right", error)) from None


def _of_sent(floor: Floor, *, whole: bool) -> tuple[Diagnostic, ...]:
    """End what was sent elsewhere of actions that there are no more; return what there is to tell of all that was sent."""
    from paperbuild.engine.sending import still_there

    shelf = floor.shelf
    notices = still_there(shelf.sent.values())
    gone = [entry for id_, entry in shelf.sent.items() if whole and id_ not in floor.graph.actions]
    try:
        if gone:
            floor.workshop.executor.recall([entry.sent.errand for entry in gone if entry.sent is not None])
    except BuildError as error:  # it disturbs nobody, and a later build tries again
        return (*notices, *(replace(fault, severity=Severity.WARNING) for fault in error.diagnostics))
    for entry in gone:
        shelf.undo(entry)
        del shelf.sent[entry.action]
    return notices


def _schedule(floor: Floor, grounds: Grounds, ids: Sequence[str], options: BuildOptions) -> Schedule:
    resources = {id_: action.resources for id_, action in floor.graph.actions.items()}
    capacity = Resources(cpu=options.jobs, gpu=options.gpus, memory_bytes=options.memory_bytes)
    elsewhere = {id_: action.on for id_, action in floor.graph.actions.items() if action.on}
    places = Elsewhere(elsewhere, floor.workshop.most)
    return Schedule(ids, floor.graph.edges, resources, capacity, probable(floor, grounds, ids), places)


def _report(course: Course, duration_s: float) -> BuildReport:
    outcomes = {id_: course.outcomes.get(id_, Outcome.CANCELLED) for id_ in course.schedule.order}
    course.tell(BuildEnded(tuple(sorted(Counter(outcomes.values()).items())), duration_s))
    return BuildReport(outcomes, tuple(course.diagnostics), duration_s, course.earlier)


class Fetched(msgspec.Struct, frozen=True):
    """What an action needs to be reused has come, or cannot be had; looking at it again tells."""


class _Build:
    """The loop."""

    def __init__(self, floor: Floor, course: Course, examiner: Examiner, grounds: Grounds, turns: Turns, options: BuildOptions) -> None:
        self._floor = floor
        self._options = options
        self._workshop = floor.workshop
        self._graph = floor.graph
        self._course = course
        self._schedule = course.schedule
        self._examiner = examiner
        self._grounds = grounds
        self._turns = turns
        self._attempts: Counter[str] = Counter()
        self._misses: Counter[str] = Counter()
        self._wanted: dict[str, set[str]] = {}  # outputs that are away, and that those who ran touched
        self._failures: Counter[str] = Counter()
        self._waiting: set[str] = set()
        self._spent: set[str] = set()  # what commands changed themselves that they had read

    def run(self, ids: Sequence[str]) -> None:
        try:
            for id_, faults in early_faults(self._floor, self._grounds, ids):
                self._course.fail(id_, faults)
            self._loop()
        except KeyboardInterrupt as stop:
            left = self._cancel(leaves=isinstance(stop, HungUp))
            raise Interrupted(*_interrupted(left)) from None
        except BaseException:
            self._cancel()  # nothing goes on behind the back of whoever called
            raise
        finally:
            self._turns.close()
        self._tell_blindness()
        steps = [id_ for id_ in ids if isinstance(self._graph.actions[id_].recipe, Step)]
        self._course.notice(*shown_stale(self._course.earlier, self._graph, steps))
        self._tell_overtaken(steps)

    def _tell_overtaken(self, steps: Sequence[str]) -> None:
        """Say what is not up to date any more: commands may run for days, and somebody may work on the project meanwhile."""
        if any(isinstance(self._graph.actions[id_].recipe, Command) for id_ in self._attempts):
            self._grounds.drop_moved()
        moved = self._examiner.lay_grounds()
        if not self._options.follows:
            told_of = {*self._spent, *self._workshop.index.strays()} if moved else set()
            moved = {id_: reason for id_, reason in moved.items() if reason.subject not in told_of}
            severity = Severity.ERROR if self._options.strict else Severity.WARNING
            self._course.notice(*overtaken(moved, self._graph, steps, severity))

    def _tell_blindness(self) -> None:
        """Say once where commands ran that nobody could watch: what they are supposed to read was taken for what they read."""
        ran = (id_ for id_ in self._attempts if isinstance(self._graph.actions[id_].recipe, Command))
        unwatched = [id_ for id_ in ran if self._graph.actions[id_].observe != "off"]
        why = self._workshop.executor.blind() if unwatched else ""
        if why:
            notes = ("declared inputs, files that their words name, what they need and what Python programs open count as what they read",)
            self._course.notice(Diagnostic("PB417", f"commands cannot be watched here: {why}", severity=Severity.NOTE, notes=notes))

    def _loop(self) -> None:
        while True:
            self._start_what_can()
            if not self._schedule.running:
                return
            id_, result = self._workshop.lanes.wait()
            self._take(id_, result)

    def _start_what_can(self) -> None:
        while True:
            while arrived := self._schedule.arrivals():
                others = self._examiner.settle_known(arrived)
                self._examiner.consult(others)
                for id_ in others:
                    self._examine(id_)
            next_ = None if self._course.stopping else self._schedule.next()
            if next_ is None:
                return
            self._start(next_)

    def _examine(self, id_: str) -> None:
        try:
            if self._examiner.examine(id_):
                self._schedule.line_up(id_)
        except Unfetched as gone:
            self._reopen(self._graph.actions[id_], gone.paths)
        missing = self._examiner.to_fetch.pop(id_, None)
        away = self._workshop.away
        if missing and away is not None:
            self._schedule.start(id_, idle=True)
            self._workshop.lanes.start(id_, partial(_fetch, away, missing))

    def _start(self, id_: str) -> None:
        action = self._graph.actions[id_]
        others = self._course.reopened_before(action)
        if others:
            del self._course.reasons[id_]
            self._course.put_behind(action, others)
            return
        if isinstance(action.recipe, Command) and not self._take_turn(action):
            return
        self._schedule.start(id_)
        self._grounds.drop(id_)
        self._grounds.disturb()
        self._attempts[id_] += 1
        self._attempt_now(action, 0.0)

    def _attempt_now(self, action: Action, after_s: float) -> None:
        from paperbuild.engine.attempting import attempt_at
        from paperbuild.engine.running import Cancelled, Released

        reasons = self._course.reasons.get(action.id, ())
        attempt = attempt_at(self._floor, action, self._course.keyed[action.id], reasons, self._course.settled_then(action.id))
        attempt.wanted = frozenset(self._wanted.get(action.id, ()))
        attempt.released = partial(self._workshop.lanes.tell, action.id, Released())
        last = self._workshop.index.last_run(action.id)
        self._course.tell(
            ActionStarted(action.id, self._course.reasons[action.id][0].text, last.duration_s if last and last.succeeded else None)
        )

        def run() -> object:
            return attempt.run() if not after_s or self._workshop.executor.rest(after_s) else Cancelled()

        self._workshop.lanes.start(action.id, run)

    def _take_turn(self, action: Action) -> bool:
        """Take the turn of ``action`` among all builds; return whether it runs now. Else it is looked up again, at once or later."""
        key = self._course.keyed[action.id].key
        if not self._turns.take(key):
            if action.id not in self._waiting:
                self._waiting.add(action.id)
                self._course.tell(ActionWaits(action.id))
            self._schedule.start(action.id, idle=True)
            self._workshop.lanes.start(action.id, partial(self._turns.wait, key))
            return False
        if self._examiner.is_settled_by_now(action):
            self._turns.give_back(key)
            del self._course.reasons[action.id]
            self._schedule.again(action.id)
            return False
        return True

    def _take(self, id_: str, result: object) -> None:
        from paperbuild.engine import running

        if isinstance(result, Fetching):
            self._course.tell(result)
            return
        if isinstance(result, Diagnostic):
            self._course.notice(result)
            return
        if isinstance(result, running.Released):
            self._schedule.rest(id_)
            return
        action = self._graph.actions[id_]
        self._grounds.disturb()
        if isinstance(result, running.Failed) and result.by_itself:
            self._failures[id_] += 1
            failures = self._failures[id_]
            if is_tried_again(action, failures) and not self._course.stopping:
                self._course.notice(tried_again(action, failures, result.diagnostics))
                self._attempt_now(action, pause_s(failures))
                return
            result = msgspec.structs.replace(result, diagnostics=given_up(failures, result.diagnostics))
        self._end(action, result)

    def _end(self, action: Action, result: object) -> None:
        """Take how an attempt at ``action`` ended, or what it waited for has come."""
        from paperbuild.engine import running

        id_ = action.id
        self._course.reasons.pop(id_, None)
        if id_ in self._course.keyed:
            self._turns.give_back(self._course.keyed[id_].key)
        match result:
            case Free() | Fetched():
                self._schedule.again(id_)
            case running.Made(duration_s, warnings, spent):
                self._spent.update(spent)
                self._course.notice(*warnings)
                self._settle(action, duration_s)
            case running.Failed(diagnostics=diagnostics, duration_s=duration_s, is_ours=is_ours):
                self._course.fail(id_, diagnostics, duration_s=duration_s, stop=is_ours)
            case running.Needs(others, away):
                self._attempts[id_] -= 1
                if away:
                    self._wanted.setdefault(id_, set()).update(self._with_others(id_, away))
                self._course.put_behind(action, others)
            case running.Lost(paths):
                self._attempts[id_] -= 1
                self._reopen(action, paths)
            case running.Changed(path, began):
                self._attempts[id_] -= not began
                self._run_again(action, path)
            case running.Cancelled():
                self._course.fail(id_, (), outcome=Outcome.CANCELLED)
            case BaseException():
                raise result
            case _:
                raise InternalError(f"{id_} ended as {result!r}")

    def _with_others(self, id_: str, away: Sequence[str]) -> Collection[str]:
        """Return what is brought for ``id_``, which touched ``away``: all that is away where that has happened too often."""
        self._misses[id_] += 1
        everything = self._workshop.away.outputs() if self._workshop.away is not None and self._misses[id_] >= MOST_MISSES else ()
        return everything or alike(self._graph, away)

    def _reopen(self, action: Action, paths: Sequence[str]) -> None:
        """Have the outputs ``paths``, which ``action`` needs and nobody can fetch, made again: it waits, and so does all that read them."""
        makers = {maker.id for path in paths if (maker := self._graph.maker(path.rstrip("/"))) is not None} - {action.id}
        behind = dependents(self._graph, self._schedule.order, self._workshop.index.last_reads(), makers)
        self._examiner.doubt(makers)
        self._grounds.disturb()
        for id_ in makers:
            self._grounds.drop(id_)
        self._course.reopen((*makers, *behind), behind)
        self._course.put_behind(action, sorted(makers))

    def _settle(self, action: Action, duration_s: float) -> None:
        """Note that ``action`` has been made; where something that it read is made again by now, it is looked at again after that."""
        others: list[str] = []
        if self._course.reopened:
            last = self._workshop.index.last_run(action.id)
            reads = {action.id: last.reads} if last else {}
            others = [id_ for id_ in self._course.reopened if dependents(self._graph, (action.id,), reads, {id_})]
        if others:
            self._course.reopened[action.id] = Outcome.RAN
            self._course.put_behind(action, others)
        else:
            self._course.settle(action, Outcome.RAN, duration_s)

    def _run_again(self, action: Action, path: str) -> None:
        if self._attempts[action.id] < MOST_ATTEMPTS:
            self._schedule.again(action.id)
            return
        fault = Diagnostic(
            "PB414", f"{path} changed each time that {action.id} ran", action.span,
            notes=(f"it ran {MOST_ATTEMPTS} times; a result is published only where its inputs stayed the same",),
            help=(f"does {action.id}, or something beside it, write {path}?",),
        )  # fmt: skip
        self._course.fail(action.id, (fault,))

    def _cancel(self, *, leaves: bool = False) -> tuple[running.Failed, ...]:
        """End all that runs; return what is told of each that goes on all the same, elsewhere."""
        from paperbuild.engine import running

        self._turns.end_waiting()
        self._workshop.executor.cancel_all(leaves=leaves)
        if self._workshop.remote is not None:
            self._workshop.remote.halt()
        ended = self._workshop.lanes.drain()
        return tuple(one for one in ended if isinstance(one, running.Failed) and one.goes_on)


def _interrupted(left: Sequence[running.Failed]) -> tuple[Diagnostic, ...]:
    """Return what is told of a build that the user stopped, with all that ran but what is ``left`` to go on elsewhere."""
    if not left:
        return (Diagnostic("PB404", "interrupted; what ran was ended, and its outputs are as they were"),)
    faults = [fault for fault in left[0].diagnostics if fault.severity is Severity.ERROR]  # the same of all
    jobs = "a job elsewhere goes" if len(left) == 1 else f"{len(left)} jobs elsewhere go"
    message = f"interrupted; {jobs} on, and what ran here was ended"
    return (*faults, Diagnostic("PB404", message, notes=("the next build finds what runs elsewhere, and does not run it again",)))


def _fetch(away: Away, artifacts: Sequence[Artifact]) -> Fetched:
    away.fetch(artifacts)
    return Fetched()


def has_errors(report: BuildReport) -> bool:
    """Return whether an error was told."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in report.diagnostics)
