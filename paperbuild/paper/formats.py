"""Formats: how what stands after the ``:`` of a reference writes a value.

::

    [+][z][#][,|_][.N](f|e|g|d|%|pp|p)[ unit]        numbers
    words                                            whole numbers below a million in English, up to twelve in other languages
    %d %B %Y                                         dates, by the codes of strftime

``f`` has N decimals (6 without ``.N``, as in Python), ``e`` is *m* times 10^k, ``g`` has N significant digits and drops trailing zeros
unless ``#`` keeps them, ``d`` is a whole number. ``%`` multiplies by 100 and writes the locale's sign; ``pp`` multiplies by 100 and
writes none (percentage points: name them, ``.1pp pp``). ``p`` is a probability: below 0.001 it says so; ``=p`` writes the sign in
front of any, "= 0.023" or "< 0.001". ``,`` groups thousands as the locale does, ``_`` by thin spaces, ``+`` writes the sign of positive
numbers too. ``z`` is accepted: a zero never keeps a minus sign.
A unit follows a space and scales nothing.

Numbers are rounded once, half to even, from the decimal text that they were read as (Python's ``format`` rounds the binary
double: it makes 91.3 of 0.9135 where the text means 91.4).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from paperbuild.paper.data import Number, Table, Value, describe, shortened
from paperbuild.paper.dates import written_date
from paperbuild.paper.faults import Finding, Misfit
from paperbuild.paper.format_specs import Format, parse_format
from paperbuild.paper.locales import ENGLISH, FRENCH, GERMAN, NO_BREAK, THIN, Locale, locale_of
from paperbuild.paper.rounding import Numeral, fixed, general, is_whole, scientific, shifted
from paperbuild.paper.wording import in_a_list, in_words

__all__ = [
    "ENGLISH",
    "FRENCH",
    "GERMAN",
    "MINUS",
    "NO_BREAK",
    "THIN",
    "TIMES",
    "Format",
    "Listing",
    "Locale",
    "Piece",
    "Printable",
    "Rendered",
    "Spread",
    "doubts",
    "locale_of",
    "named",
    "parse_format",
    "plain",
    "render",
]

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"


class Piece(msgspec.Struct, frozen=True):
    """A stretch of running text."""

    kind: Literal["text", "superscript"]
    text: str


class Rendered(msgspec.Struct, frozen=True):
    """A value as it is printed: ``pieces`` in running text, ``tex`` in math."""

    pieces: tuple[Piece, ...]
    tex: str

    @property
    def text(self) -> str:
        """The pieces as plain text; a superscript follows ``^``."""
        return "".join(piece.text if piece.kind == "text" else f"^{piece.text}" for piece in self.pieces)


class Spread(msgspec.Struct, frozen=True):
    """A mean and how far around it: what ``pm`` and ``ci95`` give."""

    mean: Number
    around: Number


class Listing(msgspec.Struct, frozen=True):
    """Values that are told one after the other: what ``listed`` gives."""

    items: tuple[Value, ...]


Printable: TypeAlias = "Value | Spread | Listing"


def render(value: Printable, spec: Format | None, locale: Locale = ENGLISH) -> Rendered:
    """Return ``value`` written by ``spec``; without one, a text, a date, a whole number or a number read from a file as it stands.

    Raises:
        Misfit: PB221, the value does not fit the format; PB222, a computed number without one; PB223, nothing that can be printed.
    """
    if isinstance(value, Listing):
        return _listing(value, spec, locale)
    if spec is None:
        return _verbatim(value)
    if spec.kind == "date":
        if isinstance(value, Spread):
            raise Misfit("PB221", f"a mean with what is around it is no date, which the format {spec.text} needs")
        return _of_text(written_date(value, spec.text, locale))
    if isinstance(value, Spread):
        return _spread(value, spec, locale)
    number = _number(value, spec)
    if spec.kind == "words":
        return _of_text(in_words(number, locale))
    if spec.kind == "p":
        return _probability(number, spec, locale)
    body = _finished(_numeral(number, spec), spec, locale)
    return _with_ending(body, spec, locale.percent)


def doubts(value: Printable, spec: Format | None) -> tuple[Finding, ...]:
    """Return warnings about a value that fits its format, but looks as if it were not what was meant."""
    if isinstance(value, Listing):
        return tuple(dict.fromkeys(doubt for item in value.items for doubt in doubts(item, spec)))[:1]
    number = value.mean if isinstance(value, Spread) else value
    if spec is None or spec.kind not in ("%", "pp") or not isinstance(number, Number) or abs(number.value) <= 1.5:
        return ()
    decimals = 1 if spec.decimals is None else spec.decimals
    mend = f"use .{decimals}f{' %' if spec.kind == '%' else ''} for a number that is already in percent"
    message = f"{shortened(number.text or repr(number.value))} is multiplied by 100 here"
    return (Finding("PB224", message, 0, max(1, len(spec.text)), (mend,)),)


def _number(value: Value, spec: Format) -> Decimal:
    if not isinstance(value, Number):
        help_lines: tuple[str, ...] = ()
        if isinstance(value, tuple):
            help_lines = ("reduce the list to one number: mean(…), pm(…), max(…), first(…)",)
        elif isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?\s*", value):
            help_lines = ("the result file has it between quotes: write it as a number",)
        raise Misfit("PB221", f"{describe(value)} is no number, which the format {spec.text} needs", help=help_lines)
    exact = value.decimal
    if not exact.is_finite():
        told = value.text or repr(value.value)
        raise Misfit("PB221", f"the value is {told}, which cannot be printed as a number", help=("mend the script that wrote it",))
    return exact


def _numeral(number: Decimal, spec: Format) -> Numeral:
    decimals = 6 if spec.decimals is None else spec.decimals
    match spec.kind:
        case "e":
            return scientific(number, decimals)
        case "g":
            return general(number, max(1, decimals), keep_zeros=spec.keep_zeros)
        case "d":
            if not is_whole(number):
                raise Misfit(
                    "PB221", f"{shortened(str(number))} is no whole number, which the format d needs", help=("use .0f to round it",)
                )
            return fixed(number, 0)
        case "%" | "pp":
            return fixed(shifted(number, 2), decimals)
        case _:
            return fixed(number, decimals)


def _finished(numeral: Numeral, spec: Format, locale: Locale) -> Rendered:
    whole, _, fraction = numeral.digits.partition(".")
    sign = "-" if numeral.negative else "+" if spec.plus else ""
    text = _grouped(whole, {"": "", ",": locale.thousands, "_": THIN}[spec.grouping])
    tex_separator = {"": "", ",": _tex_mark(locale.thousands), "_": r"\,"}[spec.grouping]
    tex = _grouped(whole, tex_separator)
    if fraction:
        text += locale.decimal_point + fraction
        tex += _tex_mark(locale.decimal_point) + fraction
    text, tex = sign.replace("-", MINUS) + text, sign + tex
    if numeral.power is None:
        return Rendered((Piece("text", text),), tex)
    pieces = (Piece("text", f"{text}{NO_BREAK}{TIMES}{NO_BREAK}10"), Piece("superscript", str(numeral.power).replace("-", MINUS)))
    return Rendered(pieces, rf"{tex} \times 10^{{{numeral.power}}}")


def _grouped(digits: str, separator: str) -> str:
    if not separator or len(digits) <= 3:
        return digits
    head = len(digits) % 3 or 3
    return separator.join((digits[:head], *(digits[i : i + 3] for i in range(head, len(digits), 3))))


def _tex_mark(mark: str) -> str:
    """Return a decimal point or separator for math, where a bare comma would get the space of a list."""
    return {",": "{,}", THIN: r"\,", NO_BREAK: r"\,"}.get(mark, mark)


def _with_ending(body: Rendered, spec: Format, percent: str) -> Rendered:
    """Append the percent sign and the unit."""
    text, tex = "", ""
    if spec.kind == "%":
        text, tex = percent, r"\%" if percent == "%" else r"\,\%"
    if spec.unit:
        text += NO_BREAK + spec.unit
        tex += r"\," + (r"\%" if spec.unit == "%" else rf"\text{{{_tex_text(spec.unit)}}}")
    return _joined((*body.pieces, Piece("text", text)) if text else body.pieces, body.tex + tex)


def _spread(value: Spread, spec: Format, locale: Locale) -> Rendered:
    if spec.kind in ("words", "p"):
        raise Misfit("PB221", f"a mean with what is around it cannot be written by {spec.text}", help=("use .2f, .1% or .2e",))
    mean, around = _number(value.mean, spec), _number(value.around, spec)
    unsigned = Format(spec.kind, spec.text, False, spec.keep_zeros, spec.grouping, spec.decimals)
    first, second = _numeral(mean, spec), _numeral(around, spec)
    if spec.kind == "e" and first.power is not None:
        # One power of ten for both, and as many decimals of each: (1.20 ± 0.03) times 10^-3.
        decimals = 6 if spec.decimals is None else spec.decimals
        second = fixed(shifted(around, -first.power), decimals)
        bare = Numeral(first.negative, first.digits)
        joined = _plus_minus(_finished(bare, spec, locale), _finished(second, unsigned, locale))
        power = _finished(Numeral(False, "1", first.power), unsigned, locale)
        pieces = (Piece("text", "("), *joined.pieces, Piece("text", ")" + power.pieces[0].text[1:]), *power.pieces[1:])
        return _with_ending(_joined(pieces, rf"({joined.tex}){power.tex[1:]}"), spec, locale.percent)
    joined = _plus_minus(_finished(first, spec, locale), _finished(second, unsigned, locale))
    # A sign close to the second number would look as if it were that number's alone.
    return _with_ending(joined, spec, f"{NO_BREAK}%" if locale.percent == "%" else locale.percent)


def _listing(value: Listing, spec: Format | None, locale: Locale) -> Rendered:
    """Return the items, each by the one format, with the language's commas and "and" between."""
    items = [render(item, spec, locale) for item in value.items]
    between = in_a_list([item.text for item in items], locale)
    pieces: list[Piece] = [*items[0].pieces]
    tex = items[0].tex
    for mark, item in zip(between, items[1:], strict=True):
        pieces += (Piece("text", mark), *item.pieces)
        tex += rf"\text{{{_tex_text(mark)}}}{item.tex}"
    return _joined(pieces, tex)


