"""``paperbuild ci``: files that let GitHub or GitLab build the paper of each commit, and what these call."""

from __future__ import annotations

import os
import posixpath
import shlex
import sys
from collections.abc import Callable, Mapping

import click
import msgspec

from paperbuild import __version__
from paperbuild.automation.generated import Settings, settings_in, state_of
from paperbuild.cli.invocation import Invocation, shown_path
from paperbuild.cli.options import json_option, profile_option, volume_options
from paperbuild.cli.wiring import Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.git import repository_of
from paperbuild.engine.queries import SETTLED, survey
from paperbuild.errors import BuildError, ExitCode, UsageError

_Writer = Callable[[Settings, Mapping[str, str]], Mapping[str, str]]


@click.group("ci")
def command() -> None:
    """Let GitHub or GitLab build the paper of each commit."""


def _generating(function: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(
        (
            click.option("--install", default=None, metavar="COMMAND", help="What installs paperbuild and all that targets need."),
            click.option("--python", default=None, metavar="VERSION", help="The Python for it, such as 3.12."),
            click.option("--pages/--no-pages", default=None, help="Publish the page of the paper."),
            click.option("--heavy/--no-heavy", default=None, help="Whether heavy targets run there, or fail what needs them while stale."),
            click.option("--force", is_flag=True, help="Replace files that somebody edited or wrote."),
            click.option("--check", is_flag=True, help="Write nothing; exit with 1 where a file would be another."),
            click.option("--remove", "removes", is_flag=True, help="Take the files away."),
            json_option,
            volume_options,
        )
    ):
        function = option(function)
    return function


class _Wanted(msgspec.Struct, frozen=True):
    """What the command line asks for; None: what was asked for the last time."""

    install: str | None
    python: str | None
    pages: bool | None
    heavy: bool | None
    runner: str | None = None
    force: bool = False
    check: bool = False
    removes: bool = False


@command.command("github")
@click.option("--runner", type=click.Choice(("cirun-gpu", "none")), default=None, help="Which machines run targets that ask for a GPU.")
@_generating
@click.pass_obj
def github(invocation: Invocation, /, **given: str | bool | None) -> int:
    """Write workflows for GitHub: build, comment on pull requests, attach papers to releases.

    Files that were edited since are left alone. Called again without options, those of the last time count.
    """
    from paperbuild.automation.github import CIRUN, cirun, workflows

    wanted = msgspec.convert(given, _Wanted)

    return _write(invocation, "github", wanted, workflows, {CIRUN: cirun()})


@command.command("gitlab")
@_generating
@click.pass_obj
def gitlab(invocation: Invocation, /, **given: str | bool | None) -> int:
    """Write a pipeline for GitLab: build, show papers in merge requests.

    A file that was edited since is left alone. Called again without options, those of the last time count.
    """
    from paperbuild.automation.gitlab import pipeline

    return _write(invocation, "gitlab", msgspec.convert(given, _Wanted), pipeline, {})


@command.command("summary")
@click.option("--build", "report", default="", metavar="FILE", help="What render --report wrote.")
@click.option("--diff", "changes", default="", metavar="FILE", help="What diff --markdown printed.")
@click.pass_obj
def summary_(invocation: Invocation, *, report: str, changes: str) -> int:
    """Print what a build did, as Markdown: for the page that CI shows of it."""
    from paperbuild.automation.summary import Build, summary

    told = _read(os.path.join(invocation.shown_from, report)) if report else None
    differences = _read(os.path.join(invocation.shown_from, changes)) if changes else None
    try:
        build = None if told is None else msgspec.json.decode(told, type=Build)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UsageError(Diagnostic("PB492", f"{report} is nothing that render --report wrote: {error}")) from None
    invocation.stdout.write(summary(build, (differences or b"").decode(errors="replace")))
    return ExitCode.OK


@command.command("gpu")
@profile_option
@click.pass_obj
def gpu(invocation: Invocation, *, profile: str) -> int:
    """Print the targets that ask for a GPU and are not up to date, one a line."""
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        asking = tuple(action.id for action in project.graph.actions.values() if action.resources.gpu)
        situations = survey(project.graph, asking, project.workshop) if asking else ()
        stale = (s.action.target for s in situations if s.action.resources.gpu and s.state not in SETTLED)
        for target in dict.fromkeys(stale):
            invocation.answer(target)
    return ExitCode.OK


def _write(invocation: Invocation, service: str, wanted: _Wanted, writer: _Writer, once: Mapping[str, str]) -> int:
    """Write what ``writer`` makes, and of ``once`` what is not there and asked for by the settings."""
    place = locate(invocation, "")
    repository = repository_of(place.root)
    if repository is None or repository.is_bare:
        raise UsageError(Diagnostic("PB480", "the project is in no git repository, and CI builds commits", help=("git init makes one",)))
    top = repository.top
    with opened(place, invocation, Wishes(reading_only=True)) as project:
        if not project.documents:
            project.wanted_documents()  # says what is missing
        folder = "" if os.path.samefile(place.root, top) else os.path.relpath(place.root, os.path.realpath(top)).replace(os.sep, "/")
        pages, remote = _pages(project, folder), project.plan.shared.remote.partition("://")[0]
    probe = writer(Settings(), {})
    known = next((found for found in (settings_in(_text(top, path)) for path in probe) if found is not None), Settings())
    files = writer(_settings(wanted, known, top, folder, remote), pages)
    if wanted.removes:
        return _remove(invocation, service, top, files, once, force=wanted.force)
    _refuse_edited(invocation, top, files, force=wanted.force)
    changes = {path: text for path, text in files.items() if _text(top, path) != text}
    runner = wanted.runner or known.runner
    changes |= {path: text for path, text in once.items() if runner not in {"", "none"} and _text(top, path) is None}
    if not wanted.check:
        _write_all(top, changes)
    return _tell(invocation, service, [os.path.join(top, path) for path in changes], check=wanted.check)


def _tell(invocation: Invocation, service: str, paths: list[str], *, check: bool) -> int:
    code = ExitCode.FAILED if check and paths else ExitCode.OK
    shown = tuple(shown_path(os.curdir, path, invocation.shown_from) for path in paths)
    if invocation.json:
        from paperbuild.cli.answers import answer, write_json

        write_json(invocation.stdout, answer(f"ci {service}", code, (), changed=shown, written=not check))
        return code
    for path in shown:
        invocation.answer(path)
    if not paths:
        invocation.narrate("all is there already")
    elif check:
        invocation.narrate(f"would be written anew: paperbuild ci {service}")
    return code


def _settings(wanted: _Wanted, known: Settings, top: str, folder: str, remote: str) -> Settings:
    """Return the settings: what is asked for, else what was the last time, else what suits the repository."""
    before = "" if known.install == _install(top, folder, known.remote) else known.install  # what suited may be another now
    runner = known.runner if wanted.runner is None else "" if wanted.runner == "none" else wanted.runner
    return Settings(
        project=folder,
        install=wanted.install or before or _install(top, folder, remote),
        python=wanted.python or known.python or f"{sys.version_info.major}.{sys.version_info.minor}",
        pages=known.pages if wanted.pages is None else wanted.pages,
        runner=runner,
        remote=remote,
        no_heavy=known.no_heavy if wanted.heavy is None else not wanted.heavy,
    )


def _install(top: str, folder: str, remote: str) -> str:
    """Return the command that installs what the repository says that it needs, and paperbuild in this version, able to reach ``remote``."""
    paperbuild = f"'paperbuild[remote]=={__version__}'" if remote in {"s3", "gs", "az", "ssh"} else f"paperbuild=={__version__}"
    for place in dict.fromkeys((folder, "")):
        path = posixpath.join(place, "requirements.txt")
        if os.path.isfile(os.path.join(top, path)):
            return f"python -m pip install -r {shlex.quote(path)} {paperbuild}"
    return f"python -m pip install {'. ' if os.path.isfile(os.path.join(top, 'pyproject.toml')) else ''}{paperbuild}"


def _pages(project: Project, folder: str) -> Mapping[str, str]:
    """Return the documents that are published, by the names they get: the first page is what the address alone shows."""
    found: dict[str, str] = {}
    for document in project.documents:
        if document.format in {"html", "pdf"}:
            name = os.path.basename(document.path)
            is_first = document.format == "html" and "index.html" not in found
            found["index.html" if is_first else name] = posixpath.join(folder, document.path)
    return found


def _refuse_edited(invocation: Invocation, top: str, files: Mapping[str, str], *, force: bool) -> None:
    """Refuse to replace what is somebody's own.

    Raises:
        UsageError: a file was edited after it was written, or is not one of ours.
    """
    faults = []
    for path, text in files.items():
        there = _text(top, path)
        state = state_of(there)
        if there != text and state in {"edited", "foreign"} and not force:
            said = "was edited since it was written" if state == "edited" else "is there already, and was not written by paperbuild ci"
            mend = ("move your changes into another workflow", "to replace it all the same: --force")
            shown = shown_path(top, path, invocation.shown_from)
            faults.append(Diagnostic("PB490", f"{shown} {said}", help=mend))
    if faults:
        raise UsageError(*faults)


def _remove(invocation: Invocation, service: str, top: str, files: Mapping[str, str], once: Mapping[str, str], *, force: bool) -> int:
    there = [path for path in files if state_of(_text(top, path)) in {"ours", "edited"}]
    edited = {path: "" for path in there if state_of(_text(top, path)) == "edited"}
    _refuse_edited(invocation, top, edited, force=force)
    there += [path for path, text in once.items() if _text(top, path) == text]
    for path in there:
        os.unlink(os.path.join(top, path))
    for folder in (".github/workflows", ".github"):
        whole = os.path.join(top, folder)
        if there and os.path.isdir(whole) and not os.listdir(whole):
            os.rmdir(whole)
    return _tell(invocation, service, [os.path.join(top, path) for path in there], check=False)


def _write_all(top: str, files: Mapping[str, str]) -> None:
    """Write all files, or none.

    Raises:
        BuildError: a file or folder cannot be written.
    """
    temporaries = {}
    try:
        for path, text in files.items():
            whole = os.path.join(top, path)
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            temporaries[whole] = f"{whole}.{os.getpid()}.new"
            with open(temporaries[whole], "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
        for whole, temporary in temporaries.items():
            os.replace(temporary, whole)
    except OSError as error:
        for temporary in temporaries.values():
            if os.path.lexists(temporary):
                os.unlink(temporary)
        raise BuildError(Diagnostic("PB491", f"{error.filename or top} cannot be written: {error.strerror}")) from None


def _text(top: str, path: str) -> str | None:
    found = _read(os.path.join(top, path))
    return None if found is None else found.decode(errors="replace")


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
