"""How far each action of a build is, how it ended, and who is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.earlier import Earlier, resting_on
from paperbuild.engine.graph import Action, Graph, circle
from paperbuild.engine.keys import Keyed
from paperbuild.engine.reasons import Reason
from paperbuild.engine.schedule import Schedule, Settled
from paperbuild.events import ActionEnded, ActionReopened, Listener, Noticed, Outcome


class _SettledFor(AbstractSet[str]):
    """Of ``settled`` those that are not ``stale``, or are among ``known``: a view, since there may be very many."""

    def __init__(self, settled: AbstractSet[str], stale: AbstractSet[str], known: AbstractSet[str]) -> None:
        self._settled = settled
        self._stale = stale
        self._known = known

    @classmethod
    def _from_iterable(cls, found: Iterable[str]) -> AbstractSet[str]:  # type: ignore[override]  # what differences are made of
        return frozenset(found)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._settled and (id_ not in self._stale or id_ in self._known)

    def __iter__(self) -> Iterator[str]:
        return (id_ for id_ in self._settled if id_ in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _SettledThenFor:
    """What :class:`_SettledFor` says, at one moment."""

    def __init__(self, settled: Settled, stale: AbstractSet[str], known: AbstractSet[str]) -> None:
        self._settled = settled
        self._stale = stale
        self._known = known

    def __contains__(self, id_: object) -> bool:
        return id_ in self._settled and (id_ not in self._stale or id_ in self._known)

    def __len__(self) -> int:
        return len(self._settled)


class Course:
    """The course of one build.

    ``keyed`` and ``reasons`` hold what was found out of the actions on their way: their keys, and why those run that must; ``reopened``
    those that had ended well and are open again; ``earlier`` those that an earlier result stands in for, and those that rest on such: by
    what they wait for, as ``status`` judges. After a failure that stops the build, unless it ``keeps_going``, ``stopping`` is set and
    ``stopped`` is called.
    """

    def __init__(self, graph: Graph, schedule: Schedule, listener: Listener, *, keeps_going: bool, stopped: Callable[[], None]) -> None:
        self.schedule = schedule
        self.tell = listener
        self.keyed: dict[str, Keyed] = {}
        self.reasons: dict[str, tuple[Reason, ...]] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.earlier: dict[str, Earlier] = {}
        self.diagnostics: list[Diagnostic] = []
        self.reopened: dict[str, Outcome] = {}
        self._told: set[Diagnostic] = set()
        self.stopping = False
        self._graph = graph
        self._keeps_going = keeps_going
        self._stopped = stopped

    def settle(self, action: Action, outcome: Outcome, duration_s: float = 0.0) -> None:
        """Note that ``action`` is up to date, but for earlier results that it rests on."""
        stale = self.earlier_among(action.id)
        if stale:
            self.earlier[action.id] = resting_on(action, stale)
        self._settle(action, outcome, duration_s)

    def reuse(self, ids: Sequence[str]) -> None:
        """Note that ``ids`` are up to date as they stand, and rest on nothing that is not."""
        actions = self._graph.actions
        self.schedule.settle_all(ids)
        self.outcomes.update(dict.fromkeys(ids, Outcome.REUSED))
        for id_ in ids if self.reopened else ():
            self.outcomes[id_] = self._outcome(id_, Outcome.REUSED)
        for id_ in ids:
            self.tell(ActionEnded(id_, self.outcomes[id_], 0.0, tuple([output.path for output in actions[id_].outputs])))

    def stand_in(self, action: Action, earlier: Earlier) -> None:
        """Note that an ``earlier`` result of ``action``, which is in its place, stands in for the one that it lacks."""
        self.earlier[action.id] = earlier
        self._settle(action, Outcome.STALE, 0.0)

    def earlier_among(self, id_: str) -> tuple[Earlier, ...]:
        """Return what is told of those that the action ``id_`` waits for and that are not up to date."""
        if not self.earlier:
            return ()
        return tuple(self.earlier[other] for other in sorted(self._graph.edges[id_] & self.earlier.keys()))

    def settled_for(self, id_: str) -> AbstractSet[str]:
        """Return the ids of those that have settled, for the action ``id_``: what is not up to date only where it waits for that.

        So whoever uses something of it comes to wait for it, and is known to.
        """
        return _SettledFor(self.schedule.settled, self.earlier.keys(), self._graph.edges[id_]) if self.earlier else self.schedule.settled

    def settled_then(self, id_: str) -> Settled:
        """Return what :meth:`settled_for` says, as it is at this moment."""
        then = self.schedule.settled_now()
        return _SettledThenFor(then, frozenset(self.earlier), self._graph.edges[id_]) if self.earlier else then

    def _settle(self, action: Action, outcome: Outcome, duration_s: float) -> None:
        self.schedule.settle(action.id)
        self.outcomes[action.id] = outcome = self._outcome(action.id, outcome)
        self.tell(ActionEnded(action.id, outcome, duration_s, tuple([output.path for output in action.outputs])))

    def _outcome(self, id_: str, outcome: Outcome) -> Outcome:
        """Return what is told of ``id_``, which ends now: that it ran, where it did before it was opened again."""
        return Outcome.RAN if self.reopened.pop(id_, None) is Outcome.RAN else outcome

    def fail(
        self,
        id_: str,
        diagnostics: Sequence[Diagnostic],
        *,
        outcome: Outcome = Outcome.FAILED,
        duration_s: float = 0.0,
        stop: bool = True,
    ) -> None:
        """Note that ``id_`` will not be up to date, nor what needs it; with ``stop`` nothing more begins."""
        if stop and not self._keeps_going:
            self.stopping = True
            self._stopped()
        self.outcomes[id_] = outcome
        self.tell(ActionEnded(id_, outcome, duration_s))
        self.notice(*diagnostics)
        for other in self.schedule.lose(id_):
            self.outcomes[other] = Outcome.BLOCKED
            self.tell(ActionEnded(other, Outcome.BLOCKED, 0.0))

    def reopen(self, ids: Iterable[str], others: AbstractSet[str]) -> None:
        """Take back that ``ids`` are up to date: they are looked at again, after those of ``others`` that run now and may read them."""
        found = [id_ for id_ in ids if id_ in self.schedule.settled]
        for id_ in found:
            self.reopened[id_] = self.outcomes.pop(id_)
            self.earlier.pop(id_, None)
            self.tell(ActionReopened(id_))
        self.schedule.reopen(found, self._graph.edges, others)

    def reopened_before(self, action: Action) -> tuple[str, ...]:
        """Return what ``action`` waits for and is open again: it may have come so far before."""
        return tuple(sorted((self._graph.edges[action.id] & self.reopened.keys()) - self.schedule.settled)) if self.reopened else ()

    def notice(self, *diagnostics: Diagnostic) -> None:
        """Keep and tell these."""
        for diagnostic in diagnostics:
            self.diagnostics.append(diagnostic)
            self._told.add(diagnostic)
            self.tell(Noticed(diagnostic))

    def notice_new(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keep and tell those of them that nobody has been told of."""
        self.notice(*(one for one in diagnostics if not self.has_told(one)))

    def has_told(self, diagnostic: Diagnostic) -> bool:
        """Return whether somebody has been told of it."""
        return diagnostic in self._told

    def put_behind(self, action: Action, others: Sequence[str]) -> None:
        """Have ``action`` wait for ``others`` from now on; it fails where one of them waits for it."""
        for other in others:
            turn = self._graph.path(other, action.id)
            if turn:
                self.fail(action.id, (circle((action.id, *turn), self._graph.actions),))
                return
        self._graph.edges[action.id] |= frozenset(others)
        self.schedule.add(self._graph.closure(others), self._graph.edges)
        if self.schedule.again(action.id, others):
            self.fail(action.id, (), outcome=Outcome.BLOCKED)
