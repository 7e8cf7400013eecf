"""Where the store is: one for each repository, found without starting git.

Git's layout (gitrepository-layout): a work tree has ``.git``, a folder, or for linked work trees and submodules a file
``gitdir: PATH``; the folder meant may hold ``commondir``, the path of the repository shared by all work trees.
"""

from __future__ import annotations

import os


def store_folder(root: str) -> str:
    """Return the folder of the store for a project in ``root``.

    ``.paperbuild`` in the main work tree of its repository; in the git folder itself where that is bare; in ``root`` without git.
    """
    folder = os.path.realpath(root)
    while True:
        mark = os.path.join(folder, ".git")
        git = _git_folder(mark)
        if git is not None:
            return _beside(_common(git), folder)
        parent = os.path.dirname(folder)
        if parent == folder:
            return os.path.join(os.path.realpath(root), ".paperbuild")
        folder = parent


def _git_folder(mark: str) -> str | None:
    """Return the git folder that ``mark`` is, or names; None where it is no mark, or what it names is gone."""
    if os.path.isdir(mark):
        return mark
    try:
        with open(mark, encoding="utf-8", errors="surrogateescape") as file:
            key, _, value = file.read(4096).partition(":")
    except OSError:
        return None
    folder = os.path.normpath(os.path.join(os.path.dirname(mark), value.strip()))
    return folder if key == "gitdir" and value.strip() and os.path.isdir(folder) else None


def _common(git: str) -> str:
    try:
        with open(os.path.join(git, "commondir"), encoding="utf-8", errors="surrogateescape") as file:
            return os.path.normpath(os.path.join(git, file.read().strip()))
    except OSError:
        return git


def _beside(common: str, tree: str) -> str:
    if os.path.basename(common) == ".git":
        return os.path.join(os.path.dirname(common), ".paperbuild")
    if f"{os.sep}.git{os.sep}modules{os.sep}" in common + os.sep:
        return os.path.join(tree, ".paperbuild")  # a submodule is a repository of its own, with a work tree of its own
    return os.path.join(common, "paperbuild")
