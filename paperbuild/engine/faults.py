"""What the disk refuses, as a diagnostic."""

from __future__ import annotations

import errno

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
