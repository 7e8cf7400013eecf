"""What the pandoc worker is asked, and what it answers: the protocol of ``filters/worker.lua``, as types.

Requests carry everything (the paper, bibliographies, the citation style), because pandoc opens no file of the project; answers come
in the order in which :class:`Scanned` lists what it found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from paperbuild.paper.chunks import Seen
from paperbuild.paper.formats import Piece
from paperbuild.paper.positions import Surfaced
from paperbuild.render.parts import Affiliation, Author, Format, Heading, Publication
from paperbuild.render.patches import Unit


class Mark(msgspec.Struct, frozen=True, rename={"where": "in"}):
    """A reference: ``kind`` is "value", "claim" or "math-value", ``literal`` the author's words for it."""

    seq: int
    kind: Literal["value", "claim", "math-value"]
    key: str
    text: str
    literal: str = ""
    where: str = "body"


class ScannedImage(msgspec.Struct, frozen=True, rename={"where": "in"}):
    """An image of the paper as the author wrote it; ``seq`` counts references and images together, ``where`` is "body" or "meta"."""

    seq: int
    path: str
    id: str = ""
    classes: tuple[str, ...] = ()
    attributes: Mapping[str, str] = {}
    where: str = "body"


class ScannedInclude(msgspec.Struct, frozen=True):
    """Code that stands in the file ``path``; ``lines`` and ``part`` say which of it, ``text`` is what stands in the paper."""

    path: str
    lines: str = ""
    part: str = ""
    text: str = ""
    id: str = ""


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with the paper. ``kind`` says what, ``text`` which, ``detail`` why; ``n`` counts images, libraries or lines from 1.

    In a formula, ``token`` is what cannot be read, and ``at`` where it stands in ``text``, in characters from 0; where ``n`` is a line,
    ``at`` is the column, from 1.
    """

    kind: str
    text: str
    n: int = 0
    detail: str = ""
    token: str = ""
    at: int = 0


class Scanned(msgspec.Struct, frozen=True):
    """What a paper holds, in the order in which :class:`Request` must answer it. ``meta`` is its metadata as plain data."""

    references: tuple[Mark, ...] = ()
    strays: tuple[Mapping[str, str], ...] = ()
    images: tuple[ScannedImage, ...] = ()
    citations: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    meta: Mapping[str, object] = {}
    chunks: tuple[Seen, ...] = ()
    includes: tuple[ScannedInclude, ...] = ()

    def surfaced(self) -> tuple[Surfaced, ...]:
        """Return the references, in order, and after them the codes of a tagged parse that surfaced elsewhere."""
        found = tuple(Surfaced(mark.kind, mark.key, mark.text, mark.where) for mark in self.references)
        return found + tuple(Surfaced("stray", item["key"], "", "body", item["node"]) for item in self.strays)


class Block(msgspec.Struct, frozen=True):
    """A block of a paper's text: what pandoc calls it ("Para"), and what it begins with in the source: its words, its code, a path."""

    kind: str
    text: str


