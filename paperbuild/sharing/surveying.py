"""Is all that lies in a shared store as it was written? Every record is read, and every content, in full."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.digest import is_digest
from paperbuild.engine.trace import Artifact, Record
from paperbuild.engine.tree import Entry, parse_listing
from paperbuild.errors import BuildError
from paperbuild.sharing.bundles import MOST_BYTES, BundleError, Fault, Refusal, believed, load_bundle
from paperbuild.sharing.crew import spread
from paperbuild.sharing.layout import NAMESPACES, PARCELS, blob_name, bundle_name, is_namespace, pieces_name
from paperbuild.sharing.link import Link
from paperbuild.sharing.patience import Down
from paperbuild.sharing.pieces import MOST_LIST, load_pieces
from paperbuild.sharing.sending import Progress, Tell
from paperbuild.sharing.shared import SharedStore
from paperbuild.sharing.telling import trouble_with
from paperbuild.sharing.transport import Transport, TransportError

T = TypeVar("T")

READ_AT_ONCE = 8
_MISSING = "a content is missing"
MOST_LISTING = 64 << 20
"""Bytes of the list of a folder."""


class RemoteDamage(msgspec.Struct, frozen=True):
    """Something that is not as it should be: ``name`` is where it stands, ``what`` says it in words, ``actions`` made what it holds.

    ``bundles`` are the names of those with records that need it.
    """

    name: str
    what: str
    actions: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing at all where it should stand."""
        return self.what == _MISSING


class Survey(msgspec.Struct, frozen=True):
    """What was found: sound records, sound contents and their bytes; records of who is not trusted, and of later versions; damages."""

    records: int
    blobs: int
    bytes: int
    untrusted: int
    later: int
    damages: tuple[RemoteDamage, ...]


def verify_remote(shared: SharedStore, keys: Sequence[str] | None = None, tell: Tell = lambda _: None) -> Survey:
    """Return what is damaged of what stands under ``keys``, or of all (None); changes nothing.

    Raises:
        BuildError: the place cannot be read, or not be listed where that is needed.
    """
    shared.link.insist()
    if keys is None and not shared.link.transport.can_list:
        help_ = ("name targets, and their results are looked at",)
        message = f"what the store {shared.link.place.address} holds cannot be listed"
        raise BuildError(Diagnostic("PB619", message, help=help_))
    survey = _Surveying(shared)
    try:
        survey.read_records(_bundles(shared.link.transport) if keys is None else _named(shared, keys))
        survey.read_contents(tell)
    except (TransportError, Down) as error:
        fault = shared.link.reads.fault or error
        assert isinstance(fault, TransportError)  # a place is down for a reason
        raise BuildError(trouble_with(shared.link.place, fault)) from None
    return survey.result()


def _named(shared: SharedStore, keys: Sequence[str]) -> list[tuple[str, str]]:
    return [(layer, bundle_name(key)) for key in dict.fromkeys(keys) if is_digest(key) for layer in shared.link.layers]


def _bundles(transport: Transport) -> list[tuple[str, str]]:
    """Return every bundle: what its layer's names begin with, and its name there."""
    found = []
    for folder in ("records/", NAMESPACES):
        found += [
            place for seen in transport.listed(folder) if (place := layered(seen.name)) is not None and place[1].startswith("records/")
        ]
    return sorted(found)


def layered(name: str) -> tuple[str, str] | None:
    """Return the layer that ``name`` is in, and what it is called there; None where it is nothing of ours."""
    layer, rest = "", name
    if name.startswith(NAMESPACES):
        space, _, rest = name.removeprefix(NAMESPACES).partition("/")
        if not is_namespace(space):
            return None
        layer = f"{NAMESPACES}{space}/"
    kind, _, place = rest.partition("/")
    group, _, digest = place.partition("/")
    if kind == PARCELS:
        return (layer, rest) if is_digest(group) else None
    return (layer, rest) if kind in {"records", "blobs", "pieces"} and is_digest(digest) and group == digest[:2] else None


def entries_of(link: Link, layer: str, digest: str) -> tuple[Entry, ...]:
    """Return what the folder ``digest``, of a record in ``layer``, lists; nothing where the list is not there, or is none.

    Raises:
        TransportError: it cannot be read.
        Down: the place counts as down.
    """
    for where in (*dict.fromkeys((layer, "")),) * 2:  # twice: a list that was altered on its way is none that is lost
        content = link.reads.attempt(lambda where=where: link.transport.read(where + blob_name(digest), MOST_LISTING))  # type: ignore[misc]
        if content is not None and hashlib.sha256(content.data).hexdigest() == digest:
            with contextlib.suppress(ValueError):
                return parse_listing(content.data)
    return ()


