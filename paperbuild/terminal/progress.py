"""What a build says while it runs: rewritten lines on a terminal, a line per action elsewhere.

Plain ANSI codes, no rich: importing it costs 82 ms, half of what a whole build with nothing to do may take, for one line of text.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Self, TextIO

import msgspec

from paperbuild.diagnostics import Severity
from paperbuild.events import (
    ActionEnded,
    ActionReopened,
    ActionStarted,
    ActionWaits,
    BuildEnded,
    BuildStarted,
    BuildWaits,
    Event,
    Fetching,
    Noticed,
    Outcome,
)
from paperbuild.phrases import duration_text, rough_text
from paperbuild.terminal.amounts import counted, size_text
from paperbuild.terminal.diagnostics import render
from paperbuild.terminal.screen import Screen, cut, escaped, without_colors

if TYPE_CHECKING:
    from paperbuild.engine.forecast import Forecast

_TICK_S = 0.25  # elapsed times are shown in seconds; four looks a second keep them from skipping one
_QUIET_START_S = 0.15  # a build that is over before this shows no progress line, which would only flicker
_FORESEEN_AFTER_S, _LEAST_FORESEEN_S = 2.0, 5.0  # what is over by then, or soon, needs no forecast
_ERASE = "\r\x1b[2K"
_ERASE_ABOVE = "\x1b[1A\x1b[2K"
_MOST_LOGS = 6  # running targets whose last words are shown: more would not fit on small terminals
_RED, _DIM, _RESET = "\x1b[1;31m", "\x1b[2m", "\x1b[0m"


class Verbosity(IntEnum):
    """How much a command narrates: errors and warnings only, what ran, or every action with its reason."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


class _Running(msgspec.Struct):
    action: str
    reason: str
    estimate_s: float | None
    since_s: float


class Progress:
    """Listens to a build and narrates it on ``stream``.

    Errors are not printed here: they come merged and in one place after the build, while an action's own line says at once that
    it failed. Warnings are printed when they occur, each once. Events may come from several threads. Use it as a context manager,
    so that the line is gone whatever happens. ``last_words`` tells the last line in the log of an action that runs, ``forecast`` when the
    build will probably be over.
    """

    def __init__(
        self,
        stream: TextIO,
        screen: Screen,
        verbosity: Verbosity = Verbosity.NORMAL,
        clock: Callable[[], float] = time.monotonic,
        last_words: Callable[[str], str] = lambda _: "",
        forecast: Forecast | None = None,
    ) -> None:
        self._stream = stream
        self._screen = screen
        self._verbosity = verbosity
        self._clock = clock
        self._lock = threading.RLock()
        self._running: dict[str, _Running] = {}
        self._fetching = Fetching(0, 0, 0)
        self._reasons: dict[str, str] = {}
        self._total = 0
        self._settled = 0
        self._started_s = clock()
        self._last_words = last_words
        self._forecast = forecast
        self._lines_shown = 0
        self._shown_warnings: set[str] = set()
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._screen.rewrites and self._verbosity >= Verbosity.NORMAL:
            self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
            self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        with self._lock:
            self._erase()
            self._stream.flush()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            if self._forecast is not None:
                self._forecast.hear(event, self._clock())
            match event:
                case ActionEnded():
                    self._end(event)
                case BuildWaits() if self._verbosity >= Verbosity.NORMAL:
                    self._print(f"waiting for another paperbuild in this project{f' (process {event.process})' if event.process else ''}")
                case BuildStarted():
                    self._total, self._settled = event.total, 0
                    self._started_s = self._clock()
                case ActionStarted():
                    self._start(event)
                case ActionReopened():
                    self._settled -= 1
                case Fetching():
                    self._fetching = event
                case ActionWaits():
                    self._wait(event)
                case Noticed():
                    self._notice(event)
                case BuildEnded():
                    self._erase()
                    self._total = 0  # whatever is left to do, the summary stays the last line
                    if self._verbosity >= Verbosity.NORMAL:
                        self._print(summary(event))

    def _start(self, event: ActionStarted) -> None:
        self._running[event.action] = _Running(event.action, event.reason, event.estimate_s, self._clock())
        self._reasons[event.action] = event.reason
        if self._verbosity >= Verbosity.VERBOSE:
            self._print(f"running {event.action}: {event.reason}")

    def _wait(self, event: ActionWaits) -> None:
        self._running[event.action] = _Running(f"{event.action} waits for another build", "", None, self._clock())
        if self._verbosity >= (Verbosity.VERBOSE if self._screen.rewrites else Verbosity.NORMAL):
            self._print(f"waiting for {event.action}: another build runs it")

    def _end(self, event: ActionEnded) -> None:
        self._running.pop(event.action, None)
        self._settled += 1
        # On a terminal the line shows what happens; what failed must stay to be read.
        worth = Verbosity.VERBOSE if event.outcome is Outcome.REUSED or self._screen.rewrites else Verbosity.NORMAL
        if event.outcome is Outcome.FAILED:
            worth = Verbosity.NORMAL
        if self._verbosity >= worth:
            self._print(ending(event, self._reasons.get(event.action, "")), _tone(event.outcome))

    def _notice(self, event: Noticed) -> None:
        severity = event.diagnostic.severity
        if severity is Severity.ERROR or (severity is Severity.NOTE and self._verbosity < Verbosity.NORMAL):
            return
        text = render([event.diagnostic], color=self._screen.color, width=self._screen.width)
        if text not in self._shown_warnings:
            self._shown_warnings.add(text)
            self._erase()
            self._stream.write(text + "\n")
            self._stream.flush()

    def _print(self, line: str, tone: str = "") -> None:
        self._erase()
        text = escaped(line)
        self._stream.write(f"{tone}{text}{_RESET}\n" if tone and self._screen.color else f"{text}\n")
        self._stream.flush()

    def _tick(self) -> None:
        # Waits first: a build with nothing to do is over before the first look.
        pause = _QUIET_START_S
        while not self._ended.wait(pause):
            pause = _TICK_S
            words = self.log_lines()  # reads files, which no event should wait for
            with self._lock:
                try:
                    if self._total:
                        self._show(self.status_line(), *words)
                except (OSError, ValueError):
                    return  # the terminal is gone; the build goes on, and its own next word will say so

    def status_line(self) -> str:
        """Return the one line that a terminal shows now: how far, how long, and what runs."""
        now = self._clock()
        head = f"[{self._settled}/{self._total}] {duration_text(now - self._started_s)}{self._left(now)}"
        parts = [self._running_text(r, now) for r in sorted(self._running.values(), key=lambda r: r.since_s)]
        if self._fetching.done < self._fetching.total:
            parts.insert(0, _fetching_text(self._fetching))
        # The last column stays free: terminals wrap when it is written to.
        return cut("  ".join([head, " · ".join(parts)]).rstrip(), max(1, self._screen.width - 1))

    def _left(self, now: float) -> str:
        """Return in how long the build will probably be over, where that is known and worth saying."""
        if self._forecast is None or now - self._started_s < _FORESEEN_AFTER_S:
            return ""
        left_s = self._forecast.left_s(now)
        return "" if left_s is None or left_s < _LEAST_FORESEEN_S else f", about {rough_text(left_s)} left"

    def log_lines(self) -> tuple[str, ...]:
        """Return a line for each action that runs and has said something: what it said last. Long names leave room for it."""
        with self._lock:
            running = [one.action for one in sorted(self._running.values(), key=lambda one: one.since_s)]
        said = [(action, escaped(without_colors(self._last_words(action)))) for action in running[:_MOST_LOGS]]
        width = self._screen.width
        return tuple(cut(f"  {cut(action, width * 2 // 5)}: {words}", max(1, width - 1)) for action, words in said if words)

    @staticmethod
    def _running_text(running: _Running, now: float) -> str:
        elapsed = now - running.since_s
        if running.estimate_s is None or running.estimate_s < 1:
            return f"{running.action} {duration_text(elapsed)}"
        return f"{running.action} {duration_text(elapsed)} of ~{duration_text(running.estimate_s)}"

    def _show(self, *lines: str) -> None:
        dimmed = (f"{_DIM}{line}{_RESET}" if n and self._screen.color else line for n, line in enumerate(lines))
        self._stream.write(self._erasure() + "\n".join(dimmed))
        self._stream.flush()
        self._lines_shown = len(lines)

    def _erase(self) -> None:
        if self._lines_shown:
            self._stream.write(self._erasure())
            self._lines_shown = 0

    def _erasure(self) -> str:
        return _ERASE + _ERASE_ABOVE * max(0, self._lines_shown - 1)


