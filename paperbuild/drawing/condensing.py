"""A diagram with fewer nodes, where it has more than anybody can look at: what is alike is drawn together. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence

from paperbuild.drawing.diagram import Diagram, Link, Node

MOST_NODES = 120
"""What a picture can hold: with more, nobody finds anything."""

_SHORTEST_CHAIN = 3

_DIGITS = re.compile(r"\d+")


def condensed(drawn: Diagram, most: int = MOST_NODES) -> Diagram:
    """Return ``drawn`` with at most ``most`` nodes, in the first of these ways that suffices.

    Targets as far from the start as each other are drawn together where their names differ in numbers and they stand alike; also chains;
    also such as stand differently; all that are equally far; and in the end those that are nearly so. Nothing that waits for another
    comes to stand in a circle: distance grows along every link, and within a chain nobody else takes part.
    """
    if len(drawn.nodes) <= most:
        return drawn
    steps = _steps(drawn)
    several = -(-(max(steps.values()) + 1) // most)
    ways: tuple[Callable[[Node], Hashable], ...] = (
        lambda node: (steps[node.name], node.is_command, _DIGITS.sub("0", node.name), node.state),
        lambda node: (steps[node.name], node.is_command, _DIGITS.sub("0", node.name)),
        lambda node: (steps[node.name], node.is_command),
    )
    for way in ways:
        together = _folded(drawn, {node.name: way(node) for node in drawn.nodes})
        for found in (together, chained(together, lambda _: True)):
            if len(found.nodes) <= most:
                return found
    return _folded(drawn, {node.name: steps[node.name] // several for node in drawn.nodes})


def chained(drawn: Diagram, joins: Callable[[Node], bool]) -> Diagram:
    """Return ``drawn`` with chains as one node each: nodes that ``joins`` picks, that stand alike, each with nobody but the next."""
    uses, users = drawn.uses(), Counter(link.maker for link in drawn.links)
    nodes = {node.name: node for node in drawn.nodes}
    chain: dict[str, str] = {}
    for node in drawn.nodes:  # makers come first
        chain[node.name] = node.name
        links = uses[node.name]
        if len(links) == 1 and users[links[0].maker] == 1:
            maker = nodes[links[0].maker]
            if joins(node) and joins(maker) and (node.state, node.is_command) == (maker.state, maker.is_command):
                chain[node.name] = chain[maker.name]
    length = Counter(chain.values())
    return _folded(drawn, {name: begin if length[begin] >= _SHORTEST_CHAIN else name for name, begin in chain.items()})


def _steps(drawn: Diagram) -> Mapping[str, int]:
    """Return how many links lead to each node, on the longest way."""
    uses = drawn.uses()
    found: dict[str, int] = {}
    for node in drawn.nodes:
        found[node.name] = max((found[link.maker] + 1 for link in uses[node.name]), default=0)
    return found


def _folded(drawn: Diagram, groups: Mapping[str, Hashable]) -> Diagram:
    """Return ``drawn`` with the nodes of each group as one, called after the first and the last of them."""
    members: dict[Hashable, list[Node]] = {}
    for node in drawn.nodes:
        members.setdefault(groups[node.name], []).append(node)
    joined = {group: _joined(nodes) for group, nodes in members.items()}
    names = {name: joined[group].name for name, group in groups.items()}
    links: dict[tuple[str, str], list[Link]] = {}
    for link in drawn.links:
        ends = names[link.user], names[link.maker]
        if ends[0] != ends[1]:
            links.setdefault(ends, []).append(link)
    return Diagram.sorted(joined.values(), (Link.joined(ends, several) for ends, several in links.items()))


def _joined(nodes: Sequence[Node]) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return Node(f"{nodes[0].name} \N{HORIZONTAL ELLIPSIS} {nodes[-1].name}", tuple(cell for node in nodes for cell in node.cells))
