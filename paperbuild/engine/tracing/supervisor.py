"""The processes that watch commands. Run as a program; imports as little as possible, since every build with something to run starts one.

One *starter* serves a build. It has one thread, so it may fork, which a build with its lanes must not. It forks a *supervisor* whenever
the build needs one more, and each of those watches one command after the other, with a :class:`Spawner` that starts them. They talk by
:mod:`.frames`:

=====================  ===========================================================================================================
build → starter        a descriptor: the socket by which build and supervisor talk from now on
supervisor → build     why nothing can be watched ("" where it can); then for each command its number once it waits at its gate,
                       and a report at its end
build → supervisor     for each command an :class:`paperbuild.engine.tracing.executor.Order` with the descriptor of its log, and then
                       whether it may go on; anything more has the command ended, and the supervisor with it
=====================  ===========================================================================================================

Whoever loses the other ends: a supervisor without a build ends its command, a command whose supervisor is gone gets "not implemented"
for every call that names a file, and so cannot go on unseen.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import sys

from paperbuild.engine.tracing import frames, seccomp
from paperbuild.engine.tracing.ending import Ending
from paperbuild.engine.tracing.frames import socket
from paperbuild.engine.tracing.notices import Notices
from paperbuild.engine.tracing.permission import Closed, Permission
from paperbuild.engine.tracing.sightings import Sightings
from paperbuild.engine.tracing.spawner import LOST, Spawner

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any
else:
    import _signal as signal  # the module around it takes 4 ms to import

_NEVER_BEGUN = 125  # exit status of a command whose gate did not open


def serve(control: socket.socket) -> None:
    """Start a supervisor whenever the build asks for one, until the build is gone; then end this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the build decides what Ctrl-C means
    if os.getsid(0) != os.getpid():
        os.setsid()
    _close_all_above(control.fileno())
    gc.disable()  # a job makes no garbage that only it would find, and looking for it would copy memory that the processes share
    while True:
        try:
            _, (connection,) = frames.receive(control)
        except frames.Gone:
            break
        if os.fork() == 0:
            control.close()
            try:
                _Supervisor(socket.socket(fileno=connection)).serve()
            except frames.Gone:
                pass
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(70)
            os._exit(0)
        os.close(connection)
        _wait_for_children(os.WNOHANG)
    _wait_for_children(0)
    os._exit(0)


