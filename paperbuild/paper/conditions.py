"""Conditions on the rows of a table: expressions whose names are columns, ``acc > 0.5 and model != 'base'``.

The language is that of references (:mod:`paperbuild.paper.expressions`); a name means the entry of the row at hand. Two more names
reach what no identifier can: ``row["F1 score"]`` is the entry of any column, ``table.acc`` all entries of one, as in
``acc >= mean(table.acc)``. A column of either name comes first.
"""

from __future__ import annotations

from collections.abc import Mapping

from paperbuild.diagnostics import did_you_mean
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.data import Entry, Table, Value
from paperbuild.paper.evaluation import Evaluation
from paperbuild.paper.expressions import Expression, Name
from paperbuild.paper.faults import Finding, Misfit, ReferenceFault
from paperbuild.paper.formats import named, plain
from paperbuild.paper.reading import parse_expression
from paperbuild.paper.results import ResultCache

ROW = "row"
TABLE = "table"


class Condition:
    """A condition on the rows of ``table``.

    Raises:
        ReferenceFault: ``text`` is no expression.
    """

    def __init__(self, text: str, table: Table) -> None:
        self._text = text
        self._table = table
        self._tree: Expression = parse_expression(text)

    def holds(self, index: int) -> bool:
        """Return whether the row at ``index`` satisfies it.

        Raises:
            ReferenceFault: a name is no column, an operation does not fit its operands, or the result is neither true nor false (PB225).
        """
        found = _RowEvaluation(self._text, self._table, index).printable(self._tree)
        if isinstance(found, bool):
            return found
        told = plain(found) or "a list or a group"
        fault = Finding("PB225", f"a condition is true or false, and this is {told}", 0, len(self._text), ("compare it: acc > 0.5",))
        raise ReferenceFault(fault)


class _RowEvaluation(Evaluation):
    """One evaluation for one row."""

    def __init__(self, text: str, table: Table, index: int) -> None:
        super().__init__(text, Catalog({}), ResultCache(_read_nothing))
        self._table = table
        self._row: Mapping[str, Entry] = table.row(index)

    def _named(self, node: Name) -> Value:
        if node.name in self._row:
            return self._row[node.name]
        if node.name == ROW:
            return self._row
        if node.name == TABLE:
            return self._table
        columns = self._table.columns
        help_lines = did_you_mean(node.name, columns)
        raise Misfit("PB280", f"there is no column {node.name}", help=help_lines, notes=(f"the columns are {named(columns)}",))


def _read_nothing(path: str) -> bytes:
    raise FileNotFoundError(path)
