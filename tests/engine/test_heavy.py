"""Heavy targets run only where that is wished."""

from __future__ import annotations

import time

import pytest
from msgspec import structs
from msgspec.structs import replace

from paperbuild.engine import earlier as earlier_results
from paperbuild.engine.earlier import Earlier
from paperbuild.engine.graph import Command, Graph, Resources
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.outlook import Fate, outlook
from paperbuild.engine.queries import State
from paperbuild.engine.workshop import Belief, Workshop
from paperbuild.events import Outcome
from tests.engine.elsewhere import Clone, Shelter
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


# Where it is wished, what is known stands in


def shown(world: World) -> World:
    return world.build(no_heavy=True, shows_stale=True)


def told(world: World) -> dict[str, str]:
    return {id_: one.reason or f"rests on {' '.join(one.roots)}" for id_, one in world.report.earlier.items()}  # type: ignore[union-attr]


def test_the_newest_known_result_of_a_stale_heavy_target_stands_in_and_is_said_to_be_stale():
    world = shown(project().build().write(a="2")).ran().succeeded()
    assert [world.outcome(id_) for id_ in ("train", "plot", "light", "paper")] == [
        Outcome.STALE, Outcome.REUSED, Outcome.REUSED, Outcome.RAN,
    ]  # fmt: skip
    assert world.codes() == ["PB750"]
    assert told(world) == {"train": "a changed", "plot": "rests on train", "paper": "rests on train"}
    assert world.content("_build/paper") == "1|1"


def test_a_document_of_an_earlier_result_is_never_taken_for_one_of_the_newest():
    world = project().build()
    fresh = world.record("paper")
    shown(world.write(a="2"))
    stale = world.record("paper")
    assert (stale.key, stale.artifacts) != (fresh.key, fresh.artifacts)
    assert stale.key != fresh.key
    assert world.situation("paper").state is State.WAITING
    world.write(a="1").build().ran_nothing().succeeded()
    assert world.record("paper").key == fresh.key
    shown(world.write(a="2"))
    world.write(a="3").build().ran("train", "plot").succeeded()
    assert world.content("_build/paper") == "3|1"
    assert world.report.earlier == {}  # type: ignore[union-attr]


def test_a_document_that_shows_the_same_earlier_result_again_is_not_made_again():
    world = shown(shown(project().build().write(a="2")))
    assert world.outcome("paper") is Outcome.REUSED
    assert world.codes() == ["PB750"]  # which is said each time
    shown(world.write(b="2")).ran("light")
    assert world.outcome("paper") is Outcome.RAN


def test_what_is_light_runs_on_an_earlier_result_and_its_record_says_on_which_content():
    world = project().write(b="7").build()
    world.actions["plot"] = command("plot", "cat b model to figure", "figure", "b model")
    shown(world.write(a="2")).ran("plot").succeeded()
    assert world.content("_build/paper") == "7+1|7"
    assert told(world)["plot"] == "rests on train"
    assert world.situation("plot").state is State.WAITING
    world.build().ran("train", "plot").succeeded()
    assert world.content("_build/paper") == "7+2|7"
    world.write(a="1").build().ran().succeeded()
    assert world.content("_build/paper") == "7+1|7"


def test_an_earlier_result_is_put_into_its_place_from_the_store():
    world = shown(project().build().remove("model").remove("figure").write(a="2")).ran().succeeded()
    assert (world.content("model"), world.content("figure")) == ("1", "1")


def test_where_nothing_is_known_of_a_heavy_target_it_is_an_error_as_ever():
    world = shown(project()).ran("light")
    assert world.codes() == ["PB431"]
    assert world.outcome("paper") is Outcome.BLOCKED
    world = project().build()
    world.actions["train"] = replace(command("train", "cat a to model extra", "model extra", "a"), heavy=True)
    assert shown(world).codes() == ["PB431"]  # a result without one of its outputs is none


def test_without_the_index_what_stands_in_the_tree_and_is_ours_is_what_is_known():
    world = shown(project().build().lose_index().write(a="2")).succeeded()
    assert world.outcome("train") is Outcome.STALE
    assert world.content("_build/paper") == "1|1"
    world = project().build().lose_index().write(a="2", model="by hand")
    assert shown(world).codes() == ["PB431"]


