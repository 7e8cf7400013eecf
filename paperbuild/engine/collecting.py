"""What of the store can go: results that nobody used for long, and contents that no result needs.

Safe beside builds. A build marks that it is at work (:meth:`Store.at_work`), and what was used since the oldest of them began, or within a
day, stays. Whoever comes to rely on an older blob or record stamps it, and each file is looked at once more on its way out
(:meth:`Store.discard`). Records go before the blobs that only they need, so a record that is there has its blobs. What remains of a race
is that a build finds no result where one has just gone, and runs the command again.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.digest import is_digest
from paperbuild.engine.keys import name_of
from paperbuild.engine.ports import FileSystem, Lock
from paperbuild.engine.store import DAY_NS, Store
from paperbuild.engine.trace import RECORD_VERSION, load_record
from paperbuild.errors import BuildError

_HEAD = re.compile(rb"paperbuild-record (\d+) ")


class Kept(msgspec.Struct, frozen=True):
    """One record's file: whose result it is ("" where it cannot be read), when it was last used, its size, and the blobs that it needs.

    ``name`` is that of the action as its manifest declared it: see :func:`paperbuild.engine.keys.name_of`.
    """

    path: str
    action: str
    target: str
    name: str
    used_ns: int
    size: int
    blobs: frozenset[str]


class Blob(msgspec.Struct, frozen=True):
    """One blob's file: its size, and when somebody last relied on its being there."""

    size: int
    used_ns: int


class Inventory(msgspec.Struct, frozen=True):
    """All that a store holds. ``newer`` is the path of a record that only a later paperbuild can read, if there is one.

    ``elsewhere`` are the contents that are known to be had elsewhere, each with when that was noted.
    """

    records: tuple[Kept, ...]
    blobs: Mapping[str, Blob]
    newer: str = ""
    elsewhere: Mapping[str, int] = msgspec.field(default_factory=dict)

    @property
    def size(self) -> int:
        """The bytes of all records and blobs."""
        return sum(record.size for record in self.records) + sum(blob.size for blob in self.blobs.values())


class Policy(msgspec.Struct, frozen=True):
    """What may go, of what was last used before ``spare_ns``.

    Records and loose blobs last used before ``old_ns``, and the longest unused of the others until the store takes ``most_bytes`` at most
    (None: any number of bytes). Of each action in ``named`` the result that was used last stays in any case.
    """

    spare_ns: int
    old_ns: int
    most_bytes: int | None = None
    named: frozenset[str] = frozenset()


class Plan(msgspec.Struct, frozen=True):
    """What goes: records, and blobs by their digests; ``freed`` and ``left`` are bytes. ``loose`` is how many blobs no record needed.

    ``forgotten`` are contents elsewhere that no record needs any more.
    """

    records: tuple[Kept, ...]
    blobs: tuple[str, ...]
    freed: int
    left: int
    loose: int
    forgotten: tuple[str, ...] = ()


def take_inventory(store: Store, fs: FileSystem) -> Inventory:
    """Return what ``store`` holds; changes nothing."""
    blobs: dict[str, Blob] = {}
    for path in store.blobs.files():
        digest, stat = posixpath.basename(path), fs.stat(path)
        if stat is not None and is_digest(digest):
            blobs[digest] = Blob(stat.size, stat.mtime_ns)
    records, newer = [], ""
    for path in store.record_files():
        stat = fs.stat(path)
        if stat is None or stat.is_folder:
            continue
        try:
            data = fs.read(path)
        except OSError:
            continue  # it has just gone, or nobody can say
        newer = newer or (path if is_newer(data) else "")
        record = load_record(data)
        if record is None:
            records.append(Kept(path, "", "", "", stat.mtime_ns, stat.size, frozenset()))
        else:
            name = name_of(record.components)
            records.append(Kept(path, record.action, record.target, name, stat.mtime_ns, stat.size, store.blobs.of(record)))
    marked = {posixpath.basename(path): fs.stat(path) for path in store.elsewhere.files()}
    return Inventory(tuple(records), blobs, newer, {digest: stat.mtime_ns for digest, stat in marked.items() if stat is not None})


