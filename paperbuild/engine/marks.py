"""What the file system was asked, by number, with the marks that stood for the answers; and which of it has another mark now.

That things are there, of which there are very many (the blobs of all results), need not be asked one by one: as long as a folder has the
mark that it had when all of them were found in it, they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from paperbuild.engine.index import settled_before
from paperbuild.engine.ports import Clock, FileSystem, Mark, stamped_ns

Fact = tuple[Mark, str, bytes]
"""A question, the path that it was about, and the mark that stood for the answer."""

THERE = b"there"


class KeptMarks(msgspec.Struct, frozen=True, array_like=True):
    """Facts, a column each, and ``folders`` with the marks that they had when all that is said to be there in them was."""

    kinds: list[Mark]
    paths: list[str]
    marks: list[bytes]
    folders: dict[str, bytes]


NONE_KEPT = KeptMarks([], [], [], {})


def is_old(mark: bytes, since_ns: int, clock: Clock) -> bool:
    """Return whether what ``mark`` stands for cannot have been written again, unnoticed, since ``since_ns`` by ``clock``."""
    mtime_ns, ctime_ns, device = stamped_ns(mark)
    return settled_before(mtime_ns, ctime_ns, since_ns - clock.lag_ns(device))


class Marks:
    """Facts by their numbers: those that were ``kept``, and those that are added."""

    def __init__(self, fs: FileSystem, clock: Clock, kept: KeptMarks = NONE_KEPT) -> None:
        self._fs = fs
        self._clock = clock
        self._kinds, self._paths, self._marks = [*kept.kinds], [*kept.paths], [*kept.marks]
        self._folders = kept.folders
        self._numbers: dict[Fact, int] = {}  # made when the first is asked for: mostly none is
        self._as_they_were: dict[str, bool] = {}  # of folders that were looked at a moment ago

    def __len__(self) -> int:
        """Return how many there are; their numbers are those below."""
        return len(self._paths)

    def number(self, fact: Fact) -> int:
        """Return the number of ``fact``, which is added where it is new."""
        if not self._numbers:
            self._numbers = {known: n for n, known in enumerate(zip(self._kinds, self._paths, self._marks, strict=True))}
        number = self._numbers.setdefault(fact, len(self._numbers))
        if number == len(self._paths):
            kind, path, mark = fact
            self._kinds.append(kind)
            self._paths.append(path)
            self._marks.append(mark)
        return number

    def disturb(self) -> None:
        """Say that files may have been written."""
        self._as_they_were.clear()

    def moved(self, numbers: Iterable[int]) -> set[int]:
        """Return which of ``numbers`` have another mark now."""
        kinds, paths = self._kinds, self._paths
        return self._looked_at([n for n in numbers if kinds[n] != "presence" or not self._is_in_a_folder_as_it_was(paths[n])])

    def _looked_at(self, numbers: list[int]) -> set[int]:
        facts = zip(*(map(column.__getitem__, numbers) for column in (self._kinds, self._paths, self._marks)), strict=True)
        return {numbers[n] for n in self._fs.moved(facts)}

    def _is_in_a_folder_as_it_was(self, path: str) -> bool:
        folder, _, _ = path.rpartition("/")
        known = self._as_they_were.get(folder)
        if known is None:
            mark = self._folders.get(folder)
            known = self._as_they_were[folder] = mark is not None and self._fs.mark("names", folder) == mark
        return known

    def kept(self, numbers: Iterable[int]) -> tuple[KeptMarks, Mapping[int, int]]:
        """Return what is to be kept of ``numbers`` for the next time, and which number each has then."""
        used = sorted({*numbers})
        kinds, paths, marks = [self._kinds[n] for n in used], [self._paths[n] for n in used], [self._marks[n] for n in used]
        return KeptMarks(kinds, paths, marks, self._present_folders(used)), {number: n for n, number in enumerate(used)}

    def _present_folders(self, numbers: Iterable[int]) -> dict[str, bytes]:
        """Return the marks of folders in which all is there that is said to be; of those that may be written to just now, none."""
        there: dict[str, list[int]] = {}
        for n in numbers:
            if self._kinds[n] == "presence" and self._marks[n] == THERE:
                there.setdefault(self._paths[n].rpartition("/")[0], []).append(n)
        found = {}
        for folder, several in there.items():
            begun_ns = self._clock.now_ns()
            mark = self._fs.mark("names", folder)
            if mark == self._folders.get(folder) or (is_old(mark, begun_ns, self._clock) and not self._looked_at(several)):
                found[folder] = mark
        return found
