"""A shared store in a folder: of this machine, or of a file system that several machines mount.

Contents are written beside their place and renamed, so that nobody sees a part of one. Who writes under a condition holds the ``flock`` of
the name's group while it looks and renames; it ends with its process. Others may come to the same folder by SFTP, where there are no such
locks: for them a file stands there meanwhile, see :mod:`paperbuild.sharing.ssh`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator, Sequence

from paperbuild.sharing.layout import INCOMING
from paperbuild.sharing.transport import CHUNK, Content, Seen, TransportError, Trouble

TURN = ".turn"
"""What the name of the file ends in that stands for a turn where there are no locks."""
STALE_S = 30.0
"""A turn that somebody has had for this long was left by who died: it is held for two requests."""

_OURS = b"flock"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM}
_GONE = (FileNotFoundError, NotADirectoryError)


class Files:
    """The folder ``root``."""

    can_write = True
    can_list = True

    def __init__(self, root: str) -> None:
        self._root = root

    def read(self, name: str, most: int) -> Content | None:
        """See the protocol."""
        try:
            with open(f"{self._root}/{name}", "rb") as file:
                data = file.read(most + 1)
                version = _version(os.fstat(file.fileno()))
        except _GONE:
            self._find_root()
            return None
        except OSError as error:
            raise _trouble(error) from None
        if len(data) > most:
            raise TransportError(Trouble.WRONG, f"{name} has more than {most} bytes")
        return Content(data, version)

    def _find_root(self) -> None:
        """Tell a folder that is not there from a file that is not in it."""
        if not os.path.isdir(self._root):
            raise TransportError(Trouble.NOWHERE, f"there is no folder {self._root}")

    def stream(self, name: str, start: int = 0) -> Iterator[bytes | memoryview] | None:
        """See the protocol."""
        try:
            handle = os.open(f"{self._root}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except _GONE:
            return None
        except OSError as error:
            raise _trouble(error) from None
        return _chunks(handle, start)

    def look(self, name: str) -> Seen | None:
        """See the protocol."""
        try:
            stat = os.stat(f"{self._root}/{name}")
        except _GONE:
            return None
        except OSError as error:
            raise _trouble(error) from None
        return Seen(name, stat.st_size, stat.st_mtime_ns)

    def put(self, name: str, data: bytes | memoryview, over: str | None) -> bool:
        """See the protocol."""
        path = f"{self._root}/{name}"
        if over == "" and os.path.exists(path):
            return False
        try:
            temporary = self._written(data)
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with self._turn(name):
                    if over is not None and _present(path) != over:
                        return False
                    os.rename(temporary, path)
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            _flush_folder(os.path.dirname(path))
        except OSError as error:
            self._find_root()
            raise _trouble(error) from None
        return True

    def _written(self, data: bytes | memoryview) -> str:
        """Write ``data`` to a new file and have it on the disk; return its path."""
        folder = f"{self._root}/{INCOMING}"
        if os.path.isdir(self._root):  # a folder that is not mounted is not made
            os.makedirs(folder, exist_ok=True)
        temporary = f"{folder}{os.urandom(8).hex()}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(handle)
        return temporary

    @contextlib.contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        """Hold the lock of the group that ``name`` is of."""
        folder = f"{self._root}/locks"
        os.makedirs(folder, exist_ok=True)
        path = f"{folder}/{name.rpartition('/')[2][:2]}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # held for a look and a rename
            _take_turn(f"{path}{TURN}")
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(f"{path}{TURN}")
        finally:
            os.close(handle)

    def delete(self, names: Sequence[str]) -> None:
        """See the protocol."""
        for name in names:
            try:
                os.unlink(f"{self._root}/{name}")
            except _GONE:
                pass
            except OSError as error:
                raise _trouble(error) from None

    def listed(self, folder: str) -> Iterator[Seen]:
        """See the protocol."""
        self._find_root()
        for where, folders, names in os.walk(f"{self._root}/{folder}".rstrip("/")):
            if where == self._root:
                folders[:] = [name for name in folders if name != "locks"]
            for name in names:
                path = f"{where}/{name}"
                with contextlib.suppress(*_GONE):
                    stat = os.stat(path)
                    yield Seen(path.removeprefix(f"{self._root}/"), stat.st_size, stat.st_mtime_ns)

    def close(self) -> None:
        """See the protocol."""


def _take_turn(path: str) -> None:
    """Make the file at ``path``, which only one can make, as soon as nobody else has it."""
    seen: tuple[object, float] = (None, 0.0)
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            os.write(handle, _OURS)
            os.close(handle)
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                seen = _wait_turn(path, seen)
        else:
            return


def _wait_turn(path: str, seen: tuple[object, float]) -> tuple[object, float]:
    """Wait a moment for whoever has the turn; end that of who died. Return whose it is, and since when it was seen to be."""
    with open(path, "rb") as file:
        is_ours, turn = file.read() == _OURS, os.fstat(file.fileno()).st_mtime_ns
    if is_ours or (turn == seen[0] and time.monotonic() - seen[1] > STALE_S):  # whoever is like us would have the flock
        os.unlink(path)
        return None, 0.0
    time.sleep(0.01)
    return seen if turn == seen[0] else (turn, time.monotonic())


def _version(stat: os.stat_result) -> str:
    return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"


def _present(path: str) -> str:
    """Return the version of what is at ``path``; "" where nothing is.

    To open both is to ask the server: a client of NFS may remember for a minute what they were (close-to-open consistency, RFC 7530,
    section 10.3.1).
    """
    try:
        os.close(os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except _GONE:
        return ""
    try:
        return _version(os.fstat(handle))
    finally:
        os.close(handle)


def _chunks(handle: int, start: int) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(CHUNK))
    try:
        os.lseek(handle, start, os.SEEK_SET)
        while count := os.readv(handle, [buffer]):
            yield buffer[:count]
    except OSError as error:
        raise _trouble(error) from None
    finally:
        os.close(handle)


def _flush_folder(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _trouble(error: OSError) -> TransportError:
    text = error.strerror or str(error)
    if error.errno in _FULL:
        return TransportError(Trouble.FULL, text)
    if error.errno in _DENIED:
        return TransportError(Trouble.DENIED, text)
    if error.errno == errno.EROFS:
        return TransportError(Trouble.READ_ONLY, text)
    return TransportError(Trouble.BROKEN, text)
