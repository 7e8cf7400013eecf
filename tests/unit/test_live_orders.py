"""What is asked of a build by a press or a key: leave to run, and the end of one command while others go on."""

import threading

from paperbuild.engine.graph import Action, Command, Graph, Output
from paperbuild.engine.jobs import Ended, Job
from paperbuild.live.cancelling import CancellingExecutor
from paperbuild.live.commanding import Desk

GRAPH = Graph(Action(name, name, Command(name), (Output("0", f"{name}.txt"),)) for name in ("a", "b"))


class Runs:
    """An executor whose jobs run until their group is ended."""

    def __init__(self):
        self.ended = {name: threading.Event() for name in "ab"}
        self.begun = {name: threading.Event() for name in "ab"}

    def run(self, job, started):
        started(ord(job.action), "identity")
        self.begun[job.action].set()
        assert self.ended[job.action].wait(10)
        return Ended(-15, 1.0)

    def end_group(self, group, identity):
        assert identity == "identity"
        self.ended[chr(group)].set()


def started(inner):
    """Start a job for each action; return the executor, the threads, and where their ends come to stand."""
    executor, ends = CancellingExecutor(inner), {}

    def run(name):
        ends[name] = executor.run(Job(name, name, "/bin/sh", "/", (), "log", None), lambda _group, _identity: None)

    threads = {name: threading.Thread(target=run, args=(name,)) for name in "ab"}
    for name, thread in threads.items():
        thread.start()
        assert inner.begun[name].wait(10)
    return executor, threads, ends


def test_one_command_is_cancelled_and_the_other_goes_on():
    inner = Runs()
    executor, threads, ends = started(inner)
    assert executor.cancel("a")
    threads["a"].join(10)
    assert ends["a"].cancelled
    assert executor.running() == ("b",)
    assert threads["b"].is_alive()
    inner.ended["b"].set()
    threads["b"].join(10)
    assert not ends["b"].cancelled
    assert executor.running() == ()
    assert not executor.cancel("b"), "it has ended by itself"


def test_an_order_without_a_name_cancels_all_that_runs():
    inner = Runs()
    executor, threads, ends = started(inner)
    desk = Desk(lambda: None)
    assert not desk.cancel("")
    desk.at_work(GRAPH, executor)
    assert desk.cancel("")
    for thread in threads.values():
        thread.join(10)
    assert [end.cancelled for end in ends.values()] == [True, True]
    assert not desk.cancel("")


def test_leave_to_run_is_given_once_and_only_to_what_there_is():
    woken = []
    desk = Desk(lambda: woken.append(True))
    assert not desk.run("a"), "nothing was built yet"
    desk.at_work(GRAPH, None)
    assert desk.run("a")
    assert not desk.run("nothing")
    assert (desk.has_orders, woken) == (True, [True])
    assert desk.take() == {"a"}
    assert desk.take() == frozenset()
    assert not desk.has_orders


def test_all_that_is_held_is_let_run_by_one_key():
    desk = Desk(lambda: None)
    desk.at_work(GRAPH, None)
    assert not desk.run_held()
    desk.held = ("a", "b")
    assert desk.run_held()
    assert desk.take() == {"a", "b"}
