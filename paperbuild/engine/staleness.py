"""Why an action must run: one generator, which the scheduler asks for its first reason and ``explain`` for all. Pure.

An action is up to date when a record under its present key still holds: every item of its trace is true now, every stored output is
in the store, every other output is in its place. Then nothing is yielded, and the generator returns that record.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Literal

import msgspec

from paperbuild.engine.keys import Components, differences
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
)

Kind = Literal["unknown", "never", "key", "trace", "output", "refresh"]


class Reason(msgspec.Struct, frozen=True):
    """One reason to run; ``text`` is a clause without a full stop."""

    kind: Kind
    text: str


class Question(msgspec.Struct, frozen=True):
    """What is asked of an action: its present key and what is known of it.

    ``candidates`` are the records under that key, newest first; ``last``, where there are none, is the record of its last
    successful run, under whatever key; ``refresh_s`` the age at which a result is too old; ``unknown`` says that nobody knows what
    it reads.
    """

    components: Components
    candidates: Sequence[Record]
    last: Record | None
    refresh_s: float | None
    unknown: bool
    now_ns: int


class Present(msgspec.Struct, frozen=True):
    """How to ask the present: whether an item holds, and whether an artifact can be had (from the store, or in place)."""

    holds: Callable[[Item], bool]
    available: Callable[[Artifact], bool]


def stale_reasons(question: Question, present: Present) -> Generator[Reason, None, Record | None]:
    """Yield why the action must run; yield nothing, and return the record to reuse, where it need not."""
    if question.unknown:
        yield Reason("unknown", "inputs unknown: it declares none, and nothing observes what it reads")
        return None
    for record in question.candidates:
        if not _is_old(question, record) and all(map(present.holds, record.items)) and all(map(present.available, record.artifacts)):
            return record
    if question.candidates:
        yield from _why_not(question, question.candidates[0], present)
    elif question.last is None:
        yield Reason("never", "it has never been built")
    else:
        for _, sentence in differences(question.components, question.last.components):
            yield Reason("key", sentence)
    return None


def _is_old(question: Question, record: Record) -> bool:
    if question.refresh_s is None:
        return False
    return question.refresh_s == 0 or question.now_ns - record.finished_ns >= question.refresh_s * 1e9  # a clock may be set back


def _why_not(question: Question, record: Record, present: Present) -> Generator[Reason, None, None]:
    if _is_old(question, record):
        assert question.refresh_s is not None
        yield Reason("refresh", "it is refreshed each time" if question.refresh_s == 0 else "its result is older than refresh allows")
    for item in record.items:
        if not present.holds(item):
            yield Reason("trace", _sentence(item))
    for artifact in record.artifacts:
        if not present.available(artifact):
            where = "is not in the store any more" if artifact.stored else "is not in its place, and is not stored"
            yield Reason("output", f"its output {artifact.path} {where}")


def _sentence(item: Item) -> str:
    match item:
        case Content(path) | Tree(path):
            return f"{path} changed"
        case Listing(path) | Modules(path):
            return f"the files in {path or '.'} changed"
        case Status(path) | Link(path):
            return f"{path} changed"
        case Program(name):
            return f"the program {name} changed"
        case Absent(path):
            return f"{path} appeared"
        case EnvironmentVariable(name):
            return f"the variable {name} changed"
        case Package(_, name) if name.startswith("?"):
            return f"the package {name[1:]} was installed"
        case Package(_, name):
            return f"the package {name.lstrip('/').partition(':')[0]} changed"


def decide(reasons: Generator[Reason, None, Record | None]) -> Reason | Record:
    """Return the first reason to run, or the record to reuse. A generator that gives neither found no difference: never built so."""
    try:
        return next(reasons)
    except StopIteration as end:
        return end.value if end.value is not None else Reason("never", "it has never been built like this")
