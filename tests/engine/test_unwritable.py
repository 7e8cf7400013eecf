"""What is told of a project to which nothing can be written."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.build import BuildReport
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.unwritable import as_it_stands
from paperbuild.errors import WriteError
from paperbuild.events import Outcome
from tests.engine.world import World, command, graph_of

CLOSED = WriteError(Diagnostic("PB406", "/p/.paperbuild/lock cannot be written to: Read-only file system"))


def outcomes(world: World, *wanted: str, **options: object) -> Mapping[str, Outcome]:
    """Return how a build ends that may not write, and see that it wrote nothing."""
    before = dict(world.fs.nodes)
    graph = graph_of(world.actions.values())
    world.report = BuildReport(*as_it_stands(graph, wanted, world.workshop(), BuildOptions(**options), world.events.append, CLOSED))
    assert world.fs.nodes == before
    return world.report.outcomes


@pytest.fixture
def world() -> World:
    """Two targets in a row, both up to date."""
    world = World(watched=True).write(s="1")
    return world.target(command("a", "cat s to m", "m")).target(command("b", "cat m to o", "o", needs="a")).build().succeeded()


def test_what_is_up_to_date_is_a_success(world: World):
    assert outcomes(world, "b") == {"a": Outcome.REUSED, "b": Outcome.REUSED}
    assert world.codes() == []


def test_what_only_the_store_has_will_do_where_nobody_asked_for_it_and_else_it_cannot_be_placed(world: World):
    world.remove("m")
    assert outcomes(world, "b") == {"a": Outcome.REUSED, "b": Outcome.REUSED}
    assert outcomes(world, "a", "b") == {"a": Outcome.FAILED, "b": Outcome.REUSED}


def test_what_changed_is_told_with_what_waits_for_it(world: World):
    world.write(s="2")
    assert outcomes(world, "b") == {"a": Outcome.FAILED, "b": Outcome.BLOCKED}
    assert world.report is not None
    (fault,) = world.report.diagnostics
    assert fault.message.startswith("a and b cannot be made: /p/.paperbuild/lock")
    assert fault.notes[0] == "a: s changed"


def test_nothing_can_be_adopted(world: World):
    with pytest.raises(WriteError):
        outcomes(world, "b", adopts=frozenset({"b"}))
