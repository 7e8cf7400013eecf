import os

import pytest

from paperbuild.live.watch import Watcher

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
