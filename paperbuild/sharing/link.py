"""One shared store as it is used in one command: who speaks to it, in which layers, and how far it can be relied on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError
from paperbuild.sharing.layout import LAYOUT_VERSION, VERSION, layer_of
from paperbuild.sharing.patience import Down, Patience
from paperbuild.sharing.places import Place
from paperbuild.sharing.telling import Telling, trouble_with
from paperbuild.sharing.transport import Content, Transport, TransportError, Trouble

T = TypeVar("T")


class Link:
    """What everything that speaks with ``place`` shares.

    ``layer`` is what names begin with that are written, ``layers`` where what is read is looked for, in this order. That a place cannot be
    written to says nothing of reading.
    """

    def __init__(self, place: Place, transport: Transport, namespace: str) -> None:
        self.place = place
        self.transport = transport
        self.layer = layer_of(namespace)
        self.layers = (self.layer, "") if namespace else ("",)
        self.reads = Patience()
        self.writes = Patience()
        self.telling = Telling(place)
        self.halts = 0
        """How often whoever fetches was told to stop: what began before ends."""
        self.moved = 0
        """About how many bytes of contents came or went: for whoever waits for a large one."""
        self._lock = threading.Lock()
        self._is_known = self._is_marked = False
        if not transport.can_write:
            self.writes.fault = TransportError(Trouble.READ_ONLY, "")

    def reading(self, act: Callable[[], T]) -> T | None:
        """Return what ``act`` returns, tried again where the trouble may pass; None where it never went well."""
        try:
            self._learn()
            return self.reads.attempt(act)
        except (TransportError, Down):
            return None

    def notices(self) -> tuple[Diagnostic, ...]:
        """Return what is to be told since this was last asked; that nothing is read or written any more, once."""
        if self.reads.fault is not None:
            self.telling.down(self.reads.fault, "read")
        elif self.writes.fault is not None and self.transport.can_write:
            self.telling.down(self.writes.fault, "written")
        return self.telling.drain()

    def writing(self, act: Callable[[], T]) -> T:
        """Return what ``act`` returns, tried again where the trouble may pass.

        Raises:
            TransportError: it went wrong each time.
            Down: nothing is written any more in this command.
        """
        if self.reads.is_down:
            raise Down
        self._learn()
        return self.writes.attempt(act)

    def _learn(self) -> None:
        """Look once whether the layout is one that is known here.

        Raises:
            TransportError: it is that of a later version, or nobody answers.
            Down: the place counts as down.
        """
        with self._lock:  # whoever comes meanwhile would ask the same
            if self._is_known:
                return
            found = self.reads.attempt(lambda: self.transport.read(VERSION, 64))
            version = "" if found is None else found.data.decode(errors="replace").strip()
            if version not in {"", LAYOUT_VERSION}:
                error = TransportError(Trouble.LATER, f"its layout has version {version[:20]}, this paperbuild knows {LAYOUT_VERSION}")
                self.reads.give_up(error)
                raise error
            self._is_known = True
            self._is_marked = found is not None

    def mark(self) -> None:
        """Write down the version of the layout, before anything else is written.

        Raises:
            TransportError: it went wrong each time.
            Down: nothing is written any more in this command.
        """
        self.writing(lambda: True)
        if not self._is_marked and not self.layer:  # who has a namespace writes only there
            self.writing(lambda: self.transport.put(VERSION, LAYOUT_VERSION.encode(), ""))
        self._is_marked = True

    def first(self, name: str, most: int) -> Content | None:
        """Return the small content ``name`` of the first layer that has it; None where none has."""
        for layer in self.layers:
            found = self.reading(lambda layer=layer: self.transport.read(layer + name, most))  # type: ignore[misc]  # mypy and defaults
            if found is not None:
                return found
        return None

    def insist(self, *, written: bool = False) -> None:
        """Make sure that this can be read, and ``written``.

        Raises:
            BuildError: it cannot.
        """
        self.reading(lambda: True)
        for patience, done in ((self.reads, "read"), (self.writes, "written")):
            if patience.fault is not None and (done == "read" or written):
                raise BuildError(trouble_with(self.place, patience.fault, done))
