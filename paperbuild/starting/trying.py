"""Running scripts once to see what they read and write: in a copy of the project, so that nothing in the project changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.graph import Action, Command
from paperbuild.engine.jobs import Executor, Job, Seen, Watch
from paperbuild.engine.ports import CommandEnvironment
from paperbuild.engine.tracing.sightings import READ, UPDATES
from paperbuild.starting.proposal import Trial
from paperbuild.starting.repository import Repository, runs

LIMIT_S = 600.0
"""How long one script may take."""
_ROUNDS = 3
_LAST_WORDS = 2000


class Bench(msgspec.Struct, frozen=True):
    """Where scripts are tried: ``folder`` is empty and gets the copy, ``environment`` is that of commands which start in it."""

    folder: str
    executor: Executor
    environment: CommandEnvironment


def tried(source: str, repository: Repository, scripts: Iterable[str], bench: Bench, narrate: Callable[[str], None]) -> tuple[Trial, ...]:
    """Run ``scripts`` of the project in ``source`` in a copy of its files, and return what each was seen to do.

    One that fails is run again once others have made something, from its own folder where it did not run from the project's.
    """
    root = os.path.join(os.path.realpath(bench.folder), "project")
    fs = DiskFileSystem()
    os.makedirs(root)
    for path in sorted(repository.files):
        whole = os.path.join(source, path)
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        fs.copy(whole, os.path.join(root, path), executable=os.access(whole, os.X_OK))
    for path in repository.folders:
        os.makedirs(os.path.join(root, path), exist_ok=True)
    ended: dict[str, Trial] = {}
    for _ in range(_ROUNDS):
        progress = False
        for script in scripts:
            if script in ended and not ended[script].fault:
                continue
            narrate(f"running {script}, in a copy")
            ended[script] = _tried(script, repository.texts[script], root, bench)
            progress = progress or bool(ended[script].writes)
        if not progress or not any(trial.fault for trial in ended.values()):
            break
    return tuple(ended.values())


def _tried(script: str, text: str, root: str, bench: Bench) -> Trial:
    first: Trial | None = None
    for folder in dict.fromkeys(("", os.path.dirname(script))):
        trial = _run(script, runs(script, text, folder), root, bench)
        if not trial.fault:
            return trial
        first = first or trial
    assert first is not None
    return first


def _run(script: str, line: str, root: str, bench: Bench) -> Trial:
    before = _tree(root)
    log = os.path.join(bench.folder, "log")
    action = Action(script, script, Command(line), ())
    given = dict(bench.environment.given(action))
    surroundings = bench.environment.surroundings()
    watch = Watch(f"{root}/", surroundings.dropped, surroundings.grouped)
    variables = tuple(sorted({**given, **bench.environment.hook(given)}.items()))
    ended = bench.executor.run(Job(script, line, "/bin/sh", root, variables, log, LIMIT_S, watch), lambda _group, _identity: None)
    after = _tree(root)
    wrote = tuple(sorted(path for path in after if after[path] != before.get(path) and "__pycache__" not in path))
    if ended.timed_out:
        return Trial(script, line, fault=f"it took longer than {LIMIT_S:g} s")
    if ended.status != 0:
        return Trial(script, line, writes=(), fault=_last_line(log) or f"exit status {ended.status}")
    return Trial(script, line, tuple(sorted(_read(ended.seen, root, before))), wrote)


def _read(seen: Seen | None, root: str, before: Mapping[str, object]) -> Iterator[str]:
    """Yield the files of the project that were there before and that were read."""
    for sighting in seen.sightings if seen is not None else ():
        inside = sighting.path.startswith(f"{root}/") and sighting.bits & (READ | UPDATES)
        if inside and sighting.path[len(root) + 1 :] in before:
            yield sighting.path[len(root) + 1 :]


def _tree(root: str) -> dict[str, tuple[int, int, int]]:
    """Return size, mtime and inode of every file below ``root``, by its path."""
    found = {}
    for here, _folders, names in os.walk(root):
        for name in names:
            whole = os.path.join(here, name)
            status = os.stat(whole, follow_symlinks=False)
            found[os.path.relpath(whole, root)] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def _last_line(log: str) -> str:
    with open(log, "rb") as file:
        file.seek(max(0, os.path.getsize(log) - _LAST_WORDS))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""
