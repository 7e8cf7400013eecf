"""A file system in which outputs that are away stand in their places."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from paperbuild.engine.away import Away, Node
from paperbuild.engine.ports import STAMP, FileSystem, Mark, Stat, mark_of, stamp


class AwayFileSystem:
    """:class:`paperbuild.engine.ports.FileSystem` over another one: what is ``away`` of the project in ``root`` is there as well.

    Reading one has it fetched and placed. Writing in the place of one, or removing it, ends its being away.
    """

    def __init__(self, fs: FileSystem, root: str, away: Away) -> None:
        self._fs = fs
        self._away = away
        self._root = root
        self._bases = tuple(dict.fromkeys((f"{root}/", f"{fs.real(root)}/")))
        self._real_folders: dict[str, str] = {}
        self.real, self.make_link, self.make_hollow, self.protect = fs.real, fs.make_link, fs.make_hollow, fs.protect
        self.remove_empty, self.make_folder, self.flush, self.touch = fs.remove_empty, fs.make_folder, fs.flush, fs.touch

    # where

    def _found(self, path: str) -> tuple[str, Node] | None:
        """Return what is away at ``path``, links followed, and where in the project; for whoever found that nothing really is there."""
        if not self._away:
            return None
        inside = self._inside(path)
        node = None if inside is None else self._away.node(inside)
        if node is None:
            inside = self._behind_links(path)
            node = None if inside is None else self._away.node(inside)
        return None if node is None or inside is None else (inside, node)

    def _inside(self, path: str) -> str | None:
        """Return ``path`` relative to the project; None where it is not in it."""
        for base in self._bases:
            if path.startswith(base):
                plain = path[len(base) :]
                if f"/{plain}/".find("/.") >= 0 or "//" in plain:
                    plain = posixpath.normpath(plain)
                return None if plain.startswith("../") or plain == ".." else "" if plain == "." else plain.rstrip("/")
        return "" if f"{path}/" in self._bases else None

    def _behind_links(self, path: str) -> str | None:
        """Return where ``path`` leads, relative to the project, where that is elsewhere than it says."""
        folder, _, name = path.rstrip("/").rpartition("/")
        real = self._real_folders.get(folder)
        if real is None:
            real = self._real_folders[folder] = self._fs.real(folder or "/").rstrip("/")
        there = f"{real}/{name}" if self._fs.link(path) is None else self._fs.real(path)
        return self._inside(there) if there != path else None

    # looking

    def stat(self, path: str) -> Stat | None:
        """See the port."""
        stat = self._fs.stat(path)
        if stat is None:
            found = self._found(path)
            if found is not None:
                stat = self._stat(*found)
        return stat

    def _stat(self, inside: str, node: Node) -> Stat | None:
        if node.kind != "link":
            return node.stat(inside)
        target = self._link_target(inside, node)
        return None if target is None else self.stat(target)

    def _link_target(self, inside: str, node: Node) -> str | None:
        text = self._away.link_text(node)
        return None if text is None else posixpath.normpath(f"{self._root}/{posixpath.dirname(inside)}/{text}" if text[:1] != "/" else text)

    def exists(self, path: str) -> bool:
        """See the port."""
        return self._fs.exists(path) or self._found(path) is not None

    def link(self, path: str) -> str | None:
        """See the port."""
        text = self._fs.link(path)
        if text is None and self._away.has_folders and not self._fs.exists(path):
            found = self._found(path)
            if found is not None and found[1].kind == "link":
                return self._away.link_text(found[1])
        return text

    def names(self, path: str) -> tuple[str, ...]:
        """See the port."""
        names = self._fs.names(path)
        if not self._away:
            return names
        inside = self._inside(path if self._fs.link(path) is None else self._fs.real(path))
        away = self._away.names(inside) if inside is not None else None
        return tuple(sorted({*names, *away})) if away else names

    def digest(self, path: str) -> str:
        """See the port."""
        found = self._file(path)
        return self._fs.digest(path) if found is None else found.digest

    def _file(self, path: str) -> Node | None:
        """Return the file that is away at ``path``."""
        if not self._away or self._fs.stat(path) is not None:
            return None
        found = self._found(path)
        if found is not None and found[1].kind == "link":
            target = self._link_target(*found)
            return None if target is None else self._file(target)
        return found[1] if found is not None and found[1].kind in {"file", "exec"} else None

    # marks

    def mark(self, kind: Mark, path: str) -> bytes:
        """See the port."""
        mark = self._fs.mark(kind, path)
        if not self._away:
            return mark
        if kind == "names":
            return self._names_mark(path, mark)
        if kind == "presence":
            return mark or (b"there" if self._found(path) is not None else b"")
        if kind == "link" and mark == b"-" and self._away.has_folders and not self._fs.exists(path):
            found = self._found(path)
            return mark if found is None or found[1].kind != "link" else found[1].digest.encode()
        return mark_of(self.stat(path)) if kind == "status" and not mark else mark

    def _names_mark(self, path: str, mark: bytes) -> bytes:
        inside = self._inside(path if self._fs.link(path) is None else self._fs.real(path))
        number = 0 if inside is None else self._away.names_stamp(inside)
        if not number:
            return mark
        if len(mark) != STAMP.size:
            return stamp(0, 0, 0, number, 0)
        size, mtime_ns, ctime_ns, inode, device = STAMP.unpack(mark)
        return stamp(size, mtime_ns, ctime_ns, inode ^ number, device)

    def moved(self, facts: Iterable[tuple[Mark, str, bytes]]) -> list[int]:
        """See the port. What is away is looked for on the disk all at once: as long as nothing is there, its mark is the one it has."""
        if not self._away:
            return self._fs.moved(facts)
        asked = list(facts)
        expected = [*asked]
        doubtful = []
        plain, size, mark_at, state = self._bases[0], len(self._bases[0]), self._away.mark, f"{self._root}/.paperbuild/"
        for n, (kind, path, mark) in enumerate(asked):
            if not path.startswith(plain) or path.startswith(state):
                if path.startswith(self._bases[1:]):
                    doubtful.append(n)
            elif kind == "names" or not mark:
                doubtful.append(n)
            elif kind == "status" and mark_at(path[size:]) == mark:
                expected[n] = (kind, path, b"")  # as long as nothing is there
        moved = set(self._fs.moved(expected))
        for n in {*doubtful, *moved}:
            kind, path, mark = asked[n]
            if self.mark(kind, path) == mark:
                moved.discard(n)
            else:
                moved.add(n)
        return sorted(moved)

    # reading

    def read(self, path: str) -> bytes:
        """See the port.

        Raises:
            Unfetched: it is away, and cannot be had.
        """
        held = self._held(path)
        if held is not None:
            return held
        self._bring(path)
        return self._fs.read(path)

    def _held(self, path: str) -> bytes | None:
        """Return what is away at ``path`` where nothing is fetched for whoever reads it, and it lies here."""
        node = None if self._away.fetches else self._file(path)
        return None if node is None else self._away.held(node)

    def read_end(self, path: str, size: int) -> bytes:
        """See :meth:`read`."""
        held = self._held(path)
        if held is not None:
            return held[-size:] if size else b""
        self._bring(path)
        return self._fs.read_end(path, size)

    def copy(self, source: str, target: str, *, executable: bool = False) -> None:
        """See :meth:`read`."""
        self._bring(source)
        self._forget(target)
        self._fs.copy(source, target, executable=executable)

    def _bring(self, path: str) -> None:
        if self._away and self._fs.stat(path) is None:
            found = self._found(path)
            if found is not None and found[1].kind == "link":
                self._bring(self._link_target(*found) or "")
            if found is not None:
                self._away.bring(self._away.touched(found[0]))

    # changing

    def write(self, path: str, data: bytes) -> None:
        """See the port."""
        self._forget(path)
        self._fs.write(path, data)

    def rename(self, source: str, target: str) -> None:
        """See the port."""
        self._forget(source)
        self._forget(target)
        self._fs.rename(source, target)

    def unlink(self, path: str) -> None:
        """See the port."""
        self._forget(path)
        self._fs.unlink(path)

    def remove_tree(self, path: str) -> None:
        """See the port."""
        self._forget(path)
        self._fs.remove_tree(path)

    def _forget(self, path: str) -> None:
        inside = self._inside(path) if self._away else None
        if inside:
            self._away.drop(inside)

    def fleeting(self) -> FileSystem:
        """See the port."""
        return AwayFileSystem(self._fs.fleeting(), self._root, self._away)
