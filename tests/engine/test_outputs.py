"""Outputs that are links, folders, in the way, left over or half there: what a build does with what stands at their places."""

from __future__ import annotations

import contextlib
import errno
import subprocess
from pathlib import Path

import pytest

from paperbuild.engine.build import build
from paperbuild.engine.graph import Graph
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.queries import clean
from paperbuild.engine.trace import Artifact, Record
from paperbuild.events import ActionStarted, Event, Outcome
from tests.engine.disk import Project
from tests.engine.memory import Crash
from tests.engine.world import World, command, document


@pytest.fixture(autouse=True)
def no_flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda handle: None)


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, timeout=20)


# links


def test_a_command_never_writes_through_a_link_that_stands_at_its_output(tmp_path: Path):
    project = Project(tmp_path, (command("t", "cat a > out", "out", "a"),)).write({"a": "1", "precious": "mine"})
    (tmp_path / "out").symlink_to("precious")
    assert not project.build().succeeded
    assert project.build(overwrite=True).succeeded
    assert project.tree() == {"a": "1", "precious": "mine", "out": "1"}


def test_a_link_that_leads_nowhere_is_somebodys_own_and_is_not_written_through(tmp_path: Path):
    project = Project(tmp_path, (command("t", "cat a > out", "out", "a"),)).write({"a": "1"})
    (tmp_path / "out").symlink_to("elsewhere")
    assert [d.code for d in project.build().diagnostics] == ["PB420"]
    assert project.tree() == {"a": "1", "out": "-> elsewhere"}
    assert project.build(overwrite=True).succeeded
    assert project.tree() == {"a": "1", "out": "1"}


def test_an_output_that_is_made_as_a_link_is_kept_as_what_it_leads_to(tmp_path: Path):
    project = Project(tmp_path, (command("t", "ln -s $(cat a) out", "out", "a"),)).write({"a": "one", "one": "1", "two": "2"})
    assert project.build().succeeded
    project.write({"a": "two"})
    assert project.build().succeeded
    project.write({"a": "one"})
    assert project.build().count(Outcome.RAN) == 0
    assert (tmp_path / "out").read_text() == "1"
    assert (tmp_path / "two").read_text() == "2"


def test_an_output_that_is_made_as_a_link_to_nothing_is_missing(tmp_path: Path):
    project = Project(tmp_path, (command("t", "ln -s nowhere out", "out", ""),))
    assert [d.code for d in project.build().diagnostics] == ["PB412"]
    assert project.tree() == {}


# folders


def test_a_folder_that_holds_other_files_beside_an_output_keeps_them():
    world = World().write(a="1").targets(command("t", "cat a to out/x", "out/x", "a")).put("out/mine", "mine").build().succeeded()
    world.write(a="2").build().write(a="1").build().ran_nothing()
    assert world.fs.files("/p") == {"a": b"1", "out/mine": b"mine", "out/x": b"1"}
    world.targets(command("u", "write z 1", "z")).build()
    assert world.fs.files("/p/out") == {"mine": b"mine"}


def test_a_failed_run_leaves_no_folders_behind_that_were_made_for_it():
    world = World().put("old/mine", "1").targets(command("t", "fail", "deep/er/out old/new/out")).build()
    assert [path for path in world.fs.nodes if path.startswith(("/p/deep", "/p/old/new"))] == []
    assert world.content("old/mine") == "1"


def test_outputs_that_become_a_folder_of_their_own_are_not_in_its_way():
    world = World().write(a="1").targets(command("t", "cat a to d/a", "d/a", "a")).build()
    world.targets(command("t", "fold a to d/", "d/", "a")).build().succeeded()
    assert world.fs.files("/p/d") == {"a": b"1", "sub/b": b"b"}
    world.targets(command("t", "cat a to d/a", "d/a", "a")).build().succeeded()
    assert world.fs.files("/p/d") == {"a": b"1"}


@pytest.mark.parametrize("after", range(1, 40))
def test_a_crash_while_a_folder_is_replaced_leaves_no_part_of_it_to_be_taken_for_somebodys_own(after: int):
    world = World().write(a="1").targets(command("t", "fold a to d/", "d/", "a")).build().write(a="2").build().write(a="1")
    world.clock.tick(10**10)
    world.fs.dies_after = world.fs.changes + after
    with contextlib.suppress(Crash):
        world.build()
    world.fs.revive()
    world.build().succeeded()
    assert world.fs.files("/p/d") == {"a": b"1", "sub/b": b"b"}
    assert [path for path in world.fs.nodes if "/.paperbuild-" in path] == []


