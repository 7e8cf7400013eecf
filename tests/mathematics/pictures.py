"""Draws every formula of the corpus as TeX, typst and a browser do, side by side, for the eye.

Run by hand, where pdflatex, pdftoppm and chromium are installed: ``python -m tests.mathematics.pictures FOLDER [CHAPTER …]``. It writes
FOLDER/<chapter>-<n>.png. With ``--accept`` it also keeps the pictures of TeX and of typst beside this file, for the tests.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from paperbuild.render.pandoc import PandocWorker
from tests.mathematics.corpus import Formula, load
from tests.mathematics.drawing import accept, converted, cropped, drawn, page_style

_PPI = 110
_PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[paperwidth=20cm,paperheight=9cm,margin=3mm]{geometry}
\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}\usepackage{lmodern}
\usepackage{amsmath,amssymb,mathtools,bm,cancel,siunitx,stmaryrd,xcolor,nicefrac,xfrac,mathrsfs}
\usepackage{booktabs,tensor,slashed,upgreek,nicematrix}
\usepackage[version=4]{mhchem}
\usepackage{physics}
\newcommand{\underaccent}[2]{\underset{#1{}}{#2}}\newcommand{\widecheck}{\check}\newcommand{\lt}{<}\newcommand{\gt}{>}\newcommand{\Perp}{\perp\!\!\!\perp}
\newcommand{\fint}{\int}\newcommand{\oiint}{\oint}\newenvironment{IEEEeqnarray}[1]{\begin{eqnarray}}{\end{eqnarray}}
\newcommand{\mathbbm}{\mathbb}\newcommand{\mathds}{\mathbb}\providecommand{\degree}{^\circ}\newcommand{\Set}{}
\DeclareMathOperator*{\argmin}{arg\,min}\DeclareMathOperator*{\argmax}{arg\,max}
\providecommand{\ceil}[1]{\left\lceil#1\right\rceil}\providecommand{\varGamma}{\mathit{\Gamma}}
\DeclareUnicodeCharacter{2200}{\forall}\DeclareUnicodeCharacter{2203}{\exists}\DeclareUnicodeCharacter{03B5}{\varepsilon}
\DeclareUnicodeCharacter{03B4}{\delta}\DeclareUnicodeCharacter{2212}{-}
\makeatletter\newcommand{\operator}{\@ifstar{\operatorb}{\operatora}}\makeatother\newcommand{\operatora}[2]{\def#1{\operatorname{#2}}}\newcommand{\operatorb}[2]{\def#1{\operatorname*{#2}}}
\pagestyle{empty}\parindent=0pt\begin{document}
"""
_DEFINITIONS = re.compile(r"(\\(newcommand|def|DeclareMathOperator)\b.*?\}) (?=\S)")
_OWN_DISPLAY = re.compile(r"\\begin\{(align|alignat|gather|multline|flalign|eqnarray|equation|subequations|IEEEeqnarray)\*?\}")


