"""What ``init`` wants to write: shown, asked about where a file is somebody's already, and then written in full or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import msgspec

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.placing import Placement, place
from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import ExitCode, UsageError

_LONG = 400  # lines that are shown: a manifest, and no schema
_TONES = {"+": "32", "-": "31", "@": "36"}


class Proposal(msgspec.Struct, frozen=True):
    """The files that are to be in the folder ``root``, by their paths in it, and what is to be said about them.

    ``adoptable`` are targets whose results stand on the disk; ``then`` are lines of advice for afterwards.
    """

    root: str
    files: Mapping[str, str]
    told: tuple[Diagnostic, ...] = ()
    adoptable: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


class Manner(msgspec.Struct, frozen=True):
    """How it is to be done: only shown, or without questions; ``asks`` says that somebody is there to be asked."""

    dry_run: bool
    yes: bool
    asks: bool


class FileAnswer(msgspec.Struct, frozen=True):
    """A file that is new, changed, or left as it is though there is something to change: its text, or the difference as a unified diff."""

    path: str
    kind: str
    text: str


def is_terminal(invocation: Invocation) -> bool:
    """Return whether somebody can be asked."""
    return not invocation.json and sys.stdin.isatty() and invocation.stderr.isatty()


def carry_out(invocation: Invocation, proposal: Proposal, manner: Manner) -> tuple[FileAnswer, ...]:
    """Write what is proposed, and say so; return what became of each file. With :attr:`Manner.dry_run` everything is only shown.

    Raises:
        UsageError: a file cannot be read or written; then nothing is written.
    """
    answers = []
    placements = []
    for path, text in proposal.files.items():
        placement = _placement(proposal.root, path, text)
        if placement.before == placement.after:
            continue
        shown = invocation.shown(proposal.root, path)
        agreed = placement.before is None or manner.dry_run or _agreed(invocation, placement, shown, manner)
        answers.append(_answer(placement, shown, agreed))
        if agreed:
            placements.append(placement)
    if manner.dry_run:
        _show(invocation, answers)
        return tuple(answers)
    place(placements, invocation.shown_from)
    if not invocation.json:
        for answer in answers:
            if answer.kind == "left":
                invocation.narrate(f"{answer.path} stays as it is; --yes changes it")
            else:
                invocation.answer(answer.path)
    return tuple(answers)


def conclude(invocation: Invocation, proposal: Proposal, answers: tuple[FileAnswer, ...], manner: Manner) -> ExitCode:
    """Say what there is to know about what was written, and what to do now."""
    if invocation.json:
        from paperbuild.cli.answers import answer, rows, write_json

        root = os.path.relpath(proposal.root, invocation.shown_from)
        is_written = not manner.dry_run
        found = answer("init", ExitCode.OK, proposal.told, root=root, written=is_written, files=rows(answers), adoptable=proposal.adoptable)
        write_json(invocation.stdout, found)
        return ExitCode.OK
    invocation.complain(proposal.told)
    for line in ("nothing was written",) if manner.dry_run else proposal.then:
        invocation.narrate(line)
    return ExitCode.OK


def _placement(root: str, path: str, text: str) -> Placement:
    whole = os.path.join(root, path)
    try:
        with open(whole, "rb") as file:
            before = file.read()
    except FileNotFoundError:
        before = None
    except OSError as error:
        raise UsageError(Diagnostic("PB187", f"{path}: {error.strerror}", notes=("nothing was written",))) from error
    return Placement(whole, text.encode(errors="surrogateescape"), before)


def _agreed(invocation: Invocation, placement: Placement, shown: str, manner: Manner) -> bool:
    if not invocation.json:
        _print_difference(invocation, _difference(placement, shown))
    if manner.yes or not manner.asks:
        return manner.yes
    import click

    return click.confirm(f"Change {shown} so?", default=False, err=True)


def _answer(placement: Placement, shown: str, agreed: bool) -> FileAnswer:
    if placement.before is None:
        return FileAnswer(shown, "new", placement.after.decode(errors="replace"))
    return FileAnswer(shown, "changed" if agreed else "left", _difference(placement, shown))


def _difference(placement: Placement, shown: str) -> str:
    from difflib import unified_diff

    before, after = ((data or b"").decode(errors="replace").splitlines() for data in (placement.before, placement.after))
    return "".join(f"{line}\n" for line in unified_diff(before, after, shown, shown, n=1, lineterm=""))


def _show(invocation: Invocation, answers: list[FileAnswer]) -> None:
    if invocation.json:
        return
    for answer in answers:
        if answer.kind == "new":
            invocation.answer("", lead=f"--- new: {answer.path}", tone="36")
            lines = answer.text.splitlines()
            for line in lines if len(lines) <= _LONG else [*lines[:3], f"… {len(lines) - 3} more lines"]:
                invocation.answer(line)
        else:
            _print_difference(invocation, answer.text)


def _print_difference(invocation: Invocation, difference: str) -> None:
    for line in difference.splitlines():
        invocation.answer("", lead=line, tone=_TONES.get(line[:1], ""))
