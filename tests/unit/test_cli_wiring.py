import errno

import pytest

from paperbuild.cli.invocation import Invocation
from paperbuild.cli.wiring import Wishes, locate, opened
from paperbuild.errors import BuildError, UsageError


@pytest.fixture
def tree(tmp_path):
    """A project with a manifest, a paper it names, one that it does not name, and a folder beside it."""
    for folder in ("project/drafts", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "project" / "paperbuild.toml").write_text('[paper]\nsource = "paper.md"\n')
    for name in ("project/paper.md", "project/drafts/other.md", "elsewhere/alone.md"):
        (tmp_path / name).write_text("Text.\n")
    return tmp_path


def place(tree, folder, paper=""):
    found = locate(Invocation(str(tree / folder), str(tree / folder)), paper)
    return found.root.removeprefix(str(tree) + "/"), found.has_manifest, found.source


@pytest.mark.parametrize(
    ("folder", "paper", "expected"),
    [
        ("project", "", ("project", True, "")),
        ("project/drafts", "", ("project", True, "")),
        ("project", "paper.md", ("project", True, "paper.md")),
        ("elsewhere", "../project/paper.md", ("project", True, "paper.md")),
        ("elsewhere", "../project", ("project", True, "")),
        ("project", "drafts/other.md", ("project/drafts", False, "other.md")),
        ("elsewhere", "alone.md", ("elsewhere", False, "alone.md")),
        ("project", "paper", ("project", True, "")),
    ],
)
def test_the_project_is_that_whose_manifest_names_the_paper_else_the_papers_folder(tree, folder, paper, expected):
    assert place(tree, folder, paper) == expected


def test_a_broken_manifest_above_a_paper_is_not_passed_over(tree):
    (tree / "project" / "paperbuild.toml").write_text("[paper")
    assert place(tree, "project", "drafts/other.md") == ("project", True, "drafts/other.md")


@pytest.mark.parametrize(("folder", "paper", "advice"), [("elsewhere", "", "alone.md"), ("elsewhere", "alne.md", "did you mean alone.md?")])
def test_no_project_and_no_paper_are_told_with_what_is_there(tree, folder, paper, advice):
    with pytest.raises(UsageError) as caught:
        place(tree, folder, paper)
    assert advice in caught.value.diagnostics[0].help[0]


def refuse(tree, error):
    """Open the project, and meet ``error`` while it is open."""
    root = str(tree / "project")
    invocation = Invocation(root, root)
    with opened(locate(invocation, ""), invocation, Wishes(reading_only=True)):
        raise error


def test_what_the_machine_refuses_is_told_and_is_no_bug(tree):
    with pytest.raises(BuildError) as caught:
        refuse(tree, OSError(errno.EROFS, "Read-only file system", str(tree / "project" / ".paperbuild")))
    (fault,) = caught.value.diagnostics
    assert (fault.code, fault.message) == ("PB406", ".paperbuild: Read-only file system")
    assert fault.help


def test_an_error_of_the_system_that_nobody_expects_stays_a_bug(tree):
    with pytest.raises(OSError, match="Bad file descriptor"):
        refuse(tree, OSError(errno.EBADF, "Bad file descriptor"))
