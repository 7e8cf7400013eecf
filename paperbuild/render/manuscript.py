"""The paper as it was read: its text, what the worker found in it, and the way from either back to a place in its files."""

from __future__ import annotations

import posixpath
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.engine.ports import Reader
from paperbuild.errors import BuildError
from paperbuild.paper import attributes, frontmatter, positions, slips
from paperbuild.paper.chunk_scan import find
from paperbuild.paper.chunks import Chunk, disagreements
from paperbuild.paper.regions import regions
from paperbuild.paper.source import Candidate, Destination, SourceMap, decode, scan
from paperbuild.render.formula_places import place
from paperbuild.render.pandoc import PandocWorker

if TYPE_CHECKING:
    from paperbuild.paper.sections import Sections

_KEPT = 6  # as many papers as the worker keeps prepared
_SPACES = re.compile(r"\s+")
# Pandoc counts the lines of the paper from 1, those inside the block from 0, its delimiter included.
_YAML_PLACE = re.compile(
    r"YAML metadata at \(line (?P<block>\d+), column \d+\):\s*YAML parse exception at line (?P<line>\d+), column (?P<column>\d+),?"
    r"(?P<told>[^\0]*)"
)


class Manuscript:
    """One paper: its sources joined, scanned lexically and by pandoc, and its front matter.

    ``folder`` is that of its first file, relative to the project ("" for the root): what the author's paths are relative to.

    Raises:
        BuildError: its front matter has faults, or pandoc cannot read it.
    """

    def __init__(self, sources: SourceMap, worker: PandocWorker) -> None:
        self.sources = sources
        self.text = sources.text
        self.folder = posixpath.dirname(sources.paths[0])
        self.lexical = scan(sources.text)
        self.front = frontmatter.read(self.lexical, sources)  # before pandoc, which knows no place of what is wrong there
        self._worker = worker
        try:
            self.found = worker.scan(sources.text)
        except BuildError as error:
            raise BuildError(*(_placed(diagnostic, sources) for diagnostic in error.diagnostics)) from None

    @staticmethod
    def sources_of(paths: tuple[str, ...], reader: Reader) -> SourceMap:
        """Read the files ``paths``, in order, as one text.

        Raises:
            BuildError: one is missing, or is no text.
        """
        faults: list[Diagnostic] = []
        files: list[tuple[str, str]] = []
        for path in paths:
            try:
                files.append((path, decode(path, reader.read(path))))
            except FileNotFoundError:
                faults.append(Diagnostic("PB265", f"there is no file {path}", help=("create it, or change source in the manifest",)))
            except BuildError as error:
                faults.extend(error.diagnostics)
        if faults:
            raise BuildError(*faults)
        return SourceMap.join(files)

    @cached_property
    def match(self) -> positions.Match:
        """Where each reference stands. Costs a second parse: only what has a fault to place asks for it."""
        tagged = positions.tag(self.lexical)
        surfaced = self._worker.scan(tagged.text, tagged.words).surfaced() if tagged.codes else ()
        return positions.match(tagged, surfaced, self.found.surfaced())

    @cached_property
    def sections(self) -> Sections | None:
        """The text in sections; None where it must be taken whole."""
        from paperbuild.paper.sections import split  # only who follows a paper pays for it

        return split(self.text, self.lexical.regions.header_end)

    def headings(self) -> tuple[str, ...]:
        """Return the letters that the headings of the sections begin with; none where the text must be taken whole."""
        return tuple(section.letters for section in self.sections.sections[1:]) if self.sections else ()

    def slips(self) -> tuple[Diagnostic, ...]:
        """Return what is wrong with how references and footnote marks are written."""
        notes = (*slips.undefined_notes(self.lexical, self.sources), *self._chunk_faults())
        if not positions.suspects(self.lexical, self.found.surfaced()) and not slips.has_slips(self.lexical):
            return notes
        return (*slips.faults(self.lexical, self.sources, self.match), *notes)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """The chunks, as whoever builds has them: file by file."""
        paths, texts = self.sources.paths, self.sources.texts
        found = [self.lexical.chunks] if len(paths) == 1 else [find(text, regions(text)) for text in texts]
        return tuple(chunk.of(path) for path, chunks in zip(paths, found, strict=True) for chunk in chunks)

    def _chunk_faults(self) -> Iterator[Diagnostic]:
        """Yield where pandoc makes something else of a chunk than the scan by which it is run."""
        if self.chunks or self.found.chunks:
            for span, name, way in disagreements(self.chunks, self.found.chunks):
                said, mend = _DISAGREEMENTS[way]
                yield Diagnostic("PB150", said.format(name), span or self.text_span(f"#{name}", inside=1), help=(mend,))

    def candidate(self, index: int) -> Candidate | None:
        """Return what of the source the ``index``-th reference is; None where that is not certain."""
        places = self.match.places
        return places[index] if index < len(places) else None

    def reference_span(self, index: int, offset: int, length: int) -> Span | None:
        """Return where ``length`` characters of the ``index``-th reference stand, ``offset`` characters into its text."""
        candidate = self.candidate(index)
        return None if candidate is None else self.sources.span(*candidate.locate(offset, length))

    def image_span(self, index: int) -> Span | None:
        """Return where the path of the ``index``-th image stands."""
        chunk, path = self._chunk(index), self.found.images[index].path
        if chunk is not None:
            settings = (chunk.get(key) for key in ("show", "outputs", "stdout"))
            words = (word for setting in settings if setting is not None for word in setting.words)
            return next((span for word, span in words if word in {path, "stdout"}), chunk.at)
        place = self._destination(index)
        if place is None:
            return self.text_span(self.found.images[index].path)
        return self.sources.span(place.offset, len(place.raw))

    def _chunk(self, index: int) -> Chunk | None:
        """Return the chunk that shows the ``index``-th image in its place; None where the author wrote it."""
        name = self.found.images[index].attributes.get("pb-chunk")
        return None if name is None else next((chunk for chunk in self.chunks if chunk.name == name), None)

    def _destination(self, index: int) -> Destination | None:
        """Return which of the images in the source the ``index``-th is: of several with one path, the one whose turn it is."""
        path = self.found.images[index].path
        turn = sum(image.path == path and "pb-chunk" not in image.attributes for image in self.found.images[:index])
        places = [place for place in self.lexical.destinations_of(path) if place.is_image]
        return places[min(turn, len(places) - 1)] if places else None

    def attribute_span(self, index: int, name: str, offset: int, length: int) -> Span | None:
        """Return where ``length`` characters of the ``index``-th image's attribute ``name`` stand, ``offset`` into its folded value.

        A negative offset means the attribute's key. Where the attribute cannot be found, it is the place of the image.
        """
        chunk = self._chunk(index)
        if chunk is not None:
            setting = chunk.get(name)
            return self.image_span(index) if setting is None else setting.at if offset < 0 else setting.place
        place = self._destination(index)
        at = self.text.find("){", place.offset) if place else -1
        block = attributes.parse(self.text, at + 1) if at >= 0 else None
        found = next((item for item in block.attributes if item.key == name), None) if block else None
        if found is None:
            return self.image_span(index)
        if offset < 0:
            return self.sources.span(found.key_at, len(name))
        places = attributes.offsets(found.raw, found.quoted)
        first, last = (places[min(max(n, 0), len(places) - 1)] for n in (offset, offset + max(1, length)))
        return self.sources.span(found.value_at + first, max(1, last - first))

    def citation_span(self, key: str) -> Span | None:
        """Return where ``key`` is cited first, the key itself."""
        for mention in self.lexical.mentions_of(key):
            if mention.kind != "label":
                at = self.text.find(key, mention.offset)
                return self.sources.span(at if at >= 0 else mention.offset, len(key))
        return self.text_span("@" + key, inside=1) or self.text_span(key)

    def label_span(self, id_: str, nth: int = 0) -> Span | None:
        """Return where the id stands that the ``nth`` element gives itself; the last where there are fewer."""
        places = self.lexical.mentions_of(id_, "label")
        if not places:
            return self.text_span(id_)
        at = self.text.find(id_, places[min(nth, len(places) - 1)].offset)
        return self.sources.span(at, len(id_)) if at >= 0 else None

    def formula_span(self, tex: str, at: int, length: int) -> Span | None:
        """Return where ``length`` characters of a formula stand, from its character ``at`` on; the macro's use where a macro gave them."""
        found = place(self.text, self.lexical.regions.math, tex, at, length)
        return self.sources.span(*found) if found else None

    def source_span(self, text: str, part: str = "") -> Span | None:
        """Return where raw source stands: ``part`` of it, one line of that, or else its own first line."""
        whole = self.text.find(text) if text else -1
        for piece in (part, part.partition("\n")[0], part.partition("{")[0]):
            at = self.text.find(piece, max(whole, 0), whole + len(text) if whole >= 0 else None) if piece else -1
            if at >= 0:
                return self.sources.span(at, len(piece.partition("\n")[0]))
        return self.text_span(text.partition("\n")[0]) or self.folded_span(text) or (self.text_span(part) if part else None)

    def text_span(self, text: str, inside: int = 0) -> Span | None:
        """Return where ``text`` stands first in the source, from its character ``inside`` on."""
        at = self.text.find(text) if text else -1
        return self.sources.span(at + inside, len(text) - inside) if at >= 0 else None

    def line_span(self, line: int, column: int, length: int) -> Span:
        """Return where ``length`` characters stand that pandoc found, which counts lines of the whole paper and columns from 1."""
        start = sum(map(len, self.text.splitlines(keepends=True)[: line - 1]))
        return self.sources.span(start + column - 1, length)

    def folded_span(self, text: str) -> Span | None:
        """Return where ``text`` stands first, taking any white space for any other."""
        words = [re.escape(word) for word in _SPACES.split(text.strip())[:40] if word]
        found = re.search(r"\s+".join(words), self.text) if words else None
        return self.sources.span(found.start(), found.end() - found.start()) if found else None

    def key_span(self, key: str, value: str = "") -> Span | None:
        """Return where the front matter's ``key`` has ``value``, or where it stands at all."""
        header = self.text[: self.lexical.regions.header_end]
        found = re.search(rf"^{re.escape(key)}[ \t]*:", header, re.MULTILINE)
        if found is None:
            return None
        at = header.find(value, found.end()) if value else -1
        return self.sources.span(at, len(value)) if at >= 0 else self.sources.span(found.start(), len(key))


