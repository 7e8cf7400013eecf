"""Why actions run, ran, or need not: their reasons, those of what comes before them, and what follows from them. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paperbuild.engine.graph import Graph
from paperbuild.engine.index import Execution
from paperbuild.engine.lineage import Edge, Lineage
from paperbuild.engine.queries import SETTLED, Situation, survey
from paperbuild.engine.reasons import Reason
from paperbuild.engine.workshop import Workshop


class Cause(msgspec.Struct, frozen=True):
    """An action that has ``reasons`` of its own to run, and the ``chain`` of edges that leads to it: empty for the action itself."""

    chain: tuple[Edge, ...]
    action: str
    reasons: tuple[Reason, ...]


class Story(msgspec.Struct, frozen=True):
    """What there is to tell of one action.

    ``causes`` are all changes that it runs for, or may have to, the nearest first; ``unchanged`` actions before it that ran after its
    result was made, and made the same as before; ``affected`` those that what it makes may reach.
    """

    situation: Situation
    execution: Execution | None
    causes: tuple[Cause, ...]
    unchanged: tuple[str, ...]
    affected: tuple[str, ...]

    @property
    def own(self) -> tuple[Reason, ...]:
        """The reasons that are about the action itself, and not about what comes before it."""
        return own_reasons(self.situation)


class Explained(msgspec.Struct, frozen=True):
    """The stories that were asked for, and how everything stands that they speak of."""

    stories: tuple[Story, ...]
    situations: tuple[Situation, ...]
    lineage: Lineage


def explain(graph: Graph, wanted: Sequence[str], workshop: Workshop) -> Explained:
    """Return the stories of ``wanted``.

    Raises:
        BuildError: something could not be read.
    """
    situations = survey(graph, wanted, workshop)
    known = {situation.action.id: situation for situation in situations}
    lineage = lineage_of(graph, situations, workshop)
    stories = (_story(known[id_], known, lineage, workshop) for id_ in wanted)
    return Explained(tuple(stories), situations, lineage)


def lineage_of(graph: Graph, situations: Sequence[Situation], workshop: Workshop) -> Lineage:
    """Return the edges of ``graph``, with what the last runs were seen to read."""
    known = {situation.action.id: situation.reads for situation in situations}

    def reads(id_: str) -> tuple[str, ...]:
        if id_ in known:
            return known[id_]
        last = workshop.index.last_run(id_)
        return () if last is None else last.reads

    return Lineage(graph, reads)


def own_reasons(situation: Situation) -> tuple[Reason, ...]:
    """Return the reasons of an action that are not about what comes before it."""
    return tuple(reason for reason in situation.reasons if reason.kind != "waits")


def _story(situation: Situation, known: dict[str, Situation], lineage: Lineage, workshop: Workshop) -> Story:
    id_ = situation.action.id
    is_settled = situation.state in SETTLED
    chains = {} if is_settled else lineage.chains(id_, lambda other: other in known and known[other].state not in SETTLED)
    causes = (Cause(chain, other, own_reasons(known[other])) for other, chain in chains.items())
    return Story(
        situation=situation,
        execution=workshop.index.last_execution(id_),
        causes=tuple(cause for cause in causes if cause.reasons),
        unchanged=_unchanged(situation, known, lineage, workshop) if is_settled else (),
        affected=() if is_settled else lineage.affected((id_,)),
    )


def _unchanged(situation: Situation, known: dict[str, Situation], lineage: Lineage, workshop: Workshop) -> tuple[str, ...]:
    record = situation.record
    found = []
    for edge in lineage.uses(situation.action.id):
        ran = workshop.index.last_execution(edge.maker) if edge.maker in known and record is not None else None
        made = None if ran is None else known[edge.maker].record  # that of another run where an earlier result is back
        if ran is not None and record is not None and made is not None and made.finished_ns == ran.finished_ns > record.finished_ns:
            found.append(edge.maker)
    return tuple(found)
