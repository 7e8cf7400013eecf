"""The YAML metadata of a paper: what must be read before pandoc is started, and faults at their line in the paper.

Blocks as pandoc finds them (tried on 3.9): ``---`` at the start of the paper or after a blank line, no blank line after it, up to
``---`` or ``...``. A block that is no mapping is no metadata. Where two blocks set one key, the later wins; a key twice in one block is
an error here, where pandoc only warns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity, nearest
from paperbuild.errors import BuildError
from paperbuild.paper.source import Scan, SourceMap

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, Node

_BLOCK = re.compile(
    r"(?:\A|(?<=\n))---[ \t]*\r?\n(?![ \t]*\r?\n)(?P<yaml>(?:[\s\S]*?\n)??)(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)",
)
_OPENING = re.compile(r"---[ \t]*\r?\n[A-Za-z][\w-]*[ \t]*:(?:[ \t]|\r?\n)")
_PLAIN_VALUE = re.compile(r"(?P<key>[ ]*(?:-[ ]+(?:[\w.-]+[ ]*:[ ]+)?|[\w.-]+[ ]*:[ ]+))(?P<value>[^\s'\"|>#][^\r\n]*)")
_REFERENCE = re.compile(r"\]\{[^}]*\b(?:val|claim)=")


class Located(msgspec.Struct, frozen=True):
    """A piece of text of the front matter, and its offset in the paper."""

    text: str
    offset: int


class FrontMatter(msgspec.Struct, frozen=True):
    """What the YAML blocks say, by top-level key. ``keys`` has the offset of each key, ``scalars`` the text of plain entries and lists."""

    keys: Mapping[str, int]
    scalars: Mapping[str, tuple[Located, ...]]

    @property
    def bibliography(self) -> tuple[Located, ...]:
        """The bibliography files, in the order given."""
        return self.scalars.get("bibliography", ())

    @property
    def csl(self) -> Located | None:
        """The citation style (``csl``, or its older name ``citation-style``)."""
        return self.scalar("csl") or self.scalar("citation-style")

    @property
    def lang(self) -> str:
        """The language tag ("en-GB"); "" where none is given."""
        found = self.scalar("lang")
        return found.text if found else ""

    def scalar(self, key: str) -> Located | None:
        """Return the value of a top-level key that holds one scalar; None where it is absent, a list or a mapping."""
        found = self.scalars.get(key, ())
        return found[0] if len(found) == 1 else None


def read(scan: Scan, sources: SourceMap) -> FrontMatter:
    """Read the metadata of the paper that ``scan`` was made of.

    Raises:
        BuildError: a block is no YAML, has a key twice, or names files in a way that is no name; with positions in the paper.
    """
    keys: dict[str, int] = {}
    scalars: dict[str, tuple[Located, ...]] = {}
    faults: list[Diagnostic] = []
    starts = []
    for yaml, start in blocks(scan):
        starts.append(start)
        root = _compose(yaml, start, sources, faults)
        if root is not None:
            _collect(root, start, keys, scalars)
            faults += _keys_at_fault(root, start, sources)
            faults += _mistyped(root, start, sources)
    if _OPENING.match(scan.text) and not (starts and scan.text.count("\n", 0, starts[0]) == 1):
        mend = ("write --- on a line of its own behind its last entry",)
        faults.append(Diagnostic("PB252", "the front matter that begins here never ends", sources.span(0, 3), help=mend))
    if faults:
        raise BuildError(*faults)
    return FrontMatter(MappingProxyType(keys), MappingProxyType(scalars))


_READ_HERE = """
title subtitle author authors date abstract keywords tags lang bibliography csl citation-style references nocite affiliation affiliations
institute header-includes reference-section-title link-citations link-bibliography supplement figPrefix tblPrefix eqnPrefix secPrefix
lstPrefix rangeDelim
"""
_KNOWN = frozenset(_READ_HERE.split())
"""The keys that are read here. Those of the template come with the template."""

_READ_ELSEWHERE = """
institution institutions category categories subject subjects journal description summary thanks doi citation format output layout dates
update updated language langs titles tag key abstracts reference
"""
_OTHERS = frozenset(_READ_ELSEWHERE.split())
"""Keys of other tools that look like slips of ours and are none."""

_ALIKE = 0.8
"""How alike a key and a known one are, from 0 to 1, before the author is told: "langauge" is not worth a word, "bibliograhpy" is."""


def misspelt(front: FrontMatter, options: Iterable[str], sources: SourceMap) -> Iterator[Diagnostic]:
    """Yield a warning for each key that is unknown and nearly one that is known; ``options`` are those of the template.

    Other unknown keys are not ours: papers carry what other tools read.
    """
    known = _KNOWN.union(options)
    for key, offset in front.keys.items():
        if key in known or key in _OTHERS:
            continue
        from difflib import SequenceMatcher  # only who has something to complain of pays for it

        close = [
            name for name in nearest(key, known - front.keys.keys()) if SequenceMatcher(None, key.lower(), name.lower()).ratio() >= _ALIKE
        ]
        if close:
            notes = ("nothing reads it",)
            span = sources.span(offset, len(key))
            yield Diagnostic(
                "PB268", f"{key} is no key of the front matter", span, Severity.WARNING, notes=notes, help=(f"did you mean {close[0]}?",)
            )


def blocks(scan: Scan) -> Iterator[tuple[str, int]]:
    """Yield the YAML of each metadata block, without its delimiters and with tabs as spaces, and its offset."""
    text, pos = scan.text, 0
    while (match := _BLOCK.search(text, pos)) is not None:
        before = text[: match.start()].rstrip(" \t\r")
        if (match.start() == 0 or not before.strip() or before.endswith(("\n\n", "\n\r\n"))) and not scan.regions.in_code(match.start()):
            # pandoc's YAML takes tabs for spaces, ruamel's refuses them; offsets stay
            yield match["yaml"].replace("\t", " "), match.start("yaml")
            pos = match.end()
        else:
            pos = match.start() + 3


def _compose(yaml: str, start: int, sources: SourceMap, faults: list[Diagnostic]) -> MappingNode | None:
    """Return the block's node graph (nodes know their places); None where it is no mapping or, with a fault, no YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.nodes import MappingNode

    try:
        root = YAML(typ="safe", pure=True).compose(yaml)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = " ".join(part for part in (error.context, error.problem) if part)
        faults.append(_malformed(yaml, start, sources, mark.index if mark else 0, told))
        return None
    except YAMLError as error:  # a character that no YAML may hold
        at = getattr(error, "position", 0)
        faults.append(_malformed(yaml, start, sources, at, getattr(error, "reason", "it cannot be parsed")))
        return None
    return root if isinstance(root, MappingNode) else None


