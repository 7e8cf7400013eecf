"""The process that starts the commands of one supervisor: the filter is on it, and they inherit it.

It is a process of its own since a filter cannot be taken off again, and a supervisor that had it would wait for itself. It starts one
command at a time, by ``posix_spawn``, which takes a third of the time of a fork: none of a Python's memory has to be copied. So there is
no moment at which a command waits on a pipe; it waits at its first call, the execution of its shell, of which the supervisor is told.

From when the filter is on it this process must name no file: whoever is to answer may be waiting for it.
"""

from __future__ import annotations

import errno
import os

from paperbuild.engine.tracing import frames, seccomp
from paperbuild.engine.tracing.frames import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping
    from typing import Any

    from paperbuild.engine.tracing.permission import Permission
else:
    import _signal as signal  # the module around it takes 4 ms to import

_MACHINE = os.uname().machine
_FILTER = seccomp.program(_MACHINE)
LOST = (0, -1, "")
"""How a command ended whose spawner did before."""

_HIDDEN = "the memory of other processes may not be read (see kernel.yama.ptrace_scope)"
_CANNOT = 70  # exit status of one that met what nobody thought of
_RESET = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores, or we do, and so would commands."""


class Spawner:
    """Starts commands that are told of by ``listener``; -1 where none can be watched, and ``blind`` says why.

    Where there is a ``permission`` all of them are held to it, which cannot be taken back; ``folder`` is then theirs to list.
    ``close`` ends it: whoever makes one waits for it.
    """

    def __init__(self, permission: Permission | None = None, folder: str = "/", closing: tuple[int, ...] = ()) -> None:
        self.connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.process = os.fork()
        if self.process == 0:
            try:
                self.connection.close()
                for descriptor in closing:  # else nobody would see that the supervisor is gone
                    os.close(descriptor)
                _serve(theirs, permission, folder)
            except frames.Gone:
                pass
            except BaseException:  # a word about it would have to be read from files
                os._exit(_CANNOT)
            os._exit(0)
        theirs.close()
        self.blind, self.listener = "", -1
        try:
            self.blind, descriptors = frames.receive(self.connection)
        except frames.Gone:
            self.blind = "what starts commands has ended"
        else:
            if not self.blind:
                (self.listener,) = descriptors
                self.blind = "" if seccomp.may_look_into(self.process) else _HIDDEN
                seccomp.hand_over_quickly(self.listener)

    def start(self, program: str, order: Mapping[str, Any], log: int) -> None:
        """Have ``program`` run the line of ``order``. It is told of by its first call; :meth:`end` tells how it ended."""
        what = (program, order["shell"], order["line"], order["folder"], order["environment"], order["umask"], order["processors"])
        frames.send(self.connection, what, (log,))

    def end(self) -> tuple[int, int, str]:
        """Return the command's exit status, negative for a signal; or else the error number for which it was never begun, and why.

        :data:`LOST` is returned where nobody knows.
        """
        try:
            ended: tuple[int, int, str] = frames.receive(self.connection)[0]
        except frames.Gone:
            return LOST
        return ended

    def close(self) -> None:
        """End the process."""
        self.connection.close()
        if self.listener >= 0:
            os.close(self.listener)
        os.waitpid(self.process, 0)


def _serve(connection: socket.socket, permission: Permission | None, folder: str) -> None:
    """Start what is asked for, and tell how each ended, until the supervisor is gone."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    mask = os.umask(0)
    os.umask(mask)
    processors = os.sched_getaffinity(0)
    try:
        if permission is not None:
            from paperbuild.engine.tracing import landlock

            landlock.restrict(folder, *permission.landlock())
        listener = seccomp.install(_FILTER, _MACHINE)
    except OSError as error:
        frames.send(connection, os.strerror(error.errno or errno.EIO))
        return
    frames.send(connection, "", (listener,))
    os.close(listener)
    while True:
        what, (log,) = frames.receive(connection)
        ended = _run(what, nothing, log)
        frames.let_go(log)
        os.umask(mask)
        os.sched_setaffinity(0, processors)
        os.chdir("/")  # what it ran in may be removed, or its disk taken away
        frames.send(connection, ended)


def _run(what: tuple[Any, ...], nothing: int, log: int) -> tuple[int, int, str]:
    """Run one command to its end; return what :meth:`Spawner.end` does."""
    program, shell, line, folder, environment, mask, processors = what
    try:
        os.chdir(folder)
        if mask is not None:
            os.umask(mask)
        if processors:
            try:
                os.sched_setaffinity(0, processors)
            except OSError:
                pass
        words, variables = [shell, "-c", line], dict(environment)
        actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        process = os.posix_spawn(program, words, variables, file_actions=actions, setsigdef=_RESET, setpgroup=0)
    except OSError as error:
        return 0, error.errno or errno.EIO, ""
    except ValueError as error:  # a zero byte in the command or in a variable
        return 0, errno.EINVAL, str(error)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), 0, ""
