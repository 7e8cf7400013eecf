"""From a name in an expression to cells and files: one account of it, for what may be read and for what is.

The first part of a path below a target is, in this order: the name of an output (``-`` written ``_``), ``params``, an axis of the
sweep, or the short form, a key of exactly one of the data outputs. Names declared in the manifest come first, so that what a
reference means never changes with what a script happens to write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from paperbuild.diagnostics import did_you_mean
from paperbuild.engine.graph import Scalar
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.paper.data import Number, Value, describe
from paperbuild.paper.faults import Misfit
from paperbuild.paper.formats import named
from paperbuild.paper.names import folded
from paperbuild.paper.results import DATA_SUFFIXES, is_data

PARAMETERS = "params"
"""What reaches a cell's parameters: ``train.params.lr``."""


class View(msgspec.Struct, frozen=True):
    """A target, or the cells of a sweep that ``where`` left. ``many`` says that its values are lists, one element for each cell.

    A ``where`` that leaves exactly one cell gives a view of that single cell: its values are no lists.
    """

    target: CatalogTarget
    cells: tuple[Cell, ...]
    many: bool


_DASHED = re.compile(r"(?P<dot>\.\s*)?(?P<run>[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)+)")


def dash_help(text: str, offset: int, names: Iterable[str], what: str) -> tuple[str, ...]:
    """Return the help for an unknown name at ``offset`` of ``text`` that is part of a name with ``-`` to its author; often none.

    ``names`` are those that could be meant there, each of them ``what`` ("target", "output").
    """
    for found in _DASHED.finditer(text):
        if not found.start("run") <= offset < found.end("run"):
            continue
        run = found["run"]
        meant = [name for name in names if "-" in name and (run == name or run.startswith(f"{name}-"))]
        if meant:
            name = max(meant, key=len)
            return (f"- is minus here: write {folded(name)} for the {what} {name}",)
        if found["dot"] is not None:
            return (f'- is minus here: write {folded(run)} for an output of the name {run}, ["{run}"] for a key',)
    return ()


def view_of(catalog: Catalog, name: str, text: str, offset: int) -> View:
    """Return the target that ``name``, at ``offset`` of the expression ``text``, means.

    Raises:
        Misfit: PB211, there is no such target.
    """
    target = catalog.target(name)
    if target is not None:
        return View(target, target.cells, target.is_sweep)
    if not catalog.targets:
        raise Misfit(
            "PB211",
            f"there is no target {name}: this paper has none",
            help=(f"declare [target.{name}] in a paperbuild.toml that names this paper as a source",),
        )
    help_lines = dash_help(text, offset, catalog.targets, "target") or did_you_mean(name, map(folded, catalog.targets))
    raise Misfit("PB211", f"there is no target {name}", help=help_lines, notes=(f"the targets are {named(sorted(catalog.targets))}",))


def narrowed(view: View, conditions: Mapping[str, Value]) -> View:
    """Return the view of those cells whose parameters are as ``conditions`` say.

    Raises:
        Misfit: PB218, the target is no sweep, has no such parameter, or no such cell.
    """
    target = view.target
    if not target.is_sweep:
        raise Misfit(
            "PB218", f"{target.name} is no sweep: where has nothing to choose from", help=(f"leave it out: {folded(target.name)}.…",)
        )
    if not conditions:
        raise Misfit("PB218", "where needs a parameter", help=(f"write .where({target.axes[0]}=…)",))
    cells = view.cells
    for name, wanted in conditions.items():
        known = dict.fromkeys(key for cell in view.cells for key, _ in cell.params)
        if name not in known:
            help_lines = did_you_mean(name, known)
            raise Misfit("PB218", f"{target.name} has no parameter {name}", help=help_lines, notes=(f"there is {named(known)}",))
        kept = tuple(cell for cell in cells if _equal(dict(cell.params).get(name), wanted))
        if not kept:
            values = tuple(dict.fromkeys(dict(cell.params).get(name) for cell in cells))
            message = f"no cell of {target.name} has {name} = {_shown(wanted)}"
            notes = (f"{name} is {named(dict.fromkeys(map(_written, values)))}",)
            raise Misfit("PB218", message, notes=notes, help=_other_kind(name, wanted, values))
        cells = kept
    return View(target, cells, len(cells) > 1)


class Part(msgspec.Struct, frozen=True):
    """What the first key below a target means: ``output`` is a name, ``parameter`` one too ("" for all of them); none: the short form."""

    output: str | None = None
    parameter: str | None = None


def part_of(target: CatalogTarget, key: str | int) -> Part:
    """Return what ``key`` directly below ``target`` means."""
    outputs = [name for name, _ in target.cells[0].outputs] if target.cells else []
    if key in outputs:
        return Part(output=str(key))
    by_fold = {folded(name): name for name in outputs}
    if key in by_fold:
        return Part(output=by_fold[str(key)])
    if key == PARAMETERS:
        return Part(parameter="")
    return Part(parameter=str(key)) if key in target.axes else Part()


def parameters(cell: Cell) -> Mapping[str, Value]:
    """Return a cell's parameters as data."""
    return MappingProxyType({name: _as_value(value) for name, value in cell.params})


def output_path(cell: Cell, name: str) -> str:
    """Return the path of a cell's output, which is data.

    Raises:
        Misfit: PB219, it is a folder or a file that expressions do not read.
    """
    path = dict(cell.outputs)[name]
    if not is_data(path):
        what = "a folder" if path.endswith("/") else "no file of values"
        message = f"the output {name} of {cell.action} is {what}: {path}"
        raise Misfit("PB219", message, help=(f"values are read from {', '.join(DATA_SUFFIXES)}",))
    return path


def data_outputs(cell: Cell) -> tuple[tuple[str, str], ...]:
    """Return name and path of those outputs of ``cell`` that the short form looks into."""
    return tuple((name, path) for name, path in cell.outputs if is_data(path))


def read_below(view: View, key: str | int | None) -> tuple[tuple[Cell, str], ...]:
    """Return the cells and paths that ``key`` directly below ``view`` may read; None: a key that is only known when it is evaluated."""
    part = Part() if key is None else part_of(view.target, key)
    if part.parameter is not None:
        return ()
    if part.output is not None:
        return tuple((cell, output_path(cell, part.output)) for cell in view.cells)
    return tuple((cell, path) for cell in view.cells for _, path in data_outputs(cell))


def _equal(parameter: Scalar | None, wanted: Value) -> bool:
    """Return whether a parameter has a value; true is not 1 here, though it is in Python."""
    if isinstance(wanted, Number):
        return not isinstance(parameter, bool) and isinstance(parameter, int | float) and parameter == wanted.value
    return type(parameter) is type(wanted) and parameter == wanted


def _other_kind(name: str, wanted: Value, values: Iterable[Scalar | None]) -> tuple[str, ...]:
    """Return the help where a parameter is a number and was written as text, or the other way round."""
    text = _shown(wanted).strip("'")
    meant = next((value for value in values if str(value) == text or (isinstance(value, bool) and str(value).lower() == text)), None)
    return () if meant is None else (f"write {name}={_written(meant)}",)


def _written(value: Scalar | None) -> str:
    """Return a parameter as an expression writes it."""
    return str(value).lower() if isinstance(value, bool) else f"'{value}'" if isinstance(value, str) else str(value)


def _as_value(value: Scalar) -> Value:
    if isinstance(value, bool | str):
        return value
    return Number(value, repr(value))


def _shown(value: Value) -> str:
    return str(value.value) if isinstance(value, Number) else f"'{value}'" if isinstance(value, str) else describe(value)
