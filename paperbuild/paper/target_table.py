"""From a target's table to its declaration: the checks that types cannot say."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping

from paperbuild.diagnostics import did_you_mean
from paperbuild.engine.graph import Resources, Scalar, Tolerance, text_of
from paperbuild.engine.notebooks import EXECUTED
from paperbuild.paper import names, substitution
from paperbuild.paper.conversion import Faults, missing_key
from paperbuild.paper.declarations import OutputSpec, TargetSpec
from paperbuild.paper.paths import PathError, input_path, output_path
from paperbuild.paper.quantities import QuantityError, duration_s, size_bytes
from paperbuild.paper.schema import Outputs, OutputTable, ResourcesTable, TargetTable, ToleranceTable
from paperbuild.paper.toml_positions import Path

MOST_CELLS = 200_000
"""A matrix with more cells is a slip: each is a process, a line of progress and a record."""

_OUTPUT_WORDS = names.KEYWORDS | {"params", "where"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_target(name: str, table: TargetTable, faults: Faults) -> TargetSpec:
    """Return the declaration in ``table``; what is wrong with it goes to ``faults``, and then the result is not to be used."""
    return _TargetReading(name, table, faults).spec()


def check_name(name: str, what: str, at: Path, faults: Faults, reserved: Collection[str] = names.KEYWORDS) -> None:
    """Add to ``faults`` what is wrong with the name ``name`` of a target, output or parameter."""
    if not names.is_name(name):
        better = names.name_from(name, "")
        help_lines = (f"for example {better}",) if better else ()
        rule = "a name starts with a letter and holds letters, digits, _ and single hyphens"
        faults.at_key("PB106", f"{name!r} cannot be the name of {what}", at, help_lines, (rule,))
    elif name in reserved:
        why = "expressions in the paper use this word themselves"
        faults.at_key("PB107", f"{name} cannot be the name of {what}", at, ("choose another name",), (why,))


def check_folded(found: Iterable[tuple[str, Path]], what: str, faults: Faults) -> None:
    """Add a fault for each name that expressions cannot tell from an earlier one."""
    first: dict[str, str] = {}
    for name, at in found:
        other = first.setdefault(names.folded(name), name)
        if other != name:
            note = "in an expression - is minus, so both are written " + names.folded(name)
            faults.at_key("PB108", f"the {what} {name} and {other} have one name", at, ("rename one",), (note,))


class _TargetReading:
    def __init__(self, name: str, table: TargetTable, faults: Faults) -> None:
        self.name = name
        self.table = table
        self.faults = faults
        self.at: Path = ("target", name)

    def spec(self) -> TargetSpec:
        table = self.table
        check_name(self.name, "a target", self.at, self.faults, names.KEYWORDS | names.FUNCTIONS)
        self._check_parameters()
        self._check_recipe()
        outputs = tuple(self._outputs())
        for n, declared in enumerate(table.inputs or ()):
            self._path(declared, (*self.at, "inputs", n), is_output=False)
        self._check_variables()
        return TargetSpec(
            name=self.name,
            command=table.run or "",
            outputs=outputs,
            params=tuple(table.params.items()),
            matrix=tuple(table.matrix.items()),
            cells=self._cells(),
            inputs=table.inputs,
            needs=tuple(dict.fromkeys(table.needs)),
            env=tuple((name, str(value)) for name, value in table.env.items()),
            secrets=tuple(dict.fromkeys(table.secrets)),
            shell=table.shell,
            observe=table.observe,
            heavy=table.heavy,
            on=table.on or "",
            platform=tuple(dict.fromkeys(table.platform)),
            retries=table.retries,
            refresh_s=self._refresh(),
            resources=self._resources(table.resources),
            span=self.faults.text.key(self.at),
            told=f"papermill {table.notebook}" if table.notebook else "",
            notebook=table.notebook or "",
        )

    def _check_recipe(self) -> None:
        """Check that it says what is done, once."""
        table = self.table
        if table.run is not None:
            self._template(table.run, (*self.at, "run"), in_shell=True)
        if table.notebook is None:
            for key in table.needed:
                if getattr(table, key) is None:
                    missing_key(key, self.at, self.faults)
            return
        self._path(table.notebook, (*self.at, "notebook"), is_output=False)
        if table.run is not None:
            helps = ("keep one of them; a notebook's parameters come from params and matrix",)
            self.faults.at_key("PB144", "a target runs a command or executes a notebook, and this has both", (*self.at, "notebook"), helps)
        elif not table.notebook.endswith(".ipynb"):
            helps = ('a script is run by a command: run = "python …"',)
            self.faults.at_value("PB144", f"{table.notebook} is no notebook: it does not end in .ipynb", (*self.at, "notebook"), helps)

    def _check_parameters(self) -> None:
        params, matrix, listed = self.table.params, self.table.matrix, self._listed()
        places: list[tuple[str, Path]] = []
        for at, table in (((*self.at, "params"), params), ((*self.at, "matrix"), matrix), ((*self.at, "cells", 0), listed)):
            for name in table:
                check_name(name, "a parameter", (*at, name), self.faults)
                places.append((name, (*at, name)))
        for name in matrix.keys() & params.keys():
            help_lines = (f"keep one; a profile that wants a single value writes matrix = {{ {name} = [value] }}",)
            self.faults.at_key("PB113", f"{name} is a parameter and an axis of the matrix", (*self.at, "matrix", name), help_lines)
        for name in listed.keys() & (matrix.keys() | params.keys()):
            where = "an axis of the matrix" if name in matrix else "a parameter"
            self.faults.at_key("PB113", f"{name} is in the listed cells, and {where}", (*self.at, "cells", 0, name), ("keep one",))
        check_folded(places, "parameters", self.faults)
        for name, values in matrix.items():
            self._check_axis(name, values)
        cells = math.prod((len(self.table.cells) or 1, *(len(values) for values in matrix.values())))
        if cells > MOST_CELLS:
            key = "matrix" if matrix else "cells"
            self.faults.at_key("PB115", f"there are {cells} cells; at most {MOST_CELLS} are possible", (*self.at, key))

    def _check_axis(self, name: str, values: tuple[Scalar, ...]) -> None:
        seen: dict[str, int] = {}
        for n, value in enumerate(values):
            text = text_of(value)
            if seen.setdefault(text, n) != n:
                self.faults.at_value("PB114", f"{name} has the value {text} twice", (*self.at, "matrix", name, n), ("take one away",))

    def _listed(self) -> Mapping[str, Scalar]:
        """Return the first of the cells that are listed, which says what all of them have."""
        return next(iter(self.table.cells), {})

    def _cells(self) -> tuple[tuple[tuple[str, Scalar], ...], ...]:
        """Return the listed cells, their parameters in the order of the first."""
        first = self._listed()
        seen: dict[tuple[str, ...], int] = {}
        for n, cell in enumerate(self.table.cells):
            at = (*self.at, "cells", n)
            for name in cell.keys() - first.keys():
                meant = did_you_mean(name, first.keys() - cell.keys()) or ("all cells have the same parameters: add it to the others",)
                self.faults.at_key("PB119", f"{name} is in this cell, and not in the first", (*at, name), meant)
            for name in first.keys() - cell.keys():
                self.faults.at_value("PB119", f"this cell has no {name}, and the first one has", at, (f"add {name} = …",))
            texts = tuple(text_of(cell[name]) for name in first if name in cell)
            if seen.setdefault(texts, n) != n:
                self.faults.at_value("PB114", "this cell is listed twice", at, ("take one away",))
        return tuple(tuple((name, cell[name]) for name in first if name in cell) for cell in self.table.cells)

    def _outputs(self) -> Iterable[OutputSpec]:
        at = (*self.at, "outputs")
        declared = self.table.outputs or ()
        yield from self._executed(declared)
        if not isinstance(declared, Mapping):
            for n, (name, path) in enumerate(zip(derived_names(declared), declared, strict=True)):
                self._path(path, (*at, n), is_output=True)
                taken = name == EXECUTED and self.table.notebook is not None
                yield OutputSpec(f"{name}_file" if taken else name, path, stored=True, at=(*at, n))
            return
        check_folded(((name, (*at, name)) for name in declared), "outputs", self.faults)
        for name, output in declared.items():
            check_name(name, "an output", (*at, name), self.faults, _OUTPUT_WORDS)
            here = (*at, name, "path") if isinstance(output, OutputTable) else (*at, name)
            path, stored = (output.path, output.store) if isinstance(output, OutputTable) else (output, True)
            self._path(path, here, is_output=True)
            tolerance = _tolerance(output.tolerance) if isinstance(output, OutputTable) else None
            yield OutputSpec(name, path, stored, here, tolerance)

    def _executed(self, declared: Outputs | tuple[()]) -> Iterable[OutputSpec]:
        """Yield the executed notebook where the outputs do not name it: in build/, called after the target and its axes."""
        if self.table.notebook is not None and not (isinstance(declared, Mapping) and EXECUTED in declared):
            axes = (*self._listed(), *self.table.matrix)
            yield OutputSpec(EXECUTED, f"build/{'-'.join((self.name, *(f'{{{name}}}' for name in axes)))}.ipynb", stored=True, at=self.at)

    def _path(self, text: str, at: Path, *, is_output: bool) -> None:
        template = self._template(text, at)
        if template is None:
            return
        try:
            sample = template.plain(dict.fromkeys(template.names, "x"))
            _ = output_path(sample) if is_output else input_path(sample)
        except PathError as error:
            kind = "output" if is_output else "input"
            self.faults.at_value(error.code, f"the {kind} {text!r} {error.reason}", at, (error.mend,))

    def _template(self, text: str, at: Path, *, in_shell: bool = False) -> substitution.Template | None:
        template, wrong = substitution.parse(text, (*self.table.params, *self._listed(), *self.table.matrix), in_shell=in_shell)
        for fault in wrong:
            self.faults.within(fault, at)
        return None if wrong else template

    def _check_variables(self) -> None:
        for name in self.table.env:
            if not _VARIABLE.fullmatch(name):
                self.faults.at_key("PB106", f"{name!r} cannot be the name of an environment variable", (*self.at, "env", name))
        for n, name in enumerate(self.table.secrets):
            at = (*self.at, "secrets", n)
            if not _VARIABLE.fullmatch(name):
                help_lines = ("name the variable; its value comes from your environment",)
                self.faults.at_value("PB106", f"{name!r} cannot be the name of an environment variable", at, help_lines)
            elif name in self.table.env:
                self.faults.at_value("PB108", f"{name} is in env and in secrets", at, ("keep it in one of the two",))

    def _refresh(self) -> float | None:
        text = self.table.refresh
        if text is None or text == "always":
            return None if text is None else 0.0
        try:
            seconds = duration_s(text)
        except QuantityError as error:
            self.faults.at_value("PB112", f"refresh cannot be {text!r}", (*self.at, "refresh"), (f'{error}; or write "always"',))
            return None
        if seconds == 0:
            self.faults.at_value("PB112", "refresh cannot be no time at all", (*self.at, "refresh"), ('write "always"',))
        return seconds

    def _resources(self, table: ResourcesTable) -> Resources:
        at = (*self.at, "resources")
        memory, time = 0, None
        try:
            memory = 0 if table.mem is None else size_bytes(table.mem)
        except QuantityError as error:
            self.faults.at_value("PB112", f"mem cannot be {table.mem!r}", (*at, "mem"), (str(error),))
        try:
            time = None if table.time is None else duration_s(table.time)
            if time == 0:
                self.faults.at_value("PB112", "time cannot be no time at all", (*at, "time"), ("leave it out for no limit",))
        except QuantityError as error:
            self.faults.at_value("PB112", f"time cannot be {table.time!r}", (*at, "time"), (str(error),))
        return Resources(table.cpu, table.gpu, memory, time, table.partition or "")


def _tolerance(said: float | ToleranceTable | None) -> Tolerance | None:
    """Return the tolerance that a manifest's number, which is for numbers and pictures alike, or table stands for."""
    if isinstance(said, ToleranceTable):
        return Tolerance(said.relative, said.absolute, said.pixels)
    return None if said is None else Tolerance(relative=said, pixels=min(said, 1.0))


def derived_names(paths: Iterable[str]) -> tuple[str, ...]:
    """Return names for the outputs ``paths``: their stems; stem and ending where stems are equal or reserved; then numbers."""
    plain = [re.sub(r"\{[^{}]*\}", "", path).replace("{{", "").replace("}}", "").rstrip("/").rpartition("/")[2] for path in paths]
    stems = [names.name_from(name.rpartition(".")[0] or name, "output") for name in plain]
    folded = [names.folded(stem) for stem in stems]
    chosen: list[str] = []
    taken: set[str] = set()
    for name, stem in zip(plain, stems, strict=True):
        unclear = folded.count(names.folded(stem)) > 1 or stem in _OUTPUT_WORDS
        base = names.name_from(name.replace(".", "_"), "output") if unclear else stem
        base = f"{base}_output" if base in _OUTPUT_WORDS else base
        free, n = base, 2
        while names.folded(free) in taken:
            free, n = f"{base}_{n}", n + 1
        taken.add(names.folded(free))
        chosen.append(free)
    return tuple(chosen)
