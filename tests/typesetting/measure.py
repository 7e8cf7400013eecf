"""What a reader would see of a PDF's typography, in numbers: margins, headings and lines left alone, lengths of lines, places of floats.

The structure comes from the PDF's tags, which say what is a paragraph, a heading, a caption; the places come from the glyphs. Run it on
a document to see its numbers::

    python -m tests.typesetting.measure paper.pdf twocolumn
"""

from __future__ import annotations

import ctypes
import io
import itertools
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium

INCH = 72.0
TOLERANCE_PT = 2.5
"""What may stick out: typst hangs hyphens and full stops into the margin, and an italic letter leans out of its box."""
SAME_LINE_PT = 4.5
EDGE_PT = 6.0
"""How far from its paragraph's edge a full line may end: where it is not justified, or ends in a hanging sign."""
SPACES = frozenset({0x20, 0xA0})
SOFT_HYPHEN = 2  # what pdfium makes of the hyphen at the end of a line
FLOAT_LABEL = re.compile(r"^(Fig\.|Figure|Table|TABLE)[\s\u00a0]*(\d+(?:\.\d+)?)", re.UNICODE)
TEXTS = frozenset({"P", "Caption", "Note", "Title", "H"})
BLOCKS = frozenset({"Table", "Formula", "Figure", "Code", "LI", "TOCI", "BlockQuote"})
ABSTRACTS = ("Abstract", "Zusammenfassung", "Résumé", "Resumen")
MENTION = re.compile(r"(Fig\.|Figure|Table)[\s\u00a0]*(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle of a page in points from its lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, glyph: Glyph) -> bool:
        """Return whether the glyph lies inside."""
        across = self.left - TOLERANCE_PT <= glyph.left and glyph.right <= self.right + TOLERANCE_PT
        return across and self.bottom - TOLERANCE_PT <= glyph.bottom and glyph.top <= self.top + TOLERANCE_PT


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a template lets glyphs stand, in inches: the page, the text block, columns, and ``more`` zones beside the text.

    ``more`` are (left, right) spans beside the text over the whole height; heads and feet are the text's own width, or ``wide_feet``.
    """

    paper: tuple[float, float]
    text: tuple[float, float]
    top: float
    bottom: float
    columns: int = 1
    gutter: float = 0.0
    more: tuple[tuple[float, float], ...] = ()
    foot_left: float | None = None

    def zones(self) -> list[Zone]:
        """Return all zones of a page in points."""
        _width, height = (side * INCH for side in self.paper)
        left, right = (edge * INCH for edge in self.text)
        foot = left if self.foot_left is None else self.foot_left * INCH
        low, high = self.bottom * INCH, height - self.top * INCH
        found = [Zone(a, low, b, high) for a, b in self.column_edges()]
        if self.columns > 1:
            found.append(Zone(left, low, right, high))
        found += [Zone(left, high, right, height - 0.3 * INCH), Zone(foot, 0.25 * INCH, right, low)]
        return found + [Zone(a * INCH, 0.3 * INCH, b * INCH, height - 0.3 * INCH) for a, b in self.more]

    def column_edges(self) -> list[tuple[float, float]]:
        """Return the left and right edge of each column in points."""
        left, right = (edge * INCH for edge in self.text)
        gutter = self.gutter * INCH
        width = (right - left - gutter * (self.columns - 1)) / self.columns
        return [(left + n * (width + gutter), left + n * (width + gutter) + width) for n in range(self.columns)]

    def column_of(self, x: float) -> int:
        """Return the number of the column that the abscissa ``x`` lies in."""
        return next((n for n, (_, right) in enumerate(self.column_edges()) if x < right + self.gutter * INCH / 2), self.columns - 1)


def _a4(text: float, left: float | None = None, **more: object) -> Geometry:
    start = (8.2677 - text) / 2 if left is None else left
    return Geometry((8.2677, 11.6929), (start, start + text), **more)  # type: ignore[arg-type]


GEOMETRIES = {
    "article": _a4(5.0, top=1.15, bottom=1.15),
    "twocolumn": Geometry((8.5, 11.0), (0.67, 7.83), top=0.92, bottom=0.8, columns=2, gutter=0.16),
    "preprint": _a4(5.0, 1.0, top=1.05, bottom=1.0, more=((0.3, 1.0), (6.28, 7.93))),
    "joss": _a4(4.7, 2.55, top=1.1, bottom=1.15, more=((0.6, 2.35),), foot_left=0.6),
    "report": _a4(5.2, top=1.25, bottom=1.15),
}


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character on a page: its box and baseline in points, its size, and the marked content that it belongs to.

    ``spaced`` says that the file has a space before it: where letters stand far apart, gaps between them would tell of more spaces.
    """

    page: int
    mark: int
    text: str
    left: float
    bottom: float
    right: float
    top: float
    base: float
    size: float
    spaced: bool


@dataclass(slots=True)
class Element:
    """An element of the document's structure, with the marked contents inside it, those of notes left out."""

    kind: str
    path: tuple[str, ...]
    marks: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an element: where it stands and how many characters it has."""

    page: int
    column: int
    base: float
    left: float
    right: float
    text: str


def glyphs_of(data: bytes) -> list[Glyph]:
    """Return every glyph of a PDF that leaves ink."""
    document = pypdfium2.PdfDocument(data)
    found = []
    numbers = [ctypes.c_double() for _ in range(6)]
    left, right, bottom, top, x, y = numbers
    for number, page in enumerate(document):
        text = page.get_textpage()
        spaced = False
        for index in range(text.count_chars()):
            code = pdfium.FPDFText_GetUnicode(text.raw, index)
            generated = pdfium.FPDFText_IsGenerated(text.raw, index) == 1
            spaced = spaced or (code in SPACES and not generated)
            if generated or (code <= 32 and code != SOFT_HYPHEN) or code in (0xA0, 0xFFFE, 0x2060):
                continue
            pdfium.FPDFText_GetCharBox(text.raw, index, left, right, bottom, top)
            pdfium.FPDFText_GetCharOrigin(text.raw, index, x, y)
            owner = pdfium.FPDFText_GetTextObject(text.raw, index)
            mark = pdfium.FPDFPageObj_GetMarkedContentID(owner) if owner else -1
            size = pdfium.FPDFText_GetFontSize(text.raw, index)
            box = (left.value, bottom.value, right.value, top.value)
            found.append(Glyph(number, mark, "-" if code == SOFT_HYPHEN else chr(code), *box, y.value, size, spaced))
            spaced = False
    return found


def elements_of(data: bytes) -> list[Element]:
    """Return the paragraphs, headings, captions and notes that a PDF's tags tell of, in reading order."""
    reader = pypdf.PdfReader(io.BytesIO(data))
    pages = {page.indirect_reference.idnum: n for n, page in enumerate(reader.pages) if page.indirect_reference is not None}
    found: list[Element] = []

    def walk(item: object, page: int, path: tuple[str, ...], inside: Element | None) -> None:
        item = item.get_object() if isinstance(item, pypdf.generic.IndirectObject) else item
        if isinstance(item, int):
            if inside is not None:
                inside.marks.append((page, int(item)))
        elif isinstance(item, list):
            for part in item:
                walk(part, page, path, inside)
        elif isinstance(item, dict):
            page = pages[item.raw_get("/Pg").idnum] if "/Pg" in item else page
            kind = str(item.get("/S", "")).lstrip("/")
            if "/MCID" in item:
                walk(item["/MCID"], page, path, inside)
            elif kind:
                own = kind in TEXTS or re.fullmatch(r"H\d", kind) or (kind in BLOCKS and inside is None)
                if own and (inside is None or inside.kind != "Caption"):
                    inside = Element(kind, path)
                    found.append(inside)
                walk(item.get("/K", []), page, (*path, kind), inside)

    walk(reader.trailer["/Root"]["/StructTreeRoot"]["/K"], 0, (), None)
    return [element for element in found if element.marks]


class Document:
    """A PDF with its structure laid over its glyphs."""

    def __init__(self, data: bytes, geometry: Geometry) -> None:
        self.geometry = geometry
        self.glyphs = glyphs_of(data)
        self.elements = elements_of(data)
        self.by_mark: dict[tuple[int, int], list[Glyph]] = defaultdict(list)
        for glyph in self.glyphs:
            self.by_mark[glyph.page, glyph.mark].append(glyph)
        sizes = [round(glyph.size, 1) for element in self.paragraphs() for glyph in self.within(element)]
        self.size = statistics.mode(sizes)

    def within(self, element: Element) -> list[Glyph]:
        """Return the glyphs of an element in reading order."""
        return [glyph for mark in dict.fromkeys(element.marks) for glyph in self.by_mark[mark]]

    def text(self, element: Element) -> str:
        """Return an element's text without spaces, but for one before each number."""
        return re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=Fig\.)(?=\d)", " ", "".join(glyph.text for glyph in self.within(element)))

    def paragraphs(self) -> Iterator[Element]:
        """Yield the paragraphs of running text: none in tables, lists, quotes, code or captions."""
        apart = {"Table", "L", "BlockQuote", "Code", "TOC", "Note", "Caption", "Figure"}
        return (element for element in self.elements if element.kind == "P" and not apart & set(element.path))

    def lines(self, element: Element) -> list[Line]:
        """Return the lines of an element in reading order; marks and indices, which are small and stand higher or lower, count for none."""
        found: list[list[Glyph]] = []
        for glyph in self.within(element):
            last = found[-1][-1] if found else None
            if glyph.size < 0.75 * self.size and (last is None or abs(last.base - glyph.base) > 0.5):
                continue
            if (
                last is not None
                and last.page == glyph.page
                and abs(last.base - glyph.base) < SAME_LINE_PT
                and glyph.left > found[-1][0].left - 1
            ):
                found[-1].append(glyph)
            else:
                found.append([glyph])
        return [self._line(line) for line in found]

    def _line(self, line: list[Glyph]) -> Line:
        left, right = min(glyph.left for glyph in line), max(glyph.right for glyph in line)
        text = line[0].text + "".join(" " * glyph.spaced + glyph.text for glyph in line[1:])
        return Line(line[0].page, self.geometry.column_of(left), line[0].base, left, right, text)


