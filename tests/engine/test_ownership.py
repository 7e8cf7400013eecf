"""Who owns what stands at an output's path: the table, row by row, as a decision and as whole builds."""

from __future__ import annotations

import pytest

from paperbuild.engine.ownership import Claims, Standing, judge
from paperbuild.events import Outcome
from tests.engine.world import World, command


def claims(*, published: str | None = None, journalled: bool = False, recorded: tuple[str, ...] = (), recoverable: bool = False) -> Claims:
    return Claims(published, journalled, recorded.__contains__, lambda: recoverable)


@pytest.mark.parametrize(
    ("found", "wanted", "known", "standing"),
    [
        (None, "w", claims(), Standing.ABSENT),
        ("w", "w", claims(), Standing.WANTED),
        ("x", "w", claims(published="x"), Standing.OURS),
        ("x", "w", claims(recorded=("x", "y")), Standing.OURS),
        ("x", "w", claims(journalled=True), Standing.OURS),
        ("x", "w", claims(recoverable=True), Standing.RECOVERABLE),
        ("x", "w", claims(), Standing.FOREIGN),
        ("x", None, claims(published="y"), Standing.FOREIGN),
    ],
)
def test_the_table(found: str | None, wanted: str | None, known: Claims, standing: Standing):
    assert judge(found, wanted, known) is standing


def project() -> World:
    return World().write(a="1").targets(command("fig", "cat a to fig.svg", "fig.svg", "a"), command("other", "write o x", "o"))


def kept(world: World, text: str) -> bool:
    return any("/blobs/" in path and node.data == text.encode() for path, node in world.fs.nodes.items())


def test_a_fresh_clone_with_committed_figures_is_built_over_silently():
    world = project().put("fig.svg", "committed")
    world.versions.committed["/p/fig.svg"] = b"committed"
    world.build().ran("fig", "other").succeeded()
    assert world.content("fig.svg") == "1"
    assert world.codes() == []
    assert kept(world, "committed")


def test_an_older_committed_output_that_was_checked_out_is_replaced_silently():
    world = project().build().put("fig.svg", "older")
    world.versions.committed["/p/fig.svg"] = b"older"
    world.build().ran_nothing().succeeded()
    assert world.content("fig.svg") == "1"
    assert kept(world, "older")


def test_an_output_from_an_earlier_build_that_was_put_back_is_ours():
    world = project().build().write(a="2").build().put("fig.svg", "1").build().ran_nothing().succeeded()
    assert world.content("fig.svg") == "2"


def test_an_output_whose_record_has_gone_stays_ours_where_what_was_to_replace_it_is_damaged():
    world = project().build().write(a="2").build()
    store, last = world.workshop().store, world.record("fig")
    world.fs.unlink(store.record_file(last))
    (blob,) = (path for path, node in world.fs.nodes.items() if "/blobs/" in path and node.data == b"1")
    node = world.fs.nodes[blob]
    node.data = b"7"
    world.write(a="1").build().ran("fig").succeeded()
    assert world.codes() == []
    assert world.content("fig.svg") == "1"


def test_an_output_edited_by_hand_is_left_alone_and_other_targets_go_on():
    world = project().build().put("fig.svg", "edited").targets(*project().actions.values(), command("new", "write n x", "n"))
    world.build().ran("new")
    assert world.codes() == ["PB420"]
    assert world.outcome("fig") is Outcome.FAILED
    assert world.outcome("new") is Outcome.RAN
    assert world.content("fig.svg") == "edited"


def test_an_output_edited_by_hand_is_left_alone_when_its_script_must_run():
    world = project().build().put("fig.svg", "edited").write(a="2").build().ran()
    assert world.codes() == ["PB420"]
    assert world.content("fig.svg") == "edited"


def test_an_output_regenerated_by_hand_with_the_same_content_is_ours():
    world = project().build().put("fig.svg", "1").build().ran_nothing().succeeded()
    world.write(a="2").build().ran("fig").succeeded()


def test_a_file_with_no_record_at_all_is_somebodys_own():
    world = project().put("fig.svg", "mine").build().ran("other")
    assert world.codes() == ["PB420"]
    assert world.content("fig.svg") == "mine"


def test_overwrite_replaces_what_is_somebodys_own_and_keeps_it_in_the_store():
    world = project().put("fig.svg", "mine").build(overwrite=True).succeeded()
    assert world.content("fig.svg") == "1"
    assert kept(world, "mine")


def test_adopt_takes_what_is_there_as_the_result():
    world = project().put("fig.svg", "three days of work").build(adopt=True).succeeded()
    assert world.content("fig.svg") == "three days of work"
    world.build().ran_nothing().succeeded()
    assert world.situation("fig").state == "adopted"
    world.write(a="2").build().ran("fig").succeeded()
    assert world.content("fig.svg") == "2"
    world.write(a="1").build().ran_nothing()
    assert world.content("fig.svg") == "three days of work"


def test_adopt_also_settles_an_edited_output_whose_inputs_are_unchanged():
    world = project().build().put("fig.svg", "edited").build(adopt=True).succeeded()
    world.build().ran_nothing().succeeded()
    assert world.content("fig.svg") == "edited"
