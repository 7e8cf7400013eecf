"""The loop of ``paperbuild watch``: build, and meanwhile and afterwards take notice of what changes.

A build runs in a thread of its own. What changes while it is at work is never lost: commands that read it are ended, since what they make
is of no use, a text is shown at once beside the last results there are, and everything is built again as soon as the build has ended.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from paperbuild.cli.building import Request, run_build
from paperbuild.cli.following import Followed
from paperbuild.cli.invocation import Invocation, relocated
from paperbuild.cli.outlying import Outlying, seen_to_be_read
from paperbuild.cli.planning import chunks_of, mentioned
from paperbuild.cli.sharing import Sharing
from paperbuild.cli.shelf import Shelf
from paperbuild.cli.wiring import Document, Place, Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action, Command, Graph
from paperbuild.engine.keys import notebook_of
from paperbuild.engine.logs import given_folder, last_line
from paperbuild.engine.notebooks import notebook_file, reduced
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.patterns import covers, is_glob
from paperbuild.engine.trace import path_of
from paperbuild.errors import PaperbuildError
from paperbuild.events import Outcome
from paperbuild.live.cancelling import CancellingExecutor
from paperbuild.live.commanding import Desk
from paperbuild.live.drafting import DiskReader, StandingReader
from paperbuild.live.memory import Tidying
from paperbuild.live.reporting import Reporter
from paperbuild.live.standing import Standing
from paperbuild.live.watch import Watcher
from paperbuild.paper.declarations import MANIFEST_NAME
from paperbuild.terminal.keys import Keys

if TYPE_CHECKING:
    from paperbuild.render.press import Press

_STRAY_AFTER = 3
"""A file that nothing declares, that no run was seen to read, and that changes during so many builds in a row is written by the build
itself.
"""

_BREATH_S = 0.08
"""So long a build waits for the page to draw an edit; what is saved meanwhile is shown, too, and built with it."""

_EDITS_SHOWN = 12
"""Who saves without a pause, an editor that saves each letter, gets a build after so many edits."""

_LATE_S = 0.6
"""So long after a build events of what it moved may arrive: watchdog waits half a second for the other half of a move."""


class Means(msgspec.Struct, frozen=True):
    """What the loop works with: what the user asked for, and where it tells and shows things."""

    invocation: Invocation
    paper: str
    wishes: Wishes
    options: BuildOptions
    desk: Desk
    reporter: Reporter
    keys: Keys
    followed: Followed
    press: Press
    tidying: Tidying
    sharing: Sharing


class Loop:
    """Builds again and again, until Ctrl-C."""

    def __init__(self, means: Means, watcher: Watcher, root: str) -> None:
        watcher.set_ours(_ours(Graph(()), root))
        self._means = means
        self._watcher = watcher
        self._shelf = Shelf()
        self._heard = Outlying(means.reporter)
        self._strays: Counter[str] = Counter()
        self._graph: Graph | None = None
        self._followed: tuple[tuple[Action, frozenset[str]], ...] = ()  # documents of the last build, with their sources
        self._root = root
        self._drafting = threading.Lock()  # as long as it is held, the project stays open
        self._project: Project | None = None

    def run(self) -> None:
        """Go on until Ctrl-C."""
        narrate = self._means.invocation.narrate
        changed: frozenset[str] = frozenset()
        while True:
            changed = self._shown(changed)
            narrate("build begins")  # what an editor's problem matcher takes for the beginning of its problems
            standing, meanwhile = self._built(changed)
            self._means.desk.held = standing.held
            errors = (f"{standing.errors} error{'' if standing.errors == 1 else 's'}",) if standing.errors else ()
            held = (f"{len(standing.held)} held",) if standing.held else ()
            narrate(": ".join(filter(None, ("build ends", ", ".join(errors + held)))))
            changed = self._next(meanwhile)
            if changed:
                names = sorted(changed)
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                narrate(f"changed: {', '.join(names[:3])}{more}")

    def _shown(self, changed: frozenset[str]) -> frozenset[str]:
        """Show at once what can be shown, before a build takes the processor from whoever draws it; return all that changed by then."""
        newest = changed
        for _ in range(_EDITS_SHOWN):
            if not self._look(newest):
                break
            newest = self._watcher.wait(_BREATH_S)
            changed |= newest
        return changed

    def _next(self, meanwhile: frozenset[str]) -> frozenset[str]:
        """Return what there is to build for next; wait for it."""
        desk, keys, narrate = self._means.desk, self._means.keys, self._means.invocation.narrate
        changed = self._worth_a_build(meanwhile | self._watcher.wait(0))
        if not changed and not desk.has_orders:
            if desk.held and keys.are_read:
                narrate(f"held: {', '.join(desk.held)}; press r to run")
            self._means.tidying.tidy()
            narrate("waiting for a change; Ctrl-C ends this")
        late_s = time.monotonic() + _LATE_S
        while not changed and not desk.has_orders:
            changed = self._watcher.wait()
            if time.monotonic() < late_s:
                changed = self._worth_a_build(changed)
            elif changed:
                self._strays.clear()  # somebody's doing
        return changed

    # a build, and what happens meanwhile

    def _built(self, changed: frozenset[str]) -> tuple[Standing, frozenset[str]]:
        """Build; return how the paper stands then, and what changed meanwhile."""
        ended: list[Standing | BaseException] = []

        def work() -> None:
            try:
                ended.append(self._render(changed))
            except BaseException as error:
                ended.append(error)
            self._watcher.wake()

        thread = threading.Thread(target=work, name="build")
        thread.start()
        meanwhile: frozenset[str] = frozenset()
        try:
            while not ended:
                found = self._watcher.wait()
                if found and not ended:
                    self._answer(found)
                meanwhile |= found
        except BaseException:
            self._means.desk.stop()
            raise
        finally:
            thread.join()
        if isinstance(ended[0], BaseException):
            raise ended[0]
        return ended[0], meanwhile

    def _look(self, changed: frozenset[str]) -> bool:
        """Show at once what was written in a text, before anything is asked that only a build needs to know; return whether it is."""
        shown = False
        for action, sources in self._followed:
            if changed and changed <= sources:
                with contextlib.suppress(PaperbuildError, OSError):  # the build tells
                    shown = self._means.followed.look(action, DiskReader(self._root)) or shown
        return shown

    def _answer(self, changed: frozenset[str]) -> None:
        """Take notice of ``changed`` while a build is at work."""
        self._look(changed)
        with self._drafting:
            project = self._project
            if project is None:
                return
            often = frozenset(path for path in changed if self._strays[path])  # the build itself may write it
            told = changed - (often - seen_to_be_read(project, often))
            for id_ in self._means.desk.running():
                if _reads(project, project.graph.actions[id_], told):
                    self._means.desk.cancel(id_)
            for document in project.wanted_documents():
                if document.format == "html" and not changed.isdisjoint(document.sources):
                    faults = _draft(project, document)
                    if faults is not None:
                        self._means.reporter.drafted(document.sources, faults)

    def _render(self, changed: frozenset[str]) -> Standing:
        """Build, and publish what came of it; return how the paper stands then."""
        faults: tuple[Diagnostic, ...] = ()
        documents: tuple[Document, ...] | None = None
        root, means = "", self._means
        place: Place | None = None
        drafts: frozenset[str] = frozenset()
        try:
            place = locate(means.invocation, means.paper)
            options = replace(means.options, whole=place.has_manifest)
            with opened(place, means.invocation, means.wishes, means.followed, means.sharing) as project:
                self._graph, root = project.graph, project.root
                self._watcher.set_ours(_ours(project.graph, project.root))
                documents = project.wanted_documents()
                self._root, self._followed = root, _followed(project.graph, documents)
                if any(document.format == "pdf" for document in documents):
                    means.press.begin()  # even where nothing is to be made now, the first edit finds it ready
                self._build(project, documents, options)
                faults, drafts = self._drafts(project, documents)
        except PaperbuildError as error:
            means.invocation.complain(error.diagnostics)
            faults = relocated(error.diagnostics, means.invocation.shown_from, place.root) if place else error.diagnostics
        edited = any(source in changed for document in documents or () for source in document.sources)
        shown = None if documents is None else self._shelf.rendered(root, documents, means.followed.blocks)
        return means.reporter.end(faults, shown, edited=edited, drafts=drafts)

    def _drafts(self, project: Project, documents: tuple[Document, ...]) -> tuple[tuple[Diagnostic, ...], frozenset[str]]:
        """Show the texts that wait for targets which failed or are held, and return what is wrong in them, and the documents' names."""
        reporter = self._means.reporter
        stale, told = reporter.stale, {(one.code, one.span, one.message) for one in reporter.told}
        names, faults = set(), []
        for document in documents:
            if document.format == "html" and document.action in stale:
                names.add(document.name)
                if stale[document.action] is not Outcome.FAILED:  # of what is wrong in itself all was told
                    found = _draft(project, document) or ()
                    faults += [one for one in found if (one.code, one.span, one.message) not in told]
        self._means.invocation.complain(relocated(faults, project.root, self._means.invocation.shown_from))
        return tuple(faults), frozenset(names)

    def _build(self, project: Project, documents: tuple[Document, ...], options: BuildOptions) -> None:
        executor = CancellingExecutor(project.workshop.executor)
        workshop = replace(project.workshop, executor=executor)
        project = replace(project, graph=_permitting(project.graph, self._means.desk.take()), workshop=workshop)
        self._means.reporter.begin(project.root, project.graph, lambda action: last_line(workshop.fs, workshop.site.state, action))
        if not self._shelf.is_filled:  # what an earlier session left is better than nothing, and soon replaced
            self._means.reporter.show(self._shelf.rendered(project.root, documents, self._means.followed.blocks))
        self._means.desk.at_work(project.graph, executor)
        with self._drafting:
            self._project = project
        try:
            wanted = tuple(document.action for document in documents)
            run_build(self._means.invocation, Request("watch", project, wanted, options, documents, self._heard))
            self._watcher.look_at(self._heard.take(project))
        finally:
            with self._drafting:
                self._project = None
            self._means.desk.at_work(project.graph, None)

    def _worth_a_build(self, changed: frozenset[str]) -> frozenset[str]:
        """Return what of the changes during a build, or right after it, is worth another one.

        A command may write a file that it does not declare, a log for instance; with an action that runs each time that would be a
        loop without end. What is declared as an input always counts, and the manifest, and what commands were seen to read and not to
        write; a word of a command may be a file that it writes.
        """
        if not changed:
            return changed  # what a build writes may be told a moment later
        strays = Counter({path: self._strays[path] + 1 for path in changed if not self._is_input(path)})
        many = frozenset(path for path, times in strays.items() if times >= _STRAY_AFTER)
        for path in self._seen_to_be_read(many) if many else ():
            del strays[path]
        self._strays = strays
        for path, times in self._strays.items():
            if times == _STRAY_AFTER:
                self._means.invocation.narrate(
                    f"{path} changes whenever this is built, and is no declared input: it starts no further build"
                )
        return frozenset(path for path in changed if self._strays[path] < _STRAY_AFTER)

    def _seen_to_be_read(self, paths: frozenset[str]) -> frozenset[str]:
        """Return those of ``paths`` that were read by commands which somebody watched, or by documents, and that no command wrote."""
        means = self._means
        with contextlib.suppress(PaperbuildError):
            place = locate(means.invocation, means.paper)
            with opened(place, means.invocation, replace(means.wishes, reading_only=True)) as project:
                return seen_to_be_read(project, paths)
        return frozenset()

    def _is_input(self, path: str) -> bool:
        if path == MANIFEST_NAME:
            return True
        if self._graph is None:
            return False
        actions = self._graph.actions.values()
        declared = {name for action in actions for name in (*(action.inputs or ()), notebook_of(action)) if name}
        return any(_means(name, path) for name in declared)


