"""From a TOML table to its type, with every fault at its place.

msgspec converts, and stops at the first fault without saying which key of a table it is in. So a table that converts is taken as
it is, and only one that does not is walked, to find all that is wrong with it.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from paperbuild.diagnostics import Diagnostic, Span, did_you_mean, nearest, span_at
from paperbuild.paper.substitution import SubstitutionFault
from paperbuild.paper.toml_positions import Path, Place, offset_inside, places

S = TypeVar("S", bound=msgspec.Struct)

_OTHER_WORDS: Mapping[str, str] = types.MappingProxyType(
    {
        "args": "params",
        "artifacts": "outputs",
        "bib": "bibliography",
        "cmd": "run",
        "command": "run",
        "csl-style": "csl",
        "depends": "needs",
        "depends-on": "needs",
        "deps": "inputs",
        "dependencies": "inputs",
        "environment": "env",
        "file": "source",
        "grid": "matrix",
        "language": "lang",
        "memory": "mem",
        "outs": "outputs",
        "sources": "source",
        "style": "csl",
        "sweep": "matrix",
        "timeout": "time",
        "to": "formats",
    }
)
"""What other tools call our keys."""


_NOWHERE_ELSE: Mapping[Path, Path] = types.MappingProxyType({})
_DECLARED_HERE: Mapping[Path, Span] = types.MappingProxyType({})


class ManifestText:
    """The text of a manifest, and where its keys stand.

    ``moved`` says which paths a profile put in place of others, ``elsewhere`` what is declared in another file: by chunks of a paper.
    """

    def __init__(
        self, path: str, text: str, moved: Mapping[Path, Path] = _NOWHERE_ELSE, elsewhere: Mapping[Path, Span] = _DECLARED_HERE
    ) -> None:
        self.path = path
        self.text = text
        self._moved = moved
        self._elsewhere = elsewhere
        self._places: Mapping[Path, Place] | None = None

    def with_moved(self, moved: Mapping[Path, Path]) -> ManifestText:
        """Return the same text where what is at a key of ``moved`` is found at its value."""
        other = ManifestText(self.path, self.text, moved, self._elsewhere)
        other._places = self._places
        return other

    def with_elsewhere(self, elsewhere: Mapping[Path, Span]) -> ManifestText:
        """Return the same text, and what is declared ``elsewhere``."""
        other = ManifestText(self.path, self.text, self._moved, elsewhere)
        other._places = self._places
        return other

    def key(self, at: Path) -> Span:
        """Return where the key ``at`` stands; where there is none, the table that it would be in."""
        other = self._other(at)
        if other is not None:
            return other
        place = self._place(at)
        return Span(self.path, 1, 1, 1, self.text.partition("\n")[0].rstrip("\r")) if place is None else self._span(*place.key)

    def value(self, at: Path) -> Span:
        """Return where the value of ``at`` stands, as :meth:`key` does."""
        other = self._other(at)
        if other is not None:
            return other
        place = self._place(at)
        return self.key(at) if place is None else self._span(*place.value)

    def inside(self, at: Path, offset: int, length: int) -> Span:
        """Return where ``length`` characters of the text at ``at`` stand, ``offset`` characters into it."""
        place = self._place(at) if self._other(at) is None else None
        if place is None or self.text[place.value[0]] not in "\"'":
            return self.value(at)
        start = offset_inside(self.text, place.value[0], offset)
        return self._span(start, offset_inside(self.text, place.value[0], offset + length) - start)

    def _other(self, at: Path) -> Span | None:
        """Return the place of ``at`` where that is in another file."""
        found = (self._elsewhere.get(at[:end]) for end in range(len(at), 1, -1)) if self._elsewhere else ()
        return next((span for span in found if span is not None), None)

    def _span(self, offset: int, length: int) -> Span:
        return span_at(self.path, self.text, offset, length)

    def _place(self, at: Path) -> Place | None:
        if self._places is None:
            self._places = places(self.text)
        for end in range(len(at), 0, -1):
            if at[:end] in self._moved:
                at = self._moved[at[:end]] + at[end:]
                break
        found = (self._places.get(at[:end]) for end in range(len(at), 0, -1))
        return next((place for place in found if place is not None), None)


class Faults:
    """Collects what is wrong with a manifest."""

    def __init__(self, text: ManifestText) -> None:
        self.text = text
        self.found: list[Diagnostic] = []

    def at_key(self, code: str, message: str, at: Path, help_lines: Iterable[str] = (), notes: Iterable[str] = ()) -> None:
        """Add a fault that underlines the key ``at``."""
        self.found.append(Diagnostic(code, message, self.text.key(at), notes=tuple(notes), help=tuple(help_lines)))

    def at_value(self, code: str, message: str, at: Path, help_lines: Iterable[str] = (), notes: Iterable[str] = ()) -> None:
        """Add a fault that underlines the value of ``at``."""
        self.found.append(Diagnostic(code, message, self.text.value(at), notes=tuple(notes), help=tuple(help_lines)))

    def within(self, fault: SubstitutionFault, at: Path) -> None:
        """Add a fault inside the text at ``at``."""
        span = self.text.inside(at, fault.offset, fault.length)
        self.found.append(Diagnostic(fault.code, fault.message, span, notes=fault.notes, help=fault.help))


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return ``found`` in the order of the text, each once."""

    def place(fault: Diagnostic) -> tuple[str, int, int]:
        return ("", 0, 0) if fault.span is None else (fault.span.path, fault.span.line, fault.span.column)

    return tuple(sorted(dict.fromkeys(found), key=place))


