"""Shared stores that a web server hands out, to be read only: by the standard library alone, over connections that are kept."""

from __future__ import annotations

import http.client
import queue
import ssl
import urllib.request
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urljoin, urlsplit

from paperbuild.sharing.places import Place
from paperbuild.sharing.transport import ANSWER_S, CHUNK, CONNECT_S, STALL_S, Content, Seen, TransportError, Trouble

_MOST_TURNS = 3
_GONE = {404, 410}
_BROKEN = {408, 425, 429}
_MOVED = {301, 302, 303, 307, 308}
_STALE = (http.client.RemoteDisconnected, http.client.BadStatusLine, ConnectionResetError, BrokenPipeError)

Connection = http.client.HTTPConnection


class Web:
    """What stands below the address of ``place``."""

    can_write = False
    can_list = False

    def __init__(self, place: Place) -> None:
        self._base = f"/{quote(place.path)}/" if place.path else "/"
        host = f"[{place.host}]" if ":" in place.host else place.host
        self._origin = f"{place.scheme}://{host}{f':{place.port}' if place.port else ''}"
        self._idle: queue.LifoQueue[Connection] = queue.LifoQueue()
        self._tls = ssl.create_default_context() if place.scheme == "https" else None

    def read(self, name: str, most: int) -> Content | None:
        """See the protocol."""
        answer = self._asked("GET", name, ANSWER_S)
        if answer is None:
            return None
        connection, response = answer
        try:
            data = response.read(most + 1)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _trouble(error) from None
        if len(data) > most:
            connection.close()
            raise TransportError(Trouble.WRONG, f"{name} has more than {most} bytes")
        self._idle.put(connection)
        return Content(data, response.getheader("ETag") or "")

    def stream(self, name: str, start: int = 0) -> Iterator[bytes | memoryview] | None:
        """See the protocol."""
        answer = self._asked("GET", name, STALL_S, {"Range": f"bytes={start}-"} if start else {})
        return None if answer is None else self._chunks(*answer, start)

    def _chunks(self, connection: Connection, response: http.client.HTTPResponse, start: int) -> Iterator[memoryview]:
        skipped = 0 if response.status == http.HTTPStatus.PARTIAL_CONTENT else start  # a server that knows no ranges sends all of it
        buffer = memoryview(bytearray(CHUNK))
        try:
            if response.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                response.read()
            while response.status != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and (count := response.readinto(buffer)):
                if skipped >= count:
                    skipped -= count
                    continue
                yield buffer[skipped:count]
                skipped = 0
            if response.length:  # it was cut, and readinto does not tell
                raise TransportError(Trouble.BROKEN, f"{response.length} bytes did not come")
        except (OSError, http.client.HTTPException) as error:
            raise _trouble(error) from None
        except BaseException:
            connection.close()
            raise
        else:
            self._idle.put(connection)

    def look(self, name: str) -> Seen | None:
        """See the protocol."""
        answer = self._asked("HEAD", name, ANSWER_S)
        if answer is None:
            return None
        connection, response = answer
        response.read()
        self._idle.put(connection)
        try:
            modified_ns = round(parsedate_to_datetime(response.getheader("Last-Modified") or "").timestamp() * 1e9)
        except ValueError:
            modified_ns = 0
        return Seen(name, int(response.getheader("Content-Length") or 0), modified_ns)

    def _asked(
        self, method: str, name: str, wait_s: float, headers: dict[str, str] | None = None
    ) -> tuple[Connection, http.client.HTTPResponse] | None:
        """Return the answer to a request, with the connection that it comes by; None where there is no such thing."""
        place = self._base + name
        for _ in range(_MOST_TURNS + 1):
            connection, response = self._answered(method, place, wait_s, headers or {})
            if response.status < 300 or response.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return connection, response
            response.read(CHUNK)
            if response.isclosed():
                self._idle.put(connection)
            else:
                connection.close()
            if response.status in _GONE:
                return None
            if response.status not in _MOVED:
                raise _refusal(response)
            place = self._turned(place, response.getheader("Location") or "")
        raise TransportError(Trouble.WRONG, "it leads from one place to the next")

    def _turned(self, place: str, location: str) -> str:
        """Return where a redirection leads, which must be on the same server: nobody else was named."""
        target = urljoin(self._origin + place, location)
        if not target.startswith(f"{self._origin}/"):
            raise TransportError(Trouble.WRONG, f"it leads to {urlsplit(target).netloc}; name that in the address")
        return target.removeprefix(self._origin)

    def _answered(self, method: str, place: str, wait_s: float, headers: dict[str, str]) -> tuple[Connection, http.client.HTTPResponse]:
        while True:
            try:
                connection, is_used = self._idle.get_nowait(), True
            except queue.Empty:
                connection, is_used = self._connected(), False
            try:
                if connection.sock is not None:
                    connection.sock.settimeout(wait_s)
                connection.request(method, place, headers={"User-Agent": "paperbuild", "Accept-Encoding": "identity", **headers})
                return connection, connection.getresponse()
            except _STALE as error:
                connection.close()
                if not is_used:
                    raise _trouble(error) from None
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise _trouble(error) from None

    def _connected(self) -> Connection:
        parts = urlsplit(self._origin)
        host, port = parts.hostname or "", parts.port
        proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(parts.scheme)
        through = urlsplit(proxy if proxy and "://" in proxy else f"http://{proxy}") if proxy and self._tls is not None else None
        connection: Connection
        to, at = (host, port) if through is None else (through.hostname or "", through.port)
        if self._tls is None:
            connection = Connection(to, at, timeout=CONNECT_S)
        else:
            connection = http.client.HTTPSConnection(to, at, timeout=CONNECT_S, context=self._tls)
        if through is not None:
            connection.set_tunnel(host, port)
        try:
            connection.connect()
        except ssl.SSLError as error:
            raise TransportError(Trouble.UNKNOWN_HOST, error.reason or str(error)) from None
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(Trouble.UNREACHABLE, str(error)) from None
        return connection

    def put(self, name: str, data: bytes | memoryview, over: str | None) -> bool:  # noqa: ARG002 - the protocol's
        """See the protocol."""
        raise TransportError(Trouble.READ_ONLY, "")

    def delete(self, names: Sequence[str]) -> None:  # noqa: ARG002 - the protocol's
        """See the protocol."""
        raise TransportError(Trouble.READ_ONLY, "")

    def listed(self, folder: str) -> Iterator[Seen]:  # noqa: ARG002 - the protocol's
        """See the protocol."""
        raise TransportError(Trouble.READ_ONLY, "a web server lists nothing")

    def close(self) -> None:
        """See the protocol."""
        while not self._idle.empty():
            self._idle.get_nowait().close()


def _trouble(error: Exception) -> TransportError:
    return TransportError(Trouble.BROKEN, str(error) or type(error).__name__)


def _refusal(response: http.client.HTTPResponse) -> TransportError:
    text = f"the server says {response.status} {response.reason}"
    if response.status == http.HTTPStatus.UNAUTHORIZED:
        return TransportError(Trouble.CREDENTIALS, text)
    if response.status == http.HTTPStatus.FORBIDDEN:
        return TransportError(Trouble.DENIED, text)
    if response.status in _BROKEN or response.status >= 500:
        return TransportError(Trouble.BROKEN, text)
    return TransportError(Trouble.WRONG, text)
