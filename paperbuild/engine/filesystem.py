"""The real file system and clock."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat as stat_bits
import time
from collections.abc import Iterable
from io import FileIO
from typing import TYPE_CHECKING

from paperbuild.engine.ports import STAMP, Mark, Stat, stamp

if TYPE_CHECKING:
    from paperbuild.engine.stamping import Stamping

_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file
_CHUNK = 1 << 20


class DiskFileSystem:
    """:class:`paperbuild.engine.ports.FileSystem` on the disk. What is not ``durable`` is not flushed."""

    def __init__(self, *, durable: bool = True) -> None:
        self._durable = durable

    def fleeting(self) -> DiskFileSystem:
        """See the port."""
        return DiskFileSystem(durable=False)

    def is_shared(self, path: str) -> bool:  # noqa: ARG002 - see NetworkFileSystem
        """Return whether ``path`` is on a file server, so that other machines may see it, too."""
        return False

    def stat(self, path: str) -> Stat | None:
        """See the port."""
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None  # ValueError: no file can have such a name
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENAMETOOLONG}:
                return None
            raise
        return Stat(
            is_folder=stat_bits.S_ISDIR(found.st_mode),
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            ctime_ns=found.st_ctime_ns,
            inode=found.st_ino,
            device=found.st_dev,
            executable=bool(found.st_mode & 0o100),
        )

    def exists(self, path: str) -> bool:
        """See the port."""
        return os.path.lexists(path)

    def link(self, path: str) -> str | None:
        """See the port."""
        try:
            return os.readlink(path)
        except (OSError, ValueError):
            return None

    def real(self, path: str) -> str:
        """See the port."""
        return os.path.realpath(path)

    def names(self, path: str) -> tuple[str, ...]:
        """See the port."""
        try:
            return tuple(sorted(os.listdir(path)))
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def mark(self, kind: Mark, path: str) -> bytes:
        """See the port."""
        try:
            found = os.stat(path) if kind in {"status", "names"} else os.lstat(path)
        except (OSError, ValueError):
            return b"-" if kind == "link" else b""
        if kind == "presence":
            return b"there"
        mode = found.st_mode
        if stat_bits.S_ISDIR(mode) if kind == "status" else kind == "link" and not stat_bits.S_ISLNK(mode):
            return b"-" if kind == "link" else b"folder %d %d" % (found.st_ino, found.st_dev)
        return stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)

    def moved(self, facts: Iterable[tuple[Mark, str, bytes]]) -> list[int]:
        """See the port. This is nearly all that a build with nothing to do does, so what is common is done here at once."""
        asked = list(facts)
        plain = {path for kind, path, mark in asked if kind == "link" and mark == b"-"}
        moved, pack, mark_of = [], STAMP.pack, self.mark
        for n, (kind, path, mark) in enumerate(asked):
            if len(mark) == STAMP.size and (kind == "status" or kind == "names"):  # noqa: PLR1714 - a set would take twice the time
                may_be_both = path in plain
                try:
                    found = os.lstat(path) if may_be_both else os.stat(path)
                except (OSError, ValueError):
                    moved.append(n)
                    continue
                if pack(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev) == mark:
                    if may_be_both and not stat_bits.S_ISLNK(found.st_mode):
                        plain.discard(path)  # which answers for both
                    continue
            elif kind == "link" and mark == b"-" and path not in plain:
                continue
            if mark_of(kind, path) != mark:
                moved.append(n)
        return moved

    def read(self, path: str) -> bytes:
        """See the port."""
        with _regular(path) as file:
            return file.read()

    def read_end(self, path: str, size: int) -> bytes:
        """See the port."""
        with _regular(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read(size)

    def digest(self, path: str) -> str:
        """See the port."""
        with _regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def write(self, path: str, data: bytes) -> None:
        """See the port."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)  # open() asks three things more
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
        finally:
            os.close(handle)

    def copy(self, source: str, target: str, *, executable: bool = False) -> None:
        """See the port."""
        with _regular(source) as read, open(target, "wb") as written:
            try:
                fcntl.ioctl(written.fileno(), _FICLONE, read.fileno())
            except OSError:
                while chunk := read.read(_CHUNK):  # shutil would cost 3 ms: it brings every compression along
                    written.write(chunk)
            if executable:
                os.fchmod(written.fileno(), stat_bits.S_IMODE(os.fstat(written.fileno()).st_mode) | 0o111)

    def make_hollow(self, path: str, size: int, *, executable: bool = False) -> None:
        """See the port."""
        with open(path, "xb") as file:
            file.truncate(size)
            if executable:
                os.fchmod(file.fileno(), stat_bits.S_IMODE(os.fstat(file.fileno()).st_mode) | 0o111)

    def make_link(self, text: str, path: str) -> None:
        """See the port."""
        os.symlink(text, path)

    def rename(self, source: str, target: str) -> None:
        """See the port."""
        os.replace(source, target)

    def unlink(self, path: str) -> None:
        """See the port."""
        try:
            os.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            return

    def remove_tree(self, path: str) -> None:
        """See the port."""
        if not os.path.isdir(path) or os.path.islink(path):
            self.unlink(path)
            return
        if self.remove_empty(path):
            return
        import shutil

        try:
            shutil.rmtree(path)
        except PermissionError:  # folders that a command made read-only
            for folder, _, _ in os.walk(path):
                os.chmod(folder, 0o700)
            shutil.rmtree(path)

    def remove_empty(self, path: str) -> bool:
        """See the port."""
        try:
            os.rmdir(path)
        except OSError:
            return False
        return True

    def make_folder(self, path: str) -> None:
        """See the port."""
        try:
            os.mkdir(path)  # mostly that is all there is to do
        except OSError:
            os.makedirs(path, exist_ok=True)

    def touch(self, path: str) -> bool:
        """See the port."""
        try:
            os.utime(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def protect(self, path: str) -> None:
        """See the port."""
        os.chmod(path, 0o444)

    def flush(self, path: str) -> None:
        """See the port."""
        if not self._durable:
            return
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _regular(path: str) -> FileIO:
    """Open the file at ``path`` for reading, without a buffer; a pipe, a socket or a device is refused, since reading it may never end."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except ValueError:
        raise FileNotFoundError(errno.ENOENT, "no file can have this name", path) from None
    mode = os.fstat(handle).st_mode
    if stat_bits.S_ISREG(mode):
        return FileIO(handle)
    os.close(handle)
    if stat_bits.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "this is no regular file", path)


class SystemClock:
    """:class:`paperbuild.engine.ports.Clock` by the system. ``folder`` is one that a file may be written to, "" for none."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self._stamping: Stamping | None = None

    def now_ns(self) -> int:
        """See the port."""
        return time.time_ns()

    def lag_ns(self, device: int) -> int:
        """See the port."""
        if os.major(device) or not device:
            return 0  # a disk of this machine, or no file at all
        if self._stamping is None:
            from paperbuild.engine.stamping import Stamping

            self._stamping = Stamping(self._folder, self.now_ns, self.monotonic_s)
        return self._stamping.lag_ns(device)

    def monotonic_s(self) -> float:
        """See the port."""
        return time.monotonic()
