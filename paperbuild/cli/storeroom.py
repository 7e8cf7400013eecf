"""The store of a project, opened by itself, and what the project's manifests name in it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.wiring import locate
from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.disks import disk
from paperbuild.engine.faults import disk_fault
from paperbuild.engine.filesystem import SystemClock
from paperbuild.engine.locks import FileLock
from paperbuild.engine.ports import Clock, FileSystem, Lock, VersionControl
from paperbuild.engine.process import Git
from paperbuild.engine.repository import store_folder
from paperbuild.engine.store import Store
from paperbuild.errors import BuildError, PaperbuildError, UsageError
from paperbuild.paper.declarations import MANIFEST_NAME, SharingSpec
from paperbuild.paper.manifest import parse_manifest


class Storeroom(msgspec.Struct, frozen=True):
    """A store, and the folder ``root`` of the project it was opened for, with its ``manifest`` (None: it has none).

    ``shared`` is what that says of sharing.
    """

    root: str
    store: Store
    manifest: bytes | None
    fs: FileSystem
    clock: Clock
    lock: Lock
    versions: VersionControl
    shared: SharingSpec = SharingSpec()

    def named(self) -> tuple[frozenset[str], tuple[Diagnostic, ...]]:
        """Return the names of all actions that a manifest has, or a paper: here, in other work trees, in branches and tags.

        With warnings for those that cannot be understood.
        """
        from paperbuild.paper.naming import named_by, named_by_chunks, sources_of

        found: set[str] = set()
        sources: set[str] = set()
        warnings = []
        own = () if self.manifest is None else ((MANIFEST_NAME, self.manifest),)
        for where, data in (*own, *self.versions.versions_of(MANIFEST_NAME)):
            try:
                found |= named_by(data)
                sources |= sources_of(data)
            except PaperbuildError as error:
                message = f"{where} cannot be understood, so the results that it names go by their age alone"
                notes = (error.diagnostics[0].message,)
                warnings.append(Diagnostic("PB454", message, severity=Severity.WARNING, notes=notes))
        for source in sorted(sources):
            for data in self._versions_of(source):
                found |= named_by_chunks(data, source)
        return frozenset(found), tuple(warnings)

    def _versions_of(self, source: str) -> Iterator[bytes]:
        """Yield all that a paper's source holds, here and elsewhere."""
        with contextlib.suppress(OSError):
            yield self.fs.read(os.path.join(self.root, source))
        yield from (data for _, data in self.versions.versions_of(os.path.basename(source)))


@contextmanager
def opened_store(invocation: Invocation) -> Iterator[Storeroom]:
    """Open the store of the project around the folder of the call; without a manifest the one that papers there use.

    Raises:
        UsageError: there is none, or it is of a later version.
        ManifestError: the manifest cannot be understood.
    """
    root, manifest, shared = invocation.folder, None, SharingSpec()
    try:
        root = locate(invocation, "").root
    except UsageError:
        store = store_folder(root)
        if not os.path.exists(os.path.join(store, "version")):
            raise
    else:
        with open(os.path.join(root, MANIFEST_NAME), "rb") as file:
            manifest = file.read()
        declared = parse_manifest(manifest, chunks=None)
        named, shared = declared.store_path, declared.shared
        store = os.path.normpath(os.path.join(root, named)) if named else store_folder(root)
    fs = disk()
    try:
        room = Storeroom(root, Store(fs, store), manifest, fs, SystemClock(), FileLock(), Git(root), shared)
        room.store.check_version()
        yield room
    except OSError as error:
        raise BuildError(disk_fault(f"the store {store}", error)) from error
