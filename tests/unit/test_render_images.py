"""Images: known by their content; broken and foreign ones are diagnostics that say how to mend them."""

from __future__ import annotations

import base64
import io
import struct
import time
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from paperbuild.diagnostics import Span
from paperbuild.errors import BuildError
from paperbuild.render.ghostscript import as_pdf, program
from paperbuild.render.images import ImageKind, data_uri, is_remote, prepare, sniff
from paperbuild.render.typst import Typesetter

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="144pt" height="1in" viewBox="0 0 10 5"><path d="M0 0"/></svg>'
WHERE = Span("paper.md", 4, 9)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int = 300, height: int = 150, per_metre: int = 0) -> bytes:
    density = chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)) if per_metre else b""
    rows = zlib.compress(b"".join(b"\0" + b"\0" * width for _ in range(height)))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + density + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int, unit: int = 1, density: int = 100) -> bytes:
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1" + struct.pack(">BHHBB", unit, density, density, 0, 0)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + jfif + frame + b"\xff\xda\0\2data\xff\xd9"


def fault_of(data: bytes, path: str = "fig/a.svg") -> tuple[str, str]:
    with pytest.raises(BuildError) as caught:
        prepare(data, path, "html", Typesetter(), WHERE)
    (fault,) = caught.value.diagnostics
    assert fault.span == WHERE
    return fault.code, fault.message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (SVG, ImageKind.SVG),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- c -->\n" + SVG, ImageKind.SVG),
        (png(), ImageKind.PNG),
        (jpeg(1, 1), ImageKind.JPEG),
        (b"GIF89a\1\0\1\0", ImageKind.GIF),
        (b"RIFF\0\0\0\0WEBPVP8 ", ImageKind.WEBP),
        (b"%PDF-1.4\n", ImageKind.PDF),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", ImageKind.EPS),
        (b"II*\0", ImageKind.TIFF),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", ImageKind.LFS),
        (b"<html><body>404</body></html>", ImageKind.UNKNOWN),
        (b"", ImageKind.UNKNOWN),
    ],
)
def test_an_image_is_known_by_its_content(data: bytes, kind: ImageKind) -> None:
    assert sniff(data) is kind


def test_a_png_called_jpg_gets_a_true_name_and_media_type() -> None:
    picture = prepare(png(), "photo.jpg", "typst", Typesetter())
    assert picture.path.endswith(".png")
    uri = data_uri(picture.path, picture.data)
    assert uri.startswith("data:image/png;base64,")
    assert base64.b64decode(uri.partition(",")[2]) == png()


def test_equal_images_share_one_name_and_others_do_not() -> None:
    typesetter = Typesetter()
    assert prepare(png(), "a.png", "html", typesetter).path == prepare(png(), "b.png", "html", typesetter).path
    assert prepare(png(), "a.png", "html", typesetter).path != prepare(png(2, 2), "a.png", "html", typesetter).path


@pytest.mark.parametrize(
    ("data", "width", "height"),
    [
        (SVG, 2.0, 1.0),
        (SVG.replace(b'width="144pt" height="1in" ', b'width="100%" '), 10 / 96, 5 / 96),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 0.0, 0.0),
        (png(), 300 / 96, 150 / 96),
        (png(per_metre=11811), 1.0, 0.5),
        (jpeg(200, 100), 2.0, 1.0),
        (jpeg(254, 127, unit=2), 1.0, 0.5),
        (jpeg(96, 48, unit=0), 1.0, 0.5),
        (b"GIF89a" + struct.pack("<HH", 96, 192), 1.0, 2.0),
    ],
)
def test_the_natural_size_is_what_the_image_says(data: bytes, width: float, height: float) -> None:
    picture = prepare(data, "a", "html", Typesetter())
    assert (picture.width_in, picture.height_in) == pytest.approx((width, height), rel=1e-3)


