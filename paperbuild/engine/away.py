"""Outputs that are up to date and not in the tree: what they hold lies elsewhere until somebody needs it.

They are *away*. To whoever asks through :class:`AwayFileSystem` they stand in their places; only who reads one has it fetched and placed.
Whatever really stands at a path counts before what would be away there.

File format, version 1: ``paperbuild-away 1 <sha256>`` and a line end, then a list of :class:`paperbuild.engine.trace.Artifact` in
MessagePack. The digest is of all that comes after that line. The file is disposable: without it, outputs that are not in the tree are
looked up again.
"""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import msgspec

from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.placing import Placer
from paperbuild.engine.ports import FileSystem, Stat, Unfetched, mark_of
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Artifact
from paperbuild.engine.tree import Entry
from paperbuild.events import Fetching

_MAGIC = b"paperbuild-away 1 "
_decoder = msgspec.msgpack.Decoder(tuple[Artifact, ...])

DEVICE = 0x7061706572
"""The device of everything that is away: no file system has that number."""

UNKNOWN_SIZE = -1
"""The size of a file in a folder: the list of a folder does not tell it."""


class Node(msgspec.Struct, frozen=True):
    """Something that is away: a file or link with its ``digest``, a folder, or a folder ``around`` outputs."""

    kind: str
    digest: str = ""
    size: int = 0
    folder: str = ""
    """Of what is in an output that is a folder: that folder's digest."""

    def stat(self, path: str) -> Stat:
        """Return the status of this at ``path``. Whatever is another content has another one, and none is young."""
        if self.kind in {"folder", "around"}:
            return Stat(is_folder=True, size=0, mtime_ns=0, ctime_ns=0, inode=_number(self.digest, path), device=DEVICE)
        inode, time_ns = int(self.digest[:15], 16), int(self.digest[15:25], 16)  # 100 bits of it: at most 18 minutes after the epoch
        return Stat(
            is_folder=False, size=self.size, mtime_ns=time_ns, ctime_ns=time_ns, inode=inode, device=DEVICE, executable=self.kind == "exec"
        )  # fmt: skip


def _number(*texts: str) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(texts).encode("utf-8", "surrogateescape"), digest_size=7).digest())


def load_away(fs: FileSystem, path: str) -> tuple[Artifact, ...]:
    """Return the list in the file ``path``; nothing where there is none, or none that is whole."""
    try:
        head, _, body = fs.read(path).partition(b"\n")
    except OSError:
        return ()
    if head == _MAGIC + hashlib.sha256(body).hexdigest().encode():
        with contextlib.suppress(msgspec.DecodeError):
            return _decoder.decode(body)
    return ()


def dump_away(artifacts: Iterable[Artifact]) -> bytes:
    """Return the content of the file that lists ``artifacts``."""
    body = msgspec.msgpack.encode(tuple(artifacts))
    return _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


