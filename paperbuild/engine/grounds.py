"""On what an action was found up to date, and whether that has changed since.

To look an action up takes a key, records, and a look at everything they name. What such a look asked of the file system and of the
environment is kept, with the marks that stood for the answers (:mod:`paperbuild.engine.noting`). As long as each mark is the same, the same
look would find the same: the action is up to date, and nobody need look. Whatever does not fit is looked up as if nothing had been kept.

A mark that is made of time stamps says nothing where a file may have been written again within one tick of the clock (see
:mod:`paperbuild.engine.index`): no ground is laid on one.

File format, version 3: ``paperbuild-grounds 3 <sha256>`` and a line end, then a :class:`_Kept` in MessagePack. The digest is of all that
comes after that line. The file is disposable.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import sys
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec

from paperbuild.engine.graph import Action, Code, Command, Graph, Step
from paperbuild.engine.marks import KeptMarks, Marks, is_old
from paperbuild.engine.noting import MOVED, Facts
from paperbuild.engine.ourselves import who_we_are
from paperbuild.engine.ports import Question
from paperbuild.engine.trace import Record
from paperbuild.engine.workshop import Workshop

_MAGIC = b"paperbuild-grounds 3 "

_encode = msgspec.msgpack.Encoder().encode


class _Ground(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why ``action``, as it was declared then (``identity``), was up to date.

    ``facts`` are numbers of what the file system said, four bytes each (of the cells of a sweep that is a tenth of what as many objects
    take), ``after`` the ids of the actions that had settled besides those it waits for. It holds no longer than until ``until_ns``, and
    where it is ``blind`` only on a machine where nobody can watch commands. ``adopted``: its result was taken over from the disk.
    """

    action: str
    identity: bytes
    facts: bytes
    after: tuple[str, ...]
    until_ns: int
    blind: bool
    adopted: bool

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


class Stretch(msgspec.Struct, frozen=True):
    """Since when facts were noted, and until when they may be relied on at most: then somebody must look, if only to note a use."""

    taken_ns: int
    until_ns: int


class Grounds:
    """The grounds of one project: those that the last build left, as far as they hold, and those that this one lays."""

    def __init__(self, workshop: Workshop, graph: Graph) -> None:
        self._workshop = workshop
        self._graph = graph
        self._path = f"{workshop.site.state}/grounds"
        self._frame = self._present_frame()
        self._answers: dict[Question, str | None] = {}
        self._marks = Marks(workshop.fs, workshop.clock)
        self._grounds: dict[str, _Ground] = {}
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
        kept = None if self._workshop.index.is_new else _loaded(self._read())
        if kept is None or kept.frame != self._frame:
            return
        self._answers = dict(kept.answers)
        self._grounds = {ground.action: ground for ground in kept.grounds}
        self._marks = Marks(self._workshop.fs, self._workshop.clock, kept.marks)
        self._are_declared_alike = kept.made_of == self._graph.made_of != b""
        self._is_new = kept.made_of != self._graph.made_of  # once that is known, nobody need look at the declarations

    def _read(self) -> bytes:
        try:
            return self._workshop.fs.read(self._path)
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
        if self._workshop.clock.now_ns() >= ground.until_ns:
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

    # laying them

    def lay(self, action: Action, record: Record, facts: Facts, after: tuple[str, ...], when: Stretch) -> None:
        """Keep that ``record`` was found for ``action``, and nothing to do, by ``facts`` noted in ``when``.

        ``after`` are the ids of the actions that must settle before that can be said again.
        """
        self.drop(action.id)
        rows, clock = [(kind, path, mark) for (kind, path), mark in facts.items()], self._workshop.clock
        if not all(mark != MOVED and is_old(mark, when.taken_ns, clock) and _is_text(path) for _, path, mark in rows):
            return
        if action.refresh_s is not None and action.refresh_s <= 0:
            return
        until_ns = when.until_ns
        if action.refresh_s is not None:
            until_ns = min(until_ns, record.finished_ns + int(action.refresh_s * 1e9))
        blind = isinstance(action.recipe, Command) and action.observe != "off" and not (record.observed or record.adopted)
        numbers = _packed(map(self._marks.number, rows))
        self._grounds[action.id] = _Ground(action.id, self._identity(action), numbers, after, until_ns, blind, record.adopted)
        self._fresh.add(action.id)
        self._is_new = True

    def drop(self, id_: str) -> None:
        """Forget the ground of an action."""
        self._is_new |= self._grounds.pop(id_, None) is not None
        self._fresh.discard(id_)
        self._unmoved.pop(id_, None)

    def are_laid(self, id_: str) -> bool:
        """Return whether there is a ground for the action."""
        return id_ in self._grounds

    def is_adopted(self, id_: str) -> bool:
        """Return whether what the action's ground was laid on was adopted, not run."""
        ground = self._grounds.get(id_)
        return ground is not None and ground.adopted

    def save(self) -> None:
        """Write them where there are others than before. A disk that refuses costs the next build time, and nothing else."""
        if not self._is_new:
            return
        self._is_new = False
        self._answers_hold()  # what others rest on is not to be confused with what these do
        kept = [ground for ground in self._grounds.values() if self._are_declared_alike or self._is_declared_so(ground)]
        marks, numbers = self._marks.kept(number for ground in kept for number in ground.numbers)
        grounds = (msgspec.structs.replace(ground, facts=_packed(map(numbers.__getitem__, ground.numbers))) for ground in kept)
        answers = tuple(self._workshop.environment.answers.items())
        with contextlib.suppress(OSError, UnicodeEncodeError):
            body = _encode(_Kept(self._frame, self._graph.made_of, answers, marks, tuple(grounds)))
            self._workshop.fs.write(f"{self._path}.new", _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            self._workshop.fs.rename(f"{self._path}.new", self._path)


def _loaded(data: bytes) -> _Kept | None:
    begin = data.find(b"\n") + 1
    body = memoryview(data)[begin:]  # a copy would take as much memory again
    if data[:begin] != _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n":
        return None
    try:
        return msgspec.msgpack.decode(body, type=_Kept)
    except msgspec.DecodeError:
        return None


def _packed(numbers: Iterable[int]) -> bytes:
    found = (*numbers,)
    return struct.pack(f"{len(found)}I", *found)


def _digest(value: object) -> bytes:
    return hashlib.blake2b(_encode(value), digest_size=16).digest()


def _is_text(path: str) -> bool:
    return path.isascii() or not any("\udc80" <= character <= "\udcff" for character in path)
