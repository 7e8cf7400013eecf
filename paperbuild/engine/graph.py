"""Actions and the graph they form. Pure: no disk, no clock, no process.

An *action* is one resolved, runnable step: a target's cell, or one document. Its edges come from three places: the actions it
says it needs, the outputs of others among its inputs, and what it was found to read (a build notes those in its own :meth:`Graph.copy`).
"""

from __future__ import annotations

import bisect
import functools
import graphlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

import msgspec

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.engine import patterns
from paperbuild.errors import ManifestError

Scalar = str | int | float | bool
"""A parameter's value."""


def text_of(value: Scalar) -> str:
    """Return how a command sees a parameter: booleans as in TOML, numbers as Python's shortest form, text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


DOCUMENTS_FOLDER = "_build"
"""Where documents are written, and nothing else of ours."""

ARROW = " \N{RIGHTWARDS ARROW} "
Observe = Literal["trace", "strict", "off"]


class Tolerance(msgspec.Struct, frozen=True, gc=False):
    """How far a rerun's output may be from the recorded one.

    Numbers agree where they are at most ``absolute`` apart, or at most ``relative`` times the larger of the two, signs left out; pictures
    where at most the share ``pixels`` of their pixels (0 to 1) looks different.
    """

    relative: float = 0.0
    absolute: float = 0.0
    pixels: float = 0.0


class Output(msgspec.Struct, frozen=True, gc=False):
    """A file (or, where ``path`` ends in ``/``, a folder) that an action makes.

    ``path`` is relative to the project root, with forward slashes and no ``..``. ``stored`` is false for outputs that stay in
    place and are never copied (``store = false``). ``tolerance`` is for verifying alone, and no part of any key; None: byte for byte.
    """

    name: str
    path: str
    stored: bool = True
    tolerance: Tolerance | None = None

    @property
    def is_folder(self) -> bool:
        """Whether the artifact is a whole folder."""
        return self.path.endswith("/")


class Variable(msgspec.Struct, frozen=True, gc=False):
    """An environment variable given to a command. ``counted`` is what the action key holds of it; None: passed, not counted.

    One that names a ``file`` counts only where a command looked at that file.
    """

    name: str
    value: str
    counted: str | None
    file: str = ""


class Resources(msgspec.Struct, frozen=True, gc=False):
    """What an action may use at once: processors, GPUs, memory in bytes, wall time in seconds (None: no limit).

    ``partition`` is where on a cluster it is to run, "" for the executor's own choice.
    """

    cpu: float = 1
    gpu: float = 0
    memory_bytes: int = 0
    time_s: float | None = None
    partition: str = ""


class Code(msgspec.Struct, frozen=True, gc=False):
    """A program whose ``text`` stands in a source, from ``line`` of the file ``path`` on, each line behind ``margin`` characters.

    The text counts; where it stands does not.
    """

    text: str
    path: str = ""
    line: int = 1
    margin: int = 0


CODE = "PAPERBUILD_CODE"
"""The variable that tells a command in which file its :class:`Code` is."""


class Command(msgspec.Struct, frozen=True, tag="command", gc=False):
    """A recipe that a shell runs: ``line`` with its parameters substituted, by ``shell -c``.

    Where it has ``code``, that is in the file that the variable :data:`CODE` names, at the lines where its source has it.
    Where it executes a ``notebook``, a path in the project, what counts of that is in the file (:mod:`paperbuild.engine.notebooks`).
    """

    line: str
    shell: str = "/bin/sh"
    code: Code | None = None
    notebook: str = ""


STALE = "stale:"
"""What the entries of a step's config begin with that tell of results which are not up to date; the name of a target follows."""


class Step(msgspec.Struct, frozen=True, tag="step", gc=False):
    """A recipe that runs inside paperbuild: ``runner`` names it ("document"), ``config`` is all that it is told, and counts."""

    runner: str
    config: tuple[tuple[str, Scalar], ...]


ASKED_FOR = -1.0
"""As the age at which a result is too old: whatever there is, since somebody asks for a new one."""