def _close_all_above(descriptor: int) -> None:
    """Close what the build had inherited from whoever called it, and commands must not have."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > descriptor:
            try:
                os.close(int(name))
            except OSError:  # the one by which the folder was read
                pass


def _wait_for_children(how: int) -> None:
    try:
        while os.waitpid(-1, how)[0]:
            pass
    except ChildProcessError:
        pass


class _Supervisor:
    """Watches one command after the other, until the build is gone or wants one ended."""

    def __init__(self, build: socket.socket) -> None:
        self._build = build
        seccomp.adopt_orphans()
        os.setsid()  # kernels share processors out among sessions: it takes turns with its own command then, not with those beside it
        self._spawner = Spawner(closing=(build.fileno(),))

    def serve(self) -> None:
        """Serve the build.

        Raises:
            Gone: it needs no supervisor any more, or there is none.
        """
        try:
            frames.send(self._build, self._spawner.blind)
            while not self._spawner.blind:
                order, (log,) = frames.receive(self._build)
                watched = _Watched(self._build, order)
                spawner = self._spawner if watched.permission is None else self._strict(order, watched.permission, log)
                try:
                    frames.send(self._build, watched.run(spawner, log, {self._spawner.process, spawner.process}))
                finally:
                    frames.let_go(log)
                    if spawner is not self._spawner:
                        spawner.close()
                if watched.is_over_early:
                    return
        finally:
            self._spawner.close()

    def _strict(self, order: dict[str, Any], permission: Permission, log: int) -> Spawner:
        """Return a spawner for one command that is held to ``permission``."""
        return Spawner(permission, order["folder"], (self._build.fileno(), self._spawner.connection.fileno(), self._spawner.listener, log))


class _Watched:
    """One command, and what it does. ``is_over_early`` says that the build had it ended, or is gone."""

    def __init__(self, build: socket.socket, order: dict[str, Any]) -> None:
        self._build = build
        self._order = order
        kept = order["kept"]
        self._sightings = Sightings(kept, order["dropped"], order["grouped"], order["unsettled"])
        self.permission = None if order["readable"] is None else Permission(kept, order["readable"], order["writable"])
        closed = Closed(order["closed"], order["ajar"]) if order["closed"] else None
        self._notices = Notices(self._sightings, self.permission, closed)
        self._command = 0
        self._begun = False
        self.is_over_early = False

    def run(self, spawner: Spawner, log: int, spawners: set[int]) -> dict[str, object]:
        """Watch the command to its end; return what the build is told of it. ``spawners`` are processes that go on.

        Raises:
            Gone: nobody knows how it ended.
        """
        if spawner.blind:
            self._notices.blind = spawner.blind
            return self._report(_NEVER_BEGUN)
        spawner.start(self._program(), self._order, log)
        ended = self._watch(spawner, spawners)
        if ended == LOST:
            raise frames.Gone
        status, refused, why = ended
        if refused and self._begun:
            os.write(log, f"{self._order['shell']}: {os.strerror(refused)}\n".encode())
            status = 127 if refused == errno.ENOENT else 126
        elif refused:
            status = _NEVER_BEGUN
            if not self.is_over_early:
                return self._report(status) | {"unstarted": why or os.strerror(refused)}
        return self._report(status)

    def _program(self) -> str:
        """Return where the shell is: as execvp(3) looks for it, which sees, too, where it is not."""
        shell: str = self._order["shell"]
        if "/" in shell:
            return shell
        candidate = shell
        for folder in dict(self._order["environment"]).get("PATH", os.defpath).split(":"):
            candidate = os.path.join(self._order["folder"], folder, shell)
            if os.access(candidate, os.X_OK) and not os.path.isdir(candidate):
                break
            path = os.fsencode(candidate)
            if self._sightings.matters(path):
                self._sightings.ran(path)
        return candidate

    def _gate(self, process: int) -> bool:
        """Tell the build that the command waits, as ``process``; return whether it may go on."""
        self._command = process
        try:
            frames.send(self._build, process)
            self._begun, _ = frames.receive(self._build)
        except frames.Gone:
            self._begun = False
        self.is_over_early = not self._begun
        return self._begun

    def _watch(self, spawner: Spawner, spawners: set[int]) -> tuple[int, int, str]:
        """Let the command and its descendants go on until all have ended; return how the command did."""
        listener, said, build = spawner.listener, spawner.connection.fileno(), self._build.fileno()
        poll = select.poll()
        for descriptor in (said, build, listener):
            poll.register(descriptor, select.POLLIN)
        wait, only_a_call = poll.poll, [(listener, select.POLLIN)]
        take_call, sightings = self._notices.taking(listener, self._gate), self._sightings
        ended: tuple[int, int, str] | None = None
        ending = Ending(spawners)
        while True:
            events = wait(ending.pause_ms)
            if events == only_a_call and ending.pause_ms is None:  # all but a few of thousands of times
                take_call()
                if sightings.touched:
                    ending.begin(self._command, at_once=True)
                continue
            for descriptor, event in events:
                if descriptor == listener and event & select.POLLIN:
                    take_call()
                    continue
                poll.unregister(descriptor)
                if descriptor == said:
                    ended = spawner.end()
                    if ending.is_over():
                        return ended
                self.is_over_early = self.is_over_early or descriptor == build
                ending.begin(self._command, at_once=ended == LOST)  # what it left running ends, too; or the build says so, or is gone
            if ended is not None and ending.is_over():
                return ended
            ending.go_on()

    def _report(self, status: int) -> dict[str, object]:
        self._notices.read_sheet()
        seen = self._sightings
        seen.take_back_openings()
        return {
            "status": status,
            "begun": self._begun,
            "unstarted": "",
            "blind": self._notices.blind,
            "touched": seen.touched,
            "denied": sorted(self._notices.denied),
            "seen": [(path, bits, state) for path, (bits, state) in seen.seen.items()],
            "groups": [(prefix, sorted(names)) for prefix, names in seen.groups.items()],
            "links": list(seen.links.items()),
            "sought": sorted(seen.sought),
        }
