"""Regular expressions that mean the same in every Python that we support."""

from __future__ import annotations

import re
from pathlib import Path

import paperbuild


def test_no_group_is_repeated_possessively():
    """Before Python 3.11.5 such a repeat forgets a way to match inside the group (gh-106052); an atomic group does not."""
    repeat = re.compile(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")
    sources = sorted(Path(paperbuild.__file__).parent.rglob("*.py"))
    assert [path.name for path in sources if repeat.search(path.read_text())] == []
