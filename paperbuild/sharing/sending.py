"""How one record gets to a shared store: its contents first, itself last, so that a record that is there has what it needs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from paperbuild.engine.store import Store
from paperbuild.engine.trace import Record
from paperbuild.sharing.bundles import (
    MOST_BYTES,
    MOST_SMALL,
    SMALL,
    BundleError,
    Fault,
    Refusal,
    Signed,
    dump_bundle,
    load_bundle,
    merged,
    signed,
)
from paperbuild.sharing.crew import spread
from paperbuild.sharing.layout import blob_name, bundle_name, pieces_name
from paperbuild.sharing.link import Link
from paperbuild.sharing.pieces import PIECE, Pieces, cut, dump_pieces
from paperbuild.sharing.signing import Signer, Trust
from paperbuild.sharing.transport import TransportError, Trouble

PIECES_AT_ONCE = 3
_SMALL = 1 << 16
"""Bytes of a content that is sent without asking first whether it is there: that would take as long."""
_MOST_TURNS = 60
"""How often a bundle is read again because somebody else had written it meanwhile."""


class Lacking(Exception):  # noqa: N818 - a finding: there is nothing to send
    """A content of the record is neither here nor there, or is not what its name says."""


class Sent(msgspec.Struct, frozen=True):
    """What went: ``is_new`` says that the record was not there, or not all that it needs; ``bytes`` counts contents."""

    is_new: bool
    bytes: int


class Contents:
    """Sends contents through ``link``. Used by several threads at once. ``damaged`` are those that are known to be wrong over there."""

    def __init__(self, link: Link, damaged: set[str]) -> None:
        self._link = link
        self._damaged = damaged
        self._there: set[str] = set()

    def send(self, digest: str, path: str) -> int:
        """Have the content ``digest``, which stands at ``path``, over there; return how many bytes were sent for it.

        Raises:
            Lacking: it is neither here nor there, or is not what its digest says.
            TransportError: it went wrong, whatever was tried.
            Down: nothing is written any more in this command.
        """
        if digest in self._there:
            return 0
        try:
            size = os.stat(path).st_size
        except OSError:
            if not self._is_had(digest, None):
                raise Lacking(digest) from None
            size = 0
        else:
            size = self._send_file(digest, path, size)
        self._there.add(digest)
        return size

    def is_there(self, digest: str, path: str) -> bool:
        """Return whether the content ``digest``, which stands at ``path`` or nowhere here, is over there, as far as its size tells.

        Raises:
            TransportError: it went wrong, whatever was tried.
            Down: nothing is written any more in this command.
        """
        if digest in self._there:
            return True
        size = None
        with contextlib.suppress(OSError):
            size = os.stat(path).st_size
        found = digest not in self._damaged and self._is_had(digest, size)
        if found:
            self._there.add(digest)
        return found

    def _send_file(self, digest: str, path: str, size: int) -> int:
        replaced = digest in self._damaged
        if not replaced and size > _SMALL and self._is_had(digest, size):
            return 0
        if size > PIECE:
            return self._send_pieces(digest, path, replaced=replaced)
        try:
            with open(path, "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            raise Lacking(digest) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise Lacking(digest)
        self._put(blob_name(digest), data, None if replaced else "")
        self._damaged.discard(digest)
        return size

    def _is_had(self, digest: str, size: int | None) -> bool:
        """Return whether a content is over there, in one piece of ``size`` bytes (None: of any) or in several."""
        for layer in self._link.layers:
            if size is None or size <= PIECE:
                seen = self._link.writing(lambda layer=layer: self._link.transport.look(layer + blob_name(digest)))  # type: ignore[misc]
                if seen is not None and size in {None, seen.size}:
                    return True
            if size is None or size > PIECE:
                seen = self._link.writing(lambda layer=layer: self._link.transport.look(layer + pieces_name(digest)))  # type: ignore[misc]
                if seen is not None:
                    return True
        return False

    def _send_pieces(self, digest: str, path: str, *, replaced: bool) -> int:
        try:
            found, pieces = cut(path)
        except OSError:
            raise Lacking(digest) from None
        if found != digest:
            raise Lacking(digest)
        numbers = range(len(pieces.digests))
        sent = sum(count for _, count in spread(lambda n: self._send_piece(path, pieces, n, replaced=replaced), numbers, PIECES_AT_ONCE))
        self._put(pieces_name(digest), dump_pieces(pieces), None if replaced else "")
        self._damaged.discard(digest)
        return sent

    def _send_piece(self, path: str, pieces: Pieces, number: int, *, replaced: bool) -> int:
        start, size = pieces.span(number)
        if not replaced and self._is_had(pieces.digests[number], size):
            return 0
        with open(path, "rb", buffering=0) as file:
            data = os.pread(file.fileno(), size, start)
        if len(data) != size:
            raise Lacking(pieces.digests[number])
        self._put(blob_name(pieces.digests[number]), data, None if replaced else "")
        return size

    def _put(self, name: str, data: bytes, over: str | None) -> bool:
        written = self._link.writing(lambda: self._link.transport.put(self._link.layer + name, data, over))
        self._link.moved += len(data)
        return written


class Sending:
    """Sends records of ``store``, signed by ``signer``, through ``link``. Used by several threads at once.

    ``damaged`` are contents that are known to be wrong over there: they are replaced.
    """

    def __init__(self, link: Link, store: Store, signer: Signer, trust: Trust, damaged: set[str]) -> None:
        self._link = link
        self._store = store
        self._signer = signer
        self._trust = trust
        self._contents = Contents(link, damaged)
        self._lock = threading.Lock()
        self.bytes = 0
        """How many bytes of contents went so far."""

    def send(self, record: Record, *, is_likely_there: bool = False) -> Sent:
        """Send ``record`` with what it needs.

        Where it ``is_likely_there``, signed by the same, that is looked at first; then only those of its contents go that are gone there.

        Raises:
            Lacking: it cannot be sent.
            TransportError: it went wrong, whatever was tried.
            Down: nothing is written any more in this command.
        """
        self._link.mark()
        blobs = sorted(self._store.blobs.of(record))
        entry = signed(record, self._signer, self._small(blobs))
        there = self._found_there(record, entry) if is_likely_there else None
        if there is not None:
            missing = self._missing(blobs, there)
            return Sent(bool(missing), sum(map(self._send_blob, missing)))
        count = sum(self._send_blob(digest) for digest in blobs)
        return Sent(self._publish(record, entry), count)

    def _small(self, digests: Sequence[str]) -> Iterator[bytes]:
        """Yield the contents that go with a record."""
        left = MOST_SMALL
        for digest in digests:
            path = self._store.blobs.path(digest)
            with contextlib.suppress(OSError):
                size = os.stat(path).st_size
                if size <= min(SMALL, left):
                    with open(path, "rb") as file:
                        yield file.read(size)
                    left -= size

    def _send_blob(self, digest: str) -> int:
        """Have a content over there; return how many bytes were sent for it."""
        size = self._contents.send(digest, self._store.blobs.path(digest))
        with self._lock:
            self.bytes += size
        return size

    # the record

    def _found_there(self, record: Record, entry: Signed) -> Signed | None:
        """Return ``entry`` of ``record`` as it stands over there; None where it does not."""
        content = self._link.writing(lambda: self._link.transport.read(self._link.layer + bundle_name(record.key), MOST_BYTES))
        present = None if content is None else self._present(content.data)
        return next(filter(entry.is_same, present or ()), None)

    def _missing(self, digests: Sequence[str], there: Signed) -> tuple[str, ...]:
        """Return those of ``digests`` that are neither over there, where somebody may have removed them, nor go along with the record."""
        along = {hashlib.sha256(data).hexdigest() for data in there.contents}
        return tuple(d for d in digests if d not in along and not self._contents.is_there(d, self._store.blobs.path(d)))

    def _write(self, name: str, data: bytes, over: str) -> bool:
        return self._link.writing(lambda: self._link.transport.put(self._link.layer + name, data, over))

    def _present(self, data: bytes) -> tuple[Signed, ...] | None:
        """Return what stands in a bundle; nothing where it is damaged, None where it is of a later version and stays."""
        try:
            return load_bundle(data)
        except BundleError as error:
            return None if error.fault is Fault.LATER else ()

    def _publish(self, record: Record, entry: Signed) -> bool:
        """Add the record to the bundle of its key, whoever else writes it meanwhile; return whether it was not there."""
        name = bundle_name(record.key)
        if self._write(name, dump_bundle([entry]), ""):
            return True
        for turn in range(_MOST_TURNS):
            content = self._link.writing(lambda: self._link.transport.read(self._link.layer + name, MOST_BYTES))
            present = () if content is None else self._present(content.data)
            if present is None:
                self._link.telling.refused(Refusal(Fault.LATER, record.key))
                raise TransportError(Trouble.LATER, "its records are of a later paperbuild")
            if any(entry.is_same(one) for one in present):
                return False
            if self._write(name, dump_bundle(merged(present, entry, self._trust)), "" if content is None else content.version):
                return True
            time.sleep(random.uniform(0.2, 1.0) * min(0.2, 0.005 * (turn + 1)))  # noqa: S311 - so that two do not meet again
        raise TransportError(Trouble.BROKEN, "others keep writing the same records")


Tell = Callable[["Progress"], None]


class Progress(msgspec.Struct, frozen=True):
    """How far an exchange is: records that are done, of how many, and bytes that were moved."""

    done: int
    total: int
    bytes: int
