"""What a build in CI did, as Markdown for whoever looks at its page: what ran, for how long and why, what is wrong, what changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from paperbuild.diagnostics import Span
from paperbuild.phrases import duration_text

_MOST_ROWS = 50
_MOST_FAULTS = 20
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#&])")
_PING = re.compile(r"@(?=\w)")
_SAID = {
    "ran": "ran",
    "adopted": "was adopted",
    "failed": "**failed**",
    "blocked": "waits",
    "held": "was held",
    "cancelled": "was cancelled",
}


class Action(msgspec.Struct, frozen=True):
    """One action of a build, as ``--json`` tells it."""

    action: str
    outcome: str
    reason: str = ""
    duration_s: float = 0.0


class Fault(msgspec.Struct, frozen=True):
    """One diagnostic, as ``--json`` tells it."""

    code: str
    severity: str
    message: str
    span: Span | None = None


class Build(msgspec.Struct, frozen=True):
    """What ``render --json`` answers, as far as it is told here."""

    ok: bool
    duration_s: float = 0.0
    actions: tuple[Action, ...] = ()
    diagnostics: tuple[Fault, ...] = ()


def summary(build: Build | None, changes: str) -> str:
    """Return the summary; ``build`` is None where none took place, ``changes`` is Markdown already ("": nobody knows)."""
    parts = [*(_built(build) if build is not None else ("**The paper was not built**: see the log.",))]
    parts.append(changes.strip() or "What changed since the commit before is not known.")
    return "\n\n".join(parts) + "\n"


def _built(build: Build) -> Iterator[str]:
    count = {outcome: sum(action.outcome == outcome for action in build.actions) for outcome in ("ran", "reused", "failed")}
    head = "The paper is built" if build.ok else "**The paper could not be built**"
    yield f"{head}: {count['ran']} ran, {count['reused']} reused, {count['failed']} failed, in {duration_text(build.duration_s)}."
    told = [action for action in build.actions if action.outcome in _SAID]
    if told:
        yield "\n".join(("| | | took | why |", "|---|---|---:|---|", *map(_row, _slowest_first(told)[:_MOST_ROWS])))
    if len(told) > _MOST_ROWS:
        yield f"and {len(told) - _MOST_ROWS} more."
    faults = [fault for fault in build.diagnostics if fault.severity in {"error", "warning"}]
    if faults:
        yield "\n".join(f"- {_fault(fault)}" for fault in faults[:_MOST_FAULTS])
    if len(faults) > _MOST_FAULTS:
        yield f"and {len(faults) - _MOST_FAULTS} more in the log."


def _slowest_first(actions: Iterable[Action]) -> list[Action]:
    return sorted(actions, key=lambda action: (action.outcome != "failed", -action.duration_s))


def _row(action: Action) -> str:
    took = duration_text(action.duration_s) if action.duration_s else ""
    return f"| {_text(action.action)} | {_SAID[action.outcome]} | {took} | {_text(action.reason)} |"


def _fault(fault: Fault) -> str:
    place = f" ({_text(fault.span.path)}, line {fault.span.line})" if fault.span is not None and fault.span.line else ""
    return f"{fault.severity} {fault.code}: {_text(fault.message)}{place}"


def _text(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is, on one line, and calls nobody."""
    line = " ".join(text.split())
    return _PING.sub("@\N{ZERO WIDTH SPACE}", _SPECIAL.sub(r"\\\1", line))
