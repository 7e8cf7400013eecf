"""On what an action was found up to date, and whether that has changed since.

To look an action up takes a key, records, and a look at everything they name. What such a look asked of the file system and of the
environment is kept, with the marks that stood for the answers (:mod:`paperbuild.engine.noting`). As long as each mark is the same, the same
look would find the same: the action is up to date, and nobody need look. Whatever does not fit is looked up as if nothing had been kept.

A mark that is made of time stamps says nothing where a file may have been written again within one tick of the clock (see
:mod:`paperbuild.engine.index`): no ground is laid on one.

File format, version 2: ``paperbuild-grounds 2 <sha256>`` and a line end, then a :class:`_Kept` in MessagePack. The digest is of all that
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
from paperbuild.engine.index import settled_before
from paperbuild.engine.noting import MOVED, Facts
from paperbuild.engine.ourselves import who_we_are
from paperbuild.engine.ports import Mark, Question, stamped_ns
from paperbuild.engine.trace import Record
from paperbuild.engine.workshop import Workshop

_MAGIC = b"paperbuild-grounds 2 "

_encode = msgspec.msgpack.Encoder().encode


class _Ground(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why ``action``, as it was declared then (``identity``), was up to date.

    ``facts`` are numbers of what the file system said, four bytes each (of the cells of a sweep that is a tenth of what as many objects
    take), ``after`` the ids of the actions that had settled besides those it waits for. It holds no longer than until ``until_ns``, and
    where it is ``blind`` only on a machine where nobody can watch commands.
    """

    action: str
    identity: bytes
    facts: bytes
    after: tuple[str, ...]
    until_ns: int
    blind: bool

    @property
    def numbers(self) -> memoryview:
        """The numbers of its facts."""
        return memoryview(self.facts).cast("I")


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """All grounds of a project; ``frame`` says of which, ``answers`` what its environment said. Of facts, a column each."""

    frame: bytes
    answers: tuple[tuple[Question, str | None], ...]
    kinds: list[Mark]
    paths: list[str]
    marks: list[bytes]
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
        self._kinds: list[Mark] = []  # of facts, by their numbers, a column each
        self._paths: list[str] = []
        self._marks: list[bytes] = []
        self._numbers: dict[tuple[Mark, str, bytes], int] = {}  # made when the first is asked for: mostly none is
        self._grounds: dict[str, _Ground] = {}
        self._cells: dict[tuple[str, ...], bytes] = {}
        self._fresh: set[str] = set()
        self._is_new = False
        self._load()
        self.disturbances = 0
        """How often :meth:`disturb` was called: what was found to hold does as long as that is the same."""
        self._moved: dict[int, bool] = {}
        self._still: set[int] = set()  # numbers of those that have not moved

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
        self._kinds, self._paths, self._marks = kept.kinds, kept.paths, kept.marks

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
        self._moved.clear()
        self._still.clear()
        self.disturbances += 1

    def look(self, ids: Iterable[str]) -> None:
        """Look at all that these actions rest on: at once that takes half the time."""
        found: set[int] = set()
        for id_ in ids:
            if id_ in self._grounds:
                found.update(self._grounds[id_].numbers)
        numbers = [*found]
        facts = zip(*(map(column.__getitem__, numbers) for column in (self._kinds, self._paths, self._marks)), strict=True)
        self._moved = {numbers[n]: True for n in self._workshop.fs.moved(facts)}
        self._still = set(numbers) - self._moved.keys()

    def _holds(self, ground: _Ground, action: Action) -> bool:
        if not self._still.issuperset(ground.numbers) and any(map(self._has_moved, ground.numbers)):
            return False
        if ground.identity != self._identity(action):
            return False
        if self._workshop.clock.now_ns() >= ground.until_ns:
            return False
        if ground.blind and not self._workshop.executor.blind():
            return False
        return self._answers_hold() or ground.action in self._fresh

    def _has_moved(self, number: int) -> bool:
        known = False if number in self._still else self._moved.get(number)
        if known is None:
            kind, path, mark = self._fact(number)
            known = self._moved[number] = self._workshop.fs.mark(kind, path) != mark
        return known

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
                *(variables, runner, cells),
            )
        )

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
        rows = [(kind, path, mark) for (kind, path), mark in facts.items()]
        if not all(mark != MOVED and self._is_old(mark, when.taken_ns) and _is_text(path) for _, path, mark in rows):
            return
        if action.refresh_s is not None and action.refresh_s <= 0:
            return
        until_ns = when.until_ns
        if action.refresh_s is not None:
            until_ns = min(until_ns, record.finished_ns + int(action.refresh_s * 1e9))
        blind = isinstance(action.recipe, Command) and action.observe != "off" and not (record.observed or record.adopted)
        numbers = _packed(map(self._number, rows))
        self._grounds[action.id] = _Ground(action.id, self._identity(action), numbers, after, until_ns, blind)
        self._fresh.add(action.id)
        self._is_new = True

    def _is_old(self, mark: bytes, taken_ns: int) -> bool:
        """Return whether what ``mark`` stands for cannot have been written again, unnoticed, since ``taken_ns``."""
        mtime_ns, ctime_ns, device = stamped_ns(mark)
        return settled_before(mtime_ns, ctime_ns, taken_ns - self._workshop.clock.lag_ns(device))

    def _number(self, fact: tuple[Mark, str, bytes]) -> int:
        if not self._numbers:
            self._numbers = {known: n for n, known in enumerate(zip(self._kinds, self._paths, self._marks, strict=True))}
        number = self._numbers.setdefault(fact, len(self._numbers))
        if number == len(self._paths):
            kind, path, mark = fact
            self._kinds.append(kind)
            self._paths.append(path)
            self._marks.append(mark)
        return number

    def _fact(self, number: int) -> tuple[Mark, str, bytes]:
        return self._kinds[number], self._paths[number], self._marks[number]

    def drop(self, id_: str) -> None:
        """Forget the ground of an action."""
        self._is_new |= self._grounds.pop(id_, None) is not None
        self._fresh.discard(id_)

    def are_laid(self, id_: str) -> bool:
        """Return whether there is a ground for the action."""
        return id_ in self._grounds

    def save(self) -> None:
        """Write them where there are others than before. A disk that refuses costs the next build time, and nothing else."""
        if not self._is_new:
            return
        self._is_new = False
        self._answers_hold()  # what others rest on is not to be confused with what these do
        used = sorted({number for ground in self._grounds.values() for number in ground.numbers})
        numbers = {number: n for n, number in enumerate(used)}
        grounds = (
            msgspec.structs.replace(ground, facts=_packed(map(numbers.__getitem__, ground.numbers))) for ground in self._grounds.values()
        )
        answers = tuple(self._workshop.environment.answers.items())
        kinds, paths, marks = ([self._kinds[n] for n in used], [self._paths[n] for n in used], [self._marks[n] for n in used])
        with contextlib.suppress(OSError, UnicodeEncodeError):
            body = _encode(_Kept(self._frame, answers, kinds, paths, marks, tuple(grounds)))
            self._workshop.fs.write(f"{self._path}.new", _MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            self._workshop.fs.rename(f"{self._path}.new", self._path)


def _loaded(data: bytes) -> _Kept | None:
    head, _, body = data.partition(b"\n")
    if head != _MAGIC + hashlib.sha256(body).hexdigest().encode():
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
