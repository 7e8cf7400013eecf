"""Commands on this machine, each beside a supervisor that tells what it read and wrote (see :mod:`.supervisor`)."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.jobs import Ended, Errand, Job, Seen, Sighting, State, Watch
from paperbuild.engine.process import LocalExecutor, identity_of
from paperbuild.engine.tracing import calls
from paperbuild.errors import BuildError

if TYPE_CHECKING:
    import _socket as socket  # is imported where something runs

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
from paperbuild.engine.tracing import supervisor
supervisor.serve(supervisor.socket.socket(fileno=3))
"""
_MOST_WORDS = 1 << 16
_CONTROL = 3  # after the standard ones
"""The descriptor by which the starter hears of the build."""


class Order(msgspec.Struct):
    """What a supervisor is told. Paths that it compares with are bytes."""

    line: str
    shell: str
    folder: str
    environment: tuple[tuple[str, str], ...]
    kept: bytes
    dropped: tuple[bytes, ...]
    grouped: tuple[bytes, ...]
    unsettled: tuple[bytes, ...]
    readable: tuple[bytes, ...] | None
    writable: tuple[bytes, ...] | None
    closed: tuple[bytes, ...]
    ajar: tuple[bytes, ...]
    umask: int | None
    processors: tuple[int, ...]


class _Report(msgspec.Struct):
    """What a supervisor tells at the end; ``unstarted`` is why there was no command ("" where there was one)."""

    status: int
    begun: bool
    unstarted: str
    blind: str
    touched: bytes
    denied: tuple[bytes, ...]
    seen: tuple[tuple[bytes, int, State | None], ...]
    groups: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    links: tuple[tuple[bytes, bytes], ...]
    sought: tuple[bytes, ...]


class TracingExecutor:
    """:class:`paperbuild.engine.jobs.Executor` that sees what commands do; those that need not be watched it leaves to ``local``.

    Where the kernel does not let commands be watched, the first that should be tells why, and ``local`` runs it and all others.
    """

    def __init__(self, local: LocalExecutor) -> None:
        self._local = local
        self._lock = threading.Lock()
        self._starter = 0  # its process; 0: there is none
        self._control: socket.socket | None = None
        self._words = -1  # a descriptor of what it and all others say in distress
        self._idle: list[socket.socket] = []  # supervisors that wait for a command
        self._jobs: set[socket.socket] = set()
        self._cancelled = False
        self._blind: str | None = None  # None: nobody has tried
        if os.uname().machine not in calls.NUMBERS:
            self._blind = f"system calls of {os.uname().machine} are not known"

    def blind(self) -> str:
        """See the port. Asked before any command was watched, it has a supervisor try, and keeps it for the first one."""
        if self._blind is None:
            supervisor = self._supervisor("a command that does nothing")
            if supervisor is not None:
                self._keep(supervisor)
        return self._blind or ""

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        """See the port."""
        if job.watch is None:
            return self._local.run(job, started)
        if not self._blind:
            ended = self._run_watched(job, job.watch, started)
            if ended is not None:
                return ended
        ended = self._local.run(job, started)
        return msgspec.structs.replace(ended, seen=Seen(blind=self._blind or ""))

    def hear(self, listener: Callable[[Diagnostic], None]) -> None:
        """See the port. All that there is to tell is in how runs end."""

    def rest(self, seconds: float) -> bool:
        """See the port."""
        return self._local.rest(seconds)

    def cancel_all(self, *, leaves: bool = False) -> None:
        """See the port."""
        with self._lock:
            self._cancelled = True
            jobs = tuple(self._jobs)
        if jobs:
            from paperbuild.engine.tracing import frames

            for supervisor in jobs:
                with contextlib.suppress(frames.Gone):
                    frames.send(supervisor, False)
        self._local.cancel_all(leaves=leaves)

    def call_back(self) -> None:
        """See the port. Nothing is sent from here."""

    def end_group(self, group: int, identity: str) -> None:
        """See the port."""
        self._local.end_group(group, identity)

    def recall(self, errands: Sequence[Errand]) -> None:
        """See the port."""
        self._local.recall(errands)

    def close(self) -> None:
        """See the port. What runs still, since whoever was to end it was interrupted in that, is ended."""
        if self._jobs:
            self.cancel_all()
        with self._lock:
            for supervisor in self._idle:
                supervisor.close()
            self._idle.clear()
            if self._control is not None:
                self._control.close()
                os.waitpid(self._starter, 0)
                os.close(self._words)
            self._control, self._starter, self._words = None, 0, -1

    def _run_watched(self, job: Job, watch: Watch, started: Callable[[int, str], None]) -> Ended | None:
        """Run ``job`` beside a supervisor; None where it cannot be watched, and has not begun.

        Raises:
            BuildError: whoever watched it ended before it did.
            OSError: it could not be started.
        """
        from paperbuild.engine.tracing import frames

        begin = time.monotonic()
        order = msgspec.structs.asdict(_order(job, watch))
        with open(job.log, "wb", buffering=0) as log:
            supervisor = self._ordered(job.action, order, log.fileno())
        if supervisor is None:
            return None
        identity, is_reusable = "", False
        try:
            told, _ = frames.receive(supervisor)
            if isinstance(told, int):  # the command waits at its gate
                group, identity = told, identity_of(told)
                started(group, identity)
                with contextlib.suppress(frames.Gone):  # it may have been cancelled meanwhile
                    frames.send(supervisor, not self._cancelled)
                told, timed_out = _awaited(supervisor, job.time_s)
            else:
                timed_out = False
            report = _Report(**told)
            is_reusable = not timed_out
        except frames.Gone:
            if identity:
                self._local.end_group(group, identity)
            raise BuildError(self._lost(job.action)) from None
        finally:
            self._keep(supervisor, is_reusable=is_reusable)
        if report.unstarted:
            raise OSError(errno.EINVAL, f"the command cannot be started: {report.unstarted}")
        if report.blind and not report.begun:
            self._blind = report.blind
            return None
        return Ended(report.status, time.monotonic() - begin, timed_out, self._cancelled, _seen(report))

    def _ordered(self, action: str, order: Mapping[str, Any], log: int) -> socket.socket | None:
        """Have a supervisor watch a command, and return it; None where none can."""
        from paperbuild.engine.tracing import frames

        while True:
            with self._lock:
                supervisor = self._idle.pop() if self._idle else None
            is_new = supervisor is None
            supervisor = supervisor or self._supervisor(action)
            if supervisor is None:
                return None
            with self._lock:
                self._jobs.add(supervisor)
            try:
                frames.send(supervisor, order, (log,))
            except frames.Gone:  # one that waited was killed meanwhile, and has begun nothing
                self._keep(supervisor, is_reusable=False)
                if is_new:
                    raise BuildError(self._lost(action)) from None
            else:
                return supervisor

    def _keep(self, supervisor: socket.socket, *, is_reusable: bool = True) -> None:
        """Have ``supervisor`` wait for another command; or, where it may have been told to end one, end."""
        with self._lock:
            self._jobs.discard(supervisor)
            if is_reusable and not self._cancelled and self._control is not None:
                self._idle.append(supervisor)
            else:
                supervisor.close()

    def _supervisor(self, action: str) -> socket.socket | None:
        """Return a new supervisor; None where it cannot watch."""
        from paperbuild.engine.tracing import frames

        ours, theirs = frames.socket.socketpair(frames.socket.AF_UNIX, frames.socket.SOCK_STREAM)
        try:
            with self._lock:
                frames.send(self._control or self._start(), None, (theirs.fileno(),))
            theirs.close()
            blind, _ = frames.receive(ours)
        except frames.Gone:
            raise BuildError(self._lost(action)) from None
        self._blind = blind
        return None if blind else ours

    def _start(self) -> socket.socket:
        import fcntl
        import sys

        from paperbuild.engine.tracing.frames import socket

        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._words = _nameless_file()
        nothing = os.open(os.devnull, os.O_RDWR)
        given = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
        # copies, since none of them may have a number that another one is to get
        sources = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _CONTROL + 1) for one in (nothing, nothing, self._words, theirs.fileno())]
        actions = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate(sources)]
        words, environment = [sys.executable, "-I", "-S", "-c", _PROGRAM, _PACKAGES], given | {"LC_ALL": "C.UTF-8"}
        try:
            self._starter = os.posix_spawn(words[0], words, environment, file_actions=actions, setsid=True)
        except NotImplementedError:  # a Python that was built on an old system for all newer ones; the starter makes a session itself
            self._starter = os.posix_spawn(words[0], words, environment, file_actions=actions)
        theirs.close()
        for descriptor in (nothing, *sources):
            os.close(descriptor)
        self._control = control
        return control

    def _lost(self, action: str) -> Diagnostic:
        said = os.pread(self._words, _MOST_WORDS, 0) if self._words >= 0 else b""
        help_ = (
            "was it killed? build again",
            f'observe = "off" in the target {action.partition("[")[0]} runs it without being watched',
        )
        message = f"what watched {action} ended before it did, so nobody knows what it read"
        return Diagnostic("PB441", message, help=help_, detail=tuple(said.decode("utf-8", "replace").splitlines()[-8:]))


