"""Repositories as hooks need them: where their hooks lie, which commit a name means, work trees for commits. By the program git.

Where hooks lie is git's to say: ``core.hooksPath`` comes from four files, with includes, and from variables.
"""

from __future__ import annotations

import os
import shutil

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.process import run_git
from paperbuild.errors import BuildError

_LIMIT_S = 600.0
"""How long one call of git may take: a work tree of a large repository takes minutes on a slow disk."""


class Repository(msgspec.Struct, frozen=True):
    """A repository. All paths are absolute.

    ``git`` is the git folder of this work tree, ``common`` the one that all work trees share, ``top`` the top of the work tree (""
    where the repository is bare). ``hooks`` is where hooks are looked for; ``hooks_scope`` who says so ("local", "worktree", "global",
    "system", "command"), "" where nobody does.
    """

    git: str
    common: str
    top: str
    hooks: str
    hooks_scope: str = ""

    @property
    def is_bare(self) -> bool:
        """Whether it has no work tree of its own, as on a server."""
        return not self.top

    @property
    def home(self) -> str:
        """The folder in which git is called."""
        return self.top or self.common

    def is_busy(self) -> bool:
        """Return whether commits are being replayed (a rebase, several cherry-picks): each of them is nobody's last word."""
        return any(os.path.exists(os.path.join(self.git, name)) for name in ("rebase-merge", "rebase-apply", "sequencer"))

    def commit(self, name: str) -> str:
        """Return the commit that ``name`` (a branch, a tag, ...) means; "" where there is none."""
        return _asked(self.home, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") or ""

    def branch(self) -> str:
        """Return the branch that is checked out; "" where HEAD is detached."""
        return _asked(self.home, "symbolic-ref", "--quiet", "--short", "HEAD") or ""

    def is_clean(self) -> bool:
        """Return whether the tracked files are as in HEAD."""
        return _asked(self.home, "status", "--porcelain", "--untracked-files=no") == ""

    def files_called(self, name: str, commit: str) -> tuple[str, ...]:
        """Return the paths of the files called ``name`` in ``commit``, the least deep first."""
        listed = (_asked(self.home, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit) or "").split("\0")
        return tuple(sorted((p for p in listed if p == name or p.endswith(f"/{name}")), key=lambda path: (path.count("/"), path)))

    def check_out(self, commit: str, folder: str, keep: str = ".paperbuild") -> None:
        """Let ``folder`` be a work tree with ``commit`` in it and nothing else, but for what is called ``keep``.

        One that is there is used again, so that files that did not change keep their time stamps and need not be read again.

        Raises:
            BuildError: git cannot.
        """
        mark = os.path.join(folder, ".git")
        steps = (("rev-parse", "--git-dir"), ("checkout", "--quiet", "--force", "--detach", commit), ("clean", "-ffdxq", "-e", keep))
        if os.path.isfile(mark) and all(_asked(folder, *words) is not None for words in steps):
            return
        self.drop(folder)
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        _require(self.home, "worktree", "add", "--quiet", "--force", "--detach", folder, commit)

    def drop(self, folder: str) -> None:
        """Take a work tree away, with everything in it."""
        if os.path.lexists(folder):
            _asked(self.home, "worktree", "remove", "--force", "--force", folder)
            shutil.rmtree(folder, ignore_errors=True)
        _asked(self.home, "worktree", "prune")


def repository_of(folder: str) -> Repository | None:
    """Return the repository that ``folder`` is in; None where it is in none, or there is no git."""
    words = ("--is-bare-repository", "--absolute-git-dir", "--git-common-dir", "--git-path", "hooks")
    found = (_asked(folder, "rev-parse", *words) or "").splitlines()
    if len(found) != 4:
        return None
    is_bare, git, common, hooks = found
    top = "" if is_bare == "true" else _asked(folder, "rev-parse", "--show-toplevel") or ""
    if not top and is_bare != "true":
        return None  # inside of .git
    scope = (_asked(folder, "config", "--show-scope", "--get", "core.hooksPath") or "").partition("\t")[0]
    home = os.path.realpath(folder)
    # A hooksPath that is relative is meant from the top of each work tree, in which hooks are called.
    return Repository(git, os.path.realpath(os.path.join(home, common)), top, os.path.normpath(os.path.join(home, hooks)), scope)


def is_there(folder: str) -> bool:
    """Return whether there is a git at all, for whoever stands in ``folder``."""
    return _asked(folder, "--version") is not None


def user_name(folder: str) -> str:
    """Return the name under which commits would be made in ``folder``; "" where nobody said one, or there is no git."""
    return (_asked(folder, "config", "user.name") or "").strip()


def begin(folder: str) -> None:
    """Make ``folder`` a repository.

    Raises:
        BuildError: git refuses.
    """
    _require(folder, "init", "--quiet")


def _asked(folder: str, *words: str) -> str | None:
    """Return what git prints, without the last line end; None where it fails or is not there."""
    status, found, _ = run_git(folder, words, _LIMIT_S)
    return found.decode(errors="surrogateescape").removesuffix("\n") if status == 0 else None


def _require(folder: str, *words: str) -> None:
    status, _, said = run_git(folder, words, _LIMIT_S)
    if status:
        detail = tuple(line for line in said.decode(errors="replace").splitlines() if line.strip())
        raise BuildError(Diagnostic("PB484", f"git {words[0]} {words[1]} failed", detail=detail[-5:]))
