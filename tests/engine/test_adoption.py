"""Results that are adopted: what stands at the outputs becomes the result of the present key, and nothing runs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from paperbuild.cli.standing import adopted as how_adopted
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Record
from paperbuild.events import Outcome
from paperbuild.provenance.adoptions import adoption_of
from tests.engine.memory import Crash
from tests.engine.world import World, command, document


def adopted(world: World, *ids: str, reason: str = "") -> World:
    return world.build(*ids, adopts=frozenset(ids), reason=reason)


def trained() -> World:
    """A training that took days, and reads a helper that nobody declared."""
    return World(watched=True).write(script="v1", helper="h1").targets(command("train", "cat script helper to model", "model", None))


def test_a_comment_in_a_long_script_costs_nothing_when_its_result_is_adopted():
    world = trained().build().write(script="v1 # comment")
    adopted(world, "train", reason="a comment").ran().succeeded()
    assert world.outcome("train") is Outcome.ADOPTED
    world.build().ran_nothing().succeeded()
    found = world.situation("train")
    assert (found.state, found.record and found.record.reason) == ("adopted", "a comment")
    assert world.content("model") == "v1+h1"


def test_what_the_run_before_was_seen_to_read_decides_about_the_adopted_result_too():
    world = adopted(trained().build().write(script="v2"), "train")
    world.write(helper="h2").build().ran("train").succeeded()
    assert world.content("model") == "v2+h2"


def test_an_adopted_result_of_another_adoption_still_knows_what_was_read_long_ago():
    world = adopted(adopted(trained().build().write(script="v2"), "train").write(script="v3"), "train")
    world.build().ran_nothing()
    world.write(helper="h2").build().ran("train")


def test_where_nobody_ever_saw_it_run_its_declarations_words_and_needs_decide():
    first = command("first", "cat raw to data", "data", None)
    train = replace(command("train", "cat script data to model", "model", "config", needs="first"), mentioned=("script",))
    world = World(watched=True).write(raw="r", script="v1", config="c").put("model", "mine").targets(first, train)
    adopted(world.build("first"), "train").succeeded().build().ran_nothing()
    for name, text in (("script", "v2"), ("config", "d"), ("raw", "s")):
        world.put(name, text).build("first")
        assert world.situation("train").state == "stale"
        adopted(world, "train").succeeded()


def test_it_takes_what_stands_there_although_the_store_has_a_result_for_this_key():
    world = trained().build().write(script="v2").build().put("model", "v1+h1")
    adopted(world, "train").ran().succeeded()
    world.build().ran_nothing()
    assert world.content("model") == "v1+h1"
    world.write(script="v1").build().ran_nothing()
    assert world.content("model") == "v1+h1"


def test_what_is_up_to_date_needs_no_adoption():
    world = adopted(trained().build(), "train", reason="to be sure").ran_nothing().succeeded()
    assert world.outcome("train") is Outcome.REUSED
    assert world.situation("train").state == "up to date"


def test_another_reason_can_be_given_later():
    world = adopted(trained().build().write(script="v2"), "train", reason="one")
    adopted(world, "train", reason="two").ran()
    found = world.situation("train").record
    assert found is not None
    assert found.reason == "two"
    assert adopted(world, "train").outcome("train") is Outcome.REUSED


def test_without_its_outputs_nothing_is_adopted_and_nothing_runs():
    world = World().targets(command("t", "write x 1; write y 2", "x y")).put("x", "mine")
    adopted(world, "t").ran()
    assert world.codes() == ["PB423"]
    assert "y is not there" in world.report.diagnostics[0].message  # type: ignore[union-attr]  # it was built
    assert world.content("x") == "mine"


def test_nothing_is_adopted_before_what_it_needs_is_up_to_date():
    world = World().write(raw="r").targets(command("first", "cat raw to data", "data", "raw"), command("t", "cat data to x", "x", "data"))
    adopted(world.put("x", "mine"), "t").ran()
    assert world.codes() == ["PB424"]
    assert (world.outcome("first"), world.outcome("t")) == (Outcome.HELD, Outcome.BLOCKED)
    world.build("first")
    adopted(world, "t").succeeded().build().ran_nothing()


def test_targets_that_need_each_other_are_adopted_together():
    world = World().write(raw="r").targets(command("first", "cat raw to data", "data", "raw"), command("t", "cat data to x", "x", "data"))
    adopted(world.put("x", "mine").put("data", "theirs"), "first", "t").ran().succeeded()
    world.build().ran_nothing().succeeded()
    assert (world.content("data"), world.content("x")) == ("theirs", "mine")


def test_what_only_the_trace_shows_must_be_up_to_date_as_well():
    reader = command("t", "cat script data to x", "x", None)
    world = World(watched=True).write(raw="r", script="v1").targets(command("first", "cat raw to data", "data", None), reader).build()
    world.write(raw="s", script="v2")
    adopted(world, "t").ran()
    assert world.codes() == ["PB424"]
    world.build("first").ran("first")
    adopted(world, "t").succeeded().build().ran_nothing()


def test_an_output_that_comes_after_it_by_now_is_no_input_of_an_adopted_result():
    world = World(watched=True).write(script="v1", raw="r")
    world.targets(command("early", "cat raw to data", "data", None), command("t", "cat script data to x", "x", None)).build()
    world.targets(command("early", "cat raw x to data", "data", "x"), command("t", "cat script to x", "x", None)).write(script="v2")
    adopted(world, "t").ran().succeeded()
    world.build("t").ran_nothing()


def test_the_option_adopts_wherever_all_outputs_are_there_and_runs_the_rest():
    world = World().write(raw="r").put("data", "theirs")
    world.targets(
        command("first", "cat raw to data", "data", "raw"), command("t", "cat data to x", "x", "data"), document("d", "x", needs="t")
    )
    world.build(adopt=True).ran("t").succeeded()
    assert world.outcome("first") is Outcome.ADOPTED
    assert world.content("_build/d") == "theirs"
    world.build().ran_nothing().succeeded()


def test_the_option_adopts_also_where_nothing_may_be_executed():
    world = World().write(raw="r").put("data", "theirs").targets(command("first", "cat raw to data", "data", "raw"))
    world.build(adopt=True, no_run=True).ran().succeeded()


def test_an_adopted_result_is_ours_and_comes_back_from_the_store():
    world = adopted(trained().put("model", "mine"), "train").succeeded().remove("model").build().ran_nothing()
    assert world.content("model") == "mine"


def test_an_adoption_that_dies_anywhere_leaves_what_was_there():
    for n in range(60):
        world = trained().put("model", "mine")
        world.fs.dies_after = world.fs.changes + n
        try:
            adopted(world, "train")
        except Crash:
            world.fs.revive()
            assert world.content("model") == "mine"
            adopted(world, "train").succeeded()
            world.build().ran_nothing()
            continue
        assert n > 5
        return
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize("reason", ["a comment", ""])
def test_how_a_result_that_stands_was_adopted_is_known_without_its_record(reason: str, monkeypatch: pytest.MonkeyPatch):
    world = adopted(trained().build().write(script="v2"), "train", reason=reason).build().build().ran_nothing()
    told = adoption_of(world.record("train"))
    assert told is not None
    assert told.reason == reason
    read: list[str] = []
    real = Store.record

    def record(self: Store, key: str, name: str) -> Record | None:
        read.append(name)
        return real(self, key, name)

    monkeypatch.setattr(Store, "record", record)
    standing = {id_: world.situation(id_) for id_ in world.actions}
    assert {id_: how_adopted(one) for id_, one in standing.items()} == {id_: told if id_ == "train" else None for id_ in world.actions}
    assert read == []
    world.remove(".paperbuild/grounds")
    assert how_adopted(world.situation("train")) == told
