"""Memory that was freed is given back to the system.

Pages, PDFs and drawings come and go with each edit, but the C library keeps what is freed, in an area for each of the threads that builds
and answers run in: a hundred megabytes after a hundred edits. Two areas are enough, and now and then they are cleared up. Elsewhere than
with glibc this does nothing.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
_ARENAS = 2
_MMAP_THRESHOLD = -3
_LARGE = 128 << 10  # bytes; what is as large gets pages of its own, which go back at once: drawings, PDFs, the text of a page
_EVERY_S = 5.0  # what is given back has to be asked for again: that costs milliseconds


class Tidying:
    """Gives memory back. To be made before there are threads."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._trim: Callable[[int], int] | None = getattr(library, "malloc_trim", None)
        self._last_s = time.monotonic()
        if library is not None and hasattr(library, "mallopt"):
            library.mallopt(_ARENA_MAX, _ARENAS)
            library.mallopt(_MMAP_THRESHOLD, _LARGE)

    def tidy(self) -> None:
        """Give back what is free, unless that was done a moment ago."""
        now_s = time.monotonic()
        if self._trim is not None and now_s - self._last_s >= _EVERY_S:
            self._last_s = now_s
            self._trim(0)
