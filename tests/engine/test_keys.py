"""Keys: what counts, and how two of them are told apart in words."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from paperbuild.engine.graph import Action, Code, Command, Graph, Output, Variable
from paperbuild.engine.keys import Keyed, KeyMaker, differences
from paperbuild.engine.noting import NotingFileSystem
from paperbuild.engine.observation import Observer
from tests.engine.world import Joiner, World, command, document

PLAIN = replace(command("t", "run a", "x", "a", params={"lr": "0.1"}), variables=(Variable("MODE", "fast", "fast"),))


def keyed(world: World, action: Action, *others: Action) -> Keyed:
    observer = Observer("/p", NotingFileSystem(world.fs), world.index, world.clock, world.environment)
    return KeyMaker(Graph([action, *others]), observer, world.environment, {"joiner": Joiner()}).key(action)


@pytest.fixture
def world() -> World:
    return World().write(a="1", b="1")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (replace(PLAIN, recipe=Command("run b")), "the command changed"),
        (replace(PLAIN, recipe=Command("run a", "/bin/bash")), "the shell changed"),
        (replace(PLAIN, params=(("lr", "0.2"),)), "parameter lr changed from 0.1 to 0.2"),
        (replace(PLAIN, params=(("lr", 0.1),)), "parameter lr changed"),
        (replace(PLAIN, params=(("lr", "float 0.1"),)), "parameter lr changed from 0.1 to float 0.1"),
        (replace(PLAIN, params=()), "parameter lr went"),
        (replace(PLAIN, params=(*PLAIN.params, ("seed", 1))), "parameter seed is new"),
        (replace(PLAIN, outputs=(Output("x", "y"),)), "the output x moved to y"),
        (replace(PLAIN, outputs=(*PLAIN.outputs, Output("log", "log"))), "the output log is new"),
        (replace(PLAIN, inputs=("a", "b")), "b is a new input"),
        (replace(PLAIN, inputs=()), "a is no longer an input"),
        (replace(PLAIN, variables=(Variable("MODE", "slow", "slow"),)), "the variable MODE changed from fast to slow"),
        (replace(PLAIN, variables=()), "the variable MODE went"),
    ],
)
def test_each_change_makes_another_key_and_is_told_in_words(world: World, changed: Action, sentence: str):
    now, then = keyed(world, changed), keyed(world, PLAIN)
    assert now.key != then.key
    assert [reason.text for reason in differences(now.components, then.components)] == [sentence]


@pytest.mark.parametrize(
    "changed",
    [
        replace(PLAIN, id="other", target="other"),
        replace(PLAIN, heavy=True, refresh_s=5.0),
        replace(PLAIN, variables=(*PLAIN.variables, Variable("TOKEN", "secret", None))),
        replace(PLAIN, inputs=("*a",)),
    ],
)
def test_what_does_not_change_the_result_does_not_change_the_key(world: World, changed: Action):
    assert keyed(world, changed).key == keyed(world, PLAIN).key


def test_the_code_of_a_program_counts_and_where_it_stands_does_not(world: World):
    def of(text: str, path: str, line: int, margin: int) -> Keyed:
        return keyed(world, replace(PLAIN, recipe=Command("python", code=Code(text, path, line, margin))))

    now = of("x = 1", "paper.md", 7, 0)
    assert now.key == of("x = 1", "papers/other.md", 70, 4).key
    (reason,) = differences(of("x = 2", "paper.md", 7, 0).components, now.components)
    assert (reason.text, reason.before, reason.after) == ("its code changed", "x = 1", "x = 2")


def test_a_changed_input_is_told_after_everything_else(world: World):
    then = keyed(world, PLAIN)
    now = keyed(world.put("a", "2"), replace(PLAIN, recipe=Command("run a --fast")))
    assert [reason.text for reason in differences(now.components, then.components)] == ["the command changed", "a changed"]


def test_long_values_are_cut_in_words_but_not_in_the_key(world: World):
    long = replace(PLAIN, params=(("lr", "x" * 90 + "1"),)), replace(PLAIN, params=(("lr", "x" * 90 + "2"),))
    now, then = (keyed(world, action) for action in long)
    assert now.key != then.key
    (reason,) = differences(now.components, then.components)
    assert reason.text == "parameter lr changed"


def test_the_cells_of_what_is_needed_count_by_parameters_and_paths(world: World):
    cell = command("train[seed=1]", "", "m", params={"seed": "1"})
    needs = replace(PLAIN, needs=(cell.id,))
    one, other = keyed(world, needs, cell), keyed(world, needs, replace(cell, params=(("seed", "2"),)))
    assert [reason.text for reason in differences(one.components, other.components)] == ["the cells of what it needs changed"]


def test_a_step_counts_by_its_config_and_its_programs(world: World):
    one, other = keyed(world, document("paper", "a")), keyed(world, document("paper", "b"))
    assert [reason.text for reason in differences(one.components, other.components)] == ["option reads changed from b to a"]
    assert ("program:joiner", "1") in one.components


def test_an_input_that_is_missing_is_a_fault_and_a_pattern_without_files_a_notice(world: World):
    found = keyed(world, replace(PLAIN, inputs=("none", "none/", "n*/x", "a")))
    assert [fault.code for fault in found.faults] == ["PB410", "PB410"]
    assert [notice.code for notice in found.notices] == ["PB411"]


def test_two_names_that_look_the_same_when_escaped_both_count(world: World):
    world.put("d/\udcff", "1").put("d/\\udcff", "2")
    both = keyed(world, replace(PLAIN, inputs=("d/*",)))
    world.put("d/\udcff", "3")
    assert keyed(world, replace(PLAIN, inputs=("d/*",))).key != both.key


def test_no_two_values_of_a_parameter_have_one_key(world: World):
    values: list[str | int | float | bool] = [5, 5.0, "5", "int 5", "str int 5", True, "True", "bool True", "", "str ", "str"]
    keys = {keyed(world, replace(PLAIN, params=(("x", value),))).key for value in values}
    assert len(keys) == len(values)
