"""What stays where one sequence becomes another with as few insertions and deletions as can be. Pure.

The algorithm is that of E. W. Myers, An O(ND) difference algorithm and its variations, Algorithmica 1, 1986. Python's difflib was not
taken: with many equal elements its time grows with the cube, and its shortcut against that ("autojunk") forgets whichever are common.
"""

from __future__ import annotations

from collections.abc import Sequence


def staying(old: Sequence[str], new: Sequence[str], most: int) -> list[tuple[int, int]]:
    """Return the places (in ``old``, in ``new``) of a longest common subsequence, in order.

    Empty, which means that all is replaced, where more than ``most`` insertions and deletions are needed.
    """
    if not old or not new:
        return []
    reach = {1: 0}  # on each diagonal, how far into ``old`` one gets with so many edits
    trail: list[dict[int, int]] = []
    for edits in range(min(len(old) + len(new), most) + 1):
        trail.append(dict(reach))
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])
            a = reach[diagonal + 1] if down else reach[diagonal - 1] + 1
            while a < len(old) and a - diagonal < len(new) and old[a] == new[a - diagonal]:
                a += 1
            reach[diagonal] = a
            if a >= len(old) and a - diagonal >= len(new):
                return _walk_back(trail, len(old), len(new))
    return []


def _walk_back(trail: Sequence[dict[int, int]], a: int, b: int) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for edits in range(len(trail) - 1, -1, -1):
        reach, diagonal = trail[edits], a - b
        down = diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])
        before = diagonal + 1 if down else diagonal - 1
        start_a, start_b = (reach[before], reach[before] - before) if edits else (0, 0)
        while a > start_a and b > start_b:
            a, b = a - 1, b - 1
            kept.append((a, b))
        a, b = start_a, start_b
    return kept[::-1]
