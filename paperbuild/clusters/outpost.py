"""What runs at the other end: ``python -m paperbuild.clusters.outpost FOLDER…`` runs the parcels in these folders, one after the other.

Those share a job because they were short the last time. Where they are not, the rest of them are left to jobs of their own.

Each begins once, and only where whoever sent it has noted where it is (the file ``go``): one that nobody would find again shall not run.
How it ended is written last and as a whole, so that it is there or is not. Formats: :mod:`paperbuild.engine.cluster`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import msgspec

from paperbuild import __version__
from paperbuild.clusters.clocks import Reading, ahead_of_files, tell_clock
from paperbuild.engine.cluster import BEGUN, ENDED, GO, LEFT, LOG, PARCEL, STOP, Parcel, Report, files_in, packed, parcel_of
from paperbuild.engine.digest import file_digest
from paperbuild.engine.environment import LocalEnvironment
from paperbuild.engine.jobs import Elsewhere, Ended, Executor, Job, Seen, Sighting
from paperbuild.engine.platforms import platform_here, python_here
from paperbuild.engine.rules import Treatment
from paperbuild.engine.trace import Package
from paperbuild.engine.tracing.heard import VARIABLE
from paperbuild.engine.tracing.sightings import ASKED, RAN, READ, UPDATES
from paperbuild.engine.workshop import local_executor
from paperbuild.errors import PaperbuildError

GATE_S = 120.0
"""How long to wait for ``go``: a file that another machine wrote may be seen here a minute late."""

ROOM_S = 60.0
"""How long after a job began it begins another parcel: so one that takes as long as it may is still within what one alone asks for."""

ATTENDED = "PAPERBUILD_ATTENDED"
"""A variable that says that whoever started this holds its standard input open as long as it lives: when that closes, all is to end."""

_SETTLE_S = 0.1
"""How long after a command it is told how that ended. Who ends a job asks all its processes, one after the other: a shell whose child has
heard of it goes on, and may have ended well, with half a result, before we hear of it."""

_LOOK_S = 0.2  # for signals; the end of a job is heard at once
_ASK_S = 1.0  # for ``stop``: a thousand jobs ask the server of one file system

_ALLOTTED = ("SLURM_", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "TMPDIR")
"""What a scheduler says about the place that a job got: its command is told, too."""


class Outpost:
    """Runs parcels on this machine."""

    def __init__(self) -> None:
        self._ending = False
        self._telling: list[threading.Thread] = []

    def end(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """End what runs, and begin nothing more. May be called by a signal."""
        self._ending = True

    def run(self, folder: str) -> bool:
        """Run the parcel in ``folder``; return whether it says how it ended, now or a moment later: :meth:`finish` waits for that."""
        try:
            with open(f"{folder}/{PARCEL}", "rb") as file:
                data = file.read()
            if not self._may_begin(folder):
                return False
        except FileNotFoundError:
            _tell(f"nobody wants {folder} any more")
            return False
        report = self.report(folder, data)
        teller = threading.Thread(target=lambda: _write(f"{folder}/{ENDED}", packed(self.settled(report))), name="telling")
        self._telling.append(teller)
        teller.start()  # beside the next parcel
        return True

    def finish(self) -> None:
        """Wait until it is told how all ended."""
        for teller in self._telling:
            teller.join()

    def settled(self, report: Report) -> Report:
        """Return ``report`` of a command that has just ended, once it is known whether that was its own end or everybody's here."""
        if report.ended is None or report.ended.cancelled:
            return report
        time.sleep(_SETTLE_S)
        return msgspec.structs.replace(report, ended=msgspec.structs.replace(report.ended, cancelled=True)) if self._ending else report

    def report(self, folder: str, data: bytes) -> Report:
        """Run the parcel that ``data`` holds; what it says goes to a file in ``folder``. Return how it ended."""
        began_ns = time.time_ns()
        try:
            parcel = parcel_of(data)
            refused = tuple(differences(parcel))
        except ValueError:  # of another version, which is told as well as can be
            with contextlib.suppress(ValueError):
                refused = tuple(_version_differs(str(msgspec.json.decode(data).get("version", "?"))))
            refused = refused or (f"{folder}/{PARCEL} cannot be read: it is damaged",)
        ended, fault = (None, "") if refused else self._ended(folder, parcel)
        return Report(__version__, socket.gethostname(), refused, fault, ended, (began_ns, time.time_ns()))

    def _ended(self, folder: str, parcel: Parcel) -> tuple[Ended | None, str]:
        """Run the parcel; return how it ended, or what went wrong."""
        try:
            return self._run(folder, parcel), ""
        except PaperbuildError as error:
            fault = error.diagnostics[0].message
        except OSError as error:
            fault = f"{error.filename or 'the command'}: {error.strerror}"
        time.sleep(_LOOK_S)  # a scheduler asks all processes at once to end: what watches the command may be gone before we hear
        return (Ended(-signal.SIGTERM, 0.0, cancelled=True), "") if self._ending else (None, fault)

    def _may_begin(self, folder: str) -> bool:
        """Wait until it is known where the parcel is; return whether it begins here and now, for the first time."""
        deadline, pause_s = time.monotonic() + GATE_S, 0.02
        while GO not in (names := files_in(folder)) and not self._ending and STOP not in names:
            if time.monotonic() > deadline:
                _tell(f"nobody said that {folder} may begin")
                return False
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.5)
        if self._ending or STOP in names:
            return False
        try:
            ahead = ahead_of_files(f"{folder}/{BEGUN}", _begin)
        except FileExistsError:
            _tell(f"{folder} began before, and is not begun again")
            return False
        tell_clock(folder, Reading(socket.gethostname(), ahead))
        return True

    def _run(self, folder: str, parcel: Parcel) -> Ended:
        environment = dict(parcel.job.environment)
        environment |= {name: value for name, value in os.environ.items() if name.startswith(_ALLOTTED)}
        executor = local_executor()
        try:
            if parcel.job.watch is not None and not executor.blind():
                environment.pop(VARIABLE, None)  # who is watched tells by its calls
            job = msgspec.structs.replace(parcel.job, log=f"{folder}/{LOG}", environment=tuple(sorted(environment.items())))
            ended = self._await(folder, job, executor)
            told = Elsewhere(socket.gethostname(), *_looked_at(job, ended.seen))
        finally:
            executor.close()
        return msgspec.structs.replace(ended, elsewhere=told)

    def _await(self, folder: str, job: Job, executor: Executor) -> Ended:
        """Run ``job`` beside this thread, which alone hears signals; end it when it is not wanted any more."""
        done = threading.Event()
        outcome: list[Ended | BaseException] = []

        def work() -> None:
            try:
                outcome.append(executor.run(job, lambda _group, _identity: None))
            except BaseException as error:
                outcome.append(error)
            done.set()

        worker = threading.Thread(target=work, name=job.action, daemon=True)
        worker.start()
        cancelled, look_at_s = False, 0.0
        while not done.wait(_LOOK_S):
            now_s = time.monotonic()
            stops = now_s >= look_at_s and _is_unwanted(folder)
            look_at_s = now_s + _ASK_S if now_s >= look_at_s else look_at_s
            if not cancelled and (self._ending or stops):
                cancelled = True
                executor.cancel_all()
        worker.join()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]


