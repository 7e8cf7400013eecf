"""What an action read and wrote: items, artifacts, records.

A *record* is the store's memory of one run: the key it ran under, everything it was observed to read (its *trace*), and the content
of every output. A record holds for the present when every item of its trace still does.

Paths are relative to the project, ``~/…`` in the home of whoever builds, or absolute, so that a record holds wherever the project lies.

File format of a record, version 2: one line ``paperbuild-record 2 <sha256>``, where the digest is of everything after that line;
then one JSON object, the :class:`Record`. A file whose digest does not match is no record.
"""

from __future__ import annotations

import hashlib

import msgspec

RECORD_VERSION = 2
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
    """The folder ``path`` held these names, besides ``without``, which the action makes itself."""

    path: str
    digest: str
    without: tuple[str, ...] = ()


class Modules(msgspec.Struct, frozen=True, tag="modules"):
    """Of what can be the Python modules ``names``, the folder ``path`` held exactly this: it was searched for them, and not listed."""

    path: str
    names: tuple[str, ...]
    digest: str


class Status(msgspec.Struct, frozen=True, tag="status"):
    """At ``path`` was such a thing: "folder", or "file", its size in bytes, and "x" where it could be executed."""

    path: str
    status: str


class Link(msgspec.Struct, frozen=True, tag="link"):
    """The symbolic link ``path`` held this text."""

    path: str
    text: str


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """Nothing was at ``path``."""

    path: str


class Program(msgspec.Struct, frozen=True, tag="program"):
    """Whoever looked for the program ``name`` along the search path found one with this fingerprint; None: found none."""

    name: str
    fingerprint: str | None


class EnvironmentVariable(msgspec.Struct, frozen=True, tag="variable"):
    """The variable had a value with this digest; None: it was not set."""

    name: str
    digest: str | None


class Package(msgspec.Struct, frozen=True, tag="package"):
    """The installed package ``name``, of the environment that the command's ``tool`` belongs to, had this fingerprint."""

    tool: str
    name: str
    fingerprint: str


Item = Content | Tree | Listing | Modules | Status | Link | Absent | EnvironmentVariable | Package | Program


_NO_TEXT = {0xDC00 + byte: 0x10FE00 + byte for byte in range(0x80, 0x100)}
_FROM_RECORD = {there: here for here, there in _NO_TEXT.items()}


def recordable(path: str) -> str:
    """Return ``path`` as records have it: they are text, while a file's name may be any bytes.

    What is no text becomes characters of a private plane, which no file is called by.
    """
    return path if path.isascii() else path.translate(_NO_TEXT)


def from_record(path: str) -> str:
    """Return the path that :func:`recordable` was given."""
    return path if path.isascii() else path.translate(_FROM_RECORD)


def path_of(item: Item) -> str | None:
    """Return the path that ``item`` is about; None where it is about none."""
    return None if isinstance(item, EnvironmentVariable | Package | Program) else item.path


def is_of_project(item: Item) -> bool:
    """Return whether ``item`` is about a path in the project."""
    path = path_of(item)
    return path is not None and not path.startswith(("/", "~"))


def value_of(item: Item) -> str | None:
    """Return what was seen, to be compared with what is there now; None where nothing was."""
    match item:
        case Content() | Tree() | Listing() | Modules() | EnvironmentVariable():
            return item.digest
        case Package() | Program():
            return item.fingerprint
        case Status():
            return item.status
        case Link():
            return item.text
        case Absent():
            return None


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

    ``components`` are the named parts of the key, kept so that a later key can be compared with this one. ``observed`` says that the
    items are all that it was seen to read, not what it was supposed to; ``adopted`` that the outputs were taken over from disk, not made
    by a run under this key, for ``reason`` (in the user's words, or ""). ``strays`` are files of the project that it wrote and does not
    declare. ``finished_ns`` and ``duration_s`` tell when and how long. ``origin`` is the public key of whoever vouched for it where it came
    from elsewhere, "" where it was made here.
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
    observed: bool = False
    strays: tuple[str, ...] = ()
    reason: str = ""
    origin: str = ""

    @property
    def name(self) -> str:
        """What the record is called among those of its key: the digest of what it read and made."""
        body = msgspec.json.encode((self.items, self.artifacts, self.adopted, self.observed))
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
