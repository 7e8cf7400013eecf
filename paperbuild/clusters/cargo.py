"""What is sent along with a parcel where no file system is shared, and what comes back: formats, and how each is known to be genuine.

Both lie in the shared store under ``parcels/<cargo>/``, where ``<cargo>`` is the SHA-256 of the first file's content::

    cargo     12 bytes, and a :class:`Cargo`, JSON, locked: the parcel, and which files of the project go with it; their contents are
              blobs of the store
    begun     who began it; written once: a scheduler may start a job once more, and none runs twice
    news-N    64 hexadecimal digits, and :class:`News`, JSON: what is to be told of it while it runs, from 0 on
    haul      64 hexadecimal digits, and a :class:`Haul`, JSON: how it ended, and what it made; contents are blobs again

Whoever can write to the store could write these, too. What is run is known by its digest, and what comes back by a keyed digest
(HMAC-SHA256), whose key, new for each parcel, travels by the scheduler: that one is believed, since it says what is to be run. A parcel
holds what its command finds in its environment, secrets among it, so the cargo is locked by that key (ChaCha20-Poly1305, RFC 8439):
who can read the store reads nothing of it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from paperbuild.engine.cluster import Parcel, Report
from paperbuild.engine.digest import digest_bytes, file_digest
from paperbuild.engine.jobs import State

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

FOLDER = "parcels"
_NONCE = 12


class Thing(msgspec.Struct, frozen=True):
    """One file, folder or link of the project, by its ``path`` in it. ``state`` is its status where it comes from."""

    path: str
    kind: Literal["file", "folder", "link"]
    digest: str = ""
    text: str = ""
    executable: bool = False
    state: State | None = None


class Cargo(msgspec.Struct, frozen=True):
    """A parcel and what goes with it.

    ``things`` are copied to the other end, and those in the blob ``common``, a list of such in JSON that commands handed in together share,
    but for the paths in ``without``. ``unsent`` are paths in the project where something stands that was not sent (one that ends in a
    slash: anything in that folder): whoever touches one has to have it first. ``outputs`` come back. ``places`` are folders at this end
    by what they are, such as the project, absolute.
    """

    parcel: Parcel
    things: tuple[Thing, ...]
    common: str
    without: tuple[str, ...]
    unsent: tuple[str, ...]
    outputs: tuple[str, ...]
    places: tuple[tuple[str, str], ...]


class Haul(msgspec.Struct, frozen=True):
    """What comes back: paths are those of the sender. ``wanted`` are unsent paths that were touched: the run counts for nothing.

    ``kept`` are its checkpoints, where it did not succeed, by their paths in their folder. ``news`` is how many pieces were told before.
    """

    report: Report
    outputs: tuple[Thing, ...] = ()
    log: str = ""
    wanted: tuple[str, ...] = ()
    kept: tuple[Thing, ...] | None = None
    news: int = 0


class News(msgspec.Struct, frozen=True):
    """What is told of a command that runs: that its ``log`` goes on so from byte ``start``, and what it ``kept`` (None: nothing new)."""

    number: int
    start: int
    log: bytes
    kept: tuple[Thing, ...] | None = None


class Reference(msgspec.Struct, frozen=True):
    """What the other end is told: where the store is, which cargo, and the key by which its answer is known."""

    address: str
    cargo: str
    key: str
    endpoint: str = ""
    region: str = ""
    namespace: str = ""

    @property
    def folder(self) -> str:
        """What the names of its files in the store begin with."""
        return f"{FOLDER}/{self.cargo}"


_T = TypeVar("_T")


def packed_text(thing: Cargo | Haul | News | Reference | tuple[Thing, ...]) -> bytes:
    """Return ``thing`` as JSON; names that are no text are escaped by halves."""
    try:
        return msgspec.json.encode(thing)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(thing)).encode()


def unpacked(data: bytes, kind: type[_T]) -> _T:
    """Return what ``data`` holds.

    Raises:
        ValueError: it holds no ``kind``.
    """
    try:
        return msgspec.convert(json.loads(data), type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def locked(cargo: Cargo, key: str) -> bytes:
    """Return the file content of ``cargo``, which who knows ``key`` can read."""
    nonce = os.urandom(_NONCE)
    return nonce + _lock(key).encrypt(nonce, packed_text(cargo), None)


def _lock(key: str) -> ChaCha20Poly1305:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(hashlib.sha256(b"cargo\0" + key.encode()).digest())


def cargo_of(data: bytes, reference: Reference) -> Cargo:
    """Return the cargo in ``data``, which :func:`locked` made.

    Raises:
        ValueError: it is not the one that is meant.
    """
    if digest_bytes(data) != reference.cargo:
        raise ValueError("what lies there is not what was sent")
    from cryptography.exceptions import InvalidTag

    try:
        return unpacked(_lock(reference.key).decrypt(data[:_NONCE], data[_NONCE:], None), Cargo)
    except InvalidTag:
        raise ValueError("what lies there was locked by another key") from None


def sealed(told: Haul | News, key: str) -> bytes:
    """Return the file content of what is ``told``, which who knows ``key`` can check."""
    body = packed_text(told)
    return _seal(body, key) + body


def haul_of(data: bytes, key: str) -> Haul:
    """Return the haul in ``data``.

    Raises:
        ValueError: whoever wrote it does not know ``key``, or it is damaged.
    """
    return _unsealed(data, key, Haul)


def news_of(data: bytes, key: str) -> News:
    """Return the news in ``data``.

    Raises:
        ValueError: whoever wrote it does not know ``key``, or it is damaged.
    """
    return _unsealed(data, key, News)


def _unsealed(data: bytes, key: str, kind: type[_T]) -> _T:
    seal, body = data[:64], data[64:]
    if not hmac.compare_digest(seal, _seal(body, key)):
        raise ValueError("it was not written by whom the command was sent to")
    return unpacked(body, kind)


def within(root: str, path: str) -> str:
    """Return where ``path`` of a project is in ``root``, absolute and without links.

    Raises:
        OSError: it leads out of it.
    """
    root = os.path.realpath(root)
    folder = os.path.realpath(posixpath.dirname(f"{root}/{path}"))
    if path.startswith("/") or ".." in path.split("/") or not f"{folder}/".startswith(f"{root}/"):
        raise OSError(f"{path} leads out of the project")
    return f"{folder}/{posixpath.basename(path)}"


def things_at(root: str, path: str) -> Iterator[Thing]:
    """Yield what stands at ``path`` of ``root``, with all that is in it."""
    absolute = f"{root}/{path}"
    if os.path.islink(absolute):
        yield Thing(path, "link", text=os.readlink(absolute))
    elif os.path.isdir(absolute):
        yield Thing(path, "folder")
        for name in sorted(os.listdir(absolute)):
            yield from things_at(root, f"{path}/{name}")
    elif os.path.isfile(absolute):
        digest = file_digest(absolute)
        if digest is not None:
            yield Thing(path, "file", digest, executable=bool(os.stat(absolute).st_mode & 0o100))


def _seal(body: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest().encode()
