"""When the use of each result that a ground rests on was last noted in the store: once a day is enough, so mostly nothing is to be noted.

It stands beside the grounds in a file of its own, since those need not be written again for it: of 100,000 they are 60 MB, this is 800 KB.

File format, version 1: ``paperbuild-uses 1 <sha256>`` and a line end, and then, of which that is the digest: the digest of the grounds, as
their file has it, and a line end; for each of them, in their order, nanoseconds since the epoch in eight bytes, ordered as by this machine.
The file is disposable: what nobody knows of is noted once more.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable

_MAGIC = b"paperbuild-uses 1 "


def dump_uses(grounds: bytes, used_ns: Iterable[int]) -> bytes:
    """Return the file that says when the uses of ``grounds``, named by the digest in their file, were noted."""
    body = grounds + b"\n" + array("q", used_ns).tobytes()
    return _MAGIC + _digest(body) + b"\n" + body


def load_uses(data: bytes, grounds: bytes, count: int) -> array[int]:
    """Return when the use of each of the ``count`` results of ``grounds`` was noted: 0 for all where ``data`` does not say it of those."""
    head, _, body = data.partition(b"\n")
    of, _, times = body.partition(b"\n")
    if of == grounds and len(times) == count * 8 and head == _MAGIC + _digest(body):
        return array("q", times)
    return array("q", bytes(count * 8))


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
