"""Commands sent to machines that others run: the engine's ``Executor`` over a ``Cluster``.

Jobs that come within a short moment are handed in together. One thread speaks with the cluster, hands in, looks how far each is, and
cancels; how a job ended it reads off its folder, which it looks at far more often than it asks the scheduler. Whoever runs a job waits for
that thread. A scheduler that does not answer ends nothing: jobs that were sent stay where they are, to be found again.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from paperbuild import __version__
from paperbuild.clusters.clocks import Clocks
from paperbuild.clusters.footing import Footing, mark_of
from paperbuild.clusters.orders import Recall, Sent
from paperbuild.clusters.pace import Pace, Rounds, silence_s
from paperbuild.clusters.parcel_folder import keep_log, last_word, may_run, remove, show_log, write_whole
from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.cluster import (
    BEGUN,
    CLOCK,
    ENDED,
    GO,
    LEFT,
    LOG,
    PARCEL,
    STOP,
    Cluster,
    Fate,
    Parcel,
    Report,
    files_in,
    packed,
    report_of,
)
from paperbuild.engine.graph import Resources
from paperbuild.engine.jobs import Ended, Errand, Job
from paperbuild.engine.platforms import platform_here, python_here
from paperbuild.errors import BuildError

_CANCELLED = Ended(-15, 0.0, cancelled=True)

_LEFT = Diagnostic("PB709", "the terminal is gone, and what runs elsewhere goes on", severity=Severity.NOTE)


class FarExecutor:
    """:class:`paperbuild.engine.jobs.Executor` for jobs with an errand, by ``cluster``."""

    def __init__(self, cluster: Cluster, pace: Pace | None = None) -> None:
        self._cluster = cluster
        self._pace = pace or Pace()
        self._changed = threading.Condition()
        self._new: list[Sent] = []
        self._out: list[Sent] = []
        self._recalls: list[Recall] = []
        self._thread: threading.Thread | None = None
        self._is_woken = False
        self._cancelled = self._called_back = False
        self._leaves = False
        self._closing = False
        self._came_s = self._first_came_s = self._longest_gap_s = self._not_before_s = 0.0
        self._has_answered = False
        self._clocks = Clocks()

    def hear(self, listener: Callable[[Diagnostic], None]) -> None:
        """See the port."""
        self._clocks.tells = listener

    def blind(self) -> str:
        """See the port. Whether commands can be watched there is known only there; each tells."""
        return ""

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        """See the port. A job whose errand has a handle was sent by an earlier process: it is waited for."""
        errand = job.errand
        assert errand is not None
        begin_s = time.monotonic()
        sent = Sent(_parcel(job, errand), errand.handle, Footing(errand.rests_on))
        if not errand.handle:
            os.makedirs(errand.folder)
            os.chmod(errand.folder, 0o700)  # a command's variables may be secrets
            write_whole(f"{errand.folder}/{PARCEL}", packed(sent.parcel))
            write_whole(f"{errand.folder}/{LOG}", b"")  # whoever looks at it from now on sees it grow
        show_log(job, errand.folder)

        def begins_anew(group: int, handle: str) -> None:
            started(group, handle)
            remove(f"{errand.folder}/{LEFT}")

        self._see_through(sent, errand, started)
        while sent.is_left:
            remove(f"{errand.folder}/{GO}")
            alone = msgspec.structs.replace(sent.parcel, expected_s=None)  # those like it took long
            sent = Sent(alone, "", sent.footing)
            self._see_through(sent, errand, begins_anew)
        keep_log(job, errand.folder)
        if not sent.handle:  # it never went, and nobody will look for it
            shutil.rmtree(errand.folder, ignore_errors=True)
        if sent.faults:
            raise BuildError(*sent.faults)
        assert sent.ended is not None
        return sent.ended if sent.ended.duration_s else msgspec.structs.replace(sent.ended, duration_s=time.monotonic() - begin_s)

    def _see_through(self, sent: Sent, errand: Errand, started: Callable[[int, str], None]) -> None:
        """Have ``sent`` handed in, unless it was, and wait until it is over."""
        is_new = not sent.handle
        self._take(sent)
        sent.handed_in.wait()
        if not sent.over.is_set() and is_new:
            try:
                started(0, sent.handle)
            except BaseException:
                self.recall((msgspec.structs.replace(errand, handle=sent.handle),))
                raise
            write_whole(f"{errand.folder}/{GO}", sent.handle.encode())
            sent.has_gone = True
        sent.over.wait()

    def rest(self, seconds: float) -> bool:
        """See the port."""
        with self._changed:
            self._changed.wait_for(lambda: self._cancelled, seconds)
            return not self._cancelled

    def cancel_all(self, *, leaves: bool = False) -> None:
        """See the port."""
        with self._changed:
            self._cancelled = True
            self._leaves = leaves
            waiting = (*self._new, *self._out)
            self._changed.notify_all()
        self._cluster.halt()
        for sent in waiting:
            sent.over.wait()

    def call_back(self) -> None:
        """See the port."""
        with self._changed:
            self._called_back = True
            if self._thread is not None:
                self._wake()

    def recall(self, errands: Sequence[Errand]) -> None:
        """End jobs that an earlier process sent, and wait until they are gone.

        Raises:
            BuildError: the scheduler cannot be asked to; they may still run.
        """
        wish = Recall(tuple(errands))
        with self._changed:
            self._recalls.append(wish)
            self._wake()
        wish.over.wait()
        if wish.faults:
            raise BuildError(*wish.faults)

    def end(self, errand: Errand, handle: str) -> None:
        """End a job that runs, alone; whoever waits for it hears that somebody did."""
        self.recall((msgspec.structs.replace(errand, handle=handle),))

    def end_group(self, group: int, identity: str) -> None:
        """See the port. There are no groups of ours here."""

    def close(self) -> None:
        """See the port. What was handed in goes on."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._cluster.close()

    def _take(self, sent: Sent) -> None:
        with self._changed:
            if self._cancelled or (self._called_back and not sent.handle):
                sent.end(_CANCELLED)
                return
            last_came_s, self._came_s = self._came_s, time.monotonic()
            if sent.handle:
                self._out.append(sent)
            else:
                if not self._new:
                    self._first_came_s, self._longest_gap_s = self._came_s, 0.0
                else:
                    self._longest_gap_s = max(self._longest_gap_s, self._came_s - last_came_s)
                self._new.append(sent)
            self._wake()

    def _wake(self) -> None:
        """Have the thread that speaks with the cluster see what is new. Called with the lock."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="dispatch", daemon=True)
            self._thread.start()
        self._is_woken = True
        self._changed.notify_all()

    # the one thread that speaks with the cluster

    def _serve(self) -> None:
        rounds = Rounds(self._pace)
        while True:
            with self._changed:
                self._changed.wait_for(self._is_urgent, self._pause_s(rounds))
                self._is_woken = False
                if self._closing and not self._recalls:
                    return
                batch = self._batch()
                recalls, self._recalls = self._recalls, []
            try:
                for wish in recalls:
                    self._cancel(wish)
                if self._cancelled:
                    self._cancel_out()
                    continue
                if self._called_back:
                    self._call_all_back()
                if batch:
                    self._hand_in(batch, rounds)
                    rounds.begin_anew()
                self._look(rounds)
            except BaseException as error:  # ours: whoever waits must hear of it, or waits for ever
                self._fail_all(error)

    def _is_urgent(self) -> bool:
        return self._is_woken or self._closing or (self._cancelled and bool(self._new or self._out))

    def _is_gathered(self) -> bool:
        now_s = time.monotonic()
        if now_s < self._not_before_s:
            return False
        silence = silence_s(self._pace.quiet_s, self._longest_gap_s)
        return bool(self._new) and (now_s >= self._came_s + silence or now_s >= self._first_came_s + self._pace.gather_s)

    def _pause_s(self, rounds: Rounds) -> float | None:
        pauses = [self._pace.quiet_s] if self._new else []
        return min((*pauses, rounds.glance_s)) if self._out else next(iter(pauses), None)

    def _batch(self) -> list[Sent]:
        if self._cancelled or self._called_back or not self._is_gathered():
            return []
        batch, self._new = self._new, []
        self._out += batch
        return batch

    def _hand_in(self, batch: Sequence[Sent], rounds: Rounds) -> None:
        """Hand in ``batch``, those that ask for the same at once. A fault is told to the first that it hits: it is the same for all.

        What a scheduler that has answered before does not answer now is tried again for a while.
        """
        groups: dict[Resources, list[Sent]] = {}
        for sent in batch:
            groups.setdefault(sent.parcel.resources, []).append(sent)
        for group in groups.values():
            try:
                handles = self._cluster.submit([sent.parcel for sent in group])
            except BuildError as error:
                if self._has_answered and _is_away(error) and not (self._cancelled or rounds.is_given_up()):
                    self._put_back(group)
                    continue
                first = () if self._cancelled else group[:1]
                for sent in first:
                    sent.end(None, error.diagnostics)
                for sent in group[len(first) :]:
                    sent.end(_CANCELLED)
            else:
                self._has_answered = True
                rounds.was_answered()
                for sent, handle in zip(group, handles, strict=True):
                    sent.handle = handle
                    sent.handed_in.set()
        self._drop_ended()

    def _put_back(self, group: Sequence[Sent]) -> None:
        """Have ``group`` handed in later."""
        with self._changed:
            self._out = [sent for sent in self._out if sent not in group]
            self._new = [*group, *self._new]
            self._not_before_s = time.monotonic() + self._pace.ask_s

    def _look(self, rounds: Rounds) -> None:
        out = [sent for sent in self._out if sent.handle]
        for sent in out:
            self._read_end(sent)
        if self._drop_ended():
            rounds.begin_anew()
        elif rounds.may_ask() and out:
            self._ask(out, rounds)
            self._drop_ended()
        rounds.go_on()

    def _ask(self, out: Sequence[Sent], rounds: Rounds) -> None:
        try:
            fates = self._cluster.look([sent.handle for sent in out])
        except BuildError as error:
            if rounds.is_given_up():
                for sent in out:
                    sent.end(Ended(-1, 0.0, unreachable=error.diagnostics))
            return
        self._has_answered = True
        rounds.was_answered()
        now_s = time.monotonic()
        for sent in out:
            fate = fates.get(sent.handle, Fate("gone", "the scheduler does not know it any more"))
            if fate.state not in {"ended", "gone"}:
                sent.gone_since_s = None
                sent.tell(fate)
                continue
            sent.detail = fate.detail
            sent.gone_since_s = now_s if sent.gone_since_s is None else sent.gone_since_s
            self._read_end(sent)
            if not sent.over.is_set() and now_s - sent.gone_since_s >= self._pace.late_s:
                sent.end(Ended(-1, 0.0, lost=": ".join(filter(None, (fate.detail or "nobody knows why", last_word(sent.folder))))))
            rounds.ask_soon()
        self._call_back(out)

    def _call_all_back(self) -> None:
        """End all that wait: nobody wants them any more."""
        with self._changed:
            new, self._new = self._new, []
        for sent in self._out:
            self._read_end(sent)
        waiting = [*_waiting(self._out)]
        faults = self._end({sent.folder: sent.handle for sent in waiting}) if waiting else ()
        for sent in waiting:
            self._read_end(sent)  # one that began in that moment may have come to its end
        for sent in (*new, *(sent for sent in waiting if not sent.over.is_set())):
            sent.end(Ended(-1, 0.0, unreachable=faults) if faults and sent.handle else _CANCELLED)
        self._drop_ended()

    def _call_back(self, out: Sequence[Sent]) -> None:
        """End those of ``out`` that wait, and would not find any more what they were sent for."""
        look = functools.cache(mark_of)
        waiting = _waiting(out)
        moved = {sent: path for sent in waiting if (path := sent.footing.moved(look))}
        if moved and not self._end({sent.folder: sent.handle for sent in moved}):
            for sent, path in moved.items():
                sent.end(Ended(-1, 0.0, overtaken=path))

    def _read_end(self, sent: Sent) -> None:
        """Read how ``sent`` ended, where its folder says so."""
        if sent.over.is_set():
            return
        has_gone = sent.has_gone
        try:
            names = files_in(sent.folder)
            if CLOCK in names and not sent.clock_is_known:
                sent.clock_is_known = self._clocks.begun(sent.folder)
            sent.has_begun = BEGUN in names
            if ENDED not in names:
                if LEFT in names and has_gone:
                    sent.leave()
                return
            with open(f"{sent.folder}/{ENDED}", "rb") as file:
                report = report_of(file.read())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            sent.end(Ended(-1, 0.0, lost=f"{ENDED} cannot be read: {error}"))
            return
        if report.version == __version__:
            self._clocks.ended(report, sent.sent_ns)
        if report.ended is None or report.version != __version__:
            sent.end(None, (_not_run(sent.parcel.job.action, report),))
        elif not report.ended.cancelled:
            sent.end(report.ended)
        elif sent.gone_since_s is not None:  # somebody else ended it, and the scheduler said who
            sent.end(msgspec.structs.replace(report.ended, cancelled=False, lost=sent.detail or "somebody ended it"))

    def _drop_ended(self) -> bool:
        """Forget those that are over; return whether there were any."""
        with self._changed:
            before = len(self._out)
            self._out = [sent for sent in self._out if not sent.over.is_set()]
            return len(self._out) < before

    def _cancel(self, wish: Recall) -> None:
        try:
            wish.faults = self._end({errand.folder: errand.handle for errand in wish.errands})
        finally:
            wish.over.set()

    def _cancel_out(self) -> None:
        """End all that is out; what may run still is not forgotten."""
        with self._changed:
            out = [*self._new, *self._out]
            self._new, self._out = [], []
        if self._leaves:
            for sent in out:
                sent.end(Ended(-1, 0.0, unreachable=(_LEFT,)) if sent.handle else _CANCELLED)
            return
        faults = self._end({sent.folder: sent.handle for sent in out if sent.handle})
        for sent in out:
            sent.end(Ended(-1, 0.0, unreachable=faults) if faults and sent.handle else _CANCELLED)

    def _end(self, handles: Mapping[str, str]) -> tuple[Diagnostic, ...]:
        """End the jobs in these folders, and wait until they are gone; return why nobody knows that they are.

        Each finds the file ``stop``, too: it ends also where the scheduler cannot be asked to, or ends only several at once.
        """
        for folder in handles:
            with contextlib.suppress(OSError):
                write_whole(f"{folder}/{STOP}", b"")
        faults: tuple[Diagnostic, ...] = ()
        deadline_s, pause_s = time.monotonic() + self._pace.end_s, 0.05
        try:
            if handles:
                self._cluster.cancel(tuple(handles.values()))
        except BuildError as error:
            faults = error.diagnostics
        left = {folder: handle for folder, handle in handles.items() if may_run(folder)}
        while left and time.monotonic() < deadline_s:
            with contextlib.suppress(BuildError):
                fates = self._cluster.look(tuple(left.values()))
                gone = Fate("gone")
                left = {folder: handle for folder, handle in left.items() if fates.get(handle, gone).state not in {"gone", "ended"}}
            left = {folder: handle for folder, handle in left.items() if may_run(folder)}
            if left:
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, 1.0)
        return (faults or (_would_not_end(len(left)),)) if left else ()

    def _fail_all(self, error: BaseException) -> None:
        fault = Diagnostic("PB701", f"what waits for jobs elsewhere failed: {type(error).__name__}: {error}")
        with self._changed:
            out, recalls = [*self._new, *self._out], self._recalls
            self._new, self._out, self._recalls = [], [], []
        for sent in out:
            sent.end(Ended(-1, 0.0, unreachable=(fault,)))
        for wish in recalls:
            wish.faults = (fault,)
            wish.over.set()


def _waiting(out: Iterable[Sent]) -> Iterator[Sent]:
    """Yield those of ``out`` of which nobody has seen that they have begun."""
    return (sent for sent in out if not (sent.over.is_set() or sent.has_begun))


def _would_not_end(number: int) -> Diagnostic:
    what = "a job elsewhere does" if number == 1 else f"{number} jobs elsewhere do"
    return Diagnostic("PB703", f"{what} not end though asked to", help=("the next build finds what runs, and asks again",))


def _parcel(job: Job, errand: Errand) -> Parcel:
    bare = msgspec.structs.replace(job, errand=None)
    return Parcel(
        errand.folder, bare, errand.resources, __version__, errand.expected_s, python_here(), platform_here(),
        errand.supplies, errand.outputs, errand.platform,
    )  # fmt: skip


def _not_run(action: str, report: Report) -> Diagnostic:
    if report.fault:
        return Diagnostic("PB704", f"{action} could not be run on {report.host}: {report.fault}")
    help_ = ("have the same at both ends, or name a Python of the cluster's that has it: python in the table of the executor",)
    first = report.refused[0] if report.refused else f"paperbuild is {report.version} there, and {__version__} here"
    return Diagnostic("PB702", f"{action} was not run on {report.host}: {first}", notes=report.refused[1:], help=help_)


def _is_away(error: BuildError) -> bool:
    """Return whether a scheduler did not answer."""
    return any(fault.code == "PB700" for fault in error.diagnostics)
