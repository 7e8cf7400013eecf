"""A verdict as lines for a terminal: what it is, and below it where outputs differ and what by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from paperbuild.phrases import duration_text
from paperbuild.provenance.differences import Difference
from paperbuild.provenance.verdicts import OutputVerdict, Verdict, Word

TONES: dict[Word, str] = {
    "adopted": "32",
    "identical": "32",
    "within tolerance": "32",
    "different": "31",
    "incomplete": "31",
    "not rerun": "33",
}
_BESIDE = 24
"""Values up to this many characters are shown in one line."""


class Line(msgspec.Struct, frozen=True):
    """One line; ``lead`` comes first, in the colour ``tone``."""

    text: str
    lead: str = ""
    tone: str = ""


def lines(verdicts: Iterable[Verdict]) -> Iterator[Line]:
    """Yield what to print of ``verdicts``."""
    found = tuple(verdicts)
    words = max((len(verdict.verdict) for verdict in found), default=0)
    names = min(40, max((len(verdict.action) for verdict in found), default=0))
    for verdict in found:
        head = "; ".join(verdict.reasons) if verdict.verdict == "not rerun" else duration_text(verdict.duration_s)
        tone = "2" if verdict.left_out else TONES[verdict.verdict]
        yield Line(f"  {verdict.action:{names}}  {head}", verdict.verdict.ljust(words), tone)
        yield from (Line(f"    {text}") for text in _below(verdict))


def _below(verdict: Verdict) -> Iterator[str]:
    if verdict.verdict == "not rerun":
        return
    if verdict.verdict == "adopted":
        yield "its outputs were adopted, and came out again: from now on they count as run"
    for output in verdict.outputs:
        if output.agreement != "identical":
            yield from _output(output)
    yield from verdict.reasons
    yield from (f"  | {line}" for line in verdict.detail)
    if verdict.cause:
        yield verdict.cause
    if verdict.is_adopted:
        yield "it stays adopted"
    if verdict.detail and verdict.log:
        yield f"the whole log is {verdict.log}"
    if verdict.kept:
        yield f"its copy is {verdict.kept}"


def _output(output: OutputVerdict) -> Iterator[str]:
    if output.agreement == "within tolerance":
        yield f"{output.path}: {output.note or 'within its tolerance'}"
        return
    for difference in output.differences:
        yield from _difference(output.path, difference)
    more = output.count - len(output.differences)
    if more > 0:
        yield f"{output.path}: {more} more"
    if output.note:
        yield f"{output.path}: {output.note}"


def _difference(path: str, found: Difference) -> Iterator[str]:
    place = ", ".join(filter(None, (path, found.where)))
    if not found.recorded and not found.rerun:
        yield place
    elif not found.rerun:
        yield f"{place}: {found.recorded} is gone"
    elif not found.recorded:
        yield f"{place}: {found.rerun} is new"
    elif max(len(found.recorded), len(found.rerun)) <= _BESIDE:
        yield f"{place}: {found.recorded} became {found.rerun}"
    else:
        yield f"{place}:"
        yield f"  recorded  {found.recorded}"
        yield f"  rerun     {found.rerun}"


def summary(verdicts: Iterable[Verdict]) -> str:
    """Return how many verdicts there are of each kind: "3 identical, 1 different"."""
    counts: dict[str, int] = {}
    for verdict in verdicts:
        counts[verdict.verdict] = counts.get(verdict.verdict, 0) + 1
    return ", ".join(f"{counts[word]} {word}" for word in TONES if word in counts) or "nothing to verify"
