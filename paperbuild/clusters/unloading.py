"""What runs at the other end where no file system is shared: a parcel runs in a private copy of the project, and what it made goes back.

The copy holds what was sent, at a place of its own; what the command was seen to do is told as if it had been seen in the project itself.
Something that stands there and was not sent is known by name: a command that touches it is ended and wants it, for what it takes to be
absent is not.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import msgspec

import paperbuild
from paperbuild import __version__
from paperbuild.clusters.cargo import Cargo, Haul, Reference, Thing, cargo_of, sealed, things_at, unpacked, within
from paperbuild.clusters.news import Opened, Reporter, keep
from paperbuild.clusters.outpost import Outpost
from paperbuild.clusters.translation import Translation, groups_back, job_there, pairs_between, seen_back, watch_there
from paperbuild.engine import patterns
from paperbuild.engine.cluster import LOG, Parcel, Report, packed
from paperbuild.engine.digest import file_digest
from paperbuild.engine.environment import LocalEnvironment, python_folder
from paperbuild.engine.findings import modules_sought
from paperbuild.engine.jobs import Ended, Seen, State
from paperbuild.engine.ports import Surroundings
from paperbuild.engine.process import MARK
from paperbuild.engine.remote import Carrier
from paperbuild.engine.tracing.sightings import LISTED, SOUGHT
from paperbuild.errors import BuildError

BEGUN, CARGO, HAUL = "begun", "cargo", "haul"
"""The files of a parcel in the store: see :mod:`paperbuild.clusters.cargo`."""


def places_of(root: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the places of this end: of the project in ``root``, and of commands that are given ``environment``."""
    found = {"project": os.path.realpath(root), "home": environment.get("HOME", ""), "ours": os.path.dirname(paperbuild.__file__)}
    prefix = posixpath.dirname(environment.get("PATH", "").partition(os.pathsep)[0])
    if any(os.path.exists(f"{prefix}/{mark}") for mark in ("pyvenv.cfg", "conda-meta")):
        found["environment"] = prefix
    return {name: path for name, path in found.items() if path}


class Unloading:
    """Runs the cargo that ``reference`` means, by ``outpost``; what is told while it runs goes by another carrier, that is ``opened``."""

    def __init__(self, reference: Reference, carrier: Carrier, outpost: Outpost, opened: Opened) -> None:
        self._reference = reference
        self._carrier = carrier
        self._outpost = outpost
        self._opened = opened

    def run(self) -> bool:
        """Run it in a folder of its own; return whether the store says now how it ended.

        Raises:
            BuildError: the store cannot be reached.
            ValueError: what lies there is not what was sent.
        """
        folder = self._reference.folder
        data = self._carrier.read(f"{folder}/{CARGO}")
        if data is None:
            return _tell("nobody wants it any more")
        cargo = self._whole(cargo_of(data, self._reference))
        if not self._carrier.write(f"{folder}/{BEGUN}", f"{socket.gethostname()} {os.getpid()}\n".encode()):
            before = (self._carrier.read(f"{folder}/{BEGUN}") or b"").decode(errors="replace").partition(" ")[0]
            return _tell(f"it had begun on {before}, which was lost, and is not begun again")
        area = os.path.realpath(tempfile.mkdtemp(prefix="paperbuild-"))
        try:
            haul = self._run(cargo, area)
        except (BuildError, OSError) as error:
            haul = Haul(Report(__version__, socket.gethostname(), fault=f"{socket.gethostname()} could not prepare it: {error}"))
        finally:
            shutil.rmtree(area, ignore_errors=True)
        return self._carrier.write(f"{folder}/{HAUL}", sealed(haul, self._reference.key))

    def _whole(self, cargo: Cargo) -> Cargo:
        """Return ``cargo`` with all that goes along among its things."""
        with tempfile.TemporaryDirectory() as folder:
            self._carrier.fetch({cargo.common: f"{folder}/common"})
            with open(f"{folder}/common", "rb") as file:
                common = unpacked(file.read(), tuple[Thing, ...])
        without = frozenset(cargo.without)
        return msgspec.structs.replace(cargo, things=(*cargo.things, *(thing for thing in common if thing.path not in without)))

    def _run(self, cargo: Cargo, area: str) -> Haul:
        sent = cargo.parcel
        root = f"{area}/{posixpath.basename(sent.job.folder) or 'project'}"
        _make(cargo, root, area, self._carrier)
        copy = _Copy(cargo, root)
        os.makedirs(f"{area}/parcel")
        log, folder = f"{area}/parcel/{LOG}", dict(copy.parcel.job.environment).get(MARK, "")
        with Reporter(self._reference, self._opened, log, folder) as reporter:
            report = self._outpost.settled(self._outpost.report(f"{area}/parcel", packed(copy.parcel)))
        if report.ended is None:
            return Haul(report, news=reporter.count)
        ended, wanted = copy.told(report.ended)
        if ended.seen is not None and ended.seen.blind and cargo.unsent:
            why = f"commands cannot be watched on {report.host}: {ended.seen.blind}"
            fault = f"{why}. So nobody would notice that one needs what was not sent"
            return Haul(Report(report.version, report.host, fault=fault), news=reporter.count)
        outputs: tuple[Thing, ...] = ()
        kept = None
        if ended.status == 0 and not wanted and not ended.cancelled:
            outputs = self._sent_back(root, cargo.outputs)
        elif folder and not wanted:
            with contextlib.suppress(BuildError, OSError):  # how it ended is to be told all the same
                kept = keep(folder, self._carrier)
        digest = file_digest(log) or ""
        if digest:
            self._carrier.send({digest: log})
        return Haul(msgspec.structs.replace(report, ended=ended), outputs, digest, wanted, kept, reporter.count)

    def _sent_back(self, root: str, outputs: Sequence[str]) -> tuple[Thing, ...]:
        things = [thing for path in outputs for thing in things_at(root, path.rstrip("/"))]
        self._carrier.send({thing.digest: f"{root}/{thing.path}" for thing in things if thing.kind == "file"})
        return tuple(things)


