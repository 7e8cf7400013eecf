"""What ``watch`` serves: its page, the paper, the PDF, its pages drawn, a stream of events, where a place comes from, and three orders.

No address names a file: there is a fixed set of routes, the page's own parts are read when the server starts, and documents are found by
name or digest among what is published.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import os
import re
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from paperbuild.live.drawing import Drawn
from paperbuild.live.editors import Editor
from paperbuild.live.hub import Hub
from paperbuild.render.blocks import Place

_PARTS = os.path.join(os.path.dirname(__file__), "page")
_TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html"}
_PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")
_MOST_WORDS = 300  # characters
_HEARTBEAT_S = 15.0  # a stream that is silent for long is ended by some programs on the way
_SHELL_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; frame-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DRAWN_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"


class Drawer(Protocol):
    """Draws the pages of PDFs; see :mod:`paperbuild.live.drawing`."""

    def pages(self, digest: str, pdf: bytes) -> tuple[Drawn, ...]:
        """Return the drawings of the pages of ``pdf``, in order."""

    def drawing(self, digest: str) -> bytes | None:
        """Return the drawing with this digest, if it was made of late."""


class Spot(msgspec.Struct, frozen=True):
    """A place of the page of a ``document``, as of ``epoch``: the number of its block (-1: around them), and the words from there on."""

    document: str
    epoch: int
    block: int
    words: str = ""


class Orders(msgspec.Struct, frozen=True):
    """What a page may ask for, and whether it could be done.

    To run an action that is held; to end what runs ("" for all); where in the sources a spot is; to open a path in the author's editor,
    at a line and column.
    """

    run: Callable[[str], bool]
    cancel: Callable[[str], bool]
    place: Callable[[Spot], Place | None] = lambda _: None
    edit: Callable[[str, int, int], bool] = lambda *_: False


class Home(msgspec.Struct, frozen=True):
    """What only a page on the author's own machine is told: the project's folder, and the editor. Nothing, for others."""

    root: str = ""
    editor: Editor = Editor()


NOWHERE = Home()


class Site:
    """The routes, over what is published in ``hub``."""

    def __init__(self, hub: Hub, orders: Orders, drawer: Drawer, token: str, home: Home = NOWHERE) -> None:
        self._hub = hub
        self._orders = orders
        self._drawer = drawer
        self._parts = _parts()
        shell = self._parts.pop("index.html")
        self._opens = bool(home.editor.command)
        editor = home.editor.address or ("command" if home.editor.command else "")
        said = {"token": token, "session": hub.session, "root": home.root if home.editor.address else "", "editor": editor}
        self._shell = _PLACEHOLDER.sub(lambda found: html.escape(said[found[1]]), shell.decode()).encode(errors="surrogateescape")

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._index),
                Route("/live/{name}", self._part),
                Route("/paper", self._paper),
                Route("/pdf/{digest}.pdf", self._pdf),
                Route("/sheets/{digest}", self._sheets),
                Route("/sheet/{digest}.svg", self._sheet),
                Route("/events", self._events),
                Route("/place", self._place),
                Route("/edit", self._edit, methods=["POST"]),
                Route("/run", self._run, methods=["POST"]),
                Route("/cancel", self._cancel, methods=["POST"]),
            ]
        )

    async def _index(self, _: Request) -> Response:
        return Response(self._shell, media_type="text/html", headers={"content-security-policy": _SHELL_POLICY})

    async def _part(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._parts:
            return _missing()
        return Response(self._parts[name], media_type=_TYPES[name.rpartition(".")[2]])

    async def _paper(self, request: Request) -> Response:
        state = self._hub.now
        sheet = state.sheet(request.query_params.get("document", ""))
        if sheet is None or sheet.page is None:  # the page waits for the first event then, and nothing failed
            return Response("<!DOCTYPE html><title>paperbuild</title>", media_type="text/html")
        mark = f'<meta name="paperbuild-epoch" content="{state.epoch}">\n</head>'
        text = sheet.page.text.replace("</head>", mark, 1)
        return Response(text, media_type="text/html", headers={"content-security-policy": "frame-ancestors 'self'"})  # beside its own

    async def _pdf(self, request: Request) -> Response:
        data = self._hub.file(request.path_params["digest"])
        return _missing() if data is None else ranged(data, "application/pdf", request.headers.get("range", ""))

    async def _sheets(self, request: Request) -> Response:
        digest = request.path_params["digest"]
        data = self._hub.file(digest)
        if data is None:
            return _missing()
        drawn = await asyncio.to_thread(self._drawer.pages, digest, data)
        return Response(msgspec.json.encode(drawn), media_type="application/json")

    async def _sheet(self, request: Request) -> Response:
        data = self._drawer.drawing(request.path_params["digest"])
        if data is None:
            return _missing()
        headers = {"cache-control": "max-age=3600", "content-security-policy": _DRAWN_POLICY}
        return Response(data, media_type="image/svg+xml", headers=headers)

    async def _events(self, request: Request) -> Response:
        name = request.query_params.get("document", "")
        since = _epoch(request.headers.get("last-event-id", "") or request.query_params.get("since", ""), self._hub.session)
        return StreamingResponse(_stream(self._hub, name, since), media_type="text/event-stream")

    async def _place(self, request: Request) -> Response:
        asked = request.query_params
        block = asked.get("block", "")
        if not _is_number(block.removeprefix("-")):
            return _missing()
        epoch = _epoch(asked.get("epoch", ""), self._hub.session)
        spot = Spot(asked.get("document", ""), epoch, int(block), asked.get("words", "")[:_MOST_WORDS])
        place = await asyncio.to_thread(self._orders.place, spot)
        return _missing() if place is None else Response(msgspec.json.encode(place), media_type="application/json")

    async def _edit(self, request: Request) -> Response:
        path, line, column = (request.query_params.get(name, "") for name in ("path", "line", "column"))
        numbers = [int(given) if _is_number(given) else 1 for given in (line, column)]
        done = self._opens and await asyncio.to_thread(self._orders.edit, path, *numbers)
        return Response(status_code=202 if done else 409)

    async def _run(self, request: Request) -> Response:
        return await _done(self._orders.run, request)

    async def _cancel(self, request: Request) -> Response:
        return await _done(self._orders.cancel, request)


async def _done(order: Callable[[str], bool], request: Request) -> Response:
    """Give an order in a thread, for it may take a while; 409 says that there was nothing to do."""
    done = await asyncio.to_thread(order, request.query_params.get("action", ""))
    return Response(status_code=202 if done else 409)


def _parts() -> dict[str, bytes]:
    """Return the files of our page by name. They are read once: what is edited on the disk meanwhile would not fit together."""
    found = {}
    for name in sorted(os.listdir(_PARTS)):
        if name.rpartition(".")[2] in _TYPES:
            with open(os.path.join(_PARTS, name), "rb") as part:
                found[name] = part.read()
    return found


def _missing() -> Response:
    return PlainTextResponse("there is nothing of that name here\n", 404)


def _epoch(given: str, session: str) -> int:
    """Return the epoch in "session.epoch"; 0, nothing yet, where another server gave it."""
    ours, _, number = given.rpartition(".")
    return int(number) if ours == session and _is_number(number) else 0


def _is_number(given: str) -> bool:
    return given.isascii() and given.isdigit() and len(given) < 16


async def _stream(hub: Hub, name: str, since: int) -> AsyncIterator[bytes]:
    """Yield an event for each state that is published from now on, the present one first; states that nobody had time for are joined."""
    news = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and this page with it
            loop.call_soon_threadsafe(news.set)

    unsubscribe = hub.subscribe(wake)
    try:
        yield b"retry: 500\n\n"
        told = -1
        while not hub.is_closed:
            if hub.now.epoch != told:
                update = hub.update(name, since)
                since = told = update.epoch
                yield f"id: {hub.session}.{update.epoch}\n".encode() + b"data: " + msgspec.json.encode(update) + b"\n\n"
            try:
                await asyncio.wait_for(news.wait(), _HEARTBEAT_S)
                news.clear()
            except TimeoutError:
                yield b": still here\n\n"
    finally:
        unsubscribe()


def ranged(data: bytes, media_type: str, wanted: str) -> Response:
    """Return ``data``, or the one range of it that ``wanted``, the header Range, asks for (RFC 9110, section 14)."""
    headers = {"accept-ranges": "bytes"}
    span = _range(wanted, len(data))
    if span is None:
        return Response(data, media_type=media_type, headers=headers)
    first, last = span
    if first > last:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], 206, media_type=media_type, headers=headers)


def _range(wanted: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of a range; the first after the last where it lies outside; None where all is to be sent."""
    unit, _, spans = wanted.partition("=")
    first, dash, last = spans.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or not all(not part or (part.isascii() and part.isdigit()) for part in (first, last)):
        return None  # none, several, or nonsense: a server may ignore those
    if not first:
        return (max(0, size - int(last)), size - 1) if last and int(last) else None
    if last and int(last) < int(first):
        return None
    return (int(first), min(int(last), size - 1) if last else size - 1) if int(first) < size else (1, 0)
