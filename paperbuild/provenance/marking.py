r"""The new paper's source with what changed marked in it: from it comes a PDF or a Word document that shows the changes in place. Pure.

What went is put back as text, without bindings and names, and set off; what came is set off around its source, so that values, citations
and references in it are resolved as ever. Where a run of words cannot be set off by itself, since a sign of Markdown is among them, its
whole paragraph is; where that is no plain paragraph (code, a table, a displayed formula), what came stays as it is, and of what went the
words are told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import msgspec

from paperbuild.paper.edition import Edition
from paperbuild.paper.formats import Piece as Printed
from paperbuild.paper.passages import Passage, Word, spelled
from paperbuild.provenance.alignment import Run
from paperbuild.provenance.comparing import Aligned

_GONE, _NEW = "rgb(161, 38, 29)", "rgb(28, 107, 50)"
_LEAD = re.compile(
    r"(?P<heading>[ \t]{0,3}#{1,6}[ \t]+)|(?P<item>[ \t>]*(?:[-+*]|\(?(?:\d{1,9}|#|[A-Za-z])[.)]|\(@[\w-]*\))[ \t]+)"
    r"|(?P<note>\[\^[^\]\n]+\]:[ \t]*)|(?P<caption>(?:[Tt]able)?:[ \t]+)|(?P<quote>(?:>[ \t]?)+)"
)
_NO_PARAGRAPH = re.compile(r"^[ \t]*(?:\||:{3}|`{3}|~{3}|<|!\[|={3,}|-{3,}|\+[-=]+\+)", re.MULTILINE)
_TAIL = re.compile(r"[ \t]*#*[ \t]*(?:\{[^{}\n]*\})?\s*\Z")
_BLOCK_SCALAR = re.compile(r"abstract[ \t]*:[ \t]*[|>]")
_BLANKS = re.compile(r"[ \t\r\n]+")  # a space that must not break stays one
_LABEL = re.compile(r"#([\w:.-]+)")
_STRUCTURE = frozenset("|<>#~^\\")
_ESCAPED = re.compile(r"([\\`*_{}\[\]<>$@#|~^\"'])")


class Marks(msgspec.Struct, frozen=True):
    """How changes are set off: in a Word document as changes to accept or refuse, of this ``author`` and day; else by colour and line."""

    medium: Literal["docx", "pdf"]
    author: str = "paperbuild"
    date: str = ""

    def gone(self, text: str) -> str:
        """Return Markdown that shows what went."""
        if self.medium == "docx":
            return f"[{text}]{{.deletion{self._who}}}"
        return f'[~~{text}~~]{{typst:text:fill="{_GONE}"}}'

    def new(self, text: str) -> str:
        """Return Markdown that shows what came."""
        if self.medium == "docx":
            return f"[{text}]{{.insertion{self._who}}}"
        return f'[[{text}]{{.underline}}]{{typst:text:fill="{_NEW}"}}'

    @property
    def _who(self) -> str:
        author = re.sub(r'[\\"\n]', " ", self.author)
        return f' author="{author}"' + (f' date="{self.date}"' if self.date else "")


class _Edit(msgspec.Struct, frozen=True, order=True):
    start: int
    end: int
    text: str


def marked(old: Edition, new: Edition, found: Sequence[Aligned], marks: Marks, changed: Collection[str] = ()) -> tuple[str, ...]:
    """Return the texts of the new paper's sources with what changed marked; ``changed`` are the names of other figures and tables."""
    edits = sorted(_Marking(old, new, marks).edits(found, changed))
    whole, starts = new.sources.text, new.sources.starts
    ends = [start + len(text) for start, text in zip(starts, new.sources.texts, strict=True)]
    return tuple(_applied(whole, start, end, edits) for start, end in zip(starts, ends, strict=True))


def _applied(text: str, start: int, end: int, edits: Sequence[_Edit]) -> str:
    pieces, at = [], start
    for edit in edits:
        if edit.start < at or edit.start > end or (edit.start == end and end == start):
            continue
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join((*pieces, text[at:end]))


