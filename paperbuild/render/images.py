"""Images: what each one becomes in each format, decided by its content and not by its name.

A ``.jpg`` that is really PNG stops typst, a PDF figure shows in no ``<img>``, and a browser says nothing of either. So every image is
looked at once, here: typst gets it under a name that is true, a page gets it as a data URI, and what neither can show is a diagnostic
that says how to mend it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import zlib
from collections.abc import Mapping
from enum import StrEnum
from xml.parsers import expat

import msgspec

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.errors import BuildError
from paperbuild.render.ghostscript import as_pdf
from paperbuild.render.parts import Format
from paperbuild.render.rasters import as_png
from paperbuild.render.typst import DRAWN_DPI, Drawn, Typesetter

CSS_DPI = 96
"""Pixels per inch of an image that does not say: what CSS says, so that PDF and page agree."""

_REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_LENGTH = re.compile(r"\s*([\d.]+(?:e[+-]?\d+)?)\s*(px|pt|pc|in|cm|mm|)\s*", re.IGNORECASE)
_PER_INCH = {"": 96.0, "px": 96.0, "pt": 72.0, "pc": 6.0, "in": 1.0, "cm": 2.54, "mm": 25.4}


class ImageKind(StrEnum):
    """What an image is, by its content; the value is the file name extension that is true of it."""

    SVG = "svg"
    PNG = "png"
    JPEG = "jpg"
    GIF = "gif"
    WEBP = "webp"
    PDF = "pdf"
    EPS = "eps"
    TIFF = "tif"
    BMP = "bmp"
    LFS = "pointer"
    UNKNOWN = ""


_MEDIA_TYPES = {
    ImageKind.SVG: "image/svg+xml",
    ImageKind.PNG: "image/png",
    ImageKind.JPEG: "image/jpeg",
    ImageKind.GIF: "image/gif",
    ImageKind.WEBP: "image/webp",
    ImageKind.PDF: "application/pdf",
}


_BECOMES: Mapping[Format, Mapping[ImageKind, Drawn]] = {
    "typst": {},
    "html": {ImageKind.PDF: "svg"},
    "latex": {ImageKind.SVG: "pdf", ImageKind.GIF: "png", ImageKind.WEBP: "png"},
    "docx": {ImageKind.SVG: "png", ImageKind.PDF: "png", ImageKind.WEBP: "png"},
    "jats": {ImageKind.PDF: "svg", ImageKind.WEBP: "png"},
}
"""What a format cannot show, and what it is drawn as instead. Word shows SVG, but no two of its versions the same."""


class Picture(msgspec.Struct, frozen=True):
    """An image that its format can show.

    ``path`` is the name by which the document's fragments call it, made of its content; ``width_in`` and ``height_in`` are its natural
    size in inches, 0 where it does not say.
    """

    kind: ImageKind
    path: str
    data: bytes
    width_in: float = 0.0
    height_in: float = 0.0


def sniff(data: bytes) -> ImageKind:
    """Return what ``data`` is."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageKind.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return ImageKind.JPEG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return ImageKind.GIF
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageKind.WEBP
    if b"%PDF-" in data[:1024]:
        return ImageKind.PDF
    if data.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):
        return ImageKind.EPS
    if data.startswith((b"II*\0", b"MM\0*")):
        return ImageKind.TIFF
    if data.startswith(b"BM") and data[6:10] == b"\0\0\0\0":
        return ImageKind.BMP
    if data.startswith(b"version https://git-lfs"):
        return ImageKind.LFS
    head = data[:4096].lstrip(b"\xef\xbb\xbf").lstrip()
    return ImageKind.SVG if head.startswith(b"<") and (b"<svg" in head or b":svg" in head) else ImageKind.UNKNOWN


def data_uri(path: str, data: bytes) -> str:
    """Return the picture that is called ``path`` as a URI that a page holds in itself."""
    return f"data:{_MEDIA_TYPES[ImageKind(path.rpartition('.')[2])]};base64,{base64.b64encode(data).decode()}"


def is_remote(path: str) -> bool:
    """Return whether an image's destination is on the network (a ``data:`` URI is not)."""
    return _REMOTE.match(path) is not None


def prepare(data: bytes, path: str, target: Format, typesetter: Typesetter, span: Span | None = None, *, conforms: bool = False) -> Picture:
    """Return what the image at ``path``, whose content is ``data``, becomes in ``target``: what that cannot show is drawn anew.

    Raises:
        BuildError: neither format can show it, or it is broken.
    """
    data, kind = _readable(data, path, span)
    fault = _fault(kind, data, path, span)
    if fault is not None:
        raise BuildError(fault)
    width, height = _natural_size(kind, data)
    drawn = _BECOMES[target].get(kind) or ("svg" if conforms and kind is ImageKind.PDF else None)
    if drawn is not None:
        try:
            data, kind = _with_density(typesetter.drawn(data, kind.value, drawn, width)), ImageKind(drawn)
        except BuildError as error:
            raise BuildError(*(Diagnostic(d.code, f"{path}: {d.message}", span) for d in error.diagnostics)) from None
        width, height = _natural_size(kind, data) if width == 0 else (width, height)
    name = hashlib.sha256(data).hexdigest()[:20]
    return Picture(kind, f"images/{name}.{kind.value}", data, width, height)


def _readable(data: bytes, path: str, span: Span | None) -> tuple[bytes, ImageKind]:
    """Return an image that no document shows as one that all do: TIFF and BMP as PNG, EPS as PDF; and what it is then."""
    kind = sniff(data)
    try:
        if kind in {ImageKind.TIFF, ImageKind.BMP}:
            return as_png(data), ImageKind.PNG
        if kind is ImageKind.EPS:
            return as_pdf(data), ImageKind.PDF
    except ValueError as error:
        mend = ("save the figure as SVG or PDF", "or install Ghostscript, which reads it") if kind is ImageKind.EPS else ("save it as PNG",)
        message = f"{path} is {kind.name}, and cannot be converted: {error}"
        raise BuildError(Diagnostic("PB522", message, span, help=mend)) from None
    return data, kind


