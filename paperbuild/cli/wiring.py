"""The one place that wires real things together: from a folder to a project that can be built.

Finding the manifest, reading it, expanding it to actions, scanning the papers for what they need, opening the workshop. Everything
that is only needed where something really runs (pandoc, typst, templates) is imported when it runs.
"""

from __future__ import annotations

import errno
import os
import posixpath
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from paperbuild.cli.invocation import Invocation, relocated, shown_path
from paperbuild.cli.planning import Planned, planned, planned_alone, read_manifest
from paperbuild.cli.sharing import Sharing
from paperbuild.cli.style import style_variables
from paperbuild.diagnostics import Diagnostic, Span, did_you_mean
from paperbuild.engine.environment import LocalEnvironment, python_folder
from paperbuild.engine.graph import Action, Graph, Scalar
from paperbuild.engine.ports import Reader, StepResult, StepRunner
from paperbuild.engine.repository import store_folder
from paperbuild.engine.workshop import Workshop, open_workshop
from paperbuild.errors import BuildError, PaperbuildError, UsageError
from paperbuild.paper.declarations import MANIFEST_NAME as MANIFEST
from paperbuild.paper.declarations import DocumentSpec
from paperbuild.paper.documents import document_actions
from paperbuild.paper.mentions import Mentions
from paperbuild.paper.plan import Plan

if TYPE_CHECKING:
    from paperbuild.cli.following import Followed
    from paperbuild.render.pandoc import PandocWorker
    from paperbuild.sharing.late import LateStore

FACTS = "_build/provenance.json"
_REFUSED = frozenset(
    {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EIO}
)  # the machine's refusal, no bug of ours
_PAPERS = (".md", ".markdown", ".qmd", ".rmd")


class Place(msgspec.Struct, frozen=True):
    """Where a project is: its ``root`` (absolute), and whether a manifest is there.

    ``named`` is the paper that the user asked for, as written ("" for all), ``source`` the same as a path relative to the root. Where it is
    a copy of how a project was once, ``origin`` is that project's root: environments and the store are found from there.
    """

    root: str
    has_manifest: bool
    named: str = ""
    source: str = ""
    origin: str = ""


class Wishes(msgspec.Struct, frozen=True):
    """What the command line asks for over what the manifest says: "" and () ask for nothing. ``on`` is the executor for all targets."""

    profile: str = ""
    formats: tuple[str, ...] = ()
    template: str = ""
    reading_only: bool = False
    lenient: bool = False
    fetch: bool = False
    pdf: tuple[tuple[str, str], ...] = ()
    on: str = ""


AS_DECLARED = Wishes()


class Document(msgspec.Struct, frozen=True):
    """One document in one format: its name, the id of its action, and its ``path`` relative to the root."""

    name: str
    format: str
    action: str
    path: str
    sources: tuple[str, ...]


class Project(msgspec.Struct, frozen=True):
    """A project opened for one command. ``documents`` are those in the formats asked for; ``plan`` is what the manifest comes to.

    ``remote`` is where its results are shared, None for nowhere.
    """

    place: Place
    plan: Plan
    graph: Graph
    documents: tuple[Document, ...]
    workshop: Workshop
    runner: LazyDocumentRunner
    remote: LateStore | None = None

    @property
    def root(self) -> str:
        """The project's folder, absolute."""
        return self.place.root

    def wanted_documents(self) -> tuple[Document, ...]:
        """Return the documents that the command line asks for.

        Raises:
            UsageError: the manifest has none.
        """
        place = self.place
        if not self.documents:
            raise UsageError(_no_paper_declared(self.graph))
        if not place.named:
            return self.documents
        return tuple(d for d in self.documents if place.source in d.sources or d.name == place.named)


