"""Which actions does a manifest name, in all its profiles? For whoever asks whether a result is still wanted. Pure."""

from __future__ import annotations

import tomllib

from paperbuild.engine.keys import declared, name_of
from paperbuild.paper.actions import expand
from paperbuild.paper.declarations import FORMATS, MANIFEST_NAME
from paperbuild.paper.documents import document_actions
from paperbuild.paper.manifest import parse_manifest


def named_by(manifest: bytes) -> frozenset[str]:
    """Return the names (see :func:`paperbuild.engine.keys.name_of`) of all actions of a manifest, whichever profile is chosen.

    Raises:
        ManifestError: it cannot be understood.
    """
    found: set[str] = set()
    profiles: list[str | None] = [None]
    parsed = parse_manifest(manifest, MANIFEST_NAME, None)
    profiles += tomllib.loads(manifest.decode()).get("profile", {})
    for profile in profiles:
        parsed = parse_manifest(manifest, MANIFEST_NAME, profile)
        documents = (action for document in parsed.documents for action in document_actions(document, formats=FORMATS))
        found.update(name_of(action.id, declared(action).items()) for action in (*expand(parsed), *documents))
    return frozenset(found)
