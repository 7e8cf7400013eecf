"""What counts as an input: links, folders, odd names, and what is never one. In memory and on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paperbuild.engine.queries import State
from paperbuild.events import Outcome
from tests.engine.disk import Project
from tests.engine.world import World, command


@pytest.fixture(autouse=True)
def no_flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda handle: None)


def linked(declared: str) -> World:
    """A project whose ``data`` holds a link to a file and one to a folder, both outside."""
    world = World().targets(command("t", "list data to out", "out", declared)).put("data/own.csv", "0")
    world.fs.make_folder("/mnt/set")
    world.fs.write("/mnt/file.csv", b"1")
    world.fs.write("/mnt/set/x.csv", b"1")
    world.fs.make_link("/mnt/file.csv", "/p/data/file.csv")
    world.fs.make_link("/mnt/set", "/p/data/set")
    return world.build().succeeded()


@pytest.mark.parametrize(
    "declared", ["data", "data/", "data/** data/*.csv", "data/**/*.csv", "data/*.csv data/*/*.csv", "data/*/ data/*.csv"]
)
@pytest.mark.parametrize("changed", ["/mnt/file.csv", "/mnt/set/x.csv"])
def test_what_a_link_among_the_inputs_leads_to_is_an_input(declared: str, changed: str):
    world = linked(declared)
    world.build().ran_nothing()
    world.clock.tick()
    world.fs.write(changed, b"2")
    assert world.situation("t").state is State.STALE
    world.build().ran("t")


def test_a_new_file_behind_a_link_to_a_folder_is_a_new_input():
    world = linked("data/*/*.csv")
    world.fs.write("/mnt/set/y.csv", b"1")
    world.build().ran("t")


@pytest.mark.parametrize("declared", ["data/", "data/**", "data/**/*.csv"])
def test_folders_that_are_in_themselves_by_a_link_end(declared: str):
    world = World().targets(command("t", "list data to out", "out", declared)).put("data/a.csv", "0").put("data/sub/b.csv", "0")
    world.fs.make_link("..", "/p/data/sub/up")
    world.fs.make_link("nowhere", "/p/data/dangling.csv")
    world.fs.make_link("loop", "/p/data/loop")
    world.build().succeeded().build().ran_nothing()
    world.put("data/sub/b.csv", "1").build().ran("t")


def test_a_link_that_leads_elsewhere_now_is_a_change():
    world = World().targets(command("t", "cat in to out", "out", "in")).write(a="1", b="2", c="1")
    world.fs.make_link("a", "/p/in")
    world.build().succeeded()
    world.fs.unlink("/p/in")
    world.fs.make_link("b", "/p/in")
    world.build().ran("t")
    world.fs.unlink("/p/in")
    world.fs.make_link("c", "/p/in")
    world.build().ran_nothing()  # the content is what it was at first
    assert world.content("out") == "1"


def test_a_file_whose_name_looks_like_a_pattern_is_an_input():
    world = World().put("data[1].csv", "1").targets(command("t", "cat data[1].csv to out", "out", "data[1].csv")).build().succeeded()
    assert world.codes() == []
    world.put("data[1].csv", "2").build().ran("t")


def test_an_output_of_its_own_among_its_inputs_is_none():
    world = World().write(a="1").targets(command("t", "cat a to log", "log", "a log")).build().ran("t").succeeded()
    world.build().ran_nothing()


def test_an_output_of_its_own_in_a_folder_that_is_an_input_is_none():
    world = World().put("work/a", "1").targets(command("t", "cat work/a to work/b", "work/b", "work/")).build().ran("t").succeeded()
    world.build().ran_nothing()
    world.put("work/a", "2").build().ran("t").build().ran_nothing()


def test_bytecode_editors_temporaries_and_our_own_are_no_inputs():
    world = World().put("src/a.py", "1").targets(command("t", "list src to out", "out", "src/")).build()
    for stray in ("src/__pycache__/a.pyc", "src/a.py~", "src/.a.py.swp", "src/.#a.py", "src/.paperbuild-00-1"):
        world.put(stray, "x")
    assert world.situation("t").state is State.FRESH


def test_a_hidden_folder_is_not_even_looked_into_for_a_pattern(tmp_path: Path):
    project = Project(tmp_path, (command("t", "cat a.txt > out", "out", "**/*.txt"),)).write({"a.txt": "1", ".venv/b.txt": "1"})
    seen: list[str] = []
    real = os.listdir

    def listdir(path: str) -> list[str]:
        seen.append(path)
        return real(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.listdir", listdir)
        assert project.build().succeeded
    assert not [path for path in seen if str(path).startswith(str(tmp_path / ".venv"))]


ODD = ("two\nlines", "back\\slash", " space ", "émile", os.fsdecode(b"\xff"), "-n", "$HOME", "'quote'", "#x#y")


@pytest.mark.parametrize("declared", ["data/", "data/*"])
def test_inputs_of_any_name_count_each_by_its_content(tmp_path: Path, declared: str):
    action = command("t", "find data -type f -exec cat {} + | sort > out", "out", declared)
    project = Project(tmp_path, (action,))
    for name in ODD:
        project.write({f"data/{name}": "1"})
    assert project.build().succeeded
    assert project.build().count(Outcome.RAN) == 0
    for name in ODD:
        (tmp_path / "data" / name).write_text("2")
        assert project.survey()[0].state is State.STALE, name
        (tmp_path / "data" / name).write_text("1")
    assert project.survey()[0].state is State.FRESH


def test_a_file_that_was_written_without_changing_its_time_or_size_is_seen(tmp_path: Path):
    project = Project(tmp_path, (command("t", "cp a out", "out", "a"),)).write({"a": "one"})
    os.utime(tmp_path / "a", (1_600_000_000, 1_600_000_000))
    assert project.build().succeeded
    (tmp_path / "a").write_text("two")
    os.utime(tmp_path / "a", (1_600_000_000, 1_600_000_000))
    assert project.build().count(Outcome.RAN) == 1
    assert (tmp_path / "out").read_text() == "two"
    os.replace(tmp_path / "a", tmp_path / "old")
    project.write({"new": "old"})
    os.utime(tmp_path / "new", (1_600_000_000, 1_600_000_000))
    os.replace(tmp_path / "new", tmp_path / "a")
    project.build()
    assert (tmp_path / "out").read_text() == "old"


def test_a_pipe_among_the_inputs_does_not_stop_the_build_for_ever(tmp_path: Path):
    project = Project(tmp_path, (command("t", "cat data/a > out", "out", "data/"),)).write({"data/a": "1"})
    os.mkfifo(tmp_path / "data/pipe")
    assert project.build().succeeded


def test_packages_of_sources_in_a_folder_count():
    world = World(watched=False).put("src/a.py", "import numpy").targets(command("t", "list src to out", "out", "src/"))
    seen: list[str] = []
    ask = world.environment.packages
    world.environment.packages = lambda action, sources: ask(action, seen.extend(sources) or ())  # type: ignore[func-returns-value,method-assign] - a spy
    world.build().succeeded()
    assert seen == ["/p/src/a.py"]


def test_a_clock_that_was_set_back_does_not_make_a_refreshed_result_fresh():
    world = World().targets(command("t", "write a 1", "a", refresh_s=0)).build()
    world.clock.now -= 86_400 * 10**9
    world.build().ran("t")
