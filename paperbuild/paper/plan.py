"""What a manifest comes to: its documents, and every action of its targets with what it waits for.

To read a large manifest takes seconds, so the plan is kept beside a digest of the text that it was made of, and read instead.

File format, version 1: ``paperbuild-plan 1 <sha256>`` and a line end, then a :class:`_Kept` in MessagePack. The digest is of all that comes
after that line. The file is disposable. Secrets are not in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec
import msgspec.structs

from paperbuild.engine.graph import Action, Code, Command, Graph, folders_above
from paperbuild.engine.ourselves import who_we_are
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell, meant
from paperbuild.paper.chunks import Chunk
from paperbuild.paper.declarations import FORMATS, DocumentSpec, ExecutorSpec, Manifest, SharingSpec
from paperbuild.paper.documents import document_actions

_MAGIC = b"paperbuild-plan 1 "


class Outline(msgspec.Struct, frozen=True, array_like=True):
    """What the catalog holds of a target besides its cells."""

    name: str
    axes: tuple[str, ...]
    command: str


class Plan(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """What one manifest, with one profile applied, comes to.

    ``actions`` are those of all targets, in the order declared, and ``waits``, for each of them, the numbers of those that it waits for;
    None where that is not known without the documents. ``literals`` are numbers in the prose that are no results.
    ``chunks`` is :func:`digest_of_chunks` of those of its papers; ``holds_heavy``: heavy targets wait to be asked for. ``digest`` is
    :func:`plan_digest` of all that it comes from, b"" where nobody said that.
    """

    documents: tuple[DocumentSpec, ...]
    targets: tuple[Outline, ...]
    actions: tuple[Action, ...]
    waits: tuple[tuple[int, ...] | None, ...]
    python: str | None
    store_path: str | None
    literals: tuple[str, ...] = ()
    chunks: bytes = b""
    shared: SharingSpec = SharingSpec()
    holds_heavy: bool = False
    executors: tuple[ExecutorSpec, ...] = ()
    digest: bytes = b""

    def placed(self, chunks: Iterable[Chunk]) -> Plan:
        """Return the plan with its chunks where ``chunks``, which say the same, stand now."""
        by_name = {chunk.name: chunk for chunk in chunks}
        if not by_name:
            return self
        return msgspec.structs.replace(self, actions=tuple(_placed(action, by_name.get(action.target)) for action in self.actions))

    @cached_property
    def catalog(self) -> Catalog:
        """What the paper can name."""
        cells: dict[str, list[Cell]] = {}
        for action in self.actions:
            cell = Cell(action.id, action.params, tuple((output.name, output.path) for output in action.outputs))
            cells.setdefault(action.target, []).append(cell)
        return Catalog({one.name: CatalogTarget(one.name, tuple(cells.get(one.name, ())), one.axes, one.command) for one in self.targets})

    def cells_of(self, identifier: str) -> tuple[str, ...]:
        """Return the ids of the actions of the target that an expression's identifier names; empty where there is none."""
        name = meant(identifier, {one.name: None for one in self.targets})
        return tuple(action.id for action in self.actions if action.target == name)

    def maker(self, path: str) -> str | None:
        """Return the id of the action that makes ``path``: an output, or a file inside a folder output."""
        return next((self._makers[at] for at in (path, *folders_above(path)) if at in self._makers), None)

    @cached_property
    def _makers(self) -> dict[str, str]:
        return {output.path: action.id for action in self.actions for output in action.outputs}

    def graph(self, documents: Iterable[Action], secrets: Mapping[str, str], on: str = "") -> Graph:
        """Return the graph of all targets and these documents; ``secrets`` are the values of the variables that are called so.

        Targets run on the executor ``on`` where one is named, save those that say "local".

        Raises:
            ManifestError: as for :class:`Graph`.
            UsageError: there is no such executor.
        """
        actions: Iterable[Action] = (_filled(action, secrets) if action.variables else action for action in self.actions)
        if self.executors or on:
            from paperbuild.paper.placing import placed  # a paper that is made on one machine does without

            actions = placed(actions, self.executors, on)
        ids = [action.id for action in self.actions]
        known = {id_: frozenset([ids[n] for n in found]) for id_, found in zip(ids, self.waits, strict=True) if found is not None}
        secret = [variable.name for action in self.actions for variable in action.variables if variable.counted is None]
        told = (self.digest, on, sorted({name for name in secret if name in secrets}))
        return Graph((*actions, *documents), known, hashlib.sha256(msgspec.msgpack.encode(told)).digest() if self.digest else b"")


