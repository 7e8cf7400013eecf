"""Files that are generated and may be edited: who wrote what stands there, and with which settings. Pure.

The first line of such a file names the command that wrote it, the second holds its settings as JSON, the third the digest of all that comes
after. A file whose digest is another was edited by somebody, and is his.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal

import msgspec

State = Literal["absent", "ours", "edited", "foreign"]
_MARK = "# Written by: paperbuild ci "
_SETTINGS = "# Settings: "
_DIGEST = "# Edited by nobody while this is the digest of what follows: "


class Settings(msgspec.Struct, frozen=True):
    """How a paper is built by somebody else's machines.

    ``project`` is the folder of the project in the repository ("" for its top), ``install`` the command that installs paperbuild and what
    the targets need, ``python`` the version for it ("3.12"), ``pages`` whether the page is published, ``runner`` which machines run what
    asks for a GPU ("": the same as everything else), ``remote`` of which kind the store is that is shared ("s3"; "": none), ``no_heavy``
    whether what is heavy is left to others.
    """

    project: str = ""
    install: str = ""
    python: str = ""
    pages: bool = False
    runner: str = ""
    remote: str = ""
    no_heavy: bool = False


_NEWER = frozenset({"remote", "no_heavy"})
"""Settings that are written down only where they say something: files that were written before they came stay as they are."""


def signed(service: str, settings: Settings, body: str) -> str:
    """Return the text of a generated file: ``body`` below what says who wrote it."""
    facts = json.dumps({key: value for key, value in msgspec.to_builtins(settings).items() if key not in _NEWER or value})
    return f"{_MARK}{service}\n{_SETTINGS}{facts}\n{_DIGEST}{_digest(body)}\n{body}"


def state_of(text: str | None) -> State:
    """Return whose a file with this text is; None where there is no file."""
    if text is None:
        return "absent"
    if not text.startswith(_MARK):
        return "foreign"
    lines = text.split("\n", 3)
    whole = len(lines) == 4 and lines[2] == _DIGEST + _digest(lines[3])
    return "ours" if whole else "edited"


def settings_in(text: str | None) -> Settings | None:
    """Return the settings that a generated file was written with; None where it is none."""
    lines = (text or "").splitlines()
    if len(lines) < 2 or not lines[0].startswith(_MARK):
        return None
    try:
        return msgspec.convert(json.loads(lines[1].removeprefix(_SETTINGS)), Settings)
    except (ValueError, msgspec.ValidationError):
        return None


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
