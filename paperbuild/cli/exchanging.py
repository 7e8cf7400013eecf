"""The commands about a shared store: send results, fetch them, look whether they are sound, remove what is old."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from paperbuild.cli.invocation import Invocation, relocated
from paperbuild.cli.options import memory_bytes, processors
from paperbuild.cli.selection import commands, selected
from paperbuild.cli.sharing import Sharing, required
from paperbuild.cli.storeroom import Storeroom, opened_store
from paperbuild.cli.wiring import Project, Wishes, locate, opened
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.build import build
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.queries import survey
from paperbuild.engine.trace import Artifact, Record
from paperbuild.errors import ExitCode
from paperbuild.sharing.exchange import push
from paperbuild.sharing.late import LateStore
from paperbuild.sharing.sending import Progress, Tell
from paperbuild.terminal.amounts import counted, size_text

if TYPE_CHECKING:
    from paperbuild.sharing.link import Link
    from paperbuild.sharing.shared import SharedStore
    from paperbuild.sharing.surveying import RemoteDamage

_HELD = "PB430"
_MOST_NAMED = 4
_TICK_S = 0.2
_MOST_TOLD = 20
"""How many damaged contents are described one by one; ``--json`` has all."""


@contextmanager
def metered(invocation: Invocation, doing: str, link: Link, total: int = 0) -> Iterator[Tell]:
    """Yield what shows on a terminal how far an exchange through ``link`` is, while one large content is on its way, too."""
    with invocation.meter() as meter:
        progress, lock, ended, before = Progress(0, total, 0), threading.Lock(), threading.Event(), link.moved

        def show() -> None:
            of = f" {progress.done:,} of {progress.total:,}," if progress.total else ""
            meter.show(f"{doing}{of} {size_text(max(progress.bytes, link.moved - before))}")

        def tell(now: Progress) -> None:
            nonlocal progress
            with lock:
                progress = now
                show()

        def tick() -> None:
            while not ended.wait(_TICK_S):
                with lock:
                    show()

        ticker = threading.Thread(target=tick, name="paperbuild-meter", daemon=True)
        if invocation.screen.rewrites:
            ticker.start()
        try:
            yield tell
        finally:
            ended.set()
            if ticker.is_alive():
                ticker.join()


def push_results(invocation: Invocation, targets: tuple[str, ...], profile: str) -> int:
    """Send results of ``targets``, of all where none is named, and what earlier commands left."""
    with opened(locate(invocation, ""), invocation, Wishes(profile, reading_only=True)) as project:
        remote = required(invocation, project.remote)
        shared = remote.required(signing=True)
        records = _records(project, targets, remote)
        known = shared.find([record.key for record in records])
        believed = {(key, record.name) for key, found in known.items() for record in found}
        todo = [record for record in records if (record.key, record.name) not in believed]
        with metered(invocation, "uploading", shared.link, len(todo)) as tell:
            pushed = push(shared, todo, tell)
        left = _swept(shared, records, believed)
        there = pushed.there + len(records) - len(todo)
        notices = remote.notices()
    code = ExitCode.FAILED if left else ExitCode.OK
    if invocation.json:
        more = {"sent": pushed.sent, "there": there, "lacking": pushed.lacking, "bytes": pushed.bytes, "waiting": left}
        return _answer(invocation, "cache push", code, notices, remote=remote.terms.place.address, **more)
    invocation.complain(notices)
    told = f"{counted(pushed.sent, 'result')} uploaded, {size_text(pushed.bytes)}; {there:,} {'was' if there == 1 else 'were'} there"
    invocation.narrate(f"{told}{f'; {pushed.lacking:,} not in full on this machine' if pushed.lacking else ''}")
    return code


def _records(project: Project, targets: tuple[str, ...], remote: LateStore) -> list[Record]:
    """Return the results in the local store to send: of ``targets``, and those that wait."""
    wanted = frozenset(selected(targets, project.graph, project.root, project.root) if targets else project.graph.actions)
    store = project.workshop.store
    # What others made they vouched for; whoever pushes it would vouch for it, too.
    found = {(record.key, record.name): record for record in store.all_records() if record.action in wanted and not record.origin}
    for name in () if targets else remote.outgoing():
        key, _, rest = name.partition("-")
        record = store.record(key, rest)
        if record is not None:
            found[key, rest] = record
    return sorted(found.values(), key=lambda record: (record.finished_ns, record.key))


def _swept(shared: SharedStore, records: list[Record], believed: set[tuple[str, str]]) -> int:
    """Forget that what is there waits; return how much still does."""
    fs, folder = shared.desk.fs, f"{shared.desk.store.root}/outgoing"
    for record in records:
        if (record.key, record.name) in believed:
            fs.unlink(f"{folder}/{record.key}-{record.name}")
    return shared.pending()


def pull_results(invocation: Invocation, targets: tuple[str, ...], profile: str) -> int:
    """Take the results of ``targets``, of all where none is named, with all that they hold."""
    with opened(locate(invocation, ""), invocation, Wishes(profile)) as project:
        remote = required(invocation, project.remote)
        remote.required().link.insist()
        wanted = selected(targets, project.graph, project.root, invocation.folder) if targets else commands(project.graph)
        records, faults = _settled(invocation, project, wanted)
        missing = tuple(id_ for id_ in wanted if id_ not in records)
        store = project.workshop.store
        stored = (artifact for record in records.values() for artifact in record.artifacts if artifact.stored)
        away = [artifact for artifact in stored if not store.blobs.is_here(artifact)]
        lost = _bring(invocation, project, away)
        diagnostics = (*faults, *remote.notices(), *_missing(missing), *_lost(records.values(), lost))
    code = ExitCode.FAILED if missing or lost else ExitCode.OK
    fetched = sum(artifact.size for artifact in away if artifact.digest not in lost)
    if invocation.json:
        more = {"results": len(records), "missing": missing, "bytes": fetched}
        return _answer(invocation, "cache pull", code, diagnostics, remote=remote.terms.place.address, **more)
    invocation.complain(diagnostics)
    invocation.narrate(f"{counted(len(records), 'result')} here, {size_text(fetched)} fetched")
    return code


def _settled(invocation: Invocation, project: Project, wanted: tuple[str, ...]) -> tuple[Mapping[str, Record], tuple[Diagnostic, ...]]:
    """Settle ``wanted`` as far as that goes without running anything; return the results that hold, and what is to be told."""
    options = BuildOptions(jobs=processors(), memory_bytes=memory_bytes(), keep_going=True, no_run=True, whole=False)
    report = build(project.graph, wanted, project.workshop, options, lambda _: None)
    asked = frozenset(wanted)
    situations = survey(project.graph, wanted, project.workshop)
    records = {one.action.id: one.result for one in situations if one.action.id in asked and one.result is not None}
    told = (diagnostic for diagnostic in report.diagnostics if diagnostic.code != _HELD)
    return records, relocated(told, project.root, invocation.shown_from)


def _bring(invocation: Invocation, project: Project, away: list[Artifact]) -> frozenset[str]:
    lost: frozenset[str] = frozenset()
    moved = 0
    assert project.remote is not None
    with metered(invocation, "fetching", project.remote.required().link, len(away)) as tell:
        for start in range(0, len(away), 64):
            batch = away[start : start + 64]
            lost |= project.workshop.store.blobs.bring(batch)
            moved += sum(artifact.size for artifact in batch)
            tell(Progress(start + len(batch), len(away), moved))
    return lost


def _missing(names: tuple[str, ...]) -> Iterator[Diagnostic]:
    if names:
        from paperbuild.phrases import listed

        has = "has" if len(names) == 1 else "have"
        help_ = (f"to make {'it' if len(names) == 1 else 'them'}: {_run(names)}",)
        yield Diagnostic("PB630", f"{listed(names)} {has} no result here or there", help=help_)


def _run(names: tuple[str, ...]) -> str:
    return f"paperbuild run {' '.join(map(shlex.quote, names))}" if len(names) <= _MOST_NAMED else "paperbuild run"


def _lost(records: Iterable[Record], lost: frozenset[str]) -> Iterator[Diagnostic]:
    for record in records:
        gone = [artifact.path for artifact in record.artifacts if artifact.digest in lost]
        if gone:
            what = f"{', '.join(gone)} of {record.action} cannot be had from the shared store"
            yield Diagnostic("PB630", what, help=(f"to make it again: {_run((record.action,))}",))


@contextmanager
def _shared_store(invocation: Invocation) -> Iterator[tuple[Storeroom, LateStore]]:
    with opened_store(invocation) as room:
        sharing = Sharing()
        try:
            yield room, required(invocation, sharing.remote(room.shared, invocation.environ, room.root, room.store.root))
        finally:
            sharing.end(None)


@contextmanager
def _surveyed(invocation: Invocation, targets: tuple[str, ...]) -> Iterator[tuple[LateStore, tuple[str, ...] | None]]:
    """Yield the shared store, and the keys under which results of ``targets`` are known here; None for all that is there."""
    if not targets:
        with _shared_store(invocation) as (_, remote):
            yield remote, None
        return
    with opened(locate(invocation, ""), invocation, Wishes(reading_only=True)) as project:
        wanted = frozenset(selected(targets, project.graph, project.root, invocation.folder))
        keys = dict.fromkeys(record.key for record in project.workshop.store.all_records() if record.action in wanted)
        yield required(invocation, project.remote), tuple(keys)


def _mending(damage: RemoteDamage, *, repair: bool) -> str:
    """Return what is to be done about ``damage``, which is gone where that was asked for."""
    if repair:
        return "it is gone now; paperbuild cache push sends it again"
    if damage.is_missing:
        return "paperbuild cache push sends it again, where somebody has it"
    return "to remove it: paperbuild cache verify --remote --repair"


def verify_shared(invocation: Invocation, targets: tuple[str, ...], *, repair: bool) -> int:
    """Read what the shared store has of ``targets``, or all, and say what is not as it was written; with ``repair``, remove that."""
    from paperbuild.sharing.surveying import verify_remote

    with _surveyed(invocation, targets) as (remote, keys):
        shared = remote.required()
        with metered(invocation, "reading", shared.link) as tell:
            survey = verify_remote(shared, keys, tell=tell)
        if repair and survey.damages:
            shared.link.insist(written=True)
            # With the records that need it, so that whoever has it sends all of it again.
            names = list(dict.fromkeys(name for damage in survey.damages for name in (*damage.bundles, damage.name)))
            shared.link.writing(lambda: shared.link.transport.delete(names))
        address = remote.terms.place.address
        notices = remote.notices()
    diagnostics = tuple(
        Diagnostic("PB631", f"{damage.what}: {damage.name}", needed_by=damage.actions[:3], help=(_mending(damage, repair=repair),))
        for damage in survey.damages
    )
    code = ExitCode.FAILED if diagnostics else ExitCode.OK
    if invocation.json:
        counts = {"records": survey.records, "contents": survey.blobs, "bytes": survey.bytes, "newer_records": survey.later}
        more = {**counts, "untrusted_records": survey.untrusted, "repaired": repair}
        return _answer(invocation, "cache verify", code, (*notices, *diagnostics), remote=address, **more)
    invocation.complain((*notices, *diagnostics[:_MOST_TOLD]))
    if len(diagnostics) > _MOST_TOLD:
        invocation.narrate(f"and {len(diagnostics) - _MOST_TOLD} more")
    sound = f"{counted(survey.records, 'record')} and {counted(survey.blobs, 'file')} are sound, {size_text(survey.bytes)}"
    others = f"; {counted(survey.untrusted, 'record')} of somebody who is not trusted" if survey.untrusted else ""
    damaged = f"{len(diagnostics)} damaged{', removed' if repair else ''}; " if diagnostics else ""
    later = f"; {counted(survey.later, 'record')} only a later paperbuild can read" if survey.later else ""
    invocation.narrate(damaged + sound + others + later)
    return code


def collect_shared(invocation: Invocation, older_s: float, *, dry_run: bool) -> int:
    """Remove from the shared store what was published more than ``older_s`` seconds ago and what no manifest names."""
    from paperbuild.engine.store import DAY_NS
    from paperbuild.sharing.clearing import RemotePolicy, collect_remote

    with _shared_store(invocation) as (room, remote):
        named, warnings = room.named()
        now_ns = room.clock.now_ns()
        plan = collect_remote(remote.required(), RemotePolicy(now_ns - round(older_s * 1e9), now_ns - DAY_NS, named), dry_run=dry_run)
        diagnostics = (*warnings, *remote.notices())
        address = remote.terms.place.address
    if invocation.json:
        removed = tuple({"action": action, "results": count} for action, count in plan.actions)
        more = {"freed_bytes": plan.freed, "left_bytes": plan.left, "contents": plan.blobs, "dry_run": dry_run}
        return _answer(invocation, "cache gc", ExitCode.OK, diagnostics, remote=address, removed=removed, **more)
    invocation.complain(diagnostics)
    width = max((len(action) for action, _ in plan.actions), default=0)
    for action, count in plan.actions:
        invocation.answer(f"{action:{width}}  {counted(count, 'result')}")
    verb = "would be removed" if dry_run else "removed"
    freed = f"{counted(plan.records, 'result')} and {counted(plan.blobs, 'file')} {verb}, {size_text(plan.freed)}"
    invocation.narrate(f"{freed}; {size_text(plan.left)} stay in {address}")
    return ExitCode.OK


def _answer(invocation: Invocation, command: str, code: ExitCode, diagnostics: tuple[Diagnostic, ...], **more: object) -> int:
    from paperbuild.cli.answers import answer, write_json

    write_json(invocation.stdout, answer(command, code, diagnostics, **more))  # type: ignore[arg-type]
    return code
