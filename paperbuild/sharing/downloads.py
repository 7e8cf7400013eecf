"""How a content comes here: streamed, checked against its digest on the way, gone on with where a connection broke."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time

import msgspec

from paperbuild.engine.ports import Hold, Lock
from paperbuild.sharing.crew import spread
from paperbuild.sharing.layout import blob_name, pieces_name
from paperbuild.sharing.link import Link
from paperbuild.sharing.patience import Down
from paperbuild.sharing.pieces import MOST_LIST, PIECE, Pieces, chunks_of, digest_of_part, load_pieces
from paperbuild.sharing.transport import TransportError, Trouble

PIECES_AT_ONCE = 4
_TRIES = 2
"""How often a content is fetched that turns out to be another: once may have been the way here."""
_KEPT_S = 7 * 24 * 3600
"""For how long what came of a content is kept that did not come in full."""


class _Wish(msgspec.Struct, frozen=True):
    """A content, the file that it goes into, and how many halts the link had seen when it was asked for."""

    digest: str
    path: str
    halts: int


class Downloads:
    """Fetches blobs through ``link``. ``partial`` is a folder for what comes in pieces, beside where it goes; ``locks`` one for locks."""

    def __init__(self, link: Link, partial: str, lock: Lock, locks: str) -> None:
        self._link = link
        self._partial = partial
        self._lock = lock
        self._locks = locks
        self.damaged: set[str] = set()
        """What stands over there and is not what its name says: it is replaced when it is uploaded."""

    def fetch(self, digest: str, path: str, halts: int) -> bool:
        """Make a new file at ``path`` with the content ``digest``; return whether it came. Of what did not come nothing stands there.

        It goes on while the link has seen no more ``halts`` than whoever asks for it had.
        """
        wish = _Wish(digest, path, halts)
        try:
            return any(self._blob(layer, wish) or self._in_pieces(layer, wish) for layer in self._link.layers)
        except (TransportError, Down):
            return False

    # one blob

    def _blob(self, layer: str, wish: _Wish) -> bool:
        with contextlib.ExitStack() as undo:
            undo.callback(_remove, wish.path)
            for _ in range(_TRIES):
                handle = os.open(wish.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
                try:
                    found = _Arrival(self._link, layer + blob_name(wish.digest), handle, (0, PIECE), wish.halts).receive(hashing=True)
                finally:
                    os.close(handle)
                if found is None:
                    return False
                if found == wish.digest:
                    undo.pop_all()
                    return True
            self._spoilt(wish.digest)
            return False

    def _spoilt(self, digest: str) -> None:
        self.damaged.add(digest)
        self._link.telling.spoilt(digest)

    # many pieces

    def _in_pieces(self, layer: str, wish: _Wish) -> bool:
        digest = wish.digest
        content = self._link.reads.attempt(lambda: self._link.transport.read(layer + pieces_name(digest), MOST_LIST))
        if content is None:
            return False
        pieces = load_pieces(content.data)
        if pieces is None:
            self._spoilt(digest)
            return False
        os.makedirs(self._partial, exist_ok=True)
        hold = self._lock.attempt(f"{self._locks}/partial-{digest}")
        try:
            place = wish.path if hold is None else f"{self._partial}/{digest}"  # somebody else is at it: then from the beginning
            return self._assembled(layer, wish, pieces, place)
        finally:
            _release(hold)

    def _assembled(self, layer: str, wish: _Wish, pieces: Pieces, place: str) -> bool:
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            assembly = _Assembly(self._link, layer, pieces, (handle, f"{place}.pieces"), wish.halts)
            found = next((True for _ in range(_TRIES) if assembly.complete() == wish.digest), False)
        except BaseException:
            if place == wish.path:
                _remove(place)
                _remove(f"{place}.pieces")
            raise
        finally:
            os.close(handle)
        _remove(f"{place}.pieces")
        if not found:
            _remove(place)
            self._spoilt(wish.digest)
        elif place != wish.path:
            _move(place, wish.path)
        return found

    def forget_old(self) -> None:
        """Remove what came of contents that nobody fetched any further for a week."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._partial):
                path = f"{self._partial}/{name}"
                if time.time() - os.stat(path).st_mtime > _KEPT_S:
                    _remove(path)