class _Copy:
    """The project of ``cargo`` as it is here, in ``root``."""

    def __init__(self, cargo: Cargo, root: str) -> None:
        self._cargo = cargo
        self._states = {thing.path: thing.state for thing in cargo.things}
        python = python_folder(os.environ, sys.prefix, None, root)
        here = places_of(root, {"PATH": python, "HOME": os.environ.get("HOME", "")})
        there = dict(cargo.places)
        self._project = there["project"]
        forth = Translation((*pairs_between(there, here), (cargo.parcel.job.folder, root)))
        self._back = Translation(pairs_between(here, there))
        self._groups: Mapping[str, str] = {}
        self.parcel = self._moved(cargo.parcel, forth, python, root)

    def _moved(self, parcel: Parcel, forth: Translation, python: str, root: str) -> Parcel:
        """Return ``parcel`` as it runs here."""
        job = job_there(parcel.job, forth, root)
        variables = dict(job.environment)
        search = (python, *variables.get("PATH", "").split(os.pathsep)[1:], *os.environ.get("PATH", os.defpath).split(os.pathsep))
        variables["PATH"] = os.pathsep.join(dict.fromkeys(search))
        watch = job.watch
        if watch is not None:
            environment = LocalEnvironment(variables, python, variables.get("PYTHONPYCACHEPREFIX", ""), root=root)
            surroundings: Surroundings = environment.surroundings()
            unsent = tuple(f"{root}/{path}" for path in self._cargo.unsent)
            self._groups = groups_back(surroundings.grouped, watch.grouped, self._back)
            watch = watch_there(watch, forth, surroundings, unsent)
        return msgspec.structs.replace(parcel, job=msgspec.structs.replace(job, environment=tuple(sorted(variables.items())), watch=watch))

    def told(self, ended: Ended) -> tuple[Ended, tuple[str, ...]]:
        """Return ``ended`` as if it had ended in the project itself, and which unsent paths it touched, relative to that."""
        if ended.seen is None:
            return ended, ()
        seen = seen_back(ended.seen, self._back, self._groups, self._state)
        wanted = tuple(dict.fromkeys(self._wanted(seen)))
        if wanted:
            seen = msgspec.structs.replace(seen, touched="")
        elsewhere = ended.elsewhere
        if elsewhere is not None:
            digests = tuple((self._back.path(path), digest) for path, digest in elsewhere.digests)
            elsewhere = msgspec.structs.replace(elsewhere, digests=digests)
        return msgspec.structs.replace(ended, seen=seen, elsewhere=elsewhere), wanted

    def _state(self, path: str) -> State | None:
        return self._states.get(self._inside(path))

    def _inside(self, path: str) -> str:
        return path[len(self._project) + 1 :] if path.startswith(f"{self._project}/") else "" if path == self._project else path

    def _wanted(self, seen: Seen) -> Iterator[str]:
        """Yield what was touched of what was not sent; a list of a folder touches what is missing in it."""
        unsent = self._cargo.unsent
        names: dict[str, list[str]] = {}
        for path in unsent:
            folder, _, name = path.rstrip("/").rpartition("/")
            names.setdefault(folder, []).append(name)
        for path in (self._inside(path) for path in (seen.touched, *(sighting.path for sighting in seen.sightings)) if path):
            if path.rstrip("/") in unsent or patterns.is_within(path, unsent):
                yield path
        for sighting in seen.sightings:
            folder = self._inside(sighting.path)
            missing = names.get(folder, ()) if sighting.bits & (LISTED | SOUGHT) else ()
            if missing and not sighting.bits & LISTED:  # by who looks for modules alone
                sought = modules_sought(sighting.path, seen.sought)
                missing = [name for name in missing if name.partition(".")[0] in sought]
            yield from (f"{folder}/{name}" if folder else name for name in missing)


def _make(cargo: Cargo, root: str, area: str, carrier: Carrier) -> None:
    """Make the copy of the project in ``root``."""
    blobs = f"{area}/blobs"
    os.makedirs(blobs)
    os.makedirs(root)
    carrier.fetch({thing.digest: f"{blobs}/{thing.digest}" for thing in cargo.things if thing.kind == "file"})
    for thing in sorted(cargo.things, key=lambda thing: thing.path):
        path = within(root, thing.path)
        os.makedirs(path if thing.kind == "folder" else posixpath.dirname(path), exist_ok=True)
        if thing.kind == "link":
            os.symlink(thing.text, path)
        elif thing.kind == "file":
            shutil.copyfile(f"{blobs}/{thing.digest}", path)
            os.chmod(path, 0o755 if thing.executable else 0o644)
            if thing.state is not None:  # make and its like compare times
                os.utime(path, ns=(thing.state[2], thing.state[2]))
    shutil.rmtree(blobs)
    for output in cargo.outputs:
        os.makedirs(posixpath.dirname(within(root, output.rstrip("/"))), exist_ok=True)


def _tell(text: str) -> bool:
    sys.stderr.write(f"paperbuild: {text}\n")
    return False
