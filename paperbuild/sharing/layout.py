"""Where what stands in a shared store, whatever the protocol.

Layout, version 1::

    version                        "1"
    records/ab/<key>               all records under one action key, see :mod:`paperbuild.sharing.bundles`
    blobs/ab/<sha256>              the content of one file, of 32 MiB at most
    pieces/ab/<sha256>             of which blobs a larger one consists, see :mod:`paperbuild.sharing.pieces`
    parcels/<sha256>/              a command on its way to another machine and back, see :mod:`paperbuild.clusters.cargo`
    namespaces/<name>/             the same once more, for who may not write above: read there first, then above
    incoming/, locks/              in folders alone: what is on its way, and whose turn it is to write

``ab`` are the first two digits. One request answers a key, and nothing is ever listed but by who removes what is old.
"""

from __future__ import annotations

import re

LAYOUT_VERSION = "1"
VERSION = "version"
NAMESPACES = "namespaces/"
PARCELS = "parcels"
INCOMING = "incoming/"
"""What is on its way, where a place cannot write a content as a whole; what is old there was left by who died."""

_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_namespace(text: str) -> bool:
    """Return whether ``text`` can be the name of a namespace."""
    return _NAMESPACE.fullmatch(text) is not None


def layer_of(namespace: str) -> str:
    """Return what the names in ``namespace`` begin with; "" for that of everybody."""
    return f"{NAMESPACES}{namespace}/" if namespace else ""


def bundle_name(key: str) -> str:
    """Return the name of the records under ``key``."""
    return f"records/{key[:2]}/{key}"


def blob_name(digest: str) -> str:
    """Return the name of a blob."""
    return f"blobs/{digest[:2]}/{digest}"


def pieces_name(digest: str) -> str:
    """Return the name of the list of the pieces of a larger blob."""
    return f"pieces/{digest[:2]}/{digest}"
