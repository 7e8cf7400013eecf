import json
import os
import signal
import subprocess
import sys

import click
import pytest

from paperbuild import __version__
from paperbuild.cli import main as cli
from paperbuild.cli.invocation import relocated, shown_path
from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.errors import BuildError, ExitCode


@pytest.fixture
def broken(monkeypatch):
    """Let a command named ``status`` raise what the test wants."""

    def arrange(exception):
        @click.command("status")
        @click.option("--json", "as_json", is_flag=True)
        def command(as_json):
            raise exception

        monkeypatch.setattr(cli.LazyGroup, "get_command", lambda self, ctx, name: command)

    return arrange


def test_help_lists_every_command_without_importing_one(capsys):
    for name in cli.COMMANDS:
        sys.modules.pop(f"paperbuild.cli.{name}", None)
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in cli.COMMANDS)
    assert not any(f"paperbuild.cli.{name}" in sys.modules for name in cli.COMMANDS)


def test_the_version_is_told(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"paperbuild {__version__}\n"


def test_no_command_shows_the_help_and_is_a_usage_error(capsys):
    assert cli.main([]) == 2
    assert "render" in capsys.readouterr().err


def test_a_misspelt_command_is_told_with_the_nearest(capsys):
    assert cli.main(["rendr"]) == 2
    assert capsys.readouterr().err == "error[PB181]: there is no command 'rendr'\n  = help: did you mean render?\n"


def test_a_paper_without_a_command_is_told_how_to_render_it(capsys):
    assert cli.main(["paper.md"]) == 2
    assert "= help: paperbuild render paper.md" in capsys.readouterr().err


def test_a_misspelt_option_is_a_usage_error_in_our_words(capsys):
    assert cli.main(["init", "--frobnicate"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error[PB180]: no such option")
    assert "see paperbuild init --help" in err


def test_a_folder_that_is_not_there_is_told(capsys):
    assert cli.main(["-C", "nowhere", "status"]) == 2
    assert "error[PB182]: -C nowhere: there is no such folder" in capsys.readouterr().err


def test_a_fault_of_the_user_is_printed_and_exits_with_its_code(broken, capsys):
    broken(BuildError(Diagnostic("PB203", "no such figure")))
    assert cli.main(["status"]) == 1
    assert capsys.readouterr().err == "error[PB203]: no such figure\n"


def test_a_fault_with_json_is_one_object_on_standard_output_and_nothing_else(broken, capsys):
    broken(BuildError(Diagnostic("PB203", "no such figure", Span("paper.md", 1, 2, 3, "abc"), help=("x",))))
    assert cli.main(["status", "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.err == ""
    answer = json.loads(captured.out)
    assert (answer["command"], answer["ok"], answer["exit_code"]) == ("status", False, 1)
    assert answer["diagnostics"][0]["span"] == {"path": "paper.md", "line": 1, "column": 2, "length": 3, "text": "abc"}


def test_a_bug_exits_with_70_and_saves_its_traceback_without_showing_it(broken, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".paperbuild").mkdir()
    broken(KeyError("lost"))
    assert cli.main(["status"]) == 70
    err = capsys.readouterr().err
    assert err.startswith("error[PB199]: paperbuild has a bug: KeyError: 'lost'\n")
    assert "Traceback" not in err
    (saved,) = (tmp_path / ".paperbuild").iterdir()
    assert saved.name in err
    assert "Traceback" in saved.read_text()


@pytest.mark.parametrize("exception", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_exits_with_130(broken, exception):
    broken(exception)
    assert cli.main(["status"]) == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_ended_from_outside_takes_the_way_of_ctrl_c(monkeypatch, number):
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:
        pytest.skip("this run of the tests ignores the signal")

    @click.command("status")
    def command():
        os.kill(os.getpid(), number)
        signal.pause()

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda self, ctx, name: command)
    assert cli.main(["status"]) == 130
    assert signal.getsignal(number) is before


def test_places_are_shown_as_the_shell_would_name_them(tmp_path):
    root = str(tmp_path / "a" / "b")
    assert shown_path(root, "paper.md", root) == "paper.md"
    assert shown_path(root, "paper.md", str(tmp_path)) == "a/b/paper.md"
    assert shown_path(root, "paper.md", str(tmp_path / "a" / "c")) == "../b/paper.md"
    assert shown_path(root, "paper.md", "/x/y/z/w") == f"{root}/paper.md"
    (moved,) = relocated([Diagnostic("PB1", "m", Span("paper.md", 1, 1))], root, str(tmp_path / "a"))
    assert moved.span.path == "b/paper.md"


def test_init_writes_a_project_and_never_overwrites(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "mine"]) == 0
    assert "mine/paper.md" in capsys.readouterr().out
    (tmp_path / "mine" / "paper.md").write_text("my words")
    assert cli.main(["init", "mine"]) == 2
    assert "init overwrites nothing" in capsys.readouterr().err
    assert (tmp_path / "mine" / "paper.md").read_text() == "my words"


def test_a_folder_that_is_gone_is_told(capsys, monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli.main(["status"]) == 2
    assert capsys.readouterr().err.startswith("error[PB182]: the folder that this was called in is gone\n")


@pytest.mark.parametrize("beside", ["", "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()"])
def test_what_is_to_be_done_before_the_process_exits_is_done(beside):
    program = (
        "import atexit, sys, threading, time\nfrom paperbuild.cli.main import entry\n"
        f"atexit.register(lambda: print('last'))\n{beside}\nsys.argv[1:] = ['nothing-like-this']\nentry()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.USAGE
    assert "PB181" in done.stderr
    assert done.stdout.split() == (["thread", "last"] if beside else ["last"])
