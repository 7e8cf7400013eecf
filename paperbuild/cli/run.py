"""``paperbuild run``: targets without the paper."""

from __future__ import annotations

import click
import msgspec.structs

from paperbuild.cli.building import Request, run_build
from paperbuild.cli.holding import holding
from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import build_options, dry_run_option, json_option, offered, on_option, report_option, volume_options
from paperbuild.cli.selection import commands, selected
from paperbuild.cli.wiring import Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.options import BuildOptions
from paperbuild.errors import UsageError


@click.command("run")
@click.argument("targets", nargs=-1, metavar="[TARGET...]", shell_complete=offered("targets"))
@build_options
@on_option
@click.option("--again", is_flag=True, help="Run these TARGETs though they are up to date: a new result replaces the one there is.")
@dry_run_option
@report_option
@json_option
@volume_options
@click.pass_obj
def command(  # noqa: PLR0913 - one for each option
    invocation: Invocation, *, targets: tuple[str, ...], profile: str, options: BuildOptions, on: str, again: bool, dry: bool
) -> int:
    """Run targets that are stale, and what they need, without typesetting anything.

    A TARGET is a target's name (all its cells), some cells ("train[seed=0]"), a document ("paper.pdf"), or the path of an output.
    Without one, every target of the manifest.
    """
    if again and not targets:
        raise UsageError(Diagnostic("PB183", "--again needs TARGETs", help=("name those that are to run: paperbuild run --again TARGET",)))
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=dry, on=on)) as project:
        wanted = selected(targets, project.graph, project.root, invocation.folder) if targets else commands(project.graph)
        if again:
            project.graph.ask_for(wanted)
        shows = tuple(document for document in project.documents if document.action in wanted)
        options = msgspec.structs.replace(options, placed=frozenset(wanted) if targets else frozenset())
        request = Request("run", project, wanted, holding(options, project), shows)
        if dry:
            from paperbuild.cli.foretelling import foretell

            return foretell(invocation, request)
        return run_build(invocation, request)
