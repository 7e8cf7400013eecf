"""``paperbuild hook``: real repositories, real hooks, and a bare repository that builds what is pushed."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from paperbuild.automation import hook_files
from paperbuild.automation.hook_scripts import NAMES, Hook, hook_in, script
from paperbuild.automation.queue import Queue
from paperbuild.cli.main import main
from tests.cli.conftest import clean_environment

MANIFEST = """\
[paper]
source = "paper.md"
formats = ["pdf", "html"]

[target.train]
run = "python3 train.py {seed}"
outputs = { m = "build/{seed}.json" }
matrix = { seed = [0, 1] }

[target.other]
run = "echo '{{\\"n\\": 7}}' > build/other.json"
outputs = ["build/other.json"]
"""
TRAIN = """\
import json, sys
import model
seed = int(sys.argv[1])
json.dump({"acc": model.WIDTH / 100 + seed / 100}, open(f"build/{seed}.json", "w"))
"""
PAPER = '# Result\n\nWe reach []{val="mean(train.acc):.3f"} with []{val=other.n:d}.\n'
FILES = {
    "paperbuild.toml": MANIFEST,
    "train.py": TRAIN,
    "model.py": "WIDTH = 10\n",
    "paper.md": PAPER,
    ".gitignore": ".paperbuild/\n_build/\nbuild/\n__pycache__/\n",
}


class Folder:
    """A work tree, and git in it as a person's shell would call it: with no hooks, names or settings of this machine's user."""

    def __init__(self, root):
        self.root = root
        self.environment = clean_environment(
            GIT_CONFIG_GLOBAL=str(root.parent / "gitconfig"), GIT_CONFIG_NOSYSTEM="1", HOME=str(root.parent)
        )

    def git(self, *words, ok=True, **environment):
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stderr
        return done

    def paperbuild(self, *words, ok=True, folder="."):
        done = subprocess.run(
            [sys.executable, "-m", "paperbuild", *words],
            cwd=self.root / folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode == 0) == ok, done.stderr
        return done

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def commit(self, message="change", ok=True, **environment):
        self.git("add", "-A")
        return self.git("commit", "-m", message, ok=ok, **environment)


def ran(said):
    """Return the ids of the actions that ran, as the narration has them."""
    return {line.split()[1] for line in said.splitlines() if line.startswith("ran ")}


def repository(path, **files):
    path.mkdir(parents=True)
    (path.parent / "gitconfig").write_text("[user]\nname = N\nemail = n@example.org\n[init]\ndefaultBranch = main\n")
    folder = Folder(path)
    folder.git("init", "-q")
    for name, text in {**FILES, **files}.items():
        folder.write(name, text)
    return folder


def bare(path, work):
    work.git("init", "-q", "--bare", str(path))
    server = Folder(path)
    server.environment = work.environment
    return server


def tree_of(folder):
    """Return everything below a folder: path, kind, content."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        found[str(path.relative_to(folder))] = path.read_bytes() if path.is_file() else path.is_dir()
    return found


@pytest.fixture
def work(tmp_path):
    return repository(tmp_path / "my paper's")


def built(server, reference="refs/heads/main", commit=None, patience_s=60):
    """Wait until ``commit`` was built, and return what is published and told of it."""
    folder = server.root / "paperbuild" / reference
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        try:
            state = json.loads((folder / "build.json").read_text())
        except FileNotFoundError:
            state = {}
        if state.get("commit") == commit and state["state"] != "building" and not Queue(str(server.root)).waiting():
            return state, (folder / "build.log").read_text()
        time.sleep(0.05)
    log = server.root / "paperbuild/hook/log"
    raise AssertionError(f"{commit} was not built: {state} {log.read_text() if log.exists() else ''}")


def test_a_commit_of_prose_runs_no_target_and_one_of_the_architecture_trains_exactly_the_sweep(work):
    work.paperbuild("hook", "install")
    assert ran(work.commit().stderr) == {"train[seed=0]", "train[seed=1]", "other", "paper.pdf", "paper.html"}
    work.write("paper.md", PAPER + "\nMore prose.\n")
    assert ran(work.commit().stderr) == {"paper.pdf", "paper.html"}
    work.write("model.py", "WIDTH = 20\n")
    assert ran(work.commit().stderr) == {"train[seed=0]", "train[seed=1]", "paper.pdf", "paper.html"}
    assert (work.root / "_build/paper.pdf").read_bytes().startswith(b"%PDF")
    assert ran(work.git("commit", "--allow-empty", "-m", "nothing").stderr) == set()


