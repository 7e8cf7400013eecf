"""Loose contents by the way of a shared store, for commands that run where no file system is shared."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.locks import FileLock
from paperbuild.errors import BuildError
from paperbuild.sharing.crew import spread
from paperbuild.sharing.downloads import Downloads
from paperbuild.sharing.link import Link
from paperbuild.sharing.opening import open_transport
from paperbuild.sharing.patience import Down
from paperbuild.sharing.places import Place
from paperbuild.sharing.sending import Contents, Lacking
from paperbuild.sharing.telling import trouble_with
from paperbuild.sharing.transport import TransportError

AT_ONCE = 8
MOST_BYTES = 256 << 20
"""Of a small content; a cargo of 100,000 files takes 30 MB."""


class LooseStore:
    """:class:`paperbuild.engine.remote.Carrier` by the shared store at ``place``, in ``namespace`` alone.

    ``scratch`` is a folder that takes what came of large contents.
    """

    def __init__(self, place: Place, namespace: str = "", scratch: str = "") -> None:
        self._link = Link(place, open_transport(place), namespace)
        scratch = scratch or tempfile.gettempdir()
        self._downloads = Downloads(self._link, f"{scratch}/paperbuild-partial", FileLock(), f"{scratch}/paperbuild-locks")
        self._contents = Contents(self._link, self._downloads.damaged)

    def send(self, contents: Mapping[str, str]) -> None:
        """See the port."""
        if contents:
            with self._told("written"):
                self._link.mark()
                for _ in spread(lambda one: self._contents.send(*one), list(contents.items()), AT_ONCE):
                    pass

    def fetch(self, wanted: Mapping[str, str]) -> None:
        """See the port."""
        if not wanted:
            return
        with self._told("read"):
            for (digest, path), came in spread(lambda one: self._downloads.fetch(*one, self._link.halts), list(wanted.items()), AT_ONCE):
                if not came:
                    self._fail("read", f"it does not have {os.path.basename(path)} ({digest[:12]}…)")

    def write(self, name: str, data: bytes) -> bool:
        """See the port."""
        with self._told("written"):
            self._link.mark()
            return self._link.writing(lambda: self._link.transport.put(self._link.layer + name, data, ""))

    def read(self, name: str) -> bytes | None:
        """See the port."""
        with self._told("read"):
            found = self._link.reads.attempt(lambda: self._link.transport.read(self._link.layer + name, MOST_BYTES))
            return None if found is None else found.data

    def remove(self, names: Sequence[str]) -> None:
        """See the port."""
        with self._told("written"):
            self._link.writing(lambda: self._link.transport.delete([self._link.layer + name for name in names]))

    def close(self) -> None:
        """Let go of connections."""
        self._link.transport.close()

    @contextlib.contextmanager
    def _told(self, done: str) -> Iterator[None]:
        try:
            yield
        except (TransportError, Down, Lacking) as error:
            self._fail(done, str(error))

    def _fail(self, done: str, why: str) -> NoReturn:
        fault = self._link.reads.fault or self._link.writes.fault
        if fault is not None:
            raise BuildError(replace(trouble_with(self._link.place, fault, done), severity=Severity.ERROR))
        message = f"what a command elsewhere needs cannot be {done} in {self._link.place.address}"
        raise BuildError(Diagnostic("PB742", message, notes=(why,)))
