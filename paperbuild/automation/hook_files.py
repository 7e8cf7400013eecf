"""Hooks in the folder that git looks in: put there beside what was there before, and taken away without a trace."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from paperbuild.automation.hook_scripts import KEPT, LEGACY, NAMES, PRE_COMMIT, Hook, Name, hook_in, script
from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError, UsageError

_MODE = 0o755  # as git makes its own


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands where git looks for one hook: ``ours`` (at ``path``), or somebody else's; ``calls`` is what ours calls before."""

    name: Name
    path: str
    ours: Hook | None
    foreign: bool
    calls: str


def standing(folder: str, name: Name) -> Standing:
    """Return what stands in a ``folder`` of hooks under a name."""
    path = os.path.join(folder, name)
    foreign = False
    for place in (path, path + LEGACY):
        ours = _hook_at(place)
        if ours is not None:
            kept = path + KEPT
            return Standing(name, place, ours, foreign, kept if os.path.lexists(kept) else "")
        foreign = foreign or os.path.lexists(place)
    return Standing(name, path, None, foreign, "")


def install(folder: str, hooks: Mapping[Name, Hook]) -> tuple[str, ...]:
    """Let exactly ``hooks`` be ours in ``folder``; return the paths of those that were written or taken away.

    Either all of it is done, or nothing.

    Raises:
        UsageError: a hook of ours for something else is there.
        BuildError: the folder cannot be written to.
    """
    for name in NAMES:
        _refuse_others(standing(folder, name), next(iter(hooks.values())))
    made = not os.path.isdir(folder)
    undo = contextlib.ExitStack()
    changed = []
    try:
        with undo:
            if made:
                os.makedirs(folder)
                undo.callback(_remove_folder, folder)
            for name in NAMES:
                there = standing(folder, name)
                if name in hooks:
                    wanted = _as_made(hooks[name], there, made=made)
                    if there.ours != wanted or not os.access(there.path, os.X_OK) or _text(there.path) != script(wanted):
                        _place(there, script(wanted), undo)
                        changed.append(there.path)
                elif there.ours is not None:
                    _take_away(there, undo)
                    changed.append(there.path)
            undo.pop_all()
    except OSError as error:
        raise _refused(folder, error) from None
    return tuple(changed)


def remove(folder: str, repository: str) -> tuple[str, ...]:
    """Take away the hooks that work for ``repository``, and put back what stood in their places; return their paths.

    Raises:
        BuildError: the folder cannot be written to.
    """
    undo = contextlib.ExitStack()
    removed = []
    made = False
    try:
        with undo:
            for name in NAMES:
                there = standing(folder, name)
                if there.ours is not None and there.ours.repository == repository:
                    made = made or there.ours.made_folder
                    _take_away(there, undo)
                    removed.append(there.path)
            undo.pop_all()
        if made:
            _remove_folder(folder)
    except OSError as error:
        raise _refused(folder, error) from None
    return tuple(removed)


def _as_made(hook: Hook, there: Standing, *, made: bool) -> Hook:
    """Return ``hook`` with what has to be remembered of how things were before the first time."""
    made_before = there.ours is not None and there.ours.made_folder
    return Hook(hook.name, hook.python, hook.repository, hook.project, made or made_before)


def _refuse_others(there: Standing, wanted: Hook) -> None:
    ours = there.ours
    if ours is None or (ours.repository == wanted.repository and ours.project == wanted.project):
        if ours is None and os.path.lexists(there.path) and not os.path.isfile(there.path):
            raise UsageError(Diagnostic("PB482", f"{there.path} is no file, so no hook can be put there", help=("take it away",)))
        return
    whose = f"another repository: {ours.repository}" if ours.repository != wanted.repository else f"another project: {ours.project or '.'}"
    mend = ("paperbuild hook remove, called there, takes it away",)
    raise UsageError(Diagnostic("PB482", f"a hook is there already, and it works for {whose}", notes=(there.path,), help=mend))


def _place(there: Standing, text: str, undo: contextlib.ExitStack) -> None:
    """Write one hook, beside what was there; ``undo`` learns how that is taken back."""
    temporary = f"{there.path}.{os.getpid()}.new"
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        undo.callback(_unlink, temporary)
        file.write(text)
    os.chmod(temporary, _MODE)
    before = _text(there.path) if there.ours is not None else None
    if before is None and os.path.lexists(there.path):
        kept = os.path.join(os.path.dirname(there.path), there.name + KEPT)
        if os.path.lexists(kept):
            message = f"{kept} is in the way: it would hold the hook that is there"
            raise UsageError(Diagnostic("PB482", message, help=("look at both, and take one away",)))
        os.rename(there.path, kept)
        undo.callback(os.rename, kept, there.path)
    elif before is None:
        undo.callback(_unlink, there.path)
    os.replace(temporary, there.path)
    if before is not None:
        undo.callback(_write, there.path, before)


def _take_away(there: Standing, undo: contextlib.ExitStack) -> None:
    before = _text(there.path) or ""
    os.unlink(there.path)
    undo.callback(_write, there.path, before)
    if there.calls and there.path.endswith(LEGACY) and PRE_COMMIT in (_text(there.calls) or ""):
        kept = _text(there.calls) or ""
        os.unlink(there.calls)  # it has been installed once more since, and calls what is here
        undo.callback(_write, there.calls, kept)
    elif there.calls:
        os.rename(there.calls, there.path)
        undo.callback(os.rename, there.path, there.calls)


def _hook_at(path: str) -> Hook | None:
    text = _text(path)
    return None if text is None else hook_in(text)


def _text(path: str) -> str | None:
    """Return the text of the file itself at ``path``; None of a link, a folder, or what cannot be read."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read(65536)
    except OSError:
        return None


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        file.write(text)
    os.chmod(path, _MODE)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _remove_folder(folder: str) -> None:
    with contextlib.suppress(OSError):  # somebody else put something there
        os.rmdir(folder)


def _refused(folder: str, error: OSError) -> BuildError:
    where = error.filename if isinstance(error.filename, str) else folder
    mend = ("is the folder yours to write to?",)
    return BuildError(Diagnostic("PB483", f"the hooks cannot be changed, and are as they were: {error.strerror}: {where}", help=mend))
