"""Which actions have another recorded run at one revision than at another, what their runs have not in common, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from paperbuild.engine.graph import Command
from paperbuild.engine.keys import differences
from paperbuild.engine.queries import Situation
from paperbuild.engine.reasons import Reason, merged
from paperbuild.engine.trace import Content, Item, Package, Program, Record, Tree, path_of
from paperbuild.provenance.changes import TargetChange

MOST_REASONS = 3


def target_changes(old: Iterable[Situation], new: Iterable[Situation], names: tuple[str, str]) -> tuple[TargetChange, ...]:
    """Return the actions, documents aside, whose runs differ between two sides called ``names``; in the order of the new manifest."""
    before, after = (_by_id(side) for side in (old, new))
    ids = dict.fromkeys((*after, *before))
    return tuple(filter(None, (_change(before.get(id_), after.get(id_), names) for id_ in ids)))


def _by_id(side: Iterable[Situation]) -> Mapping[str, Situation]:
    return {one.action.id: one for one in side if isinstance(one.action.recipe, Command)}


def _change(old: Situation | None, new: Situation | None, names: tuple[str, str]) -> TargetChange | None:
    here = new or old
    assert here is not None
    id_, target = here.action.id, here.action.target
    missing = tuple(name for name, side in zip(names, (old, new), strict=True) if side is not None and side.result is None)
    if missing:
        told = (side for side in (new, old) if side is not None and side.result is None)
        return TargetChange("no result", id_, target, reasons=tuple(r.text for side in told for r in side.reasons[:1]), missing=missing)
    if old is None or new is None:
        return TargetChange("new" if old is None else "gone", id_, target)
    then, now = old.result, new.result
    assert then is not None
    assert now is not None
    if (then.key, then.name) == (now.key, now.name):
        return None
    was = {artifact.path: artifact.digest for artifact in then.artifacts}
    outputs = tuple(artifact.path for artifact in now.artifacts if was.get(artifact.path) != artifact.digest)
    reasons = tuple(reason.text for reason in _telling(merged(_reasons(then, now))))[:MOST_REASONS]
    return TargetChange("results differ" if outputs else "same results", id_, target, outputs, reasons)


def _telling(reasons: Iterable[Reason]) -> Iterator[Reason]:
    """Yield reasons, those first that say most: a command in which a parameter stands changes with that."""
    found = tuple(reasons)
    with_parameter = any(reason.kind == "parameter" for reason in found)
    yield from (reason for reason in found if reason.kind == "parameter")
    yield from (
        reason for reason in found if reason.kind not in {"parameter", "command"} or (reason.kind == "command" and not with_parameter)
    )


def _reasons(then: Record, now: Record) -> Iterator[Reason]:
    """Yield what two runs of one action have not in common: first of what is known before a run, then of what was read."""
    yield from differences(now.components, then.components)
    was = {_about(item): item for item in then.items}
    for item in now.items:
        before = was.get(_about(item))
        match before, item:
            case Content(), Content() if before.digest != item.digest:
                yield Reason("file", item.path, before.digest, item.digest)
            case Tree(), Tree() if before.digest != item.digest:
                yield Reason("folder", item.path, before.digest, item.digest)
            case Package(), Package() if before.fingerprint != item.fingerprint:
                yield Reason("package", item.name.lstrip("/?").partition(":")[0], before.fingerprint, item.fingerprint)
            case Program(), Program() if before.fingerprint != item.fingerprint:
                yield Reason("program", item.name, before.fingerprint, item.fingerprint)


def _about(item: Item) -> tuple[str, str]:
    return type(item).__name__, path_of(item) or item.name  # type: ignore[union-attr]  # what has no path has a name


def data_read(situations: Iterable[Situation]) -> Mapping[str, tuple[str, ...]]:
    """Return for each action the files that its recorded run read."""
    return {one.action.id: _files(one.record) for one in situations if one.record is not None}


def _files(record: Record) -> tuple[str, ...]:
    declared = (name.removeprefix("input:") for name, _ in record.components if name.startswith("input:"))
    return tuple(dict.fromkeys((*declared, *(item.path for item in record.items if isinstance(item, Content)))))
