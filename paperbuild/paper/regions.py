"""Where a Markdown text is code, comment or mathematics, and which brackets belong together. Pure, one linear pass.

Not a Markdown parser: pandoc is. This finds what pandoc will *probably* do, before pandoc is started, so that references in code
are not built for and literals are found. Wherever it errs, the tagged parse (:mod:`paperbuild.paper.positions`) has the last word.

Constructs that fail to close are literal text in pandoc; each kind of failure is remembered for its paragraph or document, so a
hostile text costs no more than a friendly one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping

import msgspec

from paperbuild.paper import attributes

_TOKEN = re.compile(r"[\n`$\[\]\\]|<!--")
_BLANK_LINE = re.compile(r"\n(?=[ \t>]*\r?\n)")
_LEAD = re.compile(r"[ \t>]*+")
_FENCE = re.compile(r"(?:`{3,}+(?=[^`\n]*+(?:\n|\Z))|~{3,}+)")
_LIST_MARK = re.compile(r"(?:[-+*]|\(?[\w#]{1,9}[.)]|\(@[\w-]*\)|\[\^[^\]\n]{1,99}\]:|[:~])[ \t]")
_FENCE_END = re.compile(r"^[ \t>]*+(`{3,}+|~{3,}+)[ \t\r]*$", re.MULTILINE)
_BRACKETED = re.compile(r"\[[^\[\]\n]*+\]\{")
_TICKS = re.compile(r"`++")
_MATH_BODY = re.compile(r"[^\\$]*+(?>(?:\\[\s\S][^\\$]*+)*)")
_INDENTED = re.compile(r"(?: {4}|\t| {1,3}\t)")
_YAML_BLOCK = re.compile(r"\s*?^---[ \t]*\r?\n(?![ \t]*\r?\n)(?:[\s\S]*?\n)??(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)", re.MULTILINE)

_UNBOUNDED = 1 << 62  # greater than any offset: bisects behind every interval that starts at the offset

Interval = tuple[int, int]
"""A stretch of the text: from (inclusive) and to (exclusive), in characters."""


class Fence(msgspec.Struct, frozen=True):
    """A fenced code block: ``at`` is the offset of its first fence, ``width`` how long that is, ``closing`` the start of the last line.

    ``end`` is the offset behind the last fence.
    """

    at: int
    width: int
    closing: int
    end: int


class Regions(msgspec.Struct, frozen=True):
    """``code`` (comments included) and ``math`` are disjoint, sorted; ``brackets`` maps each ``]`` of running text to its ``[``.

    ``header_end`` is the offset behind the YAML block that the text begins with; 0 where there is none.
    ``blocks`` has the attribute blocks right behind a ``]``, by the offset of their brace.
    ``fences`` are the fenced code blocks.
    """

    code: tuple[Interval, ...]
    math: tuple[Interval, ...]
    brackets: Mapping[int, int]
    header_end: int
    blocks: Mapping[int, attributes.Block]
    fences: tuple[Fence, ...] = ()

    def in_code(self, offset: int) -> bool:
        """Whether the character at ``offset`` stands in code or in a comment."""
        return _within(self.code, offset)

    def in_math(self, offset: int) -> bool:
        """Whether the character at ``offset`` stands between dollars."""
        return _within(self.math, offset)

    def in_header(self, offset: int) -> bool:
        """Whether the character at ``offset`` stands in the YAML block at the top."""
        return offset < self.header_end


def regions(text: str) -> Regions:
    """Find the regions of ``text``. Never raises; linear in its length."""
    walk = _Walk(text)
    walk.run()
    return Regions(tuple(walk.code), tuple(walk.math), walk.brackets, walk.header_end, walk.blocks, tuple(walk.fences))


def _within(intervals: tuple[Interval, ...], offset: int) -> bool:
    at = bisect_right(intervals, (offset, _UNBOUNDED)) - 1
    return at >= 0 and intervals[at][0] <= offset < intervals[at][1]


_TAB = 4  # columns: pandoc's


def _may_close(line: str, lead: str) -> bool:
    """Return whether ``line``, with a fence, is no line of the code whose first fence stands behind ``lead``: that is indented further."""
    bare = line.lstrip(" \t>")
    indent = line[: len(line) - len(bare)]
    return indent.count(">") == lead.count(">") and len(indent.expandtabs(_TAB)) < len(lead.expandtabs(_TAB)) + _TAB


class _Walk:
    """The state of one pass over a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0
        self.code: list[Interval] = []
        self.math: list[Interval] = []
        self.brackets: dict[int, int] = {}
        self.blocks: dict[int, attributes.Block] = {}
        self.fences: list[Fence] = []
        self._open: list[int] = []
        self._after_blank = True
        self._in_list = False
        self._content = 0  # the column in which the text of the last item of a list begins
        self._paragraph_ends = [match.start() for match in _BLANK_LINE.finditer(text)] + [len(text)]
        self._fence_ends: list[tuple[int, int, str]] | None = None
        self._unclosed: dict[str, int] = {}
        self._ticks: dict[int, list[int]] | None = None
        self._comments_closed = True
        header = _YAML_BLOCK.match(text)
        self.header_end = header.end() if header else 0

    def run(self) -> None:
        text = self.text
        self._line(0)
        while (match := _TOKEN.search(text, self.pos)) is not None:
            at = match.start()
            self.pos = at + 1
            char = text[at]
            if char == "\n":
                self._line(at + 1)
            elif char == "[":
                self._open.append(at)
            elif char == "]":
                self._close_bracket(at)
            elif char == "\\":
                self.pos = at + 1 if text.startswith("\n", at + 1) else at + 2
            elif char == "`":
                self._inline_code(at)
            elif char == "$":
                self._formula(at)
            else:
                self._comment(at)

    def _paragraph_end(self, at: int) -> int:
        return self._paragraph_ends[bisect_left(self._paragraph_ends, at)]

    def _line(self, start: int) -> None:
        """Look at the beginning of a line: a blank one, a fence, or indented code."""
        text = self.text
        if not self._after_blank and text[start : start + 1].isalpha():
            return  # most lines: they go on with a paragraph
        lead = _LEAD.match(text, start)
        at = lead.end() if lead else start
        char = text[at : at + 1]
        if char in {"", "\n", "\r"}:
            self._open.clear()
            self._after_blank = True
            self.pos = at
            return
        after_blank, self._after_blank = self._after_blank, False
        if start < self.header_end and char == "#" and at == start:
            self.pos = (text.find("\n", at) + 1 or len(text) + 1) - 1
            self.code.append((start, self.pos))  # a comment of YAML
            return
        width = len(text[start:at].partition(">")[0].expandtabs(_TAB))
        if _INDENTED.match(text, start) is not None and not (self._in_list and width < self._content + _TAB):
            if after_blank and not self._in_list and start >= self.header_end:
                self._indented_code(start)
            return
        mark = _LIST_MARK.match(text, at)
        if mark is not None:
            self._in_list = True
            at = mark.end()
            self._content = _TAB if text[mark.start() : mark.start() + 2] == "[^" else len(text[start:at].expandtabs(_TAB))
        elif after_blank and at == start:  # an indented paragraph may go on with the item before it
            self._in_list = False
        if text.startswith(("```", "~~~"), at):
            self._fenced_code(at)

    def _indented_code(self, start: int) -> None:
        text, end, at = self.text, start, start
        while at < len(text):
            line_end = text.find("\n", at)
            line_end = len(text) if line_end < 0 else line_end + 1
            if _INDENTED.match(text, at) is not None:
                end = line_end
            elif text[at:line_end].strip():
                break
            at = line_end
        self.code.append((start, end))
        self.pos = max(start, end - 1)  # the line end is looked at again: what follows it may be a fence

    def _fenced_code(self, at: int) -> None:
        opening = _FENCE.match(self.text, at)
        if opening is None:
            return
        fence = opening.group()
        if len(fence) >= self._unclosed.get(fence[0], _UNBOUNDED):
            return
        if self._fence_ends is None:
            self._fence_ends = [(m.start(), m.end(), m.group(1)) for m in _FENCE_END.finditer(self.text)]
        first = bisect_left(self._fence_ends, (opening.end(), 0, ""))
        lead = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        for index in range(first, len(self._fence_ends)):
            start, end, closing = self._fence_ends[index]
            if closing[0] == fence[0] and len(closing) >= len(fence) and _may_close(self.text[start:end], lead):
                self.code.append((self.text.find("\n", at), end))  # the fence's own line is not: attributes stand there
                self.fences.append(Fence(at, len(fence), start, end))
                for inner in _BRACKETED.finditer(self.text, opening.end(), self.code[-1][0]):  # in a caption that is an attribute
                    self.brackets[inner.end() - 2] = inner.start()
                self._open.clear()
                self._after_blank = True
                self.pos = end
                return
        self._unclosed[fence[0]] = len(fence)

    def _inline_code(self, at: int) -> None:
        """Take the longest run of ticks that closes within the paragraph; ``` ``x` ``` is a tick and then code."""
        if self._ticks is None:
            self._ticks = {}
            for match in _TICKS.finditer(self.text):
                self._ticks.setdefault(match.end() - match.start(), []).append(match.start())
        run = _TICKS.match(self.text, at)
        assert run is not None
        limit = self._paragraph_end(at)
        for length in range(min(run.end() - at, max(self._ticks)), 0, -1):
            starts = self._ticks.get(length)
            if starts is None:
                continue
            following = bisect_left(starts, run.end())
            if following < len(starts) and starts[following] < limit:
                end = starts[following] + length
                self.code.append((run.end() - length, end))
                self.pos = end
                return
        self.pos = run.end()

    def _formula(self, at: int) -> None:
        """Pandoc's rule: no space after the first dollar, none before the last, and no digit after it."""
        text = self.text
        width = 2 if text.startswith("$$", at) else 1
        start = self.pos = at + width
        if width == 1 and text[start : start + 1].isspace():
            return
        limit = self._paragraph_end(at)
        body = _MATH_BODY.match(text, start, limit)
        end = body.end() if body else start
        if width == 2:
            end = text.find("$$", end, limit)
        elif end >= limit or text[end - 1].isspace() or text[end + 1 : end + 2].isdigit():
            return
        if start <= end < limit:
            self.math.append((at, end + width))
            self.pos = end + width

    def _comment(self, at: int) -> None:
        end = self.text.find("-->", at + 4) if self._comments_closed else -1
        self._comments_closed = end >= 0
        if end >= 0:
            self.code.append((at, end + 3))
            self.pos = end + 3

    def _close_bracket(self, at: int) -> None:
        if self._open:
            self.brackets[at] = self._open.pop()
        if self.text.startswith("{", at + 1):
            block = attributes.parse(self.text, at + 1)
            if block is not None:  # brackets inside quoted values are no Markdown
                self.blocks[at + 1] = block
                self.pos = block.end
