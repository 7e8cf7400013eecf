import json
import signal
import time

import pytest

from tests.cli.conftest import LIMIT_S


class Watching:
    """``paperbuild watch`` at work, and what it has said so far."""

    def __init__(self, project, log=".watch.log~"):
        self.log = project.root / log
        with self.log.open("w") as file:
            self.process = project.start("watch", "--to", "html", stderr=file)

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
