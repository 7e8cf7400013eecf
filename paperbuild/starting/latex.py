r"""A document in LaTeX, made ready to be read as one text, and what was made of it, made to fit the files that are there.

Pandoc reads no files here: what ``\input`` names is put in before, and a picture without a suffix gets that of its file after.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

_INPUT = re.compile(r"(?<![\\%])\\(?:input|include)\{([^{}]+)\}")
_GRAPHICS = re.compile(r"\\graphicspath\{((?:\{[^{}]*\}\s*)+)\}")
_IMAGE = re.compile(r"(!\[(?:[^\[\]\\]|\\.|\[[^\[\]]*\])*\]\()([^()\s]+)(\))")
_SUFFIXES = (".pdf", ".png", ".svg", ".jpg", ".jpeg", ".eps")
_PART = re.compile(r"(?<!\\)\\sub(?:figure|float)(?![A-Za-z])")
_DEEPEST = 5


def whole(path: str, texts: Mapping[str, str], depth: int = 0) -> str:
    r"""Return the LaTeX of ``path`` with the files that ``\input`` and ``\include`` name put in."""
    folder = posixpath.dirname(path)

    def put(match: re.Match[str]) -> str:
        name = match[1].strip()
        wanted = posixpath.normpath(posixpath.join(folder, name if posixpath.splitext(name)[1] else f"{name}.tex"))
        return whole(wanted, texts, depth + 1) if wanted in texts and depth < _DEEPEST else match[0]

    return _INPUT.sub(put, texts[path])


def with_parts(latex: str) -> str:
    r"""Return ``latex`` with what ``\subfigure`` and ``\subfloat`` make written as environments, which pandoc knows."""
    out = []
    at = 0
    for match in _PART.finditer(latex):
        if match.start() < at:
            continue
        caption, after = _group(latex, match.end(), "[", "]")
        content, end = _group(latex, after, "{", "}")
        if content is None:
            continue
        said = "" if not caption else f"\\caption{{{caption}}}"
        out += [latex[at : match.start()], "\\begin{subfigure}{0.45\\textwidth}", content, said, "\\end{subfigure}"]
        at = end
    return "".join([*out, latex[at:]])


def _group(text: str, at: int, opening: str, closing: str) -> tuple[str | None, int]:
    """Return what stands between brackets that open at ``at``, spaces aside, and where they end; None where none do."""
    start = at + len(text[at:]) - len(text[at:].lstrip())
    if text[start : start + 1] != opening:
        return None, at
    depth = 0  # of braces: within them a bracket closes nothing
    for n in range(start + 1, len(text)):
        if text[n - 1] == "\\":
            continue
        if text[n] == closing and depth == 0:
            return text[start + 1 : n], n + 1
        depth += (text[n] == "{") - (text[n] == "}")
    return None, at


def fitted(markdown: str, latex: str, path: str, known: Iterable[str]) -> str:
    """Return ``markdown``, made of the ``latex`` at ``path``, with the paths of its pictures as files are called: ``known`` ones."""
    folder = posixpath.dirname(path)
    files = frozenset(known)
    declared = _GRAPHICS.search(latex)
    places = ["", *(re.findall(r"\{([^{}]*)\}", declared[1]) if declared else ())]

    def name(match: re.Match[str]) -> str:
        for place in places:
            for suffix in ("", *_SUFFIXES):
                candidate = posixpath.normpath(posixpath.join(place, match[2] + suffix))
                if posixpath.normpath(posixpath.join(folder, candidate)) in files:
                    return f"{match[1]}{candidate}{match[3]}"
        return match[0]

    return _IMAGE.sub(name, markdown)
