"""How an editor opens a file at a line: by an address that the browser hands to it, or by a command that is run on this machine."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping

import msgspec

from paperbuild.diagnostics import Diagnostic, did_you_mean
from paperbuild.errors import UsageError

# Addresses as the editors' own documentation has them; commands for those that have none.
_ADDRESSES = {
    "vscode": "vscode://file{file}:{line}:{column}",
    "vscode-insiders": "vscode-insiders://file{file}:{line}:{column}",
    "vscodium": "vscodium://file{file}:{line}:{column}",
    "cursor": "cursor://file{file}:{line}:{column}",
    "windsurf": "windsurf://file{file}:{line}:{column}",
    "zed": "zed://file{file}:{line}:{column}",
    "textmate": "txmt://open?url=file://{file}&line={line}&column={column}",
}
_COMMANDS = {
    "emacs": "emacsclient --no-wait +{line}:{column} {file}",
    "gvim": "gvim --remote-silent +{line} {file}",
    "kate": "kate --line {line} --column {column} {file}",
    "sublime": "subl {file}:{line}:{column}",
}
_PROGRAMS = {
    "code": "vscode",
    "code-insiders": "vscode-insiders",
    "codium": "vscodium",
    "cursor": "cursor",
    "windsurf": "windsurf",
    "zed": "zed",
    "zeditor": "zed",
    "mate": "textmate",
    "emacsclient": "emacs",
    "gvim": "gvim",
    "kate": "kate",
    "subl": "sublime",
}
_PLACEHOLDER = re.compile(r"\{(file|line|column)\}")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.\-]+:", re.IGNORECASE)
_BROWSERS_OWN = re.compile(r"(?:file|javascript|data|blob|vbscript|https?):", re.IGNORECASE)  # no editor, and some of them would be code


class Editor(msgspec.Struct, frozen=True):
    """One of both, with {file} (absolute), {line} and {column} in it; neither where no editor is known."""

    address: str = ""
    command: tuple[str, ...] = ()

    def words(self, file: str, line: int, column: int) -> tuple[str, ...]:
        """Return the command for a place."""
        given = {"file": file, "line": str(line), "column": str(column)}
        return tuple(_PLACEHOLDER.sub(lambda found: given[found[1]], word) for word in self.command)


def editor_of(wanted: str, environ: Mapping[str, str]) -> Editor:
    """Return the editor that ``wanted`` names, or is the address or command of; without it, the one that ``environ`` tells of.

    Raises:
        UsageError: there is no such name, or the file has no place in it.
    """
    wanted = wanted.strip() or _told(environ)
    if not wanted:
        return Editor()
    if wanted in _COMMANDS or wanted in _ADDRESSES:
        wanted = _ADDRESSES.get(wanted) or _COMMANDS[wanted]
    if "{file}" not in wanted or _BROWSERS_OWN.match(wanted):
        names = (*_ADDRESSES, *_COMMANDS)
        advice = (
            *did_you_mean(wanted, names),
            f"known are {', '.join(names)}",
            "or give an address or a command with {file} and {line} in it",
        )
        raise UsageError(Diagnostic("PB174", f"--editor {wanted}: there is no editor of that name", help=advice))
    if _ADDRESS.match(wanted):
        return Editor(address=wanted)
    try:
        return Editor(command=tuple(shlex.split(wanted)))
    except ValueError as error:
        raise UsageError(Diagnostic("PB174", f"--editor {wanted}: {str(error).lower()}", help=("close the quotation mark",))) from None


def _told(environ: Mapping[str, str]) -> str:
    """Return the name of the editor that ``environ`` tells of; those that need a terminal are none of ours."""
    for name in ("VISUAL", "EDITOR"):
        program = os.path.basename((environ.get(name, "").split() or [""])[0])
        if program in _PROGRAMS:
            return _PROGRAMS[program]
    return "vscode" if environ.get("TERM_PROGRAM") == "vscode" else ""
