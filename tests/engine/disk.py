"""A project on the real disk, built with the real engine and real shells."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from paperbuild.engine.build import BuildReport, build
from paperbuild.engine.environment import LocalEnvironment
from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.queries import Situation, survey
from paperbuild.engine.remote import Remote
from paperbuild.engine.store import Store
from paperbuild.engine.workshop import Workshop, open_workshop
from paperbuild.events import Event
from tests.engine.world import Joiner, graph_of


@dataclass
class Project:
    """A project in ``root``; ``wrap`` may put something between the engine and the disk, ``remote`` is where it shares its results."""

    root: Path
    actions: tuple[Action, ...]
    store: str = ""
    python: str = "/nowhere/bin"
    wrap: Callable[[FileSystem], FileSystem] | None = None
    remote: Remote | None = None
    again: frozenset[str] = frozenset()
    events: list[Event] = field(default_factory=list)

    def workshop(self, *, reading_only: bool = False) -> Workshop:
        root = str(self.root)
        environment = LocalEnvironment(os.environ, self.python, f"{root}/.paperbuild/bytecode", root=root)
        opened = open_workshop(
            root, self.store or f"{root}/.paperbuild", environment, {"joiner": Joiner()}, reading_only=reading_only,
            remote=self.remote,
        )  # fmt: skip
        if self.wrap is None:
            return opened
        fs = self.wrap(opened.fs)
        return replace(opened, fs=fs, store=Store(fs, opened.store.root))

    def build(self, *wanted: str, jobs: int = 2, **options: bool) -> BuildReport:
        self.events = []
        workshop = self.workshop()
        try:
            graph = graph_of(self.actions)
            graph.ask_for(self.again)
            return build(graph, wanted or tuple(graph.actions), workshop, BuildOptions(jobs=jobs, **options), self.events.append)
        finally:
            workshop.close()

    def survey(self, *wanted: str) -> tuple[Situation, ...]:
        workshop = self.workshop(reading_only=True)
        try:
            graph = Graph(self.actions)
            graph.ask_for(self.again)
            return survey(graph, wanted or [action.id for action in self.actions], workshop)
        finally:
            workshop.close()

    def write(self, files: Mapping[str, str]) -> Project:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def tree(self) -> dict[str, str]:
        """Return every file, folder and link outside ``.paperbuild`` by path."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name != ".paperbuild"]
            for name in folders:
                path = Path(folder, name)
                found[f"{path.relative_to(self.root)}"] = f"-> {path.readlink()}" if path.is_symlink() else "a folder"
            for name in files:
                path = Path(folder, name)
                found[f"{path.relative_to(self.root)}"] = f"-> {path.readlink()}" if path.is_symlink() else path.read_bytes().decode()
        return found
