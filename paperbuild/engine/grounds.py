"""On what an action was found up to date, and whether that has changed since.

To look an action up takes a key, records, and a look at everything they name. What such a look asked of the file system and of the
environment is kept, with the marks that stood for the answers (:mod:`paperbuild.engine.noting`). As long as each mark is the same, the same
look would find the same: the action is up to date, and nobody need look. Whatever does not fit is looked up as if nothing had been kept.

A mark that is made of time stamps says nothing where a file may have been written again within one tick of the clock (see
:mod:`paperbuild.engine.index`): no ground is laid on one.

What is found up to date so is used all the same, and whoever removes old results from the store must know: that is noted once a day, by the
stamp of its record alone (:mod:`paperbuild.engine.uses`). A record that is gone by then makes nothing up to date.

File format, version 4: ``paperbuild-grounds 4 <sha256>`` and a line end, then a :class:`_Kept` in MessagePack. The digest is of all that
comes after that line. The file is disposable.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import sys
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from paperbuild.engine.graph import Action, Code, Command, Graph, Step
from paperbuild.engine.marks import KeptMarks, Marks, is_old
from paperbuild.engine.noting import MOVED, Facts
from paperbuild.engine.ourselves import who_we_are
from paperbuild.engine.ports import Question
from paperbuild.engine.store import DAY_NS
from paperbuild.engine.trace import Record
from paperbuild.engine.uses import dump_uses, load_uses
from paperbuild.engine.workshop import Workshop

_MAGIC = b"paperbuild-grounds 4 "

_EVER_NS = 2**63 - 1

_KEY_DIGITS = 64

_encode = msgspec.msgpack.Encoder().encode


class _Ground(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why ``action``, as it was declared then (``identity``), was up to date.

    ``facts`` are numbers of what the file system said, four bytes each (of the cells of a sweep that is a tenth of what as many objects
    take), ``after`` the ids of the actions that had settled besides those it waits for. It holds no longer than until ``until_ns``, and
    where it is ``blind`` only on a machine where nobody can watch commands. ``adopted`` is why its
    result was taken over from the disk, "" where nobody said; None where a run made it.
    ``record`` is what names its record: the bytes of the key's digest, then those of its own name.
    """

    action: str
    identity: bytes
    facts: bytes
    after: tuple[str, ...]
    until_ns: int
    blind: bool
    adopted: str | None
    record: bytes

    @property
    def numbers(self) -> memoryview:
        """The numbers of its facts."""
        return memoryview(self.facts).cast("I")


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """All grounds of a project: ``frame`` says of which, ``made_of`` is that of its graph, ``answers`` are what its environment said."""

    frame: bytes
    made_of: bytes
    answers: tuple[tuple[Question, str | None], ...]
    marks: KeptMarks
    grounds: tuple[_Ground, ...]


class Moments(msgspec.Struct, frozen=True):
    """Since when facts were noted, and when it was noted last that their record is used."""

    taken_ns: int
    used_ns: int


