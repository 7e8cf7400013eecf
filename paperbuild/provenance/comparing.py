"""What changed between two editions of a paper in its words: prose, references to values, claims. Pure.

There is one comparison of the words; a reference that stayed is one that stayed there, so no number is reported at two places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from paperbuild.paper.agreement import Held, literal_of
from paperbuild.paper.edition import Edition
from paperbuild.paper.passages import Passage, Word, sentence, spelled
from paperbuild.provenance.alignment import Pair, Run, pairs, readable, runs
from paperbuild.provenance.changes import ClaimChange, ClaimSide, NumberChange, Piece, Place, ProseChange

_DIGITS = r"[-+\u2212]?\d[\d,\u2009\u202f]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
_NUMBER = re.compile(rf"(?P<number>{_DIGITS})(?:\s*±\s*{_DIGITS})?(?:\s*%|\s+[^\W\d]\S*)?")


class Aligned(msgspec.Struct, frozen=True):
    """An old passage and the new one, None where there is none, and how the words of one became those of the other."""

    old: Passage | None
    new: Passage | None
    runs: tuple[Run, ...]
    moved: bool = False

    @property
    def is_edited(self) -> bool:
        """Whether any word is another one."""
        return any(not run.same for run in self.runs)

    def words(self, run: Run) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
        """Return the words of a run on either side."""
        old = () if self.old is None else self.old.words[run.a0 : run.a1]
        new = () if self.new is None else self.new.words[run.b0 : run.b1]
        return old, new


def aligned(old: Edition, new: Edition) -> tuple[Aligned, ...]:
    """Return the passages of two editions, each with what it became, in the order of the new one."""
    found = pairs([passage.keys for passage in old.passages], [passage.keys for passage in new.passages])
    return tuple(_aligned(old, new, pair) for pair in found)


def _aligned(old: Edition, new: Edition, pair: Pair) -> Aligned:
    before = None if pair.old is None else old.passages[pair.old]
    after = None if pair.new is None else new.passages[pair.new]
    if before is None or after is None:
        lengths = [0 if passage is None else len(passage.words) for passage in (before, after)]
        return Aligned(before, after, (Run(False, 0, lengths[0], 0, lengths[1]),))

    def weight(run: Run) -> int | None:
        words = after.words[run.b0 : run.b1]
        return None if any(word.held for word in words) else sum(any(map(str.isalnum, word.key)) for word in words)

    found = runs(before.keys, after.keys)
    return Aligned(before, after, readable(found, weight), pair.moved)


# --- prose


def prose_changes(old: Edition, new: Edition, found: Iterable[Aligned]) -> Iterator[ProseChange]:
    """Yield the passages that are not as they were; one in which only values are others is."""
    for one in found:
        if one.old is None and one.new is not None:
            yield ProseChange("new", _place(new, one.new), (Piece(_told(one.new.words), "new"),))
        elif one.new is None and one.old is not None:
            yield ProseChange("gone", _place(old, one.old), (Piece(_told(one.old.words), "gone"),))
        elif one.old is not None and one.new is not None and (one.moved or one.is_edited):
            was = _place(old, one.old)
            yield ProseChange("moved" if one.moved else "edited", _place(new, one.new), tuple(_pieces(one)), was)


def _place(edition: Edition, passage: Passage, word: Word | None = None) -> Place:
    return Place(*edition.line(passage.start if word is None else word.start), passage.section)


def _pieces(one: Aligned) -> Iterator[Piece]:
    """Yield the words of an edited passage; what changed and cannot be read (attributes, a path) is shown as it stands in the source."""
    for run in one.runs:
        old, new = one.words(run)
        if run.same:
            yield Piece(_spaced(new) + spelled(new))
        else:
            yield from (Piece(_spaced(words) + _told(words), change) for words, change in ((old, "gone"), (new, "new")) if words)


def _spaced(words: Sequence[Word]) -> str:
    return " " if words and words[0].spaced else ""


def _told(words: Sequence[Word]) -> str:
    return spelled(words) or spelled(msgspec.structs.replace(word, text=word.key.removeprefix("claim:")) for word in words)


# --- references


class _Bound(msgspec.Struct, frozen=True):
    """A reference where it stands: in which pair of passages, as which word."""

    one: Aligned
    passage: Passage
    at: int
    item: Held

    @property
    def key(self) -> str:
        return f"{self.item.candidate.kind}:{self.item.candidate.text}"


def _bound(edition: Edition, one: Aligned, passage: Passage, at: int) -> Iterator[_Bound]:
    for number in passage.words[at].held:
        yield _Bound(one, passage, at, edition.items[number])


Paired = tuple[_Bound | None, _Bound | None]


def _paired(old: Edition, new: Edition, found: Sequence[Aligned]) -> list[Paired]:
    """Return which reference became which: those at words that stayed, those that say the same elsewhere, those in one another's place."""
    stayed: list[Paired] = []
    gone: list[_Bound] = []
    come: list[_Bound] = []
    for one in found:
        for run in one.runs:
            before = [b for n in range(run.a0, run.a1) if one.old for b in _bound(old, one, one.old, n)]
            after = [b for n in range(run.b0, run.b1) if one.new for b in _bound(new, one, one.new, n)]
            if run.same:
                stayed += zip(before, after, strict=True)
            else:
                gone, come = gone + before, come + after
    by_key: dict[str, list[_Bound]] = {}
    for bound in gone:
        by_key.setdefault(bound.key, []).append(bound)
    rest = []
    for bound in come:
        same = by_key.get(bound.key)
        if same:
            stayed.append((same.pop(0), bound))
        else:
            rest.append(bound)
    left = [bound for found_ in by_key.values() for bound in found_]
    for bound in rest:
        near = next((b for b in left if b.one is bound.one and b.item.candidate.kind == bound.item.candidate.kind), None)
        if near is not None:
            left.remove(near)
        stayed.append((near, bound))
    return [*stayed, *((bound, None) for bound in left)]


