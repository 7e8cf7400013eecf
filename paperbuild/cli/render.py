"""``paperbuild render``: the command that everything else is for."""

from __future__ import annotations

import os

import click
from msgspec.structs import replace

from paperbuild.cli.building import Request, run_build
from paperbuild.cli.holding import holding
from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import (
    build_options,
    dry_run_option,
    json_option,
    offered,
    on_option,
    rendering_options,
    report_option,
    volume_options,
)
from paperbuild.cli.wiring import Wishes, locate, opened
from paperbuild.engine.options import BuildOptions
from paperbuild.errors import ExitCode


@click.command("render")
@click.argument("paper", required=False, default="", shell_complete=offered("papers"))
@rendering_options
@build_options
@on_option
@click.option("--no-run", is_flag=True, help="Execute nothing: use what the store has.")
@click.option("--open", "opens", is_flag=True, help="Open the documents.")
@dry_run_option
@report_option
@json_option
@volume_options
@click.pass_obj
def command(  # noqa: PLR0913 - its options
    invocation: Invocation, *, paper: str, wishes: Wishes, options: BuildOptions, on: str, no_run: bool, opens: bool, dry: bool
) -> int:
    """Build the paper: run what is stale, reuse what is not, typeset PDF and HTML.

    PAPER is a Markdown file or the name of a document of the manifest; without it, all documents of the project around are built.
    A paper that no manifest names is rendered as it is.
    """
    place = locate(invocation, paper)
    options = replace(options, no_run=no_run, whole=place.has_manifest, shows_stale=not options.strict)
    with opened(place, invocation, replace(wishes, on=on, reading_only=dry)) as project:
        documents = project.wanted_documents()
        request = Request("render", project, tuple(d.action for d in documents), holding(options, project), documents)
        if dry:
            from paperbuild.cli.foretelling import foretell

            return foretell(invocation, request)
        code = run_build(invocation, request)
        if opens and code is ExitCode.OK:
            from paperbuild.cli.opening import open_documents

            invocation.complain(open_documents(os.path.join(project.root, d.path) for d in documents))
        return code
