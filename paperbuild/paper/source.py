"""The lexical scan of a paper: what it refers to, and where, before pandoc is started.

Two uses. The names and paths found here say what must be built before the paper can be resolved; too many do no harm and too few
cost one more round, because what is really read is required then. And every position in an error about the prose starts from an
offset found here; :mod:`paperbuild.paper.positions` says which reference of the parsed paper it belongs to.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from paperbuild.diagnostics import Diagnostic, Span, span_at
from paperbuild.errors import BuildError
from paperbuild.paper import attributes, chunk_scan
from paperbuild.paper.chunks import Chunk
from paperbuild.paper.quoting import Quote, quoted
from paperbuild.paper.regions import Interval, Regions, regions

Kind = Literal["value", "claim", "math-value"]
Form = Literal["span", "html", "other"]


class Candidate(msgspec.Struct, frozen=True):
    r"""Something that looks like a reference: a ``val`` or ``claim`` attribute, or ``\val``.

    ``key`` is the offset of the letters ``val`` or ``claim``. ``text`` is the expression, unquoted, unescaped and with whitespace
    folded; in the source it stands as ``raw`` at ``value`` (-1 where ``\val`` has no group). ``literal`` is the interval between the
    brackets, None where there are none or they could not be matched. ``brace`` is the offset of the attribute block (or of the
    backslash, or of the HTML tag). ``form`` is "span" right after a ``]``, "html" in a tag, else "other". ``malformed``: pandoc will
    print the braces verbatim. ``exempt``: it stands in code or in a comment. ``quote`` is that of the text of the front matter around it.
    """

    kind: Kind
    key: int
    text: str
    raw: str
    value: int
    literal: Interval | None
    brace: int
    form: Form = "span"
    quoted: bool = False
    malformed: bool = False
    exempt: bool = False
    quote: Quote = ""

    @property
    def word(self) -> str:
        """The key as it stands in the source."""
        return "claim" if self.kind == "claim" else "val"

    def locate(self, offset: int, length: int = 1) -> tuple[int, int]:
        """Return where in the source, and how long there, the stretch of ``text`` is that starts at ``offset``."""
        if self.value < 0:
            return self.key, len(self.word)
        places = attributes.offsets(self.raw, self.quoted)
        first = places[max(0, min(offset, len(places) - 1))]
        last = places[max(0, min(offset + max(1, length), len(places) - 1))]
        return self.value + first, max(1, last - first)


class Destination(msgspec.Struct, frozen=True):
    """Where an image or a link points: ``path`` percent-decoded, ``raw`` as it stands at ``offset``."""

    path: str
    raw: str
    offset: int
    is_image: bool


class Mention(msgspec.Struct, frozen=True):
    r"""A name in the text: ``@key`` ("citation"), ``\ref{id}`` ("ref"), ``{#id}`` or ``\label{id}`` ("label")."""

    kind: Literal["citation", "ref", "label"]
    name: str
    offset: int


class Scan(msgspec.Struct, frozen=True):
    """Everything found in one text, each tuple in the order of the source."""

    text: str
    candidates: tuple[Candidate, ...]
    destinations: tuple[Destination, ...]
    mentions: tuple[Mention, ...]
    regions: Regions
    chunks: tuple[Chunk, ...] = ()
    includes: tuple[Chunk, ...] = ()

    def live(self) -> tuple[Candidate, ...]:
        """Return the candidates outside code and comments."""
        return tuple(candidate for candidate in self.candidates if not candidate.exempt)

    def mentions_of(self, name: str, kind: Literal["citation", "ref", "label"] | None = None) -> tuple[Mention, ...]:
        """Return where ``name`` is cited, referred to or defined, in source order."""
        return tuple(m for m in self.mentions if m.name == name and kind in {None, m.kind})

    def destinations_of(self, path: str) -> tuple[Destination, ...]:
        """Return the images and links that point to ``path`` (decoded or as written)."""
        return tuple(d for d in self.destinations if path in {d.path, d.raw})


class SourceMap(msgspec.Struct, frozen=True):
    """One or more files as one text, and the way back from an offset to the file, line and column."""

    text: str
    paths: tuple[str, ...]
    texts: tuple[str, ...]
    starts: tuple[int, ...]

    @classmethod
    def join(cls, files: Sequence[tuple[str, str]]) -> SourceMap:
        """Join ``(path, text)`` pairs in order, with a blank line between two files."""
        starts: list[int] = []
        pieces: list[str] = []
        length = 0
        for _, text in files:
            if pieces:
                pieces.append("\n\n")
                length += 2
            starts.append(length)
            pieces.append(text)
            length += len(text)
        return cls("".join(pieces), tuple(p for p, _ in files), tuple(t for _, t in files), tuple(starts))

    def span(self, offset: int, length: int = 1) -> Span:
        """Return the span of ``length`` characters at ``offset`` of the joined text; it ends with its line."""
        index = max(0, bisect_right(self.starts, max(0, offset)) - 1)
        return span_at(self.paths[index], self.texts[index], offset - self.starts[index], length)


def decode(path: str, data: bytes) -> str:
    """Return the text of a paper's source: UTF-8, without byte order mark, line ends as they are.

    Raises:
        BuildError: it is not UTF-8 (with the position of the first bad byte), or there is nothing in it.
    """
    text = decode_text(path, data)
    if not text.strip():
        raise BuildError(Diagnostic("PB251", f"the paper {path} is empty", Span(path, 1, 1), help=("write its first sentence",)))
    return text


def decode_text(path: str, data: bytes) -> str:
    """Return the text of any file that a paper is made of (a bibliography, a style); it may be empty.

    Raises:
        BuildError: it is not UTF-8, or it is no text.
    """
    try:
        text = data.decode("utf-8").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError as error:
        raise BuildError(_undecodable(path, data, error.start)) from None
    if "\0" in text:
        where = span_at(path, text.replace("\0", "\N{REPLACEMENT CHARACTER}"), text.index("\0"))
        raise BuildError(Diagnostic("PB250", f"{path} is no text: it has a NUL character", where, help=("save it as UTF-8 text",)))
    return text


def _undecodable(path: str, data: bytes, at: int) -> Diagnostic:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"%PDF-" in data[:1024] or b"\0" in data:
        return Diagnostic("PB250", f"{path} is no text file", Span(path, 1, 1), help=("name a text file, saved as UTF-8",))
    else:
        encoding = "cp1252" if re.search(rb"[\x80-\x9f]", data) else "latin1"
    start = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at)
    line = data[start : end if end >= 0 else len(data)].decode("utf-8", "replace").rstrip("\r")
    before = data[start:at].decode("utf-8", "replace")
    if start == 0:
        line, before = (part.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}") for part in (line, before))
    column = len(before) + 1
    return Diagnostic(
        "PB250",
        f"{path} is not UTF-8: byte 0x{data[at]:02x} at offset {at}",
        Span(path, data.count(b"\n", 0, at) + 1, column, 1, line),
        help=(f"if it is {encoding}: iconv -f {encoding} -t utf-8 {path} > {path}.utf8 && mv {path}.utf8 {path}",),
    )