class _Surveying:
    def __init__(self, shared: SharedStore) -> None:
        self._link = shared.link
        self._trust = shared.access.trust
        self._records: list[tuple[str, str, str, tuple[Artifact, ...]]] = []  # of each only what is needed: there may be very many
        self._untrusted = self._later = self._blobs = self._bytes = 0
        self._damages: list[RemoteDamage] = []

    def result(self) -> Survey:
        return Survey(len(self._records), self._blobs, self._bytes, self._untrusted, self._later, tuple(self._damages))

    def read_records(self, places: Sequence[tuple[str, str]]) -> None:
        """Read every bundle, and look who signed what is in it."""
        read = self._asking(lambda place: self._link.transport.read("".join(place), MOST_BYTES))
        for (layer, name), content in spread(read, places, READ_AT_ONCE):
            if content is None:
                continue
            try:
                entries = load_bundle(content.data)
            except BundleError as error:
                if error.fault is Fault.LATER:
                    self._later += 1
                else:
                    self._damages.append(RemoteDamage(layer + name, f"a bundle of records {error.fault.value}"))
                continue
            for entry in entries:
                self._sort(layer, name, believed(entry, name.rpartition("/")[2], self._trust))

    def _sort(self, layer: str, name: str, found: Record | Refusal) -> None:
        if not isinstance(found, Refusal):
            self._records.append((layer, name, found.action, tuple(artifact for artifact in found.artifacts if artifact.stored)))
        elif found.fault in {Fault.UNSIGNED, Fault.UNKNOWN}:
            self._untrusted += 1
        elif found.fault is Fault.LATER:
            self._later += 1
        else:
            self._damages.append(RemoteDamage(layer + name, f"a record {found.fault.value}{f': {found.detail}' if found.detail else ''}"))

    def read_contents(self, tell: Tell) -> None:
        """Read every content that a sound record needs, once."""
        needed: dict[tuple[str, str], dict[tuple[str, str], None]] = {}  # by whom: actions, and the bundles with their records
        folders: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
        for layer, name, action, artifacts in self._records:
            for artifact in artifacts:
                users = (folders if artifact.is_folder else needed).setdefault((layer, artifact.digest), {})
                users[action, layer + name] = None
        for (layer, digest), entries in spread(lambda place: entries_of(self._link, *place), [*folders], READ_AT_ONCE):
            for entry in entries:
                if entry.kind != "folder":
                    needed.setdefault((layer, entry.digest), {}).update(folders[layer, digest])
        needed |= folders
        for number, (place, (count, fault)) in enumerate(spread(self._asking(self._read), [*needed], READ_AT_ONCE)):
            if fault:
                actions, bundles = (tuple(dict.fromkeys(names)) for names in zip(*needed[place], strict=True))
                self._damages.append(RemoteDamage("".join((place[0], blob_name(place[1]))), fault, actions, bundles))
            else:
                self._blobs += 1
                self._bytes += count
            tell(Progress(number + 1, len(needed), self._bytes))

    def _asking(self, act: Callable[[tuple[str, str]], T]) -> Callable[[tuple[str, str]], T]:
        return lambda place: self._link.reads.attempt(lambda: act(place))

    def _read(self, place: tuple[str, str]) -> tuple[int, str]:
        """Return how many bytes a content has, and what is wrong with it ("": nothing)."""
        for layer in dict.fromkeys((place[0], "")):
            chunks = self._whole(layer, place[1])
            if chunks is not None:
                whole, count = hashlib.sha256(), 0
                for chunk in chunks:
                    whole.update(chunk)
                    count += len(chunk)
                return count, "" if whole.hexdigest() == place[1] else "a content is not what its name says"
        return 0, _MISSING

    def _whole(self, layer: str, digest: str) -> Iterator[bytes | memoryview] | None:
        stream = self._link.transport.stream(layer + blob_name(digest))
        if stream is not None:
            return stream
        content = self._link.transport.read(layer + pieces_name(digest), MOST_LIST)
        pieces = None if content is None else load_pieces(content.data)
        return None if pieces is None else self._joined(layer, pieces.digests)

    def _joined(self, layer: str, digests: Sequence[str]) -> Iterator[bytes | memoryview]:
        for digest in digests:
            found = (self._link.transport.stream(above + blob_name(digest)) for above in dict.fromkeys((layer, "")))
            yield from next((stream for stream in found if stream is not None), iter(()))
