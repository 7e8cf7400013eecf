"""Results that are not up to date and are shown all the same: which there is, what is told of it, and how a step hears of it.

An action that must run and may not run here, since it is heavy, leaves its newest known result in its place. Whoever uses that is told:
a command runs on it as on any other content, since its record names the contents that it read; a step, which shows what it reads, has it in
its recipe, and so in its key. What it makes is never the same thing as what it makes of results that are up to date.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.graph import STALE, Action, Graph, Scalar
from paperbuild.engine.observation import Observer
from paperbuild.engine.reasons import Reason
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.trace import Artifact, Record, is_of_project
from paperbuild.engine.workshop import Workshop
from paperbuild.phrases import listed, moment_utc

_MOST_NAMED = 6
"""How many actions a warning and a step's recipe name one by one."""


class Earlier(msgspec.Struct, frozen=True):
    """A result of ``action`` that stands in for the one it lacks.

    ``reason`` says why it must run, ``made`` when the result came about (RFC 3339, "" where nobody knows). Where it is up to date itself,
    and rests on what others lack, ``reason`` is "" and ``roots`` are the ids of those.
    """

    action: str
    reason: str
    made: str
    roots: tuple[str, ...] = ()

    @property
    def is_root(self) -> bool:
        """Whether the action itself must run."""
        return not self.roots


class StaleNote(msgspec.Struct, frozen=True):
    """What a step hears of earlier results of one target that are alike: those of ``actions``; see :class:`Earlier`.

    ``make`` is the command that makes them anew, and ``where`` says where that is possible, "" where nothing is known of that.
    """

    actions: tuple[str, ...]
    reason: str
    made: str
    roots: tuple[str, ...]
    make: str
    where: str


_told = msgspec.json.Decoder(tuple[StaleNote, ...])


class Known(msgspec.Struct, frozen=True):
    """A result of an action that can be had, all its outputs; of what stands in the tree and nobody remembers there is no ``record``."""

    artifacts: tuple[Artifact, ...]
    record: Record | None = None


def newest_known(action: Action, key: str, workshop: Workshop, shelf: Shelf, observer: Observer) -> Known | None:
    """Return the newest result of ``action`` that is known here, where ``key`` is its key now; None where there is none.

    That is what was made of the project's files as they are, here or by others, if with other packages; else what its last run made, or
    where nobody remembers one, what stands in the tree and is ours. Where results of others are shared, nobody would know who made what
    stands there.
    """
    wanted = {output.path: output for output in action.outputs}
    for record in _records(action, key, workshop, observer):
        made = {artifact.path: artifact for artifact in record.artifacts if artifact.path in wanted}
        if made.keys() == wanted.keys() and all(map(shelf.available, made.values())):
            return Known(tuple(made.values()), record)
    if workshop.belief is not None:
        return None
    standing = {path: shelf.deeds.published(path) for path in wanted}
    found = tuple(
        Artifact(output.name, path, digest, 0, output.is_folder, stored=output.stored)
        for path, output in wanted.items()
        if (digest := standing[path]) is not None
    )
    return Known(found) if len(found) == len(wanted) else None


def _records(action: Action, key: str, workshop: Workshop, observer: Observer) -> Iterator[Record]:
    """Yield the records whose results may stand in, the best first. One of other files may be another project's: keys know no project."""
    belief = workshop.belief
    yield from (
        record
        for record in workshop.store.records(key)
        if (belief is None or belief.holds(record.origin)) and all(map(observer.holds, filter(is_of_project, record.items)))
    )
    last = last_record(action, workshop)
    if last is not None:
        yield last


def last_record(action: Action, workshop: Workshop) -> Record | None:
    """Return the record of the last run of ``action`` that succeeded, as far as it is remembered, and whoever made it is believed."""
    last, belief = workshop.index.last_run(action.id), workshop.belief
    record = None if last is None else workshop.store.record(last.key, last.record)
    return None if record is None or (belief is not None and not belief.holds(record.origin)) else record


def place_of(action: Action) -> str:
    """Return in words where ``action`` can run if not here; "" where nothing is known of that."""
    return "where there is a GPU" if action.resources.gpu and not action.on else ""


def sizes_of(graph: Graph) -> Mapping[str, int]:
    """Return how many actions each target has."""
    return Counter(action.target for action in graph.actions.values())


def command_for(actions: Iterable[Action], sizes: Mapping[str, int]) -> str:
    """Return the command that makes ``actions`` anew, where they are to run; ``sizes`` is :func:`sizes_of` their graph."""
    actions = tuple(actions)
    on = {action.on for action in actions}
    named = f" --on {shlex.quote(*on)}" if len(on) == 1 and on != {""} else ""
    return f"{' '.join(('paperbuild run', *map(shlex.quote, _names(actions, sizes))))}{named}"


def told(earlier: Iterable[Earlier], graph: Graph) -> tuple[tuple[str, Scalar], ...]:
    """Return the entries of a step's config that tell of ``earlier`` results, one a target."""
    by_target: dict[str, list[Earlier]] = {}
    for one in earlier:
        by_target.setdefault(graph.actions[one.action].target, []).append(one)
    sizes = sizes_of(graph)
    return tuple((f"{STALE}{target}", _dumped(by_target[target], graph, sizes)) for target in sorted(by_target))


