"""The seam between the engine and what runs commands: what is asked of an executor, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Resources
from paperbuild.engine.trace import Package


class Permission(msgspec.Struct, frozen=True):
    """What a command may do that is held to it: read below ``readable``, and read, write and remove below ``writable``.

    Absolute paths, links followed; one that ends in a slash means everything in that folder. Elsewhere only what exists nowhere may be
    looked for.
    """

    readable: tuple[str, ...]
    writable: tuple[str, ...]


class Watch(msgspec.Struct, frozen=True):
    """How to watch a command. All paths are absolute, links followed.

    ``kept`` is the project, with its slash; elsewhere what begins with one of ``dropped`` is not noted, and of what begins with one of
    ``grouped`` only the next name. As soon as it touches one of ``unsettled`` (those that end in a slash: anything in them) it is ended:
    its result could not be used.
    """

    kept: str
    dropped: tuple[str, ...] = ()
    grouped: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    permission: Permission | None = None
    """What it is held to; None: to nothing."""
    closed: tuple[str, ...] = ()
    """Folders in which it may neither read nor write, each with its slash."""
    ajar: tuple[str, ...] = ()
    """What of the closed folders it may read all the same: files, and folders with their slash."""


class Errand(msgspec.Struct, frozen=True):
    """How a job gets to a machine elsewhere: by which ``executor``, from which folder of its own (absolute), with what it is given there.

    ``expected_s`` is how long it took the last time, None where nobody knows, ``platform`` what the machine must be. ``handle`` is what the
    executor called it when it was sent; a job that has one is not sent again, only waited for. Where no file system is shared, ``supplies``
    are what it is known to need of the project, and ``outputs`` what comes back: paths in it, folders with a slash at their end. Where one
    is, ``rests_on`` are files (absolute) that it reads when it begins: if they change before that, it need not.
    """

    executor: str
    folder: str
    resources: Resources = Resources()
    expected_s: float | None = None
    platform: tuple[tuple[str, str], ...] = ()
    handle: str = ""
    supplies: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """A command to run. ``log`` is the absolute path that takes its output, both streams; ``time_s`` is its limit.

    Without ``watch`` nobody looks at what it reads and writes. ``umask`` and ``processors`` (numbers of those that it may use) are its
    own where they are given. With an ``errand`` it runs elsewhere.
    """

    action: str
    line: str
    shell: str
    folder: str
    environment: tuple[tuple[str, str], ...]
    log: str
    time_s: float | None
    watch: Watch | None = None
    umask: int | None = None
    processors: tuple[int, ...] = ()
    errand: Errand | None = None


State = tuple[Literal["file", "folder", "other"], int, int, int, int, int, bool]
"""What was at a path: its kind, size (of files), mtime_ns, ctime_ns, inode, device, and whether it could be executed."""


class Sighting(msgspec.Struct, frozen=True):
    """What a command did with ``path`` (bits of :mod:`.tracing.sightings`), and what was there before it changed anything."""

    path: str
    bits: int
    state: State | None = None


class Seen(msgspec.Struct, frozen=True):
    """What a command was seen to do. Paths are absolute.

    ``groups`` has the names that were used below each of :attr:`Watch.grouped`, ``links`` the text of each link that was read as one.
    ``sought`` are the dotted names of the Python modules that were looked for. ``blind`` says why not all could be seen ("": all was),
    ``touched`` which unsettled path it touched, ``denied`` what it wanted and was not permitted.
    """

    sightings: tuple[Sighting, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    sought: tuple[str, ...] = ()
    blind: str = ""
    touched: str = ""
    denied: tuple[str, ...] = ()


class Elsewhere(msgspec.Struct, frozen=True):
    """What the machine elsewhere that ran a job, called ``host``, tells of itself.

    ``digests`` are those of the files outside the project that were looked at (None: unreadable by now), ``packages`` those that
    were used, as they are there.
    """

    host: str
    digests: tuple[tuple[str, str | None], ...] = ()
    packages: tuple[Package, ...] = ()


class Ended(msgspec.Struct, frozen=True):
    """How a job ended. ``status`` is its exit status, negative for a signal; the flags say that its limit, or we, ended it.

    ``seen`` is None where it was not to be watched. Of a job that ran elsewhere, ``elsewhere`` is what is told of that place;
    ``lost`` says in words why nobody can know how it ended, and ``unreachable`` is what keeps us from asking: it may still run.
    ``overtaken`` is a path that it was going to read and that changed while it waited: it did not begin.
    """

    status: int
    duration_s: float
    timed_out: bool = False
    cancelled: bool = False
    seen: Seen | None = None
    elsewhere: Elsewhere | None = None
    lost: str = ""
    unreachable: tuple[Diagnostic, ...] = ()
    overtaken: str = ""


class Executor(Protocol):
    """Runs commands. One small protocol for local processes, clusters and tests."""

    def blind(self) -> str:
        """Return why commands cannot be watched here; "" where they can."""

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        """Run ``job`` to its end; called from several threads at once.

        ``started`` is called with the process group and its identity before the command's first instruction, so that a later
        build can find and end it. For one that runs elsewhere these are 0 and its handle there.

        Raises:
            BuildError: it could not be started, or sent, and did not run.
        """

    def hear(self, listener: Callable[[Diagnostic], None]) -> None:
        """Have ``listener`` told what comes up beside the runs themselves, such as a clock elsewhere that is wrong. By any thread."""

    def rest(self, seconds: float) -> bool:
        """Wait so long, unless everything is cancelled before; return whether to go on."""

    def cancel_all(self, *, leaves: bool = False) -> None:
        """End every job that runs, with all its children. Where it ``leaves`` those that run elsewhere, they go on, to be found again."""

    def call_back(self) -> None:
        """Take back soon what was sent elsewhere and has not begun there: nobody wants it any more. Nothing more is sent."""

    def end_group(self, group: int, identity: str) -> None:
        """End what is left of a process group that an earlier build started, and wait until it is gone."""

    def recall(self, errands: Sequence[Errand]) -> None:
        """End what an earlier build sent elsewhere, and wait until it is gone.

        Raises:
            BuildError: nobody can be asked to; it may still run.
        """

    def close(self) -> None:
        """End the programs that helped to run jobs. No job runs here any more; what was sent elsewhere goes on."""
