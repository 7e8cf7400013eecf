"""What a rerun did that a record does not name. Pure.

The record of a run is all that decides whether it runs again. So whatever a rerun reads, misses or lists has to be in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
    path_of,
)


def unnamed(items: Iterable[Item], named: Iterable[Item], declared: Iterable[str]) -> tuple[Item, ...]:
    """Return those of ``items`` that neither ``named`` nor the ``declared`` inputs (files, and folders with a slash) cover.

    What was looked for in vain outside the project is left out: it depends on where the project lies.
    """
    known = _Named(named, declared)
    return tuple(item for item in items if not known.covers(item))


class _Named:
    def __init__(self, named: Iterable[Item], declared: Iterable[str]) -> None:
        self._known: dict[tuple[str, str], Item] = {}
        folders = [path for path in declared if path.endswith("/")]
        self._files = {path for path in declared if not path.endswith("/")}
        for item in named:
            self._known[type(item).__name__, _name(item)] = item
            folders += [f"{item.path.rstrip('/')}/"] if isinstance(item, Tree) else []
        self._folders = tuple(folders)

    def covers(self, item: Item) -> bool:
        """Return whether a change of what ``item`` is about would be noticed."""
        name = _name(item)
        if path_of(item) is not None and (name in self._files or (self._folders and f"{name}/".startswith(self._folders))):
            return True
        kinds: tuple[str, ...] = (type(item).__name__,)
        match item:
            case Absent(path) if path.startswith(("/", "~")):
                return True
            case Status(_, status):
                kinds = ("Status", "Listing", "Modules", "Content") if status == "folder" else ("Status", "Content")
            case Modules():
                known = self._known.get(("Modules", name))
                return ("Listing", name) in self._known or (isinstance(known, Modules) and set(known.names) >= set(item.names))
            case Content(_, digest) if digest == A_FOLDER:
                kinds = ("Content", "Status", "Listing")
        return any((kind, name) in self._known for kind in kinds)


def _name(item: Item) -> str:
    if isinstance(item, Package):
        return f"{item.tool}:{item.name}"
    path = path_of(item)
    return item.name if path is None else path.rstrip("/")  # type: ignore[union-attr]  # what has no path has a name


def told(items: Iterable[Item], most: int = 12) -> Iterator[str]:
    """Yield in words what was done: "it read data.csv"; of very many the first ``most``, and how many more."""
    words = list(dict.fromkeys(map(_words, items)))
    yield from words[:most]
    if len(words) > most:
        yield f"and {len(words) - most} more"


def _words(item: Item) -> str:
    path = from_record(path_of(item) or "")
    match item:
        case Content() | Tree():
            return f"it read {path}"
        case Status():
            return f"it asked for the size of {path}, or whether it is there"
        case Listing():
            return f"it listed {path}"
        case Modules():
            return f"it looked for Python modules in {path}"
        case Link():
            return f"it asked where {path} leads"
        case Absent():
            return f"it looked for {path}"
        case Package(_, name):
            return f"it looked for the package {name[1:]}" if name.startswith("?") else f"it used the package {name.lstrip('/')}"
        case Program(name):
            return f"it used the program {name}"
        case EnvironmentVariable(name):
            return f"it used the variable {name}"
