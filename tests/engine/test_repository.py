"""Where the store is, by what git really makes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from paperbuild.engine.repository import store_folder


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, timeout=20)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "-q")
    git(made, "commit", "-q", "--allow-empty", "-m", "x")
    return made


def test_without_git_the_store_is_in_the_project(tmp_path: Path):
    assert store_folder(str(tmp_path)) == str(tmp_path / ".paperbuild")


def test_in_a_repository_it_is_at_the_top_of_the_work_tree(repository: Path):
    (repository / "papers/one").mkdir(parents=True)
    assert store_folder(str(repository / "papers/one")) == str(repository / ".paperbuild")


def test_a_linked_work_tree_shares_that_of_the_main_one(repository: Path):
    git(repository, "worktree", "add", "-q", "../linked")
    assert store_folder(str(repository.parent / "linked")) == str(repository / ".paperbuild")


def test_the_work_trees_of_a_bare_repository_share_one_in_its_git_folder(repository: Path, tmp_path: Path):
    git(tmp_path, "clone", "-q", "--bare", "repository", "bare.git")
    git(tmp_path / "bare.git", "worktree", "add", "-q", "../one")
    assert store_folder(str(tmp_path / "one")) == str(tmp_path / "bare.git/paperbuild")


def test_a_submodule_has_one_of_its_own(repository: Path, tmp_path: Path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "add", "-q", "../repository", "inner")
    assert store_folder(str(outer / "inner")) == str(outer / "inner/.paperbuild")
    assert store_folder(str(outer)) == str(outer / ".paperbuild")


def test_through_a_link_it_is_the_same(repository: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to("repository")
    assert store_folder(str(tmp_path / "link")) == str(repository / ".paperbuild")


@pytest.mark.parametrize("content", [b"", b"gitdir:", b"gitdir: /gone/for/good", b"something else\n", b"\xff\xfe\0"])
def test_a_mark_that_leads_nowhere_is_no_repository(tmp_path: Path, content: bytes):
    (tmp_path / ".git").write_bytes(content)
    assert store_folder(str(tmp_path)) == str(tmp_path / ".paperbuild")
