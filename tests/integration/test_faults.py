"""A disk that refuses: whatever call fails, nothing is wrong afterwards, and the next build is right."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from paperbuild.engine.ports import FileSystem
from paperbuild.errors import PaperbuildError
from tests.engine.disk import Project
from tests.engine.world import command, document

ACTIONS = (
    command("one", "cat a > out/one; cp a out/copy", "out/one out/copy", "a"),
    command("folder", "mkdir -p model/deep && cp a model/w && cp a model/deep/x && ln -s w model/l", "model/", "a"),
    command("sum", "cat out/one model/w > sum", "sum", "out/one model/"),
    document("paper", "sum", needs="sum"),
)
CHANGING = ("write", "copy", "make_link", "rename", "unlink", "remove_tree", "remove_empty", "make_folder", "protect", "flush")
READING = ("stat", "names", "read", "digest", "real")


class Refusing:
    """A file system whose n-th call of a kind fails, and with ``for_good`` every call after it, too."""

    def __init__(self, fs: FileSystem, names: tuple[str, ...], n: int, code: int, *, for_good: bool) -> None:
        self._fs = fs
        self._names = names
        self._left = n
        self._code = code
        self._for_good = for_good
        self.refused = 0

    def __getattr__(self, name: str) -> object:
        method = getattr(self._fs, name)
        return partial(self._call, method) if name in self._names else method

    def _call(self, method: Callable[..., object], *values: object, **options: object) -> object:
        self._left -= 1
        if self._left == 0 or (self._for_good and self._left < 0):
            self.refused += 1
            raise OSError(self._code, errno.errorcode[self._code], str(values[0]))
        return method(*values, **options)


def expected(text: str) -> dict[str, str]:
    return {
        "a": text, "out": "a folder", "out/one": text, "out/copy": text, "model": "a folder", "model/w": text, "model/deep": "a folder",
        "model/deep/x": text, "model/l": "-> w", "sum": text + text, "_build": "a folder", "_build/paper": text + text,
    }  # fmt: skip


def no_output_is_wrong(tree: dict[str, str], *texts: str) -> None:
    """Every file holds what one of the builds gives: never a part of it, never a mixture that nobody made."""
    good = [expected(text) for text in texts]
    for path, content in tree.items():
        assert any(content == one.get(path) for one in good), (path, content)


def steps(limit: int, *, every: bool) -> Iterator[int]:
    """Each call; or each of the first ones, then ever fewer: the later ones repeat what earlier ones tried."""
    n = 1
    while n < limit:
        yield n
        n += 1 if every else 1 + n // 4


FAULTS = (
    (CHANGING, errno.ENOSPC, False),
    (CHANGING, errno.ENOSPC, True),
    (CHANGING, errno.EACCES, False),
    (CHANGING, errno.EIO, False),
    (READING, errno.EIO, False),
)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_whatever_call_fails_the_build_says_so_and_the_next_one_is_right(
    tmp_path: Path, fault: tuple[tuple[str, ...], int, bool], *, every: bool, monkeypatch: pytest.MonkeyPatch
):
    names, code, for_good = fault
    monkeypatch.setattr("os.fsync", lambda handle: None)  # nothing here loses power
    for n in steps(2000, every=every):
        root = tmp_path / str(n)
        project = Project(root, ACTIONS).write({"a": "1"})
        assert project.build().succeeded
        project.write({"a": "2"})
        refusing: list[Refusing] = []

        def wrap(fs: FileSystem, n: int = n, refusing: list[Refusing] = refusing) -> FileSystem:
            refusing.append(Refusing(fs, names, n, code, for_good=for_good))
            return refusing[-1]  # type: ignore[return-value] - it answers to everything that a file system does

        project.wrap = wrap
        report = None
        with contextlib.suppress(PaperbuildError):  # anything else is a traceback that nobody should see
            report = project.build()
        assert report is None or report.succeeded or report.diagnostics, n
        assert report is None or not report.succeeded or project.tree() == expected("2"), n
        no_output_is_wrong(project.tree(), "1", "2")
        project.wrap = None
        assert project.build().succeeded, n
        assert project.tree() == expected("2"), n
        if not refusing[0].refused:
            return
    raise AssertionError("it never came through")
