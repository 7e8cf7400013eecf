"""Given, when, then for the engine: a project in memory, built with the real engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.build import BuildReport, build
from paperbuild.engine.conditions import Machine
from paperbuild.engine.graph import Action, Command, Graph, Output, Resources, Step
from paperbuild.engine.index import Index
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.outlook import Fate, outlook
from paperbuild.engine.ports import Question, Reader, Revision, StepResult, Surroundings
from paperbuild.engine.queries import Situation, survey
from paperbuild.engine.remote import Remote
from paperbuild.engine.rules import Treatment
from paperbuild.engine.shelf import Site
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Package, Program, Record
from paperbuild.engine.workshop import Workshop
from paperbuild.events import Event, Outcome
from paperbuild.provenance.judging import VerifyOptions
from paperbuild.provenance.verdicts import Verdict
from paperbuild.provenance.verification import verify
from tests.engine.memory import Clock, Locks, MemoryFileSystem, ScriptedExecutor, ShuffledLanes

ROOT = "/p"
COPIES = "/copies"


class Environment:
    """No variables; one package and one program, whose versions tests set."""

    home = "/home/u"
    files: Mapping[str, str] = MappingProxyType({})
    lent: Mapping[str, str] = MappingProxyType({})

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.programs: dict[str, str] = {}
        self.answers: dict[Question, str | None] = {}

    def answer(self, question: Question) -> str | None:
        kind, name = question
        self.answers[question] = (self.versions if kind == "package" else self.programs).get(name)
        return self.answers[question]

    def hash_by(self, digest: Callable[[str], str | None]) -> None:
        return

    def elsewhere(self, root: str, changes: Mapping[str, str]) -> Environment:
        return self

    def surroundings(self) -> Surroundings:
        return Surroundings(("/sys/",), ("/bin/",))

    def hook(self, given: Mapping[str, str]) -> Mapping[str, str]:
        return {"HOOKED": "yes"}

    def treatment(self, path: str) -> Treatment:
        return Treatment.NOTHING if path in {"/", ROOT.rpartition("/")[0]} else Treatment.INPUT

    def grouped(self, prefix: str, names: Iterable[str]) -> tuple[Package | Program, ...]:
        return tuple(Program(name, self.program(name)) for name in names)

    def unfound(self, names: Iterable[str]) -> tuple[Package, ...]:
        return ()

    def program(self, name: str) -> str | None:
        return self.answer(("program", name))

    def given(self, action: Action) -> Mapping[str, str]:
        return {v.name: v.value for v in action.variables}

    def counted(self, action: Action) -> Mapping[str, str]:
        return {f"variable:{v.name}": v.counted for v in action.variables if v.counted is not None}

    def value_digest(self, name: str) -> str | None:
        return None

    def packages(self, action: Action, sources: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
        return tuple(("python", name, version) for name, version in sorted(self.versions.items()))

    def package(self, tool: str, name: str) -> str | None:
        return self.answer(("package", name))


class Joiner:
    """Steps of tests: they read the files in ``config`` (one a line; ``?`` before a name: only if it is there) and join them."""

    def fingerprint(self) -> tuple[tuple[str, str], ...]:
        return (("joiner", "1"),)

    def check(self, action: Action, reader: Reader) -> tuple[Diagnostic, ...]:
        wrong = [path for path in action.inputs or () if b"wrong" in reader.read(path)]
        return tuple(Diagnostic("PB999", f"{path} is wrong") for path in wrong)

    def run(self, action: Action, reader: Reader) -> StepResult:
        assert isinstance(action.recipe, Step)
        names = str(dict(action.recipe.config)["reads"]).split("\n")
        parts = [reader.read(n.lstrip("?")) for n in names if not n.startswith("?") or reader.exists(n[1:])]
        return StepResult({output.name: b"|".join(parts) for output in action.outputs})


class Versions:
    """A version control system that knows the contents it is told."""

    def __init__(self, fs: MemoryFileSystem) -> None:
        self.fs = fs
        self.committed: dict[str, bytes] = {}

    def recoverable(self, path: str, but_for: Container[str] = ()) -> bool:
        if any(inside.startswith(f"{path}/") for inside in self.committed):
            return all(inside in but_for or self.recoverable(inside) for inside in self.fs.nodes if inside.startswith(f"{path}/"))
        node = self.fs.nodes.get(path)
        return node is not None and node.data is not None and self.committed.get(path) == node.data

    def revision(self) -> Revision | None:
        return None

    def versions_of(self, name: str) -> Iterator[tuple[str, bytes]]:
        yield from ()


def graph_of(actions: Iterable[Action]) -> Graph:
    """Return the graph of ``actions``, which knows what it was made of, as those of projects do."""
    actions = tuple(actions)
    return Graph(actions, made_of=hashlib.sha256(msgspec.msgpack.encode(actions)).digest())


def command(
    name: str,
    line: str,
    outputs: str,
    inputs: str | None = "",
    *,
    needs: str = "",
    params: Mapping[str, str] | None = None,
    stored: bool = True,
    cpu: float = 1,
    refresh_s: float | None = None,
) -> Action:
    """An action whose words are given as texts: ``outputs="a b"`` are two outputs."""
    return Action(
        id=name,
        target=name.partition("[")[0],
        recipe=Command(line),
        outputs=tuple(Output(path.rstrip("/").replace("/", "-"), path, stored) for path in outputs.split()),
        inputs=None if inputs is None else tuple(inputs.split()),
        needs=tuple(needs.split()),
        params=tuple((params or {}).items()),
        resources=Resources(cpu=cpu),
        refresh_s=refresh_s,
    )


def document(name: str, reads: str, *, needs: str = "", inputs: str = "") -> Action:
    """A step that joins what it reads into ``_build/NAME``."""
    return Action(
        id=name, target=name, recipe=Step("joiner", (("reads", "\n".join(reads.split())),)), outputs=(Output("out", f"_build/{name}"),),
        inputs=tuple(inputs.split()), needs=tuple(needs.split()),
    )  # fmt: skip


def copied(index: Index) -> Index:
    """Return an index in memory that knows what ``index`` knows: whoever only asks remembers nothing."""
    copy = Index(":memory:")
    index.flush()
    index._database.backup(copy._database)
    copy.is_new = index.is_new
    return copy


class World:
    """A project in memory, on a machine where commands are ``watched``, or not."""

    is_watched = False  # what a world is that does not say

    def __init__(self, seed: int = 0, *, watched: bool | None = None) -> None:
        self.clock = Clock()
        self.fs = MemoryFileSystem(self.clock)
        self.fs.make_folder(ROOT)
        self.versions = Versions(self.fs)
        self.environment = Environment()
        self.executor = ScriptedExecutor(self.fs, watched=self.is_watched if watched is None else watched)
        self.random = Random(seed)
        self.actions: dict[str, Action] = {}
        self.events: list[Event] = []
        self.report: BuildReport | None = None
        self.again: frozenset[str] = frozenset()
        """Those that are asked for though they may be up to date."""
        self.index = Index(":memory:")
        self._ran_before = 0

    # given

    def write(self, **files: str) -> World:
        """Write files; ``__`` in a name stands for a slash, ``_dot_`` for a dot."""
        for name, text in files.items():
            self.put(name.replace("__", "/").replace("_dot_", "."), text)
        return self

    def put(self, path: str, text: str) -> World:
        absolute = f"{ROOT}/{path}"
        self.clock.tick()
        self.fs.make_folder(absolute.rpartition("/")[0])
        self.fs.write(absolute, text.encode())
        return self

    def remove(self, path: str) -> World:
        self.fs.remove_tree(f"{ROOT}/{path}".rstrip("/"))
        return self

    def target(self, action: Action) -> World:
        self.actions[action.id] = action
        return self

    def targets(self, *actions: Action) -> World:
        self.actions = {action.id: action for action in actions}
        return self

    # when

    def workshop(self) -> Workshop:
        return self.opened(None)

    def opened(self, remote: Remote | None) -> Workshop:
        return Workshop(
            site=Site(ROOT, f"{ROOT}/.paperbuild"),
            fs=self.fs,
            store=Store(self.fs, f"{ROOT}/.paperbuild", remote),
            index=self.index,
            clock=self.clock,
            lock=Locks(),
            lanes=ShuffledLanes(self.random),
            executor=self.executor,
            versions=self.versions,
            environment=self.environment,
            runners={"joiner": Joiner()},
            remote=remote,
        )

    def build(self, *wanted: str, jobs: int = 1, **options: Any) -> World:
        self.clock.tick(10_000_000_000)
        self._ran_before = len(self.executor.ran)
        self.events = []
        graph = graph_of(self.actions.values())
        graph.ask_for(self.again)
        self.report = build(graph, wanted or tuple(self.actions), self.workshop(), BuildOptions(jobs=jobs, **options), self.events.append)
        return self

    def verify(self, *wanted: str, once: bool = False, keeps: bool = False) -> dict[str, Verdict]:
        self.clock.tick(10_000_000_000)
        self._ran_before = len(self.executor.ran)
        self.events = []
        graph = Graph(self.actions.values())
        machine = Machine(umask=0o022, processors=(0, 1), user="u")
        options = VerifyOptions(COPIES, machine, jobs=2, once=once, keeps=keeps, named=frozenset(wanted))
        found = verify(graph, wanted or tuple(self.actions), self.workshop(), options, lambda _: None, self.events.append)
        return {verdict.action: verdict for verdict in found}

    def record(self, id_: str) -> Record:
        last = self.index.last_run(id_)
        assert last is not None
        record = self.workshop().store.record(last.key, last.record)
        assert record is not None
        return record

    def lose_index(self) -> World:
        self.index = Index(":memory:")
        return self

    def foretold(self, *wanted: str) -> dict[str, Situation]:
        """Return how things stand, by id, for whoever asks and lets nobody see it."""
        self.clock.tick(10_000_000_000)
        workshop = replace(self.workshop(), index=copied(self.index))
        graph = Graph(self.actions.values())
        graph.ask_for(self.again)
        return {one.action.id: one for one in survey(graph, wanted or tuple(self.actions), workshop)}

    def outlook(self, *wanted: str, **options: Any) -> dict[str, Fate]:
        """Return what a dry run tells, by id."""
        self.clock.tick(10_000_000_000)
        workshop = replace(self.workshop(), index=copied(self.index))
        found = outlook(Graph(self.actions.values()), wanted or tuple(self.actions), workshop, BuildOptions(**options))
        return {one.action.id: one.fate for one in found.prospects}

    def situation(self, id_: str) -> Situation:
        found = survey(graph_of(self.actions.values()), (id_,), self.workshop())
        return next(one for one in found if one.action.id == id_)

    # then

    @property
    def ran_now(self) -> list[str]:
        return self.executor.ran[self._ran_before :]

    def ran(self, *ids: str) -> World:
        assert sorted(self.ran_now) == sorted(ids)
        return self

    def ran_nothing(self) -> World:
        assert self.report is not None
        assert self.report.count(Outcome.RAN) == 0
        return self.ran()

    def outcome(self, id_: str) -> Outcome:
        assert self.report is not None
        return self.report.outcomes[id_]

    def codes(self) -> list[str]:
        assert self.report is not None
        return [d.code for d in self.report.diagnostics if d.severity is not Severity.NOTE]

    def content(self, path: str) -> str | None:
        node = self.fs.nodes.get(f"{ROOT}/{path}")
        return None if node is None or node.data is None else node.data.decode()

    def succeeded(self) -> World:
        assert self.report is not None
        assert self.report.succeeded, self.report
        return self
