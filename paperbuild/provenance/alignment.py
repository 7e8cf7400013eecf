"""How one sequence became another: what stayed, what came, what went, and what is somewhere else now. Pure.

For words the least number of insertions and deletions is no aim in itself: it finds an "of" to keep in the middle of a sentence that was
written anew. So what occurs once on both sides is aligned first (the patience difference of Bram Cohen), what lies between by the shortest
way (:mod:`paperbuild.paper.staying`), and what stayed between two changes and weighs less than either of them is taken into these.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from paperbuild.paper.staying import staying

_MOST_STEPS = 600
"""So many insertions and deletions are looked for between two anchors; what differs by more was written anew."""

_MOST_PAIRS = 40_000
_ALIKE = 0.4
"""From this share of common words on, a passage is the other one, edited."""

_MOVED = 0.75
_MOVED_WORDS = 6
"""A passage that is elsewhere must have so much, and so many words, in common with one that went: headings are alike by chance."""


class Run(msgspec.Struct, frozen=True):
    """A stretch of the old sequence, from ``a0`` to ``a1``, and what stands for it in the new one; ``same`` where they are equal."""

    same: bool
    a0: int
    a1: int
    b0: int
    b1: int


class Pair(msgspec.Struct, frozen=True):
    """An old passage and the new one that it became, by their numbers; None where there is none. ``moved``: it stands elsewhere now."""

    old: int | None
    new: int | None
    moved: bool = False


def runs(old: Sequence[str], new: Sequence[str]) -> tuple[Run, ...]:
    """Return how ``old`` became ``new``: runs that stayed and runs that changed by turns, which together are both sequences."""
    same = sorted(_matches(old, new, 0, len(old), 0, len(new)))
    found: list[Run] = []
    a = b = 0
    for i, j in (*same, (len(old), len(new))):
        if i > a or j > b:
            found.append(Run(False, a, i, b, j))
        if i < len(old) or j < len(new):
            if found and found[-1].same:
                found[-1] = Run(True, found[-1].a0, i + 1, found[-1].b0, j + 1)
            else:
                found.append(Run(True, i, i + 1, j, j + 1))
        a, b = i + 1, j + 1
    return tuple(found)


def readable(found: Sequence[Run], weight: Callable[[Run], int | None]) -> tuple[Run, ...]:
    """Return runs as a reader takes them in: what stayed between two changes and says less than either counts as changed.

    ``weight`` tells how much a run that stayed says, None where it must stay.
    """
    kept: list[Run] = []
    for n, run in enumerate(found):
        heavy = weight(run) if run.same and 0 < n < len(found) - 1 else None
        is_slight = heavy is not None and heavy < min(_size(kept[-1]), _size(found[n + 1]))
        if is_slight or (kept and not run.same and not kept[-1].same):
            kept[-1] = Run(False, kept[-1].a0, run.a1, kept[-1].b0, run.b1)
        else:
            kept.append(run)
    return tuple(kept)


def _size(run: Run) -> int:
    return max(run.a1 - run.a0, run.b1 - run.b0)


# --- what stayed


def _matches(old: Sequence[str], new: Sequence[str], a0: int, a1: int, b0: int, b1: int) -> Iterator[tuple[int, int]]:
    """Yield the places (old, new) that are taken for the same ones, between these bounds; with a stack, since papers are long."""
    todo = [(a0, a1, b0, b1)]
    while todo:
        a0, a1, b0, b1 = todo.pop()
        while a0 < a1 and b0 < b1 and old[a0] == new[b0]:
            yield a0, b0
            a0, b0 = a0 + 1, b0 + 1
        while a0 < a1 and b0 < b1 and old[a1 - 1] == new[b1 - 1]:
            a1, b1 = a1 - 1, b1 - 1
            yield a1, b1
        if a0 == a1 or b0 == b1:
            continue
        anchors = _anchors(old, new, (a0, a1), (b0, b1))
        if not anchors:
            yield from ((a0 + a, b0 + b) for a, b in staying(old[a0:a1], new[b0:b1], _MOST_STEPS))
            continue
        for i, j in (*anchors, (a1, b1)):
            todo.append((a0, i, b0, j))
            a0, b0 = i + 1, j + 1
        yield from anchors


def _anchors(old: Sequence[str], new: Sequence[str], a: tuple[int, int], b: tuple[int, int]) -> list[tuple[int, int]]:
    """Return what occurs once on either side, in an order that both have: the longest such chain."""
    once_old, once_new = _once(old, *a), _once(new, *b)
    pairs = [(i, once_new[key]) for key, i in once_old.items() if key in once_new]  # by their old places
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for n, (_, j) in enumerate(pairs):
        length = bisect_left(tails, j)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [j]
        ends[length : length + 1] = [n]
    chain: list[tuple[int, int]] = []
    n = ends[-1] if ends else -1
    while n >= 0:
        chain.append(pairs[n])
        n = before[n]
    return chain[::-1]


def _once(items: Sequence[str], start: int, end: int) -> dict[str, int]:
    counts = Counter(items[start:end])
    return {item: n for n, item in enumerate(items[start:end], start) if counts[item] == 1}


# --- passages


def pairs(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> tuple[Pair, ...]:
    """Return which of the new passages (each its words) each of the old ones became, in the order of the new text.

    What went stands where it stood.
    """
    whole = tuple(tuple("\0".join(words) for words in side) for side in (old, new))
    bags = tuple([Counter(filter(_says, words)) for words in side] for side in (old, new))
    found: list[Pair] = []
    for run in runs(*whole):
        if run.same:
            found += (Pair(run.a0 + n, run.b0 + n) for n in range(run.a1 - run.a0))
        else:
            found += _edited(bags[0], bags[1], run)
    return _with_moved(found, bags[0], bags[1])


def _says(word: str) -> bool:
    return any(map(str.isalnum, word))


def likeness(old: Counter[str], new: Counter[str]) -> float:
    """Return how much two bags of words have in common, from 0 to 1 (Dice)."""
    total = old.total() + new.total()
    return 2 * (old & new).total() / total if total else 0.0


def _edited(old: Sequence[Counter[str]], new: Sequence[Counter[str]], run: Run) -> list[Pair]:
    """Return which passages of a run that changed are others, edited: the order kept, as much as possible in common."""
    rows, columns = run.a1 - run.a0, run.b1 - run.b0
    if rows * columns > _MOST_PAIRS:
        half = Run(False, run.a0, run.a0 + rows // 2, run.b0, run.b0 + columns // 2)
        return [*_edited(old, new, half), *_edited(old, new, Run(False, half.a1, run.a1, half.b1, run.b1))]
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    alike = [[likeness(old[i], new[j]) for j in range(run.b0, run.b1)] for i in range(run.a0, run.a1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if alike[i][j] >= _ALIKE:
                best[i][j] = max(best[i][j], best[i + 1][j + 1] + alike[i][j])
    found = []
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and alike[i][j] >= _ALIKE and best[i][j] == best[i + 1][j + 1] + alike[i][j]:
            found.append(Pair(run.a0 + i, run.b0 + j))
            i, j = i + 1, j + 1
        elif i < rows and best[i][j] == best[i + 1][j]:
            found.append(Pair(run.a0 + i, None))
            i += 1
        else:
            found.append(Pair(None, run.b0 + j))
            j += 1
    return found


def _with_moved(found: Sequence[Pair], old: Sequence[Counter[str]], new: Sequence[Counter[str]]) -> tuple[Pair, ...]:
    """Return ``found`` with what went in one place and came in another as one pair, where the new one stands."""
    gone = [pair.old for pair in found if pair.old is not None and pair.new is None]
    come = [pair.new for pair in found if pair.new is not None and pair.old is None]
    if not gone or not come or len(gone) * len(come) > _MOST_PAIRS:
        return tuple(found)
    ranked = sorted(
        ((likeness(old[i], new[j]), -i, -j) for i in gone for j in come if min(old[i].total(), new[j].total()) >= _MOVED_WORDS),
        reverse=True,
    )
    origin: dict[int, int] = {}
    for alike, i, j in ranked:
        if alike >= _MOVED and -j not in origin and -i not in origin.values():
            origin[-j] = -i
    moved = frozenset(origin.values())
    kept = (pair for pair in found if pair.new is not None or pair.old not in moved)
    return tuple(Pair(origin[pair.new], pair.new, True) if pair.new in origin and pair.old is None else pair for pair in kept)
