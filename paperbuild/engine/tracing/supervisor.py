"""The process that starts commands and watches them. Run as a program; imports as little as possible, since every build starts one.

One *starter* serves a build. It has one thread, so it may fork, which a build with its lanes must not. For each job it forks a
supervisor, and that one forks the command. The build and a supervisor talk over a socket of their own:

=====================  ===========================================================================================================
build → starter        one frame, an :class:`paperbuild.engine.tracing.executor.Order`, with two descriptors: the job's socket and log
supervisor → build     ``started PID`` once the command waits at its gate; at the end one frame with what was seen
build → supervisor     ``go``; ``end`` to have the command ended
=====================  ===========================================================================================================

Whoever loses the other ends: a supervisor without a build ends its command, a command whose supervisor is gone gets "not implemented"
for every call that names a file, and so cannot go on unseen.
"""

from __future__ import annotations

import _socket as socket  # the module around it takes 4 ms to import
import array
import contextlib
import errno
import gc
import json
import os
import select
import signal
import sys
from typing import Any

from paperbuild.engine.tracing import landlock, seccomp
from paperbuild.engine.tracing.ending import Ending
from paperbuild.engine.tracing.notices import Notices
from paperbuild.engine.tracing.permission import Closed, Permission
from paperbuild.engine.tracing.sightings import Sightings

HEAD = 8  # bytes of a frame's length
_INTEGER = array.array("i").itemsize
_NEVER_BEGUN = 125  # exit status of a command whose gate did not open

Order = Any  # a dict, as JSON has it
_MACHINE = os.uname().machine
_FILTER = seccomp.program(_MACHINE)