def told_of(config: Mapping[str, Scalar]) -> dict[str, StaleNote]:
    """Return what the ``config`` of a step tells of earlier results: the ids of actions to it."""
    texts = (str(text) for name, text in config.items() if name.startswith(STALE))
    return {id_: one for text in texts for one in _told.decode(text) for id_ in one.actions}


def _dumped(several: Sequence[Earlier], graph: Graph, sizes: Mapping[str, int]) -> str:
    return msgspec.json.encode([_as_told(alike, graph, sizes) for alike in _alike(several)]).decode()


def _as_told(alike: Sequence[Earlier], graph: Graph, sizes: Mapping[str, int]) -> StaleNote:
    roots = alike[0].roots
    makers = [graph.actions[id_] for id_ in (roots or (one.action for one in alike))]
    made = min((one.made for one in alike if one.made), default="")
    where = listed(sorted({place_of(maker) for maker in makers} - {""}))
    return StaleNote(tuple(one.action for one in alike), alike[0].reason, made, roots, command_for(makers, sizes), where)


def _alike(several: Iterable[Earlier]) -> Iterator[list[Earlier]]:
    """Yield those of ``several`` together that are stale for the same reason."""
    groups: dict[tuple[str, tuple[str, ...]], list[Earlier]] = {}
    for one in sorted(several, key=lambda one: one.action):
        groups.setdefault((one.reason, one.roots), []).append(one)
    yield from groups.values()


def _names(actions: Iterable[Action], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the shortest names for ``actions``: a target's where all of its cells are among them, or too many to be named."""
    ids: dict[str, list[str]] = {}
    for action in actions:
        ids.setdefault(action.target, []).append(action.id)
    found: list[str] = []
    for target, several in ids.items():
        found += [target] if len(several) == sizes[target] or len(several) > _MOST_NAMED else several
    return tuple(found)


def short(ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of actions; where several are cells of one target, its name."""
    by_target: dict[str, list[str]] = {}
    for id_ in ids:
        by_target.setdefault(id_.partition("[")[0], []).append(id_)
    return tuple(several[0] if len(several) == 1 else target for target, several in by_target.items())


def shown_stale(earlier: Mapping[str, Earlier], graph: Graph, users: Sequence[str]) -> tuple[Diagnostic, ...]:
    """Return a warning for each target whose earlier results stand in for what it lacks; ``users`` are the documents that were wanted."""
    by_target: dict[str, list[Earlier]] = {}
    for one in earlier.values():
        if one.is_root:
            by_target.setdefault(graph.actions[one.action].target, []).append(one)
    return tuple(_warning(target, several, earlier, graph, users) for target, several in by_target.items())


def _warning(target: str, several: Sequence[Earlier], earlier: Mapping[str, Earlier], graph: Graph, users: Sequence[str]) -> Diagnostic:
    actions = [graph.actions[one.action] for one in several]
    ids = {one.action for one in several}
    name = several[0].action if len(several) == 1 else f"{target} ({len(several)} cells)"
    made = min((one.made for one in several if one.made), default="")
    notes = tuple(
        f"{alike[0].reason}{'' if len(alike) == len(several) else f': {listed([one.action for one in alike])}'}"
        for alike in _alike(several)
    )
    where = listed(sorted({place_of(action) for action in actions} - {""}))
    return Diagnostic(
        "PB750",
        f"{name} is stale, and heavy: its last result{f', of {made},' if made else ''} is used",
        actions[0].span,
        Severity.WARNING,
        needed_by=tuple(id_ for id_ in users if id_ in earlier and not ids.isdisjoint(earlier[id_].roots)),
        notes=(*notes[:_MOST_NAMED], *((f"and {len(notes) - _MOST_NAMED} other reasons",) if len(notes) > _MOST_NAMED else ())),
        help=(f"to make it anew{f', {where}' if where else ''}: {command_for(actions, sizes_of(graph))}",),
    )


def overtaken(moved: Mapping[str, Reason], graph: Graph, users: Sequence[str], severity: Severity) -> tuple[Diagnostic, ...]:
    """Return what is told of actions that are not up to date any more, because of what ``moved`` since they were judged.

    ``users`` are the documents that were wanted.
    """
    by_change: dict[str, list[str]] = {}
    for id_, reason in moved.items():
        by_change.setdefault(reason.text, []).append(id_)
    closures = {user: {*graph.closure((user,))} for user in users} if moved else {}
    sizes = sizes_of(graph)
    return tuple(
        Diagnostic(
            "PB751",
            f"{text} while this was built: {listed(_names(map(graph.actions.__getitem__, ids), sizes))} rested on what was before",
            graph.actions[ids[0]].span,
            severity,
            needed_by=tuple(user for user in users if user not in ids and not closures[user].isdisjoint(ids)),
            help=("build again",),
        )
        for text, ids in by_change.items()
    )


def earlier_of(action: Action, reason: str, record: Record | None) -> Earlier:
    """Return what is told of ``action``, which must run for ``reason`` and may not; ``record`` is that of the result that stands in."""
    return Earlier(action.id, reason, "" if record is None else moment_utc(record.finished_ns))


def resting_on(action: Action, others: Iterable[Earlier]) -> Earlier:
    """Return what is told of ``action``, which is up to date but for the ``others`` that it waits for."""
    roots = sorted({root for other in others for root in (other.roots or (other.action,))})
    return Earlier(action.id, "", "", tuple(roots))
