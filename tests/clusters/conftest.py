"""A Slurm for the tests that need one: without it they are skipped.

Where ``PAPERBUILD_REQUIRE_SLURM`` is set, as in CI, they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.clusters import slurm_server
from tests.clusters.slurm_server import SlurmServer


@pytest.fixture(scope="session")
def slurm() -> Iterator[SlurmServer]:
    reason = slurm_server.missing()
    if reason and os.environ.get("PAPERBUILD_REQUIRE_SLURM"):
        pytest.fail(f"PAPERBUILD_REQUIRE_SLURM is set, but {reason}")
    if reason:
        pytest.skip(f"left out, for want of a Slurm: {reason}")
    with slurm_server.started() as server:
        yield server
