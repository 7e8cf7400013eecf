"""A Slurm for the tests that need one: without it they are skipped.

Where ``PAPERBUILD_REQUIRE_SLURM`` is set, as in CI, they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from glob import glob

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


@pytest.fixture(scope="session")
def faketime() -> str:
    """The path of libfaketime, which gives a program a clock that is wrong."""
    found = [*glob("/usr/lib/*/faketime/libfaketime.so.1"), *glob("/usr/lib*/faketime/libfaketime.so.1")]
    if not found and os.environ.get("PAPERBUILD_REQUIRE_FAKETIME"):
        pytest.fail("PAPERBUILD_REQUIRE_FAKETIME is set, but libfaketime is not there")
    if not found:
        pytest.skip("left out, for want of libfaketime (apt-get install faketime)")
    return found[0]
