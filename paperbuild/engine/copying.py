"""A copy of a project that holds what a record names, and nothing else.

What a file held is copied; of one that was only asked for, or whose name stood in a listing, there is as much and no more: its size, its
name. So a command that needs what its record does not name fails, or comes out otherwise.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from paperbuild.engine import patterns
from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.observation import Observer
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.reasons import A_FOLDER
from paperbuild.engine.trace import Absent, Content, Item, Link, Listing, Modules, Status, Tree, from_record, path_of
from paperbuild.engine.tree import walk

FURTHEST = 3
"""How many folders up from the project something may lie that is found in its copy by ``..``, too."""


class Piece(msgspec.Struct, frozen=True):
    """What stands at one path of the copy; ``size`` is of a hollow file, ``text`` of a link."""

    kind: Literal["content", "hollow", "folder", "link"]
    size: int = 0
    executable: bool = False
    text: str = ""


_RANK = {"folder": 0, "hollow": 1, "content": 2}


class Plan(msgspec.Struct, frozen=True):
    """What to copy: pieces by their path in the project, and links, which may lead to one of them.

    ``near`` is what lies beside the project: paths beginning with ``..``, and the absolute ones that they mean.
    """

    pieces: Mapping[str, Piece]
    links: Mapping[str, str]
    near: Mapping[str, str]


class Place(msgspec.Struct, frozen=True):
    """Where a copy is made: its ``root``, in the folder ``area`` that it must not leave; both absolute, without links."""

    root: str
    area: str


class Copyist:
    """Makes copies of the project that ``observer`` observes."""

    def __init__(self, fs: FileSystem, observer: Observer, graph: Graph) -> None:
        self._fs = fs
        self._observer = observer
        self._graph = graph

    def plan(self, action: Action, items: Iterable[Item], declared: Iterable[str]) -> Plan:
        """Return what of the project ``items`` and the ``declared`` inputs of ``action`` mean."""
        pieces: dict[str, Piece] = {}
        links: dict[str, str] = {}
        near: dict[str, str] = {}
        own = tuple(output.path for output in action.outputs)
        found = [(path, one) for item in items if not isinstance(item, Absent) for path, one in self._of_item(item)]
        found += [(path, one) for given in declared for path, one in self._of_declared(given.rstrip("/"), own)]
        for path, piece in found:
            inside = self._inside(path)
            if inside is None:
                near.update(self._near(path))
            elif piece.kind == "link":
                links[inside] = piece.text
            elif not patterns.is_within(inside, own):
                known = pieces.get(inside)
                if known is None or _RANK[piece.kind] > _RANK[known.kind] or (piece.kind == known.kind == "hollow" and piece.size):
                    pieces[inside] = piece
        return Plan(pieces, links, near)

    def _inside(self, path: str) -> str | None:
        """Return ``path``, as records have it, relative to the project; None where it leads out of it."""
        if path.startswith(("/", "~")):
            return None
        plain = posixpath.normpath(from_record(path))
        return None if plain == ".." or plain.startswith("../") else plain

    def _near(self, path: str) -> Iterator[tuple[str, str]]:
        absolute = posixpath.normpath(self._observer.absolute(path))
        relative = posixpath.relpath(absolute, self._observer.root)
        ups = relative.split("/").count("..")
        if ups <= min(FURTHEST, self._observer.root.count("/") - 1) and relative.rpartition("/")[2] != ".." and self._fs.exists(absolute):
            yield relative, absolute

    def _of_item(self, item: Item) -> Iterator[tuple[str, Piece]]:
        path = path_of(item)
        match item:
            case Content(path, digest):
                yield path, Piece("folder") if digest == A_FOLDER else self._file(path)
            case Tree(path):
                yield from self._of_folder(path.rstrip("/"), ())
            case Listing(path, _, without):
                yield path, Piece("folder")
                yield from self._of_names(path, without)
            case Modules(path, names):
                yield path, Piece("folder")
                for name in self._names(path):
                    if name.partition(".")[0] in names:
                        yield _joined(path, name), self._present(_joined(path, name))
            case Status(path, status):
                words = status.split(" ")
                yield path, Piece("folder") if words[0] == "folder" else Piece("hollow", int(words[1]), words[-1] == "x")
            case Link(path, text):
                yield path, Piece("link", text=text)

    def _of_declared(self, path: str, own: tuple[str, ...]) -> Iterator[tuple[str, Piece]]:
        found = self._fs.stat(self._observer.absolute(path))
        if found is not None and found.is_folder:
            yield from self._of_folder(path, own)
        elif found is not None:
            yield path, self._file(path)

    def _of_folder(self, path: str, own: tuple[str, ...]) -> Iterator[tuple[str, Piece]]:
        yield path, Piece("folder")
        if self._inside(path) is None:
            return  # it is read where it is
        for entry in walk(self._fs, self._observer.absolute(path), lambda _: "", skip=patterns.is_ignored, follow=True):
            inner = _joined(path, entry.path)
            if not patterns.is_within(inner, own) and entry.kind != "link":
                yield inner, Piece("folder") if entry.kind == "folder" else Piece("content", executable=entry.kind == "exec")

    def _of_names(self, folder: str, without: tuple[str, ...]) -> Iterator[tuple[str, Piece]]:
        """Yield what stands in ``folder`` by its names alone."""
        if self._inside(folder) is None:
            return
        unlisted = self._graph.unlisted(folder.removeprefix("."))
        for name in self._names(folder):
            path = _joined(folder, name)
            if name not in without and name not in unlisted and not patterns.is_ignored(name):
                found = self._fs.stat(self._observer.absolute(path))
                text = self._fs.link(self._observer.absolute(path))
                if found is not None:
                    yield path, Piece("folder") if found.is_folder else Piece("hollow", executable=found.executable)
                elif text is not None:  # it leads nowhere, and so it may here
                    yield path, Piece("link", text=text)

    def _names(self, folder: str) -> tuple[str, ...]:
        return self._fs.names(self._observer.absolute(folder))

    def _present(self, path: str) -> Piece:
        found = self._fs.stat(self._observer.absolute(path))
        return Piece("folder") if found is not None and found.is_folder else self._file(path)

    def _file(self, path: str) -> Piece:
        found = self._fs.stat(self._observer.absolute(path))
        return Piece("content", executable=found is not None and found.executable)

    # making

    def make(self, plan: Plan, place: Place, lent: Mapping[str, str], *, backwards: bool) -> None:
        """Make the copy. What is ``lent`` (path in the copy to absolute path) is there by links.

        Raises:
            OSError: the disk refused, or something to copy is gone.
        """
        self._fs.make_folder(place.root)
        for path, target in (*lent.items(), *plan.near.items()):
            self._link(f"{place.root}/{path}", target, place)
        for path, text in sorted(plan.links.items()):
            self._link(f"{place.root}/{path}", self._moved(text, place), place)
        for kind in ("content", "hollow", "folder"):  # a file may be named through links, too: what it held comes first
            for path in sorted((path for path, piece in plan.pieces.items() if piece.kind == kind), reverse=backwards):
                self._make(path, plan.pieces[path], place)

    def _moved(self, text: str, place: Place) -> str:
        """Return the text of a link so that it does not lead back into the project itself."""
        for root in (self._observer.root, self._fs.real(self._observer.root)):
            if f"{text}/".startswith(f"{root}/"):
                return place.root + text[len(root) :]
        return text

    def _target(self, absolute: str, place: Place) -> str | None:
        """Return where something for the path ``absolute`` of the copy is to be made; None where it is there, or lies elsewhere."""
        real = posixpath.normpath(self._fs.real(absolute))
        return real if real.startswith(f"{place.area}/") and not self._fs.exists(real) else None

    def _link(self, path: str, text: str, place: Place) -> None:
        path = posixpath.normpath(path)
        self._fs.make_folder(posixpath.dirname(path))
        if path.startswith(f"{place.area}/") and not self._fs.exists(path):
            self._fs.make_link(text, path)

    def _make(self, path: str, piece: Piece, place: Place) -> None:
        target = self._target(f"{place.root}/{path}".removesuffix("/."), place)
        if target is None:
            return
        self._fs.make_folder(posixpath.dirname(target))
        if piece.kind == "folder":
            self._fs.make_folder(target)
        elif piece.kind == "hollow":
            self._fs.make_hollow(target, piece.size, executable=piece.executable)
        else:
            self._fs.copy(self._observer.absolute(path), target, executable=piece.executable)


def _joined(folder: str, name: str) -> str:
    return name if folder in {"", "."} else f"{folder}/{name}"