def read_table(kind: type[S], value: object, at: Path, faults: Faults) -> S | None:
    """Return the table ``value`` as a ``kind``, or None, with what is wrong with it added to ``faults``."""
    before = len(faults.found)
    _refuse_values(value, at, faults)
    try:
        table = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        refused = len(faults.found)
        _explain(value, kind, at, faults)
        if len(faults.found) == refused:  # the walk knows each constraint of our types; should one be new, msgspec's words must do
            faults.at_key("PB105", f"{spelled(at)}: {error}", at)
    return table if len(faults.found) == before else None


def read_tables(kind: type[S], value: object, at: Path, faults: Faults) -> dict[str, S]:
    """Return the tables in the table ``value`` that are well formed, by name."""
    if not isinstance(value, dict):
        faults.at_key("PB105", f"{spelled(at)} must be a table, not {_described(value)}", at)
        return {}
    found = {}
    for name, item in value.items():
        if not isinstance(item, dict):
            help_lines = (f"give it a name: [{spelled(at)}.NAME]",)
            faults.at_key("PB105", f"{spelled((*at, name))} must be a table, not {_described(item)}", (*at, name), help_lines)
        elif (table := read_table(kind, item, (*at, name), faults)) is not None:
            found[name] = table
    return found


def unknown_key(name: str, known: Iterable[str], at: Path, faults: Faults) -> None:
    """Add the fault that the key at ``at`` means nothing, with what was probably meant."""
    known = tuple(known)
    plain = name.casefold().replace("_", "-")
    other = _OTHER_WORDS.get(plain)
    meant = (f"did you mean {other}?",) if other in known and not nearest(name, known) else did_you_mean(name, known)
    where = f" in [{spelled(at[:-1])}]" if len(at) > 1 else ""
    faults.at_key("PB103", f"unknown key {name}{where}", at, meant or (f"the keys are {', '.join(sorted(known))}",))


def missing_key(name: str, at: Path, faults: Faults) -> None:
    """Add the fault that the table ``at`` lacks the key ``name``."""
    faults.at_key("PB104", f"[{spelled(at)}] has no {name}", at, (f"add {name} = {_EXAMPLES.get(name, '…')}",))


def spelled(at: Path) -> str:
    """Return ``at`` as TOML writes a dotted key."""
    parts = []
    for part in at:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        else:
            bare = part and all(c.isascii() and (c.isalnum() or c in "_-") for c in part)
            parts.append(("." if parts else "") + (part if bare else f'"{part}"'))
    return "".join(parts)


def _refuse_values(value: object, at: Path, faults: Faults) -> None:
    """Add the values that no type of ours takes: those that JSON, which tells a command its parameters, cannot hold exactly."""
    todo: list[tuple[object, Path]] = [(value, at)]
    while todo:
        item, here = todo.pop()
        if isinstance(item, dict):
            todo.extend((inner, (*here, key)) for key, inner in reversed(item.items()))
        elif isinstance(item, list):
            todo.extend((inner, (*here, n)) for n, inner in reversed(list(enumerate(item))))
        elif isinstance(item, str) and "\0" in item:
            faults.at_value("PB105", f"{spelled(here)} holds a NUL character, which no command or path can", here)
        elif isinstance(item, float) and not math.isfinite(item):
            faults.at_value("PB105", f"{spelled(here)} must be a finite number, not {item}", here)
        elif isinstance(item, int) and not -(2**63) <= item < 2**63:
            faults.at_value("PB105", f"{spelled(here)} does not fit in 64 bits", here, ("write it in quotes, as text",))


