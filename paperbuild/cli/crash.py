"""A bug in paperbuild: what the user sees of it, and the file that a report needs."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import traceback

from paperbuild import __version__
from paperbuild.diagnostics import Diagnostic


def crash_report(error: BaseException, folder: str) -> Diagnostic:
    """Save the traceback of ``error`` and return the few lines that the screen shows instead.

    The file goes to the project's ``.paperbuild/`` where ``folder`` has one, else to the folder for temporary files.
    """
    lines = traceback.format_exception(error)
    saved = _save("".join([f"{_system()}\n{' '.join(sys.argv)}\n\n", *lines]), folder)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    where = f"the traceback is in {saved}" if saved else "the traceback could not be saved"
    return Diagnostic(
        "PB199",
        f"paperbuild has a bug: {what}",
        notes=(_system(), where),
        help=("please report it with that file; what was built before is untouched",),
    )


def _system() -> str:
    return f"paperbuild {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def _save(text: str, folder: str) -> str:
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    own, elsewhere = os.path.join(folder, ".paperbuild"), tempfile.gettempdir()
    for place, path in ((own, os.path.join(own, name)), (elsewhere, os.path.join(elsewhere, f"paperbuild-{name}"))):
        try:
            with open(path, "x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return os.path.relpath(path, folder) if place == own else path
    return ""
