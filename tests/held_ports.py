"""Ports for the servers that tests start: one that was merely free a moment ago may be another test's by the time it is listened at."""

import socket

_HELD: list[socket.socket] = []
"""Bound, and never listened at, until the process of the tests ends."""


def held_port(host: str = "127.0.0.1") -> int:
    """Return a port of ``host`` that nobody else is given, and that a server can listen at, also after another has left it.

    Linux lets a server bind what a socket holds that does not listen where both have ``SO_REUSEADDR``, which servers set; neither who asks
    for any port nor who connects is given one that is held.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, 0))
    holder.set_inheritable(False)
    _HELD.append(holder)
    port: int = holder.getsockname()[1]
    return port
