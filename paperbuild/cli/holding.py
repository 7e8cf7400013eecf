"""Who lets heavy targets wait besides ``--no-heavy``: a profile of the manifest, and the user of this machine."""

from __future__ import annotations

import os

from msgspec.structs import replace

from paperbuild.cli.wiring import Project
from paperbuild.engine.options import BuildOptions

VARIABLE = "PAPERBUILD_NO_HEAVY"
"""Set to anything but "" and "0" it says that this is no machine for heavy targets."""


def holding(options: BuildOptions, project: Project) -> BuildOptions:
    """Return ``options``, with heavy targets held where the profile of ``project`` or the user says so."""
    wished = project.plan.holds_heavy or os.environ.get(VARIABLE, "") not in {"", "0"}
    return replace(options, no_heavy=True) if wished else options