def scan(text: str) -> Scan:
    """Find references, images, links, citations and labels in ``text``. Never raises; linear in its length."""
    found = regions(text)
    candidates = sorted((*_attributes(text, found), *_tags(text, found), *_formulas(text, found)), key=lambda c: c.key)
    if candidates and candidates[0].key < found.header_end:
        candidates = [*_with_quotes(candidates, quoted(text, found.header_end))]
    chunks, included = chunk_scan.find(text, found), chunk_scan.find_includes(text, found)
    return Scan(text, tuple(candidates), tuple(_destinations(text, found)), tuple(_mentions(text, found)), found, chunks, included)


def _with_quotes(candidates: Iterable[Candidate], texts: Sequence[tuple[int, int, Quote]]) -> Iterator[Candidate]:
    for candidate in candidates:
        quote = next((quote for start, end, quote in texts if start <= candidate.key < end), "")
        yield msgspec.structs.replace(candidate, quote=quote) if quote else candidate


_BLOCK = re.compile(r"\{[^{}]*?(?<![\w:.\-])(?:val|claim)[ \t]*=")
_KEY = re.compile(r"(?<![\w:.\-])(val|claim)[ \t]*=[ \t]*")
_BLANK_LINE = re.compile(r"\n[ \t]*\r?\n")


def _attributes(text: str, found: Regions) -> Iterator[Candidate]:
    pos = 0
    while (match := _BLOCK.search(text, pos)) is not None:
        at = match.start()
        block = found.blocks.get(at) or attributes.parse(text, at)
        pos = block.end if block else match.end()
        if block is None:
            if _BLANK_LINE.search(match.group()) is None:
                yield _malformed(text, match, found)
            continue
        after = text[at - 1 : at] if at else ""
        for attribute in block.attributes:
            if attribute.key in {"val", "claim"}:
                yield Candidate(
                    kind="value" if attribute.key == "val" else "claim",
                    key=attribute.key_at,
                    text=attributes.plain(attribute.raw, attribute.quoted),
                    raw=attribute.raw,
                    value=attribute.value_at,
                    literal=_literal(found, at - 1) if after == "]" else None,
                    brace=at,
                    form="span" if after == "]" else "other",
                    quoted=attribute.quoted,
                    exempt=found.in_code(attribute.key_at),
                )


