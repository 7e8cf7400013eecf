"""What a page shows of a text that is edited while targets are at work: the new words, beside the last results that there are."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable

from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.workshop import Workshop


class DiskReader:
    """:class:`paperbuild.engine.ports.Reader` of the files of the project in ``root`` as they are on the disk; nothing is recorded."""

    def __init__(self, root: str) -> None:
        self._root = root

    def require(self, paths: Iterable[str]) -> None:
        """See the port; here nothing has to settle."""

    def read(self, path: str) -> bytes:
        """See the port."""
        with open(os.path.join(self._root, path), "rb") as file:
            return file.read()

    def exists(self, path: str) -> bool:
        """See the port."""
        return os.path.exists(os.path.join(self._root, path))


class StandingReader:
    """:class:`paperbuild.engine.ports.Reader` of what stands: outputs of targets as they were last published, whatever is made now.

    Nothing is recorded, so nothing that is made of it may be published. ``lacks`` says whether a result was asked for that is not there.
    """

    def __init__(self, workshop: Workshop, graph: Graph) -> None:
        self._workshop = workshop
        self._graph = graph
        self.lacks = False

    def require(self, paths: Iterable[str]) -> None:
        """See the port; here nothing has to settle."""

    def read(self, path: str) -> bytes:
        """See the port."""
        root = self._workshop.site.root
        normal = posixpath.normpath(path)
        relative = posixpath.relpath(normal, root) if normal.startswith(root + "/") else normal
        maker = self._graph.maker(relative)
        if maker is None:
            return self._workshop.fs.read(relative if relative.startswith("/") else posixpath.join(root, relative))
        try:
            return self._published(maker, relative)
        except (DamagedBlob, FileNotFoundError):
            self.lacks = True
            raise FileNotFoundError(path) from None

    def exists(self, path: str) -> bool:
        """See the port."""
        try:
            self.read(path)
        except OSError:
            return False
        return True

    def _published(self, maker: Action, path: str) -> bytes:
        store, last = self._workshop.store, self._workshop.index.last_run(maker.id)
        record = None if last is None else store.record(last.key, last.record)
        for artifact in () if record is None else record.artifacts:
            if artifact.path == path and artifact.stored:
                return store.blobs.read(artifact.digest)
            if artifact.is_folder and artifact.stored and path.startswith(artifact.path):
                inner = path.removeprefix(artifact.path)
                for entry in store.blobs.entries(artifact.digest):
                    if entry.path == inner and entry.kind in {"file", "exec"}:
                        return store.blobs.read(entry.digest, artifact.digest)
        raise FileNotFoundError(path)
