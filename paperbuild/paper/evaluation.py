"""Evaluating an expression on the results of targets: a whitelist of operations on read-only data, each of them bounded."""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from paperbuild.paper.access import has, item, missing
from paperbuild.paper.catalog import Catalog, Cell
from paperbuild.paper.comparison import chain_holds, element_by_element, spread_out
from paperbuild.paper.data import Number, Table, Value, describe
from paperbuild.paper.expressions import (
    Access,
    Binary,
    Call,
    Compare,
    Conditional,
    Constant,
    Expression,
    Group,
    Join,
    Logic,
    Name,
    Sequence,
    Slice,
    Test,
    Unary,
    Where,
)
from paperbuild.paper.faults import Finding, Misfit, ReferenceFault
from paperbuild.paper.formats import Listing, Spread, named, plain
from paperbuild.paper.functions import FUNCTIONS, MOST_ELEMENTS, PER, Given, called, computed, elements, finite
from paperbuild.paper.locales import ENGLISH, Locale
from paperbuild.paper.results import ResultCache
from paperbuild.paper.selection import View, dash_help, data_outputs, narrowed, output_path, parameters, part_of, view_of

MOST_EXPONENT = 1000
"""The greatest exponent of ``**``."""

MOST_WORK = 500_000
"""How many elements an expression goes over, all its parts together: what takes half a second. A cell of a sweep counts as ten."""

MOST_TOLD = 5
"""How many elements of a list are told for which a claim fails."""

Result: TypeAlias = "Value | Spread | Listing | View"


class Source(msgspec.Struct, frozen=True):
    """Where a value came from: the action, the path of its output, and the keys below it ("history.loss.0")."""

    action: str
    output: str
    key: str


