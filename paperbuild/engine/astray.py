"""What is told of files that a command wrote, changed or took away where nobody expects it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.findings import Findings
from paperbuild.engine.graph import Action
from paperbuild.phrases import listed

MOST_TOLD = 8
"""How many paths a warning names: some programs leave a thousand files."""

_MOST_NAMED = 2


def astray(action: Action, findings: Findings) -> Iterator[Diagnostic]:
    """Yield a warning for what ``action`` left undeclared, one for what it had read and changed, one for what it had read and took away."""
    spent, strays = {*findings.spent}, {*findings.strays}
    left = _outermost([path for path in findings.strays if path not in spent])
    if left:
        yield _stray(action, left)
    for did, paths in (
        ("changed", [path for path in findings.spent if path in strays]),
        ("took away", [path for path in findings.spent if path not in strays]),
    ):
        if paths:
            yield _spent(action, paths, did)


def _outermost(paths: Sequence[str]) -> list[str]:
    """Return ``paths`` without those that are in a folder among them, which get a slash."""
    found: list[str] = []
    for path in sorted(paths, key=lambda path: path.split("/")):
        within = found[-1].rstrip("/") + "/" if found else "/"
        if path.startswith(within):
            found[-1] = within
        else:
            found.append(path)
    return found


def _stray(action: Action, paths: Sequence[str]) -> Diagnostic:
    what, them = _named(paths)
    return Diagnostic(
        "PB415",
        f"{action.id} wrote {what}, which its outputs do not declare",
        action.span,
        severity=Severity.WARNING,
        notes=(f"{'it stays' if len(paths) == 1 else 'they stay'} in the project, where the next run finds {them}",),
        help=(f"add {paths[0] if len(paths) == 1 else them} to the outputs of {action.target}, or write {them} outside the project",),
        detail=_list(paths),
    )


def _spent(action: Action, paths: Sequence[str], did: str) -> Diagnostic:
    what, them = _named(paths)
    is_one = len(paths) == 1
    so = "it counts as it is" if is_one else "they count as they are"
    meaning = f"from now on {so} now" if did == "changed" else f"the next run does not find {them}"
    mend = f"let it leave {paths[0]} as it is" if is_one else "let it leave them as they are"
    return Diagnostic(
        "PB418",
        f"{action.id} {did} {what}, which it had read",
        action.span,
        severity=Severity.WARNING,
        notes=(f"so nobody can make this result again from the same input: {meaning}",),
        help=(f"{mend}, and write another file",),
        detail=_list(paths),
    )


def _named(paths: Sequence[str]) -> tuple[str, str]:
    """Return what to call ``paths``, and the pronoun for that."""
    return listed(paths, _MOST_NAMED), "it" if len(paths) == 1 else "them"


def _list(paths: Sequence[str]) -> tuple[str, ...]:
    if len(paths) <= _MOST_NAMED:
        return ()
    more = len(paths) - MOST_TOLD
    return tuple(paths) if more <= 1 else (*paths[:MOST_TOLD], f"… and {more} more")