def _nameless_file() -> int:
    """Return a descriptor of a file that goes with the last process that has it open."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("words")
    import tempfile  # brings much along: only for a Python that was built on an old system

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _order(job: Job, watch: Watch) -> Order:
    permission = watch.permission
    return Order(
        job.line,
        job.shell,
        job.folder,
        job.environment,
        os.fsencode(watch.kept),
        tuple(map(os.fsencode, watch.dropped)),
        tuple(map(os.fsencode, watch.grouped)),
        tuple(map(os.fsencode, watch.unsettled)),
        None if permission is None else tuple(map(os.fsencode, permission.readable)),
        None if permission is None else tuple(map(os.fsencode, permission.writable)),
        tuple(map(os.fsencode, watch.closed)),
        tuple(map(os.fsencode, watch.ajar)),
        job.umask,
        job.processors,
    )


def _awaited(supervisor: socket.socket, time_s: float | None) -> tuple[dict[str, Any], bool]:
    """Return the report, and whether the command had to be ended because its time was over."""
    from paperbuild.engine.tracing import frames

    if time_s is None:
        return frames.receive(supervisor)[0], False
    supervisor.settimeout(time_s)
    try:
        report, _ = frames.receive(supervisor)
    except TimeoutError:
        supervisor.settimeout(None)
        frames.send(supervisor, False)
        return frames.receive(supervisor)[0], True
    supervisor.settimeout(None)
    return report, False


def _seen(report: _Report) -> Seen:
    path = os.fsdecode
    return Seen(
        tuple(Sighting(path(name), bits, state) for name, bits, state in report.seen),
        tuple((path(prefix), tuple(map(path, names))) for prefix, names in report.groups if names),
        tuple((path(name), path(text)) for name, text in report.links),
        tuple(map(path, report.sought)),
        report.blind,
        path(report.touched),
        tuple(map(path, report.denied)),
    )
