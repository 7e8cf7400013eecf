"""What a long command keeps for itself, so that it can go on after a failure, a kill, or the machine going down.

A command may only find what an attempt at the very same thing left: under the same key, and where all that those attempts read is still
as it was. Layout, below ``checkpoints/<action>/`` in the project's state::

    <key>-<ns>/    the folder that the command is given; ns is when the first attempt that wrote to it began
    ended.json     items that attempts were seen to read, by now all of them
    begun.json     the same, and since then another attempt began: where it was killed with the build, nobody told what it read

Where nobody told, the files that the next attempt reads must not have changed since the first began: by the time that the kernel stamps,
and once that attempt has ended, since only then it is known which files those are. Otherwise it begins anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import msgspec

from paperbuild.engine.observation import Observer
from paperbuild.engine.trace import Content, Item, Tree
from paperbuild.engine.workshop import Workshop

_KEY_DIGITS = 20
_decoder = msgspec.json.Decoder(tuple[Item, ...])


class Checkpoints:
    """The checkpoints of one action, called ``slug`` in file names, under ``key``."""

    def __init__(self, workshop: Workshop, observer: Observer, slug: str, key: str) -> None:
        self._fs = workshop.fs
        self._clock = workshop.clock
        self._observer = observer
        self._folder = f"{workshop.site.state}/checkpoints/{slug}"
        self._away = f"{workshop.site.state}/aside/{workshop.store.token}-{slug}"
        self._prefix = f"{key[:_KEY_DIGITS]}-"
        self._given = ""
        self._items: tuple[Item, ...] = ()
        self._unseen_since_ns: int | None = None

    def open(self, supposed: Iterable[Item]) -> str:
        """Return the folder for the command; empty, unless what is in it is of use.

        ``supposed`` are items that the command probably reads: if nobody told what did, those that changed spare the attempt.
        """
        name = next((name for name in self._fs.names(self._folder) if name.startswith(self._prefix)), "")
        self._given = f"{self._folder}/{name}"
        if name and self._fs.names(self._given) and self._can_go_on(int(name.removeprefix(self._prefix)), supposed):
            return self._given
        self.wipe()
        self._given = f"{self._folder}/{self._prefix}{self._clock.now_ns()}"
        self._fs.make_folder(self._given)
        return self._given

    def go_on(self, given: str) -> None:
        """Take over for a command that runs, and was given the folder ``given`` by an earlier build."""
        self._given = given
        begun = f"{self._folder}/begun.json"
        if self._fs.stat(begun) is None:
            self._unseen_since_ns = int(given.rpartition("-")[2])
            return
        with contextlib.suppress(msgspec.DecodeError):
            self._items = _decoder.decode(self._fs.read(begun))

    def _can_go_on(self, since_ns: int, supposed: Iterable[Item]) -> bool:
        ended, begun = f"{self._folder}/ended.json", f"{self._folder}/begun.json"
        told = self._fs.stat(ended) is not None
        if told or self._fs.stat(begun) is not None:
            try:
                self._items = _decoder.decode(self._fs.read(ended if told else begun))
            except msgspec.DecodeError:
                return False
        self._unseen_since_ns = None if told else since_ns
        if not all(map(self._observer.holds, self._items)) or self.doubtful(supposed):
            return False
        if told:
            self._fs.rename(ended, begun)
        return True

    def doubtful(self, items: Iterable[Item]) -> str:
        """Return the path of what changed since an attempt that left something here, and that nobody saw; "" where nothing did."""
        if self._unseen_since_ns is None:
            return ""
        paths = [item.path for item in items if isinstance(item, Content | Tree)]
        files = ((path, self._fs.stat(file)) for path in paths for file in self._observer.files(path))
        since_ns = self._unseen_since_ns
        return next((path for path, stat in files if stat is not None and stat.ctime_ns >= since_ns - self._clock.lag_ns(stat.device)), "")

    def tell(self, items: Iterable[Item]) -> None:
        """Note what an attempt that has ended read; nothing of use is kept where it left nothing, or went on from something doubtful."""
        read = tuple(items)
        if not self._fs.names(self._given) or self.doubtful(read):
            self.wipe()
            return
        temporary = f"{self._folder}/new.json"
        self._fs.write(temporary, msgspec.json.encode(tuple(dict.fromkeys((*self._items, *read)))))
        self._fs.rename(temporary, f"{self._folder}/ended.json")
        self._fs.unlink(f"{self._folder}/begun.json")

    def wipe(self) -> None:
        """Take all of it away, at once: half a checkpoint would be found by the next attempt."""
        self._items, self._unseen_since_ns = (), None
        if self._fs.remove_empty(self._given) and self._fs.remove_empty(self._folder):
            return  # nearly always: few commands keep anything
        if self._fs.exists(self._folder):
            self._fs.rename(self._folder, self._away)
            self._fs.remove_tree(self._away)
