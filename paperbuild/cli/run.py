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
from paperbuild.engine.options import BuildOptions


@click.command("run")
@click.argument("targets", nargs=-1, metavar="[TARGET...]", shell_complete=offered("targets"))
@build_options
@on_option
@dry_run_option
@report_option
@json_option
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, targets: tuple[str, ...], profile: str, options: BuildOptions, on: str, dry: bool) -> int:
    """Run targets that are stale, and what they need, without typesetting anything.

    A TARGET is a target's name (all its cells), some cells ("train[seed=0]"), a document ("paper.pdf"), or the path of an output.
    Without one, every target of the manifest.
    """
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=dry, on=on)) as project:
        wanted = selected(targets, project.graph, project.root, invocation.folder) if targets else commands(project.graph)
        shows = tuple(document for document in project.documents if document.action in wanted)
        options = msgspec.structs.replace(options, placed=frozenset(wanted) if targets else frozenset())
        request = Request("run", project, wanted, holding(options, project), shows)
        if dry:
            from paperbuild.cli.foretelling import foretell

            return foretell(invocation, request)
        return run_build(invocation, request)
