"""Commands that run elsewhere: how one gets on its way, how one is taken up that an earlier build sent, and what is told of its end."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Callable, Iterable, Mapping

import msgspec
import msgspec.structs

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.cluster import CALLED, ENDED, PARCEL, parcel_of
from paperbuild.engine.graph import Action
from paperbuild.engine.jobs import Elsewhere, Ended, Errand, Job
from paperbuild.engine.journal import Entry, Journal, Sent
from paperbuild.engine.logs import LOG_BYTES, LOG_LINES, Log, slug
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.trace import Content, Item, Package
from paperbuild.engine.workshop import Workshop


def errand_for(action: Action, workshop: Workshop) -> Errand | None:
    """Return how the command of ``action`` gets to where it runs; None where that is here."""
    if not action.on:
        return None
    last = workshop.index.last_run(action.id)
    expected_s = last.duration_s if last is not None and last.succeeded else None
    folder = f"{workshop.site.state}/sent/{slug(action.id)}.{workshop.store.token}-{workshop.clock.now_ns():x}"
    return Errand(action.on, folder, action.resources, expected_s, action.platform)


def noted(entry: Entry, job: Job, handle: str, key: str, supposed: Mapping[str, Item] | None) -> Entry:
    """Return the entry for the journal of a run that ``job`` is, sent under ``key`` and called ``handle`` where it is."""
    assert job.errand is not None
    errand = msgspec.structs.replace(job.errand, handle=handle)
    return msgspec.structs.replace(entry, sent=Sent(errand, key, tuple((supposed or {}).items())))


def taken_up(entry: Entry, log: Log, fs: FileSystem) -> Job | None:
    """Return the job of a run that an earlier build sent, to be waited for, with its words in ``log``; None where it cannot be known."""
    assert entry.sent is not None
    errand = entry.sent.errand
    try:
        job = parcel_of(fs.read(f"{errand.folder}/{PARCEL}")).job
        if job.log != log.path:
            fs.unlink(job.log)  # it led to what the new one leads to
    except (OSError, ValueError):
        return None
    return msgspec.structs.replace(job, log=log.path, errand=errand)


def look_anew(action: Action, workshop: Workshop) -> None:
    """See what ``action`` made as it is where it was made: see :func:`paperbuild.engine.cluster.files_in`."""
    for folder in {posixpath.dirname(output.path.rstrip("/")) for output in action.outputs}:
        workshop.fs.names(f"{workshop.site.root}/{folder}")


def has_come(entry: Entry | None, key: str, fs: FileSystem) -> bool:
    """Return whether the run of ``entry`` is one under ``key`` that has ended elsewhere, and only needs to be taken."""
    return entry is not None and entry.sent is not None and entry.sent.key == key and fs.exists(f"{entry.sent.errand.folder}/{ENDED}")


def still_there(entries: Iterable[Entry]) -> tuple[Diagnostic, ...]:
    """Return the note that runs which an earlier build sent are not over for us."""
    by_executor: dict[str, int] = {}
    for entry in entries:
        if entry.sent is not None:
            by_executor[entry.sent.errand.executor] = by_executor.get(entry.sent.errand.executor, 0) + 1
    notes = ("what this build needs of them is waited for and taken, not run again",)
    return tuple(
        Diagnostic("PB709", f"an earlier build sent {n} {'job' if n == 1 else 'jobs'} to {name}", severity=Severity.NOTE, notes=notes)
        for name, n in by_executor.items()
    )


def disowned(action: Action, sent: Sent) -> Diagnostic:
    """Return what is told of a run elsewhere whose folder somebody took away."""
    message = f"{action.id} was sent to {sent.errand.executor} by an earlier build, and {sent.errand.folder} is damaged"
    return Diagnostic("PB707", message, action.span, help=("build again: it is run anew",))


class Where(msgspec.Struct, frozen=True):
    """A run elsewhere that nobody has taken yet; ``has_ended`` says that it only waits for that."""

    action: str
    executor: str
    handle: str
    has_ended: bool

    @property
    def text(self) -> str:
        """Where it is, in words, whoever sent it: a build that died, or one that is at work."""
        return f"with {self.executor}, as {self.handle}{', and has ended' if self.has_ended else ''}"


def whereabouts(fs: FileSystem, state: str) -> tuple[Where, ...]:
    """Return what is elsewhere, by the journal in the project's folder ``state``; changes nothing."""
    found = []
    for entry in Journal(fs, f"{state}/journal").entries(drops=False):
        if entry.sent is not None:
            errand = entry.sent.errand
            called = f"{errand.folder}/{CALLED}"
            handle = fs.read(called).decode() if fs.exists(called) else errand.handle
            found.append(Where(entry.action, errand.executor, handle, fs.exists(f"{errand.folder}/{ENDED}")))
    return tuple(found)


