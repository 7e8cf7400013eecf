"""One build as a command shows it: narrated while it runs, then its errors, its documents and its exit code."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import msgspec.structs

from paperbuild.cli.invocation import Invocation, relocated
from paperbuild.cli.wiring import FACTS, Document, Project
from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.build import BuildReport, build, has_errors
from paperbuild.engine.earlier import Earlier, command_for, sizes_of
from paperbuild.engine.logs import last_line
from paperbuild.engine.options import BuildOptions
from paperbuild.errors import BuildError, ExitCode, Interrupted
from paperbuild.events import ActionEnded, ActionStarted, Event, Listener, Noticed, Outcome
from paperbuild.terminal.progress import Progress, Verbosity

if TYPE_CHECKING:
    from paperbuild.engine.forecast import Forecast


MOST_ALIKE = 3
"""How many errors of one kind at one place are shown."""

_OF_RUNS = ("PB41", "PB42", "PB43", "PB44", "PB70")


class _Record(msgspec.Struct):
    """What a build told: for the answer in JSON, and for a build that is interrupted and so never reports."""

    reasons: dict[str, str] = msgspec.field(default_factory=dict)
    ended: dict[str, ActionEnded] = msgspec.field(default_factory=dict)
    errors: list[Diagnostic] = msgspec.field(default_factory=list)

    def __call__(self, event: Event) -> None:
        match event:
            case ActionStarted():
                self.reasons[event.action] = event.reason
            case ActionEnded():
                self.ended[event.action] = event
            case Noticed() if event.diagnostic.severity is Severity.ERROR:
                self.errors.append(event.diagnostic)


class Request(msgspec.Struct, frozen=True):
    """What a command wants built: the ids ``wanted``, and the documents whose paths are its answer; ``listener`` hears of it, too."""

    command: str
    project: Project
    wanted: tuple[str, ...]
    options: BuildOptions
    shows: tuple[Document, ...] = ()
    listener: Listener | None = None


def run_build(invocation: Invocation, request: Request) -> ExitCode:
    """Build, narrate it, print the paths of the documents that are good, and return the exit code."""
    record = _Record()
    root = request.project.root
    try:
        report = _narrated(invocation, request, record)
    except Interrupted as stop:
        raise Interrupted(*record.errors, *stop.diagnostics) from None
    if request.shows and (report.count(Outcome.RAN) or not os.path.exists(f"{root}/{FACTS}")):
        _note_facts(request.project, report)
    told = () if not invocation.json else _concluded(invocation, request.project)  # before the answer, which has it in it
    diagnostics = relocated((*report.diagnostics, *told), root, invocation.shown_from)
    code = ExitCode.OK if report.succeeded and not has_errors(report) else ExitCode.FAILED
    report = msgspec.structs.replace(report, diagnostics=diagnostics)
    if invocation.report:
        _write_report(invocation, request, code, report, record)
    if invocation.json:
        _answer_json(invocation, request, code, report, record)
        return code
    # Warnings were shown when they occurred; errors come last, in one place, where they are read.
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    if errors and invocation.verbosity >= Verbosity.NORMAL:
        invocation.stderr.write("\n")
    invocation.complain(_folded(errors))
    for document in request.shows:
        if report.outcomes.get(document.action, Outcome.CANCELLED).is_good:
            invocation.answer(invocation.shown(root, document.path))
    _concluded(invocation, request.project)
    return code


def _concluded(invocation: Invocation, project: Project) -> tuple[Diagnostic, ...]:
    """Wait for uploads and tell what is to be told of sharing at the end; return that."""
    if project.remote is None:
        return ()
    from paperbuild.cli.sharing import conclude

    invocation.stdout.flush()  # where the documents are need not wait for that
    return conclude(invocation, project.remote, project.workshop.site.state)


def _folded(errors: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield ``errors``; of many of one kind at one place, as when all cells of a sweep fail at once, the first few."""
    alike: Counter[tuple[str, object]] = Counter(_kind(error) for error in errors if error.code.startswith(_OF_RUNS))
    shown: Counter[tuple[str, object]] = Counter()
    for error in errors:
        kind = _kind(error)
        shown[kind] += 1
        more = alike[kind] - MOST_ALIKE
        if more <= 0 or shown[kind] < MOST_ALIKE:
            yield error
        elif shown[kind] == MOST_ALIKE:
            yield replace(error, notes=(*error.notes, f"and {more} more like this"))


