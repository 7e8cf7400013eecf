"""The answers of ``--json``: one object on standard output, described in ``docs/cli-json.md``.

The types are the schema: each class below is one kind of object, its fields are the keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TextIO

import msgspec

from paperbuild.diagnostics import Diagnostic, merged
from paperbuild.errors import ExitCode
from paperbuild.provenance.adoptions import AdoptionFacts

FORMAT = 1
"""The version of the objects. It grows when a key changes its meaning or goes, not when one is added."""


class ActionAnswer(msgspec.Struct, frozen=True):
    """What a build made of one action. ``reason`` says why it ran ("" where it did not)."""

    action: str
    outcome: str
    reason: str
    duration_s: float
    outputs: tuple[str, ...]


class DocumentAnswer(msgspec.Struct, frozen=True):
    """One document: ``path`` is where it stands, relative to where the command was called, ``outcome`` that of its action."""

    action: str
    path: str
    outcome: str


class StaleAnswer(msgspec.Struct, frozen=True):
    """A result that was used though it is not up to date, as :class:`paperbuild.engine.earlier.Earlier` has it; ``make`` makes it anew."""

    action: str
    reason: str
    made: str
    roots: tuple[str, ...]
    make: str


class StandingAnswer(msgspec.Struct, frozen=True):
    """How one action stands: ``state`` is one of :class:`paperbuild.engine.queries.State`, ``reason`` the first for that."""

    action: str
    state: str
    reason: str
    outputs: tuple[str, ...]
    adoption: AdoptionFacts | None


class ReasonAnswer(msgspec.Struct, frozen=True):
    """One reason, as :class:`paperbuild.engine.reasons.Reason` has it, and the sentence that says it."""

    kind: str
    subject: str
    before: str | None
    after: str | None
    came: tuple[str, ...]
    went: tuple[str, ...]
    changed: tuple[str, ...]
    text: str


class LastRunAnswer(msgspec.Struct, frozen=True):
    """The last time that an action ran, as far as it is remembered. ``end`` is how: "made", "failed", "timed out" or "cancelled"."""

    finished: str
    duration_s: float
    end: str
    exit_status: int | None
    log: str
    reasons: tuple[ReasonAnswer, ...]


class ResultAnswer(msgspec.Struct, frozen=True):
    """The result that stands, or stood last: when it was made, and how much of what it depends on was seen."""

    finished: str
    duration_s: float
    adopted: bool
    observed: bool


class StepAnswer(msgspec.Struct, frozen=True):
    """One link of a chain: ``user`` uses ``paths`` of ``maker``."""

    user: str
    maker: str
    paths: tuple[str, ...]


class CauseAnswer(msgspec.Struct, frozen=True):
    """An action with reasons of its own, and the chain that leads from the explained action to it."""

    action: str
    chain: tuple[StepAnswer, ...]
    reasons: tuple[ReasonAnswer, ...]


class StoryAnswer(msgspec.Struct, frozen=True):
    """Why one action must run, all reasons; none mean that it is up to date. ``affected`` may have to run after it."""

    action: str
    state: str
    reasons: tuple[ReasonAnswer, ...]
    causes: tuple[CauseAnswer, ...]
    last_run: LastRunAnswer | None
    result: ResultAnswer | None
    unchanged: tuple[str, ...]
    affected: tuple[str, ...]
    adoption: AdoptionFacts | None


class NodeAnswer(msgspec.Struct, frozen=True):
    """One node of a graph: an action, or the cells of a target. ``states`` counts them; ``duration_s`` is of their last good runs."""

    name: str
    state: str
    states: Mapping[str, int]
    duration_s: float | None
    actions: tuple[str, ...]
    outputs: tuple[str, ...]


class LinkAnswer(msgspec.Struct, frozen=True):
    """``user`` waits for ``maker``, for its outputs ``paths``: see :class:`paperbuild.engine.lineage.Edge`."""

    user: str
    maker: str
    paths: tuple[str, ...]
    declared: tuple[str, ...]
    observed: bool


class ProspectAnswer(msgspec.Struct, frozen=True):
    """What would become of one action, as :class:`paperbuild.engine.outlook.Prospect` has it."""

    action: str
    fate: str
    reason: str
    where: str
    expected_s: float | None


class CriticalPathAnswer(msgspec.Struct, frozen=True):
    """The longest chain of a graph: ``nodes``, makers first, and of which nodes nobody knows how long they take."""

    nodes: tuple[str, ...]
    duration_s: float
    unknown: tuple[str, ...]


Value = str | int | float | bool | None | tuple[str, ...] | Mapping[str, object] | tuple[Mapping[str, object], ...]


def answer(command: str, code: ExitCode, diagnostics: Iterable[Diagnostic], **more: Value) -> Mapping[str, Value]:
    """Return the object that every command prints: its own keys come after the common ones."""
    return {
        "format": FORMAT,
        "command": command,
        "ok": code is ExitCode.OK,
        "exit_code": int(code),
        "diagnostics": tuple(asdict(d) for d in merged(diagnostics)),
        **more,
    }


def failure(command: str, code: ExitCode, diagnostics: Iterable[Diagnostic]) -> Mapping[str, Value]:
    """Return the object of a command that could not begin."""
    return answer(command, code, diagnostics)


def rows(items: Iterable[msgspec.Struct]) -> tuple[Mapping[str, object], ...]:
    """Return structs as objects."""
    return tuple(msgspec.to_builtins(item) for item in items)


def write_json(stream: TextIO, value: Mapping[str, Value]) -> None:
    """Write one object and a line end. ASCII only: no locale can spoil it."""
    stream.write(json.dumps(value, indent=1) + "\n")
    stream.flush()
