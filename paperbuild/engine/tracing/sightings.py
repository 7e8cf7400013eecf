"""What one command was seen to do, path by path.

Each call is noted before it takes place, so that what the command made itself is told from what was there. Bytes and plain tuples
throughout: this runs once for each system call.
"""

from __future__ import annotations

import errno
import os
import stat as stat_bits

from paperbuild.engine.tracing import calls

READ, LISTED, ASKED, LINK, WROTE, RAN, SOUGHT, UPDATES = (1 << n for n in range(8))
"""What was done with a path: its content read, its names listed, its status asked for, its own text as a link read, written (or removed,
or made), executed; listed by Python's import system alone, which looks for names that are told besides; opened to be changed where it
stands, or made if it is not there: whoever opens databases and memory maps so may only read."""

HOOK = b"/\x01paperbuild/"
"""Paths below this do not exist: by asking for them, Python programs tell what no call shows (see ``hook/sitecustomize.py``)."""

_SEEKS, _SOUGHT_BEFORE, _MODULES, _SPARING = b"L", b"P", b"N", b"S"
SHEET = HOOK + b"T"
"""Whoever opens this is given a file to write names of modules to, which costs less than to be stopped for each."""
_SEPARATOR = b"\x02"

ALL_BELOW, ALL_BUT_SITES, FILES_IN = errno.EISDIR, errno.ENOTEMPTY, errno.ENOTDIR
"""Answers to a Python that asks to be spared for a folder: for it and all that is below, for that except what is in ``site-packages`` or
``dist-packages`` in it, or for it, the files in it and their bytecode."""

_SITES = (b"site-packages/", b"dist-packages/")

_METADATA = (b".dist-info", b".egg-info")
_WRITES = os.O_WRONLY | os.O_RDWR
_ALTERS = _WRITES | os.O_CREAT | os.O_TRUNC

State = tuple[str, int, int, int, int, int, bool]
"""What was at a path: "file", "folder" or "other"; size, mtime_ns, ctime_ns, inode, device; whether it could be executed."""


