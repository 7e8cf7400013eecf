"""Jupyter notebooks as recipes: what of one counts, how a command comes by it, what its execution tells. Format: nbformat 4.

A notebook changes whenever somebody looks at it: outputs, numbers of executions, which kernel it was opened with, what editors note. None
of that decides what it computes, so a notebook is taken as what is left without it. That is what the key holds, and what is executed.
"""

from __future__ import annotations

import os
import posixpath
import shlex

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action
from paperbuild.engine.ports import FileSystem

EXECUTED = "notebook"
"""The name of the output that is the executed notebook."""

RUNNER = "PAPERBUILD_NOTEBOOK"
"""The variable that tells a command which program executes notebooks."""

_RUNNER_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "papermill_runner", "run.py")
_PYTHON = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def command(notebook: str, executed: str) -> str:
    """Return the command that executes the project's ``notebook`` and writes it to ``executed``."""
    return f'python "${RUNNER}" {shlex.join((notebook, executed))}'


def reduced(data: bytes) -> bytes:
    """Return of the notebook ``data`` what counts, as a notebook; what cannot be read as one of version 4 as it is.

    Cells keep their kind, source, tags and attachments; the notebook its language, and the name of its kernel where that is no Python.
    """
    try:
        book = _books.decode(data)
    except msgspec.DecodeError:
        return data
    if book.nbformat != 4:
        return data
    told = book.metadata.kernelspec
    language = told.language or book.metadata.language_info.name or "python"
    kernel = _PYTHON if language.lower() == "python" else {"display_name": told.name, "language": language, "name": told.name}
    cells = [_kept(n, cell) for n, cell in enumerate(book.cells, 1)]
    metadata = {"kernelspec": kernel, "language_info": {"name": kernel["language"]}}
    made = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


class _Spec(msgspec.Struct, frozen=True):
    name: str = ""
    language: str = ""


class _BookMetadata(msgspec.Struct, frozen=True):
    kernelspec: _Spec = _Spec()
    language_info: _Spec = _Spec()


class _CellMetadata(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] = ()


class _Cell(msgspec.Struct, frozen=True):
    cell_type: str
    source: str | tuple[str, ...] = ""
    metadata: _CellMetadata = _CellMetadata()
    attachments: dict[str, dict[str, str]] = {}


class _Book(msgspec.Struct, frozen=True):
    nbformat: int
    cells: tuple[_Cell, ...] = ()
    metadata: _BookMetadata = _BookMetadata()


_books = msgspec.json.Decoder(_Book)  # before there are threads: see paperbuild.engine.tracing.executor


def _kept(number: int, cell: _Cell) -> dict[str, object]:
    source = cell.source if isinstance(cell.source, str) else "".join(cell.source)
    tags = {"tags": cell.metadata.tags} if cell.metadata.tags else {}
    kept: dict[str, object] = {"cell_type": cell.cell_type, "id": f"cell-{number}", "metadata": tags, "source": source}
    if cell.cell_type == "code":
        kept |= {"execution_count": None, "outputs": ()}
    elif cell.attachments:
        kept["attachments"] = dict(sorted(cell.attachments.items()))
    return kept


def notebook_file(folder: str, notebook: str) -> str:
    """Return the path of the file in ``folder``, what an action is given, for what counts of ``notebook``."""
    return f"{folder}/code/{posixpath.basename(notebook)}"


def put(notebook: str, data: bytes, folder: str, fs: FileSystem) -> str:
    """Write what counts of ``notebook``, whose content is ``data``, into ``folder``, and return its path."""
    path = notebook_file(folder, notebook)
    fs.remove_tree(posixpath.dirname(path))
    fs.make_folder(posixpath.dirname(path))
    fs.write(path, reduced(data))
    return path


def runner() -> str:
    """Return the path of the program that executes notebooks. It is ours: it counts by our version, as all our modules do."""
    return _RUNNER_FILE


class Fault(msgspec.Struct, frozen=True):
    """What the execution of a notebook tells of its failure.

    ``kind`` is "cell", "lacking" (of a package), "kernel" (that there is not), or "malformed".
    ``cell`` and ``line`` count from 1; 0 where nobody knows.
    """

    kind: str
    error: str
    cell: int = 0
    line: int = 0
    code: str = ""


_faults = msgspec.json.Decoder(Fault)


def told_fault(notebook: str, folder: str, fs: FileSystem) -> Fault | None:
    """Return what the last execution of ``notebook`` told of its failure in ``folder``; None where it told nothing."""
    path = f"{posixpath.dirname(notebook_file(folder, notebook))}/fault.json"
    if fs.stat(path) is None:
        return None
    try:
        return _faults.decode(fs.read(path))
    except (OSError, msgspec.DecodeError):
        return None


def explained(found: Diagnostic, fault: Fault, action: Action, notebook: str) -> Diagnostic:
    """Return the diagnostic ``found`` of a command that failed, in the words of its notebook."""
    notes = found.notes[-1:]  # where the whole log is
    if fault.kind == "lacking":
        message = f"{action.id} is a notebook, and {fault.error} is not installed in the Python that executes it"
        helps = (
            "python -m pip install papermill ipykernel, in the environment that the manifest names",
            "or where that is paperbuild's own: pip install 'paperbuild[notebook]'",
        )
        return Diagnostic("PB446", message, found.span, help=helps)
    if fault.kind == "kernel":
        message = f"{action.id} is a notebook for the kernel {fault.error}, which is not installed"
        show = ("jupyter kernelspec list  shows those that are; one for R comes with IRkernel, one for Julia with IJulia",)
        return Diagnostic("PB446", message, found.span, help=show)
    if fault.kind == "malformed":
        message = f"{notebook}, which {action.id} executes, is no notebook"
        mend = ("open it in Jupyter and save it; notebooks older than version 4 are converted so",)
        return Diagnostic("PB447", message, found.span, notes=(fault.error,), help=mend)
    at = f"cell {fault.cell}, line {fault.line}" if fault.line else f"cell {fault.cell}"
    told = (f"{at}: {fault.code}", *notes)
    return Diagnostic("PB440", f"{action.id} failed in {at} of {notebook}: {fault.error}", found.span, notes=told, detail=found.detail)
