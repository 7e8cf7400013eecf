"""The exceptions of paperbuild, and what a process exits with for each.

::

    PaperbuildError             carries diagnostics
    ├── UsageError              2   the command line or the manifest is wrong
    │   └── ManifestError       2
    ├── BuildError              1   an action failed, or the paper has an error
    │   └── WriteError          1
    └── Interrupted           130   Ctrl-C or SIGTERM
    InternalError              70   a bug in paperbuild; not a PaperbuildError, so nothing catches it by accident
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from paperbuild.diagnostics import Diagnostic


class ExitCode(IntEnum):
    """What the process exits with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DIFFERENT = 3
    INTERNAL = 70
    INTERRUPTED = 130


class PaperbuildError(Exception):
    """Something the user can mend. Carries one or more diagnostics."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("; ".join(d.message for d in diagnostics))
        self.diagnostics = diagnostics


class UsageError(PaperbuildError):
    """The command line asks for something that does not exist or does not fit."""

    exit_code = ExitCode.USAGE


class ManifestError(UsageError):
    """``paperbuild.toml`` cannot be understood."""


class BuildError(PaperbuildError):
    """An action failed, or a source has an error."""


class WriteError(BuildError):
    """Nothing can be written where a project keeps its state, so nothing can be built; what is up to date can still be told."""


class HungUp(KeyboardInterrupt):
    """The terminal is gone, which is no wish that what runs elsewhere ends: it is as if Ctrl-C had been typed, but for that."""


class Interrupted(PaperbuildError):  # noqa: N818 - no error: what the user asked for
    """The user asked to stop; what was running has been ended and undone."""

    exit_code = ExitCode.INTERRUPTED


class InternalError(Exception):
    """A bug in paperbuild: something that cannot happen did."""