class Sightings:
    """Collects. Methods that return a truth value say whether the same call tells nothing new when it is made once more.

    Outside the folder ``kept`` paths that begin with one of ``dropped`` do not matter, and of those that begin with one of ``grouped``
    only the next name does: which packages of an environment were used. ``unsettled`` are paths that nobody may touch yet.

    ``seen`` holds for each path the bits of what was done with it, and what was there before this command changed anything; ``links``
    the texts of links; ``sought`` the dotted names of the Python modules that were looked for; ``groups`` the names below each of
    ``grouped``. ``touched`` is the first of ``unsettled`` that was touched.
    """

    def __init__(self, kept: bytes, dropped: tuple[bytes, ...], grouped: tuple[bytes, ...] = (), unsettled: tuple[bytes, ...] = ()) -> None:
        self._kept, self._kept_folder = kept, kept.rstrip(b"/")
        self._dropped = dropped
        self._grouped = grouped
        self._unsettled = frozenset(path.rstrip(b"/") for path in unsettled)
        self._unsettled_folders = tuple(path for path in unsettled if path.endswith(b"/"))
        self.seen: dict[bytes, tuple[int, State | None]] = {}
        self.links: dict[bytes, bytes] = {}
        self.groups: dict[bytes, set[bytes]] = {prefix: set() for prefix in grouped}
        self.sought: set[bytes] = set()
        self.touched = b""
        self._made: set[bytes] = set()
        self._added_to: set[bytes] = set()  # of those that it made, so to speak, the ones that still hold what they held before
        self._made_folders: set[bytes] = set()
        self._seeking: set[tuple[int, bytes]] = set()
        self._listing: dict[bytes, list[int]] = {}  # processes that listed a folder, once for each time
        self._read_folders: set[tuple[int, int]] = set()  # inodes and devices of folders whose names were read
        self._read_paths: set[bytes] = set()  # what they are called, all links followed
        self._may_read_any = False  # of one it could not be told which it was

    def matters(self, path: bytes) -> bool:
        """Return whether more need be noted of ``path`` than has been now."""
        if path.startswith(self._grouped):  # an environment may lie below the project
            for prefix, names in self.groups.items():
                if path.startswith(prefix):
                    first, _, rest = path[len(prefix) :].partition(b"/")
                    # of metadata one file may be all that was looked at: whoever asks for entry points asks every package
                    names.add(first + b"/" + rest if rest and first.endswith(_METADATA) else first)
                    return False
        return not path.startswith(self._dropped) or path.startswith(self._kept) or path == self._kept_folder

    def opened(self, path: bytes, flags: int, process: int) -> bool:
        """Note that ``path`` is about to be opened with ``flags``."""
        if flags & calls.O_PATH == calls.O_PATH:
            self.asked(path)
        elif flags & calls.O_TMPFILE == calls.O_TMPFILE:
            return False
        elif flags & _ALTERS:
            self._opened_to_write(path, flags)
        else:
            return self._opened_to_read(path, process)
        return False

    def _opened_to_read(self, path: bytes, process: int) -> bool:
        if path in self._added_to:
            bits, state = self.seen[path]
            self._note(path, bits | READ, state)
            return False
        if self._is_own(path):
            return False
        bits, state = self._look(path)
        if state is None:
            bits |= ASKED
        elif state[0] == "folder":
            place = (process, path)
            if place in self._seeking:
                self._seeking.discard(place)
                bits |= SOUGHT
            else:
                bits |= LISTED
                self._listing.setdefault(path, []).append(process)
        elif state[0] == "file":
            bits |= READ
        self._note(path, bits, state)
        return state is not None and state[0] == "file"

    def _opened_to_write(self, path: bytes, flags: int) -> None:
        if path in self._added_to and flags & os.O_TRUNC:
            self._added_to.discard(path)
        elif path in self._added_to and flags & os.O_RDWR:
            self._opened_to_read(path, 0)
        if self._made_already(path):
            return
        bits, state = self._look(path)
        if state is None:
            if not flags & os.O_CREAT:
                self._note(path, bits | ASKED, None)
                return
            if flags & os.O_RDWR and not flags & (os.O_TRUNC | os.O_EXCL):
                bits |= UPDATES
        elif state[0] != "file":
            return
        elif not flags & os.O_TRUNC:
            if flags & os.O_WRONLY:
                self._added_to.add(path)  # as to a log: what it held matters to those alone who read it then
            else:
                bits |= UPDATES if flags & os.O_RDWR else READ
        if flags & _WRITES or state is None or flags & os.O_TRUNC:
            bits |= WROTE
            self._made.add(path)
        self._note(path, bits, state)

    def listed(self, handle: bytes) -> None:
        """Note that the names in the open folder at ``handle``, a link of the kernel to it, are about to be read."""
        try:
            found = os.stat(handle)
            place = found.st_ino, found.st_dev
            if place not in self._read_folders:
                self._read_folders.add(place)
                self._read_paths.add(os.readlink(handle))
        except FileNotFoundError:  # there is no such open file, as the call will find, too
            return
        except OSError:
            self._may_read_any = True

    def take_back_openings(self) -> None:
        """Let folders that were opened, and whose names nobody read, count as asked for: ``find`` opens the one it returns to.

        To be called at the end, by whoever told of every reading.
        """
        for path, (bits, state) in () if self._may_read_any else self.seen.items():
            if bits & LISTED and state is not None and (state[4], state[5]) not in self._read_folders:
                if not self._read_paths.isdisjoint((path, os.path.realpath(path))):
                    continue  # another folder than stood there first
                self.seen[path] = (bits & ~LISTED | ASKED, state)

    def asked(self, path: bytes, *, follow: bool = True) -> bool:
        """Note that somebody asks what is at ``path``, or without ``follow`` at the link there."""
        if self._is_own(path):
            return False
        bits, state = self._look(path)
        if not follow:
            text = self.link_text(path)
            if text is None:
                follow = True  # no link: as good as its status
            else:
                self.links[path] = text
        self._note(path, bits | (ASKED if follow else LINK), state)
        return True

    def ran(self, path: bytes) -> bool:
        """Note that ``path`` is about to be executed; a script's interpreter, which no call names, is executed with it."""
        if self._is_own(path):
            return False
        bits, state = self._look(path)
        self._note(path, bits | (ASKED if state is None else RAN), state)
        interpreter = _interpreter(path) if state is not None and state[0] == "file" else b""
        if interpreter and interpreter != path and self.matters(interpreter):
            self.ran(interpreter)
        return True

    def wrote(self, path: bytes) -> bool:
        """Note that ``path`` is about to be made, replaced or removed."""
        self._added_to.discard(path)
        if not self._made_already(path):
            bits, state = self._look(path)
            self._made.add(path)
            self._note(path, bits | WROTE, state)
        return False

    def made_folder(self, path: bytes) -> bool:
        """Note that the folder ``path`` is about to be made: what appears in it is the command's own."""
        if not self._is_own(path):
            bits, state = self._look(path)
            if state is None:
                self._made_folders.add(path)
                bits |= WROTE
            self._note(path, bits | ASKED, state)  # making one that is there fails, and tells
        elif path in self.seen:  # it was missed before the folder around it was made
            bits, state = self.seen[path]
            self._note(path, bits | WROTE, state)
        return False

    def renamed(self, source: bytes, target: bytes) -> None:
        """Note that ``source`` is about to become ``target``."""
        state = self.state_of(source)
        is_folder = source in self._made_folders or (state is not None and state[0] == "folder")
        if state is not None and state[0] == "file":
            self._opened_to_read(source, 0)  # what it held is what the other will hold
        self.wrote(source)
        self.wrote(target)
        if is_folder:
            self._made_folders.add(target)

    def linked(self, source: bytes, target: bytes) -> None:
        """Note that ``target`` is about to become another name of the file ``source``."""
        self._opened_to_read(source, 0)
        self.wrote(target)

    def told(self, text: bytes, process: int) -> int:
        """Take in what a Python program tells through :data:`HOOK`; return the error that answers it, 0 where none does."""
        kind, _, rest = text.partition(_SEPARATOR)
        if kind == _SEEKS:
            self._seeking.add((process, rest))
        elif kind == _SOUGHT_BEFORE:
            self._sought_before(rest, process)
        elif kind == _MODULES:
            self.sought.update(rest.split(_SEPARATOR))
        elif kind == _SPARING:
            return self._spared(rest)
        return 0

    def _spared(self, folder: bytes) -> int:
        """Return for what of ``folder`` there is no need to tell more: :data:`ALL_BELOW` or one of those beside it, or 0 for nothing.

        What :meth:`matters` would note of all of it, the name of a package, has been noted then.
        """
        inside = folder + b"/"
        is_plain = not any(part in inside for part in (b"/../", b"/./", b"//"))
        if not is_plain or any(kind + b"/" in inside for kind in _METADATA) or inside in self.groups:
            return 0
        if self.matters(folder) or self.matters(inside):
            return 0
        others = [path[len(inside) :] for path in (*self._grouped, self._kept_folder) if path.startswith(inside)]
        if any(b"/" not in other or other.startswith(b"__pycache__/") for other in others):
            return 0
        if all(other.startswith(_SITES) for other in others):
            return ALL_BUT_SITES if others else ALL_BELOW
        return FILES_IN

    def _sought_before(self, path: bytes, process: int) -> None:
        """Take one listing of the folder ``path`` by ``process`` back: it was made to find modules, before anybody could say so."""
        listing = self._listing.get(path, [])
        if process in listing:
            listing.remove(process)
            bits, state = self.seen[path]
            self.seen[path] = (bits | SOUGHT if listing else bits & ~LISTED | SOUGHT), state

    def _made_already(self, path: bytes) -> bool:
        """Return whether ``path`` is known to be made by the command; if it stands in a folder that the command made, it is from now on."""
        if path in self._made:
            return True
        if not self._is_own(path):
            return False
        self._made.add(path)
        self._note(path, WROTE, None)
        return True

    def _is_own(self, path: bytes) -> bool:
        """Return whether what is at ``path`` was made by the command."""
        if path in self._made:
            return True
        if self._made_folders:
            folder = path
            while len(folder) > 1:
                if folder in self._made_folders:
                    return True
                folder = os.path.dirname(folder)
        return False

    def _look(self, path: bytes) -> tuple[int, State | None]:
        """Return what was noted of ``path``; of one that is new, what is there."""
        known = self.seen.get(path)
        if known is not None:
            return known
        if not self.touched and self._is_unsettled(path):
            self.touched = path
        return 0, self.state_of(path)

    def state_of(self, path: bytes) -> State | None:
        """Return what is at ``path`` now."""
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return None
        mode = found.st_mode
        kind = "file" if stat_bits.S_ISREG(mode) else "folder" if stat_bits.S_ISDIR(mode) else "other"
        size = found.st_size if kind == "file" else 0
        return (kind, size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, bool(mode & 0o100))

    def link_text(self, path: bytes) -> bytes | None:
        """Return what the link at ``path`` holds; None where there is none."""
        try:
            return os.readlink(path)
        except OSError:
            return None

    def _is_unsettled(self, path: bytes) -> bool:
        return path in self._unsettled or path.startswith(self._unsettled_folders)

    def _note(self, path: bytes, bits: int, state: State | None) -> None:
        self.seen[path] = (bits, state)


def _interpreter(path: bytes) -> bytes:
    """Return the program that the first line of a script names (``#!``, execve(2)); empty where there is none."""
    try:
        with open(path, "rb") as file:
            first = file.readline(256)
    except OSError:
        return b""
    words = first[2:].split() if first.startswith(b"#!") else ()
    return words[0] if words else b""
