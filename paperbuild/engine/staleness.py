"""Why an action must run: one generator, which the scheduler asks for its first reason and ``explain`` for all. Pure.

An action is up to date when a record under its present key still holds: every item of its trace is true now, every stored output is
in the store, every other output is in its place. Then nothing is yielded, and the generator returns that record. Otherwise the reasons
are all ways in which the present differs from the one of these records that was used last, or else from the newest; where there are none,
from the last run.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain

import msgspec

from paperbuild.engine.keys import Components, differences
from paperbuild.engine.reasons import InventoryOf, Kind, Reason, compared, merged
from paperbuild.engine.trace import (
    Absent,
    Artifact,
    Content,
    EnvironmentVariable,
    Item,
    Link,
    Listing,
    Modules,
    Package,
    Program,
    Record,
    Status,
    Tree,
    value_of,
)


class Question(msgspec.Struct, frozen=True):
    """What is asked of an action: its present key and what is known of it.

    ``candidates`` are the records under that key: first the one that was used last, whose name is ``used``, unless it was adopted; then
    newest first, as far as clocks tell. ``last``, where there are none, is the record of its last successful run, under whatever key,
    and ``has_run`` says that there was one, whether its record is still there or not. ``refresh_s`` is the age at which a result is too
    old; ``unknown`` says that nobody knows what it reads.
    """

    key: str
    components: Components
    candidates: Sequence[Record]
    last: Record | None
    has_run: bool
    refresh_s: float | None
    unknown: bool
    now_ns: int
    used: str = ""


class Present(msgspec.Struct, frozen=True):
    """How to ask the present.

    ``value`` tells what is now where an item saw something, ``available`` whether an artifact can be had (from the store, or in place),
    ``inventory`` what the digest of several things stands for. ``is_open`` says that what an item saw is about to be made anew.
    """

    value: Callable[[Item], str | None]
    available: Callable[[Artifact], bool]
    inventory: InventoryOf
    is_open: Callable[[Item], bool] = lambda _: False

    def holds(self, item: Item) -> bool:
        """Return whether ``item`` is true now."""
        return self.value(item) == value_of(item)


def stale_reasons(question: Question, present: Present) -> Generator[Reason, None, Record | None]:
    """Yield why the action must run; yield nothing, and return the record to reuse, where it need not."""
    if question.unknown:
        yield Reason("unknown")
        return None
    for record in question.candidates:
        if not _is_old(question, record) and all(map(present.holds, record.items)) and all(map(present.available, record.artifacts)):
            return record
    if question.candidates:
        used = (record for record in question.candidates if record.name == question.used)
        yield from _why_not(question, next(used, question.candidates[0]), present)
    elif question.last is not None:
        yield from changes(question, question.last, present)
    else:
        yield Reason("gone" if question.has_run else "never")
    return None


def changes(question: Question, last: Record, present: Present) -> Iterator[Reason]:
    """Yield what is not as it was for ``last``, a record under any key; what is about to be made anew aside."""
    if last.key == question.key:
        yield Reason("unobserved")  # else it would be a candidate
    known = (r for r in differences(question.components, last.components, present.inventory) if not _is_open(r, present))
    read = (_reason(item, present) for item in last.items if not present.is_open(item) and not present.holds(item))
    yield from merged(chain(known, read))


def _is_open(reason: Reason, present: Present) -> bool:
    return reason.kind == "input" and present.is_open(Tree(reason.subject, ""))


def _is_old(question: Question, record: Record) -> bool:
    if question.refresh_s is None:
        return False
    return question.refresh_s <= 0 or question.now_ns - record.finished_ns >= question.refresh_s * 1e9  # a clock may be set back


def _why_not(question: Question, record: Record, present: Present) -> Iterator[Reason]:
    if _is_old(question, record):
        refresh_s = question.refresh_s or 0
        yield Reason("refresh", after="asked" if refresh_s < 0 else "always" if refresh_s == 0 else "old")
    yield from merged(_reason(item, present) for item in _other(record, present))
    for artifact in record.artifacts:
        if not present.available(artifact):
            yield Reason("lost" if artifact.stored else "displaced", artifact.path, artifact.digest)


def _other(record: Record, present: Present) -> Iterator[Item]:
    """Yield what of ``record`` does not hold; last what is about to be made anew, and may hold then."""
    later: list[Item] = []
    for item in record.items:
        if not present.holds(item):
            if present.is_open(item):
                later.append(item)
            else:
                yield item
    yield from later


def hopes(question: Question, present: Present) -> Iterator[tuple[Item, ...]]:
    """Yield of each record that may hold yet what keeps it from that now: only what is about to be made anew."""
    for record in question.candidates:
        if not _is_old(question, record) and all(map(present.available, record.artifacts)):
            others = _other(record, present)
            first = next(others, None)  # what is not about to be made anew comes first
            if first is not None and present.is_open(first):
                yield (first, *others)


_KINDS: dict[type[Item], Kind] = {
    Content: "file",
    Tree: "folder",
    Listing: "listing",
    Modules: "modules",
    Status: "status",
    Link: "link",
    Program: "program",
    Absent: "absent",
    EnvironmentVariable: "variable",
    Package: "package",
}


def _reason(item: Item, present: Present) -> Reason:
    """Return the reason that ``item``, which does not hold, is."""
    match item:
        case Package():
            subject = item.name.lstrip("/?").partition(":")[0]
        case Program() | EnvironmentVariable():
            subject = item.name
        case _:
            subject = item.path
    return compared(Reason(_KINDS[type(item)], subject, value_of(item), present.value(item)), present.inventory)


def decide(reasons: Generator[Reason, None, Record | None], most: int | None = None) -> tuple[Reason, ...] | Record:
    """Return the reasons to run, the first ``most`` of them, or the record to reuse.

    A generator that gives neither found no difference: the action was never built so.
    """
    found: list[Reason] = []
    while most is None or len(found) < most:
        try:
            found.append(next(reasons))
        except StopIteration as end:
            record: Record | None = end.value
            if record is not None:
                return record
            break
    return tuple(found) or (Reason("never"),)
