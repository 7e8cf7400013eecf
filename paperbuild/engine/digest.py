"""Canonical encoding of values, and digests of them.

The encoding is type-tagged and length-framed, so that no two different values share one: ``("ab", "c")`` and ``("a", "bc")``, ``1``
and ``"1"`` and ``True`` all differ. It is versioned through the *domain* that every digest starts with.

Format: each value is ``tag length ":" payload`` with the length of the payload in bytes, in decimal. Tags: ``n`` null, ``b`` boolean
("0"/"1"), ``i`` integer (decimal), ``f`` float (eight bytes, big endian; one NaN), ``s`` text (UTF-8), ``y`` bytes, ``t`` sequence
(its items, encoded), ``m`` mapping (its pairs, encoded, sorted by encoded key).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping

Encodable = None | bool | int | float | str | bytes | tuple["Encodable", ...] | Mapping[str, "Encodable"]

_NAN = struct.pack(">d", float("nan"))


def encode(value: Encodable) -> bytes:
    """Return the canonical encoding of ``value``."""
    if type(value) is str:  # nearly all are
        payload = value.encode("utf-8", "surrogateescape")
        return b"s%d:%s" % (len(payload), payload)
    match value:
        case None:
            tag, payload = b"n", b""
        case bool():
            tag, payload = b"b", b"1" if value else b"0"
        case int():
            tag, payload = b"i", str(value).encode()
        case float():
            tag, payload = b"f", _NAN if value != value else struct.pack(">d", value)  # noqa: PLR0124 - that is what NaN is
        case str():
            tag, payload = b"s", value.encode("utf-8", "surrogateescape")
        case bytes():
            tag, payload = b"y", value
        case tuple():
            tag, payload = b"t", b"".join(encode(item) for item in value)
        case _:
            pairs = sorted((encode(key), encode(item)) for key, item in value.items())
            tag, payload = b"m", b"".join(key + item for key, item in pairs)
    return b"%s%d:%s" % (tag, len(payload), payload)


def digest_of(domain: str, value: Encodable) -> str:
    """Return the SHA-256, in hexadecimal, of ``value`` in ``domain`` (what kind of thing it is, with its format's version)."""
    return hashlib.sha256(encode((domain, value))).hexdigest()


def digest_bytes(data: bytes) -> str:
    """Return the SHA-256 of ``data`` itself, in hexadecimal: the name of a blob."""
    return hashlib.sha256(data).hexdigest()


def is_digest(text: str) -> bool:
    """Return whether ``text`` is written as digests are: of others it could be a path."""
    return len(text) == 64 and not text.strip("0123456789abcdef")


def file_digest(path: str) -> str | None:
    """Return the SHA-256 of the file at ``path``, or None where there is none that can be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
