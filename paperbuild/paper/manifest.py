"""The manifest ``paperbuild.toml``: its text in, what it declares out, or everything that is wrong with it.

:mod:`conversion` makes types of tables, :mod:`target_table` reads targets; here stand documents, profiles and what concerns the
whole. :mod:`actions` expands the result.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec
import msgspec.structs

from paperbuild.diagnostics import Diagnostic, Span, did_you_mean
from paperbuild.engine import patterns
from paperbuild.engine.graph import Scalar
from paperbuild.errors import ManifestError, UsageError
from paperbuild.paper import malformed_toml, names, schema
from paperbuild.paper.chunk_targets import Declared, declared
from paperbuild.paper.chunks import Chunk
from paperbuild.paper.conversion import Faults, ManifestText, in_order, read_table, read_tables, spelled, unknown_key
from paperbuild.paper.declarations import (
    DEFAULT_FORMATS,
    FORMATS,
    MANIFEST_NAME,
    PDF_ENGINES,
    PDF_STANDARDS,
    DocumentSpec,
    Manifest,
    OutputSpec,
    TargetSpec,
    default_manifest,
    name_of,
)
from paperbuild.paper.executors import check_places, read_executors
from paperbuild.paper.paths import PathError, file_key, input_path, source_path
from paperbuild.paper.shared_store import shared_store
from paperbuild.paper.target_table import check_folded, check_name, read_target
from paperbuild.paper.toml_positions import Path

__all__ = ["DEFAULT_FORMATS", "FORMATS", "MANIFEST_NAME", "DocumentSpec", "Manifest", "OutputSpec", "TargetSpec"]
__all__ += ["default_manifest", "format_fault", "parse_manifest", "pdf_fault"]

S = TypeVar("S", bound=msgspec.Struct)

_OTHER_NAMES = {"tex": "latex", "word": "docx", "doc": "docx", "xml": "jats", "typst": "pdf"}  # what people call them


def format_fault(name: str, span: Span | None = None) -> Diagnostic | None:
    """Return what is wrong with the format ``name``, or None."""
    if name in FORMATS:
        return None
    meant = _OTHER_NAMES.get(name)
    help_lines = (f"did you mean {meant}?",) if meant else did_you_mean(name, FORMATS)
    return Diagnostic("PB111", f"there is no format {name}", span, help=help_lines or (f"the formats are {', '.join(FORMATS)}",))


def parse_manifest(data: bytes, path: str = MANIFEST_NAME, profile: str | None = None, chunks: Iterable[Chunk] | None = ()) -> Manifest:
    """Return what the TOML text ``data`` declares, with ``profile`` applied, and what the ``chunks`` of its papers do.

    Where these are not known (None), a name in ``needs`` that no target has may be one's.

    Raises:
        ManifestError: it cannot be understood; all faults are in it, in the order of their places.
        UsageError: it has no such profile.
    """
    content, decoded = malformed_toml.load(data, path)
    text = ManifestText(path, decoded)
    _refuse_newer(content, text)
    reading = _Reading(content, text, profile, None if chunks is None else declared(chunks))
    manifest = reading.manifest()
    if reading.faults.found:
        raise ManifestError(*in_order(reading.faults.found))
    if profile is not None and profile not in reading.profiles:
        help_lines = did_you_mean(profile, reading.profiles) or (
            (f"the profiles are {', '.join(reading.profiles)}",) if reading.profiles else (f"{path} has no profiles",)
        )
        raise UsageError(Diagnostic("PB109", f"there is no profile {profile}", help=help_lines))
    return manifest


def named_sources(data: bytes, profile: str | None = None) -> tuple[str, ...]:
    """Return the sources of the documents that the TOML text ``data`` names, with ``profile`` applied, whatever else is wrong with it.

    Their chunks must be known before anything can be said of the whole.
    """
    try:
        content, _ = malformed_toml.load(data, MANIFEST_NAME)
    except ManifestError:
        return ()
    override = _table_at(content, "profile", profile or "")
    named = [(_table_at(content, "paper"), _table_at(override, "paper"))]
    for name, table in _table_at(content, "document").items():
        named.append((table if isinstance(table, dict) else {}, _table_at(override, "document", name)))
    found: dict[str, None] = {}
    for table, changes in named:
        sources = changes.get("source", table.get("source"))
        for source in sources if isinstance(sources, list) else [sources]:
            with contextlib.suppress(PathError):
                found.update({source_path(source): None} if isinstance(source, str) else {})
    return tuple(found)


def _table_at(content: Mapping[str, object], *keys: str) -> dict[str, object]:
    """Return the table at ``keys``, an empty one where there is none."""
    here: object = content
    for key in keys:
        here = here.get(key) if isinstance(here, Mapping) else None
    return here if isinstance(here, dict) else {}


def with_chunks(manifest: Manifest, chunks: Iterable[Chunk]) -> Manifest:
    """Return ``manifest``, that of a paper which has none, with what the ``chunks`` of the paper declare.

    Raises:
        ManifestError: something is wrong with them; all faults are in it.
    """
    reading = _Reading({}, manifest.text, None, declared(chunks))
    targets = reading.with_chunks(manifest.targets, manifest.documents)
    if reading.faults.found:
        raise ManifestError(*in_order(reading.faults.found))
    return msgspec.structs.replace(manifest, targets=targets, text=reading.faults.text)


def pdf_fault(engine: str, standards: Iterable[str], span: Span | None = None) -> Diagnostic | None:
    """Return what is wrong with the wish for a PDF by ``engine`` ("" for the default) that conforms to ``standards``, or None."""
    asked = tuple(standards)
    if engine not in {"", *PDF_ENGINES}:
        help_lines = did_you_mean(engine, PDF_ENGINES) or (f"the engines are {' and '.join(PDF_ENGINES)}",)
        return Diagnostic("PB118", f"there is no PDF engine {engine}", span, help=help_lines)
    for name in asked:
        if name not in PDF_STANDARDS:
            known = f"the standards are {', '.join(PDF_STANDARDS)}"
            return Diagnostic("PB118", f"there is no PDF standard {name}", span, help=did_you_mean(name, PDF_STANDARDS) or (known,))
    archival = [name for name in asked if name.startswith("a-")]
    if len(set(archival)) > 1:
        return Diagnostic(
            "PB118", f"no PDF is both {archival[0]} and {archival[1]}", span, help=("ask for one of them, or for one and ua-1",)
        )
    if "ua-1" in asked and any(name.startswith("a-4") for name in archival):
        reason = (f"{archival[0]} is of PDF 2.0, ua-1 of PDF 1.7",)
        return Diagnostic("PB118", f"no PDF is both {archival[0]} and ua-1", span, notes=reason, help=("ask for a-3b and ua-1",))
    if asked and engine == "latex":
        mend = ("leave pdf-engine out, or pdf-standard",)
        return Diagnostic("PB118", "the LaTeX engine makes PDF without standards", span, help=mend)
    return None


def _refuse_newer(content: Mapping[str, object], text: ManifestText) -> None:
    version = content.get("version")
    if isinstance(version, int) and schema.VERSION < version < 2**63:
        raise ManifestError(
            Diagnostic(
                "PB102",
                f"this manifest is of version {version}, and this paperbuild knows none later than {schema.VERSION}",
                text.value(("version",)),
                notes=("it was written for a newer paperbuild",),
                help=("upgrade paperbuild: pip install --upgrade paperbuild",),
            )
        )


class _Reading:
    """One manifest being read. Everything wrong goes to ``faults``; tables that are well formed are read on."""

    def __init__(self, content: Mapping[str, object], text: ManifestText, profile: str | None, chunks: Declared | None) -> None:
        self.content = content
        self.chunks = chunks or Declared()
        self.knows_chunks = chunks is not None
        elsewhere = {at: span for at, span in self.chunks.places.items() if at[1] not in self._names("target")}
        self.faults = Faults(text.with_elsewhere(elsewhere))
        self.profile = profile
        self.profiles: tuple[str, ...] = ()
        self.holds_heavy = False
        self.moved: dict[Path, Path] = {}

    def manifest(self) -> Manifest:
        self._check_top()
        documents = self._documents()
        targets = self._section("target", schema.TargetTable)
        environment = self._table("environment", schema.EnvironmentTable) or schema.EnvironmentTable()
        store = self._table("store", schema.StoreTable) or schema.StoreTable()
        shared = shared_store(store, ("store",), self.faults)
        check = self._table("check", schema.CheckTable) or schema.CheckTable()
        self._apply_profiles(documents, targets)
        text = self.faults.text = self.faults.text.with_moved(self.moved)
        document_specs = tuple(self._document(at, table) for at, table in documents.items())
        target_specs = tuple(read_target(name, table, self.faults) for name, table in targets.items())
        self._refuse_equal_names(document_specs, tuple(documents))
        target_specs = self.with_chunks(target_specs, document_specs)
        executors = read_executors(self._section("executor", schema.ExecutorTable), self.faults)
        check_places(target_specs, executors, self._names("executor"), self.faults)
        return Manifest(
            document_specs, target_specs, environment.python, store.path, check.literals, self.profile, text.path, text, shared,
            self.holds_heavy, executors,
        )  # fmt: skip

    def _check_top(self) -> None:
        known = [item.encode_name for item in msgspec.structs.fields(schema.ManifestTable)]
        for key, value in self.content.items():
            if key in known:
                continue
            if isinstance(value, dict) and ("run" in value or "outputs" in value):
                self.faults.at_key("PB103", f"unknown key {key}", (key,), (f"a target's table is [{spelled(('target', key))}]",))
            else:
                unknown_key(key, known, (key,), self.faults)
        version = self.content.get("version", schema.VERSION)
        if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= schema.VERSION:
            self.faults.at_value("PB105", "version must be a whole number of at least 1", ("version",))

    def _table(self, key: str, kind: type[S]) -> S | None:
        if key not in self.content:
            return None
        value = self.content[key]
        if not isinstance(value, dict):
            self.faults.at_key("PB105", f"{key} must be a table", (key,), (f"write it as [{key}]",))
            return None
        return read_table(kind, value, (key,), self.faults)

    def _section(self, key: str, kind: type[S]) -> dict[str, S]:
        return read_tables(kind, self.content[key], (key,), self.faults) if key in self.content else {}

    def _documents(self) -> dict[Path, schema.DocumentTable]:
        found: dict[Path, schema.DocumentTable] = {}
        paper = self._table("paper", schema.DocumentTable)
        if paper is not None:
            found["paper",] = paper
        for name, table in self._section("document", schema.DocumentTable).items():
            check_name(name, "a document", ("document", name), self.faults, reserved=())
            found["document", name] = table
        return found

    def _names(self, section: str) -> tuple[str, ...]:
        """Return the names of the tables in a section, well formed or not."""
        tables = self.content.get(section)
        return tuple(tables) if isinstance(tables, dict) else ()

    def _apply_profiles(self, documents: dict[Path, schema.DocumentTable], targets: dict[str, schema.TargetTable]) -> None:
        self.profiles = self._names("profile")
        for profile, table in self._section("profile", schema.ProfileTable).items():
            at: Path = ("profile", profile)
            check_name(profile, "a profile", at, self.faults, reserved=())
            if table.paper is not None and "paper" not in self.content:
                self.faults.at_key("PB110", "there is no [paper] for this profile to change", (*at, "paper"))
            self._check_changed("document", tuple(table.document), at)
            if self.knows_chunks:
                self._check_changed("target", tuple(table.target), at)
            if profile != self.profile:
                continue
            self.holds_heavy = table.hold_heavy
            changes: dict[Path, msgspec.Struct] = {("document", name): change for name, change in table.document.items()}
            if table.paper is not None:
                changes["paper",] = table.paper
            for place, change in changes.items():
                if place in documents:
                    documents[place] = self._replaced(documents[place], change, place)
            for name, override in table.target.items():
                if name in targets:
                    targets[name] = self._replaced(targets[name], override, ("target", name))

    def _check_changed(self, section: str, changed: tuple[str, ...], at: Path) -> None:
        """Refuse names of documents or targets that a profile would change, and that there are not."""
        for name in set(changed) - set(self._names(section)):
            help_lines = did_you_mean(name, self._names(section))
            if section == "target" and name in self.chunks.names:
                help_lines = ("a chunk is the same in all profiles: what differs is a target of the manifest",)
            self.faults.at_key("PB110", f"there is no {section} {name} for this profile to change", (*at, section, name), help_lines)

    def _replaced(self, table: S, change: msgspec.Struct, at: Path) -> S:
        """Return ``table`` with the keys that the chosen profile writes for it; parameters are merged."""
        assert self.profile is not None
        here: Path = ("profile", self.profile, *at)
        written: object = self.content
        for key in here:
            written = written[key] if isinstance(written, dict) else {}
        keys: dict[str, object] = {}
        for item in msgspec.structs.fields(change):
            if not isinstance(written, dict) or item.encode_name not in written:
                continue
            value = getattr(change, item.name)
            if item.name == "params":
                self.moved.update({(*at, "params", name): (*here, "params", name) for name in value})
                value = {**getattr(table, item.name), **value}
            else:
                self.moved[(*at, item.encode_name)] = (*here, item.encode_name)
            keys[item.name] = value
        return msgspec.structs.replace(table, **keys)

    def _document(self, at: Path, table: schema.DocumentTable) -> DocumentSpec:
        sources = tuple(self._file(path, where, source_path) for path, where in _listed(table.source, (*at, "source")))
        for n, name in enumerate(table.formats):
            fault = format_fault(name, self.faults.text.value((*at, "formats", n)))
            if fault is not None:
                self.faults.found.append(fault)
        if not names.is_name(table.template):
            self.faults.at_value("PB106", f"{table.template!r} cannot be the name of a template", (*at, "template"))
        name = str(at[1]) if len(at) > 1 else name_of(sources[0])
        options = self._options(at, table)
        return DocumentSpec(name, sources, tuple(dict.fromkeys(table.formats)), table.template, options, self.faults.text.key(at))

    def _options(self, at: Path, table: schema.DocumentTable) -> tuple[tuple[str, Scalar], ...]:
        plain = {"lang": table.lang, "toc": table.toc, "columns": table.columns, "number-sections": table.number_sections}
        found: dict[str, Scalar] = {key: value for key, value in plain.items() if value is not None}
        if table.bibliography is not None:
            files = (self._file(path, where, input_path) for path, where in _listed(table.bibliography, (*at, "bibliography")))
            found["bibliography"] = "\n".join(files)
        standards = tuple(name for name, _ in _listed(table.pdf_standard or (), (*at, "pdf-standard")))
        key = "pdf-standard" if table.pdf_standard is not None else "pdf-engine"
        fault = pdf_fault(table.pdf_engine or "", standards, self.faults.text.value((*at, key)) if standards or table.pdf_engine else None)
        if fault is not None:
            self.faults.found.append(fault)
        found.update({"pdf-standard": " ".join(standards)} if standards else {})
        found.update({"pdf-engine": table.pdf_engine} if table.pdf_engine else {})
        found.update({"profile": self.profile} if self.profile else {})
        if table.csl is not None:
            found["csl"] = self._file(table.csl, (*at, "csl"), input_path)
        known = {item.encode_name for item in msgspec.structs.fields(schema.DocumentTable)} | {"format", "sources", "profile"}
        for key, option in table.options.items():
            if key in known:
                self.faults.at_key("PB103", f"{key} is no option of the template", (*at, "options", key), (f"write it in [{spelled(at)}]",))
            found[key] = option
        return tuple(sorted(found.items()))

    def _file(self, path: str, at: Path, rule: Callable[[str], str]) -> str:
        try:
            found = rule(path)
            if found.endswith("/") or patterns.is_glob(found):
                raise PathError("PB132", "is not one file", "name each file")
        except PathError as error:
            self.faults.at_value(error.code, f"the file {path!r} {error.reason}", at, (error.mend,))
            return path
        return found

    def _refuse_equal_names(self, documents: tuple[DocumentSpec, ...], places: tuple[Path, ...]) -> None:
        check_folded(((name, ("target", name)) for name in self._names("target")), "targets", self.faults)
        first: dict[str, Path] = {}
        for document, at in zip(documents, places, strict=True):
            other = first.setdefault(file_key(document.name), at)
            if other != at:
                message = f"[{spelled(at)}] and [{spelled(other)}] would both write _build/{document.name}"
                self.faults.at_key("PB108", message, at, ("rename one, in [document.NAME]",))
            if document.name in self._names("target"):
                help_lines = ("rename the target",)
                self.faults.at_key("PB108", f"{document.name} is a target and a document", ("target", document.name), help_lines)

    def with_chunks(self, targets: tuple[TargetSpec, ...], documents: tuple[DocumentSpec, ...]) -> tuple[TargetSpec, ...]:
        """Return ``targets`` and those that are chunks; what they need must be among them."""
        if self.knows_chunks:
            self._check_chunks(documents)
            targets = (*targets, *self.chunks.targets)
            self._check_needs(targets)
        return targets

    def _check_chunks(self, documents: tuple[DocumentSpec, ...]) -> None:
        """Refuse chunks that cannot be told from something that the manifest declares."""
        self.faults.found += self.chunks.faults
        others = {names.folded(name): ("target", name) for name in self._names("target")}
        taken = {file_key(document.name) for document in documents}
        for chunk in self.chunks.targets:
            other = others.get(names.folded(chunk.name))
            if other is not None:
                span = self.faults.text.key(other)
                note = f"[{spelled(other)}] stands at {span.path}:{span.line}:{span.column}"
                what = f"{chunk.name} is a chunk, and {other[1]} a target of the manifest"
                self.faults.found.append(Diagnostic("PB108", what, chunk.span, notes=(note,), help=("rename one",)))
            elif file_key(chunk.name) in taken:
                self.faults.found.append(
                    Diagnostic("PB108", f"{chunk.name} is a chunk and a document", chunk.span, help=("rename the chunk",))
                )

    def _check_needs(self, targets: tuple[TargetSpec, ...]) -> None:
        known = tuple(dict.fromkeys((*self._names("target"), *self.chunks.names)))
        for target in targets:
            for n, name in enumerate(target.needs):
                at: Path = ("target", target.name, "needs", n)
                if name == target.name:
                    self.faults.at_value("PB117", f"{name} needs itself", at, ("take it away",))
                elif name not in known:
                    maker = next((t.name for t in targets if any(output.path == name for output in t.outputs)), None)
                    listed = f"the targets are {', '.join(known)}"
                    meant = (f"needs names targets: write {maker}",) if maker else did_you_mean(name, known) or (listed,)
                    self.faults.at_value("PB116", f"there is no target {name}", at, meant)


def _listed(value: str | tuple[str, ...], at: Path) -> tuple[tuple[str, Path], ...]:
    return ((value, at),) if isinstance(value, str) else tuple((item, (*at, n)) for n, item in enumerate(value))