def tex_pictures(formulas: list[Formula]) -> list[Image.Image]:
    """Return TeX's picture of each formula."""
    pages = []
    for formula in formulas:
        tex = formula.tex
        if re.search(r"\\qty\{[\d.()e-]+\}\{", tex):
            tex = tex.replace(r"\qty", r"\SI")
        definitions = _DEFINITIONS.match(tex)
        before = definitions[0] if definitions else ""
        tex = tex.removeprefix(before)
        if formula.display and not _OWN_DISPLAY.match(tex):
            if "\\\\" in tex and "\\begin" not in tex and "\\substack" not in tex and "mqty" not in tex:
                tex = f"\\begin{{aligned}}{tex}\\end{{aligned}}"
            tex = f"\\[{tex}\\]"
        elif not formula.display:
            tex = f"${tex}$"
        before = before.replace("\\newcommand", "\\DeclareRobustCommand").replace("\\DeclareMathOperator", "\\operator")
        pages.append(before + tex + "\n\\clearpage\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.tex"
        path.write_text(_PREAMBLE + "".join(pages) + "\\end{document}\n", encoding="utf-8")
        subprocess.run(["pdflatex", "-interaction=nonstopmode", path.name], cwd=folder, capture_output=True, check=False)
        log = (Path(folder) / "all.log").read_text(errors="replace")
        sys.stderr.write("".join(f"{line}\n" for line in re.findall(r"^! .*\n(?:.*\n){0,4}?l\.\d+.*$", log, re.MULTILINE)))
        subprocess.run(["pdftoppm", "-r", str(_PPI), "-gray", "all.pdf", "page"], cwd=folder, check=True)
        files = sorted(Path(folder).glob("page-*.pgm"))
        return [cropped(Image.open(file)) for file in files]


def browser_pictures(fragments: list[str]) -> list[Image.Image]:
    """Return Chromium's picture of each fragment of a page."""
    from playwright.sync_api import sync_playwright

    style = page_style() + "math { font-size: 15px }"
    style += ".f { display: inline-block; padding: 2px 6px; margin: 6px } .f :is(p, math) { margin: 0 !important }"
    rows = "\n".join(f'<div><div class="f">{fragment}</div></div>' for fragment in fragments)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 800}, device_scale_factor=_PPI / 110)
        page.set_content(f"<!doctype html><meta charset=utf-8><style>{style}</style>{rows}")
        out = [cropped(Image.open(io.BytesIO(handle.screenshot()))) for handle in page.query_selector_all(".f")]
        browser.close()
    return out


def sheet(rows: list[tuple[Formula, list[Image.Image]]]) -> Image.Image:
    """Return the pictures of some formulas below each other: number and TeX, then the pictures from left to right."""
    font = ImageFont.truetype("DejaVuSansMono.ttf", 10) if shutil.which("fc-match") else ImageFont.load_default()
    widths = [max((pictures[i].width for _, pictures in rows), default=1) + 24 for i in range(len(rows[0][1]))]
    widths = [min(width, 620) for width in widths]
    heights = [max([picture.height for picture in pictures] + [8]) + 22 for _, pictures in rows]
    out = Image.new("L", (sum(widths) + 10, sum(heights) + 6), 255)
    draw, y = ImageDraw.Draw(out), 2
    for (formula, pictures), height in zip(rows, heights, strict=True):
        draw.text((4, y), f"{formula.place}: {formula.tex}"[: (sum(widths)) // 6], fill=110, font=font)
        x = 4
        for picture, width in zip(pictures, widths, strict=True):
            out.paste(picture.crop((0, 0, min(picture.width, width - 8), picture.height)), (x, y + 15))
            x += width
        y += height
        draw.line((0, y - 3, out.width, y - 3), fill=225)
    return out


def main(arguments: list[str]) -> None:
    """Draw the chapters that are named, or all."""
    keep = "--accept" in arguments
    folder, *chapters = [argument for argument in arguments if argument != "--accept"]
    formulas = [formula for formula in load() if not chapters or formula.chapter in chapters]
    worker = PandocWorker()
    texts = [formula.markdown for formula in formulas]
    code, problems = converted(worker, texts, "typst")
    pages, _ = converted(worker, texts, "html")
    worker.close()
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    columns = [tex_pictures(formulas), drawn(code, _PPI), browser_pictures(pages)]
    sys.stderr.write(f"{len(formulas)} formulas, pictures {[len(column) for column in columns]}\n")
    Path(folder).mkdir(parents=True, exist_ok=True)
    for chapter in dict.fromkeys(formula.chapter for formula in formulas):
        rows = [(formula, list(pictures)) for formula, *pictures in zip(formulas, *columns, strict=False) if formula.chapter == chapter]
        if keep:
            for name, column in (("", 1), ("tex-", 0)):
                accept(name + chapter, {f"{formula.display:d} {formula.tex}": pictures[column] for formula, pictures in rows})
        for n in range(0, len(rows), 26):
            sheet(rows[n : n + 26]).save(Path(folder) / f"{chapter}-{n // 26 + 1}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
