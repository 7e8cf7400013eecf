"""The facts of the runs behind some documents: when, how long, from which commit, on which machine.

They stand beside the documents, in ``_build/provenance.json``, because equal inputs give equal documents: a document holds only what
its key holds (target, command, parameters, digests of outputs), and another machine at another time makes the same bytes.

Format, version 1: an object with ``version``, ``paperbuild``, ``made`` (RFC 3339, UTC), ``host``, ``platform``, ``revision`` (null outside
version control), ``documents`` and ``runs``; the structs below are its parts, field by field.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

import msgspec

import paperbuild
from paperbuild.engine.graph import Command, Graph, Scalar
from paperbuild.engine.index import Index
from paperbuild.engine.ports import Revision
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Record
from paperbuild.phrases import moment_utc
from paperbuild.provenance.adoptions import AdoptionFacts, adoption_of

VERSION = 1


class OutputFacts(msgspec.Struct, frozen=True):
    """One output: ``sha256`` is of the file's content, or of the list of a folder's files."""

    name: str
    path: str
    sha256: str


class RunFacts(msgspec.Struct, frozen=True):
    """One run whose outputs stand now. ``log`` is relative to the project, "" where its run was elsewhere or left none.

    Where the outputs were ``adopted``, nothing ran, and ``finished`` is when that was. ``origin`` is the public key of whoever vouched for
    a run elsewhere, "" for one of this machine.
    """

    action: str
    target: str
    command: str
    params: Mapping[str, Scalar]
    finished: str
    duration_s: float
    adopted: bool
    adoption: AdoptionFacts | None
    log: str
    outputs: tuple[OutputFacts, ...]
    origin: str = ""


class BuildFacts(msgspec.Struct, frozen=True):
    """All that is known of the runs behind a project's documents."""

    version: int
    paperbuild: str
    made: str
    host: str
    platform: str
    revision: Revision | None
    documents: tuple[OutputFacts, ...]
    runs: tuple[RunFacts, ...]


def load_facts(data: bytes) -> BuildFacts | None:
    """Return the facts in the content of ``provenance.json``; None where it is another version, or damaged."""
    try:
        facts = msgspec.json.decode(data, type=BuildFacts)
    except msgspec.DecodeError:
        return None
    return facts if facts.version == VERSION else None


def build_facts(graph: Graph, ids: Iterable[str], index: Index, store: Store, revision: Revision | None, now_ns: int) -> bytes:
    """Return the content of ``provenance.json`` for the actions ``ids``, all of which are up to date."""
    documents: list[OutputFacts] = []
    runs: list[RunFacts] = []
    for id_ in ids:
        action = graph.actions[id_]
        last = index.last_run(id_)
        record = None if last is None else store.record(last.key, last.record)
        if last is None or record is None:
            continue
        if isinstance(action.recipe, Command):
            runs.append(run_facts(record, last.log))
        else:
            documents.extend(_outputs(record))
    system = os.uname()
    facts = BuildFacts(
        version=VERSION,
        paperbuild=paperbuild.__version__,
        made=moment_utc(now_ns),
        host=system.nodename,
        platform=f"{system.sysname} {system.machine}",
        revision=revision,
        documents=tuple(documents),
        runs=tuple(runs),
    )
    return msgspec.json.format(msgspec.json.encode(facts), indent=1) + b"\n"


def run_facts(record: Record, log: str = "") -> RunFacts:
    """Return the facts of the run that ``record`` is of; ``log`` is where it left one.

    All is read off the record, so that they can be told of a result that the manifest does not declare any more.
    """
    declared = dict(record.components)
    return RunFacts(
        action=record.action,
        target=record.target,
        command=declared.get("code", declared.get("command", "")),
        params={name.partition(":")[2]: _scalar(text) for name, text in record.components if name.startswith("param:")},
        finished=moment_utc(record.finished_ns),
        duration_s=round(record.duration_s, 3),
        adopted=record.adopted,
        adoption=adoption_of(record),
        log=log,
        outputs=tuple(_outputs(record)),
        origin=record.origin,
    )


def _scalar(text: str) -> Scalar:
    """Return the parameter that a component of a key has as ``text``: "float 0.1", or a text, mostly as it is."""
    kind, _, value = text.partition(" ")
    if kind == "bool" and value in {"True", "False"}:
        return value == "True"
    if kind == "str":
        return value
    try:
        return int(value) if kind == "int" else float(value) if kind == "float" else text
    except ValueError:
        return text  # a text that begins with one of these words


def _outputs(record: Record) -> Iterable[OutputFacts]:
    return (OutputFacts(artifact.name, artifact.path, artifact.digest) for artifact in record.artifacts)
