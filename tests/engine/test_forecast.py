"""When a build will be over, told by how long its parts took, on a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from paperbuild.engine.forecast import Forecast
from paperbuild.engine.graph import Action, Graph, Resources
from paperbuild.events import ActionEnded, ActionReopened, ActionStarted, BuildStarted, Outcome
from paperbuild.phrases import rough_text
from tests.engine.world import command, document

CELLS = tuple(f"train[seed={n}]" for n in range(8))


def sweep() -> tuple[Action, ...]:
    trainings = tuple(command(id_, "x", f"m{n}") for n, id_ in enumerate(CELLS))
    return (*trainings, command("plot", "x", "figure", " ".join(f"m{n}" for n in range(8))), document("paper", "figure", needs="plot"))


def begun(durations: Mapping[str, float], *actions: Action, cpu: float = 2) -> Forecast:
    graph = Graph(actions)
    forecast = Forecast(graph, lambda: durations, Resources(cpu=cpu))
    forecast.hear(BuildStarted(len(actions), tuple(graph.actions)), 0.0)
    return forecast


def test_what_took_a_while_the_last_time_takes_as_long_again():
    known = dict.fromkeys(CELLS, 60.0) | {"plot": 10.0, "paper": 2.0}
    assert begun(known, *sweep()).left_s(0.0) == 8 * 60 / 2 + 10 + 2
    assert begun(known, *sweep(), cpu=8).left_s(0.0) == 60 + 10 + 2
    assert begun(known, *sweep(), cpu=100).left_s(0.0) == 60 + 10 + 2


def test_cells_that_never_ran_take_as_long_as_those_that_did():
    forecast = begun({"plot": 10.0}, *sweep())
    assert forecast.left_s(0.0) is None  # nobody knows anything of them
    for id_ in CELLS[:2]:
        forecast.hear(ActionStarted(id_, "never", None), 0.0)
    assert forecast.left_s(20.0) is None
    forecast.hear(ActionEnded(CELLS[0], Outcome.RAN, 30.0), 30.0)
    forecast.hear(ActionEnded(CELLS[1], Outcome.RAN, 50.0), 50.0)
    assert forecast.left_s(50.0) == 6 * 40 / 2 + 10 + 1  # a document of which nothing is known takes a second


def test_time_that_passed_is_not_counted_again_and_the_longest_of_what_runs_counts_whole():
    known = {"a": 100.0, "b": 10.0}
    forecast = begun(known, command("a", "x", "x"), command("b", "x", "y"))
    forecast.hear(ActionStarted("a", "never", 100.0), 0.0)
    forecast.hear(ActionStarted("b", "never", 10.0), 0.0)
    assert forecast.left_s(4.0) == 96
    forecast.hear(ActionEnded("b", Outcome.RAN, 10.0), 10.0)
    assert forecast.left_s(30.0) == 70


def test_what_is_settled_without_running_shortens_it_and_what_is_looked_at_again_counts_again():
    known = dict.fromkeys(CELLS, 60.0) | {"plot": 10.0, "paper": 2.0}
    forecast = begun(known, *sweep())
    for id_ in CELLS[:6]:
        forecast.hear(ActionEnded(id_, Outcome.REUSED, 0.0), 0.0)
    assert forecast.left_s(0.0) == 60 + 12
    forecast.hear(ActionReopened(CELLS[0]), 1.0)
    forecast.hear(ActionReopened(CELLS[1]), 1.0)
    assert forecast.left_s(1.0) == 120 + 12
    for id_ in (*CELLS, "plot", "paper"):
        forecast.hear(ActionEnded(id_, Outcome.REUSED, 0.0), 1.0)
    assert forecast.left_s(1.0) == 0


def test_elsewhere_as_many_cells_go_on_at_once_as_may():
    graph = Graph([replace(command(id_, "x", id_), on="cluster") for id_ in CELLS])
    for most, left_s in ((2, 240), (100, 60), (None, 60)):
        forecast = Forecast(graph, lambda: dict.fromkeys(CELLS, 60.0), Resources(), {} if most is None else {"cluster": most})
        forecast.hear(BuildStarted(8, tuple(graph.actions)), 0.0)
        assert forecast.left_s(0.0) == left_s


def test_the_end_that_was_told_stays_until_it_is_clearly_wrong():
    known = dict.fromkeys(CELLS, 60.0)
    forecast = begun(known, *(command(id_, "x", id_) for id_ in CELLS), cpu=1)
    assert forecast.left_s(0.0) == 480
    told = []
    for n, id_ in enumerate(CELLS):
        forecast.hear(ActionStarted(id_, "x", 60.0), n * 62.0)
        told.append(n * 62.0 + (forecast.left_s(n * 62.0) or 0))
        forecast.hear(ActionEnded(id_, Outcome.RAN, 62.0), (n + 1) * 62.0)
    assert told[:6] == [480.0] * 6  # a little slow, and nothing jumps
    assert len(set(told)) <= 3


def test_a_build_that_takes_longer_than_expected_is_never_over_before_its_time():
    forecast = begun({"a": 10.0}, command("a", "x", "x"))
    forecast.hear(ActionStarted("a", "x", 10.0), 0.0)
    assert forecast.left_s(5.0) == 5
    assert forecast.left_s(50.0) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3, "10 s"), (34, "30 s"), (57, "1 min"), (95, "2 min"), (240, "4 min"), (1310, "20 min"), (3590, "1 h"), (4900, "1 h 20 min"),
        (40000, "11 h"),
    ],
)  # fmt: skip
def test_how_long_it_takes_is_told_roughly(seconds, text):
    assert rough_text(seconds) == text
