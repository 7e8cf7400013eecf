"""Commands that are held to what they declare, on the real disk with the real kernel."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.engine.graph import Action
from paperbuild.events import Outcome
from paperbuild.paper.command_words import mentioned_paths
from tests.engine.disk import Project
from tests.engine.world import command
from tests.integration.test_tracing import program_of_32_bits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets commands be watched")


def strict(name: str, line: str, outputs: str, inputs: str | None = "", *, needs: str = "") -> Action:
    return replace(command(name, line, outputs, inputs, needs=needs), observe="strict", mentioned=mentioned_paths(line))


def built(tmp_path: Path, *actions: Action, **files: str) -> tuple[Project, list[str]]:
    project = Project(tmp_path, actions).write({name.replace("__", "/"): text for name, text in files.items()})
    report = project.build()
    return project, [diagnostic.code for diagnostic in report.diagnostics]


def test_what_is_declared_may_be_read_and_outputs_written_and_read_back(tmp_path: Path):
    t = strict("t", "cat data/a lib/b > out; cat out > again; mkdir -p model && cp lib/b model/w", "out again model/", "data/a lib/")
    project, codes = built(tmp_path, t, data__a="1", lib__b="2")
    assert codes == []
    assert project.tree()["again"] == "12"
    assert project.tree()["model/w"] == "2"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("cat SECRET > out", "secret"),
        ("(cat SECRET || true) > out", "secret"),
        ("echo 1 > out; echo 1 > stray$(printf)", "stray"),
        ("echo 1 > out; mv declared else$(printf where)", "declared"),
        ("echo 1 > out; ln declared other", "declared"),
        ("cd folder; cat ../SECRET > ../out", "secret"),
        ("cat l$(printf ink) > out", "link"),
    ],
)
def test_what_is_not_declared_is_refused_and_named(tmp_path: Path, line: str, wanted: str):
    (tmp_path / "folder").mkdir()
    line = line.replace("SECRET", "s$(printf ecret)")  # or it were named by a word
    (tmp_path / "link").symlink_to("secret")
    project = Project(tmp_path, (strict("t", line, "out", "declared"),)).write({"secret": "x", "declared": "y"})
    report = project.build()
    assert report.outcomes["t"] is Outcome.FAILED
    (fault,) = report.diagnostics
    assert fault.code == "PB442"
    assert f"wanted {wanted}" in fault.message.replace("to change ", "")
    assert ("which is an input" in fault.message) == (wanted == "declared")
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "secret").read_text() == "x"
    assert (tmp_path / "declared").read_text() == "y"


def test_an_input_that_a_program_would_like_to_change_may_be_read_by_it(tmp_path: Path):
    """SQLite asks for more than it needs, and is content with less."""
    t = strict("t", f"'{sys.executable}' ask.py > out", "out", "ask.py d.db")
    (tmp_path / "ask.py").write_text("import sqlite3; print(*sqlite3.connect('d.db').execute('select 7').fetchone())")
    with contextlib.closing(sqlite3.connect(tmp_path / "d.db")) as database:
        database.execute("create table t(x)")
    assert Project(tmp_path, (t,), python=str(Path(sys.executable).parent)).build().diagnostics == ()
    assert (tmp_path / "out").read_text() == "7\n"


def test_words_and_needs_are_declarations_and_absent_files_may_be_looked_for(tmp_path: Path):
    (tmp_path / "script.sh").write_text("cat first; [ -e missing ] || echo absent; ls .\n")
    actions = (command("first", "echo 1 > first", "first"), strict("t", "sh script.sh > out", "out", needs="first"))
    project, codes = built(tmp_path, *actions)
    assert codes == []
    assert project.tree()["out"].startswith("1\nabsent\n")


def test_python_with_its_packages_runs_strictly(tmp_path: Path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "part.py").write_text("value = 7\n")
    (tmp_path / "script.py").write_text(
        "import json, sys, tempfile, msgspec\nsys.path.insert(0, 'lib')\nimport part\n"
        "with tempfile.NamedTemporaryFile() as scratch:\n    scratch.write(b'x')\n"
        "json.dump(part.value, open('out', 'w'))\n"
    )
    target = strict("t", f"'{sys.executable}' script.py", "out", "lib/")
    assert Project(tmp_path, (target,), python=str(Path(sys.executable).parent)).build().diagnostics == ()
    assert (tmp_path / "out").read_text() == "7"


def test_a_program_of_32_bits_is_refused_where_it_would_be_held_and_the_fault_says_why(tmp_path: Path):
    program_of_32_bits(tmp_path / "old")
    try:
        subprocess.run([tmp_path / "old"], cwd=tmp_path, check=False)
    except OSError:
        pytest.skip("this kernel runs no programs of 32 bits")
    project = Project(tmp_path, (strict("t", "./old && echo 1 > out", "out", "old data"),)).write({"data": "x"})
    report = project.build()
    assert report.outcomes["t"] is Outcome.FAILED
    (fault,) = report.diagnostics
    assert fault.code == "PB440"
    assert any("could not be watched" in note and "32-bit" in note for note in fault.notes)


def test_landlock_alone_holds_a_process_and_what_it_starts(tmp_path: Path):
    for name in ("listed", "listed/readable", "listed/writable", "listed/closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    script = (
        "import os, subprocess, sys\nfrom paperbuild.engine.tracing import landlock\nos.chdir('listed')\n"
        "system = ('/usr', '/lib', '/lib64', '/bin', '/etc', '/dev', sys.prefix, sys.base_prefix)\n"
        "if not landlock.restrict(os.getcwd(), (*system, os.path.abspath('readable')), (os.path.abspath('writable'), '/dev/null')):\n"
        "    sys.exit(9)\n"
        "for line in sys.argv[1:]:\n    print(subprocess.run(['/bin/sh', '-c', line], stdout=-3, stderr=-3).returncode == 0)\n"
    )
    may = ("ls closed", "cat readable/file", "cat writable/file", "echo 1 > writable/new && mv writable/new writable/newer")
    may_not = (
        "cat closed/file",
        "echo 1 > readable/file",
        "echo 1 > closed/new",
        "mv closed/file writable/",
        "ln closed/file writable/one",
    )
    words = [sys.executable, "-c", script, *may, *may_not]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 9:
        pytest.skip("this kernel has no Landlock")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * len(may) + ["False"] * len(may_not)