class _Marking:
    def __init__(self, old: Edition, new: Edition, marks: Marks) -> None:
        self._old, self._new, self._marks = old, new, marks
        words = [word for passage in new.passages for word in passage.words]
        self._names = {word.key.lower() for word in words if word.key.lstrip("-")[:1] == "@"}
        self._names |= {f"@{name.lower()}" for word in words if not word.text for name in _LABEL.findall(word.key)}

    def edits(self, found: Sequence[Aligned], changed: Collection[str]) -> Iterator[_Edit]:
        for one in found:
            if one.new is not None and not self._is_left(one.new):
                yield from self._passage(one, one.new)
        yield from self._gone(found)
        for exhibit in self._new.exhibits:
            if exhibit.name in changed and exhibit.caption_at >= 0 and exhibit.caption:
                yield _Edit(exhibit.caption_at, exhibit.caption_at, f"{self._marks.new('(changed)')} ")

    @staticmethod
    def _is_left(passage: Passage) -> bool:
        return passage.kind == "code" or not any(word.text for word in passage.words)

    def _passage(self, one: Aligned, new: Passage) -> Iterator[_Edit]:
        text = self._new.sources.text
        if new.kind == "meta" and _BLOCK_SCALAR.match(text, new.start) is None:
            return
        if one.old is None or one.moved:
            yield from self._whole(new)
        elif (runs := self._alone(one)) is not None:
            for run in runs:
                yield from self._values(one, run) if run.same else self._run(one, run)
        elif new.kind != "meta":
            yield from self._whole(new, before=self._inline(one.old))

    def _alone(self, one: Aligned) -> tuple[Run, ...] | None:
        """Return runs of which those that changed can be set off by themselves, some of them taken together; None where they cannot."""
        found: list[Run] = []
        for run in one.runs:
            is_open = bool(found) and not found[-1].same and not self._can_stand_alone(one, found[-1])
            if is_open or (found and not run.same and not found[-1].same):
                found[-1] = Run(False, found[-1].a0, run.a1, found[-1].b0, run.b1)
            else:
                found.append(run)
        return tuple(found) if all(run.same or self._can_stand_alone(one, run) for run in found) else None

    def _can_stand_alone(self, one: Aligned, run: Run) -> bool:
        """Return whether the words of a run can be set off by themselves: whatever begins among them ends there, too."""
        old, new = one.words(run)
        begins = (run.a0 == 0 and old[:1], run.b0 == 0 and new[:1])
        if any(side and not side[0].key[:1].isalnum() and side[0].key[:1] not in "[@*_\"'(" for side in begins):
            return False  # the sign of a heading, an item, a quotation
        ends = (new[0].start, new[-1].end) if new else ()
        return _is_whole(old) and _is_whole(new) and not any(map(self._is_cited, ends))

    def _is_cited(self, at: int) -> bool:
        """Return whether ``at`` lies in the brackets of a citation, where nothing but that may stand."""
        text = self._new.sources.text
        opening = text.rfind("[", max(0, at - 300), at)
        return opening >= 0 and "]" not in text[opening:at] and re.search(r"[\[;\s-]@\w", text[opening:at]) is not None

    # what stayed, with other values

    def _values(self, one: Aligned, run: Run) -> Iterator[_Edit]:
        for before, after in zip(*one.words(run), strict=True):
            then, now = (tuple(map(edition.shown, word.held)) for edition, word in ((self._old, before), (self._new, after)))
            if then != now and after.text and not after.text.startswith("$$"):
                source = self._new.sources.text[after.start : after.end]
                yield _Edit(after.start, after.end, self._both(self._back((before,)), source))

    def _both(self, gone: str, new: str) -> str:
        return f"{self._marks.gone(gone)} {self._marks.new(new)}"

    def _run(self, one: Aligned, run: Run) -> Iterator[_Edit]:
        old, new = one.words(run)
        assert one.new is not None
        if new:
            start, end = new[0].start, new[-1].end
            source = self._new.sources.text[start:end]
            yield _Edit(start, end, self._both(self._back(old), source) if old else self._marks.new(source))
        elif run.b0:
            at = one.new.words[run.b0 - 1].end
            yield _Edit(at, at, (" " if old[0].spaced else "") + self._marks.gone(self._back(old)))
        else:
            at = one.new.words[0].start
            yield _Edit(at, at, f"{self._marks.gone(self._back(old))} ")

    # whole passages

    def _whole(self, passage: Passage, before: str = "") -> Iterator[_Edit]:
        """Yield the marks around a whole paragraph, displayed formulas aside; nothing where it is none."""
        start, end = _content(self._new, passage)
        text = self._new.sources.text
        if not _is_paragraph(text[start:end]):
            return
        gone = f"{self._marks.gone(before)} " if before else ""
        for first, last in _stretches(passage, start, end):
            source = text[first:last].strip()
            at = text.index(source, first)
            if source and (any(map(str.isalnum, source)) or gone):
                yield _Edit(at, at + len(source), gone + self._marks.new(source))
                gone = ""

    def _inline(self, passage: Passage) -> str:
        start, end = _content(self._old, passage)
        source = self._old.sources.text[start:end]
        words = [word for word in passage.words if start <= word.start < end]
        return self._back(words) if _is_paragraph(source) else _plain(spelled(words))

    def _gone(self, found: Sequence[Aligned]) -> Iterator[_Edit]:
        """Yield what went, behind the passage that what was before it became."""
        became = {one.old.start: one.new for one in found if one.old is not None and one.new is not None and not one.moved}
        gone = {one.old.start for one in found if one.old is not None and (one.new is None or one.moved)}
        first = next((passage.start for passage in self._new.passages if passage.kind != "meta"), len(self._new.sources.text))
        at, behind = first, None
        for passage in self._old.passages:
            behind = became.get(passage.start, behind)
            if behind is not None:
                at = max(first, behind.end)
            if passage.start in gone and passage.kind != "meta" and spelled(passage.words):
                shown = self._marks.gone(self._inline(passage))
                item = self._item(self._old, passage)
                is_listed = item and behind is not None and self._item(self._new, behind)
                yield _Edit(at, at, f"\n{item}{shown}" if is_listed else f"\n\n{item}{shown}\n\n")

    @staticmethod
    def _item(edition: Edition, passage: Passage) -> str:
        lead = _LEAD.match(edition.sources.text, passage.start, passage.end)
        return lead["item"] or "" if lead else ""

    def _back(self, words: Sequence[Word]) -> str:
        """Return the source of old words as text that stands for itself: values as they were, nothing bound, no names given."""
        text = self._old.sources.text
        pieces: list[str] = []
        at = words[0].start
        for word in words:
            pieces.append(text[at : word.start])
            at = word.end
            if word.text.startswith("$"):
                formula = self._old.formula(word)
                pieces.append(f"${formula.strip('$').strip()}$" if formula.startswith("$$") else formula)
            elif word.held and word.text:
                resolved = self._old.items[word.held[0]].resolved
                pieces.append(_plain(word.text) if resolved is None else "".join(map(_written, resolved.rendered.pieces)))
            elif not word.text:
                pieces.append("" if word.held or "{" in word.key else _destination(word.key))
            elif word.key.lstrip("-")[:1] == "@" and word.key.lower() not in self._names:
                pieces.append(_plain(word.text))
            else:
                pieces.append(text[word.start : word.end])
        return _BLANKS.sub(" ", "".join(pieces)).strip()


