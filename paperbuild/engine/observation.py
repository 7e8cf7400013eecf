"""What is on the disk now, told in the words of traces; every content read twice is hashed once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial

from paperbuild.engine import patterns
from paperbuild.engine.digest import digest_bytes, digest_of
from paperbuild.engine.graph import Graph
from paperbuild.engine.index import Index
from paperbuild.engine.inventories import Inventories, Inventory
from paperbuild.engine.notebooks import reduced
from paperbuild.engine.noting import Facts, NotingFileSystem
from paperbuild.engine.ports import Clock, CommandEnvironment, Stat
from paperbuild.engine.reasons import A_FOLDER
from paperbuild.engine.trace import (
    Absent,
    Content,
    EnvironmentVariable,
    Item,
    Link,
    Listing,
    Modules,
    Package,
    Program,
    Status,
    Tree,
    from_record,
    recordable,
    value_of,
)
from paperbuild.engine.tree import Entry, listing, walk

_METADATA = (".dist-info", ".egg-info", ".egg")


def status_of(is_folder: bool, size: int, executable: bool) -> str:
    """Return a status in the words of :class:`Status`."""
    return "folder" if is_folder else f"file {size}{' x' if executable else ''}"


class Observer:
    """Answers questions about the project in ``root``. Paths are relative to it, ``~/…`` in the home of whoever builds, or absolute.

    ``graph`` tells which folders are there only for outputs: their names are nothing that a listing depends on.
    """

    def __init__(
        self, root: str, fs: NotingFileSystem, index: Index, clock: Clock, environment: CommandEnvironment, graph: Graph | None = None
    ) -> None:
        self.root = root
        self._home = environment.home.rstrip("/")
        self._graph = graph
        self._fs = fs
        self._index = index
        self._clock = clock
        self._environment = environment
        self._real_folders: dict[str, tuple[str, Facts]] = {}
        self.inventories = Inventories(index)
        environment.hash_by(self.file_digest)

    def absolute(self, path: str) -> str:
        """Return ``path``, as it is written in records, as an absolute path."""
        path = from_record(path)
        if path.startswith("~/"):
            return self._home + path[1:]
        return path if path.startswith("/") else f"{self.root}/{path}".rstrip("/")

    def portable(self, path: str) -> str:
        """Return the absolute ``path`` as it is written in records: relative to the project or the home, where it lies in one of them."""
        path = recordable(path)
        for base in (recordable(self._real_folder(self.root)), recordable(self.root)):
            if path == base:
                return "."
            if path.startswith(f"{base}/"):
                return path[len(base) + 1 :]
        return f"~{path[len(self._home) :]}" if self._home and path.startswith(f"{self._home}/") else path

    def inside(self, path: str) -> str | None:
        """Return where ``path`` leads, links followed, as a path relative to the project; None where that is elsewhere."""
        absolute = self.absolute(path).rstrip("/")
        folder, _, name = absolute.rpartition("/")
        if name in {"", ".", ".."} or self._fs.link(absolute) is not None:
            real = self._fs.real(absolute)
        else:
            real = f"{self._real_folder(folder)}/{name}"
        root = self._real_folder(self.root)
        return real.removeprefix(f"{root}/") if real.startswith(f"{root}/") else None

    def _real_folder(self, folder: str) -> str:
        found = self._real_folders.get(folder)
        if found is None:
            with self._fs.noting() as facts:
                real = self._fs.real(folder or "/").rstrip("/")
            found = self._real_folders[folder] = real, facts
        else:
            self._fs.note(found[1])
        return found[0]

    def noting(self) -> AbstractContextManager[Facts]:
        """Note on what the answers rest that this thread is given meanwhile."""
        return self._fs.noting()

    def exists(self, path: str) -> bool:
        """Return whether anything is at ``path``."""
        return self._fs.stat(self.absolute(path)) is not None

    def file_digest(self, path: str) -> str | None:
        """Return the digest of the file at ``path``, or None where there is no file; hashes only what the stat cache cannot vouch for."""
        absolute = self.absolute(path)
        stat = self._fs.stat(absolute)
        if stat is None or stat.is_folder:
            return None
        known = self._index.digest(absolute, stat)
        if known is not None:
            return known
        hashed_ns = self._clock.now_ns() - self._clock.lag_ns(stat.device)
        try:
            digest = self._fs.digest(absolute)
        except OSError:
            return None
        if self._fs.stat(absolute) == stat:
            self._index.note_digest(absolute, stat, hashed_ns, digest)
        return digest

    def notebook_digest(self, path: str) -> str | None:
        """Return the digest of what counts of the notebook at ``path``, or None where there is no file."""
        if self.file_digest(path) is None:
            return None
        try:
            return digest_bytes(reduced(self._fs.read(self.absolute(path))))
        except OSError:
            return None

    def digest_then(self, path: str, then: Stat) -> str | None:
        """Return the digest of the file at ``path`` when its status was ``then``; None where nobody hashed it then."""
        return self._index.digest(self.absolute(path), then)

    def folder_digest(self, path: str, *, as_input: bool, without: Iterable[str] = ()) -> str | None:
        """Return the digest of everything in the folder ``path``, or None where there is no folder.

        As an input a folder is taken without what is never an input (bytecode, editors' temporaries) and without the outputs in
        ``without``, and a link in it is what it leads to: that is what a command reads. As an artifact it is whole, links as such.
        """
        absolute = self.absolute(path)
        stat = self._fs.stat(absolute)
        if stat is None or not stat.is_folder:
            return None
        skip = patterns.is_ignored if as_input else (lambda _: False)
        entries = walk(self._fs, absolute, lambda file: self.file_digest(file) or "-", skip=skip, follow=as_input)
        left_out = tuple(without)
        base = path if path.endswith("/") else path + "/"
        counted = [entry for entry in entries if not patterns.is_within(base + entry.path, left_out)]
        return self.inventories.note(digest_bytes(listing(counted)), len(counted), partial(_by_path, counted))

    def output_digest(self, path: str) -> str | None:
        """Return the digest of what stands at an output's path (a folder where it ends in ``/``), or None where nothing does."""
        digest = self.folder_digest(path, as_input=False) if path.endswith("/") else self.file_digest(path)
        if digest is None and self._fs.exists(self.absolute(path).rstrip("/")):
            return "of another kind"  # a folder where a file belongs, a file where a folder does, a dangling link: no content of ours
        return digest

    def names_digest(self, path: str, without: Iterable[str] = ()) -> str | None:
        """Return the digest of the names in the folder ``path``, or None where there is no folder.

        Left out are those in ``without``, what is never an input, and folders that are there for outputs.
        """
        absolute = self.absolute(path)
        stat = self._fs.stat(absolute)
        if (stat is None or not stat.is_folder) and not self._is_holder(path):
            return None
        left_out = {*without, *(() if self._graph is None or path.startswith(("/", "~")) else self._graph.unlisted(path.removeprefix(".")))}
        return self._digest_of_names("names 1", lambda name: name not in left_out and not patterns.is_ignored(name), absolute)

    def modules_digest(self, path: str, names: Iterable[str]) -> str | None:
        """Return the digest of what in the folder ``path`` can be one of the Python modules ``names``; None where there is no folder.

        Metadata of packages counts too: who looks for a plugin, or a version, looks for it in the folders of modules.
        """
        absolute = self.absolute(path)
        stat = self._fs.stat(absolute)
        if stat is None or not stat.is_folder:
            return None
        wanted = frozenset(names)
        return self._digest_of_names("modules 1", lambda name: name.partition(".")[0] in wanted or name.endswith(_METADATA), absolute)

    def _digest_of_names(self, domain: str, counts: Callable[[str], bool], folder: str) -> str:
        names = tuple(filter(counts, self._fs.names(folder)))
        return self.inventories.note(digest_of(domain, names), len(names), partial(_named, names))

    def status(self, path: str) -> str | None:
        """Return what is at ``path`` in the words of :class:`Status`, or None where nothing is."""
        absolute = self.absolute(path)
        stat = self._fs.stat(absolute)
        if stat is not None and stat.size < 0:  # elsewhere, in a folder whose list tells no sizes
            with contextlib.suppress(FileNotFoundError):
                self._fs.read_end(absolute, 0)
            stat = self._fs.stat(absolute)
        if stat is None:
            return status_of(True, 0, False) if self._is_holder(path) else None
        return status_of(stat.is_folder, stat.size, stat.executable)

    def program(self, name: str) -> str | None:
        """Return the fingerprint of what is found as the program ``name``, or None where nothing is."""
        found = self._environment.program(name)
        return self.file_digest(found) if found is not None and found.startswith("/") else found

    def value(self, item: Item) -> str | None:
        """Return what is now where ``item`` saw something, in the words of :func:`value_of`."""
        match item:
            case Content(path):
                return self.file_digest(path) or self._is_folder(path)
            case Tree(path):
                return self.folder_digest(path, as_input=True)
            case Listing(path, _, without):
                return self.names_digest(path, without)
            case Modules(path, names):
                return self.modules_digest(path, names)
            case Status(path) | Absent(path):
                return self.status(path)
            case Link(path):
                return self._fs.link(self.absolute(path))
            case Program(name):
                return self.program(name)
            case EnvironmentVariable(name):
                return self._environment.value_digest(name)
            case Package(tool, name):
                return self._environment.package(tool, name)

    def holds(self, item: Item) -> bool:
        """Return whether ``item`` is true now."""
        return self.value(item) == value_of(item)

    def again(self, item: Item) -> Item | None:
        """Return what ``item`` says as it is now; None where it was about something that is not there, and nobody looks for."""
        match item:
            case Status(path):
                status = self.status(path)
                return Absent(path) if status is None else Status(path, status)
            case Content(path) | Absent(path):
                digest = self.file_digest(path) or self._is_folder(path)
                return Absent(path) if digest is None else Content(path, digest)
            case Tree(path):
                tree = self.folder_digest(path, as_input=True)
                return Absent(path) if tree is None else Tree(path, tree)
            case Listing(path, _, without):
                names = self.names_digest(path, without)
                return Absent(path) if names is None else Listing(path, names, without)
            case Modules(path, names, _):
                found = self.modules_digest(path, names)
                return Absent(path) if found is None else Modules(path, names, found)
            case Link(path):
                text = self._fs.link(self.absolute(path))
                return self.again(Content(path, "")) if text is None else Link(path, text)
            case Program(name):
                return Program(name, self.program(name))
            case EnvironmentVariable(name):
                return EnvironmentVariable(name, self._environment.value_digest(name))
            case Package(tool, name):
                fingerprint = self._environment.package(tool, name)
                return None if fingerprint is None else Package(tool, name, fingerprint)

    def files(self, path: str) -> Iterator[str]:
        """Yield the absolute paths of the file at ``path``, or of the files in the folder there."""
        plain = path.rstrip("/")
        if self._is_folder(plain) is None:
            yield self.absolute(plain)
        else:
            yield from (self.absolute(file) for file, is_folder in self._below(f"{plain}/**", f"{plain}/", frozenset()) if not is_folder)

    def expand(self, declared: str, without: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the paths that a declared input means now, sorted: itself, or what its glob matches, save what is in ``without``."""
        if not patterns.is_glob(declared):
            return (declared,)
        folder_wanted = declared.endswith("/")
        pattern = declared.rstrip("/")
        found = {declared} if self.exists(declared) else set()  # a file may be called data[1].csv
        left_out = tuple(without)
        for path, is_folder in self._below(pattern, patterns.fixed_prefix(pattern), frozenset()):
            if is_folder != folder_wanted or not patterns.matches(pattern, path):
                continue
            whole = f"{path}/" if folder_wanted else path
            if not patterns.is_within(whole, left_out):
                found.add(whole)
        return tuple(sorted(found))

    def _below(self, pattern: str, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
        """Yield what is in the folder ``prefix``, and in the folders in it where ``pattern`` can match; each with whether it is one."""
        for name in self._fs.names(self.absolute(prefix)):
            if patterns.is_ignored(name):
                continue
            stat = self._fs.stat(self.absolute(prefix + name))
            if stat is None:
                continue
            yield prefix + name, stat.is_folder
            place = (stat.device, stat.inode)
            if stat.is_folder and place not in above and patterns.reaches_below(pattern, prefix + name):
                yield from self._below(pattern, f"{prefix}{name}/", above | {place})

    def _is_holder(self, path: str) -> bool:
        """Return whether ``path`` is a folder around outputs, which is as good as there: it comes and goes with them."""
        return self._graph is not None and self._graph.is_holder(path)

    def _is_folder(self, path: str) -> str | None:
        stat = self._fs.stat(self.absolute(path))
        return A_FOLDER if stat is not None and stat.is_folder else None


def _by_path(entries: Iterable[Entry]) -> Inventory:
    return {recordable(entry.path): f"{entry.kind} {entry.digest}" for entry in entries}


def _named(names: Iterable[str]) -> Inventory:
    return {recordable(name): "" for name in names}
