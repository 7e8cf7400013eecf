"""What everything that belongs to one build works with, in one place."""

from __future__ import annotations

import msgspec

from paperbuild.engine.graph import Graph
from paperbuild.engine.keys import KeyMaker
from paperbuild.engine.observation import Observer
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.workshop import Workshop


class Floor(msgspec.Struct, frozen=True):
    """The parts that all attempts of one build share."""

    workshop: Workshop
    graph: Graph
    observer: Observer
    shelf: Shelf
    keys: KeyMaker
    strict: bool = False
    keeps_checkpoints: bool = False
