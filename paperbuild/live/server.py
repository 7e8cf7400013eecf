"""The server of ``paperbuild watch``: where it listens, whom it answers, how it ends. Imported only by ``watch``."""

from __future__ import annotations

import secrets
import socket
import threading
from types import TracebackType
from typing import Self

import msgspec
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.live import guard
from paperbuild.live.hub import Hub
from paperbuild.live.site import NOWHERE, Drawer, Home, Orders, Site

USUAL_PORT = 7273
"""PAPE on the keys of a telephone. The next ones are tried where it is taken: a page finds the server again only at the same address."""

_PORTS_TRIED = 20
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Listening(msgspec.Struct, frozen=True):
    """Where to listen: ``port`` 0 for the usual one. ``host`` may be beyond the loopback only where ``allow_remote`` says so."""

    host: str = "127.0.0.1"
    port: int = 0
    allow_remote: bool = False


class PageServer:
    """Serves ``hub`` in a thread of its own. Use it as a context manager; it is listening once it is made.

    Only pages on this machine are told of ``home``.

    Raises:
        UsageError: the address is taken, or not of this machine, or others could reach it and nobody allowed that.
    """

    def __init__(self, hub: Hub, orders: Orders, drawer: Drawer, listening: Listening, home: Home = NOWHERE) -> None:
        is_loopback = listening.host in _LOOPBACK
        if not is_loopback and not listening.allow_remote:
            raise UsageError(
                Diagnostic(
                    "PB171",
                    f"--host {listening.host}: others could read the paper there, and run its targets",
                    help=("add --allow-remote if that is meant: then the address that is printed holds a token",),
                )
            )
        self._hub = hub
        self._socket = _bound(listening)
        port = self._socket.getsockname()[1]
        token = secrets.token_urlsafe(24)
        names = ("127.0.0.1", "localhost", "[::1]") if is_loopback else ()
        watch = guard.Guard(frozenset(f"{name}:{port}" for name in names), token)
        shown = f"[{listening.host}]" if ":" in listening.host else _reachable(listening.host)
        self.address = f"http://{shown}:{port}/" + (f"?token={token}" if watch.is_open_to_others else "")
        app = _Guarded(Site(hub, orders, drawer, token, home if is_loopback else NOWHERE).application(), watch)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="page server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._hub.close()
        self._server.should_exit = True
        self._thread.join(2)
        self._socket.close()


def _reachable(host: str) -> str:
    return socket.gethostname() if host == "0.0.0.0" else host  # noqa: S104 - compared with, not listened at


def _bound(listening: Listening) -> socket.socket:
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    ports = (listening.port,) if listening.port else (*range(USUAL_PORT, USUAL_PORT + _PORTS_TRIED), 0)
    for port in ports:
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((listening.host, port))
            found.listen(128)
        except OSError as error:
            found.close()
            reason = error
        else:
            found.set_inheritable(False)
            return found
    what = f"the page cannot be served at {listening.host}:{listening.port or USUAL_PORT}: {reason.strerror or reason}"
    raise UsageError(Diagnostic("PB172", what, help=("name another --port, or none to take a free one",)))


class _Guarded:
    """Lets through what the guard does not refuse, and says with each answer what a browser may do with it."""

    def __init__(self, app: ASGIApp, watch: guard.Guard) -> None:
        self._app = app
        self._guard = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request = guard.Request(scope["method"], headers, scope["query_string"].decode("latin-1"))
        more = dict(_HEADERS)
        if self._guard.is_open_to_others and self._guard.gives_token(request):
            more["set-cookie"] = f"{guard.COOKIE}={self._guard.token}; HttpOnly; SameSite=Strict; Path=/"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                added = [(name.encode(), value.encode()) for name, value in more.items() if name.encode() not in given]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        refusal = self._guard.refusal(request)
        app = PlainTextResponse(f"refused: {refusal}\n", 403) if refusal else self._app
        await app(scope, receive, answer)
