"""Expressions beyond plain paths: Jinja2's lexer and parser, and from its nodes to ours.

Jinja2 counts lines, not columns. Its parser copies a token's line number into the nodes without looking at it, so its tokens get
their offset for a line number here, and each node's stretch of the text is worked out from that and from the tokens around it.
Nothing is ever compiled or evaluated by Jinja2, whose undefined values, attribute access and unbounded operations are no part of
the language.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

import msgspec
from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from paperbuild.diagnostics import did_you_mean
from paperbuild.paper.data import Number
from paperbuild.paper.expressions import (
    Access,
    Arithmetic,
    Binary,
    Call,
    Compare,
    Comparison,
    Conditional,
    Constant,
    Expression,
    Group,
    Join,
    Logic,
    Name,
    Sequence,
    Sign,
    Slice,
    Test,
    Unary,
    Where,
)
from paperbuild.paper.faults import Finding, ReferenceFault
from paperbuild.paper.names import FUNCTIONS

MOST_DEPTH = 100
"""How deep an expression's tree may be."""

TESTS = ("none", "number", "text")
"""What ``is`` asks for."""

_ASCII_FORM = {
    **dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}", "-"),
    **dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}", '"'),
    **dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{SINGLE LOW-9 QUOTATION MARK}", "'"),
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{MIDDLE DOT}": "*",
    "\N{DIVISION SIGN}": "/",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{NOT EQUAL TO}": "!=",
}
_STRAIGHT_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_NOT_OURS = frozenset({"default", "d", "defined", "undefined", "attr", "map", "random", "safe", "tojson", "format", "select", "reject"})


def parse_full(text: str) -> Expression:
    """Return the tree of ``text``.

    Raises:
        ReferenceFault: PB210, PB215 or PB217, with the offset of what is wrong.
    """
    tokens = _tokens(text)
    if not tokens:
        raise _fault("no expression stands here", 0, 1, "name a value of a target: train.acc")
    parser = _OffsetParser(tokens)
    try:
        tree = parser.parse_expression()
        if not parser.stream.eos:
            _refuse_rest(text, parser.stream.current)
        return _Translation(text, tokens, parser.parenthesised).expression(tree)
    except TemplateSyntaxError as error:
        raise _syntax_fault(text, error) from None
    except RecursionError:
        raise _too_deep(text) from None


def _fault(message: str, offset: int, length: int = 1, *help_lines: str, code: str = "PB210") -> ReferenceFault:
    return ReferenceFault(Finding(code, message, offset, max(1, length), help_lines))


def _too_deep(text: str) -> ReferenceFault:
    return _fault("the expression is nested too deeply", 0, len(text), "compute it in the script that writes the results", code="PB215")


# --- tokens


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(autoescape=False)  # noqa: S701 - its lexer and parser are used; it renders nothing


def _tokens(text: str) -> list[Token]:
    """Return the tokens of ``text``, each with its offset where Jinja2 has the line; white space is left out."""
    _refuse_typographic(text)
    lexer = _environment().lexer
    level = re.sub(r"\s", " ", text)  # as long as the text; a line end would end Jinja2's line
    raw: list[tuple[int, str, str]] = []
    offset = 0
    try:
        for _, kind, written in lexer.tokeniter(level, None, None, "variable"):
            if kind == "string":
                _refuse_escapes(written, offset)
            raw.append((offset, kind, written))
            offset += len(written)
        return list(lexer.wrap(raw))
    except TemplateSyntaxError as error:
        raise _lexical_fault(level, offset, error) from None
    except ValueError:  # an integer of thousands of digits
        raise _fault("a number in the expression is too long", 0, len(text), code="PB215") from None


def _refuse_typographic(text: str) -> None:
    inside = [False] * len(text)
    for string in _STRAIGHT_STRING.finditer(text):
        inside[string.start() : string.end()] = [True] * len(string[0])
    for offset, mark in enumerate(text):
        if mark in _ASCII_FORM and not inside[offset]:
            raise _fault(f"{mark} is no sign of the expression language", offset, 1, f"write {_ASCII_FORM[mark]}")


