"""``paperbuild status``: how everything stands. It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click
import msgspec

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, profile_option
from paperbuild.cli.standing import adopted
from paperbuild.cli.wiring import Wishes, locate, opened
from paperbuild.engine.queries import SETTLED, Situation, State, survey
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import ExitCode, UsageError
from paperbuild.paper.declarations import MANIFEST_NAME
from paperbuild.terminal.states import TONES, count_text

if TYPE_CHECKING:
    from paperbuild.cli.answers import Value
    from paperbuild.cli.wiring import Project
    from paperbuild.diagnostics import Diagnostic
    from paperbuild.engine.hearing import Heard
    from paperbuild.engine.sending import Where
    from paperbuild.sharing.late import LateStore


_SENT = "sent"
"""What is said instead of the state of an action that an earlier build sent elsewhere."""


@click.command("status")
@profile_option
@click.option("--sizes", is_flag=True, help="Say also what the store holds of each target.")
@click.option("--remote", "asks", is_flag=True, help="Count what the shared store has, too; it is asked.")
@json_option
@click.pass_obj
def command(invocation: Invocation, *, profile: str, sizes: bool, asks: bool) -> int:
    """Say of every target and document whether it is up to date, and if not, the first reason."""
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        heard = _ask(invocation, project) if asks else None
        notices = project.remote.notices() if asks and project.remote is not None else ()
        everything = tuple(project.graph.actions)
        situations = survey(project.graph, everything, project.workshop) if heard is None else heard.situations
        held = _Held.of(project.workshop) if sizes else None
        away = _away(project.workshop)
        shared = None if project.remote is None else _Shared.of(project.remote, invocation.environ)
        if invocation.json:
            _answer_json(invocation, project.root, situations, _more(away, held), shared, notices)
        else:
            invocation.complain(notices)
            _print(invocation, situations, {where.action: where for where in away}, heard)
            _print_away(invocation, away)
            if held is not None:
                _print_sizes(invocation, held)
            if shared is not None:
                _print_shared(invocation, shared)
            elif project.plan.shared.remote:
                invocation.narrate("results are not shared now: PAPERBUILD_REMOTE=off")
    return ExitCode.OK


def _ask(invocation: Invocation, project: Project) -> Heard:
    """Return how everything stands with what the shared store has.

    Raises:
        UsageError: there is none.
    """
    from paperbuild.cli.sharing import required
    from paperbuild.engine.hearing import hear

    required(invocation, project.remote)
    return hear(project.graph, tuple(project.graph.actions), project.workshop)


def _away(workshop: Workshop) -> tuple[Where, ...]:
    """Return what earlier builds sent elsewhere and nobody has taken."""
    if not workshop.fs.names(f"{workshop.site.state}/sent"):
        return ()
    from paperbuild.engine.sending import whereabouts

    return whereabouts(workshop.fs, workshop.site.state)


def _print_away(invocation: Invocation, away: tuple[Where, ...]) -> None:
    from paperbuild.terminal.amounts import counted

    for name in dict.fromkeys(where.executor for where in away):
        there = [where for where in away if where.executor == name]
        ended = sum(where.has_ended for where in there)
        taken = f", of which {ended} ended: the next build takes what it needs of them" if ended else ""
        invocation.narrate(f"{counted(len(there), 'job')} with {name}{taken}")


class _TargetSize(msgspec.Struct, frozen=True):
    """What the store holds of one target ("": of results that cannot be read)."""

    target: str
    results: int
    bytes: int


class _Held(msgspec.Struct, frozen=True):
    """What the store holds. What targets have in common counts once in ``bytes``, and for each of them in ``targets``."""

    store: str
    bytes: int
    targets: tuple[_TargetSize, ...]

    @classmethod
    def of(cls, workshop: Workshop) -> _Held:
        from paperbuild.engine.collecting import sizes, take_inventory

        inventory = take_inventory(workshop.store, workshop.fs)
        return cls(workshop.store.root, inventory.size, tuple(_TargetSize(*found) for found in sizes(inventory)))


class _Shared(msgspec.Struct, frozen=True):
    """Where results are shared, how many wait to be uploaded, and our key: "" where there is none, and what is wrong with it."""

    remote: str
    waiting: int
    key: str
    fault: str
    trusted: bool
    namespace: str
    is_read_only: bool

    @classmethod
    def of(cls, remote: LateStore, environ: Mapping[str, str]) -> _Shared:
        from paperbuild.sharing.keyring import own_key

        key, fault = "", ""
        try:
            own = own_key(environ)
            key = own.public if own else ""
        except UsageError as error:
            fault = error.diagnostics[0].message
        terms = remote.terms
        return cls(terms.place.address, len(remote.outgoing()), key, fault, key in terms.trusted, terms.namespace, terms.place.is_read_only)


def _print_shared(invocation: Invocation, shared: _Shared) -> None:
    from paperbuild.terminal.amounts import counted

    space = f", in the namespace {shared.namespace}" if shared.namespace else ""
    invocation.narrate(f"results are shared through {shared.remote}{space}")
    if shared.waiting and not shared.is_read_only:
        waits = "waits" if shared.waiting == 1 else "wait"
        invocation.narrate(f"{counted(shared.waiting, 'result')} {waits} to be uploaded: paperbuild cache push")
    if shared.is_read_only:
        invocation.narrate("it can only be read: what is made here stays here")
    elif shared.fault:
        invocation.narrate(f"yours are not: {shared.fault}")
    elif not shared.key:
        invocation.narrate("yours are not: paperbuild key new makes the key for that")
    elif not shared.trusted:
        invocation.narrate(f"nobody else believes yours yet: paperbuild key show says what to write into {MANIFEST_NAME}")


def _print_sizes(invocation: Invocation, held: _Held) -> None:
    from paperbuild.terminal.amounts import counted, size_text

    rows = [(size_text(one.bytes), one.target or "unreadable", counted(one.results, "result")) for one in held.targets]
    rows.append((size_text(held.bytes), "the whole store", held.store))
    widths = [max(len(row[n]) for row in rows) for n in (0, 1)]
    invocation.answer("")
    for size, target, what in rows:
        invocation.answer(f"{size:>{widths[0]}}  {target:{widths[1]}}  {what}")


def _print(invocation: Invocation, situations: tuple[Situation, ...], away: Mapping[str, Where], heard: Heard | None) -> None:
    rows = [(situation, _lead(situation, away), _rest(situation, away, heard)) for situation in situations]
    lead_width = max((len(lead) for _, lead, _ in rows), default=0)
    name_width = min(40, max((len(situation.action.id) for situation in situations), default=0))
    for situation, lead, rest in rows:
        words = f"  {situation.action.id:{name_width}}  {rest}".rstrip()
        invocation.answer(words, lead=lead.ljust(lead_width), tone=TONES[State.WAITING if lead == _SENT else situation.state])
    invocation.narrate(count_text([situation.state for situation in situations]))


def _lead(situation: Situation, away: Mapping[str, Where]) -> str:
    return _SENT if situation.action.id in away and situation.state not in SETTLED else situation.state.value


def _rest(situation: Situation, away: Mapping[str, Where], heard: Heard | None) -> str:
    """Return what is told beside the state: where it is, why it must run, or who says that it need not."""
    if _lead(situation, away) == _SENT:
        return away[situation.action.id].text
    if heard is not None and heard.is_from_elsewhere(situation) and situation.record is not None:
        return f"elsewhere, so says {situation.record.origin}"
    adoption = adopted(situation)
    if adoption:
        return adoption.words
    return situation.reasons[0].text if situation.reasons and situation.reasons[0].kind != "never" else ""


def _more(away: tuple[Where, ...], held: _Held | None) -> dict[str, Value]:
    more: dict[str, Value] = {"elsewhere": tuple(msgspec.structs.asdict(where) for where in away)}
    if held is not None:
        more["sizes"] = msgspec.structs.asdict(held) | {"targets": [msgspec.structs.asdict(one) for one in held.targets]}
    return more


def _answer_json(
    invocation: Invocation,
    root: str,
    situations: tuple[Situation, ...],
    more: dict[str, Value],
    shared: _Shared | None,
    notices: tuple[Diagnostic, ...],
) -> None:
    from paperbuild.cli.answers import StandingAnswer, answer, rows, write_json

    standings = (
        StandingAnswer(
            action=situation.action.id,
            state=situation.state.value,
            reason=situation.reasons[0].text if situation.reasons else "",
            outputs=tuple(invocation.shown(root, output.path) for output in situation.action.outputs),
            adoption=adopted(situation),
        )
        for situation in situations
    )
    more["sharing"] = None if shared is None else msgspec.structs.asdict(shared)
    write_json(invocation.stdout, answer("status", ExitCode.OK, notices, actions=rows(standings), **more))
