"""Typst in a process of its own: the same bytes and diagnostics, whatever becomes of that process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from msgspec import structs

from paperbuild.diagnostics import Span
from paperbuild.errors import BuildError, Interrupted
from paperbuild.render.press import Press
from paperbuild.render.typst import Job, Typesetter

JOB = Job("#set page(width: 200pt, height: 100pt)\nWords.\n#pagebreak()\nMore.\n", {})
SLOW = Job("#{ let n = 0; for i in range(2000) { for k in range(1000) { n = calc.rem(n + k, 7) } }; str(n) }\n", {})


@pytest.fixture
def press():
    press = Press()
    yield press
    press.close()


def ends(pid, limit_s=10.0):
    """Return whether the process, no child of ours that waits to be reaped, ends."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_the_press_gives_the_bytes_that_typst_gives_in_this_process(press):
    here = Typesetter()
    pdf = press.pdf(JOB)
    assert pdf == here.pdf(JOB)
    assert press.drawings(JOB) == here.drawings(JOB)
    assert press.drawings(pdf.data) == here.drawings(pdf.data)
    assert press.drawn(pdf.data, "pdf", "png", 2.0, page=2, dpi=50) == here.drawn(pdf.data, "pdf", "png", 2.0, page=2, dpi=50)
    assert press.drawings(b"no PDF") == []


@pytest.mark.parametrize("source", ["One.\n\n#unknown()\n", 'Fine.\n\n#set text(font: "Nowhere Sans")\nA.\n', "No \U0001f9ff glyph.\n"])
def test_a_fault_has_the_diagnostics_that_it_has_in_this_process(press, source):
    def place(generated):
        return Span("paper.md", 7, generated.column + 1, 2, generated.text)

    job = Job(source, {}, place=place)
    with pytest.raises(BuildError) as here:
        Typesetter().pdf(job)
    with pytest.raises(BuildError) as there:
        press.pdf(job)
    assert there.value.diagnostics == here.value.diagnostics
    assert press.pdf(JOB).data


def test_an_error_where_the_place_is_sought_reaches_whoever_asked(press):
    def place(_):
        raise ValueError("lost")

    with pytest.raises(ValueError, match="lost"):
        press.pdf(Job("#unknown()", {}, place=place))
    assert press.pdf(JOB) == Typesetter().pdf(JOB)


def in_a_thread(work):
    found = []

    def run():
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, found


def test_a_press_that_is_killed_in_the_middle_of_a_request_is_replaced_and_asked_again(press):
    assert press.pdf(JOB)
    first = press.pid
    thread, found = in_a_thread(lambda: press.pdf(SLOW))
    time.sleep(0.2)
    assert not found, "it was done too soon to be killed"
    os.kill(first, signal.SIGKILL)
    thread.join()
    assert found == [Typesetter().pdf(SLOW)]
    assert press.pid not in {0, first}


def test_a_press_that_dies_of_a_request_twice_is_a_fault(press, monkeypatch):
    monkeypatch.setattr("paperbuild.render.press._PROGRAM", "import sys; sys.exit('no typst here')")
    with pytest.raises(BuildError) as caught:
        press.pdf(JOB)
    (fault,) = caught.value.diagnostics
    assert (fault.code, fault.detail) == ("PB518", ("no typst here",))


LONG = "\n\n".join(f"= Head {n}\n\n{'some words ' * 300} $x_{n}$" for n in range(200))


def test_a_press_that_holds_too_much_is_replaced_and_gives_the_same_bytes():
    press = Press(memory_limit=0)
    try:
        before = press.pdf(JOB)
        first = press.pid
        assert press.drawings(JOB)
        press.pdf(structs.replace(JOB, source=LONG))
        assert press.pid not in {0, first}
        assert ends(first)
        assert press.pdf(JOB) == before
    finally:
        press.close()


def test_a_press_is_not_replaced_for_what_its_paper_needs_anyway():
    press = Press(memory_limit=0)
    try:
        press.pdf(structs.replace(JOB, source=LONG))
        first = press.pid
        for n in range(3):
            press.drawings(structs.replace(JOB, source=LONG.replace("Head 7", f"Head {n}")))
            assert press.pid == first
    finally:
        press.close()


def test_the_press_ends_with_its_process_even_where_that_is_killed_and_leaves_no_files(tmp_path):
    program = (
        "import sys, tests.integration.test_press as test\n"
        "press = test.Press()\npress.pdf(test.JOB)\nprint(press.pid, flush=True)\npress.pdf(test.SLOW)\nprint('done', flush=True)\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())
    time.sleep(0.2)
    process.kill()
    said, _ = process.communicate()
    assert "done" not in said
    assert ends(pid, 2.0)
    assert list(tmp_path.iterdir()) == []


def test_closing_ends_a_request_and_no_press_starts_again(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    press = Press()
    press.begin()
    pid = press.pid
    thread, found = in_a_thread(lambda: press.pdf(SLOW))
    time.sleep(0.5)
    press.close()
    thread.join()
    assert isinstance(found[0], Interrupted)
    assert ends(pid)
    with pytest.raises(Interrupted):
        press.pdf(JOB)
    assert list(tmp_path.iterdir()) == []


def test_what_the_system_refuses_the_press_is_refused_to_whoever_asked(press):
    assert press.pdf(JOB)
    shutil.rmtree(press._folder)
    with pytest.raises(FileNotFoundError, match="paperbuild-press-"):
        press.pdf(JOB)
