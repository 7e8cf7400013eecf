"""The formulas that the tests of mathematics are about, and what each of them must become.

``corpus/*.txt`` has one formula in a line (``inline:`` before it where it stands in running text), and indented below it the structure
of its MathML in the short form of :func:`structure`. A line ``! pdf page: how`` below that says where it is known to look otherwise than
TeX sets it, so that the share of formulas that look right is a count.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
_INLINE = "inline: "
_INDENT = "    "
_KNOWN = _INDENT + "! "
FORMATS = ("pdf", "page")


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula; ``place`` is its chapter and its number in it, from 1. ``expected`` is "" until somebody has judged it.

    ``known`` says how it looks otherwise than in TeX, and in which of ``FORMATS``: "pdf page: the arrow has no head".
    """

    chapter: str
    number: int
    tex: str
    display: bool
    expected: str = ""
    known: str = ""

    @property
    def place(self) -> str:
        return f"{self.chapter} {self.number}"

    def is_right(self, where: str) -> bool:
        """Return whether nothing is known that would look otherwise in a format."""
        return where not in self.known.partition(":")[0].split()

    @property
    def markdown(self) -> str:
        return f"$${self.tex}$$" if self.display else f"${self.tex}$"


def load() -> list[Formula]:
    """Return all formulas, by chapter."""
    formulas = []
    for path in sorted(FOLDER.glob("*.txt")):
        chapter: list[Formula] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(_KNOWN):
                chapter[-1] = replace(chapter[-1], known=line.removeprefix(_KNOWN))
            elif line.startswith(_INDENT):
                chapter[-1] = replace(chapter[-1], expected=line.strip())
            elif line:
                display = not line.startswith(_INLINE)
                chapter.append(Formula(path.stem, len(chapter) + 1, line.removeprefix(_INLINE), display))
        formulas.extend(chapter)
    return formulas


def save(formulas: list[Formula]) -> None:
    """Write the formulas back, each with what is expected of it."""
    for chapter in sorted({formula.chapter for formula in formulas}):
        lines = []
        for formula in formulas:
            if formula.chapter == chapter:
                lines.append(("" if formula.display else _INLINE) + formula.tex)
                lines.append(_INDENT + formula.expected)
                lines += [_KNOWN + formula.known] if formula.known else []
        (FOLDER / f"{chapter}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def structure(math: str) -> str:
    """Return the structure of a ``<math>`` element in short.

    Letters and numbers stand as they are, a letter that is set upright with a dot behind it; operators in brackets, with ``~`` where they
    stretch, ``<`` and ``>`` for their form where it is said; words in quotes; other elements as ``(name children)``. A star stands behind
    what is made bold by its style, a minus for a space that draws together.
    """
    return _short(ET.fromstring(math.replace("&#8289;", "\u2061"))).removeprefix("(math ").removesuffix(")").rstrip()


_RULES = re.compile(r"border-(\w+)")
_FORMS = {"prefix": "<", "postfix": ">", "infix": "="}


def _short(element: ET.Element) -> str:
    tag, text, style = element.tag, (element.text or "").replace("\u2061", "apply"), element.get("style") or ""
    bold = "*" if "font-weight:bold" in style else ""
    if tag in {"mi", "mn"}:
        return text + ("." if element.get("mathvariant") else "") + bold
    if tag == "mo":
        marks = "~" if element.get("stretchy") == "true" else ""
        return f"[{_FORMS.get(element.get('form', ''), '')}{text}{marks}]" + bold
    if tag == "mtext":
        return '"' + "".join(element.itertext()).replace("\u00a0", " ") + '"' + bold
    if tag == "mspace":
        return "-" if "margin" in style else "_"
    said = [tag.removeprefix("m") if tag in {"mrow", "mtable", "mtr", "mtd"} else tag]
    said += [
        f"{name}={element.get(name)}"
        for name in ("displaystyle", "linethickness", "mathcolor", "mathbackground", "class", "width", "height", "columnspan")
        if element.get(name)
    ]
    said += _RULES.findall(style)
    if tag == "mtd" and "text-align" in style:
        said.append(style.partition("text-align:")[2].partition(";")[0])
    return "(" + " ".join([*said, *map(_short, element)]) + ")"
