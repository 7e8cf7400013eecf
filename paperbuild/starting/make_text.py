"""What the text of a Makefile comes to once its variables and functions are put in: the part of GNU make's language that papers use.

Nothing is run. ``$(shell …)`` and whatever else only make can know raises :class:`Unknown`, and the rule it stands in is left to make.
Source of the language: the manual of GNU make, "How to Use Variables" and "Functions for Transforming Text".
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping

import msgspec
import msgspec.structs

ASSIGNMENT = re.compile(r"(?:(?:export|override|private)\s+)*([\w.%-]+)\s*(\?=|:::?=|::?=|\+=|!=|=)\s*(.*)", re.DOTALL)
CONDITIONAL = re.compile(r"(ifeq|ifneq|ifdef|ifndef|else|endif)\b")
ONLY_MAKE_KNOWS = "$(shell it)"
"""What a variable holds, or a recipe, that nobody but make can tell."""
_DEEPEST = 40
_MAKES_OWN = frozenset({"MAKE", "SHELL", "CURDIR", "MAKEFILE_LIST", "MAKECMDGOALS", "MAKEFLAGS", "HOME", "USER", "PATH", "PWD", "OS"})
_AUTOMATIC = re.compile(r"([@<^+*?%|])([DF]?)")


class Unknown(Exception):  # noqa: N818 - it is no error: make knows, we do not
    """Only make itself can say what this comes to."""


class Scope(msgspec.Struct, frozen=True):
    """What names mean: ``variables`` by their text, which is expanded when it is used; ``automatic`` ones such as ``@``; the ``files``.

    ``is_whole``: everything was read, so that what has no value here has none.
    """

    variables: Mapping[str, str]
    files: Collection[str]
    automatic: Mapping[str, str] = {}
    is_whole: bool = True


def statements(text: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield each statement: its line, its text on one line without comment, and the lines of the recipe below it."""
    held: list[tuple[int, str]] = []  # a rule, perhaps, and conditions that stand in its recipe or behind it
    recipe: list[str] = []
    is_defining = False
    for number, line in _logical_lines(text):
        if is_defining:
            is_defining = not line.strip().startswith("endef")
            continue
        if line.startswith("\t") and held:
            recipe += [ONLY_MAKE_KNOWS] if len(held) > 1 else []
            recipe.append(line[1:])
            continue
        bare = re.sub(r"(?<!\\)#.*", "", line).replace("\\#", "#").strip()
        if not bare:
            continue
        if held and CONDITIONAL.match(bare) and not CONDITIONAL.match(held[0][1]):
            held.append((number, bare))
            continue
        yield from _with_recipe(held, recipe)
        held, recipe = [(number, bare)], []
        is_defining = bare.startswith("define ")
    yield from _with_recipe(held, recipe)


