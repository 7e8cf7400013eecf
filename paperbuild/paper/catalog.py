"""What a reference in the paper can name: the targets, their cells, and the paths of their outputs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from paperbuild.engine.graph import Scalar


class Cell(msgspec.Struct, frozen=True):
    """One action of a target: its parameters (axes included) and the paths of its outputs by name."""

    action: str
    params: tuple[tuple[str, Scalar], ...]
    outputs: tuple[tuple[str, str], ...]


class CatalogTarget(msgspec.Struct, frozen=True):
    """A target as prose sees it. ``axes`` are the parameters that tell its cells apart, in the order declared; none of a plain target."""

    name: str
    cells: tuple[Cell, ...]
    axes: tuple[str, ...] = ()
    command: str = ""

    @property
    def is_sweep(self) -> bool:
        """Whether it has cells: a matrix, or a list of them."""
        return bool(self.axes)


class Catalog(msgspec.Struct, frozen=True):
    """All targets, by name, and who makes which path."""

    targets: Mapping[str, CatalogTarget]
    _by_path: dict[str, tuple[CatalogTarget, Cell, str]] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        for target in self.targets.values():
            for cell in target.cells:
                for name, path in cell.outputs:
                    self._by_path[path] = (target, cell, name)

    def target(self, identifier: str) -> CatalogTarget | None:
        """Return the target that an expression's identifier names; ``_`` stands for the ``-`` of a name."""
        found = self.targets.get(identifier)
        if found is not None:
            return found
        return next((t for name, t in self.targets.items() if name.replace("-", "_") == identifier), None)

    def maker(self, path: str) -> tuple[CatalogTarget, Cell, str] | None:
        """Return the target, the cell and the output name that ``path`` comes from: an output, or a file inside a folder output."""
        found = self._by_path.get(path)
        if found is not None:
            return found
        return next((m for p, m in self._by_path.items() if p.endswith("/") and path.startswith(p)), None)

    def paths(self) -> tuple[str, ...]:
        """Return every output path, sorted."""
        return tuple(sorted(self._by_path))
