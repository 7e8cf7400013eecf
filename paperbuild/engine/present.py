"""Results as they stand, whether or not they are up to date: in the tree, or where nothing is there, or another result, in the store."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.ports import NotSettled
from paperbuild.engine.queries import Situation, State
from paperbuild.engine.trace import Artifact
from paperbuild.engine.workshop import Workshop


class PresentReader:
    """:class:`paperbuild.engine.ports.Reader` for whoever only looks: nothing is recorded, built or placed."""

    def __init__(self, graph: Graph, situations: Sequence[Situation], workshop: Workshop) -> None:
        self._graph = graph
        self._workshop = workshop
        known = (situation.record for situation in situations)
        self._artifacts = {artifact.path: artifact for record in known if record is not None for artifact in record.artifacts}
        restored = (one.result.artifacts for one in situations if one.state is State.STORED and one.result is not None)
        self._restored = {_as_folder(artifact) for artifacts in restored for artifact in artifacts if artifact.stored}

    def require(self, paths: Iterable[str]) -> None:
        """See the port; what is neither in the tree nor in the store, or does not come from elsewhere, has not settled."""
        missing: dict[str, None] = {}
        for path in paths:
            maker = self._graph.maker(posixpath.normpath(path))
            if maker is not None and self._lacks(maker, path):
                missing[maker.id] = None
        if missing:
            raise NotSettled(tuple(missing))

    def read(self, path: str) -> bytes:
        """See the port."""
        root = self._workshop.site.root
        stored = self._stored(posixpath.normpath(path)) if self._is_restored(path) else None
        if stored is not None:
            return stored
        try:
            return self._workshop.fs.read(path if path.startswith("/") else posixpath.join(root, path))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            stored = self._stored(posixpath.normpath(path))
            if stored is None:
                raise FileNotFoundError(path) from None
            return stored

    def exists(self, path: str) -> bool:
        """See the port."""
        if self._is_restored(path):
            return self._has(posixpath.normpath(path))
        whole = path if path.startswith("/") else posixpath.join(self._workshop.site.root, path)
        found = self._workshop.fs.stat(whole)
        return (found is not None and not found.is_folder) or self._has(posixpath.normpath(path))

    def _lacks(self, maker: Action, path: str) -> bool:
        place = posixpath.normpath(path)
        if not self.exists(path):
            return not self._has_folder(maker, place)
        return self._is_away(path) and self._stored(place) is None

    def _is_away(self, path: str) -> bool:
        """Return whether only a store elsewhere has the file for ``path``."""
        artifact = self._artifacts.get(posixpath.normpath(path))
        whole = path if path.startswith("/") else posixpath.join(self._workshop.site.root, path)
        stands = self._workshop.fs.stat(whole) is not None and not self._is_restored(path)
        return artifact is not None and not stands and not self._workshop.store.blobs.is_here(artifact)

    def _is_restored(self, path: str) -> bool:
        """Return whether ``path`` belongs to a result that is put back from the store: what stands there now is another one."""
        whole = f"{posixpath.normpath(path)}/"
        return any(whole.startswith(folder) for folder in self._restored)

    def _has_folder(self, maker: Action, path: str) -> bool:
        """Return whether the folder output that ``path`` would be in is there: then the file is not, and never will be."""
        folders = (output.path for output in maker.outputs if output.path.endswith("/") and path.startswith(output.path))
        folder = next(folders, None)
        if folder is None:
            return False
        found = self._workshop.fs.stat(posixpath.join(self._workshop.site.root, folder.rstrip("/")))
        return (found is not None and found.is_folder) or any(_as_folder(known) == folder for known in self._artifacts.values())

    def _has(self, path: str) -> bool:
        """Return whether the store has a file for ``path``, or can have it; nothing is fetched that is large."""
        artifact = self._artifacts.get(path)
        if artifact is not None and not artifact.is_folder:
            return self._workshop.store.blobs.has(artifact)
        try:
            return self._inside(path) is not None
        except DamagedBlob:
            return False

    def _stored(self, path: str) -> bytes | None:
        artifact = self._artifacts.get(path)
        try:
            found = (artifact.digest, "") if artifact is not None and not artifact.is_folder else self._inside(path)
            return None if found is None else self._read(*found)
        except DamagedBlob:
            return None

    def _read(self, digest: str, of: str) -> bytes:
        """Return a content from the store. That it does not come from elsewhere is not remembered: a build finds out whether it is lost."""
        elsewhere, voucher = self._workshop.store.elsewhere, of or digest
        was_known = elsewhere.knows(voucher)
        try:
            return self._workshop.store.blobs.read(digest, of)
        except DamagedBlob:
            if was_known:
                elsewhere.mark(voucher)
            raise

    def _inside(self, path: str) -> tuple[str, str] | None:
        """Return the digest of what a folder in the store has at ``path``, and that of the folder."""
        folders = (artifact for artifact in self._artifacts.values() if artifact.is_folder)
        found = next((folder for folder in folders if path.startswith(_as_folder(folder))), None)
        if found is None:
            return None
        inner = path.removeprefix(_as_folder(found))
        entries = self._workshop.store.blobs.entries(found.digest)
        digest = next((entry.digest for entry in entries if entry.path == inner and entry.kind in {"file", "exec"}), None)
        return None if digest is None else (digest, found.digest)


def _as_folder(artifact: Artifact) -> str:
    return artifact.path.rstrip("/") + "/"
