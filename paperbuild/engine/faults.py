"""What the disk refuses, as a diagnostic."""

from __future__ import annotations

from paperbuild.diagnostics import Diagnostic, Span


def disk_fault(what: str, error: OSError, span: Span | None = None) -> Diagnostic:
    """Return the error for something that the file system refused while ``what`` was dealt with."""
    where = f": {error.filename!s}" if error.filename else ""
    return Diagnostic("PB406", f"{what}: {error.strerror or error}{where}", span, help=("is the disk full, or a folder not writable?",))
