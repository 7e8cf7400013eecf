"""From chunks to the declarations of targets: their languages, their attributes, and what is wrong with them. Pure."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import msgspec
import msgspec.structs

from paperbuild.diagnostics import Diagnostic, Span, did_you_mean
from paperbuild.engine.graph import CODE, Code
from paperbuild.paper import names
from paperbuild.paper.chunks import Chunk, Setting, slips
from paperbuild.paper.conversion import Faults, ManifestText
from paperbuild.paper.data import TABLE_ATTRIBUTES
from paperbuild.paper.declarations import TargetSpec
from paperbuild.paper.results import is_table
from paperbuild.paper.schema import TargetTable
from paperbuild.paper.target_table import read_target
from paperbuild.paper.toml_positions import Path
from paperbuild.phrases import listed

_FILE = f'"${CODE}"'
_PYTHON = f'PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}$PWD" python {_FILE}'  # as a file in the project's folder would find modules
_R = f"""Rscript -e '\
local({{ code <- parse(Sys.getenv("{CODE}"), keep.source = TRUE); at <- attr(code, "srcref"); options(keep.source = TRUE); \
for (i in seq_along(code)) withCallingHandlers( \
{{ made <- withVisible(eval(.subset2(code, i), globalenv())); if (made$visible) print(made$value) }}, \
error = function(e) for (s in c(.subset(at, i), lapply(sys.calls(), attr, "srcref"))) \
if (!is.null(s)) message("at ", attr(s, "srcfile")$filename, "#", .subset2(s, 1))) }})'"""
# Rscript tells no lines, and source() prints no values. R's own start script has the shell expand patterns in what it is given: with a
# bracket in it every R would list the project's folder, and each file that came there would run it again.
LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "python": _PYTHON,
        "py": _PYTHON,
        "python3": _PYTHON,
        "sh": f"sh -e {_FILE}",
        "shell": f"sh -e {_FILE}",
        "bash": f"bash -eo pipefail {_FILE}",
        "r": _R,
        "R": _R,
    }
)
"""The command that runs a chunk of each language. A shell goes no further than the first command that fails."""

STDOUT = "stdout"
"""The name of the output that holds what a chunk prints."""

TARGET_KEYS = ("outputs", "stdout", "inputs", "needs", "heavy", "refresh")
PAPER_KEYS = ("echo", "show", "caption", "label")
_PICTURE_KEYS = ("width", "height", "alt", "lang")
_CODE_KEYS = ("startFrom",)
_KNOWN = (*TARGET_KEYS, *PAPER_KEYS, *_PICTURE_KEYS, *TABLE_ATTRIBUTES, *_CODE_KEYS)
_OTHER_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "cache": "results are always kept; heavy=true keeps it from running by itself",
        "depends": "did you mean needs?",
        "dependson": "did you mean needs?",
        "eval": "without the class .target it is not run",
        "fig-cap": "did you mean caption?",
        "fig.cap": "did you mean caption?",
        "file": "did you mean outputs?",
        "include": "a chunk's code stands in the paper; without the class .target the file is shown",
        "name": "the name is the id: #loss-plot",
        "output": "did you mean outputs, or show?",
        "results": "did you mean show?",
        "run": "the code is what runs",
        "tbl-cap": "did you mean caption?",
    }
)
"""What knitr, Quarto, Org and our own manifest call things."""

_PICTURES = (".svg", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".eps")
_TABLE_PREFIXES = ("tbl:", "tab:")
_SWITCH = {"true": True, "yes": True, "false": False, "no": False}


class Declared(msgspec.Struct, frozen=True):
    """The targets that chunks declare, where what they say stands, and what is wrong with them; ``names`` has those of all chunks."""

    names: tuple[str, ...] = ()
    targets: tuple[TargetSpec, ...] = ()
    places: Mapping[Path, Span] = {}
    faults: tuple[Diagnostic, ...] = ()


def declared(chunks: Iterable[Chunk]) -> Declared:
    """Return what ``chunks``, of all sources of a project, declare."""
    chunks = tuple(chunks)
    faults = [*slips(chunks)]
    places: dict[Path, Span] = {}
    first: dict[str, Chunk] = {}
    targets = []
    for chunk in chunks:
        if chunk.slip:
            continue
        if not chunk.name:
            mend = (f"name it: #{names.name_from(_first_output(chunk), 'plot')}",)
            faults.append(Diagnostic("PB151", "this chunk has no name", chunk.at, help=mend))
            continue
        other = first.setdefault(chunk.name, chunk)
        if other is not chunk:
            note = f"the other stands at {other.at.path}:{other.at.line}:{other.at.column}"
            faults.append(Diagnostic("PB108", f"two chunks are called {chunk.name}", chunk.at, notes=(note,), help=("rename one",)))
            continue
        places.update(_places(chunk))
        spec, wrong = _target(chunk)
        faults += wrong
        if spec is not None:
            targets.append(spec)
    return Declared(tuple(first), tuple(targets), places, tuple(faults))


def _target(chunk: Chunk) -> tuple[TargetSpec | None, list[Diagnostic]]:
    faults = [*_faults(chunk)]
    language = next((name for name in chunk.languages if name in LANGUAGES), "")
    printed = _printed(chunk)
    table = TargetTable(
        run=(LANGUAGES.get(language, "true") + (f" > {shlex.quote(printed)}" if printed else "")).replace("{", "{{").replace("}", "}}"),
        outputs=(*_words(chunk, "outputs"), *((printed,) if printed else ())) or ("nothing",),
        inputs=_words(chunk, "inputs") if chunk.get("inputs") else None,
        needs=_words(chunk, "needs"),
        heavy=_switch(chunk, "heavy", default=False),
        refresh=_text(chunk, "refresh"),
    )
    reading = Faults(ManifestText(chunk.at.path, "", elsewhere=_places(chunk)))
    spec = read_target(chunk.name, table, reading)
    faults += reading.found
    if faults:
        return None, faults
    outputs = spec.outputs
    if printed and all(one.name != STDOUT for one in outputs[:-1]):
        outputs = (*outputs[:-1], msgspec.structs.replace(outputs[-1], name=STDOUT))
    code = Code(chunk.code, chunk.at.path, chunk.line, chunk.margin)
    told = f"{language}, in the chunk {chunk.name} of {chunk.at.path}"
    return msgspec.structs.replace(spec, outputs=outputs, code=code, told=told, span=chunk.at), []


def _places(chunk: Chunk) -> dict[Path, Span]:
    """Return where a chunk says what a table of the manifest says elsewhere."""
    at: Path = ("target", chunk.name)
    found: dict[Path, Span] = {at: chunk.at}
    for key in TARGET_KEYS:
        one = chunk.get(key)
        if one is not None:
            found[(*at, key)] = one.place
            found.update({(*at, key, n): span for n, (_, span) in enumerate(one.words)})
    printed = chunk.get("stdout")
    if printed is not None:
        found[(*at, "outputs", len(_words(chunk, "outputs")))] = printed.place
    return found


def _faults(chunk: Chunk) -> Iterator[Diagnostic]:
    if not any(name in LANGUAGES for name in chunk.languages):
        said = f"the language of {chunk.name} is not said" if not chunk.languages else f"a chunk cannot be in {chunk.languages[0]}"
        listed = "the languages are python, sh, bash and r"
        helps = did_you_mean(chunk.languages[0], LANGUAGES) if chunk.languages else ("for example {.python .target …}",)
        yield Diagnostic("PB152", said, chunk.at, notes=(listed,), help=helps)
    for one in chunk.settings:
        if one.key not in _KNOWN and not one.key.startswith("data-"):
            other = _OTHER_WORDS.get(one.key)
            near = (other,) if other else did_you_mean(one.key, _KNOWN)
            listed = f"the attributes are {', '.join((*TARGET_KEYS, *PAPER_KEYS))}, and those of the picture or table that is shown"
            yield Diagnostic("PB153", f"a chunk has no attribute {one.key}", one.at, help=near or (listed,))
        elif one.key in {"echo", "heavy"} and one.value not in _SWITCH:
            yield Diagnostic(
                "PB153", f"{one.key} cannot be {one.value or 'empty'}", one.place, help=(f"write {one.key}=true or {one.key}=false",)
            )
        elif one.key in {"outputs", "stdout", "label"} and not one.words:
            yield Diagnostic("PB153", f"{one.key} is empty", one.place, help=(f"say it, or leave {one.key} out",))
        elif one.key in {"stdout", "label"} and len(one.words) > 1:
            yield Diagnostic("PB153", f"{one.key} is one word, not {len(one.words)}", one.place, help=("take the others away",))
    if not _words(chunk, "outputs") and not _printed(chunk):
        mend = ('outputs="figures/loss.svg"', 'or stdout="build/loss.txt", for what it prints')
        yield Diagnostic("PB154", f"{chunk.name} makes nothing: it has no outputs", chunk.at, help=mend)
        return
    shown = _shown(chunk)
    if isinstance(shown, Diagnostic):
        yield shown


def _shown(chunk: Chunk) -> tuple[str, Setting | None] | Diagnostic:
    """Return the output that is shown in place and what says so ("" for none), or what is wrong with how it is named."""
    outputs, printed = _words(chunk, "outputs"), _printed(chunk)
    wanted = chunk.get("show")
    if wanted is not None and wanted.value in {"", "none", "false"}:
        return "", None
    if wanted is None:
        asked = chunk.get("label") or chunk.get("caption")
        if asked is None:
            return "", None
        label = chunk.get("label")
        pictures = [path for path in outputs if path.lower().endswith(_PICTURES)]
        showable = [path for path in outputs if is_table(path)]
        if pictures and not (label is not None and label.value.startswith(_TABLE_PREFIXES)):
            showable = pictures
        if len(showable) == 1:
            return showable[0], chunk.get("outputs")
        if not showable and printed:
            return printed, chunk.get("stdout") or asked
        could = f"could belong to {listed(showable)}" if showable else "belongs to nothing: no output is a picture or a table"
        return Diagnostic("PB155", f"{asked.key} {could}", asked.at, help=('say what is shown: show="figures/loss.svg"',))
    if wanted.value == STDOUT:
        return printed, wanted
    if wanted.value in outputs:
        return wanted.value, wanted
    known = (*outputs, STDOUT)
    helps = did_you_mean(wanted.value, known) or (f"it can show {', '.join(known)}",)
    return Diagnostic("PB155", f"{chunk.name} has no output {wanted.value} to show", wanted.place, help=helps)


def _printed(chunk: Chunk) -> str:
    """Return the path of the file for what it prints; "" where that goes to its log."""
    said, wanted = chunk.get("stdout"), chunk.get("show")
    if said is not None:
        return said.words[0][0] if said.words else ""
    return f"build/{chunk.name}.txt" if wanted is not None and wanted.value == STDOUT and chunk.name else ""


def _first_output(chunk: Chunk) -> str:
    path = next(iter(_words(chunk, "outputs")), "")
    return posixpath.splitext(posixpath.basename(path))[0]


def _words(chunk: Chunk, key: str) -> tuple[str, ...]:
    one = chunk.get(key)
    return () if one is None else tuple(word for word, _ in one.words)


def _text(chunk: Chunk, key: str) -> str | None:
    one = chunk.get(key)
    return None if one is None else one.value


def _switch(chunk: Chunk, key: str, *, default: bool) -> bool:
    one = chunk.get(key)
    return default if one is None else _SWITCH.get(one.value, default)
