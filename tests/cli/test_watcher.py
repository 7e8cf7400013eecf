import logging
import os
import shutil

import pytest

from paperbuild.live.watch import LOST, Watcher

LONG_S = 5.0
SHORT_S = 0.15


@pytest.fixture
def project(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "_build").mkdir()
    (tmp_path / "paper.md").write_text("a")
    (tmp_path / "code" / "train.py").write_text("a")
    return tmp_path


@pytest.fixture
def watcher(project):
    with Watcher(str(project), ours=lambda path: path == "out.json") as watcher:
        yield watcher


def test_a_write_is_told_once_under_its_relative_name(project, watcher):
    (project / "paper.md").write_text("b")
    assert watcher.wait(LONG_S) == {"paper.md"}
    assert watcher.wait(SHORT_S) == frozenset()


def test_a_file_in_a_folder_is_told(project, watcher):
    (project / "code" / "train.py").write_text("b")
    assert watcher.wait(LONG_S) == {"code/train.py"}


def test_an_atomic_save_is_told_under_the_name_it_ends_with(project, watcher):
    (project / "paper.md.new").write_text("b")
    os.replace(project / "paper.md.new", project / "paper.md")
    assert "paper.md" in watcher.wait(LONG_S)


def test_reading_changes_nothing(project, watcher):
    (project / "paper.md").read_text()
    os.utime(project / "paper.md")
    assert watcher.wait(SHORT_S) == frozenset()


def test_what_the_build_writes_and_what_editors_leave_is_not_told(project, watcher):
    for name in ("out.json", "paper.md~", ".paper.md.swp", "_build/paper.pdf"):
        (project / name).write_text("x")
    (project / ".paperbuild").mkdir()
    (project / ".paperbuild" / "index").write_text("x")
    assert watcher.wait(SHORT_S) == frozenset()


def test_files_of_a_new_folder_are_told_and_it_is_watched_from_then_on(project, watcher):
    (project / "new").mkdir()
    (project / "new" / "a.csv").write_text("x")
    assert "new/a.csv" in watcher.wait(LONG_S)
    while watcher.wait(SHORT_S):
        pass
    (project / "new" / "b.csv").write_text("x")
    assert "new/b.csv" in watcher.wait(LONG_S)


def test_a_removed_file_is_told(project, watcher):
    (project / "code" / "train.py").unlink()
    assert watcher.wait(LONG_S) == {"code/train.py"}


@pytest.mark.parametrize("waits", [False, True])
def test_a_folder_that_comes_again_is_watched_like_the_first(project, watcher, waits):
    for n in range(3):
        shutil.rmtree(project / "code")
        if waits:
            everything(watcher)
        (project / "code").mkdir()
        (project / "code" / "train.py").write_text("new")
        assert "code/train.py" in everything(watcher)
        (project / "code" / "train.py").write_text(f"once more, {n}")
        assert everything(watcher) == {"code/train.py"}


def test_a_folder_in_the_place_of_another_is_the_one_that_is_watched(project, watcher):
    (project / "other").mkdir()
    (project / "other" / "train.py").write_text("b")
    everything(watcher)
    (project / "code").rename(project / "old")
    (project / "other").rename(project / "code")
    assert "code/train.py" in everything(watcher)
    (project / "code" / "train.py").write_text("c")
    assert everything(watcher) == {"code/train.py"}
    (project / "old" / "train.py").write_text("d")
    assert everything(watcher) == {"old/train.py"}


def test_where_events_were_lost_new_files_are_told_and_new_folders_watched(project, watcher, capfd):
    everything(watcher)
    watcher._observer.unschedule(watcher._folders.pop(str(project / "code")))  # as if the kernel had dropped what it had to say
    (project / "code" / "train.py").write_text("b")
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    assert everything(watcher) >= {LOST, "code/train.py"}
    (project / "code" / "train.py").write_text("c")
    assert everything(watcher) == {"code/train.py"}
    assert capfd.readouterr() == ("", ""), "what a library says to itself is not told"


def everything(watcher):
    """What is told until nothing is told any more, for longer than events are held back."""
    found = set()
    while told := watcher.wait(0.8):
        found |= told
    return found
