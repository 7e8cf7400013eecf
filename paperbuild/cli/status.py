"""``paperbuild status``: how everything stands. It writes nothing."""

from __future__ import annotations

import click

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option
from paperbuild.cli.standing import adopted
from paperbuild.cli.wiring import Wishes, locate, opened
from paperbuild.engine.queries import Situation, State, survey
from paperbuild.errors import ExitCode

_TONE = {
    State.FRESH: "32",
    State.ADOPTED: "32",
    State.STALE: "33",
    State.NEVER: "33",
    State.UNKNOWN: "33",
    State.FAILED: "31",
    State.WAITING: "2",
    State.FOREIGN: "31",
}


@click.command("status")
@click.option("--profile", default="", metavar="NAME", help="Apply [profile.NAME] of the manifest.")
@json_option
@click.pass_obj
def command(invocation: Invocation, profile: str) -> int:
    """Say of every target and document whether it is up to date, and if not, the first reason."""
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        situations = survey(project.graph, tuple(project.graph.actions), project.workshop)
        if invocation.json:
            _answer_json(invocation, project.root, situations)
        else:
            _print(invocation, situations)
    return ExitCode.OK


def _print(invocation: Invocation, situations: tuple[Situation, ...]) -> None:
    state_width = max((len(s.state.value) for s in situations), default=0)
    name_width = min(40, max((len(s.action.id) for s in situations), default=0))
    for situation in situations:
        reason = situation.reasons[0].text if situation.reasons and situation.state is not State.NEVER else ""
        adoption = adopted(situation)
        reason = adoption.words if adoption else reason
        rest = f"  {situation.action.id:{name_width}}  {reason}".rstrip()
        invocation.answer(rest, lead=situation.state.value.ljust(state_width), tone=_TONE[situation.state])
    fresh = sum(situation.state in {State.FRESH, State.ADOPTED} for situation in situations)
    invocation.narrate(f"{fresh} of {len(situations)} up to date")


def _answer_json(invocation: Invocation, root: str, situations: tuple[Situation, ...]) -> None:
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
    write_json(invocation.stdout, answer("status", ExitCode.OK, (), actions=rows(standings)))
