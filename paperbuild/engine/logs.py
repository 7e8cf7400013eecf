"""Logs of commands: where they are written, and what the end of one tells about a failure."""

from __future__ import annotations

import contextlib
import posixpath
import re
import shlex
import signal
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.code_files import as_in_source, code_file, fault_span
from paperbuild.engine.digest import digest_of
from paperbuild.engine.graph import Action, Command
from paperbuild.engine.jobs import Ended
from paperbuild.engine.notebooks import explained, told_fault
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.workshop import Workshop

LOG_LINES = 12
"""How many of a failed command's last lines an error shows."""

LOG_BYTES = 1 << 16
"""How much of a log's end is looked at for them: a log can be larger than memory."""

LOGS_KEPT = 10

_LINE_BYTES = 4096

WAITS = "waits"
"""The file in the folder of a job elsewhere that says why it does not run yet."""


def slug(id_: str) -> str:
    """Return a file name for an action's id, different for different ids."""
    plain = re.sub(r"[^A-Za-z0-9._=,-]", "_", id_)[:80]
    return plain if plain == id_ else f"{plain}-{digest_of('slug', id_)[:8]}"


def given_folder(state: str, id_: str) -> str:
    """Return the folder of what the command of the action ``id_`` is given; ``state`` is the project's folder for such."""
    return f"{state}/given/{slug(id_)}"


class Log(msgspec.Struct, frozen=True):
    """A log at the absolute ``path``; ``shown`` is what users are told."""

    path: str
    shown: str


def new_log(workshop: Workshop, name: str) -> Log:
    """Return a new log among those in the folder ``name``, of which the oldest go."""
    now = datetime.fromtimestamp(workshop.clock.now_ns() / 1e9, UTC)
    relative = f"logs/{name}"
    folder = f"{workshop.site.state}/{relative}"
    workshop.fs.make_folder(folder)
    for old in workshop.fs.names(folder)[: -(LOGS_KEPT - 1)]:
        workshop.fs.unlink(f"{folder}/{old}")
    file = f"{now:%Y%m%dT%H%M%S.%f}.log"
    return Log(f"{folder}/{file}", f".paperbuild/{relative}/{file}")


def latest_log(fs: FileSystem, state: str, id_: str) -> Log | None:
    """Return the log of the last run of the action ``id_``, or of the one that runs; ``state`` is the project's folder for such."""
    relative = f"logs/{slug(id_)}"
    names = fs.names(f"{state}/{relative}")
    return Log(f"{state}/{relative}/{names[-1]}", f".paperbuild/{relative}/{names[-1]}") if names else None


def last_line(fs: FileSystem, state: str, id_: str) -> str:
    """Return the last line in that log that is not empty; of one that was written again and again, as progress bars are, its last state."""
    log = latest_log(fs, state, id_)
    try:
        end = b"" if log is None else fs.read_end(log.path, _LINE_BYTES)
    except OSError:
        return ""  # it is just coming, or going
    if not end and log is not None and (link := fs.link(log.path)):  # of a job elsewhere, which has said nothing yet
        with contextlib.suppress(OSError):
            end = fs.read_end(f"{posixpath.dirname(link)}/{WAITS}", _LINE_BYTES)
    return next((line for line in reversed(re.split(r"[\r\n]+", end.decode(errors="replace"))) if line.strip()), "").strip()


