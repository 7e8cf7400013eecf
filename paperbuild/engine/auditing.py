"""What in the store is not as it should be: contents that are not what their names say, records that cannot be read or lack contents."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from paperbuild.engine.collecting import is_newer
from paperbuild.engine.digest import is_digest
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Record, load_record
from paperbuild.engine.tree import parse_listing

Kind = Literal["blob", "record", "lost"]


class Damage(msgspec.Struct, frozen=True):
    """One file of the store that is damaged: ``path`` is absolute, ``what`` says in words what is wrong.

    A ``blob`` is not what its name says; a ``record`` cannot be read, or stands in the wrong place; a ``lost`` record is sound, and lacks
    contents. ``holds`` are the outputs that cannot be had for it, each with the action that made it.
    """

    kind: Kind
    path: str
    what: str
    holds: tuple[tuple[str, str], ...] = ()


class Audit(msgspec.Struct, frozen=True):
    """What was found: how many records and blobs are sound, what is damaged, how many records only a later version can read."""

    records: int
    blobs: int
    damages: tuple[Damage, ...]
    newer: int


def audit(store: Store, fs: FileSystem) -> Audit:
    """Return what is damaged in ``store``, every content read in full; changes nothing."""
    sound, unreadable, newer = _read_records(store, fs)
    users: dict[str, dict[tuple[str, str], None]] = {}
    for _, record in sound:
        for artifact, digest in _needed(store, fs, record):
            users.setdefault(digest, {})[record.action, artifact] = None
    faults = {path: _fault(fs, path) for path in store.blobs.files()}
    elsewhere = {posixpath.basename(path) for path in store.elsewhere.files()}
    spoilt = [Damage("blob", path, fault, tuple(users.get(posixpath.basename(path), ()))) for path, fault in faults.items() if fault]
    there = {posixpath.basename(path) for path, fault in faults.items() if fault is not None}
    had = there | elsewhere
    lost = []
    for path, record in sound:
        lacks = dict.fromkeys(artifact for artifact, digest in _needed(store, fs, record) if digest not in had)
        if lacks and fs.stat(path) is not None:
            lost.append(Damage("lost", path, f"lacks {', '.join(lacks)}", tuple((record.action, artifact) for artifact in lacks)))
    return Audit(len(sound), len(there) - len(spoilt), (*unreadable, *spoilt, *lost), newer)


def _read_records(store: Store, fs: FileSystem) -> tuple[list[tuple[str, Record]], list[Damage], int]:
    """Return the records with their paths, what cannot be read of them, and how many a later version wrote."""
    sound: list[tuple[str, Record]] = []
    damages: list[Damage] = []
    newer = 0
    for path in store.record_files():
        try:
            data = fs.read(path)
        except OSError as error:
            if fs.stat(path) is not None:  # else it has just been removed
                damages.append(Damage("record", path, f"cannot be read: {error.strerror or error}"))
            continue
        record = load_record(data)
        if record is None and is_newer(data):
            newer += 1
        elif record is None:
            damages.append(Damage("record", path, "cannot be read"))
        elif path != store.record_file(record):
            damages.append(Damage("record", path, "is not what its place says"))
        else:
            sound.append((path, record))
    return sound, damages, newer


def _fault(fs: FileSystem, path: str) -> str | None:
    """Return what is wrong with the blob at ``path``: "" where nothing is, None where it has just gone."""
    digest = posixpath.basename(path)
    if not is_digest(digest) or posixpath.basename(posixpath.dirname(path)) != digest[:2]:
        return "is no content at all"
    try:
        return "" if fs.digest(path) == digest else "is not what its name says"
    except OSError as error:
        return None if fs.stat(path) is None else f"cannot be read: {error.strerror or error}"


def _needed(store: Store, fs: FileSystem, record: Record) -> Iterator[tuple[str, str]]:
    """Yield the path of each output of ``record`` with each blob that it needs; for a list that is none, one that cannot be."""
    for artifact in record.artifacts:
        if not artifact.stored:
            continue
        yield artifact.path, artifact.digest
        if artifact.is_folder and not store.elsewhere.knows(artifact.digest):  # else what it lists is there, too
            try:
                entries = parse_listing(fs.read(store.blobs.path(artifact.digest)))
            except OSError:
                continue  # the list itself is missing, which is told
            except ValueError:
                yield artifact.path, "a list that is none"
                continue
            yield from ((artifact.path, entry.digest) for entry in entries if entry.kind != "folder")


def repair(store: Store, fs: FileSystem, damages: Iterable[Damage]) -> None:
    """Remove what is damaged, and every record that needs it: what they held is made again when it is wanted.

    What is to be had elsewhere is not lost with the copy that was damaged here.
    """
    gone = set()
    for damage in damages:
        fs.remove_tree(damage.path)
        if not store.elsewhere.knows(posixpath.basename(damage.path)):
            gone.add(posixpath.basename(damage.path))
    for path in store.record_files():
        record = load_record(fs.read(path))
        if record is not None and any(digest in gone for _, digest in _needed(store, fs, record)):
            fs.unlink(path)
