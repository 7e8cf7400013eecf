"""Regular expressions that mean the same in every Python that we support."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import paperbuild

SOURCES = sorted(Path(paperbuild.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_group_is_repeated_possessively(source: Path):
    """Before Python 3.11.5 such a repeat forgets a way to match inside the group (gh-106052); an atomic group does not."""
    assert not re.findall(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+", source.read_text())
