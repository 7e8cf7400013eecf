"""What a reference in the paper can name: the targets, their cells, and the paths of their outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from paperbuild.engine.graph import Scalar, folders_above


def meant(identifier: str, names: Collection[str]) -> str | None:
    """Return which of the targets ``names`` an expression's identifier names; ``_`` stands for the ``-`` of a name."""
    return identifier if identifier in names else next((name for name in names if name.replace("-", "_") == identifier), None)


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
        """Return the target that an expression's identifier names."""
        name = meant(identifier, self.targets)
        return None if name is None else self.targets[name]

    def maker(self, path: str) -> tuple[CatalogTarget, Cell, str] | None:
        """Return the target, the cell and the output name that ``path`` comes from: an output, or a file inside a folder output."""
        return next((self._by_path[at] for at in (path, *folders_above(path)) if at in self._by_path), None)

    def paths(self) -> tuple[str, ...]:
        """Return every output path, sorted."""
        return tuple(sorted(self._by_path))
