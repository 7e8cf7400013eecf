"""Locks on the disk, by ``flock``."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.faults import refused
from paperbuild.engine.ports import Hold
from paperbuild.errors import BuildError

_PATIENCE_S = 2.0
_LOOK_S = 0.05  # how long a lock that is free again may go unnoticed


class FileLock:
    """:class:`paperbuild.engine.ports.Lock` by ``flock``: it ends with the process, however that ends; the file may stay."""

    @contextmanager
    def hold(self, path: str, what: str = "this project", waits: Callable[[str], None] | None = None) -> Iterator[None]:
        """See the port."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise refused(error, Diagnostic("PB406", f"{path} cannot be written to: {error.strerror}")) from None
        try:
            try:
                _take(handle, what, waits)
            except OSError as error:  # a network file system that has no locks
                raise BuildError(Diagnostic("PB406", f"the lock cannot be had: {error.strerror}: {path}")) from None
            with suppress(OSError):  # only for whoever is refused; a full disk is no reason to stop here
                os.ftruncate(handle, 0)
                os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(handle)

    def is_held(self, path: str) -> bool:
        """See the port."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(handle)
        return False

    def attempt(self, path: str) -> Hold | None:
        """See the port."""
        while True:
            try:
                handle = _made(path)
                if not _try(handle):
                    os.close(handle)
                    return None
            except OSError:  # a store that cannot be written to, a file system without locks
                return _NoHold()
            if _is_at(handle, path):
                return _FileHold(handle, path)
            os.close(handle)  # whoever had it took its file away


class _FileHold:
    def __init__(self, handle: int, path: str) -> None:
        self._handle = handle
        self._path = path

    def release(self) -> None:
        """See :class:`paperbuild.engine.ports.Hold`."""
        with suppress(OSError):
            os.unlink(self._path)  # while it is held, so that nobody else's goes
        os.close(self._handle)


class _NoHold:
    def release(self) -> None:
        """See :class:`paperbuild.engine.ports.Hold`."""


def _made(path: str) -> int:
    """Return a handle of the lock file at ``path``, which is made, with its folder, where it is missing."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o644)


def _try(handle: int) -> bool:
    """Return whether the lock on an open file could be had at once."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        os.close(handle)
        raise
    return True


def _is_at(handle: int, path: str) -> bool:
    """Return whether the open file is the one that stands at ``path``."""
    try:
        there, here = os.stat(path), os.fstat(handle)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def _take(handle: int, what: str, waits: Callable[[str], None] | None) -> None:
    """Take the lock on ``what``, an open file.

    A process that was killed while it started a command may leave a child that holds the lock too, until it has become that command:
    a lock whose holder is dead is waited for in any case.

    Raises:
        BuildError: another process, which is alive, has it, and there is no ``waits`` to tell that it is waited for.
        OSError: there are no locks here.
    """
    deadline = time.monotonic() + _PATIENCE_S
    told = False
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 64, 0).decode(errors="replace").strip()
            if _is_alive(holder) or time.monotonic() > deadline:
                if waits is None:
                    who = f" (process {holder})" if holder else ""
                    help_ = ("wait for it to end, or end it",)
                    raise BuildError(Diagnostic("PB401", f"another paperbuild is at work in {what}{who}", help=help_)) from None
                if not told:
                    waits(holder)
                told = True
            time.sleep(_LOOK_S if told else 0.01)


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:  # somebody else's
        return True
    return True