def locate(invocation: Invocation, paper: str) -> Place:
    """Return where the project is: around ``paper``, or where none is named, around the folder of the call.

    Raises:
        UsageError: there is no such paper, or no project here.
    """
    here = invocation.folder
    path = os.path.normpath(os.path.join(here, paper)) if paper else here
    if paper and os.path.isdir(path):
        here, paper = path, ""
    manifest_root = _manifest_above(os.path.dirname(path) if paper else here)
    if not paper:
        if manifest_root is None:
            raise UsageError(_no_project(here))
        return Place(manifest_root, True)
    if os.path.isfile(path):
        if manifest_root is not None and _names(manifest_root, path):
            return Place(manifest_root, True, paper, _relative(path, manifest_root))
        return Place(os.path.dirname(path), False, paper, os.path.basename(path))
    if manifest_root is not None and os.sep not in paper and not paper.endswith(_PAPERS):
        return Place(manifest_root, True, paper)  # a document's name; opening the manifest tells
    raise UsageError(_no_paper(paper, path))


class LazyDocumentRunner:
    """The runner of documents, made when the first document is rendered.

    Whether it must be is decided by its fingerprint, which needs none of the renderer: a build with nothing to do imports neither
    pandoc's nor typst's side.
    """

    def __init__(self, plan: Plan, root: str, *, fetches: bool, followed: Followed | None = None) -> None:
        self._plan = plan
        self._followed = followed
        self._root = root
        self._fetches = fetches
        self._runner: StepRunner | None = None
        self._worker: PandocWorker | None = None
        self._lock = threading.Lock()

    def fingerprint(self) -> tuple[tuple[str, str], ...]:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> tuple[tuple[str, str], ...]:
        if self._followed is not None:
            return self._followed.fingerprint
        from paperbuild.render.fingerprint import fingerprint
        from paperbuild.render.packaged import packaged_folder

        return fingerprint(packaged_folder())

    def check(self, action: Action, reader: Reader) -> tuple[Diagnostic, ...]:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        return self._made().check(action, reader)

    def run(self, action: Action, reader: Reader) -> StepResult:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        return self._made().run(action, reader)

    def close(self) -> None:
        """End the programs that the runner started; those that are ready for the next build stay."""
        if self._worker is not None:
            self._worker.close()

    def worker(self) -> PandocWorker:
        """Return the pandoc that documents are made with; whoever reads a paper before it is rendered has it parsed once."""
        with self._lock:
            return self._pandoc()

    def _pandoc(self) -> PandocWorker:
        if self._worker is None:
            from paperbuild.render.pandoc import PandocWorker

            self._worker = PandocWorker()
        return self._worker

    def _made(self) -> StepRunner:
        with self._lock:
            if self._runner is None and self._followed is not None:
                self._runner = self._followed.runner(self._plan, self._root, fetches=self._fetches)
            elif self._runner is None:
                worker = self._pandoc()
                worker.begin()  # while pandoc gets ready, the rest is imported

                from paperbuild.render.documents import DocumentRunner
                from paperbuild.render.fetching import Fetcher

                fetcher = Fetcher(self._root, self._fetches)
                self._runner = DocumentRunner(self._plan.catalog, worker=worker, fetcher=fetcher)
            return self._runner


@contextmanager
def opened(
    place: Place,
    invocation: Invocation,
    wishes: Wishes = AS_DECLARED,
    followed: Followed | None = None,
    sharing: Sharing | None = None,
) -> Iterator[Project]:
    """Open the project for the length of one command; places in errors become what the user's shell would name them.

    Its documents are made by what is ``followed``, and results shared by ``sharing``, where these go on with the next command.

    Raises:
        ManifestError: the manifest cannot be understood.
        UsageError: what the command line asks for is not in it.
    """
    try:
        project, runner = _open(place, invocation, wishes, followed, sharing or Sharing())
        try:
            yield project
        finally:
            project.workshop.close()
            runner.close()
    except PaperbuildError as error:
        raise type(error)(*relocated(error.diagnostics, place.root, invocation.shown_from)) from error
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        mend = ("is the disk full, or a folder not writable?",)
        where = shown_path(place.root, error.filename, invocation.shown_from) if isinstance(error.filename, str) else ""
        raise BuildError(Diagnostic("PB406", f"{where or 'the project'}: {error.strerror}", help=mend)) from error


