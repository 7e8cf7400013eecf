"""Runs side by side."""

from __future__ import annotations

import threading
import weakref

from paperbuild.engine.lanes import ThreadLanes


def test_what_was_told_comes_before_the_end_and_the_end_is_let_go_of():
    lanes = ThreadLanes()
    threads: list[weakref.ref[threading.Thread]] = []

    def work() -> object:
        threads.append(weakref.ref(threading.current_thread()))
        lanes.tell("a", "half")
        return "whole"

    for _ in range(3):
        lanes.start("a", work)
        assert lanes.wait() == ("a", "half")
        assert lanes.wait() == ("a", "whole")
    assert [thread() for thread in threads] == [None, None, None], "a long build would keep a thread for each run"


def test_draining_waits_for_all_and_returns_how_they_ended():
    lanes = ThreadLanes()
    go = threading.Event()
    ended: list[int] = []

    def work() -> object:
        go.wait(10)
        ended.append(1)
        return len(ended)

    for id_ in "abc":
        lanes.start(id_, work)
    go.set()
    assert sorted(map(str, lanes.drain())) == ["1", "2", "3"]
    assert ended == [1, 1, 1]
    lanes.start("d", lambda: "new")
    assert lanes.wait() == ("d", "new")