def _malformed(yaml: str, start: int, sources: SourceMap, index: int, told: str) -> Diagnostic:
    index = min(index, len(yaml))
    if not yaml[index:].strip() and yaml:  # at the end of the block: the last line that says something is the place to look
        index = len(yaml.rstrip())
    line_start = yaml.rfind("\n", 0, index) + 1
    line_end = yaml.find("\n", index)
    line = yaml[line_start : line_end if line_end >= 0 else len(yaml)]
    helps = "write key: value; a text with a colon, a # or brackets stands in single quotes"
    match = _PLAIN_VALUE.match(line)
    if match is not None and (_REFERENCE.search(line) or ": " in match["value"] or match["value"][0] in "[{&*!%@`"):
        value = match["value"].strip().replace("'", "''")
        helps = f"put the value in single quotes: {match['key'].strip()} '{value}'"
        if value[0] in "[{" and not _REFERENCE.search(line):
            helps = f"close the bracket, or {helps}"
    return Diagnostic("PB252", "the front matter is not valid YAML", sources.span(start + index), notes=(told,), help=(helps,))


def _collect(root: MappingNode, start: int, keys: dict[str, int], scalars: dict[str, tuple[Located, ...]]) -> None:
    from ruamel.yaml.nodes import ScalarNode, SequenceNode

    for key, value in root.value:
        if not isinstance(key, ScalarNode):
            continue
        name = str(key.value)
        keys[name] = start + key.start_mark.index
        scalars.pop(name, None)
        items = value.value if isinstance(value, SequenceNode) else [value]
        items = [item for item in items if not _is_null(item)]
        found = tuple(Located(str(item.value), start + _text_at(item)) for item in items if isinstance(item, ScalarNode))
        if found and len(found) == len(items):
            scalars[name] = found


def _is_null(node: Node) -> bool:
    return isinstance(node.value, str) and node.value in {"", "null", "~"} and getattr(node, "style", None) is None


def _is_missing(key: Node) -> bool:
    return key.value == "" and getattr(key, "style", None) is None


def _text_at(node: Node) -> int:
    """Return the index of a scalar's text: behind its quote, if it has one."""
    index: int = node.start_mark.index
    return index + (getattr(node, "style", None) in {"'", '"'})


def _keys_at_fault(root: MappingNode, start: int, sources: SourceMap) -> Iterator[Diagnostic]:
    """Yield the keys that are no text, and those that one mapping has twice, wherever in the block it stands."""
    from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

    seen_nodes: set[int] = set()
    pending: list[Node] = [root]
    while pending:
        node = pending.pop()
        if id(node) in seen_nodes:
            continue
        seen_nodes.add(id(node))
        if isinstance(node, SequenceNode):
            pending += reversed(node.value)
        elif isinstance(node, MappingNode):
            first: dict[str, Node] = {}
            for key, value in node.value:
                pending.append(value)
                name = str(key.value) if isinstance(key, ScalarNode) else ""
                if not isinstance(key, ScalarNode) or _is_missing(key):
                    span = sources.span(start + key.start_mark.index)
                    yield Diagnostic("PB252", "a key of the front matter is no text", span, help=("write key: value",))
                elif name != "<<" and name in first:
                    where = sources.span(start + first[name].start_mark.index)
                    span = sources.span(start + key.start_mark.index, len(name))
                    notes = (f"it is set first at {where.path}:{where.line}:{where.column}",)
                    yield Diagnostic("PB253", f"{name} is set twice in the front matter", span, notes=notes, help=("take one out",))
                first.setdefault(name, key)


def _mistyped(root: MappingNode, start: int, sources: SourceMap) -> Iterator[Diagnostic]:
    """Yield the entries that should name files and do not."""
    from ruamel.yaml.nodes import ScalarNode, SequenceNode

    for key, value in root.value:
        name = str(key.value) if isinstance(key, ScalarNode) else ""
        if name not in {"bibliography", "csl", "citation-style", "lang"}:
            continue
        items = value.value if isinstance(value, SequenceNode) and name == "bibliography" else [value]
        for item in items:
            if not isinstance(item, ScalarNode):
                expected = "a file name, or a list of them" if name == "bibliography" else "a text"
                example = {"bibliography": "bibliography: references.bib", "lang": "lang: en-GB"}.get(name, f"{name}: style.csl")
                span = sources.span(start + item.start_mark.index)
                yield Diagnostic("PB264", f"{name} must be {expected}", span, help=(f"write {example}",))
