"""Whole results, sent and fetched because somebody said so: what ``paperbuild cache push`` and ``pull`` do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.store import DamagedBlob, Store
from paperbuild.engine.trace import Record
from paperbuild.errors import BuildError
from paperbuild.sharing.crew import spread
from paperbuild.sharing.patience import Down
from paperbuild.sharing.sending import Lacking, Progress, Sending, Sent, Tell
from paperbuild.sharing.shared import SharedStore
from paperbuild.sharing.telling import trouble_with
from paperbuild.sharing.transport import TransportError

SENT_AT_ONCE = 8
_BATCH = 256
"""How many records are asked for and fetched at a time: memory is that of so many."""


class Pushed(msgspec.Struct, frozen=True):
    """What went: records that were ``sent``, that were ``there`` already, that lack contents here, and the bytes of contents that went."""

    sent: int
    there: int
    lacking: int
    bytes: int


class Pulled(msgspec.Struct, frozen=True):
    """What came: new ``records``, how many were ``there`` already, how many did not come in full, and the bytes of contents that came."""

    records: int
    there: int
    incomplete: int
    bytes: int


def push(shared: SharedStore, records: Iterable[Record], tell: Tell = lambda _: None) -> Pushed:
    """Send ``records`` of the local store with their contents; return what went. What earlier commands left goes with them where named.

    Raises:
        BuildError: nobody here has a key to sign with, or the place cannot be written to.
    """
    shared.link.insist(written=True)
    sending = shared.sending
    if sending is None:
        help_ = ("paperbuild key new makes one",)
        raise BuildError(Diagnostic("PB605", "there is no key to sign with, and what is not signed nobody takes", help=help_))
    todo = tuple(records)
    sent = there = lacking = moved = 0
    for number, (record, found) in enumerate(spread(lambda record: _sent(sending, record), todo, SENT_AT_ONCE)):
        if isinstance(found, TransportError | Down):
            raise _stopped(shared, found)
        if found is None:
            lacking += 1
        else:
            sent, there, moved = sent + found.is_new, there + (not found.is_new), moved + found.bytes
            with contextlib.suppress(OSError):
                shared.desk.fs.unlink(f"{shared.desk.store.root}/outgoing/{record.key}-{record.name}")
        tell(Progress(number + 1, len(todo), moved))
    return Pushed(sent, there, lacking, moved)


def _sent(sending: Sending, record: Record) -> Sent | TransportError | Down | None:
    try:
        return sending.send(record, is_likely_there=True)
    except Lacking:
        return None
    except (TransportError, Down) as error:
        return error


def _stopped(shared: SharedStore, error: TransportError | Down) -> BuildError:
    """Return the error that ends an exchange, for one request that went wrong or for the place as it is."""
    link = shared.link
    if link.reads.fault is not None:
        return BuildError(trouble_with(link.place, link.reads.fault))
    fault = link.writes.fault or (error if isinstance(error, TransportError) else None)
    assert fault is not None  # a place is down for a reason
    return BuildError(trouble_with(link.place, fault, "written"))


def pull(shared: SharedStore, keys: Sequence[str], tell: Tell = lambda _: None) -> Pulled:
    """Take the records under ``keys`` that are believed into the local store, with all their contents.

    Raises:
        BuildError: the place cannot be read.
    """
    shared.link.insist()
    records = there = incomplete = moved = 0
    for start in range(0, len(keys), _BATCH):
        found = [record for records_ in shared.find(keys[start : start + _BATCH]).values() for record in records_]
        lacking, count = _fetch_contents(shared, found)
        moved += count
        store = shared.desk.store
        for record in found:
            if lacking & _contents(store, record):
                incomplete += 1
            elif store.record(record.key, record.name) is not None:
                there += 1
            else:
                store.add(record)
                records += 1
        shared.link.insist()
        tell(Progress(min(start + _BATCH, len(keys)), len(keys), moved))
    return Pulled(records, there, incomplete, moved)


def _fetch_contents(shared: SharedStore, records: Sequence[Record]) -> tuple[frozenset[str], int]:
    """Fetch what ``records`` need and is not here: lists of folders first, then what they list. Return what did not come, and the bytes."""
    store = shared.desk.store
    direct = {artifact.digest for record in records for artifact in record.artifacts if artifact.stored}
    lacking, moved = _fetch(shared, direct)
    listed = {digest for record in records for digest in _contents(store, record)}
    more, count = _fetch(shared, listed - direct)
    return lacking | more, moved + count


def _contents(store: Store, record: Record) -> set[str]:
    found: set[str] = set()
    for artifact in record.artifacts:
        if artifact.stored:
            found |= {artifact.digest, *(_entries(store, artifact.digest) if artifact.is_folder else ())}
    return found


def _entries(store: Store, digest: str) -> Iterator[str]:
    with contextlib.suppress(DamagedBlob):
        yield from (entry.digest for entry in store.entries(digest) if entry.kind != "folder")


def _fetch(shared: SharedStore, digests: set[str]) -> tuple[frozenset[str], int]:
    store, fs = shared.desk.store, shared.desk.fs
    wanted = {digest: store.temporary() for digest in sorted(digests) if fs.stat(store.blob(digest)) is None}
    if wanted:
        fs.make_folder(os.path.dirname(next(iter(wanted.values()))))
    came = shared.fetch(wanted)
    moved = 0
    for digest in came:
        stat = fs.stat(wanted[digest])
        moved += 0 if stat is None else stat.size
        store.take_in(wanted[digest], digest)
    return frozenset(wanted) - came, moved