def _explain(value: object, kind: object, at: Path, faults: Faults) -> None:
    """Add every fault of ``value`` as a ``kind``."""
    before = len(faults.found)
    member = _member(kind, value)
    bare = _bare(member)
    if isinstance(value, dict) and isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        _explain_struct(value, bare, at, faults)
        return
    if isinstance(value, dict) and get_origin(bare) is dict:
        for key, item in value.items():
            _explain(item, get_args(bare)[1], (*at, key), faults)
    elif isinstance(value, list) and get_origin(bare) is tuple:
        for n, item in enumerate(value):
            _explain(item, get_args(bare)[0], (*at, n), faults)
    if len(faults.found) > before:
        return
    try:
        msgspec.convert(value, member)
    except msgspec.ValidationError:
        if get_origin(bare) is Literal and isinstance(value, str):
            faults.at_value("PB105", f"{spelled(at)} cannot be {value!r}", at, _choices(value, get_args(bare)))
            return
        wanted = _wanted(kind)
        if value in ("", [], {}) and _suits(bare, value):
            faults.at_value("PB105", f"{spelled(at)} must not be empty", at)
            return
        faults.at_value("PB105", f"{spelled(at)} must be {wanted}, not {_described(value)}", at, _rewritten(value, wanted))


def _rewritten(value: object, wanted: str) -> tuple[str, ...]:
    """Return the help that writes ``value`` as what is ``wanted``, where that is plain."""
    if wanted.startswith("a list of texts") and isinstance(value, str):
        return (f'write it as a list: ["{value}"]',)
    if not wanted.startswith("text"):
        return ()
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return (f'write it as one text: "{" ".join(value)}"',)
    return ("write it in quotes",) if isinstance(value, int | float) else ()


def _explain_struct(table: dict[str, object], kind: type[msgspec.Struct], at: Path, faults: Faults) -> None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        if key in fields:
            _explain(value, fields[key].type, (*at, key), faults)
        else:
            unknown_key(key, fields, (*at, key), faults)
    needed = getattr(kind, "needed", ()) if getattr(kind, "unless", "") not in table else ()
    for name, field in fields.items():
        if (field.required or name in needed) and name not in table:
            missing_key(name, at, faults)


_EXAMPLES: Mapping[str, str] = types.MappingProxyType(
    {
        "outputs": '["results/numbers.json"]',
        "path": '"results/numbers.json"',
        "run": '"python experiments/train.py"',
        "source": '"paper.md"',
    }
)


def _choices(value: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    return did_you_mean(value, choices) or (f"it is one of {', '.join(choices)}",)


def _bare(kind: object) -> object:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _alternatives(kind: object) -> tuple[object, ...]:
    bare = _bare(kind)
    if get_origin(bare) in {Union, types.UnionType}:
        return tuple(inner for alternative in get_args(bare) for inner in _alternatives(alternative) if inner is not type(None))
    return (kind,)


def _member(kind: object, value: object) -> object:
    """Return the alternative of ``kind`` that ``value`` was probably meant to be, all of it where none stands out."""
    return next((member for member in _alternatives(kind) if _suits(_bare(member), value)), None) or kind


def _suits(bare: object, value: object) -> bool:
    """Return whether ``value`` is of the kind of TOML value that the type ``bare`` is."""
    if isinstance(value, dict):
        return get_origin(bare) is dict or (isinstance(bare, type) and issubclass(bare, msgspec.Struct))
    if isinstance(value, list):
        return get_origin(bare) is tuple
    return bare is type(value) or (get_origin(bare) is Literal and isinstance(value, str))


def _wanted(kind: object) -> str:
    """Return words for the values that ``kind`` takes."""
    found: dict[str, None] = {}
    alternatives = _alternatives(kind)
    for member in alternatives:
        bare = _bare(member)
        if bare is int and float in map(_bare, alternatives):
            continue
        found[_words(bare) + _bounds(member)] = None
    return " or ".join(found)


def _words(bare: object) -> str:
    if get_origin(bare) is Literal:
        return f"one of {', '.join(get_args(bare))}"
    if get_origin(bare) is tuple:
        return f"a list of {_plural(get_args(bare)[0])}"
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(bare, "a table") if isinstance(bare, type) else "a table"


def _plural(kind: object) -> str:
    return "texts" if _wanted(kind) == "text" else "values"


def _bounds(kind: object) -> str:
    """Return words for the constraints of ``kind``."""
    found = ""
    while get_origin(kind) is Annotated:
        kind, *metas = get_args(kind)
        for meta in metas:
            if meta.ge is not None and meta.le is not None:
                found += f" from {meta.ge} to {meta.le}"
            elif meta.ge is not None:
                found += f" of at least {meta.ge}"
    return found


def _described(value: object) -> str:
    """Return words for what kind of value ``value`` is."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case int() | float():
            return str(value)
        case list():
            return "a list"
        case dict():
            return "a table"
    return "a date or time"
