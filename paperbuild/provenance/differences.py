"""Where two contents of one output differ, and whether that is within its tolerance. Pure: bytes in, values out.

A content is taken for what its name and its first bytes say: values (JSON, CSV, …), arrays, archives, pictures, text, and bytes where it is
none of these. Each way of looking tells the first places that differ in its own words: a key, a row and column, an element, a box of
pixels, a line, a byte.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from paperbuild.engine.graph import Tolerance
from paperbuild.errors import BuildError
from paperbuild.paper.results import is_data, load
from paperbuild.provenance.arrays import NotReadable, judge_arrays
from paperbuild.provenance.pictures import compare_pages
from paperbuild.provenance.values import MOST, Judged, agree, judge_values

_AROUND = 60
"""How many characters are shown on either side of the first that differs."""

Agreement = Literal["identical", "within tolerance", "different"]
Draw = Callable[[bytes], Iterator[bytes] | None]
"""Draws a picture page by page, as PNG; None where the content is no picture."""


class Difference(msgspec.Struct, frozen=True):
    """One place that differs: where it is, in words, and what stands there in the recorded output and in the rerun's ("": nothing)."""

    where: str
    recorded: str = ""
    rerun: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """How two contents compare. ``differences`` are the first of ``count``; ``note`` says of them what their places do not."""

    agreement: Agreement
    differences: tuple[Difference, ...] = ()
    count: int = 0
    note: str = ""


IDENTICAL = Comparison("identical")


def compare(name: str, recorded: bytes, rerun: bytes, tolerance: Tolerance | None, draw: Draw) -> Comparison:
    """Return how the content ``rerun`` of the file ``name`` compares with the ``recorded`` one."""
    if recorded == rerun:
        return IDENTICAL
    for look in (_values, _archive, _compressed, _picture, _text):
        found = look(_Pair(name, recorded, rerun), tolerance, draw)
        if found is not None:
            return found
    return _bytes(_Pair(name, recorded, rerun))


def compare_files(
    recorded: Mapping[str, bytes], rerun: Mapping[str, bytes], tolerance: Tolerance | None, draw: Draw
) -> Comparison:  # fmt: skip
    """Return how two folders compare, given the content of each of their files by its path."""
    parts: list[tuple[str, Comparison]] = []
    for path in sorted(recorded.keys() | rerun.keys()):
        if path not in rerun:
            parts.append((path, Comparison("different", (Difference("", "a file", ""),), 1)))
        elif path not in recorded:
            parts.append((path, Comparison("different", (Difference("", "", "a file"),), 1)))
        else:
            parts.append((path, compare(path, recorded[path], rerun[path], tolerance, draw)))
    return _joined(parts)


class _Pair(msgspec.Struct, frozen=True):
    name: str
    recorded: bytes
    rerun: bytes


def _joined(parts: Iterable[tuple[str, Comparison]]) -> Comparison:
    """Return what the comparisons of the parts of one thing say of the whole."""
    unlike = [(path, part) for path, part in parts if part.agreement != "identical"]
    if not unlike:
        return IDENTICAL
    beyond = [(path, part) for path, part in unlike if part.agreement == "different"]
    told = [(path, difference) for path, part in beyond or unlike for difference in part.differences]
    notes = dict.fromkeys(f"{path}: {part.note}" for path, part in beyond or unlike if part.note)
    return Comparison(
        "different" if beyond else "within tolerance",
        tuple(Difference(f"{path}: {one.where}".rstrip(": "), one.recorded, one.rerun) for path, one in told[:MOST]),
        sum(part.count for _, part in beyond or unlike),
        next(iter(notes), ""),
    )


# values


def _values(pair: _Pair, tolerance: Tolerance | None, draw: Draw) -> Comparison | None:
    try:
        if is_data(pair.name):
            judged = judge_values(load(pair.name, pair.recorded), load(pair.name, pair.rerun), tolerance)
        else:
            judged = judge_arrays(pair.recorded, pair.rerun, tolerance)
    except (BuildError, NotReadable):
        return None
    if judged.within or judged.beyond:
        return _told(judged)
    same = "the values are the same, written in another way"
    if tolerance is not None:
        return Comparison("within tolerance", note=same)
    plain = _text(pair, None, draw) or _bytes(pair)
    return msgspec.structs.replace(plain, note=same)


def _told(judged: Judged) -> Comparison:
    shown = tuple(Difference(leaf.where, leaf.recorded, leaf.rerun) for leaf in judged.first)
    if judged.beyond:
        return Comparison("different", shown, judged.beyond, f"{judged.within} more within tolerance" if judged.within else "")
    numbers = "1 number differs" if judged.within == 1 else f"{judged.within} numbers differ"
    return Comparison("within tolerance", shown, judged.within, f"{numbers}, by {judged.most:.3g} at most")


# archives


def _archive(pair: _Pair, tolerance: Tolerance | None, draw: Draw) -> Comparison | None:
    if not (pair.recorded.startswith(b"PK\3\4") and pair.rerun.startswith(b"PK\3\4")):
        return None
    try:
        members = [_members(data) for data in (pair.recorded, pair.rerun)]
    except (zipfile.BadZipFile, OSError, zlib.error, NotImplementedError, RuntimeError, EOFError):
        return None
    return _around(pair, compare_files(members[0], members[1], tolerance, draw), tolerance, "the files in it are the same")


def _members(data: bytes) -> Mapping[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}


