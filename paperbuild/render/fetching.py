"""Pictures on the network: fetched only when the user says so, kept by what they are, and never fetched twice.

Below the project's ``.paperbuild/fetched/`` stand the contents by their SHA-256 and, by the SHA-256 of an address, a note of one line: the
digest and the address. Documents read both like any file, so what was fetched is an input of theirs like any other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from typing import IO

import msgspec

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.engine.ports import Reader
from paperbuild.errors import BuildError
from paperbuild.render.images import ImageKind, sniff

FOLDER = ".paperbuild/fetched"
SIZE_LIMIT = 50 * 1024 * 1024
"""Bytes of one picture: more is no figure of a paper."""
TIME_LIMIT_S = 60.0
_STEP = 1 << 16
_NOTE = re.compile(r"(?P<digest>[0-9a-f]{64}) (?P<url>\S+)\n")


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """A fetch that led to nothing, with the reason."""


class Fetcher(msgspec.Struct, frozen=True):
    """Fetches into the project ``root`` where that is ``allowed``; what is there already needs no leave."""

    root: str
    allowed: bool = False

    def picture(self, address: str, reader: Reader, span: Span | None) -> bytes:
        """Return the picture at ``address``, as it was when it was fetched.

        Raises:
            BuildError: it was never fetched and may not be, or cannot be.
        """
        url = f"https:{address}" if address.startswith("//") else address
        if self.allowed and not os.path.exists(os.path.join(self.root, _note_path(url))):  # before the reader looks: a miss would count
            try:
                self._keep(url, _fetched(url))
            except _Refused as refusal:
                mend = ("download it into the project, if the address is right",)
                raise BuildError(Diagnostic("PB525", f"{address} cannot be fetched: {refusal}", span, help=mend)) from None
        try:
            note = _NOTE.fullmatch(reader.read(_note_path(url)).decode("utf-8", "replace"))
            data = reader.read(f"{FOLDER}/{note['digest']}") if note else b""
        except FileNotFoundError:
            raise BuildError(_not_fetched(address, span)) from None
        if note is None or hashlib.sha256(data).hexdigest() != note["digest"]:
            mend = (f"remove {FOLDER} and render with --fetch",)
            raise BuildError(Diagnostic("PB525", f"what was fetched of {address} was changed since", span, help=mend))
        return data

    def _keep(self, url: str, data: bytes) -> None:
        """Write the content first and the note last, each at once: a note never names what is not there."""
        digest = hashlib.sha256(data).hexdigest()
        folder = os.path.join(self.root, FOLDER)
        os.makedirs(folder, exist_ok=True)
        for path, content in ((f"{FOLDER}/{digest}", data), (_note_path(url), f"{digest} {url}\n".encode())):
            handle, temporary = tempfile.mkstemp(dir=folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                os.replace(temporary, os.path.join(self.root, path))
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise


def _note_path(url: str) -> str:
    return f"{FOLDER}/{hashlib.sha256(url.encode()).hexdigest()}.url"


def _not_fetched(address: str, span: Span | None) -> Diagnostic:
    return Diagnostic(
        "PB521",
        f"{address} is on the network",
        span,
        notes=("a build reads no network by itself: its result would depend on the day",),
        help=("--fetch fetches it once, and keeps it", "or download it into the project, or make a target that does (with refresh)"),
    )


def _fetched(url: str) -> bytes:
    """Return what stands at ``url`` now.

    Raises:
        _Refused: it is not there, too large, too slow, or no picture.
    """
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    if not url.lower().startswith(("http://", "https://")):
        raise _Refused("only http and https are fetched")
    request = urllib.request.Request(url, headers={"User-Agent": "paperbuild", "Accept": "image/*,application/pdf"})  # noqa: S310 - looked at above
    deadline = time.monotonic() + TIME_LIMIT_S
    try:
        with urllib.request.urlopen(request, timeout=TIME_LIMIT_S / 4) as answer:  # noqa: S310 - looked at above
            data = _limited(answer, deadline)
    except urllib.error.HTTPError as error:
        raise _Refused(f"the server says {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _Refused(str(error.reason)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise _Refused(str(error) or type(error).__name__) from None
    if sniff(data) in {ImageKind.UNKNOWN, ImageKind.LFS}:
        raise _Refused("it is no picture" if data else "it is empty")
    return data


def _limited(answer: IO[bytes], deadline: float) -> bytes:
    data = bytearray()
    while chunk := answer.read(_STEP):
        data += chunk
        if len(data) > SIZE_LIMIT:
            raise _Refused(f"it is larger than {SIZE_LIMIT // 1024 // 1024} MiB")
        if time.monotonic() > deadline:
            raise _Refused(f"it took more than {TIME_LIMIT_S:g} s")
    return bytes(data)