def _refuse_escapes(written: str, offset: int) -> None:
    for escape in _ESCAPE.finditer(written):
        if escape[1] not in "\\'\"nt":
            raise _fault(f"{escape[0]} means nothing in a text", offset + escape.start(), len(escape[0]), r"a backslash is written \\")


def _lexical_fault(text: str, offset: int, error: TemplateSyntaxError) -> ReferenceFault:
    mark = text[offset : offset + 1]
    if mark in ("'", '"'):
        return _fault("this quote is never closed", offset)
    if "identifier" in (error.message or ""):
        return _fault("a name cannot hold this character", error.lineno)
    return _fault(f"{mark or 'the end'} does not belong here", offset)


def _syntax_fault(text: str, error: TemplateSyntaxError) -> ReferenceFault:
    offset = min(error.lineno, max(0, len(text) - 1))
    told = (error.message or "").replace("'end of print statement'", "}}").replace("'end of template'", "the end of the expression")
    if "end of template" in (error.message or ""):
        return _fault("the expression ends too early", len(text.rstrip()) - 1)
    return _fault(f"this is no expression: {told.rstrip('.')}", offset)


def _refuse_rest(text: str, token: Token) -> None:
    offset = token.lineno
    if token.type == "assign":
        raise _fault("= is no comparison", offset, 1, "write == to compare")
    if token.type == "comma":
        raise _fault("a reference has one value", offset, 1, "write a reference for each")
    raise _fault(f"{text[offset:].split(maxsplit=1)[0]} does not belong here", offset, len(text) - offset)


class _OffsetParser(Parser):
    """Jinja2's parser on tokens that are already there, noting what stood between parentheses, which its nodes forget."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(_environment(), "", state="variable")
        self.stream = TokenStream(tokens, None, None)
        self.parenthesised: dict[int, int] = {}

    def parse_primary(self, with_namespace: bool = False) -> nodes.Expr:
        """Parse a primary; where it is in parentheses, remember where they open."""
        first = self.stream.current
        node = super().parse_primary(with_namespace)
        if first.type == "lparen":
            self.parenthesised[id(node)] = first.lineno
        return node


# --- from Jinja2's nodes to ours

_ARITHMETIC: dict[type[nodes.BinExpr], Arithmetic] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
    nodes.Pow: "**",
}
_SIGN: dict[type[nodes.UnaryExpr], Sign] = {nodes.Neg: "-", nodes.Pos: "+", nodes.Not: "not"}
_COMPARISON: dict[str, Comparison] = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}
_BRACKETS = {"lparen": "rparen", "lbracket": "rbracket", "lbrace": "rbrace"}


class _Extents:
    """Where tokens start and end, and which bracket closes which."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._starts = [token.lineno for token in tokens]
        self._types = [token.type for token in tokens]
        limits = [*self._starts[1:], len(text)]
        self._ends = [start + len(text[start:limit].rstrip()) for start, limit in zip(self._starts, limits, strict=True)]
        self._close: dict[int, int] = {}
        waiting: list[int] = []
        for index, kind in enumerate(self._types):
            if kind in _BRACKETS:
                waiting.append(index)
            elif kind in _BRACKETS.values() and waiting:
                self._close[waiting.pop()] = index

    def index(self, offset: int) -> int:
        return bisect_right(self._starts, offset) - 1

    def start(self, index: int) -> int:
        return self._starts[index]

    def end(self, index: int) -> int:
        return self._ends[min(index, len(self._ends) - 1)]

    def kind(self, index: int) -> str:
        return self._types[index] if index < len(self._types) else ""

    def closing_end(self, offset: int) -> int:
        """Return where the bracket that opens at ``offset`` has been closed."""
        return self._ends[self._close[self.index(offset)]]