def serve(control: socket.socket) -> None:
    """Start a supervisor for each job that arrives on ``control``, until the build is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the build decides what Ctrl-C means
    gc.disable()  # a job makes little garbage, and looking for it would copy memory that the processes share
    while True:
        head, ancillary, _, _ = control.recvmsg(HEAD, socket.CMSG_SPACE(2 * _INTEGER))
        if not head:
            break
        connection, log = _descriptors(ancillary)
        order = json.loads(_received(control, int.from_bytes(head, "little")))
        if os.fork() == 0:
            control.close()
            try:
                _Supervisor(socket.socket(fileno=connection), log, order).run()
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(70)
            os._exit(0)
        os.close(connection)
        os.close(log)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    with contextlib.suppress(ChildProcessError):
        while os.wait():
            pass


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> array.array[int]:
    """Return the descriptors that came with a message; no program that is started has them."""
    found = array.array("i")
    for _, _, data in ancillary:
        found.frombytes(data[: len(data) - len(data) % _INTEGER])
    for descriptor in found:
        os.set_inheritable(descriptor, False)
    return found


def _received(connection: socket.socket, size: int) -> bytes:
    """Return ``size`` bytes; fewer where the other side is gone."""
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            break
        data += piece
    return data


class _Supervisor:
    """One job: its command, and what that does."""

    def __init__(self, build: socket.socket, log: int, order: Order) -> None:
        self._build = build
        self._log = log
        self._order = order
        dropped, grouped, unsettled = (_paths(order[name]) for name in ("dropped", "grouped", "unsettled"))
        self._sightings = Sightings(order["kept"].encode("latin-1"), dropped, grouped, unsettled)
        self._permission = (
            None
            if order["readable"] is None
            else Permission(order["kept"].encode("latin-1"), _paths(order["readable"]), _paths(order["writable"]))
        )
        closed = Closed(_paths(order["closed"]), _paths(order["ajar"])) if order["closed"] else None
        self._notices = Notices(self._sightings, self._permission, closed)
        self._begun = False

    def run(self) -> None:
        seccomp.adopt_orphans()
        gate_out, gate_in = os.pipe()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        command = os.fork()
        if command == 0:
            try:
                os.close(gate_in)
                self._become_command(gate_out, theirs)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            os._exit(_NEVER_BEGUN)
        os.close(gate_out)
        theirs.close()
        os.close(self._log)
        ours.recv(1)  # from here on it has a group of its own, by which it can be ended
        self._build.sendall(b"started %d\n" % command)
        if _received(self._build, 3) == b"go\n":
            with contextlib.suppress(BrokenPipeError):  # somebody ended it meanwhile
                os.write(gate_in, b"\n")
        os.close(gate_in)
        status = self._watch(command, self._listener(ours))
        body = json.dumps(self._report(status)).encode()
        self._build.sendall(len(body).to_bytes(HEAD, "little") + body)

    # the command, before it is itself

    def _become_command(self, gate: int, to_supervisor: socket.socket) -> None:
        os.setsid()
        to_supervisor.sendall(b".")
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (self._log, 1), (self._log, 2)):
            os.dup2(source, target)
        os.chdir(self._order["folder"])
        if self._order["umask"] is not None:
            os.umask(self._order["umask"])
        if self._order["processors"]:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, self._order["processors"])
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and so would the command
            signal.signal(number, signal.SIG_DFL)
        if os.read(gate, 1) != b"\n":
            return
        if self._permission is not None:
            landlock.restrict(self._order["folder"], *self._permission.landlock())
        try:
            listener = seccomp.install(_FILTER, _MACHINE)
        except OSError as error:
            to_supervisor.sendall(b"-%d\n" % (error.errno or errno.EIO))
            return
        to_supervisor.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
        os.close(listener)
        to_supervisor.recv(1)  # it listens from here on
        shell = self._order["shell"]
        try:
            os.execvpe(shell, [shell, "-c", self._order["line"]], dict(self._order["environment"]))  # noqa: S606 - this is the shell
        except OSError as error:
            os.write(2, f"{shell}: {error.strerror}\n".encode())
            os._exit(127 if error.errno == errno.ENOENT else 126)

    # beside it

    def _listener(self, connection: socket.socket) -> int:
        """Return the descriptor on which the command's calls arrive; -1 where it cannot be watched, and has not begun."""
        word, ancillary, _, _ = connection.recvmsg(16, socket.CMSG_SPACE(_INTEGER))
        if not word.startswith(b"+"):
            self._notices.blind = os.strerror(int(word[1:])) if word else "the command was never begun"
            return -1
        (listener,) = _descriptors(ancillary)
        seccomp.hand_over_quickly(listener)
        self._begun = True
        connection.sendall(b"+")
        return listener

    def _watch(self, command: int, listener: int) -> int:
        """Let the command and its descendants go on until all have ended; return the command's exit status."""
        process, build = os.pidfd_open(command), self._build.fileno()
        poll = select.poll()
        for descriptor in (process, build, *((listener,) if listener >= 0 else ())):
            poll.register(descriptor, select.POLLIN)
        wait, only_a_call = poll.poll, [(listener, select.POLLIN)]
        take_call, sightings = self._notices.taking(listener), self._sightings
        status: int | None = None
        ending = Ending(command)
        while True:
            events = wait(ending.pause_ms)
            if events == only_a_call and ending.pause_ms is None:  # all but a few of thousands of times
                take_call()
                if sightings.touched:
                    ending.begin(at_once=True)
                continue
            for descriptor, event in events:
                if descriptor == listener and event & select.POLLIN:
                    take_call()
                    continue
                poll.unregister(descriptor)
                if descriptor == listener:  # nobody is left whom it concerns
                    listener = -1
                    continue
                if descriptor == process:
                    status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
                ending.begin()  # what it left running ends, too; or the build says so, or is gone
            if status is not None and listener < 0 and ending.is_over():
                return status
            ending.go_on()

    def _report(self, status: int) -> dict[str, object]:
        seen = self._sightings
        return {
            "status": status,
            "begun": self._begun,
            "blind": self._notices.blind,
            "touched": _text(seen.touched),
            "denied": sorted(map(_text, self._notices.denied)),
            "seen": [(_text(path), bits, state) for path, (bits, state) in seen.seen.items()],
            "groups": [(_text(prefix), sorted(map(_text, names))) for prefix, names in seen.groups.items()],
            "links": [(_text(path), _text(target)) for path, target in seen.links.items()],
            "sought": sorted(map(_text, seen.sought)),
        }


def _paths(texts: list[str]) -> tuple[bytes, ...]:
    return tuple(text.encode("latin-1") for text in texts)


def _text(path: bytes) -> str:
    return path.decode("latin-1")
