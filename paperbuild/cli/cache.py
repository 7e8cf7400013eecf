"""``paperbuild cache``: keep the store small, look whether it is sound, send and fetch results; the same of a store that is shared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import click
import msgspec

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.options import json_option, offered, profile_option, volume_options
from paperbuild.cli.storeroom import Storeroom, opened_store
from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.auditing import Audit, Damage
from paperbuild.engine.collecting import Kept, Plan, Policy
from paperbuild.errors import ExitCode, UsageError
from paperbuild.paper.quantities import QuantityError, duration_s, size_bytes
from paperbuild.terminal.amounts import counted, size_text

_MOST_TOLD = 20
"""How many damaged files are described one by one; there is a list of all of them with ``--json``."""


class _Quantity(click.ParamType[float]):
    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ARG002 - click's
        if isinstance(value, int | float):
            return value
        try:
            return duration_s(str(value)) if self.name == "age" else size_bytes(str(value))
        except QuantityError as error:
            raise UsageError(Diagnostic("PB112", f"{value} is no {self.name}", help=(str(error),))) from None


@click.group("cache")
def command() -> None:
    """Keep the store of results small, look whether it is sound, and share it."""


_TARGETS = click.argument("targets", nargs=-1, metavar="[TARGET...]", shell_complete=offered("targets"))


@command.command("push")
@_TARGETS
@profile_option
@json_option
@volume_options
@click.pass_obj
def push(invocation: Invocation, *, targets: tuple[str, ...], profile: str) -> int:
    """Upload results to the shared store: what is still to be uploaded, and whatever else of the TARGETs is not there yet.

    Without a TARGET, of everything in the manifest.
    """
    from paperbuild.cli.exchanging import push_results

    return push_results(invocation, targets, profile)


@command.command("pull")
@_TARGETS
@profile_option
@json_option
@volume_options
@click.pass_obj
def pull(invocation: Invocation, *, targets: tuple[str, ...], profile: str) -> int:
    """Fetch the results of TARGETs from the shared store, and all they hold, to work on without it. Runs nothing.

    Without a TARGET, of all targets; a document is fetched where it is named. Exits with 1 where a result is neither here nor there.
    """
    from paperbuild.cli.exchanging import pull_results

    return pull_results(invocation, targets, profile)


@command.command("gc")
@click.option("--older", type=_Quantity("age"), default=None, metavar="AGE", help='Remove what was not used for this long, such as "30d".')
@click.option("--max-size", type=_Quantity("size"), default=None, metavar="SIZE", help='Then the longest unused, down to "20GB" or so.')
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--remote", "remotely", is_flag=True, help="From the shared store.")
@json_option
@volume_options
@click.pass_obj
def gc(invocation: Invocation, *, older: float | None, max_size: float | None, dry_run: bool, remotely: bool) -> int:
    """Remove results that nobody used for long: for 90 days, if nothing else is said.

    The newest result of whatever a manifest names stays: that of any work tree, branch or tag. So does what was used within a day, or
    since the oldest build began that is still at work.
    """
    from paperbuild.engine import collecting

    if remotely:
        from paperbuild.cli.exchanging import collect_shared

        if max_size is not None:
            raise UsageError(
                Diagnostic("PB629", "--max-size is for the store on this machine", help=("with --remote name an age: --older 90d",))
            )
        return collect_shared(invocation, duration_s("90d") if older is None else older, dry_run=dry_run)
    if older is None and max_size is None:
        older = duration_s("90d")
    with opened_store(invocation) as room:
        named, warnings = room.named()
        now_ns = room.clock.now_ns()
        policy = Policy(
            spare_ns=collecting.spared_since(room.store, room.lock, now_ns),
            old_ns=0 if older is None else now_ns - round(older * 1e9),
            most_bytes=None if max_size is None else round(max_size),
            named=named,
        )
        if dry_run or not room.store.check_version():
            plan = collecting.plan(collecting.take_inventory(room.store, room.fs), policy)
        else:
            with room.lock.hold(f"{room.store.root}/gc.lock", "this store"):
                plan = collecting.collect(room.store, room.fs, policy, collecting.take_inventory(room.store, room.fs))
                room.store.incoming.sweep(policy.spare_ns)
    if policy.most_bytes is not None and plan.left > policy.most_bytes:
        warnings = (*warnings, _too_much(plan, policy.most_bytes))
    _tell_collected(invocation, plan, warnings, dry_run=dry_run)
    return ExitCode.OK


def _too_much(plan: Plan, most: int) -> Diagnostic:
    message = f"the store takes {size_text(plan.left)}, which is more than {size_text(most)}"
    notes = ("the newest results of all that manifests name stay, and what was used within a day",)
    return Diagnostic("PB455", message, severity=Severity.WARNING, notes=notes, help=("paperbuild status --sizes shows what is large",))


class _Removed(msgspec.Struct, frozen=True):
    """What went of one action ("": what belongs to none): how many ``results``, and when the last of them was used (RFC 3339)."""

    action: str
    results: int
    last_used: str


def _removed(records: Iterable[Kept]) -> tuple[_Removed, ...]:
    by_action: dict[str, list[int]] = {}
    for record in records:
        by_action.setdefault(record.action, []).append(record.used_ns)
    return tuple(
        _Removed(action, len(used), datetime.fromtimestamp(max(used) // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z"))
        for action, used in sorted(by_action.items())
    )


def _tell_collected(invocation: Invocation, plan: Plan, warnings: tuple[Diagnostic, ...], *, dry_run: bool) -> None:
    removed = _removed(plan.records)
    if invocation.json:
        from paperbuild.cli.answers import answer, write_json

        told = tuple(msgspec.structs.asdict(one) for one in removed)
        more = {"dry_run": dry_run, "freed_bytes": plan.freed, "left_bytes": plan.left, "loose_contents": plan.loose}
        write_json(invocation.stdout, answer("cache gc", ExitCode.OK, warnings, removed=told, **more))
        return
    invocation.complain(warnings)
    width = max((len(one.action) for one in removed), default=0)
    for one in removed:
        name = one.action or "unreadable"
        invocation.answer(f"{name:{width}}  {counted(one.results, 'result')}, last used {one.last_used[:10]}")
    if plan.loose:
        invocation.answer(f"{counted(plan.loose, 'file')} that belonged to no result")
    verb = "would be removed" if dry_run else "removed"
    invocation.narrate(f"{counted(len(plan.records), 'result')} {verb}, {size_text(plan.freed)}; {size_text(plan.left)} stay")


@command.command("verify")
@_TARGETS
@click.option("--repair", is_flag=True, help="Remove what is damaged: it is made again when it is wanted.")
@click.option("--remote", "remotely", is_flag=True, help="In the shared store.")
@json_option
@volume_options
@click.pass_obj
def verify(invocation: Invocation, *, targets: tuple[str, ...], repair: bool, remotely: bool) -> int:
    """Read everything in the store, and say what is not as it was written. Exits with 1 where something is damaged.

    In the shared store, TARGETs may be named: then the results of those that are known here are looked at.
    """
    from paperbuild.engine import auditing

    if remotely:
        from paperbuild.cli.exchanging import verify_shared

        return verify_shared(invocation, targets, repair=repair)
    if targets:
        help_ = ("leave them out: all of the store on this machine is read",)
        raise UsageError(Diagnostic("PB629", "targets can be named with --remote alone", help=help_))
    with opened_store(invocation) as room:
        audit = auditing.audit(room.store, room.fs)
        if repair and audit.damages:
            with room.lock.hold(f"{room.store.root}/gc.lock", "this store"):
                auditing.repair(room.store, room.fs, audit.damages)
        diagnostics = tuple(_damage(room, damage, repaired=repair) for damage in audit.damages)
    code = ExitCode.FAILED if audit.damages else ExitCode.OK
    if invocation.json:
        from paperbuild.cli.answers import answer, write_json

        more = {"repaired": repair, "records": audit.records, "contents": audit.blobs, "newer_records": audit.newer}
        write_json(invocation.stdout, answer("cache verify", code, diagnostics, **more))
        return code
    invocation.complain(diagnostics[:_MOST_TOLD])
    _tell_audit(invocation, audit, repaired=repair)
    return code


def _tell_audit(invocation: Invocation, audit: Audit, *, repaired: bool) -> None:
    if len(audit.damages) > _MOST_TOLD:
        invocation.narrate(f"and {len(audit.damages) - _MOST_TOLD} more")
    sound = f"{counted(audit.records, 'record')} and {counted(audit.blobs, 'file')} are sound"
    if audit.newer:
        sound += f", {counted(audit.newer, 'record')} only a later paperbuild can read"
    damaged = f"{len(audit.damages)} damaged{', removed' if repaired else ''}; " if audit.damages else ""
    invocation.narrate(damaged + sound)


_CODES = {"blob": "PB450", "record": "PB451", "lost": "PB452"}


def _damage(room: Storeroom, damage: Damage, *, repaired: bool) -> Diagnostic:
    place = damage.path.removeprefix(f"{room.store.root}/")
    notes = tuple(f"it holds {path}, an output of {action}" for action, path in damage.holds[:3]) if damage.kind == "blob" else ()
    help_ = ("it is gone now, and made again when it is wanted",) if repaired else ("to remove it: paperbuild cache verify --repair",)
    actions = tuple(dict.fromkeys(action for action, _ in damage.holds))
    what = {"blob": "a result", "record": "a record", "lost": "a record"}[damage.kind]
    return Diagnostic(_CODES[damage.kind], f"{what} in the store {damage.what}: {place}", needed_by=actions[:3], notes=notes, help=help_)
