"""What a rendering read, and whether it would read the same again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from paperbuild.engine.ports import Reader


class Reading(msgspec.Struct, frozen=True):
    """The answers of a reader: which outputs were ``required``, what stood at each path (None: nothing), and where something ``stood``."""

    required: tuple[str, ...]
    contents: Mapping[str, bytes | None]
    stood: Mapping[str, bool]

    def holds(self, reader: Reader) -> bool:
        """Return whether ``reader`` gives the same answers. It is asked everything, so that it records a whole trace.

        Raises:
            NotSettled: as the reader raises it.
        """
        reader.require(self.required)
        same = True
        for path, content in self.contents.items():
            same = _content(reader, path) == content and same
        for path, stood in self.stood.items():
            same = reader.exists(path) is stood and same
        return same


class RememberingReader:
    """A :class:`paperbuild.engine.ports.Reader` that remembers what it was asked and what it answered."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._required: dict[str, None] = {}
        self._contents: dict[str, bytes | None] = {}
        self._stood: dict[str, bool] = {}

    def require(self, paths: Iterable[str]) -> None:
        """See the port."""
        asked = tuple(paths)
        self._required.update(dict.fromkeys(asked))
        self._reader.require(asked)

    def read(self, path: str) -> bytes:
        """See the port."""
        self._contents[path] = None
        data = self._reader.read(path)
        self._contents[path] = data
        return data

    def exists(self, path: str) -> bool:
        """See the port."""
        self._stood[path] = self._reader.exists(path)
        return self._stood[path]

    def reading(self, besides: Collection[str]) -> Reading:
        """Return what was asked so far, without the contents of the files ``besides``."""
        contents = {path: content for path, content in self._contents.items() if path not in besides}
        stood = {path: answer for path, answer in self._stood.items() if path not in contents}
        return Reading(tuple(self._required), contents, stood)


def _content(reader: Reader, path: str) -> bytes | None:
    try:
        return reader.read(path)
    except FileNotFoundError:
        return None
