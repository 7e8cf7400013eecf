"""What changed between two revisions of a project's papers, as values: what every way of telling it starts from."""

from __future__ import annotations

import msgspec

from paperbuild.provenance.differences import Difference

WORK_TREE = "the work tree"


class Revision(msgspec.Struct, frozen=True):
    """One side: its ``name`` as it was asked for, and the ``commit`` ("": the work tree), its day and the first line of its message."""

    name: str
    commit: str = ""
    date: str = ""
    subject: str = ""

    @property
    def title(self) -> str:
        """The name, with the commit where that is another word."""
        return f"{self.name} ({self.commit[:8]})" if self.commit and not self.commit.startswith(self.name) else self.name


class Place(msgspec.Struct, frozen=True):
    """A line of a source, from 1, and the heading that it stands under."""

    path: str
    line: int
    section: str = ""


class Piece(msgspec.Struct, frozen=True):
    """A stretch of prose: ``change`` is "" where it stayed, "gone" or "new". It begins with the space before it, where there is one."""

    text: str
    change: str = ""


class NumberChange(msgspec.Struct, frozen=True):
    """A reference to a value. ``old`` and ``new`` are what is printed, None where there is no such reference.

    ``kind`` is "changed" (it comes to another value), "rebound" (it is another reference: ``was`` and ``expression``), "new", "gone", or
    "unknown" where one side has no result. ``relative`` is the change as a share of the old value, None where it has none.
    """

    kind: str
    expression: str
    place: Place
    old: str | None = None
    new: str | None = None
    was: str = ""
    relative: float | None = None
    sentence: tuple[Piece, ...] = ()


class ClaimSide(msgspec.Struct, frozen=True):
    """A claim on one side: whether it holds (None: there is no result), and on what values."""

    holds: bool | None
    compared: tuple[str, ...] = ()


class ClaimChange(msgspec.Struct, frozen=True):
    """A claim that flipped, or that only one side has ("new", "gone"). ``words`` are the paper's for it."""

    kind: str
    words: str
    expression: str
    place: Place
    old: ClaimSide | None = None
    new: ClaimSide | None = None
    sentence: str = ""


class ProseChange(msgspec.Struct, frozen=True):
    """A passage that was edited, is "new" or "gone", or was "moved" (and perhaps edited); ``was`` is where it stood before."""

    kind: str
    place: Place
    pieces: tuple[Piece, ...]
    was: Place | None = None

    @property
    def is_edited(self) -> bool:
        """Whether its words changed."""
        return any(piece.change for piece in self.pieces)


class CellChange(msgspec.Struct, frozen=True):
    """A cell: its row and column by their headings, and what is printed on either side."""

    row: str
    column: str
    old: str
    new: str
    relative: float | None = None


class TableChange(msgspec.Struct, frozen=True):
    """A data table: which cells are others, which rows and columns came and went. ``kind`` is "changed", "new", "gone" or "unknown"."""

    kind: str
    name: str
    path: str
    place: Place
    cells: tuple[CellChange, ...] = ()
    rows_new: tuple[str, ...] = ()
    rows_gone: tuple[str, ...] = ()
    columns_new: tuple[str, ...] = ()
    columns_gone: tuple[str, ...] = ()
    note: str = ""


class DataChange(msgspec.Struct, frozen=True):
    """A data file that the figure's target read: the first of ``count`` values that are others. ``note``: what their places do not say."""

    path: str
    differences: tuple[Difference, ...] = ()
    count: int = 0
    note: str = ""


class Drawn(msgspec.Struct, frozen=True):
    """A page of a figure as PNG on either side, and what is different on it marked; b"" where there is none."""

    old: bytes = b""
    new: bytes = b""
    marked: bytes = b""


class FigureChange(msgspec.Struct, frozen=True):
    """A figure: ``places`` say in words where it looks different, ``share`` how much of it does, ``data`` which of its data are others.

    ``kind`` is "changed", "new", "gone" or "unknown". ``path`` is the file's now, or where there is none, before.
    """

    kind: str
    name: str
    path: str
    place: Place
    places: tuple[str, ...] = ()
    share: float = 0.0
    data: tuple[DataChange, ...] = ()
    note: str = ""
    drawn: Drawn = Drawn()


class TargetChange(msgspec.Struct, frozen=True):
    """An action whose recorded run is another one.

    ``kind`` is "results differ", "same results" (it ran, and made the same), "new", "gone", or "no result" where one side has none:
    ``missing`` says which. ``outputs`` are the paths of those that differ, ``reasons`` what its runs have not in common.
    """

    kind: str
    action: str
    target: str
    outputs: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class PaperChange(msgspec.Struct, frozen=True):
    """What changed in one paper; each in the order of the new text. ``kind`` is "" where both sides have it, else "new" or "gone"."""

    name: str
    kind: str = ""
    numbers: tuple[NumberChange, ...] = ()
    claims: tuple[ClaimChange, ...] = ()
    tables: tuple[TableChange, ...] = ()
    figures: tuple[FigureChange, ...] = ()
    prose: tuple[ProseChange, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing changed."""
        return not (self.kind or self.numbers or self.claims or self.tables or self.figures or self.prose)


class Changes(msgspec.Struct, frozen=True):
    """What changed from ``old`` to ``new``."""

    old: Revision
    new: Revision
    papers: tuple[PaperChange, ...]
    targets: tuple[TargetChange, ...]

    @property
    def is_same(self) -> bool:
        """Whether there is no difference; results that are missing are none."""
        return all(paper.is_same for paper in self.papers) and all(target.kind == "no result" for target in self.targets)
