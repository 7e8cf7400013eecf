"""Where commands run: what the manifest says of executors, and which of them runs which action."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
import msgspec.structs

from paperbuild.diagnostics import Diagnostic, did_you_mean
from paperbuild.engine.graph import Action, Command
from paperbuild.errors import UsageError
from paperbuild.paper.conversion import Faults
from paperbuild.paper.declarations import ExecutorSpec, TargetSpec
from paperbuild.paper.schema import ExecutorTable
from paperbuild.paper.target_table import check_name
from paperbuild.paper.toml_positions import Path

LOCAL = "local"
"""What this machine is called where an executor is named."""

_OF_KIND: Mapping[str, tuple[str, ...]] = {
    "slurm": ("partition", "account", "qos", "options", "python"),
    "dask": ("scheduler", "cluster", "arguments"),
}
"""The keys that only executors of one kind have."""


def read_executors(tables: Mapping[str, ExecutorTable], faults: Faults) -> tuple[ExecutorSpec, ...]:
    """Return the executors in ``tables``; what is wrong with them goes to ``faults``."""
    return tuple(_read(name, table, faults) for name, table in tables.items())


def _read(name: str, table: ExecutorTable, faults: Faults) -> ExecutorSpec:
    at: Path = ("executor", name)
    check_name(name, "an executor", at, faults, reserved=())
    if name == LOCAL:
        faults.at_key("PB710", "local is this machine itself, and no executor's name", at, ("choose another name",))
    for kind, keys in _OF_KIND.items():
        for key in keys:
            if kind != table.kind and getattr(table, key):
                faults.at_key("PB710", f"{key} is for {kind}, and {name} is {table.kind}", (*at, key), ("take it away",))
    if table.kind == "dask" and bool(table.scheduler) == bool(table.cluster):
        what = "both a scheduler and a cluster" if table.scheduler else "neither a scheduler nor a cluster"
        mend = ('scheduler = "tcp://host:8786" for one that runs', 'or cluster = "module.Class" for one to be made')
        faults.at_key("PB710", f"{name} names {what}", at, mend)
    arguments = msgspec.json.encode(table.arguments).decode()
    return ExecutorSpec(
        name, table.kind, table.partition or "", table.account or "", table.qos or "", table.options, table.most, table.python or "",
        table.files, table.scheduler or "", table.cluster or "", arguments, tuple(table.platform.items()),
    )  # fmt: skip


def check_places(targets: Iterable[TargetSpec], executors: Sequence[ExecutorSpec], names: Collection[str], faults: Faults) -> None:
    """Add a fault for each target that is to run where there is nothing, or on a machine of which too little is said.

    ``names`` are those of all executors that are declared, well or not.
    """
    known = {executor.name: executor for executor in executors}
    for target in targets:
        at: Path = ("target", target.name)
        if target.on and target.on != LOCAL and target.on not in names:
            faults.at_value("PB711", f"there is no executor {target.on}", (*at, "on"), _meant(target.on, names))
        elif target.on in known:
            for n, name in enumerate(target.platform):
                if name not in dict(known[target.on].platform):
                    faults.at_value("PB712", _unsaid(target.name, name, target.on), (*at, "platform", n), (_saying(name, target.on),))


def placed(actions: Iterable[Action], executors: Sequence[ExecutorSpec], on: str) -> Iterator[Action]:
    """Yield ``actions``, each with where it runs: on the executor ``on`` where that is not "", else where its target says.

    Raises:
        UsageError: there is no executor ``on``, or too little is said of its machines.
    """
    known = {executor.name: executor for executor in executors}
    if on and on != LOCAL and on not in known:
        raise UsageError(Diagnostic("PB711", f"there is no executor {on}", help=_meant(on, known)))
    for action in actions:
        if not (on or action.on or action.platform) or not isinstance(action.recipe, Command):
            yield action
            continue
        where = "" if LOCAL in {action.on, on} else on or action.on
        yield msgspec.structs.replace(action, on=where, platform=_facts(action, known.get(where)))


def _facts(action: Action, executor: ExecutorSpec | None) -> tuple[tuple[str, str], ...]:
    """Return what the machines that ``action`` runs on are said to be, as far as its result depends on it."""
    if executor is None:
        return action.platform
    said = dict(executor.platform)
    for name, _ in action.platform:
        if name not in said:
            message = _unsaid(action.target, name, executor.name)
            raise UsageError(Diagnostic("PB712", message, action.span, help=(_saying(name, executor.name),)))
    return tuple((name, said[name]) for name, _ in action.platform)


def _meant(name: str, names: Collection[str]) -> tuple[str, ...]:
    others = tuple(dict.fromkeys((LOCAL, *names)))
    listed = f"the executors are {', '.join(others)}" if names else f"declare it: [executor.{name}] with its kind"
    return did_you_mean(name, others) or (listed,)


def _unsaid(target: str, name: str, executor: str) -> str:
    return f"the result of {target} depends on the {name} of the machine, and [executor.{executor}] does not say which it is"


def _saying(name: str, executor: str) -> str:
    return f'[executor.{executor}] platform = {{ {name} = "…" }}, which  python -m paperbuild.engine.machine_facts  tells there'
