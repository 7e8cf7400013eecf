"""The seam to machines that others run: submit, look, cancel, and find again what an earlier process submitted.

A *parcel* is one command on its way to such a machine. It has a folder of its own, in which the machine leaves the log while it runs and,
last and as a whole, the file that says how it ended. A *handle* is the cluster's name for it, a text that another process, another day,
can look it up by.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeVar

import msgspec

from paperbuild.engine.graph import Resources
from paperbuild.engine.jobs import Ended, Job

PARCEL = "parcel.json"
"""The file in a parcel's folder that holds the :class:`Parcel`."""

GO = "go"
"""The file in a parcel's folder without which it does not begin: it says that whoever sent it has noted where it is. Holds the handle."""

BEGUN = "begun"
"""The file in a parcel's folder that says that it began, and where: a scheduler may start a job once more, and none runs twice."""

CLOCK = "clock"
"""The file in a parcel's folder that says, once it began, how the clock there goes: see :mod:`paperbuild.clusters.clocks`."""

STOP = "stop"
"""The file in a parcel's folder that has it ended, or not begun."""

LEFT = "left"
"""The file in a parcel's folder that says that it has not begun and will not, where it is: those before it in its job take long. Whoever
sent it hands it in anew."""

CALLED = "called"
"""The file in a parcel's folder that says what the scheduler calls it, where the handle is another name."""

LOG = "log"
"""The file in a parcel's folder that takes the job's output, both streams, while it runs."""

WORDS = "words"
"""The file in a parcel's folder that takes what is said where not even an outpost could be started."""

ENDED = "ended.json"
"""The file in a parcel's folder that says how it ended, a :class:`Report`. Written last, and as a whole."""


OUTPOST = ("-P", "-m", "paperbuild.clusters.outpost")
"""What a Python at the other end is started with to run parcels, before their folders."""


def files_in(folder: str) -> frozenset[str]:
    """Return the names in a parcel's folder, as they are at the other end.

    To list it is to ask for that: where a file is missing, a client of NFS may believe so for a minute, but not once it has opened the
    folder (close-to-open consistency, RFC 7530, section 10.3.1).

    Raises:
        FileNotFoundError: the folder is gone.
    """
    return frozenset(os.listdir(folder))


_Packed = TypeVar("_Packed")


class Parcel(msgspec.Struct, frozen=True):
    """One job that is sent away. ``folder`` (absolute) is its own, ``version`` is that of the paperbuild that sends it.

    ``expected_s`` is how long it took the last time, None where nobody knows: what is short goes with others in one allocation.
    ``python`` and ``platform`` are those of the sender (:mod:`paperbuild.engine.platforms`), ``facts`` what else the machine must be
    (:mod:`paperbuild.engine.machine_facts`). ``supplies`` and ``outputs`` are those of the job's errand.
    """

    folder: str
    job: Job
    resources: Resources
    version: str
    expected_s: float | None = None
    python: str = ""
    platform: str = ""
    supplies: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


class Report(msgspec.Struct, frozen=True):
    """How a parcel ended on the machine ``host``; ``version`` is that of the paperbuild there.

    ``ended`` is None where it was not run: ``refused`` says what is of another version there, each a sentence, ``fault`` what went wrong.
    A reader that finds another version than its own relies on these alone. ``when`` it began and ended is by the clock there, in
    nanoseconds since the epoch; zeros where nobody knows.
    """

    version: str
    host: str
    refused: tuple[str, ...] = ()
    fault: str = ""
    ended: Ended | None = None
    when: tuple[int, int] = (0, 0)


def packed(thing: Parcel | Report) -> bytes:
    """Return the bytes of a file that holds ``thing``: JSON. A name that is no text, which JSON cannot hold, becomes escapes of halves."""
    try:
        return msgspec.json.encode(thing)
    except UnicodeEncodeError:
        import json

        return json.dumps(msgspec.to_builtins(thing)).encode()


_parcels = msgspec.json.Decoder(Parcel)  # before there are threads: see paperbuild.engine.tracing.executor
_reports = msgspec.json.Decoder(Report)


def parcel_of(data: bytes) -> Parcel:
    """Return the :class:`Parcel` that ``data`` holds.

    Raises:
        ValueError: it holds none.
    """
    return _unpacked(data, _parcels)


def report_of(data: bytes) -> Report:
    """Return the :class:`Report` that ``data`` holds.

    Raises:
        ValueError: it holds none.
    """
    return _unpacked(data, _reports)


def _unpacked(data: bytes, decoder: msgspec.json.Decoder[_Packed]) -> _Packed:
    try:
        return decoder.decode(data)
    except msgspec.DecodeError:
        import json

        try:
            return msgspec.convert(json.loads(data), type=decoder.type)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None


class Fate(msgspec.Struct, frozen=True):
    """How far a parcel is. ``detail`` says in words why it waits, or why it is gone: "over its time limit", "its node failed"."""

    state: Literal["waiting", "running", "ended", "gone"]
    detail: str = ""


class Cluster(Protocol):
    """A scheduler. Called by one thread at a time; errors are :class:`paperbuild.errors.BuildError` with what to mend."""

    def submit(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        """Hand in ``parcels``, as few requests as possible, and return a handle for each. All are handed in, or none."""

    def look(self, handles: Sequence[str]) -> Mapping[str, Fate]:
        """Return how far each is; "ended" where its folder says how, "gone" where it can never say.

        One whose folder says how is not asked for; a scheduler that does not know folders calls all that is over "gone".
        """

    def cancel(self, handles: Sequence[str]) -> None:
        """End these, with all their children, and wait until they are gone. What is gone already is no error."""

    def halt(self) -> None:
        """Have :meth:`submit` wait for nothing any more, such as machines that have yet to come. Called by another thread."""

    def close(self) -> None:
        """Let go of connections; what was handed in goes on."""
