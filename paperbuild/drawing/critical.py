"""The longest chain of a diagram: what nobody can shorten by running more at once. Pure."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from paperbuild.drawing.diagram import Diagram, Link, Node
from paperbuild.engine.graph import ARROW
from paperbuild.phrases import duration_text, listed

MOST_NAMED = 8


class CriticalPath(msgspec.Struct, frozen=True):
    """The chain of nodes ``names``, makers first, that takes longest: ``duration_s`` together, by how long each took the last time.

    Of a node with several cells, which run side by side, the longest counts. ``unknown`` are all nodes of the diagram of which nobody
    knows how long they take. ``members`` are the ids of the actions of each node of the chain.
    """

    names: tuple[str, ...] = ()
    duration_s: float = 0.0
    unknown: tuple[str, ...] = ()
    members: tuple[frozenset[str], ...] = ()

    def has_node(self, node: Node) -> bool:
        """Return whether ``node`` is one of the chain, or stands for several of which one is."""
        return any(not members.isdisjoint(_ids(node)) for members in self.members)

    def has_link(self, maker: Node, user: Node) -> bool:
        """Return whether the link from ``maker`` to ``user`` is one of the chain."""
        makers, users = _ids(maker), _ids(user)
        return any(not a.isdisjoint(makers) and not b.isdisjoint(users) for a, b in pairwise(self.members))

    def links(self, drawn: Diagram) -> frozenset[tuple[str, str]]:
        """Return the links (maker, user) of ``drawn``, which may be condensed, that the chain runs along."""
        nodes = {node.name: node for node in drawn.nodes}

        def is_part(link: Link) -> bool:
            return self.has_link(nodes[link.maker], nodes[link.user])

        on_it = {node.name for node in drawn.nodes if self.has_node(node)}
        return frozenset((link.maker, link.user) for link in drawn.links if {link.maker, link.user} <= on_it and is_part(link))

    @property
    def text(self) -> str:
        """The chain in one line; "" where there is none."""
        if not self.names:
            return ""
        names = self.names
        if len(names) > MOST_NAMED:
            names = (*names[: MOST_NAMED // 2], f"({len(names) - MOST_NAMED} more)", *names[-MOST_NAMED // 2 :])
        unknown = f"; nobody knows how long {listed(self.unknown)} {'takes' if len(self.unknown) == 1 else 'take'}" if self.unknown else ""
        return f"longest chain: {ARROW.join(names)}, {duration_text(self.duration_s)}{unknown}"


NO_PATH = CriticalPath()


def critical_path(drawn: Diagram) -> CriticalPath:
    """Return the longest chain of ``drawn``, which is not condensed. There is none where no two steps that follow each other are known."""
    uses = drawn.uses()
    ends: dict[str, float] = {}
    before: dict[str, str] = {}
    unknown = tuple(node.name for node in drawn.nodes if _longest_s(node) is None)
    for node in drawn.nodes:  # makers come first
        makers = [link.maker for link in uses[node.name]]
        last = max(makers, key=ends.__getitem__, default="")
        if last:
            before[node.name] = last
        ends[node.name] = (_longest_s(node) or 0.0) + ends.get(last, 0.0)
    name = max(ends, key=ends.__getitem__, default="")
    chain = [name] if name else []
    while name in before:
        name = before[name]
        chain.append(name)
    nodes = {node.name: node for node in drawn.nodes}
    if sum(_longest_s(nodes[one]) is not None for one in chain) < 2:
        return CriticalPath(unknown=unknown)
    names = tuple(reversed(chain))
    return CriticalPath(names, ends[names[-1]], unknown, tuple(_ids(nodes[one]) for one in names))


def _longest_s(node: Node) -> float | None:
    return max((took_s for cell in node.cells if (took_s := cell.took_s) is not None), default=None)


def _ids(node: Node) -> frozenset[str]:
    return frozenset(cell.action.id for cell in node.cells)
