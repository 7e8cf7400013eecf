"""What is sent along with a parcel where no file system is shared, and what comes back: formats, and how each is known to be genuine.

Both lie in the shared store under ``parcels/<cargo>/``, where ``<cargo>`` is the SHA-256 of the first file's content::

    cargo     12 bytes, and a :class:`Cargo`, JSON, locked: the parcel, and which files of the project go with it; their contents are
              blobs of the store
    begun     who began it; written once: a scheduler may start a job once more, and none runs twice
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
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from paperbuild.engine.cluster import Parcel, Report
from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.ports import State

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
    """What comes back: paths are those of the sender. ``wanted`` are unsent paths that were touched: the run counts for nothing."""

    report: Report
    outputs: tuple[Thing, ...] = ()
    log: str = ""
    wanted: tuple[str, ...] = ()


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


def packed_text(thing: Cargo | Haul | Reference | tuple[Thing, ...]) -> bytes:
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


def sealed(haul: Haul, key: str) -> bytes:
    """Return the file content of ``haul``, which who knows ``key`` can check."""
    body = packed_text(haul)
    return _seal(body, key) + body


def haul_of(data: bytes, key: str) -> Haul:
    """Return the haul in ``data``.

    Raises:
        ValueError: whoever wrote it does not know ``key``, or it is damaged.
    """
    seal, body = data[:64], data[64:]
    if not hmac.compare_digest(seal, _seal(body, key)):
        raise ValueError("it was not written by whom the command was sent to")
    return unpacked(body, Haul)


def _seal(body: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest().encode()