def _open(
    place: Place, invocation: Invocation, wishes: Wishes, followed: Followed | None, sharing: Sharing
) -> tuple[Project, LazyDocumentRunner]:
    keeps = not wishes.reading_only
    made = planned(place.root, wishes.profile, keeps=keeps) if place.has_manifest else _planned_paper(place, wishes.profile)
    plan, mentions = made.plan, made.mentions
    if place.origin:  # what came from the network or the clock then is what there was
        lasting = tuple(msgspec.structs.replace(action, refresh_s=None) for action in plan.actions)
        plan = msgspec.structs.replace(plan, actions=lasting, digest=b"")
    specs = tuple(_as_wished(spec, wishes) for spec in plan.documents)
    asked = tuple(d for d in specs if not place.named or place.source in d.sources or place.named == d.name)
    if place.named and not asked:
        raise UsageError(_no_document(place.named, specs))
    actions = []
    documents = []
    for spec in specs:
        if spec in asked:
            _require_sources(place.root, spec, wishes.profile)
        needs = _needs(spec, plan, mentions)
        # All declared formats are in the graph whatever was asked for: what it does not declare is taken away as left over.
        for action in document_actions(spec, needs, (*spec.formats, *wishes.formats)):
            actions.append(action)
            output = action.outputs[0]
            if output.name in (wishes.formats or spec.formats):
                documents.append(Document(spec.name, output.name, action.id, output.path, spec.sources))
    runner = LazyDocumentRunner(plan, place.root, fetches=wishes.fetch, followed=followed)
    base, home = invocation.environ, place.origin or place.root
    python = python_folder(base, sys.prefix, plan.python, home)
    style = style_variables(place.root, specs[0], writes=keeps) if specs and plan.actions else ()
    environment = LocalEnvironment(base, python, f"{home}/.paperbuild/bytecode", style, root=home)
    if place.origin:
        environment = environment.elsewhere(place.root, {})
    store = os.path.join(home, plan.store_path) if plan.store_path else store_folder(home)
    graph = plan.graph(actions, invocation.environ, wishes.on)
    remote = sharing.remote(plan.shared, invocation.environ, place.root, store)
    workshop = open_workshop(place.root, store, environment, {"document": runner}, reading_only=wishes.reading_only, remote=remote)
    workshop = msgspec.structs.replace(workshop, belief=sharing.belief(plan.shared, invocation.environ))
    if plan.executors:
        from paperbuild.cli.executors import with_executors

        workshop = with_executors(workshop, plan.executors, remote)
    return Project(place, plan, graph, tuple(documents), workshop, runner, remote), runner


def _as_wished(spec: DocumentSpec, wishes: Wishes) -> DocumentSpec:
    asked: tuple[tuple[str, Scalar], ...] = (*((("lenient", True),) if wishes.lenient else ()), *wishes.pdf)
    options = (*spec.options, *asked)
    if dict(options).get("pdf-engine") == "latex":
        from paperbuild.render.tex import tex_version

        options = (*options, ("pdf-engine-version", tex_version()))  # typst's is in every document's key
    return msgspec.structs.replace(spec, template=wishes.template or spec.template, options=options)


def _planned_paper(place: Place, profile: str) -> Planned:
    """Return what a paper without a manifest comes to."""
    if profile:
        raise UsageError(Diagnostic("PB191", f"--profile {profile}: {place.named} has no {MANIFEST}, so there are no profiles"))
    return planned_alone(place.root, place.source)