class Grounds:
    """The grounds of one project: those that the last build left, as far as they hold, and those that this one lays."""

    def __init__(self, workshop: Workshop, graph: Graph) -> None:
        self._workshop = workshop
        self._graph = graph
        self._path = f"{workshop.site.state}/grounds"
        self._uses = f"{workshop.site.state}/uses"
        self._frame = self._present_frame()
        self._answers: dict[Question, str | None] = {}
        self._marks = Marks(workshop.fs, workshop.clock)
        self._grounds: dict[str, _Ground] = {}
        self._name = b""  # the digest of what was read
        self._used_ns: dict[str, int] = {}  # when the use of each record was noted; as long as no ground is new, in the order of the file
        self._has_noted = False
        self._cells: dict[tuple[str, ...], bytes] = {}
        self._fresh: set[str] = set()
        self._is_new = False
        self._are_declared_alike = True  # all commands that have a ground are declared as they were when that was laid
        self._unmoved: dict[str, bool] = {}  # of actions that were looked at a moment ago: whether nothing they rest on had changed
        self._load()

    def _present_frame(self) -> bytes:
        """Return a digest of what all grounds rest on: where things lie, who makes what, and who is believed."""
        site, environment = self._workshop.site, self._workshop.environment
        outputs = [(action.id, action.outputs) for action in self._graph.actions.values() if isinstance(action.recipe, Command)]
        places = tuple(map(os.fsencode, (site.root, site.state, self._workshop.store.root, environment.home)))
        belief = self._workshop.belief
        believed = None if belief is None else (sorted(belief.trusted), belief.mark)
        return _digest((who_we_are(), sys.byteorder, places, outputs, believed))

    def _load(self) -> None:
        data = b"" if self._workshop.index.is_new else self._read(self._path)
        kept = _loaded(data)
        if kept is None or kept.frame != self._frame:
            return
        self._name = _name_in(data)
        self._answers = dict(kept.answers)
        self._grounds = {ground.action: ground for ground in kept.grounds}
        self._used_ns = dict(zip(self._grounds, load_uses(self._read(self._uses), self._name, len(kept.grounds)), strict=True))
        self._marks = Marks(self._workshop.fs, self._workshop.clock, kept.marks)
        self._are_declared_alike = kept.made_of == self._graph.made_of != b""
        self._is_new = kept.made_of != self._graph.made_of  # once that is known, nobody need look at the declarations

    def _read(self, path: str) -> bytes:
        try:
            return self._workshop.fs.read(path)
        except OSError:
            return b""

    # whether they hold

    def hold(self, action: Action, settled: AbstractSet[str]) -> bool:
        """Return whether ``action`` is up to date, as far as can be told without looking it up, now that ``settled`` are."""
        ground = self._grounds.get(action.id)
        return ground is not None and (not ground.after or settled >= set(ground.after)) and self._holds(ground, action)

    def unmoved(self, action: Action) -> bool:
        """Return whether nothing that ``action`` rests on has changed until now; what it needs may yet."""
        ground = self._grounds.get(action.id)
        return ground is not None and self._holds(ground, action)

    def after(self, id_: str) -> tuple[str, ...]:
        """Return the ids of the actions that, as far as is known, settle before ``id_``, besides those it waits for."""
        ground = self._grounds.get(id_)
        return () if ground is None else ground.after

    def disturb(self) -> None:
        """Say that files may have been written: what was found to hold may do so no longer."""
        self._unmoved.clear()
        self._marks.disturb()

    def look(self, ids: Iterable[str]) -> None:
        """Look at all that these actions rest on, unless that was done a moment ago: at once it takes half the time."""
        grounds = [self._grounds[id_] for id_ in ids if id_ in self._grounds and id_ not in self._unmoved]
        everything = len(grounds) == len(self._grounds)
        moved = self._marks.moved(range(len(self._marks)) if everything else {n for ground in grounds for n in ground.numbers})
        self._unmoved |= {ground.action: not moved or moved.isdisjoint(ground.numbers) for ground in grounds}

    def _holds(self, ground: _Ground, action: Action) -> bool:
        if ground.action not in self._unmoved:
            self.look((ground.action,))
        if not self._unmoved[ground.action]:
            return False
        if not (self._are_declared_alike and isinstance(action.recipe, Command)) and ground.identity != self._identity(action):
            return False
        if ground.until_ns != _EVER_NS and self._workshop.clock.now_ns() >= ground.until_ns:
            return False
        if ground.blind and not self._workshop.executor.blind():
            return False
        return self._answers_hold() or ground.action in self._fresh

    def _answers_hold(self) -> bool:
        """Return whether the environment says what it said; where not, nothing is known of earlier builds any more."""
        while self._answers:
            question, answer = self._answers.popitem()
            if self._workshop.environment.answer(question) != answer:
                self._answers.clear()
                self._grounds = {id_: self._grounds[id_] for id_ in self._fresh}
                return False
        return True

    def _identity(self, action: Action) -> bytes:
        """Return a digest of what of ``action`` decides whether it is up to date."""
        variables = [(variable.name, variable.counted, variable.file) for variable in action.variables]
        runner = self._workshop.runners[action.recipe.runner].fingerprint() if isinstance(action.recipe, Step) else ()
        cells = self._cells_of(action.needs) if action.needs else b""
        recipe = action.recipe
        if isinstance(recipe, Command) and recipe.code is not None:
            recipe = msgspec.structs.replace(recipe, code=Code(recipe.code.text))  # its place does not count
        return _digest(
            (
                *(recipe, action.outputs, action.params, action.inputs, action.mentioned, action.observe, action.refresh_s),
                *(variables, action.platform, runner, cells),
            )
        )

    def _is_declared_so(self, ground: _Ground) -> bool:
        """Return whether the action is declared as it was for its ``ground``; one that is no more, a document for instance, is not."""
        action = self._graph.actions.get(ground.action)
        return action is not None and ground.identity == self._identity(action)

    def _cells_of(self, needs: tuple[str, ...]) -> bytes:
        known = self._cells.get(needs)
        if known is None:
            actions = map(self._graph.actions.__getitem__, needs)
            known = self._cells[needs] = _digest([(action.id, action.params, action.outputs) for action in actions])
        return known

    # relying on them

    def use(self, ids: Sequence[str]) -> Sequence[str]:
        """Note that the results of ``ids``, which hold, are used, where nobody did so for a day; return those that are there still.

        Who removes records looks at their stamps once they are out of the way: one that was there to be stamped stays. What was noted less
        than a day before a build began stays as long as that goes on (:func:`paperbuild.engine.collecting.spared_since`).
        """
        now_ns, used_ns, use = self._workshop.clock.now_ns(), self._used_ns, self._workshop.store.use
        due = [id_ for id_ in ids if now_ns - used_ns[id_] >= DAY_NS]
        gone = set()
        for id_ in due:
            named = self._grounds[id_].record.hex()
            if use(named[:_KEY_DIGITS], named[_KEY_DIGITS:]):
                used_ns[id_] = now_ns
                self._has_noted = True
            else:
                gone.add(id_)
                self.drop(id_)
        return [id_ for id_ in ids if id_ not in gone] if gone else ids

    # laying them

    def lay(self, action: Action, record: Record, facts: Facts, after: tuple[str, ...], when: Moments) -> None:
        """Keep that ``record`` was found for ``action``, and nothing to do, by ``facts`` noted in ``when``.

        ``after`` are the ids of the actions that must settle before that can be said again.
        """
        self.drop(action.id)
        rows, clock = [(kind, path, mark) for (kind, path), mark in facts.items()], self._workshop.clock
        if not all(mark != MOVED and is_old(mark, when.taken_ns, clock) and _is_text(path) for _, path, mark in rows):
            return
        if action.refresh_s is not None and action.refresh_s <= 0:
            return
        until_ns = _EVER_NS if action.refresh_s is None else record.finished_ns + int(action.refresh_s * 1e9)
        blind = isinstance(action.recipe, Command) and action.observe != "off" and not (record.observed or record.adopted)
        numbers = _packed(map(self._marks.number, rows))
        name = bytes.fromhex(record.key + record.name)
        adopted = record.reason if record.adopted else None
        self._grounds[action.id] = _Ground(action.id, self._identity(action), numbers, after, until_ns, blind, adopted, name)
        self._used_ns[action.id] = when.used_ns
        self._fresh.add(action.id)
        self._is_new = True

    def drop(self, id_: str) -> None:
        """Forget the ground of an action."""
        self._is_new |= self._grounds.pop(id_, None) is not None
        self._fresh.discard(id_)
        self._unmoved.pop(id_, None)

    def drop_moved(self) -> None:
        """Forget all grounds of which something has changed by now."""
        self.disturb()
        self.look(self._grounds)
        for id_ in [id_ for id_, unmoved in self._unmoved.items() if not unmoved]:
            self.drop(id_)

    def are_laid(self, id_: str) -> bool:
        """Return whether there is a ground for the action."""
        return id_ in self._grounds

    def adopted(self, id_: str) -> str | None:
        """Return why what the action's ground was laid on was adopted, "" where nobody said; None where a run made it."""
        return self._grounds[id_].adopted

    def save(self) -> None:
        """Write them where there are others than before. A disk that refuses costs the next build time, and nothing else."""
        with contextlib.suppress(OSError, UnicodeEncodeError):
            if self._is_new:
                self._is_new = False
                self._has_noted = True
                self._save_grounds()
            if self._has_noted:
                self._has_noted = False
                self._write(self._uses, dump_uses(self._name, self._used_ns.values()))

    def _save_grounds(self) -> None:
        self._answers_hold()  # what others rest on is not to be confused with what these do
        kept = [ground for ground in self._grounds.values() if self._are_declared_alike or self._is_declared_so(ground)]
        self._used_ns = {ground.action: self._used_ns[ground.action] for ground in kept}
        marks, numbers = self._marks.kept(number for ground in kept for number in ground.numbers)
        grounds = (msgspec.structs.replace(ground, facts=_packed(map(numbers.__getitem__, ground.numbers))) for ground in kept)
        answers = tuple(self._workshop.environment.answers.items())
        body = _encode(_Kept(self._frame, self._graph.made_of, answers, marks, tuple(grounds)))
        self._name = hashlib.sha256(body).hexdigest().encode()
        self._write(self._path, _MAGIC + self._name + b"\n" + body)

    def _write(self, path: str, data: bytes) -> None:
        self._workshop.fs.write(f"{path}.new", data)
        self._workshop.fs.rename(f"{path}.new", path)


def _loaded(data: bytes) -> _Kept | None:
    begin = data.find(b"\n") + 1
    body = memoryview(data)[begin:]  # a copy would take as much memory again
    if data[:begin] != _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n":
        return None
    try:
        return msgspec.msgpack.decode(body, type=_Kept)
    except msgspec.DecodeError:
        return None


def _name_in(data: bytes) -> bytes:
    return data[len(_MAGIC) : data.find(b"\n")]


def _packed(numbers: Iterable[int]) -> bytes:
    found = (*numbers,)
    return struct.pack(f"{len(found)}I", *found)


def _digest(value: object) -> bytes:
    return hashlib.blake2b(_encode(value), digest_size=16).digest()


def _is_text(path: str) -> bool:
    return path.isascii() or not any("\udc80" <= character <= "\udcff" for character in path)
