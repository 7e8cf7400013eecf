"""What a server shows of a pushed branch or tag: its papers, the log of the last build, and how that went."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from paperbuild.errors import ExitCode

LOG = "build.log"
STATE = "build.json"


class Built(msgspec.Struct, frozen=True):
    """How the last build of a reference stands.

    ``state`` is "building", "built" or "failed". ``documents`` were made from ``documents_of``: after a failure those of an earlier commit
    stay. ``ran`` are the actions that ran, with their seconds. Times are RFC 3339 in UTC.
    """

    reference: str
    commit: str
    state: str
    started: str
    finished: str = ""
    duration_s: float = 0.0
    ran: dict[str, float] = {}
    documents: tuple[str, ...] = ()
    documents_of: str = ""


def folder_of(repository: str, reference: str) -> str:
    """Return where a reference is published. Beside it in that folder the store has no name that begins with ``refs``."""
    return os.path.join(repository, "paperbuild", *reference.split("/"))


def now() -> str:
    """Return the time as it is written."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def state_in(folder: str) -> Built | None:
    """Return how the last build went that was published in ``folder``; None where there was none."""
    try:
        with open(os.path.join(folder, STATE), "rb") as file:
            return msgspec.json.decode(file.read(), type=Built)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None


def write_state(folder: str, built: Built) -> None:
    """Write how a build stands, in one step."""
    _put(os.path.join(folder, STATE), msgspec.json.format(msgspec.json.encode(built), indent=1) + b"\n")


def publish(folder: str, root: str, documents: Iterable[str]) -> tuple[str, ...]:
    """Copy ``documents``, paths relative to ``root``, into ``folder`` under their own names, each in one step; return these."""
    published = []
    for path in documents:
        source, name = os.path.join(root, path.rstrip("/")), os.path.basename(path.rstrip("/"))
        target = os.path.join(folder, name)
        if os.path.isdir(source):
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            with open(source, "rb") as file:
                _put(target, file.read())
        published.append(name)
    return tuple(published)


def withdraw(repository: str, reference: str) -> None:
    """Take away what was published of a reference that is gone, and folders that are empty then."""
    folder = folder_of(repository, reference)
    shutil.rmtree(folder, ignore_errors=True)
    top = os.path.join(repository, "paperbuild")
    with contextlib.suppress(OSError):
        while (folder := os.path.dirname(folder)) != top:
            os.rmdir(folder)


def ended(begun: Built, code: int, finished: str, duration_s: float) -> Built:
    """Return ``begun`` as it stands after its end with an exit code."""
    state = "built" if code == ExitCode.OK else "failed"
    return msgspec.structs.replace(begun, state=state, finished=finished, duration_s=round(duration_s, 3))


def _put(path: str, data: bytes) -> None:
    temporary = f"{path}.{os.getpid()}.new"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)
