"""Under which conditions a rerun runs: what is made to differ from a build, because no result may depend on it. Pure.

What a build gives every command (locale, time zone, hash seed, ``SOURCE_DATE_EPOCH``) is given here, too: no result can differ by it. The
clock goes on and is not set; nothing short of another C library could, and static programs would not see that.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from paperbuild.engine.trace import Absent, Item, path_of

OTHER_UMASK, THIRD_UMASK = 0o027, 0o077
SOMEONE = "someone"
DEEP = "far/from/where"
SHALLOW = "again/in/a"
"""Folders for copies, deep enough for what a command finds by ``../../..``."""


class Machine(msgspec.Struct, frozen=True):
    """What a build would give commands here: the mask of new files, the processors that may be used, and who builds ("": nobody knows)."""

    umask: int
    processors: tuple[int, ...]
    user: str = ""


class Conditions(msgspec.Struct, frozen=True):
    """The conditions of one rerun. ``folder`` is that of the copy, ``home`` and ``scratch`` folders, all relative to where copies are made.

    ``home`` and ``scratch`` are "" where they are as in a build, ``user`` too; ``umask`` is None and ``processors`` empty then.
    ``backwards``: files are made in the reverse order of their names. ``varied`` says in words what is not as in a build.
    """

    folder: str
    home: str = ""
    scratch: str = ""
    user: str = ""
    umask: int | None = None
    processors: tuple[int, ...] = ()
    backwards: bool = False
    varied: tuple[str, ...] = ("folder",)


def as_built(name: str) -> Conditions:
    """Return the conditions of a build, in a copy whose folder is called ``name``, as the project's is."""
    return Conditions(f"{SHALLOW}/{name}")


def varied_for_step(name: str) -> Conditions:
    """Return conditions that vary what a step could depend on, in a copy of the project's folder ``name``."""
    return Conditions(f"{DEEP}/{name}-copy", backwards=True, varied=("folder", "order of files"))


def varied_for_command(name: str, machine: Machine, items: Iterable[Item], *, keeps_home: bool) -> Conditions:
    """Return conditions that vary what a command could depend on, in a copy of the project's folder ``name``.

    A command that is known to read in its home (``items``) keeps that; so does one keep its user's name that reads below a folder of that
    name.
    """
    there = [path for item in items if not isinstance(item, Absent) and (path := path_of(item)) is not None and path.startswith(("/", "~"))]
    keeps_home = keeps_home or any(path.startswith("~") for path in there)
    keeps_user = keeps_home or not machine.user or any(machine.user in path.split("/") for path in there)
    fewer = machine.processors[:-1]
    varied = {
        "folder": True, "order of files": True, "home": not keeps_home, "user": not keeps_user, "temporary folder": True, "umask": True,
        "processors": bool(fewer),
    }  # fmt: skip
    return Conditions(
        folder=f"{DEEP}/{name}-copy",
        home="" if keeps_home else "someone",
        scratch="scratch",
        user="" if keeps_user else SOMEONE,
        umask=OTHER_UMASK if machine.umask != OTHER_UMASK else THIRD_UMASK,
        processors=fewer,
        backwards=True,
        varied=tuple(name for name, is_varied in varied.items() if is_varied),
    )