def _malformed(text: str, match: re.Match[str], found: Regions) -> Candidate:
    """Return the candidate of a block that pandoc will print: its value is what stands up to the brace or the line's end."""
    key = next(_KEY.finditer(text, match.start(), match.end()))
    value = key.end()
    while value < len(text) and text[value] in " \t":
        value += 1
    rest = re.compile(r"[^{}\n]{0,200}+").match(text, value)
    raw = (rest.group() if rest else "").rstrip()
    return Candidate(
        kind="value" if key[1] == "val" else "claim",
        key=key.start(),
        text=attributes.fold(raw.strip("\"'\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}")),
        raw=raw,
        value=value,
        literal=_literal(found, match.start() - 1) if text[match.start() - 1 : match.start()] == "]" else None,
        brace=match.start(),
        form="span" if text[match.start() - 1 : match.start()] == "]" else "other",
        malformed=True,
        exempt=found.in_code(key.start()),
    )


def _literal(found: Regions, bracket: int) -> Interval | None:
    opening = found.brackets.get(bracket)
    return None if opening is None else (opening + 1, bracket)


_TAG = re.compile(r"""<(?:span|div)\b(?>(?:"[^"<]*"|'[^'<]*'|[^<>"'])*)>""")
_TAG_ATTRIBUTE = re.compile(r"""(?<![\w:.\-])(val|claim)=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")


def _tags(text: str, found: Regions) -> Iterator[Candidate]:
    """Yield the references on raw ``<span>`` tags, which pandoc reads as Spans too."""
    for tag in _TAG.finditer(text):
        for match in _TAG_ATTRIBUTE.finditer(text, tag.start(), tag.end()):
            kind: Kind = "value" if match[1] == "val" else "claim"
            raw, at = match[match.lastindex or 1], match.start(match.lastindex or 1)
            exempt = found.in_code(match.start())
            yield Candidate(kind, match.start(), attributes.plain(raw, True), raw, at, None, tag.start(), "html", True, exempt=exempt)


_MACRO = re.compile(r"\\val(?![A-Za-z@])[ \t]*")
_OPTION = re.compile(r"\[((?>(?:[^\[\]{}\\\n]|\\[^\n]|\{[^{}\n]*+\})*))\][ \t]*")
_GROUP_PART = re.compile(r"[^{}\\$]++|\\(?!val(?![A-Za-z@]))[\s\S]|[{}]")


def _formulas(text: str, found: Regions) -> Iterator[Candidate]:
    for match in _MACRO.finditer(text):
        at = match.end()
        option = _OPTION.match(text, at)
        literal = (option.start(1), option.end(1)) if option else None
        group = option.end() if option else at
        end = _group_end(text, group)
        raw = text[group + 1 : end] if end else ""
        yield Candidate(
            kind="math-value",
            key=match.start() + 1,
            text=attributes.plain(raw, False),
            raw=raw,
            value=group + 1 if end else -1,
            literal=literal,
            brace=match.start(),
            form="other",
            malformed=not end,
            exempt=found.in_code(match.start()),
        )


def _group_end(text: str, at: int) -> int:
    """Return the offset of the brace that closes the group at ``at``; 0 where there is none."""
    if not text.startswith("{", at):
        return 0
    depth, pos, limit = 0, at, min(len(text), at + attributes.LIMIT)
    while (part := _GROUP_PART.match(text, pos, limit)) is not None:
        depth += {"{": 1, "}": -1}.get(part.group(), 0)
        if depth == 0:
            return pos
        if "\n" in part.group() and _BLANK_LINE.search(part.group()):
            return 0
        pos = part.end()
    return 0


_DESTINATION = re.compile(
    r"\([ \t\n]*(?:<([^<>\n]*+)>|((?>(?:\([^()\n]{0,500}\)|\\[^\n]|[^\s()\\]|[ \t]++(?![\"')]))*)))(?=[ \t\r\n]*(?:[\"'(][^\n]|\)))"
)
_DEFINITION = re.compile(r"^[ ]{0,3}\[(?!\^)([^\[\]\n]{1,300})\]:[ \t]*(?:<([^<>\n]*)>|(\S+))", re.MULTILINE)
_TEX_IMAGE = re.compile(r"\\includegraphics\*?[ \t]*(?:\[[^\]\n]{0,300}\])?[ \t]*\{([^{}\n]{1,1000})\}")
_HTML_IMAGE = re.compile(r"""<img\b[^<>]{0,2000}?\bsrc=(?:"([^"\n]*)"|'([^'\n]*)')""")
_ESCAPE = re.compile(r"\\([^\w\s])")


