"""What a drawing of a graph shows: nodes, of which one may stand for all cells of a sweep, and the links between them. Pure."""

from __future__ import annotations

import graphlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from paperbuild.engine.graph import Command
from paperbuild.engine.lineage import Declared, Edge, Lineage
from paperbuild.engine.queries import Situation, State

WORST_FIRST = (
    State.FAILED, State.FOREIGN, State.BLOCKED, State.UNKNOWN, State.STALE, State.NEVER, State.WAITING, State.STORED, State.ADOPTED,
    State.FRESH,
)  # fmt: skip
"""Of several cells the first of these states is shown."""


class Node(msgspec.Struct, frozen=True):
    """One action, or several cells of one target. ``name`` is the action's id, or the target."""

    name: str
    cells: tuple[Situation, ...]

    @property
    def states(self) -> tuple[tuple[State, int], ...]:
        """How many cells stand how, the worst first."""
        found = Counter(cell.state for cell in self.cells)
        return tuple((state, found[state]) for state in WORST_FIRST if found[state])

    @property
    def state(self) -> State:
        """The worst state of its cells."""
        return self.states[0][0]

    @property
    def duration_s(self) -> float | None:
        """How long the last good runs of its cells took, all together; None where none is known."""
        known = [took_s for cell in self.cells if (took_s := cell.took_s) is not None]
        return sum(known) if known else None

    @property
    def is_command(self) -> bool:
        """Whether a shell runs it; else it is a document."""
        return isinstance(self.cells[0].action.recipe, Command)


class Link(msgspec.Struct, frozen=True):
    """The node ``user`` waits for the node ``maker``: see :class:`paperbuild.engine.lineage.Edge`.

    ``unread`` says that the last run of ``user`` was watched and used nothing of ``maker``.
    """

    user: str
    maker: str
    paths: tuple[str, ...]
    declared: tuple[Declared, ...]
    observed: bool
    unread: bool

    @classmethod
    def joined(cls, ends: tuple[str, str], links: Sequence[Link]) -> Link:
        """Return the link from user to maker that ``links`` are together."""
        paths = dict.fromkeys(path for link in links for path in link.paths)
        declared = dict.fromkeys(where for link in links for where in link.declared)
        return cls(*ends, tuple(paths), tuple(declared), any(link.observed for link in links), all(link.unread for link in links))


class Diagram(msgspec.Struct, frozen=True):
    """Nodes, each after those that it waits for, and the links between them."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    @classmethod
    def sorted(cls, nodes: Iterable[Node], links: Iterable[Link]) -> Diagram:
        """Return the diagram of ``nodes`` in any order, and of ``links``, which make no circle."""
        named, links = {node.name: node for node in nodes}, tuple(links)
        makers: dict[str, list[str]] = {name: [] for name in named}
        for link in links:
            makers[link.user].append(link.maker)
        return cls(tuple(named[name] for name in graphlib.TopologicalSorter(makers).static_order()), links)

    def uses(self) -> Mapping[str, tuple[Link, ...]]:
        """Return the links of each node to what it waits for."""
        found: dict[str, list[Link]] = {node.name: [] for node in self.nodes}
        for link in self.links:
            found[link.user].append(link)
        return {name: tuple(links) for name, links in found.items()}

    def roots(self) -> tuple[str, ...]:
        """Return the nodes that no other waits for, documents first."""
        used = {link.maker for link in self.links}
        ends = [node for node in self.nodes if node.name not in used]
        return tuple(node.name for node in sorted(ends, key=lambda node: node.is_command))


def diagram(situations: Sequence[Situation], lineage: Lineage, *, cells: bool = False) -> Diagram:
    """Return the diagram of ``situations``; unless ``cells`` are wanted, those of one target are one node.

    A target stays in its cells where one node for all of them would wait for itself through others: cells that take turns.
    """
    known = {situation.action.id: situation for situation in situations}
    edges = [edge for id_ in known for edge in lineage.uses(id_) if edge.maker in known]
    unfolded: set[str] = {situation.action.target for situation in situations} if cells else set()
    while True:
        names = _names(situations, unfolded)
        turn = _turn(names, edges)
        if not turn:
            return _folded(situations, names, edges)
        folded = {name for id_, name in names.items() if name != id_}
        if turn & folded:
            unfolded |= turn & folded
        else:  # what is declared has no circles; what was seen of an older graph may close one
            edges = [edge for edge in edges if edge.declared or not {names[edge.user], names[edge.maker]} <= turn]


def _names(situations: Iterable[Situation], unfolded: Collection[str]) -> Mapping[str, str]:
    """Return the name of the node of each action."""
    count = Counter(situation.action.target for situation in situations)
    return {
        action.id: action.target if _is_cell(situation) and count[action.target] > 1 and action.target not in unfolded else action.id
        for situation in situations
        for action in (situation.action,)
    }


def _is_cell(situation: Situation) -> bool:
    return isinstance(situation.action.recipe, Command)


def _turn(names: Mapping[str, str], edges: Iterable[Edge]) -> frozenset[str]:
    """Return the names of nodes that wait for each other in a circle; none where all is well."""
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for edge in edges:
        if names[edge.user] != names[edge.maker]:
            sorter.add(names[edge.user], names[edge.maker])
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        return frozenset(error.args[1])
    return frozenset()


def _folded(situations: Sequence[Situation], names: Mapping[str, str], edges: Iterable[Edge]) -> Diagram:
    cells: dict[str, list[Situation]] = {}
    for situation in situations:
        cells.setdefault(names[situation.action.id], []).append(situation)
    links: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        ends = names[edge.user], names[edge.maker]
        if ends[0] != ends[1]:
            links.setdefault(ends, []).append(edge)
    watched = {name for name, found in cells.items() if any(cell.record is not None and cell.record.observed for cell in found)}
    nodes = (Node(name, tuple(found)) for name, found in cells.items())
    return Diagram.sorted(nodes, (_joined(ends, several, ends[0] in watched) for ends, several in links.items()))


def _joined(ends: tuple[str, str], edges: Sequence[Edge], watched: bool) -> Link:
    """Return the link from user to maker that ``edges`` are together; ``watched`` says whether the user was."""
    paths = dict.fromkeys(path for edge in edges for path in edge.paths)
    declared = dict.fromkeys(where for edge in edges for where in edge.declared)
    observed = any(edge.observed for edge in edges)
    return Link(*ends, tuple(paths), tuple(declared), observed, watched and not observed)