def test_a_commit_whose_paper_is_wrong_is_refused_and_nothing_runs(work):
    work.paperbuild("hook", "install")
    work.write("paper.md", PAPER + "\nSee @fig:gone and []{val=nobody.n}.\n")
    said = work.commit(ok=False).stderr
    assert "paper.md:5:" in said
    assert "nobody" in said
    assert "git commit --no-verify" in said
    assert not (work.root / "build").exists()
    assert work.git("rev-parse", "--verify", "HEAD", ok=False)
    work.commit(ok=True, PAPERBUILD_SKIP_HOOKS="1")


def test_a_literal_out_of_date_is_refused_while_a_target_out_of_date_is_not(work):
    work.paperbuild("hook", "install")
    work.commit()
    work.write("model.py", "WIDTH = 30\n").write("paper.md", PAPER.replace("[]{val=o", "[8]{val=o"))
    said = work.commit(ok=False).stderr
    assert "PB231" in said
    assert "PB232" not in said
    work.write("paper.md", PAPER.replace("[]{val=o", "[7]{val=o"))
    assert "train[seed=1]" in ran(work.commit().stderr)


def test_a_hook_that_was_there_is_called_first_and_comes_back_and_nothing_else_remains(work):
    mine = work.root / ".git/hooks/pre-commit"
    mine.write_text('#!/bin/sh\necho "mine: $#" >&2\nexit "$(cat verdict)"\n')
    mine.chmod(0o750)
    work.commit(ok=False)  # it refuses, since nobody gave a verdict
    work.write("verdict", "0\n")
    before, mode = tree_of(work.root / ".git/hooks"), stat.S_IMODE(mine.stat().st_mode)
    work.paperbuild("hook", "install")
    assert "calls pre-commit.before-paperbuild first" in work.paperbuild("hook", "status").stdout
    said = work.commit().stderr
    assert said.index("mine: 0") < said.index("ran ")
    work.write("verdict", "3\n")
    assert "paperbuild" not in work.commit(ok=False).stderr
    work.paperbuild("hook", "remove")
    assert tree_of(work.root / ".git/hooks") == before
    assert stat.S_IMODE(mine.stat().st_mode) == mode
    assert work.paperbuild("hook", "status").stdout == ""


def test_installing_twice_changes_nothing_and_other_wishes_replace_the_first(work):
    work.paperbuild("hook", "install")
    once = tree_of(work.root / ".git/hooks")
    again = work.paperbuild("hook", "install")
    assert (again.stdout, tree_of(work.root / ".git/hooks")) == ("", once)
    assert "already" in again.stderr
    work.paperbuild("hook", "install", "--build", "pre-push", "--no-check")
    there = json.loads(work.paperbuild("hook", "status", "--json").stdout)
    assert [hook["name"] for hook in there["hooks"]] == ["pre-push"]


def test_a_push_is_built_before_it_leaves_and_held_back_where_that_fails(work, tmp_path):
    work.paperbuild("hook", "install", "--build", "pre-push")
    assert ran(work.commit().stderr) == set()
    far = bare(tmp_path / "far.git", work)
    work.git("remote", "add", "far", str(far.root))
    assert "train[seed=0]" in ran(work.git("push", "far", "HEAD:main").stderr)
    work.git("branch", "aside")
    work.write("train.py", "raise SystemExit(3)\n").commit()
    assert "PB440" in work.git("push", "far", "HEAD:main", ok=False).stderr
    assert far.git("rev-parse", "main").stdout == work.git("rev-parse", "aside").stdout
    said = work.git("push", "far", "aside").stderr  # another one than what is checked out: from the store, in a tree of its own
    assert "work tree of its own" in said
    assert "0 ran, 5 up to date" in said
    assert "train" not in str(ran(said))
    assert len(work.git("worktree", "list").stdout.splitlines()) == 1
    work.git("push", "far", ":aside")  # to delete a branch is nothing to build


def test_hooks_work_in_linked_work_trees_and_with_the_store_of_the_first(work, tmp_path):
    work.paperbuild("hook", "install")
    work.commit()
    work.git("worktree", "add", "-q", "-b", "draft", str(tmp_path / "a draft"))
    other = Folder(tmp_path / "a draft")
    other.environment = work.environment
    other.write("paper.md", PAPER + "\nA draft.\n")
    assert ran(other.commit().stderr) == {"paper.pdf", "paper.html"}
    assert other.paperbuild("hook", "status").stdout == work.paperbuild("hook", "status").stdout


