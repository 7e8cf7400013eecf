"""The same command in another place: what paths at one end of a parcel's way are called at the other. Pure.

A *place* is a folder by what it is: the project, the environment of its Python, the home. Both ends say where theirs are; what lies in none
of them is called the same at both.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from paperbuild.engine.jobs import Job, Permission, Seen, Sighting, State, Watch
from paperbuild.engine.ports import Surroundings


class Translation:
    """Paths at one end, by what they are at the other: ``pairs`` of absolute folders, from here to there. The longest that fits counts."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        unique = {here.rstrip("/"): there.rstrip("/") for here, there in pairs if here.rstrip("/") and there}
        self._pairs = tuple(sorted(unique.items(), key=lambda pair: -len(pair[0])))

    def path(self, path: str) -> str:
        """Return what the absolute ``path`` is called there; a slash at its end stays."""
        for here, there in self._pairs:
            if path == here or path.startswith(f"{here}/"):
                return there + path[len(here) :]
        return path

    def paths(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return what these are called there, each once."""
        return tuple(dict.fromkeys(map(self.path, paths)))

    def value(self, value: str) -> str:
        """Return an environment variable's value: each of the paths in it, where it is a list of those, as it is called there."""
        return os.pathsep.join(map(self.path, value.split(os.pathsep))) if "/" in value else value


def pairs_between(these: Mapping[str, str], those: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return where what ``these`` places are is found among ``those``."""
    return tuple((path, those[name]) for name, path in these.items() if name in those)


def job_there(job: Job, translation: Translation, folder: str) -> Job:
    """Return ``job`` as it runs where the project is ``folder``; how it is watched there says :func:`watch_there`."""
    variables = tuple((name, translation.value(value)) for name, value in job.environment)
    return msgspec.structs.replace(job, folder=folder, environment=variables, errand=None)


def watch_there(watch: Watch, translation: Translation, surroundings: Surroundings, unsent: Sequence[str]) -> Watch:
    """Return how a command is watched in ``surroundings`` there, which touches none of ``unsent`` (absolute, there)."""
    permission = watch.permission
    if permission is not None:
        readable = (*translation.paths(permission.readable), *surroundings.dropped, *surroundings.grouped)
        writable = (*translation.paths(permission.writable), *surroundings.scratch)
        permission = Permission(tuple(dict.fromkeys(readable)), tuple(dict.fromkeys(writable)))
    unsettled = (*translation.paths(watch.unsettled), *unsent)
    return Watch(translation.path(watch.kept), surroundings.dropped, surroundings.grouped, unsettled, permission)


def groups_back(here: Sequence[str], there: Sequence[str], back: Translation) -> Mapping[str, str]:
    """Return what the grouped folders ``here`` are called ``there``: by their paths, or libraries of Python one after the other."""
    found = {folder: back.path(folder) for folder in here}
    libraries = [folder for folder in there if _is_library(folder) and folder not in found.values()]
    for folder in here:
        if found[folder] not in there and _is_library(folder) and libraries:
            found[folder] = libraries.pop(0)
    return found


def _is_library(folder: str) -> bool:
    return posixpath.basename(folder.rstrip("/")) in {"site-packages", "dist-packages"}


def seen_back(seen: Seen, back: Translation, groups: Mapping[str, str], state_of: Callable[[str], State | None]) -> Seen:
    """Return what was seen as if it had been seen at the sender's.

    ``state_of`` returns, for the sender's absolute path, the status that what was sent had there; None of what was not sent.
    """

    def moved(sighting: Sighting) -> Sighting:
        path = back.path(sighting.path)
        if sighting.state is None or path == sighting.path:
            return msgspec.structs.replace(sighting, path=path)
        if sighting.state[0] == "folder":
            return Sighting(path, sighting.bits, ("folder", 0, 0, 0, 0, 0, False))
        return Sighting(path, sighting.bits, state_of(path))

    merged: dict[str, tuple[str, ...]] = {}
    for prefix, names in seen.groups:
        there = groups.get(prefix, back.path(prefix))
        merged[there] = tuple(sorted({*merged.get(there, ()), *names}))
    return Seen(
        tuple(map(moved, seen.sightings)),
        tuple(merged.items()),
        tuple((back.path(path), back.path(text)) for path, text in seen.links),
        seen.sought,
        seen.blind,
        back.path(seen.touched) if seen.touched else "",
        tuple(map(back.path, seen.denied)),
    )
