"""What a shell may offer for an argument: names out of the manifest, files beside it. It writes nothing, and a fault offers nothing.

Speed is all here: a shell waits at every press of the key. Of a manifest whose plan was kept, that is read; of any other only its names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

import msgspec

from paperbuild.paper.declarations import MANIFEST_NAME

VARIABLE = "_PAPERBUILD_COMPLETE"
"""The environment variable by which a shell asks; click's protocol."""
_FORMATS = ("pdf", "html")
_PAPERS = (".md", ".markdown", ".qmd", ".rmd")
_MOST = 2000
_PROFILE = re.compile(rb"^\s*\[profile\.([A-Za-z0-9_-]+)", re.MULTILINE)
_EXECUTOR = re.compile(rb"^\s*\[executor\.([A-Za-z0-9_-]+)", re.MULTILINE)


class Names(msgspec.Struct, frozen=True):
    """What a manifest names. ``formats`` are documents in a format, as `paperbuild status` calls them."""

    targets: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    executors: tuple[str, ...] = ()


def names_at(folder: str) -> Names:
    """Return what the manifest in ``folder``, or above it, names; nothing where there is none that can be read."""
    if not os.path.isdir(folder):
        return Names()
    while not os.path.isfile(os.path.join(folder, MANIFEST_NAME)):
        parent = os.path.dirname(folder)
        if parent == folder:
            return Names()
        folder = parent
    manifest = _read(os.path.join(folder, MANIFEST_NAME))
    from paperbuild.paper.plan import names_in

    kept = names_in(_read(os.path.join(folder, ".paperbuild", "plan")), manifest)
    if kept is None or not kept.is_current:
        import tomllib

        try:
            return _declared(tomllib.loads(manifest.decode()))
        except ValueError:
            pass  # it is being edited: what it said the last time is better than nothing
    if kept is None:
        return Names()
    named, places = ([match.decode(errors="replace") for match in dict.fromkeys(kind.findall(manifest))] for kind in (_PROFILE, _EXECUTOR))
    formats = tuple(f"{name}.{format_}" for name, wanted in kept.documents for format_ in wanted)
    return Names(kept.targets, tuple(name for name, _ in kept.documents), formats, tuple(named), tuple(places))


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _declared(manifest: Mapping[str, object]) -> Names:
    documents = _tables(manifest, "document")
    paper = manifest.get("paper")
    if isinstance(paper, dict):
        source = paper.get("source", "")
        first = source[0] if isinstance(source, list) and source else source
        documents = {os.path.splitext(os.path.basename(str(first)))[0]: paper}
    formats = []
    for name, table in documents.items():
        wanted = table.get("formats", _FORMATS) if isinstance(table, dict) else ()
        formats += [f"{name}.{format_}" for format_ in wanted if isinstance(format_, str)] if isinstance(wanted, list | tuple) else []
    named, ways, places = (tuple(_tables(manifest, key)) for key in ("target", "profile", "executor"))
    return Names(named, tuple(documents), tuple(formats), ways, places)


def _tables(manifest: Mapping[str, object], key: str) -> dict[str, object]:
    found = manifest.get(key)
    return {str(name): table for name, table in found.items()} if isinstance(found, dict) else {}


def targets(folder: str, begun: str) -> list[str]:
    """Return the targets, and the documents in their formats, that begin with ``begun``."""
    names = names_at(folder)
    return _fitting((*names.targets, *names.formats), begun)


def papers(folder: str, begun: str) -> list[str]:
    """Return the documents that begin with ``begun``, and the files that may be a paper, with the folders that lead to some."""
    before, _, start = begun.rpartition("/")
    found = []
    try:
        with os.scandir(os.path.join(folder, before or ("/" if begun.startswith("/") else ""))) as entries:
            for entry in entries:
                if entry.name.startswith(start) and (start or not entry.name.startswith((".", "_"))):
                    path = begun[: len(begun) - len(start)] + entry.name
                    found += [f"{path}/"] if entry.is_dir() else [path] if entry.name.lower().endswith(_PAPERS) else []
    except OSError:
        pass
    return _fitting((*names_at(folder).documents, *sorted(found)), begun)


def profiles(folder: str, begun: str) -> list[str]:
    """Return the profiles that begin with ``begun``."""
    return _fitting(names_at(folder).profiles, begun)


def executors(folder: str, begun: str) -> list[str]:
    """Return the executors that begin with ``begun``."""
    return _fitting((*names_at(folder).executors, "local"), begun)


def templates(folder: str, begun: str) -> list[str]:
    """Return the templates that begin with ``begun``: those that come along, and the project's own."""
    from paperbuild.render.packaged import FOLDER, packaged_folder

    found: dict[str, None] = {}
    for place in (packaged_folder(), os.path.join(folder, FOLDER)):
        try:
            found.update((entry.name, None) for entry in os.scandir(place) if entry.is_dir())
        except OSError:
            continue
    return _fitting(sorted(found), begun)


def formats(_folder: str, begun: str) -> list[str]:
    """Return lists of formats, with one more behind those that ``begun`` has."""
    before, comma, start = begun.rpartition(",")
    known = ("pdf", "html", "latex", "docx", "jats")
    return [f"{before}{comma}{name}" for name in known if name.startswith(start) and name not in before.split(",")]


def _fitting(words: Iterable[str], begun: str) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.startswith(begun)][:_MOST]
