"""The first build of a day looks nothing up either: that its results are used is noted, and whoever removes old ones knows of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from paperbuild.engine.auditing import audit
from paperbuild.engine.collecting import Plan, Policy, collect, spared_since, take_inventory
from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.store import DAY_NS
from paperbuild.engine.uses import dump_uses, load_uses
from tests.engine.elsewhere import Clone, Shelter
from tests.engine.world import ROOT, World, command, document

USES = f"{ROOT}/.paperbuild/uses"


def built(world: World | None = None) -> World:
    """A project that stands as a build that had nothing to do left it."""
    world = (World() if world is None else world).write(a="1")
    world.targets(command("t", "cat a to x", "x", "a"), command("u", "cat x to y", "y", "x"), document("paper", "y", needs="u"))
    return world.build().build().build().ran_nothing()


def used(world: World) -> dict[str, int]:
    """When each action's result was last used, as whoever removes old ones sees it."""
    return {kept.action: kept.used_ns for kept in take_inventory(world.workshop().store, world.fs).records}


def gc(world: World, days: float) -> Plan:
    """Remove what was not used for so many days, whatever manifests name."""
    workshop, now_ns = world.workshop(), world.clock.now_ns()
    policy = Policy(spared_since(workshop.store, workshop.lock, now_ns), now_ns - round(days * DAY_NS))
    return collect(workshop.store, world.fs, policy, take_inventory(workshop.store, world.fs))


def stamped(world: World) -> list[str]:
    """Return a list that each record comes to stand in that is stamped from now on."""
    found: list[str] = []
    touch = world.fs.touch

    def tell(path: str) -> bool:
        found.append(path)
        return touch(path)

    world.fs.touch = tell  # type: ignore[method-assign]
    return found


def test_on_no_day_does_a_build_look_up_what_has_not_changed_and_each_use_is_noted(looked_up: list[str]):
    world = built()
    for _ in range(5):
        looked_up.clear()
        world.clock.tick(2 * DAY_NS)
        world.build().ran_nothing().succeeded()
        assert looked_up == []
        assert all(world.clock.now_ns() - used_ns < DAY_NS // 2 for used_ns in used(world).values())
    assert gc(world, days=3).records == ()
    looked_up.clear()
    world.build().ran_nothing()
    assert looked_up == []


def test_a_use_is_noted_once_a_day():
    world = built()
    found = stamped(world)
    counts = []
    for part in (0.4, 0.4, 0.4, 0.4, 0.7):
        world.clock.tick(round(part * DAY_NS))
        world.build().ran_nothing()
        counts.append(len(found))
    assert counts == [0, 0, 3, 3, 6]


def test_only_what_a_build_is_about_is_used():
    world = built()
    world.clock.tick(5 * DAY_NS)
    world.build("t").ran_nothing()
    assert sorted(record.action for record in gc(world, days=3).records) == ["paper", "u"]


def test_what_no_longer_holds_is_not_used_though_it_did_the_last_time():
    world = built()
    world.clock.tick(5 * DAY_NS)
    world.write(a="2").build().ran("t", "u")
    assert sorted(record.action for record in gc(world, days=3).records) == ["paper", "t", "u"]
    world.build().ran_nothing().succeeded()


def test_whoever_asks_how_things_stand_uses_nothing_and_looks_nothing_up(looked_up: list[str]):
    world = built()
    world.clock.tick(5 * DAY_NS)
    before = used(world)
    looked_up.clear()
    found = stamped(world)
    assert {one.state.value for one in map(world.situation, ("t", "u", "paper"))} == {"up to date"}
    assert (used(world), looked_up, found) == (before, [], [])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: None,
        lambda data: data[:-8],
        lambda data: data[:-8] + b"\xff" * 7 + b"\x7f",  # in 292 years
        lambda data: dump_uses(b"0" * 64, [2**62] * 3),
    ],
    ids=["lost", "cut short", "damaged", "of other grounds"],
)
def test_a_use_of_which_nobody_knows_is_noted_once_more(spoil: Callable[[bytes], bytes | None], looked_up: list[str]):
    world = built()
    data = world.fs.nodes[USES].data
    assert data is not None
    spoiled = spoil(data)
    world.fs.unlink(USES)
    if spoiled is not None:
        world.fs.write(USES, spoiled)
    found = stamped(world)
    looked_up.clear()
    world.build().ran_nothing()
    assert (len(found), looked_up) == (3, [])
    world.build().ran_nothing()
    assert len(found) == 3


def test_times_are_those_of_the_grounds_they_were_kept_for():
    data = dump_uses(b"a" * 64, [3, 2**62, 0])
    assert [*load_uses(data, b"a" * 64, 3)] == [3, 2**62, 0]
    for other in (load_uses(data, b"b" * 64, 3), load_uses(data, b"a" * 64, 3 + 1), load_uses(b"", b"", 2)):
        assert {*other} == {0}


