"""What goes of a store and what stays: by age, by size, by what manifests name."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.engine.auditing import audit
from paperbuild.engine.collecting import Blob, Inventory, Kept, Plan, Policy, collect, plan, spared_since, take_inventory
from paperbuild.engine.graph import Graph
from paperbuild.engine.keys import declared, name_of
from paperbuild.engine.store import DAY_NS
from paperbuild.errors import BuildError
from tests.engine.memory import Crash
from tests.engine.world import World, command, document

FAR = 10**20

# the decision by itself

times = st.integers(0, 12)
records = st.lists(
    st.tuples(st.sampled_from("abc"), times, st.integers(0, 5), st.frozensets(st.integers(0, 6), max_size=3)), max_size=7
)  # fmt: skip


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    kept = tuple(
        Kept(f"{n}", name, name, name, used, size, frozenset(map(str, blobs))) for n, (name, used, size, blobs) in enumerate(draw(records))
    )
    there = draw(st.frozensets(st.integers(0, 8)))
    return Inventory(kept, {str(n): Blob(draw(st.integers(0, 5)), draw(times)) for n in there})


policies = st.builds(
    Policy, spare_ns=times, old_ns=times, most_bytes=st.none() | st.integers(0, 40), named=st.frozensets(st.sampled_from("abcd"))
)


def remaining(inventory: Inventory, found: Plan) -> tuple[list[Kept], dict[str, Blob]]:
    gone = {record.path for record in found.records}
    blobs = {digest: blob for digest, blob in inventory.blobs.items() if digest not in found.blobs}
    return [record for record in inventory.records if record.path not in gone], blobs


@given(inventories(), policies)
def test_no_result_that_stays_loses_a_content_and_nothing_that_was_used_lately_goes(inventory: Inventory, policy: Policy):
    found = plan(inventory, policy)
    records, blobs = remaining(inventory, found)
    assert len(set(found.blobs)) == len(found.blobs)
    assert not {blob for record in records for blob in record.blobs} & set(found.blobs)
    assert all(record.used_ns < policy.spare_ns for record in found.records)
    assert all(inventory.blobs[blob].used_ns < policy.spare_ns for blob in found.blobs)
    assert found.left == sum(r.size for r in records) + sum(b.size for b in blobs.values())
    assert found.freed == inventory.size - found.left


@given(inventories(), policies)
def test_of_whatever_is_named_the_result_used_last_stays(inventory: Inventory, policy: Policy):
    records, _ = remaining(inventory, plan(inventory, policy))
    for name in policy.named:
        before = [record.used_ns for record in inventory.records if record.name == name]
        after = [record.used_ns for record in records if record.name == name]
        assert max(before, default=None) == max(after, default=None)


@given(inventories(), policies)
def test_everything_old_goes_and_nothing_else_without_need(inventory: Inventory, policy: Policy):
    found = plan(inventory, policy)
    records, blobs = remaining(inventory, found)
    needed = {blob for record in records for blob in record.blobs}
    newest = {name: max(r.used_ns for r in inventory.records if r.name == name) for name in {r.name for r in inventory.records}}
    may_go = [r.used_ns for r in records if not (r.name in policy.named and r.used_ns == newest[r.name])]
    may_go += [blob.used_ns for digest, blob in blobs.items() if digest not in needed and not _was_needed(inventory, digest)]
    may_go = [used_ns for used_ns in may_go if used_ns < policy.spare_ns]
    assert all(used_ns >= policy.old_ns for used_ns in may_go)
    if policy.most_bytes is None:
        assert all(record.used_ns < policy.old_ns for record in found.records)
    elif found.left > policy.most_bytes:
        assert not may_go


def _was_needed(inventory: Inventory, digest: str) -> bool:
    return any(digest in record.blobs for record in inventory.records)


def test_by_size_the_longest_unused_goes_first():
    inventory = Inventory(
        tuple(Kept(f"{n}", "t", "t", f"{n}", n, 0, frozenset({f"{n}"})) for n in range(5)), {f"{n}": Blob(10, n) for n in range(5)}
    )
    found = plan(inventory, Policy(FAR, 0, most_bytes=25))
    assert [record.path for record in found.records] == ["0", "1", "2"]
    assert (found.freed, found.left) == (30, 20)


# whole stores


def room(world: World) -> tuple[World, Callable[..., Plan]]:
    def gc(*, spare_ns: int = FAR, old_ns: int = FAR, named: frozenset[str] = frozenset()) -> Plan:
        store = world.workshop().store
        return collect(store, world.fs, Policy(spare_ns, old_ns, named=named), take_inventory(store, world.fs))

    return world, gc


def names(world: World) -> frozenset[str]:
    return frozenset(name_of(declared(action).items()) for action in world.actions.values())


def project() -> World:
    return World().write(a="1").targets(
        command("t", "cat a to x", "x", "a", params={"lr": "0.1"}),
        command("f", "fold x to folder/", "folder/", "x"),
        document("paper", "x folder/a", needs="t f"),
    )  # fmt: skip


def contents(world: World) -> set[bytes]:
    return {node.data for path, node in world.fs.nodes.items() if "/blobs/" in path and node.data is not None}


def test_what_the_manifest_names_is_recognised_in_the_store():
    world = project().build()
    held = take_inventory(world.workshop().store, world.fs)
    assert {kept.name for kept in held.records} == names(world)
    assert {kept.action for kept in held.records} == {"t", "f", "paper"}


def test_older_results_go_and_the_newest_of_all_that_is_named_stays():
    world, gc = room(project().build().write(a="2").build())
    found = gc(named=names(world))
    assert sorted(record.action for record in found.records) == ["f", "paper", "t"]
    assert b"1" not in contents(world)
    world.build().ran_nothing().succeeded()
    assert world.remove("x").remove("folder").remove("_build").build().ran_nothing().content("folder/sub/b") == "b"
    world.write(a="1").build().ran("t", "f").succeeded()
    assert world.content("_build/paper") == "1|1"


def test_of_two_results_of_one_day_the_one_that_was_gone_back_to_stays():
    world, gc = room(project().build().write(a="2").build().write(a="1").build().ran_nothing())
    gc(named=names(world))
    assert b"2" not in contents(world)
    world.remove("x").build().ran_nothing().succeeded()
    assert world.content("_build/paper") == "1|1"


def test_a_target_by_another_name_keeps_its_result():
    world, gc = room(project().build())
    del world.actions["t"]
    world.target(command("new", "cat a to x", "x", "a", params={"lr": "0.1"})).target(document("paper", "x folder/a", needs="new f"))
    assert gc(named=names(world)).records == ()
    world.build("new", "f").ran_nothing().succeeded()


def test_a_target_whose_command_changed_is_another_one():
    world, gc = room(project().build())
    world.target(command("t", "cat a a to x", "x", "a", params={"lr": "0.1"}))
    assert [record.action for record in gc(named=names(world)).records] == ["t"]


def test_when_everything_goes_nothing_is_left_and_the_next_build_makes_it_again():
    world, gc = room(project().build())
    gc()
    assert contents(world) == set()
    assert [path for path in world.fs.nodes if "/records/" in path and path.count("/") > 4] == []
    world.build().ran("t", "f").succeeded()


def test_a_copy_of_a_file_that_was_replaced_goes_once_it_is_old():
    world, gc = room(project().put("x", "mine").build(overwrite=True))
    assert b"mine" in contents(world)
    assert gc(old_ns=0, named=names(world)).loose == 0
    assert gc(named=names(world)).loose == 1
    assert b"mine" not in contents(world)


def test_a_result_that_is_used_is_stamped_once_a_day():
    world = project().build()
    stamps = [[kept.used_ns for kept in take_inventory(world.workshop().store, world.fs).records]]
    for ns in (DAY_NS // 2, DAY_NS, DAY_NS // 4):
        world.clock.tick(ns)
        world.build().ran_nothing()
        stamps.append([kept.used_ns for kept in take_inventory(world.workshop().store, world.fs).records])
    assert stamps[1] == stamps[0]
    assert min(stamps[2]) > max(stamps[1])
    assert stamps[3] == stamps[2]


def test_what_is_used_lately_stays_without_being_named():
    world, gc = room(project().build().write(a="2").build())
    for _ in range(3):
        world.clock.tick(DAY_NS)
        world.build("t")
    since = spared_since(world.workshop().store, world.workshop().lock, world.clock.now_ns())
    gone = gc(spare_ns=since, old_ns=since)
    assert sorted(record.action for record in gone.records) == ["f", "f", "paper", "paper", "t"]
    world.build("t").ran_nothing()


def test_content_that_is_published_again_counts_as_used():
    world, gc = room(World().write(a="1", b="1").targets(command("t", "cat a to x", "x", "a")).build())
    world.clock.tick(100 * DAY_NS)
    since = world.clock.now_ns() - DAY_NS
    world.target(command("u", "cat b to y", "y", "b")).build("u").ran("u")
    gc(spare_ns=since)
    assert contents(world) == {b"1"}
    assert world.remove("y").build("u").ran_nothing().content("y") == "1"


def test_a_record_of_a_later_version_lets_nothing_be_removed():
    world, gc = room(project().build())
    record = next(path for path in world.fs.nodes if path.endswith(".json") and "/records/" in path)
    node = world.fs.nodes[record]
    assert node.data is not None
    node.data = node.data.replace(b"paperbuild-record 2", b"paperbuild-record 3")
    with pytest.raises(BuildError) as caught:
        gc()
    assert [d.code for d in caught.value.diagnostics] == ["PB453"]
    assert b"1" in contents(world)


def test_a_collection_that_dies_anywhere_leaves_a_sound_store():
    for n in range(0, 200, 3):
        world, gc = room(project().build().write(a="2").build())
        world.fs.dies_after = world.fs.changes + n
        try:
            gc(named=names(world))
        except Crash:
            world.fs.revive()
            assert audit(world.workshop().store, world.fs).damages == ()
            world.build().ran_nothing().succeeded()
            continue
        assert n > 10
        return
    raise AssertionError("it never came to an end")


# meanwhile, somebody else


def test_what_somebody_stamps_on_its_way_out_goes_back():
    world = project().build()
    store, fs = world.workshop().store, world.fs
    held = take_inventory(store, fs)
    rename = fs.rename

    def used_just_before(source: str, target: str) -> None:
        if "/records/" in source:
            fs.touch(source)
        rename(source, target)

    fs.rename = used_just_before  # type: ignore[method-assign] - another build finds this record
    collect(store, fs, Policy(world.clock.now_ns(), FAR), held)
    fs.rename = rename  # type: ignore[method-assign]
    assert audit(store, fs).damages == ()
    world.build().ran_nothing()


def test_a_content_that_somebody_publishes_while_it_goes_is_there_for_the_record():
    for when in ("before", "after"):
        world = World().write(a="1").targets(command("t", "cat a to x", "x", "a")).build()
        world.clock.tick(100 * DAY_NS)
        store, fs, rename = world.workshop().store, world.fs, world.fs.rename
        held = take_inventory(store, fs)

        def publish(source: str, target: str) -> None:
            fs.rename = rename  # type: ignore[method-assign] # noqa: B023 - once
            if "/blobs/" in source and when == "before":  # noqa: B023
                store.blobs.put_bytes(b"1")  # noqa: B023
            rename(source, target)  # noqa: B023
            if "/blobs/" in source and when == "after":  # noqa: B023
                store.blobs.put_bytes(b"1")  # noqa: B023
            elif "/blobs/" not in source:
                fs.rename = publish  # type: ignore[method-assign] # noqa: B023

        fs.rename = publish  # type: ignore[method-assign] - another build publishes the same content
        collect(store, fs, Policy(world.clock.now_ns() - DAY_NS, FAR), held)
        assert contents(world) == {b"1"}, when


def test_a_records_folder_that_goes_while_one_is_written_to_it_is_made_again():
    world = project()
    fs, make = world.fs, world.fs.make_folder
    random = Random(1)

    def vanishing(path: str) -> None:
        make(path)
        if "/records/" in path and random.random() < 0.5:
            fs.remove_empty(path)

    fs.make_folder = vanishing  # type: ignore[method-assign] - somebody takes empty folders away
    world.build().succeeded()
    fs.make_folder = make  # type: ignore[method-assign]
    world.build().ran_nothing()


def test_graph_and_store_agree_on_names_for_every_kind_of_action():
    graph = Graph(project().actions.values())
    assert len({name_of(declared(action).items()) for id_, action in graph.actions.items()}) == 3
