"""Which kind of machine is this, as far as results may depend on it?"""

from __future__ import annotations

import os
import sys


def platform_here() -> str:
    """Return the kind of machine that every command's key holds: "Linux x86_64"."""
    return f"{os.uname().sysname} {os.uname().machine}"


def python_here() -> str:
    """Return which Python runs this, as far as it must be the same at both ends of a parcel's way: "cpython 3.12"."""
    return f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"
