"""From a folder on the disk to what it holds: the files of a repository, and the texts that say how they are made and shown."""

from __future__ import annotations

import os

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.starting.repository import Repository, is_text

MOST_FILES = 50_000
_LARGEST_TEXT = 2_000_000
_PASSED_OVER = frozenset({"_build", "node_modules", "__pycache__", "renv", "packrat", "site-packages"})


def gathered(root: str) -> Repository:
    """Return what stands in the folder ``root``: hidden folders, environments and what paperbuild makes are passed over.

    Raises:
        UsageError: there is no such folder, or it holds so much that it is no paper's.
    """
    if not os.path.isdir(root):
        raise UsageError(Diagnostic("PB182", f"{root}: there is no such folder", help=("--here is for a folder that is there",)))
    files: set[str] = set()
    texts: dict[str, str] = {}
    within: set[str] = set()
    for here, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = [name for name in sorted(folders) if not _is_passed_over(os.path.join(here, name), name)]
        within.update(os.path.relpath(os.path.join(here, name), root).replace(os.sep, "/") for name in folders)
        for name in names:
            whole = os.path.join(here, name)
            path = os.path.relpath(whole, root).replace(os.sep, "/")
            if not os.path.isfile(whole) or not path.isprintable():
                continue
            files.add(path)
            if is_text(path) and os.path.getsize(whole) <= _LARGEST_TEXT and not name.startswith("."):
                with open(whole, encoding="utf-8-sig", errors="replace") as file:
                    texts[path] = file.read()
        if len(files) > MOST_FILES:
            note = f"it holds more than {MOST_FILES:,} files"
            raise UsageError(
                Diagnostic("PB164", "this is too much for a paper's folder", notes=(note,), help=("call it in the paper's folder",))
            )
    return Repository(frozenset(files), texts, frozenset(within))


def _is_passed_over(whole: str, name: str) -> bool:
    is_environment = any(os.path.exists(os.path.join(whole, mark)) for mark in ("pyvenv.cfg", "conda-meta"))
    return name.startswith(".") or name in _PASSED_OVER or is_environment or os.path.islink(whole)


def _refuse(error: OSError) -> None:
    raise UsageError(Diagnostic("PB187", f"{error.filename}: {error.strerror}", notes=("nothing was written",))) from error
