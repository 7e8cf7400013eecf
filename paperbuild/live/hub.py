"""What is published, held for whoever asks: the build's thread writes, the server's thread reads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Container, Sequence

import msgspec
from msgspec.structs import replace

from paperbuild.live.epochs import Chronicle, Page, Sheet, State, Update
from paperbuild.live.landing import with_picture
from paperbuild.live.standing import Standing


class Rendered(msgspec.Struct, frozen=True):
    """One document as a build left it: its page and its PDF (None and empty where there is none)."""

    name: str
    page: Page | None = None
    pdf: bytes = b""


class Hub:
    """The published state and what belongs to it. ``session`` tells the states of one server from those of the one before it."""

    def __init__(self, session: str) -> None:
        self.session = session
        self._lock = threading.Lock()
        self._chronicle = Chronicle(Standing())
        self._files: dict[str, bytes] = {}
        self._wakers: set[Callable[[], None]] = set()
        self._closed = False

    @property
    def now(self) -> State:
        """The present state."""
        with self._lock:
            return self._chronicle.now

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def publish(
        self, standing: Standing, documents: Sequence[Rendered] | None = None, *, edited: bool = False, drafts: Container[str] = ()
    ) -> None:
        """Make this what pages show. Without ``documents`` they stay; ``edited`` says that the text was, which pages scroll to.

        The documents whose names are ``drafts`` keep the page that is shown.
        """
        sheets, files = (None, self._files) if documents is None else _sheets(documents)
        with self._lock:
            if sheets is not None:
                sheets = [_drafted(one, self._chronicle.now) if one.name in drafts else one for one in sheets]
            if sheets is not None or standing != self._chronicle.now.standing:
                self._chronicle.publish(standing, sheets, edited=edited)
                self._files = files
        self._wake()

    def turn(self, name: str, page: Page) -> None:
        """Show ``page`` as that of the document ``name``; an edit of its text made it."""
        with self._lock:
            now = self._chronicle.now
            sheets = [replace(one, page=page) if one.name == name else one for one in now.sheets]
            if tuple(sheets) != now.sheets:
                self._chronicle.publish(now.standing, sheets, edited=True)
        self._wake()

    def sketch(self, name: str, token: str) -> None:
        """Show what is drawn under ``token`` in the place of the document's PDF, which is not made yet: until then it is the last one."""
        with self._lock:
            now = self._chronicle.now
            sheets = [replace(one, pdf=token) if one.name == name else one for one in now.sheets]
            for one in now.sheets:
                if one.name == name and one.pdf in self._files:
                    self._files = {**self._files, token: self._files[one.pdf]}
            self._chronicle.publish(now.standing, sheets, edited=True)
        self._wake()

    def land(self, path: str, picture: bytes) -> None:
        """Show ``picture``, the new content of the output ``path``, in the pages that show it."""
        with self._lock:
            now = self._chronicle.now
            sheets = [replace(one, page=with_picture(one.page, path, picture)) if one.page else one for one in now.sheets]
            if tuple(sheets) != now.sheets:
                self._chronicle.publish(now.standing, sheets)
        self._wake()

    def update(self, name: str, since: int) -> Update:
        """Return what a page that shows ``name`` as of ``since`` missed."""
        with self._lock:
            return self._chronicle.update(name, since)

    def block(self, name: str, epoch: int, number: int) -> tuple[Page, int] | None:
        """Return the present page of the document ``name``, and which block of it is the one with this number of the page as of ``epoch``.

        None where that block, or the page, is no more. What stands around the blocks has the number -1.
        """
        with self._lock:
            then, now = self._chronicle.at(epoch), self._chronicle.now
        before, sheet = then.sheet(name) if then else None, now.sheet(name)
        if before is None or before.page is None or sheet is None or sheet.page is None or number >= len(before.page.blocks):
            return None
        blocks = sheet.page.blocks
        if number < 0 or (number < len(blocks) and blocks[number] == before.page.blocks[number]):
            return sheet.page, number
        found = next((n for n, block in enumerate(blocks) if block == before.page.blocks[number]), None)
        return None if found is None else (sheet.page, found)

    def file(self, digest: str) -> bytes | None:
        """Return the published PDF with this digest."""
        with self._lock:
            return self._files.get(digest)

    def subscribe(self, waker: Callable[[], None]) -> Callable[[], None]:
        """Call ``waker`` whenever something was published; return what ends that."""
        with self._lock:
            self._wakers.add(waker)

        def unsubscribe() -> None:
            with self._lock:
                self._wakers.discard(waker)

        return unsubscribe

    def close(self) -> None:
        """Let whoever waits go home."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            wakers = tuple(self._wakers)
        for waker in wakers:
            waker()


def _drafted(sheet: Sheet, now: State) -> Sheet:
    shown = now.sheet(sheet.name)
    return replace(sheet, page=shown.page) if shown is not None and shown.page is not None else sheet


def _sheets(documents: Sequence[Rendered]) -> tuple[list[Sheet], dict[str, bytes]]:
    files: dict[str, bytes] = {}

    def kept(data: bytes) -> str:
        if not data:
            return ""
        digest = hashlib.sha256(data).hexdigest()
        files[digest] = data
        return digest

    return [Sheet(one.name, one.page, kept(one.pdf)) for one in documents], files
