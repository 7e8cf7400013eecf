"""With whom a command shares results: opened with its project, and told at its end."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from paperbuild.cli.planning import read_manifest
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.workshop import Belief
from paperbuild.errors import UsageError
from paperbuild.paper.declarations import SharingSpec

if TYPE_CHECKING:
    from paperbuild.cli.invocation import Invocation
    from paperbuild.sharing.late import LateStore
    from paperbuild.sharing.shared import Desk
    from paperbuild.sharing.terms import Terms

SETTLE_S = 3.0
"""How long a command waits at its end for uploads: most are small, and what is left goes on with the next command."""
_TICK_S = 0.25
_TOLD = "unshared"
"""A file in the project's state: it was told how to share results."""


class Sharing:
    """The shared store of a command. One that ``stays`` serves all builds of `watch`, as long as they share on the same terms."""

    def __init__(self, *, stays: bool = False) -> None:
        self.stays = stays
        self._known: tuple[Terms, str, LateStore] | None = None

    def remote(self, spec: SharingSpec, environ: Mapping[str, str], root: str, store: str) -> LateStore | None:
        """Return the shared store of the project in ``root``, whose manifest says ``spec``; None where it shares nothing.

        Raises:
            UsageError: what says so cannot be understood.
        """
        terms = None if _is_silent(spec, environ) else _terms(spec, environ, root)
        if self._known is not None and (terms, store) != self._known[:2]:
            self.end(None)
        if terms is None:
            return None
        if self._known is None:
            from paperbuild.sharing.late import LateStore

            self._known = (terms, store, LateStore(terms, environ, store, lambda: _desk(store), stays=self.stays))
        self._known[2].begin()
        return self._known[2]

    def belief(self, spec: SharingSpec, environ: Mapping[str, str]) -> Belief:
        """Return whose results count of those that came from elsewhere, now or earlier.

        Raises:
            ManifestError: the user's configuration cannot be understood.
        """
        trusted = spec.trusted
        if _has_configuration(environ):
            from paperbuild.sharing.terms import trusted_by

            trusted = trusted_by(spec, environ)
        return Belief(frozenset(trusted), cache(lambda: _own(environ)), _mark_of_own(environ))

    def end(self, invocation: Invocation | None) -> None:
        """Close what is open; with an ``invocation``, wait a little for uploads first, and narrate what is left."""
        if self._known is not None:
            remote = self._known[2]
            if invocation is not None:
                left = wait(invocation, remote, SETTLE_S)
                invocation.complain(remote.notices())
                _tell_left(invocation, left)
            remote.end()
            self._known = None


def required(invocation: Invocation, remote: LateStore | None) -> LateStore:
    """Return ``remote``, or say that there is none.

    Raises:
        UsageError: so it is.
    """
    from paperbuild.sharing.terms import is_off

    if remote is not None:
        return remote
    if is_off(invocation.environ):
        raise UsageError(Diagnostic("PB628", "sharing is switched off: PAPERBUILD_REMOTE=off", help=("take that variable away",)))
    help_ = ('write remote = "s3://bucket/prefix" into [store]', "docs/sharing.md tells more")
    raise UsageError(Diagnostic("PB628", "this project shares no results: it names no remote", help=help_))


def _is_silent(spec: SharingSpec, environ: Mapping[str, str]) -> bool:
    """Return whether nobody says anything of sharing: then nothing need be imported for it."""
    return not spec.remote and not environ.get("PAPERBUILD_REMOTE") and not _has_configuration(environ)


def _has_configuration(environ: Mapping[str, str]) -> bool:
    from paperbuild.sharing.user_files import configuration_file

    return os.path.lexists(configuration_file(environ))


