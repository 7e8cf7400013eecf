"""Bundles: all records that were published under one action key, each signed by who vouches for it; and which of them are believed.

File format, version 1::

    paperbuild-bundle 1 <sha256>
    <public key> <signature> <length> <length>…
    <record><content>…<public key> …

The digest is of everything after the first line. For each record stand the key, the signature in base64 and numbers of bytes on a line,
then its file content (:func:`paperbuild.engine.trace.dump_record`), which is what was signed. A record that nobody signed has ``-`` twice.
A bundle has the 16 newest at most.

After a record may stand contents that it needs, small ones, which saves whoever wants them another request. They stand among the blobs as
well; nobody vouches for them, and each is what its digest says.

Nothing in a bundle is run, and nothing is believed but for a signature: what is wrong is refused with a reason, as if it were not there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec
import msgspec.structs

from paperbuild.engine.digest import is_digest
from paperbuild.engine.trace import RECORD_VERSION, Record, dump_record, load_record
from paperbuild.sharing.signing import Signer, Trust

PURPOSE = "paperbuild-record 1"
BUNDLE_VERSION = 1
MOST_RECORDS = 16
SMALL = 4096
"""Bytes of a content that goes with its record, at most."""
MOST_SMALL = 4 * SMALL
"""Bytes of all that go with one record, at most."""
MOST_BYTES = 64 << 20
"""Bytes of a bundle: more was written by nobody who means well."""
SKEW_NS = 5 * 60 * 1_000_000_000
"""By how much clocks may differ without a word."""

_NOBODY = "-"
_HEAD = re.compile(rb"paperbuild-bundle (\d+) ([0-9a-f]{64})")
_LINE = re.compile(rb"(-|ed25519:[A-Za-z0-9+/]{1,64}) (-|[A-Za-z0-9+/]{1,128}={0,2}) (\d{1,9}(?: \d{1,6})*)")
_RECORD_HEAD = re.compile(rb"paperbuild-record (\d+) ")
_OURS = frozenset({".git", ".paperbuild"})


class Fault(StrEnum):
    """Why something is refused."""

    DAMAGED = "is damaged"
    LATER = "was written by a later paperbuild"
    UNSIGNED = "is not signed"
    UNKNOWN = "is signed by a key that is not trusted"
    FORGED = "has a signature that is not of what it says"
    STRAY = "is of another key than the one it stands under"
    UNSOUND = "names what no result of this project can have"


class BundleError(ValueError):
    """A bundle cannot be read at all."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class Signed(msgspec.Struct, frozen=True):
    """One record as it stands in a bundle: the public key of who signed it ("": nobody), the signature, and the record's file content.

    ``contents`` are those of what it needs that go with it.
    """

    signer: str
    signature: bytes
    data: bytes
    contents: tuple[bytes, ...] = ()

    def is_same(self, other: Signed) -> bool:
        """Return whether this is the same record, vouched for by the same, whatever goes with it."""
        return (self.signer, self.data) == (other.signer, other.data)


class Refusal(msgspec.Struct, frozen=True):
    """Something that is as if it were not there: ``what`` names it, ``detail`` says more ("" where there is no more)."""

    fault: Fault
    what: str
    detail: str = ""


def dump_bundle(entries: Iterable[Signed]) -> bytes:
    """Return the file content of a bundle."""
    parts: list[bytes] = []
    for entry in entries:
        signature = base64.b64encode(entry.signature).decode() or _NOBODY
        sizes = " ".join(str(len(part)) for part in (entry.data, *entry.contents))
        parts += (f"{entry.signer or _NOBODY} {signature} {sizes}\n".encode(), entry.data, *entry.contents)
    body = b"".join(parts)
    return b"paperbuild-bundle %d %s\n%s" % (BUNDLE_VERSION, hashlib.sha256(body).hexdigest().encode(), body)


def load_bundle(data: bytes) -> tuple[Signed, ...]:
    """Return what stands in a bundle; nothing of it has been believed yet.

    Raises:
        BundleError: it is damaged, or of a later version.
    """
    head, _, body = data.partition(b"\n")
    match = _HEAD.fullmatch(head)
    if match is None:
        raise BundleError(Fault.DAMAGED)
    if int(match[1]) > BUNDLE_VERSION:
        raise BundleError(Fault.LATER)
    if match[2] != hashlib.sha256(body).hexdigest().encode():
        raise BundleError(Fault.DAMAGED)
    return tuple(_entries(body))


