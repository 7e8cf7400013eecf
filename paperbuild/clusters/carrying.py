"""Parcels without a shared file system: a :class:`paperbuild.engine.cluster.Cluster` around another one.

What a command needs of the project goes to a shared store, the scheduler is handed where it lies, and what the command made comes back
the same way (:mod:`.cargo`, :mod:`.unloading`). Its parcel's folder is here alone; how far the sending is stands in it
(``carried.json``), so that another process can go on. A handle is that folder.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import secrets
import tempfile
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from paperbuild.clusters.cargo import Cargo, Haul, Reference, Thing, haul_of, locked, packed_text, unpacked, within
from paperbuild.clusters.news import Heard, Newsreader, Opened, put_back
from paperbuild.clusters.packing import Packer
from paperbuild.clusters.parcel_folder import write_whole
from paperbuild.clusters.unloading import BEGUN, CARGO, HAUL, places_of
from paperbuild.engine.cluster import CALLED, ENDED, LOG, PARCEL, Cluster, Fate, Parcel, Report, packed, parcel_of
from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.process import MARK
from paperbuild.engine.remote import Carrier
from paperbuild.errors import BuildError

MOST_ROUNDS = 12
"""How often a command is begun again because it touched what was not sent."""

_CARRIED = "carried.json"


class Address(msgspec.Struct, frozen=True):
    """Where the shared store is, as the other end is told."""

    address: str
    endpoint: str = ""
    region: str = ""
    namespace: str = ""


class _Sent(msgspec.Struct, frozen=True):
    """How far one parcel's sending is: ``handle`` is the scheduler's, ``asked`` what goes along because a run touched it."""

    handle: str
    reference: Reference
    asked: tuple[str, ...] = ()
    rounds: int = 0


class Carrying:
    """Hands parcels to ``cluster`` by way of what is ``opened``, a store at ``address``; ``packer`` knows the project."""

    def __init__(self, cluster: Cluster, opened: Opened, address: Address, packer: Packer) -> None:
        self._cluster = cluster
        self._carrier = opened()
        self._news = Newsreader(opened)
        self._address = address
        self._packer = packer

    def submit(self, parcels: Sequence[Parcel]) -> tuple[str, ...]:
        """See the port."""
        self._hand_in([(parcel, _Sent("", Reference("", "", ""))) for parcel in parcels])
        return tuple(parcel.folder for parcel in parcels)

    def look(self, handles: Sequence[str]) -> Mapping[str, Fate]:
        """See the port. What has ended is brought here first."""
        sent = {folder: _sent(folder) for folder in handles}
        fates = self._cluster.look([one.handle for one in sent.values() if one is not None])
        found = {}
        again = []
        for folder, one in sent.items():
            if one is None:
                found[folder] = Fate("gone", "nobody knows any more where it was sent")
                continue
            fate = fates.get(one.handle, Fate("gone"))
            if fate.state in {"ended", "gone"} and not os.path.exists(f"{folder}/{ENDED}"):
                try:
                    more = self._bring(folder, one)
                except ValueError as error:
                    fate, more = Fate("gone", f"what came back is not to be believed: {error}"), None
                except OSError as error:
                    fate, more = Fate("gone", f"what came back cannot be put into its place: {error}"), None
                if more is not None:
                    again.append((_parcel(folder), more))
                    fate = Fate("waiting", "it is begun again, with a file that it turned out to need")
            found[folder] = fate
        if again:
            self._hand_in(again)
        self._news.follow({folder: one.reference for folder, one in sent.items() if one is not None and found[folder].state == "running"})
        return found

    def cancel(self, handles: Sequence[str]) -> None:
        """See the port."""
        sent = {folder: one for folder in handles if (one := _sent(folder)) is not None}
        self._cluster.cancel([one.handle for one in sent.values()])
        for folder, one in sent.items():
            with contextlib.suppress(BuildError, OSError, ValueError):  # what it kept is worth a look, and not more
                data = self._carrier.read(f"{one.reference.folder}/{HAUL}")
                haul = None if data is None else haul_of(data, one.reference.key)
                self._forget(one, self._keep(folder, one, haul))

    def halt(self) -> None:
        """See the port."""
        self._cluster.halt()

    def close(self) -> None:
        """See the port."""
        self._news.close()
        self._cluster.close()
        self._carrier.close()

    def _hand_in(self, parcels: Sequence[tuple[Parcel, _Sent]]) -> None:
        common = self._packer.common()
        data = packed_text(common)
        digest = digest_bytes(data)
        root = parcels[0][0].job.folder
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self._carrier.send({digest: file.name, **_contents(common, root)})
        ready = [(parcel, self._prepared(parcel, sent, common, digest)) for parcel, sent in parcels]
        # each alone: that one of several was left is not heard of before their job ends
        told = [msgspec.structs.replace(parcel, folder=packed_text(sent.reference).decode(), expected_s=None) for parcel, sent in ready]
        handles = self._cluster.submit(told)
        for (parcel, sent), handle in zip(ready, handles, strict=True):
            write_whole(f"{parcel.folder}/{_CARRIED}", msgspec.json.encode(msgspec.structs.replace(sent, handle=handle)))
            write_whole(f"{parcel.folder}/{CALLED}", handle.encode())

    def _prepared(self, parcel: Parcel, sent: _Sent, common: Sequence[Thing], digest: str) -> _Sent:
        """Have all that ``parcel`` needs in the store; return how it is sent."""
        root = parcel.job.folder
        load = self._packer.pack(parcel.job.action, common, (*parcel.supplies, *sent.asked, *_given(parcel)), parcel.outputs)
        self._carrier.send(_contents(load.things, root))
        places = tuple(places_of(root, dict(parcel.job.environment)).items())
        where = self._address
        key = secrets.token_hex(16)
        data = locked(Cargo(parcel, load.things, digest, load.without, load.unsent, parcel.outputs, places), key)
        reference = Reference(where.address, digest_bytes(data), key, where.endpoint, where.region, where.namespace)
        self._carrier.write(f"{reference.folder}/{CARGO}", data)
        return msgspec.structs.replace(sent, reference=reference)

    def _bring(self, folder: str, sent: _Sent) -> _Sent | None:
        """Bring what came back to its places; return how it is sent once more, where it touched what it did not have.

        Raises:
            ValueError: what lies there is not to be believed.
            BuildError: it cannot be had now.
        """
        data = self._carrier.read(f"{sent.reference.folder}/{HAUL}")
        if data is None:
            self._keep(folder, sent, None)
            return None
        self._news.drop(folder)
        haul = haul_of(data, sent.reference.key)
        if haul.log:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{folder}/{LOG}")
            self._carrier.fetch({haul.log: f"{folder}/{LOG}"})
        parcel = _parcel(folder)
        report = haul.report
        if haul.wanted and sent.rounds < MOST_ROUNDS:
            self._forget(sent, haul.news)
            more = dict.fromkeys((*sent.asked, *(path for wanted in haul.wanted for path in self._packer.around(wanted))))
            return _Sent("", sent.reference, tuple(more), sent.rounds + 1)
        if haul.wanted:
            why = f"it touches ever more files that are not sent along, {haul.wanted[0]} for one: declare its inputs"
            report = Report(report.version, report.host, fault=why)
        elif missing := _known_there_alone(report):
            report = Report(report.version, report.host, fault=missing)
        else:
            _place(parcel, haul, folder, self._carrier)
            self._keep(folder, sent, haul)
        write_whole(f"{folder}/{ENDED}", packed(report))
        self._forget(sent, haul.news)
        return None

    def _keep(self, folder: str, sent: _Sent, haul: Haul | None) -> int:
        """Let what the command kept be found by the next attempt: by the ``haul``, or else what it told. Return how much that was."""
        heard = Heard(haul.news, 0, haul.kept) if haul is not None else self._news.rest(folder, sent.reference, self._carrier)
        kept, heard.kept = heard.kept, None  # put there once
        parcel = _parcel(folder)
        place = dict(parcel.job.environment).get(MARK, "")
        if kept and place.startswith(f"{parcel.job.folder}/.paperbuild/checkpoints/"):
            put_back(kept, place, self._carrier)
        return heard.number

    def _forget(self, sent: _Sent, news: int) -> None:
        names = (CARGO, BEGUN, HAUL, *(f"news-{n}" for n in range(news + 1)))
        with contextlib.suppress(BuildError):  # what is left there is collected as anything that nobody uses
            self._carrier.remove([f"{sent.reference.folder}/{name}" for name in names])


def _contents(things: Iterable[Thing], root: str) -> dict[str, str]:
    return {thing.digest: f"{root}/{thing.path}" for thing in things if thing.kind == "file"}


def _given(parcel: Parcel) -> tuple[str, ...]:
    """Return the files of paperbuild's own folder in the project that the command is told of by its variables."""
    root = parcel.job.folder
    values = ((name, value) for name, given in parcel.job.environment if root in given for value in given.split(os.pathsep))
    own = ((name, value) for name, value in values if value.startswith(f"{root}/.paperbuild/") and os.path.exists(value))
    return tuple(value[len(root) + 1 :] + ("/" if name == MARK else "") for name, value in own)


