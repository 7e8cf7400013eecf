"""What both ways of ``paperbuild init``, a new paper and ``--here``, put beside the files that stand there."""

from __future__ import annotations

import os

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.starting import project

NOBODY = "Your Name"
"""Who writes the paper where neither the command line nor git says it."""


def editor_files(root: str) -> dict[str, str]:
    """Return the files by which VS Code knows of the project in ``root``: its tasks, and the schema of the manifest.

    Raises:
        UsageError: there are tasks already, and they cannot be understood.
    """
    from paperbuild.starting.editor import TASKS, with_tasks

    try:
        with open(os.path.join(root, TASKS), "rb") as file:
            before = file.read()
    except FileNotFoundError:
        before = None
    except OSError as error:
        raise UsageError(Diagnostic("PB187", f"{TASKS}: {error.strerror}", notes=("nothing was written",))) from error
    return {TASKS: with_tasks(before), project.SCHEMA: project.schema()}


def gitignore(root: str, lines: str) -> str:
    """Return what ``.gitignore`` in ``root`` becomes: what it holds, and those of ``lines`` that it lacks at its end."""
    path = os.path.join(root, ".gitignore")
    if not os.path.isfile(path):
        return lines
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:  # its line ends stay
        text = file.read()
    there = {line.strip().rstrip("/") for line in text.splitlines()}
    missing = [line for line in lines.splitlines() if not line.startswith("#") and line.strip().rstrip("/") not in there]
    return text + ("\n" if text and not text.endswith("\n") else "") + "".join(f"{line}\n" for line in missing)