class Evaluation:
    """One evaluation of one expression.

    ``sources`` are the places that were read; ``compared`` are the operands of comparisons that are no constants, as
    "ours.acc = 0.934". Words are those of ``locale``. In a claim (``is_claim``) a list compares element by element, and all of them must
    do as the signs say; those that do not are in ``compared``.
    """

    def __init__(self, text: str, catalog: Catalog, results: ResultCache, locale: Locale = ENGLISH, *, is_claim: bool = False) -> None:
        self._is_claim = is_claim
        self._locale = locale
        self._text = text
        self._catalog = catalog
        self._results = results
        self._work = 0
        self.sources: list[Source] = []
        self.compared: list[str] = []

    def printable(self, node: Expression) -> Value | Spread | Listing:
        """Return the value of the whole expression.

        Raises:
            ReferenceFault: it has none.
            BuildError: a result file that it reads is malformed.
        """
        try:
            result = self._result(node)
            if isinstance(result, View):
                raise self._no_value(result).at(*_place(node))
        except RecursionError:
            raise ReferenceFault(Finding("PB215", "the expression is nested too deeply", 0, len(self._text))) from None
        return result

    def value(self, node: Expression) -> Value:
        """Return the value of a part of the expression, which is no whole target, no mean ± spread and no list in words."""
        result = self._result(node)
        if isinstance(result, View):
            raise self._no_value(result).at(*_place(node))
        if isinstance(result, Spread):
            message = "a mean with what is around it can be printed, but not computed with"
            raise Misfit("PB214", message, help=("use mean(…), or std(…)",)).at(*_place(node))
        if isinstance(result, Listing):
            message = "what is listed can be printed, but not computed with"
            raise Misfit("PB214", message, help=("leave listed(…) out", "or write a reference of its own for it")).at(*_place(node))
        return result

    def _result(self, node: Expression) -> Result:
        try:
            return self._evaluated(node)
        except Misfit as misfit:
            raise misfit.at(*_place(node)) from None
        except (OverflowError, ZeroDivisionError) as error:
            told = "this divides by zero" if isinstance(error, ZeroDivisionError) else "the result is too large"
            raise Misfit("PB216", told).at(*_place(node)) from None

    def _evaluated(self, node: Expression) -> Result:  # noqa: C901, PLR0912 - one case for each kind of node
        match node:
            case Constant():
                return node.value
            case Name():
                return self._named(node)
            case Access():
                return self._access(node)
            case Where():
                return self._where(node)
            case Call():
                return self._call(node)
            case Test():
                return _is(self.value(node.operand), node.kind)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Join():
                return self._join(node)
            case Compare():
                return self._compare(node)
            case Logic():
                left = self._truth(node.left)
                decided = left if node.operator == "or" else not left
                return left if decided else self._truth(node.right)
            case Conditional():
                return self._result(node.then if self._truth(node.condition) else node.otherwise)
            case Sequence():
                return tuple(self.value(part) for part in node.items)
            case Group():
                return MappingProxyType({str(key.value): self.value(part) for key, part in node.items})

    def _spend(self, elements: int) -> None:
        """Count work; a list may be long, and so may an expression, but not both."""
        self._work += elements
        if self._work > MOST_WORK:
            help_lines = ("compute it in the script that writes the results",)
            raise Misfit("PB215", f"the expression goes over more than {MOST_WORK} elements", help=help_lines)

    # --- reaching into results

    def _named(self, node: Name) -> Value | View:
        return view_of(self._catalog, node.name, self._text, node.start)

    def _access(self, node: Access) -> Value:
        chain = [node]
        while isinstance(chain[-1].base, Access):
            chain.append(chain[-1].base)
        chain.reverse()
        base = self._result(chain[0].base)
        if isinstance(base, View):
            value, rest = self._from_view(base, chain)
        else:
            value, rest = self.value(chain[0].base), chain
        for access in rest:
            value = self._step(value, access, self._text[access.base.start : access.base.end])
        return value

    def _from_view(self, view: View, chain: list[Access]) -> tuple[Value, list[Access]]:
        """Return the value at the end of the keys that each cell is asked for, and the accesses that are left for a sweep's list."""
        keys = [self._key(access) for access in chain]
        if not view.many:
            return self._from_cell(view, view.cells[0], chain, keys), []
        if not isinstance(keys[0], str):
            help_lines = (f"choose a cell by its parameters: {view.target.name}.where({view.target.axes[0]}=…)",)
            raise Misfit("PB212", f"{view.target.name} is a sweep: its cells have no index", help=help_lines).at(*_place(chain[0].key))
        self._spend(10 * len(view.cells))
        shared = next((i for i, key in enumerate(keys) if not isinstance(key, str)), len(keys))
        values = tuple(self._from_cell(view, cell, chain[:shared], keys[:shared]) for cell in view.cells)
        return values, chain[shared:]

    def _from_cell(self, view: View, cell: Cell, chain: list[Access], keys: list[str | int | slice]) -> Value:
        first = keys[0]
        if isinstance(first, slice):
            raise Misfit("PB212", f"{view.target.name} is a target, of which no slice can be taken").at(*_place(chain[0].key))
        try:
            part = part_of(view.target, first)
            if part.parameter is not None:
                value: Value = parameters(cell)
                return self._rest(item(value, part.parameter, cell.action) if part.parameter else value, cell, chain[1:])
            name, path, inner = self._short_form(cell, first) if part.output is None else (part.output, output_path(cell, part.output), 1)
        except Misfit as misfit:
            raise self._with_dash(misfit, cell, chain[0]).at(*_place(chain[0].key)) from None
        value = self._load(cell, name, path, chain[0])
        told = [str(key) for key in keys[inner:] if not isinstance(key, slice)]
        self.sources.append(Source(cell.action, path, ".".join(told)))
        return self._rest(value, cell, chain[inner:])

    def _rest(self, value: Value, cell: Cell, chain: list[Access]) -> Value:
        for access in chain:
            label = self._text[access.base.start : access.base.end]
            value = self._step(
                value, access, label if cell.action in label else f"{label} ({cell.action})" if "[" in cell.action else label
            )
        return value

    def _short_form(self, cell: Cell, key: str | int) -> tuple[str, str, int]:
        """Return name and path of the one data output of ``cell`` that has ``key``, and 0: the key itself is still to be looked up."""
        candidates = data_outputs(cell)
        if not candidates:
            raise Misfit(
                "PB219", f"{cell.action} writes no file of values", notes=(f"its outputs are {named(path for _, path in cell.outputs)}",)
            )
        loaded = [(name, path, self._load(cell, name, path, None)) for name, path in candidates]
        having = [(name, path) for name, path, value in loaded if has(value, key)]
        if len(having) == 1:
            return (*having[0], 0)
        if len(having) > 1:
            ways = " or ".join(f"{cell.action.split('[')[0]}.{name}.{key}" for name, _ in having).replace("-", "_")
            message = f"{key} is in several outputs of {cell.action}: {named(path for _, path in having)}"
            raise Misfit("PB213", message, help=(f"say which one: {ways}",))
        known = dict.fromkeys(name for name, _ in cell.outputs)
        for _, _, value in loaded:
            known.update(dict.fromkeys(_keys(value)))
        raise missing(f"{cell.action} has no value {key}", str(key), known)

    def _load(self, cell: Cell, name: str, path: str, access: Access | None) -> Value:
        try:
            return self._results.load(path)
        except FileNotFoundError:
            misfit = Misfit(
                "PB219", f"the output {name} of {cell.action} is not there: {path}", help=("build it: paperbuild run " + cell.action,)
            )
            raise (misfit.at(*_place(access.key)) if access else misfit) from None

    def _step(self, value: Value, access: Access, label: str) -> Value:
        key = self._key(access)
        self._spend(_size(value) * (5 if isinstance(value, Table) and isinstance(key, slice) else 1))  # rows are made anew
        if isinstance(key, slice):
            items: tuple[Value, ...] = tuple(value.row(i) for i in range(len(value.rows))) if isinstance(value, Table) else elements(value)
            return items[key]
        try:
            return item(value, key, label)
        except Misfit as misfit:
            raise misfit.at(*_place(access.key)) from None

    def _key(self, access: Access) -> str | int | slice:
        node = access.key
        if isinstance(node, Slice):
            low, high, step = (None if part is None else self._whole(part, self.value(part)) for part in node.parts)
            if step == 0:
                raise Misfit("PB214", "a step of 0 goes nowhere").at(*_place(node))
            return slice(low, high, step)
        value = self.value(node)
        return value if isinstance(value, str) else self._whole(node, value)

    def _whole(self, node: Expression, value: Value) -> int:
        if isinstance(value, Number) and isinstance(value.value, int):
            return value.value
        raise Misfit("PB214", f"{describe(value)} is no key and no index").at(*_place(node))

    def _where(self, node: Where) -> View:
        base = self._result(node.base)
        if not isinstance(base, View):
            told = "where chooses cells of a sweep: it stands right after the target's name"
            raise Misfit("PB218", told, help=("write runs.where(lr=0.1).acc",))
        return narrowed(base, {name: self.value(value) for name, value in node.conditions})

    def _with_dash(self, misfit: Misfit, cell: Cell, access: Access) -> Misfit:
        """Return the fault for an unknown part, with help where the text has the ``-`` of an output's name."""
        help_lines = dash_help(self._text, access.key.start, (name for name, _ in cell.outputs), "output")
        return Misfit(misfit.code, misfit.message, help=help_lines, notes=misfit.notes) if help_lines else misfit

    def _no_value(self, view: View) -> Misfit:
        name = view.target.name.replace("-", "_")
        known = dict.fromkeys(output for cell in view.cells[:1] for output, _ in cell.outputs)
        return Misfit(
            "PB223",
            f"{view.target.name} is a target: name one of its values",
            help=(f"write {name}.…",),
            notes=(f"its outputs are {named(known)}",),
        )

    # --- operations

    def _call(self, node: Call) -> Value | Spread | Listing:
        function = FUNCTIONS[node.function]
        count = len(node.arguments)
        if not function.least <= count <= function.most:
            needed = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
            raise Misfit("PB217", f"{node.function} takes {needed} argument{'' if needed == '1' else 's'}, not {count}")
        for name, _ in node.options:
            if name not in function.options:
                raise Misfit("PB217", f"{node.function} has no option {name}", help=(f"its options are {named(function.options)}",))
        if node.function == "len":
            counted = self._result(node.arguments[0])
            if isinstance(counted, View) and counted.target.is_sweep:
                return Number(len(counted.cells))
        first = self._judged if function.judges and count == 1 else self.value
        arguments = (first(node.arguments[0]), *(self.value(argument) for argument in node.arguments[1:]))
        options = {name: self.value(value) for name, value in node.options}
        self._spend(sum(map(_size, (*arguments, *options.values()))) * (4 if PER in options else 1))  # each group is a call of its own
        return called(function, Given(arguments, options, self._locale))

    def _judged(self, node: Expression) -> Value:
        """Return a condition on lists as the list of what it comes to for each of their elements; any other value as it is."""
        try:
            match node:
                case Compare():
                    signs = [sign for sign, _ in node.rest]
                    values = [self.value(operand) for operand in (node.first, *(operand for _, operand in node.rest))]
                    self._spend(sum(map(_size, values)))
                    rows = spread_out(signs, values)
                    return chain_holds(signs, values) if rows is None else tuple(chain_holds(signs, row) for row in rows)
                case Logic():
                    sides = [self._judged(part) for part in (node.left, node.right)]
                    self._spend(sum(map(_size, sides)))
                    return element_by_element(any if node.operator == "or" else all, sides)
                case Unary() if node.operator == "not":
                    return element_by_element(lambda truth: not any(truth), [self._judged(node.operand)])
                case _:
                    return self.value(node)
        except Misfit as misfit:
            raise misfit.at(*_place(node)) from None

    def _number(self, node: Expression) -> int | float:
        try:
            return finite(self.value(node), self._text[node.start : node.end])
        except Misfit as misfit:
            raise misfit.at(*_place(node)) from None

    def _truth(self, node: Expression) -> bool:
        value = self.value(node)
        if isinstance(value, bool):
            return value
        message = f"this is {describe(value)}, where a comparison is needed"
        raise Misfit("PB214", message, help=("compare it: … > 0",)).at(*_place(node))

    def _unary(self, node: Unary) -> Value:
        if node.operator == "not":
            return not self._truth(node.operand)
        number = self._number(node.operand)
        return computed(-number if node.operator == "-" else number)

    def _binary(self, node: Binary) -> Value:
        left, right = self._number(node.left), self._number(node.right)
        if node.operator == "**":
            if abs(right) > MOST_EXPONENT:
                raise Misfit("PB215", f"the exponent is {right}; {MOST_EXPONENT} is allowed")
            if isinstance(left, int) and isinstance(right, int) and right > 0 and left.bit_length() * right > 4096:
                raise Misfit("PB216", "the result is too large")
            if left < 0 and not float(right).is_integer():
                raise Misfit("PB216", "a root of a negative number is no real number")
        return computed(_ARITHMETIC[node.operator](left, right))

    def _join(self, node: Join) -> str:
        joined = ""
        for part in node.parts:
            value = self.value(part)
            if isinstance(value, Number) and value.is_computed and not isinstance(value.value, int):
                message = "this number is computed: without a format nobody knows how many digits to print"
                help_lines = ("round it: round(…, 2)", "or write a reference for each part, with a format each")
                # What round() gives is computed too, but says itself how many digits it has.
                if not (isinstance(part, Call) and part.function == "round"):
                    raise Misfit("PB222", message, help=help_lines).at(*_place(part))
            if isinstance(value, bool) or not isinstance(value, Number | str | dt.date | dt.time):
                raise Misfit("PB214", f"{describe(value)} is no text").at(*_place(part))
            joined += plain(value)
            if len(joined) > MOST_ELEMENTS:
                raise Misfit("PB215", f"the text is longer than {MOST_ELEMENTS} characters")
        return joined

    def _compare(self, node: Compare) -> bool:
        signs = [sign for sign, _ in node.rest]
        operands = [node.first, *(operand for _, operand in node.rest)]
        values, labels = [], []
        for operand in operands:
            before = len(self.sources)
            values.append(self.value(operand))
            labels.append([source.action for source in self.sources[before:]])
        self._spend(sum(map(_size, values)))
        rows = spread_out(signs, values) if self._is_claim else None
        if rows is None:
            for operand, value in zip(operands, values, strict=True):
                self._note(self._compared(operand, value))
            return chain_holds(signs, values)
        broken = [index for index, row in enumerate(rows) if not chain_holds(signs, row)]
        names = next((names for names in labels if len(names) == len(rows)), [f"element {index}" for index in range(len(rows))])
        if broken:
            self._note(f"it fails in {len(broken)} of {len(rows)}")
        for index in broken[:MOST_TOLD]:
            told = (self._compared(operand, value) for operand, value in zip(operands, rows[index], strict=True))
            self._note(f"{names[index]}: {', '.join(part for part in told if part)}")
        return not broken

    def _compared(self, node: Expression, value: Value) -> str:
        """Return how an operand compares, in words; nothing of one that is written as it is."""
        if isinstance(node, Constant | Sequence | Group) or (isinstance(node, Unary) and isinstance(node.operand, Constant)):
            return ""
        return f"{self._text[node.start : node.end]} = {plain(value) or describe(value)}"

    def _note(self, told: str) -> None:
        if told and told not in self.compared:
            self.compared.append(told)


_ARITHMETIC: Mapping[str, Callable[[int | float, int | float], int | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


def _size(value: Value) -> int:
    """Return how many elements whoever looks through ``value`` meets."""
    return len(value.rows) if isinstance(value, Table) else len(value) if isinstance(value, tuple) else 1


def _is(value: Value, kind: str) -> bool:
    match kind:
        case "none":
            return value is None
        case "number":
            return isinstance(value, Number) and math.isfinite(value.value)
        case _:
            return isinstance(value, str)


def _keys(value: Value) -> tuple[str, ...]:
    match value:
        case Table():
            return value.columns
        case Mapping():
            return tuple(value)
        case tuple() if value and isinstance(value[0], Mapping):
            return tuple(value[0])
        case _:
            return ()


def _place(node: Expression | Slice) -> tuple[int, int]:
    return node.start, node.end - node.start
