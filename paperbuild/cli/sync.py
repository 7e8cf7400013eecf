"""``paperbuild sync``: the current values, written into the brackets of the paper's references. It runs nothing."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import replace

import click
import msgspec

from paperbuild.cli.check import wanted_specs
from paperbuild.cli.invocation import Invocation, relocated
from paperbuild.cli.options import json_option, offered, profile_option, volume_options
from paperbuild.cli.wiring import Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic, Severity, Span
from paperbuild.engine.present import PresentReader
from paperbuild.engine.queries import survey
from paperbuild.errors import BuildError, ExitCode
from paperbuild.paper.declarations import DocumentSpec

_BOM = b"\xef\xbb\xbf"
_TONES = {"+": "32", "-": "31", "@": "36"}


class FileAnswer(msgspec.Struct, frozen=True):
    """One file of a paper: how many literals are rewritten in it, and the difference as a unified diff."""

    path: str
    literals: int
    diff: str


class Change(msgspec.Struct, frozen=True):
    """A file, its content as it was read, and as it is to be."""

    path: str
    before: bytes
    after: bytes
    literals: int


class _Found(msgspec.Struct):
    """What there is to do. ``doubts`` are targets whose results may change yet."""

    changes: dict[str, Change] = {}
    outdated: list[Diagnostic] = []
    refused: list[Diagnostic] = []
    doubts: list[Diagnostic] = []


@click.command("sync")
@click.argument("paper", required=False, default="", shell_complete=offered("papers"))
@click.option("--check", "only_checks", is_flag=True, help="Write nothing; exit with 1 where a literal is out of date.")
@profile_option
@json_option
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, paper: str, only_checks: bool, profile: str) -> int:
    """Write the current values into the brackets of the paper's references, and touch nothing else.

    Values are those of the results as they stand; nothing is run. What changes is shown as a diff first.
    """
    with opened(locate(invocation, paper), invocation, Wishes(profile, reading_only=True)) as project:
        found = _changes(project)
        changes = tuple(found.changes.values())
        files = tuple(FileAnswer(invocation.shown(project.root, c.path), c.literals, _diff(c)) for c in changes)
        if not invocation.json:
            _print(invocation, files)
        if not only_checks:
            for change in changes:
                write(os.path.join(project.root, change.path), change)
        faults = [*found.refused, *(found.outdated if only_checks else ())]
        told = relocated((*found.doubts, *faults), project.root, invocation.shown_from)
        root = os.path.relpath(project.root, invocation.shown_from)
    code = ExitCode.FAILED if faults else ExitCode.OK
    if invocation.json:
        from paperbuild.cli.answers import answer, rows, write_json

        write_json(invocation.stdout, answer("sync", code, told, root=root, written=not only_checks, files=rows(files)))
    else:
        invocation.complain(told)
        count = sum(change.literals for change in changes)
        said = "1 literal" if count == 1 else f"{count} literals"
        invocation.narrate(f"{said} {'to rewrite' if only_checks else 'rewritten'}" if count else "no literal was rewritten")
    return code


def _changes(project: Project) -> _Found:
    """Return what is to be written, which literals are out of date, and what cannot be written or may change yet.

    A file that is in several documents is changed for the first of them; the others have the same values in it.
    """
    from paperbuild.provenance.standing import unsettled

    documents = project.wanted_documents()
    situations = survey(project.graph, tuple(document.action for document in documents), project.workshop)
    reader = PresentReader(project.graph, situations, project.workshop)
    doubts = (replace(doubt, severity=Severity.WARNING) for doubt in unsettled(situations, strict=False))
    found = _Found(doubts=[*doubts])
    for spec in wanted_specs(project):
        _look(project, spec, reader, found)
    return found


def _look(project: Project, spec: DocumentSpec, reader: PresentReader, found: _Found) -> None:
    from paperbuild.paper import agreement
    from paperbuild.paper.edits import edits
    from paperbuild.render.proofreading import Proofreader
    from paperbuild.render.syncing import Syncing

    worker = project.runner.worker()
    proofreader = Proofreader(project.plan.catalog, reader, worker)
    read = {path: reader.read(path) for path in spec.sources if reader.exists(path)}
    proof = proofreader.read(spec)
    if not any(edits(proof.items, proof.lexical, proof.sources)):
        return
    proof = proofreader.parsed(spec, proof)
    found.outdated += [finding for finding in agreement.findings(proof.items, proof.sources) if finding.code == "PB231"]
    synced = Syncing(proof, proofreader.manuscript(spec).match, worker).synced()
    found.refused += synced.refused
    for path, text, literals in synced.files:
        mark = _BOM if read[path].startswith(_BOM) else b""
        found.changes.setdefault(path, Change(path, read[path], mark + text.encode(), literals))


def _diff(change: Change) -> str:
    from difflib import unified_diff

    before, after = (data.decode().splitlines(keepends=True) for data in (change.before, change.after))
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in unified_diff(before, after, change.path, change.path, n=1))


def _print(invocation: Invocation, files: tuple[FileAnswer, ...]) -> None:
    for file in files:
        for line in file.diff.splitlines():
            invocation.answer("", lead=line, tone=_TONES.get(line[:1], ""))


def write(path: str, change: Change) -> None:
    """Replace a file that is still as it was read, in one step, with its mode; where it is a link, the file that it leads to.

    Raises:
        BuildError: it is another one by now.
    """
    path = os.path.realpath(path)
    with open(path, "rb") as file:
        now = file.read()
    if now != change.before:
        mend = ("call paperbuild sync again",)
        raise BuildError(Diagnostic("PB235", f"{change.path} changed meanwhile, and was left as it is", Span(change.path, 0, 0), help=mend))
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(change.after)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
