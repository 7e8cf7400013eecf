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
        if os.path.exists(mark):
            return _beside(_common(_git_folder(mark)), folder)
        parent = os.path.dirname(folder)
        if parent == folder:
            return os.path.join(os.path.realpath(root), ".paperbuild")
        folder = parent


def _git_folder(mark: str) -> str:
    if os.path.isdir(mark):
        return mark
    with open(mark, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read().strip()
    return os.path.normpath(os.path.join(os.path.dirname(mark), text.removeprefix("gitdir:").strip()))


def _common(git: str) -> str:
    try:
        with open(os.path.join(git, "commondir"), encoding="utf-8", errors="surrogateescape") as file:
            return os.path.normpath(os.path.join(git, file.read().strip()))
    except FileNotFoundError:
        return git


def _beside(common: str, tree: str) -> str:
    if os.path.basename(common) == ".git":
        return os.path.join(os.path.dirname(common), ".paperbuild")
    if f"{os.sep}.git{os.sep}modules{os.sep}" in common + os.sep:
        return os.path.join(tree, ".paperbuild")  # a submodule is a repository of its own, with a work tree of its own
    return os.path.join(common, "paperbuild")
