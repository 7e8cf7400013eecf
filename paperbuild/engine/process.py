"""Processes: commands in groups of their own, and git. The only module of the engine that starts any.

A command starts behind a gate. Its shell first waits for a line on a pipe; the parent writes that line only after the process group
is in the journal. If the parent dies before, the pipe closes and the command never begins; if it dies later, the next build finds the
group in the journal and ends it. ``PR_SET_PDEATHSIG`` would not do: it does not reach grandchildren.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable

import psutil

from paperbuild.engine.ports import Ended, Job

_GATE = 'IFS= read -r go || exit 125; exec "$1" -c "$2" </dev/null'
_GRACE_S = 5.0
"""How long processes may take to end after SIGTERM before they are killed."""


class LocalExecutor:
    """:class:`paperbuild.engine.ports.Executor` on this machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[int, str] = {}
        self._cancelled = False

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        """See the port."""
        begin = time.monotonic()
        with open(job.log, "wb", buffering=0) as log:
            process = _start_gated(job, log.fileno())
        assert process.stdin is not None
        group = process.pid
        with self._lock:
            self._groups[group] = identity_of(group)
        try:
            with process.stdin as gate:
                started(group, self._groups[group])
                with self._lock:
                    cancelled = self._cancelled
                if not cancelled:
                    with contextlib.suppress(BrokenPipeError):
                        gate.write(b"go\n")
                        gate.flush()
            timed_out = False
            try:
                process.wait(job.time_s)
            except subprocess.TimeoutExpired:
                timed_out = True
            self.end_group(group, self._groups[group])  # also what the command left running behind it
            status = process.wait()
        except BaseException:
            self.end_group(group, self._groups[group])
            process.wait()
            raise
        finally:
            with self._lock:
                del self._groups[group]
        return Ended(status, time.monotonic() - begin, timed_out, self._cancelled)

    def cancel_all(self) -> None:
        """See the port."""
        with self._lock:
            self._cancelled = True
            groups = dict(self._groups)
        for group in groups:
            _signal(group, signal.SIGTERM)

    def end_group(self, group: int, identity: str) -> None:
        """See the port."""
        if not _is_same(group, identity):
            return
        for number, patience_s in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, _GRACE_S)):
            if not _alive(group):
                return
            _signal(group, number)
            deadline = time.monotonic() + patience_s
            pause = 0.001
            while _alive(group) and time.monotonic() < deadline:
                time.sleep(pause)
                pause = min(pause * 2, 0.05)


def _start_gated(job: Job, log: int) -> subprocess.Popen[bytes]:
    """Start the gate of ``job``, with both its streams into ``log``; a line on its standard input opens the gate."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _GATE, "paperbuild", job.shell, job.line],
        cwd=job.folder,
        env=dict(job.environment),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def boot_identity() -> str:
    """Return what tells this boot of the machine from another."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def identity_of(group: int) -> str:
    """Return what tells the process group ``group`` from a later one with that number: the boot, and when its leader started."""
    try:
        return f"{boot_identity()} {psutil.Process(group).create_time():.2f}"
    except psutil.Error:
        return boot_identity()


def _is_same(group: int, identity: str) -> bool:
    """Return whether ``group`` can still be the one that had ``identity``.

    While any member lives the kernel gives the number to nobody else, so a living leader with another start time means that all
    members are gone; without a leader, members that are left are ours.
    """
    boot, _, created = identity.partition(" ")
    if boot != boot_identity():
        return False
    try:
        return not created or f"{psutil.Process(group).create_time():.2f}" == created
    except psutil.Error:
        return True


def _alive(group: int) -> bool:
    """Return whether the group has a member that is not a zombie."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class Git:
    """:class:`paperbuild.engine.ports.VersionControl` by git; without git, or outside a repository, nothing is recoverable."""

    def __init__(self, root: str) -> None:
        self._root = root

    def recoverable(self, path: str) -> bool:
        """See the port."""
        if os.path.isdir(path):
            return self._clean_folder(path)
        staged = self._ask("ls-files", "-s", "--", path).split()
        committed = self._ask("ls-tree", "HEAD", "--", path).split()
        known = {staged[1]} if len(staged) > 3 else set()
        known |= {committed[2]} if len(committed) > 3 else set()
        return bool(known) and self._ask("hash-object", "--", path).strip() in known

    def _clean_folder(self, path: str) -> bool:
        tracked = self._ask("ls-files", "--", path)
        return bool(tracked) and not self._ask("status", "--porcelain", "--ignored", "--untracked-files=all", "--", path).strip()

    def _ask(self, *words: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"GIT_OPTIONAL_LOCKS": "0"}
        try:
            done = subprocess.run(
                ["git", "-C", self._root, "--literal-pathspecs", *words], capture_output=True, timeout=60, check=False, env=environment
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else ""