def _begin(path: str) -> None:
    with open(path, "x", encoding="utf-8") as file:
        file.write(f"{socket.gethostname()} {os.getpid()}\n")


def _is_unwanted(folder: str) -> bool:
    """Return whether the parcel in ``folder``, which runs, is to end."""
    try:
        return STOP in files_in(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # a server that does not answer says nothing


def differences(parcel: Parcel) -> Iterator[str]:
    """Yield what is not here as it is where ``parcel`` comes from, so that its result would not be what its key says."""
    yield from _version_differs(parcel.version)
    host = socket.gethostname()
    for there, here, what in ((parcel.python, python_here(), "Python"), (parcel.platform, platform_here(), "machine")):
        if there and there != here:
            yield f"the {what} of {host} is {here}, and here it is {there}"
    for name, told in parcel.facts:
        from paperbuild.engine.machine_facts import fact_here

        if fact_here(name) != told:
            yield f"the {name} of {host} is {fact_here(name)}, and platform in the table of the executor says {told}"
    if not os.path.isdir(parcel.job.folder):
        yield f"{host} does not have {parcel.job.folder}: the project's folder must be shared with it"


def _version_differs(version: str) -> Iterator[str]:
    if version != __version__:
        yield f"paperbuild is {__version__} on {socket.gethostname()}, and {version} here"


def _looked_at(job: Job, seen: Seen | None) -> tuple[tuple[tuple[str, str | None], ...], tuple[Package, ...]]:
    """Return what of this machine itself the job looked at: digests of files outside the project, and packages."""
    if seen is None or job.watch is None:
        return (), ()
    base = dict(job.environment)
    python = base.get("PATH", os.defpath).partition(os.pathsep)[0]
    environment = LocalEnvironment(base, python, base.get("PYTHONPYCACHEPREFIX", ""), root=job.folder)
    kept = job.watch.kept
    digests = [
        (sighting.path, _digest_of(sighting))
        for sighting in seen.sightings
        if not sighting.path.startswith(kept)
        and sighting.state is not None
        and sighting.state[0] == "file"
        and sighting.bits & (READ | RAN | ASKED | UPDATES)
        and environment.treatment(sighting.path) is Treatment.INPUT
    ]
    items = (item for prefix, names in seen.groups for item in environment.grouped(prefix, names))
    return tuple(digests), tuple(item for item in items if isinstance(item, Package))


def _digest_of(sighting: Sighting) -> str | None:
    """Return the digest of the file; None where it is not any more what the job saw."""
    try:
        now = os.stat(sighting.path)
        assert sighting.state is not None
        same = (now.st_size, now.st_mtime_ns) == sighting.state[1:3]
        return file_digest(sighting.path) if same else None
    except OSError:
        return None


def _tell(text: str) -> None:
    """Say what the scheduler keeps of a job's own words."""
    sys.stderr.write(f"paperbuild: {text}\n")


def _write(path: str, data: bytes) -> None:
    with open(f"{path}.new", "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)


def _attend(outpost: Outpost) -> None:
    while os.read(0, 64):
        pass
    outpost.end()


def attended() -> Outpost:
    """Return an outpost that ends what it runs when this process is asked to end, or whoever started it has died."""
    outpost = Outpost()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, outpost.end)
    if os.environ.pop(ATTENDED, ""):
        threading.Thread(target=_attend, args=(outpost,), name="attended", daemon=True).start()
    return outpost


def in_turn(parcels: Sequence[str], run: Callable[[str], bool], leave: Callable[[str], None]) -> bool:
    """``run`` one of ``parcels`` after the other, and ``leave`` those that have not begun after :data:`ROOM_S`.

    Return whether each says how it ended.
    """
    turn, rest = threading.Lock(), deque(parcels)

    def following() -> Iterator[str]:
        while True:
            with turn:
                if not rest:
                    return
                parcel = rest.popleft()
            yield parcel

    def leave_rest() -> None:
        for parcel in following():
            leave(parcel)

    timer = threading.Timer(ROOM_S, leave_rest)
    timer.daemon = True
    if len(parcels) > 1:
        timer.start()
    told = [run(parcel) for parcel in following()]
    timer.cancel()
    return all(told)


def _leave(folder: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # nobody wants it any more
        _write(f"{folder}/{LEFT}", b"")


def main(folders: Sequence[str]) -> int:
    """Run the parcels in ``folders``; return the exit status: 0 where each says how it ended."""
    outpost = attended()
    told = in_turn(folders, outpost.run, _leave)
    outpost.finish()
    return 0 if told else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
