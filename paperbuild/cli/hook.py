"""``paperbuild hook``: git checks the paper before a commit and builds it after one, or on a server after each push."""

from __future__ import annotations

import os
import shutil
import sys

import click

from paperbuild.automation.hook_files import Standing, install, remove, standing
from paperbuild.automation.hook_scripts import NAMES, Hook, Name
from paperbuild.cli.invocation import Invocation, shown_path
from paperbuild.cli.options import json_option, volume_options
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.git import Repository, repository_of
from paperbuild.errors import ExitCode, UsageError
from paperbuild.paper.declarations import MANIFEST_NAME

_WHEN = ("post-commit", "pre-push", "none")
_DOES = {
    "pre-commit": "checks the paper",
    "post-commit": "builds what changed",
    "pre-push": "builds what changed, and holds back a push that does not build",
    "post-receive": "builds each pushed commit",
}


@click.group("hook")
def command() -> None:
    """Let git check and build the paper by itself."""


@command.command("install")
@click.option("--build", type=click.Choice(_WHEN), default="post-commit", help="When to build: after a commit, before a push, not at all.")
@click.option("--no-check", is_flag=True, help="Do not check the paper before a commit.")
@click.option("--project", default="", metavar="DIR", help="In a bare repository: the project's folder in what is pushed.")
@json_option
@volume_options
@click.pass_obj
def install_(invocation: Invocation, *, build: str, no_check: bool, project: str) -> int:
    """Put hooks into this repository: check before each commit, build after it. In a bare one: build what is pushed.

    Hooks that are there are kept and called first.
    """
    repository = _repository(invocation)
    if repository.is_bare:
        wanted: tuple[Name, ...] = ("post-receive",)
        where = project.strip("/")
    else:
        if project:
            raise UsageError(Diagnostic("PB481", "--project is for bare repositories", help=("name the project's folder: -C DIR",)))
        wanted = _wanted(build, no_check=no_check)
        where = _project(invocation, repository)
    python = os.path.abspath(sys.executable)
    changed = install(repository.hooks, {name: Hook(name, python, repository.common, where) for name in wanted})
    hooks = tuple(standing(repository.hooks, name) for name in NAMES)
    _tell(invocation, "install", repository, hooks, changed)
    return ExitCode.OK


@command.command("remove")
@click.option("--all", "everything", is_flag=True, help="In a bare repository: the published papers and the store of results, too.")
@json_option
@volume_options
@click.pass_obj
def remove_(invocation: Invocation, *, everything: bool) -> int:
    """Take the hooks away, and put back those that were there before."""
    repository = _repository(invocation)
    folder = os.path.join(repository.common, "paperbuild")
    if repository.is_bare:
        from paperbuild.automation.queue import Queue

        if Queue(repository.common).is_at_work():
            mend = ("wait until it has ended: paperbuild hook status",)
            raise UsageError(Diagnostic("PB485", "a build of what was pushed is at work", help=mend))
    removed = remove(repository.hooks, repository.common)
    if repository.is_bare and os.path.isdir(folder):
        repository.drop(os.path.join(folder, "worktree"))
        shutil.rmtree(folder if everything else os.path.join(folder, "hook"), ignore_errors=True)
        if os.path.isdir(folder):
            invocation.narrate(f"papers and results stay in {folder}; paperbuild hook remove --all takes them, too")
    _tell(invocation, "remove", repository, tuple(standing(repository.hooks, name) for name in NAMES), removed)
    return ExitCode.OK


@command.command("status")
@json_option
@volume_options
@click.pass_obj
def status(invocation: Invocation) -> int:
    """Say which hooks are there, what they call, and on a server what waits and what was built."""
    repository = _repository(invocation)
    _tell(invocation, "status", repository, tuple(standing(repository.hooks, name) for name in NAMES), ())
    return ExitCode.OK


@command.command("call", hidden=True)
@click.argument("name", type=click.Choice(NAMES))
@click.argument("project")
@click.pass_obj
def call(invocation: Invocation, name: Name, project: str) -> int:
    """Do what the hook NAME is for: scripts call this."""
    if name == "post-receive":
        from paperbuild.cli.pushed import build_pushed

        return build_pushed(invocation, "" if project == "." else project)
    from paperbuild.cli.committed import build_before_push, build_commit, check_commit

    does = {"pre-commit": check_commit, "post-commit": build_commit, "pre-push": build_before_push}
    return does[name](invocation, project)


def _repository(invocation: Invocation) -> Repository:
    """Return the repository around the folder of the call.

    Raises:
        UsageError: there is none, or no git.
    """
    found = repository_of(invocation.folder)
    if found is None:
        if shutil.which("git", path=invocation.environ.get("PATH")) is None:
            raise UsageError(Diagnostic("PB480", "there is no git here: no program of that name in PATH"))
        where = shown_path(invocation.folder, ".", invocation.shown_from)
        raise UsageError(Diagnostic("PB480", f"{where} is in no git repository", help=("git init makes one",)))
    return found