def test_a_store_that_can_only_be_read_is_used_all_the_same(looked_up: list[str]):
    world = built()
    world.clock.tick(3 * DAY_NS)

    def refuse(path: str) -> bool:
        raise PermissionError(13, "somebody else's", path)

    world.fs.touch = refuse  # type: ignore[method-assign]
    looked_up.clear()
    world.build().ran_nothing().succeeded()
    assert looked_up == []


def test_a_result_that_came_from_elsewhere_ages_as_one_that_was_made_here(looked_up: list[str]):
    shelter = Shelter()
    built(Clone(shelter))
    second = built(Clone(shelter))
    assert {kept.action for kept in take_inventory(second.workshop().store, second.fs).records} == {"t", "u", "paper"}
    for _ in range(3):
        second.clock.tick(2 * DAY_NS)
        looked_up.clear()
        second.build().ran_nothing()
        assert looked_up == []
        assert gc(second, days=1.5).records == ()
    assert gc(second, days=1.5).forgotten == ()
    second.clock.tick(2 * DAY_NS)
    assert len(gc(second, days=1.5).records) == 3


# beside whoever removes what is old


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_what_goes_between_the_look_at_it_and_the_note_of_its_use_is_made_again(nth: int):
    world = built()
    world.clock.tick(5 * DAY_NS)
    touch, notes = world.fs.touch, []

    def collect_before(path: str) -> bool:
        notes.append(path)
        if len(notes) == nth + 1:
            gone = _gone(world)
            assert len(gone) == 3 - nth, "what was noted before stays"
        return touch(path)

    world.fs.touch = collect_before  # type: ignore[method-assign]
    world.build().succeeded()
    world.fs.touch = touch  # type: ignore[method-assign]
    assert (world.content("x"), world.content("y"), world.content("_build/paper")) == ("1", "1", "1")
    assert audit(world.workshop().store, world.fs).damages == ()
    world.remove("x").remove("y").remove("_build").build().ran_nothing().succeeded()


def _gone(world: World) -> list[str]:
    """Remove what was not used for a day, as somebody does who did not see that a build is at work; return whose results those were."""
    store, since = world.workshop().store, world.clock.now_ns() - DAY_NS
    return [kept.action for kept in collect(store, world.fs, Policy(since, since), take_inventory(store, world.fs)).records]


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_what_a_build_notes_while_it_is_on_its_way_out_stays(nth: int):
    world = built()
    world.clock.tick(5 * DAY_NS)
    store, fs, since = world.workshop().store, world.fs, world.clock.now_ns() - DAY_NS
    held = take_inventory(store, fs)
    rename, moves = fs.rename, []

    def use_before(source: str, target: str) -> None:
        if "/records/" in source:
            moves.append(source)
            if len(moves) == nth + 1:
                fs.rename = rename  # type: ignore[method-assign]
                world.build().succeeded()
        rename(source, target)

    fs.rename = use_before  # type: ignore[method-assign]
    collect(store, fs, Policy(since, since), held)
    fs.rename = rename  # type: ignore[method-assign]
    assert audit(store, fs).damages == ()
    world.remove("x").remove("y").remove("_build").build().ran_nothing().succeeded()
    assert (world.content("x"), world.content("y"), world.content("_build/paper")) == ("1", "1", "1")


def test_work_trees_on_one_store_note_what_each_of_them_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from paperbuild.engine.filesystem import DiskFileSystem, SystemClock
    from paperbuild.engine.store import Store
    from tests.engine.disk import Project

    monkeypatch.setattr("os.fsync", lambda handle: None)
    real, ahead = SystemClock.now_ns, [0]
    monkeypatch.setattr(SystemClock, "now_ns", lambda self: real(self) + ahead[0])
    actions, root = (command("t", "cat a > x", "x", "a"),), tmp_path / "store"
    trees = [Project(tmp_path / name, actions, str(root)).write({"a": f"{name}\n"}) for name in ("one", "two")]
    for tree in trees:
        assert tree.build().succeeded
        assert tree.build().succeeded
    store = Store(DiskFileSystem(), str(root))
    before = {kept.path: kept.used_ns for kept in take_inventory(store, DiskFileSystem()).records}
    ahead[0] = 2 * DAY_NS
    assert trees[0].build().succeeded
    after = {kept.path: kept.used_ns for kept in take_inventory(store, DiskFileSystem()).records}
    assert len(before) == 2
    (record,) = (one for one in store.all_records() if one.artifacts[0].digest == digest_bytes(b"one\n"))
    assert [path for path in before if after[path] > before[path]] == [store.record_file(record)]
