"""The filter on system calls of each machine, run in a small interpreter; its numbers beside those of Linux's headers. On any machine."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from paperbuild.engine.tracing import calls, seccomp

HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
"""Where Debian and others put them (linux-libc-dev). The generic one is what arm64 includes."""
GENERIC_ALIASES = {"3264_fstatat": "newfstatat", "3264_truncate": "truncate"}

GO_ON, TELL, NOT_IMPLEMENTED = 0x7FFF0000, 0x7FC00000, 0x00050000 | errno.ENOSYS
HERE = calls.AT_FDCWD & 0xFFFFFFFF
MACHINES = pytest.mark.parametrize("machine", sorted(calls.NUMBERS))
FOREIGN = {"x86_64": 0x40000003, "aarch64": 0x40000028}
"""``AUDIT_ARCH_I386`` and ``AUDIT_ARCH_ARM``: the 32-bit programs that these machines run."""


def verdict(machine: str, name: str = "", arguments: tuple[int, ...] = (), *, number: int = -1, architecture: int = 0) -> int:
    """Return what the filter of ``machine`` says to a call: bpf(4)'s machine, as far as the filter uses it."""
    number = calls.NUMBERS[machine][name] if name else number
    filled = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, architecture or calls.AUDIT_ARCH[machine], 0, *(value & (1 << 64) - 1 for value in filled))
    lines = list(struct.iter_unpack("<HBBI", seccomp.program(machine)))
    at, accumulator = 0, 0
    while True:
        code, yes, no, value = lines[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x15:
                at += yes if accumulator == value else no
            case 0x35:
                at += yes if accumulator >= value else no
            case 0x45:
                at += yes if accumulator & value else no
            case 0x54:
                accumulator &= value
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(code)


@MACHINES
def test_numbers_are_those_of_linux(machine: str):
    header = next((Path(path) for path in HEADERS[machine] if Path(path).exists()), None)
    if header is None:
        pytest.skip("Linux' headers are not installed")
    text = header.read_text()
    theirs = {name: int(number) for name, number in re.findall(r"^#define __NR_?(\w+)\s+(\d+)$", text, re.MULTILINE)}
    theirs |= {GENERIC_ALIASES[name]: number for name, number in theirs.items() if name in GENERIC_ALIASES}
    wanted = {shape.name for shape in calls.SHAPES} | {*calls.REFUSED, "seccomp"}
    assert calls.NUMBERS[machine] == {name: theirs[name] for name in wanted if name in theirs}  # none too many, and none left out


@MACHINES
def test_every_call_that_names_files_is_told(machine: str):
    told = [shape.name for shape in calls.SHAPES if shape.name in calls.NUMBERS[machine] and shape.name not in calls.NEW_VIEW]
    assert {"openat", "newfstatat", "statx", "execve", "renameat2"} <= set(told)
    assert {name: verdict(machine, name, (HERE,)) for name in told} == dict.fromkeys(told, TELL)


@MACHINES
def test_calls_on_open_files_and_into_the_same_view_go_on(machine: str):
    for name, flags in calls.EMPTY_PATH.items():
        for folder, expected in ((HERE, TELL), (calls.AT_FDCWD, TELL), (5, GO_ON)):
            arguments = [folder, 0, 0, 0]
            arguments[flags] = calls.AT_EMPTY_PATH
            assert verdict(machine, name, tuple(arguments)) == expected, (name, folder)
    for name in calls.NEW_VIEW:
        assert verdict(machine, name, (0x11,)) == GO_ON
        assert verdict(machine, name, (calls.CLONE_NEWNS | 0x11,)) == TELL


@MACHINES
def test_what_cannot_be_followed_is_not_implemented(machine: str):
    assert {verdict(machine, name) for name in calls.REFUSED} == {NOT_IMPLEMENTED}
    if machine == "x86_64":
        assert verdict(machine, number=0x40000000 | 257) == NOT_IMPLEMENTED


@MACHINES
def test_calls_that_name_no_file_go_on(machine: str):
    named = set(calls.NUMBERS[machine].values()) - {calls.NUMBERS[machine]["seccomp"]}
    assert {verdict(machine, number=number) for number in set(range(460)) - named} == {GO_ON}


@MACHINES
def test_every_call_of_another_kind_of_machine_is_told(machine: str):
    assert {verdict(machine, number=number, architecture=FOREIGN[machine]) for number in range(460)} == {TELL}