@pytest.mark.parametrize("after", range(1, 40))
def test_what_was_set_aside_when_a_build_died_is_still_ours_where_no_record_names_it_any_more(after: int):
    world = World().write(a="1").targets(command("t", "cat a to x", "x", "a")).build()
    for path in [path for path in world.fs.nodes if "/records/" in path and path.endswith(".json")]:
        world.fs.unlink(path)  # as whoever removes old results does
    world.write(a="2").fs.dies_after = world.fs.changes + after
    with contextlib.suppress(Crash):
        world.build()
    world.fs.revive()
    world.build().succeeded()
    assert world.fs.files("/p") == {"a": b"2", "x": b"2"}


@pytest.mark.parametrize("after", range(1, 25))
def test_a_crash_while_an_orphan_is_removed_leaves_no_part_of_it(after: int):
    world = World().write(a="1").targets(command("t", "fold a to d/", "d/", "a")).build()
    world.targets(command("u", "write z 1", "z"))
    world.fs.dies_after = world.fs.changes + after
    with contextlib.suppress(Crash):
        world.build()
    world.fs.revive()
    world.build().succeeded()
    assert "PB422" not in world.codes()
    assert world.fs.files("/p") == {"a": b"1", "z": b"1"}


@pytest.mark.parametrize("after", range(1, 25))
def test_a_crash_while_an_orphan_is_removed_leaves_no_empty_folder_around_it(after: int):
    world = World().targets(command("t", "write far/x/y 1", "far/x/y")).build()
    world.targets(command("u", "write z 1", "z"))
    world.fs.dies_after = world.fs.changes + after
    with contextlib.suppress(Crash):
        world.build()
    world.fs.revive()
    world.build().succeeded()
    assert not world.fs.exists("/p/far")


@pytest.mark.parametrize("after", range(1, 25))
def test_a_crash_before_a_first_run_ends_leaves_no_folder_that_was_made_for_it(after: int):
    world = World().targets(command("t", "write far/x/y 1", "far/x/y"))
    world.fs.dies_after = world.fs.changes + after
    with contextlib.suppress(Crash):
        world.build()
    world.fs.revive()
    world.targets(command("u", "write z 1", "z")).build().succeeded()
    assert not world.fs.exists("/p/far")


@pytest.mark.parametrize("after", range(1, 25))
def test_what_was_set_aside_when_a_build_died_is_still_ours_where_the_index_is_lost_too(after: int):
    world = World().write(a="1").targets(command("t", "cat a to x", "x", "a"), command("u", "cat a to y", "y", "a")).build()
    world.write(a="2").fs.dies_after = world.fs.changes + after
    with contextlib.suppress(Crash):
        world.build()
    world.fs.revive()
    world.lose_index().targets(command("u", "cat a to y", "y", "a")).build().succeeded()
    assert world.fs.files("/p") == {"a": b"2", "y": b"2"}


# the disk refuses


def test_what_was_moved_aside_stands_again_where_a_second_output_cannot_be_moved():
    world = World().write(a="1").targets(command("t", "cat a to x; cat a to y", "x y", "a")).build().write(a="2")
    rename = world.fs.rename

    def refuse(source: str, target: str) -> None:
        if source == "/p/y":
            raise PermissionError(errno.EACCES, "no", source)
        rename(source, target)

    world.fs.rename = refuse  # type: ignore[method-assign] - a disk that refuses
    world.build().ran()
    assert world.codes() == ["PB406"]
    assert (world.content("x"), world.content("y")) == ("1", "1")


def test_two_mounts_of_one_device_are_no_obstacle():
    world = World().write(a="1").targets(command("t", "cat a to out/x", "out/x", "a"), command("f", "fold a to out/d/", "out/d/", "a"))
    rename = world.fs.rename

    def across(source: str, target: str) -> None:
        if source.startswith("/p/out/") is not target.startswith("/p/out/"):
            raise OSError(errno.EXDEV, "another mount", source)
        rename(source, target)

    world.fs.rename = across  # type: ignore[method-assign] - a file system in two mounts
    world.build().succeeded().write(a="2").build().succeeded().write(a="1").build().ran_nothing()
    assert world.fs.files("/p/out") == {"d/a": b"1", "d/sub/b": b"b", "x": b"1"}
    world.target(command("t", "fail", "out/x", "a")).build()
    assert world.content("out/x") == "1"


