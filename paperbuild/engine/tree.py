r"""Folders as content: the sorted list of everything in one, and its digest.

Format, version 1: one line for each entry, ``kind SP digest SP path LF``, sorted by path, where kind is ``file``, ``exec`` (an
executable file), ``link`` (the digest is of the link's text) or ``folder`` (an empty folder; its digest is ``-``). In a path ``\``
is written ``\\`` and a line feed ``\n``. The digest of a folder is the SHA-256 of that list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from paperbuild.engine.digest import digest_bytes, is_digest
from paperbuild.engine.ports import FileSystem


class Entry(msgspec.Struct, frozen=True):
    """One line of the list; ``path`` is relative to the folder."""

    kind: str
    digest: str
    path: str


def walk(
    fs: FileSystem,
    root: str,
    of_file: Callable[[str], str],
    of_link: Callable[[bytes], str] = digest_bytes,
    skip: Callable[[str], bool] = lambda _: False,
    *,
    follow: bool = False,
) -> Iterator[Entry]:
    """Yield what is in the folder ``root``, sorted by path.

    ``of_file`` turns a file's absolute path into a digest, ``of_link`` the text of a link; names for which ``skip`` is true are left
    out, with everything below them. Links are entries of their own; with ``follow`` they are what they lead to, except where that is
    nothing, or a folder that they are in.
    """

    def below(folder: str, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[Entry]:
        names = [name for name in fs.names(folder) if not skip(name)]
        if not names and prefix:
            yield Entry("folder", "-", prefix.rstrip("/"))
        for name in names:
            path = f"{folder}/{name}"
            link = fs.link(path)
            stat = fs.stat(path) if link is None or follow else None
            place = (stat.device, stat.inode) if stat is not None and stat.is_folder else None
            if link is not None and (stat is None or place in above):
                yield Entry("link", of_link(link.encode("utf-8", "surrogateescape")), prefix + name)
            elif place is not None:
                yield from below(path, f"{prefix}{name}/", above | {place})
            elif stat is not None:
                yield Entry("exec" if stat.executable else "file", of_file(path), prefix + name)

    top = fs.stat(root)
    above = frozenset(() if top is None else {(top.device, top.inode)})
    yield from sorted(below(root, "", above), key=lambda entry: entry.path)


def listing(entries: Iterable[Entry]) -> bytes:
    """Return the list of ``entries`` as the content of a blob."""
    lines = (f"{entry.kind} {entry.digest} {_escape(entry.path)}\n" for entry in entries)
    return "".join(lines).encode("utf-8", "surrogateescape")


def parse_listing(data: bytes) -> tuple[Entry, ...]:
    """Return the entries of a list.

    Raises:
        ValueError: it is no such list, a path in it leaves the folder, by itself or through a link, or a digest is none.
    """
    entries = []
    leaves: set[str] = set()
    *lines, rest = data.decode("utf-8", "surrogateescape").split("\n")
    if rest:
        raise ValueError(rest)
    for line in lines:
        kind, digest, path = line.split(" ", 2)
        path = _unescape(path)
        names = path.split("/")
        above = {"/".join(names[:n]) for n in range(1, len(names) + 1)}
        if not {"", ".", ".."}.isdisjoint(names) or kind not in {"file", "exec", "link", "folder"} or above & leaves:
            raise ValueError(line)
        if not (digest == "-" if kind == "folder" else is_digest(digest)):
            raise ValueError(line)  # it would name a file anywhere
        leaves |= {path} if kind != "folder" else set()
        entries.append(Entry(kind, digest, path))
    return tuple(entries)


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace("\n", "\\n")


def _unescape(path: str) -> str:
    return "\\".join(part.replace("\\n", "\n") for part in path.split("\\\\"))