def reference_changes(
    old: Edition, new: Edition, found: Sequence[Aligned]
) -> tuple[tuple[NumberChange, ...], tuple[ClaimChange, ...]]:  # fmt: skip
    """Return the references to values and the claims that are not as they were, in the order of the new text; what is gone comes last."""

    def order(paired: Paired) -> tuple[bool, int]:
        before, after = paired
        if after is not None:
            return False, after.item.candidate.key
        return True, 0 if before is None else before.item.candidate.key

    ordered = sorted(_paired(old, new, found), key=order)
    numbers = (_number(old, new, *paired) for paired in ordered if not _is_claim(paired))
    claims = (_claim(old, new, *paired) for paired in ordered if _is_claim(paired))
    return tuple(filter(None, numbers)), tuple(filter(None, claims))


def _is_claim(paired: Paired) -> bool:
    bound = paired[0] or paired[1]
    return bound is not None and bound.item.candidate.kind == "claim"


def _number(old: Edition, new: Edition, before: _Bound | None, after: _Bound | None) -> NumberChange | None:
    here = after or before
    assert here is not None
    place = _place(new if after else old, here.passage, here.passage.words[here.at])
    expression = here.item.candidate.text
    texts = [_printed(bound) for bound in (before, after)]
    if before is None or after is None:
        kind = "new" if before is None else "gone"
        around = _around(new if after else old, here, None, kind)
        return NumberChange(kind, expression, place, texts[0], texts[1], sentence=around)
    is_rebound = before.key != after.key
    if before.item.resolved is None or after.item.resolved is None:
        if before.item.resolved is after.item.resolved and not is_rebound:
            return None  # neither side has a result
        return NumberChange("unknown", expression, place, texts[0], texts[1], sentence=_around(new, after, None, ""))
    if texts[0] == texts[1] and not is_rebound:
        return None
    return NumberChange(
        "rebound" if is_rebound else "changed", expression, place, texts[0], texts[1],
        was=before.item.candidate.text if is_rebound else "",
        relative=relative(before.item.resolved.value, after.item.resolved.value),
        sentence=_around(new, after, before),
    )  # fmt: skip


def _printed(bound: _Bound | None) -> str | None:
    return None if bound is None or bound.item.resolved is None else bound.item.resolved.rendered.text


def relative(old: str, new: str) -> float | None:
    """Return by what share of itself a number became another; of a mean and its deviation, the mean. None where that is no number."""
    found = [_NUMBER.fullmatch(text.strip()) for text in (old, new)]
    if found[0] is None or found[1] is None:
        return None
    a, b = (float(re.sub(r"[,\u2009\u202f]", "", match["number"]).replace("\N{MINUS SIGN}", "-")) for match in found if match)
    return (b - a) / abs(a) if a else None


def _around(edition: Edition, bound: _Bound, before: _Bound | None, change: str = "new") -> tuple[Piece, ...]:
    """Return the sentence that a reference stands in; it is marked as ``change``, the one that was there ``before`` stands before it."""
    words = bound.passage.words
    if bound.passage.kind == "code":
        return ()
    first, last = _sentence(edition, bound)
    word, behind = words[bound.at], words[bound.at + 1 : last]
    space = _spaced((word,)) if bound.at > first else ""
    gone: tuple[Piece, ...] = ()
    if before is not None:
        gone = (Piece(space + before.passage.words[before.at].text, "gone"),)
    pieces = (
        Piece(spelled(words[first : bound.at])), *gone, Piece(space + word.text, change), Piece(_spaced(behind) + spelled(behind))
    )  # fmt: skip
    return tuple(piece for piece in pieces if piece.text.strip())


def _sentence(edition: Edition, bound: _Bound) -> tuple[int, int]:
    """Return which words of the passage are the sentence, or in a table the row, that a reference stands in."""
    words, text = bound.passage.words, edition.sources.text
    if not text.startswith("|", words[0].start):
        return sentence(words, bound.at)
    start = text.rfind("\n", 0, words[bound.at].start) + 1
    end = text.find("\n", words[bound.at].end)
    inside = [n for n, word in enumerate(words) if start <= word.start and (word.start < end or end < 0)]
    return inside[0], inside[-1] + 1


# --- claims


def _claim(old: Edition, new: Edition, before: _Bound | None, after: _Bound | None) -> ClaimChange | None:
    here = after or before
    assert here is not None
    edition = new if after else old
    sides = tuple(None if bound is None else _side(bound) for bound in (before, after))
    if sides[0] is None or sides[1] is None:
        kind = "new" if before is None else "gone"
    elif sides[0].holds != sides[1].holds:
        kind = "unknown" if None in (sides[0].holds, sides[1].holds) else "flipped"
    elif before is not None and after is not None and before.key != after.key:
        kind = "rewritten"
    else:
        return None
    words = " ".join(literal_of(here.item.candidate, edition.sources.text).split())
    first, last = sentence(here.passage.words, here.at)
    said = spelled(here.passage.words[first:last])
    place = _place(edition, here.passage, here.passage.words[here.at])
    return ClaimChange(kind, words, here.item.candidate.text, place, sides[0], sides[1], said)


def _side(bound: _Bound) -> ClaimSide:
    claim = bound.item.claim
    return ClaimSide(None) if claim is None else ClaimSide(claim.holds, claim.compared)