class Action(msgspec.Struct, frozen=True, gc=False):
    """One runnable step.

    ``id`` is unique and what the user sees ("train[seed=0]", "paper.pdf"); ``target`` is what the author names. ``inputs`` are
    declared: files, folders (ending in ``/``) and globs, relative to the root or absolute; None means that nobody declared any,
    which for a command that nothing observes means "inputs unknown". ``mentioned`` are project files named by words of the
    command. ``needs`` are ids of actions that settle first. ``heavy`` says that it runs only where that is wished, ``on`` the executor
    that runs it ("": this machine), ``platform`` what of the machine counts ("cpu", "gpu", "cuda"), and what it is there ("": what this
    one is); ``retries`` how often it is tried again when it fails. ``refresh_s`` is the age in seconds at which a result is too old
    (0: always, None: never; :data:`ASKED_FOR`). ``span`` is where the author declared it.
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
    resources: Resources = Resources()
    observe: Observe = "trace"
    heavy: bool = False
    on: str = ""
    platform: tuple[tuple[str, str], ...] = ()
    retries: int = 0
    refresh_s: float | None = None
    span: Span | None = None


_NOTHING_KNOWN: Mapping[str, frozenset[str]] = {}


class Graph:
    """Actions by id, and what each one waits for.

    ``known`` are the edges of actions that an earlier graph of the same actions was made of; only what the others add is checked.
    ``made_of`` is a digest of all that says how its commands are declared, b"" where nobody knows one.

    Raises:
        ManifestError: two actions have one id, two make one path, or actions wait for each other in a circle.
    """

    def __init__(self, actions: Iterable[Action], known: Mapping[str, frozenset[str]] = _NOTHING_KNOWN, made_of: bytes = b"") -> None:
        self.made_of = made_of
        self.actions: dict[str, Action] = {}
        self._makers: dict[str, str] = {}
        self._matching: dict[str, tuple[str, ...]] = {}
        self._positions: dict[str, int] = {}  # in the order of declaration, once somebody asks
        self._sorted: list[str] = []  # the outputs, once somebody wants them so
        self._folders: dict[str, tuple[str, ...]] | None = None
        self._holders: dict[str, frozenset[str]] | None = None
        for action in actions:
            if action.id in self.actions:
                raise ManifestError(Diagnostic("PB140", f"two actions are called {action.id}", action.span))
            self.actions[action.id] = action
            for output in action.outputs:
                if output.path in self._makers:
                    other = self._makers[output.path]
                    raise ManifestError(Diagnostic("PB141", f"{other} and {action.id} both write {output.path}", action.span))
                self._makers[output.path] = action.id
        new = [action for id_, action in self.actions.items() if id_ not in known]
        for action in new:
            self._refuse_nesting(action)
        matching = functools.lru_cache(4096)(self.makers_matching)  # the cells of a target share most of their words
        self.edges: dict[str, frozenset[str]] = {**known, **{action.id: _declared_edges(action, matching) for action in new}}
        self._refuse_circles({action.id for action in new})

    def ask_for(self, ids: Iterable[str]) -> None:
        """Let whatever result there is of these actions be too old, since somebody asks for a new one."""
        self.made_of = b""
        self.actions |= {id_: msgspec.structs.replace(self.actions[id_], refresh_s=ASKED_FOR) for id_ in ids}

    def _refuse_nesting(self, action: Action) -> None:
        """Refuse an output inside another one: setting the outer one aside would take the inner one with it."""
        for output in action.outputs:
            plain = output.path.rstrip("/")
            names = (f"{plain}/", plain, *folders_above(plain))
            above = next((name for name in names if name in self._makers and name != output.path), None)
            inside = next(self._outputs_in(f"{plain}/"), None)
            if above is not None:
                self._refuse_one_inside(output.path, above)
            if inside is not None:
                self._refuse_one_inside(inside, output.path)

    def _refuse_one_inside(self, inner: str, outer: str) -> None:
        maker = self._makers[inner]
        what = f"{inner}, an output of {maker}, is in the way of {outer}, an output of {self._makers[outer]}"
        raise ManifestError(Diagnostic("PB141", what, self.actions[maker].span, help=("let neither be inside the other",)))

    def _outputs_in(self, folder: str) -> Iterator[str]:
        """Yield the outputs in ``folder``, at any depth."""
        if not self._sorted:
            self._sorted = sorted(self._makers)
        for n in range(bisect.bisect_right(self._sorted, folder), len(self._sorted)):
            if not self._sorted[n].startswith(folder):
                return
            yield self._sorted[n]

    def maker(self, path: str) -> Action | None:
        """Return the action that makes ``path``: one of its outputs, that output without its slash, or a file inside one."""
        makers = self._makers
        found = makers.get(path) or makers.get(path + "/")
        at = path.rstrip("/").rfind("/")
        while found is None and at >= 0:  # from the inside out
            found = makers.get(path[: at + 1])
            at = path.rfind("/", 0, at)
        return None if found is None else self.actions[found]

    def makers_matching(self, declared: str) -> tuple[str, ...]:
        """Return the ids of the actions with an output that the declared input (a path, folder or glob) covers."""
        if not patterns.is_glob(declared):
            return self.makers_around(declared)
        if declared not in self._matching:  # the cells of a target share their patterns
            covered = {id_ for path, id_ in self._makers.items() if patterns.covers(declared, path)}
            self._matching[declared] = tuple(sorted(covered | set(self.makers_around(declared))))
        return self._matching[declared]

    def makers_around(self, path: str) -> tuple[str, ...]:
        """Return the ids of the actions that make ``path``, something in it, or a folder that it is in."""
        found = (*self.around(path),)
        return tuple(sorted(set(found))) if len(found) > 1 else found

    def around(self, path: str) -> Iterator[str]:
        """Yield what :meth:`makers_around` returns, one by one, perhaps twice."""
        plain = path.rstrip("/")
        maker = self.maker(plain)
        if maker is not None:
            yield maker.id
        yield from map(self._makers.__getitem__, self._outputs_in(f"{plain}/"))

    def makers_in(self, folder: str) -> tuple[str, ...]:
        """Return the ids of the actions with an output whose name stands in ``folder`` ("" for the project) itself, not deeper."""
        if self._folders is None:
            found: dict[str, set[str]] = {}
            for path, id_ in self._makers.items():
                found.setdefault(_folder_of(path), set()).add(id_)
            self._folders = {name: tuple(sorted(ids)) for name, ids in found.items()}
        return self._folders.get(_slashed(folder), ())

    def makers_touched(self, path: str, *, listed: bool) -> frozenset[str]:
        """Return the ids of the actions that make what is at ``path``, or where it is ``listed``, what stands in it."""
        maker = self.maker(path)
        own = frozenset() if maker is None else frozenset((maker.id,))
        return own | frozenset(self.makers_in(path.removeprefix("."))) if listed else own

    def unlisted(self, folder: str) -> frozenset[str]:
        """Return the names in ``folder`` ("" for the project) that are folders around outputs: they come and go with those.

        That of documents counts as one whether any are declared or not: they stay when they are not any more.
        """
        return self._holders_in(folder) if _slashed(folder) else self._holders_in(folder) | {DOCUMENTS_FOLDER}

    def _holders_in(self, folder: str) -> frozenset[str]:
        if self._holders is None:
            found: dict[str, set[str]] = {}
            for path in self._makers:
                above = ""
                for inner in folders_above(path):
                    found.setdefault(above, set()).add(inner[len(above) : -1])
                    above = inner
            self._holders = {name: frozenset(names) for name, names in found.items()}
        return self._holders.get(_slashed(folder), frozenset())

    def is_holder(self, path: str) -> bool:
        """Return whether ``path`` is a folder around outputs: to whoever looks it is there, since what makes them makes it."""
        folder, _, name = path.rstrip("/").rpartition("/")
        return name in self._holders_in(folder)

    def _refuse_circles(self, new: AbstractSet[str]) -> None:
        """Refuse a circle among ``new``: no other action waits for one of them.

        There is none where each one was declared after what it waits for, as is usual.
        """
        before: set[str] = set()
        for id_ in self.actions:
            if id_ in new:
                if not self.edges[id_] & new <= before:
                    break
                before.add(id_)
        else:
            return
        try:
            graphlib.TopologicalSorter({id_: self.edges[id_] & new for id_ in new}).prepare()
        except graphlib.CycleError as error:
            raise ManifestError(circle([*reversed(error.args[1])], self.actions)) from None

    def copy(self) -> Graph:
        """Return this graph with edges of its own, to which more can be added as they are found, and actions, to tell them more."""
        copy = object.__new__(Graph)
        copy.__dict__.update(self.__dict__)
        copy.edges = dict(self.edges)
        copy.actions = dict(self.actions)
        return copy

    def _in_order(self) -> Mapping[str, int]:
        """Return the place of each action in the order of declaration."""
        if not self._positions:
            self._positions = {id_: n for n, id_ in enumerate(self.actions)}
        return self._positions

    def path(self, start: str, goal: str) -> tuple[str, ...]:
        """Return ids from ``start`` to ``goal`` along what each one waits for; empty where ``start`` does not wait for ``goal``."""
        came_from = {start: start}
        todo = [start]
        while todo:
            here = todo.pop()
            if here == goal:
                steps = [here]
                while here != start:
                    here = came_from[here]
                    steps.append(here)
                return tuple(reversed(steps))
            for other in sorted(self.edges.get(here, ())):
                if other not in came_from:
                    came_from[other] = here
                    todo.append(other)
        return ()

    def closure(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Return ``wanted`` and everything they wait for, each after what it waits for, in the order of declaration."""
        seen: dict[str, None] = {}
        todo: list[tuple[str, bool]] = [(id_, False) for id_ in reversed(wanted)]
        while todo:
            here, expanded = todo.pop()
            if here in seen:
                continue
            if expanded or not self.edges[here]:
                seen[here] = None
                continue
            todo.append((here, True))
            waits = [other for other in self.edges[here] if other not in seen]
            if len(waits) > 1:
                waits.sort(key=self._in_order().__getitem__, reverse=True)
            todo.extend([(other, False) for other in waits])
        return tuple(seen)


