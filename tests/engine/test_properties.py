"""The engine against an oracle that knows no store, no traces and no crashes.

The oracle computes what a clean clone would hold, and which actions it has not yet seen with these inputs. After any history of
edits, redefinitions, hand-made changes, lost indexes and crashes, a build must give exactly that tree, run exactly those actions,
and do so with any number of jobs in any order.
"""

from __future__ import annotations

import contextlib
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from paperbuild.engine.graph import Action, Command
from tests.engine.memory import Crash
from tests.engine.world import World, command

SOURCES = ("s0", "s1", "s2")
CELLS = 4


class Oracle:
    """What a clean build gives: the content of every output, by running the little language on dictionaries."""

    def __init__(self, sources: dict[str, str], actions: dict[str, Action]) -> None:
        self.files = dict(sources)
        self.ran: dict[str, tuple[object, ...]] = {}
        for id_, action in actions.items():  # declared in an order in which each comes after what it reads
            inputs = self._inputs(action)
            assert isinstance(action.recipe, Command)
            self.ran[id_] = (action.recipe.line, action.outputs, action.params, tuple(inputs.items()))
            text = "".join(f"{name.removeprefix('runs/')}={content.encode()!r}\n" for name, content in inputs.items())
            joined = "+".join(inputs.values())
            self.files[action.outputs[0].path] = text if action.recipe.line.startswith("list") else joined

    def _inputs(self, action: Action) -> dict[str, str]:
        assert action.inputs is not None
        if action.inputs == ("runs/*",):
            return {name: self.files[name] for name in sorted(self.files) if name.startswith("runs/")}
        return {name: self.files[name] for name in action.inputs}


class EngineMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.sources: dict[str, str] = {}
        self.cells: dict[int, tuple[str, ...]] = {}
        self.verbs: dict[int, str] = {}
        self.seen: set[tuple[object, ...]] = set()
        self.uncertain: set[tuple[object, ...]] = set()
        self.with_sum = True

    @initialize(texts=st.lists(st.sampled_from("xyz"), min_size=3, max_size=3))
    def begin(self, texts: list[str]) -> None:
        for name, text in zip(SOURCES, texts, strict=True):
            self.edit(name, text)
        self.define(0, {0}, False, "cat")
        self.define(1, {1}, True, "cat")

    @rule(name=st.sampled_from(SOURCES), text=st.sampled_from(["x", "y", "z", "long text"]))
    def edit(self, name: str, text: str) -> None:
        self.sources[name] = text
        self.world.put(name, text)

    @rule(
        n=st.integers(0, CELLS - 1),
        sources=st.sets(st.integers(0, 2), min_size=1),
        chained=st.booleans(),
        verb=st.sampled_from(["cat", "append", "lazy"]),
    )
    def define(self, n: int, sources: set[int], chained: bool, verb: str) -> None:
        earlier = [c for c in self.cells if c < n]
        inputs = [SOURCES[s] for s in sorted(sources)]
        if verb != "cat":
            inputs = inputs[:1]
        elif chained and earlier:
            inputs.append(f"runs/{max(earlier)}")
        self.cells[n] = tuple(inputs)
        self.verbs[n] = verb

    @rule(n=st.integers(0, CELLS - 1))
    def drop(self, n: int) -> None:
        if len(self.cells) > 1 and not any(f"runs/{n}" in inputs for inputs in self.cells.values()):
            self.cells.pop(n, None)

    @rule()
    def toggle_the_aggregate(self) -> None:
        self.with_sum = not self.with_sum

    @rule()
    def lose_the_index(self) -> None:
        self.world.lose_index()

    @rule(n=st.integers(0, CELLS - 1))
    def remove_an_output_by_hand(self, n: int) -> None:
        self.world.remove(f"runs/{n}")

    @rule(n=st.integers(0, CELLS - 1), data=st.data())
    def put_an_older_output_back(self, n: int, data: st.DataObject) -> None:
        known = sorted(
            {str(key[3][0][1]) for key in self.seen if key[0].startswith("cat") and key[1][0].path == f"runs/{n}" and len(key[3]) == 1}
        )
        # Where the target is gone, and its output with it, such a file would be the user's own.
        if known and (n in self.cells or self.world.content(f"runs/{n}") is not None):
            self.world.put(f"runs/{n}", data.draw(st.sampled_from(known)))

    def actions(self) -> dict[str, Action]:
        found = {}
        for n in sorted(self.cells):
            inputs = self.cells[n]
            line = f"{self.verbs[n]} {' '.join(inputs)} to runs/{n}"
            found[f"t{n}"] = command(f"t{n}", line, f"runs/{n}", " ".join(inputs))
        if self.with_sum:
            found["sum"] = command("sum", "list runs to sum", "sum", "runs/*")
        return found

    def build(self, seed: int, jobs: int) -> Oracle:
        actions = self.actions()
        self.world.random = Random(seed)
        self.world.targets(*actions.values())
        return Oracle(self.sources, actions)

    @rule(seed=st.integers(0, 9), jobs=st.sampled_from([1, 2, 8]))
    def build_and_compare(self, seed: int, jobs: int) -> None:
        oracle = self.build(seed, jobs)
        self.world.build(jobs=jobs).succeeded()
        assert {p: d.decode() for p, d in self.world.fs.files("/p").items()} == oracle.files
        ran = {oracle.ran[id_] for id_ in self.world.ran_now}
        needed = set(oracle.ran.values()) - self.seen
        assert len(ran) == len(self.world.ran_now)
        assert needed - self.uncertain <= ran <= needed
        self.seen |= set(oracle.ran.values())
        self.uncertain -= self.seen

    @rule(seed=st.integers(0, 9), after=st.integers(0, 90))
    def die_while_building(self, seed: int, after: int) -> None:
        oracle = self.build(seed, 2)
        self.world.fs.dies_after = self.world.fs.changes + after
        with contextlib.suppress(Crash):
            self.world.build(jobs=2)
        self.world.fs.revive()
        self.uncertain |= set(oracle.ran.values())

    @precondition(lambda self: self.uncertain)
    @rule()
    def the_build_after_a_crash_is_right(self) -> None:
        self.build_and_compare(0, 2)

    @invariant()
    def no_output_is_half_written_where_no_build_is_open(self) -> None:
        assert not any("/.paperbuild-" in path for path in self.world.fs.nodes)


TestEngine = EngineMachine.TestCase
TestEngine.settings = settings(max_examples=60, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck))
