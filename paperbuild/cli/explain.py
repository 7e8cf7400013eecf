"""``paperbuild explain``: why an action would run, from the same generator that decides it; why it ran; and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, offered, profile_option
from paperbuild.cli.selection import selected
from paperbuild.cli.standing import adopted
from paperbuild.cli.wiring import Project, Wishes, locate, opened
from paperbuild.engine.explaining import Explained, Story, explain
from paperbuild.engine.lineage import Edge
from paperbuild.engine.reasons import Reason
from paperbuild.errors import ExitCode
from paperbuild.phrases import moment_utc

if TYPE_CHECKING:
    from paperbuild.cli.answers import ReasonAnswer, StepAnswer, StoryAnswer


@click.command("explain")
@click.argument("target", shell_complete=offered("targets"))
@click.option("--cells", is_flag=True, help="Tell of every cell of a sweep by itself.")
@profile_option
@json_option
@click.pass_obj
def command(invocation: Invocation, target: str, *, cells: bool, profile: str) -> int:
    """Say why TARGET must run, or why not, down to what changed; why it ran last time; and what may have to run after it.

    TARGET is a target's name (all its cells), some cells ("train[seed=0]"), a document ("paper.pdf"), or the path of an output.
    """
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        wanted = selected([target], project.graph, project.root, invocation.folder)
        explained = explain(project.graph, wanted, project.workshop)
        if invocation.json:
            _answer_json(invocation, project, explained)
        else:
            _print(invocation, project, explained, cells=cells)
    return ExitCode.OK


def _print(invocation: Invocation, project: Project, explained: Explained, *, cells: bool) -> None:
    from paperbuild.terminal.explanation import View, explanation
    from paperbuild.terminal.screen import screen_of

    view = View(screen_of(invocation.stdout, invocation.environ).width, project.workshop.clock.now_ns(), cells)
    for parts in explanation(explained, project.graph, view):
        invocation.answer_parts(parts)
    if project.plan.executors:
        from paperbuild.engine.sending import whereabouts

        told = {story.situation.action.id for story in explained.stories}
        for where in whereabouts(project.workshop.fs, project.workshop.site.state):
            if where.action in told:
                invocation.answer(f"{where.action} is {where.text}")


def _answer_json(invocation: Invocation, project: Project, explained: Explained) -> None:
    from paperbuild.cli.answers import answer, rows, write_json

    stories = (_story(invocation, project.root, story) for story in explained.stories)
    write_json(invocation.stdout, answer("explain", ExitCode.OK, (), actions=rows(stories)))


def _story(invocation: Invocation, root: str, story: Story) -> StoryAnswer:
    from paperbuild.cli.answers import CauseAnswer, LastRunAnswer, ResultAnswer, StepAnswer, StoryAnswer

    situation, ran, record = story.situation, story.execution, story.situation.record

    def chain(edges: tuple[Edge, ...]) -> tuple[StepAnswer, ...]:
        return tuple(StepAnswer(e.user, e.maker, tuple(invocation.shown(root, path) for path in e.paths)) for e in edges)

    return StoryAnswer(
        action=situation.action.id,
        state=situation.state.value,
        reasons=_reasons(situation.reasons),
        causes=tuple(CauseAnswer(cause.action, chain(cause.chain), _reasons(cause.reasons)) for cause in story.causes),
        last_run=None if ran is None else LastRunAnswer(
            moment_utc(ran.finished_ns), round(ran.duration_s, 3), ran.end, ran.status, ran.log, _reasons(ran.reasons)
        ),
        result=None if record is None else ResultAnswer(
            moment_utc(record.finished_ns), round(record.duration_s, 3), record.adopted, record.observed
        ),
        unchanged=story.unchanged,
        affected=story.affected,
        adoption=adopted(situation),
    )  # fmt: skip


def _reasons(reasons: tuple[Reason, ...]) -> tuple[ReasonAnswer, ...]:
    from paperbuild.cli.answers import ReasonAnswer

    return tuple(ReasonAnswer(r.kind, r.subject, r.before, r.after, r.came, r.went, r.changed, r.text) for r in reasons)
