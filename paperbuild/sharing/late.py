"""A shared store that is opened when something is asked of it, and not before: most commands have nothing to ask."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.trace import Record
from paperbuild.errors import UsageError
from paperbuild.sharing.keyring import OwnKey, has_key, own_key
from paperbuild.sharing.terms import Terms

if TYPE_CHECKING:
    from paperbuild.sharing.shared import Desk, SharedStore


_OUT_OF_SIGHT_S = 600
"""For how long a place that could not be reached is not asked for the sake of waiting uploads alone."""
REST_S, _LONGEST_REST_S = 60.0, 960.0
"""After how long, within a session, it is tried again; twice as long each time that it is still out of reach."""


class LateStore:
    """What is shared on ``terms``: :class:`paperbuild.engine.remote.Remote`. The local store is in the folder ``store``.

    What keeps it from being opened, such as a key that cannot be used, is told once as a warning; a build goes on without it. One that
    ``stays`` is closed by :meth:`end` alone, and serves several builds, each of which it is told to :meth:`begin`.
    """

    def __init__(self, terms: Terms, environ: Mapping[str, str], store: str, desk: Callable[[], Desk], *, stays: bool = False) -> None:
        self.terms = terms
        self._environ = environ
        self._outgoing = f"{store}/outgoing"
        self._unreached = f"{store}/unreached"  # a file of the time when a command could not reach it
        self._desk = desk
        self.stays = stays
        self._lock = threading.Lock()
        self._is_asked = False
        self._store: SharedStore | None = None
        self._told: list[Diagnostic] = []
        self._outage = Outage() if stays else None
        self.has_key = has_key(environ)
        """Whether there is a key of ours, good or not."""
        self.signs = self.has_key and not terms.place.is_read_only
        """Whether what is made here is shared."""
        self.kept = 0
        """How many results were made that stay here, since nobody signs them."""

    def begin(self) -> None:
        """Begin another build: what was out of reach long enough is tried again."""
        with self._lock:
            if self._outage is None or not self._outage.ends_rest():
                return
            store, self._store, self._is_asked = self._store, None, False
        if store is not None:
            store.close()

    def opened(self) -> SharedStore | None:
        """Return the store, opened now if it was not yet; None where it cannot be."""
        with self._lock:
            if not self._is_asked:
                self._is_asked = True
                self._store = self._open()
            return self._store

    def required(self, *, signing: bool = False) -> SharedStore:
        """Return the store for a command that is about nothing else; with a key, where it is ``signing``.

        Raises:
            UsageError: it cannot be opened, or there is no key that can be used.
        """
        with self._lock:
            if self._store is None:
                self._is_asked = True
                key = own_key(self._environ)
                if key is None and signing:
                    notes = ("what nobody signed nobody takes",)
                    help_ = ("to make one: paperbuild key new",)
                    raise UsageError(Diagnostic("PB626", "there is no key to sign results with", notes=notes, help=help_))
                self._store = self._open_with(key)
            return self._store

    def _open(self) -> SharedStore | None:
        key = None
        try:
            key = own_key(self._environ)
        except UsageError as error:
            self.signs = False
            self._warn(error, "results of others are taken, and nothing is shared")
        try:
            return self._open_with(key)
        except UsageError as error:
            self._warn(error, "nothing is taken from there, and nothing shared")
            return None

    def _open_with(self, key: OwnKey | None) -> SharedStore:
        from paperbuild.sharing.shared import Access, open_shared
        from paperbuild.sharing.signing import Trust

        trusted = self.terms.trusted if key is None else (*self.terms.trusted, key.public)
        access = Access(Trust(trusted), None if key is None else key.signer, self.terms.namespace)
        return open_shared(self.terms.place, access, self._desk())

    def _warn(self, error: UsageError, instead: str) -> None:
        self._told += (replace(fault, severity=Severity.WARNING, notes=(*fault.notes, instead)) for fault in error.diagnostics)

    def outgoing(self) -> tuple[str, ...]:
        """Return what waits to be uploaded, each result as its key, a hyphen and its name; nothing is opened for it."""
        try:
            return tuple(os.listdir(self._outgoing))
        except OSError:
            return ()

    def bytes_sent(self) -> int:
        """Return how many bytes of contents were uploaded in this command."""
        with self._lock:
            store = self._store
        return 0 if store is None else store.underway().bytes_sent

    # the port

    def find(self, keys: Sequence[str]) -> Mapping[str, tuple[Record, ...]]:
        """See the port."""
        store = self.opened() if keys else None
        return {} if store is None else store.find(keys)

    def fetch(self, wanted: Mapping[str, str]) -> frozenset[str]:
        """See the port."""
        store = self.opened() if wanted else None
        return frozenset() if store is None else store.fetch(wanted)

    def halt(self) -> None:
        """See the port."""
        with self._lock:
            store = self._store
        if store is not None:
            store.halt()

    def offer(self, record: Record) -> None:
        """See the port."""
        if self.signs:
            self.opened()
        with self._lock:
            store = self._store
            self.kept += store is None or not self.signs
        if store is not None:
            store.offer(record)

    def settle(self, most_s: float) -> int:
        """See the port. Where it was out of reach a moment ago, a command that needs nothing of it does not try again."""
        if not self.signs:
            return 0
        if not self._is_asked and (not (waiting := self.outgoing()) or self._is_out_of_sight()):
            return len(waiting)
        store = self.opened()
        return 0 if store is None else store.settle(most_s)

    def _is_out_of_sight(self) -> bool:
        try:
            return 0 <= time.time() - os.stat(self._unreached).st_mtime < _OUT_OF_SIGHT_S
        except OSError:
            return False

    def notices(self) -> tuple[Diagnostic, ...]:
        """See the port."""
        with self._lock:
            told, self._told = tuple(self._told), []
            store, is_asked = self._store, self._is_asked
        told = told if store is None else (*told, *store.notices())
        if self._outage is None or not is_asked:
            return told
        if store is None or _is_down(store):
            return self._outage.goes_on(told, reads=store is None or store.link.reads.is_down)
        if not self._outage.is_on:
            return told
        if self.signs:
            store.settle(0.0)  # what waits since then goes now
        asked = store.link.reads if self._outage.reads else store.link.writes
        return (*told, self._outage.end(self.terms.place.address)) if asked.has_answered else told

    def close(self) -> None:
        """See the port."""
        if not self.stays:
            self.end()

    def end(self) -> None:
        """Close it, whether it stays or not."""
        with self._lock:
            store, self._store = self._store, None
            self._is_asked = False
        if store is not None:
            self._note_reach(store)
            store.close()

    def _note_reach(self, store: SharedStore) -> None:
        with suppress(OSError):
            if _is_down(store):
                with open(self._unreached, "wb"):
                    pass
            else:
                os.unlink(self._unreached)


def _is_down(store: SharedStore) -> bool:
    return store.link.reads.is_down or (store.link.writes.is_down and store.link.transport.can_write)


class Outage:
    """For how long a place has been out of reach in a session: when it is tried again, and what was told of it."""

    def __init__(self) -> None:
        self._rest_s = REST_S
        self._again_s: float | None = None
        self._told: set[str] = set()
        self.is_on = False
        self.reads = True
        """Whether it cannot even be read."""

    def goes_on(self, notices: tuple[Diagnostic, ...], *, reads: bool) -> tuple[Diagnostic, ...]:
        """Note that the place is out of reach, for ``reads`` or only to write; return those of ``notices`` not told since it is."""
        self.is_on, self.reads = True, reads
        if self._again_s is None:
            self._again_s = monotonic() + self._rest_s
            self._rest_s = min(2 * self._rest_s, _LONGEST_REST_S)
        new = tuple(notice for notice in notices if notice.message not in self._told)
        self._told.update(notice.message for notice in new)
        return new

    def ends_rest(self) -> bool:
        """Return whether it is time to try again; from then on whoever asks is answered."""
        if self._again_s is None or monotonic() < self._again_s:
            return False
        self._again_s = None
        return True

    def end(self, address: str) -> Diagnostic:
        """Note that the place answers; return what is to be told of that."""
        self.is_on, self._rest_s, self._again_s = False, REST_S, None
        self._told.clear()
        return Diagnostic("PB618", f"the store {address} answers again", severity=Severity.NOTE)
