"""``paperbuild adopt``: results that are there become those of their targets, without running."""

from __future__ import annotations

import click

from paperbuild.cli.building import Request, run_build
from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, offered, profile_option, volume_options
from paperbuild.cli.selection import selected
from paperbuild.cli.wiring import Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action, Step
from paperbuild.engine.options import BuildOptions
from paperbuild.errors import UsageError


@click.command("adopt")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...", shell_complete=offered("targets"))
@click.option("--reason", default="", metavar="TEXT", help="Why they are right all the same; shown wherever they are.")
@profile_option
@json_option
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, targets: tuple[str, ...], reason: str, profile: str) -> int:
    """Take the outputs that stand on the disk for the results of targets as they are declared now, without running them.

    For what took days, and whose script only got a comment; or was computed elsewhere. What the targets need must be up to date.
    A TARGET is a target's name (all its cells), some cells ("train[seed=0]"), or the path of an output.
    """
    with opened(locate(invocation, ""), invocation, Wishes(profile)) as project:
        wanted = selected(targets, project.graph, project.root, invocation.folder)
        documents = [action for id_ in wanted if isinstance((action := project.graph.actions[id_]).recipe, Step)]
        if documents:
            raise UsageError(*map(_no_target, documents))
        options = BuildOptions(keep_going=True, adopts=frozenset(wanted), reason=" ".join(reason.split()))
        return run_build(invocation, Request("adopt", project, wanted, options))


def _no_target(action: Action) -> Diagnostic:
    note = "documents are made by paperbuild itself, in little time"
    return Diagnostic("PB193", f"{action.id} is a document, and only results of targets can be adopted", action.span, notes=(note,))
