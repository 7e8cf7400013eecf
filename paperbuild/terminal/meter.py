"""How far something is that takes a while: one line of a terminal, written anew, and gone at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self, TextIO

from paperbuild.terminal.screen import Screen, cut

_ERASE = "\r\x1b[2K"
_PAUSE_S = 0.1  # more often nobody reads


class Meter:
    """Shows texts on ``stream``, where ``screen`` can rewrite a line and nobody wants it ``quiet``. Use it as a context manager."""

    def __init__(self, stream: TextIO, screen: Screen, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._width = max(1, screen.width - 1)  # the last column stays free: terminals wrap when it is written to
        self._shows = screen.rewrites and not quiet
        self._clock = clock
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def show(self, text: str) -> None:
        """Show ``text`` instead of what was shown before."""
        now_s = self._clock()
        if self._shows and now_s >= self._next_s:
            self._next_s = now_s + _PAUSE_S
            self._write(cut(text, self._width))

    def __exit__(self, *_: object) -> None:
        if self._shows and self._next_s:
            self._write("")

    def _write(self, text: str) -> None:
        self._stream.write(f"{_ERASE}{text}")
        self._stream.flush()
