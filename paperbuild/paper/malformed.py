"""The error for a fault in a result file, at its place in the file: what the readers of all formats raise."""

from __future__ import annotations

from paperbuild.diagnostics import Diagnostic, span_at
from paperbuild.errors import BuildError


def malformed(code: str, path: str, text: str, offset: int, message: str, *help_lines: str) -> BuildError:
    """Return the error for a fault ``offset`` characters into ``text``, the content of the result file ``path``."""
    return BuildError(Diagnostic(code, message, span_at(path, text, offset), help=help_lines))
