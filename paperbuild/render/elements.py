"""Where the elements at the top of some HTML begin.

The HTML is our own, so this reads no HTML but what pandoc and our templates write: tags in pairs, ``<`` in text escaped.
"""

from __future__ import annotations

import re

_VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
# Attribute values may hold ``>``. What stands in scripts, styles and comments is skipped in one piece.
_TAG = re.compile(
    r"<!--.*?-->|<(?P<verbatim>script|style|textarea)\b.*?</(?P=verbatim)\s*>"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>",
    re.DOTALL | re.IGNORECASE,
)


def beginnings(html: str, at: int = 0) -> tuple[list[int], int] | None:
    """Return where the elements begin that stand beside each other in ``html`` from ``at`` on, and where they end.

    They end with the text, or before a tag that closes what was opened before ``at``. None where a tag stays open.
    """
    starts: list[int] = []
    depth = 0
    for tag in _TAG.finditer(html, at):
        name = tag["name"]
        if name is None:
            if tag["verbatim"] and depth == 0:
                starts.append(tag.start())
            continue
        if tag["close"]:
            if depth == 0:
                return starts, tag.start()
            depth -= 1
            continue
        if depth == 0:
            starts.append(tag.start())
        if name.lower() not in _VOID and not tag[0].endswith("/>"):
            depth += 1
    return None if depth else (starts, len(html))


def apart(html: str) -> tuple[str, ...] | None:
    """Return the elements that ``html`` consists of, each with what follows it; None where it does not begin with one."""
    found = beginnings(html)
    if found is None or found[1] != len(html) or not found[0] or found[0][0] != 0:
        return None
    ends = (*found[0][1:], len(html))
    return tuple(html[a:b] for a, b in zip(found[0], ends, strict=True))
