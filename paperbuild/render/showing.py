"""A paper as it would be shown on the results as they stand, without pandoc: for whoever compares two editions of it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

from paperbuild.diagnostics import Span
from paperbuild.engine.ports import Reader
from paperbuild.errors import BuildError
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.declarations import DocumentSpec
from paperbuild.paper.edition import Cell, Edition, Exhibit, ExhibitKind, Grid, Named, images
from paperbuild.paper.formats import Locale
from paperbuild.paper.passages import passages
from paperbuild.paper.results import is_table, load_table
from paperbuild.paper.source import Destination, SourceMap
from paperbuild.render.figures import TEXT
from paperbuild.render.images import is_remote
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.proofreading import Proof, Proofreader
from paperbuild.render.protocol import BoundCell, BoundTable
from paperbuild.render.table_attributes import Place
from paperbuild.render.tables import shown_table


def edition(document: DocumentSpec, catalog: Catalog, reader: Reader, worker: PandocWorker) -> Edition:
    """Return ``document`` on the results that ``reader`` has; ``worker`` is started only where chunks may show something in place.

    Raises:
        BuildError: a source cannot be read, or its front matter is malformed.
    """
    proofreader = Proofreader(catalog, reader, worker)
    proof = proofreader.read(document)
    folder = posixpath.dirname(proof.sources.paths[0])
    named = sorted((*images(proof.lexical), *_of_chunks(proofreader, document, proof)), key=lambda image: image.destination.offset)
    shown = (_exhibit(image, folder, catalog, reader, proof.results.locale) for image in named)
    exhibits = tuple(exhibit for exhibit in shown if exhibit is not None)
    return Edition(document.name, proof.sources, proof.items, passages(proof.lexical, proof.items), exhibits)


def _of_chunks(proofreader: Proofreader, document: DocumentSpec, proof: Proof) -> Iterator[Named]:
    """Yield the figures and tables that chunks show in their places: the filters choose them, so pandoc is asked."""
    if all(chunk.slip for chunk in proof.lexical.chunks):
        return
    try:
        manuscript = proofreader.manuscript(document)
    except BuildError:
        return  # whoever renders the paper tells it
    labels = {chunk.name: label.value for chunk in proof.lexical.chunks if (label := chunk.get("label")) is not None}
    for index, image in enumerate(manuscript.found.images):
        name = image.attributes.get("pb-chunk")
        span = manuscript.image_span(index) if name is not None and TEXT not in image.classes else None
        if name is not None and span is not None:
            place = Destination(image.path, image.path, _offset(proof.sources, span), True)
            yield Named(place, labels.get(name, ""), "", -1, image.attributes)


def _offset(sources: SourceMap, span: Span) -> int:
    at = sources.paths.index(span.path)
    lines = sources.texts[at].split("\n")[: span.line - 1]
    return sources.starts[at] + sum(len(line) + 1 for line in lines) + span.column - 1


def _exhibit(image: Named, folder: str, catalog: Catalog, reader: Reader, locale: Locale) -> Exhibit | None:
    written = image.destination.path
    if not written.strip() or written.startswith("data:") or is_remote(written):
        return None
    bases = dict.fromkeys((folder, ""))
    candidates = [posixpath.normpath(posixpath.join(base, unquote(written))) for base in bases]
    made = next((path for path in candidates if catalog.maker(path) is not None), None)
    path = made or next((path for path in candidates if reader.exists(path)), candidates[0])
    maker = catalog.maker(path)
    try:
        content = reader.read(path)
    except OSError:
        content = None
    grid = _grid(path, content, image, locale) if is_table(path) and content is not None else None
    action = maker[1].action if maker else ""
    kind: ExhibitKind = "table" if is_table(path) else "figure"
    return Exhibit(kind, image.id, path, image.caption, image.caption_at, image.destination.offset, action, content, grid)


def _grid(path: str, content: bytes, image: Named, locale: Locale) -> Grid | None:
    nowhere = Place(None, lambda _name, _offset, _length: None)
    try:
        bound, _ = shown_table(path, load_table(path, content), image.attributes, locale, nowhere)
    except BuildError:
        return None  # whoever renders the paper tells it
    return None if bound.table is None else grid_of(bound.table)


def grid_of(table: BoundTable) -> Grid:
    """Return a table with a cell at each place: one that takes several stands at all of them, a group's heading in a column of its own."""
    width = len(table.align)
    head = _flat(table.head, width)
    columns = [" / ".join(dict.fromkeys(row[n].text for row in head if row[n].text)) for n in range(width)]
    is_headed = any(group.heading is not None for group in table.groups)
    rows: list[tuple[Cell, ...]] = []
    for group in table.groups:
        label = (Cell(_text(group.heading)) if group.heading is not None else Cell(""),) if is_headed else ()
        rows += ((*label, *row) for row in _flat(group.rows, width))
    return Grid(("group", *columns) if is_headed else tuple(columns), tuple(rows))


def _flat(rows: Sequence[Sequence[BoundCell]], width: int) -> list[list[Cell]]:
    found = [[Cell("")] * width for _ in rows]
    taken: set[tuple[int, int]] = set()
    for n, row in enumerate(rows):
        at = 0
        for cell in row:
            while (n, at) in taken:
                at += 1
            for place in _covered(n, at, cell):
                taken.add(place)
                if place[0] < len(found) and place[1] < width:
                    found[place[0]][place[1]] = Cell(_text(cell), cell.value or "")
            at += cell.across
    return found


def _covered(row: int, column: int, cell: BoundCell) -> Iterable[tuple[int, int]]:
    return ((row + down, column + across) for down in range(cell.down) for across in range(cell.across))


def _text(cell: BoundCell) -> str:
    return cell.markdown or "".join(piece.text for piece in cell.pieces)
