"""Landlock: this process, and all that it starts, may read and write only below given paths from now on. By ctypes.

Rights and structures are those of ``linux/landlock.h``; the meaning of each is in landlock(7). A newer kernel knows more rights than an
older one, so that only what the running one handles is asked for.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every machine
_VERSION, _PATH_BENEATH, _SET_NO_NEW_PRIVS = 1, 1, 38

EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = (1 << n for n in range(4))
_ALL = (1 << 13) - 1  # version 1: all of these, and removing and making entries
_SINCE = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # to link or rename across folders, to truncate, to use devices
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15
_READING = EXECUTE | READ_FILE | READ_FOLDER

_libc = ctypes.CDLL(None, use_errno=True)


def restrict(listable: str, readable: tuple[str, ...], writable: tuple[str, ...]) -> bool:
    """Restrict this process to listing folders below ``listable``, reading below ``readable``, and doing anything below ``writable``.

    What does not exist is passed over.

    Returns:
        Whether the kernel has Landlock. Without it nothing is restricted.

    Raises:
        OSError: the kernel has it, and refused.
    """
    version = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    handled = _ALL | sum(right for since, right in _SINCE.items() if version >= since)
    attributes = ctypes.create_string_buffer(struct.pack("Q", handled), 8)
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    try:
        for paths, rights in (((listable,), READ_FOLDER), (readable, _READING), (writable, handled)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        _checked(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            of_this = rights if stat.S_ISDIR(os.fstat(place).st_mode) else rights & _OF_FILES
            rule = ctypes.create_string_buffer(struct.pack("=Qi", of_this, place), 12)
            _checked(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
        finally:
            os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
