"""``--dry-run``: what a build would do, as a table or as data."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from paperbuild.cli.building import Request
from paperbuild.cli.invocation import Invocation
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.outlook import WORKS, Fate, Outlook, Prospect, outlook
from paperbuild.errors import ExitCode
from paperbuild.phrases import duration_text, durations_text, listed, rough_text
from paperbuild.terminal.screen import cut, screen_of, text_width

_TONES: Mapping[Fate, str] = {
    Fate.RUNS: "33", Fate.MAY_RUN: "2", Fate.STALE: "33", Fate.HELD: "31", Fate.BLOCKED: "31", Fate.REFUSED: "31", Fate.REUSED: "32",
    Fate.ELSEWHERE: "32",
    Fate.RESTORED: "32", Fate.FAULTY: "31", Fate.MAY_BE_STALE: "2", Fate.MAY_BE_HELD: "2",
}  # fmt: skip
_WIDEST_NAME = 40
_MOST_UNKNOWN = 5
_ROUGH_FROM_S = 10.0


class _Row(msgspec.Struct, frozen=True):
    """What is said alike of several actions: one line of the table."""

    several: tuple[Prospect, ...]

    @property
    def name(self) -> str:
        first = self.several[0].action
        return first.id if len(self.several) == 1 else f"{first.target} \N{MULTIPLICATION SIGN}{len(self.several)}"

    @property
    def time(self) -> str:
        known = [one.expected_s for one in self.several if one.expected_s is not None]
        if self.several[0].fate not in WORKS:
            return ""
        return f"{durations_text(known)}{' each' if len(self.several) > 1 else ''}" if known else "?"


def foretell(invocation: Invocation, request: Request) -> ExitCode:
    """Say what the build ``request`` would do; nothing is run or written. Return the exit code: whether it would go as far as it can."""
    project = request.project
    found = outlook(project.graph, request.wanted, project.workshop, request.options)
    notices = () if project.remote is None else project.remote.notices()
    code = ExitCode.OK if found.is_good else ExitCode.FAILED
    if invocation.json:
        _answer_json(invocation, request, found, code, notices)
        return code
    invocation.complain(notices)
    rows = tuple(_rows(found))
    names = min(_WIDEST_NAME, max((text_width(row.name) for row in rows), default=0))
    fates = max((len(row.several[0].fate) for row in rows), default=0)
    times = max((len(row.time) for row in rows), default=0)
    places = max((len(row.several[0].where) for row in rows), default=0)
    width = screen_of(invocation.stdout, invocation.environ).width if invocation.stdout.isatty() else 0
    for row in rows:
        first = row.several[0]
        fate, name = first.fate.value.ljust(fates), cut(row.name, names).ljust(names)
        lead = f"  {name}  {row.time:>{times}}  {(first.where if first.fate in WORKS else ''):{places}}  "
        reason = first.reason if not width else cut(first.reason, max(20, width - fates - len(lead) - 1))
        invocation.answer(f"{lead}{reason}".rstrip(), lead=fate, tone=_TONES[first.fate])
    invocation.narrate(_summary(found, request.options.jobs))
    return code


def _rows(found: Outlook) -> Iterator[_Row]:
    """Yield what is not reused, cells of one target together of which the same is said."""
    groups: dict[tuple[str, Fate, str, str], list[Prospect]] = {}
    for one in found.prospects:
        if one.fate is not Fate.REUSED:
            groups.setdefault((one.action.target, one.fate, one.reason, one.where), []).append(one)
    documents = {key: several for key, several in groups.items() if not _are_cells(several)}
    for key, several in groups.items():
        yield from (_Row((one,)) for one in several) if key in documents else (_Row(tuple(several)),)


def _are_cells(several: Sequence[Prospect]) -> bool:
    return all(one.action.id.startswith(f"{one.action.target}[") for one in several)


def _summary(found: Outlook, jobs: int) -> str:
    counts = [f"{found.count(fate)} {fate.value}" for fate in Fate if found.count(fate)]
    words = ", ".join(counts) or "nothing to do"
    if not any(one.fate in WORKS for one in found.prospects):
        return words
    at_most = " at most" if found.count(Fate.MAY_RUN) else ""
    roughly = rough_text(found.total_s) if found.total_s >= _ROUGH_FROM_S else duration_text(found.total_s)
    time = f"; about {roughly}{at_most} with {jobs} processor{'' if jobs == 1 else 's'}"
    targets = Counter(id_.partition("[")[0] for id_ in found.unknown)
    new = [f"{target} \N{MULTIPLICATION SIGN}{count}" if count > 1 else target for target, count in targets.items()]
    unknown = f", and what {listed(new, _MOST_UNKNOWN)} will take, which never ran" if new else ""
    return f"{words}{time if found.total_s else ''}{unknown}"


def _answer_json(invocation: Invocation, request: Request, found: Outlook, code: ExitCode, notices: tuple[Diagnostic, ...]) -> None:
    from paperbuild.cli.answers import ProspectAnswer, answer, rows, write_json

    def row(one: Prospect) -> ProspectAnswer:
        expected_s = None if one.expected_s is None else round(one.expected_s, 3)
        return ProspectAnswer(one.action.id, one.fate.value, one.reason, one.where, expected_s)

    write_json(
        invocation.stdout,
        answer(
            request.command,
            code,
            notices,
            root=os.path.relpath(request.project.root, invocation.shown_from),
            dry_run=True,
            actions=rows(map(row, found.prospects)),
            estimate_s=round(found.total_s, 3),
            unknown=found.unknown,
        ),
    )
