"""Bibliography files: faults at their line and column, and the keys that citations may name.

Pandoc reads the bibliography; this looks at it first, because pandoc reports one fault, at the place where it gave up (an unclosed brace:
the end of the file). The grammar is pandoc's (BibTeX and BibLaTeX readers, tried on 3.9): what passes here parses there, and what does
not pass does not. A scanner of our own, because any other parser draws that line elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity, span_at

_FAULTS_SHOWN = 20
_JUNK = re.compile(r"(?>(?:[^@%]|%[^\n]*+)*)")
_SPACE = re.compile(r"(?>(?:\s|%[^\n]*+(?:\n|\Z))*)")
_TYPE = re.compile(r"[^\W_]++")
_KEY = re.compile(r"(?>(?:[^\W_]|[.:;?!`'()$/*@_+=\-\[\]&])+)")
_FIELD = re.compile(r"(?>(?:[^\W_]|[\-_:+])+)")
_WORD = re.compile(r"""[^\s{}#,"%=]++""")
_BRACED = re.compile(r"[^{}\\]++|\\[\s\S]|[{}]")
_QUOTED = re.compile(r'[^{}\\"]++|\\[\s\S]|[{}"]')
_REFERENCE = re.compile(r"\]\s*\{[^{}\n]*?(?<![\w:.\-])(?P<key>val|claim)\s*=(?=[^{}\n]*\})|\\(?P<macro>val)(?![A-Za-z@])\s*[\[{]")
_NEXT_ENTRY = re.compile(r"^[ \t]*@[A-Za-z]+[ \t]*\{", re.MULTILINE)


class BibEntry(msgspec.Struct, frozen=True):
    """An entry: its citation key and the key's offset; ``aliases`` are the keys of BibLaTeX's ``ids``."""

    key: str
    offset: int
    aliases: tuple[str, ...] = ()


class _Malformed(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, offset: int, message: str, help_: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
        self.help = help_


def lint_bib(path: str, text: str) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a bibliography: errors where it cannot be read, warnings where a key stands twice.

    By the extension of ``path``: CSL-JSON (``.json``), CSL-YAML (``.yaml``, ``.yml``), else BibTeX or BibLaTeX.
    """
    if path.lower().endswith(".json"):
        return _lint_json(path, text)
    if path.lower().endswith((".yaml", ".yml")):
        return _lint_yaml(path, text)
    entries, faults = _scan(path, text)
    return (*faults, *_twice(path, text, entries))


def references_in(path: str, text: str) -> Iterator[Diagnostic]:
    """Yield an error for each reference to a result in a bibliography: nothing reads it there, and it would be printed, or vanish."""
    for found in _REFERENCE.finditer(text):
        span = span_at(path, text, found.start(found.lastgroup or 0), len(found[found.lastgroup or 0]))
        helps = ("write what is cited, or put the reference into the paper's own text: [literal]{val=…}",)
        yield Diagnostic("PB256", "a reference cannot stand in a bibliography", span, help=helps)


def keys(path: str, text: str) -> tuple[str, ...]:
    """Return the keys that citations may name, in the order of the file; what cannot be read is passed over."""
    if path.lower().endswith((".json", ".yaml", ".yml")):
        return tuple(dict.fromkeys(re.findall(r"""^[ \t,{\[-]*["']?id["']?[ \t]*:[ \t]*["']?([^\s"',}]+)""", text, re.MULTILINE)))
    entries, _ = _scan(path, text)
    return tuple(dict.fromkeys(name for entry in entries for name in (entry.key, *entry.aliases)))


def _twice(path: str, text: str, entries: tuple[BibEntry, ...]) -> Iterator[Diagnostic]:
    first: dict[str, BibEntry] = {}
    for entry in entries:
        known = first.setdefault(entry.key, entry)
        if known is not entry:
            line = span_at(path, text, known.offset).line
            span = span_at(path, text, entry.offset, len(entry.key))
            notes = (f"the first is at {path}:{line}",)
            help_ = ("take one of them out, or give it another key",)
            yield Diagnostic("PB571", f"two entries have the key {entry.key}", span, Severity.WARNING, notes=notes, help=help_)


def _scan(path: str, text: str) -> tuple[tuple[BibEntry, ...], tuple[Diagnostic, ...]]:
    """Read all entries; after a fault go on at the next line that begins one."""
    entries: list[BibEntry] = []
    faults: list[Diagnostic] = []
    pos = 0
    while len(faults) < _FAULTS_SHOWN:
        junk = _JUNK.match(text, pos)
        pos = junk.end() if junk else pos
        if pos >= len(text):
            break
        start = pos
        try:
            pos, entry = _entry(text, start)
            if entry is not None:
                entries.append(entry)
        except _Malformed as fault:
            faults.append(_fault(path, text, start, fault))
            resume = _NEXT_ENTRY.search(text, max(start + 1, fault.offset if text[fault.offset : fault.offset + 1] == "@" else start + 1))
            if resume is None:
                break
            pos = resume.end() - len(resume.group().lstrip())
    return tuple(entries), tuple(faults)


def _fault(path: str, text: str, start: int, fault: _Malformed) -> Diagnostic:
    line = span_at(path, text, start).line
    span = span_at(path, text, fault.offset)
    notes = (f"in the entry that begins at {path}:{line}",) if span.line != line else ()
    return Diagnostic("PB570", fault.message, span, notes=notes, help=(fault.help,))


def _entry(text: str, at: int) -> tuple[int, BibEntry | None]:
    """Read what begins with the ``@`` at ``at``; return the offset behind it and the entry (None for strings and comments)."""
    kind = _TYPE.match(text, at + 1)
    if kind is None:
        raise _Malformed(at, "an @ that begins no entry", r"write @article{…}; outside of entries stands no @ (or put a % before the line)")
    pos = _space(text, kind.end())
    if not text.startswith("{", pos):
        raise _Malformed(pos, f"@{kind.group()} without {{", f"write @{kind.group()}{{key, field = {{value}}}}")
    name = kind.group().lower()
    if name in {"comment", "preamble"}:
        return _braced(text, pos), None
    if name == "string":
        return _close(text, _fields(text, _space(text, pos + 1), {})), None
    return _reference(text, _space(text, pos + 1))


def _reference(text: str, at: int) -> tuple[int, BibEntry]:
    key = _KEY.match(text, at)
    if key is None:
        raise _Malformed(at, "an entry without a key", "write @article{key, …}")
    pos = _space(text, key.end())
    if not text.startswith(",", pos):
        message = f"a comma is missing after the key {key.group()}"
        raise _Malformed(pos, message, 'a key has no spaces and none of the characters # % , ~ " { }')
    values: dict[str, str] = {}
    try:
        pos = _close(text, _fields(text, _space(text, pos + 1), values))
    except _Malformed:
        following = _NEXT_ENTRY.search(text, pos)
        late = _late_brace(text, pos, following.start() if following else len(text))
        if late is None:
            raise
        message = "this brace is never closed, or in a later field"
        raise _Malformed(late, message, "a } is missing at the end of the line: the next one begins a field") from None
    aliases = tuple(name.strip() for name in values.get("ids", "").strip('{}"').split(",") if name.strip())
    return pos, BibEntry(key.group(), at, aliases)


_FIELD_LINE = re.compile(r"^[ \t]*[A-Za-z][\w\-]*[ \t]*=[ \t]*(?P<brace>\{)?", re.MULTILINE)


def _late_brace(text: str, start: int, end: int) -> int | None:
    """Return the brace of the first field whose line leaves it open though the next line begins a field: the likely slip."""
    previous: re.Match[str] | None = None
    for field in _FIELD_LINE.finditer(text, start, end):
        if previous is not None and previous["brace"] and text.count("\n", previous.end(), field.start()) == 1:
            line = re.sub(r"\\.", "", text[previous.start("brace") : field.start()])
            if line.count("{") > line.count("}"):
                return previous.start("brace")
        previous = field
    return None


def _fields(text: str, pos: int, values: dict[str, str]) -> int:
    """Read ``name = value`` pairs up to the closing brace; return where they end."""
    while (field := _FIELD.match(text, pos)) is not None:
        pos = _space(text, field.end())
        if not text.startswith("=", pos):
            raise _Malformed(pos if pos < len(text) else field.start(), f"no = after {field.group()}", f"write {field.group()} = {{…}},")
        start = _space(text, pos + 1)
        pos = _space(text, _value(text, start))
        values[field.group().lower()] = text[start:pos].strip()
        if not text.startswith(",", pos):
            _expect_end(text, pos, field)
            return pos
        pos = _space(text, pos + 1)
    return pos


def _expect_end(text: str, pos: int, field: re.Match[str]) -> None:
    """After a value without a comma only the entry's end may stand."""
    if text.startswith("}", pos):
        return
    if pos >= len(text):
        raise _Malformed(field.start(), "this entry is never closed", "a } is missing after its last field")
    end = len(text[:pos].rstrip())
    if text[pos] == "@":
        raise _Malformed(pos, "this entry begins inside the one before it", "close the entry before it with }")
    raise _Malformed(end, f"a comma is missing after the value of {field.group()}", "put a comma between two fields")


def _close(text: str, pos: int) -> int:
    if text.startswith("}", pos):
        return pos + 1
    if pos >= len(text):
        raise _Malformed(len(text.rstrip()), "this entry is never closed", "a } is missing at its end")
    if text[pos] == "@":
        raise _Malformed(pos, "this entry begins inside the one before it", "close the entry before it with }")
    if text[pos] == ",":
        raise _Malformed(pos, "a comma too many", "one comma stands between two fields")
    raise _Malformed(pos, f"a field's name cannot begin with {text[pos]}", "write name = {value}")


def _value(text: str, pos: int) -> int:
    """Read a value: braces, quotes, numbers or names, joined by ``#``."""
    while True:
        if text.startswith("{", pos):
            pos = _braced(text, pos)
        elif text.startswith('"', pos):
            pos = _quotes(text, pos)
        else:
            word = _WORD.match(text, pos)
            pos = word.end() if word else pos
        after = _space(text, pos)
        if not text.startswith("#", after):
            return pos
        pos = _space(text, after + 1)


def _braced(text: str, at: int) -> int:
    depth, pos = 0, at
    while (part := _BRACED.match(text, pos)) is not None:
        pos = part.end()
        depth += {"{": 1, "}": -1}.get(part.group(), 0)
        if depth == 0:
            return pos
    raise _unclosed(text, at, "this brace is never closed", "a } is missing")


def _quotes(text: str, at: int) -> int:
    depth, pos = 0, at + 1
    while (part := _QUOTED.match(text, pos)) is not None:
        pos = part.end()
        depth += {"{": 1, "}": -1}.get(part.group(), 0)
        if part.group() == '"' and depth <= 0:
            return pos
    raise _unclosed(text, at, "this quotation mark is never closed", 'a " is missing, or a brace before it is not closed')


def _unclosed(text: str, at: int, message: str, missing: str) -> _Malformed:
    """Return the fault of a value that runs to the end; say before which line it should have ended."""
    swallowed = _NEXT_ENTRY.search(text, at)
    if swallowed is not None:
        missing += f" before line {text.count(chr(10), 0, swallowed.start()) + 1}, where the next entry begins"
    return _Malformed(at, message, missing)


def _space(text: str, pos: int) -> int:
    match = _SPACE.match(text, pos)
    return match.end() if match else pos


def _lint_json(path: str, text: str) -> tuple[Diagnostic, ...]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        return (Diagnostic("PB572", f"{path} is not valid JSON: {error.msg}", span_at(path, text, error.pos), help=("export it again",)),)
    except RecursionError:
        return (Diagnostic("PB572", f"{path} is nested too deeply", span_at(path, text, 0), help=("export it again",)),)
    items = data.get("references", data.get("items")) if isinstance(data, dict) else data
    if isinstance(items, list) and all(isinstance(item, dict) and "id" in item for item in items):
        return ()
    help_ = ("CSL-JSON is a list of objects, each with an id: export it again as CSL-JSON",)
    return (Diagnostic("PB572", f"{path} is no CSL-JSON bibliography", span_at(path, text, 0), help=help_),)


def _lint_yaml(path: str, text: str) -> tuple[Diagnostic, ...]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        for _ in YAML(typ="safe", pure=True).parse(text):
            pass
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = span_at(path, text, min(mark.index if mark else 0, len(text.rstrip())))
        return (Diagnostic("PB572", f"{path} is not valid YAML: {error.problem or error.context}", span, help=("export it again",)),)
    except YAMLError as error:
        span = span_at(path, text, getattr(error, "position", 0))
        return (Diagnostic("PB572", f"{path} is not valid YAML", span, help=("export it again",)),)
    return ()
