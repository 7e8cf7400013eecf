"""The tables of ``paperbuild.toml`` as types: what the parser converts to, and what editors are told.

``python -m paperbuild.paper.schema`` prints the JSON schema that ``docs/paperbuild.schema.json`` holds.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from paperbuild.engine.graph import Observe

VERSION = 1
"""The version of the manifest's language. It grows when a manifest of the new one would mislead an older paperbuild."""

SCHEMA_ADDRESS = "https://json-schema.org/draft/2020-12/schema"

Parameter = str | int | float | bool
Text = Annotated[str, Meta(min_length=1)]
Paths = Text | Annotated[tuple[Text, ...], Meta(min_length=1)]


class DocumentOverride(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Keys of a document that a profile replaces."""

    source: Annotated[Paths | None, Meta(description="The Markdown file, or several that are read as one.")] = None
    formats: Annotated[
        Annotated[tuple[Text, ...], Meta(min_length=1)],
        Meta(
            description="What to make of it.",
            extra_json_schema={"items": {"enum": ["pdf", "html", "latex", "docx", "jats"]}, "uniqueItems": True},
        ),
    ] = ("pdf", "html")
    pdf_standard: Annotated[
        Paths | None,
        Meta(description="Standards that the PDF must conform to, such as ua-1 or a-2b; what the paper lacks for them is an error."),
    ] = None
    pdf_engine: Annotated[Text | None, Meta(description="What typesets the PDF: typst, or latex where TeX is installed.")] = None
    template: Annotated[Text, Meta(description="The template's name: a folder of templates/, or one that comes along.")] = "article"
    bibliography: Annotated[Paths | None, Meta(description="Bibliography files, relative to the project.")] = None
    csl: Annotated[Text | None, Meta(description="A citation style (.csl), relative to the project.")] = None
    lang: Annotated[Text | None, Meta(description='The language, such as "en" or "de-AT".')] = None
    toc: Annotated[bool | None, Meta(description="Whether it has a table of contents.")] = None
    columns: Annotated[Annotated[int, Meta(ge=1, le=2)] | None, Meta(description="Columns of text on a page.")] = None
    number_sections: Annotated[bool | None, Meta(description="Whether headings are numbered.")] = None
    options: Annotated[dict[str, Parameter], Meta(description="Options of the template.")] = msgspec.field(default_factory=dict)


class DocumentTable(DocumentOverride, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A document: ``[paper]``, or ``[document.NAME]`` where there are several."""

    source: Annotated[Paths, Meta(description="The Markdown file, or several that are read as one.")]


NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class ToleranceTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """How far apart two outputs may be that `paperbuild verify` compares."""

    relative: Annotated[NotNegative, Meta(description="Numbers: how far apart, as a share of the larger one.")] = 0
    absolute: Annotated[NotNegative, Meta(description="Numbers: how far apart in any case.")] = 0
    pixels: Annotated[Share, Meta(description="Pictures: the share of pixels that may look different.")] = 0


class OutputTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """An output that needs saying more than its path."""

    path: Annotated[Text, Meta(description="The file, or the folder with a / at the end.")]
    store: Annotated[bool, Meta(description="Whether it is kept in the store; false for files too large to copy.")] = True
    tolerance: Annotated[
        NotNegative | ToleranceTable | None,
        Meta(description="How far a rerun's output may be from the recorded one, for `paperbuild verify`; without, they must be equal."),
    ] = None


class ResourcesTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What one run of a target may use; runs share the machine within these."""

    cpu: Annotated[Annotated[float, Meta(ge=0)], Meta(description="Processors.")] = 1
    gpu: Annotated[Annotated[float, Meta(ge=0)], Meta(description="Graphics processors.")] = 0
    mem: Annotated[Text | None, Meta(description='Memory, such as "2GiB".')] = None
    time: Annotated[Text | None, Meta(description='Wall time after which it is ended, such as "10min".')] = None
    partition: Annotated[Text | None, Meta(description="The partition of a Slurm that it runs in.")] = None


Argument = str | int | float | bool | list[Any] | dict[str, Any]
Fact = Literal["cpu", "gpu", "cuda"]


class ExecutorTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Machines that others run, to which commands can be sent."""

    kind: Annotated[Literal["slurm", "dask"], Meta(description="What schedules them.")]
    most: Annotated[Annotated[int, Meta(ge=1)], Meta(description="How many jobs may be there at once.")] = 200
    files: Annotated[
        Literal["shared", "store"],
        Meta(description="Whether those machines share the project's folder, or files travel through the store."),
    ] = "shared"
    platform: Annotated[
        dict[Fact, Text], Meta(description="What those machines are, for targets whose result depends on it. It is checked there.")
    ] = msgspec.field(default_factory=dict)
    partition: Annotated[Text | None, Meta(description="Slurm's partition.")] = None
    account: Annotated[Text | None, Meta(description="Slurm's account.")] = None
    qos: Annotated[Text | None, Meta(description="Slurm's quality of service.")] = None
    options: Annotated[tuple[Text, ...], Meta(description="Further options of sbatch.")] = ()
    python: Annotated[Text | None, Meta(description="A Python of those machines that has paperbuild; without, the one that runs here.")] = (
        None
    )
    scheduler: Annotated[Text | None, Meta(description='The address of Dask\'s scheduler, such as "tcp://host:8786".')] = None
    cluster: Annotated[
        Text | None, Meta(description='A class that makes a Dask cluster, such as "dask_kubernetes.operator.KubeCluster".')
    ] = None
    arguments: Annotated[dict[str, Argument], Meta(description="What that class is called with.")] = msgspec.field(default_factory=dict)


Axis = Annotated[tuple[Parameter, ...], Meta(min_length=1)]
Cells = Annotated[tuple[Annotated[dict[str, Parameter], Meta(min_length=1)], ...], Meta(min_length=1)]
Outputs = (
    Annotated[tuple[Text, ...], Meta(min_length=1)]
    | Annotated[dict[str, Text | OutputTable], Meta(min_length=1)]
)  # fmt: skip


class TargetOverride(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Keys of a target that a profile replaces; its ``params`` are merged key by key."""

    run: Annotated[Text | None, Meta(description="The command. {name} is a parameter, quoted for the shell; {{ and }} are braces.")] = None
    notebook: Annotated[Text | None, Meta(description="The Jupyter notebook that is executed instead of a command.")] = None
    outputs: Annotated[Outputs | None, Meta(description="The files it makes: a list, or a table of names and paths.")] = None
    params: Annotated[dict[str, Parameter], Meta(description="Its parameters.")] = msgspec.field(default_factory=dict)
    matrix: Annotated[dict[str, Axis], Meta(description="Parameters that take several values: one run for each combination.")] = (
        msgspec.field(default_factory=dict)
    )
    cells: Annotated[Cells, Meta(description="Runs one by one, each with its own parameters; a matrix then multiplies them.")] = ()
    inputs: Annotated[
        tuple[Text, ...] | None, Meta(description="Files, folders (with a / at the end) and globs that it reads; [] for none.")
    ] = None
    needs: Annotated[tuple[Text, ...], Meta(description="Targets that settle first, and whose cells the command is told.")] = ()
    env: Annotated[dict[str, str | int], Meta(description="Environment variables for the command.")] = msgspec.field(default_factory=dict)
    secrets: Annotated[tuple[Text, ...], Meta(description="Environment variables passed on that do not count as inputs.")] = ()
    shell: Annotated[Text, Meta(description="The shell that runs the command.")] = "/bin/sh"
    observe: Annotated[Observe, Meta(description="Whether what it reads is traced, restricted to what is declared, or neither.")] = "trace"
    heavy: Annotated[bool, Meta(description="Whether it waits to be asked for while a paper is watched, and with --no-heavy.")] = False
    on: Annotated[Text | None, Meta(description='The executor that runs it, or "local".')] = None
    platform: Annotated[tuple[Fact, ...], Meta(description="What of the machine its result depends on.")] = ()
    retries: Annotated[Annotated[int, Meta(ge=0, le=100)], Meta(description="How often it is tried again when it fails.")] = 0
    refresh: Annotated[Text | None, Meta(description='The age at which a result is too old, such as "7d", or "always".')] = None
    resources: Annotated[ResourcesTable, Meta(description="What it may use.")] = ResourcesTable()


class TargetTable(TargetOverride, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """An experiment: a command, or a notebook, and the files that it makes."""

    needed: ClassVar[tuple[str, ...]] = ("run", "outputs")
    unless: ClassVar[str] = "notebook"  # which is one of its outputs


class EnvironmentTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What commands find."""

    python: Annotated[Text | None, Meta(description="What python means: an interpreter or an environment's folder.")] = None


class SharedTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """With whom results are shared, and whose results are believed."""

    remote: Annotated[Text | None, Meta(description='A store that machines share, such as "s3://bucket/prefix".')] = None
    trusted: Annotated[
        tuple[Text, ...], Meta(description="The public keys of those whose results are believed, from their `paperbuild key show`.")
    ] = ()
    endpoint: Annotated[Text | None, Meta(description="The address of the service, where it is not the usual one: MinIO, Ceph.")] = None
    region: Annotated[Text | None, Meta(description="The region of the bucket.")] = None


class StoreTable(SharedTable, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Where results are kept, and with whom they are shared."""

    path: Annotated[Text | None, Meta(description="The store's folder, instead of .paperbuild/ beside the repository.")] = None


class CheckTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What ``paperbuild check`` need not say."""

    literals: Annotated[tuple[Text, ...], Meta(description="Numbers in the prose, as written, that are no results.")] = ()


class ProfileTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Another way to build the same paper, chosen by ``--profile``."""

    paper: Annotated[DocumentOverride | None, Meta(description="Keys that replace those of [paper].")] = None
    document: Annotated[dict[str, DocumentOverride], Meta(description="Keys that replace those of documents.")] = msgspec.field(
        default_factory=dict
    )
    target: Annotated[dict[str, TargetOverride], Meta(description="Keys that replace those of targets.")] = msgspec.field(
        default_factory=dict
    )
    hold_heavy: Annotated[bool, Meta(description="Whether heavy targets wait to be asked for, as with --no-heavy.")] = False


class ManifestTable(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The whole of ``paperbuild.toml``."""

    version: Annotated[Annotated[int, Meta(ge=1)], Meta(description="The version of the manifest's language.")] = VERSION
    paper: Annotated[DocumentTable | None, Meta(description="The paper, named after its source.")] = None
    document: Annotated[dict[str, DocumentTable], Meta(description="Documents by name, where there are several.")] = msgspec.field(
        default_factory=dict
    )
    target: Annotated[dict[str, TargetTable], Meta(description="Experiments by name.")] = msgspec.field(default_factory=dict)
    environment: Annotated[EnvironmentTable, Meta(description="What commands find.")] = EnvironmentTable()
    executor: Annotated[dict[str, ExecutorTable], Meta(description="Machines that others run, by name.")] = msgspec.field(
        default_factory=dict
    )
    store: Annotated[StoreTable, Meta(description="Where results are kept, and with whom they are shared.")] = StoreTable()
    check: Annotated[CheckTable, Meta(description="What paperbuild check need not say.")] = CheckTable()
    profile: Annotated[dict[str, ProfileTable], Meta(description="Other ways to build, by name.")] = msgspec.field(default_factory=dict)


def json_schema() -> bytes:
    """Return the JSON schema of the manifest, formatted, ending with a line end."""
    schema = {"$schema": SCHEMA_ADDRESS, "title": "paperbuild.toml", **msgspec.json.schema(ManifestTable)}
    schema["$defs"]["TargetTable"]["oneOf"] = [{"required": list(TargetTable.needed)}, {"required": [TargetTable.unless]}]
    return msgspec.json.format(msgspec.json.encode(_without_null(schema)), indent=2) + b"\n"


def _without_null(node: object) -> object:
    """Return the schema without the alternative null, which TOML cannot write: a key left out is what it stands for."""
    if isinstance(node, tuple | list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _without_null(value) for key, value in node.items() if not (key == "default" and value is None)}
    match kept.get("anyOf"):
        case [*_] as choices if {"type": "null"} in choices:
            rest = [choice for choice in choices if choice != {"type": "null"}]
            del kept["anyOf"]
            kept |= rest[0] if len(rest) == 1 and isinstance(rest[0], dict) else {"anyOf": rest}
    if isinstance(default := kept.get("default"), dict):
        kept["default"] = {key: value for key, value in default.items() if value is not None}
    return kept


if __name__ == "__main__":
    import sys

    sys.stdout.buffer.write(json_schema())
