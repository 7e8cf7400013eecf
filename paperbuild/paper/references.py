"""References in the paper: ``expression:format`` in a ``val``, an expression in a ``claim``. What the renderer calls.

A reference is parsed without knowing any target; :func:`targets` and :func:`paths` read off its tree what it needs before anything is
read; :func:`resolve` and :func:`holds` read. Faults of the reference are :class:`ReferenceFault`, placed within its text; a result
file that is malformed is a :class:`~paperbuild.errors.BuildError`, placed within that file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from paperbuild.paper.catalog import Catalog, Cell
from paperbuild.paper.data import describe
from paperbuild.paper.evaluation import Evaluation, Source
from paperbuild.paper.expressions import Access, Constant, Expression, Name, Slice, Where, names, parts_of
from paperbuild.paper.faults import Finding, Misfit, ReferenceFault
from paperbuild.paper.formats import ENGLISH, Format, Listing, Locale, Rendered, Spread, doubts, parse_format, plain, render
from paperbuild.paper.reading import parse_expression
from paperbuild.paper.results import ResultCache
from paperbuild.paper.selection import View, narrowed, read_below, view_of

__all__ = [
    "Claim",
    "Finding",
    "Reference",
    "ReferenceFault",
    "Resolved",
    "ResultCache",
    "Source",
    "holds",
    "parse",
    "parse_claim",
    "paths",
    "reach",
    "resolve",
    "targets",
    "traced",
]

Read: TypeAlias = "Callable[[str], bytes] | ResultCache"
"""How results are read: a function from a path to its bytes, or a cache around one, so that each file is parsed once."""


class Reference(msgspec.Struct, frozen=True):
    """A parsed reference. ``spec`` is its format, which starts ``spec_offset`` characters into ``text``."""

    text: str
    expression: Expression
    spec: Format | None = None
    spec_offset: int = 0


class Resolved(msgspec.Struct, frozen=True):
    """What a reference came to: as it is printed, in full as plain text, where it was read, and warnings placed in its text."""

    rendered: Rendered
    value: str
    sources: tuple[Source, ...]
    warnings: tuple[Finding, ...] = ()


class Claim(msgspec.Struct, frozen=True):
    """Whether a claim holds, and on what values: ``compared`` has "ours.acc = 0.934" for each operand that is no constant."""

    text: str
    holds: bool
    compared: tuple[str, ...]
    sources: tuple[Source, ...]

    def __bool__(self) -> bool:
        return self.holds


def parse(text: str) -> Reference:
    """Return the reference that ``text``, the value of a ``val``, is: the format starts after the first ``:`` outside quotes and brackets.

    Raises:
        ReferenceFault: it is no expression (PB210, PB215, PB217), or its format is none (PB220).
    """
    colon = _first_colon(text)
    expression = parse_expression(_out_of_tex(text[:colon]))
    if colon is None:
        return Reference(text, expression)
    written = _ESCAPED.sub(r"\1", text[colon + 1 :])
    offset = colon + 1 + len(written) - len(written.lstrip())
    try:
        return Reference(text, expression, parse_format(written.strip()), offset)
    except ReferenceFault as fault:
        # An empty format has no place of its own: the colon is to blame.
        raise ReferenceFault(fault.finding.moved(offset if written.strip() else colon)) from None


def parse_claim(text: str) -> Reference:
    """Return the reference that ``text``, the value of a ``claim``, is.

    Raises:
        ReferenceFault: it is no expression, or has a format (PB225).
    """
    colon = _first_colon(text)
    if colon is not None:
        help_lines = ("a claim is a comparison: ours.acc > base.acc",)
        raise ReferenceFault(Finding("PB225", "a claim has no format", colon, len(text) - colon, help_lines))
    return Reference(text, parse_expression(_out_of_tex(text)))


def targets(reference: Reference, catalog: Catalog) -> tuple[str, ...]:
    """Return the ids of the actions whose outputs ``reference`` may read, in the order that it names them.

    Raises:
        ReferenceFault: it names no target (PB211), no cell (PB218) or an output without values (PB219).
    """
    return tuple(dict.fromkeys(cell.action for cell, _ in reach(reference, catalog)))


def paths(reference: Reference, catalog: Catalog) -> tuple[str, ...]:
    """Return the paths of the outputs that resolving ``reference`` may read; it reads no others.

    Raises:
        ReferenceFault: as :func:`targets`.
    """
    return tuple(dict.fromkeys(path for _, path in reach(reference, catalog)))


def resolve(reference: Reference, catalog: Catalog, read: Read, locale: Locale = ENGLISH) -> Resolved:
    """Return what ``reference`` comes to on the results that ``read`` gives.

    Raises:
        ReferenceFault: it cannot be resolved or formatted.
        BuildError: a result file is malformed.
    """
    evaluation = Evaluation(reference.text, catalog, _cache(read), locale)
    value = evaluation.printable(reference.expression)
    try:
        rendered = render(value, reference.spec, locale)
    except Misfit as found:
        misfit = Misfit(found.code, found.message, help=(*found.help, *_of_cells(reference, value, catalog)), notes=found.notes)
        if reference.spec is not None and misfit.code == "PB221":
            raise misfit.at(reference.spec_offset, len(reference.spec.text)) from None
        raise misfit.at(reference.expression.start, reference.expression.end - reference.expression.start) from None
    warnings = tuple(doubt.moved(reference.spec_offset) for doubt in doubts(value, reference.spec))
    return Resolved(rendered, plain(value), tuple(dict.fromkeys(evaluation.sources)), warnings)


def _of_cells(reference: Reference, value: object, catalog: Catalog) -> tuple[str, ...]:
    """Return how to choose one cell, where ``value`` is the list over those of a sweep."""
    base = reference.expression
    while isinstance(base, Access):
        base = base.base
    view = _static_view(base, reference.text, catalog) if isinstance(value, tuple) else None
    if view is None or len(view.cells) != len(value if isinstance(value, tuple) else ()) or not view.many:
        return ()
    unsettled = (axis for axis in view.target.axes if len({repr(dict(cell.params)[axis]) for cell in view.cells}) > 1)
    chosen = f".where({', '.join(f'{axis}=…' for axis in unsettled)})"
    return (f"or choose one of the {len(view.cells)} cells: {reference.text[base.start : base.end]}{chosen}.…",)


def traced(reference: Reference, catalog: Catalog, read: Read) -> tuple[str, tuple[Source, ...]]:
    """Return what ``reference`` comes to, in full or in words, whether or not it can be printed; and where it was read.

    Raises:
        ReferenceFault: it cannot be evaluated.
        BuildError: a result file is malformed.
    """
    evaluation = Evaluation(reference.text, catalog, _cache(read))
    value = evaluation.printable(reference.expression)
    told = plain(value) or ("" if isinstance(value, Spread | Listing) else describe(value))
    return told, tuple(dict.fromkeys(evaluation.sources))


def holds(claim: str | Reference, catalog: Catalog, read: Read) -> Claim:
    """Return whether ``claim`` holds on the results that ``read`` gives.

    Raises:
        ReferenceFault: it cannot be parsed or resolved, or is neither true nor false (PB225).
        BuildError: a result file is malformed.
    """
    reference = parse_claim(claim) if isinstance(claim, str) else claim
    evaluation = Evaluation(reference.text, catalog, _cache(read), is_claim=True)
    value = evaluation.printable(reference.expression)
    if not isinstance(value, bool):
        told = plain(value) or "a list or a group"
        message = f"a claim is true or false, and this is {told}"
        length = reference.expression.end - reference.expression.start
        raise ReferenceFault(Finding("PB225", message, reference.expression.start, length, ("compare it: ours.acc > base.acc",)))
    return Claim(reference.text, value, tuple(evaluation.compared), tuple(dict.fromkeys(evaluation.sources)))


def _cache(read: Read) -> ResultCache:
    return read if isinstance(read, ResultCache) else ResultCache(read)


_ENCLOSING = re.compile(r"['\"(\[{)\]}]")
_ESCAPED = re.compile(r"\\([%|])")
_STRING_OR_ESCAPED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|\\([%|])""", re.DOTALL)


