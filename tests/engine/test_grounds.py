"""What was found up to date is not looked up again as long as nothing it rests on has changed; whatever changed is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.engine.examining import Examiner
from paperbuild.engine.graph import Command
from paperbuild.engine.lookup import Lookup
from paperbuild.engine.ports import mark_of, stamped_ns
from paperbuild.engine.queries import Situation, State, survey
from paperbuild.engine.reasons import Reason
from tests.engine.disk import Project
from tests.engine.world import ROOT, World, command, document, graph_of

KEPT = f"{ROOT}/.paperbuild/grounds"


def chain() -> World:
    world = World().write(a="1", b="1")
    return world.targets(
        command("first", "cat a to x", "x", "a"),
        command("second", "cat x to y", "y", "x"),
        command("other", "cat b to z", "z", "b"),
        document("paper", "y z", needs="second other"),
    )


def test_a_build_right_after_a_build_looks_nothing_up(looked_up: list[str]):
    world = chain().build()
    world.clock.tick()
    looked_up.clear()
    world.build().ran_nothing()
    assert looked_up == ["paper"] or not looked_up  # it may have been written too lately
    looked_up.clear()
    world.build().ran_nothing().succeeded()
    assert looked_up == []


def test_a_document_that_is_no_more_leaves_no_ground(looked_up: list[str]):
    world = chain().target(document("notes", "z")).build().build()
    paper = world.actions.pop("paper")
    world.put("b", "2").build("second", "other").ran("other")
    looked_up.clear()
    world.target(paper).build().succeeded()
    assert "paper" in looked_up
    assert "first" not in looked_up


def test_only_what_rests_on_a_change_is_looked_up(looked_up: list[str]):
    world = chain().build().build()
    looked_up.clear()
    world.write(a="2").build().ran("first", "second")
    assert "other" not in looked_up
    world.build()
    looked_up.clear()
    world.write(a="2").build().ran_nothing()
    assert set(looked_up) == {"first"}, "the same content again: early cutoff, and nobody else is asked"


@pytest.mark.parametrize(
    "disturb",
    [
        lambda world: world.write(y="edited"),
        lambda world: world.remove("y"),
        lambda world: world.remove(".paperbuild/blobs"),
        lambda world: world.remove(".paperbuild/records"),
        lambda world: world.target(replace(world.actions["second"], recipe=Command("write y 2"))),
        lambda world: world.target(replace(world.actions["second"], params=(("n", 1),))),
        lambda world: world.target(command("more", "write more 1", "more")),
    ],
)
def test_an_output_a_blob_a_record_and_the_declaration_count(looked_up: list[str], disturb: Callable[[World], object]):
    world = chain().build().build()
    looked_up.clear()
    disturb(world)
    world.build()
    assert "second" in looked_up


def test_a_file_written_again_within_one_tick_of_the_clock_is_not_trusted():
    world = chain()
    world.clock.tick = lambda ns=0: None  # type: ignore[method-assign]  # time stands still
    stamp = world.write(a="1").fs.nodes[f"{ROOT}/a"]
    world.build().build().ran_nothing()
    again = world.write(a="2").fs.nodes[f"{ROOT}/a"]
    again.inode = stamp.inode
    assert (again.mtime, again.ctime) == (stamp.mtime, stamp.ctime)
    world.build().ran("first", "second")


def test_whatever_becomes_of_the_file_the_result_is_right(looked_up: list[str]):
    world = chain().build().build()
    whole = world.fs.nodes[KEPT].data
    assert whole is not None
    damaged = [whole[:n] for n in range(0, len(whole), 7)]
    damaged += [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(0, len(whole), 5)]
    for data in damaged:
        world.fs.nodes[KEPT].data = data
        looked_up.clear()
        world.write(a=str(len(looked_up))).build().ran_nothing() if world.content("a") == "0" else world.write(a="0").build()
        assert set(looked_up) >= {"first", "second", "other", "paper"}
        assert world.content("y") == "0"


def test_another_version_of_a_package_counts_for_whoever_did_not_run(looked_up: list[str]):
    world = World(watched=False)
    world.environment.versions["numpy"] = "1"
    world.write(a="1").targets(command("s", "cat a to x", "x", "a"), command("t", "cat a to y", "y", "a")).build().build()
    looked_up.clear()
    world.environment.versions["numpy"] = "2"
    world.build("s").ran("s")
    world.build("t").ran("t")
    world.build().ran_nothing()


def test_a_result_is_too_old_when_its_time_has_come():
    world = World().write(a="1").targets(command("t", "cat a to x", "x", "a", refresh_s=3600)).build().build().ran_nothing()
    world.clock.tick(3600 * 10**9)
    world.build().ran("t")


def test_what_was_believed_where_nobody_watched_is_looked_up_where_somebody_does():
    world = World(watched=False).write(a="1").targets(command("t", "cat a to x", "x", "a")).build().build().ran_nothing()
    world.executor.watched = True
    world.build().ran("t")


def test_a_lost_index_is_filled_again():
    world = chain().build().build().lose_index().build().ran_nothing()
    assert world.index.last_run("first") is not None


def test_a_folder_that_appears_beside_another_one_counts():
    world = World().write(data__a="1").targets(command("t", "list data to x", "x", "data/*")).build().build().ran_nothing()
    world.write(data__b="2").build().ran("t")
    world.remove("data/b").build().ran_nothing()
    assert world.content("x") == "a=b'1'\n"


def test_a_warning_is_told_each_time():
    world = World(watched=True).write(a="1").targets(command("t", "cat a to x", "x", "a none/*")).build().build()
    assert world.codes() == ["PB411"]


def test_a_copy_of_a_project_stands_on_its_own(tmp_path: Path):
    project = Project(tmp_path / "one", (command("t", "cat a > out", "out", "a"),)).write({"a": "1"})
    assert project.build().succeeded
    assert project.build().succeeded
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    copy = Project(tmp_path / "two", project.actions).write({"a": "2"})
    assert copy.build().succeeded
    assert copy.tree()["out"] == "2"


def test_a_link_on_the_way_that_leads_elsewhere_counts(tmp_path: Path):
    project = Project(tmp_path / "p", (command("t", "cat here/a > out", "out", "here/a"),))
    project.write({"one/a": "1", "two/a": "2"})
    (tmp_path / "p/here").symlink_to("one")
    assert project.build().succeeded
    assert project.build().succeeded
    (tmp_path / "p/here").unlink()
    (tmp_path / "p/here").symlink_to("two")
    assert project.build().succeeded
    assert project.tree()["out"] == "2"


def test_marks_tell_when_what_they_stand_for_was_written():
    world = World().write(a="1")
    stat = world.fs.stat(f"{ROOT}/a")
    assert stat is not None
    assert stamped_ns(mark_of(stat)) == (stat.mtime_ns, stat.ctime_ns, stat.device)
    assert stamped_ns(mark_of(None)) == (0, 0, 0)
    assert stamped_ns(mark_of(world.fs.stat(ROOT))) == (0, 0, 0)


def test_a_result_is_looked_for_where_it_says_on_which_machine_it_holds(looked_up: list[str]):
    world = chain().build().build()
    looked_up.clear()
    world.target(replace(world.actions["first"], platform=(("cpu", "another"),))).build().ran("first")


def test_a_blob_that_comes_makes_nobody_look_and_one_that_goes_is_missed(looked_up: list[str]):
    world = chain().build().build()
    gone = next(path for path, node in world.fs.nodes.items() if "/blobs/" in path and node.data is not None)
    world.clock.tick()
    world.fs.write(f"{gone.rpartition('/')[0]}/{'0' * 64}", b"somebody else's")
    looked_up.clear()
    world.build().ran_nothing()
    assert looked_up == []
    world.fs.unlink(gone)
    world.build().succeeded()
    assert looked_up
    assert gone in world.fs.nodes


def test_an_action_that_was_declared_otherwise_for_a_while_is_looked_up_again(looked_up: list[str]):
    world = chain().build().build()
    before = world.actions["second"]
    world.target(replace(before, params=(("n", 1),))).build("other")  # whose ground is kept, and not that of the other declaration
    looked_up.clear()
    world.build().ran("second")
    world.target(before).build("other")
    looked_up.clear()
    world.build().ran_nothing()
    assert "second" in looked_up
    assert "first" not in looked_up


def stood(world: World) -> dict[str, Situation]:
    found = survey(graph_of(world.actions.values()), tuple(world.actions), world.workshop())
    return {one.action.id: one for one in found}


def test_a_question_looks_up_only_what_has_changed_and_says_the_same(monkeypatch: pytest.MonkeyPatch):
    world = chain().build().build()
    asked: list[str] = []
    real = Lookup.reasons

    def reasons(self: Lookup, action, *more):  # type: ignore[no-untyped-def]  # as the real one
        asked.append(action.id)
        return real(self, action, *more)

    monkeypatch.setattr(Lookup, "reasons", reasons)
    fresh = stood(world)
    assert asked == []
    assert {one.state for one in fresh.values()} == {State.FRESH}
    assert all(one.record is not None and one.record.action == id_ for id_, one in fresh.items())
    world.remove(".paperbuild/grounds")
    assert {id_: (one.state, one.reasons, one.record, one.reads, one.took_s) for id_, one in stood(world).items()} == {
        id_: (one.state, one.reasons, one.record, one.reads, one.took_s) for id_, one in fresh.items()
    }
    world.build().write(b="2")
    asked.clear()
    found = stood(world)
    assert asked == ["other"]
    assert (found["other"].state, found["second"].state, found["paper"].state) == (State.STALE, State.FRESH, State.WAITING)


def test_a_build_after_one_that_put_an_output_back_looks_nothing_up(looked_up: list[str], monkeypatch: pytest.MonkeyPatch):
    world = chain().build().build()
    real = Examiner.lay_grounds

    def later(self: Examiner) -> dict[str, Reason]:
        world.clock.tick()  # a build of some length
        return real(self)

    monkeypatch.setattr(Examiner, "lay_grounds", later)
    world.remove("x").build().ran_nothing()
    looked_up.clear()
    world.build().ran_nothing()
    assert "first" not in looked_up


def test_the_folder_of_documents_is_in_no_listing_whether_any_are_declared_or_not():
    lists = command("t", "names . to o", "o", None)
    world = World(watched=True).targets(lists).build().targets(lists, document("paper", "o")).build().ran()
    assert world.content("_build/paper")
    del world.actions["paper"]
    world.build().ran_nothing()
    world.lose_index().build().ran_nothing()
    assert world.put("_build/mine", "1").build().situation("t").state is State.FRESH
