"""Actions and the graph they form. Pure: no disk, no clock, no process.

An *action* is one resolved, runnable step: a target's cell, or one document. Its edges come from three places: the actions it
says it needs, the outputs of others among its inputs, and what its last trace read (given to :meth:`Graph.with_edges`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from paperbuild.diagnostics import Span

Scalar = str | int | float | bool
"""A parameter's value."""

Observe = Literal["trace", "strict", "off"]


@dataclass(frozen=True, slots=True)
class Output:
    """A file (or, where ``path`` ends in ``/``, a folder) that an action makes.

    ``path`` is relative to the project root, with forward slashes and no ``..``. ``stored`` is false for outputs that stay in
    place and are never copied (``store = false``).
    """

    name: str
    path: str
    stored: bool = True

    @property
    def is_folder(self) -> bool:
        """Whether the artifact is a whole folder."""
        return self.path.endswith("/")


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable given to a command. ``counted`` is what the action key holds of it; None: passed, not counted."""

    name: str
    value: str
    counted: str | None


@dataclass(frozen=True, slots=True)
class Resources:
    """What an action may use at once: processors, GPUs, memory in bytes, wall time in seconds (None: no limit)."""

    cpu: float = 1
    gpu: float = 0
    memory_bytes: int = 0
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A recipe that a shell runs: ``line`` with its parameters substituted, by ``shell -c``."""

    line: str
    shell: str = "/bin/sh"


@dataclass(frozen=True, slots=True)
class Step:
    """A recipe that runs inside paperbuild: ``runner`` names it ("document"), ``config`` is all that it is told, and counts."""

    runner: str
    config: tuple[tuple[str, Scalar], ...]


@dataclass(frozen=True, slots=True)
class Action:
    """One runnable step.

    ``id`` is unique and what the user sees ("train[seed=0]", "paper.pdf"); ``target`` is what the author names. ``inputs`` are
    declared: files, folders (ending in ``/``) and globs, relative to the root or absolute; None means that nobody declared any,
    which for a command that nothing observes means "inputs unknown". ``mentioned`` are project files named by words of the
    command. ``needs`` are ids of actions that settle first. ``refresh_s`` is the age in seconds at which a result is too old
    (0: always, None: never). ``span`` is where the author declared it.
    """

    id: str
    target: str
    recipe: Command | Step
    outputs: tuple[Output, ...]
    params: tuple[tuple[str, Scalar], ...] = ()
    inputs: tuple[str, ...] | None = None
    mentioned: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    resources: Resources = field(default=Resources())
    observe: Observe = "trace"
    heavy: bool = False
    refresh_s: float | None = None
    span: Span | None = None
