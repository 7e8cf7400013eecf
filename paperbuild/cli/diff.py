"""``paperbuild diff``: what changed between the papers of two commits. It runs nothing unless it is told to."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
import msgspec

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, offered, volume_options
from paperbuild.cli.revisions import Side, Ways, asked, side_of
from paperbuild.cli.wiring import Wishes, locate
from paperbuild.diagnostics import Diagnostic, did_you_mean
from paperbuild.engine.history import History
from paperbuild.errors import BuildError, ExitCode, UsageError
from paperbuild.provenance.changes import Changes
from paperbuild.terminal.screen import screen_of

FORMS = {".html": "html", ".htm": "html", ".md": "markdown", ".pdf": "pdf", ".docx": "docx"}


class Form(msgspec.Struct, frozen=True):
    """How the answer is wanted: "" is text for a terminal. ``path`` is the file that takes it, "" standard output.

    ``document`` is the one that is asked for, "" all of them.
    """

    name: str
    path: str
    document: str = ""


def _written(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options that say in which form the answer is wanted. Their values come as one parameter, ``form``."""

    def command(*args: Any, **given: Any) -> int:
        page, markdown, to, output, document = (given.pop(name) for name in ("page", "markdown", "to", "output", "document"))
        form = msgspec.structs.replace(_form(page, to or ("markdown" if markdown else ""), output), document=document)
        return function(*args, form=form, **given)

    formed = wraps(function)(command)
    for option in reversed(
        (
            click.option("--html", "page", default="", metavar="FILE", help="Write a page that shows the changes, pictures side by side."),
            click.option("--markdown", is_flag=True, help="Print a summary for a pull request, as Markdown."),
            click.option("--to", default="", metavar="FORMAT", help="html, markdown, or the paper with its changes marked: pdf, docx."),
            click.option("-o", "--output", default="", metavar="FILE", help="Write into FILE; its name says the format."),
            click.option("--document", default="", metavar="NAME", help="Of several documents compare this one."),
        )
    ):
        formed = option(formed)
    return formed


@click.command("diff")
@click.argument("revisions", nargs=-1, metavar="[REV [REV]]")
@_written
@click.option("--build", "builds", is_flag=True, help="Make the results that the store does not have, in a copy of that commit.")
@click.option("--exit-code", "tells", is_flag=True, help="Exit with 1 where there is a difference.")
@click.option("--profile", default="", metavar="NAME", help="Apply [profile.NAME] of the manifests.", shell_complete=offered("profiles"))
@json_option
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, revisions: tuple[str, ...], form: Form, builds: bool, tells: bool, profile: str) -> int:
    """Say what changed in the paper from one commit to another: numbers, claims, tables, figures, prose.

    REV is a revision as git takes it. Without one, HEAD is compared with the work tree; with one, that one is; "A..B" compares A with B.
    Results of a commit come from the store; nothing is run without --build, and the work tree is never touched.
    """
    place = locate(invocation, "")
    request = asked(revisions, History(place.root))
    ways = Ways(Wishes(profile, reading_only=True), builds)
    with side_of(invocation, place, request.old, ways) as old, side_of(invocation, place, request.new, ways) as new:
        _require_document(form.document, old, new)
        changes, written = _answered(form, old, new)
    if form.path:
        _write(os.path.join(invocation.folder, form.path), written)
    elif form.name:
        invocation.stdout.write(written.decode())
    _tell(invocation, place.root, form, changes)
    return ExitCode.FAILED if tells and not changes.is_same else ExitCode.OK


def _form(page: str, to: str, output: str) -> Form:
    """Return how the answer is wanted; refuse what does not go together."""
    path = page or output
    by_name = FORMS.get(os.path.splitext(path)[1].lower(), "")
    name = to or ("html" if page else by_name)
    if page and (to not in {"", "html"} or (output and output != page)):
        raise UsageError(Diagnostic("PB464", "--html writes a page, and another form is asked for as well", help=("ask for one of them",)))
    if path and not name:
        raise UsageError(Diagnostic("PB464", f"{path}: the name does not say what to write", help=("end it in .html, .md, .pdf or .docx",)))
    if name and name not in FORMS.values():
        mend = did_you_mean(name, FORMS.values()) or ("write html, markdown, pdf or docx",)
        raise UsageError(Diagnostic("PB464", f"{name} is no form of a difference", help=mend))
    if name in {"pdf", "docx"} and not path:
        raise UsageError(Diagnostic("PB464", f"a {name} needs a file", help=(f"name it: --to {name} -o changes.{name}",)))
    return Form(name, path)


def _require_document(name: str, old: Side, new: Side) -> None:
    known = [spec.name for side in (new, old) for spec in side.project.plan.documents]
    if name and name not in known:
        mend = did_you_mean(name, known) or ((f"the documents are {', '.join(dict.fromkeys(known))}",) if known else ())
        raise UsageError(Diagnostic("PB190", f"there is no document {name}", help=mend))


def _answered(form: Form, old: Side, new: Side) -> tuple[Changes, bytes]:
    """Return what changed, and what is to be written of it in another form than text for a terminal."""
    from paperbuild.cli.editions import compared, marked

    found = compared(old, new, form.document)
    changes = found.changes
    if form.name == "html":
        from paperbuild.provenance.report import report

        return changes, report(changes, os.path.basename(new.project.place.origin or new.project.root))
    if form.name == "markdown":
        from paperbuild.provenance.summary import summary

        return changes, summary(changes).encode()
    if form.name in {"pdf", "docx"}:
        return changes, marked(found, new, "docx" if form.name == "docx" else "pdf")
    return changes, b""


def _write(path: str, data: bytes) -> None:
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        raise BuildError(Diagnostic("PB406", f"{path}: {error.strerror}", help=("is the disk full, or a folder not writable?",))) from error


def _tell(invocation: Invocation, root: str, form: Form, changes: Changes) -> None:
    from paperbuild.provenance.telling import summary

    if invocation.json:
        from paperbuild.cli.answers import answer, write_json

        shown = os.path.relpath(root, invocation.shown_from)
        found = msgspec.to_builtins(changes)
        for paper in found["papers"]:
            for figure in paper["figures"]:
                del figure["drawn"]
        write_json(invocation.stdout, answer("diff", ExitCode.OK, (), root=shown, same=changes.is_same, file=form.path, **found))
        return
    if not form.name:
        from paperbuild.terminal.changes import lines

        screen = screen_of(invocation.stdout, invocation.environ)
        for line in lines(changes, screen.width, color=screen.color):
            invocation.answer_parts(line)
    if form.path:
        invocation.answer(form.path)
    invocation.narrate(summary(changes))
