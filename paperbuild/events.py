"""What a build tells while it runs: values, sent to one listener, printed by :mod:`paperbuild.terminal`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from paperbuild.diagnostics import Diagnostic


class Outcome(StrEnum):
    """How an action ended."""

    RAN = "ran"  # executed, and its outputs published
    REUSED = "reused"  # its outputs were taken from the store, or stood already
    ADOPTED = "adopted"  # what stood at its outputs was taken for its result, without running
    FAILED = "failed"
    BLOCKED = "blocked"  # something it needs failed, or is held
    HELD = "held"  # stale, but not allowed to run (--no-run)
    STALE = "stale"  # the same, and its newest known result stands in for it: whoever uses that says so
    CANCELLED = "cancelled"

    @property
    def is_good(self) -> bool:
        """Whether the action is up to date."""
        return self in {Outcome.RAN, Outcome.REUSED, Outcome.ADOPTED}

    @property
    def is_usable(self) -> bool:
        """Whether others can go on from it: it is up to date, or an earlier result stands in for it."""
        return self.is_good or self is Outcome.STALE


@dataclass(frozen=True, slots=True)
class BuildStarted:
    """The graph is known: ``total`` actions will be settled, which are ``actions`` where somebody tells."""

    total: int
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionStarted:
    """``action`` runs now because of ``reason`` (one line). ``estimate_s`` is how long it took last time, if it ever ran."""

    action: str
    reason: str
    estimate_s: float | None


@dataclass(frozen=True, slots=True)
class BuildWaits:
    """Another build is at work in this project, the process ``process`` ("": nobody knows which). This one begins when that has ended."""

    process: str


@dataclass(frozen=True, slots=True)
class ActionWaits:
    """Another build that uses the same store runs ``action``. This one waits, and takes its result."""

    action: str


@dataclass(frozen=True, slots=True)
class Fetching:
    """Results are fetched from elsewhere: ``done`` of ``total`` outputs so far, ``size_bytes`` in all as far as is known."""

    done: int
    total: int
    size_bytes: int


class ActionEnded(NamedTuple):
    """``action`` is settled. ``duration_s`` is its wall time (0 where it did not run); ``outputs`` are project-relative paths."""

    action: str
    outcome: Outcome
    duration_s: float
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionReopened:
    """``action``, which had been up to date, is looked at once more: what somebody needs of it cannot be had."""

    action: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something the user should see while the build goes on: a warning, or an error of one action."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class BuildEnded:
    """The build is over. ``counts`` has one entry per outcome that occurred."""

    counts: tuple[tuple[Outcome, int], ...]
    duration_s: float


Event = BuildWaits | BuildStarted | ActionStarted | ActionWaits | Fetching | ActionEnded | ActionReopened | Noticed | BuildEnded
Listener = Callable[[Event], None]
