"""The project as it was at a commit: a copy of what git has of it, opened beside the store that the project uses now.

Nothing of the user's is touched: the copy lies elsewhere and goes when the command ends. What git does not have is lent: environments,
ignored files such as data, by links. Recorded results stand in the copy as links into the store, so that the engine finds there what a
build at that commit would have found; :func:`paperbuild.engine.queries.survey` says what of them holds, as it does of the work tree.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace

import msgspec

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.selection import commands
from paperbuild.cli.wiring import Place, Project, Wishes, opened
from paperbuild.diagnostics import Diagnostic, Severity, did_you_mean
from paperbuild.engine.git import repository_of
from paperbuild.engine.history import History
from paperbuild.engine.ports import Commit
from paperbuild.engine.queries import Situation, survey
from paperbuild.engine.recalling import recalled
from paperbuild.engine.trace import Artifact
from paperbuild.errors import PaperbuildError, UsageError
from paperbuild.paper.declarations import MANIFEST_NAME
from paperbuild.provenance.changes import WORK_TREE, Revision

_OURS = (".paperbuild/", "_build/")


class Asked(msgspec.Struct, frozen=True):
    """The two sides that the command line asks for; None is the work tree."""

    old: Revision
    new: Revision | None


class Ways(msgspec.Struct, frozen=True):
    """How the sides are opened: with which ``wishes``, and whether what a commit has no result of is made (``builds``)."""

    wishes: Wishes
    builds: bool = False


class Side(msgspec.Struct, frozen=True):
    """The project at a revision, opened, and how its commands stand there. ``author`` is who made it so, as far as git knows."""

    revision: Revision
    project: Project
    situations: tuple[Situation, ...]
    author: str = ""

    def told(self) -> AbstractContextManager[None]:
        """Let what is wrong there say at which commit: what the user sees is another state of the project."""
        return _named(self.revision) if self.revision.commit else nullcontext()


def asked(words: Iterable[str], history: History) -> Asked:
    """Return what ``words``, revisions as git takes them, ask for: ``A``, ``A B``, ``A..B`` or ``A...B``; nothing asks for HEAD.

    Raises:
        UsageError: there is no repository, no commit in it, or no such revision.
    """
    condition = history.condition()
    if condition == "none":
        mend = ("git init, and commit what there is: what comes after can be compared with that",)
        raise UsageError(Diagnostic("PB460", "the project is in no git repository, so there is nothing to compare with", help=mend))
    given = [word for word in words if word] or ["HEAD"]
    if len(given) > 2:
        raise UsageError(Diagnostic("PB180", "two revisions are compared, and there are more", help=("see paperbuild diff --help",)))
    if len(given) == 1 and ".." in given[0]:
        dots = "..." if "..." in given[0] else ".."
        old, _, new = given[0].partition(dots)
        given = [old or "HEAD", new or "HEAD"]
        if dots == "...":
            given[0] = history.common(*given) or given[0]
    found = [_revision(word, history, condition) for word in given]
    return Asked(found[0], found[1] if len(found) > 1 else None)


def _revision(word: str, history: History, condition: str) -> Revision:
    commit: Commit | None = history.commit(word)
    if commit is not None:
        name = commit.id[:8] if word == commit.id else word
        return Revision(name, commit.id, commit.date, commit.subject)
    if condition == "unborn":
        raise UsageError(Diagnostic("PB461", "the repository has no commit yet", help=("commit what there is, then change it",)))
    notes = ("this clone is shallow: it has only the last commits",) if condition == "shallow" else ()
    mend = ("git fetch --unshallow",) if condition == "shallow" else did_you_mean(word, history.names())
    raise UsageError(Diagnostic("PB461", f"there is no revision {word}", notes=notes, help=mend or ("git log shows what there is",)))


@contextmanager
def side_of(invocation: Invocation, place: Place, revision: Revision | None, ways: Ways) -> Iterator[Side]:
    """Open the project in ``place`` as it was at ``revision``, or as it is now, for the length of a comparison.

    Raises:
        UsageError: there is no project at that commit.
        BuildError: something could not be read.
    """
    history = History(place.root)
    if revision is None:
        with opened(place, invocation, ways.wishes) as project:
            found = survey(project.graph, commands(project.graph), project.workshop)
            yield Side(Revision(WORK_TREE), project, found, history.author(""))
        return
    with _copied(invocation, place, revision, ways) as project:
        yield Side(revision, project, _settled(project), history.author(revision.commit))


@contextmanager
def _copied(invocation: Invocation, place: Place, revision: Revision, ways: Ways) -> Iterator[Project]:
    history = History(place.root)
    wishes = msgspec.structs.replace(ways.wishes, reading_only=not ways.builds)
    if not history.holds(revision.commit, MANIFEST_NAME):
        raise UsageError(Diagnostic("PB462", f"there was no {MANIFEST_NAME} at {revision.title}", help=_SINCE))
    with ExitStack() as stack:
        root = stack.enter_context(_files(history, place, revision, as_tree=ways.builds))
        then = Place(root, True, place.named, place.source, origin=place.root)
        with _named(revision):
            project = stack.enter_context(opened(then, msgspec.structs.replace(invocation, shown_from=root), wishes))
        _lend(project, history, copies=ways.builds)
        if ways.builds:
            _build(invocation, project, revision)
        yield project


@contextmanager
def _files(history: History, place: Place, revision: Revision, *, as_tree: bool) -> Iterator[str]:
    """Make the project's files as they were, and remove them at the end; return their folder.

    Commands may ask git, so where some will run the copy is a work tree. Else nothing of the repository is written to.
    """
    scratch = os.path.realpath(tempfile.mkdtemp(prefix="paperbuild-diff-"))
    repository = repository_of(place.root) if as_tree else None
    root = top = os.path.join(scratch, os.path.basename(place.root) or "project")
    try:
        if as_tree:
            root = os.path.join(top, history.prefix()).rstrip("/")
            is_there = repository is not None
            if repository is not None:
                repository.check_out(revision.commit, top)
        else:
            os.mkdir(root)
            is_there = history.export(revision.commit, root, os.path.join(scratch, "index"))
        if not is_there:
            raise UsageError(Diagnostic("PB463", f"git cannot give what was at {revision.title}", help=("does git fsck find anything?",)))
        os.makedirs(os.path.join(root, ".paperbuild"), exist_ok=True)  # a command that is given its code in a file there looks at it
        yield root
    finally:
        if repository is not None:
            repository.drop(top)
        shutil.rmtree(scratch, ignore_errors=True)


_SINCE = (f"git log {MANIFEST_NAME} shows since when there is one",)


@contextmanager
def _named(revision: Revision) -> Iterator[None]:
    """Let what is wrong with the project at that commit say so: it is not the one that the user sees."""
    try:
        yield
    except PaperbuildError as error:
        told = (replace(d, message=f"at {revision.title}: {d.message}", help=()) for d in error.diagnostics)
        raise type(error)(*told) from error


def _lend(project: Project, history: History, *, copies: bool) -> None:
    """Link to what git does not have: environments in the project, ignored files that no target makes, outputs that no store keeps.

    Where commands will run, files are copied: what they read must have the same path wherever the project lies, and they may write.
    """
    outputs = [output for action in project.graph.actions.values() for output in action.outputs]
    environments = dict(project.workshop.environment.lent)
    kept = dict(environments)
    for path in history.ignored():
        plain = path.rstrip("/")
        if not f"{plain}/".startswith(_OURS) and "__pycache__" not in plain and not _is_around(plain, (o.path for o in outputs)):
            kept.setdefault(plain, os.path.join(project.place.origin, plain))
    for output in outputs:
        if not output.stored and not copies:
            kept[output.path.rstrip("/")] = os.path.join(project.place.origin, output.path.rstrip("/"))
    for path, target in kept.items():
        where = os.path.join(project.root, path)
        if not os.path.lexists(where) and os.path.lexists(target) and _is_of_copy(project, where):
            os.makedirs(os.path.dirname(where), exist_ok=True)
            if not copies or path in environments:
                os.symlink(target, where)
            elif os.path.isdir(target):
                shutil.copytree(target, where, symlinks=True)
            else:
                shutil.copy2(target, where, follow_symlinks=False)


def _build(invocation: Invocation, project: Project, revision: Revision) -> None:
    """Make what there is no result of; a target that fails is told as a warning, since the rest can be compared."""
    from paperbuild.cli.options import memory_bytes, processors
    from paperbuild.engine.build import build
    from paperbuild.engine.options import BuildOptions
    from paperbuild.terminal.progress import Progress

    options = BuildOptions(jobs=processors(), memory_bytes=memory_bytes(), keep_going=True, overwrite=True)
    wanted = commands(project.graph)
    if invocation.json:
        report = build(project.graph, wanted, project.workshop, options, lambda _: None)
    else:
        with Progress(invocation.stderr, invocation.screen, invocation.verbosity) as progress:
            report = build(project.graph, wanted, project.workshop, options, progress)
    faults = (fault for fault in report.diagnostics if fault.severity is Severity.ERROR)
    invocation.complain(replace(fault, message=f"at {revision.title}: {fault.message}", severity=Severity.WARNING) for fault in faults)


def _is_around(path: str, outputs: Iterable[str]) -> bool:
    return any(f"{output.rstrip('/')}/".startswith(f"{path}/") or f"{path}/".startswith(f"{output.rstrip('/')}/") for output in outputs)


def _settled(project: Project) -> tuple[Situation, ...]:
    """Return how the actions of a copy stand once the results of those that hold are in their places.

    What does not hold under the environment of today is looked for once more as what it was then.
    """
    found = survey(project.graph, commands(project.graph), project.workshop)
    for artifact in (artifact for one in found if one.result is not None for artifact in one.result.artifacts if artifact.stored):
        _place(project, artifact)
    return recalled(project.graph, found, project.workshop, lambda artifact: _place(project, artifact))


def _place(project: Project, artifact: Artifact) -> None:
    """Let an output stand in the copy: a file as a link into the store, since it may be large; what a link cannot be, copied."""
    store, where = project.workshop.store, os.path.join(project.root, artifact.path.rstrip("/"))
    if not _is_of_copy(project, where):
        return
    project.workshop.fs.remove_tree(where)
    os.makedirs(os.path.dirname(where), exist_ok=True)
    if not store.blobs.is_here(artifact):
        _leave_elsewhere(project, artifact)
    elif artifact.is_folder or artifact.executable:
        store.blobs.take_out(artifact, where)
    else:
        os.symlink(store.blobs.path(artifact.digest), where)


def _leave_elsewhere(project: Project, artifact: Artifact) -> None:
    """Let an output be away in the copy: it comes when somebody reads it."""
    from paperbuild.engine.away import Away

    workshop = project.workshop
    os.makedirs(workshop.site.state, exist_ok=True)
    away = Away(workshop.fs, workshop.site.root, workshop.site.state, workshop.store, fetches=False)
    away.add(artifact)
    away.save()


def _is_of_copy(project: Project, where: str) -> bool:
    """Return whether ``where`` is a place in the copy: a commit may hold links that lead out of it, to files of the user's."""
    return f"{os.path.realpath(os.path.dirname(where))}/".startswith(f"{project.root}/")
