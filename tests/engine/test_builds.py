"""What runs, what does not, and what stands in the tree afterwards: whole builds, in memory."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from paperbuild.diagnostics import Severity
from paperbuild.engine.graph import Graph
from paperbuild.engine.queries import State
from paperbuild.errors import ManifestError
from paperbuild.events import Outcome
from tests.engine.world import World, command, document


def chain() -> World:
    return (
        World()
        .write(a="one", script="v1")
        .targets(
            command("first", "cat a to b", "b", "a script"),
            command("second", "cat b to c", "c", "b"),
            document("paper", "c", needs="second"),
        )
    )


def test_everything_runs_once_and_then_nothing():
    world = chain().build().ran("first", "second").succeeded()
    assert world.content("_build/paper") == "one"
    world.build().ran_nothing()


def test_an_edit_that_changes_no_output_runs_only_its_script():
    world = chain().build().write(script="v2").build().ran("first").succeeded()
    assert world.outcome("second") is Outcome.REUSED
    assert world.outcome("paper") is Outcome.REUSED


def test_going_back_runs_nothing_and_places_the_old_outputs():
    world = chain().build().write(a="two").build().ran("first", "second")
    assert world.content("c") == "two"
    world.write(a="one").build().ran_nothing()
    assert world.content("c") == "one"
    assert world.content("_build/paper") == "one"


def test_a_touch_runs_nothing():
    chain().build().write(a="one").build().ran_nothing()


def test_a_second_build_hashes_nothing_again():
    world = chain().build().build()
    world.fs.hashed.clear()
    world.build()
    assert world.fs.hashed == []


def test_a_file_written_again_within_a_step_of_the_clock_is_hashed_again():
    world = chain().build().build()
    node = world.fs.nodes["/p/a"]
    world.fs.clock.tick()
    world.fs.write("/p/a", b"two")
    world.index.digest("/p/a", world.fs.stat("/p/a"))  # a status that was never cached
    first = world.fs.stat("/p/a")
    world.index.note_digest("/p/a", first, first.mtime_ns + 1_000_000, "d" * 64)
    assert world.index.digest("/p/a", first) is None
    world.index.note_digest("/p/a", first, first.mtime_ns + 1_000_000_000, "d" * 64)
    assert world.index.digest("/p/a", first) == "d" * 64
    assert node.data == b"one"


def test_a_changed_command_and_a_changed_parameter_run_what_depends_on_them():
    world = chain().build()
    world.target(command("second", "cat b b to c", "c", "b")).build().ran("second")
    world.target(command("first", "cat a to b", "b", "a script", params={"lr": "0.1"})).build().ran("first")


def test_removing_a_cell_takes_its_output_out_of_the_folder_that_is_listed():
    def cells(*seeds: int) -> World:
        actions = [command(f"train[seed={n}]", f"write runs/{n} r{n}", f"runs/{n}") for n in seeds]
        world.targets(*actions, command("sum", "list runs to sum", "sum", "runs/*", needs=" ".join(a.id for a in actions)))
        return world

    world = World()
    cells(0, 1, 2).build().succeeded()
    cells(0, 2).build().ran("sum").succeeded()
    assert world.content("sum") == "0=b'r0'\n2=b'r2'\n"
    assert world.content("runs/1") is None
    cells(0, 1, 2).build().ran_nothing()
    assert world.content("runs/1") == "r1"


def test_a_renamed_output_leaves_nothing_behind():
    world = World().targets(command("t", "write out/a x", "out/a")).build()
    world.targets(command("t", "write out/b x", "out/b")).build().succeeded()
    assert world.fs.files("/p") == {"out/b": b"x"}


def test_an_orphan_that_was_edited_by_hand_stays_with_a_warning():
    world = World().targets(command("t", "write a x", "a")).build().put("a", "mine")
    world.targets(command("u", "write b x", "b")).build()
    assert world.content("a") == "mine"
    assert world.codes() == ["PB422"]
    assert world.build().codes() == []


@pytest.mark.parametrize("verb", ["append", "lazy"])
def test_a_script_that_looks_at_its_old_output_finds_none(verb: str):
    world = World().write(a="1").targets(command("t", f"{verb} a to b", "b", "a")).build()
    world.write(a="2").build().ran("t")
    assert world.content("b") == "2"


def test_a_script_that_stops_writing_an_output_fails_and_the_last_good_one_stands_again():
    world = World().write(a="1").targets(command("t", "cat a to b; cat a to c", "b c", "a")).build()
    world.targets(command("t", "cat a to b", "b c", "a")).write(a="2").build().ran("t")
    assert world.codes() == ["PB412"]
    assert (world.content("b"), world.content("c")) == ("1", "1")


def test_after_a_failure_the_last_good_outputs_stand_again_and_dependents_are_blocked():
    world = chain().build()
    world.target(command("first", "write b junk; fail", "b", "a script")).build().ran("first")
    assert world.codes() == ["PB440"]
    assert world.content("b") == "one"
    assert world.outcome("second") is Outcome.BLOCKED
    assert world.situation("first").state is State.FAILED


def test_keep_going_runs_what_does_not_need_the_failure():
    actions = command("bad", "fail", "x"), command("good", "write y 1", "y"), command("after", "cat x to z", "z", "x")
    world = World().targets(*actions).build()
    assert (world.outcome("good"), world.executor.calls_back) == (Outcome.CANCELLED, 1)
    world = World().targets(*actions).build(keep_going=True)
    assert (world.outcome("good"), world.executor.calls_back) == (Outcome.RAN, 0)
    assert world.outcome("after") is Outcome.BLOCKED


def test_a_folder_output_is_one_artifact():
    world = (
        World().write(a="1").targets(command("t", "fold a to d/", "d/", "a"), command("u", "list d to e", "e", "d/")).build().succeeded()
    )
    assert world.content("e") == "a=b'1'\nsub/b=b'b'\n"
    world.build().ran_nothing()
    world.write(a="2").build().ran("t", "u")
    world.write(a="1").build().ran_nothing()
    assert world.content("d/a") == "1"
    world.put("d/stray", "mine").build()
    assert world.codes() == ["PB420"]
    assert world.content("d/stray") == "mine"


def test_unknown_inputs_run_each_time_and_say_so():
    world = World(watched=False).targets(command("t", "write a 1", "a", None), command("u", "cat a to b", "b", "a")).build()
    world.build().ran("t")
    situation = world.situation("t")
    assert situation.state is State.UNKNOWN
    assert "inputs unknown" in situation.reasons[0].text


def test_a_glob_input_takes_in_new_files():
    world = World(watched=False).put("data/x.csv", "1").targets(command("t", "list data to all", "all", "data/*.csv")).build()
    world.put("data/notes.txt", "n").build().ran_nothing()
    world.put("data/y.csv", "2").build().ran("t")
    assert [r.text for r in world.put("data/z.csv", "3").situation("t").reasons] == ["data/z.csv is a new input"]


def test_a_missing_input_is_an_error_before_anything_runs():
    world = World().targets(command("t", "cat a to b", "b", "a")).build().ran()
    assert world.codes() == ["PB410"]


def test_a_result_that_is_too_old_is_made_again():
    world = World().targets(command("t", "write a 1", "a", refresh_s=60), command("u", "write b 1", "b", refresh_s=0)).build()
    world.build().ran("u")
    world.clock.tick(3600_000_000_000)
    world.build().ran("t", "u")


def test_inputs_that_change_while_it_runs_mean_one_more_run():
    world = World().write(a="1").targets(command("t", "cat a to b; edit a 2", "b", "a")).build().ran("t", "t").succeeded()
    assert world.content("b") == "2"


def test_inputs_that_change_each_time_are_an_error():
    world = World().write(a="1").targets(command("t", "cat a to b; cat a a to a", "b", "a")).build().ran("t", "t", "t", "t")
    assert world.codes() == ["PB414"]


@pytest.mark.parametrize("runs_first", [True, False])
@pytest.mark.parametrize("strict", [True, False])
def test_what_changes_once_it_was_judged_is_told_since_what_is_built_then_rests_on_what_was_before(runs_first: bool, strict: bool):
    first, second = command("first", "cat a to x", "x", "a"), command("second", "cat b to y; edit a 2", "y", "b")
    world = World().write(a="1", b="1").targets(first, second, document("paper", "x y", needs="first second"))
    if not runs_first:
        world.build("first").ran("first")
    world.build("paper", strict=strict).ran(*(["first"] if runs_first else []), "second").succeeded()
    told = world.report.diagnostics[-1]  # type: ignore[union-attr]  # it was built
    assert (told.code, told.severity) == ("PB751", Severity.ERROR if strict else Severity.WARNING)
    assert told.message == "a changed while this was built: first rested on what was before"
    assert told.needed_by == ("paper",)
    world.build("paper").ran("first").succeeded()
    assert "PB751" not in world.codes()
    assert world.content("x") == "2"
    world.build("paper").ran_nothing()


def test_a_step_that_reads_what_is_not_settled_is_put_behind_it():
    world = World().write(a="1").targets(document("paper", "b ?extra"), command("t", "cat a to b", "b", "a"))
    world.build("paper").ran("t").succeeded()
    assert world.content("_build/paper") == "1"
    world.write(a="2").build("paper").ran("t").succeeded()
    assert world.content("_build/paper") == "2"
    world.build("paper").ran_nothing()


def test_a_missing_file_is_an_input_of_a_step():
    world = World().write(a="1").targets(document("paper", "a ?extra")).build()
    world.build().ran_nothing()
    assert [r.text for r in world.write(extra="x").situation("paper").reasons] == ["extra appeared"]
    world.build()
    assert world.content("_build/paper") == "1|x"
    world.remove("extra").build().ran_nothing()
    assert world.content("_build/paper") == "1"


def test_a_circle_found_while_running_is_an_error():
    world = World().targets(document("paper", "b"), command("t", "cat _build/paper to b", "b", "_build/paper")).build()
    assert "PB143" in world.codes()


def test_a_declared_circle_is_a_manifest_error():
    with pytest.raises(ManifestError) as caught:
        Graph([command("a", "", "x", "y"), command("b", "", "y", "x")])
    assert caught.value.diagnostics[0].code == "PB143"


def test_a_package_that_changed_reruns_what_used_it():
    world = World(watched=False)
    world.environment.versions["numpy"] = "1"
    world.targets(command("t", "write a 1", "a")).build()
    world.environment.versions["numpy"] = "2"
    assert [r.text for r in world.situation("t").reasons] == ["the package numpy changed"]
    world.build().ran("t")
    world.environment.versions["numpy"] = "1"
    world.build().ran_nothing()


def test_no_run_executes_nothing_but_still_makes_documents_from_the_store():
    world = chain().build(no_run=True).ran()
    assert world.codes() == ["PB430"]
    world.build().write(a="two")
    assert world.build(no_run=True).outcome("first") is Outcome.HELD
    world.write(a="one").build(no_run=True).succeeded()


def test_an_output_that_is_not_stored_stays_in_place_and_is_made_again_when_it_goes():
    world = World().write(a="1").targets(command("t", "cat a to b", "b", "a", stored=False)).build()
    assert not any("/blobs/" in p and n.data == b"1" for p, n in world.fs.nodes.items())
    world.build().ran_nothing()
    world.write(a="2").build().write(a="1")
    assert [r.text for r in world.situation("t").reasons] == ["its output b is not in its place, and is not stored"]
    world.build().ran("t")


def test_a_blob_that_is_gone_or_damaged_is_made_again():
    world = chain().build()
    blob = next(p for p, n in world.fs.nodes.items() if "/blobs/" in p and n.data == b"one")
    world.fs.unlink(blob)
    world.build().ran("first").succeeded()  # which makes the blob anew for both that have this content
    world.fs.nodes[blob].data = b"rot"
    world.remove("c").build().succeeded()
    assert world.content("c") == "one"


def test_losing_the_index_loses_no_result():
    world = chain().build().lose_index().build().ran_nothing().succeeded()
    world.targets(command("other", "write o 1", "o")).lose_index().build()
    assert world.content("b") is None  # ownership was found again from the records, so the orphan left


def test_cells_and_parameters_are_given_in_files():
    train = command("train[seed=1]", "write m 1", "m", params={"seed": "1"})
    world = World().targets(train, command("sum", "cat m to s", "s", needs="train[seed=1]")).build().succeeded()
    given = world.executor.environments["sum"]
    assert b'"outputs": {\n' in world.fs.read(given["PAPERBUILD_INDEX"])
    assert world.executor.environments["train[seed=1]"]["PAPERBUILD_PARAM_SEED"] == "1"


def test_parallel_runs_stay_within_what_there_is(monkeypatch):
    world = World().targets(*(command(f"t{n}", f"write o{n} x", f"o{n}", cpu=2) for n in range(3)))
    running: list[int] = []
    run = world.executor.run

    def counted(*given):
        begun = sum(type(event).__name__ == "ActionStarted" for event in world.events)
        running.append(begun - len(world.executor.ran))
        return run(*given)

    monkeypatch.setattr(world.executor, "run", counted)
    world.build(jobs=3).succeeded()
    assert running == [1, 1, 1]


def test_an_output_behind_a_link_that_leaves_the_project_is_refused():
    world = World().targets(command("t", "write out/a x", "out/a"))
    world.fs.make_folder("/elsewhere")
    world.fs.make_link("/elsewhere", "/p/out")
    world.build()
    assert world.codes() == ["PB421"]
    assert "/elsewhere/a" not in world.fs.nodes


def test_a_graph_that_is_not_the_whole_project_takes_nothing_away():
    world = chain().build()
    world.targets(document("notes", "a")).build(whole=False).succeeded()
    assert world.content("b") == "one"
    assert world.build().content("b") is None


def test_a_word_of_the_command_that_becomes_a_file_is_told_and_is_no_input_of_that_run():
    action = replace(command("t", "write a 1; write extra x", "a"), mentioned=("extra",))
    world = World(watched=False).targets(action).build().ran("t").succeeded()
    assert world.codes() == ["PB415"]
    world.build().ran("t").succeeded()  # it is a file of the project now, named by the command: who knows whether it is read
    world.build().ran_nothing()


def test_a_source_that_is_wrong_in_itself_is_told_before_anything_runs():
    actions = command("train", "write m 1", "m"), document("paper", "m", needs="train", inputs="text")
    world = World().write(text="wrong").targets(*actions).build().ran()
    assert world.codes() == ["PB999"]
    assert world.outcome("train") is Outcome.CANCELLED
    world.build(keep_going=True).ran("train")
    world.write(text="right").build().succeeded()


def test_sources_that_did_not_change_are_not_checked_again():
    world = (
        World()
        .write(text="right")
        .targets(command("train", "write m 1", "m"), document("paper", "m", needs="train", inputs="text"))
        .build()
    )
    checked = []
    joiner = type(world.workshop().runners["joiner"])
    original = joiner.check
    joiner.check = lambda self, action, reader: checked.append(action.id) or original(self, action, reader)
    try:
        world.build().ran_nothing()
        assert checked == []
        world.write(text="other").build().succeeded()
        assert checked == ["paper"]
    finally:
        joiner.check = original
