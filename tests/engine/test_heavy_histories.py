"""Random histories in which somebody now and then looks at the paper without running what is heavy, on whatever earlier results there are.

What such a build leaves behind may make later ones run less, and never changes what they make: those are compared with clean ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from msgspec.structs import replace

from paperbuild.engine.outlook import Fate
from paperbuild.events import ActionStarted, Outcome
from tests.engine.histories import ALL_MADE, MADE, MOST, OUTPUTS, SOURCES, TEXTS
from tests.engine.test_histories import HistoriesInMemory, MemoryGround


class HistoriesWithGlances(HistoriesInMemory):
    """Histories with builds in which earlier results stand in for what is heavy."""

    @rule(
        heavy=st.frozensets(st.sampled_from(sorted(OUTPUTS)), min_size=1),
        edited=st.sampled_from(SOURCES),
        text=st.sampled_from(TEXTS),
        jobs=st.sampled_from([1, 2, 8]),
        seed=st.integers(0, 9),
    )
    def glance(self, heavy: AbstractSet[str], edited: str, text: str, jobs: int, seed: int) -> None:
        self.edit(edited, text)
        clean, place = self.clean(), self.place
        assert isinstance(place, MemoryGround)
        world, targets = place.world, self.targets
        world.random = Random(seed)
        made = {id_: target.action(id_, target.script()) for id_, target in targets.items()}
        world.targets(*(replace(action, heavy=id_ in heavy) for id_, action in made.items()))
        told, before = world.outlook(no_heavy=True, shows_stale=True), {*place.stamps().values()}
        world.build(jobs=jobs, keep_going=True, no_heavy=True, shows_stale=True)
        assert world.report is not None
        self._compare_with_told(told, {id_ for id_ in MADE if any(place.stamps().get(path) not in before for path in MADE[id_])})
        assert heavy.isdisjoint(world.ran_now)
        stale = {id_ for id_, outcome in world.report.outcomes.items() if outcome is Outcome.STALE}
        assert stale <= heavy
        assert all(root in stale for one in world.report.earlier.values() for root in one.roots)
        self.is_dirty = True
        tree = place.files()
        for path in ALL_MADE:
            if path in tree:
                self.known.maybe.setdefault(path, set()).add(tree[path])
        for id_ in targets:
            self._guess(id_, clean.made(id_))

    def _compare_with_told(self, told: Mapping[str, Fate], replaced: AbstractSet[str]) -> None:
        """Compare what a build that holds what is heavy did with what a dry run told; ``replaced`` are those whose outputs came anew."""
        assert isinstance(self.place, MemoryGround)
        world = self.place.world
        assert world.report is not None
        ran = {event.action for event in world.events if isinstance(event, ActionStarted)}
        for id_, fate in told.items():
            outcome, has_run, said = world.outcome(id_), id_ in ran, f"{id_}: {fate}; {world.report}, {world.ran_now}"
            match fate:
                case Fate.REUSED | Fate.RESTORED:
                    assert (outcome, has_run, id_ in replaced) == (Outcome.REUSED, False, fate is Fate.RESTORED), said
                case Fate.RUNS:
                    assert has_run, said
                case Fate.STALE | Fate.HELD:
                    assert outcome.name == fate.name, said
                case Fate.MAY_BE_STALE | Fate.MAY_BE_HELD:
                    assert not has_run, said
                case Fate.REFUSED | Fate.FAULTY | Fate.BLOCKED:
                    assert outcome in {Outcome.FAILED, Outcome.BLOCKED}, said


TestHistoriesWithGlances = HistoriesWithGlances.TestCase
TestHistoriesWithGlances.settings = settings(MOST, max_examples=max(60, settings().max_examples), stateful_step_count=20)
