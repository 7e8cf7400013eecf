"""Larger contents as lists of pieces, so that a transfer that was interrupted goes on where it was, and several run at once.

File format of a list, version 1: one line ``paperbuild-pieces 1 <bytes>``, then the digest of each piece on a line. Each piece is a blob of
32 MiB, the last one what remains. Nobody vouches for a list: what its pieces make is checked against the digest that was asked for.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator

import msgspec

from paperbuild.engine.digest import is_digest
from paperbuild.sharing.transport import CHUNK

PIECE = 32 << 20
"""Bytes of a piece; what is not longer is one blob."""
MOST_LIST = 64 << 20
"""Bytes of a list: 32 TiB of content."""

_HEAD = re.compile(rb"paperbuild-pieces 1 (\d{1,15})")


class Pieces(msgspec.Struct, frozen=True):
    """Of which pieces a content of ``size`` bytes consists."""

    size: int
    digests: tuple[str, ...]

    def span(self, number: int) -> tuple[int, int]:
        """Return where a piece begins, and how many bytes it has."""
        return number * PIECE, min(PIECE, self.size - number * PIECE)


def dump_pieces(pieces: Pieces) -> bytes:
    """Return the file content of a list."""
    return "".join(f"{line}\n" for line in (f"paperbuild-pieces 1 {pieces.size}", *pieces.digests)).encode()


def load_pieces(data: bytes) -> Pieces | None:
    """Return the list in ``data``, or None where it is none."""
    head, *lines = data.split(b"\n")
    match = _HEAD.fullmatch(head)
    if match is None or not lines or lines.pop():
        return None
    pieces = Pieces(int(match[1]), tuple(line.decode("ascii", "replace") for line in lines))
    if len(pieces.digests) != -(-pieces.size // PIECE) or not all(map(is_digest, pieces.digests)):
        return None
    return pieces


def cut(path: str) -> tuple[str, Pieces]:
    """Return the digest of the file at ``path``, and its pieces.

    Raises:
        OSError: it cannot be read.
    """
    whole = hashlib.sha256()
    digests: list[str] = []
    size = 0
    with open(path, "rb", buffering=0) as file:
        while True:
            piece, count = hashlib.sha256(), 0
            for chunk in chunks_of(file.fileno(), len(digests) * PIECE, PIECE):
                whole.update(chunk)
                piece.update(chunk)
                count += len(chunk)
            if not count:
                return whole.hexdigest(), Pieces(size, tuple(digests))
            size += count
            digests.append(piece.hexdigest())


def chunks_of(handle: int, start: int, size: int) -> Iterator[memoryview]:
    """Yield ``size`` bytes of an open file from ``start`` on, or what there is of them; each chunk is good until the next."""
    buffer = memoryview(bytearray(min(CHUNK, size) or 1))
    end = start + size
    while start < end:
        count = os.preadv(handle, [buffer[: end - start]], start)
        if not count:
            return
        start += count
        yield buffer[:count]


def digest_of_part(handle: int, start: int, size: int) -> str:
    """Return the digest of ``size`` bytes of an open file from ``start`` on."""
    digest = hashlib.sha256()
    for chunk in chunks_of(handle, start, size):
        digest.update(chunk)
    return digest.hexdigest()
