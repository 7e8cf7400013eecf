"""A page as the live page holds it: in its top-level elements.

Of a page that was made a moment ago the renderer knows the blocks. One from the disk is taken apart; where that cannot be done it becomes a
page without blocks, which is only ever replaced as a whole.
"""

from __future__ import annotations

from paperbuild.live.epochs import Page
from paperbuild.render.blocks import Blocks
from paperbuild.render.elements import beginnings

_BODY = '<div class="body">'


def split(html: str) -> Page:
    """Return the page ``html`` as a :class:`Page`; one without blocks where it is not made as ours are."""
    opened = html.find(_BODY)
    start = opened + len(_BODY)
    found = beginnings(html, start) if opened >= 0 else None
    if found is None or not html.startswith("</div", found[1]):
        return Page(html, (), "")
    starts, end = found
    if not starts:
        return Page(html[:start], (), html[start:])
    ends = (*starts[1:], end)
    return Page(html[: starts[0]], tuple(html[a:b] for a, b in zip(starts, ends, strict=True)), html[end:])


def shown(blocks: Blocks) -> Page:
    """Return the page that ``blocks`` make up, as :func:`split` does, at the cost of the blocks that are new."""
    elements, head, tail = blocks.elements, blocks.head, blocks.tail
    opened = head.find(_BODY)
    rest = tail.lstrip()
    if not elements or opened < 0 or head[opened + len(_BODY) :].strip() or not rest.startswith("</div"):
        return split(blocks.page.decode())
    last = elements[-1].removesuffix("\n") + tail[: len(tail) - len(rest)]
    return Page(head, (*elements[:-1], last), rest)
