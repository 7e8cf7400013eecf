"""Pictures of formulas as typst draws them, for the eye and for comparison."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import typst
from PIL import Image, ImageChops

from paperbuild.render.pandoc import PandocWorker, Request

_TEMPLATE = Path(__file__).parents[2] / "templates" / "article"
_HEAD = """#import "/elements.typ": equation-lines, mq
#set page(width: 17cm, height: auto, margin: 4pt)
#set text(size: 10pt)
#show math.equation: set text(font: "New Computer Modern Math", weight: 450)
#set math.vec(gap: .35em)
"""
_MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)


def converted(worker: PandocWorker, markdown: Sequence[str], target: str) -> tuple[list[str], list[str]]:
    """Return each formula in its target format ("typst" or "html"), and the formulas of which the converter complained."""
    parts, problems = [], []
    for text in markdown:
        written = worker.write(Request(text + "\n", target))  # type: ignore[arg-type]
        problems += [f"{text}: {problem.detail} {problem.token}" for problem in written.problems]
        parts.append(written.body.strip())
    return parts, problems


def mathml(page: str) -> list[str]:
    """Return the ``<math>`` elements of a page's fragment: one, or one for each cell of lines that are numbered."""
    return _MATH.findall(page)


def drawn(code: Sequence[str], ppi: float = 110) -> list[Image.Image]:
    """Return a picture of each piece of typst code, without the white around it."""
    source = _HEAD + "\n#pagebreak()\n".join(code)
    pages = typst.compile(source.encode(), root=str(_TEMPLATE), format="png", ppi=ppi, ignore_system_fonts=True)
    return [cropped(Image.open(io.BytesIO(page))) for page in (pages if isinstance(pages, list) else [pages])]


def cropped(picture: Image.Image) -> Image.Image:
    """Return a picture in shades of gray without the white around it."""
    gray = picture.convert("L")
    box = ImageChops.invert(gray).point(lambda value: 255 if value > 24 else 0).getbbox()
    return gray.crop(box) if box else gray.crop((0, 0, 1, 1))
