"""The facts beside the documents."""

from __future__ import annotations

import json

from paperbuild.engine.graph import Graph
from paperbuild.engine.ports import Revision
from paperbuild.provenance.runs import build_facts
from tests.engine.world import World, command, document


def facts(world: World) -> dict:
    workshop = world.workshop()
    graph = Graph(world.actions.values())
    return json.loads(
        build_facts(graph, tuple(world.actions), workshop.index, workshop.store, Revision("abc", False), 1_700_000_000_000_000_000)
    )


def test_runs_and_documents_are_told_with_what_made_them():
    train = command("train", "write m 1", "m", params={"lr": "0.1"})
    told = facts(World().targets(train, document("paper", "m", needs="train")).build().succeeded())
    assert told["made"] == "2023-11-14T22:13:20Z"
    assert told["revision"] == {"commit": "abc", "is_clean": False}
    (run,) = told["runs"]
    assert (run["command"], run["params"], run["duration_s"], run["adopted"]) == ("write m 1", {"lr": "0.1"}, 1.5, False)
    assert run["log"].startswith(".paperbuild/logs/train/")
    assert [(o["path"], len(o["sha256"])) for o in run["outputs"]] == [("m", 64)]
    assert [o["path"] for o in told["documents"]] == ["_build/paper"]


def test_what_was_never_built_is_left_out():
    assert facts(World().targets(command("train", "write m 1", "m")))["runs"] == []