def _compressed(pair: _Pair, tolerance: Tolerance | None, draw: Draw) -> Comparison | None:
    if not (pair.recorded.startswith(b"\x1f\x8b") and pair.rerun.startswith(b"\x1f\x8b")):
        return None
    try:
        recorded, rerun = gzip.decompress(pair.recorded), gzip.decompress(pair.rerun)
    except (OSError, EOFError, zlib.error):
        return None
    inner = compare(pair.name.removesuffix(".gz"), recorded, rerun, tolerance, draw)
    same = "what is compressed is the same: the header differs, which holds a time stamp (gzip -n leaves it out)"
    return _around(pair, inner, tolerance, same)


def _around(pair: _Pair, inner: Comparison, tolerance: Tolerance | None, same: str) -> Comparison:
    """Return what the comparison of the contents of two containers, which are not equal themselves, says of these."""
    if inner.agreement != "identical":
        return inner
    return Comparison("within tolerance", note=same) if tolerance is not None else msgspec.structs.replace(_bytes(pair), note=same)


# pictures


def _picture(pair: _Pair, tolerance: Tolerance | None, draw: Draw) -> Comparison | None:
    pages = [draw(data) for data in (pair.recorded, pair.rerun)]
    if pages[0] is None or pages[1] is None:
        return None
    found = compare_pages(pages[0], pages[1])
    where = tuple(Difference(place.words()) for place in found.places)
    if tolerance is not None and found.same_shape and found.share <= tolerance.pixels:
        return Comparison("within tolerance", where, len(where), found.words())
    written = _text(pair, None, draw) or _bytes(pair)
    note = "; ".join(filter(None, (found.words(), written.note)))
    return Comparison("different", (*where, *written.differences[:1]), len(where) or written.count, note)


# text


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?|\d\d:\d\d:\d\d|\b1[5-9]\d{8}\b"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,? (?:\d\d? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*(?: \d\d?)?(?: \d{4})?"
)


def _text(pair: _Pair, tolerance: Tolerance | None, draw: Draw) -> Comparison | None:  # noqa: ARG001 - every way of looking is asked alike
    try:
        texts = [data.decode() for data in (pair.recorded, pair.rerun)]
    except UnicodeDecodeError:
        return None
    if any("\0" in text for text in texts):
        return None
    lines = [text.split("\n") for text in texts]
    unlike = [(n, a, b) for n, (a, b) in enumerate(zip(*lines, strict=False), 1) if a != b]
    if tolerance is not None:
        beyond = [(n, a, b) for n, a, b in unlike if not _lines_agree(a, b, tolerance)]
        if not beyond and len(lines[0]) == len(lines[1]):
            return Comparison("within tolerance", tuple(_line(*one) for one in unlike[:MOST]), len(unlike), "numbers in the text differ")
        unlike = beyond
    differences = [_line(*one) for one in unlike[:MOST]]
    longer = len(lines[0]) - len(lines[1])
    if longer:
        n = min(map(len, lines))
        rest = lines[0][n] if longer > 0 else lines[1][n]
        end = Difference(f"line {n + 1}", *((_cut(rest), "the end") if longer > 0 else ("the end", _cut(rest))))
        differences = [*differences[: MOST - 1], end]
    moments = bool(unlike) and not longer and all(_MOMENT.sub("", a) == _MOMENT.sub("", b) for _, a, b in unlike)
    return Comparison("different", tuple(differences), len(unlike) + abs(longer), "only dates and times differ" if moments else "")


def _lines_agree(recorded: str, rerun: str, tolerance: Tolerance) -> bool:
    if _NUMBER.split(recorded) != _NUMBER.split(rerun):
        return False
    pairs = zip(_NUMBER.findall(recorded), _NUMBER.findall(rerun), strict=True)
    return all(agree(float(a), float(b), tolerance) for a, b in pairs)


def _line(number: int, recorded: str, rerun: str) -> Difference:
    """Return the difference of two lines, which are shown around the first character that differs."""
    at = next((n for n, (a, b) in enumerate(zip(recorded, rerun, strict=False)) if a != b), min(len(recorded), len(rerun)))
    where = f"line {number}" if max(len(recorded), len(rerun)) <= 2 * _AROUND else f"line {number}, column {at + 1}"
    return Difference(where, _cut(recorded, at), _cut(rerun, at))


def _cut(line: str, at: int = 0) -> str:
    if len(line) <= 2 * _AROUND:
        return line
    start = max(0, at - _AROUND)
    piece = line[start : at + _AROUND]
    return f"{'…' if start else ''}{piece}{'…' if at + _AROUND < len(line) else ''}"


# bytes

_PDF_MOMENT = re.compile(rb"D:\d{8,14}[^)>]{0,10}|<\w+:(?:Create|Modify|Metadata)Date>[^<]*<|/ID ?\[[^\]]*\]")


def _bytes(pair: _Pair) -> Comparison:
    recorded, rerun = pair.recorded, pair.rerun
    at = _first_unlike(recorded, rerun)
    shown = [data[at : at + 8].hex(" ") or "the end" for data in (recorded, rerun)]
    sizes = f"{len(recorded):,} bytes became {len(rerun):,}" if len(recorded) != len(rerun) else ""
    is_pdf = recorded.startswith(b"%PDF-") and _PDF_MOMENT.sub(b"", recorded) == _PDF_MOMENT.sub(b"", rerun)
    note = "only dates and identifiers made of them differ" if is_pdf else sizes
    return Comparison("different", (Difference(f"byte {at:,}", *shown),), 1, note)


def _first_unlike(recorded: bytes, rerun: bytes) -> int:
    """Return how many bytes the two have in common at their beginning."""
    low, high = 0, min(len(recorded), len(rerun))
    while low < high:
        middle = (low + high + 1) // 2
        if recorded[low:middle] == rerun[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
