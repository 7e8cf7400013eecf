"""Programs that stand in a source: how a command comes by one, and which line of the source a line of its log means.

The program is put into a private file that is called like the source, at the very lines where the source has it: behind as many empty ones.
So whatever tells of a line, in any language, tells the source's, without anything being translated; and what a program sees of itself
(``__file__``, its text, its lines) is a file like any other. That file is written anew before each run, and its lines are no part of the
key: places do not count. To hand the text over by ``-c`` would limit it to 128 KiB, and Python would show no lines of it in tracebacks.
"""

from __future__ import annotations

import posixpath
import re

from paperbuild.diagnostics import Span
from paperbuild.engine.graph import Code
from paperbuild.engine.ports import FileSystem


def code_file(folder: str, code: Code) -> str:
    """Return the path of the file for ``code`` in ``folder``, what an action is given. Nothing else is beside it: Python looks there."""
    return f"{folder}/code/{posixpath.basename(code.path) or 'code'}"


def put(code: Code, folder: str, fs: FileSystem) -> str:
    """Write the file for ``code``, and return its path."""
    path = code_file(folder, code)
    fs.remove_tree(posixpath.dirname(path))
    fs.make_folder(posixpath.dirname(path))
    fs.write(path, ("\n" * (code.line - 1) + code.text + "\n").encode())
    return path


def as_in_source(text: str, path: str, code: Code) -> str:
    """Return what a program told, with the source's path for that of its file ``path``."""
    return text.replace(path, code.path)


def fault_span(text: str, path: str, code: Code) -> Span | None:
    """Return the line of the source that what a program told last names: where its fault stands."""
    named = [int(match[1]) for match in _naming(path).finditer(text)]
    if not named:
        return None
    number = named[-1]
    lines = code.text.split("\n")
    if not code.line <= number < code.line + len(lines):
        return None
    line = lines[number - code.line]
    words = line.strip()
    column = code.margin + len(line) - len(line.lstrip()) + 1
    return Span(code.path, number, column, max(1, len(words)), " " * code.margin + line)


def _naming(path: str) -> re.Pattern[str]:
    """Return what Python (``File "x", line 3``), bash (``x: line 3:``), dash (``x: 3:``) and R (``x:3:``, ``x#3``) make of a line."""
    return re.compile(rf"{re.escape(path)}(?:\", line |: line |: |#|:)(\d+)")
