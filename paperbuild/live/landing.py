"""A new figure, put into the page as soon as it is there: before the paper is rendered again, which waits for all that it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from msgspec.structs import replace

from paperbuild.live.epochs import Page
from paperbuild.render.images import ImageKind, data_uri, sniff

_PROVENANCE = re.compile(r'<script type="application/json" id="provenance">(.*?)</script>', re.DOTALL)
_SOURCE = re.compile(r'(?<= src=")data:[^"]*(?=")')

_SHOWN = frozenset({ImageKind.SVG, ImageKind.PNG, ImageKind.JPEG, ImageKind.GIF, ImageKind.WEBP})


def with_picture(page: Page, path: str, picture: bytes) -> Page:
    """Return ``page`` with ``picture`` wherever it shows the output ``path``; as it is where it shows none of it.

    A figure that the page shows in another form, as it does a PDF, is left to rendering.
    """
    kind = sniff(picture)
    if kind not in _SHOWN:
        return page
    uri = data_uri(f"picture.{kind.value}", picture)
    blocks = list(page.blocks)
    for index in _indices(page, path):
        mark = f' data-pb="{index}"'
        for n, block in enumerate(blocks):
            at = block.find(mark)
            if at >= 0:
                blocks[n] = _shown(block, at, uri)
    return replace(page, blocks=tuple(blocks))


def _indices(page: Page, path: str) -> Iterator[int]:
    """Yield by which numbers the page's provenance calls what is bound to ``path``."""
    found = _PROVENANCE.search(page.tail)
    for entry in json.loads(found[1]) if found else ():
        if isinstance(entry, dict) and entry.get("output") == path:
            yield entry["index"]


def _shown(block: str, at: int, uri: str) -> str:
    """Return ``block`` with another source for the picture that the mark at ``at`` belongs to: its own element, or the first one inside."""
    start = block.rfind("<", 0, at)
    if not block.startswith(("<img", "<figure"), start):
        return block
    found = _SOURCE.search(block, start)
    if found is None or found[0].partition(",")[0] != uri.partition(",")[0]:
        return block
    return block[: found.start()] + uri + block[found.end() :]
