"""How steps read: every read and every miss becomes an item of their trace."""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Container, Iterable

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.graph import Graph
from paperbuild.engine.observation import Observer
from paperbuild.engine.ports import NotSettled
from paperbuild.engine.reasons import A_FOLDER
from paperbuild.engine.trace import Absent, Content, Item
from paperbuild.engine.workshop import Workshop


class RecordingReader:
    """:class:`paperbuild.engine.ports.Reader` for one run of the action ``action``; ``settled`` are the ids that may be read from."""

    def __init__(self, observer: Observer, workshop: Workshop, graph: Graph, action: str, settled: Container[str]) -> None:
        self._root = observer.root
        self._observer = observer
        self._fs = workshop.fs
        self._away = workshop.away
        self._graph = graph
        self._action = action
        self._settled = settled
        self._items: dict[str, Item] = {}
        self._outputs: set[str] = set()
        self._lock = threading.Lock()

    def require(self, paths: Iterable[str]) -> None:
        """See the port."""
        missing: dict[str, None] = {}
        away: set[str] = set()
        for path in paths:
            relative = self._relative(path)
            place = self._observer.inside(relative)  # a link may lead to an output
            makers = (self._graph.maker(candidate) for candidate in (relative, place) if candidate is not None)
            for maker in makers:
                if maker is not None and maker.id != self._action:
                    self._outputs.add(relative)
                    if maker.id not in self._settled:
                        missing[maker.id] = None
                    elif self._away is not None:
                        away.update(*map(self._away.touched, filter(None, (relative, place))))
        if missing:
            raise NotSettled(tuple(missing))
        if away and self._away is not None:
            self._away.bring(away)

    def read(self, path: str) -> bytes:
        """See the port."""
        self.require((path,))
        relative = self._relative(path)
        try:
            data = self._fs.read(self._absolute(relative))
        except IsADirectoryError:
            self._note(Content(relative, A_FOLDER))
            raise FileNotFoundError(path) from None
        except (FileNotFoundError, NotADirectoryError):
            self.require((path,))  # it may be made again by now, since nobody could fetch it
            self._note(Absent(relative))
            raise FileNotFoundError(path) from None
        self._note(Content(relative, digest_bytes(data)))
        return data

    def exists(self, path: str) -> bool:
        """See the port."""
        self.require((path,))
        try:
            self.read(path)
        except FileNotFoundError:
            return False
        return True

    def items(self) -> tuple[Item, ...]:
        """Return the trace so far, sorted by path."""
        with self._lock:
            return tuple(item for _, item in sorted(self._items.items()))

    def outputs(self) -> tuple[str, ...]:
        """Return the outputs of other actions that were asked for, sorted: edges."""
        return tuple(sorted(self._outputs))

    def _note(self, item: Absent | Content) -> None:
        with self._lock:
            first = self._items.setdefault(item.path, item)
            if first != item:  # it changed between two reads, so it never holds: the step runs again
                self._items[item.path] = Content(item.path, "changed while it was read")

    def _relative(self, path: str) -> str:
        normal = posixpath.normpath(path)
        return posixpath.relpath(normal, self._root) if normal.startswith(self._root + "/") else normal

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else posixpath.join(self._root, path)
