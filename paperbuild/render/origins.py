"""Where a bound number, figure or table comes from: read once, digested once, told once."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable

import msgspec

from paperbuild.diagnostics import Span
from paperbuild.engine.ports import Reader
from paperbuild.paper.catalog import Catalog
from paperbuild.render.fetching import Fetcher
from paperbuild.render.parts import Provenance, ProvenanceKind


class Artifacts:
    """The files that one rendering reads, each of them once, and what was fetched of the network."""

    def __init__(self, reader: Reader, fetcher: Fetcher) -> None:
        self.reader = reader
        self._fetcher = fetcher
        self._content: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        """Return the content of ``path``.

        Raises:
            FileNotFoundError: it is not there.
        """
        if path not in self._content:
            self._content[path] = self.reader.read(path)
        return self._content[path]

    def fetched(self, address: str, span: Span | None) -> bytes:
        """Return the picture at an address of the network; ``span`` is where the paper names it.

        Raises:
            BuildError: it was not fetched, or cannot be.
        """
        return self._fetcher.picture(address, self.reader, span)

    def digest(self, path: str) -> str:
        """Return the SHA-256 of the content of ``path``, in hexadecimal."""
        return hashlib.sha256(self.read(path)).hexdigest()


class Origin(msgspec.Struct, frozen=True):
    """What a place of the paper is bound to: ``seq`` is its turn in reading order, ``paths`` what it was read from."""

    seq: int
    kind: ProvenanceKind
    label: str
    expression: str
    paths: tuple[str, ...]


def provenance(origin: Origin, index: int, label: str, catalog: Catalog, artifacts: Artifacts) -> Provenance:
    """Return what the reader is told of ``origin``. Facts of the inputs only, so that equal inputs give equal documents."""
    makers = [catalog.maker(path) for path in origin.paths]
    known = [maker for maker in makers if maker is not None]
    actions = _once(cell.action for _, cell, _ in known)
    names = actions if len(actions) <= 3 else _once(target.name for target, _, _ in known)
    return Provenance(
        index=index,
        kind=origin.kind,
        label=label or origin.label,
        target=", ".join(names),
        command="\n".join(_once(target.command for target, _, _ in known)),
        params=tuple((name, str(value)) for name, value in known[0][1].params) if len(actions) == 1 else (),
        output="\n".join(origin.paths),
        digest="\n".join(artifacts.digest(path) for path in origin.paths),
        expression=origin.expression,
        rerun=f"paperbuild verify {' '.join(map(shlex.quote, names))}" if names else "",
    )


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))
