"""The project's tree as the next build will find it, for whoever says beforehand what that will do; nothing is written.

Before a build looks at anything it gives back what one that died had set aside, and takes away what nothing declares any more. When it
looks at an action, the outputs of those before it that are up to date are in their places, whatever stood there. So that is what must be
looked at to know what it will find: a tree in which all of this has been done already.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from paperbuild.engine.journal import Entry
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Artifact
from paperbuild.engine.workshop import Workshop

if TYPE_CHECKING:
    from paperbuild.engine.away import Away
    from paperbuild.engine.rearranged import RearrangedFileSystem


class ExpectedTree:
    """The tree of the project of ``workshop``: as it is, until something is expected of it. That costs nothing where nothing is.

    :attr:`workshop` and :attr:`fs` are the given workshop, and its file system, with this tree.
    """

    def __init__(self, workshop: Workshop) -> None:
        self._given = workshop
        self.workshop, self.fs = workshop.noting(fetches=False)
        self._layers: tuple[RearrangedFileSystem, Away] | None = None

    @property
    def is_as_it_is(self) -> bool:
        """Whether nothing is expected to be otherwise than it lies there now."""
        return self._layers is None

    def recover(self, entries: Iterable[Entry]) -> None:
        """Expect that what the runs of ``entries``, which ended with their build, had set aside is back in its place."""
        for entry in entries:
            for held in () if entry.sent is not None else entry.outputs:
                if held.aside is not None and self._given.fs.exists(held.aside):
                    self._arranged()[0].move(held.path, held.aside)
                elif entry.phase == "running" and held.aside is None and self._given.fs.exists(held.path):
                    self._arranged()[0].move(held.path, None)
            for folder in () if entry.sent is not None else reversed(entry.made):
                if self._given.fs.exists(folder):
                    self._arranged()[0].move_if_empty(folder)

    def remove(self, path: str) -> None:
        """Expect that the output ``path`` is gone, and folders that this leaves empty."""
        places, away = self._arranged()
        whole = self._whole(path)
        away.drop(path)
        places.move(whole, None)
        places.empty_around(whole, self._given.site.root)

    def place(self, artifacts: Iterable[Artifact]) -> None:
        """Expect that ``artifacts`` are in their places."""
        for artifact in artifacts:
            places, away = self._arranged()
            if places.exists(self._whole(artifact.path)):
                places.move(self._whole(artifact.path), None)
            away.expect(artifact)

    def _whole(self, path: str) -> str:
        return f"{self._given.site.root}/{path.rstrip('/')}"

    def _arranged(self) -> tuple[RearrangedFileSystem, Away]:
        if self._layers is None:
            from paperbuild.engine.away import Away
            from paperbuild.engine.presenting import AwayFileSystem
            from paperbuild.engine.rearranged import RearrangedFileSystem

            given, site = self._given, self._given.site
            places = RearrangedFileSystem(given.fs, site.root)
            store = Store(places, given.store.root, given.remote)
            away = Away(places, site.root, site.state, store, fetches=False, known=given.remote is not None)
            self.fs.lie_over(AwayFileSystem(places, site.root, away))
            self._layers = places, away
        return self._layers