class _Translation:
    def __init__(self, text: str, tokens: list[Token], parenthesised: dict[int, int]) -> None:
        self._text = text
        self._at = _Extents(text, tokens)
        self._parenthesised = parenthesised
        self._depth = 0

    def expression(self, node: nodes.Node) -> Expression:
        """Return our node for Jinja2's, its parentheses included in its stretch."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _too_deep(self._text)
        tree = self._translated(node)
        self._depth -= 1
        opened = self._parenthesised.get(id(node))
        if opened is not None:
            tree = _stretched(tree, opened, self._at.closing_end(opened))
        return tree

    def _translated(self, node: nodes.Node) -> Expression:  # noqa: C901, PLR0912 - the whitelist: one case for each kind of node
        match node:
            case nodes.Const():
                return self._constant(node)
            case nodes.Name():
                return self._name(node)
            case nodes.Getattr() | nodes.Getitem():
                return self._access(node)
            case nodes.Call():
                return self._call(node)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Test():
                return self._test(node)
            case nodes.Neg() | nodes.Pos() | nodes.Not():
                operand = self.expression(node.node)
                return Unary(min(node.lineno, operand.start), operand.end, _SIGN[type(node)], operand)
            case nodes.And() | nodes.Or():
                left, right = self.expression(node.left), self.expression(node.right)
                return Logic(left.start, right.end, "and" if isinstance(node, nodes.And) else "or", left, right)
            case nodes.BinExpr():
                return self._binary(node)
            case nodes.Concat():
                parts = tuple(self.expression(part) for part in node.nodes)
                return Join(parts[0].start, parts[-1].end, parts)
            case nodes.Compare():
                first = self.expression(node.expr)
                rest = tuple((_COMPARISON[operand.op], self.expression(operand.expr)) for operand in node.ops)
                return Compare(first.start, rest[-1][1].end, first, rest)
            case nodes.CondExpr():
                return self._conditional(node)
            case nodes.List() | nodes.Tuple() | nodes.Dict():
                return self._collection(node)
            case _:
                raise _fault("this is not in the expression language", node.lineno)

    def _constant(self, node: nodes.Const) -> Constant:
        first = last = self._at.index(node.lineno)
        while self._at.kind(last) == self._at.kind(last + 1) == "string":  # neighbours are one text
            last += 1
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = Number(value)
        return Constant(self._at.start(first), self._at.end(last), value)

    def _name(self, node: nodes.Name) -> Name:
        end = node.lineno + len(node.name)
        if node.name in FUNCTIONS:
            raise _fault(f"{node.name} is a function", node.lineno, len(node.name), f"give it something: {node.name}(…)", code="PB217")
        return Name(node.lineno, end, node.name)

    def _access(self, node: nodes.Getattr | nodes.Getitem) -> Access:
        base = self.expression(node.node)
        if isinstance(node, nodes.Getattr):
            index = self._at.index(node.lineno) + 1
            key = Constant(self._at.start(index), self._at.end(index), node.attr)
            return Access(base.start, key.end, base, key)
        if self._at.kind(self._at.index(node.lineno)) == "dot":
            index_key = self.expression(node.arg)
            return Access(base.start, index_key.end, base, index_key)
        end = self._at.closing_end(node.lineno)
        if isinstance(node.arg, nodes.Slice):
            parts = (self._optional(node.arg.start), self._optional(node.arg.stop), self._optional(node.arg.step))
            return Access(base.start, end, base, Slice(node.lineno + 1, end - 1, parts))
        if isinstance(node.arg, nodes.Tuple) and id(node.arg) not in self._parenthesised:
            raise _fault("one key or index stands between brackets", node.lineno, end - node.lineno)
        return Access(base.start, end, base, self.expression(node.arg))

    def _optional(self, node: nodes.Expr | None) -> Expression | None:
        return None if node is None else self.expression(node)

    def _call(self, node: nodes.Call) -> Expression:
        called = node.node
        end = self._at.closing_end(node.lineno)
        options = self._options(node)
        if isinstance(called, nodes.Getattr) and called.attr == "where":
            base = self.expression(called.node)
            if node.args:
                raise _fault("where takes parameters by name", node.lineno, end - node.lineno, "write .where(seed=0)", code="PB218")
            return Where(base.start, end, base, options)
        if not isinstance(called, nodes.Name):
            inner = self.expression(called)
            help_lines = ("where is the only method; functions stand in front: mean(train.acc)",)
            raise _fault("this cannot be called", inner.start, end - inner.start, *help_lines, code="PB217")
        self._known(called.name, called.lineno)
        return Call(called.lineno, end, called.name, tuple(map(self.expression, node.args)), options)

    def _filter(self, node: nodes.Filter) -> Expression:
        if node.node is None:
            raise _fault("a filter needs something before it", node.lineno)
        self._known(node.name, node.lineno)
        operand = self.expression(node.node)
        index = self._at.index(node.lineno)
        end = self._at.end(index)
        if self._at.kind(index + 1) == "lparen":
            end = self._at.closing_end(self._at.start(index + 1))
        return Call(operand.start, end, node.name, (operand, *map(self.expression, node.args)), self._options(node))

    def _options(self, node: nodes.Call | nodes.Filter) -> tuple[tuple[str, Expression], ...]:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise _fault("* and ** in a call are not in the expression language", node.lineno)
        seen: dict[str, Expression] = {}
        for keyword in node.kwargs:
            assert isinstance(keyword, nodes.Keyword)
            value = self.expression(keyword.value)
            if keyword.key in seen:
                raise _fault(f"{keyword.key} is given twice", value.start, value.end - value.start)
            seen[keyword.key] = value
        return tuple(seen.items())

    def _known(self, name: str, offset: int) -> None:
        if name in FUNCTIONS and name != "where":
            return
        if name in _NOT_OURS:
            help_lines: tuple[str, ...] = ("a missing value is an error, never a default",) if name in ("default", "d", "defined") else ()
            raise _fault(f"{name} is not in the expression language", offset, len(name), *help_lines, code="PB217")
        known = sorted(FUNCTIONS - {"where"})
        hint = did_you_mean(name, known) or (f"the functions are {', '.join(known)}",)
        raise _fault(f"there is no function {name}", offset, len(name), *hint, code="PB217")

    def _test(self, node: nodes.Test) -> Test:
        operand = self.expression(node.node)
        index = self._at.index(node.lineno) + 1
        if self._at.kind(index) == "name" and self._text.startswith("not", self._at.start(index)):
            index += 1
        start, end = self._at.start(index), self._at.end(index)
        if node.name not in TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            hint = "== compares" if node.name not in ("defined", "undefined") else "a missing value is an error, always"
            raise _fault(f"is {node.name} is not in the expression language", start, end - start, f"is asks for {', '.join(TESTS)}; {hint}")
        return Test(operand.start, end, operand, node.name)

    def _binary(self, node: nodes.BinExpr) -> Binary:
        operator = _ARITHMETIC.get(type(node))
        if operator is None:
            raise _fault("this is not in the expression language", node.lineno)
        left, right = self.expression(node.left), self.expression(node.right)
        unclear = isinstance(node.left, nodes.Pow | nodes.Neg | nodes.Pos) and id(node.left) not in self._parenthesised
        if operator == "**" and unclear:
            what = "chained **" if isinstance(node.left, nodes.Pow) else "** after a sign"
            message = f"{what} can be read in two ways"
            raise _fault(message, left.start, right.end - left.start, f"put parentheses: ({self._text[left.start : left.end]})**…")
        return Binary(left.start, right.end, operator, left, right)

    def _conditional(self, node: nodes.CondExpr) -> Conditional:
        then, condition = self.expression(node.expr1), self.expression(node.test)
        if node.expr2 is None:
            message = "this has no value where the condition does not hold"
            raise _fault(message, then.start, condition.end - then.start, 'say what it is then: … if … else "…"')
        otherwise = self.expression(node.expr2)
        return Conditional(then.start, otherwise.end, condition, then, otherwise)

    def _collection(self, node: nodes.List | nodes.Tuple | nodes.Dict) -> Expression:
        opened = self._parenthesised.get(id(node), node.lineno)
        end = self._at.closing_end(opened)
        if not isinstance(node, nodes.Dict):
            return Sequence(opened, end, tuple(map(self.expression, node.items)))
        items: dict[str, tuple[Constant, Expression]] = {}
        for pair in node.items:
            key = self.expression(pair.key)
            if not isinstance(key, Constant) or not isinstance(key.value, str) or key.value in items:
                raise _fault("the keys of a group are different texts", key.start, key.end - key.start)
            items[key.value] = (key, self.expression(pair.value))
        return Group(opened, end, tuple(items.values()))


def _stretched(tree: Expression, start: int, end: int) -> Expression:
    return msgspec.structs.replace(tree, start=start, end=end)