def test_what_a_document_is_found_to_read_of_an_earlier_result_is_told_to_it_too():
    actions = (replace(command("train", "cat a to model", "model", "a"), heavy=True), document("paper", "model"))
    world = World().write(a="1").targets(*actions).build()
    plain = world.record("paper").key
    shown(world.write(a="2")).succeeded()
    assert told(world)["paper"] == "rests on train"
    assert world.record("paper").key != plain
    assert shown(world).outcome("paper") is Outcome.REUSED


def test_a_command_that_was_never_seen_to_read_an_earlier_result_is_known_to_rest_on_it():
    actions = (
        replace(command("train", "cat a to model", "model", "a"), heavy=True),
        command("plot", "cat model to figure", "figure", None),
    )
    world = World(watched=True).write(a="1").targets(*actions).build().write(a="2")
    assert told(shown(world).succeeded()) == {"train": "a changed", "plot": "rests on train"}
    world.actions["plot"] = command("plot", "cat model a to figure", "figure", None)
    assert told(shown(world).ran("plot").succeeded())["plot"] == "rests on train"


def test_one_heavy_target_may_stand_in_for_what_rests_on_another():
    actions = (
        replace(command("first", "cat a to x", "x", "a"), heavy=True),
        replace(command("second", "cat x b to y", "y", "x b"), heavy=True),
        document("paper", "y", needs="second"),
    )
    world = shown(World().write(a="1", b="1").targets(*actions).build().write(a="2"))
    assert told(world) == {"first": "a changed", "second": "rests on first", "paper": "rests on first"}
    world = shown(world.write(b="2"))
    assert told(world) == {"first": "a changed", "second": "b changed", "paper": "rests on second"}


def test_who_can_make_it_anew_is_told_with_where():
    def said(**more: object) -> tuple[str, ...]:
        actions = [replace(command(f"train[n={n}]", "cat a to x", f"x{n}", "a"), heavy=True, **more) for n in range(2)]
        actions = [replace(one, recipe=Command(f"cat a to {one.outputs[0].path}")) for one in actions]
        world = shown(
            World()
            .write(a="1")
            .targets(*actions, document("paper", "x0 x1", needs=" ".join(one.id for one in actions)))
            .build()
            .write(a="2")
        )
        (warning,) = world.report.diagnostics  # type: ignore[union-attr]  # it was built
        return warning.help

    assert said() == ("to make it anew: paperbuild run train",)
    assert said(resources=Resources(gpu=1)) == ("to make it anew, where there is a GPU: paperbuild run train",)
    assert said(resources=Resources(gpu=1), on="cluster") == ("to make it anew: paperbuild run train --on cluster",)


def test_files_made_by_hand_at_the_place_of_an_earlier_result_stay():
    world = shown(project().build().write(a="2", model="mine"))
    assert world.codes() == ["PB420"]
    assert world.content("model") == "mine"


# what others made


def laptop() -> Clone:
    """A clone that has the results of another one, which alone ran what is heavy: nothing of the model is in its tree."""
    shelter = Shelter()
    cluster, here = Clone(shelter), Clone(shelter)
    for clone in (cluster, here):
        clone.write(a="1", b="1").targets(
            replace(command("train", "cat a to model", "model", "a"), heavy=True),
            command("plot", "cat model b to figure", "figure", "model b"),
            document("paper", "figure", needs="plot"),
        )  # fmt: skip
    cluster.build().succeeded()
    shown(here).ran_nothing().succeeded()
    assert here.report.earlier == {}  # type: ignore[union-attr]  # what another one made is up to date
    return here


def test_a_laptop_shows_what_a_cluster_made_and_fetches_it_only_where_somebody_reads_it():
    here = shown(laptop().write(a="2")).ran().succeeded()
    assert told(here) == {"train": "a changed", "plot": "rests on train", "paper": "rests on train"}
    assert (here.content("model"), here.content("_build/paper")) == (None, "1+1")
    shown(here.write(b="2")).ran("plot").succeeded()
    assert (here.content("model"), here.content("_build/paper")) == ("1", "1+2")


@pytest.mark.parametrize("options", [{"no_heavy": True, "shows_stale": True}, {"no_heavy": True, "strict": True}, {"no_run": True}])
@pytest.mark.parametrize("first", ["light", "train"])
def test_what_others_made_of_results_that_nobody_declares_is_up_to_date_whatever_is_looked_at_first(first: str, options: dict[str, bool]):
    """What a record read may be another one's output: it holds once that is settled, and is not held before."""
    shelter = Shelter()
    actions = {
        "light": command("light", "cat a to y", "y", "a"),
        "train": replace(command("train", "cat y to model", "model", None), heavy=True),
    }
    ordered = (actions.pop(first), *actions.values(), document("paper", "model", needs="train"))
    cluster, here = (Clone(shelter, watched=True).write(a="1").targets(*ordered) for _ in range(2))
    cluster.build("light").build().succeeded()
    here.build("paper", **options).succeeded().ran_nothing()
    assert here.report.earlier == {}  # type: ignore[union-attr]  # it was built
    assert here.content("_build/paper") == "1"


