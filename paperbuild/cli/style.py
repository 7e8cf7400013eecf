"""The figures' style: the matplotlib settings that belong to a template, given to every command.

A figure drawn under them is as wide as the template's column, has its font sizes, and the same bytes from the same data. They are given
as ``MATPLOTLIBRC``, so a ``matplotlibrc`` in the project's own folder still wins, as matplotlib documents. Only the content counts in keys.
"""

from __future__ import annotations

import os

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.graph import Variable
from paperbuild.render.packaged import packaged_folder

FILE = "matplotlibrc"
_FALLBACK = "article"


def style_variables(root: str, template: str) -> tuple[Variable, ...]:
    """Return the variable that names the style of ``template`` for the project in ``root``: its own, or the packaged one."""
    places = [os.path.join(root, "templates", template), *(os.path.join(packaged_folder(), name) for name in (template, _FALLBACK))]
    for place in places:
        path = os.path.join(place, FILE)
        try:
            with open(path, "rb") as file:
                return (Variable("MATPLOTLIBRC", path, digest_bytes(file.read())),)
        except OSError:
            continue
    return ()
