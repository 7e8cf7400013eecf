"""Commands on this machine, each beside a supervisor that tells what it read and wrote (see :mod:`.supervisor`)."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.ports import Ended, Errand, Job, Seen, Sighting, State, Watch
from paperbuild.engine.process import LocalExecutor, identity_of
from paperbuild.engine.tracing import calls
from paperbuild.errors import BuildError

if TYPE_CHECKING:
    import socket
    import subprocess

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[2])
from paperbuild.engine.tracing import supervisor
supervisor.serve(supervisor.socket.socket(fileno=int(sys.argv[1])))
"""
_HEAD = 8


class Order(msgspec.Struct):
    """What a supervisor is told. Paths that it compares with are bytes, written as Latin-1."""

    line: str
    shell: str
    folder: str
    environment: tuple[tuple[str, str], ...]
    kept: str
    dropped: tuple[str, ...]
    grouped: tuple[str, ...]
    unsettled: tuple[str, ...]
    readable: tuple[str, ...] | None
    writable: tuple[str, ...] | None
    closed: tuple[str, ...]
    ajar: tuple[str, ...]
    umask: int | None
    processors: tuple[int, ...]


class _Report(msgspec.Struct):
    status: int
    begun: bool
    blind: str
    touched: str
    denied: tuple[str, ...]
    seen: tuple[tuple[str, int, State | None], ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    links: tuple[tuple[str, str], ...]
    sought: tuple[str, ...]


# Made before there are threads: where two of them ask msgspec at once for a type that it has not met, the process dies.
_decoder = msgspec.json.Decoder(_Report)


class TracingExecutor:
    """:class:`paperbuild.engine.ports.Executor` that sees what commands do; those that need not be watched it leaves to ``local``.

    Where the kernel does not let commands be watched, the first that should be tells why, and ``local`` runs it and all others.
    """

    def __init__(self, local: LocalExecutor) -> None:
        self._local = local
        self._lock = threading.Lock()
        self._starter: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._words: IO[bytes] | None = None
        self._jobs: set[socket.socket] = set()
        self._cancelled = False
        self._blind: str | None = None  # None: nobody has tried
        if os.uname().machine not in calls.NUMBERS:
            self._blind = f"system calls of {os.uname().machine} are not known"

    def blind(self) -> str:
        """See the port. Asked before any command was watched, it watches one that does nothing."""
        if self._blind is None:
            job = Job("", ":", "/bin/sh", "/", (), os.devnull, None, Watch("/"))
            self._run_watched(job, Watch("/"), lambda _group, _identity: None)
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
        for connection in jobs:
            with contextlib.suppress(OSError):
                connection.send(b"end")
        self._local.cancel_all(leaves=leaves)

    def end_group(self, group: int, identity: str) -> None:
        """See the port."""
        self._local.end_group(group, identity)

    def recall(self, errands: Sequence[Errand]) -> None:
        """See the port."""
        self._local.recall(errands)

    def close(self) -> None:
        """See the port."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._starter is not None:
                self._starter.wait()
            if self._words is not None:
                self._words.close()
            self._control = self._starter = self._words = None

    def _run_watched(self, job: Job, watch: Watch, started: Callable[[int, str], None]) -> Ended | None:
        """Run ``job`` beside a supervisor; None where it cannot be watched, and has not begun."""
        import socket  # with what it needs: a build with nothing to run does without

        begin = time.monotonic()
        ours, theirs = socket.socketpair()
        identity = ""
        with ours, open(job.log, "wb", buffering=0) as log:
            with theirs:
                self._order(job, watch, theirs.fileno(), log.fileno())
            with self._lock:
                self._jobs.add(ours)
            try:
                group = _started(ours)
                identity = identity_of(group)
                started(group, identity)
                ours.sendall(b"go\n" if not self._cancelled else b"no\n")
                report, timed_out = _awaited(ours, job.time_s)
            except _Gone:
                if identity:
                    self._local.end_group(group, identity)
                raise BuildError(self._lost(job)) from None
            finally:
                with self._lock:
                    self._jobs.discard(ours)
        if not report.begun and not self._cancelled and report.status >= 0:  # else it was ended at its gate
            self._blind = report.blind or "nobody knows why"
            return None
        self._blind = self._blind or ""
        return Ended(report.status, time.monotonic() - begin, timed_out, self._cancelled, _seen(report))

    def _order(self, job: Job, watch: Watch, connection: int, log: int) -> None:
        import array
        import socket

        permission = watch.permission
        order = Order(
            job.line,
            job.shell,
            job.folder,
            job.environment,
            _latin(watch.kept),
            tuple(map(_latin, watch.dropped)),
            tuple(map(_latin, watch.grouped)),
            tuple(map(_latin, watch.unsettled)),
            None if permission is None else tuple(map(_latin, permission.readable)),
            None if permission is None else tuple(map(_latin, permission.writable)),
            tuple(map(_latin, watch.closed)),
            tuple(map(_latin, watch.ajar)),
            job.umask,
            job.processors,
        )
        body = msgspec.json.encode(order)
        with self._lock:
            control = self._control or self._start()
            try:
                descriptors = array.array("i", [connection, log])
                control.sendmsg([len(body).to_bytes(_HEAD, "little")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
                control.sendall(body)
            except OSError:
                raise BuildError(self._lost(job)) from None

    def _start(self) -> socket.socket:
        import socket
        import subprocess
        import sys
        import tempfile

        control, theirs = socket.socketpair()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the starter
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            self._starter = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, str(theirs.fileno()), _PACKAGES],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                pass_fds=(theirs.fileno(),),
                env={name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ} | {"LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        self._control = control
        return control

    def _lost(self, job: Job) -> Diagnostic:
        detail: tuple[str, ...] = ()
        if self._words is not None:
            self._words.seek(0)
            detail = tuple(self._words.read().decode("utf-8", "replace").splitlines()[-8:])
        help_ = (
            "was it killed? build again",
            f'observe = "off" in the target {job.action.partition("[")[0]} runs it without being watched',
        )
        return Diagnostic(
            "PB441", f"what watched {job.action} ended before it did, so nobody knows what it read", help=help_, detail=detail
        )


class _Gone(Exception):  # noqa: N818 - never leaves this module
    """The supervisor has ended."""


def _started(connection: socket.socket) -> int:
    """Return the process group of the command, which waits at its gate."""
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(1)
        if not piece:
            raise _Gone
        line += piece
    return int(line.split()[1])


def _awaited(connection: socket.socket, time_s: float | None) -> tuple[_Report, bool]:
    """Return the report, and whether the command had to be ended because its time was over."""
    timed_out = False
    connection.settimeout(time_s)
    try:
        head = connection.recv(1)
    except TimeoutError:
        timed_out = True
        connection.settimeout(None)
        connection.send(b"end")
        head = connection.recv(1)
    except OSError:
        raise _Gone from None
    connection.settimeout(None)
    size = int.from_bytes(head + _received(connection, _HEAD - 1), "little")
    return _decoder.decode(_received(connection, size)), timed_out


def _received(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        try:
            piece = connection.recv(min(size - len(data), 1 << 20))
        except OSError:
            raise _Gone from None
        if not piece:
            raise _Gone
        data += piece
    return bytes(data)


def _latin(path: str) -> str:
    return os.fsencode(path).decode("latin-1")


def _path(text: str) -> str:
    return text if text.isascii() else os.fsdecode(text.encode("latin-1"))


def _seen(report: _Report) -> Seen:
    return Seen(
        tuple(Sighting(_path(path), bits, state) for path, bits, state in report.seen),
        tuple((_path(prefix), tuple(map(_path, names))) for prefix, names in report.groups if names),
        tuple((_path(path), _path(text)) for path, text in report.links),
        tuple(map(_path, report.sought)),
        report.blind,
        _path(report.touched),
        tuple(map(_path, report.denied)),
    )
