"""Chunks: fenced code blocks that are targets. What one is, and whether pandoc sees the same. Pure.

::

    ``` {.python .target #loss-plot outputs="figures/loss.svg"}
    import matplotlib.pyplot as plt
    ```

:mod:`~paperbuild.paper.chunk_scan` finds them before pandoc is started; what it found is compared with pandoc's tree whenever the paper is
read (:func:`disagreements`), so that where the two differ somebody hears of it. What they declare is read by
:mod:`~paperbuild.paper.chunk_targets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic, Span

CLASS = "target"
"""The class that makes a target of a code block."""


class Setting(msgspec.Struct, frozen=True, array_like=True):
    """``key=value`` of a chunk. ``at`` is the place of the key, ``words`` are those of the value, each with its place."""

    key: str
    value: str
    at: Span
    words: tuple[tuple[str, Span], ...]

    def of(self, path: str) -> Setting:
        """Return the setting in the file ``path``."""
        return Setting(self.key, self.value, _in(self.at, path), tuple((word, _in(span, path)) for word, span in self.words))

    @property
    def place(self) -> Span:
        """The place of the value; that of the key where it is empty."""
        if not self.words:
            return self.at
        first, last = self.words[0][1], self.words[-1][1]
        alike = first.line == last.line
        return Span(first.path, first.line, first.column, last.column + last.length - first.column if alike else first.length, first.text)


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """A code block of the class ``target``, or what was meant as one.

    ``languages`` are its other classes, ``code`` stands from ``line`` on, each line behind ``margin`` characters, ``at`` is where it is
    named or else begins. ``slip`` says why it is none: "attributes" that cannot be read, "unclosed", in the "front matter".
    Paths of places are empty until :meth:`of` says which file it is.
    """

    name: str
    languages: tuple[str, ...]
    settings: tuple[Setting, ...]
    code: str
    line: int
    margin: int
    at: Span
    slip: str = ""

    def of(self, path: str) -> Chunk:
        """Return the chunk of the file ``path``."""
        settings = tuple(one.of(path) for one in self.settings)
        return msgspec.structs.replace(self, settings=settings, at=_in(self.at, path))

    @property
    def declared(self) -> tuple[object, ...]:
        """What of it counts, wherever it stands."""
        return self.name, self.languages, tuple((one.key, one.value) for one in self.settings), self.code, self.slip

    def get(self, key: str) -> Setting | None:
        """Return the setting ``key``; the last where it is written twice, as pandoc has it."""
        return next((one for one in reversed(self.settings) if one.key == key), None)


def _in(span: Span, path: str) -> Span:
    return Span(path, span.line, span.column, span.length, span.text)


class Seen(msgspec.Struct, frozen=True):
    """A chunk as pandoc has it: its id, its classes, its other attributes and its text."""

    id: str
    classes: tuple[str, ...]
    attributes: Mapping[str, str]
    text: str


def disagreements(chunks: Sequence[Chunk], seen: Sequence[Seen]) -> Iterator[tuple[Span | None, str, str]]:
    """Yield where the scan and pandoc make something else of one text: the place, the name of the chunk, and in which way.

    The ways are "unseen" (pandoc takes it for something else), "unfound" (the scan does), "otherwise" (code or attributes differ).
    """
    taken = [False] * len(seen)
    for chunk in chunks:
        if chunk.slip:
            continue
        alike = [n for n, other in enumerate(seen) if not taken[n] and other.id == chunk.name]
        n = next((n for n in alike if _agree(chunk, seen[n])), alike[0] if alike else -1)
        if n < 0:
            yield chunk.at, chunk.name, "unseen"
            continue
        taken[n] = True
        if not _agree(chunk, seen[n]):
            yield chunk.at, chunk.name, "otherwise"
    yield from ((None, other.id, "unfound") for n, other in enumerate(seen) if not taken[n])


def _agree(chunk: Chunk, other: Seen) -> bool:
    classes = tuple(name for name in other.classes if name != CLASS)
    settings = {one.key: one.value for one in chunk.settings}
    theirs = {key: " ".join(value.split()) for key, value in other.attributes.items()}
    return (chunk.languages, settings, chunk.code) == (classes, theirs, other.text)


def slips(chunks: Iterable[Chunk]) -> Iterator[Diagnostic]:
    """Yield what is wrong with blocks that were meant as chunks."""
    for chunk in chunks:
        if chunk.slip:
            message, mend = _SLIPS[chunk.slip]
            yield Diagnostic("PB150", message, chunk.at, help=(mend,))


_EXAMPLE = '{.python .target #loss-plot outputs="figures/loss.svg"}'
_SLIPS = {
    "attributes": (
        "this is no chunk: its attributes cannot be read, so pandoc takes the line for text",
        f"write them like {_EXAMPLE}, with quotes around values",
    ),
    "unclosed": (
        "this chunk is never closed, so pandoc takes it for text",
        "end it with a line of as many backticks or tildes, indented as the first one",
    ),
    "front matter": ("a chunk cannot stand in the front matter", "put it into the text"),
}
