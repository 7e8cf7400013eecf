"""The program: its commands, imported when they are called, and what each exception makes of the process.

``paperbuild render`` with nothing to do takes less time than importing all commands would; hence the table of names below.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from paperbuild import __version__
from paperbuild.cli.invocation import Invocation
from paperbuild.diagnostics import Diagnostic, did_you_mean
from paperbuild.errors import ExitCode, HungUp, PaperbuildError, UsageError
from paperbuild.terminal.progress import Verbosity

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "render": "Build the paper: run what is stale, reuse what is not, typeset PDF and HTML.",
    "run": "Run targets, and what they need, without typesetting anything.",
    "watch": "Render again whenever a file of the project changes.",
    "status": "Say of every target and document whether it is up to date.",
    "check": "Say where the paper and its results disagree. Runs nothing.",
    "sync": "Write what is current into the brackets of the paper's references.",
    "whence": "Say where a number, a figure, a table or a file comes from.",
    "diff": "Say what changed in the paper between two commits.",
    "explain": "Say why a target must run, or why not.",
    "graph": "Draw what waits for what, and how it stands.",
    "logs": "Print what a target printed when it ran, or follow what it prints now.",
    "adopt": "Take outputs that stand on the disk for results, without running.",
    "cache": "Keep the store of results small, and look whether it is sound.",
    "key": "Make the key that signs the results which you share, or show it.",
    "verify": "Make results once more, from what their records name, and compare.",
    "clean": "Remove the outputs and documents that paperbuild made.",
    "hook": "Let git check the paper before a commit, and build it after one or after a push.",
    "ci": "Let GitHub or GitLab build the paper of each commit.",
    "init": "Start a paper, or find a manifest for a repository that is there.",
    "completion": "Print what a shell needs to complete commands and targets.",
}


class LazyGroup(click.Group):
    """A group whose commands live in ``paperbuild.cli.<name>`` and are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Return the names in the order of importance."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the signature is click's
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"paperbuild.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            advice = did_you_mean(args[0], COMMANDS) or (f"the commands are {', '.join(COMMANDS)}",)
            if args[0].endswith((".md", ".markdown")):
                advice = (f"paperbuild render {args[0]}",)
            raise UsageError(Diagnostic("PB181", f"there is no command {args[0]!r}", help=advice))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what may stand where a command does, without importing any command."""
        from click.shell_completion import CompletionItem

        items = [CompletionItem(name, help=said) for name, said in COMMANDS.items() if name.startswith(incomplete)]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the list for ``--help`` without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="paperbuild %(version)s")
@click.option("-C", "folder", metavar="DIR", default="", help="Look for the project in DIR instead of here.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors and warnings.")
@click.option("-v", "--verbose", is_flag=True, help="Every action, with the reason why it ran.")
@click.pass_context
def program(ctx: click.Context, folder: str, quiet: bool, verbose: bool) -> None:
    """Make for papers: numbers, figures and tables in the text are the outputs of experiments, run when they are stale."""
    here = _here()
    wanted = os.path.join(here, folder)
    if not os.path.isdir(wanted):
        raise UsageError(Diagnostic("PB182", f"-C {folder}: there is no such folder"))
    verbosity = Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL
    ctx.obj = Invocation(os.path.normpath(wanted), here, verbosity)


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        mend = ("cd to a folder that is there; one made anew under the old name is another one: cd .",)
        raise UsageError(Diagnostic("PB182", "the folder that this was called in is gone", help=mend)) from None


def entry() -> NoReturn:
    """Run the program for this process and exit."""
    gc.set_threshold(500_000, 50, 50)  # what is made at the start stays: looking it through again and again took a tenth of the time
    status = main(sys.argv[1:])
    gc.freeze()  # what is left goes with the process: nobody need look which of it refers to which
    if sys.gettrace() is None and sys.getprofile() is None and not _is_awaited():
        _leave(status)
    sys.exit(status)


def _is_awaited() -> bool:
    """Return whether a thread is still at work that the process is to wait for."""
    return any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())


def _leave(status: int) -> NoReturn:
    """Exit without taking the memory apart piece by piece, which takes a twentieth of the time of a build with nothing to do."""
    atexit._run_exitfuncs()  # noqa: SLF001 - as the interpreter does when it exits
    with suppress(OSError, ValueError):  # it was flushed before, and whoever read it may be gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def main(arguments: Sequence[str]) -> int:
    """Run the program with ``arguments`` and return its exit code; nothing escapes but a bug in this function."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name may be no UTF-8, and a locale may know few characters
    try:
        with _ending_as_on_interrupt():
            return _guarded(list(arguments))
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python flushes once more at exit: that must not fail, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED


def _guarded(arguments: list[str]) -> int:
    try:
        try:
            answer: Any = program.main(args=arguments, prog_name="paperbuild", standalone_mode=False)
        finally:
            sys.stdout.flush()
    except PaperbuildError as error:
        return _failed(arguments, error.exit_code, error.diagnostics)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    except click.ClickException as error:
        return _failed(arguments, ExitCode.USAGE, (_usage(error),))
    except (click.Abort, KeyboardInterrupt):
        return _failed(arguments, ExitCode.INTERRUPTED, (Diagnostic("PB198", "interrupted"),))
    except BrokenPipeError:
        raise
    except Exception as error:  # the last line of defence: a bug is reported, never dumped on the screen
        from paperbuild.cli.crash import crash_report

        return _failed(arguments, ExitCode.INTERNAL, (crash_report(error, os.getcwd()),))
    return answer if isinstance(answer, int) else ExitCode.OK


def _failed(arguments: list[str], code: ExitCode, diagnostics: tuple[Diagnostic, ...]) -> int:
    from paperbuild.cli.completing import VARIABLE

    if VARIABLE in os.environ:
        return code  # a shell asks what could come next: half a line is no fault
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    invocation = Invocation(os.curdir, os.curdir, json="--json" in words)
    if invocation.json:
        from paperbuild.cli.answers import failure, write_json

        command = next((word for word in words if word in COMMANDS), "")
        write_json(invocation.stdout, failure(command, code, diagnostics))
    else:
        invocation.complain(diagnostics)
    return code


def _usage(error: click.ClickException) -> Diagnostic:
    message = error.format_message().strip().rstrip(".")
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx is not None else "paperbuild"
    return Diagnostic("PB180", message[:1].lower() + message[1:], help=(f"see {path} --help",))


@contextmanager
def _ending_as_on_interrupt() -> Iterator[None]:
    """Let being terminated, or losing the terminal, take the way out of Ctrl-C: what runs is ended, outputs are put back."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP, and means it
                before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise HungUp if number == getattr(signal, "SIGHUP", None) else KeyboardInterrupt
