"""Which executor the manifest and the command line mean for a target."""

from __future__ import annotations

import pytest

from paperbuild.errors import ManifestError, UsageError
from paperbuild.paper.manifest import parse_manifest
from paperbuild.paper.plan import plan_of

MANIFEST = """
[target.here]
run = "true"
outputs = ["build/here"]

[target.pinned]
run = "true"
outputs = ["build/pinned"]
on = "local"

[target.there]
run = "true"
outputs = ["build/there"]
on = "cluster"
platform = ["gpu"]
resources.partition = "gpu"

[executor.cluster]
kind = "slurm"
platform = { gpu = "A100" }

[executor.lab]
kind = "dask"
scheduler = "tcp://lab:8786"
platform = { gpu = "H100", cuda = "12.4" }

[executor.bare]
kind = "slurm"

[profile.lab.target.here]
on = "lab"
"""


def places(on="", profile=None, manifest=MANIFEST):
    graph = plan_of(parse_manifest(manifest.encode(), profile=profile)).graph((), {}, on)
    return {id_: action.on for id_, action in graph.actions.items()}


def test_a_target_runs_where_it_says_and_otherwise_here():
    assert places() == {"here": "", "pinned": "", "there": "cluster"}


def test_the_command_line_says_it_for_all_but_those_that_stay_here():
    assert places("lab") == {"here": "lab", "pinned": "", "there": "lab"}
    assert places("local") == {"here": "", "pinned": "", "there": ""}


def test_a_profile_may_say_it():
    assert places(profile="lab") == {"here": "lab", "pinned": "", "there": "cluster"}


def test_what_counts_of_the_machine_is_that_of_the_executor():
    plan = plan_of(parse_manifest(MANIFEST.encode()))
    assert plan.graph((), {}).actions["there"].platform == (("gpu", "A100"),)
    assert plan.graph((), {}, "lab").actions["there"].platform == (("gpu", "H100"),)
    assert plan.graph((), {}, "local").actions["there"].platform == (("gpu", ""),)
    with pytest.raises(UsageError, match="does not say which it is"):
        plan.graph((), {}, "bare")


def test_without_executors_only_this_machine_can_be_named():
    manifest = '[target.a]\nrun = "true"\noutputs = ["a"]\non = "local"\nplatform = ["cpu"]\n'
    assert places(manifest=manifest) == {"a": ""}
    with pytest.raises(UsageError, match="there is no executor moon"):
        places("moon", manifest=manifest)
    with pytest.raises(ManifestError, match="there is no executor moon"):
        places(manifest=manifest.replace('"local"', '"moon"'))
