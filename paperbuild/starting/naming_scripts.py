"""Which script writes a file, as far as the scripts' texts tell: by the file's name in them, and by what stands around it."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator

import msgspec

from paperbuild.starting.repository import DATA, PICTURES, Repository

_STRING = re.compile(r"""(?P<mark>["'])(?P<text>(?:\\.|(?!(?P=mark)).){1,200}?)(?P=mark)|>>?\s*(?P<word>[^\s;&|"'<>()]+)""")
_BLANK = re.compile(r"\{[^{}]*\}|%[sdif]|%0?\d*d|\$\{?\w+\}?")
_WRITES = re.compile(
    r"savefig|to_(?:csv|json|parquet|latex|excel|html|markdown|string|pickle|netcdf)|write|dump|save|ggsave|fwrite|sink\(|"
    r"\b(?:png|pdf|svg|jpeg|tiff|cairo_pdf)\(|open\([^)]*,\s*(?:mode\s*=\s*)?[\"'][wax]|>\s*\S|\btee\b|--?o(?:ut(?:put)?)?\b|"
    r"\b(?:out|target|dest)\w*\s*=",
    re.IGNORECASE,
)
_READS = re.compile(r"read_|read\.|load|genfromtxt|open\([^)]*[\"']r|open\([\"'][^\"']*[\"']\s*\)|fread|source\(|imread|CSV\.File|\bcat\s")


class Claim(msgspec.Struct, frozen=True):
    """A ``script`` that names ``path`` at ``line``, so that it probably writes it, run from ``folder`` ("": the project's)."""

    script: str
    path: str
    line: int
    folder: str
    writes: bool


def writers(repository: Repository, paths: Iterable[str]) -> dict[str, tuple[Claim, ...]]:
    """Return for each of ``paths`` the scripts that may write it, the likeliest first."""
    wanted = tuple(paths)
    found: dict[str, list[Claim]] = {path: [] for path in wanted}
    for script in repository.scripts:
        for claim in _claims(script, repository.texts[script], wanted):
            if not any(other.script == script and other.writes >= claim.writes for other in found[claim.path]):
                found[claim.path] = [other for other in found[claim.path] if other.script != script] + [claim]
    return {path: tuple(sorted(claims, key=lambda c: (not c.writes, c.script))) for path, claims in found.items() if claims}


def data_named(repository: Repository, script: str) -> tuple[str, ...]:
    """Return the data files that ``script`` names, as far as that is a path in the project."""
    folder = posixpath.dirname(script)
    found: dict[str, None] = {}
    for match in _STRING.finditer(repository.texts[script]):
        named = (match["text"] or match["word"]).removeprefix("./")
        if posixpath.splitext(named)[1].lower() in DATA and not _BLANK.search(named) and " " not in named:
            plain, inside = posixpath.normpath(named), posixpath.normpath(posixpath.join(folder, named))
            place = inside if plain.startswith("..") or (plain not in repository.files and inside in repository.files) else plain
            found.update({place: None} if not place.startswith(("..", "/")) else {})
    return tuple(found)


def _claims(script: str, text: str, wanted: tuple[str, ...]) -> Iterator[Claim]:
    folder = posixpath.dirname(script)
    comment = "#"
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(comment):
            continue
        for match in _STRING.finditer(line):
            named = match["text"] or match["word"]
            for path in wanted:
                place = _meant(named, path, folder)
                if place is None:
                    continue
                writes = match["word"] is not None or _WRITES.search(line) is not None
                is_picture = posixpath.splitext(path)[1].lower() in PICTURES
                if writes or (is_picture and not _READS.search(line)):
                    yield Claim(script, path, number, place, writes)


def _meant(named: str, path: str, folder: str) -> str | None:
    """Return the folder from which ``named``, a text in a script in ``folder``, means the file ``path``; None where none does."""
    pattern = _BLANK.sub("*", named).removeprefix("./")
    if "*" in pattern and not re.search(r"[A-Za-z0-9]", pattern.replace("*", "").rpartition(".")[0]):
        return None  # "{}.png" could mean every picture
    if _matches(path, pattern):
        return ""
    if folder and _matches(path, posixpath.normpath(posixpath.join(folder, pattern))):
        return folder
    is_name = "/" not in pattern and "." in pattern
    return "" if is_name and _matches(posixpath.basename(path), pattern) else None


def _matches(path: str, pattern: str) -> bool:
    return path == pattern or ("*" in pattern and path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern))
