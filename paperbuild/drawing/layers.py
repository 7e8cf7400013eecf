"""Which column each node of a drawing stands in, and in which order: few long lines, few crossings. Pure.

After Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures" (1981), as Gansner and others
refined it in "A technique for drawing directed graphs" (1993): longest paths make the columns, points on the way make long lines
short ones, and the order is that of the medians of neighbours, swept to and fro, the best order being kept.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

_SWEEPS = 24

Vertex = tuple[str, int]
"""A node's name and -1, or a point of the lines from that node (the maker) in the column of this number."""


class Layers(msgspec.Struct, frozen=True):
    """``columns`` from left to right, each from top to bottom. ``steps`` are the lines between neighbouring columns, left to right.

    ``routes`` tells for each link (maker, user) the points in between.
    """

    columns: tuple[tuple[Vertex, ...], ...]
    steps: tuple[tuple[Vertex, Vertex], ...]
    routes: Mapping[tuple[str, str], tuple[Vertex, ...]]


def layers(names: Sequence[str], links: Iterable[tuple[str, str]], last: Collection[str] = ()) -> Layers:
    """Return the columns of ``names``, which come after their makers, with ``links`` from maker to user; ``last`` may stand at the end."""
    links = [*dict.fromkeys(links)]
    column = _columns(names, links, last)
    routes = {
        (maker, user): tuple((maker, between) for between in range(column[maker] + 1, column[user])) for maker, user in links
    }  # lines from one maker share their points: ten lines to ten users far away run as one
    steps: dict[tuple[Vertex, Vertex], None] = {}
    members: list[dict[Vertex, None]] = [{} for _ in range(max(column.values(), default=-1) + 1)]
    for name in names:
        members[column[name]][name, -1] = None
    for (maker, user), between in routes.items():
        stops = ((maker, -1), *between, (user, -1))
        steps.update(dict.fromkeys(pairwise(stops)))
        for point in between:
            members[point[1]][point] = None
    ordered = _ordered([[*vertices] for vertices in members], [*steps])
    return Layers(tuple(map(tuple, ordered)), tuple(steps), routes)


def _columns(names: Sequence[str], links: Sequence[tuple[str, str]], last: Collection[str]) -> dict[str, int]:
    """Return the column of each name: right of all its makers, those in ``last`` in the last one.

    Then whatever has more users than makers moves right, to the first of its users: that makes more lines shorter than longer.
    """
    users: dict[str, list[str]] = {name: [] for name in names}
    makers: dict[str, list[str]] = {name: [] for name in names}
    for maker, user in links:
        users[maker].append(user)
        makers[user].append(maker)
    column: dict[str, int] = {}
    for name in names:
        column[name] = max((column[maker] + 1 for maker in makers[name]), default=0)
    end = max(column.values(), default=0)
    column.update((name, end) for name in last if not users[name])
    for name in reversed(names):
        if len(users[name]) > len(makers[name]):
            column[name] = min(column[user] for user in users[name]) - 1
    return column


def _ordered(columns: list[list[Vertex]], steps: Sequence[tuple[Vertex, Vertex]]) -> list[list[Vertex]]:
    left: dict[Vertex, list[Vertex]] = {}
    right: dict[Vertex, list[Vertex]] = {}
    for one, other in steps:
        right.setdefault(one, []).append(other)
        left.setdefault(other, []).append(one)
    best, fewest = [[*column] for column in columns], _crossings(columns, right)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        for n in range(1, len(columns)) if rightwards else range(len(columns) - 2, -1, -1):
            before = columns[n - 1] if rightwards else columns[n + 1]
            _sort(columns[n], before, left if rightwards else right)
        found = _crossings(columns, right)
        if found < fewest:
            best, fewest = [[*column] for column in columns], found
    return best


def _sort(column: list[Vertex], before: Sequence[Vertex], neighbours: Mapping[Vertex, Sequence[Vertex]]) -> None:
    """Sort ``column`` by where its neighbours in the column ``before`` stand; what has none there keeps its place."""
    place = {vertex: n for n, vertex in enumerate(before)}
    wish: dict[Vertex, float] = {}
    for n, vertex in enumerate(column):
        places = sorted(place[other] for other in neighbours.get(vertex, ()))
        wish[vertex] = _middle(places) if places else n * max(len(before) - 1, 1) / max(len(column) - 1, 1)
    column.sort(key=wish.__getitem__)


def _middle(places: Sequence[int]) -> float:
    """Return the median, and of an even number the mean: with few neighbours that crosses less than either."""
    if len(places) % 2:
        return float(places[len(places) // 2])
    return sum(places) / len(places)


def _crossings(columns: Iterable[Sequence[Vertex]], right: Mapping[Vertex, Sequence[Vertex]]) -> int:
    """Return how many pairs of lines cross."""
    total = 0
    for column, following in pairwise(columns):
        place = {vertex: n for n, vertex in enumerate(following)}
        ends: list[int] = []  # of the lines above, sorted
        for vertex in column:
            own = [place[other] for other in right.get(vertex, ())]
            total += sum(len(ends) - bisect.bisect_right(ends, end) for end in own)
            for end in own:
                bisect.insort(ends, end)
    return total
