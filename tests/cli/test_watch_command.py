import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
import urllib.request
from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT_S, clean_environment
from tests.held_ports import held_port


class Watching:
    """``paperbuild watch`` at work, and what it has said so far."""

    def __init__(self, project, *options, log=".watch.log~"):
        self.log = project.root / log
        with self.log.open("w") as file:
            self.process = project.start("watch", "--to", "html", *options, stderr=file)

    def said(self, text, times=1):
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            if self.log.read_text().count(text) >= times:
                return True
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        return False

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode


def until(holds):
    end = time.monotonic() + LIMIT_S
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


@pytest.fixture
def watching(project):
    watching = Watching(project)
    yield watching
    if watching.process.poll() is None:
        watching.process.kill()
        watching.process.communicate(timeout=LIMIT_S)


WAITS = "waiting for a change"


def test_a_saved_paper_is_rendered_again_an_error_is_waited_out_and_ctrl_c_ends_it(project, watching):
    assert watching.said(WAITS)
    project.write("paper.md", "# Result\n\nOther text.\n")
    assert watching.said(WAITS, times=2)
    assert "Other text" in project.read("_build/paper.html")
    project.write("paperbuild.toml", "[paper\n")
    assert watching.said("error[PB101]")
    assert watching.said(WAITS, times=3)
    project.write("paperbuild.toml", '[paper]\nsource = "paper.md"\n')
    assert watching.said(WAITS, times=4)
    assert watching.end() == 130
    assert watching.log.read_text().endswith("stopped\n")


def test_a_build_that_writes_into_the_project_does_not_call_itself_for_ever(project, watching):
    assert watching.said(WAITS)
    project.write(
        "paperbuild.toml",
        '[paper]\nsource = "paper.md"\n\n[target.train]\nrun = "date +%N | tee stray.log > acc.txt"\noutputs = ["acc.txt"]\n'
        'refresh = "always"\n',
    )
    project.write("paper.md", "![](acc.txt)\n\n[x]{val=train.acc}\n")
    assert watching.said("stray.log changes whenever this is built")
    assert watching.said(WAITS, times=2)
    said = watching.log.read_text()
    time.sleep(0.5)
    assert watching.log.read_text() == said


def test_a_manifest_that_is_saved_again_and_again_right_after_a_build_is_read_each_time(project, watching):
    for n in range(6):
        assert watching.said(WAITS, times=n + 1)
        project.write("paperbuild.toml", f'[paper]\nsource = "paper.md"\n\n[document.more{n}]\nsource = "paper.md"\n')
    assert watching.said(WAITS, times=7)
    assert "changes whenever" not in watching.log.read_text()
    assert (project.root / "_build/more5.html").exists()


def test_an_undeclared_input_that_is_saved_in_the_middle_of_each_of_many_builds_is_read_each_time(project):
    project.write("make.sh", "cat given.txt > acc.json; echo ran >> .runs~; until [ -e .go~ ]; do sleep 0.02; done; rm .go~\n")
    project.write("given.txt", '{"x": 0}').write(".go~", "")
    project.write("paperbuild.toml", '[paper]\nsource = "paper.md"\n\n[target.acc]\nrun = "sh make.sh"\noutputs = ["acc.json"]\n')
    project.write("paper.md", "It is [x]{val=acc.x}.\n")
    watching = Watching(project)
    try:
        assert watching.said(WAITS)
        for n in range(1, 6):  # the second and all that follow while the command is at work
            project.write("given.txt", f'{{"x": {n}}}')
            assert watching.said("changed: given.txt", times=n)
            assert until(lambda runs=n + 1: project.read(".runs~").count("ran") == runs)
        project.write(".go~", "")
        assert watching.said(WAITS, times=2)
        assert ">5<" in project.read("_build/paper.html")
        assert "changes whenever" not in watching.log.read_text()
    finally:
        watching.process.kill()
        watching.process.communicate(timeout=LIMIT_S)


def test_narration_that_is_redirected_into_the_project_starts_no_build(project):
    watching = Watching(project, log="watch.log")
    try:
        assert watching.said(WAITS)
        time.sleep(1.5)  # longer than events are held back
        assert watching.log.read_text().count(WAITS) == 1
        assert "changed:" not in watching.log.read_text()
    finally:
        watching.process.kill()
        watching.process.communicate(timeout=LIMIT_S)


