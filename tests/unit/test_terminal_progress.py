import io

import pytest

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.forecast import Forecast
from paperbuild.engine.graph import Action, Command, Graph, Output, Resources
from paperbuild.events import (
    ActionEnded,
    ActionReopened,
    ActionStarted,
    ActionWaits,
    BuildEnded,
    BuildStarted,
    BuildWaits,
    Fetching,
    Noticed,
    Outcome,
)
from paperbuild.phrases import duration_text
from paperbuild.terminal.progress import Progress, Verbosity, summary
from paperbuild.terminal.screen import Screen, cut, screen_of

LINES = Screen()
TERMINAL = Screen(rewrites=True, color=False, width=60)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def narrated(screen, verbosity, *events):
    stream = io.StringIO()
    progress = Progress(stream, screen, verbosity, Clock())
    for event in events:
        progress(event)
    return stream.getvalue()


TRAINED = (
    BuildStarted(2),
    ActionStarted("train[seed=0]", "paperbuild.toml changed", 40.0),
    ActionEnded("train[seed=0]", Outcome.RAN, 3.21, ("m.json",)),
    ActionEnded("plot", Outcome.REUSED, 0),
)


def test_without_a_terminal_what_ran_is_a_line_with_its_reason_and_what_did_not_is_silent():
    assert narrated(LINES, Verbosity.NORMAL, *TRAINED) == "ran train[seed=0] in 3.2 s: paperbuild.toml changed\n"


def test_verbose_also_names_what_starts_and_what_is_up_to_date():
    assert narrated(LINES, Verbosity.VERBOSE, *TRAINED) == (
        "running train[seed=0]: paperbuild.toml changed\nran train[seed=0] in 3.2 s: paperbuild.toml changed\nup to date plot\n"
    )


def test_quiet_says_nothing_of_what_went_well():
    assert narrated(LINES, Verbosity.QUIET, *TRAINED, BuildEnded(((Outcome.RAN, 1),), 3.2)) == ""


def test_on_a_terminal_only_what_failed_leaves_a_line():
    assert narrated(TERMINAL, Verbosity.NORMAL, *TRAINED, ActionEnded("x", Outcome.FAILED, 1.0)) == "failed x after 1.0 s\n"


def test_the_line_shows_how_far_how_long_and_the_estimate_of_earlier_runs():
    clock = Clock()
    progress = Progress(io.StringIO(), TERMINAL, clock=clock)
    progress(BuildStarted(16))
    progress(ActionEnded("a", Outcome.REUSED, 0))
    progress(ActionStarted("train[seed=0]", "never ran", 40.0))
    clock.now += 9
    progress(ActionStarted("curves", "never ran", None))
    clock.now += 3
    assert progress.status_line() == "[1/16] 12 s  train[seed=0] 12 s of ~40 s · curves 3.0 s"


def test_the_line_never_reaches_the_last_column():
    progress = Progress(io.StringIO(), TERMINAL, clock=Clock())
    progress(BuildStarted(1))
    progress(ActionStarted("日" * 80, "never ran", None))
    line = progress.status_line()
    assert line.endswith("…")
    assert sum(2 if c == "日" else 1 for c in line) <= 59


def test_a_warning_is_shown_once_and_an_error_is_left_to_the_end_of_the_build():
    warning = Noticed(Diagnostic("PB410", "w", severity=Severity.WARNING))
    error = Noticed(Diagnostic("PB411", "e"))
    assert narrated(LINES, Verbosity.QUIET, warning, error, warning) == "warning[PB410]: w\n\n"


def test_a_note_is_no_matter_for_a_quiet_call():
    note = Noticed(Diagnostic("PB403", "n", severity=Severity.NOTE))
    assert narrated(LINES, Verbosity.QUIET, note) == ""
    assert narrated(LINES, Verbosity.NORMAL, note) == "note[PB403]: n\n\n"


