"""What PDF standards ask of a paper, told before typesetting and where the paper lacks it.

PDF/UA-1 is ISO 14289-1, PDF/A-1 to -4 are the parts of ISO 19005; the letter a asks for tags and words for pictures, b and u for fonts.
"""

from __future__ import annotations

from collections.abc import Iterator

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.protocol import Written

_ATTACHING = frozenset({"a-3a", "a-3b", "a-3u", "a-4f", "a-4e"})


def wants_words(standards: tuple[str, ...]) -> bool:
    """Return whether each picture and formula needs an alternative text, and headings an order."""
    return any(name == "ua-1" or name.endswith("a") for name in standards)


def allows_attachments(standards: tuple[str, ...]) -> bool:
    """Return whether files of any kind may travel in the PDF: among those for archives, A-3 and two of A-4 allow it."""
    return all(name in _ATTACHING or not name.startswith("a-") for name in standards)


def shown_standard(name: str) -> str:
    """Return the name as people write it: "PDF/UA-1", "PDF/A-2b"."""
    part, _, version = name.partition("-")
    return f"PDF/{part.upper()}-{version}"


def lacking(standards: tuple[str, ...], written: Written, manuscript: Manuscript, paper: str) -> Iterator[Diagnostic]:
    """Yield what the paper lacks as a whole; pictures without words are among the problems that the worker found."""
    if not wants_words(standards):
        return
    asking = [shown_standard(name) for name in standards if wants_words((name,))]
    asks = (f"{' and '.join(asking)} {'ask' if len(asking) > 1 else 'asks'} for it",)
    if not written.plain_title.strip():
        yield Diagnostic(
            "PB514", "the paper has no title", Span(paper, 1, 1), notes=asks, help=("write one in the front matter: title: …",)
        )
    level = 0
    for heading in written.outline:
        if heading.level > level + 1:
            span = manuscript.text_span(heading.text)
            after = f"a heading of level {level}" if level else "the title"
            message = f"a heading of level {heading.level} follows {after}"
            yield Diagnostic("PB514", message, span, notes=asks, help=(f"make it one of level {level + 1}",))
        level = heading.level
