"""Make the pictures of the documentation anew: those of docs/gallery, and docs/images/example.png.

The example and the stress paper are rendered in all templates, in copies of their own; the page is pictured by Chromium. What it needs is
installed with ``pip install -e '.[dev]'``, save Chromium. It takes some minutes, because each template has figures of its own::

    python docs/pictures.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

TOP = Path(__file__).resolve().parents[1]
GALLERY, IMAGES = TOP / "docs" / "gallery", TOP / "docs" / "images"
PAPERS = {"example": TOP / "example-paper", "stress": TOP / "tests" / "papers" / "stress"}
BUILT = shutil.ignore_patterns("_build", ".paperbuild", "build", "__pycache__")
SHOWN = {"article": (1, 3), "twocolumn": (1, 2), "preprint": (1, 2), "joss": (1, 3), "report": (1, 6)}
"""Of each template two pages of the example, counted from 1: the first, and one with a figure."""

GREY, BEHIND = (158, 158, 158), (237, 239, 243)
PAIR_PX, SMALL_PX, GAP_PX = 430, 170, 6
"""How wide a page is in pixels: of the two that show a template, and of all that stand together."""


def render(paper: Path, template: str, folder: Path) -> Path:
    """Render the project in ``folder`` with ``template``; return where its PDF is, beside which its page stands."""
    if not folder.exists():
        shutil.copytree(paper, folder, ignore=BUILT)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-P", "-m", "paperbuild", "render", "--template", template]
    subprocess.run(command, cwd=folder, env=kept | {"PYTHONPATH": str(TOP)}, check=True, stdout=subprocess.DEVNULL)
    return folder / "_build" / "paper.pdf"


def pages(pdf: Path, width_px: int) -> list[Image.Image]:
    """Return the pages of a PDF as pictures, drawn three times as large and made smaller, which is smoother."""
    document = pypdfium2.PdfDocument(pdf)
    large = [page.render(scale=3 * width_px / page.get_width()).to_pil().convert("RGB") for page in document]
    return [page.resize((width_px, round(page.height * width_px / page.width)), Image.Resampling.LANCZOS) for page in large]


def sheet(pictures: Sequence[Image.Image], a_row: int) -> Image.Image:
    """Return the pictures on grey, so many in a row."""
    rows = [pictures[at : at + a_row] for at in range(0, len(pictures), a_row)]
    width, height = pictures[0].size
    size = (len(rows[0]) * (width + GAP_PX) + GAP_PX, len(rows) * (height + GAP_PX) + GAP_PX)
    made = Image.new("RGB", size, GREY)
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            made.paste(picture, (GAP_PX + x * (width + GAP_PX), GAP_PX + y * (height + GAP_PX)))
    return made


def palette(picture: Image.Image, colours: int) -> list[int]:
    """Return the colours, red, green and blue of each, that show a picture best."""
    return (picture.quantize(colours).getpalette() or [])[: 3 * colours]


def keep(picture: Image.Image, path: Path, colours: int) -> None:
    """Write a picture with few colours, which makes a small file; a third is for what is bright, of which there is little.

    Each pixel gets the colour next to it: Pillow would round first, and make white paper grey.
    """
    seen, places = np.unique(np.asarray(picture).reshape(-1, 3).astype(int), axis=0, return_inverse=True)
    bright = seen[np.ptp(seen, axis=1) > 30].astype(np.uint8).reshape(1, -1, 3)
    chosen = [255, 255, 255, *GREY, *BEHIND, *palette(picture, 2 * colours // 3), *palette(Image.fromarray(bright), colours // 3)]
    distances = np.stack([((seen - colour) ** 2).sum(axis=1) for colour in np.reshape(chosen, (-1, 3))])
    few = Image.frombytes("P", picture.size, distances.argmin(axis=0)[places].astype(np.uint8).tobytes())
    few.putpalette(chosen)
    few.save(path, optimize=True)


def lay(under: Image.Image, picture: Image.Image, spot: tuple[int, int]) -> None:
    """Lay a picture on another, with its shadow."""
    shadow = Image.new("L", under.size, 0)
    shadow.paste(70, (spot[0], spot[1] + 8, spot[0] + picture.width, spot[1] + 8 + picture.height))
    under.paste((40, 45, 60), (0, 0), shadow.filter(ImageFilter.GaussianBlur(14)))
    under.paste(picture, spot)


def window(page: Path, width: int, height: int) -> Image.Image:
    """Return what a browser shows of a page at first."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-background-networking"])
        opened = browser.new_page(viewport={"width": width, "height": height})
        opened.goto(page.as_uri())
        opened.wait_for_timeout(500)
        opened.screenshot(path=Path(folder, "page.png"))
        browser.close()
        return Image.open(Path(folder, "page.png")).convert("RGB")


def main() -> None:
    """Render, draw, write."""
    with tempfile.TemporaryDirectory() as base:
        for template, shown in SHOWN.items():
            for name, paper in PAPERS.items():
                pdf = render(paper, template, Path(base, name))
                every = pages(pdf, SMALL_PX)
                keep(sheet(every, 4 if len(every) <= 8 else 6), GALLERY / f"{template}-{name}.png", 24)
                if name == "example":
                    drawn = pages(pdf, PAIR_PX)
                    keep(sheet([drawn[number - 1] for number in shown], 2), GALLERY / f"{template}.png", 48)
                if (template, name) == ("article", "example"):
                    drawn = pages(pdf, 507)
                    picture = Image.new("RGB", (1500, 825), BEHIND)
                    for part, spot in ((drawn[1], (33, 33)), (drawn[3], (308, 75))):
                        lay(picture, part, spot)
                    seen = window(pdf.with_suffix(".html"), 1180, 1320)
                    lay(picture, seen.resize((658, 736), Image.Resampling.LANCZOS), (842, 42))
                    keep(picture, IMAGES / "example.png", 192)
                print(f"{template}: {name}")


if __name__ == "__main__":
    main()