def first_on_a_laptop(theirs: str, ours: str) -> Clone:
    """Return a clone in which nothing ran, with the file ``ours``; another has run all, with another trainer and the file ``theirs``."""
    shelter = Shelter()
    cluster, here = (Clone(shelter, watched=True) for _ in range(2))
    for clone, text, version in ((cluster, theirs, "1"), (here, ours, "2")):
        clone.environment.programs["trainer"] = version
        training = replace(command("train", "use trainer; cat a to model", "model", None), heavy=True)
        clone.write(a=text).targets(training, document("paper", "model", needs="train"))
    cluster.build().succeeded()
    return here


def test_a_laptop_where_nothing_ever_ran_shows_what_a_cluster_made_of_the_same_files_with_other_programs():
    here = shown(first_on_a_laptop("1", "1")).succeeded()
    assert told(here) == {"train": "the program trainer changed from 1 to 2", "paper": "rests on train"}
    assert here.content("_build/paper") == "1"
    foretold = outlook(Graph(here.actions.values()), ["paper"], here.workshop(), BuildOptions(no_heavy=True, shows_stale=True))
    assert foretold.count(Fate.STALE) == 1


def test_what_a_key_had_of_other_files_is_shown_to_nobody():
    """Projects may share a store, and ``python train.py`` is a command of many: their keys are one."""
    assert shown(first_on_a_laptop("1", "2")).codes() == ["PB431"]


def test_an_earlier_result_that_cannot_be_fetched_after_all_is_none():
    here = laptop()
    here.remote.is_down = True  # type: ignore[union-attr]
    shown(here.write(a="2", b="2")).ran()
    assert "PB431" in here.codes()
    assert [here.outcome(id_) for id_ in ("train", "plot", "paper")] == [Outcome.HELD, Outcome.BLOCKED, Outcome.BLOCKED]


class Believing(Clone):
    """A clone that believes only ``trusted``."""

    trusted: frozenset[str] = frozenset()

    def workshop(self) -> Workshop:
        return structs.replace(super().workshop(), belief=Belief(self.trusted))


def test_an_earlier_result_of_somebody_who_is_not_trusted_any_more_is_not_shown():
    actions = (replace(command("train", "cat a to model", "model", "a"), heavy=True), document("paper", "model", needs="train"))
    shelter = Shelter()
    Clone(shelter).write(a="1").targets(*actions).build().succeeded()
    shelter.records = {key: [replace(one, origin="theirs") for one in records] for key, records in shelter.records.items()}
    here = Believing(shelter)
    here.trusted = frozenset({"theirs"})
    shown(here.write(a="1").targets(*actions)).ran_nothing().succeeded()
    assert shown(here.write(a="2")).outcome("train") is Outcome.STALE
    here.trusted = frozenset()
    assert shown(here).codes() == ["PB431"]


def test_thousands_of_cells_that_rest_on_as_many_earlier_results_are_told_in_steps_that_grow_with_them():
    cells = range(4000)
    trainings = [replace(command(f"train[n={n}]", "x", f"m{n}"), heavy=True) for n in cells]
    graph = Graph([*trainings, *(command(f"score[n={n}]", "x", f"s{n}", f"m{n}") for n in cells)])
    earlier = [Earlier(one.id, "a changed", "2026-11-26T12:00:00Z") for one in trainings]
    resting = [Earlier(f"score[n={n}]", "", "", (f"train[n={n}]",)) for n in cells]
    begin = time.process_time()
    config = dict(earlier_results.told([*earlier, *resting], graph))
    assert time.process_time() - begin < 2
    known = earlier_results.told_of(config)
    assert len(known) == 8000
    assert known["train[n=7]"].make == "paperbuild run train"
    assert known["score[n=7]"].make == "paperbuild run 'train[n=7]'"
    (warning,) = earlier_results.shown_stale({one.action: one for one in [*earlier, *resting]}, graph, ())
    assert warning.message == "train (4000 cells) is stale, and heavy: its last result, of 2026-11-26T12:00:00Z, is used"
