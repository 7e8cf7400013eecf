"""Pictures and documents as pages of pixels, for whoever compares two of them."""

from __future__ import annotations

from collections.abc import Iterator

from paperbuild.errors import BuildError
from paperbuild.render.images import ImageKind, sniff
from paperbuild.render.rasters import as_png
from paperbuild.render.typst import Typesetter

DPI = 100
"""Pixels per inch of what is drawn for being compared: as a screen shows it, and a page of A4 takes a megapixel."""

_OF_PIXELS = frozenset({ImageKind.PNG, ImageKind.JPEG, ImageKind.GIF, ImageKind.WEBP, ImageKind.TIFF, ImageKind.BMP})


def pages(data: bytes, typesetter: Typesetter) -> Iterator[bytes] | None:
    """Return the pages of ``data``, drawn one by one as PNG; None where it is no picture, or a broken one."""
    kind = sniff(data)
    try:
        if kind in _OF_PIXELS:
            return iter((as_png(data),))
        if kind is ImageKind.SVG:
            return iter((typesetter.drawn(data, "svg", "png", dpi=DPI),))
        if kind is ImageKind.PDF:
            return _pages_of_pdf(typesetter.drawn(data, "pdf", "png", dpi=DPI), data, typesetter)
    except (BuildError, ValueError):
        return None
    return None


def _pages_of_pdf(first: bytes, data: bytes, typesetter: Typesetter) -> Iterator[bytes]:
    yield first
    page = 2
    while True:
        try:
            yield typesetter.drawn(data, "pdf", "png", page=page, dpi=DPI)
        except BuildError:  # there is no such page
            return
        page += 1
