"""What the hook of a bare repository starts after each push: a builder that builds what waits, publishes it, and ends."""

from __future__ import annotations

import os
import time
import traceback

import msgspec

from paperbuild.automation.publication import LOG, Built, ended, folder_of, now, publish, state_in, withdraw, write_state
from paperbuild.automation.queue import Queue
from paperbuild.cli.committed import build_all
from paperbuild.cli.invocation import Invocation
from paperbuild.cli.wiring import Place, Wishes, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.git import Repository, repository_of
from paperbuild.errors import ExitCode, PaperbuildError, UsageError
from paperbuild.events import ActionEnded, Event, Outcome
from paperbuild.paper.declarations import MANIFEST_NAME
from paperbuild.terminal.progress import Verbosity


def build_pushed(invocation: Invocation, project: str) -> int:
    """Build what waits in the queue of the bare repository around; ``project`` is the folder in it, "": the one that has a manifest."""
    if os.getpid() != os.getpgrp():
        os.setsid()  # whoever pushed goes away, and a terminal with him
    repository = repository_of(invocation.folder)
    assert repository is not None, "the hook of a repository calls this"
    Queue(repository.common).work(lambda reference: _build(repository, reference, project, invocation))
    return ExitCode.OK


def _build(repository: Repository, reference: str, project: str, invocation: Invocation) -> None:
    """Build what ``reference`` means now, and publish it; whatever goes wrong is in its log, and others are built all the same."""
    commit = repository.commit(reference)
    if not commit:
        withdraw(repository.common, reference)
        return
    folder = folder_of(repository.common, reference)
    os.makedirs(folder, exist_ok=True)
    before = state_in(folder)
    if before is not None and before.state != "building" and before.commit == commit:
        return  # built by now: it was pushed twice before its turn came
    begun = Built(
        reference,
        commit,
        "building",
        now(),
        documents=before.documents if before else (),
        documents_of=before.documents_of if before else "",
    )
    write_state(folder, begun)
    since = time.monotonic()
    with open(os.path.join(folder, LOG), "w", encoding="utf-8", errors="backslashreplace", buffering=1) as log:
        log.write(f"{reference} at {commit}, {begun.started}\n")
        tree = os.path.join(repository.common, "paperbuild", "worktree")
        told = msgspec.structs.replace(invocation, shown_from=tree, verbosity=Verbosity.VERBOSE, stdout=log, stderr=log)
        code, built = _built(repository, project, told, begun)
        log.write(f"ended with {int(code)}, {now()}\n")
    write_state(folder, ended(built, code, now(), time.monotonic() - since))


def _built(repository: Repository, project: str, told: Invocation, begun: Built) -> tuple[int, Built]:
    tree = told.shown_from
    ran: dict[str, float] = {}

    def listener(event: Event) -> None:
        if isinstance(event, ActionEnded) and event.outcome is Outcome.RAN:
            ran[event.action] = round(event.duration_s, 3)

    try:
        repository.check_out(begun.commit, tree)
        place = Place(os.path.join(tree, _project(repository, begun.commit, project)), True)
        place = msgspec.structs.replace(place, root=os.path.normpath(place.root))
        code = build_all(told, place, listener)
        built = msgspec.structs.replace(begun, ran=ran)
        if code is not ExitCode.OK:
            return code, built
        documents = publish(folder_of(repository.common, begun.reference), place.root, _documents(told, place))
        return code, msgspec.structs.replace(built, documents=documents, documents_of=begun.commit)
    except PaperbuildError as error:
        told.complain(error.diagnostics)
        code = error.exit_code
    except Exception:  # one commit must not keep those after it from being built
        told.stderr.write(traceback.format_exc())
        code = ExitCode.INTERNAL
    return code, msgspec.structs.replace(begun, ran=ran)


def _documents(told: Invocation, place: Place) -> tuple[str, ...]:
    """Return all files and folders that the documents of a project consist of."""
    with opened(place, told, Wishes(reading_only=True)) as project:
        return tuple(output.path for document in project.documents for output in project.graph.actions[document.action].outputs)


def _project(repository: Repository, commit: str, wanted: str) -> str:
    """Return the folder of the project in a commit: the one that was named at ``hook install``, or the only one nearest to the top.

    Raises:
        UsageError: there is none, or nobody can say which.
    """
    manifests = repository.files_called(MANIFEST_NAME, commit)
    folders = [os.path.dirname(path) for path in manifests]
    if wanted:
        if wanted in folders:
            return wanted
        raise UsageError(Diagnostic("PB486", f"there is no {MANIFEST_NAME} in {wanted} of this commit"))
    nearest = [folder for folder in folders if folder.count("/") == folders[0].count("/") and bool(folder) == bool(folders[0])]
    if len(nearest) == 1:
        return nearest[0]
    if not nearest:
        raise UsageError(Diagnostic("PB486", f"there is no {MANIFEST_NAME} in this commit"))
    mend = (f"name one on the server: paperbuild hook install --project {nearest[0]}",)
    raise UsageError(Diagnostic("PB486", f"several projects are in this commit: {', '.join(nearest)}", help=mend))
