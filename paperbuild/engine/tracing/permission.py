"""What a command may read and write that is held to it, or that is kept out of some folders."""

from __future__ import annotations

import os


class Permission:
    """Allows to read ``readable`` and to read, write and remove ``writable``; a path that ends in a slash is all that is in that folder.

    Below the folder ``project`` only what lies there itself counts: a project in ``/tmp/`` is not free for that.
    """

    def __init__(self, project: bytes, readable: tuple[bytes, ...], writable: tuple[bytes, ...]) -> None:
        self._project = project
        self._readable, self._writable = readable, writable
        self._inside = tuple(tuple(place for place in places if place.startswith(project)) for places in (readable, writable))

    def allows(self, path: bytes, *, writes: bool) -> bool:
        """Return whether ``path`` may be read, or written. Folders on the way to something may be listed."""
        readable, writable = self._inside if path.startswith(self._project) else (self._readable, self._writable)
        if any(_is_within(path, place) for place in writable):
            return True
        return not writes and any(_is_within(path, place) or place.startswith(path + b"/") for place in (*readable, *writable))

    def landlock(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what Landlock can say of it: it knows no files that do not exist yet, so their folders may be written to."""
        writable = (place if place.endswith(b"/") else os.path.dirname(place) for place in self._writable)
        return tuple(map(os.fsdecode, self._readable)), tuple(dict.fromkeys(map(os.fsdecode, writable)))


class Closed:
    """Keeps a command out of ``folders``, which end in a slash, save that it may read what is ``ajar`` in them."""

    def __init__(self, folders: tuple[bytes, ...], ajar: tuple[bytes, ...]) -> None:
        self._folders, self._ajar = folders, ajar

    def allows(self, path: bytes, *, writes: bool) -> bool:
        """Return whether ``path`` may be read, or written."""
        return not (path + b"/").startswith(self._folders) or (not writes and any(_is_within(path, place) for place in self._ajar))


def _is_within(path: bytes, place: bytes) -> bool:
    return path == place or (place.endswith(b"/") and (path + b"/").startswith(place))
