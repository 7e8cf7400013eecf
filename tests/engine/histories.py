"""Random histories of a project whose commands are watched, held against an oracle.

Targets read, ask for, list and decide by sources and each other's outputs, which nobody declared; files come, change and go; outputs are
removed, reverted and edited by hand; targets are dropped and changed; commands fail; builds are killed, and what is disposable is lost.
After each build, with any number of jobs and whatever was asked for:

* what could be made is as in a clean clone, what could not be made is told, and nothing else stands in the tree;
* what ran had to run: no earlier run met the same;
* what had to run twice in one build touched something that no earlier trace told of;
* building again runs nothing but what fails;
* it did what was foretold: see :meth:`Histories._compare_with_foretold`.

Where the histories take place is a :class:`Ground`: a project in memory, or one on the disk with real processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Protocol

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.collecting import Policy
from paperbuild.engine.graph import Action
from paperbuild.engine.index import Index
from paperbuild.engine.keys import declared, name_of
from paperbuild.engine.queries import Situation, State
from paperbuild.engine.reasons import Reason
from paperbuild.events import Outcome
from tests.engine.programs import Ask, Choose, Clean, Item, Made, Names, Paper, Peek, Refuse, Statement, Take, Target

SOURCES = ("s0", "s1", "dir/s2", "dir/s3", "new/s4")
COMMANDS = {"t0": ("o0",), "t1": ("dir/o1",), "t2": ("dir/o2", "far/x/o2"), "t3": ("m3/",), "t4": ("o4",)}
PAPERS = {"d0": ("_build/d0",), "d1": ("_build/d1",)}
OTHER_NAMES = {id_: f"n{id_[1:]}" for id_ in COMMANDS}
"""Targets that are the same by another name."""

OUTPUTS = COMMANDS | {OTHER_NAMES[id_]: outputs for id_, outputs in COMMANDS.items()} | PAPERS
MADE = {id_: tuple(f"{path}a" if path.endswith("/") else path for path in paths) for id_, paths in OUTPUTS.items()}
ALL_MADE = tuple(dict.fromkeys(path for paths in MADE.values() for path in paths))
TEXTS = ("x", "x", "x", "y", "y", "longer", "bad")
_ABOUT_OTHERS = (*ALL_MADE, "m3", "in .", "in dir", "in far", "the folder", "the files in")
"""Parts of reasons that are about what others make, or about folders in which that stands: when those have settled, they come first."""
MOST = settings(max_examples=max(200, settings().max_examples), deadline=None, suppress_health_check=list(HealthCheck))
"""So many histories: 200 with each change, 10,000 at night."""

GOOD = frozenset({Outcome.RAN, Outcome.REUSED})


@dataclass(frozen=True)
class Built:
    """How a build ended: the outcome of each target, the targets that were started, once for each time, and why each was the last time.

    ``first`` is why each was started the first time, ``why`` all reasons for its last run, ``told`` what the build complained of, for
    whoever has to find out what went wrong.
    """

    outcomes: Mapping[str, Outcome]
    ran: Sequence[str]
    reasons: Mapping[str, str]
    first: Mapping[str, str]
    why: Mapping[str, Sequence[Reason]]
    told: Sequence[Diagnostic] = ()


@dataclass(frozen=True)
class Meddling:
    """What somebody does while a build is at work: at a moment that ``after`` tells."""

    after: int
    act: Callable[[], None]


def everything_but(actions: Iterable[Action]) -> Policy:
    """Return by what all goes of a store, however young it is, but what of each of ``actions`` was used last."""
    return Policy(spare_ns=_FAR_NS, old_ns=_FAR_NS, named=frozenset(name_of(declared(action).items()) for action in actions))


_FAR_NS = 10**20


def why(index: Index, ids: Iterable[str]) -> dict[str, Sequence[Reason]]:
    """Return why each of ``ids`` ran the last time, as ``index`` remembers it."""
    found = ((id_, index.last_execution(id_)) for id_ in ids)
    return {id_: execution.reasons for id_, execution in found if execution is not None}


class Ground(Protocol):
    """A project that can be built, and whatever may happen to it."""

    def put(self, path: str, text: str) -> None:
        """Write a file, and make its folders."""

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that this leaves empty."""

    def files(self) -> dict[str, str]:
        """Return every file of the project."""

    def foretell(self, targets: Mapping[str, Target], wanted: Sequence[str]) -> Mapping[str, Situation]:
        """Return how targets stand, for whoever asks before a build of ``wanted``; nothing is written."""

    def stamps(self) -> Mapping[str, object]:
        """Return of every file, those that are set aside too, something that no other file has had, or will have."""

    def build(self, targets: Mapping[str, Target], wanted: Sequence[str], jobs: int, seed: int, *, overwrite: bool = False) -> Built:
        """Build, and go on after failures."""

    def die_while_building(self, targets: Mapping[str, Target], after: int) -> None:
        """Build, and be killed at a moment that ``after`` tells."""

    def ask_for(self, ids: AbstractSet[str]) -> None:
        """Let builds and questions from now on ask for results of ``ids`` that are newer than any there is."""

    def build_while(self, targets: Mapping[str, Target], jobs: int, seed: int, meddle: Meddling) -> None:
        """Build all, while somebody does something."""

    def collect(self, targets: Mapping[str, Target]) -> None:
        """Remove all from the store but what was used last of each of ``targets``, as they are declared."""

    def lose_index(self) -> None:
        """Lose what is disposable."""

    def close(self) -> None:
        """Leave nothing behind."""


