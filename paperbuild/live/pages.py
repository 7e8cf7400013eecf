"""A rendered page, taken apart into its top-level blocks.

The page is our own, so this reads no HTML but what pandoc and our template write: tags in pairs, ``<`` in text escaped. Whatever is
not so becomes a page without blocks, which is only ever replaced as a whole.
"""

from __future__ import annotations

import re

from paperbuild.live.epochs import Page

_BODY = '<div class="body">'
_VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
# Attribute values may hold ``>``. What stands in scripts, styles and comments is skipped in one piece.
_TAG = re.compile(
    r"<!--.*?-->|<(?P<verbatim>script|style|textarea)\b.*?</(?P=verbatim)\s*>"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>",
    re.DOTALL | re.IGNORECASE,
)


def split(html: str) -> Page:
    """Return the page ``html`` as a :class:`Page`; one without blocks where it is not made as ours are."""
    opened = html.find(_BODY)
    start = opened + len(_BODY)
    found = _blocks(html, start) if opened >= 0 else None
    if found is None:
        return Page(html, (), "")
    starts, end = found
    if not starts:
        return Page(html[:start], (), html[start:])
    ends = (*starts[1:], end)
    return Page(html[: starts[0]], tuple(html[a:b] for a, b in zip(starts, ends, strict=True)), html[end:])


def _blocks(html: str, start: int) -> tuple[list[int], int] | None:
    """Return where each element that is a child of the body begins, and where the body ends; None where that cannot be told."""
    starts: list[int] = []
    depth = 0
    for tag in _TAG.finditer(html, start):
        name = tag["name"]
        if name is None:
            if tag["verbatim"] and depth == 0:
                starts.append(tag.start())
            continue
        if tag["close"]:
            if depth == 0:
                return (starts, tag.start()) if name == "div" else None
            depth -= 1
            continue
        if depth == 0:
            starts.append(tag.start())
        if name.lower() not in _VOID and not tag[0].endswith("/>"):
            depth += 1
    return None
