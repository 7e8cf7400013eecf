"""Commands that are watched: what they really read decides, declared or not."""

from __future__ import annotations

import pytest

from paperbuild.engine.graph import Action
from paperbuild.engine.trace import Absent, Content, Item, Listing, Program, Status
from paperbuild.events import Outcome
from tests.engine.world import ROOT, World, command, document


@pytest.fixture
def world() -> World:
    return World(watched=True)


def undeclared(name: str, line: str, outputs: str, **more: str) -> Action:
    return command(name, line, outputs, None, **more)  # type: ignore[arg-type]  # texts only


def items(world: World, id_: str) -> tuple[Item, ...]:
    last = world.index.last_run(id_)
    assert last is not None
    record = world.workshop().store.record(last.key, last.record)
    assert record is not None
    return record.items


def test_what_was_read_counts_without_being_declared(world: World):
    world.write(a="1", b="1").targets(undeclared("t", "cat a to out", "out")).build().ran("t").succeeded()
    world.build().ran_nothing()
    world.write(b="2").build().ran_nothing()
    world.write(a="2").build().ran("t")
    assert world.content("out") == "2"
    world.write(a="1").build().ran_nothing()
    assert world.content("out") == "1"


def test_a_file_that_was_missed_counts_as_soon_as_it_appears(world: World):
    world.targets(undeclared("t", "ask config to out", "out")).build().ran("t")
    world.build().ran_nothing()
    world.write(config="x").build().ran("t")
    assert world.content("out") == "True"
    world.remove("config").build().ran_nothing()
    assert world.content("out") == "False"


def test_a_file_whose_status_was_asked_counts_by_its_size_and_not_by_its_content(world: World):
    world.write(config="x").targets(undeclared("t", "ask config to out", "out")).build().ran("t")
    assert items(world, "t") == (Status("config", "file 1"),)
    world.write(config="y").build().ran_nothing()
    world.write(config="longer").build().ran("t")


def test_a_listing_counts_by_its_names(world: World):
    world.write(data__a="1").targets(undeclared("t", "names data to out", "out")).build().ran("t")
    world.write(data__a="2").build().ran_nothing()
    world.write(data__b="1").build().ran("t")
    world.put("data/.swap.swp", "x").put("data/module.pyc", "x").build().ran_nothing()


def test_a_listing_of_the_folder_of_its_own_output_is_settled_by_one_run(world: World):
    world.write(out__kept="x").targets(undeclared("t", "names out to out/made", "out/made")).build().ran("t")
    world.build().ran_nothing()
    world.write(out__more="x").build().ran("t")
    assert [type(item) for item in items(world, "t")] == [Listing]


def test_a_folder_that_stands_only_around_outputs_is_nothing_that_a_listing_depends_on(world: World):
    world.write(a="1").targets(undeclared("lists", "names . to names", "names"), command("makes", "write build/x 1", "build/x"))
    world.build("lists").ran("lists")
    world.build("makes", "lists").ran("makes")


def test_a_folder_around_outputs_is_there_for_whoever_asks_whether_it_stands_in_the_tree_or_not(world: World):
    world.targets(undeclared("asks", "ask far/x to out", "out"), command("makes", "write far/x/made 1", "far/x/made"))
    world.build("asks").succeeded()
    assert world.content("out") == "True", "what is to stand in it was made first"
    world.remove("far").remove("out").build("asks").ran_nothing()
    assert world.content("out") == "True"


def test_a_folder_that_an_earlier_build_left_is_not_taken_for_one_of_this_build(world: World):
    makes = command("makes", "cat a to far/x/made", "far/x/made", "a")
    world.write(a="1").targets(makes).build().succeeded()
    world.write(a="2").targets(undeclared("asks", "ask far/x to out; ask far to out", "out"), makes).build("asks").succeeded()
    assert world.ran_now == ["asks", "makes", "asks"]
    world.write(a="3").put("far/x/mine", "1").targets(undeclared("asks", "ask far to more", "more"), makes)
    assert world.build("asks").ran_now == ["asks"], "something in it is nobody's output"


def test_a_folder_around_its_own_output_is_there_when_it_starts(world: World):
    cells = [undeclared(f"t[{n}]", f"ask far to far/{n}", f"far/{n}") for n in range(3)]
    world.targets(*cells).build().ran("t[0]", "t[1]", "t[2]").succeeded()


def test_a_listing_of_a_folder_around_outputs_that_is_not_in_the_tree_is_that_of_an_empty_one(world: World):
    world.targets(undeclared("lists", "names far to out", "out"), command("makes", "write far/x/made 1", "far/x/made"))
    world.build("lists").succeeded()
    world.remove("far").remove("out").build("lists").ran_nothing()


