"""Verdicts: whether results came out again, target by target, and the file that keeps them, ``_build/verify.json``.

Format, version 1: an object with ``version``, ``paperbuild`` and ``verdicts``, a list of :class:`Verdict`, field by field, in the order of
the manifest. A call that verifies a few targets leaves the verdicts on others as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

import paperbuild
from paperbuild.engine.ports import Revision
from paperbuild.provenance.differences import Difference

VERSION = 1

Word = Literal["adopted", "identical", "within tolerance", "different", "incomplete", "not rerun"]
"""
================  ===================================================================================================================
adopted           the outputs that had been taken over from disk came out again: this settled it, they count as run from now on
identical         every output came out byte for byte
within tolerance  every output came out, as far as its tolerance wants it
different         an output came out otherwise, or the command failed
incomplete        the outputs came out, but it read what its record does not name: a change of that would go unnoticed
not rerun         nothing ran; the reasons say why
================  ===================================================================================================================
"""

FAULTS: frozenset[Word] = frozenset({"different", "incomplete"})
"""Verdicts on which a check fails."""


class OutputVerdict(msgspec.Struct, frozen=True):
    """How one output compares. ``differences`` are the first of ``count``; ``note`` says of them what their places do not."""

    name: str
    path: str
    agreement: str
    differences: tuple[Difference, ...] = ()
    count: int = 0
    note: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """The verdict on one action.

    ``reasons`` say why, in clauses: what it read, how it failed, why it was not rerun; ``detail`` has the last lines of a log. ``cause``
    says what a difference is by, as a second rerun showed. ``varied`` are the conditions that were not as in a build, ``duration_s`` and
    ``recorded_s`` how long it took and had taken. ``key`` and ``record`` name what was verified; ``log`` is that of the rerun, ``kept`` the
    folder of its copy, where it stays. ``is_adopted`` says that the outputs are still taken over, not run; ``left_out`` that it was not
    rerun because nobody asked for it by name.
    """

    action: str
    target: str
    verdict: Word
    reasons: tuple[str, ...] = ()
    outputs: tuple[OutputVerdict, ...] = ()
    cause: str = ""
    detail: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    duration_s: float = 0.0
    recorded_s: float = 0.0
    key: str = ""
    record: str = ""
    verified: str = ""
    revision: Revision | None = None
    log: str = ""
    kept: str = ""
    is_adopted: bool = False
    left_out: bool = False


class Report(msgspec.Struct, frozen=True):
    """The content of the file."""

    version: int
    paperbuild: str
    verdicts: tuple[Verdict, ...]


def report(verdicts: Iterable[Verdict], earlier: bytes, order: Sequence[str]) -> bytes:
    """Return the content of the file with these ``verdicts``, and of the ``earlier`` content (b"": none) those on other actions.

    ``order`` are the ids of the actions that there are.
    """
    found = {verdict.action: verdict for verdict in (*_read(earlier), *verdicts)}
    kept = tuple(found[id_] for id_ in order if id_ in found)
    return msgspec.json.format(msgspec.json.encode(Report(VERSION, paperbuild.__version__, kept)), indent=1) + b"\n"


def _read(data: bytes) -> tuple[Verdict, ...]:
    """Return the verdicts in a file; none where it is no such file, or of another version."""
    try:
        found = msgspec.json.decode(data, type=Report)
    except msgspec.DecodeError:
        return ()
    return found.verdicts if found.version == VERSION else ()
