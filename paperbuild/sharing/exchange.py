"""Results that are sent because somebody said so: what ``paperbuild cache push`` does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.trace import Record
from paperbuild.errors import BuildError
from paperbuild.sharing.crew import spread
from paperbuild.sharing.patience import Down
from paperbuild.sharing.sending import Lacking, Progress, Sending, Sent, Tell
from paperbuild.sharing.shared import SharedStore
from paperbuild.sharing.telling import trouble_with
from paperbuild.sharing.transport import TransportError

SENT_AT_ONCE = 8


class Pushed(msgspec.Struct, frozen=True):
    """What went: records that were ``sent``, that were ``there`` already, that lack contents here, and the bytes of contents that went."""

    sent: int
    there: int
    lacking: int
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
