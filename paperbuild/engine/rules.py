"""What counts of what a command looked at: one ordered table, whose first rule that matches decides. Pure.

Nobody wants to hear that a system library changed in a way that matters only to who compiled it, and everybody that a file of the project
did. What lies between is decided here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

SYSTEM = (
    *("/usr/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/bin/", "/sbin/", "/etc/", "/nix/store/"),
    *("/System/", "/Library/", "/private/etc/"),
)
"""What the operating system brings: counted by its name and the machine's."""

LOCAL = ("/usr/local/",)
"""Below the system's folders, and yet somebody's own."""

KERNEL = ("/proc/", "/sys/", "/dev/", "/run/", "/var/run/")
TEMPORARY = ("/tmp/", "/var/tmp/", "/private/tmp/", "/private/var/folders/", "/var/cache/")  # noqa: S108 - none is written to


DEPOT = ("packages", "artifacts", "compiled", "registries", "clones", "logs", "scratchspaces")
"""Folders of Julia's depot (the manual, "Environment variables") whose content its manifests stand for: packages and artifacts lie in
folders that are called after the digest of what is in them, and a ``Manifest.toml``, which is read, names these. Packages in development
are elsewhere."""


GO_BY_TIME = frozenset(
    (
        "bazel",
        "buck2",
        "cargo",
        "cmake",
        "doit",
        "git",
        "gmake",
        "go",
        "latexmk",
        "make",
        "meson",
        "ninja",
        "rsync",
        "scons",
        "snakemake",
        "tup",
    )
)
"""Programs that ask for the status of a file to learn whether its content is another one, and then spare themselves to read it."""


class Treatment(StrEnum):
    """What becomes of a path that a command looked at."""

    INPUT = "an input"
    PACKAGE = "a part of a package"
    NOTHING = "no input"


class Ground(msgspec.Struct, frozen=True):
    """What the rules know of this machine: absolute folders, each with its slash.

    ``project`` is the project's; ``ours`` hold paperbuild's own modules; ``environments`` are prefixes of Pythons and the like,
    ``caches`` what programs keep for themselves, ``depots`` where Julia keeps packages.
    """

    project: str
    ours: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    depots: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """One row: what it is about, whether a path is that, and what becomes of it then."""

    name: str
    holds: Callable[[Ground, str], bool]
    treatment: Treatment


def _is_on_the_way(ground: Ground, path: str) -> bool:
    return path in {"", "/"} or ground.project.startswith(f"{path}/")


RULES = (
    Rule("paperbuild's own modules count by its version", lambda ground, path: path.startswith(ground.ours), Treatment.NOTHING),
    Rule("environments count by package", lambda ground, path: path.startswith(ground.environments), Treatment.PACKAGE),
    Rule("the project counts by content", lambda ground, path: f"{path}/".startswith(ground.project), Treatment.INPUT),
    Rule("what the kernel tells changes all the time", lambda _, path: f"{path}/".startswith(KERNEL), Treatment.NOTHING),
    Rule("temporary files are nobody's input", lambda _, path: f"{path}/".startswith(TEMPORARY), Treatment.NOTHING),
    Rule("neither are caches", lambda ground, path: f"{path}/".startswith(ground.caches), Treatment.NOTHING),
    Rule("what lies in Julia's depot is named by manifests", lambda ground, path: f"{path}/".startswith(ground.depots), Treatment.NOTHING),
    Rule("what somebody put beside the system counts by content", lambda _, path: path.startswith(LOCAL), Treatment.INPUT),
    Rule("the system counts by its name and machine", lambda _, path: f"{path}/".startswith(SYSTEM), Treatment.NOTHING),
    Rule("folders on the way to the project are there", _is_on_the_way, Treatment.NOTHING),
    Rule("data elsewhere counts by content", lambda _, __: True, Treatment.INPUT),
)


def rule_for(ground: Ground, path: str) -> Rule:
    """Return the rule that decides about the absolute ``path``."""
    return next(rule for rule in RULES if rule.holds(ground, path))
