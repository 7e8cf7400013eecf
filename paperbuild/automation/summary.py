"""What a build in CI did, as Markdown for whoever looks at its page: what ran, for how long and why, what is wrong, what changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from paperbuild.diagnostics import Span
from paperbuild.phrases import duration_text

_MOST_ROWS = 50
_MOST_NOTES = 3
_MOST_FAULTS = 20
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#&])")
_PING = re.compile(r"@(?=\w)")
_SAID = {
    "ran": "ran",
    "adopted": "was adopted",
    "failed": "**failed**",
    "blocked": "waits",
    "held": "was held",
    "stale": "is stale, and was used as it was",
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
    notes: tuple[str, ...] = ()


class Build(msgspec.Struct, frozen=True):
    """What ``render --json`` answers, as far as it is told here."""

    ok: bool
    duration_s: float = 0.0
    actions: tuple[Action, ...] = ()
    diagnostics: tuple[Fault, ...] = ()


def summary(build: Build | None, changes: str) -> str:
    """Return the summary; ``build`` is None where none took place, ``changes`` is Markdown already ("": nobody knows)."""
    said = changes.strip() or "What changed since the commit before is not known."
    if build is None:
        return f"**The paper was not built**: see the log.\n\n{said}\n"
    return "\n\n".join((*_head(build), said, *_table(build))) + "\n"


def _head(build: Build) -> Iterator[str]:
    count = {outcome: sum(action.outcome == outcome for action in build.actions) for outcome in ("ran", "reused", "failed")}
    head = "The paper is built" if build.ok else "**The paper could not be built**"
    yield f"{head}: {count['ran']} ran, {count['reused']} reused, {count['failed']} failed, in {duration_text(build.duration_s)}."
    faults = [fault for fault in build.diagnostics if fault.severity in {"error", "warning"}]
    if faults:
        yield "\n".join(f"- {_fault(fault)}" for fault in faults[:_MOST_FAULTS])
    if len(faults) > _MOST_FAULTS:
        yield f"and {len(faults) - _MOST_FAULTS} more in the log."


def _table(build: Build) -> Iterator[str]:
    """Yield what ran, what failed and what had to wait: cells of a sweep that fared alike as one, the longest first."""
    groups: dict[tuple[str, str], list[Action]] = {}
    for action in build.actions:
        if action.outcome in _SAID:
            groups.setdefault((action.action.partition("[")[0], action.outcome), []).append(action)
    told = sorted(groups.values(), key=lambda cells: (cells[0].outcome != "failed", -_took_s(cells)))
    if not told:
        return
    rows = "\n".join(("| | | took | why |", "|---|---|---:|---|", *map(_row, told[:_MOST_ROWS])))
    more = f"\n\nand {len(told) - _MOST_ROWS} more." if len(told) > _MOST_ROWS else ""
    yield f"<details><summary>What ran, and for how long</summary>\n\n{rows}{more}\n\n</details>"


def _took_s(cells: Iterable[Action]) -> float:
    return sum(cell.duration_s for cell in cells)


def _row(cells: Sequence[Action]) -> str:
    first = cells[0]
    name = first.action if len(cells) == 1 else f"{first.action.partition('[')[0]} \N{MULTIPLICATION SIGN} {len(cells)}"
    took_s = _took_s(cells)
    return f"| {_text(name)} | {_SAID[first.outcome]} | {duration_text(took_s) if took_s else ''} | {_text(first.reason)} |"


def _fault(fault: Fault) -> str:
    place = f" ({_text(fault.span.path)}, line {fault.span.line})" if fault.span is not None and fault.span.line else ""
    notes = "".join(f"\n  - {_text(note)}" for note in fault.notes[:_MOST_NOTES])
    return f"{fault.severity} {fault.code}: {_text(fault.message)}{place}{notes}"


def _text(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is, on one line, and calls nobody."""
    line = " ".join(text.split())
    return _PING.sub("@\N{ZERO WIDTH SPACE}", _SPECIAL.sub(r"\\\1", line))