def _destinations(text: str, found: Regions) -> Iterator[Destination]:
    """Yield inline links and images, the definitions that images use by name, and images in raw TeX and HTML."""
    results: list[Destination] = []
    labels = _definitions(text, found)
    for close, opening in found.brackets.items():
        is_image = text[opening - 1 : opening] == "!" and text[opening - 2 : opening - 1] != "\\"
        match = _DESTINATION.match(text, close + 1) if text.startswith("(", close + 1) else None
        if match is not None:
            group = 1 if match[1] is not None else 2
            results.append(_destination(match[group].rstrip(), match.start(group), is_image))
        elif is_image:
            named = re.compile(r"\[([^\[\]\n]{1,300})\]").match(text, close + 1)
            label = attributes.fold(named[1] if named else text[opening + 1 : close]).casefold()
            if label in labels:
                results.append(_destination(*labels[label], True))
    for pattern in (_TEX_IMAGE, _HTML_IMAGE):
        for match in pattern.finditer(text):
            group = match.lastindex or 1
            results += () if found.in_code(match.start()) else (_destination(match[group], match.start(group), True),)
    yield from sorted(results, key=lambda d: d.offset)


def _definitions(text: str, found: Regions) -> dict[str, tuple[str, int]]:
    labels: dict[str, tuple[str, int]] = {}
    for match in _DEFINITION.finditer(text):
        if not found.in_code(match.start()):
            group = 2 if match[2] is not None else 3
            labels.setdefault(attributes.fold(match[1]).casefold(), (match[group], match.start(group)))
    return labels


def _destination(raw: str, offset: int, is_image: bool) -> Destination:
    path = _ESCAPE.sub(r"\1", raw)
    if "%" in path:
        from urllib.parse import unquote  # costs 7 ms, and few papers need it

        path = unquote(path)
    return Destination(path, raw, offset, is_image)


_CITATION = re.compile(r"(?<![\w\\])@(?:\{([^{}\s]+)\}|(\w(?>(?:\w|[:.#$%&\-+?<>~/](?=\w))*)))")
_TEX_REF = re.compile(r"\\(?:(label)|(?:(?:auto|eq|page|name|[cC])?ref\*?))[ \t]*\{([^{}\n]{1,500})\}")
_LABEL = re.compile(r"\{[^{}\n]*?#([\w:.\-]+)")


def _mentions(text: str, found: Regions) -> Iterator[Mention]:
    results: list[Mention] = []
    for match in _CITATION.finditer(text):
        group = 1 if match[1] is not None else 2
        results.append(Mention("citation", match[group], match.start(group)))
    for match in _TEX_REF.finditer(text):
        names_at = match.start(2)
        for name in match[2].split(","):
            stripped = name.strip()
            results.append(Mention("label" if match[1] else "ref", stripped, names_at + name.find(stripped)))
            names_at += len(name) + 1
    results += [Mention("label", match[1], match.start(1)) for match in _LABEL.finditer(text)]
    yield from sorted((m for m in results if not found.in_code(m.offset)), key=lambda m: m.offset)


_RESERVED = frozenset(["true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else"])
_NAME = re.compile(
    r"""(?:"[^"]*"|'[^']*')|(?P<name>(?<![\w.|])[A-Za-z_]\w*+)(?![ ]*(?:\(|=(?!=)))|[\w.]+"""
    r"""|(?P<open>[\[({])|(?P<close>[\])}])|(?P<colon>:)"""
)


def names_in(expression: str) -> tuple[str, ...]:
    """Return the identifiers of ``expression`` that may name targets: none after a dot, no functions, nothing of the format."""
    names: list[str] = []
    depth = 0
    for match in _NAME.finditer(expression):
        depth += match.lastgroup == "open"
        depth -= match.lastgroup == "close"
        if match.lastgroup == "colon" and depth <= 0:
            break
        name = match["name"]
        if name and name not in _RESERVED and not expression[: match.start()].rstrip().endswith("|"):
            names.append(name)
    return tuple(dict.fromkeys(names))


def needed_names(found: Scan) -> tuple[str, ...]:
    """Return the identifiers that the live references name, each once, in source order: more than the targets, never fewer."""
    return _once(name for candidate in found.live() for name in names_in(candidate.text))


def needed_paths(found: Scan) -> tuple[str, ...]:
    """Return where the images point, each once, in source order; remote and data addresses are left out."""
    remote = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")
    return _once(d.path for d in found.destinations if d.is_image and d.path and remote.match(d.path) is None)


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
