"""``paperbuild verify``: make results once more, from what their records name, and compare them with what is recorded."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import click
import msgspec

from paperbuild.cli.invocation import Invocation, relocated
from paperbuild.cli.options import json_option, memory_bytes, offered, processors, profile_option, volume_options
from paperbuild.cli.selection import selected
from paperbuild.cli.wiring import Project, Wishes, locate, opened
from paperbuild.engine.conditions import Machine
from paperbuild.errors import ExitCode
from paperbuild.events import Event, Noticed
from paperbuild.provenance.judging import VerifyOptions
from paperbuild.provenance.verdicts import Verdict, report
from paperbuild.provenance.verification import outcome, verify
from paperbuild.terminal.progress import Progress

VERDICTS = "_build/verify.json"


@click.command("verify")
@click.argument("targets", nargs=-1, metavar="[TARGET...]", shell_complete=offered("targets"))
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=None, metavar="N", help="Processors to use at once.")
@profile_option
@click.option("--once", is_flag=True, help="Do not rerun a second time what came out otherwise.")
@click.option("--keep", is_flag=True, help="Keep the copies, to look into them.")
@json_option
@volume_options
@click.pass_obj
def command(invocation: Invocation, *, targets: tuple[str, ...], jobs: int | None, profile: str, once: bool, keep: bool) -> int:
    """Rerun targets in clean copies of the project, under other conditions, and compare the outputs with the recorded ones.

    A copy holds what the record names, and nothing else. Outputs must be equal, or within the tolerance that the manifest declares. A
    TARGET is a target's name (all its cells), some cells ("train[seed=0]"), a document ("paper.pdf"), or the path of an output; without
    one, everything is verified but heavy targets and those with refresh. The exit code is 3 where something differs.
    """
    with opened(locate(invocation, ""), invocation, Wishes(profile)) as project, _copies(keep=keep) as place:
        wanted = selected(targets, project.graph, project.root, invocation.folder) if targets else tuple(project.graph.actions)
        options = VerifyOptions(
            place, _machine(invocation), jobs or processors(), memory_bytes(), keep, once, named=frozenset(wanted if targets else ())
        )  # fmt: skip
        verdicts = _narrated(invocation, project, wanted, options)
        kept = _note(project, verdicts)
        code = outcome(verdicts)
        if invocation.json:
            _answer_json(invocation, project.root, code, verdicts)
        else:
            _print(invocation, project.root, verdicts, kept=kept)
    return code


@contextmanager
def _copies(*, keep: bool) -> Iterator[str]:
    """Make a folder for copies, and remove it at the end, however that comes."""
    place = os.path.realpath(tempfile.mkdtemp(prefix="paperbuild-verify-"))
    try:
        yield place
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.rmdir(place)  # nothing was rerun


def _machine(invocation: Invocation) -> Machine:
    umask = os.umask(0)
    os.umask(umask)
    usable = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()
    return Machine(umask, usable, invocation.environ.get("USER") or invocation.environ.get("LOGNAME", ""))


def _narrated(invocation: Invocation, project: Project, wanted: tuple[str, ...], options: VerifyOptions) -> tuple[Verdict, ...]:
    from paperbuild.render.pages import pages
    from paperbuild.render.typst import Typesetter

    def draw(data: bytes) -> Iterator[bytes] | None:
        return pages(data, Typesetter())

    if invocation.json:
        return verify(project.graph, wanted, project.workshop, options, draw, lambda _: None)
    with Progress(invocation.stderr, invocation.screen, invocation.verbosity) as progress:

        def listener(event: Event) -> None:
            if isinstance(event, Noticed):
                event = replace(event, diagnostic=relocated([event.diagnostic], project.root, invocation.shown_from)[0])
            progress(event)

        return verify(project.graph, wanted, project.workshop, options, draw, listener)


def _note(project: Project, verdicts: tuple[Verdict, ...]) -> bool:
    """Write the verdicts beside the documents; a disk that refuses costs the file, not the verdicts. Return whether it is there."""
    fs, path, whole = project.workshop.fs, f"{project.root}/{VERDICTS}", f"{project.workshop.site.state}/given/verify.json"
    with contextlib.suppress(OSError):
        earlier = fs.read(path) if fs.stat(path) is not None else b""
        fs.make_folder(os.path.dirname(path))
        fs.write(whole, report(verdicts, earlier, tuple(project.graph.actions)))
        fs.rename(whole, path)
        return True
    return False


def _print(invocation: Invocation, root: str, verdicts: tuple[Verdict, ...], *, kept: bool) -> None:
    from paperbuild.terminal.verdicts import lines, summary

    for line in lines(verdicts):
        invocation.answer(line.text, lead=line.lead, tone=line.tone)
    where = invocation.shown(root, VERDICTS)
    invocation.narrate(f"{summary(verdicts)}; {f'{where} has it all' if kept else f'{where} could not be written'}")


def _answer_json(invocation: Invocation, root: str, code: ExitCode, verdicts: tuple[Verdict, ...]) -> None:
    from paperbuild.cli.answers import answer, write_json

    def row(verdict: Verdict) -> dict[str, object]:
        outputs = tuple(msgspec.structs.replace(one, path=invocation.shown(root, one.path)) for one in verdict.outputs)
        log = invocation.shown(root, verdict.log) if verdict.log else ""
        found: dict[str, object] = msgspec.to_builtins(msgspec.structs.replace(verdict, outputs=outputs, log=log))
        return found

    write_json(
        invocation.stdout, answer("verify", code, (), root=os.path.relpath(root, invocation.shown_from), verdicts=tuple(map(row, verdicts)))
    )
