"""Edges and refusals of the graph of actions."""

from __future__ import annotations

import pytest

from paperbuild.engine.graph import Graph
from paperbuild.errors import ManifestError
from tests.engine.world import World, command


def edges(*actions: object) -> dict[str, frozenset[str]]:
    return Graph(actions).edges  # type: ignore[arg-type] - actions, as `command` makes them


@pytest.mark.parametrize("declared", ["runs", "runs/", "runs/*", "runs/1", "runs/[1]", "**/1"])
def test_an_input_waits_for_whatever_makes_something_in_it(declared: str):
    assert edges(command("t", "", "runs/1"), command("sum", "", "sum", declared))["sum"] == {"t"}


def test_an_input_inside_an_output_folder_waits_for_it():
    assert edges(command("t", "", "model/"), command("use", "", "u", "model/weights/1"))["use"] == {"t"}


def test_a_glob_waits_for_no_folder_in_which_it_can_match_nothing():
    found = edges(command("fit", "", "model/", "*.py"), command("test", "", "eval/", "*.py model/"))
    assert found == {"fit": frozenset(), "test": {"fit"}}


@pytest.mark.parametrize("outputs", ["a a", "d/ d/x", "d/x d/", "d d/", "d/ d/e/"])
def test_an_output_in_the_way_of_another_is_refused(outputs: str):
    first, second = outputs.split()
    with pytest.raises(ManifestError) as one_action:
        Graph([command("t", "", outputs)])
    with pytest.raises(ManifestError) as two_actions:
        Graph([command("t", "", first), command("u", "", second)])
    assert {error.value.diagnostics[0].code for error in (one_action, two_actions)} == {"PB141"}


def test_an_aggregate_of_a_folder_named_without_its_slash_is_built_after_what_is_in_it():
    world = World().targets(command("sum", "list runs to sum", "sum", "runs"), command("t", "write runs/1 x", "runs/1"))
    world.build("sum").ran("t", "sum").succeeded()
    assert world.content("sum") == "1=b'x'\n"
    world.build("sum").ran_nothing()
