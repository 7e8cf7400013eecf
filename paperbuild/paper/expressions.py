"""Value expressions: the tree that a text means, and the names that it uses.

The language is a part of Jinja2's expressions; :mod:`paperbuild.paper.reading` reads a text into the nodes below, which are all that the
evaluator knows. Every node knows where it stands in the text, so that a fault points at the part that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal as OneOf
from typing import TypeAlias

import msgspec

from paperbuild.paper.data import Number

Arithmetic = OneOf["+", "-", "*", "/", "//", "%", "**"]
Sign = OneOf["+", "-", "not"]
Comparison = OneOf["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


class Name(msgspec.Struct, frozen=True):
    """A target."""

    start: int
    end: int
    name: str


class Constant(msgspec.Struct, frozen=True):
    """A number, a text, a truth value or none, written in the expression."""

    start: int
    end: int
    value: Number | str | bool | None


class Slice(msgspec.Struct, frozen=True):
    """``low:high:step`` between brackets."""

    start: int
    end: int
    parts: tuple[Expression | None, Expression | None, Expression | None]


class Access(msgspec.Struct, frozen=True):
    """``base.key`` or ``base[key]``."""

    start: int
    end: int
    base: Expression
    key: Expression | Slice


class Where(msgspec.Struct, frozen=True):
    """``base.where(axis=value)``."""

    start: int
    end: int
    base: Expression
    conditions: tuple[tuple[str, Expression], ...]


class Call(msgspec.Struct, frozen=True):
    """A built-in function, or a filter, which is the same."""

    start: int
    end: int
    function: str
    arguments: tuple[Expression, ...]
    options: tuple[tuple[str, Expression], ...]


class Test(msgspec.Struct, frozen=True):
    """``operand is kind``."""

    start: int
    end: int
    operand: Expression
    kind: str


class Unary(msgspec.Struct, frozen=True):
    """A sign, or ``not``."""

    start: int
    end: int
    operator: Sign
    operand: Expression


class Binary(msgspec.Struct, frozen=True):
    """Arithmetic on two numbers."""

    start: int
    end: int
    operator: Arithmetic
    left: Expression
    right: Expression


class Join(msgspec.Struct, frozen=True):
    """Texts put together by ``~``."""

    start: int
    end: int
    parts: tuple[Expression, ...]


class Compare(msgspec.Struct, frozen=True):
    """``first < second <= third``: every neighbour with its next."""

    start: int
    end: int
    first: Expression
    rest: tuple[tuple[Comparison, Expression], ...]


class Logic(msgspec.Struct, frozen=True):
    """``and`` or ``or``."""

    start: int
    end: int
    operator: OneOf["and", "or"]
    left: Expression
    right: Expression


class Conditional(msgspec.Struct, frozen=True):
    """``then if condition else otherwise``."""

    start: int
    end: int
    condition: Expression
    then: Expression
    otherwise: Expression


class Sequence(msgspec.Struct, frozen=True):
    """A list or a tuple."""

    start: int
    end: int
    items: tuple[Expression, ...]


class Group(msgspec.Struct, frozen=True):
    """``{"key": value}``."""

    start: int
    end: int
    items: tuple[tuple[Constant, Expression], ...]


Expression: TypeAlias = (
    "Name | Constant | Access | Where | Call | Test | Unary | Binary | Join | Compare | Logic | Conditional | Sequence | Group"
)


def parts_of(node: Expression | Slice) -> tuple[Expression | Slice, ...]:  # noqa: C901 - one case for each kind of node
    """Return the expressions that ``node`` is made of, in the order of the text."""
    match node:
        case Name() | Constant():
            return ()
        case Access():
            return (node.base, node.key)
        case Where():
            return (node.base, *(value for _, value in node.conditions))
        case Slice():
            return tuple(part for part in node.parts if part is not None)
        case Call():
            return (*node.arguments, *(value for _, value in node.options))
        case Test() | Unary():
            return (node.operand,)
        case Binary() | Logic():
            return (node.left, node.right)
        case Join():
            return node.parts
        case Compare():
            return (node.first, *(operand for _, operand in node.rest))
        case Conditional():
            return (node.then, node.condition, node.otherwise)
        case Sequence():
            return node.items
        case Group():
            return tuple(value for _, value in node.items)


def names(node: Expression | Slice) -> Iterator[Name]:
    """Yield every use of a target's name in ``node``."""
    if isinstance(node, Name):
        yield node
    for part in parts_of(node):
        yield from names(part)
