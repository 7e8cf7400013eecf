"""Whether an action must run, and why; where a result of it holds, that is put into its place instead.

An action is looked up once all it waits for is settled: first by its key, then among that key's records for one whose trace still holds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.borrowing import borrowed
from paperbuild.engine.course import Course
from paperbuild.engine.earlier import earlier_of, newest_known, told
from paperbuild.engine.faults import disk_fault
from paperbuild.engine.floor import Floor
from paperbuild.engine.graph import Action, Command, Graph, Step
from paperbuild.engine.grounds import Grounds, Moments
from paperbuild.engine.holding import may_stand_in, nothing_to_adopt, why_held
from paperbuild.engine.index import Run
from paperbuild.engine.keys import Keyed
from paperbuild.engine.lookup import Lookup
from paperbuild.engine.noting import Facts
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.ports import Unfetched
from paperbuild.engine.reasons import OF_FILES, Reason
from paperbuild.engine.trace import Artifact, Record
from paperbuild.errors import BuildError
from paperbuild.events import Outcome


def probable(floor: Floor, grounds: Grounds, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return what these probably read besides what they wait for: an action's id to those that make it."""
    reads = floor.workshop.index.last_reads()
    known = (
        (id_, grounds.after(id_) if grounds.are_laid(id_) else _makers(floor.graph, id_, reads.get(id_, ()))) for id_ in ids
    )  # fmt: skip
    return {id_: others for id_, others in known if others}