def _kind(error: Diagnostic) -> tuple[str, object]:
    """Return what errors have in common that one of them may stand for: of those that are about no place, only what says the same."""
    return error.code, error.span or error.message


def _note_facts(project: Project, report: BuildReport) -> None:
    """Write the facts of the runs beside the documents; a disk that refuses costs the facts, not the paper."""
    from paperbuild.provenance.runs import build_facts

    workshop = project.workshop
    good = [id_ for id_, outcome in report.outcomes.items() if outcome.is_usable]
    facts = build_facts(project.graph, good, workshop.index, workshop.store, workshop.versions.revision(), workshop.clock.now_ns())
    whole = f"{workshop.site.state}/given/provenance.json"
    with contextlib.suppress(OSError):
        workshop.fs.make_folder(os.path.dirname(f"{project.root}/{FACTS}"))
        workshop.fs.write(whole, facts)
        workshop.fs.rename(whole, f"{project.root}/{FACTS}")


def _narrated(invocation: Invocation, request: Request, record: _Record) -> BuildReport:
    project = request.project
    if invocation.json:
        return build(project.graph, request.wanted, project.workshop, request.options, record)
    workshop = project.workshop

    def last_words(action: str) -> str:
        return last_line(workshop.fs, workshop.site.state, action)

    forecast = _forecast(request) if invocation.screen.rewrites else None
    with Progress(invocation.stderr, invocation.screen, invocation.verbosity, last_words=last_words, forecast=forecast) as progress:

        def listener(event: Event) -> None:
            record(event)
            if request.listener is not None:
                request.listener(event)
            if isinstance(event, Noticed):
                event = replace(event, diagnostic=relocated([event.diagnostic], project.root, invocation.shown_from)[0])
            progress(event)

        return build(project.graph, request.wanted, project.workshop, request.options, listener)


def _forecast(request: Request) -> Forecast:
    """Return who tells on a terminal when the build will be over."""
    from paperbuild.engine.forecast import Forecast
    from paperbuild.engine.graph import Resources

    options, workshop = request.options, request.project.workshop
    capacity = Resources(cpu=options.jobs, gpu=options.gpus, memory_bytes=options.memory_bytes)
    return Forecast(request.project.graph, workshop.index.last_durations, capacity, workshop.most)


def _write_report(invocation: Invocation, request: Request, code: ExitCode, report: BuildReport, record: _Record) -> None:
    try:
        with open(os.path.join(invocation.shown_from, invocation.report), "w", encoding="utf-8") as file:
            _answer_json(msgspec.structs.replace(invocation, stdout=file), request, code, report, record)
    except OSError as error:
        raise BuildError(Diagnostic("PB493", f"{invocation.report} cannot be written: {error.strerror}")) from None


def _answer_json(invocation: Invocation, request: Request, code: ExitCode, report: BuildReport, record: _Record) -> None:
    from paperbuild.cli.answers import ActionAnswer, DocumentAnswer, StaleAnswer, answer, rows, write_json

    root, graph = request.project.root, request.project.graph
    sizes = sizes_of(graph) if report.earlier else {}

    def action(name: str, outcome: Outcome) -> ActionAnswer:
        ended = record.ended.get(name)
        return ActionAnswer(
            action=name,
            outcome=outcome.value,
            reason=record.reasons.get(name, ""),
            duration_s=round(ended.duration_s, 3) if ended else 0.0,
            outputs=tuple(invocation.shown(root, path) for path in ended.outputs) if ended else (),
        )

    def stale(one: Earlier) -> StaleAnswer:
        make = command_for([graph.actions[id_] for id_ in one.roots or (one.action,)], sizes)
        return StaleAnswer(one.action, one.reason, one.made, one.roots, make)

    def document(shown: Document) -> DocumentAnswer:
        outcome = report.outcomes.get(shown.action, Outcome.CANCELLED)
        return DocumentAnswer(shown.action, invocation.shown(root, shown.path), outcome.value)

    write_json(
        invocation.stdout,
        answer(
            request.command,
            code,
            report.diagnostics,
            root=os.path.relpath(root, invocation.shown_from),
            duration_s=round(report.duration_s, 3),
            documents=rows(map(document, request.shows)),
            actions=rows(action(name, outcome) for name, outcome in report.outcomes.items()),
            stale=rows(map(stale, report.earlier.values())),
        ),
    )
