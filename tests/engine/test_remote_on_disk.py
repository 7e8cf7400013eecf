"""Clones on the real disk that share results through a folder: real commands, that are watched where the machine can do that."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from paperbuild.engine.graph import Action
from paperbuild.engine.queries import State
from paperbuild.events import ActionStarted, Outcome
from tests.engine.disk import Project
from tests.engine.folder_remote import FolderRemote
from tests.engine.world import command, document

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets commands be watched")

TRAIN = command("train", "mkdir -p ckpt/a && cp data ckpt/w && ln -s ../w ckpt/a/link && cp data big && chmod +x big", "ckpt/ big", "data")
SUM = command("sum", "cat big more > out/sum.txt", "out/sum.txt", "more", needs="train")
PAPER = document("paper", "out/sum.txt", needs="sum")


class Clone(Project):
    """A project whose results are shared through a folder beside it."""

    def __init__(self, root: Path, *actions: Action) -> None:
        root.mkdir()
        self.shared = FolderRemote(f"{root.parent}/shared", f"{root}/.paperbuild")
        super().__init__(root, actions, remote=self.shared)
        self.write({"data": "d", "more": "m"})

    def ran(self) -> list[str]:
        return [event.action for event in self.events if isinstance(event, ActionStarted)]


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Clone, Clone]:
    first, second = Clone(tmp_path / "one", TRAIN, SUM, PAPER), Clone(tmp_path / "two", TRAIN, SUM, PAPER)
    assert first.build().succeeded
    return first, second


def test_a_second_clone_has_its_paper_and_nothing_else(clones: tuple[Clone, Clone]):
    first, second = clones
    assert second.build().succeeded
    assert second.ran() == []
    assert second.tree() == {"data": "d", "more": "m", "out": "a folder", "_build": "a folder", "_build/paper": "dm"}
    assert {situation.state for situation in second.survey()} == {State.FRESH}
    second.shared.asked.clear()
    second.shared.fetched.clear()
    assert second.build().count(Outcome.REUSED) == 3
    assert (second.shared.asked, second.shared.fetched) == ([], [])
    assert second.build("train", placed=frozenset({"train"})).succeeded
    there = {path: text for path, text in first.tree().items() if path.startswith(("ckpt", "big"))}
    assert {path: text for path, text in second.tree().items() if path.startswith(("ckpt", "big"))} == there
    assert os.access(second.root / "big", os.X_OK)
    assert second.ran() == []


def test_a_real_command_gets_what_it_reads(clones: tuple[Clone, Clone]):
    _, second = clones
    second.build()
    second.write({"more": "other"})
    assert second.build().succeeded
    assert set(second.ran()) == {"sum", "paper"}
    assert (second.root / "_build/paper").read_text() == "dother"
    assert not (second.root / "ckpt").exists()


@pytest.mark.parametrize(
    "line", ["cat ckpt/a/link > seen", "ls -R ckpt big > seen", "find . -name 'w' > seen", "test -x big && echo yes > seen"]
)
def test_a_command_meets_outputs_away_as_if_they_stood_there(clones: tuple[Clone, Clone], line: str):
    _, second = clones
    second.build()
    second.actions = (TRAIN, SUM, command("see", line, "seen", "", needs="train"))
    alone = Project(second.root.parent / "alone", second.actions).write({"data": "d", "more": "m"})
    assert second.build("see", whole=False).succeeded
    assert alone.build("train", "see", whole=False).succeeded
    assert (second.root / "seen").read_text() == (alone.root / "seen").read_text()
    assert (second.root / "seen").read_text()


def test_results_that_are_lost_elsewhere_are_made_here(clones: tuple[Clone, Clone]):
    first, second = clones
    second.build()
    for path in (first.root.parent / "shared/blobs").glob("*/*"):
        path.unlink()
    second.write({"more": "other"})
    assert second.build().succeeded
    assert set(second.ran()) == {"train", "sum", "paper"}
    assert (second.root / "_build/paper").read_text() == "dother"
