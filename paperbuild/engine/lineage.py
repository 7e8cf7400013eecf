"""Who uses what whom makes: the edges of a graph with the paths they are about, declared or seen, and what follows from them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from paperbuild.engine import patterns
from paperbuild.engine.graph import Action, Graph

Declared = Literal["needs", "inputs", "command"]
"""Where an edge is declared: what needs which target, whose output is an input, and is named by a word of the command."""


class Edge(msgspec.Struct, frozen=True):
    """``user`` waits for ``maker``, because of its outputs ``paths`` (none: only the order is declared).

    ``declared`` says where (nowhere: it was only seen), ``observed`` that the last run of ``user`` was seen to read them.
    """

    user: str
    maker: str
    paths: tuple[str, ...]
    declared: tuple[Declared, ...]
    observed: bool


class Lineage:
    """The edges between the actions of ``graph``; ``reads`` tells which outputs of others the last run of an action read."""

    def __init__(self, graph: Graph, reads: Callable[[str], Iterable[str]]) -> None:
        self._graph = graph
        self._reads = reads
        self._uses: dict[str, tuple[Edge, ...]] = {}
        self._users: Mapping[str, tuple[str, ...]] | None = None
        self._order = {id_: n for n, id_ in enumerate(graph.actions)}

    def uses(self, user: str) -> tuple[Edge, ...]:
        """Return what ``user`` waits for, in the order of declaration."""
        if user not in self._uses:
            self._uses[user] = tuple(self._edges(self._graph.actions[user]))
        return self._uses[user]

    def _edges(self, action: Action) -> Iterator[Edge]:
        seen = self._observed(action)
        declared = self._declared(action)
        for maker in sorted(seen.keys() | declared.keys(), key=self._order.__getitem__):
            named = declared.get(maker, {})
            paths = seen.get(maker) or tuple(dict.fromkeys(path for several in named.values() for path in several))
            yield Edge(action.id, maker, paths, tuple(named), maker in seen)

    def _observed(self, action: Action) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for path in self._reads(action.id):
            for maker in self._graph.makers_touched(path, listed=True) - {action.id}:
                found.setdefault(maker, {}).update(dict.fromkeys(self._touched(maker, path)))
        return {maker: tuple(paths) for maker, paths in found.items()}

    def _touched(self, maker: str, path: str) -> Iterator[str]:
        """Yield the outputs of ``maker`` that ``path``, a file in one of them or a folder around them, is about."""
        folder = f"{path.rstrip('/')}/" if path not in {"", "."} else ""
        for output in self._graph.actions[maker].outputs:
            if output.path.startswith(folder) or patterns.is_within(path, (output.path,)):
                yield output.path

    def _declared(self, action: Action) -> dict[str, dict[Declared, tuple[str, ...]]]:
        found: dict[str, dict[Declared, tuple[str, ...]]] = {id_: {"needs": ()} for id_ in action.needs if id_ != action.id}
        words: tuple[tuple[Declared, tuple[str, ...]], ...] = (("inputs", action.inputs or ()), ("command", action.mentioned))
        for where, paths in words:
            for path in paths:
                for maker in self._graph.makers_matching(path):
                    if maker != action.id:
                        known = found.setdefault(maker, {})
                        known[where] = (*known.get(where, ()), *self._covered(maker, path))
        for maker in self._graph.edges[action.id] - found.keys():
            found[maker] = {"inputs": ()}
        return found

    def _covered(self, maker: str, declared: str) -> Iterator[str]:
        for output in self._graph.actions[maker].outputs:
            if patterns.covers(declared, output.path) or patterns.is_within(declared.rstrip("/"), (output.path,)):
                yield output.path

    def affected(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return the actions that use what ``ids`` make, and what those make, and so on; in the order of declaration."""
        if self._users is None:
            users: dict[str, dict[str, None]] = {}
            for id_ in self._graph.actions:
                for edge in self.uses(id_):
                    users.setdefault(edge.maker, {})[id_] = None
            self._users = {maker: tuple(found) for maker, found in users.items()}
        begin = set(ids)
        found, todo = set(begin), [*begin]
        while todo:
            for user in self._users.get(todo.pop(), ()):
                if user not in found:
                    found.add(user)
                    todo.append(user)
        return tuple(sorted(found - begin, key=self._order.__getitem__))

    def chains(self, start: str, leads_on: Callable[[str], bool]) -> Mapping[str, tuple[Edge, ...]]:
        """Return the shortest chain of edges from ``start`` to each action that can be reached through such as ``leads_on`` lets pass."""
        found: dict[str, tuple[Edge, ...]] = {start: ()}
        todo = deque((start,))
        while todo:
            here = todo.popleft()
            for edge in self.uses(here):
                if edge.maker not in found and leads_on(edge.maker):
                    found[edge.maker] = (*found[here], edge)
                    todo.append(edge.maker)
        return found
