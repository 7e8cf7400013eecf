"""What a build would do, foretold: it agrees with what the build then does, and writes nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from random import Random

import pytest
from msgspec.structs import replace

from paperbuild.engine.graph import Graph, Resources
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.outlook import WORKS, Fate, Outlook, outlook, played
from paperbuild.events import Outcome
from tests.engine.world import World, command, document


def project() -> World:
    return World().write(a="1", b="1").targets(
        replace(command("train", "cat a to model", "model", "a"), heavy=True),
        command("plot", "cat model to figure", "figure", "model"),
        command("light", "cat b to y", "y", "b"),
        document("paper", "figure y", needs="plot light"),
    )  # fmt: skip


def foretold(world: World, *wanted: str, **options: bool) -> Outlook:
    graph = Graph(world.actions.values())
    return outlook(graph, wanted or tuple(world.actions), world.workshop(), BuildOptions(**options))  # type: ignore[arg-type]


def fates(found: Outlook) -> Mapping[str, Fate]:
    return {one.action.id: one.fate for one in found.prospects}


def test_before_the_first_build_something_runs_and_the_rest_may():
    found = foretold(project())
    assert fates(found) == {"train": Fate.RUNS, "plot": Fate.MAY_RUN, "light": Fate.RUNS, "paper": Fate.MAY_RUN}
    assert set(found.unknown) == {"train", "plot", "light", "paper"}
    assert {one.where for one in found.prospects} == {"local"}


def test_after_an_edit_the_first_reason_and_the_time_of_the_last_run_are_told():
    found = foretold(project().build().write(b="2"))
    (light,) = (one for one in found.prospects if one.fate is Fate.RUNS)
    assert (light.action.id, light.reason, light.expected_s) == ("light", "b changed", 1.5)
    assert (fates(found)["train"], fates(found)["paper"]) == (Fate.REUSED, Fate.MAY_RUN)
    assert found.unknown == ()
    assert found.total_s >= 1.5


def test_only_what_is_wanted_is_foretold():
    assert set(fates(foretold(project(), "plot"))) == {"train", "plot"}


def test_what_is_held_is_shown_as_it_was_or_stops_the_build():
    world = project().build().write(a="2")
    assert fates(foretold(world, no_heavy=True, shows_stale=True)) == {
        "train": Fate.STALE, "plot": Fate.MAY_RUN, "light": Fate.REUSED, "paper": Fate.MAY_RUN,
    }  # fmt: skip
    strict = foretold(world, no_heavy=True)
    assert (fates(strict)["train"], fates(strict)["paper"], strict.is_good) == (Fate.HELD, Fate.BLOCKED, False)
    assert fates(foretold(project(), no_heavy=True, shows_stale=True))["train"] is Fate.HELD  # nothing is known of it
    assert not foretold(world, no_run=True).is_good


def test_a_file_that_somebody_made_at_an_output_is_in_the_way():
    world = project().build().write(y="mine")
    assert (fates(foretold(world))["light"], foretold(world).is_good) == (Fate.REFUSED, False)
    assert foretold(world, overwrite=True).is_good


def test_cells_that_never_ran_are_expected_to_take_as_long_as_others():
    world = World().write(a="1").targets(command("t[n=1]", "cat a to x1", "x1", "a")).build()
    world.actions["t[n=2]"] = command("t[n=2]", "cat a to x2", "x2", "a")
    found = foretold(world)
    assert {one.action.id: one.expected_s for one in found.prospects} == {"t[n=1]": 1.5, "t[n=2]": 1.5}
    assert (found.unknown, found.total_s) == ((), 1.5)


def test_the_time_is_that_of_the_schedule_with_what_there_is():
    actions = [*(command(f"c{n}", "x", f"o{n}", cpu=1 + n % 2) for n in range(6)), command("end", "x", "o", "o0 o5")]
    graph = Graph(actions)
    uses = {id_: tuple(graph.edges[id_]) for id_ in graph.actions}

    def time(jobs: int) -> float:
        return played(uses, graph, Resources(cpu=jobs), {}, lambda _: 10.0)

    assert [time(jobs) for jobs in (1, 3, 100)] == [70.0, 40.0, 20.0]
    assert played({}, graph, Resources(), {}, lambda _: 1.0) == 0


def test_what_runs_elsewhere_takes_nothing_here_and_as_many_go_on_at_once_as_may():
    cells = [replace(command(f"c[n={n}]", "x", f"o{n}"), on="cluster") for n in range(6)]
    graph = Graph([*cells, command("here", "x", "h")])
    uses: dict[str, tuple[str, ...]] = dict.fromkeys(graph.actions, ())
    assert [played(uses, graph, Resources(), {"cluster": most}, lambda _: 10.0) for most in (1, 3, 6)] == [60.0, 20.0, 10.0]
    world = World().write(a="1").targets(replace(command("t", "cat a to x", "x", "a"), on="cluster"))
    assert [one.where for one in foretold(world).prospects] == ["cluster"]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_foretold_comes_true(seed: int):
    random = Random(seed)
    world = project().build()
    for _ in range(4):
        for name in ("a", "b"):
            if random.random() < 0.6:
                world.write(**{name: random.choice("123")})
        holds = random.random() < 0.4
        options = {"no_heavy": holds, "shows_stale": holds}
        before = copy.deepcopy(world.fs.nodes)
        told = fates(foretold(world, **options))
        assert world.fs.nodes.keys() == before.keys()
        world.build(**options)
        outcomes = world.report.outcomes  # type: ignore[union-attr]  # it was built
        for id_, outcome in outcomes.items():
            assert outcome is not Outcome.RAN or told[id_] in WORKS, id_
            assert told[id_] is not Fate.RUNS or outcome is Outcome.RAN, id_
            assert (told[id_] is Fate.STALE) == (outcome is Outcome.STALE), id_
            assert told[id_] is not Fate.REUSED or outcome is Outcome.REUSED, id_
