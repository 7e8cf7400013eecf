"""How what a rerun made compares with what is recorded: output by output, reading no more than what differs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from paperbuild.engine.graph import Action
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Artifact
from paperbuild.engine.tree import Entry, walk
from paperbuild.provenance.differences import IDENTICAL, Comparison, Difference, Draw, compare, compare_files

LARGEST = 1 << 30
"""Bytes of a file that is looked into: both sides of it are held in memory."""


class Compared(msgspec.Struct, frozen=True):
    """One output: its name and path, and how it compares. ``names`` is a place (a folder, a home) that it holds; it is another now."""

    name: str
    path: str
    comparison: Comparison
    names: str = ""


class Side(msgspec.Struct, frozen=True):
    """Where the outputs of one run are: ``root`` has those that are not stored. ``places`` are folders that its conditions gave it."""

    fs: FileSystem
    store: Store
    root: str
    places: Mapping[str, str]

    def entries(self, artifact: Artifact) -> Mapping[str, Entry]:
        """Return what is in a folder by path.

        Raises:
            DamagedBlob: the store lost it.
        """
        if artifact.stored:
            return {entry.path: entry for entry in self.store.blobs.entries(artifact.digest)}
        return {entry.path: entry for entry in walk(self.fs, f"{self.root}/{artifact.path.rstrip('/')}", self.fs.digest)}

    def read(self, artifact: Artifact, entry: Entry | None = None) -> bytes:
        """Return the content of a file, or of one ``entry`` of a folder.

        Raises:
            DamagedBlob: the store lost it.
        """
        if artifact.stored:
            return self.store.blobs.read(artifact.digest if entry is None else entry.digest, artifact.digest)
        path = f"{self.root}/{artifact.path}{'' if entry is None else entry.path}"
        if entry is not None and entry.kind == "link":
            return (self.fs.link(path) or "").encode("utf-8", "surrogateescape")
        return self.fs.read(path)

    def named(self, content: bytes) -> str:
        """Return which of its places ``content`` names, "" for none."""
        return next((what for what, path in self.places.items() if len(path) > 1 and path.encode(errors="surrogateescape") in content), "")


def compare_outputs(
    action: Action, recorded: tuple[tuple[Artifact, ...], Side], rerun: tuple[tuple[Artifact, ...], Side], draw: Draw
) -> tuple[Compared, ...]:  # fmt: skip
    """Return how each output of ``action`` compares.

    Raises:
        DamagedBlob: the store lost a recorded one.
    """
    then, now = ({artifact.name: artifact for artifact in artifacts} for artifacts, _ in (recorded, rerun))
    return tuple(
        _Comparing(recorded[1], rerun[1], draw).output(output.name, then[output.name], now[output.name], action)
        for output in action.outputs
    )


class _Comparing:
    def __init__(self, recorded: Side, rerun: Side, draw: Draw) -> None:
        self._recorded, self._rerun, self._draw = recorded, rerun, draw
        self._named = ""

    def output(self, name: str, then: Artifact, now: Artifact, action: Action) -> Compared:
        tolerance = next(output.tolerance for output in action.outputs if output.name == name)
        if then.digest == now.digest and then.executable == now.executable:
            return Compared(name, then.path, IDENTICAL)
        if then.digest == now.digest:
            words = ("may be executed", "may not be executed")
            difference = Difference("", words[not then.executable], words[not now.executable])
            return Compared(name, then.path, Comparison("different", (difference,), 1))
        if then.is_folder:
            old, new = self._folder(then, now)
            return Compared(name, then.path, compare_files(old, new, tolerance, self._draw), self._named)
        if max(then.size, now.size) > LARGEST:
            note = f"{then.size:,} bytes, and now {now.size:,}: too many to be looked into"
            return Compared(name, then.path, Comparison("different", (), 1, note))
        contents = self._recorded.read(then), self._rerun.read(now)
        self._look_for_places(*contents)
        return Compared(name, then.path, compare(then.path, *contents, tolerance, self._draw), self._named)

    def _look_for_places(self, recorded: bytes, rerun: bytes) -> None:
        self._named = self._named or self._recorded.named(recorded) or self._rerun.named(rerun)

    def _folder(self, then: Artifact, now: Artifact) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Return the contents of those files of two folders that are not the same; what is of another kind counts as content, too."""
        before, after = self._recorded.entries(then), self._rerun.entries(now)
        old: dict[str, bytes] = {}
        new: dict[str, bytes] = {}
        for path in sorted(before.keys() | after.keys()):
            a, b = before.get(path), after.get(path)
            if a == b:
                continue
            for entry, side, artifact, found in ((a, self._recorded, then, old), (b, self._rerun, now, new)):
                if entry is not None:
                    is_alike = a is not None and b is not None and a.kind == b.kind
                    found[path] = side.read(artifact, entry) if is_alike else f"{_KINDS[entry.kind]}\n".encode()
            if path in old and path in new:
                self._look_for_places(old[path], new[path])
        return old, new


_KINDS = {"file": "a file", "exec": "a file that may be executed", "link": "a link", "folder": "an empty folder"}
