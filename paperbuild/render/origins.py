"""Where a bound number, figure or table comes from: read once, digested once, told once."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping

import msgspec

from paperbuild.diagnostics import Span
from paperbuild.engine.earlier import StaleNote, short
from paperbuild.engine.ports import Reader
from paperbuild.paper.catalog import Catalog
from paperbuild.phrases import listed
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


class Place(msgspec.Struct, frozen=True):
    """A bound place in the document: ``index`` counts them in reading order, ``label`` is what it is called ("" : as its origin says)."""

    origin: Origin
    index: int
    label: str


def provenance(place: Place, catalog: Catalog, artifacts: Artifacts, stale: Mapping[str, StaleNote]) -> Provenance:
    """Return what the reader is told of ``place``; ``stale`` tells by action which results are earlier ones.

    Facts of the inputs only, so that equal inputs give equal documents.
    """
    origin, index, label = place.origin, place.index, place.label
    makers = [catalog.maker(path) for path in origin.paths]
    known = [maker for maker in makers if maker is not None]
    actions = _once(cell.action for _, cell, _ in known)
    names = actions if len(actions) <= 3 else _once(target.name for target, _, _ in known)
    earlier = [stale[action] for action in actions if action in stale]
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
        stale="\n".join(_once(map(_why_stale, earlier))),
        make="\n".join(_once(f"{one.make}{f'  ({one.where})' if one.where else ''}" for one in earlier)),
    )


def _why_stale(told: StaleNote) -> str:
    """Return what an earlier result is, in words."""
    of = f"result of {told.made[:16].replace('T', ' ')} UTC" if told.made else "an earlier result"
    return f"{of}; since then {told.reason}" if told.reason else f"made of an earlier result of {listed(short(told.roots))}"


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))