def test_watch_and_render_at_the_same_time_wait_for_each_other_and_both_are_right(project):
    project.write(
        "paperbuild.toml",
        '[paper]\nsource = "paper.md"\n\n[target.slow]\nrun = "cat a.json > slow.json; echo ran >> .runs~; sleep 1"\n'
        'inputs = ["a.json"]\noutputs = ["slow.json"]\n',
    )
    project.write("paper.md", "It is [x]{val=slow.x}.\n").write("a.json", '{"x": "first"}')
    watching = Watching(project)
    try:
        assert watching.said(WAITS)
        for text in ("second", "third"):
            project.write("a.json", json.dumps({"x": text}))
            assert watching.said("changed: a.json", times=1 + (text == "third"))
            renders = [project.start("render", "--to", "html") for _ in range(2)]
            told = [render.communicate(timeout=LIMIT_S)[1] for render in renders]
            assert [render.returncode for render in renders] == [0, 0], told
            assert not any("error" in words or "Traceback" in words for words in told)
            assert text in project.read("_build/paper.html")
        until = time.monotonic() + LIMIT_S
        while not watching.log.read_text().endswith("Ctrl-C ends this\n"):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert project.read(".runs~") == "ran\n" * 3, "whoever comes second finds it made"
        assert "error" not in watching.log.read_text()
        assert watching.end() == 130
    finally:
        if watching.process.poll() is None:
            watching.process.kill()
            watching.process.communicate(timeout=LIMIT_S)


def test_the_lines_that_begin_and_end_a_build_and_the_errors_between_are_what_problem_matchers_look_for(project, watching):
    assert watching.said(WAITS)
    project.write("paper.md", "# Result\n\n[x]{val=nope.x}\n")
    assert watching.said(WAITS, times=2)
    lines = watching.log.read_text().partition("changed: paper.md\n")[2].splitlines()
    assert lines[0] == "build begins"
    assert lines[-2:] == ["build ends: 1 error", "waiting for a change; Ctrl-C ends this"]
    assert [bool(re.match(r"error\[PB211\]: ", line)) for line in lines].count(True) == 1
    assert [line for line in lines if re.match(r" *--> paper\.md:3:\d+$", line)]


def test_the_page_is_served_where_it_says_while_it_runs(project):
    watching = Watching(project, "--port", str(held_port()))
    assert watching.said(WAITS)
    address = re.search(r"^the paper is shown at (http://127\.0\.0\.1:\d+/)$", watching.log.read_text(), re.MULTILINE)[1]
    with urllib.request.urlopen(f"{address}paper") as answer:
        assert b"Text." in answer.read()
    assert watching.end() == 130
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address)


@pytest.mark.parametrize("editor", ["vscod", "nano", "code -g {file"])
def test_an_editor_that_nobody_knows_is_told_before_anything_is_built(project, editor):
    answer = project.call("watch", "--editor", editor)
    assert answer.code == 2
    assert "error[PB174]" in answer.err
    assert "build begins" not in answer.err


def test_another_host_needs_leave(project):
    answer = project.call("watch", "--host", "0.0.0.0")
    assert answer.code == 2
    assert "error[PB171]" in answer.err
    assert "--allow-remote" in answer.err


HEAVY = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.big]
run = "echo '{{\\"n\\": 4}}' > big.json"
inputs = ["big.in"]
outputs = ["big.json"]
heavy = true
"""
ON_A_TERMINAL_OF_ITS_OWN = """\
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.argv = ["paperbuild", "watch"]
runpy.run_module("paperbuild", run_name="__main__")
"""


def test_a_key_lets_run_what_is_held_and_the_terminal_is_given_back(project):
    project.write("paperbuild.toml", HEAVY).write("big.in", "1").write("paper.md", "[x]{val=big.n}\n")
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(ours)
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL_OF_ITS_OWN], cwd=project.root, env=clean_environment(TERM="dumb"),
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    said = b""

    def wait(text, times=1):
        nonlocal said
        until = time.monotonic() + LIMIT_S
        while said.count(text) < times:
            assert time.monotonic() < until, said
            said += os.read(ours, 4096)

    try:
        wait(b"held: big; press r to run")
        wait(WAITS.encode())
        os.write(ours, b"xr")
        wait(b"ran big in")
        wait(WAITS.encode(), times=2)
        os.write(ours, b"\x03")
        wait(b"stopped")
        assert process.wait(LIMIT_S) == 130
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


SLOW = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.slow]
run = "python3 slow.py"
inputs = ["slow.py"]
outputs = ["slow.json"]
"""
PROGRAM = "import json, time\nopen('.began~', 'a').write('x')\ntime.sleep({pause})\njson.dump({{'n': {n}}}, open('slow.json', 'w'))\n"