def _draft(project: Project, document: Document) -> tuple[Diagnostic, ...] | None:
    """Show the text of ``document`` beside the last results; return what is wrong in it, None where a result is not there yet."""
    reader = StandingReader(project.workshop, project.graph)
    try:
        project.workshop.runners["document"].run(project.graph.actions[document.action], reader)
    except PaperbuildError as error:
        return None if reader.lacks else error.diagnostics
    except OSError:
        return None
    return ()


def _followed(graph: Graph, documents: tuple[Document, ...]) -> tuple[tuple[Action, frozenset[str]], ...]:
    """Return the pages among ``documents``, then the PDFs, with their sources, none of which a target makes."""
    shown = [one for one in documents if one.format in {"html", "pdf"} and not any(map(graph.maker, one.sources))]
    shown.sort(key=lambda one: one.format != "html")
    return tuple((graph.actions[one.action], frozenset(one.sources)) for one in shown)


def _reads(project: Project, action: Action, changed: frozenset[str]) -> bool:
    """Return whether the command of ``action`` reads any of ``changed``, as far as its declaration and its last run tell.

    Of a chunk it counts whether its code is another now: the paper around it is not what it reads. Of a notebook, whether anything else
    changed than what Jupyter changes: who works with it saves it all the time.
    """
    notebook = notebook_of(action)
    if notebook in changed and not _is_executed(project, action, notebook):
        return True
    changed -= {notebook}
    if isinstance(action.recipe, Command) and action.recipe.code is not None and action.recipe.code.path in changed:
        code = action.recipe.code
        chunks = chunks_of(mentioned(project.root, (code.path,), keeps=False))
        if all((chunk.name, chunk.code) != (action.target, code.text) for chunk in chunks):
            return True
    index, store = project.workshop.index, project.workshop.store
    last = index.last_run(action.id)
    record = None if last is None else store.record(last.key, last.record)
    seen = frozenset(path_of(item) for item in record.items) if record is not None else frozenset()
    declared = action.inputs or ()
    words = frozenset(action.recipe.line.split()) if isinstance(action.recipe, Command) else frozenset()
    return any(path in seen or path in words or any(_means(name, path) for name in declared) for path in changed)


