"""Formats, parsed: what stands after the ``:`` of a reference. How they write a value: :mod:`paperbuild.paper.formats`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from paperbuild.paper.data import shortened
from paperbuild.paper.dates import DATE_CODE, DATE_CODES
from paperbuild.paper.faults import Finding, ReferenceFault
from paperbuild.paper.rounding import MOST_DECIMALS

Kind = Literal["f", "e", "g", "d", "%", "pp", "p", "words", "date"]


class Format(msgspec.Struct, frozen=True):
    """A parsed format. ``text`` is what was written; ``decimals`` is the N of ``.N``, None where it was left out.

    ``equals`` says that a probability is written with its sign: "= 0.023", or "< 0.001".
    """

    kind: Kind
    text: str
    plus: bool = False
    keep_zeros: bool = False
    grouping: Literal["", ",", "_"] = ""
    decimals: int | None = None
    unit: str = ""
    equals: bool = False


_SPEC = re.compile(
    r"(?P<equals>=?)(?P<plus>\+?)z?(?P<sharp>#?)(?P<grouping>[,_]?)(?:\.(?P<decimals>[0-9]+))?(?P<kind>pp|[fegd%p])(?: +(?P<unit>\S.*))?"
)
_FOREIGN = re.compile(r"(?P<fill>.?[<>=^])|(?P<width>0?[1-9][0-9]*)|(?P<type>[.0-9,_+#]*[xXobcnsEFG])$|(?P<bare>[+z#,_]*(?:\.[0-9]+)?)$")
_GRAMMAR = "a format is [+][,][.N] and one of f e g d % pp p, then a space and a unit: .1%, .3g, ,d, .2f ms"


@lru_cache(maxsize=1024)
def parse_format(text: str) -> Format:
    """Return the format that ``text`` describes.

    Raises:
        ReferenceFault: PB220, with the offset in ``text``.
    """
    text = text.strip()
    if text == "words":
        return Format("words", text)
    found = _SPEC.fullmatch(text)
    if found is None:
        return _date_format(text)
    kind = found["kind"]
    if found["equals"] and kind != "p":
        raise _explained(text)
    decimals = None if found["decimals"] is None else int(found["decimals"][:9])
    if decimals is not None and kind == "d":
        raise _unknown(text, "d writes whole numbers: it takes no .N", "use f for decimals", at=found.start("decimals") - 1)
    if decimals is not None and decimals > MOST_DECIMALS:
        raise _unknown(text, f"at most {MOST_DECIMALS} digits can be asked for", at=found.start("decimals"))
    if found["sharp"] and kind != "g":
        raise _unknown(text, "# keeps the trailing zeros of g; the others keep theirs", "leave # out", at=found.start("sharp"))
    if found["plus"] and kind == "p":
        raise _unknown(text, "a probability has no sign", "leave + out")
    return Format(
        kind=_kind(kind),
        text=text,
        plus=bool(found["plus"]),
        keep_zeros=bool(found["sharp"]),
        grouping="," if found["grouping"] == "," else "_" if found["grouping"] else "",
        decimals=decimals,
        unit=(found["unit"] or "").rstrip(),
        equals=bool(found["equals"]),
    )


def _kind(text: str) -> Kind:
    kinds: dict[str, Kind] = {"f": "f", "e": "e", "g": "g", "d": "d", "%": "%", "pp": "pp", "p": "p"}
    return kinds[text]


def _date_format(text: str) -> Format:
    codes = list(DATE_CODE.finditer(text))
    if text[:1] in "+#,_." or not any(code[2].isalpha() for code in codes):
        raise _explained(text)
    for code in codes:
        if code[2] not in DATE_CODES:
            raise _unknown(
                text,
                f"{code[0]} is no code of a date that reads the same everywhere",
                f"use {' '.join(DATE_CODES)} after %",
                at=code.start(),
            )
    return Format("date", text)


def _explained(text: str) -> ReferenceFault:
    """Return the fault for a format that is none, with what Python's own formats have and ours do not in mind."""
    if not text:
        return _unknown(
            text, "no format stands after the colon", _GRAMMAR, "or leave the colon out: the number is then as in the result file"
        )
    found = _FOREIGN.match(text)
    if found and found["fill"]:
        return _unknown(text, "fill and alignment mean nothing in running text", _GRAMMAR)
    if found and found["width"]:
        return _unknown(
            text,
            "a width means nothing in running text",
            f"did you mean .{found['width'].lstrip('0')}{text[found.end() :] or 'f'}?",
            _GRAMMAR,
        )
    if found and found["type"]:
        letter = text[-1]
        hint = f"use {letter.lower()}" if letter in "EFG" else _GRAMMAR
        return _unknown(text, f"the type {letter} of Python's formats is not used here", hint, at=len(text) - 1)
    if found and found["bare"]:
        return _unknown(text, f"the format {text} has no type", f"did you mean {text}f?", _GRAMMAR)
    glued = re.match(r"[+z#,_]*(?:\.[0-9]+)?(?:pp|[fegd%p])(?=\S)", text)
    if glued:
        return _unknown(
            text, f"{shortened(text)} is no format", f"a unit follows a space: {glued[0]} {text[glued.end() :]}", at=glued.end()
        )
    return _unknown(text, f"{shortened(text)} is no format", _GRAMMAR)


def _unknown(text: str, message: str, *help_lines: str, at: int = 0) -> ReferenceFault:
    return ReferenceFault(Finding("PB220", message, at, max(1, len(text) - at), help_lines))
