"""Random histories in memory: see :mod:`tests.engine.histories`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from random import Random

from hypothesis import settings

from paperbuild.engine.collecting import collect, take_inventory
from paperbuild.engine.queries import Situation
from paperbuild.events import ActionStarted
from tests.engine.histories import MOST, Built, Histories, Meddling, everything_but, why
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

    def foretell(self, targets: Mapping[str, Target], wanted: Sequence[str]) -> Mapping[str, Situation]:
        self.world.targets(*(target.action(id_, target.script()) for id_, target in targets.items()))
        before = {path: (node.inode, node.mtime, node.ctime) for path, node in self.world.fs.nodes.items()}
        found = self.world.foretold(*wanted)
        assert {path: (node.inode, node.mtime, node.ctime) for path, node in self.world.fs.nodes.items()} == before
        return found

    def stamps(self) -> Mapping[str, object]:
        nodes = ((path.removeprefix(f"{ROOT}/"), node) for path, node in self.world.fs.nodes.items() if path.startswith(f"{ROOT}/"))
        return {path: node.inode for path, node in nodes if node.data is not None}

    def build(self, targets: Mapping[str, Target], wanted: Sequence[str], jobs: int, seed: int, *, overwrite: bool = False) -> Built:
        self.world.random = Random(seed)
        self.world.targets(*(target.action(id_, target.script()) for id_, target in targets.items()))
        self.world.build(*wanted, jobs=jobs, keep_going=True, overwrite=overwrite)
        assert self.world.report is not None
        started = [event for event in self.world.events if isinstance(event, ActionStarted)]
        reasons, first = ({event.action: event.reason for event in events} for events in (started, started[::-1]))
        ran, report = [event.action for event in started], self.world.report
        return Built(report.outcomes, ran, reasons, first, why(self.world.index, targets), report.diagnostics)

    def ask_for(self, ids: AbstractSet[str]) -> None:
        self.world.again = frozenset(ids)

    def build_while(self, targets: Mapping[str, Target], jobs: int, seed: int, meddle: Meddling) -> None:
        self.world.fs.meddling = self.world.fs.changes + meddle.after, meddle.act
        self.build(targets, sorted(targets), jobs, seed)
        self.world.fs.meddling = None

    def collect(self, targets: Mapping[str, Target]) -> None:
        workshop = self.world.workshop()
        actions = [target.action(id_, target.script()) for id_, target in targets.items()]
        collect(workshop.store, self.world.fs, everything_but(actions), take_inventory(workshop.store, self.world.fs))

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