def test_a_listing_of_a_folder_that_a_target_makes_waits_for_it(world: World):
    lists = undeclared("lists", "names model to out", "out")
    world.write(a="1").targets(lists, command("makes", "fold a to model", "model/", "a")).build("lists").succeeded()
    assert world.content("out") == "a sub"
    world.targets(lists, command("makes", "fold a to model; remove model/sub", "model/", "a")).build("lists").ran("lists", "makes")
    assert world.content("out") == "a"


def test_a_program_counts_by_what_it_is(world: World):
    world.environment.programs["convert"] = "version 1"
    world.targets(undeclared("t", "use convert; write out x", "out")).build().ran("t")
    assert items(world, "t") == (Program("convert", "version 1"),)
    world.build().ran_nothing()
    world.environment.programs["convert"] = "version 2"
    world.build().ran("t")
    assert [r.text for r in world.situation("t").reasons] == []


def test_outputs_and_what_it_made_before_it_read_it_are_no_inputs(world: World):
    world.write(a="1").targets(undeclared("t", "fold a to model; cat model/a to out; lazy a to again", "out again model/"))
    world.build().ran("t").build().ran_nothing()
    assert items(world, "t") == (Content("a", items(world, "t")[0].digest),)  # type: ignore[union-attr]  # a Content


class TestEdges:
    """Edges are found while running."""

    def test_an_output_that_is_read_undeclared_is_made_first(self, world: World):
        world.write(a="1").targets(undeclared("second", "cat first to out", "out"), command("first", "cat a to first", "first", "a"))
        world.build("second").succeeded()
        assert world.ran_now == ["second", "first", "second"]
        assert world.content("out") == "1"
        world.write(a="2").build("second").ran("first", "second")
        assert world.ran_now == ["first", "second"], "the last trace tells the order"
        assert world.content("out") == "2"

    def test_what_an_earlier_build_left_in_the_tree_decides_nothing(self, world: World):
        actions = (undeclared("second", "ask first to out", "out"), command("first", "cat a to first", "first", "a"))
        world.write(a="1").targets(*actions).build("second").succeeded()
        assert world.content("out") == "True"
        world.put("first", "stale").lose_index()
        assert world.remove("first").build("second").succeeded().content("out") == "True"

    def test_a_run_that_failed_for_want_of_an_output_is_no_failure(self, world: World):
        world.targets(undeclared("second", "cat first to out; fail", "out"), command("first", "write first 1", "first"))
        world.build("second")
        assert world.outcome("second") is Outcome.FAILED
        assert world.outcome("first") is Outcome.RAN
        world.targets(undeclared("second", "cat first to out", "out"), command("first", "write first 1", "first")).build(
            "second"
        ).succeeded()

    def test_a_listing_waits_for_all_that_make_something_in_it(self, world: World):
        cells = [command(f"cell[{n}]", f"write results/{n} {n}", f"results/{n}") for n in range(3)]
        world.write(results__kept="k").targets(undeclared("sum", "list results to out", "out"), *cells).build("sum").succeeded()
        assert sorted(world.ran_now[-1:]) == ["sum"]
        assert (world.content("out") or "").count("\n") == 4
        cells.append(command("cell[3]", "write results/3 3", "results/3"))
        world.targets(undeclared("sum", "list results to out", "out"), *cells)
        world.build("sum").ran("cell[3]", "sum")
        world.targets(undeclared("sum", "list results to out", "out"), *cells[:2]).build("sum").ran("sum")
        assert (world.content("out") or "").count("\n") == 3

    def test_a_circle_that_is_found_while_running_is_an_error(self, world: World):
        world.targets(undeclared("one", "cat b to a", "a"), undeclared("two", "cat a to b", "b")).build()
        assert "PB143" in world.codes()
        assert {world.outcome("one"), world.outcome("two")} <= {Outcome.FAILED, Outcome.BLOCKED}

    def test_an_output_that_failed_blocks_what_reads_it(self, world: World):
        world.targets(undeclared("second", "cat first to out", "out"), command("first", "fail", "first")).build("second")
        assert world.outcome("second") is Outcome.BLOCKED

    def test_a_document_waits_for_what_its_experiments_turn_out_to_read(self, world: World):
        world.write(a="1").targets(
            document("paper", "out", needs="second"),
            undeclared("second", "cat first to out", "out"),
            command("first", "cat a to first", "first", "a"),
        ).build("paper").succeeded()
        assert world.content("_build/paper") == "1"
        world.write(a="2").build("paper").ran("first", "second")
        assert world.content("_build/paper") == "2"


