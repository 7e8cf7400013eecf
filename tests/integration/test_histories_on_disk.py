"""Random histories of real processes on the real disk: see :mod:`tests.engine.histories`."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from threading import Lock
from unittest import mock

from hypothesis import settings

from paperbuild.engine.collecting import collect, take_inventory
from paperbuild.engine.index import Index
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.queries import Situation
from paperbuild.events import ActionStarted
from tests.engine.disk import Project
from tests.engine.histories import MOST, Built, Histories, Meddling, everything_but, why
from tests.engine.programs import Target
from tests.integration.test_faults import CHANGING


class Mortal:
    """A file system whose n-th change is the last thing that its process does."""

    def __init__(self, fs: FileSystem, n: int) -> None:
        self._fs = fs
        self._left = n

    def __getattr__(self, name: str) -> object:
        method = getattr(self._fs, name)
        return partial(self._call, method) if name in CHANGING else method

    def _call(self, method: Callable[..., object], *values: object, **options: object) -> object:
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*values, **options)


class Meddled(Mortal):
    """A file system at whose n-th change somebody does something."""

    def __init__(self, fs: FileSystem, meddle: Meddling) -> None:
        super().__init__(fs, meddle.after)
        self._meddle = meddle
        self._lock = Lock()

    def _call(self, method: Callable[..., object], *values: object, **options: object) -> object:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._meddle.act()
        return method(*values, **options)


class DiskGround:
    """A project on the disk."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="histories-"))
        self.project = Project(self.root, ())
        self._orphans_s = 0.0  # until when what was started may write though nobody waits for it
        self._no_flushing = mock.patch("os.fsync", return_value=None)  # what is killed here is a process, not the machine
        self._no_flushing.start()

    def put(self, path: str, text: str) -> None:
        self.project.write({path: text})

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)
        for folder in [*Path(path).parents][:-1]:
            place = self.root / folder
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()

    def files(self) -> dict[str, str]:
        tree = self.project.tree()
        assert not any(".paperbuild-" in path for path in tree)
        return {path: text for path, text in tree.items() if (self.root / path).is_file()}

    def foretell(self, targets: Mapping[str, Target], wanted: Sequence[str]) -> Mapping[str, Situation]:
        self.project.actions = tuple(target.action(id_, target.shell()) for id_, target in targets.items())
        before, found = self.stamps(), self.project.survey(*wanted)
        while self._orphans_s > time.monotonic() and self.stamps() != before:  # what a killed build had started writes on for a moment
            before, found = self.stamps(), self.project.survey(*wanted)
        assert self.stamps() == before
        return {one.action.id: one for one in found}

    def stamps(self) -> Mapping[str, object]:
        found: dict[str, object] = {}
        for folder, _, files in os.walk(self.root):
            for path in (Path(folder, name) for name in files if not name.startswith("index.sqlite")):  # whoever reads one touches its log
                stat = path.stat()
                found[f"{path.relative_to(self.root)}"] = stat.st_ino, stat.st_mtime_ns
        return found

    def build(self, targets: Mapping[str, Target], wanted: Sequence[str], jobs: int, seed: int, *, overwrite: bool = False) -> Built:
        self.project.actions = tuple(target.action(id_, target.shell()) for id_, target in targets.items())
        report = self.project.build(*wanted, jobs=jobs, keep_going=True, overwrite=overwrite)
        started = [event for event in self.project.events if isinstance(event, ActionStarted)]
        reasons, first = ({event.action: event.reason for event in events} for events in (started, started[::-1]))
        index = Index(f"{self.root}/.paperbuild/index.sqlite", reading_only=True)
        told = why(index, targets)
        index.close()
        return Built(report.outcomes, [event.action for event in started], reasons, first, told, report.diagnostics)

    def die_while_building(self, targets: Mapping[str, Target], after: int) -> None:
        child = os.fork()
        if child == 0:
            try:
                self.project.wrap = lambda fs: Mortal(fs, after)  # type: ignore[assignment,return-value]  # it answers to all of it
                self.build(targets, sorted(targets), 2, 0)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        self._orphans_s = time.monotonic() + 5

    def ask_for(self, ids: AbstractSet[str]) -> None:
        self.project.again = frozenset(ids)

    def build_while(self, targets: Mapping[str, Target], jobs: int, seed: int, meddle: Meddling) -> None:
        self.project.wrap = lambda fs: Meddled(fs, meddle)  # type: ignore[assignment,return-value]  # it answers to all of it
        self.build(targets, sorted(targets), jobs, seed)
        self.project.wrap = None

    def collect(self, targets: Mapping[str, Target]) -> None:
        workshop = self.project.workshop(reading_only=True)
        actions = [target.action(id_, target.shell()) for id_, target in targets.items()]
        collect(workshop.store, workshop.fs, everything_but(actions), take_inventory(workshop.store, workshop.fs))
        workshop.close()

    def lose_index(self) -> None:
        for path in (self.root / ".paperbuild").glob("index.sqlite*"):
            path.unlink()

    def close(self) -> None:
        self._no_flushing.stop()
        shutil.rmtree(self.root)


class HistoriesOnDisk(Histories):
    def ground(self) -> DiskGround:
        return DiskGround()


TestHistories = HistoriesOnDisk.TestCase
TestHistories.settings = settings(MOST, stateful_step_count=10)