Run = tuple[str, tuple[Statement, ...], tuple[Item, ...]]
"""What makes two runs the same: the target, whatever it is called, its program, and what that met."""


def _slot(id_: str) -> str:
    """Return which target ``id_`` is, by whatever name."""
    return id_.replace("n", "t")


@dataclass
class Known:
    """What the machine knows of the past: runs that were published, runs that may have been, and what both may have left."""

    runs: set[Run] = field(default_factory=set)
    uncertain: set[tuple[str, tuple[Statement, ...]]] = field(default_factory=set)
    texts: dict[str, set[str]] = field(default_factory=dict)
    maybe: dict[str, set[str]] = field(default_factory=dict)
    told: dict[str, frozenset[str]] = field(default_factory=dict)
    """What the last trace of a target tells of the order. Nothing of one where that may be lost."""


def programs(id_: str) -> st.SearchStrategy[tuple[Statement, ...]]:
    """Return programs of the target ``id_``, which seldom wait for each other."""
    made = {other: MADE[other] for other in COMMANDS}
    earlier = [path for other, paths in made.items() if other < id_ for path in paths]
    later = [path for other, paths in made.items() if other > id_ for path in paths]
    files = st.sampled_from([*SOURCES, *earlier] * 8 + later)
    askable = st.one_of(files, st.sampled_from(["dir", "far", "new", *MADE[id_], "m3"]))
    folders = st.sampled_from(["dir", "new", "new", "far", "far/x", "m3", "m3", "."])
    statements = st.one_of(
        st.builds(Take, files), st.builds(Take, files), st.builds(Ask, askable), st.builds(Names, folders),
        st.builds(Choose, files, files, files), st.builds(Refuse, st.sampled_from(SOURCES[:2])),
    )  # fmt: skip
    return st.lists(statements, min_size=1, max_size=3).map(tuple)


def papers(outputs: tuple[str, ...]) -> st.SearchStrategy[Paper]:
    """Return documents that read some of all that there is."""
    files = st.sampled_from([*SOURCES, *(path for id_ in COMMANDS for path in MADE[id_])])
    program = st.lists(st.one_of(st.builds(Take, files), st.builds(Peek, files)), min_size=1, max_size=4, unique_by=lambda one: one.path)
    return st.builds(Paper, st.just(outputs), program.map(tuple), st.sampled_from([(), (), ("s0",)]))


