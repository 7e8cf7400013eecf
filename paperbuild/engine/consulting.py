"""Asking a store elsewhere for results that nobody here has: those of many actions at once, each key once in a build."""

from __future__ import annotations

from collections.abc import Sequence

from paperbuild.engine.course import Course
from paperbuild.engine.floor import Floor
from paperbuild.engine.graph import Action
from paperbuild.engine.lookup import Lookup
from paperbuild.engine.trace import Artifact, Record


def consult(floor: Floor, lookup: Lookup, ids: Sequence[str], course: Course, asked: set[str]) -> None:
    """Add to the store here what others published for the actions ``ids``, as far as nothing here holds for them.

    ``asked`` are the keys that were asked for before, and are not again: what did not come, or could not be fetched, is made here.
    """
    store, remote, settled = floor.workshop.store, floor.workshop.remote, course.schedule.settled
    assert remote is not None
    wanted: dict[str, Action] = {}
    for id_ in ids:
        action = floor.graph.actions[id_]
        if not settled >= {*floor.keys.makers(action)} - {id_}:
            continue
        keyed = floor.keys.key(action)
        if keyed.faults or keyed.key in asked:
            continue
        if not isinstance(lookup.find(action, keyed, floor.graph, settled), Record):
            wanted[keyed.key] = action
            course.keyed[id_] = keyed
    if not wanted:
        return
    asked.update(wanted)
    found = remote.find(tuple(wanted))
    course.notice_new(remote.notices())  # before days are spent on what others have: who is told at the end would have mended it first
    lists: list[Artifact] = []
    for key, action in wanted.items():
        store.admit(record for record in found.get(key, ()) if record.key == key and lookup.may_be(action, record))
        if key in found and any(output.is_folder for output in action.outputs):
            held = lookup.find(action, course.keyed[action.id], floor.graph, settled)
            lists += [artifact for artifact in held.artifacts if artifact.is_folder] if isinstance(held, Record) else []
    store.blobs.bring(lists, whole=False)
