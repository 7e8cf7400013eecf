"""Telling pages what a build does, while it does it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Container, Mapping, Sequence

from msgspec.structs import replace

from paperbuild.diagnostics import Diagnostic, Severity, merged
from paperbuild.engine.graph import Graph
from paperbuild.events import ActionEnded, Event, Noticed, Outcome
from paperbuild.live.hub import Hub, Rendered
from paperbuild.live.standing import Standing, after, ended, fault_of, with_words

_SETTLED_S = 0.1
"""Ten thousand targets that are up to date are no ten thousand pieces of news: how far it got is told so often."""

_WORDS_S = 1.0
"""How often logs are looked at for what running targets said last."""


_PICTURES = frozenset({".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp"})
"""Outputs that pages show as they are."""


class Reporter:
    """Listens to builds and publishes how the paper stands to ``hub``. Events may come from several threads."""

    def __init__(self, hub: Hub, clock: Callable[[], float] = time.time) -> None:
        self._hub = hub
        self._clock = clock
        self._lock = threading.Lock()
        self._standing = Standing()
        self._root = ""
        self._graph = Graph(())
        self._diagnostics: list[Diagnostic] = []
        self._last_words: Callable[[str], str] = lambda _: ""
        self._told_s = 0.0
        self._over = threading.Event()

    def begin(self, root: str, graph: Graph, last_words: Callable[[str], str]) -> None:
        """A build of ``graph`` in the folder ``root`` begins; ``last_words`` tells the last line in the log of an action that runs."""
        with self._lock:
            self._root, self._graph, self._last_words, self._diagnostics = root, graph, last_words, []
        self._over = threading.Event()
        threading.Thread(target=self._listen_to_logs, args=(self._over,), name="log words", daemon=True).start()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            if isinstance(event, Noticed):
                self._diagnostics.append(event.diagnostic)
                return
            now_s = self._clock()
            self._standing = after(self._standing, event, self._graph, now_s)
            if isinstance(event, ActionEnded) and event.outcome is Outcome.REUSED and now_s - self._told_s < _SETTLED_S:
                return
            self._told_s = now_s
            self._hub.publish(self._standing)
        if isinstance(event, ActionEnded) and event.outcome is Outcome.RAN:
            self._land(event.outputs)

    def _land(self, outputs: Sequence[str]) -> None:
        """Show new figures at once; a paper with many targets would otherwise show none before the last has run."""
        for path in outputs:
            if os.path.splitext(path)[1].lower() in _PICTURES:
                with contextlib.suppress(OSError), open(os.path.join(self._root, path), "rb") as file:
                    self._hub.land(path, file.read())

    def show(self, documents: Sequence[Rendered]) -> None:
        """Publish ``documents`` while the build goes on."""
        with self._lock:
            self._hub.publish(self._standing, documents)

    def drafted(self, sources: Sequence[str], diagnostics: Sequence[Diagnostic]) -> None:
        """Tell at once all that is wrong in ``sources``, which were edited while a build is at work."""
        found = tuple(fault_of(one) for one in diagnostics if one.severity is Severity.ERROR)
        with self._lock:
            others = tuple(fault for fault in self._standing.faults if fault.path not in sources and fault not in found)
            self._standing = replace(self._standing, faults=(*others, *found))
            self._hub.publish(self._standing)

    @property
    def stale(self) -> Mapping[str, Outcome]:
        """The actions that this build did not bring up to date, and why."""
        return {one.action: one.outcome for one in self._standing.waiting}

    @property
    def told(self) -> tuple[Diagnostic, ...]:
        """What this build complained of."""
        return tuple(self._diagnostics)

    def end(
        self,
        diagnostics: Sequence[Diagnostic],
        documents: Sequence[Rendered] | None,
        *,
        edited: bool = False,
        drafts: Container[str] = (),
    ) -> Standing:
        """The build is over, or did not come about because of ``diagnostics``; return how the paper stands.

        ``documents`` are as they stand now (None: as before), but for those whose names are ``drafts``: they are shown with a newer text.
        """
        self._over.set()
        with self._lock:
            self._standing = ended(self._standing, merged((*self._diagnostics, *diagnostics)))
            self._diagnostics = []
            self._hub.publish(self._standing, documents, edited=edited, drafts=drafts)
            return self._standing

    def _listen_to_logs(self, over: threading.Event) -> None:
        while not over.wait(_WORDS_S):
            running = [one.action for one in self._standing.running]
            words = {action: self._last_words(action) for action in running}  # reads files, which no event should wait for
            with self._lock:
                if words and not over.is_set():
                    self._standing = with_words(self._standing, words)
                    self._hub.publish(self._standing)
