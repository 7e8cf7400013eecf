"""One call of the program: where it stands, what it may say, and how it says it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.terminal.progress import Verbosity
from paperbuild.terminal.screen import Screen, escaped, screen_of

if TYPE_CHECKING:
    from paperbuild.terminal.meter import Meter


class Invocation(msgspec.Struct, frozen=True):
    """What every command is given.

    ``folder`` is where the project is looked for (``-C``), ``shown_from`` the folder that printed paths are relative to: where the
    user's shell stands. ``json`` says that standard output takes one JSON object and nothing else is said; ``report`` is a file that gets
    such an object, too ("": none).
    """

    folder: str
    shown_from: str
    verbosity: Verbosity = Verbosity.NORMAL
    json: bool = False
    report: str = ""
    stdout: TextIO = msgspec.field(default_factory=lambda: sys.stdout)
    stderr: TextIO = msgspec.field(default_factory=lambda: sys.stderr)
    environ: Mapping[str, str] = msgspec.field(default_factory=lambda: os.environ)

    @property
    def screen(self) -> Screen:
        """What the stream of the narration can show."""
        return screen_of(self.stderr, self.environ)

    def answer(self, line: str, *, lead: str = "", tone: str = "") -> None:
        """Print one line of what was asked for, made safe, to standard output; ``lead`` comes first, in the colour ``tone``."""
        self.answer_parts(((lead, tone), (line, "")))

    def answer_parts(self, parts: Iterable[tuple[str, str]]) -> None:
        """Print one line of what was asked for, made of texts, each in its colour ("": none)."""
        color = screen_of(self.stdout, self.environ).color
        line = "".join(f"\x1b[{tone}m{escaped(text)}\x1b[0m" if tone and text and color else escaped(text) for text, tone in parts)
        self.stdout.write(f"{line.rstrip()}\n")

    def narrate(self, line: str) -> None:
        """Print one line of narration to standard error, unless the call is to be quiet."""
        if self.verbosity >= Verbosity.NORMAL and not self.json:
            self.stderr.write(escaped(line) + "\n")
            self.stderr.flush()

    def meter(self) -> Meter:
        """Return what shows on standard error how far something is, where that is a terminal and the call is not to be quiet."""
        from paperbuild.terminal.meter import Meter

        return Meter(self.stderr, self.screen, quiet=self.json or self.verbosity < Verbosity.NORMAL)

    def complain(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Print diagnostics to standard error; with ``--json`` they are part of the object instead."""
        from paperbuild.terminal.diagnostics import render

        if not self.json:
            screen = self.screen
            self.stderr.write(render(tuple(diagnostics), color=screen.color, width=screen.width))
            self.stderr.flush()

    def shown(self, root: str, path: str) -> str:
        """Return the project-relative ``path`` as the user's shell would name it."""
        return shown_path(root, path, self.shown_from)


def shown_path(root: str, path: str, base: str) -> str:
    """Return ``path``, relative to ``root``, relative to ``base`` instead; absolute where it lies further up than two folders."""
    whole = os.path.join(root, path)
    try:
        relative = os.path.relpath(whole, base)
    except ValueError:  # another drive
        return whole
    return whole if relative.startswith(os.path.join("..", "..", "..")) else relative.replace(os.sep, "/")


def relocated(diagnostics: Iterable[Diagnostic], root: str, base: str) -> tuple[Diagnostic, ...]:
    """Return ``diagnostics`` with the places, which are relative to ``root``, as seen from ``base``: an editor can open them."""
    return tuple(d if d.span is None else replace(d, span=replace(d.span, path=shown_path(root, d.span.path, base))) for d in diagnostics)
