import contextlib
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import pytest

from paperbuild.starting.project import LICENSES
from tests.cli.conftest import LIMIT_S, Project, clean_environment


@pytest.fixture
def folder(tmp_path, monkeypatch, capfd):
    """An empty folder to call the program in."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return Project(tmp_path / "work", monkeypatch, capfd)


def everything(root):
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


def test_a_new_paper_renders_at_once_and_agrees_with_itself(folder):
    begin = time.monotonic()
    assert folder.call("init", "demo").code == 0
    rendered = folder.call("-C", "demo", "render")
    assert rendered.code == 0, rendered.err
    assert rendered.out.split() == ["demo/_build/paper.pdf", "demo/_build/paper.html"]
    assert time.monotonic() - begin < 30
    checked = folder.call("-C", "demo", "check")
    assert (checked.code, checked.err) == (0, "no findings\n")


@pytest.mark.slow
@pytest.mark.parametrize("template", ["twocolumn", "preprint", "joss", "report"])
def test_a_new_paper_renders_in_every_template(folder, template):
    assert folder.call("init", "demo", "--template", template, "--license", "MIT").code == 0
    rendered = folder.call("-C", "demo", "render")
    assert rendered.code == 0, rendered.err
    assert folder.call("-C", "demo", "check").err == "no findings\n"


def test_make_paper_works_in_a_new_paper(folder):
    folder.call("init", "demo")
    done = subprocess.run(
        ["make", "paper", f"PAPERBUILD={sys.executable} -m paperbuild"],
        cwd=folder.root / "demo", env=clean_environment(), capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (folder.root / "demo/_build/paper.pdf").read_bytes().startswith(b"%PDF")


def test_the_files_of_a_new_paper_are_told_and_what_to_do_next(folder):
    answer = folder.call("init", "demo", "--license", "cc0-1.0", "--vscode")
    there = sorted(str(p.relative_to(folder.root)) for p in folder.root.rglob("*") if p.is_file())
    assert sorted(answer.out.split()) == there
    assert answer.err == "now: cd demo && paperbuild render\n"
    assert "demo/LICENSE" in there
    assert "demo/.vscode/tasks.json" in there


def test_the_schema_that_a_new_manifest_names_stands_beside_it(folder):
    folder.call("init", "demo")
    named = folder.read("demo/paperbuild.toml").splitlines()[0].removeprefix("#:schema ")
    assert json.loads(folder.read(f"demo/{named}"))["title"] == "paperbuild.toml"


def test_title_and_author_are_said_to_the_letter_whatever_stands_in_them(folder):
    title = 'A $5 "proof": *not* [91]{val=x} of @knuth # 1 \\ _b_ <c> ~d~ ^e^'
    assert folder.call("init", "demo", "--title", title, "--author", "O'Neil, {Ann_Lee} [@me]").code == 0
    rendered = folder.call("-C", "demo", "render", "--to", "html")
    assert rendered.code == 0, rendered.err
    page = (folder.root / "demo/_build/paper.html").read_text()
    assert "<title>A $5 “proof”: *not* [91]{val=x} of @knuth # 1 \\ _b_ &lt;c&gt; ~d~ ^e^</title>" in page
    assert "O\N{RIGHT SINGLE QUOTATION MARK}Neil, {Ann_Lee} [@me]" in page


@pytest.mark.parametrize("name", LICENSES)
def test_a_license_names_who_and_when(folder, name):
    folder.call("init", "demo", "--license", name.lower(), "--author", "Ada Lovelace")
    text = folder.read("demo/LICENSE")
    assert "Ada Lovelace" in text
    assert re.search(r"\b20\d\d\b", text)
    assert f"License: {name}" in folder.read("demo/README.md")


def test_no_license_is_written_unasked(folder):
    folder.call("init", "demo")
    assert not (folder.root / "demo/LICENSE").exists()
    assert "License" not in folder.read("demo/README.md")


def test_the_author_is_whom_git_knows(folder):
    (folder.root.parent / "home/.gitconfig").write_text("[user]\n\tname = Emmy Noether\n")
    folder.call("init", "demo")
    assert '- name: "Emmy Noether"' in folder.read("demo/paper.md")


def test_a_new_paper_can_be_a_repository(folder):
    assert folder.call("init", "demo", "--git").code == 0
    assert (folder.root / "demo/.git/HEAD").is_file()


def test_without_git_a_repository_is_refused_and_all_else_works(folder, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    answer = folder.call("init", "demo", "--git")
    assert (answer.code, everything(folder.root)) == (2, {})
    assert answer.err.startswith("error[PB160]: --git: there is no git on this machine")
    assert folder.call("init", "demo").code == 0


def test_a_dry_run_shows_the_files_and_writes_nothing(folder):
    answer = folder.call("init", "demo", "--dry-run")
    assert everything(folder.root) == {}
    assert "--- new: demo/paperbuild.toml\n#:schema" in answer.out
    assert answer.err == "nothing was written\n"


def test_in_json_files_come_with_their_texts(folder):
    answer = folder.call("init", "demo", "-n", "--json")
    found = json.loads(answer.out)
    assert (found["command"], found["ok"], found["written"], found["root"]) == ("init", True, False, "demo")
    assert {file["path"]: file["kind"] for file in found["files"]}["demo/paper.md"] == "new"
    assert everything(folder.root) == {}
    written = json.loads(folder.call("init", "demo", "--json").out)
    assert written["written"] is True
    assert all((folder.root / file["path"]).read_text() == file["text"] for file in written["files"])


# --- what may be there already


def test_a_freshly_made_repository_keeps_its_own_files(folder):
    folder.write("README.md", "mine\n").write("LICENSE", "mine\n").write(".git/HEAD", "ref: refs/heads/main\n")
    answer = folder.call("init", "--license", "MIT")
    assert answer.code == 0
    assert (folder.read("README.md"), folder.read("LICENSE")) == ("mine\n", "mine\n")
    assert (folder.root / "paper.md").exists()


def test_a_gitignore_that_is_there_is_changed_only_where_that_is_wished(folder):
    folder.write(".gitignore", "*.pyc\nresults\n")
    answer = folder.call("init")
    assert folder.read(".gitignore") == "*.pyc\nresults\n"
    assert "+_build/" in answer.out
    assert ".gitignore stays as it is; --yes changes it" in answer.err
    (folder.root / "paperbuild.toml").unlink()
    for name in ("paper.md", "references.bib", "Makefile", "experiments/walk.py"):
        (folder.root / name).unlink()
    (folder.root / "experiments").rmdir()
    assert folder.call("init", "--yes").code == 0
    assert folder.read(".gitignore") == "*.pyc\nresults\n_build/\nfigures/\n"


@pytest.mark.parametrize(
    ("before", "words", "said"),
    [
        ({"notes.txt": "x"}, [], "error[PB186]: this folder is not empty"),
        ({"demo/notes.txt": "x"}, ["demo"], "error[PB186]: demo is not empty"),
        ({"demo": "x"}, ["demo"], "error[PB186]: demo is a file"),
        ({"paperbuild.toml": ""}, [], "error[PB186]: paperbuild.toml is there already"),
        ({"demo": "x"}, ["demo/inner"], "error[PB18"),
        ({}, ["--template", "artcle"], "error[PB161]: --template artcle: there is no such template\n  = help: did you mean article?"),
        ({}, ["--license", "GPL-3.0"], "error[PB161]: --license GPL-3.0: its text does not come along"),
        ({}, ["--trace"], "error[PB180]: --trace says something only with --here"),
        ({"paperbuild.toml": ""}, ["--here"], "error[PB186]: paperbuild.toml is there already"),
        ({}, ["none", "--here"], "error[PB182]"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(folder, before, words, said):
    for name, text in before.items():
        folder.write(name, text)
    there = everything(folder.root)
    answer = folder.call("init", *words)
    assert answer.code == 2
    assert answer.err.startswith(said)
    assert everything(folder.root) == there


def test_a_folder_that_cannot_be_written_is_told(folder, monkeypatch):
    def refuse(path, *given):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "mkdir", refuse)  # root, as whom tests may run, is refused nothing
    answer = folder.call("init", "demo")
    assert answer.code == 2
    assert answer.err == "error[PB187]: demo: Permission denied\n  = note: nothing was written\n"
    assert everything(folder.root) == {}


@pytest.mark.parametrize("broken", ["mkdir", "link"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_disk_that_refuses_in_the_middle_leaves_nothing_behind(folder, monkeypatch, broken, nth):
    real = getattr(os, broken)
    calls = 0

    def refuse(*given, **more):
        nonlocal calls
        calls += 1
        if calls >= nth:
            raise OSError(28, "No space left on device", given[0])
        return real(*given, **more)

    if broken == "link":  # a file system without links falls back on renaming
        monkeypatch.setattr(os, "rename", refuse)
    monkeypatch.setattr(os, broken, refuse)
    answer = folder.call("init", "demo", "--vscode")
    assert calls >= nth
    assert answer.code == 2
    assert answer.err.startswith("error[PB187]: ")
    assert answer.err.endswith("No space left on device\n  = note: nothing was written\n")
    assert everything(folder.root) == {}


# --- questions

on_a_terminal = pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid gives a program a terminal of its own")


class Conversation:
    """The program on a terminal of its own."""

    def __init__(self, root, *words):
        ours, theirs = pty.openpty()
        self._terminal = ours
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", sys.executable, "-m", "paperbuild", *words], cwd=root,
            env=clean_environment(TERM="xterm", COLUMNS="90"), stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        self.written = ""

    def wait_for(self, text):
        while text not in self.written:
            assert select.select([self._terminal], [], [], LIMIT_S)[0], self.written
            self.written += os.read(self._terminal, 4096).decode()

    def answer(self, question, words):
        self.wait_for(question)
        os.write(self._terminal, words.encode())

    def interrupt(self, question):
        """Press Ctrl-C until it ends: Python loses one that comes just before it begins to wait for a line."""
        self.wait_for(question)
        while self._process.poll() is None:
            with contextlib.suppress(OSError):  # it has just ended
                os.write(self._terminal, b"\x03")
            time.sleep(0.1)

    def end(self):
        try:
            while select.select([self._terminal], [], [], LIMIT_S)[0] and (chunk := os.read(self._terminal, 4096)):
                self.written += chunk.decode()
        except OSError:
            pass
        os.close(self._terminal)
        return self._process.wait(timeout=LIMIT_S)


@on_a_terminal
def test_on_a_terminal_it_asks_for_what_no_option_says(folder):
    asked = Conversation(folder.root, "init", "my-paper", "--template", "joss")
    asked.answer("Title [My paper]: ", "Walks\n")
    asked.answer("Author [", "Karl\n")
    asked.answer("License (", "bsd-3-clause\n")
    assert asked.end() == 0
    assert "Template" not in asked.written
    text = folder.read("my-paper/paper.md")
    assert 'title: "Walks"' in text
    assert '- name: "Karl"' in text
    assert "BSD 3-Clause" in folder.read("my-paper/LICENSE")


@on_a_terminal
def test_ctrl_c_at_a_question_leaves_nothing(folder):
    asked = Conversation(folder.root, "init", "my-paper")
    asked.answer("Title [My paper]: ", "Walks\n")
    asked.interrupt("Author [")
    assert asked.end() == 130
    assert "PB198" in asked.written
    assert everything(folder.root) == {}


@on_a_terminal
def test_yes_asks_nothing(folder):
    asked = Conversation(folder.root, "init", "my-paper", "--yes")
    assert asked.end() == 0
    assert "Title" not in asked.written


# --- VS Code


def test_tasks_are_put_beside_those_that_are_there_to_the_letter(folder):
    folder.write("paperbuild.toml", '[paper]\nsource = "paper.md"\n')
    before = '// mine\n{\n  "version": "2.0.0",\n  "tasks": [\n    { "label": "test", /* [ ] */ "command": "a,]" }, // last\n  ],\n}\n'
    folder.write(".vscode/tasks.json", before)
    assert folder.call("init", "--vscode").code == 0
    assert folder.read(".vscode/tasks.json") == before
    answer = folder.call("init", "--vscode", "--yes")
    assert answer.code == 0
    after = folder.read(".vscode/tasks.json")
    removed = [line for line in before.splitlines() if line not in after]
    assert removed == []
    assert [task["label"] for task in json_of(after)["tasks"]] == ["test", "paperbuild: watch", "paperbuild: render", "paperbuild: check"]
    assert folder.call("init", "--vscode", "--yes").out == ""
    assert folder.read(".vscode/tasks.json") == after


def json_of(text):
    from paperbuild.starting.editor import _bare

    return json.loads(_bare(text))


@pytest.mark.parametrize(
    "before", ["{}", '{"version": "2.0.0"}', '{"tasks": []}', '{"tasks": [{"label": "a"}]}', '{"tasks": [{"label": "a", "args": ["x"]},]}']
)
def test_tasks_are_put_into_whatever_is_there(folder, before):
    folder.write("paperbuild.toml", "").write(".vscode/tasks.json", before)
    assert folder.call("init", "--vscode", "--yes").code == 0
    labels = [task["label"] for task in json_of(folder.read(".vscode/tasks.json"))["tasks"]]
    assert labels == [*(["a"] if "label" in before else []), "paperbuild: watch", "paperbuild: render", "paperbuild: check"]


@pytest.mark.parametrize("before", ["{", "[]", '{"tasks": 1}', '{"tasks": [{"label": "a"}', "\x00"])
def test_tasks_that_cannot_be_understood_stay_as_they_are(folder, before):
    folder.write("paperbuild.toml", "").write(".vscode/tasks.json", before)
    answer = folder.call("init", "--vscode", "--yes")
    assert answer.code == 2
    assert answer.err.startswith("error[PB163]: .vscode/tasks.json: ")
    assert folder.read(".vscode/tasks.json") == before
    assert not (folder.root / ".paperbuild.schema.json").exists()


def matched(matcher, lines):
    """Return what VS Code makes of ``lines``: each time that all patterns match one after the other, the fields of the problem."""
    found = []
    for n, line in enumerate(lines):
        first = re.search(matcher["pattern"][0]["regexp"], line)
        second = re.search(matcher["pattern"][1]["regexp"], lines[n + 1]) if first and n + 1 < len(lines) else None
        if second:
            fields = {}
            for pattern, match in zip(matcher["pattern"], (first, second), strict=True):
                fields |= {name: match[group] for name, group in pattern.items() if name != "regexp"}
            found.append(fields)
    return found


def test_the_problem_matcher_fits_what_a_render_says(folder):
    folder.write("paperbuild.toml", '[paper]\nsource = "paper.md"\n').write("paper.md", "# A\n\nSee [9]{val=nothing.at.all}.\n")
    folder.call("init", "--vscode")
    tasks = {task["label"]: task for task in json.loads(folder.read(".vscode/tasks.json"))["tasks"]}
    said = folder.call("render", "--to", "html").err.splitlines()
    problems = matched(tasks["paperbuild: render"]["problemMatcher"], said)
    assert len(problems) == 1
    assert (problems[0]["severity"], problems[0]["code"], problems[0]["file"], problems[0]["line"]) == ("error", "PB211", "paper.md", "3")


def test_the_problem_matcher_fits_what_watch_says(folder):
    folder.write("paperbuild.toml", '[paper]\nsource = "paper.md"\n').write("paper.md", "# A\n\nSee [9]{val=nothing.at.all}.\n")
    folder.call("init", "--vscode")
    matcher = json.loads(folder.read(".vscode/tasks.json"))["tasks"][0]["problemMatcher"]
    process = folder.start("watch", "--port", "0", "--to", "html")
    said = []
    try:
        for line in process.stderr:
            said.append(line.rstrip("\n"))
            if re.search(matcher["background"]["endsPattern"], line):
                break
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT_S)
    assert any(re.search(matcher["background"]["beginsPattern"], line) for line in said)
    assert [problem["code"] for problem in matched(matcher, said)] == ["PB211"]