def _wanted(build: str, *, no_check: bool) -> tuple[Name, ...]:
    check: tuple[Name, ...] = () if no_check else ("pre-commit",)
    builds: tuple[Name, ...] = tuple(name for name in NAMES if name == build)
    if not check and not builds:
        mend = ("to take hooks away: paperbuild hook remove",)
        raise UsageError(Diagnostic("PB481", "--no-check and --build none leave nothing to install", help=mend))
    return (*check, *builds)


def _project(invocation: Invocation, repository: Repository) -> str:
    """Return the folder of the project around, seen from the top of the work tree; where there is none yet, the folder of the call."""
    top = os.path.realpath(repository.top)
    folder = here = os.path.realpath(invocation.folder)
    while not os.path.isfile(os.path.join(folder, MANIFEST_NAME)):
        if folder == top or os.path.dirname(folder) == folder:
            mend = ("start a project: paperbuild init",)
            raise UsageError(Diagnostic("PB481", f"there is no {MANIFEST_NAME} in this repository around {here}", help=mend))
        folder = os.path.dirname(folder)
    return "" if folder == top else os.path.relpath(folder, top)


def _tell(invocation: Invocation, verb: str, repository: Repository, hooks: tuple[Standing, ...], changed: tuple[str, ...]) -> None:
    ours = [there for there in hooks if there.ours is not None and there.ours.repository == repository.common]
    if invocation.json:
        _tell_json(invocation, verb, repository, ours, changed)
        return
    if verb == "status":
        for there in ours:
            _tell_hook(invocation, there)
        _tell_pushed(invocation, repository)
    else:
        for path in changed:
            invocation.answer(shown_path(os.curdir, path, invocation.shown_from))
    if not ours and not changed:
        invocation.narrate("no hook of paperbuild is here")
    elif verb == "install" and not changed:
        invocation.narrate("all is there already")
    scope = repository.hooks_scope
    if verb == "install" and scope in {"global", "system"}:
        note = f"{repository.hooks} serves all repositories of core.hooksPath ({scope}); in others these hooks only call what was there"
        invocation.narrate(f"note: {note}")
    if verb != "remove" and repository.top and ours and not repository.branch():
        invocation.narrate("note: HEAD is detached; hooks work, and what is built belongs to no branch")


def _tell_hook(invocation: Invocation, there: Standing) -> None:
    assert there.ours is not None
    ours = there.ours
    project = f" of {ours.project}" if ours.project else ""
    after = f"; calls {os.path.basename(there.calls)} first" if there.calls else ""
    gone = "" if os.access(ours.python, os.X_OK) else f"; does nothing, since {ours.python} is gone: paperbuild hook install"
    invocation.answer(f"{there.name} {_DOES[there.name]}{project}{after}{gone}")


def _tell_pushed(invocation: Invocation, repository: Repository) -> None:
    if not repository.is_bare:
        return
    from paperbuild.automation.publication import folder_of, state_in
    from paperbuild.automation.queue import Queue

    queue = Queue(repository.common)
    at_work = queue.is_at_work()
    for waiting in queue.waiting():
        built = state_in(folder_of(repository.common, waiting.reference))
        is_building = at_work and built is not None and built.state == "building"
        word = "is being built" if is_building else "waits" if at_work else "waits for the next push"
        invocation.answer(f"{waiting.reference} {word}")
    for reference in _published(repository.common):
        built = state_in(folder_of(repository.common, reference))
        if built is not None and built.state != "building":
            invocation.answer(f"{reference} {built.state} at {built.commit[:8]}, {built.finished}")


def _published(repository: str) -> tuple[str, ...]:
    from paperbuild.automation.publication import STATE

    top = os.path.join(repository, "paperbuild")
    found = (folder for folder, _, files in os.walk(os.path.join(top, "refs")) if STATE in files)
    return tuple(sorted(os.path.relpath(folder, top).replace(os.sep, "/") for folder in found))


def _tell_json(invocation: Invocation, verb: str, repository: Repository, ours: list[Standing], changed: tuple[str, ...]) -> None:
    import msgspec

    from paperbuild.automation.publication import folder_of, state_in
    from paperbuild.automation.queue import Queue
    from paperbuild.cli.answers import Value, answer, write_json

    hooks = tuple(
        {"name": there.name, "path": there.path, "project": there.ours.project, "python": there.ours.python, "calls": there.calls}
        for there in ours
        if there.ours is not None
    )
    more: dict[str, Value] = {}
    if repository.is_bare:
        states = (state_in(folder_of(repository.common, reference)) for reference in _published(repository.common))
        more["built"] = tuple(msgspec.to_builtins(built) for built in states if built is not None)
        more["waiting"] = tuple(waiting.reference for waiting in Queue(repository.common).waiting())
    write_json(invocation.stdout, answer(f"hook {verb}", ExitCode.OK, (), folder=repository.hooks, hooks=hooks, changed=changed, **more))
