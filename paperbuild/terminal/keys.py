"""Keys that are pressed while a command is at work on a terminal: one letter, one order."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TextIO

try:
    import termios
    import tty
except ImportError:  # Windows has neither; there no keys are read
    termios = None  # type: ignore[assignment]

_LOOK_S = 0.25  # how often a command that was sent to the background looks whether it is back


class Keys:
    """Calls what ``orders`` has for each key, in a thread, as long as it is entered; without a terminal nothing happens.

    Ctrl-C and Ctrl-Z do what they always do, and the terminal is given back as it was.
    """

    def __init__(self, stream: TextIO | None, orders: Mapping[str, Callable[[], object]]) -> None:
        self._orders = orders
        self._terminal = _descriptor(stream)
        self._before: Any = None  # the terminal's settings, as termios has them
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)

    @property
    def are_read(self) -> bool:
        """Whether there is a terminal."""
        return self._before is not None

    def __enter__(self) -> Self:
        if self._terminal is not None and self._is_in_front():
            self._before = termios.tcgetattr(self._terminal)
            tty.setcbreak(self._terminal, termios.TCSANOW)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        if self._before is not None and self._terminal is not None:
            self._thread.join(2 * _LOOK_S)
            with contextlib.suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)

    def _is_in_front(self) -> bool:
        """Whether the terminal is ours now: whoever reads it from the background is stopped."""
        assert self._terminal is not None
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:
            return False

    def _read(self) -> None:
        assert self._terminal is not None
        while not self._over.is_set():
            if not self._is_in_front():
                self._over.wait(_LOOK_S)
                continue
            if not select.select([self._terminal], [], [], _LOOK_S)[0]:
                continue
            try:
                pressed = os.read(self._terminal, 1)
            except OSError:
                return
            if not pressed:
                return
            self._orders.get(pressed.decode("latin-1").lower(), _nothing)()


def _nothing() -> None:
    """What other keys do."""


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if termios is not None and stream is not None and stream.isatty() else None
    except (OSError, ValueError):
        return None