def _placed(action: Action, chunk: Chunk | None) -> Action:
    """Return ``action`` where ``chunk``, which declares it, stands; one that no chunk declares as it is."""
    if chunk is None or not isinstance(action.recipe, Command) or action.recipe.code is None:
        return action
    code = Code(chunk.code, chunk.at.path, chunk.line, chunk.margin)
    return msgspec.structs.replace(action, recipe=msgspec.structs.replace(action.recipe, code=code), span=chunk.at)


def _filled(action: Action, secrets: Mapping[str, str]) -> Action:
    """Return ``action`` with the values of those of its secrets that there are."""
    variables = (
        variable if variable.counted is not None else msgspec.structs.replace(variable, value=secrets[variable.name])
        for variable in action.variables
        if variable.counted is not None or variable.name in secrets
    )
    return msgspec.structs.replace(action, variables=tuple(variables))


def digest_of_chunks(chunks: Iterable[Chunk]) -> bytes:
    """Return a digest of what ``chunks`` say and of the files that they stand in, not of where they stand there; empty for none."""
    told = [(chunk.at.path, chunk.declared) for chunk in chunks]
    return hashlib.sha256(msgspec.msgpack.encode(told)).digest() if told else b""


def plan_digest(manifest: bytes, profile: str, chunks: bytes) -> bytes:
    """Return a digest of all that the plan of the text ``manifest`` with ``profile`` comes from; ``chunks`` as in :class:`Plan`."""
    return hashlib.sha256(msgspec.msgpack.encode((_maker(manifest, profile), chunks))).digest()


def plan_of(manifest: Manifest, chunks: bytes = b"", digest: bytes = b"") -> Plan:
    """Return what ``manifest`` comes to; ``chunks`` is the digest of those that it was made with, ``digest`` that of the plan.

    Raises:
        ManifestError: see :func:`paperbuild.paper.actions.expand` and :class:`Graph`.
    """
    actions: tuple[Action, ...] = ()
    if manifest.targets:
        from paperbuild.paper.actions import expand  # only where the manifest is another than the last time

        actions = expand(manifest)
    numbers = {action.id: n for n, action in enumerate(actions)}
    documents = tuple(action for document in manifest.documents for action in document_actions(document, formats=FORMATS))
    edges = Graph((*actions, *documents)).edges
    targets = (Outline(target.name, target.axes, target.told or target.command) for target in manifest.targets)
    found = (edges[id_] for id_ in numbers)
    waits = (tuple(sorted(numbers[other] for other in others)) if others <= numbers.keys() else None for others in found)
    return Plan(
        manifest.documents, tuple(targets), actions, tuple(waits), manifest.python, manifest.store_path, manifest.literals, chunks,
        manifest.shared, manifest.holds_heavy, manifest.executors, digest,
    )  # fmt: skip


class KeptNames(msgspec.Struct, frozen=True):
    """What a kept plan names: targets, documents with their formats. ``is_current``: it was made of the text that stands there now."""

    targets: tuple[str, ...]
    documents: tuple[tuple[str, tuple[str, ...]], ...]
    is_current: bool


def names_in(data: bytes, manifest: bytes) -> KeptNames | None:
    """Return what the plan in ``data`` names, also where it was made of another text than ``manifest``; None where it cannot be read."""
    _, _, body = data.partition(b"\n")
    try:
        kept = msgspec.msgpack.decode(body, type=_Kept)
    except msgspec.DecodeError:
        return None
    documents = tuple((document.name, document.formats) for document in kept.plan.documents)
    is_current = kept.maker[1] == hashlib.sha256(manifest).digest()
    return KeptNames(tuple(target.name for target in kept.plan.targets), documents, is_current)


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A plan, and what it was made of: which paperbuild, which text, which profile."""

    maker: tuple[str, bytes, str]
    plan: Plan


def _maker(manifest: bytes, profile: str) -> tuple[str, bytes, str]:
    return who_we_are(), hashlib.sha256(manifest).digest(), profile


def dump_plan(made: Plan, manifest: bytes, profile: str) -> bytes:
    """Return the file content that keeps the plan of the text ``manifest`` with ``profile``."""
    body = msgspec.msgpack.encode(_Kept(_maker(manifest, profile), made))
    return _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def load_plan(data: bytes, manifest: bytes, profile: str) -> Plan | None:
    """Return the plan in ``data``, or None where it is damaged, or was made of something else."""
    begin = data.find(b"\n") + 1
    body = memoryview(data)[begin:]  # a copy would take as much memory again
    if data[:begin] != _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n":
        return None
    try:
        kept = msgspec.msgpack.decode(body, type=_Kept)
    except msgspec.DecodeError:
        return None
    return kept.plan if kept.maker == _maker(manifest, profile) else None
