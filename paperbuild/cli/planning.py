"""From the folder of a manifest to its plan, and to what its papers mention: as it was kept the last time, where the text is the same."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress

from paperbuild.paper.declarations import MANIFEST_NAME, Manifest
from paperbuild.paper.mentions import KnownMentions, Mentions
from paperbuild.paper.plan import Plan, dump_plan, load_plan, plan_of


def read_manifest(root: str, profile: str, data: bytes | None = None) -> Manifest:
    """Return the manifest in ``root`` (its text is ``data``, where somebody has read it) with ``profile`` applied; "" is none.

    Raises:
        ManifestError: it cannot be understood.
        UsageError: it has no such profile.
    """
    from paperbuild.paper.manifest import parse_manifest  # not where the plan was kept

    return parse_manifest(_text(root) if data is None else data, MANIFEST_NAME, profile or None)


def planned(root: str, profile: str, *, keeps: bool) -> Plan:
    """Return what the manifest in ``root`` comes to, with ``profile`` applied; ``keeps``: it may be written down for the next time.

    Raises:
        ManifestError: it cannot be understood.
        UsageError: it has no such profile.
    """
    data = _text(root)
    path = os.path.join(root, ".paperbuild", "plan")
    kept = load_plan(_read(path), data, profile)
    if kept is not None:
        return kept
    made = plan_of(read_manifest(root, profile, data))
    if keeps:
        with suppress(OSError):  # whoever builds tells of a folder that cannot be written
            _keep(path, dump_plan(made, data, profile))
    return made


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