def failure(action: Action, ended: Ended, log: Log, fs: FileSystem, folder: str = "") -> Diagnostic:
    """Return what is told of a command that failed; ``folder`` is what it was given. A fault in code is told where its source has it."""
    recipe = action.recipe
    assert isinstance(recipe, Command)
    text = fs.read_end(log.path, LOG_BYTES).decode(errors="replace") if fs.stat(log.path) else ""
    span, command = action.span, [f"the command was: {recipe.line}"]
    if recipe.code is not None:
        path, command = code_file(folder, recipe.code), []
        span = fault_span(text, path, recipe.code) or span
        text = as_in_source(text, path, recipe.code)
    lines = [line.rpartition("\r")[2] for line in text.rstrip().splitlines()]
    help_ = _mends(ended.status, lines, action, recipe)
    if ended.timed_out:
        help_ = (f"give it more in the resources of {action.target}", "a next attempt finds what it saves in $PAPERBUILD_CHECKPOINTS")
        what = (
            f"{action.id} took longer than its limit of {_span(action.resources.time_s or 0)}, and was ended with all that it had started"
        )
    elif ended.status < 0:
        what = f"{action.id} was ended by signal {-ended.status} ({_signal_name(-ended.status)})"
    else:
        what = f"{action.id} failed with exit status {ended.status}"
    notes = (*command, f"the whole log is {log.shown}")
    found = Diagnostic("PB440", what, span, notes=notes, help=help_, detail=_last_words(lines))
    fault = told_fault(recipe.notebook, folder, fs) if recipe.notebook and not ended.timed_out and ended.status > 0 else None
    return found if fault is None else explained(found, fault, action, recipe.notebook)


def _last_words(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the last lines; where they are the inside of a library, after the author's own line that led there (Python's tracebacks)."""
    end = lines[-LOG_LINES:]
    frames = [n for n, line in enumerate(lines) if _FRAME.match(line)]
    own = [n for n in frames if not _OF_OTHERS.search(lines[n])]
    if not own or own[-1] >= len(lines) - LOG_LINES:
        return tuple(end)
    after = next(n for n in (*frames, len(lines)) if n > own[-1])
    shown = lines[own[-1] : min(after, own[-1] + 3)]
    return (*shown, "  …", *end[len(shown) + 1 :])


_FRAME = re.compile(r'\s*File "[^"]+", line \d+')
_OF_OTHERS = re.compile(r'/(?:site|dist)-packages/|/lib/python3[^/]*/|File "<frozen ')


def _span(seconds: float) -> str:
    """Return a time limit as a manifest has it: "0.5 s", "10 min", "1 h 30 min"."""
    parts, rest = [], seconds
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if rest >= length:
            parts.append(f"{rest // length:g} {unit}")
            rest %= length
    return " ".join((*parts, *((f"{rest:g} s",) if rest or not parts else ())))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "of real time"


def _mends(status: int, lines: Sequence[str], action: Action, recipe: Command) -> tuple[str, ...]:
    """Return what mends a failure that its exit status, or the last words in its log, tell."""
    told = "\n".join(lines[-LOG_LINES:])
    if "EOFError" in told:
        return ("commands get no input: give them what they ask for as params",)
    variable = _VARIABLE.search(told)
    if variable:
        return (f'commands get only what env names:  env = {{ {variable[1]} = "…" }}  in {action.target}, or secrets = ["{variable[1]}"]',)
    for folder in (output.path.rstrip("/") for output in action.outputs if output.path.endswith("/")):
        if "o such file or directory" in told and re.search(rf"{re.escape(folder)}(?![\w.-])", told):
            return (f"it makes its output folder itself: mkdir -p {shlex.quote(folder)}",)
    if action.observe == "strict" and "ermission denied" in told:
        return ('observe = "strict" lets inputs be opened to read only (np.memmap: mode="r")',)
    if status in (-_KILLED, 128 + _KILLED):
        fewer = "" if action.on else "fewer at once help: -j, or "  # what runs elsewhere does not count for -j
        return (f"where memory ran out, {fewer}mem in the resources of {action.target}{' helps' if action.on else ''}",)
    if status == 126:
        return ("a script is run by name only where it may be executed (chmod +x), or as  python script.py",)
    if status == 127 and _BASH.search(recipe.line) and recipe.shell.endswith("/sh"):
        return ('the command is run by sh: for words of bash, say  shell = "bash"  in the target',)
    return ("is the program installed, and on PATH?",) if status == 127 else ()


_KILLED = 9
"""The number of the signal by which the system ends what takes too much memory."""

_VARIABLE = re.compile(r"""(?:<frozen os>|/os\.py)", line \d+, in __getitem__(?:.*\n)*?KeyError: '(\w+)'""")
"""How Python tells that a variable of the environment is missing."""

_BASH = re.compile(r"\[\[|(?:^|[;&|]\s*)(?:source|function|declare|shopt|mapfile)\s|<\(")
