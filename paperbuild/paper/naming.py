"""Which actions does a manifest name, in all its profiles? For whoever asks whether a result is still wanted. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from msgspec.structs import replace

from paperbuild.engine.keys import declared, name_of
from paperbuild.errors import ManifestError
from paperbuild.paper import chunk_targets
from paperbuild.paper.actions import expand
from paperbuild.paper.declarations import FORMATS, MANIFEST_NAME, Manifest, default_manifest
from paperbuild.paper.documents import document_actions
from paperbuild.paper.manifest import parse_manifest
from paperbuild.paper.source import scan


def sources_of(manifest: bytes) -> frozenset[str]:
    """Return the paths of the sources of all documents of a manifest, whichever profile is chosen.

    Raises:
        ManifestError: it cannot be understood.
    """
    return frozenset(source for parsed in _in_all_profiles(manifest) for document in parsed.documents for source in document.sources)


def named_by_chunks(source: bytes, path: str) -> frozenset[str]:
    """Return the names of the actions of a source's chunks, those left out that cannot be understood."""
    if b".target" not in source:
        return frozenset()
    found = scan(source.decode(errors="replace").replace("\r\n", "\n")).chunks
    targets = chunk_targets.declared(chunk.of(path) for chunk in found).targets
    try:
        actions = expand(replace(default_manifest(path), targets=targets))
    except ManifestError:
        return frozenset()
    return frozenset(name_of(declared(action).items()) for action in actions)


def named_by(manifest: bytes) -> frozenset[str]:
    """Return the names (see :func:`paperbuild.engine.keys.name_of`) of all actions of a manifest, whichever profile is chosen.

    Raises:
        ManifestError: it cannot be understood.
    """
    found: set[str] = set()
    for parsed in _in_all_profiles(manifest):
        documents = (action for document in parsed.documents for action in document_actions(document, formats=FORMATS))
        found.update(name_of(declared(action).items()) for action in (*expand(parsed), *documents))
    return frozenset(found)


def _in_all_profiles(manifest: bytes) -> Iterator[Manifest]:
    yield parse_manifest(manifest, MANIFEST_NAME, None, chunks=None)
    for profile in tomllib.loads(manifest.decode()).get("profile", {}):
        yield parse_manifest(manifest, MANIFEST_NAME, profile, chunks=None)
