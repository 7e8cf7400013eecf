"""Random histories of two clones that share results, held against the same oracle as those of one that is alone.

What another clone has made counts as made here: it is never run again, and what stands in the tree, or is away, is as in a clean clone.
What was elsewhere may be lost there at any time, and the store elsewhere may be down.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from paperbuild.engine.away import Away
from paperbuild.engine.queries import Situation
from paperbuild.engine.store import Store
from paperbuild.engine.tree import parse_listing
from paperbuild.events import Outcome
from tests.engine.elsewhere import Clone, MemoryRemote, Shelter
from tests.engine.histories import GOOD, MOST, Built, Histories
from tests.engine.programs import Clean
from tests.engine.test_histories import MemoryGround
from tests.engine.world import ROOT


class SharedGround(MemoryGround):
    """A project in memory whose results are shared. What is away is among its files."""

    def __init__(self, shelter: Shelter) -> None:
        super().__init__(Clone(shelter, watched=True))

    @property
    def remote(self) -> MemoryRemote:
        assert isinstance(self.world, Clone)
        assert self.world.remote is not None
        return self.world.remote

    def files(self) -> dict[str, str]:
        fs = self.world.fs
        real = super().files()
        away = Away(fs, ROOT, f"{ROOT}/.paperbuild", Store(fs, f"{ROOT}/.paperbuild", self.remote))
        for path in away.outputs():
            assert not fs.exists(f"{ROOT}/{path.rstrip('/')}")
            node = away.node(path.rstrip("/"))
            assert node is not None
            data = self.remote.shelter.ever[node.digest]  # also where it is lost by now: whoever needs it makes it again
            if path.endswith("/"):
                real.update((path + entry.path, self.remote.shelter.ever[entry.digest].decode()) for entry in parse_listing(data))
            else:
                real[path] = data.decode()
        return real


class SharedHistories(Histories):
    """The histories, in one of the clones; the other one builds now and then, and only shares."""

    def __init__(self) -> None:
        self.shelter = Shelter()
        super().__init__()
        self.other = SharedGround(self.shelter)
        self.there: dict[str, str] = {}

    def ground(self) -> SharedGround:
        return SharedGround(self.shelter)

    def _compare_with_foretold(
        self, foretold: Mapping[str, Situation], built: Built, before: AbstractSet[object], *, overwrite: bool
    ) -> None:  # fmt: skip
        """Questions ask nobody elsewhere, who may have what is missing here, or have lost what he is known to have."""

    @rule(data=st.data(), jobs=st.sampled_from([1, 8]), seed=st.integers(0, 9))
    def another_builds(self, data: st.DataObject, jobs: int, seed: int) -> None:
        for path in self.there.keys() - self.sources.keys():
            self.other.remove(path)
        for path, text in self.sources.items():
            if self.there.get(path) != text:
                self.other.put(path, text)
        self.there = dict(self.sources)
        ids = sorted(self.targets)
        wanted = data.draw(st.one_of(st.just(ids), st.lists(st.sampled_from(ids), min_size=1, unique=True)))
        clean = Clean(self.sources, self.targets)
        built = self.other.build(self.targets, wanted, jobs, seed)
        tree = self.other.files()
        for id_ in self.targets:
            self._guess(id_, clean.made(id_))
        for id_ in clean.closure(frozenset(wanted)):
            made = clean.made(id_)
            if made.is_open:
                continue
            assert (built.outcomes.get(id_) in GOOD) == (made.files is not None), (id_, built.outcomes, made)
            assert {path: tree.get(path) for path in made.files or ()} == (made.files or {}), id_
            if built.outcomes.get(id_) is Outcome.RAN and not self.other.remote.is_down:  # what was made before may be lost elsewhere
                self.known.runs.add(self._run_of(id_, made))

    @rule(data=st.data())
    def lose_something_elsewhere(self, data: st.DataObject) -> None:
        if self.shelter.blobs:
            del self.shelter.blobs[data.draw(st.sampled_from(sorted(self.shelter.blobs)))]
            self._know_nothing()

    @rule()
    def forget_all_elsewhere(self) -> None:
        self.shelter.records.clear()
        self._know_nothing()

    @rule(is_down=st.booleans())
    def turn_off_and_on(self, *, is_down: bool) -> None:
        for ground in (self.place, self.other):
            assert isinstance(ground, SharedGround)
            ground.remote.is_down = is_down
        self._know_nothing()

    def _know_nothing(self) -> None:
        """Whatever ran may run again, or may be known here."""
        self.known.uncertain |= {(id_, program) for id_, program, _ in self.known.runs}
        self.known.runs.clear()
        self.known.told.clear()


TestSharedHistories = SharedHistories.TestCase
TestSharedHistories.settings = settings(MOST, stateful_step_count=20)