def _out_of_tex(text: str) -> str:
    r"""Return an expression in which ``\%`` and ``\|``, which math has to write, are the plain signs; offsets stay as they are."""
    return _STRING_OR_ESCAPED.sub(lambda found: found[1] or f" {found[2]}", text) if "\\" in text else text


def _first_colon(text: str) -> int | None:
    """Return the offset of the first ``:`` of ``text`` outside quotes and brackets: an expression has none there."""
    if _ENCLOSING.search(text) is None:  # nearly every reference
        return offset if (offset := text.find(":")) >= 0 else None
    quote, depth, escaped = "", 0, False
    for offset, mark in enumerate(text):
        if quote:
            if escaped:
                escaped = False
            elif mark == "\\":
                escaped = True
            elif mark == quote:
                quote = ""
        elif mark in "'\"":
            quote = mark
        elif mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth -= 1
        elif mark == ":" and depth <= 0:
            return offset
    return None


# --- what a reference may read


def reach(reference: Reference, catalog: Catalog) -> tuple[tuple[Cell, str], ...]:
    """Return the cells and the paths of their outputs that resolving ``reference`` may read.

    Raises:
        ReferenceFault: as :func:`targets`.
    """
    found: list[tuple[Cell, str]] = []
    _collect(reference.expression, reference.text, catalog, found)
    return tuple(dict.fromkeys(found))


def _collect(node: Expression | Slice, text: str, catalog: Catalog, found: list[tuple[Cell, str]]) -> None:
    if isinstance(node, Name | Where):
        _static_view(node, text, catalog)  # for its faults; a target as a whole reads nothing
    if isinstance(node, Access) and isinstance(node.base, Name | Where):
        view = _static_view(node.base, text, catalog)
        if view is not None:
            key = node.key.value if isinstance(node.key, Constant) else None
            try:
                found += read_below(view, key if isinstance(key, str) else None)
            except Misfit as misfit:
                raise misfit.at(node.key.start, node.key.end - node.key.start) from None
    for part in parts_of(node):
        _collect(part, text, catalog, found)


def _static_view(node: Expression, text: str, catalog: Catalog) -> View | None:
    """Return the cells that ``node`` can be, all where only results could tell; None where it is no target."""
    try:
        if isinstance(node, Name):
            return view_of(catalog, node.name, text, node.start)
        if isinstance(node, Where):
            base = _static_view(node.base, text, catalog)
            if base is None or any(True for _, value in node.conditions for _ in names(value)):
                return base
            evaluation = Evaluation(text, catalog, ResultCache(_nothing))
            return narrowed(base, {name: evaluation.value(value) for name, value in node.conditions})
    except Misfit as misfit:
        raise misfit.at(node.start, node.end - node.start) from None
    return None


def _nothing(path: str) -> bytes:
    raise FileNotFoundError(path)
