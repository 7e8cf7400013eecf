"""What of a shared store can go: results that were published long ago and that nothing names any more, and contents that no result needs.

This alone lists what there is. A bundle goes as a whole, by when it was last written. Of each action that is named the newest record stays,
with all in its bundle, whatever its age. What is younger than ``spare_ns`` stays in any case: somebody may be publishing it. Bundles go
first, then what is left of them is read once more, so that what was published meanwhile keeps what it needs. What remains of a race is a
record that lacks a content; whoever wants it makes it anew, and sends it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.collecting import is_newer
from paperbuild.engine.keys import name_of
from paperbuild.engine.trace import Artifact, Record, load_record
from paperbuild.errors import BuildError
from paperbuild.sharing.bundles import MOST_BYTES, BundleError, Fault, load_bundle
from paperbuild.sharing.crew import spread
from paperbuild.sharing.layout import INCOMING, NAMESPACES, blob_name, pieces_name
from paperbuild.sharing.link import Link
from paperbuild.sharing.patience import Down
from paperbuild.sharing.pieces import MOST_LIST, load_pieces
from paperbuild.sharing.shared import SharedStore
from paperbuild.sharing.surveying import READ_AT_ONCE, entries_of, layered
from paperbuild.sharing.telling import trouble_with
from paperbuild.sharing.transport import Seen, TransportError

_AT_A_TIME = 1000


class RemotePolicy(msgspec.Struct, frozen=True):
    """What may go: bundles last written before ``old_ns``, contents that nothing needs from before ``spare_ns`` (ns since the epoch).

    ``named`` are the actions of which the newest result stays: see :func:`paperbuild.engine.keys.name_of`.
    """

    old_ns: int
    spare_ns: int
    named: frozenset[str] = frozenset()


class RemotePlan(msgspec.Struct, frozen=True):
    """What goes: records and contents; ``freed`` and ``left`` are bytes; of each action in ``actions`` so many records."""

    records: int
    blobs: int
    freed: int
    left: int
    actions: tuple[tuple[str, int], ...]


class _Kept(msgspec.Struct, frozen=True):
    """What of a record is needed here: there may be a hundred thousand. ``name`` is that of the action as it was declared."""

    action: str
    name: str
    finished_ns: int
    artifacts: tuple[Artifact, ...]


class _Bundle(msgspec.Struct, frozen=True):
    """A bundle and what is in it that can be read."""

    seen: Seen
    layer: str
    records: tuple[_Kept, ...]


class _Contents(msgspec.Struct, frozen=True):
    """All that was listed: bundles, and contents by layer and name."""

    bundles: tuple[_Bundle, ...]
    others: Mapping[tuple[str, str], Seen]


def collect_remote(shared: SharedStore, policy: RemotePolicy, *, dry_run: bool) -> RemotePlan:
    """Remove what goes by ``policy``, or only say what would (``dry_run``).

    Raises:
        BuildError: the place cannot be read, listed or written to, or has what a later version wrote: nobody here knows what that needs.
    """
    link = shared.link
    link.insist(written=not dry_run)
    if not link.transport.can_list:
        raise BuildError(Diagnostic("PB619", f"what the store {link.place.address} holds cannot be listed"))
    try:
        contents = _listed(link)
        going = _old(contents.bundles, policy)
        if not dry_run:
            _delete(link, [bundle.seen.name for bundle in going])
            contents = _read_again(link, contents, going)
            staying: Sequence[_Bundle] = contents.bundles
        else:
            staying = [bundle for bundle in contents.bundles if bundle not in going]
        loose = _loose(link, contents, staying, policy.spare_ns)
        if not dry_run:
            _delete(link, [seen.name for seen in loose])
    except (TransportError, Down) as error:
        fault = link.reads.fault or link.writes.fault or error
        assert isinstance(fault, TransportError)  # a place is down for a reason
        raise BuildError(trouble_with(link.place, fault, "read" if fault is link.reads.fault else "written")) from None
    return _plan(contents, going, staying, loose)


def _plan(contents: _Contents, going: Sequence[_Bundle], staying: Sequence[_Bundle], loose: Sequence[Seen]) -> RemotePlan:
    freed = sum(bundle.seen.size for bundle in going) + sum(seen.size for seen in loose)
    everything = sum(bundle.seen.size for bundle in (*going, *staying)) + sum(seen.size for seen in contents.others.values())
    actions = Counter(record.action for bundle in going for record in bundle.records)
    return RemotePlan(sum(len(bundle.records) for bundle in going), len(loose), freed, everything - freed, tuple(sorted(actions.items())))


def _everything(link: Link, folder: str) -> list[Seen]:
    return link.reads.attempt(lambda: [*link.transport.listed(folder)])


def _listed(link: Link) -> _Contents:
    bundles: list[tuple[str, Seen]] = []
    others: dict[tuple[str, str], Seen] = {}
    for seen in _everything(link, ""):
        place = layered(seen.name)
        if place is not None and place[1].startswith("records/"):
            bundles.append((place[0], seen))
        elif place is not None:
            others[place] = seen
        elif seen.name.startswith(INCOMING):
            others["", seen.name] = seen
    return _Contents(_read(link, bundles), others)


def _read(link: Link, bundles: Sequence[tuple[str, Seen]]) -> tuple[_Bundle, ...]:
    """Return ``bundles`` with what is in them; who wrote that does not matter here.

    Raises:
        BuildError: a later paperbuild wrote it.
    """
    found = []
    read = spread(lambda one: link.reads.attempt(lambda: link.transport.read(one[1].name, MOST_BYTES)), bundles, READ_AT_ONCE)
    for (layer, seen), content in read:
        try:
            entries = () if content is None else load_bundle(content.data)
        except BundleError as error:
            if error.fault is Fault.LATER:
                raise _later(link, seen.name) from None
            entries = ()
        if any(is_newer(entry.data) for entry in entries):
            raise _later(link, seen.name)
        records = tuple(_kept(record) for record in (load_record(entry.data) for entry in entries) if record is not None)
        if content is not None:
            found.append(_Bundle(seen, layer, records))
    return tuple(found)


def _kept(record: Record) -> _Kept:
    stored = tuple(artifact for artifact in record.artifacts if artifact.stored)
    return _Kept(record.action, name_of(record.components), record.finished_ns, stored)


def _later(link: Link, name: str) -> BuildError:
    message = f"the store {link.place.address} has records of a later paperbuild, so nothing is removed"
    return BuildError(Diagnostic("PB619", message, notes=(f"for instance {name}",), help=("upgrade paperbuild, and collect with that",)))


def _old(bundles: Iterable[_Bundle], policy: RemotePolicy) -> list[_Bundle]:
    newest: dict[str, tuple[int, str]] = {}
    for bundle in bundles:
        for record in bundle.records:
            if record.name in policy.named:
                newest[record.name] = max(newest.get(record.name, (0, "")), (record.finished_ns, bundle.seen.name))
    stays = {place for _, place in newest.values()}
    before_ns = min(policy.old_ns, policy.spare_ns)
    return [bundle for bundle in bundles if bundle.seen.modified_ns < before_ns and bundle.seen.name not in stays]


def _read_again(link: Link, contents: _Contents, gone: Sequence[_Bundle]) -> _Contents:
    """Return the contents once more, with the bundles that were written since they were read."""
    known = {(bundle.seen.name, bundle.seen.modified_ns): bundle for bundle in contents.bundles if bundle not in gone}
    old: list[_Bundle] = []
    new: list[tuple[str, Seen]] = []
    for seen in (*_everything(link, "records/"), *_everything(link, NAMESPACES)):
        place = layered(seen.name)
        if place is None or not place[1].startswith("records/"):
            continue
        same = known.get((seen.name, seen.modified_ns))
        if same is None:
            new.append((place[0], seen))
        else:
            old.append(same)
    return _Contents((*old, *_read(link, new)), contents.others)


def _loose(link: Link, contents: _Contents, staying: Iterable[_Bundle], spare_ns: int) -> list[Seen]:
    """Return the contents that none of ``staying`` needs and that are not young."""
    needed: set[tuple[str, str]] = set()
    folders: set[tuple[str, str]] = set()
    for bundle in staying:
        for artifact in (artifact for record in bundle.records for artifact in record.artifacts):
            (folders if artifact.is_folder else needed).add((bundle.layer, artifact.digest))
    for (layer, _), entries in spread(lambda place: entries_of(link, *place), sorted(folders), READ_AT_ONCE):
        needed |= {(layer, entry.digest) for entry in entries if entry.kind != "folder"}
    kept = _names(link, contents, needed | folders)
    return [seen for place, seen in sorted(contents.others.items()) if place not in kept and seen.modified_ns < spare_ns]


def _names(link: Link, contents: _Contents, needed: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the names, by layer, of what stands for ``needed``: in the layer of the record, or above it."""
    names = {(layer, blob_name(digest)) for where, digest in needed for layer in (where, "")}
    lists = {(layer, pieces_name(digest)) for where, digest in needed for layer in (where, "")} & contents.others.keys()
    for (layer, _), content in spread(
        lambda place: link.reads.attempt(lambda: link.transport.read("".join(place), MOST_LIST)), sorted(lists), READ_AT_ONCE
    ):
        pieces = None if content is None else load_pieces(content.data)
        if pieces is not None:
            names |= {(where, blob_name(digest)) for digest in pieces.digests for where in (layer, "")}
    return names | lists


def _delete(link: Link, names: Sequence[str]) -> None:
    for start in range(0, len(names), _AT_A_TIME):
        link.writing(lambda start=start: link.transport.delete(names[start : start + _AT_A_TIME]))  # type: ignore[misc]
