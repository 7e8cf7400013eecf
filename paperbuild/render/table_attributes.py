"""The attributes of a data table, taken apart: lists of column names, and what each says of its column.

Two shapes serve them all. A list of names, ``columns="model,acc"``, and a list of pairs, ``header="model:Model,acc:Accuracy"``, which
splits only at commas that a name and a colon follow, so that a format or a heading may hold others. A name that has a comma or a colon
itself stands between single quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity, Span, did_you_mean, nearest
from paperbuild.paper.attributes import fold
from paperbuild.paper.data import TABLE_ATTRIBUTES, Table
from paperbuild.paper.faults import Finding
from paperbuild.paper.formats import named

_FOREIGN = frozenset({"alt", "width", "height", "title", "lang", "dir", "style", "role", "labels"})
_NAME = r"(?:'[^']*'|[^\s,:'][^,:]*?(?<!'))"
_NEXT_PAIR = re.compile(rf",\s*(?={_NAME}\s*:)")
_PAIR = re.compile(rf"\s*(?P<name>{_NAME}?)\s*(?::\s*(?P<value>.*?))?\s*", re.DOTALL)
_LISTED = re.compile(r"'[^']*'|[^,]+")


class Place(msgspec.Struct, frozen=True):
    """Where a table's image stands in the paper: the span of its path, and that of a stretch of one of its attributes.

    ``attribute`` takes the attribute's name, an offset into its folded value, and a length.
    """

    image: Span | None
    attribute: Callable[[str, int, int], Span | None]


class Item(msgspec.Struct, frozen=True):
    """One part of an attribute. ``at`` and ``value_at`` are the offsets of ``name`` and ``value`` in the attribute's value."""

    name: str
    at: int
    value: str = ""
    value_at: int = 0


class Complaints(msgspec.Struct):
    """What is wrong with one table: ``found`` grows as its attributes are read."""

    path: str
    place: Place
    found: list[Diagnostic] = []

    def say(self, key: str, finding: Finding, severity: Severity = Severity.ERROR) -> None:
        """Tell of a fault in the attribute ``key``, where the finding says."""
        span = self.place.attribute(key, finding.offset, finding.length)
        self.found.append(Diagnostic(finding.code, finding.message, span, severity, notes=finding.notes, help=finding.help))

    def unknown_column(self, key: str, name: str, at: int, columns: Collection[str]) -> None:
        """Tell that the attribute ``key`` names a column that the file does not have."""
        known = f"its columns are {named(columns)}"
        self.say(key, Finding("PB280", f"{self.path} has no column {name!r}", at, max(1, len(name)), did_you_mean(name, columns), (known,)))

    def unknown_word(self, key: str, word: str, at: int, words: Collection[str]) -> None:
        """Tell that ``word`` is none of the ``words`` that may stand in the attribute ``key``."""
        listed = ", ".join(words)
        message = f"{word!r} is none of {listed}" if word else f"the word after the colon is missing: one of {listed}"
        self.say(key, Finding("PB282", message, at, max(1, len(word)), did_you_mean(word, words)))


def names(text: str) -> tuple[Item, ...]:
    """Return the parts of "a,b": none for an empty text."""
    return tuple(
        Item(_unquoted(found.group().strip()), found.start() + len(found.group()) - len(found.group().lstrip()))
        for found in _LISTED.finditer(text)
        if found.group().strip()
    )


def pairs(text: str) -> tuple[Item, ...]:
    """Return the parts of "a:x,b:y"; a part without a colon has an empty value."""
    found: list[Item] = []
    at = 0
    for part in _NEXT_PAIR.split(text) if text.strip() else ():
        at = text.index(part, at)
        pair = _PAIR.fullmatch(part)
        if pair is None:  # a quote that is never closed: the whole is a name that no column has
            found.append(Item(part.strip(), at))
        else:
            value_at = pair.start("value") if pair["value"] is not None else pair.end("name")
            found.append(Item(_unquoted(pair["name"]), at + pair.start("name"), pair["value"] or "", at + value_at))
        at += len(part)
    return tuple(found)


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == "'" else name


class Attributes(msgspec.Struct, frozen=True):
    """The attributes of one table, whitespace folded, and where to complain of them."""

    table: Table
    given: Mapping[str, str]
    complaints: Complaints

    @classmethod
    def of(cls, table: Table, given: Mapping[str, str], complaints: Complaints) -> Attributes:
        """Return ``given`` ready to be read; a key that is almost one of ours is told."""
        for key in given:
            known = key in TABLE_ATTRIBUTES or key in _FOREIGN or key.startswith(("data-", "pb-"))
            meant = () if known else nearest(key, TABLE_ATTRIBUTES, 1)
            if meant:
                finding = Finding("PB282", f"{key} is no attribute of a table", -1, len(key), (f"did you mean {meant[0]}?",))
                complaints.say(key, finding)
        return cls(table, {key: fold(value) for key, value in given.items()}, complaints)

    def text(self, key: str) -> str:
        """Return the value of ``key``, "" where it is not given."""
        return self.given.get(key, "")

    def listed(self, key: str) -> tuple[Item, ...]:
        """Return the columns that ``key`` lists, each once; those that the file lacks are told."""
        return self._known(key, names(self.text(key)))

    def paired(self, key: str) -> dict[str, Item]:
        """Return what ``key`` says of columns, by column; those that the file lacks are told."""
        return {item.name: item for item in self._known(key, pairs(self.text(key)))}

    def chosen(self, key: str, words: Collection[str]) -> dict[str, str]:
        """Return which of ``words`` the attribute ``key`` says of columns; other words are told."""
        found: dict[str, str] = {}
        for name, item in self.paired(key).items():
            if item.value in words:
                found[name] = item.value
            else:
                self.complaints.unknown_word(key, item.value, item.value_at, words)
        return found

    def count(self, key: str, least: int = 0) -> int | None:
        """Return the whole number that ``key`` gives, None where there is none; anything else is told."""
        text = self.text(key)
        if not text:
            return None
        if re.fullmatch(r"[0-9]{1,6}", text) and int(text) >= least:
            return int(text)
        message = f"{key} is a whole number from {least} on, not {text!r}"
        self.complaints.say(key, Finding("PB282", message, 0, len(text), (f'write {key}="{max(3, least)}"',)))
        return None

    def flag(self, key: str) -> bool:
        """Return whether ``key`` says yes; a word that is neither yes nor no is told."""
        text = self.text(key).lower()
        if text not in _TRUE | _FALSE:
            self.complaints.unknown_word(key, self.text(key), 0, ("true", "false"))
        return text in _TRUE

    def _known(self, key: str, items: Iterable[Item]) -> tuple[Item, ...]:
        found: dict[str, Item] = {}
        for item in items:
            if item.name in self.table.columns:
                found.setdefault(item.name, item)
            else:
                self.complaints.unknown_column(key, item.name, item.at, self.table.columns)
        return tuple(found.values())


_TRUE = frozenset({"true", "yes"})
_FALSE = frozenset({"", "false", "no"})
