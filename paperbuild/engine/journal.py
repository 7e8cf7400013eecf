"""What was set aside for runs that have not ended: one small file for each, from which any later build can put things right.

An entry is written before anything is moved and removed when the run is published or undone. Its phases:

``moving``    outputs of earlier runs are being renamed aside; no process was started. Undone by renaming back what was moved.
``running``   the command runs, or ran, in the process group named. Undone by ending the group, removing what it wrote, and renaming
              back; an output that had something aside which is gone has been given back already, and is left alone.

A project may be moved or copied, its journal with it. Each entry says where it was written (``at``), and is read with the paths that it has
here. What runs for a project is ended with it where it was moved; what runs for the one that this is a copy of is none of ours.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Callable
from typing import Literal

import msgspec

from paperbuild.engine.digest import digest_of
from paperbuild.engine.jobs import Errand
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.trace import Item


class Held(msgspec.Struct, frozen=True):
    """One output: its path, and the path that what stood there was renamed to (None: nothing stood there), both absolute."""

    path: str
    aside: str | None


class Sent(msgspec.Struct, frozen=True):
    """That a run goes on elsewhere, by whom and where (its ``errand`` has a handle), under the action key ``key``.

    ``supposed`` is what it is supposed to read, as that was when it was sent.
    """

    errand: Errand
    key: str
    supposed: tuple[tuple[str, Item], ...] = ()


class Entry(msgspec.Struct, frozen=True):
    """One run that has not ended.

    One that was ``sent`` elsewhere outlives the build that sent it, and is undone only by a build that wants something else of the action.
    ``identity`` tells the process group ``group`` from a later one with the same number; ``made`` are the folders that were made for
    its outputs, outer ones first. ``at`` is the machine and the journal that it was written in, with a colon between. ``owned`` are the
    digests of what was set aside and is ours, by output path: no record may name it any more.
    """

    action: str
    outputs: tuple[Held, ...]
    phase: Literal["moving", "running"] = "moving"
    group: int | None = None
    identity: str = ""
    made: tuple[str, ...] = ()
    sent: Sent | None = None
    at: str = ""
    owned: dict[str, str] = {}


_decoder = msgspec.json.Decoder(Entry)  # before there are threads: see paperbuild.engine.tracing.executor


class Journal:
    """The open entries, files in ``folder``."""

    def __init__(self, fs: FileSystem, folder: str) -> None:
        self._fs = fs
        self._folder = folder
        self._machine = os.uname().nodename

    def _path(self, action: str) -> str:
        return f"{self._folder}/{digest_of('journal', action)[:24]}.json"

    def write(self, entry: Entry) -> Entry:
        """Write ``entry`` in place of an earlier one of the same action; it is on the disk when this returns."""
        path = self._path(entry.action)
        entry = msgspec.structs.replace(entry, at=f"{self._machine}:{self._folder}")
        self._fs.write(path + ".new", msgspec.json.encode(entry))
        self._fs.flush(path + ".new")
        self._fs.rename(path + ".new", path)
        self._fs.flush(self._folder)
        return entry

    def close(self, entry: Entry) -> None:
        """Remove ``entry``: nothing is left to undo."""
        self._fs.unlink(self._path(entry.action))

    def entries(self, *, drops: bool = True) -> tuple[Entry, ...]:
        """Return the open entries. One that was never written in full moved nothing, and is dropped, unless nothing may be written."""
        found = []
        for name in self._fs.names(self._folder):
            if name.endswith(".json"):
                try:
                    found.append(self._here(_decoder.decode(self._fs.read(f"{self._folder}/{name}"))))
                except msgspec.DecodeError:
                    if drops:
                        self._fs.unlink(f"{self._folder}/{name}")
        return tuple(found)

    def find(self, action: str) -> Entry | None:
        """Return the open entry of ``action``; None where it has none that was written in full. Changes nothing."""
        try:
            return self._here(_decoder.decode(self._fs.read(self._path(action))))
        except (OSError, msgspec.DecodeError):
            return None

    def _here(self, entry: Entry) -> Entry:
        """Return ``entry`` as it is to be taken here, wherever it was written."""
        machine, _, folder = entry.at.partition(":")
        if folder in {"", self._folder} or self._is_ours(folder):
            return entry
        roots = tuple(posixpath.dirname(posixpath.dirname(one)) for one in (folder, self._folder))
        outputs = tuple(Held(_moved(held.path, *roots), held.aside and _moved(held.aside, *roots)) for held in entry.outputs)
        made = tuple(_moved(path, *roots) for path in entry.made)
        entry = msgspec.structs.replace(entry, outputs=outputs, made=made)
        if machine != self._machine or self._fs.exists(folder):  # a copy
            return msgspec.structs.replace(entry, group=None, identity="", sent=None)
        if entry.sent is None:
            return entry
        errand = msgspec.structs.replace(entry.sent.errand, folder=_moved(entry.sent.errand.folder, *roots))
        return msgspec.structs.replace(entry, sent=Sent(errand, ""))  # under no key of ours: it runs where nothing is any more

    def _is_ours(self, folder: str) -> bool:
        """Return whether ``folder`` is another name of this journal's."""
        there, here = self._fs.stat(folder), self._fs.stat(self._folder)
        return there is not None and here is not None and (there.device, there.inode) == (here.device, here.inode)

    def undo(self, entry: Entry, give_up: Callable[[str], object] | None = None) -> None:
        """Put back what stood at each output before; may be interrupted anywhere and called again.

        ``give_up`` removes a folder that was made, where it is empty and nobody else counts on it.
        """
        give_up = give_up or self._fs.remove_empty
        for held in entry.outputs:
            moved = held.aside is not None and self._fs.exists(held.aside)
            if moved or (entry.phase == "running" and held.aside is None):
                self._fs.remove_tree(held.path)
            if moved:
                assert held.aside is not None
                self._fs.make_folder(held.path.rpartition("/")[0])
                self._fs.rename(held.aside, held.path)
        for folder in reversed(entry.made):
            give_up(folder)
        self.close(entry)
        self._drop_parcel(entry)

    def forget(self, entry: Entry) -> None:
        """Remove what was set aside, and the entry: what stands at the outputs now is what shall stand there."""
        self.close(entry)
        for held in entry.outputs:
            if held.aside is not None:
                with contextlib.suppress(OSError):  # what cannot be removed now is removed by a later build
                    self._fs.remove_tree(held.aside)
        self._drop_parcel(entry)

    def _drop_parcel(self, entry: Entry) -> None:
        if entry.sent is not None:
            with contextlib.suppress(OSError):
                self._fs.remove_tree(entry.sent.errand.folder)


def _moved(path: str, was: str, now: str) -> str:
    """Return the path that what was at ``path`` in the project ``was`` has in the project ``now``."""
    return now + path[len(was) :] if path.startswith(f"{was}/") else path