def outside(document: Document) -> list[str]:
    """Return the glyphs that stand in no zone of the page."""
    zones = document.geometry.zones()
    return [
        f"page {glyph.page + 1}: {glyph.text!r} at {glyph.left:.1f}, {glyph.bottom:.1f}"
        for glyph in document.glyphs
        if not any(zone.holds(glyph) for zone in zones)
    ]


def stranded_headings(document: Document) -> list[str]:
    """Return the headings below which nothing stands in their column that belongs to them. A table right below one may float elsewhere."""
    found = []
    column = document.geometry.column_of
    elements = [element for element in document.elements if "Note" not in {element.kind, *element.path}]
    for n, heading in enumerate(elements):
        if not re.fullmatch(r"H\d?", heading.kind):
            continue
        below = elements[n + 1 :]
        text = (element for element in below if not {"Table", "Caption"} & {element.kind, *element.path})
        end = document.within(heading)[-1]
        starts = [document.within(after)[0] for after in (*below[:1], *itertools.islice(text, 1))]
        if starts and all((end.page, column(end.left)) != (start.page, column(start.left)) for start in starts):
            found.append(f"page {end.page + 1}: {document.text(heading)}")
    return found


def lone_lines(document: Document) -> list[str]:
    """Return the paragraphs of which a single line stands at the foot or the top of a column."""
    found = []
    for paragraph in document.paragraphs():
        lines = [line for line in document.lines(paragraph) if len(line.text) > 1]
        parts: list[list[Line]] = []
        for line in lines:
            if parts and (parts[-1][-1].page, parts[-1][-1].column) == (line.page, line.column):
                parts[-1].append(line)
            else:
                parts.append([line])
        ends = (parts[0], parts[-1]) if len(parts) > 1 else ()
        found += [f"page {part[0].page + 1}: {part[0].text}" for part in ends if len({round(line.base) for line in part}) < 2]
    return found


