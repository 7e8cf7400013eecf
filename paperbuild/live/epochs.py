"""What a page may have missed: published states by epoch, and what changed from one to another.

Every published state has an epoch, a number that only grows. A reader's page says which one it shows and is told the least that makes it
the present one: which of its blocks to replace by which. States that were left behind long ago are forgotten; who still shows one of
those is given the whole page. Nothing here knows of sockets, threads or clocks.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from paperbuild.live.standing import Standing
from paperbuild.paper.staying import staying

KEPT = 64
"""How many states are remembered. A page misses one or two while its connection breaks; blocks that did not change are kept once."""

_MOST_EDITS = 200
"""Beyond so many differences, searching for the least of them takes longer than replacing all between the first and the last."""


# What a head says of the paper to search engines and reference managers: nobody sees it.
_SAID = re.compile(r'<title>.*?</title>|<meta (?:name|property)=[^>]*>|<script type="application/ld\+json">.*?</script>', re.DOTALL)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


class Page(msgspec.Struct, frozen=True):
    """A page as HTML: ``head`` up to its first block, its top-level ``blocks`` in order, one element each, and ``tail``, what follows."""

    head: str
    blocks: tuple[str, ...]
    tail: str

    @property
    def text(self) -> str:
        """The page in one piece."""
        return "".join((self.head, *self.blocks, self.tail))

    @property
    def document_head(self) -> str:
        """What stands before its body."""
        return self.head.partition("<body")[0]

    @property
    def code(self) -> str:
        """What of that cannot be exchanged below a page that is shown, above all styles and scripts."""
        return _SAID.sub("", self.document_head)

    @property
    def title(self) -> str:
        """Its title, as a window shows it."""
        found = _TITLE.search(self.document_head)
        return html.unescape(found[1]) if found else ""

    @property
    def frame(self) -> str:
        """What stands around its blocks: title, authors, contents, provenance."""
        return self.head[len(self.document_head) :] + self.tail


class Splice(msgspec.Struct, frozen=True):
    """Replace the blocks ``start`` to before ``end``, counted in the page as it was, by ``blocks``."""

    start: int
    end: int
    blocks: tuple[str, ...]


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """What makes one page another.

    ``whole`` is the whole page, where it cannot be patched ("" otherwise): then nothing else counts. ``frame`` is what stands around the
    blocks, ``title`` the title, where those changed.
    """

    whole: str = ""
    title: str = ""
    frame: str = ""
    splices: tuple[Splice, ...] = ()


class Sheet(msgspec.Struct, frozen=True):
    """One document: its page, and the digest of its PDF ("" where it has none)."""

    name: str
    page: Page | None = None
    pdf: str = ""


class State(msgspec.Struct, frozen=True):
    """All that pages show, at one epoch. ``edited``: what came last came by an edit of the paper's text."""

    epoch: int
    standing: Standing
    sheets: tuple[Sheet, ...] = ()
    edited: bool = False

    def sheet(self, name: str) -> Sheet | None:
        """Return the document called ``name``; the first where ``name`` is empty."""
        return next((sheet for sheet in self.sheets if name in {sheet.name, ""}), None)


class Update(msgspec.Struct, frozen=True):
    """What a page is told: the present standing always, the document only where it changed."""

    epoch: int
    standing: Standing
    names: tuple[str, ...]
    page: Change | None
    pdf: str
    edited: bool


class Chronicle:
    """The states of late, the present one last."""

    def __init__(self, standing: Standing) -> None:
        self._states = [State(1, standing)]

    @property
    def now(self) -> State:
        """The present state."""
        return self._states[-1]

    def at(self, epoch: int) -> State | None:
        """Return the state of ``epoch``; None where it is forgotten, or was never."""
        return next((state for state in self._states if state.epoch == epoch), None)

    def publish(self, standing: Standing, sheets: Sequence[Sheet] | None = None, *, edited: bool = False) -> State:
        """Make these the present state and return it; without ``sheets`` the documents stay as they are."""
        before = self.now
        kept = before.sheets if sheets is None else tuple(_sharing(sheet, before.sheet(sheet.name)) for sheet in sheets)
        self._states.append(State(before.epoch + 1, standing, kept, edited=edited))
        del self._states[:-KEPT]
        return self.now

    def update(self, name: str, since: int) -> Update:
        """Return what tells a page that shows the document ``name`` as of the epoch ``since`` (0: nothing yet) all that it missed."""
        now = self.now
        sheet = now.sheet(name) or Sheet(name)
        then = self.at(since)
        before = then.sheet(sheet.name) if then is not None else None
        edited = any(state.edited for state in self._states if state.epoch > since) and then is not None
        names = tuple(one.name for one in now.sheets)
        return Update(now.epoch, now.standing, names, _change(before, sheet), sheet.pdf, edited)


def _sharing(sheet: Sheet, before: Sheet | None) -> Sheet:
    """Return ``sheet`` with the text of ``before`` wherever it is equal: remembering a page then costs what changed in it."""
    if before is None or before.page is None or sheet.page is None:
        return sheet
    if sheet.page == before.page:
        return msgspec.structs.replace(sheet, page=before.page)
    known = {block: block for block in before.page.blocks}
    blocks = tuple(known.get(block, block) for block in sheet.page.blocks)
    head = before.page.head if before.page.head == sheet.page.head else sheet.page.head
    tail = before.page.tail if before.page.tail == sheet.page.tail else sheet.page.tail
    return msgspec.structs.replace(sheet, page=Page(head, blocks, tail))


def _change(before: Sheet | None, after: Sheet) -> Change | None:
    if after.page is None:
        return None
    if before is None or before.page is None:
        return Change(whole=after.page.text)
    return None if before.page is after.page else difference(before.page, after.page)


def difference(old: Page, new: Page) -> Change | None:
    """Return the least that makes the page ``old`` the page ``new``; None where they are equal."""
    if old == new:
        return None
    same_head = old.document_head == new.document_head
    if not (same_head or old.code == new.code) or not old.blocks or not new.blocks:
        return Change(whole=new.text)
    frame = new.frame if new.frame != old.frame else ""
    return Change(title="" if same_head else new.title, frame=frame, splices=splices(old.blocks, new.blocks))


def splices(old: Sequence[str], new: Sequence[str]) -> tuple[Splice, ...]:
    """Return the replacements that make the blocks ``old`` the blocks ``new``, in order, with as few blocks in them as can be."""
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    rest = 0
    while rest < min(len(old), len(new)) - first and old[-1 - rest] == new[-1 - rest]:
        rest += 1
    kept = staying(old[first : len(old) - rest], new[first : len(new) - rest], _MOST_EDITS)
    pairs = [(first - 1, first - 1), *((a + first, b + first) for a, b in kept), (len(old) - rest, len(new) - rest)]
    gaps = ((a + 1, next_a, b + 1, next_b) for (a, b), (next_a, next_b) in pairwise(pairs))
    return tuple(Splice(a, end, tuple(new[b:next_b])) for a, end, b, next_b in gaps if a < end or b < next_b)


def applied(page: Page, change: Change | None) -> tuple[str, ...]:
    """Return the blocks of ``page`` once ``change``, which is no whole page, is made: what the script in the page does, said in Python."""
    blocks = list(page.blocks)
    for splice in reversed(change.splices if change else ()):
        blocks[splice.start : splice.end] = splice.blocks
    return tuple(blocks)
