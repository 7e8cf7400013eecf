"""Faults of one reference, placed within its text.

A reference knows nothing of the file that it stands in: its faults carry an offset into the reference's own text, and the caller,
which knows where that text starts, makes the diagnostic.
"""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """What is wrong with a reference. ``offset`` and ``length`` count characters of the reference's text."""

    code: str
    message: str
    offset: int = 0
    length: int = 1
    help: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def moved(self, offset: int) -> Finding:
        """Return the same finding, ``offset`` characters further on: a part's fault seen from the whole."""
        return msgspec.structs.replace(self, offset=self.offset + offset)


class ReferenceFault(Exception):  # noqa: N818 - the user's slip, in the paper's vocabulary; the caller makes a BuildError of it
    """A reference that cannot be parsed, resolved or formatted."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding

    @property
    def code(self) -> str:
        """The diagnostic's code."""
        return self.finding.code

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        return self.finding.message

    @property
    def offset(self) -> int:
        """Where the faulty part starts, in characters of the reference's text."""
        return self.finding.offset

    @property
    def length(self) -> int:
        """How many characters the faulty part has."""
        return self.finding.length

    @property
    def help(self) -> tuple[str, ...]:
        """How to mend it."""
        return self.finding.help

    @property
    def notes(self) -> tuple[str, ...]:
        """Why it is wrong."""
        return self.finding.notes


class Misfit(Exception):  # noqa: N818 - it is never shown: whoever knows the position turns it into a ReferenceFault
    """A value that does not fit what is done with it, found where no position is known."""

    def __init__(self, code: str, message: str, *, help: tuple[str, ...] = (), notes: tuple[str, ...] = ()) -> None:  # noqa: A002 - as in Finding
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.notes = notes

    def at(self, offset: int, length: int) -> ReferenceFault:
        """Return the fault that this is, at its place."""
        return ReferenceFault(Finding(self.code, self.message, offset, max(1, length), self.help, self.notes))