def _plus_minus(first: Rendered, second: Rendered) -> Rendered:
    pieces = (*first.pieces, Piece("text", f"{NO_BREAK}±{NO_BREAK}"), *second.pieces)
    return _joined(pieces, rf"{first.tex} \pm {second.tex}")


def _probability(number: Decimal, spec: Format, locale: Locale) -> Rendered:
    if not 0 <= number <= 1:
        raise Misfit("PB221", f"{shortened(str(number))} is no probability: it is not between 0 and 1", help=("use .3f",))
    decimals = 3 if spec.decimals is None else max(1, spec.decimals)
    least = Decimal((0, (1,), -decimals))
    most = Decimal((0, (9,) * decimals, -decimals))
    if number < least:
        relation, shown = "<", least
    elif number < 1 and fixed(number, decimals).digits.startswith("1"):
        relation, shown = ">", most
    else:
        relation, shown = "=" if spec.equals else "", number
    body = _finished(fixed(shown, decimals), spec, locale)
    if relation:
        body = _joined((Piece("text", relation + NO_BREAK), *body.pieces), f"{relation} {body.tex}")
    return _with_ending(body, spec, locale.percent)


# --- what is no formatted number


_POWER = re.compile(r"(?P<mantissa>[+-]?[0-9_.]+)[eE](?P<power>[+-]?[0-9]+)")