class Histories(RuleBasedStateMachine):
    """The histories. Subclasses say on which ground."""

    def ground(self) -> Ground:
        """Return a ground on which nothing has happened yet."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.sources: dict[str, str] = {}
        self.targets: dict[str, Target] = {}
        self.foreign: dict[str, str] = {}
        self.placed: set[str] = set()  # outputs that the last builds put into the tree, and whose targets have stayed since
        self.known = Known()
        self.is_dirty = False
        self.reverted: set[str] = set()  # outputs that are ours because records of older results say so
        self.is_forgetful = False  # some of what tells that an output is ours is lost, and no build has found it again yet
        self.place = self.ground()

    def teardown(self) -> None:
        self.place.close()

    # what happens to sources and targets

    @initialize(data=st.data(), text=st.sampled_from(TEXTS))
    def begin(self, data: st.DataObject, text: str) -> None:
        for path in SOURCES:
            self.edit(path, text)
        for id_ in ("t0", "t1", "t2", "t3"):
            self.targets[id_] = Target(OUTPUTS[id_], data.draw(programs(id_)))

    @rule(path=st.sampled_from(SOURCES), text=st.sampled_from(TEXTS))
    def edit(self, path: str, text: str) -> None:
        self.sources[path] = text
        self.place.put(path, text)

    @rule(path=st.sampled_from(SOURCES[1:]))
    def remove_a_source(self, path: str) -> None:
        if self.sources.pop(path, None) is not None:
            self.place.remove(path)

    @rule(data=st.data(), id_=st.sampled_from(sorted(COMMANDS)))
    def define(self, data: st.DataObject, id_: str) -> None:
        inputs = data.draw(st.sampled_from([None, None, None, (), ("s0",), ("s0", "dir/s2")]))
        self.targets[self._name(id_)] = Target(OUTPUTS[id_], data.draw(programs(id_)), inputs)

    @rule(data=st.data(), id_=st.sampled_from(sorted(PAPERS)))
    def write_a_paper(self, data: st.DataObject, id_: str) -> None:
        self.targets[id_] = data.draw(papers(OUTPUTS[id_]))

    @rule(id_=st.sampled_from(sorted(COMMANDS | PAPERS)))
    def drop(self, id_: str) -> None:
        if len(self.targets) > 1:
            self.targets.pop(self._name(id_), None)

    @rule(id_=st.sampled_from(sorted(COMMANDS)))
    def rename(self, id_: str) -> None:
        """Call a target otherwise: what it makes is the same, and was made."""
        name = self._name(id_)
        if name in self.targets:
            self.targets[OTHER_NAMES[id_] if name == id_ else id_] = self.targets.pop(name)

    def _name(self, id_: str) -> str:
        """Return what the target ``id_`` is called now."""
        other = OTHER_NAMES.get(id_, id_)
        return other if other in self.targets else id_

    # what happens to outputs

    @precondition(lambda self: not self.is_dirty)
    @rule(path=st.sampled_from(ALL_MADE))
    def remove_by_hand(self, path: str) -> None:
        self.foreign.pop(path, None)
        self.place.remove(path)

    @precondition(lambda self: self.foreign and not self.is_dirty)
    @rule()
    def tidy_up(self) -> None:
        for path in [*self.foreign]:
            self.remove_by_hand(path)

    @precondition(lambda self: not self.is_dirty)
    @rule(path=st.sampled_from(ALL_MADE), data=st.data())
    def revert_by_hand(self, path: str, data: st.DataObject) -> None:
        """Bring an older output back. It is ours while there is a target for it that made something there."""
        older = sorted(self.known.texts.get(path, ()))
        if older and path in self.placed and any(path in MADE[id_] for id_ in self.targets):
            self.foreign.pop(path, None)
            self.reverted.add(path)
            self.place.put(path, data.draw(st.sampled_from(older)))

    @precondition(lambda self: not self.is_dirty)
    @rule(path=st.sampled_from(ALL_MADE), n=st.integers(1, 3))
    def edit_by_hand(self, path: str, n: int) -> None:
        self.foreign[path] = f"mine {n} at {path}"  # which nothing makes there that reads what is mine elsewhere
        self.place.put(path, self.foreign[path])

    @rule(path=st.sampled_from(ALL_MADE))
    def touch(self, path: str) -> None:
        text = self.place.files().get(path)
        if text is not None and not self.is_dirty:
            self.place.put(path, text)

    @precondition(lambda self: not self.is_forgetful)
    @rule()
    def lose_the_index(self) -> None:
        self.place.lose_index()
        self.known.told.clear()
        self.is_forgetful = True

    @precondition(lambda self: not (self.is_forgetful or self.reverted))
    @rule()
    def collect_garbage(self) -> None:
        """Keep of the store what stands in the tree; all that anybody could go back to is gone."""
        before = self.place.foretell(self.targets, sorted(self.targets))
        self.place.collect(self.targets)
        after = self.place.foretell(self.targets, sorted(self.targets))
        fresh = {id_: one for id_, one in before.items() if one.state is State.FRESH}
        if not self.is_dirty and all(one.last and one.record and one.last.record == one.record.name for one in fresh.values()):
            assert all(after[id_].state is State.FRESH for id_ in fresh), [(id_, after[id_].state, after[id_].reasons) for id_ in fresh]
        standing = self.place.files()
        for path, texts in self.known.texts.items():
            if self.is_dirty:  # it may have been set aside, and comes back
                self.known.maybe.setdefault(path, set()).update(texts)
            texts &= {standing.get(path)}  # whatever else is brought back is in no record any more
        self.known.uncertain |= {(slot, program) for slot, program, _ in self.known.runs}
        self.known.runs.clear()
        self.known.told.clear()
        self.is_forgetful = True

    # builds

    def clean(self) -> Clean:
        """Return what a clean clone would give now."""
        of_targets = {path for id_ in self.targets for path in MADE[id_]}
        left = {path: text for path, text in self.foreign.items() if path not in of_targets}
        taken = {id_ for id_ in self.targets if any(path in self.foreign for path in MADE[id_])}
        return Clean(self.sources | left, self.targets, taken)

    @rule(data=st.data(), jobs=st.sampled_from([1, 2, 8]), seed=st.integers(0, 9), overwrite=st.booleans())
    def build_some(self, data: st.DataObject, jobs: int, seed: int, *, overwrite: bool) -> None:
        ids = sorted(self.targets)
        self.build(data.draw(st.one_of(st.just(ids), st.lists(st.sampled_from(ids), min_size=1, unique=True))), jobs, seed, overwrite)

    @rule(jobs=st.sampled_from([1, 2, 8]), seed=st.integers(0, 9))
    def build_all(self, jobs: int, seed: int) -> None:
        self.build(sorted(self.targets), jobs, seed)

    @rule(data=st.data(), jobs=st.sampled_from([1, 2, 8]), seed=st.integers(0, 9))
    def build_again(self, data: st.DataObject, jobs: int, seed: int) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.targets)), min_size=1, max_size=2, unique=True))
        self.build(ids, jobs, seed, again=frozenset(ids))

    @rule(
        path=st.sampled_from(SOURCES), text=st.sampled_from((*TEXTS, "")), after=st.integers(1, 60), jobs=st.sampled_from([1, 2, 8]),
        seed=st.integers(0, 9),
    )  # fmt: skip
    def edit_while_building(self, path: str, text: str, after: int, jobs: int, seed: int) -> None:
        """Save, or remove, a source while a build is at work. What that made is anybody's guess; what the next one makes is not."""
        before = self.clean()

        def act() -> None:
            if text:
                self.edit(path, text)
            elif path != SOURCES[0]:
                self.remove_a_source(path)

        self.place.build_while(self.targets, jobs, seed, Meddling(after, act))
        self.is_dirty = True
        tree = self.place.files()
        for made in ALL_MADE:
            if made in tree:
                self.known.maybe.setdefault(made, set()).add(tree[made])
        for clean in (before, self.clean()):
            for id_ in self.targets:
                self._guess(id_, clean.made(id_))

    def build(
        self, wanted: Sequence[str], jobs: int, seed: int, overwrite: bool = False, again: AbstractSet[str] = frozenset()
    ) -> None:  # fmt: skip
        overwrite = overwrite and self._overwritten(wanted)
        clean = self.clean()
        self.place.ask_for(again)
        foretold, before = self.place.foretell(self.targets, wanted), {*self.place.stamps().values()}
        built = self.place.build(self.targets, wanted, jobs, seed, overwrite=overwrite)
        self.place.ask_for(frozenset())
        self._compare_with_foretold(foretold, built, before, overwrite=overwrite)
        self.is_dirty = self.is_forgetful = False
        self._compare_outcomes(clean, wanted, built)
        closure = clean.closure(frozenset(wanted))
        # Some are made although nothing needs them any more: who needed them the last time was not asked yet.
        for id_ in clean.closure(frozenset(wanted), around=True) | (built.outcomes.keys() & self.targets.keys()):
            is_made_and_not_placed = id_ in PAPERS and clean.is_taken(id_)  # nobody looks whose place it is before it is made
            if id_ not in closure or clean.made(id_).is_open or is_made_and_not_placed:
                self._guess(id_, clean.made(id_))
        self._compare_trees(clean, wanted)
        self._compare_runs(clean, wanted, built, again)
        self._learn(clean, wanted)
        self._build_again(clean, wanted, built, jobs, seed)

    def _overwritten(self, wanted: Sequence[str]) -> bool:
        """Forget what of somebody's own is replaced: that which is in the place of something that can be made.

        Return whether it is known what that is.
        """
        of_targets = {path for id_ in self.targets for path in MADE[id_]}
        left = {path: text for path, text in self.foreign.items() if path not in of_targets}
        bold = Clean(self.sources | left, self.targets)
        closure = bold.closure(frozenset(wanted))
        around = bold.closure(frozenset(wanted), around=True)
        if any(bold.made(id_).is_open or bold.made(id_).circular for id_ in around):
            return False  # how far it goes before it finds the circle, nobody knows
        if any(path in self.foreign for id_ in around - closure for path in MADE[id_]):
            return False  # one that is met by the folders around its outputs alone is made only where those are not there yet
        beyond = {path for id_ in self.targets.keys() - closure for path in MADE[id_]}
        if beyond & self.foreign.keys() and any(bold.made(id_).files is None for id_ in closure):
            return False  # what a command that cannot be made goes on to touch in its first run is made for it, needed or not
        for id_ in closure:
            if bold.made(id_).files is not None:
                for path in MADE[id_]:
                    self.foreign.pop(path, None)
        return True

    def _compare_with_foretold(
        self, foretold: Mapping[str, Situation], built: Built, before: AbstractSet[object], *, overwrite: bool
    ) -> None:
        """Compare what a build did with what was said before it began; ``before`` are the stamps of that moment."""
        now = self.place.stamps()
        for id_, one in foretold.items():
            outcome, has_run, said = built.outcomes.get(id_), id_ in built.ran, f"{id_}: {one.state}, {one.reasons}; {built}"
            is_replaced = any(now.get(path) not in before for path in MADE[id_])
            match one.state:
                case _ if outcome is None:
                    continue  # it was used the last time, and is not any more
                case State.FRESH:
                    assert (outcome, has_run, is_replaced) == (Outcome.REUSED, False, False), said
                case State.STORED:
                    assert (outcome, has_run, is_replaced) == (Outcome.REUSED, False, True), said
                case State.STALE | State.NEVER | State.FAILED:
                    assert has_run, said
                    is_of_others = any(name in built.first[id_] for name in _ABOUT_OTHERS)
                    assert built.first[id_] == one.reasons[0].text or is_of_others, said
                    assert outcome is not Outcome.RAN or one.reasons[0] in built.why[id_], said
                case State.WAITING:
                    assert one.reasons[0].kind in {"waits", "order"}, said
                case State.BLOCKED if not overwrite:
                    assert (outcome in {Outcome.FAILED, Outcome.BLOCKED}, has_run) == (True, False), said
                case State.FOREIGN if not overwrite:
                    assert outcome is Outcome.FAILED or (id_ in PAPERS and outcome is Outcome.BLOCKED), said  # it reads, and then places

    def _compare_outcomes(self, clean: Clean, wanted: Sequence[str], built: Built) -> None:
        for id_ in clean.closure(frozenset(wanted)):
            made = clean.made(id_)
            assert made.is_open or (built.outcomes.get(id_) in GOOD) == (made.files is not None), (id_, built, made)

    def _compare_trees(self, clean: Clean, wanted: Sequence[str]) -> None:
        tree = self.place.files()
        assert {path: tree.get(path) for path in self.sources} == self.sources
        for path, text in self.foreign.items():
            assert tree.get(path) == text, path
        made: set[str] = set()
        for id_ in clean.closure(frozenset(wanted)):
            files = clean.made(id_).files
            if files is not None and not clean.made(id_).is_open:
                made.update(files)
                assert {path: tree.get(path) for path in files} == files, id_
        rest = tree.keys() - self.sources.keys() - self.foreign.keys() - made
        for path in rest:
            maker = next((id_ for id_ in self.targets if path in MADE[id_]), None)
            assert maker is not None or path.startswith("_build/"), f"{path} was left over"  # documents stay
            # What one that waits for itself met of a folder that comes and goes, nobody knows.
            if maker is not None and clean.made(maker).circular and clean.made(maker).is_open:
                self.known.maybe.setdefault(path, set()).add(tree[path])
            assert tree[path] in self.known.texts.get(path, set()) | self.known.maybe.get(path, set()), path

    def _compare_runs(self, clean: Clean, wanted: Sequence[str], built: Built, again: AbstractSet[str]) -> None:
        for id_, times in Counter(built.ran).items():
            made = clean.made(id_)
            if made.files is None or made.is_open:
                continue
            finished = built.outcomes[id_] is Outcome.RAN
            if finished and id_ not in again:
                assert self._run_of(id_, made) not in self.known.runs, f"{id_} ran in vain: {built.reasons.get(id_)}"
            if times > finished:
                assert id_ in PAPERS or self._may_touch_unsettled(clean, id_, made), f"{id_} ran {times} times although its order was known"
                assert times - finished <= len(made.reads | made.around), id_
        for id_ in clean.closure(frozenset(wanted)):
            made = clean.made(id_)
            if made.files is not None and not made.is_open and (id_ in again or self._run_of(id_, made) not in self.known.runs):
                may_be_known = id_ not in again and (_slot(id_), self.targets[id_].program) in self.known.uncertain
                assert id_ in built.ran or may_be_known, f"{id_} was not run"

    def _run_of(self, id_: str, made: Made) -> Run:
        return _slot(id_), self.targets[id_].program, made.trace

    def _may_touch_unsettled(self, clean: Clean, id_: str, made: Made) -> bool:
        """Return whether no earlier trace could have told all that ``id_`` waits for."""
        told = self.known.told.get(id_)
        if told is None or not made.reads <= told or made.around:
            return True
        # What earlier traces tell of others may be a circle by now.
        todo, seen = [*made.reads], set[str]()
        while todo:
            other = todo.pop()
            if other == id_:
                return True
            if other not in seen:
                seen.add(other)
                todo.extend(self.known.told.get(other, self.targets.keys()))
                todo.extend(clean.made(other).reads if other in self.targets else ())
        return False

    def _learn(self, clean: Clean, wanted: Sequence[str]) -> None:
        self.placed = {path for path in self.placed if any(path in MADE[id_] for id_ in self.targets)}
        for id_ in clean.closure(frozenset(wanted)):
            made = clean.made(id_)
            if made.files is not None and not made.is_open:
                self.placed.update(made.files)
                self.reverted.difference_update(made.files)
                self.known.runs.add(self._run_of(id_, made))
                self.known.told[id_] = made.reads
                for path, text in made.files.items():
                    self.known.texts.setdefault(path, set()).add(text)

    def _build_again(self, clean: Clean, wanted: Sequence[str], before: Built, jobs: int, seed: int) -> None:
        built = self.place.build(self.targets, wanted, jobs, seed)
        again = {id_ for id_ in built.ran if clean.made(id_).files is not None and not clean.made(id_).is_open}
        if any(clean.made(id_).circular for id_ in clean.closure(frozenset(wanted))):
            again &= before.outcomes.keys()  # one that is in a circle may go on to touch more, and that is made for it
        assert not again, f"{again} ran again: {built.reasons}, after {before}, of {self.targets}"

    @rule(after=st.integers(0, 120))
    def die_while_building(self, after: int) -> None:
        clean = self.clean()
        self.place.die_while_building(self.targets, after)
        self.is_dirty = True
        for id_ in self.targets:
            self._guess(id_, clean.made(id_))

    def _guess(self, id_: str, made: Made) -> None:
        """Take into account that ``id_`` may have been made like this."""
        self.known.uncertain.add((_slot(id_), self.targets[id_].program))
        self.known.told.pop(id_, None)
        for path, text in (made.files or {}).items():
            self.known.maybe.setdefault(path, set()).add(text)