def _makers(graph: Graph, id_: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of the other actions whose outputs whoever read ``paths`` looked at."""
    return tuple(sorted({other for path in paths for other in graph.makers_touched(path, listed=True)} - {id_}))


class Examiner:
    """Examines the actions of one build: of ``declared``, which is the graph of ``floor`` before anything was added to it."""

    def __init__(self, floor: Floor, declared: Graph, grounds: Grounds, course: Course, options: BuildOptions) -> None:
        self._floor = floor
        self._workshop = floor.workshop
        self._graph = floor.graph
        self._declared = declared
        self._observer = floor.observer
        self._shelf = floor.shelf
        self._keys = floor.keys
        self._grounds = grounds
        self._course = course
        self._options = options
        self._lookup = Lookup(floor.workshop, floor.observer, floor.shelf)
        self._expecting: set[str] = set()
        self._in_place: dict[str, Record] = {}
        self._relied_on: tuple[Record | None, frozenset[str]] = None, frozenset()  # the last one, and who makes what it read
        self._doubted: set[str] = set()
        self._asked: set[str] = set()  # the keys that were asked for elsewhere: once in a build
        self.to_fetch: dict[str, tuple[Artifact, ...]] = {}
        """What must come here before it is worth examining an action again, which holds."""
        self._use_noted: dict[str, int] = {}  # when the use of its record was noted last

    def consult(self, ids: Sequence[str]) -> None:
        """Ask elsewhere for results of those of ``ids`` for which none here holds, all at once; what comes is a result here."""
        if self._workshop.remote is not None:
            from paperbuild.engine.consulting import consult

            with contextlib.suppress(OSError, Unfetched):  # examining tells
                consult(self._floor, self._lookup, [id_ for id_ in ids if not self._is_known(id_)], self._course, self._asked)

    def _is_known(self, id_: str) -> bool:
        """Return whether nobody elsewhere can tell more of ``id_``."""
        return id_ in self._options.adopts or id_ in self._doubted or self._holds(self._graph.actions[id_])

    def _holds(self, action: Action) -> bool:
        """Return whether ``action`` is up to date by what an earlier build found."""
        return self._grounds.hold(action, self._course.schedule.settled)

    def doubt(self, ids: Iterable[str]) -> None:
        """Ask nobody elsewhere for ``ids`` any more: what is said to be there of them cannot be had."""
        self._doubted.update(ids)

    def _is_wanted_here(self, action: Action) -> bool:
        """Return whether the outputs of ``action`` are to stand in the tree though nobody may read them."""
        return isinstance(action.recipe, Step) or action.id in self._options.placed

    def settle_known(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Settle those of ``ids`` that an earlier build found up to date and that are so still; return the others.

        To look one of those up may put files into their places, and then everything must be looked at anew.
        """
        self._grounds.look(ids)
        known = self._grounds.use([id_ for id_ in ids if self._need_not_be_looked_up(self._told(id_))])
        self._course.reuse(known)
        if len(known) == len(ids):
            return ()
        return tuple(id_ for id_ in ids if id_ not in self._course.schedule.settled)

    def examine(self, id_: str) -> bool:
        """Look ``id_`` up: reuse it, or find the reason to run it. Return whether it must run.

        Raises:
            Unfetched: to look it up takes outputs that are away and cannot be had.
        """
        action = self._told(id_)
        if self._need_not_be_looked_up(action) and self._grounds.use((id_,)):
            self._course.reuse((id_,))
            return False
        taken_ns = self._workshop.clock.now_ns()
        try:
            with self._observer.noting() as facts:
                must_run = self._look_up(action)
        except OSError as error:
            self._course.fail(id_, (disk_fault(id_, error, action.span),))
            return False
        found = self._in_place.pop(id_, None)
        if found is not None and id_ not in self._course.earlier:
            self._lay_ground(action, found, facts, taken_ns)
        return must_run

    def _need_not_be_looked_up(self, action: Action) -> bool:
        """Return whether ``action`` is up to date by what an earlier build found, and nothing of it is asked for or missing."""
        is_asked_for = action.id in self._options.adopts or action.id in self._shelf.sent
        return not is_asked_for and self._is_known_to_hold(action) and not self._is_missing(action)

    def _is_missing(self, action: Action) -> bool:
        """Return whether outputs of ``action`` that are to stand in the tree are away."""
        away = self._workshop.away
        return bool(away) and away is not None and self._is_wanted_here(action) and any(away.is_away(o.path) for o in action.outputs)

    def _told(self, id_: str) -> Action:
        """Return the action ``id_``: a step with what it must know of earlier results that it shows, which counts, too."""
        action = self._declared.actions[id_]
        if isinstance(action.recipe, Step):
            stale = self._course.earlier_among(id_)
            if stale:
                action = replace(action, recipe=replace(action.recipe, config=(*action.recipe.config, *told(stale, self._declared))))
            self._graph.actions[id_] = action
        return action

    def _is_known_to_hold(self, action: Action) -> bool:
        """Return whether ``action`` need not be looked up, and does not wait, or was seen to wait, for what is not up to date."""
        earlier = self._course.earlier
        if earlier and not earlier.keys().isdisjoint((*self._graph.edges[action.id], *self._grounds.after(action.id))):
            return False
        return self._holds(action)

    def _look_up(self, action: Action) -> bool:
        others = self._unsettled(action, self._keys.makers(action)) or self._course.reopened_before(action)
        if others:
            self._course.put_behind(action, others)
            return False
        keyed = self._keys.key(action)
        self._course.keyed[action.id] = keyed
        self._course.notice_new(keyed.notices)
        if keyed.faults:
            self._course.fail(action.id, keyed.faults)
            return False
        found = self._lookup.find(action, keyed, self._graph, self._course.settled_for(action.id))
        if not isinstance(found, Record) and self._workshop.remote is not None and keyed.key not in self._asked:
            self.consult((action.id,))  # a moment ago one held
            found = self._lookup.find(action, keyed, self._graph, self._course.settled_for(action.id))
        if isinstance(found, Record):
            again = self._may_rely_on(action, found)
            if again is None:
                return False
            found = again
        if action.id in self._options.adopts:
            self._adopt_as_asked(action, found)
            return False
        if isinstance(found, Record):
            reason = self._reuse(action, found)
            if reason is None:
                return False
            found = (reason,)
        if self._options.adopt and isinstance(action.recipe, Command) and self._adopt(action):
            return False
        if self._expects_others(action):  # before it is held: a result may hold once those are settled
            return False
        if self._is_held(action, found[0]):
            return False
        self._course.reasons[action.id] = found
        return True

    def _is_held(self, action: Action, reason: Reason) -> bool:
        """Hold ``action`` where it may not be executed; return whether that was the end of it."""
        fault = why_held(action, self._options, reason)
        if fault is None or self._has_come(action):
            return False
        runs = action.id in self._shelf.sent  # elsewhere, where it writes to the places of its outputs
        if not runs and may_stand_in(action, self._options) and self._stand_in(action, reason):
            return True
        self._course.fail(action.id, (fault,), outcome=Outcome.HELD, stop=False)
        return True

    def _has_come(self, action: Action) -> bool:
        """Return whether an earlier build sent ``action`` elsewhere and it has ended: it need not be executed, only taken."""
        entry = self._shelf.sent.get(action.id)
        if entry is None:
            return False
        from paperbuild.engine.sending import has_come

        return has_come(entry, self._course.keyed[action.id].key, self._workshop.fs)

    def _withdraw(self, action: Action) -> None:
        """End a run of ``action`` that an earlier build sent elsewhere: there is a result already, and it would write over that."""
        entry = self._shelf.sent.get(action.id)
        if entry is not None and entry.sent is not None:
            self._workshop.executor.recall((entry.sent.errand,))
            self._shelf.undo(entry)
            del self._shelf.sent[action.id]

    def _stand_in(self, action: Action, reason: Reason) -> bool:
        """Put the newest known result of ``action`` into its place; return whether that was the end of it, one way or the other."""
        known = newest_known(action, self._course.keyed[action.id].key, self._workshop, self._shelf, self._observer)
        if known is None:
            return False
        try:
            if self._shelf.place(action, known.artifacts, may_be_away=not self._is_wanted_here(action)):
                self._grounds.disturb()
        except DamagedBlob:
            return False
        except BuildError as error:
            self._course.fail(action.id, error.diagnostics, stop=False)
            return True
        self._course.stand_in(action, earlier_of(action, reason.text, known.record))
        return True

    def _may_rely_on(self, action: Action, found: Record) -> Record | tuple[Reason, ...] | None:
        """Return ``found`` where all that it read has settled; else why the action runs, or None where it waits now, or cannot go on."""
        makers = self._lookup.makers(found, self._graph)
        self._relied_on = found, makers
        others = self._unsettled(action, makers)
        turn = next((other for other in others if self._graph.path(other, action.id)), None)
        if turn:
            return (Reason("order", turn),)
        if others:
            self._course.put_behind(action, others)
            return None
        faults = self._borrows(action, found)
        if faults:
            self._course.fail(action.id, faults)
            return None
        return found

    def _expects_others(self, action: Action) -> bool:
        """Let others be made first after which a result may hold, or which a command read last time. Return whether there is such.

        A command will probably read those again, and would have run in vain; a step asks before it reads, which costs nothing.
        """
        if action.id in self._expecting:
            return False
        self._expecting.add(action.id)
        keyed = self._course.keyed[action.id]
        reads = () if isinstance(action.recipe, Step) else self._read_before(action, keyed)
        hopes = self._lookup.hopes(action, keyed, self._graph, lambda other: other not in self._course.settled_for(action.id))
        used = {*_makers(self._graph, action.id, reads), *(other for others in hopes for other in others)}
        others = [other for other in sorted(used) if not self._graph.path(other, action.id)]
        earlier = [other for other in others if other in self._course.earlier and other not in self._graph.edges[action.id]]
        if earlier:
            self._course.put_behind(action, earlier)
            return True
        self._course.schedule.add(self._graph.closure(others), self._graph.edges)
        return self._course.schedule.expect(action.id, others)

    def _read_before(self, action: Action, keyed: Keyed) -> tuple[str, ...]:
        """Return what the last run of ``action`` here read of others, and what runs under its key elsewhere did."""
        last = self._workshop.index.last_run(action.id)
        records = () if last is not None and last.key == keyed.key else self._workshop.store.records(keyed.key)
        return (*(last.reads if last else ()), *(path for record in records for path in self._lookup.reads(record, self._graph)))

    def is_settled_by_now(self, action: Action) -> bool:
        """Return whether another build has made ``action`` since it was examined, or what it reads has settled as it was."""
        if self._course.reasons[action.id][0].kind == "lost":
            return False  # its record holds, and there is nothing to take
        with contextlib.suppress(OSError, Unfetched):  # running it tells
            return self._lookup.is_settled(action, self._course.keyed[action.id], self._graph, self._course.settled_for(action.id))
        return False

    def _borrows(self, action: Action, record: Record) -> tuple[Diagnostic, ...]:
        return borrowed(action, record.items, self._workshop.index.strays(), self._graph)

    def _unsettled(self, action: Action, others: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(set(others) - self._course.settled_for(action.id) - {action.id}))

    def _reuse(self, action: Action, record: Record) -> Reason | None:
        """Place the outputs of ``record``; return why the action must run after all, or None."""
        # Before anything relies on it.
        is_last = self._is_last(action, record)
        now_ns = self._workshop.clock.now_ns()
        self._use_noted[action.id] = self._workshop.store.note_use(record, now_ns, after_another=not is_last)
        stays = not self._is_wanted_here(action)
        try:
            missing = () if stays or self._workshop.remote is None else self._shelf.to_fetch(record.artifacts)
            if missing:
                self.to_fetch[action.id] = missing
                return None
            self._withdraw(action)
            if not self._shelf.place(action, record.artifacts, may_be_away=stays):
                self._in_place[action.id] = record
            else:
                self._grounds.drop(action.id)  # it is on what stood there before; another one is laid when all is in its place
                self._grounds.disturb()
        except DamagedBlob as lost:
            path = next((artifact.path for artifact in record.artifacts if artifact.digest == str(lost)), "")
            return Reason("lost", path, str(lost), "damaged")
        except BuildError as error:
            if not (self._options.adopt and self._adopt(action)):
                self._course.fail(action.id, error.diagnostics, stop=False)
            return None
        if not is_last:
            self._observer.inventories.keep(record)
            reads = self._lookup.reads(record, self._graph)
            self._workshop.index.note_run(
                action.id, Run(record.key, record.name, record.finished_ns, record.duration_s, True, "", reads, record.strays)
            )
        self._course.settle(action, Outcome.REUSED)
        return None

    def _stays_for_good(self, action: Action, record: Record) -> bool:
        """Return whether what ``record`` names stands in its places, and it rests on nothing that is written beside."""
        return self._shelf.in_place(record.artifacts) and not self._borrows(action, record)

    def _is_last(self, action: Action, record: Record) -> bool:
        """Return whether ``record`` is the result of ``action`` that was used last."""
        last = self._workshop.index.last_run(action.id)
        return last is not None and (last.key, last.record) == (record.key, record.name)

    def _lay_ground(self, action: Action, record: Record, facts: Facts, taken_ns: int) -> None:
        """Keep why ``action`` is up to date, so that the next build need not look it up. A warning is to be told each time."""
        if not self._course.keyed[action.id].notices:
            relied_on, makers = self._relied_on
            others = {*self._keys.makers(action), *(makers if relied_on is record else self._lookup.makers(record, self._graph))}
            after = tuple(sorted(others - self._declared.edges[action.id] - {action.id}))
            used_ns = self._use_noted.get(action.id, record.finished_ns)
            self._grounds.lay(action, record, facts, after, Moments(taken_ns, used_ns))

    def lay_grounds(self) -> dict[str, Reason]:
        """Look up again what ran or came back from the store, now that everything is in its place.

        Return why those must run, by their ids, that are not up to date any more because a file changed meanwhile.
        """
        overtaken: dict[str, Reason] = {}
        for id_, outcome in self._course.outcomes.items():
            if outcome.is_good and id_ not in self._course.earlier and not self._grounds.are_laid(id_):
                with contextlib.suppress(OSError, Unfetched):  # the next build tells
                    reason = self._look_back(self._graph.actions[id_])
                    if reason is not None and reason.kind in OF_FILES:
                        overtaken[id_] = reason
        return overtaken

    def _look_back(self, action: Action) -> Reason | None:
        """Look ``action`` up, and lay its ground; return why it must run, if it must.

        Where another result holds by now, because a file was changed back meanwhile, the next build takes that, and notes that it is used.
        """
        taken_ns = self._workshop.clock.now_ns()
        with self._observer.noting() as facts:
            keyed = self._course.keyed[action.id] = self._keys.key(action)
            found = None if keyed.faults else self._lookup.find(action, keyed, self._graph, self._graph.actions.keys())
            if isinstance(found, Record) and self._is_last(action, found) and self._stays_for_good(action, found):
                self._lay_ground(action, found, facts, taken_ns)
        return found[0] if isinstance(found, tuple) else None

    def _adopt_as_asked(self, action: Action, found: Record | tuple[Reason, ...]) -> None:
        """Take what stands at the outputs for the result of ``action``, whatever the store has for it; complain of what is missing."""
        is_told = isinstance(found, Record) and (not found.adopted or self._options.reason in {"", found.reason})
        if isinstance(found, Record) and is_told and self._shelf.in_place(found.artifacts):
            self._course.settle(action, Outcome.REUSED)
        elif not self._adopt(action):
            missing = [output.path for output in action.outputs if not self._observer.exists(output.path.rstrip("/"))]
            self._course.fail(action.id, (nothing_to_adopt(action, missing),), stop=False)

    def _adopt(self, action: Action) -> bool:
        """Take what stands at the outputs for the result of ``action``; return whether that was the end of it, one way or the other."""
        self._withdraw(action)
        if not all(self._observer.exists(output.path.rstrip("/")) for output in action.outputs):
            return False
        from paperbuild.engine.attempting import attempt_at

        attempt = attempt_at(self._floor, action, self._course.keyed[action.id], (), self._course.schedule.settled_now())
        try:
            adoption = attempt.adoption(self._options.reason)
            others = self._lookup.unsettled(action, adoption, self._graph, self._course.schedule.settled)
            if others:
                self._course.put_behind(action, others)
            else:
                self._grounds.drop(action.id)
                attempt.adopt(adoption)
                self._course.settle(action, Outcome.ADOPTED)
        except BuildError as error:
            self._course.fail(action.id, error.diagnostics, stop=False)
        return True
