"""Whether the clock of a machine elsewhere goes as ours does, as far as that can be told from here.

Where both see one file system, each compares its clock with the one that stamps files there: an outpost when it begins, and tells that in
the parcel's folder; whoever sent it when it hears of that. So neither the queue nor the way between them counts. Elsewhere two facts are
all there is: nothing begins before it was sent, and nothing is heard of before it ended. A clock by which that is not so is wrong by at
least so much; one that is wrong by less than the journey took is not noticed.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.cluster import CLOCK, Report
from paperbuild.phrases import duration_text

TOLERATED_NS = 5_000_000_000
"""Nobody is told of less. Machines that follow a time server are within milliseconds of each other, and file systems that stamp by whole
seconds, or by two, are off by as much at both ends."""


class Ahead(msgspec.Struct, frozen=True):
    """By how much, in nanoseconds, one clock is ahead of another: at least and at most. Less than 0: it is behind."""

    least_ns: int
    most_ns: int

    def than(self, other: Ahead) -> Ahead:
        """Return by how much it is ahead of a clock that itself is ahead of the same one by ``other``."""
        return Ahead(self.least_ns - other.most_ns, self.most_ns - other.least_ns)

    def proven_ns(self) -> int:
        """Return by how much it is ahead without doubt, less than 0 for behind; 0 where it may be right, or nearly."""
        if self.least_ns > TOLERATED_NS:
            return self.least_ns
        return self.most_ns if self.most_ns < -TOLERATED_NS else 0


class Reading(msgspec.Struct, frozen=True):
    """What is told of the clock of ``host``: by how much it is ahead of the one that stamps files in the parcel's folder."""

    host: str
    ahead: Ahead


_readings = msgspec.json.Decoder(Reading)


def ahead_of_files(path: str, write: Callable[[str], None], now_ns: Callable[[], int] = time.time_ns) -> Ahead:
    """Return by how much the clock here is ahead of the one that stamps the file at ``path``, which ``write`` writes now.

    Raises:
        OSError: it cannot be written.
    """
    before_ns = now_ns()
    write(path)
    stamped_ns = os.stat(path).st_mtime_ns
    return Ahead(before_ns - stamped_ns, now_ns() - stamped_ns)


def tell_clock(folder: str, reading: Reading) -> None:
    """Leave ``reading`` in a parcel's ``folder``. That nothing can be said of a clock keeps nothing from running."""
    with contextlib.suppress(OSError):
        with open(f"{folder}/{CLOCK}.new", "wb") as file:
            file.write(msgspec.json.encode(reading))
        os.rename(f"{folder}/{CLOCK}.new", f"{folder}/{CLOCK}")


class Clocks:
    """What was heard of the clocks of machines; ``tells`` is called once for each that is wrong."""

    def __init__(self) -> None:
        self.tells: Callable[[Diagnostic], None] = lambda _: None
        self._known: set[str] = set()

    def begun(self, folder: str) -> bool:
        """Hear of the machine that runs the parcel in ``folder``; return whether it has said all that it will."""
        try:
            with open(f"{folder}/{CLOCK}", "rb") as file:
                reading = _readings.decode(file.read())
            if reading.host not in self._known:
                here = ahead_of_files(f"{folder}/{CLOCK}.here", _touch)
                self._known.add(reading.host)
                self._judge(f"the clock of {reading.host}", reading.ahead.than(here), is_machine=True)
                if "" not in self._known:
                    self._known.add("")
                    self._judge("the clock that stamps the project's files", Ahead(0, 0).than(here), is_machine=False)
        except FileNotFoundError:
            return False
        except (OSError, msgspec.DecodeError):
            pass  # it is no more than a warning that is lost
        return True

    def ended(self, report: Report, sent_ns: int) -> None:
        """Hear now of a parcel that was sent at ``sent_ns`` (0: nobody knows when) and has ended."""
        began_ns, ended_ns = report.when
        if ended_ns and report.host not in self._known:
            self._known.add(report.host)
            latest_ns = began_ns - sent_ns if sent_ns else TOLERATED_NS
            self._judge(f"the clock of {report.host}", Ahead(ended_ns - time.time_ns(), latest_ns), is_machine=True)

    def _judge(self, whose: str, ahead: Ahead, *, is_machine: bool) -> None:
        proven_ns = ahead.proven_ns()
        if not proven_ns:
            return
        least = "at least " if ahead.most_ns - ahead.least_ns > TOLERATED_NS else ""
        size = duration_text(abs(proven_ns) / 1e9)
        message = f"{whose} is {least}{size} {'ahead of' if proven_ns > 0 else 'behind'} the one here"
        taken = "results are taken all the same: none depends on a clock" if is_machine else "what changed is told by that clock, too"
        wrong = "times that commands write there, and what make and its like conclude from the times of files, may be wrong by as much"
        mend = ("have all machines follow a time server; timedatectl, or chronyc tracking, says whether one does",)
        self.tells(Diagnostic("PB714", message, severity=Severity.WARNING, notes=(taken, wrong), help=mend))


def _touch(path: str) -> None:
    with open(path, "wb") as file:
        file.write(b".")
