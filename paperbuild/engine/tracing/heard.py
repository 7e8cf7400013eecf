"""What Pythons told of themselves where nobody watches them: the file that ``hook/sitecustomize.py`` writes, read into sightings.

It holds, each with a zero byte behind it, lines of process, kind and path: a call of Python's own. What was there before the command ran
is not known any more, and neither is what libraries below Python read: h5py, Arrow, ctypes, other programs.
"""

from __future__ import annotations

import os
from typing import cast

from paperbuild.engine.jobs import Seen, Sighting, State, Watch
from paperbuild.engine.tracing.sightings import Sightings

VARIABLE = "PAPERBUILD_HEARD"
"""Names that file to Pythons."""

UNHEARD = "-"
"""Instead of the name of a file: nobody wants to be told anything."""

_SEPARATOR = b"\x02"


def heard(data: bytes, watch: Watch) -> Seen:
    """Return what the content of such a file says, as far as ``watch`` wants to know it; a line that was cut short says nothing."""
    sightings = Sightings(os.fsencode(watch.kept), tuple(map(os.fsencode, watch.dropped)), tuple(map(os.fsencode, watch.grouped)))
    for line in data.split(b"\0")[:-1]:
        parts = line.split(_SEPARATOR, 2)
        if len(parts) == 3 and parts[0].isdigit():
            _take(sightings, int(parts[0]), parts[1], parts[2])
    return seen_of(sightings)


def _take(sightings: Sightings, process: int, kind: bytes, path: bytes) -> None:
    if kind in {b"N", b"L", b"P"}:
        sightings.told(kind + _SEPARATOR + path, process)
        if kind != b"L":
            return
        kind = b"O0"
    path = os.path.normpath(path)
    if not path.startswith(b"/") or not sightings.matters(path):
        return
    if kind.startswith(b"O") and kind[1:].isdigit():
        flags = int(kind[1:])
        if flags & os.O_CREAT and flags & (os.O_WRONLY | os.O_RDWR):
            flags |= os.O_TRUNC  # whether there was something is not known any more: it may have made it
        sightings.opened(path, flags, process)
    elif kind == b"W":
        sightings.wrote(path)
    elif kind == b"M":
        sightings.made_folder(path)


def seen_of(sightings: Sightings) -> Seen:
    """Return sightings as what is told of a command."""
    return Seen(
        tuple(Sighting(os.fsdecode(path), bits, cast("State | None", state)) for path, (bits, state) in sightings.seen.items()),
        tuple((os.fsdecode(prefix), tuple(sorted(map(os.fsdecode, names)))) for prefix, names in sightings.groups.items() if names),
        tuple((os.fsdecode(path), os.fsdecode(text)) for path, text in sightings.links.items()),
        tuple(sorted(map(os.fsdecode, sightings.sought))),
        touched=os.fsdecode(sightings.touched),
    )