def test_hooks_stand_where_core_hookspath_says_and_a_folder_made_for_them_goes_again(work):
    work.git("config", "core.hooksPath", "my hooks")
    work.paperbuild("hook", "install")
    assert (work.root / "my hooks/pre-commit").exists()
    assert not (work.root / ".git/hooks/pre-commit").exists()
    work.write(".gitignore", FILES[".gitignore"] + "my hooks/\n")
    assert "other" in ran(work.commit().stderr)
    work.paperbuild("hook", "remove")
    assert not (work.root / "my hooks").exists()


def test_in_a_folder_of_hooks_for_all_repositories_ours_works_for_one(work, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    work.git("config", "--global", "core.hooksPath", str(shared))
    assert "serves all repositories" in work.paperbuild("hook", "install").stderr
    other = tmp_path / "other"
    other.mkdir()
    second = Folder(other)
    second.environment = work.environment
    second.git("init", "-q")
    assert second.write("paperbuild.toml", "broken").commit().stderr == ""
    second.write("paperbuild.toml", MANIFEST)
    assert "PB482" in second.paperbuild("hook", "install", ok=False).stderr
    second.paperbuild("hook", "remove")
    assert (shared / "pre-commit").exists()
    assert "other" in ran(work.commit().stderr)


def test_a_project_in_a_subfolder_is_built_and_its_places_are_named_from_the_top(tmp_path):
    work = repository(tmp_path / "all")
    for name in FILES:
        if name != ".gitignore":
            (work.root / "papers/one two").mkdir(parents=True, exist_ok=True)
            shutil.move(work.root / name, work.root / "papers/one two" / name)
    work.paperbuild("-C", "papers/one two", "hook", "install")
    assert "paper.pdf" in ran(work.commit().stderr)
    work.write("papers/one two/paper.md", "[]{val=nobody.n}\n")
    assert "papers/one two/paper.md:1:" in work.commit(ok=False).stderr
    assert "PB481" in work.paperbuild("hook", "install", ok=False).stderr  # no project at the top


def test_after_the_program_pre_commit_has_moved_ours_it_is_called_and_can_be_removed(work):
    hooks = work.root / ".git/hooks"
    work.paperbuild("hook", "install")
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    (hooks / "pre-commit").write_text('#!/bin/sh\necho first >&2\nexec "$(dirname "$0")/pre-commit.legacy"\n')
    (hooks / "pre-commit").chmod(0o755)
    work.write("paper.md", "[]{val=nobody.n}\n")
    said = work.commit(ok=False).stderr
    assert "first" in said
    assert "nobody" in said
    work.paperbuild("hook", "remove")
    assert sorted(path.name for path in hooks.iterdir() if path.suffix != ".sample") == ["pre-commit"]


def test_the_program_pre_commit_may_be_installed_before_and_once_more_after_and_runs_once(work):
    hooks = work.root / ".git/hooks"
    theirs = '#!/bin/sh\n# File generated by pre-commit: see there\necho theirs >&2\nold="$0.legacy"\n[ ! -x "$old" ] || exec "$old"\n'
    work.write(".git/hooks/pre-commit", theirs)
    (hooks / "pre-commit").chmod(0o755)
    work.paperbuild("hook", "install", "--build", "none")
    assert work.commit().stderr.count("theirs") == 1
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    work.write(".git/hooks/pre-commit", theirs)
    (hooks / "pre-commit").chmod(0o755)
    work.write("paper.md", "[]{val=nobody.n}\n")
    said = work.commit(ok=False).stderr
    assert said.count("theirs") == 1
    assert "nobody" in said
    work.paperbuild("hook", "remove")
    assert [path.name for path in hooks.iterdir() if path.suffix != ".sample"] == ["pre-commit"]
    assert (hooks / "pre-commit").read_text() == theirs


def test_replayed_commits_are_not_built_one_by_one(work):
    work.paperbuild("hook", "install")
    work.commit()
    work.git("checkout", "-q", "-b", "draft")
    for n in range(2):
        work.write(f"note-{n}", "x").commit()
    work.git("checkout", "-q", "main")
    work.write("paper.md", PAPER + "\nMain goes on.\n").commit()
    work.git("checkout", "-q", "draft")
    assert "paper.pdf" not in work.git("rebase", "main").stderr


def test_a_detached_head_a_shallow_clone_and_a_dirty_tree_are_told_and_built(work, tmp_path):
    work.commit()
    work.write("paper.md", PAPER + "\nSecond.\n").commit()
    work.git("clone", "-q", "--depth", "1", f"file://{work.root}", str(tmp_path / "shallow"))
    clone = Folder(tmp_path / "shallow")
    clone.environment = work.environment
    clone.git("checkout", "-q", "--detach")
    assert "HEAD is detached" in clone.paperbuild("hook", "install").stderr
    clone.write("paper.md", PAPER + "\nThird.\n").write("model.py", "WIDTH = 40\n")
    clone.git("add", "paper.md")
    said = clone.git("commit", "-m", "third").stderr
    assert "changes that are in no commit" in said
    assert "train[seed=0]" in ran(said)


def test_where_the_python_of_a_hook_is_gone_commits_go_through_and_it_is_said(work):
    work.paperbuild("hook", "install", "--build", "none")
    hook = work.root / ".git/hooks/pre-commit"
    hook.write_text(hook.read_text().replace(sys.executable, "/gone/python"))
    said = work.commit().stderr
    assert "/gone/python is gone" in said
    assert "paperbuild hook install" in said
    assert "is gone" in work.paperbuild("hook", "status").stdout


def test_no_path_of_a_shell_is_needed(work):
    work.paperbuild("hook", "install")
    said = work.commit(PATH="/usr/bin:/bin").stderr
    assert "paper.pdf" in ran(said)


def test_what_is_no_repository_gets_a_clear_answer(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for words in (["install"], ["remove"], ["status"]):
        assert main(["-C", str(tmp_path), "hook", *words]) == 2
        assert "PB480" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_leaves_all_as_it_was(work, monkeypatch):
    folder = work.root / ".git/hooks"
    (folder / "pre-commit").write_text("#!/bin/sh\n")
    before = tree_of(folder)
    real = os.replace
    calls = []

    def refuse_second(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise PermissionError(13, "Permission denied", target)
        real(source, target)

    monkeypatch.setattr(hook_files.os, "replace", refuse_second)
    hooks = {name: Hook(name, sys.executable, str(work.root / ".git"), "") for name in NAMES[:2]}
    with pytest.raises(hook_files.BuildError) as told:
        hook_files.install(str(folder), hooks)
    assert "as they were" in told.value.diagnostics[0].message
    assert len(calls) == 2
    assert tree_of(folder) == before


def test_a_place_where_nothing_can_be_made_is_named(work):
    work.git("config", "core.hooksPath", "/proc/1/hooks")
    said = work.paperbuild("hook", "install", ok=False).stderr
    assert "PB483" in said
    assert "/proc/1/hooks" in said


@pytest.mark.parametrize("path", ["/a b/it's $HOME/`x`/python", '/"q"/\\n/python', "/\udcff/python"])
def test_any_path_survives_in_a_script(path):
    for name in NAMES:
        hook = Hook(name, path, path, "sub dir/$x")
        assert hook_in(script(hook)) == hook
        done = subprocess.run(["sh", "-n"], input=script(hook).encode(errors="surrogateescape"), capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_pushed_commit_is_built_and_published_and_the_push_does_not_wait_for_it(work, tmp_path, capsys):
    server = bare(tmp_path / "lab server.git", work)
    server.paperbuild("hook", "install")
    work.git("remote", "add", "lab", str(server.root))
    work.write("paperbuild.toml", MANIFEST.replace('run = "echo', 'run = "sleep 4; echo')).commit()
    first = work.git("rev-parse", "HEAD").stdout.strip()
    began = time.monotonic()
    said = work.git("push", "lab", "main").stderr
    took_s = time.monotonic() - began
    assert not (server.root / "paperbuild/refs/heads/main/paper.pdf").exists()
    with capsys.disabled():
        sys.stdout.write(f"\nthe push returned after {took_s:.2f} s\n")
    assert "paperbuild/refs/heads/main/" in said
    state, log = built(server, commit=first)
    assert state["state"] == "built"
    assert state["documents_of"] == first
    assert set(state["ran"]) == {"train[seed=0]", "train[seed=1]", "other", "paper.pdf", "paper.html"}
    pdf = server.root / "paperbuild/refs/heads/main/paper.pdf"
    assert pdf.read_bytes().startswith(b"%PDF")
    assert "train[seed=0]" in log

    shutil.rmtree(server.root / "paperbuild/worktree")  # the next one is another work tree; the store is one
    work.write("paper.md", PAPER + "\nMore prose.\n").commit()
    work.git("push", "lab", "main")
    before = pdf.read_bytes()
    state, _ = built(server, commit=work.git("rev-parse", "HEAD").stdout.strip())
    assert set(state["ran"]) == {"paper.pdf", "paper.html"}
    assert pdf.read_bytes() != before
    assert "refs/heads/main built at" in server.paperbuild("hook", "status").stdout


def test_a_failure_keeps_the_last_good_paper_and_says_of_which_commit_it_is(work, tmp_path):
    server = bare(tmp_path / "lab.git", work)
    server.paperbuild("hook", "install")
    work.git("remote", "add", "lab", str(server.root))
    work.commit()
    first = work.git("rev-parse", "HEAD").stdout.strip()
    work.git("push", "lab", "main")
    built(server, commit=first)
    work.write("train.py", "raise SystemExit(3)\n").commit()
    work.git("push", "lab", "main")
    state, log = built(server, commit=work.git("rev-parse", "HEAD").stdout.strip())
    assert (state["state"], state["documents_of"]) == ("failed", first)
    assert "PB440" in log
    assert (server.root / "paperbuild/refs/heads/main/paper.pdf").exists()
    work.git("push", "-f", "lab", f"{first}:refs/heads/main", f"{first}:refs/heads/aside")
    built(server, commit=first)
    built(server, "refs/heads/aside", first)
    work.git("push", "lab", ":aside")
    until = time.monotonic() + 30
    while (server.root / "paperbuild/refs/heads/aside").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not (server.root / "paperbuild/refs/heads/aside").exists()


def test_a_later_push_supersedes_one_that_waits(tmp_path):
    queue = Queue(str(tmp_path))
    os.makedirs(queue.folder)

    def push(name, *references):
        (Path(queue.folder) / f"push.{name}").write_text("".join(f"{'1' * 40} {'2' * 40} {one}\n" for one in references))

    push("a", "refs/heads/main")
    push("b", "refs/heads/main", "refs/tags/v1", "refs/notes/x", "refs/heads/../../etc")
    seen = []

    def build(reference):
        seen.append(reference)
        assert queue.is_at_work()
        Queue(str(tmp_path)).work(lambda _: seen.append("two at once"))
        if len(seen) == 1:
            push("c", "refs/heads/main", "refs/heads/main")

    queue.work(build)
    assert seen == ["refs/heads/main", "refs/tags/v1", "refs/heads/main"]
    assert os.listdir(queue.folder) == []
    assert not queue.is_at_work()


def test_a_builder_that_dies_leaves_what_it_had_to_the_next(tmp_path):
    queue = Queue(str(tmp_path))
    os.makedirs(queue.folder)
    (Path(queue.folder) / "push.a").write_text(f"{'1' * 40} {'2' * 40} refs/heads/main\n")
    code = f"import os\nfrom paperbuild.automation.queue import Queue\nQueue({str(tmp_path)!r}).work(lambda _: os._exit(9))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    seen = []
    queue.work(seen.append)
    assert seen == ["refs/heads/main"]


def test_a_server_is_left_without_a_trace(work, tmp_path):
    server = bare(tmp_path / "lab.git", work)
    before = {name: content for name, content in tree_of(server.root).items() if not name.startswith(("objects", "refs"))}
    server.paperbuild("hook", "install")
    work.git("remote", "add", "lab", str(server.root))
    work.commit()
    work.git("push", "lab", "main")
    built(server, commit=work.git("rev-parse", "HEAD").stdout.strip())
    until = time.monotonic() + 30
    while Queue(str(server.root)).is_at_work() and time.monotonic() < until:
        time.sleep(0.05)
    assert "stay in" in server.paperbuild("hook", "remove").stderr
    assert (server.root / "paperbuild/refs/heads/main/paper.pdf").exists()
    server.paperbuild("hook", "remove", "--all")
    after = {name: content for name, content in tree_of(server.root).items() if not name.startswith(("objects", "refs"))}
    assert after == before


def test_what_the_program_pre_commit_is_offered_are_commands_that_there_are(work):
    offered = YAML(typ="safe").load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in offered] == ["paperbuild-check", "paperbuild-render"]
    for hook in offered:
        assert (hook["language"], hook["pass_filenames"], hook["always_run"]) == ("system", False, True)
        program, *words = [*hook["entry"].split(), *hook.get("args", [])]
        assert program == "paperbuild"
        work.paperbuild(*words)
