"""Declared inputs: plain paths, folders (ending in ``/``) and globs, matched on project-relative paths. Pure.

In a glob ``*`` and ``?`` stay within one name, ``[...]`` is a set of characters, ``**`` as a whole name stands for any number of
folders; names that start with a dot match only a pattern that spells the dot.
"""

from __future__ import annotations

import functools
import re

IGNORED_NAMES = frozenset({".git", ".paperbuild", "__pycache__", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db"})
_TEMPORARY = re.compile(r"\.py[co]$|~$|^\.#|^#.*#$|\.sw[pox]$|^4913$|^\.nfs[0-9a-f]+$")


def is_glob(path: str) -> bool:
    """Return whether ``path`` is a pattern rather than a name."""
    return any(character in path for character in "*?[")


def is_ignored(name: str) -> bool:
    """Return whether a file or folder of this name is never an input: bytecode, editors' temporaries, version control."""
    return name in IGNORED_NAMES or _TEMPORARY.search(name) is not None


_SPECIAL = re.compile(r"\[(!?)(\]?[^\]]*)\]|[*?]")


def _name_expression(name: str) -> str:
    """Return the regular expression of one name of a pattern."""
    parts, at = [], 0
    for special in _SPECIAL.finditer(name):
        parts.append(re.escape(name[at : special.start()]))
        at = special.end()
        if special[0] == "*":
            parts.append("[^/]*")
        elif special[0] == "?":
            parts.append("[^/]")
        else:
            characters = special[2].replace("\\", "\\\\").replace("]", "\\]").replace("^", "\\^")
            parts.append(f"[{'^/' if special[1] else ''}{characters}]")
    hidden = "" if name.startswith(".") else r"(?!\.)"
    return hidden + "".join(parts) + re.escape(name[at:])


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    *folders, last = pattern.split("/")
    above = "".join(r"(?:[^/.][^/]*/)*" if name == "**" else _name_expression(name) + "/" for name in folders)
    return re.compile(above + (r"(?:[^/.][^/]*/)*[^/.][^/]*" if last == "**" else _name_expression(last)))


def matches(pattern: str, path: str) -> bool:
    """Return whether the glob ``pattern`` matches the whole of ``path``."""
    return _compiled(pattern).fullmatch(path) is not None


def covers(declared: str, path: str) -> bool:
    """Return whether a declared folder or glob takes in the output ``path``, or for an output folder something inside it."""
    if is_glob(declared):
        folder = declared.endswith("/")
        pattern = declared.rstrip("/")
        if path.endswith("/"):
            inner = fixed_prefix(pattern)
            return matches(pattern, path[:-1]) or inner.startswith(path) or path.startswith(inner)
        parents = path.split("/")
        whole = ["/".join(parents[:n]) for n in range(1, len(parents))] if folder else [path]
        return any(matches(pattern, candidate) for candidate in whole)
    return path.startswith(declared)


def fixed_prefix(pattern: str) -> str:
    """Return the folder part of ``pattern`` before its first special name, with its slash; empty where there is none."""
    fixed: list[str] = []
    for name in pattern.split("/")[:-1]:
        if is_glob(name):
            break
        fixed.append(name)
    return "/".join(fixed) + "/" if fixed else ""


def is_within(path: str, outputs: tuple[str, ...]) -> bool:
    """Return whether ``path`` is one of these outputs, or stands inside one that is a folder."""
    return any(path == output or (output.endswith("/") and path.startswith(output)) for output in outputs)
