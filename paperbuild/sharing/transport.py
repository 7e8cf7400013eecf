"""The seam to the place where shared results lie: a few operations on named contents, whatever the protocol.

Names are relative, of plain characters, with slashes (:mod:`paperbuild.sharing.layout`). A transport is used from several threads at
once. It tries everything once: whoever calls decides what is tried again (:mod:`paperbuild.sharing.patience`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

CONNECT_S = 5.0
"""How long making a connection may take."""
ANSWER_S = 10.0
"""How long the answer to something small may take."""
STALL_S = 20.0
"""How long a transfer may go without a byte."""
CHUNK = 1 << 18
"""Bytes that a transfer moves at a time."""


class Trouble(Enum):
    """Why something could not be done."""

    UNREACHABLE = "unreachable"  # no connection
    BROKEN = "broken"  # it was cut, the server failed, no answer in time: worth another try
    DENIED = "denied"  # one may not
    CREDENTIALS = "credentials"  # there are none, or wrong ones
    SKEWED = "skewed"  # the clock is off too far for what is signed by time
    NOWHERE = "nowhere"  # no such bucket or folder
    READ_ONLY = "read only"
    FULL = "full"
    UNKNOWN_HOST = "unknown host"  # nobody said that its key is the right one
    LATER = "later"  # what stands there was laid out by a later paperbuild
    SLOW = "slow"  # it was waited for long enough
    WRONG = "wrong"  # an answer that makes no sense, or that nobody here knows what to do about

    @property
    def may_pass(self) -> bool:
        """Whether the same may go well a moment later."""
        return self in {Trouble.UNREACHABLE, Trouble.BROKEN}


class TransportError(Exception):
    """Something could not be done; the text says in words what was answered."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


class Content(NamedTuple):
    """A small content as it was read; ``version`` names this content of its name, for a replacement of exactly that."""

    data: bytes
    version: str


class Seen(NamedTuple):
    """What stands under ``name``: bytes, and when it was written (ns since the epoch, by the clock over there)."""

    name: str
    size: int
    modified_ns: int


class Transport(Protocol):
    """One place. Every call may raise :class:`TransportError`; what is not there is an answer, no error."""

    can_write: bool
    can_list: bool

    def read(self, name: str, most: int) -> Content | None:
        """Return a small content, at most ``most`` bytes, within :data:`ANSWER_S`; None where there is none."""

    def stream(self, name: str, start: int = 0) -> Iterator[bytes | memoryview] | None:
        """Yield a content from the byte ``start`` on, as it comes, each piece good until the next; None where there is none."""

    def look(self, name: str) -> Seen | None:
        """Return what stands under ``name``; None where nothing does."""

    def put(self, name: str, data: bytes | memoryview, over: str | None) -> bool:
        """Write a content as a whole, and return whether it was written.

        ``over`` is the version that is to be replaced, "" where nothing may be there, None for whatever there is. Where something else
        is there nothing is written.
        """

    def delete(self, names: Sequence[str]) -> None:
        """Remove these; what is not there is gone already."""

    def listed(self, folder: str) -> Iterator[Seen]:
        """Yield everything below ``folder`` ("": everything), in no order that means anything. Nobody but the collector asks for that."""

    def close(self) -> None:
        """Let go of connections."""
