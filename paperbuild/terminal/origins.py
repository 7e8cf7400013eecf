"""Where things come from, as lines of a terminal: what is shown, the result behind it, the run that made it, how to make it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime

from paperbuild.phrases import age_text, duration_text, listed, moment_text
from paperbuild.provenance.runs import RunFacts
from paperbuild.provenance.whence import Origin, Told
from paperbuild.terminal.outline import DIM, Part

_MOST_ORIGINS = 2
"""Results that are told of one by one; of more, such as the cells of a sweep, the first."""

_MOST_INPUTS = 6
_BOLD = "1"
_DIGITS = 12
"""Digits of a digest that are shown: enough to find it by."""


def origins(told: Sequence[Told], now_ns: int, *, everything: bool = False) -> Iterator[Sequence[Part]]:
    """Yield the lines that tell where things come from; ``everything``: of each result, and of each of its inputs."""
    for n, one in enumerate(told):
        if n:
            yield ()
        yield from _head(one)
        shown = one.origins if everything or len(one.origins) <= _MOST_ORIGINS else one.origins[:1]
        for origin in shown:
            yield from _result(origin, now_ns, everything=everything)
        if len(one.origins) > len(shown):
            names = [origin.action for origin in one.origins[len(shown) :]]
            yield (f"  and from {listed(names, 2)}", ""), ("  (all: --all)", DIM)


def _head(one: Told) -> Iterator[Sequence[Part]]:
    where = "" if one.span is None else f"  {one.span.path}:{one.span.line}:{one.span.column}"
    yield (one.what, _BOLD), (where, DIM)
    if one.fault:
        yield ((f"  {one.fault}", ""),)
    elif one.kind == "claim":
        yield (f"  {one.shown}", ""), (f"  {one.value}" if one.value else "", DIM)
    elif one.shown or one.value:
        yield (f"  {one.shown or one.value}", ""), (f"  from {one.value}" if one.shown and one.value not in {"", one.shown} else "", DIM)


def _result(origin: Origin, now_ns: int, *, everything: bool) -> Iterator[Sequence[Part]]:
    read = f"{origin.key} of {origin.path}" if origin.key else origin.path
    yield (f"  ← {read}", ""), (f"  sha256 {origin.sha256[:_DIGITS]}" if origin.sha256 else "", DIM)
    yield (f"    made by {origin.action}", ""), (f", {origin.state}", DIM)
    run = origin.run
    if run is None:
        yield _fact("make it", f"paperbuild run {shlex.quote(origin.action)}")
        return
    if run.command:
        yield from (_fact("command" if n == 0 else "", line) for n, line in enumerate(run.command.splitlines()))
    if run.params:
        yield _fact("parameters", ", ".join(f"{name} = {_written(value)}" for name, value in run.params.items()))
    yield _fact("adopted" if run.adopted else "ran", _when(run, now_ns))
    if run.origin:
        yield _fact("elsewhere", f"so says {run.origin}")
    if origin.revision is not None:
        clean = "" if origin.revision.is_clean else ", with changes that were not committed"
        yield _fact("commit", f"{origin.revision.commit[:_DIGITS]}{clean}, when the documents were built")
    if run.log:
        yield _fact("log", run.log)
    yield from _inputs(origin, everything=everything)
    is_document = not run.command
    again = f"paperbuild render, or paperbuild verify {origin.action}" if is_document else f"paperbuild verify {shlex.quote(origin.action)}"
    yield _fact("again", again)


def _when(run: RunFacts, now_ns: int) -> str:
    if run.adoption is not None:
        return run.adoption.words.removeprefix("not run, adopted ")
    ns = int(datetime.fromisoformat(run.finished).timestamp() * 1e9)
    return f"{moment_text(ns)} ({age_text((now_ns - ns) / 1e9)}), took {duration_text(run.duration_s)}"


def _inputs(origin: Origin, *, everything: bool) -> Iterator[Sequence[Part]]:
    shown = origin.inputs if everything else origin.inputs[:_MOST_INPUTS]
    for n, item in enumerate(shown):
        maker = f"  of {item.action}" if item.action else ""
        yield (*_fact("inputs" if n == 0 else "", item.path), (f"  {item.sha256[:_DIGITS]}{maker}", DIM))
    if len(origin.inputs) > len(shown):
        yield _fact("", f"and {len(origin.inputs) - len(shown)} more")
    if origin.packages:
        yield _fact("packages", listed(origin.packages, len(origin.packages) if everything else 6))


def _fact(name: str, text: str) -> tuple[Part, Part]:
    return (f"      {name:<11}", DIM), (text, "")


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
