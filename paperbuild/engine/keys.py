"""Action keys: everything known before running, as named components and their digest.

A component's name says what it is (``param:lr``, ``input:data/train.csv``), its value is text that can be compared and shown. The
key is the digest of all of them, so two runs differ in their key exactly where :func:`differences` can say how.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine import patterns
from paperbuild.engine.digest import digest_bytes, digest_of
from paperbuild.engine.graph import STALE, Action, Command, Graph
from paperbuild.engine.observation import Observer
from paperbuild.engine.platforms import platform_here
from paperbuild.engine.ports import CommandEnvironment, StepRunner
from paperbuild.engine.reasons import InventoryOf, Kind, Reason, compared
from paperbuild.errors import InternalError

KEY_VERSION = "1"

Components = tuple[tuple[str, str], ...]


class Keyed(msgspec.Struct, frozen=True):
    """An action with its key. ``faults`` are declared inputs that do not exist; with any of them it cannot run."""

    key: str
    components: Components
    faults: tuple[Diagnostic, ...] = ()
    notices: tuple[Diagnostic, ...] = ()


_DECLARED = frozenset({"command", "shell", "code", "step", "param", "output"})


def declared(action: Action) -> dict[str, str]:
    """Return the components that are known from the manifest alone, without looking at any file."""
    pairs: dict[str, str] = {}
    if isinstance(action.recipe, Command):
        pairs |= {"command": action.recipe.line, "shell": action.recipe.shell}
        if action.recipe.code is not None:
            pairs["code"] = action.recipe.code.text
    else:
        pairs["step"] = action.recipe.runner
    pairs.update((f"param:{name}", _text(value)) for name, value in action.params)
    pairs.update((f"output:{output.name}", output.path) for output in action.outputs)
    return pairs


def name_of(components: Iterable[tuple[str, str]]) -> str:
    """Return what stands for an action as it is declared, whatever its inputs are, and whatever it is called.

    It is the same for the components of its key and for those of :func:`declared`.
    """
    told = sorted((name, value) for name, value in components if name.partition(":")[0] in _DECLARED)
    return digest_of("declared", tuple(told))


def index_of(action: Action, graph: Graph) -> bytes:
    """Return the JSON that tells a command about the cells of what it needs: target to list of parameters and output paths."""
    cells: dict[str, list[dict[str, object]]] = {}
    for id_ in action.needs:
        needed = graph.actions[id_]
        outputs = {output.name: output.path for output in needed.outputs}
        cells.setdefault(needed.target, []).append({"params": dict(needed.params), "outputs": outputs})
    return msgspec.json.format(msgspec.json.encode(cells), indent=1) + b"\n"


def _cells(action: Action, graph: Graph) -> dict[str, str]:
    """Return what :func:`index_of` tells, cell by cell: an id to a digest."""
    needed = (graph.actions[id_] for id_ in action.needs)
    return {cell.id: digest_bytes(msgspec.json.encode((cell.params, cell.outputs)))[:16] for cell in needed}


def params_of(action: Action) -> bytes:
    """Return the JSON that tells a command its parameters."""
    return msgspec.json.format(msgspec.json.encode(dict(action.params)), indent=1) + b"\n"


class KeyMaker:
    """Computes keys of the actions of ``graph`` as the project stands now."""

    def __init__(self, graph: Graph, observer: Observer, environment: CommandEnvironment, runners: Mapping[str, StepRunner]) -> None:
        self._graph = graph
        self._observer = observer
        self._environment = environment
        self._runners = runners

    def key(self, action: Action) -> Keyed:
        """Return the key of ``action``; all that it needs must be settled."""
        pairs = {"version": KEY_VERSION, **declared(action)}
        if isinstance(action.recipe, Command):
            pairs["platform"] = platform_here()
            for name, told in action.platform:
                pairs[f"platform:{name}"] = told or self._environment.answer(("platform", name)) or "unknown"
            pairs.update(self._environment.counted(action))
        else:
            pairs.update((f"config:{name}", _text(value)) for name, value in action.recipe.config)
            pairs.update((f"program:{name}", value) for name, value in self._runner(action.recipe.runner).fingerprint())
        if action.needs:
            digest = digest_bytes(index_of(action, self._graph))
            pairs["cells"] = self._observer.inventories.note(digest, len(action.needs), partial(_cells, action, self._graph))
        faults, notices = self._add_inputs(action, pairs)
        components = tuple(sorted(pairs.items()))
        return Keyed(digest_of("action", components), components, faults, notices)

    def _runner(self, name: str) -> StepRunner:
        try:
            return self._runners[name]
        except KeyError:
            raise InternalError(f"no runner for {name} steps") from None

    def inputs(self, action: Action) -> Iterator[tuple[str, bool]]:
        """Yield the paths that are declared as inputs of ``action``, and whether each was by name."""
        own = tuple(output.path for output in action.outputs)
        notebook = notebook_of(action)
        if notebook:
            yield notebook, True
        for declared in action.inputs or ():
            if patterns.is_glob(declared):
                yield from ((path, False) for path in self._observer.expand(declared, own))
            elif not patterns.is_within(declared, own):
                yield declared, True

    def supposed(self, action: Action) -> Iterator[str]:
        """Yield the paths that a command is supposed to read where nothing observes it.

        Those are, besides its declared inputs, the project files that its words name or may name one day, and all outputs of what it needs.
        """
        yield from self.words(action)
        for id_ in action.needs:
            yield from (output.path for output in self._graph.actions[id_].outputs)

    def words(self, action: Action) -> Iterator[str]:
        """Yield the project files that words of its command name or may name one day."""
        own = tuple(output.path for output in action.outputs)
        words = (word for word in action.mentioned if word != notebook_of(action))  # of which not all counts: the key holds what does
        yield from (word for word in words if not patterns.is_within(word, own))

    def makers(self, action: Action) -> Iterator[str]:
        """Yield the ids of the actions that make its inputs, found by where their paths lead: through links, ``..`` or from ``/``."""
        for path in (*(action.inputs or ()), *action.mentioned):
            place = None if patterns.is_glob(path) else self._observer.inside(path)
            if place is not None and place != path.rstrip("/"):
                yield from self._graph.makers_around(place)

    def _add_inputs(self, action: Action, pairs: dict[str, str]) -> tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...]]:
        own = tuple(output.path for output in action.outputs)
        faults = []
        for path, by_name in self.inputs(action):
            digest = self._observer.folder_digest(path, as_input=True, without=own)
            if path == notebook_of(action):
                digest = self._observer.notebook_digest(path)
            elif digest is None:
                digest = self._observer.file_digest(path.rstrip("/"))
            if digest is not None:
                name = f"input:{path.encode(errors='backslashreplace').decode()}"  # a record is text; a name may be bytes
                pairs[name] = digest if pairs.get(name, digest) == digest else f"{pairs[name]} {digest}"
            elif by_name:
                faults.append(_missing_input(action, path))
        notices = [
            Diagnostic(
                "PB411",
                f"the inputs {declared} of {action.id} match no file",
                action.span,
                Severity.WARNING,
                help=("mend the pattern; it is matched from the project's folder, and * stays within one name",),
            )
            for declared in action.inputs or ()
            if patterns.is_glob(declared) and not self._observer.expand(declared, own)
        ]
        return tuple(faults), tuple(notices)


def notebook_of(action: Action) -> str:
    """Return the path of the notebook that ``action`` executes; "" for none."""
    return action.recipe.notebook if isinstance(action.recipe, Command) else ""


def _missing_input(action: Action, path: str) -> Diagnostic:
    return Diagnostic(
        "PB410",
        f"{path}, an input of {action.id}, does not exist",
        action.span,
        notes=("no target makes it, and it is no file",),
        help=("mend the path, or declare the target that writes it",),
    )


_TYPES = ("str", "int", "float", "bool", "tuple", "NoneType")


def _text(value: object) -> str:
    """Return ``value`` with the name of its type; a text as it is, unless it begins as if it were something else."""
    if isinstance(value, str):
        return f"str {value}" if value.startswith(tuple(f"{name} " for name in _TYPES)) else value
    return f"{type(value).__name__} {value!r}"


_KINDS: Mapping[str, Kind] = {
    "command": "command",
    "shell": "shell",
    "code": "code",
    "platform": "platform",
    "version": "keys",
    "cells": "cells",
    "step": "step",
    "config": "option",
    "stale": "earlier",
    "param": "parameter",
    "variable": "variable",
    "tool": "program",
    "program": "maker",
    "output": "output",
    "input": "input",
}
"""What a component is called in a reason, by the first word of its name."""


def differences(now: Components, then: Components, inventory: InventoryOf = lambda _: None) -> Iterator[Reason]:
    """Yield each way in which the components ``now`` differ from those of ``then``, inputs last.

    ``inventory`` tells what the digest of a folder, or of cells, stands for.
    """
    old, new = dict(then), dict(now)
    for name in sorted(old.keys() | new.keys(), key=lambda name: (name.startswith("input:"), name)):
        before, after = old.get(name), new.get(name)
        if before != after:
            kind, _, what = name.removeprefix("config:" if name.startswith(f"config:{STALE}") else "").partition(":")
            reason = Reason(_KINDS.get(kind, "keys"), what, before, after)  # a record may be of another version
            yield compared(reason, inventory) if kind in {"input", "cells"} else reason
