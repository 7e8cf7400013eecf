"""Where does this come from? A reference, a line of the paper, an output, or any file by its content, traced to what made it.

The answer is put together from what others know: which cell and key a reference reads (:mod:`paperbuild.paper.references`), how that
action stands (:mod:`paperbuild.engine.queries`), what its record says of command, parameters, outputs and inputs, and, for the commit and
the machine, what stands beside the documents (:mod:`paperbuild.provenance.runs`).
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from paperbuild.diagnostics import Span
from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.graph import Command, Graph
from paperbuild.engine.ports import Revision
from paperbuild.engine.present import PresentReader
from paperbuild.engine.queries import Situation, survey
from paperbuild.engine.trace import Artifact, Content, Package, Record, Tree, from_record
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import BuildError
from paperbuild.paper import references
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.formats import Locale
from paperbuild.paper.references import ReferenceFault, ResultCache
from paperbuild.paper.source import Candidate, Scan, SourceMap
from paperbuild.provenance.runs import BuildFacts, RunFacts, run_facts

IN_THE_STORE = "an earlier result"
"""The state of a result that is not the one that stands now."""


class InputFacts(msgspec.Struct, frozen=True):
    """What a run read: a file, the digest of its content, and the action that made it ("" for a file of the project's own)."""

    path: str
    sha256: str
    action: str


class Origin(msgspec.Struct, frozen=True):
    """One result that something comes from: ``key`` of the file ``path``, made by ``run``; None where nothing was made yet.

    ``state`` is how the action stands now (:class:`paperbuild.engine.queries.State`), or :data:`IN_THE_STORE`. ``revision`` and ``host``
    are those of the build that put this result into the documents, None and "" where they do not hold it.
    """

    action: str
    path: str
    key: str
    sha256: str
    state: str
    run: RunFacts | None
    inputs: tuple[InputFacts, ...] = ()
    packages: tuple[str, ...] = ()
    revision: Revision | None = None
    host: str = ""


class Told(msgspec.Struct, frozen=True):
    """Where one thing comes from.

    ``what`` is the expression or path, ``kind`` "value", "claim" or "file", ``span`` its place in the paper. ``shown`` is what the paper
    says for it, ``value`` the same in full; of a claim whether it holds, and on what values. ``fault`` says why there is no value.
    """

    what: str
    kind: str
    origins: tuple[Origin, ...]
    span: Span | None = None
    shown: str = ""
    value: str = ""
    fault: str = ""


class Whence:
    """Answers for one project as it stands; ``facts`` are those beside its documents, None where there are none."""

    def __init__(self, graph: Graph, catalog: Catalog, workshop: Workshop, facts: BuildFacts | None) -> None:
        self._graph = graph
        self._catalog = catalog
        self._workshop = workshop
        self._runs = {} if facts is None else {run.action: run for run in facts.runs}
        self._facts = facts
        self._known: dict[str, Situation] = {}

    # --- what can be asked for

    def reference(self, text: str, locale: Locale, *, is_claim: bool = False, span: Span | None = None) -> Told:
        """Return where the value of a reference, or what a claim compares, comes from.

        Raises:
            ReferenceFault: it is no reference, or names what there is not.
        """
        parsed = references.parse_claim(text) if is_claim else references.parse(text)
        situations = self._situations(references.targets(parsed, self._catalog))
        cache = ResultCache(PresentReader(self._graph, situations, self._workshop).read)
        kind = "claim" if is_claim else "value"
        try:
            if is_claim:
                claim = references.holds(parsed, self._catalog, cache)
                shown, value, sources = "holds" if claim.holds else "does not hold", "; ".join(claim.compared), claim.sources
            else:
                shown, (value, sources) = "", references.traced(parsed, self._catalog, cache)
                with suppress(ReferenceFault):  # a list, or a computed number without a format, comes from somewhere all the same
                    shown = references.resolve(parsed, self._catalog, cache, locale).rendered.text
        except (ReferenceFault, BuildError) as fault:
            if isinstance(fault, ReferenceFault) and fault.code != "PB219":
                raise
            # A result that is not there yet, or cannot be read: who makes it is known all the same.
            read = references.reach(parsed, self._catalog)
            said = fault.message if isinstance(fault, ReferenceFault) else fault.diagnostics[0].message
            return Told(text, kind, tuple(self._origin(cell.action, path) for cell, path in read), span, fault=said)
        return Told(text, kind, tuple(self._origin(one.action, one.output, one.key) for one in sources), span, shown, value)

    def output(self, path: str) -> Told | None:
        """Return where the output ``path`` (relative to the project) comes from, or a file in a folder output; None where it is none."""
        maker = self._graph.maker(path)
        return None if maker is None else Told(path, "file", (self._origin(maker.id, path),))

    def actions(self, ids: Iterable[str]) -> tuple[Told, ...]:
        """Return where the outputs of the actions ``ids`` come from."""
        return tuple(
            Told(output.path, "file", (self._origin(id_, output.path),)) for id_ in ids for output in self._graph.actions[id_].outputs
        )

    def content(self, data: bytes, what: str) -> Told | None:
        """Return which results, in the store, have or had this very content, the newest of each output first; None where none has."""
        digest = hashlib.sha256(data).hexdigest()
        found = sorted(self._having(digest), key=lambda pair: -pair[0].finished_ns)
        newest = {path: (record, path) for record, path in reversed(found)}
        ids = [record.action for record, _ in newest.values() if record.action in self._graph.actions]
        self._situations(ids)
        return Told(what, "file", tuple(self._of_record(record, path, "") for record, path in newest.values())) if newest else None

    def line(self, sources: SourceMap, found: Scan, locale: Locale, path: str, line: int) -> tuple[Told, ...]:
        """Return where everything comes from that stands in ``line`` (from 1) of the paper's file ``path``; of code what it makes."""
        n = sources.paths.index(path)
        text = sources.texts[n]
        start = sources.starts[n] + sum(map(len, text.splitlines(keepends=True)[: line - 1]))
        end = start + len((text.splitlines(keepends=True)[line - 1 :] or [""])[0])
        told: list[tuple[int, Told]] = []
        for candidate in found.live():
            first, last = _extent(candidate)
            if first < end and last > start:
                told.append((first, self._placed(candidate, sources, locale)))
        for image in found.destinations:
            if image.is_image and start <= image.offset < end:
                told += ((image.offset, one) for one in self._image(image.path, path, sources.span(image.offset, len(image.raw))))
        told += ((start, one) for one in self.actions(self._chunks(path, line)))
        return tuple(one for _, one in sorted(told, key=lambda pair: pair[0]))

    def _chunks(self, path: str, line: int) -> Iterator[str]:
        """Yield the actions whose code stands in that line of the paper, between its fences or on them."""
        for action in self._graph.actions.values():
            code = action.recipe.code if isinstance(action.recipe, Command) else None
            if code is not None and code.path == path and -1 <= line - code.line <= code.text.count("\n") + 1:
                yield action.id

    def _placed(self, candidate: Candidate, sources: SourceMap, locale: Locale) -> Told:
        is_claim = candidate.kind == "claim"
        span = sources.span(candidate.value, len(candidate.raw)) if candidate.value >= 0 else sources.span(candidate.key)
        try:
            return self.reference(candidate.text, locale, is_claim=is_claim, span=span)
        except ReferenceFault as fault:
            return Told(candidate.text, "claim" if is_claim else "value", (), span, fault=fault.message)

    def _image(self, path: str, source: str, span: Span) -> Iterator[Told]:
        for candidate in (posixpath.normpath(posixpath.join(posixpath.dirname(source), path)), path):
            told = self.output(candidate)
            if told is not None:
                yield msgspec.structs.replace(told, span=span)
                return
        yield Told(path, "file", (), span, fault="no target makes it: it is a file of the project's own")

    # --- from actions and records to facts

    def _situations(self, ids: Iterable[str]) -> tuple[Situation, ...]:
        unknown = tuple(dict.fromkeys(id_ for id_ in ids if id_ not in self._known))
        if unknown:
            self._known |= {situation.action.id: situation for situation in survey(self._graph, unknown, self._workshop)}
        return tuple(self._known.values())

    def _origin(self, id_: str, path: str, key: str = "") -> Origin:
        self._situations((id_,))
        record = self._known[id_].record
        if record is None:
            return Origin(id_, path, key, "", self._known[id_].state.value, None)
        return self._of_record(record, path, key)

    def _of_record(self, record: Record, path: str, key: str) -> Origin:
        situation = self._known.get(record.action)
        is_current = situation is not None and situation.record is not None and situation.record.name == record.name
        log = situation.last.log if situation is not None and situation.last is not None and situation.last.record == record.name else ""
        noted = self._runs.get(record.action)
        run = run_facts(record, log)
        is_noted = noted is not None and noted.outputs == run.outputs and self._facts is not None
        return Origin(
            action=record.action,
            path=path,
            key=key,
            sha256=self._digest(record, path),
            state=situation.state.value if situation is not None and is_current else IN_THE_STORE,
            run=run,
            inputs=tuple(self._inputs(record)),
            packages=tuple(
                dict.fromkeys(item.name.lstrip("/") for item in record.items if isinstance(item, Package) and item.name[0] != "?")
            ),
            revision=self._facts.revision if is_noted and self._facts is not None else None,
            host=self._facts.host if is_noted and self._facts is not None else "",
        )

    def _digest(self, record: Record, path: str) -> str:
        """Return the digest of ``path`` as the record has it: an output, or a file in a folder; "" where it has none."""
        for artifact in record.artifacts:
            if artifact.path == path:
                return artifact.digest
            if artifact.is_folder and path.startswith(_folder(artifact)):
                inner = path.removeprefix(_folder(artifact))
                return next((digest for inside, digest in self._inside(artifact) if inside == inner), "")
        return ""

    def _inputs(self, record: Record) -> Iterator[InputFacts]:
        found = {name.partition(":")[2]: digest for name, digest in record.components if name.startswith("input:")}
        found |= {from_record(item.path): item.digest for item in record.items if isinstance(item, Content | Tree)}
        for path, digest in found.items():
            maker = self._graph.maker(path)
            yield InputFacts(path, digest, "" if maker is None else maker.id)

    def _having(self, digest: str) -> Iterator[tuple[Record, str]]:
        """Yield the records of which an output, or a file in a folder, has this content, with its path."""
        for record in self._workshop.store.all_records():
            for artifact in record.artifacts:
                if artifact.digest == digest:
                    yield record, artifact.path
                elif artifact.is_folder:
                    yield from ((record, _folder(artifact) + inside) for inside, other in self._inside(artifact) if other == digest)

    def _inside(self, artifact: Artifact) -> Iterable[tuple[str, str]]:
        try:
            return [(entry.path, entry.digest) for entry in self._workshop.store.blobs.entries(artifact.digest) if entry.kind != "folder"]
        except (DamagedBlob, FileNotFoundError):
            return ()


def _folder(artifact: Artifact) -> str:
    return artifact.path.rstrip("/") + "/"


def _extent(candidate: Candidate) -> tuple[int, int]:
    """Return from where to where a reference stands: from its literal, where it has one, to the end of its expression."""
    first = candidate.literal[0] if candidate.literal is not None else candidate.brace
    return first, max(candidate.value, candidate.key) + len(candidate.raw) + 1
