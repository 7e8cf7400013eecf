"""What may start next."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.engine.graph import Resources
from paperbuild.engine.schedule import Schedule


def schedule(edges: Mapping[str, set[str]], capacity: Resources | None = None, **resources: Resources) -> Schedule:
    return Schedule([*edges], edges, {id_: resources.get(id_, Resources()) for id_ in edges}, capacity or Resources(cpu=8))


def test_what_waits_is_due_when_all_it_waits_for_is_settled():
    plan = schedule({"a": set(), "b": set(), "c": {"a", "b"}})
    assert plan.due() == ("a", "b")
    plan.settle("a")
    assert plan.due() == ("b",)
    plan.start("b")
    assert plan.due() == ()
    plan.settle("b")
    assert plan.due() == ("c",)
    plan.settle("c")
    assert plan.finished


def test_what_needs_a_failure_is_lost_however_far_away():
    plan = schedule({"c": {"b"}, "b": {"a"}, "a": set(), "d": set()})
    assert plan.lose("a") == ("b", "c")
    assert plan.due() == ("d",)


def test_what_is_put_back_waits_for_more():
    plan = schedule({"a": set(), "b": set()})
    plan.start("a")
    assert plan.again("a", ["b"]) == ()
    assert plan.due() == ("b",)
    plan.lose("b")
    assert plan.again("a") == ("b",)


def test_more_actions_can_join():
    plan = schedule({"a": set()})
    plan.add(["b", "a"], {"a": {"x"}, "b": set()})
    assert plan.order == ("a", "b")
    assert plan.due() == ("a", "b")


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
    assert plan.due() == ("b",)
    plan.start("b")
    assert plan.due() == ()
    plan.lose("b")
    assert plan.due() == ("a",)


def test_hints_that_go_round_in_a_circle_hold_nothing_back_for_ever():
    hints = {"a": {"b"}, "b": {"a"}}
    plan = Schedule("ab", {"a": set(), "b": set()}, dict.fromkeys("ab", Resources()), Resources(), hints)
    assert plan.due() == ("a", "b")


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_every_action_of_any_graph_is_settled_or_lost_and_never_before_what_it_waits_for(data: st.DataObject):
    n = data.draw(st.integers(1, 8))
    edges = {str(i): data.draw(st.sets(st.sampled_from([str(j) for j in range(i)]))) if i else set() for i in range(n)}
    hints = {str(i): data.draw(st.sets(st.sampled_from([str(j) for j in range(n)]))) for i in range(n)}
    plan = Schedule([*edges], edges, dict.fromkeys(edges, Resources()), Resources(cpu=2), hints)
    settled: set[str] = set()
    lost: set[str] = set()
    while not plan.finished:
        for id_ in [id_ for id_ in plan.due() if plan.has_room(id_)][:1]:
            assert edges[id_] <= settled
            plan.start(id_)
        assert len(plan.running) <= 2
        ended = data.draw(st.sampled_from(sorted(plan.running)))
        if data.draw(st.booleans()):
            plan.settle(ended)
            settled.add(ended)
        else:
            lost |= {ended, *plan.lose(ended)}
    assert settled | lost == set(edges)
