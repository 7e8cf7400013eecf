"""Which elements of two NumPy files differ, and by how much."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, TypeAlias

from paperbuild.engine.graph import Tolerance
from paperbuild.provenance.values import MOST, Judged, Leaf

if TYPE_CHECKING:
    import numpy as np

    _Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class NotReadable(Exception):  # noqa: N818 - a finding, not an error: whoever asked looks in another way
    """It is no such file, or one that holds Python objects, which are not loaded."""


def judge_arrays(recorded: bytes, rerun: bytes, tolerance: Tolerance | None) -> Judged:
    """Return how the arrays in two ``.npy`` files compare, element by element.

    Raises:
        NotReadable: one of them holds none that could be read.
    """
    import numpy as np  # which matplotlib brings along; only arrays that differ pay for it

    try:
        a, b = (np.load(io.BytesIO(data), allow_pickle=False) for data in (recorded, rerun))
    except (ValueError, EOFError, OSError, SyntaxError, TypeError):
        raise NotReadable from None
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        raise NotReadable
    if a.shape != b.shape:
        return Judged(beyond=1, first=(Leaf("the shape", str([*a.shape]), str([*b.shape])),))
    if a.dtype != b.dtype:
        return Judged(beyond=1, first=(Leaf("the type", str(a.dtype), str(b.dtype)),))
    is_number = a.dtype.kind in "iufc"
    unlike = ~((a == b) | (a != a) & (b != b)) if is_number else a != b  # noqa: PLR0124 - a NaN is like a NaN
    if not is_number or tolerance is None:
        return _judged(a, b, np.asarray(unlike), np.zeros(a.shape, dtype=bool))
    with np.errstate(all="ignore"):
        x, y = (side.astype(complex if a.dtype.kind == "c" else float) for side in (a, b))
        gap = np.abs(x - y)
        allowed = np.maximum(tolerance.absolute, tolerance.relative * np.maximum(np.abs(x), np.abs(y)))
        near = unlike & np.isfinite(x) & np.isfinite(y) & (gap <= allowed)
    return _judged(a, b, unlike & ~near, near, float(gap[near].max()) if near.any() else 0.0)


def _judged(a: _Array, b: _Array, beyond: _Array, within: _Array, most: float = 0.0) -> Judged:
    shown = beyond if beyond.any() else within
    places = [tuple(map(int, place)) for place in zip(*(axis[:MOST] for axis in shown.nonzero()), strict=True)] if a.shape else [()]
    first = tuple(Leaf(f"element {[*place]}" if place else "the number", str(a[place]), str(b[place])) for place in places)
    count, near = int(beyond.sum()), int(within.sum())
    return Judged(near, count, most, first if count or near else ())
