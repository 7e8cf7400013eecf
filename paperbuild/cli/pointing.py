"""From a place of the page to the line of the source, and into the author's editor."""

from __future__ import annotations

import os
from collections.abc import Mapping

from paperbuild.cli.following import Followed
from paperbuild.engine.graph import Graph, Step
from paperbuild.engine.process import start_apart
from paperbuild.errors import BuildError
from paperbuild.live.commanding import Desk
from paperbuild.live.editors import Editor
from paperbuild.live.epochs import Page
from paperbuild.live.hub import Hub
from paperbuild.live.site import Spot
from paperbuild.paper.source import SourceMap, decode
from paperbuild.render.blocks import Blocks, Frame, Place, Stretch


class Pointer:
    """Finds lines for what ``hub`` publishes of the project in ``root``, and opens them with ``editor``."""

    def __init__(self, root: str, hub: Hub, desk: Desk, followed: Followed, editor: Editor) -> None:
        self._root = root
        self._hub = hub
        self._desk = desk
        self._followed = followed
        self._editor = editor

    def place(self, spot: Spot) -> Place | None:
        """Return where in the sources the spot of the page is; None where that is not known, or the page is another by now."""
        found = self._hub.block(spot.document, spot.epoch, spot.block)
        if found is None:
            return None
        page, block = found
        blocks = self._blocks(spot.document or self._hub.now.sheets[0].name, page)
        return blocks.place_of(block, spot.words) if blocks is not None else None

    def open(self, path: str, line: int, column: int) -> bool:
        """Open a file that the paper, or one of its errors, names; return whether there is a command for that."""
        whole = os.path.normpath(os.path.join(self._root, path))
        if not self._editor.command or path not in self._named() or not os.path.isfile(whole):
            return False
        return start_apart(self._editor.words(whole, line, column), self._root)

    def _named(self) -> frozenset[str]:
        sources = (path for names in _sources(self._desk.graph).values() for path in names)
        return frozenset((*sources, *(fault.path for fault in self._hub.now.standing.faults)))

    def _blocks(self, name: str, page: Page) -> Blocks | None:
        """Return the blocks of ``page`` with what they come from: by sections where it was made here, else looked for in all."""
        made = self._followed.blocks(f"{name}.html")
        if made is not None and len(made.body) == len(page.blocks):
            return made
        try:
            sources = SourceMap.join([(path, self._read(path)) for path in _sources(self._desk.graph).get(name, ())])
        except (OSError, BuildError):
            return None
        return Blocks(Frame("", ""), ((0, Stretch(page.blocks, sources.text)),), "", sources) if sources.paths else None

    def _read(self, path: str) -> str:
        with open(os.path.join(self._root, path), "rb") as file:
            return decode(path, file.read())


def _sources(graph: Graph) -> Mapping[str, tuple[str, ...]]:
    """Return the sources of each document, by its name."""
    documents = (action for action in graph.actions.values() if isinstance(action.recipe, Step))
    return {action.target: action.inputs or () for action in documents}
