"""What others published under action keys, and what of it is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from paperbuild.engine.digest import digest_bytes, is_digest
from paperbuild.engine.trace import Record
from paperbuild.sharing.bundles import MOST_BYTES, SKEW_NS, BundleError, Fault, Refusal, Signed, believed, load_bundle
from paperbuild.sharing.crew import spread
from paperbuild.sharing.layout import bundle_name
from paperbuild.sharing.link import Link
from paperbuild.sharing.signing import Trust
from paperbuild.sharing.transport import Content, TransportError, Trouble

AT_ONCE = 32


class Found(msgspec.Struct, frozen=True):
    """What was found: the records that are believed, by key, newest first; and the contents that came with them, by their digests."""

    records: Mapping[str, tuple[Record, ...]]
    contents: Mapping[str, bytes]


def find(link: Link, trust: Trust, keys: Sequence[str], now_ns: int) -> Found:
    """Return what stands under ``keys`` and is believed; one request for each key and layer, many at once."""
    records: dict[str, tuple[Record, ...]] = {}
    contents: dict[str, bytes] = {}
    for key, bundles in bundles_of(link, keys):
        found = _records(link, trust, key, bundles, now_ns)
        if found:
            records[key] = tuple(sorted((record for record, _ in found), key=lambda record: (-record.finished_ns, record.name)))
            contents |= {digest_bytes(data): data for _, small in found for data in small}
    return Found(records, contents)


def bundles_of(link: Link, keys: Sequence[str]) -> Iterator[tuple[str, list[bytes]]]:
    """Yield those of ``keys`` that have bundles, with these in the order of the layers, as they come. Waits no longer than a build may."""
    names = [(key, layer) for key in dict.fromkeys(keys) if is_digest(key) for layer in link.layers]
    if not names or link.reads.is_down:
        return

    def read(name: tuple[str, str]) -> Content | None:
        key, layer = name
        return link.reading(lambda: link.transport.read(layer + bundle_name(key), MOST_BYTES))

    count = 0
    found: dict[str, dict[str, Content | None]] = {}
    with link.reads.waiting():
        for (key, layer), content in spread(read, names, AT_ONCE, link.reads.left_s):
            count += 1
            of_key = found.setdefault(key, {})
            of_key[layer] = content
            if len(of_key) == len(link.layers):  # while others are still on their way
                contents = [of_key[layer] for layer in link.layers]
                del found[key]
                if any(contents):
                    yield key, [content.data for content in contents if content is not None]
    if count < len(names) and not link.reads.is_down:
        link.reads.give_up(TransportError(Trouble.SLOW, f"{len(names) - count} of {len(names)} answers did not come in time"))


def _records(link: Link, trust: Trust, key: str, bundles: Sequence[bytes], now_ns: int) -> list[tuple[Record, tuple[bytes, ...]]]:
    """Return the records in ``bundles`` that are believed, each with the contents that came with it."""
    records: dict[str, tuple[Record, tuple[bytes, ...]]] = {}
    strangers: list[Refusal] = []
    for entry in entries_of(bundles, lambda fault: link.telling.refused(Refusal(fault.fault, key))):
        record = believed(entry, key, trust)
        if isinstance(record, Refusal):
            (strangers.append if record.fault is Fault.UNKNOWN else link.telling.refused)(record)
            continue
        if record.finished_ns > now_ns + SKEW_NS:
            link.telling.early(record.action, record.finished_ns)
        records.setdefault(record.name, (record, entry.contents))
    if records:  # somebody who is trusted made it, too: nobody need hear of others for ever, unless it is missed
        link.telling.passed_over(key, strangers)
    else:
        for refusal in strangers:
            link.telling.refused(refusal)
    return list(records.values())


def entries_of(bundles: Sequence[bytes], refuse: Callable[[BundleError], None]) -> list[Signed]:
    """Return everything in ``bundles``; those that cannot be read are told to ``refuse``."""
    entries: list[Signed] = []
    for data in bundles:
        try:
            entries += load_bundle(data)
        except BundleError as error:
            refuse(error)
    return entries
