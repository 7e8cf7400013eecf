"""Part of a file of code, to be shown with its own line numbers: ``lines="10-20"`` or ``part="name"``. Pure."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

import msgspec

from paperbuild.diagnostics import did_you_mean
from paperbuild.paper.faults import Finding

LANGUAGES = {
    "py": "python", "r": "r", "sh": "bash", "bash": "bash", "jl": "julia", "c": "c", "h": "c", "cpp": "cpp", "cc": "cpp", "rs": "rust",
    "js": "javascript", "ts": "typescript", "java": "java", "f90": "fortran", "m": "matlab", "sql": "sql", "stan": "stan", "go": "go",
    "toml": "toml", "yaml": "yaml", "yml": "yaml", "json": "json", "lua": "lua", "hs": "haskell",
}  # fmt: skip
"""How pandoc's highlighter calls the language of files with these endings."""

_LINES = re.compile(r"\s*(?P<first>\d+)?\s*(?P<to>[-\N{EN DASH}])?\s*(?P<last>\d+)?\s*")
_REGION = re.compile(r"^[^\w\n]{0,6}#?[ \t]*(?P<end>end)?region\b[ \t]*(?P<name>[\w.-]*)", re.MULTILINE)


class Excerpt(msgspec.Struct, frozen=True):
    """Lines of a file, without the last line end, and the number of the first of them."""

    text: str
    first: int = 1


class ExcerptError(ValueError):
    """There is no such part. ``key`` is the attribute that says so, ``finding`` what is wrong."""

    def __init__(self, key: str, finding: Finding) -> None:
        super().__init__(finding.message)
        self.key = key
        self.finding = finding


def excerpt(path: str, text: str, lines: str, part: str) -> Excerpt:
    """Return what ``lines``, or else ``part``, mean of ``text``, the content of ``path``; all of it where both are empty.

    Raises:
        ExcerptError: they mean nothing, or nothing that is there.
    """
    rows = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if part:
        if lines:
            raise ExcerptError("part", Finding("PB291", "lines and part cannot go together", 0, len(part), ("leave one of them out",)))
        return _part(path, rows, part)
    first, last = _range(path, lines, len(rows)) if lines else (1, len(rows))
    return Excerpt("\n".join(rows[first - 1 : last]), first)


def _range(path: str, lines: str, count: int) -> tuple[int, int]:
    found = _LINES.fullmatch(lines)
    if found is None or not (found["first"] or found["last"]):
        help_ = ('write lines="10-20", "10-" or "-20"',)
        raise ExcerptError("lines", Finding("PB291", f"lines cannot be {lines}", 0, len(lines), help_))
    first = int(found["first"] or 1)
    last = int(found["last"]) if found["last"] else count if found["to"] else first
    if not 1 <= first <= last <= count:
        said = f"{path} has {count} line{'' if count == 1 else 's'}" if first <= last and first else "they end before they begin"
        raise ExcerptError("lines", Finding("PB291", f"there are no lines {lines} in {path}: {said}", 0, len(lines)))
    return first, last


def _part(path: str, rows: list[str], part: str) -> Excerpt:
    parts = dict(reversed([*_parts(path, rows)]))
    if part not in parts:
        known = tuple(parts)
        helps = did_you_mean(part, known) or (
            (f"its parts are {', '.join(known[::-1][:12])}",) if known else ("mark it: # region NAME … # endregion",)
        )
        raise ExcerptError("part", Finding("PB292", f"{path} has no part {part}", 0, len(part), helps))
    first, last = parts[part]
    return Excerpt(textwrap.dedent("\n".join(rows[first - 1 : last])), first)


def _parts(path: str, rows: list[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the names of parts and the numbers of their first and last lines: regions between marks, functions and classes of Python."""
    open_: list[tuple[str, int]] = []
    for number, row in enumerate(rows, 1):
        mark = _REGION.match(row.lstrip())
        if mark is None:
            continue
        if not mark["end"]:
            open_.append((mark["name"], number + 1))
        elif open_:
            name, first = open_.pop()
            if name and first < number:
                yield name, (first, number - 1)
    if path.endswith(".py"):
        yield from _definitions("\n".join(rows))


def _definitions(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    try:
        todo: list[tuple[str, ast.AST]] = [("", ast.parse(text))]
    except (SyntaxError, ValueError):
        return
    while todo:
        outer, node = todo.pop(0)
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                first = min([inner.lineno, *(decorator.lineno for decorator in inner.decorator_list)])
                yield f"{outer}{inner.name}", (first, inner.end_lineno or first)
                todo.append((f"{outer}{inner.name}.", inner))
