"""The figures' style: the matplotlib settings that belong to a template, given to every command.

A figure drawn under them is as wide as the template's column, has its font sizes, and the same bytes from the same data. They are given
as ``MATPLOTLIBRC``, so a ``matplotlibrc`` in the project's own folder still wins, as matplotlib documents. Only the content counts, and
only for commands that look at it.
:mod:`paperbuild.mpl` reads the same file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.graph import Variable
from paperbuild.paper.declarations import DocumentSpec
from paperbuild.render.packaged import FOLDER, packaged_folder

FILE = "matplotlibrc"
_PLAIN = "article"


def style_variables(root: str, document: DocumentSpec, *, writes: bool) -> tuple[Variable, ...]:
    """Return the variable that names the style of ``document``'s template for the project in ``root``.

    The packaged file is given as it is where it is all there is to say; else what the template says comes to stand in a file of its own
    below the project's state, which is written only where ``writes`` says so.
    """
    columns = dict(document.options).get("columns", 0)
    columns = columns if isinstance(columns, int) else 0
    if document.template == _PLAIN and columns < 2 and not os.path.isdir(os.path.join(root, FOLDER, _PLAIN)):
        path = os.path.join(packaged_folder(), _PLAIN, FILE)
        with open(path, "rb") as file:
            return (Variable("MATPLOTLIBRC", path, digest_bytes(file.read()), path),)
    return _composed(root, document.template, columns, writes=writes)


def _composed(root: str, name: str, columns: int, *, writes: bool) -> tuple[Variable, ...]:
    from paperbuild.errors import BuildError
    from paperbuild.render.templates import TemplateFinder

    try:
        style = TemplateFinder(packaged_folder()).find(name, _Files(root)).matplotlibrc(columns).encode()
    except BuildError:
        return ()  # what is wrong with the template is told, with its place, by the document that needs it
    path = os.path.join(root, ".paperbuild", "given", FILE)
    if writes:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(style)
    return (Variable("MATPLOTLIBRC", path, digest_bytes(style), path),)


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
