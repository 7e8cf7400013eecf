"""Pictures of formulas as typst draws them, for the eye and for comparison."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path

import typst
from PIL import Image, ImageChops, ImageFilter

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Request

_TEMPLATE = Path(__file__).parents[2] / "templates" / "article"
_HEAD = """#import "/elements.typ": equation-lines, mq
#set page(width: 17cm, height: auto, margin: 4pt)
#set text(size: 10pt)
#show math.equation: set text(font: "New Computer Modern Math", weight: 450)
#set math.vec(gap: .35em)
"""
ACCEPTED = Path(__file__).parent / "accepted"
_GAP = 4
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


def page_style() -> str:
    """Return the style sheet of a page with its font of mathematics, in black on white."""
    font = base64.b64encode((_TEMPLATE / "fonts" / "paper-math.woff2").read_bytes()).decode()
    style = f'@font-face {{ font-family: "Paper Math"; src: url(data:font/woff2;base64,{font}) }}\n'
    style += (_TEMPLATE / "page.css").read_text(encoding="utf-8")
    return style + "html, body { background: #fff !important; color: #000 !important } p { margin: 10px }"


def drawn(code: Sequence[str], ppi: float = 110) -> list[Image.Image]:
    """Return a picture of each piece of typst code, without the white around it."""
    source = _HEAD + "\n#pagebreak()\n".join(code)
    pages = typst.compile(source.encode(), root=str(_TEMPLATE), format="png", ppi=ppi, ignore_system_fonts=True)
    return [cropped(Image.open(io.BytesIO(page))) for page in (pages if isinstance(pages, list) else [pages])]


def accepted(chapter: str, folder: Path = ACCEPTED) -> dict[str, Image.Image]:
    """Return the pictures that somebody has looked at, by their formula."""
    strip = Image.open(folder / f"{chapter}.png").convert("L")
    pictures, y = {}, 0
    for line in (folder / f"{chapter}.txt").read_text(encoding="utf-8").splitlines():
        width, height, tex = line.split(" ", 2)
        pictures[tex] = strip.crop((0, y, int(width), y + int(height)))
        y += int(height) + _GAP
    return pictures


def accept(chapter: str, pictures: dict[str, Image.Image], folder: Path = ACCEPTED) -> None:
    """Keep pictures, one below the other, and beside them how large each is."""
    folder.mkdir(parents=True, exist_ok=True)
    strip = Image.new("L", (max(p.width for p in pictures.values()), sum(p.height + _GAP for p in pictures.values())), 255)
    y = 0
    for picture in pictures.values():
        strip.paste(picture, (0, y))
        y += picture.height + _GAP
    strip.quantize(8).save(folder / f"{chapter}.png", optimize=True)
    sizes = "".join(f"{picture.width} {picture.height} {tex}\n" for tex, picture in pictures.items())
    (folder / f"{chapter}.txt").write_text(sizes, encoding="utf-8")


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return how far two pictures are apart for the eye: the largest difference of brightness, from 0 to 255, once both are blurred."""
    size = (max(one.width, other.width) + 8, max(one.height, other.height) + 8)
    blurred = []
    for picture in (one, other):
        canvas = Image.new("L", size, 255)
        canvas.paste(picture, (4, 4))
        blurred.append(canvas.filter(ImageFilter.GaussianBlur(1.6)))
    return float(ImageChops.difference(*blurred).getextrema()[1])  # type: ignore[arg-type]


def cropped(picture: Image.Image) -> Image.Image:
    """Return a picture in shades of gray without the white around it."""
    gray = picture.convert("L")
    box = ImageChops.invert(gray).point(lambda value: 255 if value > 24 else 0).getbbox()
    return gray.crop(box) if box else gray.crop((0, 0, 1, 1))
