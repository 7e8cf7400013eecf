"""What an action read and wrote: items, artifacts, records.

A *record* is the store's memory of one run: the key it ran under, everything it was observed to read (its *trace*), and the content
of every output. A record holds for the present when every item of its trace still does.

File format of a record, version 1: one line ``paperbuild-record 1 <sha256>``, where the digest is of everything after that line;
then one JSON object, the :class:`Record`. A file whose digest does not match is no record.
"""

from __future__ import annotations

import hashlib

import msgspec

RECORD_VERSION = 1
_MAGIC = b"paperbuild-record %d " % RECORD_VERSION


class Content(msgspec.Struct, frozen=True, tag="content"):
    """The file ``path`` had this content."""

    path: str
    digest: str


class Tree(msgspec.Struct, frozen=True, tag="tree"):
    """The folder ``path`` held exactly these files, with these contents."""

    path: str
    digest: str


class Listing(msgspec.Struct, frozen=True, tag="listing"):
    """The folder ``path`` held these names."""

    path: str
    digest: str


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """Nothing was at ``path``."""

    path: str


class EnvironmentVariable(msgspec.Struct, frozen=True, tag="variable"):
    """The variable had a value with this digest; None: it was not set."""

    name: str
    digest: str | None


class Package(msgspec.Struct, frozen=True, tag="package"):
    """The installed package ``name``, of the environment that the command's ``tool`` belongs to, had this fingerprint."""

    tool: str
    name: str
    fingerprint: str


Item = Content | Tree | Listing | Absent | EnvironmentVariable | Package


class Artifact(msgspec.Struct, frozen=True):
    """The content of one output. ``digest`` names a blob: the file's, or for a folder the one that lists its files."""

    name: str
    path: str
    digest: str
    size: int
    is_folder: bool = False
    executable: bool = False
    stored: bool = True


class Record(msgspec.Struct, frozen=True):
    """One run of one action.

    ``components`` are the named parts of the key, kept so that a later key can be compared with this one. ``adopted`` says that the
    outputs were taken over from disk, not made by a run under this key. ``finished_ns`` and ``duration_s`` tell when and how long.
    """

    key: str
    action: str
    target: str
    components: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]
    artifacts: tuple[Artifact, ...]
    finished_ns: int
    duration_s: float
    adopted: bool = False

    @property
    def name(self) -> str:
        """What the record is called among those of its key: the digest of what it read and made."""
        body = msgspec.json.encode((self.items, self.artifacts, self.adopted))
        return hashlib.sha256(body).hexdigest()[:32]


_decoder = msgspec.json.Decoder(Record)


def dump_record(record: Record) -> bytes:
    """Return the file content of ``record``."""
    body = msgspec.json.encode(record) + b"\n"
    return _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def load_record(data: bytes) -> Record | None:
    """Return the record in ``data``, or None where it is damaged, cut short, or of another version."""
    head, _, body = data.partition(b"\n")
    if head != _MAGIC + hashlib.sha256(body).hexdigest().encode():
        return None
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError:
        return None
