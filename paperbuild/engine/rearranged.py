"""A file system as if some of what is on it had been moved, or were gone; nothing is written."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from paperbuild.engine.ports import FileSystem, Mark, Stat

_GONE = ""


class RearrangedFileSystem:
    """:class:`paperbuild.engine.ports.FileSystem` over another one, on which paths of the folder ``root`` are as :meth:`move` says."""

    def __init__(self, fs: FileSystem, root: str) -> None:
        self._fs = fs
        self._shortest = min(len(root), len(fs.real(root)))
        self._places: dict[str, str] = {}
        self._names: dict[str, set[str]] = {}  # by folder, those that are among the places
        self._real_folders: dict[str, str] = {}
        self.real, self.fleeting = fs.real, fs.fleeting
        self.write, self.copy, self.rename, self.make_link, self.make_hollow = fs.write, fs.copy, fs.rename, fs.make_link, fs.make_hollow
        self.unlink, self.remove_tree, self.remove_empty, self.make_folder = fs.unlink, fs.remove_tree, fs.remove_empty, fs.make_folder
        self.protect, self.flush, self.touch = fs.protect, fs.flush, fs.touch

    def move(self, path: str, place: str | None) -> None:
        """Let what really is at ``place`` stand at ``path``, and nothing where there is no place."""
        folder, _, name = path.rpartition("/")
        for here in dict.fromkeys((folder, self._real_folder(folder))):
            self._places[f"{here}/{name}"] = place or _GONE
            self._names.setdefault(here, set()).add(name)

    def _real_folder(self, folder: str) -> str:
        found = self._real_folders.get(folder)
        if found is None:
            found = self._real_folders[folder] = self._fs.real(folder or "/").rstrip("/")
        return found

    def _at(self, path: str) -> str:
        """Return where what stands at ``path``, perhaps behind links, really is; "" where nothing does."""
        found = self._moved(path)
        if found is None:
            folder, _, name = path.rpartition("/")
            real = f"{self._real_folder(folder)}/{name}" if self._fs.link(path) is None else self._fs.real(path)
            found = self._moved(real) if real != path else None
        return path if found is None else found

    def _moved(self, path: str) -> str | None:
        here = path
        while len(here) > self._shortest:
            place = self._places.get(here)
            if place is not None:
                return place and place + path[len(here) :]
            here = here.rpartition("/")[0]
        return None

    def stat(self, path: str) -> Stat | None:
        """See the port."""
        at = self._at(path)
        return self._fs.stat(at) if at else None

    def exists(self, path: str) -> bool:
        """See the port."""
        at = self._at(path)
        return bool(at) and self._fs.exists(at)

    def link(self, path: str) -> str | None:
        """See the port."""
        at = self._moved(path)
        return self._fs.link(path if at is None else at) if at != _GONE else None

    def names(self, path: str) -> tuple[str, ...]:
        """See the port."""
        at = self._at(path)
        names = self._fs.names(at) if at else ()
        folder = path if path in self._names else self._fs.real(path)
        moved = self._names.get(folder)
        if not moved:
            return names
        there = (name for name in moved if self._places[f"{folder}/{name}"] and self._fs.exists(self._places[f"{folder}/{name}"]))
        return tuple(sorted({*names} - moved | {*there}))

    def mark(self, kind: Mark, path: str) -> bytes:
        """See the port. Who asks questions alone never compares a mark of "names" with another one."""
        at = self._at(path)
        return self._fs.mark(kind, at) if at else b"-" if kind == "link" else b""

    def moved(self, facts: Iterable[tuple[Mark, str, bytes]]) -> list[int]:
        """See the port."""
        return [n for n, (kind, path, mark) in enumerate(facts) if self.mark(kind, path) != mark]

    def read(self, path: str) -> bytes:
        """See the port."""
        return self._fs.read(self._there(path))

    def read_end(self, path: str, size: int) -> bytes:
        """See the port."""
        return self._fs.read_end(self._there(path), size)

    def digest(self, path: str) -> str:
        """See the port."""
        return self._fs.digest(self._there(path))

    def _there(self, path: str) -> str:
        at = self._at(path)
        if not at:
            raise FileNotFoundError(2, "it will be gone", path)
        return at

    def empty_around(self, path: str, root: str) -> None:
        """Let the folders around ``path``, below ``root``, be gone that nothing is left in."""
        folder = posixpath.dirname(path)
        while len(folder) > len(root) and self.move_if_empty(folder):
            folder = posixpath.dirname(folder)

    def move_if_empty(self, folder: str) -> bool:
        """Let ``folder`` be gone where nothing is in it; return whether it is."""
        if not self.names(folder) and self._at(folder):
            self.move(folder, None)
        return not self._at(folder)
