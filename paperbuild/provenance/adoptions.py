"""Results that were adopted, not run: how that is told wherever they appear."""

from __future__ import annotations

import msgspec

from paperbuild.engine.index import Run
from paperbuild.engine.trace import Record
from paperbuild.phrases import moment_utc


class AdoptionFacts(msgspec.Struct, frozen=True):
    """When results were adopted (RFC 3339, UTC), why ("" where nobody said), and by which record of the store (``KEY/NAME``)."""

    at: str
    reason: str
    record: str

    @property
    def words(self) -> str:
        """One line for people."""
        return f"not run, adopted {self.at.replace('T', ' ').replace('Z', ' UTC')}{f': {self.reason}' if self.reason else ''}"


def adoption_that_stands(last: Run, reason: str) -> AdoptionFacts:
    """Return how the results of the ``last`` run, which are adopted ones and stand, were adopted, for ``reason``."""
    return AdoptionFacts(moment_utc(last.finished_ns), reason, f"{last.key}/{last.record}")


def adoption_of(record: Record) -> AdoptionFacts | None:
    """Return how the results of ``record`` were adopted; None where a run made them."""
    return AdoptionFacts(moment_utc(record.finished_ns), record.reason, f"{record.key}/{record.name}") if record.adopted else None