def _mark_of_own(environ: Mapping[str, str]) -> bytes:
    """Return a mark of our own key, without reading it from its file or loading what knows of keys: another one for another key."""
    from paperbuild.sharing.user_files import configuration_folder

    text = environ.get("PAPERBUILD_KEY")
    if text is not None:
        return hashlib.sha256(text.encode(errors="surrogateescape")).digest()
    with suppress(OSError):
        found = os.stat(os.path.join(configuration_folder(environ), "key"))
        return repr((found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)).encode()
    return b""


def _own(environ: Mapping[str, str]) -> str:
    """Return our own public key; "" where there is none that can be used."""
    from paperbuild.sharing.keyring import own_key

    with suppress(UsageError):
        key = own_key(environ)
        return "" if key is None else key.public
    return ""


def _terms(spec: SharingSpec, environ: Mapping[str, str], root: str) -> Terms | None:
    from paperbuild.sharing.terms import terms_of

    try:
        return terms_of(spec, environ)
    except UsageError as error:
        raise type(error)(*(_placed(fault, spec, root) for fault in error.diagnostics)) from None


def _placed(fault: Diagnostic, spec: SharingSpec, root: str) -> Diagnostic:
    """Return ``fault`` with its place, where it is in the manifest's address."""
    if fault.span is not None or fault.code != "PB600" or fault.notes or not spec.remote:
        return fault
    span = read_manifest(root, "").text.value(("store", "remote"))
    return replace(fault, span=replace(span, text="") if "@" in spec.remote else span)  # a password must not be shown


def _desk(store: str) -> Desk:
    from paperbuild.engine.disks import disk
    from paperbuild.engine.filesystem import SystemClock
    from paperbuild.engine.locks import FileLock
    from paperbuild.engine.store import Store
    from paperbuild.sharing.shared import Desk

    fs = disk()
    return Desk(Store(fs, store), fs, FileLock(), SystemClock())


def conclude(invocation: Invocation, remote: LateStore, state: str) -> tuple[Diagnostic, ...]:
    """Wait a little for uploads, tell what is to be told and what is left, and return the former, which ``--json`` has in its answer.

    ``state`` is the project's folder of our own. What stays open for the next build is not waited for.
    """
    left = 0 if remote.stays else wait(invocation, remote, SETTLE_S)
    notices = remote.notices()
    invocation.complain(notices)
    _tell_left(invocation, left)
    if remote.kept and not remote.terms.place.is_read_only and "PAPERBUILD_KEY" not in invocation.environ:
        _tell_how(invocation, remote, f"{state}/{_TOLD}")
    return notices


def _tell_left(invocation: Invocation, left: int) -> None:
    if left:
        from paperbuild.terminal.amounts import counted

        are = "is" if left == 1 else "are"
        invocation.narrate(f"{counted(left, 'result')} {are} still to be uploaded: paperbuild cache push")


def _tell_how(invocation: Invocation, remote: LateStore, marker: str) -> None:
    """Say once in a project how to share what is made in it."""
    if remote.has_key or os.path.exists(marker):
        return
    invocation.narrate(f"what you make is not shared with {remote.terms.place.address}: paperbuild key new makes the key for that")
    with suppress(OSError), open(marker, "wb"):
        pass


def wait(invocation: Invocation, remote: LateStore, most_s: float) -> int:
    """Wait until all is uploaded that can be, ``most_s`` at most, showing how far that is; return how many results are left.

    Ctrl-C ends the waiting and nothing else: what the command was for is done.
    """
    from paperbuild.terminal.amounts import counted, size_text

    end_s = time.monotonic() + most_s
    try:
        with invocation.meter() as meter:
            while True:
                now_s = time.monotonic()
                pause_s = min(_TICK_S, max(0.0, end_s - now_s))
                left = remote.settle(pause_s)
                if not left or time.monotonic() >= end_s or time.monotonic() - now_s < pause_s / 2:  # nothing is under way any more
                    return left
                meter.show(f"uploading: {counted(left, 'result')} left, {size_text(remote.bytes_sent())} sent")
    except KeyboardInterrupt:
        return len(remote.outgoing())
