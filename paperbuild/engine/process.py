"""Processes: commands in groups of their own, and git. The only module of the engine that starts any.

A command starts behind a gate. A shell first waits for a line on a pipe; the parent writes that line only after the process group
is in the journal. If the parent dies before, the pipe closes and the command never begins; if it dies later, the next build finds the
group in the journal and ends it. ``PR_SET_PDEATHSIG`` would not do: it does not reach grandchildren.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.jobs import Ended, Errand, Job
from paperbuild.engine.ports import Revision
from paperbuild.errors import BuildError

if TYPE_CHECKING:
    import subprocess  # where something runs: it costs 2 ms, and a build with nothing to do starts nothing

_GATE = "IFS= read -r paperbuild_gate || exit 125; unset paperbuild_gate; exec </dev/null; "
"""Stands before a command, on its first line, so that the shell says the same line numbers as without it."""

_SHELL = "/bin/sh"
MARK = "PAPERBUILD_CHECKPOINTS"
"""A variable that every command of a build is given, each with another value, and that nothing else has."""

_GRACE_S = 5.0
"""How long processes may take to end after SIGTERM before they are killed."""


class LocalExecutor:
    """:class:`paperbuild.engine.jobs.Executor` on this machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._cancelled = threading.Event()

    def blind(self) -> str:
        """See the port."""
        return "commands are run without being watched"

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        """See the port."""
        import subprocess

        begin = time.monotonic()
        with open(job.log, "wb", buffering=0) as log:
            process = _start_gated(job, log.fileno())
        assert process.stdin is not None
        group = process.pid
        timed_out = False
        if job.processors and hasattr(os, "sched_setaffinity"):
            with contextlib.suppress(OSError):  # it waits at its gate, or is gone
                os.sched_setaffinity(group, job.processors)
        try:
            with process.stdin as gate:
                with self._lock:
                    self._groups.add(group)
                started(group, identity_of(group))
                if not self._cancelled.is_set():
                    with contextlib.suppress(BrokenPipeError):  # what is no command at all the shell refuses before it waits
                        gate.write(b"go\n")
            try:
                process.wait(job.time_s)
            except subprocess.TimeoutExpired:
                timed_out = True
        finally:
            _end([group])  # after its end: what the command left running behind it
            status = process.wait()
            if timed_out or self._cancelled.is_set():
                _end_escaped(dict(job.environment).get(MARK, ""))
            with self._lock:
                self._groups.discard(group)
        return Ended(status, time.monotonic() - begin, timed_out, self._cancelled.is_set())

    def hear(self, listener: Callable[[Diagnostic], None]) -> None:
        """See the port. All that there is to tell is in how runs end."""

    def rest(self, seconds: float) -> bool:
        """See the port."""
        return not self._cancelled.wait(seconds)

    def cancel_all(self, *, leaves: bool = False) -> None:  # noqa: ARG002 - nothing of ours is elsewhere
        """See the port."""
        with self._lock:
            self._cancelled.set()
            groups = sorted(self._groups)
        _end(groups, lambda group: group in self._groups)

    def call_back(self) -> None:
        """See the port. Nothing is sent from here."""

    def end_group(self, group: int, identity: str) -> None:
        """See the port."""
        if _is_same(group, identity):
            _end([group])

    def recall(self, errands: Sequence[Errand]) -> None:
        """See the port. Nothing is sent from here, so an executor is gone that was there."""
        for errand in errands:
            message = f"a job was sent to the executor {errand.executor}, which is not known any more: it may still run"
            help_ = (f"declare [executor.{errand.executor}] once more, or end it there; its handle was {errand.handle}",)
            raise BuildError(Diagnostic("PB713", message, help=help_))

    def close(self) -> None:
        """See the port."""


