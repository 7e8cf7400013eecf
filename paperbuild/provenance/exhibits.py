"""What changed in a paper's tables and figures: cells, pixels, and of a figure which of its data. Pure, given a way to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from paperbuild.paper.edition import Cell, Edition, Exhibit, Grid
from paperbuild.provenance.changes import CellChange, DataChange, Drawn, FigureChange, Place, TableChange
from paperbuild.provenance.comparing import relative
from paperbuild.provenance.differences import Draw, compare
from paperbuild.provenance.pictures import Place as Spot
from paperbuild.provenance.pictures import compare_pages, marked

MOST_PAGES = 20
"""Pages of a figure that are looked at: figures have one."""

Paired = tuple[Exhibit | None, Exhibit | None]


class Side(msgspec.Struct, frozen=True):
    """An edition, and for each action the data files that it read: their contents by path."""

    edition: Edition
    data: Mapping[str, Mapping[str, bytes]]

    def place(self, exhibit: Exhibit) -> Place:
        """Return where the paper names an exhibit."""
        path, line = self.edition.line(exhibit.offset)
        section = next((p.section for p in self.edition.passages if p.start <= exhibit.offset < p.end), "")
        return Place(path, line, section)


def exhibit_changes(old: Side, new: Side, draw: Draw) -> tuple[tuple[TableChange, ...], tuple[FigureChange, ...]]:
    """Return the tables and the figures that are not as they were, in the order of the new paper; what is gone comes last."""
    tables: list[TableChange] = []
    figures: list[FigureChange] = []
    for before, after in _paired(old.edition.exhibits, new.edition.exhibits):
        here = after or before
        assert here is not None
        place = (new if after else old).place(here)
        kind = "" if before is not None and after is not None else "new" if before is None else "gone"
        if (before or here).kind == (after or here).kind == "table":
            table = TableChange(kind, here.name, here.path, place)
            tables += [table] if kind else _table(table, before, after)
        else:
            figure = FigureChange(kind, here.name, here.path, place)
            figures += [_alone(figure, here, draw)] if kind else _figure(figure, (before, after), (old, new), draw)
    return tuple(tables), tuple(figures)


def _paired(old: Sequence[Exhibit], new: Sequence[Exhibit]) -> Iterator[Paired]:
    """Yield which exhibit became which: by their ids, else by their files."""
    left = dict(enumerate(old))
    partners: dict[int, int] = {}
    for key in ("id", "path"):
        for n, exhibit in enumerate(new):
            wanted = getattr(exhibit, key)
            found = next((m for m, other in left.items() if wanted and getattr(other, key) == wanted), None)
            if n not in partners and found is not None:
                partners[n] = found
                del left[found]
    for n, exhibit in enumerate(new):
        yield (old[partners[n]] if n in partners else None), exhibit
    for exhibit in left.values():
        yield exhibit, None


# --- tables


def _table(change: TableChange, old: Exhibit | None, new: Exhibit | None) -> Iterator[TableChange]:
    assert old is not None
    assert new is not None
    if old.grid is None or new.grid is None:
        if old.content is None and new.content is None:
            return
        if old.content != new.content:
            note = "there is no result of it" if None in (old.content, new.content) else "it cannot be shown as a table"
            yield msgspec.structs.replace(change, kind="unknown", note=note)
        return
    cells, rows, columns = _cells(old.grid, new.grid)
    if cells or any(rows) or any(columns):
        yield msgspec.structs.replace(
            change, kind="changed", cells=cells, rows_gone=rows[0], rows_new=rows[1], columns_gone=columns[0], columns_new=columns[1]
        )


Names = tuple[tuple[str, ...], tuple[str, ...]]


def _cells(old: Grid, new: Grid) -> tuple[tuple[CellChange, ...], Names, Names]:
    """Return which cells differ, and the rows and columns that went and came."""
    heads = [_unique(grid.columns) for grid in (old, new)]
    columns = _gone_and_come(*heads)
    keys = _key_columns(old, new, heads)
    names = [_row_names(grid, head, keys) for grid, head in zip((old, new), heads, strict=True)]
    after = {name: n for n, name in enumerate(names[1])}
    changed = []
    for n, name in enumerate(names[0]):
        if name not in after:
            continue
        for column in (column for column in heads[0] if column in heads[1] and column not in keys):
            a, b = old.rows[n][heads[0].index(column)], new.rows[after[name]][heads[1].index(column)]
            if a.text != b.text:
                changed.append((after[name], heads[1].index(column), CellChange(name, column, a.text, b.text, _relative(a, b))))
    return tuple(cell for *_, cell in sorted(changed, key=lambda one: one[:2])), _gone_and_come(*names), columns


def _relative(old: Cell, new: Cell) -> float | None:
    return relative(old.value or old.text, new.value or new.text)


def _gone_and_come(old: Sequence[str], new: Sequence[str]) -> Names:
    return tuple(name for name in old if name not in new), tuple(name for name in new if name not in old)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for n, name in enumerate(names, 1):
        plain = name or f"column {n}"
        found.append(plain if plain not in found else f"{plain} (column {n})")
    return tuple(found)


def _key_columns(old: Grid, new: Grid, heads: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the columns that name the rows: the first that both have, and more that hold no numbers while rows have the same names."""
    both = [column for column in heads[0] if column in heads[1]]
    keys = both[:1]
    for column in both[1:]:
        places = [[head.index(key) for key in keys] for head in heads]
        if all(_are_distinct(grid, place) for grid, place in zip((old, new), places, strict=True)):
            break
        if all(_holds_words(grid, head.index(column)) for grid, head in zip((old, new), heads, strict=True)):
            keys.append(column)
    return tuple(keys)