class BoundValue(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands for a reference: ``pieces`` in text, ``tex`` in mathematics; nothing of either leaves the author's words.

    ``stale`` says that it is of a result that is not up to date.
    """

    pieces: tuple[Piece, ...] = ()
    tex: str = ""
    provenance: int | None = None
    stale: bool = False


class BoundCell(msgspec.Struct, frozen=True, omit_defaults=True):
    """A cell of a data table: ``pieces``, or ``markdown`` to be read by pandoc.

    ``mark`` is "best" or "second" where the cell is set off, ``value`` what it is sorted by where that is not its text; ``across`` and
    ``down`` count the columns and rows that it takes.
    """

    pieces: tuple[Piece, ...] = ()
    markdown: str = ""
    mark: Literal["", "best", "second"] = ""
    value: str | None = None
    across: int = 1
    down: int = 1


class BoundGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows of a table that belong together, under a heading where there is one; a row lacks the cells that one above it covers."""

    rows: tuple[tuple[BoundCell, ...], ...] = ()
    heading: BoundCell | None = None


class BoundTable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A data table. ``align`` has "left", "right" or "center" for each column; ``notes`` are Markdown.

    ``decimal`` names the columns, from 1, whose numbers are set with their decimal points below each other, each with the sign that
    is the point there: "2. 4,". The first ``row_heads`` cells of a row head it.
    """

    align: tuple[str, ...] = ()
    decimal: str = ""
    head: tuple[tuple[BoundCell, ...], ...] = ()
    groups: tuple[BoundGroup, ...] = ()
    row_heads: int = 0
    notes: str = ""


class BoundImage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What becomes of an image: a picture at ``src``, a table, or a text to be shown as it is."""

    kind: Literal["path", "table", "text"]
    src: str = ""
    table: BoundTable | None = None
    provenance: int | None = None
    text: str = ""


class BoundCode(msgspec.Struct, frozen=True, omit_defaults=True):
    """Code of a file: ``text`` begins with its line ``first``; ``language`` is what its name tells."""

    text: str = ""
    first: int = 1
    language: str = ""


class Library(msgspec.Struct, frozen=True):
    """A bibliography's text, and which of pandoc's readers takes it ("biblatex", "csljson", "ris", …)."""

    format: str
    text: str


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """A paper to write. ``values``, ``images`` and ``includes`` answer :class:`Scanned` one by one.

    ``csl`` is a style's XML ("" for the default).

    ``number_within`` is "", "section" or "chapter": floats are numbered anew within each heading of level 1, which is called so.
    ``reference_names`` and ``caption_names`` are "long" or "short" ("Fig. 1"), ``reference_range`` is "dash" or "word" ("1 to 3").
    ``offsets``, one for each :class:`Block` of the paper, become marks in front of the blocks (see :mod:`paperbuild.render.marks`); -1
    becomes none. ``sections`` follows the paper: it has the letters that each of its sections' headings begins with,
    and ``revision`` is a number that no request before had; what is kept under the number ``replaces`` is forgotten.
    """

    text: str
    format: Format
    values: tuple[BoundValue, ...] = ()
    images: tuple[BoundImage, ...] = ()
    includes: tuple[BoundCode, ...] = ()
    bibliography: tuple[Library, ...] = ()
    csl: str = ""
    lang: str = ""
    number_sections: bool = False
    columns: int = 1
    needs_alt: bool = False
    number_within: str = ""
    reference_names: str = "long"
    caption_names: str = "long"
    reference_range: str = "dash"
    offsets: tuple[int, ...] = ()
    sections: tuple[str, ...] | None = None
    revision: int = 0
    replaces: int = 0


class Written(msgspec.Struct, frozen=True, rename="kebab"):
    """A paper in its target format: fragments, the outline, and what went wrong. ``labels`` says how the n-th image (from 1) is called.

    A paper that is followed has ``units`` and ``notes`` instead of a body (see :mod:`paperbuild.render.patches`), and in ``unfollowed`` why
    no section of it can be written by itself ("" where one can); ``cited`` counts the runs of citeproc.
    """

    body: str
    title: str = ""
    subtitle: str = ""
    date: str = ""
    abstract: str = ""
    plain_title: str = ""
    plain_abstract: str = ""
    plain_date: str = ""
    keywords: tuple[str, ...] = ()
    authors: tuple[Author, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()
    outline: tuple[Heading, ...] = ()
    problems: tuple[Problem, ...] = ()
    labels: Mapping[str, str] = {}
    citation_keys: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    theorems: tuple[tuple[str, str], ...] = ()
    document: bytes = b""
    preamble: str = ""
    publication: Publication = Publication()
    units: tuple[Unit, ...] = ()
    notes: str = ""
    unfollowed: str = ""
    cited: int = 0