class Away:
    """The outputs of the project in ``root`` that are away. Safe to use from several threads.

    ``fs`` is the real file system; ``store`` has, or can fetch, what they hold. Where nothing ``fetches``, only what is known is told.
    Those that earlier builds left are ``known``.
    """

    def __init__(
        self, fs: FileSystem, root: str, state: str, store: Store, *, fetches: bool = True, known: bool = True
    ) -> None:  # fmt: skip
        self._fs = fs
        self._root = root
        self._path = f"{state}/away"
        self._store = store
        self.fetches = fetches
        self._placer = Placer(fs, state, store)
        self._lock = threading.RLock()
        self._placing = threading.Lock()
        self._artifacts: dict[str, Artifact] = {}
        self._names: dict[str, set[str]] = {}
        self._folders: set[str] = set()
        self._inner: dict[str, Mapping[str, Node]] = {}
        self._marks: dict[str, bytes] = {}
        self._lost: dict[str, str] = {}  # what could not be had, until it is made again: whoever misses it missed an output
        self._is_new = False
        self._progress = Fetching(0, 0, 0)
        self.tells: Callable[[Fetching], None] = lambda _: None
        """Is told whenever fetching begins or ends, from whatever thread."""
        for artifact in load_away(fs, self._path) if known else ():
            self._put(artifact)

    def save(self) -> None:
        """Write the list where it is another one than before. A disk that refuses costs a later build the time to look them up."""
        with self._lock:
            if not self._is_new:
                return
            self._is_new = False
            data = dump_away(self._artifacts.values())
        with contextlib.suppress(OSError):
            self._fs.write(f"{self._path}.new", data)
            self._fs.rename(f"{self._path}.new", self._path)

    # which they are

    def __bool__(self) -> bool:
        return bool(self._artifacts or self._lost)

    @property
    def has_folders(self) -> bool:
        """Whether folders are away, in which there may be links."""
        return bool(self._folders)

    def _put(self, artifact: Artifact) -> None:
        plain = artifact.path.rstrip("/")
        self._artifacts[plain] = artifact
        self._marks.pop(plain, None)
        self._inner.pop(plain, None)
        self._folders.discard(plain)
        if artifact.is_folder:
            self._folders.add(plain)
        while plain:
            folder, _, name = plain.rpartition("/")
            self._names.setdefault(folder, set()).add(name)
            plain = folder

    def add(self, artifact: Artifact) -> None:
        """Let ``artifact`` be away from now on. Nothing may stand in its place."""
        with self._lock:
            self._put(artifact)
            self._lost.pop(artifact.path.rstrip("/"), None)
            self._is_new = True
        # A command that goes through all folders finds the way, and lists the folder in the end.
        self._fs.make_folder(posixpath.dirname(f"{self._root}/{artifact.path.rstrip('/')}"))

    def expect(self, artifact: Artifact) -> None:
        """Let ``artifact`` be away for whoever only asks, and changes nothing. Nothing may stand in its place."""
        with self._lock:
            self._put(artifact)
            self._lost.pop(artifact.path.rstrip("/"), None)

    def drop(self, path: str) -> Artifact | None:
        """Let the output ``path`` not be away any more; return what it was."""
        plain = path.rstrip("/")
        with self._lock:
            self._lost.pop(plain, None)
            artifact = self._artifacts.pop(plain, None)
            if artifact is None:
                return None
            self._is_new = True
            self._marks.pop(plain, None)
            self._inner.pop(plain, None)
            self._folders.discard(plain)
            while plain:
                folder, _, name = plain.rpartition("/")
                self._names[folder].discard(name)
                if self._names[folder] or folder in self._artifacts:
                    break
                del self._names[folder]
                plain = folder
            return artifact

    def is_away(self, path: str) -> bool:
        """Return whether the output ``path`` is away, or was and could not be had."""
        plain = path.rstrip("/")
        return (plain in self._artifacts or plain in self._lost) and not self._fs.exists(f"{self._root}/{plain}")

    def outputs(self) -> tuple[str, ...]:
        """Return the paths of all outputs that are away."""
        with self._lock:
            known = [*(artifact.path for artifact in self._artifacts.values()), *self._lost.values()]
        return tuple(filter(self.is_away, known))

    def touched(self, path: str, *, listed: bool = False, below: bool = False) -> Iterator[str]:
        """Yield the outputs away at ``path``, or around it; where it is ``listed`` those in it, and with ``below`` those at any depth."""
        plain = "" if path in {"", "."} else path.rstrip("/")
        with self._lock:
            found = {plain, *_above(plain)} & (self._artifacts.keys() | self._lost.keys())
            if below or listed:
                found.update(self._in(plain, deep=below))
                found.update(one for one in self._lost if _is_in(one, plain, deep=below))
            paths = [self._lost[one] if one in self._lost else self._artifacts[one].path for one in found]
        yield from sorted(filter(self.is_away, paths))

    def _in(self, folder: str, *, deep: bool) -> Iterator[str]:
        for name in self._names.get(folder, ()):
            inner = f"{folder}/{name}" if folder else name
            if inner in self._artifacts:
                yield inner
            elif deep:
                yield from self._in(inner, deep=True)

    # what they look like; paths are relative to the project, without a slash at the end

    def node(self, path: str) -> Node | None:
        """Return what is away at ``path``; whether something really stands there is not asked."""
        artifact = self._artifacts.get(path)
        if artifact is not None:
            kind = "folder" if artifact.is_folder else "exec" if artifact.executable else "file"
            return Node(kind, artifact.digest, artifact.size)
        if path in self._names:
            return Node("around")
        if self._folders:
            folder = next((above for above in _above(path) if above in self._folders), None)
            if folder is not None and not self._fs.exists(f"{self._root}/{folder}"):
                return self._inside(folder).get(path[len(folder) + 1 :])
        return None

    def mark(self, path: str) -> bytes | None:
        """Return the mark of the status of the file that is away at ``path``, an output itself."""
        known = self._marks.get(path)
        if known is None:
            artifact = self._artifacts.get(path)
            node = None if artifact is None or artifact.is_folder else self.node(path)
            if node is not None:
                known = self._marks[path] = mark_of(node.stat(path))
        return known

    def names(self, path: str) -> frozenset[str]:
        """Return the names of what is away in the folder ``path`` ("" for the project)."""
        with self._lock:
            around = self._names.get(path)
            if around is not None:
                return frozenset(around)
        folder = next((above for above in (*_above(path), path) if above in self._folders), None) if self._folders else None
        if folder is None or self._fs.exists(f"{self._root}/{folder}"):
            return frozenset()
        base = "" if path == folder else f"{path[len(folder) + 1 :]}/"
        found = (inner[len(base) :] for inner in self._inside(folder) if inner.startswith(base))
        return frozenset(name for name in found if name and "/" not in name)

    def _inside(self, folder: str) -> Mapping[str, Node]:
        """Return what is in the output ``folder``, by path in it, folders included; nothing where nobody can tell without fetching."""
        known = self._inner.get(folder)
        if known is None:
            digest = self._artifacts[folder].digest
            entries: tuple[Entry, ...] = ()
            if self._may_read(digest):
                with contextlib.suppress(DamagedBlob):
                    entries = self._store.blobs.entries(digest)
            found: dict[str, Node] = {}
            for entry in entries:
                size = self._size(entry.digest) if entry.kind in {"file", "exec"} else 0
                found[entry.path] = Node(entry.kind, entry.digest if entry.kind != "folder" else digest, size, digest)
                found.update((above, Node("folder", digest, 0, digest)) for above in _above(entry.path))
            known = self._inner[folder] = found
        return known

    def _size(self, digest: str) -> int:
        """Return the size of a file in a folder, where it can be told without fetching and reading it would not tell."""
        blob = None if self.fetches else self._fs.stat(self._store.blobs.path(digest))
        return UNKNOWN_SIZE if blob is None else blob.size

    def held(self, node: Node) -> bytes | None:
        """Return what the file ``node`` holds, for whoever only asks; None where that is not here."""
        if self._fs.stat(self._store.blobs.path(node.digest)) is not None:
            with contextlib.suppress(DamagedBlob):
                return self._store.blobs.read(node.digest, node.folder)
        return None

    def _may_read(self, digest: str) -> bool:
        """Return whether the blob ``digest`` can be read without fetching, or may be fetched."""
        return self.fetches or self._fs.stat(self._store.blobs.path(digest)) is not None

    def link_text(self, node: Node) -> str | None:
        """Return what the link ``node`` holds; None where it cannot be had."""
        if self._may_read(node.digest):
            with contextlib.suppress(DamagedBlob):
                return self._store.blobs.link_in(node.folder, Entry("link", node.digest, ""))
        return None

    def names_stamp(self, path: str) -> int:
        """Return a number that is another one whenever other names are away in the folder ``path``; 0 where none are."""
        names = self.names(path)
        return _number(*sorted(names)) if names else 0

    # having them here

    def bring(self, paths: Iterable[str]) -> None:
        """Fetch the outputs ``paths``, as far as they are away, all at once, and put them into their places.

        Raises:
            Unfetched: some cannot be had. They are not away any more; the others are in their places.
        """
        asked = {path.rstrip("/") for path in paths}
        with self._lock:
            wanted = {plain: self._artifacts[plain] for plain in sorted(asked & self._artifacts.keys())}
            gone = [self._lost[plain] for plain in asked & self._lost.keys()]
        if not (wanted or gone):
            return
        if not self.fetches:
            raise FileNotFoundError(2, "it is elsewhere", next(iter(wanted)))
        lost = self.fetch(wanted.values())
        for plain, artifact in wanted.items():
            if artifact.digest in lost or not self._settle(plain, artifact):
                self._lose(plain)
                gone.append(artifact.path)
        gone = [path for path in gone if not self._fs.exists(f"{self._root}/{path.rstrip('/')}")]
        if gone:
            raise Unfetched(gone)

    def fetch(self, artifacts: Iterable[Artifact]) -> frozenset[str]:
        """Have ``artifacts`` in the store, and tell of it; return the digests of those that cannot be had."""
        wanted = [artifact for artifact in artifacts if not self._store.blobs.is_here(artifact)]
        if not wanted:
            return frozenset()
        self._tell(len(wanted), sum(artifact.size for artifact in wanted))
        try:
            return self._store.blobs.bring(wanted)
        finally:
            self._tell(-len(wanted), 0)

    def _tell(self, count: int, size_bytes: int) -> None:
        with self._lock:
            now = self._progress
            if count > 0:
                self._progress = replace(now, total=now.total + count, size_bytes=now.size_bytes + size_bytes)
            else:
                self._progress = replace(now, done=now.done - count)
            told = self._progress
        self.tells(told)

    def _lose(self, plain: str) -> None:
        with self._lock:
            artifact = self._artifacts.get(plain)
            if artifact is not None:
                self.drop(plain)
                self._lost[plain] = artifact.path

    def _settle(self, plain: str, artifact: Artifact) -> bool:
        """Put ``artifact`` into its place, unless it or something else stands there by now; return whether it could be had."""
        with self._placing:
            target = f"{self._root}/{plain}"
            if self._artifacts.get(plain) != artifact:
                return self._fs.exists(target)  # another thread was faster
            if not self._fs.exists(target):
                try:
                    self._placer.place(artifact, target)
                except DamagedBlob:
                    return False
            self.drop(plain)
            return True


def _is_in(path: str, folder: str, *, deep: bool) -> bool:
    base = f"{folder}/" if folder else ""
    return path.startswith(base) and (deep or "/" not in path[len(base) :])


def _above(path: str) -> tuple[str, ...]:
    """Return the folders that ``path`` is in, outermost first, without slashes."""
    names = path.split("/")[:-1]
    return tuple("/".join(names[:n]) for n in range(1, len(names) + 1))
