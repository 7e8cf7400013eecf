"""Which paperbuild this is: what it keeps for itself is of no use to another one."""

from __future__ import annotations

import os
from functools import cache

from paperbuild import __version__

_PACKAGES = ("", "engine", "paper")


@cache
def who_we_are() -> str:
    """Return words that change with our version, and with our code as it lies here, whoever edits or installs it."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    newest, size = 0, 0
    for name in _PACKAGES:
        with os.scandir(os.path.join(package, name)) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    stat = entry.stat()
                    newest, size = max(newest, stat.st_mtime_ns, stat.st_ctime_ns), size + stat.st_size
    return f"{__version__} {newest} {size}"