class TestChanges:
    """What changes while it is read."""

    def test_an_input_that_changes_while_it_runs_means_one_more_run(self, world: World):
        world.write(a="1").targets(undeclared("t", "cat a to out; edit a 2", "out")).build().ran("t", "t").succeeded()
        assert world.content("out") == "2"

    def test_an_input_that_changes_and_changes_back_is_noticed(self, world: World):
        world.write(a="1").targets(undeclared("t", "edit a 2; cat a to out; edit a 1", "out")).build()
        assert world.codes() == ["PB414"]
        assert world.content("out") is None

    def test_a_file_that_somebody_makes_where_it_was_missed_means_one_more_run(self, world: World):
        world.targets(undeclared("t", "ask config to out; edit config x", "out")).build().succeeded()
        assert world.content("out") == "True"


class TestStrays:
    """Files that a command leaves in the project and does not declare."""

    def test_they_are_told_and_are_no_input_of_it(self, world: World):
        world.write(a="1").targets(undeclared("t", "cat a to out; write notes x", "out")).build().ran("t").succeeded()
        assert world.codes() == ["PB415"]
        world.build().ran_nothing()

    def test_a_folder_full_of_them_is_told_as_one(self, world: World):
        line = "fold a to cache; write log1 x; write log2 x; cat a to out"
        world.write(a="1").targets(undeclared("t", line, "out")).build().ran("t").succeeded()
        (told,) = world.report.diagnostics  # type: ignore[union-attr]  # it was built
        assert told.message == "t wrote cache/, log1 and 1 more, which its outputs do not declare"
        assert told.detail == ("cache/", "log1", "log2")

    def test_an_input_that_it_changes_itself_counts_as_it_left_it(self, world: World):
        world.write(a="1", b="2").targets(undeclared("t", "append b to a; cat a to out", "out")).build().succeeded()
        assert world.codes() == ["PB418"]
        world.build().ran_nothing()
        world.put("a", "3").build().ran("t")
        assert world.content("out") == "32"

    def test_an_input_that_it_takes_away_is_missed_by_the_next_run(self, world: World):
        world.write(a="1").targets(undeclared("t", "cat a to out; remove a", "out")).build().ran("t").succeeded()
        assert world.codes() == ["PB418"]
        assert world.content("out") == "1"
        assert [reason.text for reason in world.situation("t").reasons] == ["a is gone"]
        world.put("a", "2").build().ran("t")
        assert world.content("out") == "2"

    def test_an_input_that_becomes_an_output_is_missed_by_the_next_run(self, world: World):
        world.write(a="1").targets(undeclared("t", "move a to out", "out")).build().ran("t").succeeded()
        assert world.content("out") == "1", "nothing is lost"
        world.put("a", "2").build().ran("t")
        assert world.content("out") == "2"

    def test_a_leftover_that_nobody_read_may_go(self, world: World):
        world.write(a="1", rest="x").targets(undeclared("t", "ask rest to x; remove rest; cat a to out", "out x")).build().succeeded()
        assert world.codes() == []
        world.build().ran_nothing()

    def test_a_file_that_was_opened_to_be_changed_and_was_not_is_an_input(self, world: World):
        world.write(a="1").targets(undeclared("t", "query a to out", "out")).build().ran("t").succeeded()
        assert world.codes() == []
        world.build().ran_nothing()
        world.put("a", "2").build().ran("t")
        assert world.content("out") == "2"

    def test_cells_that_read_and_write_one_file_are_told_to_have_one_each(self, world: World):
        cells = [undeclared(f"t[{n}]", f"cat s to o{n}; append s to log", f"o{n}") for n in range(2)]
        world.write(s="1", log="").targets(*cells).build(keep_going=True)
        (fault,) = (told for told in world.report.diagnostics if told.code == "PB445")  # type: ignore[union-attr]  # it was built
        assert fault.help == ("let each cell write a file of its own, and declare it",)


def test_what_is_supposed_to_be_read_is_believed_only_where_nobody_could_look(world: World):
    target = command("t", "cat a to out", "out", "a")
    unwatched = World(watched=False).write(a="1", b="1").targets(target).build().ran("t")
    unwatched.executor.watched = True
    unwatched.build().ran("t")
    unwatched.executor.watched = False
    unwatched.build().ran_nothing()


def test_records_hold_in_any_folder_and_home(world: World):
    world.fs.make_folder("/home/u")
    world.fs.write("/home/u/.rc", b"1")
    world.targets(undeclared("t", "cat /home/u/.rc to out; ask /home/u/.other to more", "out more")).build().ran("t").succeeded()
    assert {item.path for item in items(world, "t") if isinstance(item, Content | Absent)} == {"~/.rc", "~/.other"}
    world.fs.rename("/home/u", "/home/v")
    world.environment.home = "/home/v"
    world.build().ran_nothing()


def test_the_root_itself_and_paths_above_it_are_told_from_what_lies_in_it(world: World):
    world.write(a="1").targets(undeclared("t", f"ask {ROOT} to out; names .. to more", "out more")).build().succeeded()
    world.build().ran_nothing()
