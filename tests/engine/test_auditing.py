"""Looking whether a store is sound: every way in which a file of it can be wrong is found, named and mended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from paperbuild.engine.auditing import Audit, audit, repair
from tests.engine.world import World, command


def built() -> World:
    return World().write(a="1").targets(command("t", "cat a to x", "x", "a"), command("f", "fold x to folder/", "folder/", "x")).build()


def look(world: World) -> Audit:
    return audit(world.workshop().store, world.fs)


def file_of(world: World, part: str, content: bytes | None = None) -> str:
    return next(p for p, n in sorted(world.fs.nodes.items()) if part in p and n.data is not None and content in {None, n.data})


def spoil_blob(world: World) -> None:
    world.fs.nodes[file_of(world, "/blobs/", b"1")].data = b"2"


def remove_blob(world: World) -> None:
    del world.fs.nodes[file_of(world, "/blobs/", b"1")]


def cut_record(world: World) -> None:
    node = world.fs.nodes[file_of(world, "/records/")]
    node.data = (node.data or b"")[:-9]


def misplace_record(world: World) -> None:
    path = file_of(world, "/records/")
    world.fs.nodes[path.replace(".json", "0.json")] = world.fs.nodes.pop(path)


def spoil_list(world: World) -> None:
    path = next(p for p, n in world.fs.nodes.items() if "/blobs/" in p and n.data is not None and n.data.startswith(b"file "))
    world.fs.nodes[path].data = b"what"


def stray_blob(world: World) -> None:
    world.fs.nodes[file_of(world, "/blobs/") + ".tmp"] = world.fs.nodes[file_of(world, "/blobs/")]


def test_a_sound_store_is_found_to_be_sound():
    found = look(built())
    assert (found.records, found.blobs, found.damages, found.newer) == (2, 3, (), 0)


@pytest.mark.parametrize(
    ("harm", "kinds", "words"),
    [
        (spoil_blob, ["blob"], "is not what its name says"),
        (remove_blob, ["lost", "lost"], "lacks"),
        (cut_record, ["record"], "cannot be read"),
        (misplace_record, ["record"], "is not what its place says"),
        (spoil_list, ["blob", "lost"], "is not what its name says"),
        (stray_blob, ["blob"], "is no content at all"),
    ],
)
def test_each_damage_is_found_and_once_repaired_everything_is_made_again(harm: Callable[[World], None], kinds: list[str], words: str):
    world = built()
    harm(world)
    found = look(world)
    assert [damage.kind for damage in found.damages] == kinds
    assert words in found.damages[0].what
    assert look(world) == found, "looking changes nothing"
    repair(world.workshop().store, world.fs, found.damages)
    assert look(world).damages == ()
    world.remove("x").remove("folder").build().succeeded()
    assert (world.content("x"), world.content("folder/a")) == ("1", "1")
    assert look(world).damages == ()


def test_who_needs_a_damaged_content_is_told():
    world = built()
    spoil_blob(world)
    assert set(look(world).damages[0].holds) == {("t", "x"), ("f", "folder/")}


def test_a_record_of_a_later_version_is_no_damage():
    world = built()
    node = world.fs.nodes[file_of(world, "/records/")]
    node.data = (node.data or b"").replace(b"paperbuild-record 2", b"paperbuild-record 3")
    found = look(world)
    assert (found.records, found.damages, found.newer) == (1, (), 1)


def test_an_output_that_is_not_stored_is_not_missed():
    world = World().write(a="1").targets(command("t", "cat a to x", "x", "a", stored=False)).build()
    assert look(world).damages == ()