def plain(value: Printable) -> str:
    """Return ``value`` in full as plain text, for messages and records; empty for what has parts."""
    match value:
        case Listing():
            return ", ".join(map(plain, value.items))
        case Spread():
            return f"{plain(value.mean)} ± {plain(value.around)}"
        case Number():
            return value.text or repr(value.value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case dt.date() | dt.time():
            return value.isoformat()
        case _:
            return ""


def _verbatim(value: Printable) -> Rendered:
    match value:
        case Number() if value.text or isinstance(value.value, int):
            return _verbatim_number(value)
        case Number() | Spread():
            help_lines = ("write a format after a colon: …:.2f, …:.1%, …:.3g",)
            raise Misfit("PB222", f"{plain(value)} is computed: without a format nobody knows how many digits to print", help=help_lines)
        case str() | dt.date() | dt.time():
            return _of_text(plain(value))
        case bool():
            help_lines = ('choose the words: "yes" if … else "no"',)
            raise Misfit("PB223", f"the value is {plain(value)}, which no reader of the paper expects", help=help_lines)
        case None:
            raise Misfit(
                "PB223", "the value is null", help=("mend the script that wrote it", 'or choose a word: … if … is not none else "n/a"')
            )
        case tuple():
            mend = ("reduce the list to one value: mean(…), pm(…), max(…), first(…), len(…)", "or tell all of them: listed(…)")
            raise Misfit("PB223", f"the value is {describe(value)}, which cannot be printed", help=mend)
        case Listing():
            raise Misfit("PB223", "a list is in this list")  # listed() refuses it: render has no other way here
        case Table():
            raise Misfit("PB223", f"the value is {describe(value)}: name one of its columns", notes=(f"columns: {named(value.columns)}",))
        case _:
            raise Misfit("PB223", "the value is a group of values: name one of them", notes=(f"in it: {named(value)}",))


def named(names: Iterable[str], limit: int = 12) -> str:
    """Return up to ``limit`` of ``names`` as a list in words, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return (", ".join(shortened(name) for name in every[:limit]) or "nothing") + more


def _verbatim_number(value: Number) -> Rendered:
    text = plain(value)
    if not value.decimal.is_finite():
        raise Misfit("PB221", f"the value is {text}, which cannot be printed as a number", help=("mend the script that wrote it",))
    shown = MINUS + text[1:] if text.startswith("-") else text
    scaled = _POWER.fullmatch(text)
    # "1e-05" in math would be the product of 1, e and -5.
    tex = rf"{scaled['mantissa']} \times 10^{{{int(scaled['power'])}}}" if scaled else text
    return Rendered((Piece("text", shown),), tex.replace("_", ""))


def _of_text(text: str) -> Rendered:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Misfit(
            "PB223", "the text holds half of a surrogate pair, which is no character", help=("mend the script that wrote it",)
        ) from None
    return Rendered((Piece("text", text),), rf"\text{{{_tex_text(text)}}}")


_TEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{mark: "\\" + mark for mark in "{}$&#_%"},
}


def _tex_text(text: str) -> str:
    """Return ``text`` for TeX's text mode."""
    return "".join(_TEX_SPECIAL.get(mark, mark) for mark in text)


def _joined(pieces: Iterable[Piece], tex: str) -> Rendered:
    """Return pieces of which no two neighbours are both text."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].kind == piece.kind == "text":
            joined[-1] = Piece("text", joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return Rendered(tuple(joined), tex)