def is_newer(data: bytes) -> bool:
    """Return whether ``data`` is a record as only a later version writes it."""
    head = _HEAD.match(data)
    return head is not None and int(head[1]) > RECORD_VERSION


def plan(inventory: Inventory, policy: Policy) -> Plan:
    """Return what goes by ``policy``. Pure."""
    needed = Counter(blob for record in inventory.records for blob in record.blobs)
    newest = {kept.name: kept.path for kept in sorted(inventory.records, key=lambda kept: (kept.used_ns, kept.path))}
    stays = {newest[name] for name in policy.named & newest.keys()}
    loose = [(blob.used_ns, digest) for digest, blob in inventory.blobs.items() if not needed[digest]]
    candidates: list[tuple[int, str, Kept | None]] = [(used_ns, digest, None) for used_ns, digest in loose]
    candidates += [(kept.used_ns, kept.path, kept) for kept in inventory.records if kept.path not in stays]
    records: list[Kept] = []
    blobs: list[str] = []
    size = left = inventory.size
    count = 0
    for used_ns, digest, record in sorted(candidates, key=lambda candidate: candidate[:2]):
        too_much = policy.most_bytes is not None and left > policy.most_bytes
        if used_ns >= policy.spare_ns or not (used_ns < policy.old_ns or too_much):
            break
        gone = [digest]
        if record is None:
            count += 1
        else:
            records.append(record)
            left -= record.size
            needed.subtract(record.blobs)
            gone = [blob for blob in sorted(record.blobs) if not needed[blob] and blob in inventory.blobs]
        for blob in gone:
            if inventory.blobs[blob].used_ns < policy.spare_ns:
                blobs.append(blob)
                left -= inventory.blobs[blob].size
    forgotten = tuple(digest for digest, noted_ns in inventory.elsewhere.items() if noted_ns < policy.spare_ns and not needed[digest])
    return Plan(tuple(records), tuple(blobs), size - left, left, count, forgotten)


def spared_since(store: Store, lock: Lock, now_ns: int) -> int:
    """Return since when nothing that was used may go: uses are noted once a day, and builds may be at work."""
    return store.begun_ns(lock, now_ns) - DAY_NS


def collect(store: Store, fs: FileSystem, policy: Policy, inventory: Inventory) -> Plan:
    """Remove what goes by ``policy``; return that. Only one may do so at a time: hold the lock of :func:`collecting`.

    Raises:
        BuildError: the store has records of a later version, of which nobody here knows what they need.
    """
    if inventory.newer:
        help_ = ("upgrade paperbuild, and collect with that",)
        notes = (f"for instance {inventory.newer}",)
        raise BuildError(Diagnostic("PB453", "the store has records of a later paperbuild, so nothing is removed", notes=notes, help=help_))
    found = plan(inventory, policy)
    spared: set[str] = set()
    for record in found.records:
        if not store.incoming.discard(record.path, policy.spare_ns):
            spared |= record.blobs
    for digest in found.blobs:
        if digest not in spared:
            store.incoming.discard(store.blobs.path(digest), policy.spare_ns)
    for digest in found.forgotten:
        if digest not in spared:
            store.elsewhere.forget(digest)
    for folder in sorted({posixpath.dirname(record.path) for record in found.records}):
        fs.remove_empty(folder)
    return found


def sizes(inventory: Inventory) -> Iterator[tuple[str, int, int]]:
    """Yield for each target how many results there are, and how many bytes their contents take, the largest first.

    What several targets have in common counts for each of them.
    """
    by_target: dict[str, list[Kept]] = {}
    for record in inventory.records:
        by_target.setdefault(record.target, []).append(record)
    found = []
    for target, records in by_target.items():
        blobs = frozenset[str]().union(*(record.blobs for record in records))
        size = sum(inventory.blobs[blob].size for blob in blobs if blob in inventory.blobs)
        found.append((target, len(records), size))
    yield from sorted(found, key=lambda one: (-one[2], one[0]))
