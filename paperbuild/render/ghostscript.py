"""EPS pictures as PDF, where Ghostscript is installed: nothing else reads PostScript, which is a programming language."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess

TIME_LIMIT_S = 60.0
"""A picture takes a tenth of a second; a program that never ends may stand in any EPS."""

_OPTIONS = ("-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-dEPSCrop", "-sDEVICE=pdfwrite", "-sstdout=%stderr", "-sOutputFile=%stdout%", "-")
_DATES = re.compile(rb"D:\d{14}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_IDS = re.compile(rb"(?<=/ID \[<)[0-9A-F]+><[0-9A-F]+(?=>\])|(?<=uuid:)[0-9a-f-]{36}")


def program() -> str | None:
    """Return Ghostscript's path; None where it is not installed."""
    return shutil.which("gs")


def as_pdf(data: bytes) -> bytes:
    """Return an EPS picture as a PDF of its size; equal data give equal bytes with equal versions of Ghostscript.

    Raises:
        ValueError: it cannot be read, takes too long, or there is no Ghostscript; with the reason.
    """
    gs = program()
    if gs is None:
        raise ValueError("Ghostscript is not installed")
    environment = {"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "0", "PATH": "/usr/bin:/bin"}
    try:
        done = subprocess.run(
            [gs, *_OPTIONS], input=_postscript(data), capture_output=True, timeout=TIME_LIMIT_S, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"Ghostscript was at it for more than {TIME_LIMIT_S:g} s") from None
    except OSError as error:
        raise ValueError(f"Ghostscript cannot be started: {error.strerror}") from None
    if done.returncode or not done.stdout.startswith(b"%PDF-"):
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise ValueError(said[0] if said else "Ghostscript says no more")
    # Every PDF has its moment and a number made of it: both become constants of the same length, so that no offset moves.
    return _IDS.sub(_numberless, _DATES.sub(_dateless, done.stdout))


def _dateless(found: re.Match[bytes]) -> bytes:
    return b"D:19700101000000" if found[0].startswith(b"D:") else b"1970-01-01T00:00:00"


def _numberless(found: re.Match[bytes]) -> bytes:
    return re.sub(rb"[0-9A-Fa-f]", b"0", found[0])


def _postscript(data: bytes) -> bytes:
    """Return the program in an EPS file with a preview (the header: Encapsulated PostScript File Format 3.0, section 5.2)."""
    if not data.startswith(b"\xc5\xd0\xd3\xc6") or len(data) < 12:
        return data
    start, length = struct.unpack_from("<II", data, 4)
    return data[start : start + length]
