"""Who owns what stands at an output's path. Pure: the table of the design, and a test goes through it row by row.

=============  =====================================================================  ===========================================
standing       what is there                                                          what a build may do
=============  =====================================================================  ===========================================
absent         nothing                                                                write
wanted         exactly the content to be placed                                       nothing needs doing
ours           what we published last; what any record of this output names;          replace, remove
               anything, while the journal entry of a run that writes it is open
recoverable    what the index or the last commit of version control holds; a folder   keep as a blob, then replace
               of such files and of such as records of this output name
foreign        anything else: somebody's work                                         nothing, without ``--adopt``/``--overwrite``
=============  =====================================================================  ===========================================
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from enum import StrEnum

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action


class Standing(StrEnum):
    """Whose the content at an output's path is."""

    ABSENT = "absent"
    WANTED = "wanted"
    OURS = "ours"
    RECOVERABLE = "recoverable"
    FOREIGN = "foreign"


class Claims(msgspec.Struct, frozen=True):
    """What can be known of an output's path: asked only as far as needed, cheapest first."""

    published: str | None
    journalled: bool
    recorded: Callable[[str], bool]
    recoverable: Callable[[], bool]


def judge(found: str | None, wanted: str | None, claims: Claims) -> Standing:
    """Return whose the content with digest ``found`` is, where ``wanted`` is the digest to be placed (None: not known yet)."""
    if found is None:
        return Standing.ABSENT
    if found == wanted:
        return Standing.WANTED
    if claims.journalled or found == claims.published or claims.recorded(found):
        return Standing.OURS
    if claims.recoverable():
        return Standing.RECOVERABLE
    return Standing.FOREIGN


def refusal(action: Action, path: str) -> Diagnostic:
    """Return the error for an output whose content is somebody's own."""
    return Diagnostic(
        "PB420",
        f"{path} was not made by paperbuild, or was changed since",
        action.span,
        needed_by=(action.id,),
        notes=("its content is in no record of this output and not in version control, so it is left as it is",),
        help=(
            f"to keep it as the result of {action.id}: paperbuild adopt {shlex.quote(action.id)}",
            "to replace it: --overwrite (the old content stays in the store)",
            "or move the file away",
        ),
    )
