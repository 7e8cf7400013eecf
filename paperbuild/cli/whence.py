"""``paperbuild whence``: where does a number, a figure, a table or a file come from? It runs nothing and writes nothing."""

from __future__ import annotations

import os
import re
from contextlib import suppress

import click

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, offered, profile_option
from paperbuild.cli.selection import selected
from paperbuild.cli.wiring import FACTS, Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import ExitCode, UsageError
from paperbuild.paper import frontmatter
from paperbuild.paper.declarations import DocumentSpec
from paperbuild.paper.faults import ReferenceFault
from paperbuild.paper.locales import ENGLISH, Locale, locale_of
from paperbuild.paper.source import Scan, SourceMap, decode, scan
from paperbuild.provenance.runs import load_facts
from paperbuild.provenance.whence import Told, Whence

_COMPARES = re.compile(r"[<>]|[=!]=|\b(?:and|or|not|in)\b")
_PLACE = re.compile(r"(?P<path>.+?):(?P<line>[1-9][0-9]*)(?::[0-9]+)?")


@click.command("whence")
@click.argument("what", shell_complete=offered("targets"))
@click.option("--all", "everything", is_flag=True, help="Tell of every cell and every input, however many there are.")
@profile_option
@json_option
@click.pass_obj
def command(invocation: Invocation, what: str, *, everything: bool, profile: str) -> int:
    """Say where WHAT comes from: command, parameters, run, inputs, and how to make it again. Nothing is run.

    WHAT is an expression as the paper has it ("train.accuracy"), a line of the paper ("paper.md:42"), an output or a target, or any file:
    one that lies elsewhere, or has another name by now, is found by its content.
    """
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        told = _told(invocation, project, what)
        if invocation.json:
            from paperbuild.cli.answers import answer, rows, write_json

            root = os.path.relpath(project.root, invocation.shown_from)
            write_json(invocation.stdout, answer("whence", ExitCode.OK, (), root=root, found=rows(told)))
        else:
            from paperbuild.terminal.origins import origins

            for parts in origins(told, project.workshop.clock.now_ns(), everything=everything):
                invocation.answer_parts(parts)
    return ExitCode.OK


def _told(invocation: Invocation, project: Project, what: str) -> tuple[Told, ...]:
    """Return where ``what`` comes from, whatever it is.

    Raises:
        UsageError: it is nothing that comes from anywhere.
    """
    facts = os.path.join(project.root, FACTS)
    noted = load_facts(project.workshop.fs.read(facts)) if os.path.isfile(facts) else None
    whence = Whence(project.graph, project.plan.catalog, project.workshop, noted)
    place = _PLACE.fullmatch(what)
    if place is not None and (found := _source(invocation, project, place["path"])) is not None:
        return _of_line(project, whence, *found, int(place["line"]))
    try:
        ids = selected([what], project.graph, project.root, invocation.folder)
    except UsageError as fault:
        unknown = fault
    else:
        output = _relative(invocation, project, what)
        one = whence.output(output) if project.graph.maker(output) is not None else None
        return (one,) if one is not None else whence.actions(ids)
    path = os.path.join(invocation.folder, what)
    if os.path.isfile(path):
        with open(path, "rb") as file:
            traced = whence.content(file.read(), what)
        if traced is None:
            mend = ("results that cache gc removed are not known any more", "an edited file is another one")
            raise UsageError(Diagnostic("PB236", f"no result in the store has the content of {what}", help=mend))
        return (traced,)
    return (_of_expression(project, whence, what, unknown),)


def _relative(invocation: Invocation, project: Project, path: str) -> str:
    here = os.path.relpath(os.path.join(invocation.folder, path), project.root).replace(os.sep, "/")
    return here if project.graph.maker(here) is not None else path


def _of_expression(project: Project, whence: Whence, text: str, unknown: UsageError) -> Told:
    locale = next((_read(project, spec)[2] for spec in project.plan.documents), ENGLISH)
    try:
        if _COMPARES.search(text):
            with suppress(ReferenceFault):
                return whence.reference(text, locale, is_claim=True)
        return whence.reference(text, locale)
    except ReferenceFault as fault:
        if fault.code == "PB211" and re.fullmatch(r"[\w.\-/]+", text):
            raise UsageError(*unknown.diagnostics) from None
        raise UsageError(_diagnostic(fault, text)) from None


def _diagnostic(fault: ReferenceFault, text: str) -> Diagnostic:
    part = text[fault.offset : fault.offset + fault.length]
    return Diagnostic(fault.code, fault.message, notes=(*((f"in {part}",) if part != text else ()), *fault.notes), help=fault.help)


def _source(invocation: Invocation, project: Project, path: str) -> tuple[DocumentSpec, str] | None:
    """Return the document that the file ``path`` is a source of, and its name there; None where it is none's."""
    names = {path, os.path.relpath(os.path.join(invocation.folder, path), project.root).replace(os.sep, "/")}
    return next(((spec, source) for spec in project.plan.documents for source in spec.sources if source in names), None)


def _read(project: Project, spec: DocumentSpec) -> tuple[SourceMap, Scan, Locale]:
    files = [(path, decode(path, project.workshop.fs.read(os.path.join(project.root, path)))) for path in spec.sources]
    sources = SourceMap.join(files)
    found = scan(sources.text)
    lang = str(dict(spec.options).get("lang", "")) or frontmatter.read(found, sources).lang
    return sources, found, locale_of(lang)


def _of_line(project: Project, whence: Whence, spec: DocumentSpec, path: str, line: int) -> tuple[Told, ...]:
    sources, found, locale = _read(project, spec)
    told = whence.line(sources, found, locale, path, line)
    if not told:
        text = sources.texts[sources.paths.index(path)].splitlines()
        if line > len(text):
            raise UsageError(Diagnostic("PB236", f"{path} has {len(text)} lines"))
        near = _nearest(found, sources, path, line)
        told_near = (
            f"lines with references are {near[0]} and {near[1]}" if len(near) > 1 else f"line with references is {near[0]}" if near else ""
        )
        help_lines = (f"the nearest {told_near}",) if near else ()
        raise UsageError(Diagnostic("PB236", f"nothing in line {line} of {path} comes from a result", help=help_lines))
    return told


def _nearest(found: Scan, sources: SourceMap, path: str, line: int) -> list[int]:
    places = (sources.span(candidate.key) for candidate in found.live())
    lines = sorted({span.line for span in places if span.path == path}, key=lambda other: (abs(other - line), other))
    return sorted(lines[:2])
