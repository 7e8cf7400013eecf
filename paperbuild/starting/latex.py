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
_DEEPEST = 5


def whole(path: str, texts: Mapping[str, str], depth: int = 0) -> str:
    r"""Return the LaTeX of ``path`` with the files that ``\input`` and ``\include`` name put in."""
    folder = posixpath.dirname(path)

    def put(match: re.Match[str]) -> str:
        name = match[1].strip()
        wanted = posixpath.normpath(posixpath.join(folder, name if posixpath.splitext(name)[1] else f"{name}.tex"))
        return whole(wanted, texts, depth + 1) if wanted in texts and depth < _DEEPEST else match[0]

    return _INPUT.sub(put, texts[path])


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
