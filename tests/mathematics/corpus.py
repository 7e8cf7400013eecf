"""The formulas that the tests of mathematics are about, and what each of them must become.

``corpus/*.txt`` has one formula in a line (``inline:`` before it where it stands in running text), and indented below it the structure
of its MathML in the short form of :func:`structure`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
_INLINE = "inline: "
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula; ``place`` is its chapter and its number in it, from 1. ``expected`` is "" until somebody has judged it."""

    chapter: str
    number: int
    tex: str
    display: bool
    expected: str = ""

    @property
    def place(self) -> str:
        return f"{self.chapter} {self.number}"

    @property
    def markdown(self) -> str:
        return f"$${self.tex}$$" if self.display else f"${self.tex}$"


def load() -> list[Formula]:
    """Return all formulas, by chapter."""
    formulas = []
    for path in sorted(FOLDER.glob("*.txt")):
        chapter: list[Formula] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(_INDENT):
                last = chapter[-1]
                chapter[-1] = Formula(last.chapter, last.number, last.tex, last.display, line.strip())
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
        (FOLDER / f"{chapter}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def structure(math: str) -> str:
    """Return the structure of a ``<math>`` element in short.

    Letters and numbers stand as they are, a letter that is set upright with a dot behind it; operators in brackets, with ``~`` where they
    stretch, ``<`` and ``>`` for their form where it is said; words in quotes; other elements as ``(name children)``.
    """
    return _short(ET.fromstring(math.replace("&#8289;", "\u2061"))).removeprefix("(math ").removesuffix(")").rstrip()


_FORMS = {"prefix": "<", "postfix": ">", "infix": "="}


def _short(element: ET.Element) -> str:
    tag, text = element.tag, (element.text or "").replace("\u2061", "apply")
    if tag in {"mi", "mn"}:
        return text + ("." if element.get("mathvariant") else "")
    if tag == "mo":
        marks = "~" if element.get("stretchy") == "true" else ""
        return f"[{_FORMS.get(element.get('form', ''), '')}{text}{marks}]"
    if tag == "mtext":
        return '"' + "".join(element.itertext()).replace("\u00a0", " ") + '"'
    if tag == "mspace":
        return "_"
    said = [tag.removeprefix("m") if tag in {"mrow", "mtable", "mtr", "mtd"} else tag]
    said += [
        f"{name}={element.get(name)}" for name in ("displaystyle", "linethickness", "mathcolor", "class", "width") if element.get(name)
    ]
    if tag == "mtd" and "text-align" in (element.get("style") or ""):
        said.append((element.get("style") or "").partition("text-align:")[2].partition(";")[0])
    if tag == "mtd" and "border" in (element.get("style") or ""):
        said.append("ruled")
    return "(" + " ".join([*said, *map(_short, element)]) + ")"