def line_lengths(document: Document) -> list[int]:
    """Return how many characters, spaces included, each full line has from the abstract to the end, the bibliography included.

    A full line is any but the last of its paragraph that goes from one edge of the paragraph to the other.
    """
    paragraphs = list(document.paragraphs())
    start = next((n for n, element in enumerate(paragraphs) if document.text(element).startswith(ABSTRACTS)), 0)
    return [len(line.text) for paragraph in paragraphs[start:] for line in _full_lines(document.lines(paragraph), document.size)]


def _full_lines(lines: list[Line], size: float) -> list[Line]:
    """Return the full lines of a paragraph; it may stand in two columns or on two pages, of which each part has edges of its own."""
    parts: dict[tuple[int, int], list[Line]] = defaultdict(list)
    for line in lines:
        parts[line.page, line.column].append(line)
    found = []
    for part in parts.values():
        left, right = min(line.left for line in part), max(line.right for line in part)
        found += [line for line in part if line is not lines[-1] and line.right > right - EDGE_PT and line.left < left + 2.5 * size]
    return found


def float_distances(document: Document) -> dict[str, int]:
    """Return for each float how many pages it stands after its first mention; negative where it stands before."""
    captions: dict[str, int] = {}
    for element in document.elements:
        label = FLOAT_LABEL.match(document.text(element)) if element.kind == "Caption" else None
        if label:
            captions.setdefault(_name(label), document.within(element)[0].page)
    mentions: dict[str, int] = {}
    for paragraph in document.paragraphs():
        for mention in MENTION.finditer(document.text(paragraph)):
            mentions.setdefault(_name(mention), document.within(paragraph)[0].page)
    return {name: page - mentions[name] for name, page in captions.items() if name in mentions}


def heights(document: Document, kind: str) -> list[float]:
    """Return how far above the foot of the first page the elements of this kind stand there, in points."""
    found = (document.within(element) for element in document.elements if element.kind == kind)
    return [glyphs[0].base for glyphs in found if glyphs and glyphs[0].page == document.glyphs[0].page]


def _name(match: re.Match[str]) -> str:
    return f"{'Table' if match[1].lower() == 'table' else 'Figure'} {match[2]}"


def report(data: bytes, template: str) -> str:
    """Return all measurements as text."""
    document = Document(data, GEOMETRIES[template])
    lengths = sorted(line_lengths(document))
    middle = f"{lengths[0]} to {lengths[-1]}, median {statistics.median(lengths):g}" if lengths else "none"
    few = sum(not 45 <= length <= 90 for length in lengths)
    return "\n".join(
        [
            f"glyphs outside the text block: {outside(document)[:8]}",
            f"headings left alone: {stranded_headings(document)}",
            f"lines left alone: {lone_lines(document)}",
            f"characters a line: {middle}; {few} of {len(lengths)} not within 45 to 90",
            f"pages from first mention: {float_distances(document)}",
        ]
    )


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        print(report(file.read(), sys.argv[2]))  # noqa: T201 - this is what it is for
