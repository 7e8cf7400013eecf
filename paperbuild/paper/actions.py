"""From declarations to actions: each cell of each target."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from paperbuild.engine import patterns
from paperbuild.engine.graph import Action, Command, Output, Scalar, Variable, text_of
from paperbuild.engine.notebooks import EXECUTED, command
from paperbuild.errors import ManifestError
from paperbuild.paper import substitution
from paperbuild.paper.command_words import mentioned_paths
from paperbuild.paper.conversion import Faults, in_order
from paperbuild.paper.declarations import Manifest, TargetSpec
from paperbuild.paper.output_claims import Written, shared_paths
from paperbuild.paper.paths import PathError, input_path, output_path, source_path
from paperbuild.paper.toml_positions import Path


def expand(manifest: Manifest) -> tuple[Action, ...]:
    """Return the actions that the targets of ``manifest`` stand for, in the order declared; secrets have no value yet.

    Raises:
        ManifestError: a value does not fit in a path or command, or two outputs want one path; all faults are in it.
    """
    expanding = _Expanding(manifest)
    actions = tuple(expanding.action(_Cell(target, *cell)) for target in manifest.targets for cell in _cells(target))
    found = (*expanding.faults.found, *shared_paths(manifest, expanding.written))
    if found:
        raise ManifestError(*in_order(found))
    by_target: dict[str, list[Action]] = {target.name: [] for target in manifest.targets}
    for action in actions:
        by_target[action.target].append(action)
    return _with_folders(by_target)


def _with_folders(by_target: Mapping[str, Iterable[Action]]) -> tuple[Action, ...]:
    """Return the actions with what their words say about folders that outputs are in.

    Such a folder is an input with all that others write to it, so it gets its slash. Words that take in outputs of the target itself
    (``--out build``, ``rm build/*``) say where results go; as inputs they would only make its cells wait for each other.
    """
    outputs = {name: tuple(output for action in actions for output in action.outputs) for name, actions in by_target.items()}
    parents = {name: set(_parents(own)) for name, own in outputs.items()}
    anyones = set().union(*parents.values())

    def words(name: str, action: Action) -> Iterator[str]:
        for word in action.mentioned:
            own_glob = patterns.is_glob(word) and any(patterns.covers(word, output.path) for output in outputs[name])
            if word not in parents[name] and not own_glob:
                yield word + "/" if word in anyones else word

    def as_meant(name: str, action: Action) -> Action:
        mentioned = tuple(words(name, action))
        return action if mentioned == action.mentioned else replace(action, mentioned=mentioned)

    return tuple(as_meant(name, action) for name, actions in by_target.items() for action in actions)


def _parents(outputs: Iterable[Output]) -> Iterator[str]:
    for output in outputs:
        parts = output.path.rstrip("/").split("/")
        yield from ("/".join(parts[:n]) for n in range(1, len(parts)))


def _cells(target: TargetSpec) -> Iterator[tuple[str, tuple[tuple[str, Scalar], ...]]]:
    """Yield id and values of the axes of each cell: the listed ones, each with every combination of the matrix, the last axis fastest."""
    axes = [[((name, value), _in_id(name, value)) for value in values] for name, values in target.matrix]
    for listed in target.cells or ((),):
        first = [_in_id(name, value) for name, value in listed]
        for found in itertools.product(*axes):
            told = ",".join((*first, *(text for _, text in found)))
            yield f"{target.name}[{told}]" if told else target.name, (*listed, *(pair for pair, _ in found))


class _Cell:
    """A cell of ``target``; ``texts`` are its parameters as a command and a path see them."""

    __slots__ = ("axes", "id", "params", "target", "texts")

    def __init__(self, target: TargetSpec, id_: str, axes: tuple[tuple[str, Scalar], ...]) -> None:
        self.target = target
        self.id = id_
        self.axes = axes
        self.params = (*{pair[0]: pair for pair in (*target.params, *axes)}.values(),)
        self.texts = {name: text_of(value) for name, value in self.params}

    def place(self, parameter: str) -> Path:
        """Return where the manifest gives ``parameter`` the value that it has here."""
        at: Path = ("target", self.target.name)
        if parameter in dict(self.target.matrix):
            here = dict(self.axes)[parameter]
            values = dict(self.target.matrix)[parameter]
            return (*at, "matrix", parameter, next(n for n, value in enumerate(values) if value is here))
        if parameter in self.target.axes:
            listed = self.axes[: len(self.axes) - len(self.target.matrix)]
            return (*at, "cells", self.target.cells.index(listed), parameter)
        return (*at, "params", parameter)


_PLAIN_IN_ID = re.compile(r"[\w.+/-]+")


def _in_id(name: str, value: Scalar) -> str:
    """Return a parameter as an id shows it: its value in quotes where it could be taken for something else."""
    text = text_of(value)
    return f"{name}={text if _PLAIN_IN_ID.fullmatch(text) else msgspec.json.encode(text).decode()}"


class _Expanding:
    def __init__(self, manifest: Manifest) -> None:
        self.faults = Faults(manifest.text)
        self.has_executors = bool(manifest.executors)
        self.targets = {target.name: target for target in manifest.targets}
        self.written: list[Written] = []
        self.templates: dict[tuple[str, str, bool], substitution.Template] = {}
        self.needs: dict[str, tuple[str, ...]] = {}
        self.variables: dict[str, tuple[Variable, ...]] = {}
        self.fitting: set[str] = set()  # values that can be part of a path

    def action(self, cell: _Cell) -> Action:
        target = cell.target
        at: Path = ("target", target.name)
        outputs = tuple(self._outputs(cell))
        notebook = self._path(cell, target.notebook, (*at, "notebook"), source_path) if target.notebook else ""
        line = self._executing(cell, notebook, outputs) if target.notebook else self._command(cell)
        inputs = None
        if target.inputs is not None:
            found = (self._path(cell, text, (*at, "inputs", n), input_path) for n, text in enumerate(target.inputs))
            inputs = tuple(dict.fromkeys(path for path in found if path))
        return Action(
            id=cell.id,
            target=target.name,
            recipe=Command(line, target.shell, target.code, notebook),
            outputs=outputs,
            params=cell.params,
            inputs=inputs,
            mentioned=self._mentioned(target, line, notebook),
            needs=self._needs(target),
            variables=self._variables(target),
            resources=target.resources,
            observe=target.observe,
            heavy=target.heavy,
            on=target.on if self.has_executors else "",
            platform=tuple((name, "") for name in target.platform),
            retries=target.retries,
            refresh_s=target.refresh_s,
            span=target.span,
        )

    def _needs(self, target: TargetSpec) -> tuple[str, ...]:
        """Return the ids of the cells of what ``target`` needs; all cells of a target share them, as a sweep may need a sweep."""
        if target.name not in self.needs:
            needed = (self.targets[name] for name in target.needs if name in self.targets)  # of a chunk where those are not known
            self.needs[target.name] = tuple(id_ for other in needed for id_, _ in _cells(other))
        return self.needs[target.name]

    def _variables(self, target: TargetSpec) -> tuple[Variable, ...]:
        if target.name not in self.variables:
            passed = (Variable(name, value, value) for name, value in target.env)
            self.variables[target.name] = (*passed, *(Variable(name, "", None) for name in target.secrets))
        return self.variables[target.name]

    def _mentioned(self, target: TargetSpec, line: str, notebook: str) -> tuple[str, ...]:
        """Return the files that the author's words name; those of a chunk's or a notebook's command are ours."""
        if notebook:
            return (notebook,)
        return mentioned_paths(line) if target.code is None else ()

    def _command(self, cell: _Cell) -> str:
        line, wrong = self._template(cell.target, cell.target.command, in_shell=True).command(cell.texts)
        for fault in wrong:
            self.faults.within(fault, ("target", cell.target.name, "run"))
        return line

    def _executing(self, cell: _Cell, notebook: str, outputs: tuple[Output, ...]) -> str:
        """Return the command that executes ``notebook``, which is not what it is executed to."""
        executed = next((output.path for output in outputs if output.name == EXECUTED), "")
        if notebook and executed == notebook:
            helps = (f'name another place for it: outputs = {{ {EXECUTED} = "build/executed.ipynb" }}',)
            self.faults.at_value(
                "PB144", f"{notebook} would be replaced by what is executed", ("target", cell.target.name, "notebook"), helps
            )
        return command(notebook, executed)

    def _template(self, target: TargetSpec, text: str, *, in_shell: bool = False) -> substitution.Template:
        """Return ``text`` as a template; all cells of a target share it."""
        known = self.templates.get((target.name, text, in_shell))
        if known is None:
            known, wrong = substitution.parse(text, target.parameter_names, in_shell=in_shell)
            assert not wrong, "the parser refuses manifests with faults in templates"
            self.templates[target.name, text, in_shell] = known
        return known

    def _outputs(self, cell: _Cell) -> Iterator[Output]:
        for declared in cell.target.outputs:
            path = self._path(cell, declared.path, declared.at, output_path)
            if path:
                self.written.append(Written(path, cell.id, cell.target.name, declared))
                yield Output(declared.name, path, declared.stored, declared.tolerance)

    def _path(self, cell: _Cell, text: str, at: Path, rule: Callable[[str], str]) -> str:
        """Return the path ``text`` of ``cell``, "" after a fault."""
        template = self._template(cell.target, text)
        texts = cell.texts
        misfits = [name for name in template.names if not self._fits(texts[name])]
        for name in misfits:
            value = texts[name]
            message = (
                f"the value {value!r} of {name} cannot be part of the path {text!r}" if value else f"{name} is empty, and part of a path"
            )
            note = "a value in a path is not empty and has no slash, .. or character of a pattern"
            self.faults.at_value(
                "PB123", message, cell.place(name), (f"use another parameter in the path, or other values of {name}",), (note,)
            )
        if misfits:
            return ""
        try:
            return rule(template.plain(texts))
        except PathError as error:
            self.faults.at_value(error.code, f"the path {template.plain(texts)!r} {error.reason}", at, (error.mend,))
            return ""

    def _fits(self, value: str) -> bool:
        if value not in self.fitting and not _MISFIT.search(value):
            self.fitting.add(value)
        return value in self.fitting


_MISFIT = re.compile(r"^$|[/\\*?\[\]\x00-\x1f\x7f]|\.\.|^\.$")
