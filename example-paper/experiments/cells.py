"""Where the results of a sweep are: from the index that paperbuild writes, or, when a script is run by hand, from a glob."""

import json
import os
from pathlib import Path


def outputs(target: str, name: str, otherwise: str) -> list[Path]:
    """Return the paths of one output of all cells of a sweep, in the order of the sweep.

    Args:
        target: The sweep's name in the manifest.
        name: The output's name in the manifest.
        otherwise: A glob below the project's root, for runs outside a build.
    """
    index = os.environ.get("PAPERBUILD_INDEX")
    if not index:
        return sorted(Path().glob(otherwise))
    cells = json.loads(Path(index).read_text(encoding="utf-8"))[target]
    return [Path(cell["outputs"][name]) for cell in cells]
