"""Commands that fail now and then are tried again, as their manifest says."""

from __future__ import annotations

from msgspec.structs import replace

from paperbuild.diagnostics import Severity
from paperbuild.events import ActionStarted, Outcome
from tests.engine.world import World, command


def flaky(line: str, retries: int, outputs: str = "x") -> World:
    return World().write(a="1").targets(replace(command("t", line, outputs, "a"), retries=retries))


def notes(world: World) -> list[str]:
    assert world.report is not None
    return [d.message for d in world.report.diagnostics if d.code == "PB443"]


def test_a_command_is_tried_again_as_often_as_it_says_with_growing_pauses():
    world = flaky("flaky 1 2 3; cat a to x", 3).build().ran("t", "t", "t", "t").succeeded()
    assert world.executor.rests == [1, 2, 4]
    assert len(notes(world)) == 3
    assert notes(world)[0].endswith("it is tried again in 1 s, attempt 2 of 4")
    assert world.build().ran_nothing().content("x") == "1"


def test_after_the_last_attempt_it_has_failed_and_the_error_says_how_often_it_was_tried():
    world = flaky("flaky 1 2 3; cat a to x", 2).build().ran("t", "t", "t")
    assert world.outcome("t") is Outcome.FAILED
    assert world.report is not None
    (error,) = [d for d in world.report.diagnostics if d.severity is Severity.ERROR]
    assert "it was tried 3 times" in error.notes


def test_without_retries_nothing_is_tried_again():
    assert flaky("fail", 0).build().ran("t").executor.rests == []


def test_each_attempt_starts_as_in_a_clean_clone_and_the_outputs_before_come_back_in_the_end():
    world = flaky("append a to x; flaky 1; cat a to y", 1, "x y").build().succeeded()
    assert world.content("x") == "1"
    world = flaky("lazy a to x; flaky 2 3 4", 2).build().succeeded().write(a="2").build()
    assert world.outcome("t") is Outcome.FAILED
    assert world.content("x") == "1"


def test_an_attempt_finds_the_checkpoints_of_the_one_before():
    world = flaky("resume to x; save half; flaky 1", 1).build().succeeded()
    assert world.content("x") == "half"


def test_an_output_that_is_missing_now_and_then_is_reason_to_try_again():
    world = flaky("write y 1; flaky 1; cat a to x", 1).build().succeeded()
    world = flaky("write y 1", 1).build().ran("t", "t")
    assert "PB412" in world.codes()


def test_what_is_somebodys_own_is_no_failure_that_passes():
    world = flaky("cat a to x", 3).put("x", "mine").build().ran()
    assert world.codes() == ["PB420"]
    assert world.executor.rests == []


def test_a_build_that_is_stopped_tries_nothing_again():
    world = flaky("flaky 1; cat a to x", 3)
    world.executor.cancelled = True
    world.build().ran("t")
    assert world.outcome("t") is Outcome.CANCELLED


def test_once_another_target_has_failed_nothing_is_tried_again_unless_all_shall_go_on():
    def both() -> World:
        world = World(seed=3).write(a="1")
        return world.targets(command("bad", "fail", "y", "a"), replace(command("t", "flaky 1; cat a to x", "x", "a"), retries=1))

    seen = set()
    for seed in range(6):
        world = both()
        world.random.seed(seed)
        seen.add(len(world.build(jobs=2).ran_now))
    assert seen == {2, 3}  # whichever fails first
    assert both().build(jobs=2, keep_going=True).outcome("t") is Outcome.RAN


def test_how_long_it_runs_is_told_for_each_attempt():
    world = flaky("flaky 1; cat a to x", 1).build()
    assert [type(event) for event in world.events].count(ActionStarted) == 2
