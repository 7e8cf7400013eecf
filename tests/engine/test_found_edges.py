"""Documents whose reads nobody declared, against an oracle: whatever is asked for, and whatever was built before, it is right.

Documents read sources, results and each other, some only where they exist. Targets come and go, texts and commands change, the index
is lost, builds die, and only some of the documents are asked for.
"""

from __future__ import annotations

import contextlib
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from paperbuild.engine.graph import Action
from paperbuild.events import Outcome
from tests.engine.memory import Crash
from tests.engine.world import World, command, document

SOURCES = ("s0", "s1")
RESULTS = ("r0", "r1", "r2")
DOCUMENTS = ("d0", "d1")
READABLE = (*SOURCES, *(f"?{name}" for name in RESULTS), *(f"?_build/{name}" for name in DOCUMENTS))


class FoundEdges(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.sources: dict[str, str] = {}
        self.results: dict[str, tuple[str, str]] = {}
        self.documents: dict[str, tuple[str, ...]] = {}

    @initialize()
    def begin(self) -> None:
        for name in SOURCES:
            self.edit(name, "x")
        self.define("r0", "cat", "s0")
        self.rewrite("d0", ["s0", "?r0"])
        self.rewrite("d1", ["?_build/d0"])

    @rule(name=st.sampled_from(SOURCES), text=st.sampled_from("xyz"))
    def edit(self, name: str, text: str) -> None:
        self.sources[name] = text
        self.world.put(name, text)

    @rule(name=st.sampled_from(RESULTS), verb=st.sampled_from(["cat", "append", "fail"]), source=st.sampled_from((*SOURCES, *RESULTS)))
    def define(self, name: str, verb: str, source: str) -> None:
        if source in SOURCES or source < name:
            self.results[name] = (verb, source)

    @rule(name=st.sampled_from(RESULTS))
    def drop(self, name: str) -> None:
        if not any(source == name for _, source in self.results.values()):
            self.results.pop(name, None)

    @rule(name=st.sampled_from(DOCUMENTS), reads=st.lists(st.sampled_from(READABLE), min_size=1, max_size=3, unique=True))
    def rewrite(self, name: str, reads: list[str]) -> None:
        later = f"?_build/{max(DOCUMENTS)}"
        self.documents[name] = tuple(one for one in reads if f"_build/{name}" not in one and (name != "d0" or one != later)) or ("s0",)

    @rule()
    def turn_the_documents_round(self) -> None:
        """Now the first reads the second: what last traces say would be a circle."""
        self.documents = {"d1": tuple(one for one in self.documents["d1"] if "_build" not in one) or ("s1",), "d0": ("?_build/d1", "s0")}

    @rule()
    def lose_the_index(self) -> None:
        self.world.lose_index()

    def expected(self, name: str, files: dict[str, str] | None = None) -> str | None:
        """Return what is in ``name`` in a clean clone; None where it cannot be made."""
        if name in self.sources:
            return self.sources[name]
        if name in self.results:
            verb, source = self.results[name]
            return None if verb == "fail" or source not in (*self.sources, *self.results) else self.expected(source)
        reads = self.documents[name.removeprefix("_build/")]
        there = [one for one in reads if not one.startswith("?") or one[1:] in self.results or one.startswith("?_build/")]
        texts = [self.expected(one.lstrip("?")) for one in there]
        return None if None in texts else "|".join(text for text in texts if text is not None)

    def actions(self) -> list[Action]:
        found = []
        for name, (verb, source) in self.results.items():
            line = "fail" if verb == "fail" else f"{verb} {source} to {name}"
            found.append(command(f"make-{name}", line, name, source))
        return [*found, *(document(name, " ".join(reads)) for name, reads in self.documents.items())]

    def is_a_circle(self) -> bool:
        return all(f"?_build/{other}" in self.documents[name] for name, other in (DOCUMENTS, reversed(DOCUMENTS)))

    @rule(wanted=st.sets(st.sampled_from(DOCUMENTS), min_size=1), seed=st.integers(0, 5), jobs=st.sampled_from([1, 4]))
    def build_some(self, wanted: set[str], seed: int, jobs: int) -> None:
        self.world.random = Random(seed)
        self.world.targets(*self.actions())
        if self.is_a_circle():
            return
        self.world.build(*sorted(wanted), jobs=jobs, keep_going=True)
        for name in wanted:
            right = self.expected(name)
            assert (self.world.outcome(name) in {Outcome.RAN, Outcome.REUSED}) == (right is not None), self.world.report
            if right is not None:
                assert self.world.content(f"_build/{name}") == right
        ran = list(self.world.ran_now)
        self.world.build(*sorted(wanted), jobs=jobs, keep_going=True)
        again = [id_ for id_ in self.world.ran_now if self.results[id_.removeprefix("make-")][0] != "fail"]
        assert again == [], ran
        states = {name: self.world.situation(name).state.value for name in wanted if self.expected(name) is not None}
        assert set(states.values()) <= {"up to date"}

    @rule(seed=st.integers(0, 5), after=st.integers(0, 60))
    def die_while_building(self, seed: int, after: int) -> None:
        self.world.random = Random(seed)
        self.world.targets(*self.actions())
        if not self.is_a_circle():
            self.world.fs.dies_after = self.world.fs.changes + after
            with contextlib.suppress(Crash):
                self.world.build(jobs=2, keep_going=True)
            self.world.fs.revive()


TestFoundEdges = FoundEdges.TestCase
TestFoundEdges.settings = settings(max_examples=50, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck))