def _entries(body: bytes) -> Iterator[Signed]:
    place = 0
    while place < len(body):
        end = body.find(b"\n", place)
        match = _LINE.fullmatch(body, place, end) if end >= 0 else None
        sizes = [int(size) for size in match[3].split()] if match else []
        if match is None or end + 1 + sum(sizes) > len(body):
            raise BundleError(Fault.DAMAGED)
        signer, signature = match[1].decode(), match[2]
        try:
            signed = b"" if signature == b"-" else base64.b64decode(signature, validate=True)
        except binascii.Error:
            raise BundleError(Fault.DAMAGED) from None
        place = end + 1
        parts = []
        for size in sizes:
            parts.append(body[place : place + size])
            place += size
        yield Signed("" if signer == _NOBODY else signer, signed, parts[0], tuple(parts[1:]))


def signed(record: Record, signer: Signer, contents: Iterable[bytes] = ()) -> Signed:
    """Return ``record`` as ``signer`` vouches for it, with small ``contents`` of what it needs."""
    data = dump_record(msgspec.structs.replace(record, origin=""))
    return Signed(signer.public, signer.sign(PURPOSE, data), data, tuple(contents))


def merged(present: Iterable[Signed], new: Signed, trust: Trust) -> tuple[Signed, ...]:
    """Return the entries of a bundle with ``new`` added, the newest first, those of who is trusted before others.

    A record that two vouch for stands twice: who reads may know only one of them. What cannot be read here is kept, last.
    """
    chosen: dict[tuple[str, str], tuple[bool, int, Signed]] = {}
    for entry in (new, *present):
        record = load_record(entry.data)
        name = hashlib.sha256(entry.data).hexdigest() if record is None else record.name
        rank = (entry is not new and not trust.knows(entry.signer), 0 if record is None else -record.finished_ns, entry)
        chosen.setdefault((entry.signer, name), rank)
    ordered = sorted(chosen.values(), key=lambda rank: rank[:2])
    kept = [entry for _, _, entry in ordered[:MOST_RECORDS]]
    return tuple(kept if new in kept else [new, *kept[:-1]])


def believed(entry: Signed, key: str, trust: Trust) -> Record | Refusal:
    """Return the record of an ``entry`` under ``key``, with whom it is from, or why it is refused."""
    version = _RECORD_HEAD.match(entry.data)
    if version is not None and int(version[1]) > RECORD_VERSION:
        return Refusal(Fault.LATER, key)
    if not entry.signer or not entry.signature:
        return Refusal(Fault.UNSIGNED, key)
    if not trust.knows(entry.signer):
        return Refusal(Fault.UNKNOWN, key, entry.signer)
    if not trust.vouches(entry.signer, entry.signature, PURPOSE, entry.data):
        return Refusal(Fault.FORGED, key, entry.signer)
    record = load_record(entry.data)
    if record is None:
        return Refusal(Fault.DAMAGED, key)
    if record.key != key:
        return Refusal(Fault.STRAY, key, record.action)
    fault = _unsound(record)
    return Refusal(Fault.UNSOUND, record.action, fault) if fault else msgspec.structs.replace(record, origin=entry.signer)


def _unsound(record: Record) -> str:
    """Return what of ``record`` cannot be, in words; "" where all can."""
    for artifact in record.artifacts:
        if not is_output(artifact.path):
            return f"the output {artifact.path!r}"
        if not (is_digest(artifact.digest) or (not artifact.stored and not artifact.digest)):
            return f"the content {artifact.digest!r}"
    strange = next((path for path in record.strays if not is_output(path)), None)
    return "" if strange is None else f"the file {strange!r}"


def is_output(path: str) -> bool:
    """Return whether ``path`` can be one of a project's files: it leads nowhere else, and into nothing of git's or ours."""
    names = path.removesuffix("/").split("/")
    return "\0" not in path and "\\" not in path and {"", ".", ".."}.isdisjoint(names) and names[0] not in _OURS
