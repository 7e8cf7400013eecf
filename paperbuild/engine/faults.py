"""What the disk refuses, as a diagnostic."""

from __future__ import annotations

import errno
from collections.abc import Iterable

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.errors import BuildError, WriteError

_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def refused(error: OSError, fault: Diagnostic) -> BuildError:
    """Return what is raised where a build cannot begin, because the file system refuses with ``error``."""
    return (WriteError if error.errno in _CLOSED else BuildError)(fault)


def disk_fault(what: str, error: OSError, span: Span | None = None) -> Diagnostic:
    """Return the error for something that the file system refused while ``what`` was dealt with."""
    where = f": {error.filename!s}" if error.filename else ""
    return Diagnostic("PB406", f"{what}: {error.strerror or error}{where}", span, help=("is the disk full, or a folder not writable?",))


def unwritten(action: str, path: str, beside: Iterable[str], log: str, span: Span | None = None) -> Diagnostic:
    """Return the error for the output ``path`` that a command did not write; ``beside`` are the names where it should stand."""
    message, notes = f"{action} ended well but did not write {path}", (f"its log is {log}",)
    name = path.rstrip("/").rpartition("/")[2]
    for other in beside:
        if other != name and _composed(other).casefold() == _composed(name).casefold():
            how = "is written with other characters that look the same" if _composed(other) == _composed(name) else "differs in case"
            return Diagnostic("PB412", message, span, notes=(f"there is {other}, whose name {how}", *notes), help=("write both alike",))
    return Diagnostic("PB412", message, span, notes=notes, help=("mend the path in outputs, or the command",))


def _composed(name: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", name)