def test_a_disk_that_refuses_one_target_stops_no_other_and_is_no_bug():
    world = World().write(a="1", b="1").targets(command("t", "cat a to x", "x", "a"), command("u", "cat b to y", "y", "b")).build()
    stat = world.fs.stat

    def refuse(path: str) -> object:
        if path == "/p/a":
            raise PermissionError(errno.EACCES, "no", path)
        return stat(path)

    world.fs.stat = refuse  # type: ignore[assignment,method-assign] - a folder that may not be entered
    world.write(b="2").build(keep_going=True).ran("u")
    assert world.codes() == ["PB406"]


# placing


def test_outputs_that_are_declared_in_another_order_are_still_placed_each_at_its_own_path():
    line = "write x 1; write y 2"
    world = World().targets(command("t", line, "x y")).build().remove("x").put("y", "1")
    world.targets(command("t", line, "y x")).build(overwrite=True).ran_nothing().succeeded()
    assert (world.content("x"), world.content("y")) == ("1", "2")


def test_a_document_that_may_not_be_placed_stops_nobody_else():
    world = World().write(a="1").put("_build/paper", "annotated").targets(document("paper", "a"), command("t", "write x 1", "x"))
    world.build().ran("t")
    assert world.codes() == ["PB420"]
    assert world.content("_build/paper") == "annotated"
    world.remove("_build/paper").build().succeeded()
    assert world.content("_build/paper") == "1"


def test_a_folder_that_stands_where_a_file_was_declared_cannot_be_adopted_and_stops_nobody_else():
    world = World().put("x/mine", "1").targets(command("t", "write x 1", "x"), command("u", "write y 1", "y")).build(adopt=True).ran("u")
    assert world.codes() == ["PB413"]
    assert world.content("x/mine") == "1"


def test_what_is_adopted_is_what_the_last_run_was():
    world = World().write(a="1").targets(command("t", "cat a to x", "x", "a")).build().put("x", "better").build(adopt=True).succeeded()
    assert world.situation("t").state == "adopted"
    last = world.index.last_run("t")
    assert last is not None
    found = world.workshop().store.record(last.key, last.record)
    assert found is not None
    assert found.adopted


# whose it is


def test_a_committed_file_that_another_work_tree_makes_is_not_taken_away_here():
    world = World().targets(command("t", "write fig x", "fig")).build()
    world.versions.committed["/p/fig"] = b"x"
    world.targets(command("u", "write z 1", "z")).lose_index().build().succeeded()
    assert world.content("fig") == "x"


def test_an_orphan_that_holds_an_older_result_goes_too():
    world = World().write(a="1").targets(command("t", "cat a to x", "x", "a")).build().write(a="2").build().put("x", "1")
    world.targets(command("u", "write z 1", "z")).build()
    assert world.content("x") is None
    assert world.codes() == []


def test_two_work_trees_that_share_a_store_share_results_and_touch_only_their_own(tmp_path: Path):
    main, other = tmp_path / "main", tmp_path / "other"
    main.mkdir()
    git(main, "init", "-q")
    one = Project(main, (command("t", "cat a > fig", "fig", "a"), command("u", "cat a > extra", "extra", "a"))).write({"a": "1"})
    assert one.build().succeeded
    git(main, "add", "a", "fig")
    git(main, "commit", "-qm", "x")
    git(main, "worktree", "add", "-q", str(other))
    two = Project(other, (command("w", "cat fig > copy", "copy", "fig"),), store=f"{main}/.paperbuild")
    assert two.build().succeeded
    assert {name: text for name, text in two.tree().items() if name != ".git"} == {"a": "1", "fig": "1", "copy": "1"}
    two.actions = one.actions
    report = two.build()
    assert report.count(Outcome.RAN) == 0, "the other work tree ran it"
    assert (other / "extra").read_text() == "1"
    assert (main / "fig").exists()
    assert not (other / "copy").exists()


