"""Addresses of shared stores, and what they mean."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from paperbuild.diagnostics import Diagnostic, did_you_mean
from paperbuild.errors import UsageError

Scheme = Literal["file", "https", "http", "s3", "gs", "az", "ssh"]

SCHEMES: tuple[Scheme, ...] = ("file", "https", "http", "s3", "gs", "az", "ssh")
_SHAPES = {
    "file": "file:///folder",
    "https": "https://host/folder",
    "http": "http://localhost:8000/folder",
    "s3": "s3://bucket/prefix",
    "gs": "gs://bucket/prefix",
    "az": "az://container/prefix",
    "ssh": "ssh://user@host/folder",
}
_BAD_IN_A_BUCKET = frozenset("%@:[]")
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*|\$root|\$web")
"""The names that Azure's containers may have; it answers others as if they were anything but a name."""


class Place(msgspec.Struct, frozen=True):
    """An address that was understood.

    ``host`` is the bucket or container where there is one, ``path`` what follows it: absolute for files and SSH, else without slashes
    around it. ``endpoint`` and ``region`` are those of the service where it is not the usual one ("": what the environment says).
    """

    address: str
    scheme: Scheme
    host: str
    path: str
    user: str = ""
    port: int | None = None
    endpoint: str = ""
    region: str = ""

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can ever be written there."""
        return self.scheme in {"https", "http"}


def parse_place(address: str, *, endpoint: str = "", region: str = "") -> Place:
    """Return what ``address`` means.

    Raises:
        UsageError: it is no address, or of a kind that nobody here knows.
    """
    try:
        parts = urlsplit(address)
        port, path = parts.port, unquote(parts.path, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise _refused(address, "it is no address") from None
    if parts.scheme not in SCHEMES:
        if "://" not in address:
            folder = address if address.startswith("/") else "/folder"
            raise _refused(address, "it is no address", (f"a folder is written file://{folder}",))
        help_ = did_you_mean(parts.scheme, SCHEMES) or (f"there is {', '.join(f'{scheme}://' for scheme in SCHEMES if scheme != 'http')}",)
        raise _refused(address, f"nobody here knows {parts.scheme}://", help_)
    scheme = parts.scheme
    _check(address, scheme, parts, path)
    path = posixpath.normpath("/" + path.lstrip("/")) if scheme in {"file", "ssh"} else path.strip("/")
    return Place(address, scheme, parts.hostname or "", path, parts.username or "", port, endpoint, region)


def _check(address: str, scheme: Scheme, parts: SplitResult, path: str) -> None:
    """Refuse what is wrong with an address of a scheme that is known.

    Raises:
        UsageError: it is.
    """
    shape = (f"write it as {_SHAPES[scheme]}",)
    host = parts.hostname or ""
    if parts.password is not None:
        help_ = ("use an agent, a key, or the variables of the service",)
        raise _refused(address.replace(parts.password, "…"), "a password has no place in it", help_)
    if parts.query or parts.fragment or any(ord(character) < 32 for character in path):
        raise _refused(address, "it ends in what no address of a store has", shape)
    if scheme == "file" and (host not in {"", "localhost"} or path in {"", "/"}):
        raise _refused(address, "it names no folder of this machine", shape)
    if scheme != "file" and not host:
        raise _refused(address, "it names no host" if scheme in {"https", "http", "ssh"} else "it names no bucket", shape)
    if scheme == "ssh" and path in {"", "/"}:
        raise _refused(address, "it names no folder", shape)
    if scheme in {"s3", "gs", "az"} and not _BAD_IN_A_BUCKET.isdisjoint(parts.netloc):
        raise _refused(address, "a bucket's name has no such characters", shape)
    if scheme == "az" and not _CONTAINER.fullmatch(parts.netloc):
        raise _refused(address, "a container's name has 3 to 63 small letters, digits, and single hyphens between them", shape)
    if scheme == "http" and not _is_loopback(host):
        raise _refused(address, "whoever is in between could read and change what comes by http", ("write https://",))
    if scheme != "file" and ".." in path.split("/"):
        raise _refused(address, "it leads upwards", shape)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(address: str, why: str, help_: tuple[str, ...] = ()) -> UsageError:
    return UsageError(Diagnostic("PB600", f"{address} can be no store of results: {why}", help=help_))