def _with_recipe(held: list[tuple[int, str]], recipe: list[str]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    for n, (number, bare) in enumerate(held):
        yield number, bare, tuple(recipe) if n == 0 else ()


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    lines = text.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        start, line = at, lines[at]
        while line.endswith("\\") and not line.endswith("\\\\") and at + 1 < len(lines):
            at += 1
            line = line[:-1].rstrip() + " " + lines[at].strip()
        yield start + 1, line
        at += 1


def expanded(text: str, scope: Scope, depth: int = 0) -> str:
    """Return ``text`` with every reference put in.

    Raises:
        Unknown: something in it only make knows.
    """
    if depth > _DEEPEST:
        raise Unknown(text)
    out = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        out.append(text[at:dollar])
        following = text[dollar + 1 : dollar + 2]
        if following in ("(", "{"):
            end = _closing(text, dollar + 1)
            out.append(_reference(text[dollar + 2 : end], scope, depth + 1))
            at = end + 1
        elif following == "$":
            out.append("$")
            at = dollar + 2
        else:
            out.append(_value(following, scope, depth + 1))
            at = dollar + 2
    return "".join([*out, text[at:]])


def _closing(text: str, start: int) -> int:
    opening, closing = text[start], ")" if text[start] == "(" else "}"
    depth = 0
    for at in range(start, len(text)):
        depth += {opening: 1, closing: -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise Unknown(text)


def _reference(inner: str, scope: Scope, depth: int) -> str:
    match = re.match(r"([a-z-]+)[ \t]+(.*)", inner, re.DOTALL)
    if match is not None and (match[1] in _FUNCTIONS or match[1] in _UNKNOWN_FUNCTIONS):
        if match[1] not in _FUNCTIONS:
            raise Unknown(inner)
        return _FUNCTIONS[match[1]](_arguments(match[2]), scope, depth)
    name, colon, substitution = inner.partition(":")
    if colon and "=" in substitution and "$" not in name:
        before, _, after = expanded(substitution, scope, depth).partition("=")
        pattern, replacement = (before, after) if "%" in before else (f"%{before}", f"%{after}")
        return " ".join(substituted(word, pattern, replacement) for word in _value(name.strip(), scope, depth).split())
    return _value(expanded(inner, scope, depth).strip(), scope, depth)


def _value(name: str, scope: Scope, depth: int) -> str:
    automatic = _AUTOMATIC.fullmatch(name)
    if automatic is not None:
        if automatic[1] not in scope.automatic:
            raise Unknown(name)
        words = scope.automatic[automatic[1]].split()
        if automatic[2]:
            part = posixpath.dirname if automatic[2] == "D" else posixpath.basename
            return " ".join(part(word) or "." for word in words)
        return " ".join(words)
    if name in scope.variables:
        return expanded(scope.variables[name], scope, depth)
    if name in _MAKES_OWN or not (scope.is_whole or name == "RM"):
        raise Unknown(name)
    return "rm -f" if name == "RM" else ""


def _arguments(text: str) -> list[str]:
    """Return the arguments of a function: commas within brackets do not part them."""
    found, depth = [""], 0
    for character in text:
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return found


def matched(word: str, pattern: str) -> str | None:
    """Return what ``%`` of ``pattern`` stands for in ``word``; None where they do not match."""
    head, percent, tail = pattern.partition("%")
    if not percent:
        return "" if word == pattern else None
    if len(word) >= len(head) + len(tail) and word.startswith(head) and word.endswith(tail):
        return word[len(head) : len(word) - len(tail)]
    return None


def substituted(word: str, pattern: str, replacement: str) -> str:
    """Return ``word`` as ``patsubst`` has it."""
    stem = matched(word, pattern)
    return word if stem is None else replacement.replace("%", stem, 1)


def found_files(pattern: str, files: Collection[str]) -> list[str]:
    """Return those of ``files`` that a shell's glob means, sorted; ``*`` stays within one folder."""
    wanted = posixpath.normpath(pattern)
    return sorted(f for f in files if f.count("/") == wanted.count("/") and fnmatch.fnmatchcase(f, wanted))


_Function = Callable[[list[str], Scope, int], str]


def _words(function: Callable[..., list[str]]) -> _Function:
    """Return a function of make that is given its arguments expanded, and the last of them as words."""

    def call(arguments: list[str], scope: Scope, depth: int) -> str:
        given = [expanded(argument, scope, depth) for argument in arguments]
        try:
            return " ".join(function(*(text.strip() for text in given[:-1]), given[-1].split()))
        except (TypeError, ValueError, IndexError):
            raise Unknown(" ".join(arguments)) from None

    return call


def _wildcard(arguments: list[str], scope: Scope, depth: int) -> str:
    return " ".join(file for pattern in expanded(",".join(arguments), scope, depth).split() for file in found_files(pattern, scope.files))


def _subst(arguments: list[str], scope: Scope, depth: int) -> str:
    before, after, text = (expanded(argument, scope, depth) for argument in arguments)
    return text.replace(before, after)


def _foreach(arguments: list[str], scope: Scope, depth: int) -> str:
    name, words, body = arguments[0], arguments[1], ",".join(arguments[2:])
    name = expanded(name, scope, depth).strip()
    inner = (msgspec.structs.replace(scope, variables={**scope.variables, name: word}) for word in expanded(words, scope, depth).split())
    return " ".join(expanded(body, one, depth) for one in inner)


def _if(arguments: list[str], scope: Scope, depth: int) -> str:
    chosen = arguments[1:2] if expanded(arguments[0].strip(), scope, depth) else arguments[2:]
    return expanded(",".join(chosen), scope, depth)


_FUNCTIONS: Mapping[str, _Function] = {
    "wildcard": _wildcard,
    "subst": _subst,
    "foreach": _foreach,
    "if": _if,
    "patsubst": _words(lambda pattern, replacement, words: [substituted(word, pattern, replacement) for word in words]),
    "filter": _words(lambda patterns, words: [w for w in words if any(matched(w, p) is not None for p in patterns.split())]),
    "filter-out": _words(lambda patterns, words: [w for w in words if all(matched(w, p) is None for p in patterns.split())]),
    "sort": _words(lambda words: sorted(set(words))),
    "strip": _words(list),
    "addprefix": _words(lambda prefix, words: [prefix + word for word in words]),
    "addsuffix": _words(lambda suffix, words: [word + suffix for word in words]),
    "basename": _words(lambda words: [posixpath.splitext(word)[0] for word in words]),
    "suffix": _words(lambda words: [posixpath.splitext(word)[1] for word in words]),
    "dir": _words(lambda words: [f"{posixpath.dirname(word) or '.'}/" for word in words]),
    "notdir": _words(lambda words: [posixpath.basename(word) for word in words]),
    "firstword": _words(lambda words: words[:1]),
    "lastword": _words(lambda words: words[-1:]),
    "word": _words(lambda n, words: words[int(n) - 1 : int(n)]),
    "words": _words(lambda words: [str(len(words))]),
}
_UNKNOWN_FUNCTIONS = frozenset(
    {
        "shell", "eval", "call", "value", "origin", "flavor", "file", "guile", "error", "warning", "info", "abspath", "realpath",
        "wordlist", "join", "and", "or", "let", "intcmp", "findstring",
    }
)  # fmt: skip
