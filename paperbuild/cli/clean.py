"""``paperbuild clean``: take away what builds made. The store keeps it, so the next build runs nothing."""

from __future__ import annotations

import click

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, profile_option
from paperbuild.cli.wiring import FACTS, Wishes, locate, opened
from paperbuild.engine import queries
from paperbuild.errors import ExitCode


@click.command("clean")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@profile_option
@json_option
@click.pass_obj
def command(invocation: Invocation, *, dry_run: bool, profile: str) -> int:
    """Remove the outputs and documents that paperbuild made, and nothing else.

    Files that were changed by hand stay. The store keeps the results: the next render brings them back without running anything.
    """
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=dry_run)) as project:
        if not dry_run:
            project.workshop.fs.unlink(f"{project.root}/{FACTS}")  # first, so that the documents' folder is empty in the end
        cleaned = queries.clean(project.graph, project.workshop, dry_run=dry_run)
        removed, left = (tuple(invocation.shown(project.root, path) for path in paths) for paths in (cleaned.removed, cleaned.left))
    if invocation.json:
        from paperbuild.cli.answers import answer, write_json

        write_json(invocation.stdout, answer("clean", ExitCode.OK, (), dry_run=dry_run, removed=removed, left=left))
        return ExitCode.OK
    for path in removed:
        invocation.answer(path)
    for path in left:
        invocation.narrate(f"left, because paperbuild did not make it: {path}")
    invocation.narrate(f"{len(removed)} {'would be ' if dry_run else ''}removed")
    return ExitCode.OK
