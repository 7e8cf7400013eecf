"""Who may ask: the reader's own browser, for our own pages, and nobody else.

A server on the loopback is open to every page that the browser shows. Three things keep others out: the Host that was asked for must be
ours (a name that somebody's DNS points here is not), so must be the Origin of whoever asks, and what changes something needs a token that
only our page knows. Where the server listens beyond the loopback, everything needs that token, given once in the address.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import parse_qs

import msgspec

TOKEN_HEADER = "x-paperbuild-token"  # noqa: S105 - the name of a header
COOKIE = "paperbuild"
_SAFE = frozenset({"GET", "HEAD"})
_OWN_SITES = frozenset({"same-origin", "none", ""})


class Request(msgspec.Struct, frozen=True):
    """What the guard looks at: header names in lower case, ``query`` without its question mark."""

    method: str
    headers: Mapping[str, str]
    query: str = ""


class Guard(msgspec.Struct, frozen=True):
    """What is ours: ``hosts`` as "name:port" (empty: any name, for a server that is open to others), and the ``token``."""

    hosts: frozenset[str]
    token: str

    @property
    def is_open_to_others(self) -> bool:
        """Whether it listens beyond the loopback."""
        return not self.hosts

    def refusal(self, request: Request) -> str:
        """Return why the request is refused, in words that hold nothing of it; "" where it is not."""
        host = request.headers.get("host", "")
        if self.hosts and host.lower() not in self.hosts:
            return "this server answers only to its own name"
        origin = request.headers.get("origin", "")
        if origin and origin.lower() != f"http://{host.lower()}":
            return "asked from another site"
        site = request.headers.get("sec-fetch-site", "")
        follows_link = request.method == "GET" and request.headers.get("sec-fetch-mode", "") == "navigate"
        if site not in _OWN_SITES and not (follows_link and request.headers.get("sec-fetch-dest", "") == "document"):
            return "asked from another site"
        if self.is_open_to_others and not self._knows_token(request):
            return "the address that paperbuild printed has a token, which is needed"
        if request.method not in _SAFE:
            if not origin:
                return "only a page may ask for that"
            if not self._is_token(request.headers.get(TOKEN_HEADER, "")):
                return "that needs the token of the page"
        return ""

    def gives_token(self, request: Request) -> bool:
        """Whether the address of the request has the right token, so that a cookie can stand for it from now on."""
        return self._is_token(next(iter(parse_qs(request.query).get("token", ())), ""))

    def _knows_token(self, request: Request) -> bool:
        cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        return self.gives_token(request) or (cookie is not None and self._is_token(cookie.value))

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())
