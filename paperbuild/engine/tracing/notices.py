"""From a notice of the kernel to what it tells: which path a call names, and what the call does with it."""

from __future__ import annotations

import errno
import fcntl
import os

from paperbuild.engine.tracing import calls, seccomp
from paperbuild.engine.tracing.permission import Closed, Permission
from paperbuild.engine.tracing.sightings import HOOK, SHEET, Sightings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_HERE = calls.AT_FDCWD & 0xFFFFFFFF
_MEMORY = seccomp.Memory()
_WRITING = frozenset((calls.CREATE, calls.WRITE, calls.RENAME, calls.HARD_LINK))
_ASKING = frozenset((calls.STATUS, calls.LINK_STATUS, calls.MAKE_FOLDER))
"""What tells nothing of a content; a folder that is made and stays empty is nobody's business."""


class Notices:
    """The calls of one command, put down in ``sightings``.

    ``blind`` says why not all of them could be understood; "" while all could. Where there is a ``permission``, or something is
    ``closed``, calls that want more than that allows get "permission denied", and ``denied`` has their paths.
    """

    def __init__(self, sightings: Sightings, permission: Permission | None = None, closed: Closed | None = None) -> None:
        self.blind = ""
        self.denied: set[bytes] = set()
        self._sightings = sightings
        self._permission = permission
        self._closed = closed
        self._is_held = permission is not None or closed is not None
        self._machine = calls.AUDIT_ARCH[os.uname().machine]
        self._refusal = 0  # the error with which the call at hand is answered; 0: it goes on
        self._sheet = -1  # what names of modules are written to; -1: nobody has asked for it
        numbers = calls.NUMBERS[os.uname().machine]
        self._shapes = {numbers[shape.name]: shape for shape in calls.SHAPES if shape.name in numbers}
        self._noting: dict[int, Callable[[bytes, int, int], bool]] = {
            calls.OPEN: sightings.opened,
            calls.OPEN2: lambda path, how, process: sightings.opened(path, _MEMORY.number(process, how), process) and False,
            calls.CREATE: lambda path, _, process: sightings.opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, process),
            calls.STATUS: lambda path, flags, _: sightings.asked(path, follow=not flags & calls.AT_SYMLINK_NOFOLLOW) and not flags,
            calls.LINK_STATUS: lambda path, _, __: sightings.asked(path, follow=False),
            calls.RUN: lambda path, _, __: sightings.ran(path),
            calls.MAKE_FOLDER: lambda path, _, __: sightings.made_folder(path),
            calls.WRITE: lambda path, _, __: sightings.wrote(path),
        }

    def taking(self, listener: int, gate: Callable[[int], bool]) -> Callable[[], None]:
        """Return a function that takes one call from ``listener``, notes what it tells, and lets it go on.

        The first one goes on only if ``gate`` says so, which is given the process that makes it.
        """
        ioctl, unpack, pack = fcntl.ioctl, seccomp.NOTICE.unpack, seccomp.ANSWER.pack
        notice, empty = bytearray(seccomp.NOTICE.size), bytes(seccomp.NOTICE.size)
        see, sightings, ours = self._see, self._sightings, self._machine
        done: set[tuple[int, bytes]] = set()  # calls that can tell nothing new
        is_first = True

        def take() -> None:
            nonlocal is_first
            notice[:] = empty
            try:
                ioctl(listener, seccomp.RECEIVE, notice)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):  # whoever asked was killed meanwhile
                    return
                raise
            id_, process, _, number, machine, _, *arguments = unpack(notice)
            refusal = 0
            if is_first and not gate(process):
                refusal = errno.ECANCELED
            elif machine != ours:  # the same numbers mean other calls there
                refusal = self._foreign(process)
            else:
                is_first = False
                wants_sheet = see(process, number, arguments, done)
                if sightings.touched:
                    return  # it is ended where it stands, before it can do any harm
                refusal, self._refusal = self._refusal, 0
                if wants_sheet and self._lends(listener, id_):
                    return
            try:
                ioctl(listener, seccomp.SEND, pack(id_, 0, -refusal, 0 if refusal else seccomp.CONTINUE))
            except OSError:  # it was killed meanwhile
                return

        return take

    def _see(self, process: int, number: int, arguments: list[int], done: set[tuple[int, bytes]]) -> bool:
        """Note what a call tells that is not ``done``, and may add it to those; return whether the sheet is asked for."""
        try:
            shape = self._shapes[number]
            if shape.kind == calls.LIST:
                self._sightings.listed(b"/proc/%d/fd/%d" % (process, arguments[0] & 0xFFFFFFFF))
                return False
            text = b"" if shape.kind == calls.LEAVE else _MEMORY.text(process, arguments[shape.path])
            if text is None:
                return False
            if (number, text) not in done and self._note(process, shape, arguments, text):
                done.add((number, text))
            return text == SHEET and shape.kind == calls.OPEN
        except PermissionError:
            self._lose_sight(f"process {process} does not let itself be watched")
        except Exception as error:
            self._lose_sight(f"{type(error).__name__}: {error}")
        return False

    def _foreign(self, process: int) -> int:
        """Lose sight of a program whose calls are those of another kind of machine; return with which error the call ends, 0 for none."""
        try:
            program = os.readlink(f"/proc/{process}/exe")
        except OSError:
            program = f"process {process}"
        refused = ", and they are refused where it is held to what it declares" if self._is_held else ""
        self._lose_sight(f"{program} makes system calls of another kind of machine, as 32-bit programs do{refused}")
        return errno.ENOSYS if self._is_held else 0

    def _lends(self, listener: int, id_: int) -> bool:
        """Answer a call by a descriptor of the sheet; return False where that cannot be done, and the call waits for an answer still."""
        try:
            if self._sheet < 0:
                self._sheet = os.memfd_create("told")
                fcntl.fcntl(self._sheet, fcntl.F_SETFL, os.O_APPEND)
            fcntl.ioctl(listener, seccomp.LEND, seccomp.LOAN.pack(id_, seccomp.LENT_AS_ANSWER, self._sheet, 0, os.O_CLOEXEC))
        except (OSError, AttributeError):  # an older kernel, or a Python that was built on an old system
            return False
        return True

    def read_sheet(self) -> None:
        """Take in what stands on the sheet, once nobody writes on it any more."""
        if self._sheet >= 0:
            said = os.pread(self._sheet, os.fstat(self._sheet).st_size, 0)
            os.close(self._sheet)
            self._sheet = -1
            for line in said.split(b"\0")[:-1]:
                self._sightings.told(line, 0)

    def _lose_sight(self, why: str) -> None:
        self.blind = self.blind or why

    def _note(self, process: int, shape: calls.Shape, arguments: list[int], text: bytes) -> bool:
        """Note one call on the path ``text``. Return whether it tells nothing new when it is made once more."""
        if shape.kind == calls.LEAVE:
            self._lose_sight(f"it changes what it sees of the file system ({shape.name})")
            return False
        if not text:
            return False
        if text.startswith(HOOK):
            answer = self._sightings.told(text[len(HOOK) :], process)
            self._refusal = 0 if self._is_held else answer
            return False
        path = self._absolute(process, text, None if shape.folder is None else arguments[shape.folder])
        if shape.second is not None:
            self._note_two(process, shape, arguments, path)
            return False
        if not path:
            return False
        flags = 0 if shape.flags is None else arguments[shape.flags]
        if self._is_held and not self._may(path, shape.kind, flags):
            return False
        told_all = not self._sightings.matters(path) or self._noting[shape.kind](path, flags, process)
        return told_all and path == text  # a relative one may mean another file next time

    def _note_two(self, process: int, shape: calls.Shape, arguments: list[int], source: bytes) -> None:
        assert shape.second is not None
        folder = None if shape.second_folder is None else arguments[shape.second_folder]
        target = self._absolute(process, _MEMORY.text(process, arguments[shape.second]) or b"", folder)
        if self._is_held and not (self._may(source, calls.WRITE, 0) and self._may(target, calls.WRITE, 0)):
            return
        if source and target and (self._sightings.matters(source) or self._sightings.matters(target)):
            (self._sightings.renamed if shape.kind == calls.RENAME else self._sightings.linked)(source, target)

    def _may(self, path: bytes, kind: int, flags: int) -> bool:
        """Return whether the command may do this with ``path``; what it may not it is denied."""
        writes = kind in _WRITING or (kind == calls.OPEN and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0)
        makes_folder = kind == calls.MAKE_FOLDER
        if not writes and ((kind in _ASKING and not makes_folder) or os.path.exists(path) == makes_folder):
            return True  # it learns that something is there, or not
        if self._allows(path, writes=writes, makes_folder=makes_folder):
            return True
        may_do_without = kind == calls.OPEN and flags & os.O_RDWR and not flags & os.O_TRUNC and os.path.isfile(path)
        if not (may_do_without and self._allows(path, writes=False)):  # who opens to read and write, as SQLite does, may only read then
            self.denied.add(path)
        self._refusal = errno.EACCES
        return False

    def _allows(self, path: bytes, *, writes: bool, makes_folder: bool = False) -> bool:
        is_open = self._closed is None or self._closed.allows(path, writes=writes or makes_folder)
        return is_open and (makes_folder or self._permission is None or self._permission.allows(path, writes=writes))

    def _absolute(self, process: int, path: bytes, folder: int | None) -> bytes:
        """Return ``path`` from the root, without ``.`` and ``..``; empty where it leads nowhere."""
        if not path.startswith(b"/"):
            if not path:
                return b""
            number = _HERE if folder is None else folder & 0xFFFFFFFF
            try:
                base = os.readlink(b"/proc/%d/cwd" % process if number == _HERE else b"/proc/%d/fd/%d" % (process, number))
            except OSError:
                return b""
            path = base + b"/" + path
        if b"/." in path or b"//" in path or path.endswith(b"/"):
            if b"/../" in path or path.endswith(b"/.."):  # what it means depends on links before it
                head, up, tail = (path + b"/").rpartition(b"/../")
                path = _real(head + up) + b"/" + tail
            path = os.path.normpath(path)
            path = path[1:] if path.startswith(b"//") else path
        return path


def _real(folder: bytes) -> bytes:
    """Return ``folder`` without links; what :func:`os.path.realpath` does, by two system calls instead of one for each part."""
    try:
        descriptor = os.open(folder, calls.O_PATH | os.O_CLOEXEC)
    except OSError:
        return os.path.realpath(folder)
    try:
        found = os.readlink(b"/proc/self/fd/%d" % descriptor)
    finally:
        os.close(descriptor)
    return os.path.realpath(folder) if found.endswith(b" (deleted)") else found