def _with_density(png: bytes) -> bytes:
    """Return a PNG that says how large it is, which typst leaves out (pHYs: PNG specification, third edition, section 11.3.4.3)."""
    if sniff(png) is not ImageKind.PNG or b"pHYs" in png[:4096]:
        return png
    payload = b"pHYs" + struct.pack(">IIB", *(2 * (round(DRAWN_DPI / 0.0254),)), 1)
    return png[:33] + struct.pack(">I", 9) + payload + struct.pack(">I", zlib.crc32(payload)) + png[33:]


def _fault(kind: ImageKind, data: bytes, path: str, span: Span | None) -> Diagnostic | None:
    """Return why the image cannot be shown, if so."""
    match kind:
        case ImageKind.LFS:
            return Diagnostic("PB524", f"{path} is a pointer of Git LFS, not the image itself", span, help=("run: git lfs pull",))
        case ImageKind.UNKNOWN:
            what = "is empty" if not data else "is no image"
            known = "images are SVG, PDF, PNG, JPEG, GIF, WebP, TIFF, BMP or EPS, by their content"
            return Diagnostic("PB524", f"{path} {what}", span, notes=(known,))
        case ImageKind.SVG:
            wrong = _svg_root(data)[1]
            return Diagnostic("PB523", f"{path} is a broken SVG: {wrong}", span) if wrong else None
        case ImageKind.PNG if b"IEND" not in data[-64:]:
            return _cut_short(path, span)
        case ImageKind.JPEG if b"\xff\xd9" not in data[2:]:
            return _cut_short(path, span)
        case _:
            return None


def _cut_short(path: str, span: Span | None) -> Diagnostic:
    return Diagnostic("PB524", f"{path} is cut short", span, notes=("the end of the image is missing",), help=("make it again",))


class _EntityFound(Exception):  # noqa: N818 - control flow out of a callback of expat
    """An SVG declares entities."""


def _svg_root(data: bytes) -> tuple[dict[str, str], str]:
    """Return the attributes of the root element, and what is wrong with the document ("" where nothing is)."""
    root: list[tuple[str, dict[str, str]]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if not root:
            root.append((name, attributes))

    def entity(*_: object) -> None:
        raise _EntityFound

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EntityDeclHandler = entity  # one that names itself ten times, ten deep, would fill the memory of typst or the browser
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        return {}, f"line {error.lineno}, column {error.offset + 1}: {expat.ErrorString(error.code)}"
    except _EntityFound:
        return {}, "it declares XML entities, which are not expanded"
    name, attributes = root[0]
    if name.rpartition(":")[2] != "svg":
        return {}, f"its root element is <{name}>"
    if name == "svg" and attributes.get("xmlns") != "http://www.w3.org/2000/svg":
        return {}, 'its root lacks xmlns="http://www.w3.org/2000/svg"'
    return attributes, ""


def _natural_size(kind: ImageKind, data: bytes) -> tuple[float, float]:
    """Return width and height in inches; zeros where the image does not say."""
    try:
        match kind:
            case ImageKind.SVG:
                return _svg_size(_svg_root(data)[0])
            case ImageKind.PNG:
                return _png_size(data)
            case ImageKind.JPEG:
                return _jpeg_size(data)
            case ImageKind.GIF:
                width, height = struct.unpack_from("<HH", data, 6)
                return width / CSS_DPI, height / CSS_DPI
            case _:
                return 0.0, 0.0
    except (struct.error, IndexError):
        return 0.0, 0.0


def _svg_size(root: dict[str, str]) -> tuple[float, float]:
    width, height = (_LENGTH.fullmatch(root.get(side, "")) for side in ("width", "height"))
    if width and height:
        return float(width[1]) / _PER_INCH[width[2].lower()], float(height[1]) / _PER_INCH[height[2].lower()]
    box = [float(number) for number in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?", root.get("viewBox", ""))]
    return (box[2] / CSS_DPI, box[3] / CSS_DPI) if len(box) == 4 else (0.0, 0.0)


def _png_size(data: bytes) -> tuple[float, float]:
    """Read IHDR and pHYs (PNG specification, third edition, sections 11.2.1 and 11.3.4.3)."""
    width, height = struct.unpack_from(">II", data, 16)
    per_inch_x = per_inch_y = float(CSS_DPI)
    position = 33
    while position + 12 <= len(data) and data[position + 4 : position + 8] not in (b"IDAT", b"IEND"):
        (length,) = struct.unpack_from(">I", data, position)
        if data[position + 4 : position + 8] == b"pHYs":
            x, y, unit = struct.unpack_from(">IIB", data, position + 8)
            if unit == 1 and x and y:
                per_inch_x, per_inch_y = x * 0.0254, y * 0.0254
        position += 12 + length
    return width / per_inch_x, height / per_inch_y


def _jpeg_size(data: bytes) -> tuple[float, float]:
    """Read the frame header and JFIF's density (ITU-T T.81 annex B, T.871)."""
    per_inch_x = per_inch_y = float(CSS_DPI)
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker == 0xE0 and data[position + 4 : position + 9] == b"JFIF\0":
            unit, x, y = struct.unpack_from(">BHH", data, position + 11)
            scale = {1: 1.0, 2: 2.54}.get(unit, 0.0)
            if scale and x and y:
                per_inch_x, per_inch_y = x * scale, y * scale
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width / per_inch_x, height / per_inch_y
        position += 2 + length
    return 0.0, 0.0
