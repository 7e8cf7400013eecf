"""What threads that run jobs ask of the one that speaks with a cluster: to send a job, to end some of earlier builds."""

from __future__ import annotations

import contextlib
import threading
import time

from paperbuild.clusters.footing import Footing
from paperbuild.clusters.parcel_folder import write_whole
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.cluster import Fate, Parcel
from paperbuild.engine.jobs import Ended, Errand
from paperbuild.engine.logs import WAITS


class Sent:
    """One job that somebody waits for."""

    def __init__(self, parcel: Parcel, handle: str, footing: Footing) -> None:
        self.parcel = parcel
        self.handle = handle
        self.handed_in = threading.Event()
        self.over = threading.Event()
        self.has_gone = bool(handle)  # it may begin
        self.is_left = False
        self.ended: Ended | None = None
        self.faults: tuple[Diagnostic, ...] = ()
        self.footing = footing
        self.has_begun = False
        self.sent_ns = 0 if handle else time.time_ns()
        self.clock_is_known = False
        self.gone_since_s: float | None = None
        self.detail = ""
        self.words = ""
        if handle:
            self.handed_in.set()

    @property
    def folder(self) -> str:
        """Where what there is of it stands."""
        return self.parcel.folder

    def tell(self, fate: Fate) -> None:
        """Say in the folder why the job waits."""
        words = f"it waits: {fate.detail}" if fate.state == "waiting" and fate.detail else ""
        if words != self.words:
            self.words = words
            with contextlib.suppress(OSError):
                write_whole(f"{self.folder}/{WAITS}", words.encode())

    def end(self, ended: Ended | None, faults: tuple[Diagnostic, ...] = ()) -> None:
        """Tell whoever waits how it ended, or why it could not be sent."""
        self.ended, self.faults = ended, faults
        self.handed_in.set()
        self.over.set()

    def leave(self) -> None:
        """Tell whoever waits that it has not begun, and is to be handed in once more."""
        self.is_left = True
        self.over.set()


class Recall:
    """A wish that jobs of an earlier process end."""

    def __init__(self, errands: tuple[Errand, ...]) -> None:
        self.errands = errands
        self.over = threading.Event()
        self.faults: tuple[Diagnostic, ...] = ()
