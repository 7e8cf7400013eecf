"""Random histories in memory: see :mod:`tests.engine.histories`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from random import Random

from hypothesis import settings

from paperbuild.events import ActionStarted
from tests.engine.histories import MOST, Built, Histories
from tests.engine.memory import Crash
from tests.engine.programs import ProgramExecutor, Target
from tests.engine.world import ROOT, World


class MemoryGround:
    """A project in memory."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World(watched=True)
        self.world.executor = ProgramExecutor(self.world.fs, watched=True)

    def put(self, path: str, text: str) -> None:
        self.world.put(path, text)

    def remove(self, path: str) -> None:
        self.world.remove(path)
        folder = path.rpartition("/")[0]
        while folder and self.world.fs.remove_empty(f"{ROOT}/{folder}"):
            folder = folder.rpartition("/")[0]

    def files(self) -> dict[str, str]:
        assert not any("/.paperbuild-" in path for path in self.world.fs.nodes)
        return {path: data.decode() for path, data in self.world.fs.files(ROOT).items()}

    def build(self, targets: Mapping[str, Target], wanted: Sequence[str], jobs: int, seed: int, *, overwrite: bool = False) -> Built:
        self.world.random = Random(seed)
        self.world.targets(*(target.action(id_, target.script()) for id_, target in targets.items()))
        self.world.build(*wanted, jobs=jobs, keep_going=True, overwrite=overwrite)
        assert self.world.report is not None
        reasons = {event.action: event.reason for event in self.world.events if isinstance(event, ActionStarted)}
        return Built(self.world.report.outcomes, self.world.ran_now, reasons, self.world.report.diagnostics)

    def die_while_building(self, targets: Mapping[str, Target], after: int) -> None:
        self.world.fs.dies_after = self.world.fs.changes + after
        with contextlib.suppress(Crash):
            self.build(targets, sorted(targets), 2, after)
        self.world.fs.revive()

    def lose_index(self) -> None:
        self.world.lose_index()

    def close(self) -> None:
        return


class HistoriesInMemory(Histories):
    def ground(self) -> MemoryGround:
        return MemoryGround()


TestHistories = HistoriesInMemory.TestCase
TestHistories.settings = settings(MOST, stateful_step_count=20)