def _end(groups: Iterable[int], wanted: Callable[[int], bool] = lambda _: True) -> None:
    """End these groups, first by asking, and wait until they are gone; those that are not ``wanted`` any more are left alone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [group for group in groups if wanted(group) and _alive(group)]
        for group in left:
            _signal(group, number)
        deadline = time.monotonic() + _GRACE_S
        pause_s = 0.001
        while left and time.monotonic() < deadline:
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.05)
            left = [group for group in left if wanted(group) and _alive(group)]
        if not left:
            return


def _end_escaped(value: str) -> None:
    """End what has left the group of a command and still has the value of its mark: what went into a session of its own."""
    import psutil

    def escaped() -> list[int]:
        return [pid for pid in psutil.pids() if _mark_of(pid) == value]

    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _GRACE_S
        while value and (left := escaped()) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            time.sleep(0.02)


def _start_gated(job: Job, log: int) -> subprocess.Popen[bytes]:
    """Start the gate of ``job``, with both its streams into ``log``; a line on its standard input opens the gate."""
    import subprocess

    try:
        return subprocess.Popen(
            _gated(job.shell, job.line),
            cwd=job.folder,
            env=dict(job.environment),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=-1 if job.umask is None else job.umask,
        )
    except ValueError as error:  # a zero byte in the command or in a variable
        raise OSError(errno.EINVAL, f"the command cannot be started: {error}") from None


def _gated(shell: str, line: str) -> Sequence[str]:
    """Return the words of a shell that waits at its gate and then runs ``line``: to start another one for that takes half a millisecond."""
    if shell == _SHELL:
        return (_SHELL, "-c", _GATE + line, _SHELL)
    return (_SHELL, "-c", _GATE + 'exec "$@"', "paperbuild", shell, "-c", line)


def start_apart(words: Sequence[str], folder: str) -> bool:
    """Start a program of the user's, an editor for instance, that goes on by itself; return whether it could be started."""
    import subprocess

    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(words, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    except OSError:
        return False
    threading.Thread(target=process.wait, name="editor", daemon=True).start()  # who waits for it lets it go when it has ended
    return True


@cache
def boot_identity() -> str:
    """Return what tells this boot of the machine from another."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return file.read().decode().strip()
    except OSError:
        import psutil

        return str(int(psutil.boot_time()))


def identity_of(group: int) -> str:
    """Return what tells the process group ``group`` from a later one with that number: the boot, and when its leader started."""
    return f"{boot_identity()} {_start_of(group)}".rstrip()


def _start_of(pid: int) -> str:
    """Return when the process ``pid`` started, the same text for every observer; empty where there is none.

    On Linux in ticks since the boot (field 22 of proc(5) stat): the time of day that is computed from them moves with the clock.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except OSError:
        if os.path.exists("/proc/self/stat"):
            return ""
    import psutil  # costs 12 ms, and only what starts or ends processes needs it

    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""


def _is_same(group: int, identity: str) -> bool:
    """Return whether ``group`` can still be the one that had ``identity``.

    While any member lives the kernel gives the number to nobody else, so a living leader with another start time means that all
    members are gone. Without a leader it is ours where a member has the variable that every command of ours is given.
    """
    boot, _, created = identity.partition(" ")
    if boot != boot_identity():
        return False
    start = _start_of(group)
    return start == created if start else any(_mark_of(pid) for pid in _members(group))


def is_running(group: int, identity: str) -> bool:
    """Return whether something of the process group that had ``identity`` still runs."""
    return _is_same(group, identity) and _alive(group)


def _members(group: int) -> Iterator[int]:
    """Yield the processes in the group that are not zombies."""
    import psutil

    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                yield pid


def _mark_of(pid: int) -> str | None:
    """Return the value of the mark that the process ``pid`` was started with; None where it has none, or nobody may know."""
    import psutil

    try:
        return psutil.Process(pid).environ().get(MARK)
    except (psutil.Error, OSError):
        return None


def _alive(group: int) -> bool:
    """Return whether the group has a member that is not a zombie."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return next(_members(group), None) is not None


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def run_git(folder: str, words: Sequence[str], limit_s: float, index: str = "") -> tuple[int, bytes, bytes]:
    """Run git in ``folder`` and return its status and what it wrote to both streams; 127 where it is not there or took too long.

    ``index`` is the path of an index of its own, "" for the repository's.

    What hooks are given in variables names a repository, an index, a work tree: not those that ``folder`` means.
    """
    import subprocess

    kept = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in kept}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    if index:
        environment["GIT_INDEX_FILE"] = index
    try:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, timeout=limit_s, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, b"", str(error).encode()
    return done.returncode, done.stdout, done.stderr


class Git:
    """:class:`paperbuild.engine.ports.VersionControl` by git; without git, or outside a repository, nothing is recoverable."""

    def __init__(self, root: str) -> None:
        self._root = root

    def recoverable(self, path: str, but_for: Container[str] = ()) -> bool:
        """See the port."""
        if os.path.isdir(path):
            return self._clean_folder(path, but_for)
        staged = self._ask("ls-files", "-s", "--", path).split()
        committed = self._ask("ls-tree", "HEAD", "--", path).split()
        known = {staged[1]} if len(staged) > 3 else set()
        known |= {committed[2]} if len(committed) > 3 else set()
        return bool(known) and self._ask("hash-object", "--", path).strip() in known

    def revision(self) -> Revision | None:
        """See the port."""
        commit = self._ask("rev-parse", "--verify", "HEAD").strip()
        return Revision(commit, not self._ask("status", "--porcelain", "--untracked-files=no").strip()) if commit else None

    def versions_of(self, name: str) -> Iterator[tuple[str, bytes]]:
        """See the port."""
        seen: set[bytes] = set()
        for where, content in (*self._in_trees(name), *self._in_references(name)):
            if content not in seen:
                seen.add(content)
                yield where, content

    def _in_trees(self, name: str) -> Iterator[tuple[str, bytes]]:
        lines = self._ask("worktree", "list", "--porcelain").splitlines()
        trees = [line.removeprefix("worktree ") for line in lines if line.startswith("worktree ")]
        for tree in trees:
            listed = self._output("-C", tree, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f":(glob)**/{name}")
            for path in filter(None, listed.split(b"\0")):
                whole = os.path.join(tree, os.fsdecode(path))
                with contextlib.suppress(OSError), open(whole, "rb") as file:
                    yield whole, file.read()

    def _in_references(self, name: str) -> Iterator[tuple[str, bytes]]:
        found: dict[str, str] = {}
        commits: dict[str, str] = {}
        for line in self._ask(
            "for-each-ref", "--format=%(objectname) %(refname:short)", "refs/heads", "refs/remotes", "refs/tags"
        ).splitlines():
            commit, _, reference = line.partition(" ")
            commits.setdefault(commit, reference)
        for commit, reference in commits.items():
            for entry in self._ask("ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
                facts, _, path = entry.partition("\t")
                if path == name or path.endswith(f"/{name}"):
                    found.setdefault(facts.split()[2], f"{path} of {reference}")
        for blob, where in found.items():
            yield where, self._output("-C", self._root, "cat-file", "blob", blob)

    def _clean_folder(self, path: str, but_for: Container[str]) -> bool:
        if not self._ask("ls-files", "--", path):
            return False
        top = self._ask("rev-parse", "--show-toplevel").rstrip("\n")
        told = self._ask("status", "--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all", "--", path)
        places = (f"{top}/{line[3:]}" for line in told.split("\0") if line)
        base, real = os.path.realpath(path), os.path.realpath
        inside = (f"{path}{real(os.path.dirname(p))[len(base) :]}/{os.path.basename(p)}" for p in places if os.path.lexists(p))
        return all(place in but_for for place in inside)

    def _ask(self, *words: str) -> str:
        return self._output("-C", self._root, "--literal-pathspecs", *words).decode(errors="surrogateescape")

    def _output(self, *words: str) -> bytes:
        import subprocess

        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"GIT_OPTIONAL_LOCKS": "0"}
        try:
            done = subprocess.run(["git", *words], capture_output=True, timeout=60, check=False, env=environment)
        except (OSError, subprocess.TimeoutExpired):
            return b""
        return done.stdout if done.returncode == 0 else b""
