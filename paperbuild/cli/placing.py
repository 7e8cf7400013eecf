"""Writing several files into a folder: all of them, or none."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable, Sequence

import msgspec

from paperbuild.cli.invocation import shown_path
from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError


class Placement(msgspec.Struct, frozen=True):
    """A file that is to be: its absolute ``path``, its content, and what it holds ``before`` (None: nothing is there)."""

    path: str
    after: bytes
    before: bytes | None = None


def place(placements: Sequence[Placement], base: str) -> None:
    """Write all of ``placements``; where one cannot be written, the disk is left as it was. Errors name paths relative to ``base``.

    Folders are made where they are missing. Everything is first written beside its place; only then do the files take their places, one by
    one, and back where one of them cannot.

    Raises:
        UsageError: something cannot be written, or has changed since it was read.
    """
    made: list[str] = []
    staged: list[tuple[str, Placement]] = []
    placed: list[Placement] = []
    try:
        for placement in placements:
            made += _make_folders(os.path.dirname(placement.path))
            staged.append((_stage(placement), placement))
        for temporary, placement in staged:
            _settle(temporary, placement)
            placed.append(placement)
    except BaseException as error:
        _undo(placed, (temporary for temporary, _ in staged), made)
        if isinstance(error, OSError):
            path = next((name for name in (error.filename2, error.filename) if isinstance(name, str)), base)
            raise UsageError(_refused(shown_path(base, path, base), error)) from error
        raise


def _refused(path: str, error: OSError) -> Diagnostic:
    note = "nothing was written"
    if isinstance(error, FileExistsError):
        return Diagnostic("PB187", f"{path}: somebody else made it meanwhile", notes=(note,), help=("try again",))
    return Diagnostic("PB187", f"{path}: {error.strerror}", notes=(note,))


def _make_folders(folder: str) -> list[str]:
    """Make ``folder`` and its parents; return those that were not there, outermost first."""
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    made = []
    try:
        for path in reversed(missing):
            os.mkdir(path)
            made.append(path)
    except OSError:
        _remove_folders(made)
        raise
    return made


def _stage(placement: Placement) -> str:
    folder, name = os.path.split(placement.path)
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
    except OSError as error:  # nobody knows the name of the temporary file
        raise OSError(error.errno, error.strerror, placement.path) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(placement.after)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, stat.S_IMODE(os.stat(placement.path).st_mode) if placement.before is not None else 0o666 & ~_umask())
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _umask() -> int:
    now = os.umask(0o022)
    os.umask(now)
    return now


def _settle(temporary: str, placement: Placement) -> None:
    if placement.before is None:
        try:
            os.link(temporary, placement.path)  # unlike a rename it replaces nothing
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(placement.path):
                raise FileExistsError(17, "File exists", placement.path) from None
            os.rename(temporary, placement.path)
        else:
            os.unlink(temporary)
        return
    with open(placement.path, "rb") as file:
        if file.read() != placement.before:
            raise FileExistsError(17, "File exists", placement.path)
    os.replace(temporary, os.path.realpath(placement.path))


def _undo(placed: Iterable[Placement], temporaries: Iterable[str], made: Sequence[str]) -> None:
    for placement in placed:
        with contextlib.suppress(OSError):
            if placement.before is None:
                os.unlink(placement.path)
            else:
                with open(placement.path, "wb") as file:
                    file.write(placement.before)
    for temporary in temporaries:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    _remove_folders(made)


def _remove_folders(made: Sequence[str]) -> None:
    for folder in reversed(made):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
