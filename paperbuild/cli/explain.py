"""``paperbuild explain``: why an action would run, from the same generator that decides it."""

from __future__ import annotations

import click

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option
from paperbuild.cli.selection import selected
from paperbuild.cli.standing import adopted
from paperbuild.cli.wiring import Wishes, locate, opened
from paperbuild.engine.queries import Situation, State, survey
from paperbuild.errors import ExitCode


@click.command("explain")
@click.argument("target")
@click.option("--profile", default="", metavar="NAME", help="Apply [profile.NAME] of the manifest.")
@json_option
@click.pass_obj
def command(invocation: Invocation, target: str, profile: str) -> int:
    """Say why TARGET must run, or why not: every reason, not only the first.

    TARGET is a target's name (all its cells), some cells ("train[seed=0]"), a document ("paper.pdf"), or the path of an output.
    """
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        wanted = selected([target], project.graph, project.root, invocation.folder)
        situations = tuple(s for s in survey(project.graph, wanted, project.workshop) if s.action.id in wanted)
        if invocation.json:
            _answer_json(invocation, situations)
        else:
            for situation in situations:
                _print(invocation, situation)
    return ExitCode.OK


def _print(invocation: Invocation, situation: Situation) -> None:
    heads = {
        State.FRESH: "is up to date",
        State.ADOPTED: "is up to date, by results that were adopted:",
        State.NEVER: "must run",
        State.STALE: "must run",
        State.FAILED: "must run; its last run failed",
        State.UNKNOWN: "runs each time",
        State.WAITING: "waits: whether it must run is known after what it needs",
        State.FOREIGN: "cannot be placed",
    }
    invocation.answer(f"{situation.action.id} {heads[situation.state]}{':' if situation.reasons else ''}")
    for reason in situation.reasons:
        invocation.answer(f"  - {reason.text}")
    adoption = adopted(situation)
    if adoption is not None:
        invocation.answer(f"  - {adoption.words}")
        invocation.answer(f"  - by the record {adoption.record}")
    if situation.state is State.FAILED and situation.last is not None and situation.last.log:
        invocation.answer(f"  the log of that run: {situation.last.log}")


def _answer_json(invocation: Invocation, situations: tuple[Situation, ...]) -> None:
    from paperbuild.cli.answers import ReasonsAnswer, answer, rows, write_json

    reasons = (ReasonsAnswer(s.action.id, s.state.value, tuple(reason.text for reason in s.reasons), adopted(s)) for s in situations)
    write_json(invocation.stdout, answer("explain", ExitCode.OK, (), actions=rows(reasons)))
