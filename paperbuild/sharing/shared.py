"""The store that several machines share, as a build and the commands use it: :class:`paperbuild.engine.remote.Remote`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.digest import is_digest
from paperbuild.engine.ports import Clock, FileSystem, Lock
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Record
from paperbuild.sharing import lookups
from paperbuild.sharing.crew import spread
from paperbuild.sharing.downloads import Downloads
from paperbuild.sharing.link import Link
from paperbuild.sharing.opening import open_transport
from paperbuild.sharing.places import Place
from paperbuild.sharing.sending import Sending
from paperbuild.sharing.signing import Signer, Trust
from paperbuild.sharing.small import Small
from paperbuild.sharing.uploads import Uploads

FETCHED_AT_ONCE = 16


class Access(msgspec.Struct, frozen=True):
    """Who one is to others: whom one trusts, with what one signs (None: nothing is uploaded), and where one may write ("": everywhere)."""

    trust: Trust
    signer: Signer | None = None
    namespace: str = ""


class Desk(msgspec.Struct, frozen=True):
    """The local side: the store, and what it stands on."""

    store: Store
    fs: FileSystem
    lock: Lock
    clock: Clock


class Underway(msgspec.Struct, frozen=True):
    """How far uploads are: how many records have yet to go, and how many bytes of contents went in this command."""

    records: int
    bytes_sent: int


class SharedStore:
    """What lies elsewhere, through ``link``. Safe to use from several threads; what implements the port never raises."""

    def __init__(self, link: Link, access: Access, desk: Desk) -> None:
        self.link = link
        self.access = access
        self.desk = desk
        store = desk.store
        self._downloads = Downloads(link, f"{store.root}/partial", desk.lock, store.locks)
        self._small = Small()
        self._uploads: Uploads | None = None
        self.sending: Sending | None = None
        """What sends records; None where nobody here may."""
        if access.signer is not None and link.transport.can_write:
            self.sending = Sending(link, store, access.signer, access.trust, self._downloads.damaged)
            self._uploads = Uploads(link, self.sending, store, desk.fs, desk.lock)

    # the port

    def find(self, keys: Sequence[str]) -> Mapping[str, tuple[Record, ...]]:
        """See the port."""
        found = lookups.find(self.link, self.access.trust, keys, self.desk.clock.now_ns())
        self._small.keep(found.contents)
        return found.records

    def fetch(self, wanted: Mapping[str, str]) -> frozenset[str]:
        """See the port."""
        there = {digest for digest, path in wanted.items() if self._small.write(digest, path)}
        todo = [(digest, path) for digest, path in wanted.items() if digest not in there and is_digest(digest)]
        halts = self.link.halts
        if todo and self.link.reading(lambda: True) is not None:
            found = spread(lambda one: self.link.halts == halts and self._fetch(*one, halts), todo, FETCHED_AT_ONCE)
            there |= {digest for (digest, _), came in found if came}
        return frozenset(there)

    def _fetch(self, digest: str, path: str, halts: int) -> bool:
        try:
            return self._downloads.fetch(digest, path, halts)
        except OSError:  # the disk here is full, or not to be written to: whoever makes it instead will say so
            return False

    def halt(self) -> None:
        """See the port."""
        self.link.halts += 1

    def offer(self, record: Record) -> None:
        """See the port. Where nobody here signs, it is only noted that this had to be made."""
        self.link.telling.missed(record.key)
        if self._uploads is not None:
            self._uploads.offer(record)

    def settle(self, most_s: float) -> int:
        """See the port."""
        if self._uploads is None:
            return 0
        self._uploads.resume()
        return self._uploads.wait(most_s)

    def notices(self) -> tuple[Diagnostic, ...]:
        """See the port."""
        return self.link.notices()

    def close(self) -> None:
        """See the port."""
        if self._uploads is not None:
            self._uploads.close()
        self._downloads.forget_old()
        self.link.transport.close()

    # for who shows how far it is

    def underway(self) -> Underway:
        """Return how far uploads are."""
        return Underway(self.pending(), 0 if self.sending is None else self.sending.bytes)

    def pending(self) -> int:
        """Return how many records have yet to go, by this command or a later one."""
        return 0 if self._uploads is None else len(self._uploads.left())


def open_shared(place: Place, access: Access, desk: Desk) -> SharedStore:
    """Return the shared store at ``place``; nothing is asked of it yet.

    Raises:
        UsageError: what its protocol needs is not installed, or its settings cannot be understood.
    """
    return SharedStore(Link(place, open_transport(place), access.namespace), access, desk)
