"""What the sources of documents mention, kept as long as they do not change: to scan a long paper takes longer than all the rest.

File format: MessagePack of :class:`_Kept`. The file is disposable; a digest in it is compared with that of the source, so a damaged one can
at worst make a document be begun before something that it then turns out to need.
"""

from __future__ import annotations

import hashlib

import msgspec

from paperbuild.engine.ourselves import who_we_are
from paperbuild.paper.chunks import Chunk


class Mentions(msgspec.Struct, frozen=True, array_like=True):
    """The identifiers that live references of one source name, where its images point, and its chunks."""

    names: tuple[str, ...]
    paths: tuple[str, ...]
    chunks: tuple[Chunk, ...] = ()


class _Kept(msgspec.Struct, array_like=True):
    maker: str
    found: dict[bytes, Mentions]


class KnownMentions:
    """The mentions of sources by the digest of their text: those kept in ``data``, and those found since."""

    def __init__(self, data: bytes = b"") -> None:
        self._kept: dict[bytes, Mentions] = {}
        self._asked: dict[bytes, Mentions] = {}
        try:
            kept = msgspec.msgpack.decode(data, type=_Kept)
            self._kept = kept.found if kept.maker == who_we_are() else {}
        except msgspec.DecodeError:
            return

    def of(self, source: bytes) -> Mentions:
        """Return what the text ``source`` mentions."""
        digest = hashlib.sha256(source).digest()
        found = self._kept.get(digest)
        if found is None:
            from paperbuild.paper.source import needed_names, needed_paths, scan  # 4 ms

            scanned = scan(source.decode(errors="replace").replace("\r\n", "\n"))
            found = Mentions(needed_names(scanned), needed_paths(scanned), scanned.chunks)
        self._asked[digest] = found
        return found

    def changed(self) -> bytes | None:
        """Return what to keep for the next time; None where that is what was kept."""
        if self._asked.keys() <= self._kept.keys():
            return None
        return msgspec.msgpack.encode(_Kept(who_we_are(), self._asked))
