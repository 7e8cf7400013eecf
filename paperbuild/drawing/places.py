"""Where exactly everything in a drawing stands: no two things on top of each other, lines as straight as that allows. Pure.

Heights of one column are those that come nearest to what the neighbours wish while all keep their distance: least squares under an
order, which pooling adjacent violators solves exactly (Ayer and others, 1955). Columns are gone through to and fro until they agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from paperbuild.drawing.layers import Layers, Vertex

_ROUNDS = 30
_STRAIGHT = 6.0
"""How much more a point on the way counts than a node: a long line should not wiggle for the sake of a node."""


class Sizes(msgspec.Struct, frozen=True):
    """What things measure, in pixels: widths of nodes by name, their height, and the free space between columns and between rows."""

    widths: Mapping[str, float]
    height: float
    between_columns: float
    between_rows: float


class Places(msgspec.Struct, frozen=True):
    """The middle of each vertex, the left and right end of each column, and how large the drawing is."""

    middles: Mapping[Vertex, tuple[float, float]]
    columns: tuple[tuple[float, float], ...]
    width: float
    height: float


def places(layers: Layers, sizes: Sizes) -> Places:
    """Return where everything stands, from (0, 0) at the top left."""
    neighbours: dict[Vertex, list[Vertex]] = {}
    for one, other in layers.steps:
        neighbours.setdefault(one, []).append(other)
        neighbours.setdefault(other, []).append(one)
    y: dict[Vertex, float] = {}
    for column in layers.columns:
        y.update(zip(column, _spread([0.0] * len(column), column, sizes), strict=True))
    for n in range(_ROUNDS):
        for column in layers.columns if n % 2 == 0 else reversed(layers.columns):
            y.update(zip(column, _spread([_wish(vertex, neighbours, y) for vertex in column], column, sizes), strict=True))
    top = min((y[vertex] - _height(vertex, sizes) / 2 for vertex in y), default=0.0)
    columns = _across(layers, sizes)
    middles = {
        vertex: ((left + right) / 2, y[vertex] - top)
        for column, (left, right) in zip(layers.columns, columns, strict=True)
        for vertex in column
    }
    height = max((middles[vertex][1] + _height(vertex, sizes) / 2 for vertex in y), default=0.0)
    return Places(middles, columns, columns[-1][1] if columns else 0.0, height)


def _wish(vertex: Vertex, neighbours: Mapping[Vertex, Sequence[Vertex]], y: Mapping[Vertex, float]) -> float:
    near = neighbours.get(vertex, ())
    weights = [_STRAIGHT if other[1] >= 0 else 1.0 for other in near]
    return sum(w * y[other] for w, other in zip(weights, near, strict=True)) / sum(weights) if near else y[vertex]


def _height(vertex: Vertex, sizes: Sizes) -> float:
    return sizes.height if vertex[1] < 0 else 0.0


def _spread(wishes: Sequence[float], column: Sequence[Vertex], sizes: Sizes) -> list[float]:
    """Return heights as near as can be to ``wishes``, in this order and at their distances."""
    offset, offsets = 0.0, []
    for n, vertex in enumerate(column):
        if n:
            offset += (_height(column[n - 1], sizes) + _height(vertex, sizes)) / 2 + sizes.between_rows
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []  # sum of weighted wishes, weight, how many
    for wish, vertex, away in zip(wishes, column, offsets, strict=True):
        weight = _STRAIGHT if vertex[1] >= 0 else 1.0
        pool = ((wish - away) * weight, weight, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            above = pools.pop()
            pool = (above[0] + pool[0], above[1] + pool[1], above[2] + pool[2])
        pools.append(pool)
    bases = [total / weight for total, weight, count in pools for _ in range(count)]
    return [base + away for base, away in zip(bases, offsets, strict=True)]


def _across(layers: Layers, sizes: Sizes) -> tuple[tuple[float, float], ...]:
    """Return the left and right end of each column: all nodes of one are as wide as its widest."""
    found, at = [], 0.0
    for column in layers.columns:
        width = max((sizes.widths[name] for name, point in column if point < 0), default=0.0)
        found.append((at, at + width))
        at += width + sizes.between_columns
    return tuple(found)