def test_the_progress_line_is_erased_before_anything_else_is_printed():
    stream = io.StringIO()
    progress = Progress(stream, TERMINAL, clock=Clock())
    progress(BuildStarted(1))
    progress._show(progress.status_line())
    progress(BuildEnded(((Outcome.RAN, 1),), 3.1))
    assert stream.getvalue().endswith("\r\x1b[2K1 ran, 0 reused, 0 failed in 3.1 s\n")


def test_below_it_stands_what_each_running_target_said_last_made_safe_and_cut():
    words = {"a": "\x1b[32mepoch 3\x1b[0m \x1b[2Jloss", "b": "", "c": "x" * 80}
    progress = Progress(io.StringIO(), TERMINAL, clock=Clock(), last_words=words.__getitem__)
    for action in words:
        progress(ActionStarted(action, "never ran", None))
    first, second = progress.log_lines()
    assert first == "  a: epoch 3 \\e[2Jloss"
    assert len(second) == 59
    progress(ActionEnded("a", Outcome.RAN, 1.0))
    assert progress.log_lines() == (second,)


def test_a_long_name_leaves_room_for_what_was_said():
    progress = Progress(io.StringIO(), TERMINAL, clock=Clock(), last_words=lambda _: "epoch 3")
    progress(ActionStarted("train[model=large,lr=0.001,seed=0,epochs=200]", "never ran", None))
    assert progress.log_lines() == ("  train[model=large,lr=0.…: epoch 3",)


def test_of_very_many_running_targets_only_some_are_quoted():
    progress = Progress(io.StringIO(), TERMINAL, clock=Clock(), last_words=lambda _: "words")
    for n in range(40):
        progress(ActionStarted(f"t{n}", "never ran", None))
    assert len(progress.log_lines()) == 6


def test_all_lines_are_erased_before_anything_else_is_printed():
    stream = io.StringIO()
    progress = Progress(stream, TERMINAL, clock=Clock())
    progress(BuildStarted(1))
    progress._show("[0/1]", "  a: one", "  b: two")
    progress._show("[0/1]")
    progress(BuildEnded(((Outcome.RAN, 1),), 3.1))
    up = "\x1b[1A\x1b[2K"
    assert stream.getvalue() == (f"\r\x1b[2K[0/1]\n  a: one\n  b: two\r\x1b[2K{up}{up}[0/1]\r\x1b[2K1 ran, 0 reused, 0 failed in 3.1 s\n")


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({Outcome.RAN: 4, Outcome.REUSED: 12}, "4 ran, 12 reused, 0 failed in 3.1 s"),
        ({Outcome.REUSED: 16}, "0 ran, 16 up to date"),
        ({}, "0 ran, 0 up to date"),
        ({Outcome.FAILED: 1, Outcome.BLOCKED: 2}, "0 ran, 0 reused, 1 failed, 2 blocked in 3.1 s"),
        ({Outcome.HELD: 1, Outcome.REUSED: 2}, "0 ran, 2 reused, 0 failed, 1 held in 3.1 s"),
    ],
)
def test_the_summary_counts_what_ran_what_was_reused_and_what_failed(counts, text):
    assert summary(BuildEnded(tuple(counts.items()), 3.1)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0 s"), (0.26, "0.3 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (3779, "1 h 2 min")],
)
def test_durations_are_written_as_people_say_them(seconds, text):
    assert duration_text(seconds) == text


class Tty(io.StringIO):
    def isatty(self):
        return True


def test_a_dumb_terminal_is_never_rewritten_and_no_color_means_no_colour():
    assert not screen_of(Tty(), {"TERM": "dumb"}).rewrites
    assert screen_of(Tty(), {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "40"}) == Screen(rewrites=True, color=False, width=40)
    assert screen_of(Tty(), {"TERM": "xterm"}).color
    assert screen_of(io.StringIO(), {"TERM": "xterm", "COLUMNS": "40"}) == Screen()
    assert screen_of(io.StringIO(), {"FORCE_COLOR": "1"}).color