class _Arrival:
    """One content on its way into a ``stretch`` of an open file: where it begins, and the most bytes that it may have."""

    def __init__(self, link: Link, name: str, handle: int, stretch: tuple[int, int], halts: int) -> None:
        self._link = link
        self._name = name
        self._handle = handle
        self._offset, self._most = stretch
        self._count = 0
        self._halts = halts
        self._hash = hashlib.sha256()

    def receive(self, *, hashing: bool) -> str | None:
        """Return the digest of what came ("" without ``hashing``), None where there is no such content.

        What breaks off goes on where it was, as often as each time something came.

        Raises:
            TransportError: it broke off, and nothing more came.
            Down: the place counts as down, or nobody waits any more.
        """
        while True:
            before = self._count
            try:
                if not self._link.reads.attempt(lambda: self._leg(hashing=hashing)):
                    return None
            except TransportError as error:
                if not error.trouble.may_pass or self._count == before:
                    raise
            else:
                return self._hash.hexdigest() if hashing else ""

    def _leg(self, *, hashing: bool) -> bool:
        stream = self._link.transport.stream(self._name, self._count)
        if stream is None:
            return False
        for chunk in stream:
            if self._link.halts != self._halts:
                raise Down
            if self._count + len(chunk) > self._most:
                return True  # longer than it can be: not what its name says, which its digest shows
            _write(self._handle, chunk, self._offset + self._count)
            if hashing:
                self._hash.update(chunk)
            self._count += len(chunk)
            self._link.moved += len(chunk)
            self._link.reads.answered()
        return True

    @property
    def count(self) -> int:
        """How many bytes came."""
        return self._count


class _Assembly:
    """A content that is put together from its pieces: in an open file, beside which another one notes which of them are there."""

    def __init__(self, link: Link, layer: str, pieces: Pieces, files: tuple[int, str], halts: int) -> None:
        self._link = link
        self._layer = layer
        self._pieces = pieces
        self._handle, self._notes = files
        self._halts = halts
        self._there = {number for number in _noted(self._notes) if number < len(pieces.digests) and self._holds(number)}
        os.ftruncate(self._handle, pieces.size)

    def _holds(self, number: int) -> bool:
        return digest_of_part(self._handle, *self._pieces.span(number)) == self._pieces.digests[number]

    def complete(self) -> str:
        """Fetch what is missing; return the digest of the whole. A second call first looks which pieces are not what they should be.

        Raises:
            TransportError: a piece did not come.
            Down: the place counts as down.
        """
        numbers = range(len(self._pieces.digests))
        if len(self._there) == len(numbers):
            self._there = {number for number in numbers if self._holds(number)}
        whole, next_ = hashlib.sha256(), 0
        missing = [number for number in numbers if number not in self._there]
        with open(self._notes, "w", encoding="ascii") as notes:
            notes.write("".join(f"{number}\n" for number in sorted(self._there)))
            notes.flush()
            for number, came in spread(self._fetch, missing, PIECES_AT_ONCE):
                if not came:
                    raise TransportError(Trouble.WRONG, f"a piece is missing: {self._pieces.digests[number]}")
                self._there.add(number)
                notes.write(f"{number}\n")
                notes.flush()
                next_ = self._hash_on(whole, next_)  # while others are still on their way
        self._hash_on(whole, next_)
        return whole.hexdigest()

    def _hash_on(self, whole: hashlib._Hash, next_: int) -> int:
        while next_ in self._there:
            for chunk in chunks_of(self._handle, *self._pieces.span(next_)):
                whole.update(chunk)
            next_ += 1
        return next_

    def _fetch(self, number: int) -> bool:
        for layer in dict.fromkeys((self._layer, "")):
            name = layer + blob_name(self._pieces.digests[number])
            arrival = _Arrival(self._link, name, self._handle, self._pieces.span(number), self._halts)
            if arrival.receive(hashing=False) is not None:
                return True
        return False


def _noted(path: str) -> set[int]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return {int(line) for line in file if line.endswith("\n") and line.strip().isdigit()}
    except OSError:
        return set()


def _write(handle: int, data: bytes | memoryview, place: int) -> None:
    rest = memoryview(data)
    while rest:
        count = os.pwrite(handle, rest, place)
        rest, place = rest[count:], place + count


def _move(source: str, target: str) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(source, target)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _release(hold: Hold | None) -> None:
    if hold is not None:
        hold.release()
