"""What is looked at only after it has settled: an old file in the tree is never taken for the present."""

from __future__ import annotations

from paperbuild.engine.queries import State
from paperbuild.events import ActionEnded, Outcome
from tests.engine.world import World, command, document


def figure(line: str = "cat a to b") -> World:
    return World().write(a="1").targets(document("paper", "b"), command("t", line, "b", "a"))


def test_a_document_waits_for_what_it_read_even_where_the_index_is_lost():
    world = figure().build("paper").write(a="2").lose_index().build("paper").ran("t").succeeded()
    assert world.content("_build/paper") == "2"


def test_a_document_that_goes_back_to_an_earlier_text_waits_for_what_that_read():
    other = command("u", "cat a to c", "c", "a")
    world = figure().target(other).build("paper")
    world.target(document("paper", "c")).build("paper").ran("u")
    world.target(document("paper", "b")).write(a="2")
    assert world.situation("paper").state is State.WAITING
    world.build("paper").ran("t").succeeded()
    assert world.content("_build/paper") == "2"


def test_a_file_that_was_absent_and_that_a_target_now_makes_is_waited_for():
    world = World().write(a="1").targets(document("paper", "a ?b")).build()
    world.target(command("t", "cat a to b", "b", "a")).build().ran("t").succeeded()
    assert world.content("_build/paper") == "1|1"
    world.build().ran_nothing()


def test_what_a_document_does_not_read_any_more_neither_runs_nor_blocks_it():
    world = figure().build("paper")
    world.target(command("t", "fail", "b", "a")).target(document("paper", "a"))
    world.build("paper").ran().succeeded()
    assert world.content("_build/paper") == "1"


def test_documents_that_read_each_other_the_other_way_round_than_last_time_are_no_circle():
    world = World().write(a="1").targets(document("one", "_build/two"), document("two", "a")).build().succeeded()
    world.targets(document("one", "a"), document("two", "_build/one")).build().succeeded()
    assert world.content("_build/two") == "1"
    assert [world.situation(id_).state for id_ in ("one", "two")] == [State.FRESH, State.FRESH]


def test_documents_that_read_each_other_are_a_circle_however_often_they_are_built():
    world = World().targets(document("one", "_build/two"), document("two", "_build/one"))
    assert "PB143" in world.build().codes()
    assert "PB143" in world.build().codes()
    assert world.situation("one").state is State.NEVER


def test_a_document_that_reads_through_a_link_waits_for_what_the_link_leads_to():
    world = World().write(a="1").targets(document("paper", "figures/b"), command("t", "cat a to out/b", "out/b", "a"))
    world.fs.make_link("out", "/p/figures")
    world.build("paper").ran("t").succeeded()
    world.write(a="2").build("paper").ran("t").succeeded()
    assert world.content("_build/paper") == "2"


def test_an_input_named_through_a_link_or_from_the_root_waits_for_what_makes_it():
    for name in ("link/b", "/p/out/b", "out/../out/b", "/elsewhere/back/out/b"):
        world = World().write(a="1").targets(command("use", f"cat {name} to c", "c", name), command("t", "cat a to out/b", "out/b", "a"))
        world.fs.make_link("out", "/p/link")
        world.fs.make_folder("/elsewhere")
        world.fs.make_link("/p", "/elsewhere/back")
        world.build("use").ran("t", "use").succeeded()
        world.write(a="2").build("use").ran("t", "use").succeeded()
        assert world.content("c") == "2"


def test_a_document_whose_found_need_fails_is_blocked_and_says_so():
    world = figure("fail").build("paper").ran("t")
    assert world.outcome("paper") is Outcome.BLOCKED
    ended = [event.action for event in world.events if isinstance(event, ActionEnded)]
    assert sorted(ended) == ["paper", "t"]


def test_a_folder_where_a_document_looked_for_a_file_is_no_reason_to_run_for_ever():
    world = World().put("figures/x", "1").write(a="1").targets(document("paper", "a ?figures")).build().succeeded()
    world.build().ran_nothing().succeeded()
    world.remove("figures").write(figures="now a file").build()
    assert world.content("_build/paper") == "1|now a file"
