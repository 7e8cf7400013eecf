"""Pandoc's attribute blocks: ``{#id .class key="value"}``. The same grammar as pandoc's reader (tried on 3.9)."""

from __future__ import annotations

import re

import msgspec

LIMIT = 4_000
"""How many characters a block may have. Expressions end at 2,000; a bound keeps hostile texts linear."""

_QUOTED_CHAR = r"(?>(?:\\[\s\S]|[^{quote}\\\n]|\n(?![ \t]*\r?\n))*)"
_ESCAPE = re.compile(r"\\([\W_])")
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n]++)
    | \#(?P<id>[\w:.\-]++)
    | \.(?P<cls>[^\W\d][\w:.\-]*+)
    | (?P<key>(?:[^\W\d]|[:_])[\w:.\-]*+)=(?:"(?P<double>{_QUOTED_CHAR.format(quote='"')})"
      |'(?P<single>{_QUOTED_CHAR.format(quote="'")})'
      |(?P<bare>(?>(?:\\[\W_]|[^\s}}\\]|\\)*)))
    | (?P<minus>-)(?=[\s}}])
    | (?P<end>\}})""",
    re.VERBOSE,
)
_PLAIN_BARE = re.compile(r"[A-Za-z0-9_.:%+,()]*+")
_BLANKS = re.compile(r"[ \t\r\n]+")


class Attribute(msgspec.Struct, frozen=True):
    """``key=value``. ``key_at`` and ``value_at`` are offsets; ``raw`` is the value as it stands between its quotes."""

    key: str
    key_at: int
    raw: str
    value_at: int
    quoted: bool


class Block(msgspec.Struct, frozen=True):
    """A well-formed attribute block: ``end`` is the offset behind its brace, ``id_at`` that of the name after ``#``."""

    end: int
    attributes: tuple[Attribute, ...]
    id: str = ""
    id_at: int = -1
    classes: tuple[str, ...] = ()


def parse(text: str, at: int) -> Block | None:
    """Parse the block whose ``{`` stands at ``at``; None where pandoc would take it for text."""
    limit = min(len(text), at + LIMIT)
    if text.find("}", at, limit) < 0:
        return None
    found: list[Attribute] = []
    classes: list[str] = []
    name, name_at, pos = "", -1, at + 1
    while (match := _TOKEN.match(text, pos, limit)) is not None:
        kind = match.lastgroup
        if kind == "end":
            return Block(match.end(), tuple(found), name, name_at, tuple(classes))
        if kind == "space":
            if match.group().count("\n") > 1:
                return None
        elif kind == "id":
            name, name_at = match["id"], match.start("id")
        elif kind == "cls":
            classes.append(match["cls"])
        elif kind in {"double", "single", "bare"}:
            found.append(Attribute(match["key"], match.start("key"), match[kind], match.start(kind), kind != "bare"))
        pos = match.end()
    return None


def fold(text: str) -> str:
    """Return ``text`` with each run of blanks and line ends as one space, and none at its ends."""
    return _BLANKS.sub(" ", text).strip(" \t\r\n")


def plain(raw: str, quoted: bool) -> str:
    """Return what pandoc makes of the raw value, whitespace folded: escapes and (in quotes) character references resolved."""
    if "\\" not in raw and "&" not in raw:
        return fold(raw)
    return fold("".join(char for char, _ in _characters(raw, quoted)))


def offsets(raw: str, quoted: bool) -> tuple[int, ...]:
    """Return for each character of :func:`plain` where in ``raw`` it comes from, and last the length of ``raw``."""
    found: list[int] = []
    in_blank = True
    for char, at in _characters(raw, quoted):
        blank = char in " \t\r\n"
        if not (blank and in_blank):
            found.append(at)
        in_blank = blank
    if in_blank and found and len(found) > len(plain(raw, quoted)):
        found.pop()
    return (*found, len(raw))


_REFERENCE = re.compile(r"&(?:#[xX]?[0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});")


def _characters(raw: str, quoted: bool) -> list[tuple[str, int]]:
    """Return the characters of a value and their offsets in ``raw``."""
    found: list[tuple[str, int]] = []
    at = 0
    while at < len(raw):
        char = raw[at]
        if char == "\\" and (escape := _ESCAPE.match(raw, at)):
            found.append((escape[1], at))
            at = escape.end()
        elif char == "&" and quoted and (reference := _REFERENCE.match(raw, at)):
            import html

            found += [(resolved, at) for resolved in html.unescape(reference.group())]
            at = reference.end()
        else:
            found.append((char, at))
            at += 1
    return found