class TestWhileATargetIsAtWork:
    @pytest.fixture
    def busy(self, project):
        """A paper that shows the result of a target, and that target at work for long once more."""
        project.write("paperbuild.toml", SLOW).write("slow.py", PROGRAM.format(pause=0, n=4))
        project.write("paper.md", "# Result\n\nIt is []{val=slow.n}. Old words.\n")
        watching = Watching(project)
        assert watching.said(WAITS)
        project.write("slow.py", PROGRAM.format(pause=60, n=5))
        self.begins(project, 2)
        yield watching
        if watching.process.poll() is None:
            watching.process.kill()
            watching.process.communicate(timeout=LIMIT_S)

    @staticmethod
    def begins(project, times):
        until = time.monotonic() + LIMIT_S
        while len(project.read(".began~")) < times:
            assert time.monotonic() < until
            time.sleep(0.02)

    @staticmethod
    def shown(watching, text):
        address = re.search(r"^the paper is shown at (\S+)$", watching.log.read_text(), re.MULTILINE)[1]
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            with urllib.request.urlopen(f"{address}paper") as answer:
                page = answer.read().decode()
            if text in page:
                return page
            time.sleep(0.05)
        return ""

    def test_new_words_are_shown_beside_the_last_result(self, project, busy):
        project.write("paper.md", "# Result\n\nIt is []{val=slow.n}. New words.\n")
        page = self.shown(busy, "New words")
        assert re.search(r">4</", page), "the result that there is"
        assert "New words" not in project.read("_build/paper.html"), "what rests on an old result is not published"
        assert busy.end() == 130

    def test_another_program_ends_the_one_that_runs_and_starts_anew(self, project, busy):
        project.write("slow.py", PROGRAM.format(pause=0, n=6))
        assert busy.said("cancelled slow")
        assert busy.said(WAITS, times=2)
        assert re.search(r">6</", project.read("_build/paper.html"))

    def test_ctrl_c_ends_what_runs_at_once(self, project, busy):
        begin = time.monotonic()
        assert busy.end() == 130
        assert time.monotonic() - begin < 5
        assert json.loads(project.read("slow.json")) == {"n": 4}, "the last result is back"


CHUNK = """\
# Result

It is [0]{val=slow.n}. Some words.

``` {.python .target #slow stdout="slow.json"}
import time

open(".began~", "a").write("x")
time.sleep(PAUSE)
print('{"n": VALUE}')
```
"""


def test_an_edit_of_prose_starts_no_chunk_and_one_of_its_code_ends_the_run_of_the_old(project):
    text = CHUNK.replace("PAUSE", "0").replace("VALUE", "4")
    project.write("paperbuild.toml", '[paper]\nsource = "paper.md"\n').write("paper.md", text)
    watching = Watching(project)
    try:
        assert watching.said(WAITS)
        project.write("paper.md", text.replace("# Result", "More words at the top.\n\n# Result"))
        assert watching.said(WAITS, times=2)
        assert "More words" in project.read("_build/paper.html")
        assert project.read(".began~") == "x"
        project.write("paper.md", CHUNK.replace("PAUSE", "60").replace("VALUE", "5"))
        TestWhileATargetIsAtWork.begins(project, 2)
        project.write("paper.md", CHUNK.replace("PAUSE", "60").replace("VALUE", "5").replace("Some words", "Other words"))
        project.write("paper.md", CHUNK.replace("PAUSE", "0").replace("VALUE", "6"))
        assert watching.said("cancelled slow")
        assert watching.said(WAITS, times=3)
        assert re.search(r">6</", project.read("_build/paper.html"))
        assert watching.end() == 130
    finally:
        if watching.process.poll() is None:
            watching.process.kill()
            watching.process.communicate(timeout=LIMIT_S)


def presses(pid):
    """Return the processes in which typst runs for the process ``pid``."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == pid and "presswork" in (folder / "cmdline").read_text():
                    found.append(folder.name)
            except OSError:
                continue
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes through /proc")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill"])
def test_typst_runs_in_a_process_of_its_own_that_ends_with_watch(project, end):
    watching = Watching(project, "--to", "html,pdf")
    try:
        assert watching.said(WAITS)
        (press,) = presses(watching.process.pid)
        project.write("paper.md", "# Result\n\nOther text.\n")
        assert watching.said(WAITS, times=2)
        assert presses(watching.process.pid) == [press]
        assert (project.root / "_build/paper.pdf").read_bytes().startswith(b"%PDF")
    finally:
        watching.process.send_signal(end)
        watching.process.communicate(timeout=LIMIT_S)
    until = time.monotonic() + LIMIT_S
    while Path("/proc", press).exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not Path("/proc", press).exists()
