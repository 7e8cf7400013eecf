"""What is undone, and what is ended, where a project was moved or copied since a build in it died."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.jobs import Errand
from paperbuild.engine.journal import Entry, Held, Journal, Sent


def journal(project: Path) -> Journal:
    return Journal(DiskFileSystem(), f"{project}/.paperbuild/journal")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two runs that have not ended: one here, which has set aside what stood at its output, and one elsewhere."""
    project = tmp_path / "project"
    for name in (".paperbuild/journal", ".paperbuild/aside", ".paperbuild/sent/far"):
        (project / name).mkdir(parents=True)
    (project / "out").write_text("half")
    (project / ".paperbuild/aside/1").write_text("before")
    here = Entry("near", (Held(f"{project}/out", f"{project}/.paperbuild/aside/1"),), "running", 4711, "boot 1")
    sent = Sent(Errand("cluster", f"{project}/.paperbuild/sent/far", handle="12_0"), "key")
    for entry in (here, Entry("far", (Held(f"{project}/far", None),), "running", sent=sent)):
        journal(project).write(entry)
    return project


def test_in_a_copy_nothing_of_the_original_is_ended_and_nothing_there_is_undone(project: Path) -> None:
    copy = project.parent / "copy"
    shutil.copytree(project, copy)
    (project / "far").write_text("its result")
    (project / "out").write_text("made since")
    near, far = (journal(copy).find(name) for name in ("near", "far"))
    assert near is not None
    assert far is not None
    assert [(one.group, one.sent) for one in (near, far)] == [(None, None), (None, None)]
    for entry in journal(copy).entries():
        journal(copy).undo(entry)
    assert (copy / "out").read_text() == "before"
    assert ((project / "out").read_text(), (project / "far").read_text()) == ("made since", "its result")
    assert (project / ".paperbuild/sent/far").is_dir()


def test_where_it_was_moved_what_runs_for_it_is_known_under_no_key_and_outputs_are_undone_here(project: Path) -> None:
    moved = project.rename(project.parent / "moved")
    near, far = (journal(moved).find(name) for name in ("near", "far"))
    assert near is not None
    assert (near.group, near.identity) == (4711, "boot 1")
    assert far is not None
    assert far.sent is not None
    assert (far.sent.key, far.sent.errand.handle, far.sent.errand.folder) == ("", "12_0", f"{moved}/.paperbuild/sent/far")
    journal(moved).undo(near)
    assert (moved / "out").read_text() == "before"


def test_another_name_of_the_same_folder_is_no_other_place(project: Path) -> None:
    link = project.parent / "link"
    link.symlink_to(project)
    assert journal(link).find("far") == journal(project).find("far")
