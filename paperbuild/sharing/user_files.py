"""Where a user's own configuration lies."""

from __future__ import annotations

import os
from collections.abc import Mapping


def configuration_folder(environ: Mapping[str, str]) -> str:
    """Return the user's folder of our configuration, absolute, whether it is there or not; "" where nobody knows the user's home.

    As the XDG Base Directory Specification has it: a path that is not absolute does not count.
    """
    base = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        home = environ.get("HOME") or os.path.expanduser("~")
        base = os.path.join(home, ".config") if os.path.isabs(home) else ""
    return os.path.join(base, "paperbuild") if base else ""


def configuration_file(environ: Mapping[str, str]) -> str:
    """Return where what the user says for all projects stands, or would; "" where nobody knows the user's home."""
    folder = configuration_folder(environ)
    return os.path.join(folder, "config.toml") if folder else ""
