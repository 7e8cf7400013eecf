"""Who rests on whose outputs, and which outputs are of one kind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from paperbuild.engine.graph import Graph


def dependents(graph: Graph, ids: Iterable[str], reads: Mapping[str, Iterable[str]], makers: AbstractSet[str]) -> frozenset[str]:
    """Return those of ``ids`` that need what ``makers`` make, however far: declared, or as seen in their last ``reads``."""
    behind: dict[str, set[str]] = {}
    for id_ in ids:
        used = (other for path in reads.get(id_, ()) for other in graph.makers_touched(path, listed=True))
        for other in {*graph.edges[id_], *used} - {id_}:
            behind.setdefault(other, set()).add(id_)
    found: set[str] = set()
    todo = [*makers]
    while todo:
        new = behind.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return frozenset(found - makers)


def alike(graph: Graph, paths: Iterable[str]) -> frozenset[str]:
    """Return the outputs ``paths``, and those of the same name of all cells of their targets: who reads one reads the others."""
    paths = frozenset(paths)
    kinds: set[tuple[str, str]] = set()
    for path in paths:
        maker = graph.maker(path.rstrip("/"))
        if maker is not None:
            kinds.update((maker.target, output.name) for output in maker.outputs if output.path == path)
    if not kinds:
        return paths
    others = (output.path for action in graph.actions.values() for output in action.outputs if (action.target, output.name) in kinds)
    return paths.union(others)
