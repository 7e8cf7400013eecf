"""The figures' style: the matplotlib settings that belong to a template, given to every command.

A figure drawn under them is as wide as the template's column, has its font sizes, and the same bytes from the same data. They are given
as ``MATPLOTLIBRC``, so a ``matplotlibrc`` in the project's own folder still wins, as matplotlib documents. Only the content counts in keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.graph import Variable
from paperbuild.paper.declarations import DocumentSpec
from paperbuild.render.packaged import packaged_folder

FILE = "matplotlibrc"
_FALLBACK = "article"


def style_variables(root: str, document: DocumentSpec, *, writes: bool) -> tuple[Variable, ...]:
    """Return the variable that names the style of ``document``'s template for the project in ``root``: its own, or the packaged one.

    With several columns the style is a file of its own below the project's state, which is written only where ``writes`` says so.
    """
    columns = dict(document.options).get("columns", 1)
    if isinstance(columns, int) and columns > 1:
        return _narrowed(root, document.template, columns, writes=writes)
    places = [os.path.join(root, "templates", document.template)]
    places += [os.path.join(packaged_folder(), name) for name in (document.template, _FALLBACK)]
    for place in places:
        path = os.path.join(place, FILE)
        try:
            with open(path, "rb") as file:
                return (Variable("MATPLOTLIBRC", path, digest_bytes(file.read())),)
        except OSError:
            continue
    return ()


def _narrowed(root: str, name: str, columns: int, *, writes: bool) -> tuple[Variable, ...]:
    from paperbuild.render.templates import TemplateFinder

    style = TemplateFinder(packaged_folder()).find(name, _Files(root)).matplotlibrc(columns).encode()
    path = os.path.join(root, ".paperbuild", "given", f"{FILE}-{columns}")
    if writes:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(style)
    return (Variable("MATPLOTLIBRC", path, digest_bytes(style)),)


class _Files:
    """The project's files as a template's finder reads them, unrecorded: what counts is the style that comes of them."""

    def __init__(self, root: str) -> None:
        self._root = root

    def require(self, paths: Iterable[str]) -> None:
        """Nothing here is any target's output."""

    def read(self, path: str) -> bytes:
        with open(os.path.join(self._root, path), "rb") as file:
            return file.read()

    def exists(self, path: str) -> bool:
        return os.path.isfile(os.path.join(self._root, path))
