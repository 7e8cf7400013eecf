"""Heavy targets run only where that is wished."""

from __future__ import annotations

from msgspec.structs import replace

from paperbuild.events import Outcome
from tests.engine.world import World, command, document


def project() -> World:
    return World().write(a="1", b="1").targets(
        replace(command("train", "cat a to model", "model", "a"), heavy=True),
        command("plot", "cat model to figure", "figure", "model"),
        command("light", "cat b to y", "y", "b"),
        document("paper", "figure y", needs="plot light"),
    )  # fmt: skip


def test_a_stale_heavy_target_is_held_and_all_that_does_not_need_it_goes_on():
    world = project().build(no_heavy=True).ran("light")
    assert world.codes() == ["PB431"]
    assert [world.outcome(id_) for id_ in ("train", "plot", "paper")] == [Outcome.HELD, Outcome.BLOCKED, Outcome.BLOCKED]
    world.build().ran("train", "plot").succeeded()


def test_a_heavy_target_that_is_up_to_date_or_in_the_store_is_used_as_ever():
    world = project().build().write(b="2").build(no_heavy=True).ran("light").succeeded()
    assert world.content("_build/paper") == "1|2"
    world.remove("model").build(no_heavy=True).ran_nothing().succeeded()
    world.write(a="2").build().write(a="1").build(no_heavy=True).ran_nothing().succeeded()


def test_the_last_good_document_stays_while_what_it_needs_is_held():
    world = project().build().write(a="2").build(no_heavy=True).ran()
    assert world.content("_build/paper") == "1|1"
    assert not world.report.succeeded  # type: ignore[union-attr]  # it was built


def test_naming_a_heavy_target_does_not_make_it_run_either():
    assert project().build("train", no_heavy=True).ran().outcome("train") is Outcome.HELD
