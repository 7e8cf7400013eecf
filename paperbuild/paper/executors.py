"""What the manifest says of machines elsewhere, to which commands can be sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from paperbuild.paper.conversion import Faults
from paperbuild.paper.declarations import ExecutorSpec, TargetSpec
from paperbuild.paper.placing import LOCAL, meant, saying, unsaid
from paperbuild.paper.schema import ExecutorTable
from paperbuild.paper.target_table import check_name
from paperbuild.paper.toml_positions import Path

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
            faults.at_value("PB711", f"there is no executor {target.on}", (*at, "on"), meant(target.on, names))
        elif target.on in known:
            for n, name in enumerate(target.platform):
                if name not in dict(known[target.on].platform):
                    faults.at_value("PB712", unsaid(target.name, name, target.on), (*at, "platform", n), (saying(name, target.on),))
