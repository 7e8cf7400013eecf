"""Which executor runs which action."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec.structs

from paperbuild.diagnostics import Diagnostic, did_you_mean
from paperbuild.engine.graph import Action, Command
from paperbuild.errors import UsageError
from paperbuild.paper.declarations import ExecutorSpec

LOCAL = "local"
"""What this machine is called where an executor is named."""


def placed(actions: Iterable[Action], executors: Sequence[ExecutorSpec], on: str) -> Iterator[Action]:
    """Yield ``actions``, each with where it runs: on the executor ``on`` where that is not "", else where its target says.

    Raises:
        UsageError: there is no executor ``on``, or too little is said of its machines.
    """
    known = {executor.name: executor for executor in executors}
    if on and on != LOCAL and on not in known:
        raise UsageError(Diagnostic("PB711", f"there is no executor {on}", help=meant(on, known)))
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
            message = unsaid(action.target, name, executor.name)
            raise UsageError(Diagnostic("PB712", message, action.span, help=(saying(name, executor.name),)))
    return tuple((name, said[name]) for name, _ in action.platform)


def meant(name: str, names: Collection[str]) -> tuple[str, ...]:
    """Return what may be meant by the executor ``name``, of those that are called ``names``."""
    others = tuple(dict.fromkeys((LOCAL, *names)))
    listed = f"the executors are {', '.join(others)}" if names else f"declare it: [executor.{name}] with its kind"
    return did_you_mean(name, others) or (listed,)


def unsaid(target: str, name: str, executor: str) -> str:
    """Return that an executor's table does not say what a target's result depends on."""
    return f"the result of {target} depends on the {name} of the machine, and [executor.{executor}] does not say which it is"


def saying(name: str, executor: str) -> str:
    """Return how an executor's table says it."""
    return f'[executor.{executor}] platform = {{ {name} = "…" }}, which  python -m paperbuild.engine.machine_facts  tells there'
