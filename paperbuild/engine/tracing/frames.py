"""How a build, its supervisors and their spawners talk: values as :mod:`marshal` writes them, and descriptors with them.

All of them are one Python that starts itself, so none is of another version. Imports next to nothing: every build with something to run
starts such processes, and json alone would take them longer than all else.
"""

from __future__ import annotations

import _socket
import marshal
import os
import struct

TYPE_CHECKING = False  # that of typing takes 4 ms
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

socket = _socket  # the module of that name takes 4 ms to import

_HEAD = 8  # bytes of a frame's length
_MOST = 4  # descriptors of one frame
_ROOM = socket.CMSG_SPACE(_MOST * struct.calcsize("i"))


class Gone(Exception):  # noqa: N818 - one side of a talk that is over
    """The other side has ended."""


def send(connection: socket.socket, value: Any, descriptors: Sequence[int] = ()) -> None:
    """Send ``value`` and ``descriptors``, which the other side gets as its own.

    Raises:
        Gone: nobody is there to receive them.
    """
    body = marshal.dumps(value)
    data = len(body).to_bytes(_HEAD, "little") + body
    try:
        if descriptors:
            rights = struct.pack(f"{len(descriptors)}i", *descriptors)
            data = data[connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]) :]
        connection.sendall(data)
    except OSError as error:
        raise Gone from error


def receive(connection: socket.socket) -> tuple[Any, tuple[int, ...]]:
    """Return what the other side sent, and the descriptors that came along; no program that is started has them.

    Raises:
        Gone: it sends nothing any more.
        TimeoutError: nothing has come within the time that ``connection`` waits.
    """
    try:
        head, ancillary, _, _ = connection.recvmsg(_HEAD, _ROOM)
    except TimeoutError:
        raise
    except OSError as error:
        raise Gone from error
    descriptors: list[int] = []
    for _, _, data in ancillary:
        descriptors += struct.unpack(f"{len(data) // struct.calcsize('i')}i", data[: len(data) // 4 * 4])
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    head += _exactly(connection, _HEAD - len(head))
    return marshal.loads(_exactly(connection, int.from_bytes(head, "little"))), tuple(descriptors)  # noqa: S302 - our own process sent it


def _exactly(connection: socket.socket, size: int) -> bytes:
    pieces = []
    while size:
        try:
            piece = connection.recv(min(size, 1 << 20))
        except OSError as error:
            raise Gone from error
        if not piece:
            raise Gone
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def let_go(log: int) -> None:
    """Close the descriptor of a log. What a full file server could not take of it, NFS tells only now: the log ends early, no more."""
    try:
        os.close(log)
    except OSError:
        pass