def picture(mode: str, kind: str, **said: object) -> bytes:
    image = Image.new(mode, (30, 20), 3 if mode in {"P", "L", "1", "I;16", "I", "F"} else None)
    if mode == "P":
        image.putpalette([n for colour in range(256) for n in (colour, 255 - colour, 0)])
    out = io.BytesIO()
    image.save(out, kind, **said)
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [*((mode, "TIFF") for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F")), ("RGB", "BMP"), ("P", "BMP")],
)
def test_tiff_and_bmp_become_png_with_equal_bytes(mode: str, kind: str) -> None:
    data = picture(mode, kind)
    first, again = (prepare(data, "scan.tif", "typst", Typesetter()) for _ in range(2))
    assert (first.kind, first.data) == (ImageKind.PNG, again.data)
    assert Image.open(io.BytesIO(first.data)).size == (30, 20)


def test_a_converted_picture_keeps_its_size_on_paper_and_its_colours() -> None:
    made = prepare(picture("RGB", "TIFF", dpi=(300, 300)), "scan.tif", "html", Typesetter())
    assert made.width_in == pytest.approx(0.1, rel=0.01)
    shown = Image.open(io.BytesIO(prepare(picture("P", "BMP"), "a.bmp", "html", Typesetter()).data))
    assert shown.convert("RGB").getpixel((1, 1)) == (3, 252, 0)


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 144 72
newpath 10 10 moveto 90 10 lineto 50 50 lineto closepath 0.2 0.4 0.8 setrgbcolor fill
showpage
"""


@pytest.mark.skipif(program() is None, reason="Ghostscript is not installed")
def test_eps_is_drawn_by_ghostscript_with_equal_bytes_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = as_pdf(EPS)
    time.sleep(1.1)
    assert as_pdf(EPS) == first
    header = b"\xc5\xd0\xd3\xc6" + struct.pack("<IIIIIIH", 30, len(EPS), 0, 0, 0, 0, 0xFFFF)
    assert as_pdf(header + EPS) == first
    assert prepare(EPS, "a.eps", "html", Typesetter()).kind is ImageKind.SVG


@pytest.mark.skipif(program() is None, reason="Ghostscript is not installed")
def test_a_program_in_an_eps_reaches_no_file() -> None:
    with pytest.raises(ValueError, match=r"(?i)error"):
        as_pdf(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) (r) file pop showpage\n")


def test_eps_without_ghostscript_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    code, message = fault_of(EPS, "fig/a.eps")
    assert (code, message) == ("PB522", "fig/a.eps is EPS, and cannot be converted: Ghostscript is not installed")


@pytest.mark.parametrize("data", [b"%!PS-Adobe-3.0 EPSF\nnonsense(", b"MM\0*", b"BM\0\0\0\0\0\0\0\0"])
def test_what_cannot_be_converted_is_refused_with_a_mend(data: bytes) -> None:
    assert fault_of(data)[0] == "PB522"


def test_a_broken_svg_is_an_error_with_its_line() -> None:
    code, message = fault_of(b'<svg xmlns="http://www.w3.org/2000/svg">\n<g></svg>')
    assert code == "PB523"
    assert message == "fig/a.svg is a broken SVG: line 2, column 6: mismatched tag"


def test_an_svg_with_entities_is_refused_before_anything_expands_them() -> None:
    bomb = b'<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>'
    assert "entities" in fault_of(bomb)[1]


def test_an_svg_without_its_namespace_is_refused_because_no_browser_shows_it() -> None:
    assert "xmlns" in fault_of(b'<svg width="1"/>')[1]


def test_a_file_that_was_cut_short_is_an_error() -> None:
    assert fault_of(png()[:-40], "a.png") == ("PB524", "a.png is cut short")
    assert fault_of(jpeg(1, 1)[:-2], "a.jpg") == ("PB524", "a.jpg is cut short")


def test_an_empty_file_and_a_pointer_of_git_lfs_are_told_apart_from_images() -> None:
    assert fault_of(b"", "a.png") == ("PB524", "a.png is empty")
    assert "Git LFS" in fault_of(b"version https://git-lfs.github.com/spec/v1\n", "a.png")[1]
    assert fault_of(b"hello", "a.png") == ("PB524", "a.png is no image")


def test_images_on_the_network_are_told_by_their_address() -> None:
    assert is_remote("https://example.org/a.png")
    assert is_remote("HTTP://example.org/a.png")
    assert is_remote("//example.org/a.png")
    assert not is_remote("figures/a.png")
    assert not is_remote("data:image/png;base64,AAAA")


@given(st.binary(max_size=200))
def test_no_bytes_whatever_bring_the_look_at_an_image_down(data: bytes) -> None:
    heads = (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b'<svg xmlns="http://www.w3.org/2000/svg" ', b"RIFF\0\0\0\0WEBP")
    for head in heads:
        with suppress(BuildError):
            prepare(head + data, "a", "typst", Typesetter())
