"""From the folder of a manifest to its plan, and to what its papers mention: as it was kept the last time, where the text is the same."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec

from paperbuild.paper.chunks import Chunk
from paperbuild.paper.declarations import MANIFEST_NAME, Manifest, default_manifest
from paperbuild.paper.mentions import KnownMentions, Mentions
from paperbuild.paper.plan import Plan, digest_of_chunks, dump_plan, load_plan, plan_digest, plan_of


class Planned(msgspec.Struct, frozen=True):
    """A plan, and what the sources of its documents mention."""

    plan: Plan
    mentions: Mapping[str, Mentions]


def read_manifest(root: str, profile: str, data: bytes | None = None, chunks: Iterable[Chunk] | None = None) -> Manifest:
    """Return the manifest in ``root`` (its text is ``data``, where somebody has read it) with ``profile`` applied; "" is none.

    ``chunks`` are those of its papers; None: whoever asks does not care.

    Raises:
        ManifestError: it cannot be understood.
        UsageError: it has no such profile.
    """
    from paperbuild.paper.manifest import parse_manifest  # not where the plan was kept

    return parse_manifest(_text(root) if data is None else data, MANIFEST_NAME, profile or None, chunks)


def planned(root: str, profile: str, *, keeps: bool) -> Planned:
    """Return what the manifest in ``root``, with ``profile`` applied, and the chunks of its papers come to.

    ``keeps``: it may be written down for the next time.

    Raises:
        ManifestError: manifest or chunks cannot be understood.
        UsageError: it has no such profile.
    """
    data = _text(root)
    path = os.path.join(root, ".paperbuild", "plan")
    kept = load_plan(_read(path), data, profile)
    if kept is not None:
        sources = tuple(source for document in kept.documents for source in document.sources)
    else:
        from paperbuild.paper.manifest import named_sources

        sources = named_sources(data, profile)
    mentions = mentioned(root, sources, keeps=keeps)
    chunks = chunks_of(mentions)
    digest = digest_of_chunks(chunks)
    if kept is not None and kept.chunks == digest:
        return Planned(kept.placed(chunks), mentions)
    made = plan_of(read_manifest(root, profile, data, chunks), digest, plan_digest(data, profile, digest))
    if keeps:
        with suppress(OSError):  # whoever builds tells of a folder that cannot be written
            _keep(path, dump_plan(made, data, profile))
    return Planned(made, mentions)


def planned_alone(root: str, source: str) -> Planned:
    """Return what the paper ``source``, which has no manifest, and its chunks come to.

    Raises:
        ManifestError: a chunk cannot be understood.
    """
    mentions = mentioned(root, (source,), keeps=False)
    manifest, chunks = default_manifest(source), chunks_of(mentions)
    if chunks:
        from paperbuild.paper.manifest import with_chunks

        manifest = with_chunks(manifest, chunks)
    return Planned(plan_of(manifest, digest_of_chunks(chunks)), mentions)


def chunks_of(mentions: Mapping[str, Mentions]) -> tuple[Chunk, ...]:
    """Return the chunks of all sources, each with its file."""
    return tuple(chunk.of(source) for source, found in mentions.items() for chunk in found.chunks)


def mentioned(root: str, sources: Iterable[str], *, keeps: bool) -> dict[str, Mentions]:
    """Return what each of ``sources`` (paths relative to ``root``) mentions; nothing of one that cannot be read."""
    path = os.path.join(root, ".paperbuild", "mentions")
    known = KnownMentions(_read(path))
    found = {}
    for source in dict.fromkeys(sources):
        with suppress(OSError), open(os.path.join(root, source), "rb") as file:
            found[source] = known.of(file.read())
    changed = known.changed() if keeps else None
    if changed is not None:
        with suppress(OSError):
            _keep(path, changed)
    return found


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _text(root: str) -> bytes:
    with open(os.path.join(root, MANIFEST_NAME), "rb") as file:
        return file.read()


def _keep(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