def _is_executed(project: Project, action: Action, notebook: str) -> bool:
    """Return whether what is executed of ``notebook`` now is what there is of it in the project."""
    fs, site = project.workshop.fs, project.workshop.site
    try:
        now = fs.read(f"{site.root}/{notebook}")
        return reduced(now) == fs.read(notebook_file(given_folder(site.state, action.id), notebook))
    except OSError:
        return False


def _means(name: str, path: str) -> bool:
    """Return whether the declared input ``name`` means ``path``."""
    return covers(name, path) if is_glob(name) or name.endswith("/") else name == path


def _permitting(graph: Graph, wanted: frozenset[str]) -> Graph:
    """Return ``graph`` with leave for the actions ``wanted``, and all that they need, to run although they are heavy."""
    ids = frozenset(graph.closure(tuple(wanted)))
    if not any(graph.actions[id_].heavy for id_ in ids):
        return graph
    copy = graph.copy()
    copy.actions = {id_: replace(action, heavy=action.heavy and id_ not in ids) for id_, action in graph.actions.items()}
    return copy


def _ours(graph: Graph, root: str) -> Callable[[str], bool]:
    """Return what says of a path that it is written by us: an output, a folder around one, or the file that our narration is redirected to.

    Folders around outputs come and go with them; of whatever else is in them there are events of its own.
    """
    outputs = [output.path for action in graph.actions.values() for output in action.outputs]
    around = {output[: n + 1] for output in outputs for n, letter in enumerate(output) if letter == "/"}
    told = tuple(os.fstat(descriptor) for descriptor in (1, 2) if _is_open(descriptor))

    def ours(path: str) -> bool:
        if graph.maker(path) is not None or path in around:
            return True
        try:
            found = os.stat(os.path.join(root, path))
        except OSError:
            return False
        return any(os.path.samestat(found, stream) for stream in told)

    return ours


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
