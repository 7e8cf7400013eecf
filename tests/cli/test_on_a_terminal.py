import io
import os
import pty
import re
import subprocess
import sys
import time
from types import SimpleNamespace

from paperbuild.cli.exchanging import metered
from paperbuild.terminal.meter import Meter
from paperbuild.terminal.screen import Screen
from tests.cli.conftest import LIMIT_S, clean_environment


def on_a_terminal(project, *words, **more):
    """Run the program with a pseudo-terminal as all its streams; return what it wrote there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "paperbuild", *words],
        cwd=project.root, env=clean_environment(**{"TERM": "xterm", "COLUMNS": "60", **more}), stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 4096):
            written += chunk
    except OSError:
        pass  # Linux says EIO when the other side is closed
    finally:
        os.close(ours)
    assert process.wait(timeout=LIMIT_S) == 0
    return written.decode()


SLOW = "import sys, time\ntime.sleep(0.5)\nprint(sys.argv[2])\n"


def test_a_terminal_gets_one_rewritten_line_and_then_the_summary(project):
    project.write("train.py", SLOW)
    written = on_a_terminal(project, "run", "train", "-j1")
    assert "\r\x1b[2K[0/2] 0." in written
    assert "train[seed=0] 0." in written
    last = written.rstrip("\r\n").rpartition("\x1b[2K")[2]
    assert last.startswith("2 ran, 0 reused, 0 failed in ")
    assert "ran train" not in written
    assert all(len(part) < 60 for part in written.replace("\r\n", "\r").split("\r\x1b[2K"))


def test_a_build_with_nothing_to_do_shows_no_progress_line(project):
    project.call("run", "train")
    assert on_a_terminal(project, "run", "train") == "0 ran, 2 up to date\r\n"


def test_no_color_leaves_the_line_but_no_colours(project):
    project.write("train.py", SLOW)
    written = on_a_terminal(project, "run", "train", NO_COLOR="1")
    assert "\x1b[2K" in written
    assert "\x1b[1;" not in written


def test_a_dumb_terminal_gets_lines(project):
    project.write("train.py", SLOW)
    written = on_a_terminal(project, "run", "train", "-j1", TERM="dumb")
    assert "\x1b" not in written
    assert "ran train[seed=0] in " in written


def test_a_terminal_sees_how_far_uploads_are_and_nothing_of_that_stays(project, tmp_path_factory):
    there = tmp_path_factory.mktemp("there")
    home = {"XDG_CONFIG_HOME": str(tmp_path_factory.mktemp("home"))}
    project.call("run", "train")
    on_a_terminal(project, "key", "new", **home)
    written = on_a_terminal(project, "cache", "push", COLUMNS="24", PAPERBUILD_REMOTE=f"file://{there}", **home)
    assert re.search(r"\r\x1b\[2Kuploading 1 of 2, (14|28) B\r", written)  # of the second there may be more by then
    assert all(len(part) < 24 for part in written.split("\r\x1b[2K")[:-1])
    assert written.rpartition("\r\x1b[2K")[2].startswith("2 results uploaded, ")


def test_how_much_of_one_large_content_came_is_seen_while_it_comes():
    stream, screen, link = io.StringIO(), Screen(rewrites=True), SimpleNamespace(moved=5)
    invocation = SimpleNamespace(screen=screen, meter=lambda: Meter(stream, screen))
    with metered(invocation, "fetching", link, 1):
        link.moved += 12_000_000
        limit_s = time.monotonic() + 20
        while "fetching 0 of 1, 12 MB" not in stream.getvalue():
            assert time.monotonic() < limit_s
            time.sleep(0.02)
    assert stream.getvalue().endswith("\r\x1b[2K")
