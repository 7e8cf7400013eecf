"""A log as it is shown: byte for byte to a file or a program, line by line and made safe on a terminal."""

from __future__ import annotations

import codecs
from typing import TextIO

from paperbuild.terminal.screen import Screen, cut, escaped, without_colors

_ERASE = "\r\x1b[2K"


class LogView:
    """Shows the pieces of a log on ``stream`` as they come.

    On a terminal a line that is not ended yet, such as a progress bar, is shown and written again.
    """

    def __init__(self, stream: TextIO, screen: Screen) -> None:
        self._stream = stream
        self._screen = screen
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""

    def feed(self, data: bytes) -> None:
        """Show ``data``."""
        if not self._screen.rewrites:
            self._stream.buffer.write(data)
            self._stream.flush()
            return
        *lines, self._line = (self._line + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._stream.write(f"{_ERASE}{_shown(line)}\n")
        self._stream.write(_ERASE + cut(_shown(self._line), self._screen.width - 1))
        self._stream.flush()

    def end(self) -> None:
        """End the last line, if it is not."""
        if self._line:
            self._stream.write(f"{_ERASE}{_shown(self._line)}\n")
            self._stream.flush()
        self._line = ""


def _shown(line: str) -> str:
    return escaped(without_colors(line.rstrip("\r").rpartition("\r")[2]))
