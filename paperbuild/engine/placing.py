"""How contents come to their places in the tree and out of them: each in one move, so that at no moment a part of one stands there."""

from __future__ import annotations

import contextlib
import errno
import itertools
import posixpath

from paperbuild.engine.ports import FileSystem
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Artifact


class Placer:
    """Moves outputs of a project whose folder for what builds need is ``state``. All paths are absolute."""

    def __init__(self, fs: FileSystem, state: str, store: Store) -> None:
        self._fs = fs
        self._folder = f"{state}/aside"
        self._store = store
        self._count = itertools.count()
        self.stays_beside = False
        """What is moved aside stays beside its place: two mounts of one device, between which nothing can be renamed."""

    def aside(self, place: str) -> str:
        """Return where what is at ``place`` goes for a while: the state folder, or beside it on another file system."""
        here, there = self._fs.stat(posixpath.dirname(place)), self._fs.stat(self._folder)
        name = f"{self._store.token}-{next(self._count)}"
        if not self.stays_beside and here is not None and there is not None and here.device == there.device:
            return f"{self._folder}/{name}"
        return f"{posixpath.dirname(place)}/.paperbuild-{name}"

    def goes_beside(self, error: OSError) -> bool:
        """Return whether a move that failed with ``error`` may succeed beside its place, where everything stays from now on."""
        if error.errno != errno.EXDEV or self.stays_beside:
            return False
        self.stays_beside = True
        return True

    def place(self, artifact: Artifact, target: str) -> None:
        """Make ``target`` a copy of ``artifact``, whatever stands there.

        Raises:
            DamagedBlob: the store lost it; nothing was changed.
        """
        self._fs.make_folder(posixpath.dirname(target))
        temporary = self.aside(target)
        self._store.blobs.take_out(artifact, temporary)
        there = self._fs.stat(target)
        if artifact.is_folder or (there is not None and there.is_folder):
            self.take_away(target)
        try:
            self._fs.rename(temporary, target)
        except OSError as error:
            self._fs.remove_tree(temporary)
            if not self.goes_beside(error):
                raise
            self.place(artifact, target)

    def take_away(self, place: str) -> None:
        """Remove what is at ``place``; a part of it standing there would look like somebody's own."""
        if not self._fs.exists(place):
            return
        away = self.aside(place)
        try:
            self._fs.rename(place, away)
        except OSError as error:
            if not self.goes_beside(error):
                raise
            self.take_away(place)
            return
        with contextlib.suppress(OSError):  # it is out of the way, and a later build tries again
            self._fs.remove_tree(away)
