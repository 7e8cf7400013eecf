"""The chunks of a source, found before pandoc is started, and taken as pandoc would take them. Pure."""

from __future__ import annotations

import re

from paperbuild.diagnostics import span_at
from paperbuild.paper import attributes
from paperbuild.paper.chunks import CLASS, Chunk, Setting
from paperbuild.paper.regions import Fence, Regions

_TAB = 4  # columns: pandoc's
_INFO = re.compile(r"[ \t]*+(?P<word>[^\s`{}]++)?[ \t]*+(?=\{)")
_BLANK = re.compile(r"[ \t]*\r?(?:\n|\Z)")
_OPENING = re.compile(r"^[ \t>]*+(?:(?:[-+*]|\(?[\w#]{1,9}[.)])[ \t]+)?(?P<fence>`{3,}|~{3,})[^\n]*?\.target\b[^\n]*", re.MULTILINE)
_WORD = re.compile(r"[^,\s]+")


def find(text: str, found: Regions) -> tuple[Chunk, ...]:
    """Return the chunks of ``text``, in order, slips among them. Never raises."""
    if f".{CLASS}" not in text:
        return ()
    chunks = [chunk for fence in found.fences if (chunk := _chunk(text, fence, found)) is not None]
    fences = {fence.at for fence in found.fences}
    for match in _OPENING.finditer(text):
        at = match.start("fence")
        if at not in fences and not found.in_code(at) and not found.in_math(at):
            chunks.append(_slip(text, at, "unclosed"))
    return tuple(sorted(chunks, key=lambda chunk: (chunk.at.line, chunk.at.column)))


def find_includes(text: str, found: Regions) -> tuple[Chunk, ...]:
    """Return the code blocks of ``text`` that show files: they have an attribute ``include``, and are no chunks."""
    if "include=" not in text:
        return ()
    blocks = (_chunk(text, fence, found, "") for fence in found.fences)
    return tuple(block for block in blocks if block is not None and not block.slip and block.get("include"))


def _chunk(text: str, fence: Fence, found: Regions, wanted: str = CLASS) -> Chunk | None:
    """Return the fenced block ``fence`` where it is of the class ``wanted`` ("": where it is no chunk); None where it is not."""
    info = _INFO.match(text, fence.at + fence.width)
    first_line = text[fence.at : text.find("\n", fence.at)]
    if info is None:
        return _slip(text, fence.at, "attributes") if f".{CLASS}" in first_line else None
    block = attributes.parse(text, info.end())
    rest = _BLANK.match(text, block.end) if block else None
    if block is None or rest is None:
        return _slip(text, fence.at, "attributes") if f".{CLASS}" in first_line else None
    if (CLASS if CLASS in block.classes else "") != wanted:
        return None
    if found.in_header(fence.at):
        return _slip(text, fence.at, "front matter")
    languages = (*((info["word"],) if info["word"] else ()), *(name for name in block.classes if name != CLASS))
    lines, margin = _lines(text, fence, rest.end())
    at = span_at("", text, block.id_at, len(block.id)) if block.id else span_at("", text, fence.at, len(first_line.rstrip()))
    settings = tuple(_setting(text, one) for one in block.attributes)
    return Chunk(block.id, languages, settings, "\n".join(lines), text.count("\n", 0, rest.end()) + 1, margin, at)


def _slip(text: str, at: int, why: str) -> Chunk:
    end = text.find("\n", at)
    line = text[at : end if end >= 0 else len(text)].rstrip()
    return Chunk("", (), (), "", text.count("\n", 0, at) + 1, 0, span_at("", text, at, len(line)), why)


def _setting(text: str, one: attributes.Attribute) -> Setting:
    value = attributes.plain(one.raw, one.quoted)
    places = attributes.offsets(one.raw, one.quoted)
    words = []
    for match in _WORD.finditer(value):
        start, end = places[match.start()], places[min(match.end(), len(places) - 1)]
        words.append((match.group(), span_at("", text, one.value_at + start, max(1, end - start))))
    return Setting(one.key, value, span_at("", text, one.key_at, len(one.key)), tuple(words))


def _lines(text: str, fence: Fence, start: int) -> tuple[list[str], int]:
    """Return the lines of code between ``start`` and the last fence, without what stands before each, and how much that is."""
    lead = text[text.rfind("\n", 0, fence.at) + 1 : fence.at]
    lines = [line.rstrip("\r") for line in text[start : fence.closing].split("\n")[:-1]]
    bare = [_bare(line, lead) for line in lines]
    return bare, max((len(line) - len(own) for line, own in zip(lines, bare, strict=True)), default=0)


def _bare(line: str, lead: str) -> str:
    """Return ``line`` without the marks of quotations and the indentation that the first fence has."""
    quotes = lead.count(">")
    if quotes:
        marks = re.match(rf"[ \t]*(?:>[ ]?){{1,{quotes}}}", line)
        line = line[marks.end() :] if marks else line
        lead = lead[lead.rindex(">") + 1 :].removeprefix(" ")
    width = len(lead.expandtabs(_TAB))
    taken = 0
    while taken < len(line) and line[taken] in " \t" and len(line[: taken + 1].expandtabs(_TAB)) <= width:
        taken += 1
    return line[taken:]