def _require_sources(root: str, spec: DocumentSpec, profile: str) -> None:
    """Say which sources of a document that is asked for are not there: sooner and clearer than its action could."""
    missing = [(n, source) for n, source in enumerate(spec.sources) if not os.path.isfile(os.path.join(root, source))]
    if missing:
        manifest = read_manifest(root, profile)
        table = ("paper",) if spec.span == manifest.text.key(("paper",)) else ("document", spec.name)
        folders = {root, *(os.path.join(root, os.path.dirname(source)) for _, source in missing)}
        papers = [_relative(os.path.join(folder, name), root) for folder in folders for name in _listed(folder) if name.endswith(_PAPERS)]
        raise UsageError(
            *(
                Diagnostic(
                    "PB192",
                    f"{source}, the source of {spec.name}, is not there",
                    manifest.text.value((*table, "source", n)),
                    help=did_you_mean(source, papers),
                )
                for n, source in missing
            )
        )


def _needs(spec: DocumentSpec, plan: Plan, mentions: Mapping[str, Mentions]) -> tuple[str, ...]:
    """Return the ids of the actions that the sources of a document mention.

    Only to build them before the document is begun: what it really reads it requires then, so a source that cannot be read is no
    fault here.
    """
    needs: dict[str, None] = {}
    for source in (source for source in spec.sources if source in mentions):
        named = (*mentions[source].names, *(chunk.name for chunk in mentions[source].chunks))  # of a chunk the paper shows what was run
        for name in named:
            needs.update(dict.fromkeys(plan.cells_of(name)))
        for path in mentions[source].paths:
            for candidate in {path, posixpath.normpath(posixpath.join(posixpath.dirname(source), path))}:
                made = plan.maker(candidate)
                needs.update({} if made is None else {made: None})
    return tuple(needs)


def _manifest_above(folder: str) -> str | None:
    while not os.path.isfile(os.path.join(folder, MANIFEST)):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def _relative(path: str, root: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _names(root: str, path: str) -> bool:
    """Return whether the manifest in ``root`` has a document made of the file ``path``; a broken manifest is taken to."""
    try:
        manifest = read_manifest(root, "")
    except PaperbuildError:
        return True
    return any(_relative(path, root) in document.sources for document in manifest.documents)


def _no_project(folder: str) -> Diagnostic:
    papers = sorted(name for name in os.listdir(folder) if name.endswith(_PAPERS))
    first = "paper.md" if "paper.md" in papers else next(iter(papers), "")
    advice = [f"to render a paper without one: paperbuild render {first or 'PAPER.md'}", "to start a project: paperbuild init"]
    return Diagnostic("PB184", f"there is no {MANIFEST} here or in a folder above", help=tuple(advice))


def _no_paper_declared(graph: Graph) -> Diagnostic:
    targets = tuple(dict.fromkeys(action.target for action in graph.actions.values()))
    mend = ['add [paper] with source = "paper.md"']
    if targets:
        mend.append(f"to run the targets alone: paperbuild run {' '.join(targets[:3])}")
    return Diagnostic("PB104", f"{MANIFEST} names no paper, so there is nothing to render", Span(MANIFEST, 1, 1), help=tuple(mend))


def _no_paper(paper: str, path: str) -> Diagnostic:
    folder = os.path.dirname(path)
    near = [name for name in _listed(folder) if name.endswith(_PAPERS)]
    shown = [os.path.join(os.path.dirname(paper), name) for name in near]
    advice = did_you_mean(paper, shown)
    if not advice and shown:
        advice = (f"the papers there are {', '.join(shown)}",)
    return Diagnostic("PB190", f"there is no paper {paper}", help=advice)


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _no_document(named: str, specs: Iterable[DocumentSpec]) -> Diagnostic:
    names = [name for spec in specs for name in (spec.name, *spec.sources)]
    advice = did_you_mean(named, names) or ((f"the documents are {', '.join(names)}",) if names else ())
    return Diagnostic("PB190", f"there is no paper {named}", help=advice)