_AT_MARGIN = "let it begin at the left margin, between blank lines, outside of comments and raw HTML"
_DISAGREEMENTS = {
    "unseen": ("pandoc takes the chunk {} for something else than code", _AT_MARGIN),
    "unfound": ("the chunk {} is not found before pandoc has read the paper, so nothing runs it", _AT_MARGIN),
    "otherwise": ("pandoc reads other code or attributes of the chunk {} than those that run", _AT_MARGIN),
}


class Manuscripts:
    """The papers read last: each is read once for all its formats, and for the early look at its faults. Safe in several threads."""

    def __init__(self, worker: PandocWorker) -> None:
        self._worker = worker
        self._lock = threading.Lock()
        self._read: OrderedDict[SourceMap, Manuscript] = OrderedDict()

    def of(self, paths: tuple[str, ...], reader: Reader) -> Manuscript:
        """Return the paper whose sources are ``paths``, which ``reader`` is asked for each time.

        Raises:
            BuildError: a source is missing or no text, the front matter has faults, or pandoc cannot read it.
        """
        sources = Manuscript.sources_of(paths, reader)
        with self._lock:  # whoever wants the same paper would wait for pandoc in any case
            found = self._read.get(sources) or Manuscript(sources, self._worker)
            self._read[sources] = found
            self._read.move_to_end(sources)
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        return found


def _placed(diagnostic: Diagnostic, sources: SourceMap) -> Diagnostic:
    """Return what pandoc says of the front matter at its place: the parser used here takes a little more than pandoc's does."""
    found = _YAML_PLACE.search("\n".join((diagnostic.message, *diagnostic.detail)))
    if diagnostic.span is not None or found is None:
        return diagnostic
    lines = sources.text.splitlines(keepends=True)
    line = min(int(found["block"]) - 1 + int(found["line"]), len(lines) - 1)
    told = " ".join(found["told"].split())
    mend = "YAML is indented with spaces, never with a tab" if "tab" in told else "write key: value, and indent what belongs to it"
    span = sources.span(sum(map(len, lines[:line])) + int(found["column"]))
    return Diagnostic("PB252", "the front matter is not valid YAML", span, notes=(told,), help=(mend,))