def _known_there_alone(report: Report) -> str:
    """Return that the command read a file outside of the project that only that machine has: nobody here could tell when it changes."""
    told = None if report.ended is None else report.ended.elsewhere
    missing = [path for path, digest in (() if told is None else told.digests) if digest is not None and not os.path.exists(path)]
    return f"it read {missing[0]} there, which is not here: let it lie in the project, or in an environment" if missing else ""


def _place(parcel: Parcel, haul: Haul, folder: str, carrier: Carrier) -> None:
    """Put what came back to where the command would have written it, had it run here."""
    root, own = parcel.job.folder, parcel.outputs
    things = [thing for thing in haul.outputs if _is_own(thing, own)]
    blobs = f"{folder}/blobs"
    os.makedirs(blobs, exist_ok=True)
    carrier.fetch({thing.digest: f"{blobs}/{thing.digest}" for thing in things if thing.kind == "file"})
    uses = [thing.digest for thing in things]
    for thing in things:
        path = within(root, thing.path)
        os.makedirs(path if thing.kind == "folder" else posixpath.dirname(path), exist_ok=True)
        if thing.kind == "link":
            os.symlink(thing.text, path)
        elif thing.kind == "file":
            uses.remove(thing.digest)
            _put(f"{blobs}/{thing.digest}", path, thing, is_last=thing.digest not in uses)
    with contextlib.suppress(OSError):
        os.rmdir(blobs)


def _put(blob: str, path: str, thing: Thing, *, is_last: bool) -> None:
    import shutil

    if is_last:
        shutil.move(blob, path)
    else:
        shutil.copyfile(blob, path)
    os.chmod(path, 0o755 if thing.executable else 0o644)


def _is_own(thing: Thing, own: Sequence[str]) -> bool:
    """Return whether ``thing`` is one of the outputs ``own``, or in one: whatever came back, nothing else is written."""
    if ".." in thing.path.split("/"):
        return False
    return any(thing.path == path.rstrip("/") or (path.endswith("/") and thing.path.startswith(path)) for path in own)


def _parcel(folder: str) -> Parcel:
    with open(f"{folder}/{PARCEL}", "rb") as file:
        return parcel_of(file.read())


def _sent(folder: str) -> _Sent | None:
    try:
        with open(f"{folder}/{_CARRIED}", "rb") as file:
            return unpacked(file.read(), _Sent)
    except (OSError, ValueError):
        return None