def _are_distinct(grid: Grid, places: Sequence[int]) -> bool:
    named = [tuple(row[place].text for place in places) for row in grid.rows]
    return len(set(named)) == len(named)


def _holds_words(grid: Grid, column: int) -> bool:
    return not any(row[column].text[:1].lstrip("-\N{MINUS SIGN}").isdigit() or row[column].value for row in grid.rows)


def _row_names(grid: Grid, head: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    """Return what each row is called; a number says of what it is one, and rows that are called the same are counted."""
    counts: dict[str, int] = {}
    found = []
    for n, row in enumerate(grid.rows, 1):
        cells = ((key, row[head.index(key)].text) for key in keys)
        name = ", ".join(f"{key} {text}" if text[:1].isdigit() else text for key, text in cells) or f"row {n}"
        counts[name] = counts.get(name, 0) + 1
        found.append(name if counts[name] == 1 else f"{name} (no. {counts[name]})")
    return tuple(found)


# --- figures


def _alone(change: FigureChange, exhibit: Exhibit, draw: Draw) -> FigureChange:
    page = _first(exhibit.content, draw)
    return msgspec.structs.replace(change, drawn=Drawn(page, b"") if change.kind == "gone" else Drawn(b"", page))


def _first(content: bytes | None, draw: Draw) -> bytes:
    drawn = None if content is None else draw(content)
    return b"" if drawn is None else next(drawn, b"")


def _figure(change: FigureChange, pair: Paired, sides: tuple[Side, Side], draw: Draw) -> Iterator[FigureChange]:
    old, new = pair
    assert old is not None
    assert new is not None
    if old.content == new.content:
        return
    if old.content is None or new.content is None:
        drawn = Drawn(_first(old.content, draw), _first(new.content, draw))
        yield msgspec.structs.replace(change, kind="unknown", note="there is no result of it", drawn=drawn)
        return
    data = tuple(_data(*(side.data.get(exhibit.action, {}) for side, exhibit in zip(sides, (old, new), strict=True))))
    before, after = _pages(old.content, draw), _pages(new.content, draw)
    if not before or not after:
        found = compare(new.path, old.content, new.content, None, lambda _: None)
        note = "it cannot be drawn; " + (found.note or ", ".join(place.where for place in found.differences[:1]))
        yield msgspec.structs.replace(change, kind="changed", note=note.rstrip("; "), data=data)
        return
    looks = compare_pages(before, after)
    at = next((place.page - 1 for place in looks.places), 0)
    shown = [side[at] if at < len(side) else b"" for side in (before, after)]
    yield msgspec.structs.replace(
        change, kind="changed", data=data, share=looks.share,
        places=tuple(_where(place, max(len(before), len(after))) for place in looks.places),
        note="" if looks.places else "drawn, it is the same picture: its file was written in another way",
        drawn=Drawn(shown[0], shown[1], marked(shown[0], shown[1]) if all(shown) else b""),
    )  # fmt: skip


def _pages(content: bytes, draw: Draw) -> list[bytes]:
    drawn = draw(content)
    return [] if drawn is None else [*islice(drawn, MOST_PAGES)]


def _where(place: Spot, pages: int) -> str:
    """Return in words where two pictures of so many ``pages`` look different."""
    page = f"page {place.page}: " if pages > 1 else ""
    if place.box is None:
        is_there = "" if place.what.startswith("it is") else place.what
        return page + (is_there or "only one of the two has it")
    left, top, right, bottom = place.box
    return f"{page}pixels {left},{top} to {right},{bottom}{'' if place.share else ', by less than one sees'}"


def _data(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[DataChange]:
    for path in sorted(old.keys() | new.keys()):
        if path not in new:
            yield DataChange(path, note="is not read any more")
        elif path not in old:
            yield DataChange(path, note="was not read before")
        elif old[path] != new[path]:
            found = compare(path, old[path], new[path], None, lambda _: None)
            yield DataChange(path, found.differences, found.count, found.note)
