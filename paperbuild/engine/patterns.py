"""Declared inputs: plain paths, folders (ending in ``/``) and globs, matched on project-relative paths. Pure.

In a glob ``*`` and ``?`` stay within one name, ``[...]`` is a set of characters, ``**`` as a whole name stands for any number of
folders; names that start with a dot match only a pattern that spells the dot.
"""

from __future__ import annotations

import functools
import re

IGNORED_NAMES = frozenset({".git", ".paperbuild", "__pycache__", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db"})
_TEMPORARY = re.compile(r"\.py[co]$|~$|^\.#|^#.*#$|\.sw[pox]$|^4913$|^\.nfs[0-9a-f]+$|^\.paperbuild-")


def is_glob(path: str) -> bool:
    """Return whether ``path`` is a pattern rather than a name."""
    return "*" in path or "?" in path or "[" in path


def is_ignored(name: str) -> bool:
    """Return whether a file or folder of this name is never an input: bytecode, editors' temporaries, version control."""
    return name in IGNORED_NAMES or _TEMPORARY.search(name) is not None


_SPECIAL = re.compile(r"\[(!?)(\][^\]]*|[^\]]+)\]|[*?]", re.DOTALL)


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
            parts.append(_set_expression(special[2], negated=bool(special[1])))
    hidden = "" if name.startswith(".") else r"(?!\.)"
    return hidden + "".join(parts) + re.escape(name[at:])


def _set_expression(characters: str, *, negated: bool) -> str:
    """Return the expression of a set; a range whose ends stand the wrong way round holds nothing, as in a shell."""
    items, at = [], 0
    while at < len(characters):
        first = last = characters[at]
        if characters[at + 1 : at + 2] == "-" and at + 2 < len(characters):
            last = characters[at + 2]
            at += 2
        if first <= last:
            items.append(f"{re.escape(first)}-{re.escape(last)}")
        at += 1
    if negated:
        return f"[^/{''.join(items)}]"
    return f"(?!/)[{''.join(items)}]" if items else r"(?!)"


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
            return matches(pattern, path[:-1]) or reaches_below(pattern, path[:-1])
        parents = path.split("/")
        whole = ["/".join(parents[:n]) for n in range(1, len(parents))] if folder else [path]
        return any(matches(pattern, candidate) for candidate in whole)
    return path.startswith(declared)


def reaches_below(pattern: str, folder: str) -> bool:
    """Return whether the glob ``pattern`` can match something inside ``folder`` (without a slash at its end), at whatever depth."""
    names = folder.split("/") if folder else []
    left = {tuple(pattern.split("/"))}  # what of the pattern may still have to match, one way or another
    for name in names:
        after = set()
        for rest in left:
            while rest and rest[0] == "**":
                if not name.startswith("."):
                    after.add(rest)
                rest = rest[1:]  # noqa: PLW2901 - that it stands for no folder at all is one more way
            if rest and matches(rest[0], name):
                after.add(rest[1:])
        left = after
    return any(left)


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
    return any(path == output or (output.endswith("/") and f"{path}/".startswith(output)) for output in outputs)
