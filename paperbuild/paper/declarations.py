"""What a manifest declares, as values: the result of :func:`paperbuild.paper.manifest.parse_manifest`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

import msgspec

from paperbuild.diagnostics import Span
from paperbuild.engine.graph import Code, Observe, Resources, Scalar, Tolerance
from paperbuild.paper.conversion import ManifestText
from paperbuild.paper.toml_positions import Path

MANIFEST_NAME = "paperbuild.toml"
FORMATS = ("pdf", "html", "latex", "docx", "jats")
PDF_ENGINES = ("typst", "latex")
PDF_STANDARDS = ("ua-1", "a-1a", "a-1b", "a-2a", "a-2b", "a-2u", "a-3a", "a-3b", "a-3u", "a-4", "a-4e", "a-4f")
DEFAULT_FORMATS = ("pdf", "html")


class OutputSpec(msgspec.Struct, frozen=True):
    """An output as declared: ``path`` may hold ``{parameter}``; ``at`` is where the manifest says it."""

    name: str
    path: str
    stored: bool
    at: Path
    tolerance: Tolerance | None = None


class TargetSpec(msgspec.Struct, frozen=True):
    """A target as declared, its profile applied. ``command`` and the paths still hold their ``{parameter}``.

    ``matrix`` has the axes in the order written, ``cells`` the values of those that are listed cell by cell, which come first.
    ``inputs`` is None where none are declared. ``refresh_s`` is as in :class:`paperbuild.engine.graph.Action`. A chunk has ``code``, and is
    ``told`` of in other words than its command. One with a
    ``notebook``, a path that may hold ``{parameter}``, has no command before its cells are known.
    """

    name: str
    command: str
    outputs: tuple[OutputSpec, ...]
    params: tuple[tuple[str, Scalar], ...] = ()
    matrix: tuple[tuple[str, tuple[Scalar, ...]], ...] = ()
    cells: tuple[tuple[tuple[str, Scalar], ...], ...] = ()
    inputs: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    shell: str = "/bin/sh"
    observe: Observe = "trace"
    heavy: bool = False
    on: str = ""
    platform: tuple[str, ...] = ()
    retries: int = 0
    refresh_s: float | None = None
    resources: Resources = Resources()
    span: Span | None = None
    code: Code | None = None
    told: str = ""
    notebook: str = ""

    @property
    def axes(self) -> tuple[str, ...]:
        """The parameters that tell its cells apart: those of listed cells, then those of the matrix."""
        return (*(name for cell in self.cells[:1] for name, _ in cell), *(name for name, _ in self.matrix))

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of its parameters, the axes last."""
        return (*(name for name, _ in self.params), *self.axes)


class DocumentSpec(msgspec.Struct, frozen=True):
    """A document as declared, its profile applied.

    ``options`` are the keys that say how it is rendered ("bibliography", "csl", "lang", "toc", "columns", "number-sections", and
    the template's own), only those that the manifest sets, and "profile" where one was applied; several bibliographies are joined by
    line ends.
    """

    name: str
    sources: tuple[str, ...]
    formats: tuple[str, ...] = DEFAULT_FORMATS
    template: str = "article"
    options: tuple[tuple[str, Scalar], ...] = ()
    span: Span | None = None


class SharingSpec(msgspec.Struct, frozen=True, array_like=True):
    """The store elsewhere (``remote``, "" for none), how it is reached, and the public keys of those who are believed."""

    remote: str = ""
    trusted: tuple[str, ...] = ()
    endpoint: str = ""
    region: str = ""


class ExecutorSpec(msgspec.Struct, frozen=True, array_like=True):
    """Machines that others run, called ``name``; ``most`` jobs may be there at once, and ``platform`` is what they are said to be.

    The keys of the other kind are empty. ``files`` says how the project's files get there, ``arguments`` are those of the cluster, in JSON.
    """

    name: str
    kind: str
    partition: str = ""
    account: str = ""
    qos: str = ""
    options: tuple[str, ...] = ()
    most: int = 200
    python: str = ""
    files: str = "shared"
    scheduler: str = ""
    cluster: str = ""
    arguments: str = "{}"
    platform: tuple[tuple[str, str], ...] = ()


class Manifest(msgspec.Struct, frozen=True):
    """What ``paperbuild.toml`` says, with ``profile`` applied. ``text`` gives their places to faults found later.

    ``literals`` are numbers in the prose that are no results; ``holds_heavy``: heavy targets wait to be asked for.
    """

    documents: tuple[DocumentSpec, ...] = ()
    targets: tuple[TargetSpec, ...] = ()
    python: str | None = None
    store_path: str | None = None
    literals: tuple[str, ...] = ()
    profile: str | None = None
    path: str = MANIFEST_NAME
    text: ManifestText = msgspec.field(default_factory=lambda: ManifestText(MANIFEST_NAME, ""))
    shared: SharingSpec = SharingSpec()
    holds_heavy: bool = False
    executors: tuple[ExecutorSpec, ...] = ()


def name_of(source: str) -> str:
    """Return what a document is called that is made of ``source`` and has no name of its own."""
    return posixpath.splitext(posixpath.basename(source))[0]


def default_manifest(source: str, formats: Iterable[str] = DEFAULT_FORMATS) -> Manifest:
    """Return the manifest of a paper that has none: one document made of ``source``, a path relative to the project."""
    return Manifest(documents=(DocumentSpec(name_of(source), (source,), tuple(formats)),))
