"""Where two pictures look different: a box, and the share of pixels."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import zip_longest

import msgspec
from PIL import Image, ImageChops

SEEN = 26
"""A pixel looks different where one of its colours differs by more than a tenth of its range, 255."""

SHOWN = 3


class Place(msgspec.Struct, frozen=True):
    """The smallest box around what differs on a page (from 1), in pixels from its upper left corner, and the share that looks different.

    Without a box a page is there in one of the two only, or has another size: ``what`` says so.
    """

    page: int
    box: tuple[int, int, int, int] | None
    share: float
    what: str = ""

    def words(self) -> str:
        """Return it in words."""
        if self.box is None:
            return f"page {self.page}: {self.what}"
        left, top, right, bottom = self.box
        seen = f"{self.share:.2%} of the pixels look different" if self.share else "by less than one sees"
        return f"page {self.page}, pixels {left},{top} to {right},{bottom}: {seen}"


class Pictures(msgspec.Struct, frozen=True):
    """How two pictures compare: the first places, the share of all pixels that look different, whether pages and sizes are the same."""

    places: tuple[Place, ...]
    share: float
    same_shape: bool

    def words(self) -> str:
        """Return what there is to say of the whole."""
        if not self.places:
            return "drawn, they are the same picture"
        return f"{self.share:.2%} of the pixels look different" if self.same_shape and len(self.places) > 1 else ""


_PALE = 0.75
_MARK = (214, 39, 40)


def marked(old: bytes, new: bytes) -> bytes:
    """Return the new picture, pale, with all that looks different red, as PNG; b"" where the two have not the same size."""
    a, b = _shown(old), _shown(new)
    if a.size != b.size:
        return b""
    red, green, blue = ImageChops.difference(a, b).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    where = most.point([0] * SEEN + [255] * (256 - SEEN))
    pale = Image.blend(b.convert("L").convert("RGB"), Image.new("RGB", b.size, "white"), _PALE)
    pale.paste(_MARK, mask=where)
    written = io.BytesIO()
    pale.save(written, "PNG", optimize=True)
    return written.getvalue()


def compare_pages(recorded: Iterable[bytes], rerun: Iterable[bytes]) -> Pictures:
    """Return how two pictures compare, given their pages as PNG."""
    places: list[Place] = []
    same_shape, different, all_ = True, 0.0, 0
    for number, (a, b) in enumerate(zip_longest(recorded, rerun), 1):
        if a is None or b is None:
            same_shape = False
            places.append(Place(number, None, 1.0, "it is there in the rerun only" if a is None else "it is not there in the rerun"))
            break
        if a == b:
            all_ += _size(a)
            continue
        place, count, size = _compared(number, a, b)
        different, all_ = different + count, all_ + size
        if place is not None:
            same_shape = same_shape and not place.what
            places += [place] if len(places) < SHOWN else []
    return Pictures(tuple(places), different / all_ if all_ else 0.0, same_shape)


def _compared(number: int, recorded: bytes, rerun: bytes) -> tuple[Place | None, int, int]:
    """Return where two pages differ (None: nowhere), how many of their pixels look different, and how many there are."""
    a, b = _shown(recorded), _shown(rerun)
    size = a.width * a.height
    if a.size != b.size:
        return Place(number, None, 1.0, f"{a.width} x {a.height} pixels became {b.width} x {b.height}"), size, size
    apart = ImageChops.difference(a, b)
    box = apart.getbbox()
    if box is None:
        return None, 0, size
    red, green, blue = apart.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    seen = sum(most.histogram()[SEEN:])
    return Place(number, box, seen / size), seen, size


def _shown(png: bytes) -> Image.Image:
    """Return the picture as it looks on white paper."""
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture).convert("RGB")


def _size(png: bytes) -> int:
    with Image.open(io.BytesIO(png)) as opened:
        return opened.width * opened.height
