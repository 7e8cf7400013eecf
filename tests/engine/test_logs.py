"""Logs: which is the newest, what was said last, and what a failure tells of its command."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from paperbuild.engine.graph import Resources
from paperbuild.engine.jobs import Ended
from paperbuild.engine.logs import failure, last_line, latest_log
from tests.engine.world import World, command

STATE = "/p/.paperbuild"


def test_the_newest_log_is_that_of_the_last_run_or_of_the_one_that_runs():
    world = World().write(a="1").targets(command("t[x=1]", "cat a to x", "x", "a")).build()
    first = latest_log(world.fs, STATE, "t[x=1]")
    world.write(a="2").build()
    second = latest_log(world.fs, STATE, "t[x=1]")
    assert first is not None
    assert second is not None
    assert first.path < second.path
    assert second.shown == second.path.removeprefix("/p/")
    assert latest_log(world.fs, STATE, "t[x=2]") is None
    assert last_line(world.fs, STATE, "t[x=2]") == ""


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (b"", ""),
        (b"one\ntwo\n", "two"),
        (b"one\ntwo", "two"),
        (b"one\n\n  \n", "one"),
        (b"one\n1 %\r2 %\r3 %", "3 %"),
        (b"one\n1 %\r2 %\r", "2 %"),
        (b"x" * 10_000, "x" * 4096),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_last_words_are_the_last_line_that_says_something(log: bytes, line: str):
    world = World().write(a="1").targets(command("t", "cat a to x", "x", "a")).build()
    found = latest_log(world.fs, STATE, "t")
    assert found is not None
    world.fs.nodes[found.path].data = log
    assert last_line(world.fs, STATE, "t") == line


@pytest.mark.parametrize(
    ("time_s", "words"), [(0.5, "0.5 s"), (90, "1 min 30 s"), (600, "10 min"), (5400, "1 h 30 min"), (86400, "1 d"), (3600.5, "1 h 0.5 s")]
)
def test_a_time_limit_is_told_as_it_would_be_written(time_s: float, words: str):
    world = World().write(a="1").targets(command("t", "cat a to x", "x", "a")).build()
    log = latest_log(world.fs, STATE, "t")
    assert log is not None
    action = replace(world.actions["t"], resources=Resources(time_s=time_s))
    told = failure(action, Ended(-15, time_s, timed_out=True), log, world.fs)
    assert told.message == f"t took longer than its limit of {words}, and was ended with all that it had started"
