"""Where the templates are that come with paperbuild. On the standard library alone: a build with nothing to do asks for it."""

from __future__ import annotations

import os

FOLDER = "templates"


def packaged_folder() -> str:
    """Return the folder of the templates that come with paperbuild.

    A wheel has them inside the package; an editable install and a source tree have them beside it.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    inside = os.path.join(package, FOLDER)
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), FOLDER)
