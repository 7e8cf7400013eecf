"""Rewriting literals: nothing but them may change in the parsed paper, or the edit is refused (GRAMMAR rule 28)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError
from paperbuild.paper.edits import Edit, applied, edits, refusal
from paperbuild.paper.literals import agrees
from paperbuild.paper.positions import Match
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.proofreading import Proof
from paperbuild.render.protocol import BoundValue, Request, Scanned, Written


class Synced(msgspec.Struct, frozen=True):
    """A paper with its literals up to date, as far as they could be rewritten.

    ``files`` are the texts of those of its files that are others now, with the number of literals that were rewritten in each;
    ``refused`` are the literals that could not be.
    """

    files: tuple[tuple[str, str, int], ...] = ()
    refused: tuple[Diagnostic, ...] = ()


class Seen(msgspec.Struct, frozen=True):
    """What a text is to pandoc besides the words of its references."""

    scanned: Scanned
    written: Written


class Syncing:
    """Rewrites the literals of one paper, whose references stand where ``match`` says."""

    def __init__(self, proof: Proof, match: Match, worker: PandocWorker) -> None:
        self._proof = proof
        self._match = match
        self._worker = worker
        self._held = {item.candidate.key: item for item in proof.items}
        self._before: Seen | None = None

    def synced(self) -> Synced:
        """Return the paper with every literal up to date that can be written without changing anything else."""
        wanted, refused = edits(self._proof.items, self._proof.lexical, self._proof.sources)
        good = self._sound(wanted)
        made = {edit.candidate.key for edit in good}
        lost = [edit for edit in wanted if edit.candidate.key not in made]
        why, mend = "the paper would be read differently", "move the reference away from what is around it"
        more = tuple(refusal(edit.candidate, edit.new, self._proof.sources, why, mend) for edit in lost)
        return Synced(tuple(self._files(good)), (*refused, *more))

    def _files(self, made: Sequence[Edit]) -> Iterator[tuple[str, str, int]]:
        sources = self._proof.sources
        for path, text, start in zip(sources.paths, sources.texts, sources.starts, strict=True):
            inside = [edit for edit in made if start <= edit.candidate.key < start + len(text)]
            if inside:
                yield path, applied(text, inside, start), len(inside)

    def _sound(self, wanted: Sequence[Edit]) -> tuple[Edit, ...]:
        """Return those of ``wanted`` that change nothing else: all where they can be made together, else by halves."""
        if not wanted or self._is_sound(wanted):
            return tuple(wanted)
        if len(wanted) == 1:
            return ()
        middle = len(wanted) // 2
        good = (*self._sound(wanted[:middle]), *self._sound(wanted[middle:]))
        return good if self._is_sound(good) else ()

    def _is_sound(self, wanted: Sequence[Edit]) -> bool:
        if self._before is None:
            self._before = self._seen(self._proof.sources.text)
        try:
            after = self._seen(applied(self._proof.sources.text, wanted))
        except BuildError:
            return False
        before = self._before
        return _bare(after.scanned) == _bare(before.scanned) and after.written == before.written and self._say_so(after.scanned, wanted)

    def _seen(self, text: str) -> Seen:
        """Return what pandoc makes of ``text`` where every reference stands for the same, whatever its literal: ``write`` binds values."""
        scanned = self._worker.scan(text)
        values = tuple(self._bound(n) for n in range(len(scanned.references)))
        return Seen(scanned, self._worker.write(Request(text, "html", values)))

    def _bound(self, n: int) -> BoundValue:
        place = self._match.places[n] if n < len(self._match.places) else None
        item = self._held.get(place.key) if place is not None else None
        if item is None or item.resolved is None:
            return BoundValue()
        return BoundValue(item.resolved.rendered.pieces, item.resolved.rendered.tex)

    def _say_so(self, scanned: Scanned, wanted: Sequence[Edit]) -> bool:
        """Return whether the rewritten literals read as what they are to say."""
        rewritten = {edit.candidate.key for edit in wanted}
        for mark, place in zip(scanned.references, self._match.places, strict=True):
            item = self._held.get(place.key) if place is not None else None
            if place is None or place.key not in rewritten or item is None or item.resolved is None:
                continue
            if not agrees(mark.literal, item.resolved.rendered):
                return False
        return True


def _bare(scanned: Scanned) -> Scanned:
    """Return what a scan tells besides the words of the references, which also metadata as plain data holds."""
    marks = tuple(msgspec.structs.replace(mark, literal="") for mark in scanned.references)
    return msgspec.structs.replace(scanned, references=marks, meta=dict.fromkeys(scanned.meta, ""))
