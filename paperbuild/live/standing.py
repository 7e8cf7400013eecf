"""How the paper stands while it is built: what runs, what waits for leave, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from paperbuild.diagnostics import Diagnostic, Severity, Span
from paperbuild.engine.graph import Command, Graph
from paperbuild.events import (
    ActionEnded,
    ActionReopened,
    ActionStarted,
    ActionWaits,
    BuildEnded,
    BuildStarted,
    BuildWaits,
    Event,
    Fetching,
    Noticed,
    Outcome,
)


class Phase(StrEnum):
    """What the status bar says in a word."""

    BUILDING = "building"
    FRESH = "fresh"  # everything is up to date
    STALE = "stale"  # something is held, or was cancelled: what is shown is older than its sources
    FAILED = "failed"


class Running(msgspec.Struct, frozen=True):
    """An action at work.

    ``since_s`` is when it began, in seconds since 1970, ``estimate_s`` how long it took last time. ``outputs`` are project-relative paths.
    ``words`` is the last line of its log.
    """

    action: str
    target: str
    outputs: tuple[str, ...]
    since_s: float
    estimate_s: float | None
    reason: str
    document: bool = False
    words: str = ""


class Waiting(msgspec.Struct, frozen=True):
    """An action that is stale and did not run: it is held, or stood in for, needs one that is, failed or was cancelled."""

    action: str
    target: str
    outputs: tuple[str, ...]
    outcome: Outcome


class Fault(msgspec.Struct, frozen=True):
    """A diagnostic as a page shows it. Line and column count from 1 (0: unknown); ``text`` is the line."""

    severity: str
    code: str
    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    length: int = 0
    text: str = ""
    needed_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    detail: tuple[str, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """How the paper stands. ``settled`` of ``total`` actions are; ``duration_s`` is what the last build took.

    ``note`` says what a build waits for that runs nothing yet.
    """

    phase: Phase = Phase.BUILDING
    settled: int = 0
    total: int = 0
    duration_s: float = 0.0
    note: str = ""
    running: tuple[Running, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def errors(self) -> int:
        """How many of the faults are errors."""
        return sum(fault.severity == Severity.ERROR for fault in self.faults)

    @property
    def held(self) -> tuple[str, ...]:
        """The actions that wait for leave to run."""
        return tuple(one.action for one in self.waiting if one.outcome in {Outcome.HELD, Outcome.STALE})


_HELD = frozenset({"PB430", "PB431", "PB750"})  # with --no-run, and of heavy targets
_ELSEWHERE = "another build runs it; this one takes its result"
_WAIT = {Outcome.HELD, Outcome.STALE, Outcome.BLOCKED, Outcome.CANCELLED, Outcome.FAILED}


def fault_of(diagnostic: Diagnostic) -> Fault:
    """Return ``diagnostic`` as a page shows it."""
    span = diagnostic.span or Span("", 0, 0, 0)
    about = (diagnostic.severity.value, diagnostic.code, diagnostic.message)
    rest = (diagnostic.needed_by, diagnostic.notes, diagnostic.help, diagnostic.detail)
    return Fault(*about, span.path, span.line, span.column, span.length, span.text, *rest)


def after(standing: Standing, event: Event, graph: Graph, now_s: float) -> Standing:
    """Return how the paper stands after ``event`` of a build of ``graph``, at ``now_s`` seconds since 1970.

    Faults of the build before stay until the next one has ended: what is wrong does not vanish because somebody looks again.
    """
    match event:
        case BuildWaits():
            return replace(standing, phase=Phase.BUILDING, note="waits for another build of this project", running=())
        case BuildStarted():
            return replace(standing, phase=Phase.BUILDING, note="", settled=0, total=event.total, running=(), waiting=())
        case ActionStarted():
            return replace(standing, running=(*_others(standing, event.action), _running(event, graph, now_s)))
        case ActionWaits():
            found = next((one for one in standing.running if one.action == event.action), None)
            one = found or _running(ActionStarted(event.action, "", None), graph, now_s)
            return replace(standing, running=(*_others(standing, event.action), replace(one, words=_ELSEWHERE)))
        case ActionEnded():
            waits = (_waiting(event, graph),) if event.outcome in _WAIT else ()
            running = _others(standing, event.action)
            return replace(standing, running=running, waiting=(*standing.waiting, *waits), settled=standing.settled + 1)
        case BuildEnded():
            return replace(standing, running=(), duration_s=event.duration_s)
        case ActionReopened():
            return replace(standing, settled=standing.settled - 1)
        case Fetching() | Noticed():
            return standing


def ended(standing: Standing, diagnostics: tuple[Diagnostic, ...]) -> Standing:
    """Return how the paper stands once a build is over, with all that it complained of. That something is held is no fault here."""
    faults = tuple(fault_of(one) for one in diagnostics if one.severity is not Severity.NOTE and one.code not in _HELD)
    stood = replace(standing, faults=faults, running=(), note="")
    return replace(stood, phase=Phase.FAILED if stood.errors else Phase.STALE if stood.waiting else Phase.FRESH)


def with_words(standing: Standing, words: Mapping[str, str]) -> Standing:
    """Return ``standing`` with what each running action said last."""
    return replace(standing, running=tuple(replace(one, words=words.get(one.action, one.words)) for one in standing.running))


def _others(standing: Standing, action: str) -> tuple[Running, ...]:
    return tuple(one for one in standing.running if one.action != action)


def _running(event: ActionStarted, graph: Graph, now_s: float) -> Running:
    action = graph.actions[event.action]
    is_document = not isinstance(action.recipe, Command)
    outputs = tuple(output.path for output in action.outputs)
    return Running(event.action, action.target, outputs, now_s, event.estimate_s, event.reason, is_document)


def _waiting(event: ActionEnded, graph: Graph) -> Waiting:
    action = graph.actions[event.action]
    return Waiting(event.action, action.target, tuple(output.path for output in action.outputs), event.outcome)