def test_cutting_escapes_before_it_counts():
    assert cut("\x1b[2Jabcdef", 6) == "\\e[2J…"


def test_what_another_build_runs_is_waited_for_in_so_many_words():
    waits = ActionWaits("train")
    assert narrated(LINES, Verbosity.NORMAL, BuildStarted(1), waits) == "waiting for train: another build runs it\n"
    assert narrated(LINES, Verbosity.QUIET, BuildStarted(1), waits) == ""
    clock = Clock()
    progress = Progress(io.StringIO(), TERMINAL, clock=clock)
    progress(BuildStarted(1))
    progress(waits)
    assert "train waits for another build" in progress.status_line()
    progress(ActionEnded("train", Outcome.REUSED, 0))
    assert "train" not in progress.status_line()


def test_another_build_in_the_project_is_waited_for_in_so_many_words():
    assert narrated(LINES, Verbosity.NORMAL, BuildWaits("17")) == "waiting for another paperbuild in this project (process 17)\n"
    assert narrated(LINES, Verbosity.NORMAL, BuildWaits("")) == "waiting for another paperbuild in this project\n"
    assert narrated(LINES, Verbosity.QUIET, BuildWaits("17")) == ""


def test_the_line_tells_what_comes_from_elsewhere_until_it_is_there():
    progress = Progress(io.StringIO(), TERMINAL, clock=Clock())
    progress(BuildStarted(3))
    progress(Fetching(0, 2, 3_000_000))
    assert progress.status_line() == "[0/3] 0.0 s  fetching 2 outputs of 3.0 MB, 0 there"
    progress(Fetching(1, 2, 3_000_000))
    progress(ActionStarted("train", "never ran", None))
    assert "fetching 2 outputs of 3.0 MB, 1 there · train" in progress.status_line()
    progress(Fetching(2, 2, 3_000_000))
    assert progress.status_line() == "[0/3] 0.0 s  train 0.0 s"


def test_what_is_looked_at_again_counts_once():
    progress = Progress(io.StringIO(), TERMINAL, clock=Clock())
    progress(BuildStarted(1))
    progress(ActionEnded("a", Outcome.REUSED, 0))
    progress(ActionReopened("a"))
    progress(ActionEnded("a", Outcome.RAN, 0))
    assert progress.status_line().startswith("[1/1]")


def test_the_line_tells_about_how_long_it_still_takes_once_that_can_be_known():
    graph = Graph(Action(f"train[seed={n}]", "train", Command("x"), (Output("m", f"m{n}"),)) for n in range(9))
    clock = Clock()
    progress = Progress(io.StringIO(), TERMINAL, clock=clock, forecast=Forecast(graph, dict, Resources(cpu=2)))
    progress(BuildStarted(9, tuple(graph.actions)))
    progress(ActionStarted("train[seed=0]", "never ran", None))
    clock.now += 60
    assert progress.status_line() == "[0/9] 1 min 0 s  train[seed=0] 1 min 0 s"
    progress(ActionEnded("train[seed=0]", Outcome.RAN, 60.0))
    assert progress.status_line() == "[1/9] 1 min 0 s, about 4 min left"
    clock.now += 62
    progress(ActionEnded("train[seed=1]", Outcome.RAN, 62.0))
    assert progress.status_line() == "[2/9] 2 min 2 s, about 3 min left"


def test_what_is_soon_over_tells_nothing_of_its_end():
    graph = Graph((Action("a", "a", Command("x"), (Output("m", "m"),)),))
    clock = Clock()
    progress = Progress(io.StringIO(), TERMINAL, clock=clock, forecast=Forecast(graph, lambda: {"a": 6.0}, Resources()))
    progress(BuildStarted(1, ("a",)))
    progress(ActionStarted("a", "x", 6.0))
    clock.now += 1
    assert "left" not in progress.status_line()
    clock.now += 3
    assert "left" not in progress.status_line()
