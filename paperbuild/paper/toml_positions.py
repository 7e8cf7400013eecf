"""Where the keys and values of a TOML text stand.

:mod:`tomllib` says what a text means but not where; this walks the same text once and notes offsets. It runs only after tomllib
has accepted the text, so it checks nothing. (tomlkit keeps the layout but no positions, and costs 39 ms to import.)
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

import msgspec

Path = tuple[str | int, ...]
"""Keys and list indices from the top of the document to one value."""


class Place(msgspec.Struct, frozen=True):
    """Offsets and lengths of a key as written (for an item of a list: the item itself) and of what it holds."""

    key: tuple[int, int]
    value: tuple[int, int]


def places(text: str) -> Mapping[Path, Place]:
    """Return the place of every table, key and list item of ``text``, a valid TOML document.

    A table's value is its header; a table that only longer headers imply has the place of the first one. A nesting too deep to
    walk ends the list early.
    """
    walk = _Walk(text)
    with contextlib.suppress(RecursionError):
        walk.document()
    return walk.found


def offset_inside(text: str, start: int, index: int) -> int:
    """Return where the character ``index`` of a string's value stands in ``text``, where the string's literal begins at ``start``."""
    quote = text[start]
    many = text.startswith(quote * 3, start)
    at = start + (3 if many else 1)
    if many:
        at += 2 if text.startswith("\r\n", at) else 1 if text.startswith("\n", at) else 0
    unit = _LITERAL_UNIT if quote == "'" else _BASIC_UNIT
    while True:
        found = unit.match(text, at)
        if found is None:  # past the end
            return at
        if found["nothing"] is None:
            if index == 0:
                return at
            index -= 1
        at = found.end()


_BASIC_UNIT = re.compile(r"(?P<nothing>\\[ \t]*\r?\n\s*)|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\x[0-9A-Fa-f]{2}|\\.|\r\n|[\s\S]")
_LITERAL_UNIT = re.compile(r"(?P<nothing>(?!))|\r\n|[\s\S]")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\[\s\S]|[^"\\]|"(?!""))*"""(?:"{0,2})'
    r"|'''(?:[^']|'(?!''))*'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
)
_BARE_KEY = re.compile(r"[^\s.=\]\"'#]+")
_SCALAR = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+")


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, Place] = {}
        self._items: dict[Path, int] = {}  # how many tables an array of tables has so far

    def document(self) -> None:
        table: Path = ()
        while self._next():
            table = self._header() if self._next() == "[" else self._pair(table, table)

    def _next(self) -> str:
        """Return the next character that means something, "" at the end."""
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return self.text[self.at : self.at + 1]

    def _header(self) -> Path:
        start = self.at
        is_item = self.text.startswith("[[", start)
        self.at += 2 if is_item else 1
        keys = self._dotted()
        self._next()
        self.at += 2 if is_item else 1
        path: Path = ()
        whole = (start, self.at - start)
        for n, (name, key) in enumerate(keys):
            path = (*path, name)
            self.found.setdefault(path, Place(key, whole))
            if n == len(keys) - 1 and is_item:
                self._items[path] = self._items.get(path, 0) + 1
            if path in self._items:
                path = (*path, self._items[path] - 1)
                self.found.setdefault(path, Place(key, whole))
        # A header after longer ones that implied its table is where the table is declared.
        if not is_item:
            self.found[path] = Place(keys[-1][1], whole)
        return path

    def _dotted(self) -> list[tuple[str, tuple[int, int]]]:
        keys = []
        while True:
            self._next()
            start = self.at
            found = _STRING.match(self.text, start) or _BARE_KEY.match(self.text, start)
            assert found is not None
            self.at = found.end()
            keys.append((_key_name(found[0]), (start, self.at - start)))
            if self._next() != ".":
                return keys
            self.at += 1

    def _pair(self, table: Path, after: Path) -> Path:
        """Walk one ``key = value`` of ``table``; return ``after``, the table that the next line belongs to."""
        keys = self._dotted()
        self.at += 1  # the equals sign
        path = table
        self._next()
        start = self.at
        for name, key in keys[:-1]:
            path = (*path, name)
            self.found.setdefault(path, Place(key, key))
        path = (*path, keys[-1][0])
        self._value(path)
        self.found[path] = Place(keys[-1][1], (start, self.at - start))
        return after

    def _value(self, path: Path) -> None:
        opening = self._next()
        string = _STRING.match(self.text, self.at)
        if string is not None:
            self.at = string.end()
        elif opening == "[":
            self.at += 1
            self._list(path)
        elif opening == "{":
            self.at += 1
            while self._next() != "}":
                self._pair(path, path)
                self._comma()
            self.at += 1
        else:
            scalar = _SCALAR.match(self.text, self.at)
            assert scalar is not None
            self.at = scalar.end()

    def _list(self, path: Path) -> None:
        index = 0
        while self._next() != "]":
            start = self.at
            self._value((*path, index))
            self.found[(*path, index)] = Place((start, self.at - start), (start, self.at - start))
            index += 1
            self._comma()
        self.at += 1

    def _comma(self) -> None:
        if self._next() == ",":
            self.at += 1


_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\x([0-9A-Fa-f]{2})|\\(.)")
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


def _key_name(written: str) -> str:
    """Return what a key as written in the text is called."""
    if written[0] == "'":
        return written[1:-1]
    if written[0] != '"':
        return written
    return _ESCAPE.sub(lambda m: _ESCAPED.get(m[4], m[4]) if m[4] else chr(int(m[1] or m[2] or m[3], 16)), written[1:-1])
