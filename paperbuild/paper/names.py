"""What targets, outputs and parameters may be called (GRAMMAR rules 1 and 2)."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*")

KEYWORDS = frozenset({"true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else"})
"""Words of the expression language; nothing that an expression names can be called so."""

_WORDS = """
abs best capital ci95 count distinct first last len listed max mean median min percent plural pm ratio round sem std sum where words
"""
FUNCTIONS = frozenset(_WORDS.split())
"""Built-in functions and filters of expressions; a target of that name could not be told from them."""


def is_name(text: str) -> bool:
    """Return whether ``text`` is well formed: letters, digits and ``_`` after a letter, with single ``-`` between."""
    return _NAME.fullmatch(text) is not None


def folded(name: str) -> str:
    """Return ``name`` as expressions write it: ``-`` is minus there, so ``_`` stands for it."""
    return name.replace("-", "_")


def name_from(text: str, otherwise: str) -> str:
    """Return a well-formed name made of ``text`` (a file's stem), ``otherwise`` where nothing of it can be used."""
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", text)
    kept = re.sub(r"-{2,}", "-", kept).strip("-_")
    kept = re.sub(r"^[^A-Za-z]+", "", kept)
    return kept if is_name(kept) else otherwise
