"""No two actions write one place: equal paths, paths equal where case does not count, folders in the way of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.paper.conversion import ManifestText
from paperbuild.paper.declarations import Manifest, OutputSpec
from paperbuild.paper.paths import file_key
from paperbuild.paper.toml_positions import Path


class Written(msgspec.Struct, frozen=True):
    """``path`` is written by ``action``, a cell of ``target``, as ``declared``."""

    path: str
    action: str
    target: str
    declared: OutputSpec


def shared_paths(manifest: Manifest, written: Iterable[Written]) -> Iterator[Diagnostic]:
    """Yield what is wrong where one place is written twice, or is a source; each pair of declarations once."""
    text = manifest.text
    sources = {file_key(path): document.name for document in manifest.documents for path in document.sources}
    axes = {target.name: target.axes for target in manifest.targets}
    taken: dict[str, Written] = {}
    said: set[tuple[Path, Path]] = set()
    for one in written:
        key = file_key(one.path)
        other = taken.setdefault(key, one)
        if other is not one and (one.declared.at, other.declared.at) not in said:
            said.add((one.declared.at, other.declared.at))
            yield _twice(one, other, text, axes[one.target])
        elif other is one and (key in sources or key == file_key(manifest.path)):
            what = f"a source of the document {sources[key]}" if key in sources else "the manifest itself"
            message = f"{one.action} writes {one.path}, {what}"
            yield Diagnostic("PB126", message, text.value(one.declared.at), help=("write to another file",))
    for key, one in taken.items():
        parts = key.split("/")
        above = (taken.get("/".join(parts[:n])) for n in range(1, len(parts)))
        outer = next((found for found in above if found is not None), None)
        if outer is not None and (one.declared.at, outer.declared.at) not in said:
            said.add((one.declared.at, outer.declared.at))
            yield _in_the_way(one, outer, text)


def _twice(one: Written, other: Written, text: ManifestText, axes: tuple[str, ...]) -> Diagnostic:
    where = text.value(one.declared.at)
    notes = _first(other, text, where)
    if one.path.rstrip("/") != other.path.rstrip("/"):
        message = f"{other.action} writes {other.path}, and {one.action} writes {one.path}: one file where case does not count"
        return Diagnostic("PB124", message, where, notes=notes, help=("let them differ in more than case",))
    if one.action == other.action:
        return Diagnostic("PB141", f"{one.action} declares {one.path} twice", where, notes=notes, help=("take one away",))
    mend = "give each its own file"
    if one.declared == other.declared:
        missing = " and ".join(f"{{{name}}}" for name in axes if f"{{{name}}}" not in one.declared.path)
        mend = f"put {missing} in the path, so that each cell has its own file"
    return Diagnostic("PB141", f"{other.action} and {one.action} both write {one.path}", where, notes=notes, help=(mend,))


def _first(other: Written, text: ManifestText, where: Span) -> tuple[str, ...]:
    span = text.value(other.declared.at)
    if (span.line, span.column) == (where.line, where.column):
        return ()
    return (f"{other.path} is declared by {other.target} at {span.path}:{span.line}:{span.column}",)


def _in_the_way(inner: Written, outer: Written, text: ManifestText) -> Diagnostic:
    where = text.value(inner.declared.at)
    owner = f"the folder {outer.path} of {outer.action}" if outer.path.endswith("/") else f"{outer.path}, a file of {outer.action}"
    why = (
        "a folder output is one artifact: all that is in it belongs to it"
        if outer.path.endswith("/")
        else "a path is a file or a folder, not both"
    )
    notes = (*_first(outer, text, where), why)
    return Diagnostic("PB125", f"{inner.path} of {inner.action} is inside {owner}", where, notes=notes, help=("move one of the two",))
