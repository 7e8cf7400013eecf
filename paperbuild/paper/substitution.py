"""``{parameter}`` in commands and paths. ``{{`` and ``}}`` are braces.

Nothing else may stand in single braces: a shell's or awk's own must be doubled, and the fault says so, because a silent guess
would pass a half-substituted command on.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping

import msgspec

from paperbuild.diagnostics import did_you_mean
from paperbuild.engine.graph import Scalar, text_of
from paperbuild.paper.names import is_name


class SubstitutionFault(msgspec.Struct, frozen=True):
    """What is wrong with a template: ``offset`` and ``length`` count the characters of its text."""

    code: str
    message: str
    offset: int
    length: int
    help: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Hole(msgspec.Struct, frozen=True):
    """Where a parameter goes. ``quoted`` says that it stands between quotes of the shell."""

    name: str
    offset: int
    quoted: bool


class Template(msgspec.Struct, frozen=True):
    """A text with holes, as the pieces between and the holes themselves; ``names`` are the parameters in these, in order, each once."""

    pieces: tuple[str | Hole, ...]
    names: tuple[str, ...]

    def plain(self, params: Mapping[str, Scalar]) -> str:
        """Return the text with the values as they are."""
        return "".join(piece if isinstance(piece, str) else text_of(params[piece.name]) for piece in self.pieces)

    def command(self, params: Mapping[str, Scalar]) -> tuple[str, tuple[SubstitutionFault, ...]]:
        """Return the command line with the values quoted for a shell, and the holes where quoting breaks the author's quotes."""
        parts, faults = [], []
        for piece in self.pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            value = text_of(params[piece.name])
            parts.append(shlex.quote(value))
            if piece.quoted and parts[-1] != value:
                faults.append(_inside_quotes(piece, value))
        return "".join(parts), tuple(faults)


def parse(text: str, names: Collection[str], *, in_shell: bool = False) -> tuple[Template, tuple[SubstitutionFault, ...]]:
    """Return ``text`` as a template over the parameters ``names``, and all that is wrong with it."""
    pieces: list[str | Hole] = []
    faults: list[SubstitutionFault] = []
    at = 0
    while brace := _BRACE.search(text, at):
        pieces.append(text[at : brace.start()])
        at = brace.end()
        if brace[0] in {"{{", "}}"}:
            pieces.append(brace[0][0])
            continue
        name = brace["name"]
        if name in names:
            pieces.append(Hole(name, brace.start(), quoted=in_shell and _in_quotes(text, brace.start())))
            continue
        end = at if name is not None or brace[0] == "}" else _closing(text, brace.start())
        whole = text[brace.start() : end]
        at = end
        fault = _unknown if name is not None and is_name(name) else _no_parameter
        faults.append(fault(whole, brace.start(), names, after_dollar=text[: brace.start()].endswith("$")))
    pieces.append(text[at:])
    named = dict.fromkeys(piece.name for piece in pieces if isinstance(piece, Hole))
    return Template(tuple(piece for piece in pieces if piece != ""), tuple(named)), tuple(faults)


_BRACE = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}\n]*)\}|[{}]")


def _closing(text: str, start: int) -> int:
    """Return the offset after the brace that closes the one at ``start``, on its line; after the opening one where none does."""
    depth = 0
    for at in range(start, len(text)):
        if text[at] == "\n":
            break
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return start + 1


def _doubled(whole: str) -> str:
    return whole.replace("{", "{{").replace("}", "}}")


def _unknown(whole: str, offset: int, names: Collection[str], *, after_dollar: bool) -> SubstitutionFault:
    name = whole[1:-1]
    close = did_you_mean(name, names)
    known = (f"the parameters are {', '.join(sorted(set(names)))}" if names else "the target has no parameters",)
    dollar = "$" if after_dollar else ""
    literal = f"for {dollar}{whole} itself, write {dollar}{_doubled(whole)}"
    return SubstitutionFault("PB121", f"there is no parameter {name}", offset, len(whole), (*close, literal), () if close else known)


def _no_parameter(whole: str, offset: int, names: Collection[str], *, after_dollar: bool) -> SubstitutionFault:
    dollar = "$" if after_dollar else ""
    bare = re.match(r"\{([^{}:!]*)[:!]", whole)
    spec = ("a value has no format here: give it as a parameter in the form that is wanted",) if bare and bare[1] in names else ()
    return SubstitutionFault(
        "PB120",
        f"{_shown(whole)} names no parameter" if len(whole) > 1 else f"a single {whole} means nothing here",
        offset,
        len(whole),
        (*spec, f"for a brace of the shell's own, double it: {dollar}{_shown(_doubled(whole))}"),
        ("single braces hold the name of a parameter",),
    )


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _inside_quotes(hole: Hole, value: str) -> SubstitutionFault:
    return SubstitutionFault(
        "PB122",
        f"{{{hole.name}}} stands inside quotes, and its value {_shown(repr(value))} needs quotes of its own",
        hole.offset,
        len(hole.name) + 2,
        (f"take the quotes around {{{hole.name}}} away",),
        ("a parameter is quoted for the shell when it is substituted; quotes in quotes end the outer ones",),
    )


def _in_quotes(line: str, offset: int) -> bool:
    """Return whether ``offset`` stands in single or double quotes of a shell command; here documents are not understood."""
    stack = [""]
    at = 0
    while at < offset:
        character, state = line[at], stack[-1]
        if character == "\\" and state != "'":
            at += 2
            continue
        if state in {"'", '"'} and character == state:
            stack.pop()
        elif state != "'" and line.startswith("$(", at):
            stack.append("(")
            at += 1
        elif state not in {"'", '"'}:
            if character in {"'", '"', "("}:
                stack.append(character)
            elif character == ")" and state == "(":
                stack.pop()
            elif character == "#" and (at == 0 or line[at - 1] in " \t\n;&|("):
                end = line.find("\n", at)
                at = offset if end < 0 else end
        at += 1
    return stack[-1] in {"'", '"'}