def _declared_edges(action: Action, matching: Callable[[str], tuple[str, ...]]) -> frozenset[str]:
    found = set(action.needs)
    for path in (*(action.inputs or ()), *action.mentioned):
        found.update(matching(path))
    return frozenset(found - {action.id})


def _slashed(folder: str) -> str:
    """Return ``folder`` with its slash; "" for the project."""
    plain = folder.rstrip("/")
    return f"{plain}/" if plain else ""


def _folder_of(path: str) -> str:
    """Return the folder that ``path`` stands in, with its slash; "" for the project."""
    folder, slash, _ = path.rstrip("/").rpartition("/")
    return folder + slash


def folders_above(path: str) -> tuple[str, ...]:
    """Return the folders that ``path`` is in, outermost first, each with its slash."""
    found = []
    end, at = len(path.rstrip("/")), path.find("/")
    while 0 <= at < end:
        found.append(path[: at + 1])
        at = path.find("/", at + 1)
    return tuple(found)


def circle(ids: Sequence[str], actions: Mapping[str, Action]) -> Diagnostic:
    """Return the diagnostic for actions that wait for each other; ``ids`` starts and ends with the same one."""
    first = min(ids)
    turn = list(ids[:-1])
    turn = turn[turn.index(first) :] + turn[: turn.index(first)] + [first]
    spans = ((id_, actions[id_].span) for id_ in turn[1:-1])
    places = [f"{id_} is declared at {span.path}:{span.line}:{span.column}" for id_, span in spans if span is not None]
    return Diagnostic(
        "PB143",
        f"these wait for each other: {ARROW.join(turn)}",
        actions[first].span,
        notes=("each needs an output of the next, so none can be first", *dict.fromkeys(places)),
        help=("take one of the needs or inputs away, or split a target in two",),
    )
