"""The documents on the disk as pages show them: read again only where they are others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import TypeVar

import msgspec

from paperbuild.cli.wiring import Document
from paperbuild.live.epochs import Page
from paperbuild.live.hub import Rendered
from paperbuild.live.pages import shown, split
from paperbuild.render.blocks import Blocks

_Marks = tuple[int, int, int]
_Kind = TypeVar("_Kind")
Known = Callable[[str], Blocks | None]


class Shelf(msgspec.Struct):
    """What was read, by path: the file's marks, and what it holds."""

    pages: dict[str, tuple[_Marks, Page]] = msgspec.field(default_factory=dict)
    pdfs: dict[str, tuple[_Marks, bytes]] = msgspec.field(default_factory=dict)

    @property
    def is_filled(self) -> bool:
        """Whether something was read before."""
        return bool(self.pages or self.pdfs)

    def rendered(self, root: str, documents: Sequence[Document], known: Known) -> list[Rendered]:
        """Return the page and the PDF of each of ``documents``, of one name together; of formats that a browser does not show, nothing.

        ``known`` tells of which blocks a page was made last: one on the disk that is the same need not be taken apart.
        """
        return [self._rendered(root, name, tuple(formats), known) for name, formats in groupby(documents, lambda document: document.name)]

    def _rendered(self, root: str, name: str, formats: Sequence[Document], known: Known) -> Rendered:
        page: Page | None = None
        pdf = b""
        for document in formats:
            path = os.path.join(root, document.path)
            if document.format == "html":
                page = _current(self.pages, path, partial(_page, known(document.action)))
            elif document.format == "pdf":
                pdf = _current(self.pdfs, path, bytes) or b""
        return Rendered(name, page, pdf)


def _page(blocks: Blocks | None, data: bytes) -> Page:
    return shown(blocks) if blocks is not None and blocks.page == data else split(data.decode(errors="replace"))


def _current(known: dict[str, tuple[_Marks, _Kind]], path: str, made: Callable[[bytes], _Kind]) -> _Kind | None:
    """Return what the file at ``path`` holds; None where it was never made. Ours are replaced as a whole, never written to."""
    try:
        with open(path, "rb") as file:
            there = os.fstat(file.fileno())
            marks = (there.st_ino, there.st_size, there.st_mtime_ns)
            if path not in known or known[path][0] != marks:
                known[path] = (marks, made(file.read()))
    except OSError:
        return None
    return known[path][1]
