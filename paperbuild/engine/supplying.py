"""What is a command known to need of the project, where it runs without the project's folder? Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.trace import Content, Item, Link, Listing, Modules, Status, Tree, from_record

BESIDE = "/."
"""What a path ends in that means what stands in that folder itself, not deeper."""


def supplies_of(action: Action, graph: Graph, declared: Iterable[str], read: Iterable[Item]) -> tuple[str, ...]:
    """Return what ``action`` needs for certain or in all likelihood, by paths in the project; folders end in a slash.

    That is what it ``declared``, what it ``read`` the last time, and the outputs of all that it waits for.
    """
    found = [*declared, *(path for item in read for path in _of_item(item))]
    for id_ in graph.closure((action.id,)):
        if id_ != action.id:
            found += (output.path for output in graph.actions[id_].outputs)
    plain = (posixpath.normpath(path) + path[len(path.rstrip("/")) :] if not path.endswith(BESIDE) else path for path in found)
    return tuple(dict.fromkeys(path for path in plain if not path.startswith(("/", "~", "../")) and path != ".."))


def _of_item(item: Item) -> Iterator[str]:
    match item:
        case Content(path) | Status(path) | Link(path):
            yield from_record(path)
        case Tree(path):
            yield from_record(path).rstrip("/") + "/"
        case Listing(path) | Modules(path):
            yield from_record(path).rstrip("/") + BESIDE
        case _:
            return