def _is_whole(words: Sequence[Word]) -> bool:
    """Return whether every bracket and every emphasis among ``words`` is closed among them, and nothing else has to be in its place."""
    depth, emphases = 0, Counter[str]()
    behind = ""
    for word in words:
        key = word.key
        if key.startswith("$$") or key in _STRUCTURE or (key.startswith(("{", "claim:")) and not behind.startswith("]")):
            return False
        if set(key) <= {"*", "_"}:
            emphases[key] += 1
        elif key in {"[", "!["}:
            depth += 1
        elif key.startswith("]"):
            depth -= 1
            if depth < 0:
                return False
        behind = key
    return depth == 0 and not any(count % 2 for count in emphases.values())


def _destination(key: str) -> str:
    r"""Return a sign around the words of a link or an image: these become their words alone."""
    return "" if key.startswith(("](", "[", "!", "]")) else key


def _written(piece: Printed) -> str:
    return _plain(piece.text) if piece.kind == "text" else f"^{_plain(piece.text)}^"


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\\\1", text)


def _content(edition: Edition, passage: Passage) -> tuple[int, int]:
    """Return where the words of a passage stand, without the signs that make a heading or an item of it."""
    text = edition.sources.text
    lead = _LEAD.match(text, passage.start, passage.end)
    start = lead.end() if lead else passage.start
    has_tail = passage.kind == "heading" or (lead is not None and lead["caption"])
    tail = _TAIL.search(text, start, passage.end) if has_tail else None
    end = tail.start() if tail else passage.end
    return start, start + len(text[start:end].rstrip())


def _stretches(passage: Passage, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches between the displayed formulas of a paragraph, which goes from ``start`` to ``end``."""
    behind = False
    for word in passage.words:
        if word.text.startswith("$$"):
            yield start, word.start
            start, behind = word.end, True
        elif behind and not word.text and word.key.startswith("{"):
            start = word.end
        else:
            behind = False
    yield start, end


def _is_paragraph(source: str) -> bool:
    return _NO_PARAGRAPH.search(source) is None
