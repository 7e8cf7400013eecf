"""Results that others made count as long as whoever vouched for them is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from paperbuild.engine.queries import State
from paperbuild.engine.remote import Remote
from paperbuild.engine.trace import Record
from paperbuild.engine.workshop import Belief, Workshop
from tests.engine.elsewhere import Clone, MemoryRemote, Shelter
from tests.engine.world import command

THEM, ME = "ed25519:them", "ed25519:me"


class From(MemoryRemote):
    """A store elsewhere in which everything is from ``origin``."""

    origin = THEM

    def find(self, keys: Sequence[str]) -> Mapping[str, tuple[Record, ...]]:
        return {key: tuple(replace(one, origin=self.origin) for one in found) for key, found in super().find(keys).items()}


class Believer(Clone):
    """A clone that believes ``trusted`` and itself."""

    trusted: frozenset[str] = frozenset({THEM})
    own = ""

    def opened(self, remote: Remote | None) -> Workshop:
        return replace(super().opened(remote), belief=Belief(self.trusted, lambda: self.own, self.own.encode()))


@pytest.fixture
def taken() -> Believer:
    """A clone that has taken everything from others."""
    shelter = Shelter()
    first, second = Clone(shelter), Believer(shelter)
    for clone in (first, second):
        clone.write(data="d").targets(command("a", "cat data to a", "a", "data"), command("b", "cat a to b", "b", "a"))
    first.build().succeeded()
    assert second.remote is not None
    second.remote = From(second.fs, shelter, second.remote.store)
    second.build("a", "b").succeeded().ran_nothing()
    return second


def test_what_was_taken_counts_as_long_as_its_maker_is_trusted(taken: Believer) -> None:
    taken.build().succeeded().ran_nothing()
    taken.trusted = frozenset()
    assert taken.situation("a").state is not State.FRESH
    taken.build().succeeded().ran("a", "b")
    taken.build().succeeded().ran_nothing()


def test_to_trust_somebody_again_runs_nothing(taken: Believer) -> None:
    taken.trusted = frozenset()
    assert taken.situation("b").state is not State.FRESH
    taken.trusted = frozenset({THEM, "ed25519:another"})
    taken.build().succeeded().ran_nothing()


def test_what_is_from_oneself_counts(taken: Believer) -> None:
    taken.trusted, taken.own = frozenset(), THEM
    taken.build().succeeded().ran_nothing()
    taken.own = ME
    taken.build().succeeded().ran("a", "b")


def test_what_was_made_here_stays_ours_though_others_have_it_too(taken: Believer) -> None:
    taken.trusted = frozenset()
    taken.build().succeeded().ran("a", "b")
    store = taken.workshop().store
    for id_ in ("a", "b"):
        mine = taken.record(id_)
        assert mine.origin == ""
        store.admit([replace(mine, origin=THEM)])
    taken.build().succeeded().ran_nothing()


def test_whom_it_came_from_is_no_part_of_what_a_result_is_called(taken: Believer) -> None:
    record = taken.record("a")
    assert record.origin == THEM
    assert replace(record, origin=ME).name == record.name
