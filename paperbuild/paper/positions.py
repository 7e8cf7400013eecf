r"""Where each reference of the parsed paper stands in its source: the tagged parse.

Pandoc's Markdown reader knows no positions, and the n-th reference of the tree is not the n-th of the source: metadata is sorted,
notes move, captions double. So a *copy* of the source is parsed as well, in which the key of every candidate is overwritten by an
equally long code of its own, and one reads off where each code surfaced. The document itself comes from the untouched source.

Codes are letters of a script without case whose letters are one column wide (Canadian syllabics; Vai and Ethiopic if the paper has
those). Tried on pandoc 3.9: they are letters in attribute keys, HTML attributes and TeX macro names alike. Wide letters (CJK, kana,
hangul) are not equally long: they shift the columns of grid and simple tables.

What the worker reports, for the source and for the tagged copy alike, in any order that is the same for both (JSON objects)::

    {"kind": "value" | "claim" | "math-value", "key": "val" | "claim" | CODE, "text": …, "in": "body" | "meta"}

A Span's attribute is a reference where its key is ``val``, ``claim`` or a code; ``\val`` and ``\CODE`` are inside mathematics. Of the
tagged copy it reports as well the codes it met anywhere else, so that the reason of a loss is known and not guessed; ``node`` is the
type of the node that has the code as an attribute or in its text::

    {"node": "Image" | "Header" | "CodeBlock" | "Code" | "RawInline" | "Str" | …, "key": CODE}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from paperbuild.errors import InternalError
from paperbuild.paper import attributes
from paperbuild.paper.source import Candidate, Scan

_CODE = frozenset({"Code", "CodeBlock"})
_SCRIPTS = ((0x1401, 0x166C), (0xA500, 0xA60B), (0x1208, 0x1246))


class Surfaced(msgspec.Struct, frozen=True):
    """One reference as the worker met it, or (``kind`` is "stray") a code elsewhere. ``on`` is the type of the node."""

    kind: str
    key: str
    text: str
    where: str = "body"
    on: str = "Span"

    @classmethod
    def of(cls, item: Mapping[str, str]) -> Surfaced:
        """Return what the worker's JSON object says."""
        node = item.get("node", "")
        return cls(item.get("kind", "stray" if node else ""), item["key"], item.get("text", ""), item.get("in", "body"), node or "Span")

    @property
    def expression(self) -> str:
        """The expression as :attr:`Candidate.text` has it: whitespace folded, and in mathematics unescaped."""
        return attributes.plain(self.text, False) if self.kind == "math-value" else attributes.fold(self.text)


class Tagged(msgspec.Struct, frozen=True):
    """The copy to parse, as long as the source, and what each of its codes stands for (an index into ``scan.candidates``)."""

    scan: Scan
    text: str
    codes: Mapping[str, int]

    @property
    def words(self) -> Mapping[str, str]:
        """Which word each code replaces: ``val`` or ``claim``. The worker needs it to know a reference when it sees one."""
        return {code: self.scan.candidates[index].word for code, index in self.codes.items()}


class Match(msgspec.Struct, frozen=True):
    """What belongs to what.

    ``places`` has for each reference of the untouched paper its candidate, None where none is known. ``lost`` are the live
    candidates that are no reference, with the type of the node they ended on ("" where unknown). ``exact`` is false where the two parses
    differ in more than the codes; then only references that are unique by their text have a place. ``in_code`` has the keys' offsets of
    candidates that pandoc takes for code.
    """

    places: tuple[Candidate | None, ...]
    lost: tuple[tuple[Candidate, str], ...] = ()
    exact: bool = True
    in_code: frozenset[int] = frozenset()


