"""What may start next."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.engine.graph import Resources
from paperbuild.engine.schedule import Elsewhere, Schedule


def schedule(edges: Mapping[str, set[str]], capacity: Resources | None = None, **resources: Resources) -> Schedule:
    return Schedule([*edges], edges, {id_: resources.get(id_, Resources()) for id_ in edges}, capacity or Resources(cpu=8))


def test_what_waits_arrives_when_all_it_waits_for_is_settled():
    plan = schedule({"a": set(), "b": set(), "c": {"a", "b"}})
    assert plan.arrivals() == ("a", "b")
    assert plan.arrivals() == ()
    plan.settle("a")
    plan.start("b")
    assert plan.arrivals() == ()
    plan.settle("b")
    assert plan.arrivals() == ("c",)
    plan.settle("c")
    assert plan.settled == {"a", "b", "c"}


def test_what_needs_a_failure_is_lost_however_far_away():
    plan = schedule({"c": {"b"}, "b": {"a"}, "a": set(), "d": set()})
    assert plan.arrivals() == ("a", "d")
    assert plan.lose("a") == ("b", "c")
    assert plan.arrivals() == ()


def test_what_is_put_back_waits_for_more():
    plan = schedule({"a": set(), "b": set(), "c": set()})
    assert plan.arrivals() == ("a", "b", "c")
    plan.start("a")
    assert plan.again("a", ["b"]) == ()
    assert plan.arrivals() == ()
    plan.settle("b")
    assert plan.arrivals() == ("a",)
    plan.lose("c")
    assert plan.again("a", ["c"]) == ("c",)
    assert plan.arrivals() == ()


def test_more_actions_can_join():
    plan = Schedule("a", {"a": set()}, dict.fromkeys("abc", Resources()), Resources())
    plan.add(["c", "b", "a"], {"a": {"x"}, "b": set(), "c": {"b"}})
    assert plan.order == ("a", "c", "b")
    assert plan.arrivals() == ("a", "b")


def test_what_is_lined_up_comes_in_order_as_soon_as_there_is_room():
    plan = schedule({id_: set() for id_ in "abc"}, Resources(cpu=2, gpu=1), a=Resources(gpu=1), b=Resources(gpu=1))
    for id_ in "cba":
        plan.line_up(id_)
    assert plan.next() == "a"
    plan.start("a")
    assert plan.next() == "c", "b has to wait for the GPU"
    plan.start("c")
    assert plan.next() is None
    plan.settle("a")
    assert plan.next() == "b"
    assert plan.next() is None


def test_what_runs_stays_within_each_resource():
    gpu, big, huge = Resources(gpu=1), Resources(memory_bytes=6), Resources(cpu=99)
    plan = schedule({id_: set() for id_ in "abcdefg"}, Resources(cpu=3, gpu=1, memory_bytes=10), a=gpu, b=gpu, c=big, d=big, e=huge)
    assert plan.has_room("e")  # alone, even what wants more than there is
    plan.start("a")
    assert not plan.has_room("b")
    assert not plan.has_room("e")
    plan.start("c")
    assert not plan.has_room("d")
    plan.start("f")
    assert not plan.has_room("g")


def test_a_hint_holds_back_only_while_something_else_can_go_on():
    plan = Schedule("ab", {"a": set(), "b": set()}, dict.fromkeys("ab", Resources()), Resources(), {"a": {"b", "other"}})
    assert plan.arrivals() == ("b",)
    plan.line_up("b")
    assert plan.arrivals() == ()
    assert plan.next() == "b"
    plan.start("b")
    assert plan.arrivals() == ()
    plan.lose("b")
    assert plan.arrivals() == ("a",)


def test_a_hint_that_comes_later_holds_back_too():
    plan = schedule({"a": set(), "b": set()})
    assert plan.arrivals() == ("a", "b")
    assert plan.expect("a", ["b", "other"])
    assert not plan.expect("b", ["other"])
    assert plan.arrivals() == ("a",), "nothing else can go on"
    plan.settle("b")
    assert not plan.expect("a", ["b"])


def test_hints_that_go_round_in_a_circle_hold_nothing_back_for_ever():
    hints = {"a": {"b"}, "b": {"a"}}
    plan = Schedule("ab", {"a": set(), "b": set()}, dict.fromkeys("ab", Resources()), Resources(), hints)
    assert plan.arrivals() == ("a", "b")


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_every_action_of_any_graph_is_settled_or_lost_and_never_before_what_it_waits_for(data: st.DataObject):
    n = data.draw(st.integers(1, 8))
    edges = {str(i): data.draw(st.sets(st.sampled_from([str(j) for j in range(i)]))) if i else set() for i in range(n)}
    hints = {str(i): data.draw(st.sets(st.sampled_from([str(j) for j in range(n)]))) for i in range(n)}
    plan = Schedule([*edges], edges, dict.fromkeys(edges, Resources()), Resources(cpu=2), hints)
    settled: set[str] = set()
    lost: set[str] = set()
    while True:
        for id_ in plan.arrivals():
            assert edges[id_] <= settled
            plan.line_up(id_)
        while id_ := plan.next():
            plan.start(id_)
        if not plan.running:
            break
        assert len(plan.running) <= 2
        ended = data.draw(st.sampled_from(sorted(plan.running)))
        if data.draw(st.booleans()):
            plan.settle(ended)
            settled.add(ended)
        else:
            lost |= {ended, *plan.lose(ended)}
    assert settled | lost == set(edges)


def test_what_is_idle_takes_no_room():
    plan = schedule({"a": set(), "b": set(), "c": set()}, Resources(cpu=1))
    for id_ in plan.arrivals():
        plan.line_up(id_)
    assert plan.next() == "a"
    plan.start("a", idle=True)
    assert plan.next() == "b"
    plan.start("b")
    assert plan.next() is None
    assert plan.running == {"a", "b"}
    plan.again("a")
    assert plan.arrivals() == ("a",), "and is looked up again"
    plan.settle("b")
    assert plan.next() == "c"


def steps(cells: int, *, hinted: bool) -> int:
    """Return how many functions are called while a sweep of ``cells`` of several kinds runs, 64 at once, with a table of all after it."""
    ids = [f"cell[{n}]" for n in range(cells)]
    edges = {**dict.fromkeys(ids, frozenset[str]()), "table": frozenset(() if hinted else ids)}
    kinds = (Resources(), Resources(gpu=1), Resources(cpu=2, memory_bytes=8))
    resources = {id_: kinds[n % len(kinds)] for n, id_ in enumerate(edges)}
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        plan = Schedule([*edges], edges, resources, Resources(cpu=64, gpu=2, memory_bytes=99), {"table": ids} if hinted else None)
        ended = []
        while len(ended) < len(edges):
            for id_ in plan.arrivals():
                plan.line_up(id_)
            while id_ := plan.next():
                plan.start(id_)
            ended.append(next(iter(plan.running)))
            plan.settle(ended[-1])
    finally:
        sys.setprofile(before)
    assert ended[-1] == "table"
    return calls


@pytest.mark.parametrize("hinted", [False, True])
def test_ten_times_the_cells_take_ten_times_the_steps(hinted: bool):
    assert steps(3_000, hinted=hinted) <= 11 * steps(300, hinted=hinted)


RESOURCES = st.builds(Resources, cpu=st.sampled_from([0.5, 1, 2, 9]), gpu=st.sampled_from([0, 1]), memory_bytes=st.sampled_from([0, 4]))


@given(st.lists(RESOURCES, min_size=1, max_size=10), st.data())
@settings(deadline=None, max_examples=100)
def test_the_first_of_those_that_have_room_is_next(wanted: list[Resources], data: st.DataObject):
    resources = {str(n): one for n, one in enumerate(wanted)}
    most = Resources(cpu=3, gpu=1, memory_bytes=6)
    plan = Schedule([*resources], dict.fromkeys(resources, ()), resources, most)
    for id_ in data.draw(st.permutations(plan.arrivals())):
        plan.line_up(id_)
    waiting = [*resources]
    while waiting or plan.running:
        running = [resources[id_] for id_ in plan.running]
        cpu, gpu, memory = (sum(getattr(one, name) for one in running) for name in ("cpu", "gpu", "memory_bytes"))
        room = [
            id_ for id_ in waiting
            if not running
            or (cpu + resources[id_].cpu <= 3 and gpu + resources[id_].gpu <= 1 and memory + resources[id_].memory_bytes <= 6)
        ]  # fmt: skip
        next_ = plan.next()
        assert next_ == (room[0] if room else None)
        if next_ is not None:
            waiting.remove(next_)
            plan.start(next_)
        else:
            plan.settle(data.draw(st.sampled_from(sorted(plan.running))))


def test_who_settled_at_a_moment_is_known_later_without_a_copy():
    plan = schedule({"a": set(), "b": set(), "c": set()})
    plan.settle("a")
    then = plan.settled_now()
    plan.settle("b")
    assert [id_ for id_ in "abc" if id_ in then] == ["a"]
    assert (len(then), len(plan.settled_now())) == (1, 2)
    assert [id_ for id_ in "abc" if id_ in plan.settled_now()] == ["a", "b"]


def test_what_runs_elsewhere_uses_nothing_here_and_each_executor_takes_as_many_as_it_does():
    edges = {id_: set() for id_ in "abcdef"}
    resources = {id_: Resources(cpu=4) for id_ in edges}
    elsewhere = Elsewhere({"a": "far", "b": "far", "c": "far", "d": "other"}, {"far": 2, "other": 1})
    plan = Schedule([*edges], edges, resources, Resources(cpu=4), elsewhere=elsewhere)
    for id_ in plan.arrivals():
        plan.line_up(id_)
    started = []
    while (next_ := plan.next()) is not None:
        plan.start(next_)
        started.append(next_)
    assert sorted(started) == ["a", "b", "d", "e"]  # one of those here, which uses all there is
    plan.settle("a")
    assert plan.next() == "c"
    plan.start("c")
    assert plan.next() is None
    plan.settle("e")
    assert plan.next() == "f"
