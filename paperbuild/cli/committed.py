"""What hooks do in a repository with a work tree: check the paper that is committed, build it after that or before a push."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from paperbuild.cli.building import Request, run_build
from paperbuild.cli.check import findings
from paperbuild.cli.invocation import Invocation, relocated
from paperbuild.cli.options import memory_bytes, processors
from paperbuild.cli.selection import commands
from paperbuild.cli.wiring import Place, Wishes, opened
from paperbuild.engine.git import Repository, repository_of
from paperbuild.engine.options import BuildOptions
from paperbuild.errors import ExitCode
from paperbuild.events import Listener
from paperbuild.paper.declarations import MANIFEST_NAME


def check_commit(invocation: Invocation, project: str) -> int:
    """Check the paper; what is out of date is no finding, since building comes after the commit."""
    place = _place(invocation.folder, project)
    if place is None:
        return ExitCode.OK
    with opened(place, invocation, Wishes(reading_only=True)) as found:
        if not found.documents:
            return ExitCode.OK
        faults = relocated(findings(found, strict=False, allow_stale=True), place.root, invocation.shown_from)
        notices = () if found.remote is None else found.remote.notices()
    invocation.complain((*notices, *faults))
    if faults:
        invocation.narrate("nothing was committed; git commit --no-verify commits all the same")
    return ExitCode.FAILED if faults else ExitCode.OK


def build_commit(invocation: Invocation, project: str) -> int:
    """Build the work tree after a commit, where it is not one of many that are replayed."""
    repository = repository_of(invocation.folder)
    place = _place(invocation.folder, project)
    if repository is None or place is None or repository.is_busy():
        return ExitCode.OK
    _tell_of_dirt(invocation, repository)
    return build_all(invocation, place)


def build_before_push(invocation: Invocation, project: str) -> int:
    """Build each branch that is about to be pushed; what git says of it stands on standard input."""
    repository = repository_of(invocation.folder)
    code = ExitCode.OK
    if repository is None:
        return code
    head = repository.commit("HEAD")
    for reference, commit in _pushed(sys.stdin.read()):
        if commit == head:
            place = _place(invocation.folder, project)
            _tell_of_dirt(invocation, repository)
            code = max(code, build_all(invocation, place) if place is not None else ExitCode.OK)
        else:
            invocation.narrate(f"{reference} is built in a work tree of its own: it is not what is checked out")
            with _elsewhere(repository, commit) as folder:
                place = _place(folder, project)
                code = max(code, build_all(invocation, place) if place is not None else ExitCode.OK)
    if code:
        invocation.narrate("nothing was pushed; git push --no-verify pushes all the same")
    return code


def build_all(invocation: Invocation, place: Place, listener: Listener | None = None) -> ExitCode:
    """Render all documents of a project; of one that has none, run all targets."""
    with opened(place, invocation, Wishes()) as project:
        options = BuildOptions(jobs=processors(), memory_bytes=memory_bytes(), keep_going=True)
        wanted = tuple(document.action for document in project.documents) or commands(project.graph)
        return run_build(invocation, Request("render", project, wanted, options, project.documents, listener))


def _place(folder: str, project: str) -> Place | None:
    """Return the project in a work tree; None where this commit has none."""
    root = os.path.normpath(os.path.join(folder, project))
    return Place(root, True) if os.path.isfile(os.path.join(root, MANIFEST_NAME)) else None


def _tell_of_dirt(invocation: Invocation, repository: Repository) -> None:
    if not repository.is_clean():
        invocation.narrate("note: the work tree has changes that are in no commit, and is built with them")


def _pushed(text: str) -> Iterator[tuple[str, str]]:
    """Yield the branches that a push is about, with the commit of each, from git's lines ``LOCAL COMMIT REMOTE COMMIT``."""
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) == 4 and words[1].strip("0") and words[2].startswith("refs/heads/"):
            yield words[2], words[1]


@contextmanager
def _elsewhere(repository: Repository, commit: str) -> Iterator[str]:
    scratch = os.path.realpath(tempfile.mkdtemp(prefix="paperbuild-push-"))
    folder = os.path.join(scratch, "tree")
    try:
        repository.check_out(commit, folder)
        yield folder
    finally:
        repository.drop(folder)
        shutil.rmtree(scratch, ignore_errors=True)
