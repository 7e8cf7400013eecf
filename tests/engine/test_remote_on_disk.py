"""Clones on the real disk that share results through a folder: real commands, that are watched where the machine can do that."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from paperbuild.engine.graph import Action
from paperbuild.engine.ports import Unfetched
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


def test_everybody_hears_that_an_output_cannot_be_had(clones: tuple[Clone, Clone]):
    _, second = clones
    second.build()
    for path in (second.root.parent / "shared/blobs").glob("*/*"):
        path.unlink()
    away = second.workshop().noting()[0].away
    assert away is not None
    heard = []
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait()
        try:
            away.bring(("ckpt/", "big"))
        except Unfetched as gone:
            heard.append(gone.paths)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [("big", "ckpt/")] * 4
    assert set(away.touched("ckpt/a/link")) == {"ckpt/"}


class Leaky(FolderRemote):
    """A store elsewhere that loses a share of what it is asked for."""

    def __init__(self, place: str, local: str, random: Random) -> None:
        super().__init__(place, local)
        self.random = random

    def fetch(self, wanted: Mapping[str, str]) -> frozenset[str]:
        for digest in wanted:
            if self.random.random() < 0.15:
                Path(self.path_of(digest)).unlink(missing_ok=True)
        return super().fetch(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_many_at_once_make_what_is_lost_beneath_them(tmp_path: Path, seed: int):
    count = 16
    makes = [command(f"m[n={n}]", f"cat data{n} > m/{n}", f"m/{n}", f"data{n}") for n in range(count)]
    folds = [command(f"f[n={n}]", f"mkdir -p f/{n}/s && cp m/{n} f/{n}/s/x", f"f/{n}/", "", needs=f"m[n={n}]") for n in range(count)]
    uses = [
        command(
            f"u[n={n}]", f"cat f/{n}/s/x f/{(n + 1) % count}/s/x more > u/{n}", f"u/{n}", "more", needs=f"f[n={n}] f[n={(n + 1) % count}]"
        )
        for n in range(count)
    ]
    paper = document("paper", " ".join(f"u/{n}" for n in range(count)), needs=" ".join(use.id for use in uses))
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
    first, second = (
        Project(place, (*makes, *folds, *uses, paper), remote=Leaky(f"{tmp_path}/shared", f"{place}/.paperbuild", Random(seed)))
        .write({f"data{n}": f"{n};" for n in range(count)} | {"more": "m"})
        for place in places
    )  # fmt: skip
    assert first.build(jobs=4).succeeded
    for more in ("m", "other"):
        second.write({"more": more})
        assert second.build(jobs=8).succeeded
        assert (second.root / "_build/paper").read_text() == "|".join(f"{n};{(n + 1) % count};{more}" for n in range(count))
        assert second.build(jobs=8).count(Outcome.RAN) == 0
