"""Checkpoints: what a target saved is there for the next attempt at the same thing, and for no other."""

from __future__ import annotations

import pytest

from paperbuild.events import Outcome
from tests.engine.memory import Crash
from tests.engine.world import World, command

FOLDER = "/p/.paperbuild/checkpoints/"


def training(rest: str = "flaky 1", **more: object) -> World:
    """A training that says where it began, and saves where it is."""
    world = World().write(config="c1", script="s1")
    return world.targets(command("t", f"resume to x; cat script to y; save half; {rest}", "x y", "config", **more))  # type: ignore[arg-type]  # by name


def saved(world: World) -> list[str]:
    return [path for path in world.fs.nodes if path.startswith(FOLDER) and path.endswith("/state")]


def killed(world: World) -> World:
    with pytest.raises(Crash):
        world.build()
    world.fs.revive()
    return world


def test_after_a_failure_the_next_attempt_goes_on_where_it_was():
    world = training().build()
    assert world.outcome("t") is Outcome.FAILED
    assert world.build().ran("t").succeeded().content("x") == "half"


def test_once_it_succeeds_nothing_is_kept_unless_that_is_wished():
    world = training("true").build().succeeded()
    assert not any(path.startswith(f"{FOLDER}t") for path in world.fs.nodes)
    world = training("true", refresh_s=0.0).build(keep_checkpoints=True).succeeded()
    assert len(saved(world)) == 1
    assert world.build().succeeded().content("x") == "half"


def test_another_key_begins_anew():
    world = training().build().write(config="c2").build().ran("t").succeeded()
    assert world.content("x") == "anew"
    world = training("flaky 1 2").build()
    world.target(command("t", "resume to x; cat script to y; flaky 1", "x y", "config")).build().succeeded()
    assert world.content("x") == "anew"


def test_going_back_to_an_earlier_key_does_not_find_what_was_saved_long_ago():
    world = training("flaky 1 2").build().write(config="c2").build().write(config="c1").build().ran("t").succeeded()
    assert world.content("x") == "anew"


def test_a_script_that_was_seen_to_be_read_and_changed_begins_anew():
    world = training().build().write(script="s2").build().ran("t").succeeded()
    if World.is_watched:
        assert world.content("x") == "anew"


def test_a_file_that_it_never_read_may_change():
    world = training().build().write(other="o").build().ran("t").succeeded()
    assert world.content("x") == "half"


def test_after_a_kill_the_next_attempt_goes_on_where_it_was():
    world = killed(training("deadly 1")).build().ran("t").succeeded()
    assert world.content("x") == "half"
    assert saved(world) == []


def test_after_a_kill_a_script_that_changed_since_is_noticed_when_it_is_read():
    world = killed(training("deadly 1")).write(script="s2").build().succeeded()
    if World.is_watched:
        world.ran("t", "t")  # only the end of the first shows that it went on from what another script had left
        assert world.content("x") == "anew"
    assert world.content("y") == "s2"


def test_after_a_kill_a_script_that_is_known_from_an_earlier_run_is_looked_at_first():
    world = training("deadly 2", refresh_s=0.0).build().succeeded()
    killed(world.write(script="s2")).write(script="s3").build().ran("t").succeeded()
    assert world.content("y") == "s3"
    if World.is_watched:
        assert world.content("x") == "anew"


def test_a_failure_after_a_kill_tells_what_was_read_only_if_nothing_changed_between():
    world = killed(training("deadly 1; flaky 2")).build()
    assert world.outcome("t") is Outcome.FAILED
    assert world.build().succeeded().content("x") == "half"
    world = killed(training("deadly 1; flaky 2")).write(script="s2").build().build().succeeded()
    if World.is_watched:
        assert world.content("x") == "anew"


def test_killed_again_and_again_it_still_goes_on():
    world = killed(killed(killed(training("deadly 1 2 3")))).build().succeeded()
    assert world.content("x") == "half"


def test_an_attempt_that_saw_what_an_earlier_build_left_leaves_nothing_to_go_on_from():
    world = World(watched=True).write(script="s1", raw="r1")
    first = command("first", "cat raw to data", "data", None)
    late = command("t", "resume to x; save half; cat data to y", "x y", None)
    world.targets(late, first).build().succeeded()
    assert world.content("x") == "anew"


def test_an_attempt_whose_input_changed_meanwhile_leaves_nothing_to_go_on_from():
    world = training("edit config c2").build().succeeded()
    assert world.ran_now == ["t", "t"]
    assert world.content("x") == "anew"


@pytest.mark.parametrize("what", ["", "[", '[{"type": "content"}]'])
def test_what_was_noted_and_is_no_note_is_not_relied_on(what: str):
    world = training().build()
    for path, node in world.fs.nodes.items():
        if path.startswith(FOLDER) and path.endswith("ended.json"):
            node.data = what.encode()
    assert world.build().succeeded().content("x") == "anew"


def test_whenever_it_dies_nothing_is_ever_gone_on_from_that_was_left_under_another_key():
    for n in range(120):
        world = training("flaky 1").build()
        world.fs.dies_after = world.fs.changes + n
        try:
            world.build()
        except Crash:
            world.fs.revive()
        else:
            assert n > 10
            return
        world.write(config="c2").build().succeeded()
        assert world.content("x") == "anew"
    raise AssertionError("it never came to an end")
