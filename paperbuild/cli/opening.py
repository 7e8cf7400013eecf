"""Showing a document with the program that the system has for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from paperbuild.diagnostics import Diagnostic, Severity


def open_address(address: str) -> tuple[Diagnostic, ...]:
    """Open the page at ``address`` in the user's browser; where there is none, that is a warning."""
    import webbrowser

    if webbrowser.open(address):
        return ()
    return (Diagnostic("PB189", "no browser was found that opens the page", severity=Severity.WARNING, help=(f"open {address} yourself",)),)


def open_documents(paths: Iterable[str]) -> tuple[Diagnostic, ...]:
    """Open each of the absolute ``paths``; what no program takes is a warning, because the paper is built all the same."""
    import webbrowser  # it knows xdg-open, open and start, and honours $BROWSER

    return tuple(
        Diagnostic("PB189", f"no program was found that opens {os.path.basename(path)}", severity=Severity.WARNING)
        for path in paths
        if not webbrowser.open(Path(path).as_uri())
    )