def test_committed_outputs_are_known_to_git_in_the_index_in_the_last_commit_and_as_folders(tmp_path: Path):
    git(tmp_path, "init", "-q")
    project = Project(tmp_path, ()).write({"staged": "1", "committed": "1", "folder/x": "1", "dirty/x": "1", "loose": "1"})
    git(tmp_path, "add", "staged", "committed", "folder", "dirty")
    git(tmp_path, "commit", "-qm", "x")
    project.write({"staged": "2", "dirty/new": "1"})
    git(tmp_path, "add", "staged")
    versions = project.workshop().versions
    known = [name for name in ("staged", "committed", "folder", "dirty", "loose", "missing") if versions.recoverable(f"{tmp_path}/{name}")]
    assert known == ["staged", "committed", "folder"]
    project.write({"staged": "1"})
    assert versions.recoverable(f"{tmp_path}/staged"), "the last commit holds it"
    project.write({"staged": "3"})
    assert not versions.recoverable(f"{tmp_path}/staged")


def test_a_folder_of_committed_files_and_of_a_result_that_the_store_has_is_replaced(tmp_path: Path):
    """As ``git stash`` and ``git checkout`` leave an output that is committed: they know nothing of files that a build added."""
    git(tmp_path, "init", "-q")
    line = "mkdir d && for n in $(cat a); do cat a > d/$n; done"
    project = Project(tmp_path, (command("t", line, "d/", "a"),)).write({"a": "1 2"})
    assert project.build().succeeded
    git(tmp_path, "add", "a", "d")
    git(tmp_path, "commit", "-qm", "x")
    project.write({"a": "1 3"})
    assert project.build().succeeded
    git(tmp_path, "checkout", "-q", ".")
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["1", "2", "3"]
    assert [one.state.name for one in project.survey()] == ["STORED"]
    assert project.build().count(Outcome.REUSED) == 1
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["1", "2"]
    for mine in ("d/1", "d/4"):
        project.write({mine: "mine"})
        assert not project.build().succeeded
        assert (tmp_path / mine).read_text() == "mine"
        (tmp_path / "d/4").unlink(missing_ok=True)
        git(tmp_path, "checkout", "-q", ".")


# questions and cleaning


def test_questions_change_nothing_on_the_disk_whatever_the_state_of_the_project(tmp_path: Path):
    actions = (command("t", "cat a > x", "x", "a"), command("bad", "exit 1", "y", "a"), document("paper", "x"))
    project = Project(tmp_path, actions).write({"a": "1"})

    def everything() -> dict[str, tuple[int, bytes]]:
        return {str(p): (p.lstat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in tmp_path.rglob("*")}

    def asked() -> list[str]:
        before = everything()
        states = [one.state.value for one in project.survey()]
        assert everything() == before
        return states

    assert asked() == ["never built"] * 3
    project.build(keep_going=True)
    assert asked()[0] == "up to date"
    project.write({"a": "2"})
    assert "stale" in asked()
    (tmp_path / ".paperbuild/index.sqlite").write_bytes(b"damaged" * 1000)
    asked()
    (tmp_path / ".paperbuild/index.sqlite").unlink()
    asked()


def test_cleaning_takes_away_what_is_ours_and_nothing_else_and_the_next_build_runs_nothing():
    world = (
        World()
        .write(a="1")
        .targets(command("t", "fold a to d/", "d/", "a"), command("u", "cat a to out/x", "out/x", "a"), document("p", "a"))
    )
    world.build().put("out/mine", "m").put("out/x", "edited")
    workshop = world.workshop()
    found = clean(Graph(world.actions.values()), workshop)
    assert found.removed == ("_build/p", "d/")
    assert found.left == ("out/x",)
    assert world.fs.files("/p") == {"a": b"1", "out/mine": b"m", "out/x": b"edited"}
    world.remove("out/x").build().ran_nothing().succeeded()


# what goes wrong beside the actions


def test_an_exception_in_the_listener_ends_what_runs_before_it_leaves():
    world = World().targets(*(command(f"t{n}", f"write o{n} 1", f"o{n}") for n in range(3)))
    started: list[str] = []

    def listener(event: Event) -> None:
        if isinstance(event, ActionStarted):
            started.append(event.action)
        if len(started) == 2:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        build(Graph(world.actions.values()), tuple(world.actions), world.workshop(), BuildOptions(jobs=3), listener)
    world.build().succeeded()


def test_a_record_that_lacks_an_output_is_not_reused():
    world = World().targets(command("t", "write x 1; write y 2", "x y")).build()
    store = world.workshop().store
    (record,) = store.all_records()
    for path in [path for path in world.fs.nodes if path.startswith("/p/.paperbuild/records/") and path.endswith(".json")]:
        del world.fs.nodes[path]
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    store.add(Record(**{**fields, "artifacts": (Artifact("x", "x", record.artifacts[0].digest, 1),)}))
    world.build().ran("t").succeeded()
