"""``paperbuild logs``: what a target printed when it ran last, or prints now."""

from __future__ import annotations

import posixpath
import shlex
import time
from collections.abc import Iterator
from typing import IO

import click
import msgspec

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, offered, profile_option
from paperbuild.cli.selection import selected
from paperbuild.cli.wiring import Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.cluster import ENDED
from paperbuild.engine.code_files import code_file
from paperbuild.engine.graph import Action, Command, Step
from paperbuild.engine.journal import Journal
from paperbuild.engine.logs import LOG_BYTES, given_folder, latest_log
from paperbuild.engine.process import is_running
from paperbuild.errors import ExitCode, UsageError
from paperbuild.terminal.log_view import LogView
from paperbuild.terminal.screen import screen_of

_LOOK_S = 0.1
_PIECE = 1 << 16


class _LogAnswer(msgspec.Struct, frozen=True):
    """One log: ``path`` relative to where the command was called, whether it is being written, and the ``end`` of what is in it."""

    action: str
    path: str
    running: bool
    end: str


@click.command("logs")
@click.argument("target", shell_complete=offered("targets"))
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until the run ends.")
@profile_option
@json_option
@click.pass_obj
def command(invocation: Invocation, *, target: str, follow: bool, profile: str) -> int:
    """Print the log of the run of TARGET that is going on, or else of the last one.

    TARGET is a target's name (all its cells), some cells ("train[seed=0]"), or the path of an output.
    """
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        ids = selected([target], project.graph, project.root, invocation.folder)
        logs = tuple(_logs(project, ids))
        if not logs:
            raise UsageError(_no_log(target, [project.graph.actions[id_] for id_ in ids]))
        if invocation.json:
            _answer_json(invocation, project, logs)
            return ExitCode.OK
        running = tuple(log for log in logs if log.is_running() or log.may_go_on()) if follow else ()
        if running:
            _follow(invocation, running)
            return ExitCode.OK
        for log in logs:
            _print(invocation, log, title=len(logs) > 1)
        if follow:
            invocation.narrate(f"{target} does not run")
    return ExitCode.OK


class _ActionLog(msgspec.Struct, frozen=True):
    """The newest log of ``action``, at the absolute ``path``."""

    project: Project
    action: Action
    path: str

    def is_running(self) -> bool:
        """Return whether a command that writes to it still runs."""
        entry = Journal(self.project.workshop.fs, f"{self.project.workshop.site.state}/journal").find(self.action.id)
        if entry is not None and entry.sent is not None:
            return not self.project.workshop.fs.exists(f"{entry.sent.errand.folder}/{ENDED}")
        if entry is None or entry.group is None:
            return entry is not None and self._is_built()  # it is about to start
        return is_running(entry.group, entry.identity)

    def newest(self) -> _ActionLog:
        """Return the log as it would be found now: an attempt may have begun after this one."""
        log = latest_log(self.project.workshop.fs, self.project.workshop.site.state, self.action.id)
        return self if log is None or log.path == self.path else _ActionLog(self.project, self.action, log.path)

    def may_go_on(self) -> bool:
        """Return whether another attempt may follow after this one has ended: a pause can lie between them."""
        return self.action.retries > 0 and self._is_built()

    def pieces(self, file: IO[bytes]) -> Iterator[bytes]:
        """Yield what comes next in the log, whose open ``file`` it is; a chunk's speaks of the paper, not of our copy of its code."""
        recipe = self.action.recipe
        if not isinstance(recipe, Command) or recipe.code is None:
            while data := file.read(_PIECE):
                yield data
            return
        path = code_file(given_folder(self.project.workshop.site.state, self.action.id), recipe.code).encode()
        while line := file.readline():
            yield line.replace(path, recipe.code.path.encode())

    def _is_built(self) -> bool:
        workshop = self.project.workshop
        return workshop.lock.is_held(f"{workshop.site.state}/lock")


def _logs(project: Project, ids: tuple[str, ...]) -> Iterator[_ActionLog]:
    for id_ in ids:
        log = latest_log(project.workshop.fs, project.workshop.site.state, id_)
        if log is not None:
            yield _ActionLog(project, project.graph.actions[id_], log.path)


def _no_log(target: str, actions: list[Action]) -> Diagnostic:
    if all(isinstance(action.recipe, Step) for action in actions):
        return Diagnostic("PB194", f"{target} has no log: no command makes a document")
    return Diagnostic("PB194", f"{target} has no log: it was never run here", help=(f"to run it: paperbuild run {shlex.quote(target)}",))


def _view(invocation: Invocation) -> LogView:
    return LogView(invocation.stdout, screen_of(invocation.stdout, invocation.environ))


def _print(invocation: Invocation, log: _ActionLog, *, title: bool) -> None:
    if title:
        invocation.answer(f"==> {log.action.id} <==")
        invocation.stdout.flush()
    view = _view(invocation)
    with open(log.path, "rb") as file:
        for data in log.pieces(file):
            view.feed(data)
    view.end()


def _follow(invocation: Invocation, running: tuple[_ActionLog, ...]) -> None:
    """Follow the last of ``running`` to begin, as names of logs are the times at which they began."""
    log = max(running, key=lambda one: posixpath.basename(one.path))
    if len(running) > 1:
        invocation.narrate(f"{len(running)} cells run; this is {log.action.id}")
    view = _view(invocation)
    while True:
        with open(log.path, "rb") as file:
            while True:
                # Before reading: what it wrote until then is read. An attempt that is about to start has its log already.
                goes_on = log.is_running() or (log.may_go_on() and log.newest() is log)
                for data in log.pieces(file):
                    view.feed(data)
                if not goes_on:
                    break
                time.sleep(_LOOK_S)
        view.end()
        if log.newest() is log:
            invocation.narrate(f"{log.action.id} does not run")
            return
        log = log.newest()


def _answer_json(invocation: Invocation, project: Project, logs: tuple[_ActionLog, ...]) -> None:
    from paperbuild.cli.answers import answer, write_json

    fs = project.workshop.fs
    found = (
        _LogAnswer(
            log.action.id,
            invocation.shown(project.root, log.path),
            log.is_running(),
            fs.read_end(log.path, LOG_BYTES).decode(errors="replace"),
        )
        for log in logs
    )
    write_json(invocation.stdout, answer("logs", ExitCode.OK, (), logs=tuple(msgspec.structs.asdict(one) for one in found)))
