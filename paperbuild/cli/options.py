"""The options that several commands share, and what becomes of their values."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import click
from msgspec.structs import replace

from paperbuild.cli.invocation import Invocation
from paperbuild.errors import UsageError
from paperbuild.terminal.progress import Verbosity

_Command = TypeVar("_Command", bound=Callable[..., Any])


class FormatList(click.ParamType[tuple[str, ...]]):
    """``pdf,html`` as a tuple without repetitions."""

    name = "formats"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:  # noqa: ARG002 - click's
        """Return the formats, or say which one there is not."""
        from paperbuild.paper.manifest import format_fault

        if isinstance(value, tuple):
            return value
        words = tuple(dict.fromkeys(word.strip().lower() for word in str(value).split(",") if word.strip()))
        faults = [fault for fault in map(format_fault, words or (str(value),)) if fault is not None]
        if faults:
            raise UsageError(*faults)
        return words


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """Return how much memory the machine has; 0 where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def offered(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return what click asks for completions of a word: the function ``kind`` of :mod:`paperbuild.cli.completing`, imported when asked."""

    def offer(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
        from paperbuild.cli import completing

        folder = ctx.find_root().params.get("folder") or os.curdir
        offers: list[str] = getattr(completing, kind)(os.path.abspath(folder), begun)
        return offers

    return offer


def profile_option(function: _Command) -> _Command:
    """Add ``--profile``."""
    return click.option(
        "--profile", default="", metavar="NAME", help="Apply [profile.NAME] of the manifest.", shell_complete=offered("profiles")
    )(function)


def on_option(function: _Command) -> _Command:
    """Add ``--on``."""
    return click.option(
        "--on",
        default="",
        metavar="NAME",
        help='Run targets on [executor.NAME] of the manifest, or "local".',
        shell_complete=offered("executors"),
    )(function)


def build_options(function: _Command) -> _Command:
    """Add the options of the commands that build. Their values come as one parameter, ``options``, beside ``profile``."""

    def command(*args: Any, **given: Any) -> Any:
        from paperbuild.engine.options import BuildOptions

        jobs = given.pop("jobs") or processors()
        named = {name: given.pop(name) for name in ("keep_going", "adopt", "overwrite", "strict", "keep_checkpoints", "no_heavy", "no_gpu")}
        return function(*args, options=BuildOptions(jobs=jobs, memory_bytes=memory_bytes(), **named), **given)

    built = wraps(function)(command)
    for option in reversed(
        (
            click.option("-j", "--jobs", type=click.IntRange(min=1), default=None, metavar="N", help="Processors to use at once."),
            click.option("-k", "--keep-going", is_flag=True, help="After a failure go on with everything that does not need it."),
            click.option(
                "--profile", default="", metavar="NAME", help="Apply [profile.NAME] of the manifest.", shell_complete=offered("profiles")
            ),
            click.option("--adopt", is_flag=True, help="Take the files that stand at outputs as results, instead of running."),
            click.option("--overwrite", is_flag=True, help="Replace outputs that somebody wrote by hand (the store keeps a copy)."),
            click.option("--strict", is_flag=True, help="Permit commands to read and write only what they declare."),
            click.option("--no-heavy", is_flag=True, help="Run no target that is heavy: what is stale of them is held."),
            click.option("--no-gpu", is_flag=True, help="Run no target that asks for a GPU: what is stale of them is held."),
            click.option("--keep-checkpoints", is_flag=True, help="Keep what targets saved for a next attempt also once they succeed."),
        )
    ):
        built = option(built)
    return cast("_Command", built)


def watching_options(function: _Command) -> _Command:
    """Add the options that say what `watch` may run. Their values come as one parameter, ``options``, beside ``profile``."""

    def command(*args: Any, **given: Any) -> Any:
        from paperbuild.engine.options import BuildOptions

        jobs, heavy, no_run = given.pop("jobs") or processors(), given.pop("heavy"), given.pop("no_run")
        options = BuildOptions(
            jobs=jobs, memory_bytes=memory_bytes(), keep_going=True, no_heavy=not heavy, no_run=no_run, shows_stale=True, follows=True
        )
        return function(*args, options=options, **given)

    watched = wraps(function)(command)
    for option in reversed(
        (
            click.option("-j", "--jobs", type=click.IntRange(min=1), default=None, metavar="N", help="Processors to use at once."),
            click.option(
                "--profile", default="", metavar="NAME", help="Apply [profile.NAME] of the manifest.", shell_complete=offered("profiles")
            ),
            click.option("--heavy/--no-heavy", default=False, help="Whether heavy targets run; by default they are held."),
            click.option("--no-run", is_flag=True, help="Execute no target: what is stale is held."),
        )
    ):
        watched = option(watched)
    return cast("_Command", watched)


def rendering_options(function: _Command) -> _Command:
    """Add the options of the commands that render. With ``profile``, their values come as one parameter, ``wishes``."""

    def command(*args: Any, **given: Any) -> Any:
        from paperbuild.cli.wiring import Wishes

        pdf = _pdf_wishes(given.pop("pdf_engine"), given.pop("pdf_standard"))
        named = {name: given.pop(name) for name in ("profile", "formats", "template", "lenient", "fetch")}
        return function(*args, wishes=Wishes(**named, pdf=pdf), **given)

    wished = wraps(function)(command)
    for option in reversed(
        (
            click.option(
                "--to",
                "formats",
                type=FormatList(),
                default=(),
                metavar="FORMATS",
                help="Formats, such as pdf,html.",
                shell_complete=offered("formats"),
            ),
            click.option(
                "--template",
                default="",
                metavar="NAME",
                help="The template, instead of the manifest's.",
                shell_complete=offered("templates"),
            ),
            click.option("--pdf-standard", default="", metavar="NAMES", help="Standards for the PDF, such as ua-1,a-2b."),
            click.option("--pdf-engine", default="", metavar="NAME", help="What typesets the PDF: typst or latex."),
            click.option("--lenient", is_flag=True, help="Show TeX and HTML that cannot be converted as it is, with a warning."),
            click.option("--fetch", is_flag=True, help="Fetch images on the network, once; they are kept."),
        )
    ):
        wished = option(wished)
    return cast("_Command", wished)


def _pdf_wishes(engine: str, standards: str) -> tuple[tuple[str, str], ...]:
    """Return what is asked of the PDF as options of a document, or say what there is not."""
    from paperbuild.paper.manifest import pdf_fault

    names = tuple(word.strip().lower() for word in standards.split(",") if word.strip())
    fault = pdf_fault(engine, names)
    if fault is not None:
        raise UsageError(fault)
    return tuple((key, value) for key, value in (("pdf-standard", " ".join(names)), ("pdf-engine", engine)) if value)


def json_option(function: _Command) -> _Command:
    """Add ``--json``."""
    return _said(function, "--json", json=True, help="Answer with one JSON object (docs/cli-json.md).")


def dry_run_option(function: _Command) -> _Command:
    """Add ``--dry-run``, whose value comes as ``dry``."""
    words = "Only say what would run, why, where, and how long it took before."
    return click.option("-n", "--dry-run", "dry", is_flag=True, help=words)(function)


def report_option(function: _Command) -> _Command:
    """Add ``--report``."""

    def change(ctx: click.Context, _param: click.Parameter, given: str) -> None:
        if given:
            ctx.obj = replace(ctx.obj, report=given)

    return click.option(
        "--report", default="", metavar="FILE", expose_value=False, callback=change, help="Write what --json answers into FILE, too."
    )(function)


def volume_options(function: _Command) -> _Command:
    """Add ``-q`` and ``-v``, which may also stand before the command."""
    function = _said(function, "-v", "--verbose", verbosity=Verbosity.VERBOSE, help="Every action, with the reason why it ran.")
    return _said(function, "-q", "--quiet", verbosity=Verbosity.QUIET, help="Only errors and warnings.")


def _said(function: _Command, *names: str, help: str, json: bool | None = None, verbosity: Verbosity | None = None) -> _Command:  # noqa: A002 - click's word
    """Add a flag that changes the invocation itself, so that no command has to pass it on."""

    def change(ctx: click.Context, _param: click.Parameter, given: bool) -> None:
        if given:
            before: Invocation = ctx.obj
            ctx.obj = replace(
                before, json=before.json if json is None else json, verbosity=before.verbosity if verbosity is None else verbosity
            )

    return click.option(*names, is_flag=True, expose_value=False, callback=change, help=help)(function)
