"""Everything real that a build works with, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec
import msgspec.structs

from paperbuild.engine.index import Index
from paperbuild.engine.jobs import Executor
from paperbuild.engine.lanes import Lanes
from paperbuild.engine.noting import NotingFileSystem
from paperbuild.engine.ports import Clock, CommandEnvironment, FileSystem, Lock, StepRunner, VersionControl
from paperbuild.engine.shelf import Site
from paperbuild.engine.store import Store

if TYPE_CHECKING:
    from paperbuild.engine.away import Away
    from paperbuild.engine.remote import Remote  # a project without one need not know what it is


class Belief(msgspec.Struct, frozen=True):
    """Whose results one believes: those of the public keys ``trusted``, and one's ``own``, which is asked for where it matters.

    ``mark`` is another one where one's own key is.
    """

    trusted: frozenset[str] = frozenset()
    own: Callable[[], str] = str
    mark: bytes = b""

    def holds(self, origin: str) -> bool:
        """Return whether what ``origin`` vouched for is believed; "" stands for what was made here."""
        return not origin or origin in self.trusted or origin == self.own()


class Workshop(msgspec.Struct, frozen=True):
    """A project's folders and the ports through which its builds see the world."""

    site: Site
    fs: FileSystem
    store: Store
    index: Index
    clock: Clock
    lock: Lock
    lanes: Lanes
    executor: Executor
    versions: VersionControl
    environment: CommandEnvironment
    runners: Mapping[str, StepRunner]
    most: Mapping[str, int] = {}
    """How many jobs may be with each executor elsewhere at once."""
    carried: frozenset[str] = frozenset()
    """The executors elsewhere that do not see the project's folder: files are sent along."""
    remote: Remote | None = None
    """Where results of others are had, and ours go; None: nowhere. Questions ask it nothing, and count on what it is known to have."""
    away: Away | None = None
    """What of the project's outputs is elsewhere, for who :meth:`noting` goes on with; None where there is no remote."""
    belief: Belief | None = None
    """Whose results count of those that came from elsewhere; None: whoever's."""

    def prepare(self) -> None:
        """Make the folders that builds write to."""
        for name in ("journal", "aside", "logs", "given"):
            self.fs.make_folder(f"{self.site.state}/{name}")
        ignore = f"{self.site.state}/.gitignore"
        self.store.prepare()
        if self.fs.stat(ignore) is None:
            self.fs.write(f"{ignore}.new", b"*\n")  # the store may be on another disk, from which nothing can be renamed
            self.fs.rename(f"{ignore}.new", ignore)

    def noting(self, *, fetches: bool = True) -> tuple[Workshop, NotingFileSystem]:
        """Return this workshop on a file system that can note what it is asked, and that file system.

        Outputs that are :attr:`away` stand in it; where nothing ``fetches``, they can only be asked for.
        """
        if self.remote is None:
            fs = NotingFileSystem(self.fs)
            return msgspec.structs.replace(self, fs=fs, store=Store(fs, self.store.root)), fs
        from paperbuild.engine.away import Away
        from paperbuild.engine.presenting import AwayFileSystem

        away = Away(self.fs, self.site.root, self.site.state, Store(self.fs, self.store.root, self.remote), fetches=fetches)
        fs = NotingFileSystem(AwayFileSystem(self.fs, self.site.root, away))
        return msgspec.structs.replace(self, fs=fs, store=Store(fs, self.store.root, self.remote), away=away), fs

    def close(self) -> None:
        """Let go of what is held open."""
        self.executor.close()
        self.index.close()
        if self.remote is not None:
            self.remote.close()


def local_executor() -> Executor:
    """Return what runs commands here: beside a watcher where there are any."""
    import sys

    from paperbuild.engine.process import LocalExecutor

    if sys.platform != "linux":
        return LocalExecutor()
    from paperbuild.engine.tracing.executor import TracingExecutor

    return TracingExecutor(LocalExecutor())


def open_workshop(
    root: str,
    store: str,
    environment: CommandEnvironment,
    runners: Mapping[str, StepRunner],
    *,
    reading_only: bool = False,
    remote: Remote | None = None,
) -> Workshop:
    """Return the workshop of the project in ``root`` (absolute) on this machine, with its store in the folder ``store``.

    ``reading_only`` is for queries: nothing is made or changed on the disk. ``remote`` is where results are shared; it is closed with the
    workshop.
    """
    import contextlib
    import os

    from paperbuild.engine.disks import disk
    from paperbuild.engine.filesystem import SystemClock
    from paperbuild.engine.lanes import ThreadLanes
    from paperbuild.engine.locks import FileLock
    from paperbuild.engine.process import Git

    fs = disk()
    state = f"{root}/.paperbuild"
    if not reading_only:
        with contextlib.suppress(OSError):  # a build says what is wrong when it needs the folder
            os.makedirs(state, exist_ok=True)
    index = Index(f"{state}/index.sqlite", reading_only=reading_only, is_shared=fs.is_shared(state))
    return Workshop(
        site=Site(root, state), fs=fs, store=Store(fs, store, remote), index=index, clock=SystemClock("" if reading_only else state),
        lock=FileLock(), lanes=ThreadLanes(), executor=local_executor(), versions=Git(root), environment=environment, runners=runners,
        remote=remote,
    )  # fmt: skip