def tag(scan: Scan) -> Tagged:
    """Return the tagged copy of ``scan.text``. Candidates in code are tagged too: pandoc decides what is code."""
    pieces: list[str] = []
    codes: dict[str, int] = {}
    at = 0
    for index, (candidate, code) in enumerate(zip(scan.candidates, _codes(scan.text), strict=False)):
        padded = code + code[0] * (len(candidate.word) - len(code))
        pieces += (scan.text[at : candidate.key], padded)
        codes[padded] = index
        at = candidate.key + len(padded)
    pieces.append(scan.text[at:])
    return Tagged(scan, "".join(pieces), codes)


def _codes(text: str) -> Iterator[str]:
    """Yield three letters at a time, the first of which is nowhere in ``text``: so no code is, and none is part of another."""
    letters = [chr(code) for first, last in _SCRIPTS for code in range(first, last + 1) if chr(code).isalpha()]
    present = set(text)
    leads = [letter for letter in letters if letter not in present]
    if not leads:
        raise InternalError("the paper uses every letter of three scripts: none is left to tag its references")
    tails = [letter for letter in letters if letter not in leads[:8]]
    for lead in leads[:8]:
        for second in tails:
            for third in tails:
                yield lead + second + third


def suspects(scan: Scan, references: Sequence[Surfaced]) -> bool:
    """Whether some live candidate seems to be no reference, so that the tagged parse must tell which and why."""
    met = {(reference.kind, reference.expression) for reference in references}
    return any((candidate.kind, candidate.text) not in met for candidate in scan.live())


def all_surfaced(scan: Scan, references: Sequence[Surfaced]) -> bool:
    """Whether the live candidates are just the paper's references, so that nobody need ask which of them are none."""
    met = Counter((reference.kind, reference.expression) for reference in references if reference.kind != "stray")
    return met == Counter((candidate.kind, candidate.text) for candidate in scan.live())


def match(tagged: Tagged, surfaced: Sequence[Surfaced], references: Sequence[Surfaced]) -> Match:
    """Say where each of ``references`` stands, from what the tagged parse ``surfaced``.

    Args:
        tagged: the tagged copy.
        surfaced: what the worker reports of the tagged copy, strays included.
        references: what the worker reports of the untouched source.
    """
    strays = {tagged.codes[item.key]: item.on for item in surfaced if item.kind == "stray" and item.key in tagged.codes}
    found = [item for item in surfaced if item.kind != "stray"]
    wanted = [item for item in references if item.kind != "stray"]
    candidates = tagged.scan.candidates
    exact = [_shape(item) for item in found] == [_shape(item) for item in wanted]
    indexes = [tagged.codes.get(item.key) for item in found] if exact else [_only(candidates, item) for item in wanted]
    met = {tagged.codes[item.key] for item in found if item.key in tagged.codes}
    in_code = frozenset(
        index for index, on in strays.items() if on in _CODE and index not in met and not _on_code(tagged.scan.text, candidates[index])
    )
    lost = tuple(
        (candidate, strays.get(index, ""))
        for index, candidate in enumerate(candidates)
        if index not in met and index not in in_code and not candidate.exempt
    )
    return Match(tuple(None if i is None else candidates[i] for i in indexes), lost, exact, frozenset(candidates[i].key for i in in_code))


def _on_code(text: str, candidate: Candidate) -> bool:
    """Whether it is an attribute of code (a fault), and not text in it (no reference at all)."""
    start = text.rfind("\n", 0, candidate.brace) + 1
    before = text[start : candidate.brace]
    return candidate.form == "other" and (before.endswith("`") or before.lstrip(" \t>").startswith(("```", "~~~")))


def _shape(item: Surfaced) -> tuple[str, str, str]:
    return item.kind, item.expression, item.where


def _only(candidates: Sequence[Candidate], item: Surfaced) -> int | None:
    """Return the one live candidate that reads as ``item`` does; None where several do, or none."""
    shape = (item.kind, item.expression)
    alike = [index for index, candidate in enumerate(candidates) if (candidate.kind, candidate.text) == shape and not candidate.exempt]
    return alike[0] if len(alike) == 1 else None
