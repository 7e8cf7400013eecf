"""Completion, by the program and in the shells themselves."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.conftest import LIMIT_S, clean_environment


def completed(project, line):
    """Return what is offered for the last word of ``line``, as click's protocol for bash has it."""
    words = line.split(" ")
    found = subprocess.run(
        [sys.executable, "-m", "paperbuild"], cwd=project.root, text=True, capture_output=True, timeout=LIMIT_S, check=False,
        env=clean_environment(_PAPERBUILD_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)),
    )  # fmt: skip
    assert found.stderr == ""
    return [word.partition(",")[2] for word in found.stdout.splitlines() if word]


def everything(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("paperbuild ex", ["explain"]),
        ("paperbuild run ", ["train", "joined", "paper.pdf", "paper.html"]),
        ("paperbuild run joi", ["joined"]),
        ("paperbuild run train ", ["train", "joined", "paper.pdf", "paper.html"]),
        ("paperbuild explain paper.p", ["paper.pdf"]),
        ("paperbuild render ", ["paper", "notes/", "paper.md"]),
        ("paperbuild render notes/", ["notes/more.md"]),
        ("paperbuild check pap", ["paper", "paper.md"]),
        ("paperbuild render --to pdf,", ["pdf,html", "pdf,latex", "pdf,docx", "pdf,jats"]),
        ("paperbuild render --template tw", ["twocolumn"]),
        ("paperbuild status --prof", ["--profile"]),
        ("paperbuild status --profile ", ["full"]),
        ("paperbuild -C notes run tr", ["train"]),
        ("paperbuild -C nowhere render x", []),
        ("paperbuild run --to nonsense ", ["train", "joined", "paper.pdf", "paper.html"]),
        ("paperbuild render --to nonsense ", ["paper", "notes/", "paper.md"]),
        ("paperbuild nonsense ", []),
        ("paperbuild completion ", ["bash", "zsh", "fish"]),
        ("paperbuild init --template re", ["report"]),
    ],
)
def test_what_can_come_next_is_offered(project, line, offered):
    project.write("notes/more.md", "").write("notes/data.csv", "")
    project.write("paperbuild.toml", project.read("paperbuild.toml") + "\n[profile.full.target.train]\nheavy = true\n")
    before = everything(project.root)
    found = completed(project, line)
    assert [word for word in found if not word.endswith(".py")] == offered
    assert everything(project.root) == before


def test_targets_come_from_the_plan_that_was_kept_and_from_the_text_where_that_is_newer(project):
    project.call("run", "train")
    assert completed(project, "paperbuild run t") == ["train"]
    project.write("paperbuild.toml", project.read("paperbuild.toml").replace("[target.train]", "[target.tuned]"))
    assert completed(project, "paperbuild run t") == ["tuned"]
    project.write("paperbuild.toml", "[target.half\n")
    assert completed(project, "paperbuild run t") == ["train"]


@pytest.mark.parametrize("damage", [b"", b"paperbuild-plan 1 x\n\xff\xff", b"\x00" * 99])
def test_a_damaged_plan_does_no_harm(project, damage):
    project.call("run", "train")
    (project.root / ".paperbuild/plan").write_bytes(damage)
    assert completed(project, "paperbuild run j") == ["joined"]


def test_ten_thousand_targets_are_offered_in_150_ms(project):
    tables = "".join(f'[target.t{n}]\nrun = "true"\ninputs = []\noutputs = ["out/{n}"]\n' for n in range(10_000))
    project.write("paperbuild.toml", f'[paper]\nsource = "paper.md"\n{tables}')
    project.call("run", "t1")
    limit = 0.15 * (1 if sys.flags.dont_write_bytecode == 0 and "PYTHONDONTWRITEBYTECODE" not in os.environ else 5)
    least = 9.0
    for _ in range(5):
        before = os.times()
        assert completed(project, "paperbuild run t999") == ["t999", *(f"t999{n}" for n in range(10))]
        after = os.times()
        least = min(least, after.children_user + after.children_system - before.children_user - before.children_system)
        if least < limit:
            break
    assert least < limit


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_each_shell_is_understood_by_it(project, shell):
    script = project.call("completion", shell)
    assert script.code == 0
    assert "_PAPERBUILD_COMPLETE" in script.out
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    checked = subprocess.run([shell, "-n"], input=script.out, text=True, capture_output=True, timeout=LIMIT_S, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture
def called(project, tmp_path_factory):
    """An environment in which shells find the program by its name."""
    place = tmp_path_factory.mktemp("bin")
    (place / "paperbuild").write_text(f'#!/bin/sh\nexec {sys.executable} -m paperbuild "$@"\n')
    (place / "paperbuild").chmod(0o755)
    return clean_environment(PATH=f"{place}:{os.environ['PATH']}")


def test_bash_completes(project, called):
    asked = (
        'eval "$(paperbuild completion bash)"; COMP_WORDS=(paperbuild run jo); COMP_CWORD=2; '
        "$(complete -p paperbuild | sed 's/.*-F \\([^ ]*\\).*/\\1/') paperbuild; echo \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(["bash", "-c", asked], cwd=project.root, env=called, text=True, capture_output=True, timeout=LIMIT_S, check=False)
    assert (done.stdout, done.stderr) == ("joined\n", "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish_completes(project, called):
    asked = "paperbuild completion fish | source; complete -C 'paperbuild run jo'"
    done = subprocess.run(["fish", "-c", asked], cwd=project.root, env=called, text=True, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.stdout.split() == ["joined"]


def test_an_unknown_shell_is_refused(project):
    answer = project.call("completion", "tcsh")
    assert answer.code == 2
    assert answer.err.startswith("error[PB180]")
