"""What git knows of a project at other commits, and its files as they were there. Nothing here changes the repository."""

from __future__ import annotations

import os
from typing import Literal

from paperbuild.engine.ports import Commit
from paperbuild.engine.process import run_git

Condition = Literal["none", "unborn", "shallow", "whole"]

_LIMIT_S, _EXPORT_LIMIT_S = 60.0, 900.0
"""How long one call of git may take, and one that writes all files of a commit."""


class History:
    """The history of the project in ``root`` (absolute)."""

    def __init__(self, root: str) -> None:
        self._root = root

    def condition(self) -> Condition:
        """Return whether there is a repository, whether it has a commit, and whether its history is all here."""
        if not self._ask("rev-parse", "--git-dir"):
            return "none"
        if self._ask("rev-parse", "--is-shallow-repository") == "true":
            return "shallow"
        return "whole" if self.commit("HEAD") is not None else "unborn"

    def commit(self, revision: str) -> Commit | None:
        """Return the commit that ``revision``, in git's words, means; None where it means none."""
        found = self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if not found:
            return None
        date, _, subject = self._ask("log", "-1", "--format=%cs %s", found, "--").partition(" ")
        return Commit(found, date, subject)

    def author(self, commit: str) -> str:
        """Return who wrote ``commit``; "": who would write the next one."""
        return self._ask("log", "-1", "--format=%an", commit, "--") if commit else self._ask("config", "user.name")

    def common(self, one: str, other: str) -> str:
        """Return the revision from which two others parted; "" where there is none."""
        return self._ask("merge-base", "--end-of-options", one, other)

    def names(self) -> tuple[str, ...]:
        """Return what branches and tags are called."""
        return tuple(self._ask("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes").split())

    def prefix(self) -> str:
        """Return where in its repository the project is, with a slash; "" where it is all of it."""
        return self._ask("rev-parse", "--show-prefix")

    def holds(self, commit: str, path: str) -> bool:
        """Return whether there is a file ``path``, relative to the project, in ``commit``."""
        return bool(self._ask("rev-parse", "--verify", "--quiet", f"{commit}:./{path}"))

    def export(self, commit: str, folder: str, scratch: str) -> bool:
        """Write what ``commit`` has of the project into the empty ``folder``, as a checkout would; return whether that was possible.

        The index is one of its own, at ``scratch``. What git LFS has not here stays a pointer.
        """
        place = self._ask("rev-parse", "--absolute-git-dir")
        status, _, _ = run_git(self._root, ("read-tree", f"{commit}:./"), _EXPORT_LIMIT_S, scratch)
        words = (f"--git-dir={place}", f"--work-tree={folder}", "-c", "lfs.fetchexclude=*", "checkout-index", "--all", "--quiet")
        return status == 0 and run_git(folder, words, _EXPORT_LIMIT_S, scratch)[0] == 0

    def ignored(self) -> tuple[str, ...]:
        """Return what of the project git is told to ignore: paths relative to it, of folders that are ignored whole with a slash."""
        words = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
        status, listed, _ = run_git(self._root, words, _LIMIT_S)
        return tuple(os.fsdecode(path) for path in listed.split(b"\0") if path) if status == 0 else ()

    def _ask(self, *words: str) -> str:
        """Return what git prints; "" where it fails."""
        status, found, _ = run_git(self._root, words, _LIMIT_S)
        return found.decode(errors="surrogateescape").strip("\n") if status == 0 else ""
