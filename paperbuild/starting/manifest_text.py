"""The manifest of a proposal, as text: what stands in it, and beside each line from where it is known."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from paperbuild.errors import PaperbuildError
from paperbuild.paper.declarations import Manifest
from paperbuild.paper.manifest import parse_manifest
from paperbuild.paper.names import FUNCTIONS, KEYWORDS, folded, name_from
from paperbuild.paper.plan import plan_of
from paperbuild.starting.project import SCHEMA
from paperbuild.starting.proposal import Found, Making
from paperbuild.starting.repository import Shown

_WIDE = 110


class Target(msgspec.Struct, frozen=True):
    """A target's table: ``stems`` are the values of the parameter ``stem``, where it is a sweep over what ``%`` of a rule stands for."""

    name: str
    making: Making
    stems: tuple[str, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """A manifest that is understood: its text, its targets, and the paths of each one's outputs."""

    text: str
    outputs: Mapping[str, tuple[str, ...]]


def written(documents: Sequence[str], found: Found, shown: Iterable[Shown] = (), template: str = "") -> Written:
    """Return the manifest of ``documents`` and of what was ``found``. What cannot be said in it is told in a comment instead."""
    places = {one.path: one.line for one in shown}
    sound: list[Target] = []
    left_out = list(found.left_out)
    for target in _named(_swept(found.makings)):
        kept = _fitting(documents, sound, target)
        sound += kept
        if not kept:
            left_out.append(f"{', '.join(target.making.outputs)}: {target.making.known}, but it cannot be a target here")
    text = _text(documents, sound, places, tuple(left_out), template)
    manifest = parse_manifest(text.encode())
    return Written(text, _outputs(manifest))


def _outputs(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    outputs: dict[str, tuple[str, ...]] = {}
    for action in plan_of(manifest).actions:
        outputs[action.target] = (*outputs.get(action.target, ()), *(output.path for output in action.outputs))
    return outputs


def _fitting(documents: Sequence[str], sound: list[Target], target: Target) -> list[Target]:
    """Return ``target`` as it fits beside those that are ``sound``: as a sweep, as several targets, or not at all."""
    alternatives = [[target]]
    if target.stems:
        alternatives.append(_named([(_at(target.making, stem), ()) for stem in target.stems], {folded(one.name) for one in sound}))
    for tried in alternatives:
        try:
            plan_of(parse_manifest(_text(documents, [*sound, *tried], {}, ()).encode()))
        except PaperbuildError:
            continue
        return tried
    return []


def _swept(makings: Sequence[Making]) -> list[tuple[Making, tuple[str, ...]]]:
    """Return ``makings``, those of one pattern of a Makefile as one, with ``{stem}`` where they differ, and their stems."""
    groups: dict[tuple[object, ...], list[Making]] = {}
    for making in makings:
        groups.setdefault(_with_blank(making), []).append(making)
    swept = []
    for ones in groups.values():
        if len(ones) > 1 and all(one.rule is not None and one.rule.stem for one in ones):
            swept.append((_blanked(ones[0]), tuple(one.rule.stem for one in ones if one.rule is not None)))
        else:
            swept += [(one, ()) for one in ones]
    return swept


def _with_blank(making: Making) -> tuple[object, ...]:
    blanked = _blanked(making)
    return (blanked.command, blanked.outputs, blanked.inputs, making.rule.line if making.rule else making.outputs)


def _blanked(making: Making) -> Making:
    stem = making.rule.stem if making.rule is not None else ""
    if not stem or not re.fullmatch(r"[\w.-]+", stem):
        return making

    def blank(text: str) -> str:
        return re.sub(rf"(?<![^\W_]){re.escape(stem)}(?![^\W_])", "{stem}", text)

    command, outputs, inputs = blank(_braced(making.command)), tuple(map(blank, making.outputs)), tuple(map(blank, making.inputs))
    if not all("{stem}" in output for output in outputs):
        return making
    return msgspec.structs.replace(making, command=command, outputs=outputs, inputs=inputs)


def _at(making: Making, stem: str) -> Making:
    def put(text: str) -> str:
        return text.replace("{stem}", stem)

    command = making.command.replace("{stem}", stem).replace("{{", "{").replace("}}", "}")
    return msgspec.structs.replace(making, command=command, outputs=tuple(map(put, making.outputs)), inputs=tuple(map(put, making.inputs)))


def _named(makings: Iterable[tuple[Making, tuple[str, ...]]], taken: Iterable[str] = ()) -> list[Target]:
    names = set(taken)
    targets = []
    for making, stems in makings:
        first = making.script or making.outputs[0].rstrip("/")
        stem = posixpath.splitext(posixpath.basename(first))[0].replace("{stem}", "")
        name = name_from(stem, "target")
        name = _free(f"{name}-target" if name in FUNCTIONS | KEYWORDS else name, names)
        names.add(folded(name))
        targets.append(Target(name, making, stems))
    return targets


def _free(wanted: str, taken: Collection[str]) -> str:
    """Return ``wanted``, with a number where a name like it is ``taken`` (as :func:`folded` has it)."""
    name, number = wanted, 1
    while folded(name) in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _text(
    documents: Sequence[str], targets: Sequence[Target], places: Mapping[str, int], left_out: Sequence[str], template: str = ""
) -> str:
    head = "# Proposed by paperbuild init --here from what stands in this folder. Nothing is final: change what you know better."
    parts = [f"#:schema {SCHEMA}\n{head}\n"]
    names: list[str] = []
    for document in documents:
        names.append(_free(name_from(posixpath.splitext(posixpath.basename(document))[0], "paper"), set(map(folded, names))))
        table = "paper" if len(documents) == 1 else f"document.{names[-1]}"
        parts.append(
            f'[{table}]\nsource = {_quoted(document)}\nformats = ["pdf", "html"]\n'
            + (f"template = {_quoted(template)}\n" if template else "")
        )
    parts += [_table(target, places) for target in targets]
    if left_out:
        parts.append("".join(f"# Left out: {_on_one_line(line)}.\n" for line in left_out))
    return "\n".join(parts)


def _table(target: Target, places: Mapping[str, int]) -> str:
    making = target.making
    command = making.command if target.stems else _braced(making.command)
    lines = [f"# {_on_one_line(making.known)}.", f"[target.{target.name}]", f"run = {_quoted(command)}  # {making.command_known}"]
    if making.inputs:
        lines.append(f"inputs = {_list(making.inputs)}  # {making.inputs_known}")
    outputs = [path.replace("{stem}", stem) for path in making.outputs for stem in target.stems or ("",)]
    seen = [f"{path} at line {places[path]}" for path in outputs if path in places]
    lines.append(f"outputs = {_outputs_text(making.outputs)}" + (f"  # shown: {', '.join(seen[:3])}" if seen else ""))
    if target.stems:
        lines.append(f"matrix = {{ stem = {_list(target.stems)} }}  # what % stands for")
    return "\n".join(lines) + "\n"


def _outputs_text(outputs: Sequence[str]) -> str:
    """Return a list of paths, or a table of names and paths where those that files give would not do."""
    stems = [name_from(posixpath.splitext(posixpath.basename(path.rstrip("/")))[0].replace("{stem}", ""), "") for path in outputs]
    if len({folded(stem) for stem in stems}) == len(stems) and all(stems):
        return _list(outputs)
    names: dict[str, str] = {}
    for path in outputs:
        wanted = name = name_from(re.sub(r"\{stem\}", "", posixpath.basename(path.rstrip("/"))).replace(".", "_"), "output")
        while folded(name) in {folded(other) for other in names}:
            name = f"{wanted}_{len(names) + 1}"
        names[name] = path
    return "{ " + ", ".join(f"{name} = {_quoted(path)}" for name, path in names.items()) + " }"


def _braced(command: str) -> str:
    return command.replace("{", "{{").replace("}", "}}")


def _list(items: Sequence[str]) -> str:
    short = "[" + ", ".join(map(_quoted, items)) + "]"
    return short if len(short) <= _WIDE else "[\n" + "".join(f"  {_quoted(item)},\n" for item in items) + "]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _on_one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()).rstrip(".")
