"""What a failed command's error offers as a mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.engine.graph import Action, Command, Output
from paperbuild.engine.logs import LOG_LINES, _last_words, _mends
from paperbuild.events import Outcome
from tests.engine.disk import Project
from tests.engine.world import World, command


@pytest.mark.parametrize(
    ("status", "log", "line", "mend"),
    [
        (1, ["Traceback", "EOFError: EOF when reading a line"], "python ask.py", "commands get no input"),
        (126, ["sh: ./run.sh: Permission denied"], "./run.sh", "chmod +x"),
        (127, ["sh: 1: [[: not found"], "[[ 1 == 1 ]] && true", 'shell = "bash"'),
        (127, ["sh: 1: source: not found"], "source env.sh; python a.py", 'shell = "bash"'),
        (127, ["sh: 1: nope: not found"], "nope", "on PATH"),
        (1, ['  File "<frozen os>", line 679, in __getitem__', "KeyError: 'TOKEN'"], "python a.py", 'env = { TOKEN = "…" }'),
        (1, ["[Errno 2] No such file or directory: 'm/x/0.txt'"], "python a.py", "mkdir -p m/x"),
        (2, ["sh: cannot create m/x: No such file or directory"], "a > m/x", "mkdir -p m/x"),
        (-9, [], "python a.py", "memory"),
        (137, ["Killed"], "a | b", "memory"),
    ],
)
def test_a_failure_that_tells_its_cause_comes_with_its_mend(status: int, log: list[str], line: str, mend: str):
    (found,) = _mends(status, log, command("t", line, "out m/x/"), Command(line))
    assert mend in found


def test_a_strict_command_that_is_denied_something_is_told_of_reading_only():
    action = replace(command("t", "python a.py", "out"), observe="strict")
    (found,) = _mends(1, ["PermissionError: [Errno 13] Permission denied: 'd.bin'"], action, Command("python a.py"))
    assert "read only" in found


@pytest.mark.parametrize(
    "log",
    [["ValueError"], ['  File "a.py", line 6, in __getitem__', "KeyError: 'x'"], ["No such file or directory: 'm/x.csv'"], ["bad m/x"]],
)
def test_any_other_failure_offers_nothing(log: list[str]):
    assert _mends(1, log, command("t", "python a.py", "out m/x/"), Command("python a.py")) == ()


INSIDE = [line for n in range(9) for line in (f'  File "/env/lib/python3.11/site-packages/lib/a{n}.py", line {n}, in f', f"    f{n}()")]
OWN = ["Traceback (most recent call last):", '  File "/p/run.py", line 7, in <module>', "    fit(x)", "    ^^^^^^"]


def test_the_line_of_ones_own_script_is_told_though_the_failure_is_deep_in_a_library():
    told = _last_words(["before", *OWN, *INSIDE, "ValueError: x"])
    assert told[:4] == (*OWN[1:], "  …")
    assert told[-1] == "ValueError: x"
    assert len(told) == LOG_LINES


@pytest.mark.parametrize("lines", [[], ["a"], INSIDE, [*INSIDE, *OWN, "ValueError"], [*OWN, *INSIDE[:4], "ValueError"]])
def test_other_last_words_are_the_last_lines(lines: list[str]):
    assert _last_words(lines) == tuple(lines[-LOG_LINES:])


def test_a_pattern_that_matches_nothing_is_a_warning_with_its_mend():
    world = World().targets(command("t", "write a x", "a", "data/*.csv")).build().succeeded()
    assert world.report is not None
    assert [(d.code, d.severity, bool(d.help)) for d in world.report.diagnostics if d.severity != "note"] == [("PB411", "warning", True)]


def test_a_run_that_fails_leaves_the_folder_that_another_one_is_about_to_write_to(tmp_path: Path):
    bad = Action("bad", "bad", Command("sleep 0.3; exit 1"), (Output("o", "out/bad"),))
    good = Action("good", "good", Command("sleep 0.8; echo x > out/good"), (Output("o", "out/good"),))
    project = Project(tmp_path, (bad, good))
    report = project.build(keep_going=True)
    assert report.outcomes == {"bad": Outcome.FAILED, "good": Outcome.RAN}
    assert (tmp_path / "out" / "good").read_text() == "x\n"


def test_a_folder_that_two_failing_runs_needed_goes_with_the_last_of_them(tmp_path: Path):
    actions = tuple(Action(f"a{n}", f"a{n}", Command(f"sleep 0.{3 + 3 * n}; exit 1"), (Output("o", f"out/{n}"),)) for n in range(2))
    Project(tmp_path, actions).build(keep_going=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("written", "how"), [("re\u0301sultat", "other characters that look the same"), ("R\u00e9sultat", "differs in case"), ("resultat", "")]
)
def test_an_output_that_was_written_under_a_name_that_looks_like_its_own_is_told(written: str, how: str):
    world = World().target(command("t", f"write d/{written} 1", "d/r\u00e9sultat")).write(d__x="").build()
    assert world.report is not None
    fault = next(one for one in world.report.diagnostics if one.code == "PB412")
    assert (how in fault.notes[0]) if how else fault.notes[0].startswith("its log is")
