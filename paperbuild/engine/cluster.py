"""The seam to machines that others run: submit, look, cancel, and find again what an earlier process submitted.

A *parcel* is one command on its way to such a machine. It has a folder of its own, in which the machine leaves the log while it runs and,
last and as a whole, the file that says how it ended. A *handle* is the cluster's name for it, a text that another process, another day,
can look it up by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from paperbuild.engine.graph import Resources
from paperbuild.engine.ports import Job

ENDED = "ended.json"
"""The file in a parcel's folder that says how it ended."""


class Parcel(msgspec.Struct, frozen=True):
    """One job that is sent away. ``folder`` (absolute) is its own, ``version`` is that of the paperbuild that sends it.

    ``expected_s`` is how long it took the last time, None where nobody knows: what is short goes with others in one allocation.
    """

    folder: str
    job: Job
    resources: Resources
    version: str
    expected_s: float | None = None


class Fate(msgspec.Struct, frozen=True):
    """How far a parcel is. ``detail`` says in words why it waits, or why it is gone: "over its time limit", "its node failed"."""

    state: Literal["waiting", "running", "ended", "gone"]
    detail: str = ""


class Cluster(Protocol):
    """A scheduler. Called by one thread at a time; errors are :class:`paperbuild.errors.BuildError` with what to mend."""

    def submit(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        """Hand in ``parcels``, as few requests as possible, and return a handle for each. All are handed in, or none."""

    def look(self, handles: Sequence[str]) -> Mapping[str, Fate]:
        """Return how far each is; "ended" where its folder says how, "gone" where it can never say."""

    def cancel(self, handles: Sequence[str]) -> None:
        """End these, with all their children, and wait until they are gone."""

    def close(self) -> None:
        """Let go of connections; what was handed in goes on."""
