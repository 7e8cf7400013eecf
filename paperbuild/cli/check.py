"""``paperbuild check``: do prose and results agree? The gate for CI and pre-commit. It runs nothing and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from paperbuild.cli.invocation import Invocation, relocated
from paperbuild.cli.options import json_option, offered, profile_option, volume_options
from paperbuild.cli.wiring import Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.present import PresentReader
from paperbuild.engine.queries import SETTLED, Situation, survey
from paperbuild.errors import BuildError, ExitCode
from paperbuild.paper.declarations import DocumentSpec


@click.command("check")
@click.argument("paper", required=False, default="", shell_complete=offered("papers"))
@click.option("--strict", is_flag=True, help="Accept no results that were adopted instead of run.")
@click.option("--allow-stale", is_flag=True, help="Accept targets that are out of date: whoever asks builds afterwards.")
@profile_option
@json_option
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, paper: str, strict: bool, allow_stale: bool, profile: str) -> int:
    """Say where the paper and its results disagree; exit with 1 where they do. Nothing is run.

    Found are targets that are out of date, literals that are, claims that do not hold, references to nothing, and numbers in the prose that
    equal a result and are not bound to it.
    """
    with opened(locate(invocation, paper), invocation, Wishes(profile, reading_only=True)) as project:
        found = relocated(findings(project, strict=strict, allow_stale=allow_stale), project.root, invocation.shown_from)
        notices = () if project.remote is None else project.remote.notices()
    code = ExitCode.FAILED if found else ExitCode.OK
    if invocation.json:
        from paperbuild.cli.answers import answer, write_json

        write_json(invocation.stdout, answer("check", code, (*notices, *found), root=os.path.relpath(project.root, invocation.shown_from)))
    else:
        invocation.complain((*notices, *found))
        invocation.narrate("no findings" if not found else "1 finding" if len(found) == 1 else f"{len(found)} findings")
    return code


def findings(project: Project, *, strict: bool, allow_stale: bool = False) -> tuple[Diagnostic, ...]:
    """Return where papers and results disagree; ``allow_stale``: not where targets are out of date, since they are built afterwards."""
    from paperbuild.provenance.standing import unsettled
    from paperbuild.render.proofreading import in_order

    documents = project.wanted_documents()
    situations = survey(project.graph, tuple(document.action for document in documents), project.workshop)
    found = [*unsettled(situations, strict=strict, allow_stale=allow_stale)]
    for spec in wanted_specs(project):
        found += _of_paper(project, spec, situations)
    return in_order(found)


def wanted_specs(project: Project) -> tuple[DocumentSpec, ...]:
    """Return the documents that the command line asks for, as the manifest declares them."""
    names = dict.fromkeys(document.name for document in project.wanted_documents())
    return tuple(spec for spec in project.plan.documents if spec.name in names)


def _of_paper(project: Project, spec: DocumentSpec, situations: tuple[Situation, ...]) -> Iterator[Diagnostic]:
    from paperbuild.render.proofreading import Proofreader

    own = {document.action for document in project.documents if document.name == spec.name}
    is_good = any(situation.action.id in own and situation.state in SETTLED for situation in situations)
    action = next((project.graph.actions[id_] for id_ in sorted(own) if id_.endswith(".html")), project.graph.actions[min(own)])
    try:
        reader = PresentReader(project.graph, situations, project.workshop)
        proofreader = Proofreader(project.plan.catalog, reader, project.runner.worker())
        proof = proofreader.proofread(spec, action, project.runner, is_good=is_good)
        yield from proof.findings()
        yield from proofreader.unbound(proof, project.plan.literals)
    except BuildError as error:
        yield from error.diagnostics
