"""How steps read: what they see, and what is noted of it."""

from __future__ import annotations

import pytest

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.graph import Graph
from paperbuild.engine.noting import NotingFileSystem
from paperbuild.engine.observation import A_FOLDER, Observer
from paperbuild.engine.ports import NotSettled
from paperbuild.engine.reading import RecordingReader
from paperbuild.engine.trace import Absent, Content
from tests.engine.world import World, command, document


def reader(world: World, *settled: str) -> tuple[RecordingReader, Observer]:
    observer = Observer("/p", NotingFileSystem(world.fs), world.index, world.clock, world.environment)
    return RecordingReader(observer, world.workshop(), Graph(world.actions.values()), "paper", frozenset(settled)), observer


@pytest.fixture
def world() -> World:
    return World().write(a="1").put("d/x", "2").targets(document("paper", ""), command("t", "", "out/b"), command("f", "", "model/"))


def content(path: str, text: str) -> Content:
    return Content(path, digest_bytes(text.encode()))


def test_every_read_and_every_miss_is_noted_once_by_its_place_in_the_project(world: World):
    reading, observer = reader(world)
    for path in ("a", "/p/a", "d/../a"):
        assert reading.read(path) == b"1"
    assert reading.exists("d/x")
    assert not reading.exists("none")
    with pytest.raises(FileNotFoundError):
        reading.read("a/below")
    assert reading.items() == (content("a", "1"), Absent("a/below"), content("d/x", "2"), Absent("none"))
    assert all(observer.holds(item) for item in reading.items())


def test_a_file_elsewhere_is_noted_by_its_absolute_path(world: World):
    world.fs.make_folder("/lib")
    world.fs.write("/lib/style.csl", b"s")
    reading, _ = reader(world)
    assert reading.read("/lib/style.csl") == reading.read("../lib/style.csl") == b"s"
    assert {item.path for item in reading.items() if isinstance(item, Content)} == {"/lib/style.csl", "../lib/style.csl"}


def test_a_folder_is_no_file_and_what_was_noted_holds_until_it_is_one(world: World):
    reading, observer = reader(world)
    assert not reading.exists("d")
    (item,) = reading.items()
    assert item == Content("d", A_FOLDER)
    assert observer.holds(item)
    world.remove("d").write(d="now a file")
    assert not observer.holds(item)


@pytest.mark.parametrize("path", ["out/b", "/p/out/b", "out/./b", "model/deep/x", "model"])
def test_an_output_that_has_not_settled_is_asked_for_and_not_read(world: World, path: str):
    world.put("out/b", "old").put("model/deep/x", "old")
    reading, _ = reader(world)
    for ask in (reading.read, reading.exists, lambda one: reading.require([one])):
        with pytest.raises(NotSettled):
            ask(path)
    assert reading.items() == ()


def test_all_that_is_missing_is_asked_for_at_once(world: World):
    reading, _ = reader(world)
    with pytest.raises(NotSettled) as caught:
        reading.require(["a", "out/b", "model/x", "_build/paper"])
    assert set(caught.value.actions) == {"t", "f"}


def test_a_settled_output_is_read_and_noted_as_an_edge(world: World):
    world.put("out/b", "new")
    reading, _ = reader(world, "t")
    assert reading.read("out/b") == b"new"
    assert reading.outputs() == ("out/b",)


def test_a_file_that_changes_between_two_reads_and_back_does_not_hold(world: World):
    reading, observer = reader(world)
    reading.read("a")
    world.put("a", "2")
    reading.read("a")
    world.put("a", "1")
    (item,) = reading.items()
    assert not observer.holds(item)
