"""A store that was damaged: whatever became of which byte, a build gives the right outputs, and has nothing to be mended by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paperbuild.engine.graph import Action
from tests.engine.memory import Node
from tests.engine.world import ROOT, World, command, document

STORE = f"{ROOT}/.paperbuild"
ACTIONS: tuple[Action, ...] = (
    command("one", "cat a to one", "one", "a"),
    command("folder", "fold a to model", "model/", "a"),
    document("paper", "one"),
)
RIGHT = {"a": b"1", "one": b"1", "model/a": b"1", "model/sub/b": b"b", "_build/paper": b"1"}


@pytest.fixture
def world() -> World:
    return World().write(a="1").targets(*ACTIONS).build().succeeded()


def files(world: World, kind: str) -> Iterator[tuple[str, Node]]:
    for path, node in sorted(world.fs.nodes.items()):
        if path.startswith(f"{STORE}/{kind}/") and node.data is not None:
            yield path, node


def damage(world: World, path: str, data: bytes | None) -> None:
    """Put ``data`` in the place of a file, or nothing."""
    world.clock.tick()
    if data is None:
        del world.fs.nodes[path]
    else:
        node = world.fs.nodes[path]
        node.data, node.mtime, node.ctime = data, world.clock.now, world.clock.now


def comes_right(world: World) -> None:
    """Build from nothing but the store, and again with the tree as it is then."""
    for output in ("one", "model", "_build"):
        world.remove(output)
    world.build().succeeded()
    assert world.fs.files(ROOT) == RIGHT
    world.build().ran_nothing().succeeded()
    assert world.fs.files(ROOT) == RIGHT


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_every_record_may_be_cut_at_every_length(world: World, step: int):
    for path, node in list(files(world, "records")):
        whole = node.data or b""
        for length in range(0, len(whole), step):
            damage(world, path, whole[:length])
            comes_right(world)
        damage(world, path, whole[:-1])
        comes_right(world)


@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_every_bit_of_every_blob_may_be_flipped(world: World, step: int):
    for path, node in list(files(world, "blobs")):
        whole = node.data or b""
        for bit in range(0, 8 * len(whole), 1 if len(whole) < 4 else step):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            damage(world, path, bytes(flipped))
            comes_right(world)


@pytest.mark.parametrize("kind", ["records", "blobs"])
def test_every_record_and_blob_may_be_gone(world: World, kind: str):
    for path, _ in list(files(world, kind)):
        damage(world, path, None)
        comes_right(world)


@pytest.mark.parametrize("name", ["grounds", "version"])
def test_a_damaged_file_of_the_state_is_no_result_lost(world: World, name: str):
    for data in (b"", b"\0" * 64, (world.fs.nodes[f"{STORE}/{name}"].data or b"")[:-1] if name == "grounds" else b"1\n"):
        damage(world, f"{STORE}/{name}", data)
        if name == "version" and data != b"1\n":
            continue  # a store of another version is left alone, and told: see the tests of the store
        world.build().ran_nothing().succeeded()
        assert world.fs.files(ROOT) == RIGHT


def test_the_last_good_outputs_stay_where_the_index_and_a_record_are_lost_together(world: World):
    (path, _), *_ = files(world, "records")
    damage(world, path, None)
    world.lose_index().build()
    assert world.fs.files(ROOT) == RIGHT