def lost(action: Action, where: str, ended: Ended, log: Log, fs: FileSystem) -> Diagnostic:
    """Return what is told of a run on the executor ``where`` of which nobody knows how it ended."""
    text = fs.read_end(log.path, LOG_BYTES).decode(errors="replace") if fs.stat(log.path) else ""
    notes = (f"its log, as far as it came, is {log.shown}",)
    help_: tuple[str, ...] = ()
    if "memory" in ended.lost or "time limit" in ended.lost:
        help_ = (f"more in the resources of {action.target}?",)
    elif "not found" in ended.lost or "No module named" in ended.lost:  # nothing of ours began
        help_ = (f"python in [executor.{where}] names a Python of its machines that has paperbuild",)
    message = f"{action.id} was lost on {where}: {ended.lost}"
    return Diagnostic("PB707", message, action.span, notes=notes, help=help_, detail=tuple(text.rstrip().splitlines()[-LOG_LINES:]))


def unreachable(action: Action, ended: Ended) -> tuple[Diagnostic, ...]:
    """Return what is told of a run elsewhere that nobody can be asked about: it may go on."""
    notes = (f"{action.id} may still run there", "the next build finds it, and does not run it again")
    return tuple(dataclasses.replace(fault, notes=(*fault.notes, *notes)) for fault in ended.unreachable)


def moved_there(told: Elsewhere | None, items: Iterable[Item], portable: Callable[[str], str]) -> str:
    """Return the path of a file that a run elsewhere read, one of its ``items``, and that was another one when it had ended; "" for none.

    ``portable`` writes paths as items do.
    """
    gone = {portable(path) for path, digest in told.digests if digest is None} if told is not None else set()
    return next((item.path for item in items if isinstance(item, Content) and item.path in gone), "")


def touched_since(errand: Errand, fs: FileSystem, portable: Callable[[str], str]) -> str:
    """Return the path, as ``portable`` writes it, of a file that a job rests on and that somebody changed since it was sent; "" for none.

    It may be again what it was: then its digest tells nothing. Its status does, by the clock of the file server that has both.
    """
    sent = fs.stat(f"{errand.folder}/{PARCEL}")
    stats = ((path, fs.stat(path)) for path in errand.rests_on)
    return next((portable(path) for path, stat in stats if sent and stat and stat.ctime_ns > sent.ctime_ns), "")


def skew(action: Action, told: Elsewhere | None, items: Iterable[Item], portable: Callable[[str], str]) -> Diagnostic | None:
    """Return what was another thing on the machine that ran ``action`` than it is here, by whose ``items`` its result would be known.

    ``portable`` writes paths as items do.
    """
    if told is None:
        return None
    packages = {(package.tool, package.name): package.fingerprint for package in told.packages}
    digests = {portable(path): digest for path, digest in told.digests}
    differing: list[str] = []
    for item in items:
        if isinstance(item, Package):
            there = packages.get((item.tool, item.name))
            if there is not None and there != item.fingerprint:
                differing.append(f"{item.name}: {there[:40]} there, {item.fingerprint[:40]} here")
        elif isinstance(item, Content) and (digests.get(item.path) or item.digest) != item.digest:
            differing.append(f"{item.path}: another file there than here")
    if not differing:
        return None
    message = f"{action.id} used what is not the same on {told.host} as here"
    help_ = (
        "let both ends use one environment: what its result was made with must be what its record says",
        *(("or did the file change meanwhile? Then build again",) if any(path in note for path in digests for note in differing) else ()),
    )
    return Diagnostic("PB708", message, action.span, notes=tuple(differing[:8]), help=help_)
