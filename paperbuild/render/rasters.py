"""Pictures in formats that no document shows, TIFF and BMP, as PNG."""

from __future__ import annotations

import io

_SAVED = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
"""Modes of Pillow's that PNG holds as they are."""


def as_png(data: bytes) -> bytes:
    """Return the first picture in ``data`` as PNG, with its density and without anything else that is said of it.

    Equal data give equal bytes with equal versions of Pillow.

    Raises:
        ValueError: it cannot be read, with the reason.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.load()
            density = opened.info.get("dpi")
            picture = opened if opened.mode in _SAVED else opened.convert("RGBA" if "A" in opened.getbands() else "RGB")
            plain = Image.frombytes(picture.mode, picture.size, picture.tobytes())
            if picture.mode == "P" and (palette := picture.getpalette()):
                plain.putpalette(palette)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error) or type(error).__name__) from None
    out = io.BytesIO()
    said = {"dpi": (float(density[0]), float(density[1]))} if density and all(float(side) > 1 for side in density) else {}
    plain.save(out, "PNG", compress_level=6, **said)
    return out.getvalue()
