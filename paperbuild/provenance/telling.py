"""The words that every way of telling a change uses: amounts, kinds, counts, and how much of a long passage is shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from paperbuild.phrases import listed
from paperbuild.provenance.changes import WORK_TREE, Changes, ClaimChange, FigureChange, PaperChange, Piece, TableChange, TargetChange

_AROUND = 70
"""Characters that are shown of what stayed, on either side of a change."""

NOTHING = "no result"


def percent(relative: float | None) -> str:
    """Return a relative change as it is read: "+1.3 %"; "" where there is none, or none that could be seen."""
    if relative is None or not relative:
        return ""
    share = abs(relative) * 100
    digits = 0 if share >= 100 else 1 if share >= 0.95 else 2
    sign = "+" if relative > 0 else "\N{MINUS SIGN}"
    return f"{sign}{share:,.{digits}f} %" if round(share, digits) else f"{sign}<0.01 %"


_LONG = 9


def short(text: str) -> str:
    """Return a value of a data file with as many digits as tell something at a glance; what is no long number as it is."""
    try:
        return f"{float(text):.6g}" if len(text) > _LONG and "." in text else text
    except ValueError:
        return text


def excerpt(pieces: Sequence[Piece], around: int = _AROUND) -> tuple[Piece, ...]:
    """Return ``pieces`` with what stayed cut down to what stands near a change."""
    found = []
    for n, piece in enumerate(pieces):
        is_first, is_last = n == 0, n == len(pieces) - 1
        found.append(piece if piece.change else Piece(_cut(piece.text, around, is_first=is_first, is_last=is_last)))
    return tuple(found)


def _cut(text: str, around: int, *, is_first: bool, is_last: bool) -> str:
    if len(text) <= 2 * around:
        return text
    head, tail = ("" if is_first else text[:around].rpartition(" ")[0]), ("" if is_last else text[-around:].partition(" ")[2])
    if is_first and is_last:
        return f"{text[:around].rpartition(' ')[0]} …"
    return " ".join(filter(None, (head, "…", tail))) if head or tail else "…"


class Group(msgspec.Struct, frozen=True):
    """Cells of one target of which the same is to be told: ``one`` of them, and how many there are."""

    one: TargetChange
    count: int

    @property
    def name(self) -> str:
        """The action, or the target with the number of its cells."""
        return self.one.action if self.count == 1 else f"{self.one.target} ({self.count} cells)"


def grouped(targets: Iterable[TargetChange]) -> tuple[Group, ...]:
    """Return targets with those of their cells together of which the same is to be told."""
    found: dict[tuple[object, ...], list[TargetChange]] = {}
    for target in targets:
        found.setdefault((target.target, target.kind, target.missing, _alike(target)), []).append(target)
    return tuple(Group(cells[0], len(cells)) for cells in found.values())


def _alike(target: TargetChange) -> tuple[str, ...]:
    return target.reasons if target.kind != "no result" else ()


def verdict(claim: ClaimChange) -> str:
    """Return what became of a claim."""
    if claim.kind == "flipped":
        return "holds now" if claim.new is not None and claim.new.holds else "no longer holds"
    if claim.kind == "unknown":
        return "cannot be compared"
    side = claim.old if claim.kind == "gone" else claim.new
    holds = "holds" if side is not None and side.holds else "does not hold" if side is not None and side.holds is False else "has no result"
    return {"new": f"new, {holds}", "gone": "gone", "rewritten": f"rewritten, {holds}"}[claim.kind]


def is_bad(claim: ClaimChange) -> bool:
    """Return whether a claim is false now."""
    return claim.new is not None and claim.new.holds is False


def looks(figure: FigureChange) -> str:
    """Return in short how a figure changed."""
    if figure.kind in {"new", "gone"}:
        return figure.kind
    if figure.kind == "unknown":
        return f"cannot be compared: {figure.note}"
    return f"{figure.share:.2%} of the pixels look different" if figure.places else figure.note


def table_words(table: TableChange) -> str:
    """Return in short how a table changed."""
    if table.kind in {"new", "gone"}:
        return table.kind
    if table.kind == "unknown":
        return f"cannot be compared: {table.note}"
    counts = [count(len(table.cells), "cell")] if table.cells else []
    for words, names in comings(table):
        counts.append(f"{len(names)} {words if len(names) > 1 else words.replace('s ', ' ')}")
    return ", ".join(counts)


def comings(table: TableChange) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield which rows and columns came and went, as there are any: "rows new" and their names."""
    parts = (
        ("rows new", table.rows_new),
        ("rows gone", table.rows_gone),
        ("columns new", table.columns_new),
        ("columns gone", table.columns_gone),
    )
    yield from ((words, names) for words, names in parts if names)


def count(number: int, what: str) -> str:
    """Return "1 number", "2 numbers"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def totals(paper: PaperChange) -> tuple[str, ...]:
    """Return what changed in a paper as counts, the most important first."""
    flipped = [claim for claim in paper.claims if claim.kind == "flipped"]
    parts = (
        (len(flipped), "claim flipped", "claims flipped"), (len(paper.claims) - len(flipped), "other claim", "other claims"),
        (len(paper.numbers), "number", "numbers"), (len(paper.tables), "table", "tables"), (len(paper.figures), "figure", "figures"),
        (len(paper.prose), "passage", "passages"),
    )  # fmt: skip
    return tuple(f"{n} {one if n == 1 else many}" for n, one, many in parts if n)


def summary(changes: Changes) -> str:
    """Return all in one line: "1 claim flipped, 5 numbers, 1 table; 3 targets"."""
    several = len(changes.papers) > 1
    said = [
        f"{paper.name}: {paper.kind or ', '.join(totals(paper))}" if several else ", ".join(totals(paper))
        for paper in changes.papers
        if not paper.is_same
    ]
    names = dict.fromkeys(target.target for target in changes.targets if target.kind != "no result")
    said += [count(len(names), "target")] if names else []
    return "; ".join(filter(None, said)) or "no differences"


def missing(changes: Changes) -> Iterator[tuple[str, tuple[Group, ...]]]:
    """Yield for each side on which results are missing what there is to say of it, and the targets."""
    for name in dict.fromkeys((changes.old.name, changes.new.name)):
        found = grouped(target for target in changes.targets if name in target.missing)
        if found:
            is_now = name == WORK_TREE
            yield f"Out of date in {name}, compared as it stands" if is_now else f"No result at {name}", found


def why(target: TargetChange) -> str:
    """Return what a run has not in common with the one before, in short."""
    return listed(target.reasons, 2) if len(target.reasons) > 1 else next(iter(target.reasons), "")
