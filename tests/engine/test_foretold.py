"""What is said of a project before a build comes true: the cases that random histories found, or seldom meet, by name."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from paperbuild.engine.explaining import explain
from paperbuild.engine.graph import Graph
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.outlook import Fate, Outlook, outlook
from paperbuild.engine.ports import NotSettled
from paperbuild.engine.present import PresentReader
from paperbuild.engine.queries import State
from paperbuild.events import ActionStarted, Outcome
from tests.engine import world as worlds  # by its name: these worlds say themselves whether they are watched
from tests.engine.memory import Crash
from tests.engine.world import command, document


def project() -> worlds.World:
    return worlds.World(watched=True)


def states(world: worlds.World, *wanted: str) -> dict[str, str]:
    return {id_: one.state.value for id_, one in world.foretold(*wanted).items()}


def chain() -> worlds.World:
    """``b`` reads what ``a`` makes of ``s``, and ``c`` what ``b`` makes; ``d`` reads something else."""
    return project().write(s="1", t="1").targets(
        command("a", "cat s to x", "x", None), command("b", "cat x to y", "y", None),
        command("c", "cat y to z", "z", None), command("d", "cat t to w", "w", None),
    )  # fmt: skip


def test_what_depends_on_a_result_that_comes_from_the_store_is_judged_by_that():
    world = chain().build().write(s="2").build().write(s="1")
    found = world.foretold()
    assert {id_: one.state.value for id_, one in found.items()} == {
        "a": "from the store", "b": "from the store", "c": "from the store", "d": "up to date",
    }  # fmt: skip
    assert [reason.text for reason in found["b"].reasons] == ["y holds another result"]
    world.build().ran_nothing()
    assert world.content("z") == "1"


def test_what_ran_since_and_is_not_what_will_stand_made_nothing_the_same():
    world = chain().build().write(s="2").build("a").write(s="1")
    (story,) = explain(Graph(world.actions.values()), ("b",), world.workshop()).stories
    assert (story.situation.state, story.unchanged) == (State.FRESH, ())
    world.write(s="2")
    assert states(world)["b"] == "stale"


def test_what_never_ran_on_a_result_that_comes_from_the_store_will_run_and_says_why():
    world = chain().build("a").write(s="2").build().write(s="1")
    found = world.foretold()
    assert {id_: one.state.value for id_, one in found.items()} == {
        "a": "from the store", "b": "stale", "c": "may run", "d": "up to date",
    }  # fmt: skip
    assert [reason.text for reason in found["b"].reasons] == ["x changed"]
    assert [reason.text for reason in found["c"].reasons] == ["b comes first, and is not up to date"]
    world.build().ran("b", "c")
    assert world.index.last_execution("b").reasons == found["b"].reasons  # type: ignore[union-attr]  # it ran


def test_what_is_missing_comes_from_the_store_and_nothing_else_happens():
    world = chain().build().remove("y")
    assert states(world) == {"a": "up to date", "b": "from the store", "c": "up to date", "d": "up to date"}
    assert [reason.text for reason in world.foretold()["b"].reasons] == ["y is not there"]
    world.build().ran_nothing()


def test_a_document_does_not_begin_where_what_it_shows_only_has_to_be_put_back():
    world = project().write(s="1").targets(command("a", "cat s to x", "x", None), document("d", "x")).build("d").remove("x")
    assert states(world, "d") == {"a": "from the store", "d": "up to date"}
    world.build("d")
    assert [event.action for event in world.events if isinstance(event, ActionStarted)] == []
    assert (world.content("x"), world.outcome("d")) == ("1", Outcome.REUSED)


def test_a_record_that_holds_once_what_it_read_is_back_is_no_reason_to_run():
    world = project().write(s="1", t="1").targets(
        command("a", "cat s to x", "x", None), command("b", "ask x to y; append t to y", "y", None),
    )  # fmt: skip
    world.build().write(s="22", t="2").build().write(s="1", t="1").lose_index()
    assert states(world) == {"a": "from the store", "b": "from the store"}
    world.build().ran_nothing()


def test_what_would_hold_but_for_something_that_runs_may_run():
    world = project().write(s="1", t="1").targets(command("a", "cat s to x", "x", None), command("b", "cat x t to y", "y", None))
    world.build().write(s="2").build().write(s="3")
    assert states(world) == {"a": "stale", "b": "may run"}
    world.write(t="2")
    assert states(world) == {"a": "stale", "b": "stale"}  # whatever a makes
    assert world.foretold()["b"].reasons[0].text == "t changed"
    world.build().ran("a", "b")


def test_what_nothing_declares_any_more_is_counted_as_gone():
    world = project().write(s="1").targets(
        command("a", "cat s to dir/x", "dir/x", None), command("b", "cat s to dir/y", "dir/y", None),
        command("list", "names dir to z", "z", None),
    )  # fmt: skip
    world.build()
    del world.actions["b"]
    assert states(world) == {"a": "up to date", "list": "stale"}
    assert world.foretold()["list"].reasons[0].text == "in dir, y is gone"
    world.build().ran("list")


@pytest.mark.parametrize("after", range(0, 60, 3))
def test_after_a_build_that_was_killed_it_is_said_what_the_next_one_does(after: int):
    world = chain().build().write(s="2")
    world.fs.dies_after = world.fs.changes + after
    try:
        world.build()
    except Crash:
        world.fs.revive()
    told = world.foretold()
    before = {node.inode for node in world.fs.nodes.values()}
    world.build()
    for id_, one in told.items():
        ran, node = id_ in world.ran_now, world.fs.nodes[f"/p/{one.action.outputs[0].path}"]
        if one.state is State.FRESH:
            assert (ran, node.inode in before) == (False, True), id_
        elif one.state is State.STORED:
            assert (ran, node.inode in before) == (False, False), id_
        else:
            assert ran or one.state is State.WAITING, id_


def test_folders_come_from_the_store_with_what_is_in_them():
    world = project().write(s="1").targets(
        command("a", "fold s to m", "m/", None), command("b", "cat m/a to y", "y", None),
        command("c", "ask m/a to z; append s to z", "z", None),
    )  # fmt: skip
    world.build().write(s="22").build().write(s="1")
    assert states(world) == {"a": "from the store", "b": "from the store", "c": "from the store"}
    world.build().ran_nothing()
    world.remove("m")
    assert states(world) == {"a": "from the store", "b": "up to date", "c": "up to date"}
    world.build().ran_nothing()


def test_what_the_store_does_not_keep_runs_once_it_was_replaced():
    world = project().write(s="1").targets(
        command("a", "cat s to x", "x", None, stored=False), command("b", "cat x to y", "y", None)
    )  # fmt: skip
    world.build().write(s="2").build().write(s="1")
    assert states(world) == {"a": "stale", "b": "may run"}
    world.build().ran("a")


def test_what_stands_in_the_way_of_a_run_is_told_before():
    world = chain()
    world.target(command("b", "cat x to y", "y", "x")).build().write(s="2", x="mine")
    assert states(world) == {"a": "changed by hand", "b": "cannot run", "c": "cannot run", "d": "up to date"}
    told = world.foretold()
    assert [reason.text for reason in told["a"].reasons] == ["x was not made by paperbuild, or was changed since", "s changed"]
    assert told["a"].result is None
    assert [reason.text for reason in told["b"].reasons] == ["a comes first, and cannot be had"]
    world.build(keep_going=True)
    assert [world.outcome(id_) for id_ in "abcd"] == [Outcome.FAILED, Outcome.BLOCKED, Outcome.BLOCKED, Outcome.REUSED]


def test_what_lacks_an_input_cannot_run():
    world = project().targets(command("a", "cat s to x", "x", "s"), command("b", "cat x to y", "y", "x"))
    assert states(world) == {"a": "cannot run", "b": "cannot run"}
    found = foretold(world)
    assert [one.fate for one in found.prospects] == [Fate.FAULTY, Fate.BLOCKED]
    assert not found.is_good


def test_a_long_chain_that_nobody_declared_is_judged_without_an_index():
    links = [command(f"t{n:03}", f"cat o{n - 1:03} to o{n:03}", f"o{n:03}", None) for n in range(1, 100)]
    world = project().write(o000="1").targets(*links).build().targets(*links[::-1]).lose_index()
    assert set(states(world).values()) == {"up to date"}
    world.write(o000="2")
    assert [*states(world).values()].count("may run") == 98


def test_asking_hashes_no_more_than_building():
    world = chain().build().write(s="2").build().write(s="1")
    world.foretold()
    asked = [path for path in world.fs.hashed if "/.paperbuild/" not in path]
    world.fs.hashed.clear()
    told = world.foretold()
    asked = [*world.fs.hashed]
    world.fs.hashed.clear()
    world.build().ran_nothing()
    assert told["c"].state is State.STORED
    assert set(asked) <= set(world.fs.hashed)
    assert len(asked) == len(set(asked))


def test_who_reads_results_as_they_stand_reads_those_that_come_from_the_store():
    world = chain().build().write(s="2").build().write(s="1")
    reader = PresentReader(Graph(world.actions.values()), (*world.foretold().values(),), world.workshop())
    assert (reader.read("x"), reader.exists("z"), reader.read("z")) == (b"1", True, b"1")
    world.target(command("e", "cat s to v", "v"))
    reader = PresentReader(Graph(world.actions.values()), (*world.foretold().values(),), world.workshop())
    reader.require(["z"])
    with pytest.raises(NotSettled):
        reader.require(["v"])


def foretold(world: worlds.World, **options: bool) -> Outlook:
    return outlook(Graph(world.actions.values()), tuple(world.actions), world.workshop(), BuildOptions(**options))  # type: ignore[arg-type]


def test_a_dry_run_tells_what_comes_from_the_store():
    world = chain().build().write(s="2").build().write(s="1", t="2")
    assert {one.action.id: one.fate for one in foretold(world).prospects} == {
        "a": Fate.RESTORED, "b": Fate.RESTORED, "c": Fate.RESTORED, "d": Fate.RUNS,
    }  # fmt: skip


def test_what_is_held_only_if_it_turns_out_to_be_stale_is_told_so():
    world = project().write(a="1").targets(
        command("data", "cat a to x", "x", "a"), replace(command("train", "cat x to model", "model", "x"), heavy=True),
        document("paper", "model", needs="train"),
    )  # fmt: skip
    assert {one.fate for one in foretold(world, no_heavy=True).prospects} == {Fate.RUNS, Fate.MAY_BE_HELD, Fate.MAY_RUN}
    world.build().write(a="2")
    found = foretold(world, no_heavy=True, shows_stale=True)
    assert [one.fate for one in found.prospects] == [Fate.RUNS, Fate.MAY_BE_STALE, Fate.MAY_RUN]
    assert found.is_good
