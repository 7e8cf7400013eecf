"""A diagram as an outline: a tree from the documents down, in which everything stands once and is pointed to from elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import msgspec

from paperbuild.drawing.diagram import Diagram, Link, Node


class Bend(Enum):
    """How a row hangs below its parent."""

    TOP = ""  # it has none
    MORE = "more"  # others follow
    LAST = "last"


class Row(msgspec.Struct, frozen=True):
    """One row: ``nodes`` is one that stands here, or where it says ``above`` or ``below``, are several that stand there.

    ``rails`` tell for each level above whether its line goes on past this row; ``seen`` that nothing declares that it hangs here.
    """

    rails: tuple[bool, ...]
    bend: Bend
    nodes: tuple[Node, ...]
    where: str = ""
    link: Link | None = None
    seen: bool = False


def outline(drawn: Diagram, *, deepest: int) -> Iterator[Row]:
    """Yield the rows of ``drawn``. What would stand deeper than ``deepest`` levels begins a tree of its own, further below."""
    yield from _Outline(drawn, deepest).rows()


class _Outline:
    def __init__(self, drawn: Diagram, deepest: int) -> None:
        self._nodes = {node.name: node for node in drawn.nodes}
        self._uses = drawn.uses()
        self._deepest = deepest
        self._roots = [*drawn.roots()]
        self._shown: set[str] = set()
        self._heights: dict[str, int] = {}
        for node in drawn.nodes:  # makers come first
            self._heights[node.name] = max((self._heights[link.maker] + 1 for link in self._uses[node.name]), default=0)

    def rows(self) -> Iterator[Row]:
        for name in self._roots:  # grows while it is gone through
            if name not in self._shown:
                yield from self._tree(name, (), Bend.TOP, None)

    def _tree(self, name: str, rails: tuple[bool, ...], bend: Bend, link: Link | None) -> Iterator[Row]:
        """Yield ``name`` and what hangs below it, the longest chains first: so most of it stands where it is needed last."""
        self._shown.add(name)
        yield Row(rails, bend, (self._nodes[name],), link=link, seen=link is not None and not link.declared)
        inner = rails if bend is Bend.TOP else (*rails, bend is Bend.MORE)
        links = sorted(self._uses[name], key=lambda link: -self._heights[link.maker])
        elsewhere: dict[tuple[str, bool], list[Node]] = {}
        for n, below in enumerate(links, 1):
            if below.maker in self._shown or len(inner) >= self._deepest:
                where = "above" if below.maker in self._shown else "below"
                elsewhere.setdefault((where, not below.declared), []).append(self._nodes[below.maker])
                self._roots.append(below.maker)  # of what is shown already nothing comes
            else:
                yield from self._tree(below.maker, inner, Bend.LAST if n == len(links) and not elsewhere else Bend.MORE, below)
        for n, ((where, seen), nodes) in enumerate(elsewhere.items(), 1):
            yield Row(inner, Bend.LAST if n == len(elsewhere) else Bend.MORE, tuple(nodes), where, seen=seen)
