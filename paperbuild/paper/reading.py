"""Reading an expression: a plain path by itself, all else with Jinja2's parser.

Nearly every reference is a plain path, ``train.metrics.acc.0``. Whoever has only those never imports Jinja2.
"""

from __future__ import annotations

import re
from functools import lru_cache

from paperbuild.paper.data import Number
from paperbuild.paper.expressions import Access, Constant, Expression, Name
from paperbuild.paper.faults import Finding, ReferenceFault
from paperbuild.paper.names import FUNCTIONS, KEYWORDS

MOST_CHARACTERS = 2000
"""The longest expression."""

_PLAIN_PATH = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|0|[1-9][0-9]{0,8}))*\s*")
_SEGMENT = re.compile(r"[A-Za-z0-9_]+")


# A pure function of its text: what it remembers can be forgotten at any time and never changes an answer.
@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Return the tree of the expression ``text``.

    Raises:
        ReferenceFault: PB210, it is no expression; PB215, it is too long; PB217, it calls what is no function.
    """
    if len(text) > MOST_CHARACTERS:
        message = f"the expression has {len(text)} characters; {MOST_CHARACTERS} are allowed"
        raise ReferenceFault(Finding("PB215", message, 0, len(text), ("compute it in the script that writes the results",)))
    if _PLAIN_PATH.fullmatch(text):
        path = _plain_path(text)
        if path is not None:
            return path
    from paperbuild.paper.parsing import parse_full

    return parse_full(text)


def _plain_path(text: str) -> Expression | None:
    segments = list(_SEGMENT.finditer(text))
    if segments[0][0] in KEYWORDS or segments[0][0] in FUNCTIONS:
        return None
    tree: Expression = Name(segments[0].start(), segments[0].end(), segments[0][0])
    for segment in segments[1:]:
        key = Number(int(segment[0])) if segment[0].isdigit() else segment[0]
        tree = Access(tree.start, segment.end(), tree, Constant(segment.start(), segment.end(), key))
    return tree
