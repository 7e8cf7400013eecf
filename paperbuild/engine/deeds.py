"""Which outputs are ours: what was published last at their paths, and whose what stands there now is."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from paperbuild.engine.index import Index
from paperbuild.engine.observation import Observer
from paperbuild.engine.ownership import Claims, Standing, judge
from paperbuild.engine.ports import VersionControl
from paperbuild.engine.store import Store
from paperbuild.engine.tree import parse_listing

if TYPE_CHECKING:
    from paperbuild.engine.away import Away


class Deeds:
    """What one project knows of its outputs' owners; what is ``away`` and stands in for an output is ours."""

    def __init__(self, store: Store, index: Index, observer: Observer, versions: VersionControl, away: Away | None = None) -> None:
        self._store = store
        self._index = index
        self._observer = observer
        self._versions = versions
        self._away = away
        self._owned: dict[str, str] | None = None
        self._recorded: dict[str, set[str]] | None = None
        self._lock = threading.RLock()

    def owned(self) -> dict[str, str]:
        """Return what we published last, by output path; found again from the records where the index is new."""
        with self._lock:
            if self._owned is None:
                self._owned = self._index.owned()
                if self._index.is_new:
                    self._recover_ownership(self._owned)
            return self._owned

    def _recover_ownership(self, owned: dict[str, str]) -> None:
        """Find what is ours by the records: what has the content of one, and is not in version control.

        The store may be shared with other work trees, where the same path may be an output, and here a file that was committed.
        """
        for path, contents in self._contents().items():
            found = self._observer.output_digest(path)
            if found in contents and not self._versions.recoverable(self._observer.absolute(path).rstrip("/")):
                owned.setdefault(path, found)
        self._index.own(owned)
        self._index.note_recovered()

    def _contents(self) -> dict[str, set[str]]:
        with self._lock:
            if self._recorded is None:
                self._recorded = {}
                for record in self._store.all_records():
                    for artifact in record.artifacts:
                        self._recorded.setdefault(artifact.path, set()).add(artifact.digest)
            return self._recorded

    def own(self, contents: dict[str, str]) -> None:
        """Note that we published ``contents``: digests by output path."""
        with self._lock:
            self.owned().update(contents)
            self._index.own(contents)
            if self._recorded is not None:
                for path, digest in contents.items():
                    self._recorded.setdefault(path, set()).add(digest)

    def regain(self, contents: dict[str, str]) -> None:
        """Note that ``contents`` are about to stand in their places again. Nobody looks yet whose the others are."""
        with self._lock:
            known = self._index.owned() if self._owned is None and contents else self._owned or {}
            lost = {path: digest for path, digest in contents.items() if known.get(path) != digest}
            if lost:
                self._index.own(lost)
                known.update(lost)

    def disown(self, path: str) -> None:
        """Forget that we ever published at the output's ``path``."""
        with self._lock:
            self._index.disown(path)
            self.owned().pop(path, None)

    def published(self, path: str) -> str | None:
        """Return the digest of what stands at the output's ``path`` where that is what we published last; else None."""
        found = self._observer.output_digest(path)
        return found if found is not None and found == self.owned().get(path) else None

    def standing(self, path: str, wanted: str | None = None) -> Standing:
        """Return whose the content at an output's path is."""
        if self._away is not None and self._away.is_away(path):
            return Standing.WANTED if self._observer.output_digest(path) == wanted else Standing.OURS
        claims = Claims(
            published=self.owned().get(path),
            journalled=False,  # a build recovers before it asks, and one action's outputs are nobody else's
            recorded=lambda digest: digest in self._contents().get(path, ()),
            recoverable=lambda: self._is_recoverable(path),
        )
        return judge(self._observer.output_digest(path), wanted, claims)

    def _is_recoverable(self, path: str) -> bool:
        """Return whether version control, or for files in a folder a record of this output, has all that stands at an output's path."""
        absolute = self._observer.absolute(path).rstrip("/")
        if not path.endswith("/"):
            return self._versions.recoverable(absolute)
        recorded: set[tuple[str, str]] = set()
        for digest in self._contents().get(path, ()):
            with contextlib.suppress(OSError, ValueError):  # it is no more, or damaged
                recorded.update((entry.path, entry.digest) for entry in parse_listing(self._store.blobs.read(digest)))
        return self._versions.recoverable(
            absolute, frozenset(f"{absolute}/{name}" for name, digest in recorded if self._observer.file_digest(f"{path}{name}") == digest)
        )
