"""Files that one target writes without declaring them, and another reads."""

from __future__ import annotations

import pytest

from paperbuild.events import Outcome
from tests.engine.test_watched import undeclared
from tests.engine.world import World, document


@pytest.fixture
def world() -> World:
    return World(watched=True).write(s="1")


WRITER = undeclared("a", "cat s to o; write extra 1", "o")
READER = undeclared("b", "cat extra to p", "p")


def test_what_another_target_wrote_undeclared_may_not_be_read(world: World):
    world.targets(WRITER).build().ran("a")
    assert world.codes() == ["PB415"]
    world.targets(WRITER, READER).build()
    assert world.outcome("b") is Outcome.FAILED
    assert world.report is not None
    (fault,) = (told for told in world.report.diagnostics if told.code == "PB445")
    assert fault.message == "b reads extra, which a writes without declaring it"
    assert fault.help == ("add extra to the outputs of a",)


def test_that_holds_for_documents_and_after_the_file_has_been_read(world: World):
    world.put("extra", "0").targets(READER, document("paper", "extra")).build().succeeded()
    world.put("s", "2").targets(WRITER, READER, document("paper", "extra")).build("a")
    world.build(keep_going=True)
    assert [world.outcome(id_) for id_ in ("b", "paper")] == [Outcome.FAILED, Outcome.FAILED]
    assert world.codes().count("PB445") == 2


def test_a_result_that_rests_on_such_a_file_is_not_reused_either(world: World):
    world.put("extra", "1").targets(READER).build().ran("b")
    world.targets(WRITER).build()
    world.targets(WRITER, READER).build(keep_going=True)
    assert world.outcome("b") is Outcome.FAILED


def test_once_it_is_declared_or_no_more_written_all_is_well(world: World):
    world.targets(WRITER, READER).build(keep_going=True)
    world.remove("extra").targets(undeclared("a", "cat s to o; write extra 1", "o extra"), READER).build().succeeded()
    assert world.content("p") == "1"
    world.targets(undeclared("a", "cat s to o", "o")).build()
    world.put("extra", "mine").targets(undeclared("a", "cat s to o", "o"), READER).build().succeeded()
    assert world.content("p") == "mine"


def test_a_target_may_read_what_it_left_itself(world: World):
    world.targets(undeclared("a", "write extra 1; cat s to o", "o"), undeclared("c", "cat s to q", "q")).build()
    world.targets(undeclared("a", "cat extra to o; write extra 1", "o")).build().succeeded()
