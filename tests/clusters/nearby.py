"""A scheduler of three dozen lines for tests of what is around one: it runs each parcel at once, by a real outpost on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.cluster import Fate, Parcel
from paperbuild.errors import BuildError


class Nearby:
    """:class:`paperbuild.engine.cluster.Cluster` by processes. ``hand_ins`` are the sizes of what was handed in together.

    ``is_away``: it does not answer. ``program`` are words of a Python that run a parcel.
    """

    def __init__(self, program: Sequence[str] = ("-m", "paperbuild.clusters.outpost")) -> None:
        self._program = program
        self.hand_ins: list[int] = []
        self.is_away = False
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def submit(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        self._answer()
        self.hand_ins.append(len(parcels))
        return tuple(self._start(parcel) for parcel in parcels)

    def _start(self, *parcels: Parcel) -> str:
        words = [sys.executable, *self._program, *(parcel.folder for parcel in parcels)]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/")
        self._processes[str(process.pid)] = process
        return str(process.pid)

    def submit_together(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        """Hand in ``parcels`` as one job."""
        self._answer()
        self.hand_ins.append(len(parcels))
        return len(parcels) * (self._start(*parcels),)

    def look(self, handles: Sequence[str]) -> Mapping[str, Fate]:
        self._answer()
        return {
            handle: Fate("gone", "its process is gone") if self._processes[handle].poll() is not None else Fate("running")
            for handle in handles
            if handle in self._processes
        }

    def cancel(self, handles: Sequence[str]) -> None:
        self._answer()
        for handle in handles:
            self._processes[handle].terminate()
        for handle in handles:
            self._processes[handle].wait()

    def handles(self) -> tuple[str, ...]:
        """Return the handles of all that was handed in."""
        return tuple(self._processes)

    def status(self, handle: str) -> int:
        """Wait for the end of what runs a parcel, and return its exit status."""
        return self._processes[handle].wait(30)

    def kill(self, handle: str) -> None:
        """Kill what runs a parcel, as a machine does that goes down."""
        os.killpg(int(handle), signal.SIGKILL)
        self._processes[handle].wait()

    def halt(self) -> None:
        return

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _answer(self) -> None:
        if self.is_away:
            raise BuildError(Diagnostic("PB700", "the scheduler does not answer"))