def _fetching_text(event: Fetching) -> str:
    size = f" of {size_text(event.size_bytes)}" if event.size_bytes else ""
    return f"fetching {counted(event.total, 'output')}{size}, {event.done} there"


def ending(event: ActionEnded, reason: str) -> str:
    """Return the line that says how an action ended, and why it ran."""
    because = f": {reason}" if reason else ""
    match event.outcome:
        case Outcome.RAN:
            return f"ran {event.action} in {duration_text(event.duration_s)}{because}"
        case Outcome.REUSED:
            return f"up to date {event.action}"
        case Outcome.ADOPTED:
            return f"adopted {event.action}, not run"
        case Outcome.FAILED:
            return f"failed {event.action} after {duration_text(event.duration_s)}"
        case Outcome.BLOCKED:
            return f"blocked {event.action}: something it needs is not up to date"
        case Outcome.HELD:
            return f"held {event.action}: it is stale, and may not run"
        case Outcome.STALE:
            return f"stale {event.action}: it may not run, and its last result is used"
        case Outcome.CANCELLED:
            return f"cancelled {event.action}"


def summary(event: BuildEnded) -> str:
    """Return the last line of a build: how many actions ended how, and how long it took."""
    counts = dict(event.counts)
    if set(counts) <= {Outcome.REUSED}:
        return f"0 ran, {counts.get(Outcome.REUSED, 0)} up to date"
    always = (Outcome.RAN, Outcome.REUSED, Outcome.FAILED)
    shown = [f"{counts.get(outcome, 0)} {outcome.value}" for outcome in Outcome if outcome in always or counts.get(outcome)]
    return f"{', '.join(shown)} in {duration_text(event.duration_s)}"


def _tone(outcome: Outcome) -> str:
    if outcome is Outcome.FAILED:
        return _RED
    return _DIM if outcome in {Outcome.REUSED, Outcome.BLOCKED, Outcome.HELD, Outcome.CANCELLED} else ""
