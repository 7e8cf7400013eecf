"""One runner of documents from build to build, for ``watch``: pandoc stays ready, and pages follow their paper."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action
from paperbuild.engine.ports import Reader, StepResult, StepRunner
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.plan import Plan

if TYPE_CHECKING:
    from paperbuild.render.blocks import Blocks
    from paperbuild.render.incremental import FollowingRunner
    from paperbuild.render.pandoc import PandocWorker
    from paperbuild.render.typst import Job, Typesetter


class Followed:
    """Makes runners, the same again as long as what papers can name stays the same.

    ``typesetter`` makes the PDFs. ``shows`` is called with the name of a document and its page as soon as that is made: to publish it takes
    longer than to make it; ``draws`` with what is to be typeset, before it is.
    """

    def __init__(self, typesetter: Typesetter, shows: Callable[[str, Blocks], None], draws: Callable[[str, Job], None]) -> None:
        self._typesetter = typesetter
        self._shows = shows
        self._draws = draws
        self._lock = threading.Lock()
        self._worker: PandocWorker | None = None
        self._known: tuple[Catalog, str, bool] | None = None
        self._runner: FollowingRunner | None = None

    @cached_property
    def fingerprint(self) -> tuple[tuple[str, str], ...]:
        """What counts besides the documents' declarations: of the code that runs, whatever becomes of its files meanwhile."""
        from paperbuild.render.fingerprint import fingerprint
        from paperbuild.render.packaged import packaged_folder

        return fingerprint(packaged_folder())

    def runner(self, plan: Plan, root: str, *, fetches: bool) -> StepRunner:
        """Return a runner for the documents of ``plan`` in ``root``; ``fetches``: it may read images from the network."""
        from paperbuild.render.documents import DocumentRunner
        from paperbuild.render.fetching import Fetcher
        from paperbuild.render.incremental import FollowingRunner
        from paperbuild.render.pandoc import PandocWorker

        with self._lock:
            if self._runner is None or self._known != (plan.catalog, root, fetches):
                self._worker = self._worker or PandocWorker()
                inner = DocumentRunner(plan.catalog, worker=self._worker, fetcher=Fetcher(root, fetches), typesetter=self._typesetter)
                self._known, self._runner = (plan.catalog, root, fetches), FollowingRunner(inner)
            return _Showing(self._runner, self._shows)

    def look(self, action: Action, reader: Reader) -> bool:
        """Show the document with its text as ``reader`` has it, where that is known at once; return whether it is.

        The build that follows makes sure.
        """
        from paperbuild.render.typst import Job

        with self._lock:
            runner = self._runner
        found = runner.look(action, reader) if runner is not None else None
        if isinstance(found, Job):
            self._draws(action.target, found)
        elif found is not None:
            self._shows(action.target, found.blocks)
        return found is not None

    def blocks(self, action: str) -> Blocks | None:
        """Return the blocks of the page ``action`` as it was made last; None where it was not."""
        with self._lock:
            runner = self._runner
        shown = runner.shown(action) if runner is not None else None
        return shown.blocks if shown is not None else None

    def close(self) -> None:
        """End the programs that were started."""
        with self._lock:
            if self._runner is not None:
                self._runner.close()
            self._worker = self._runner = self._known = None


class _Showing:
    """:class:`paperbuild.engine.ports.StepRunner` whose pages are shown at once."""

    def __init__(self, inner: FollowingRunner, shows: Callable[[str, Blocks], None]) -> None:
        self._inner = inner
        self._shows = shows

    def fingerprint(self) -> tuple[tuple[str, str], ...]:
        """See the port."""
        return self._inner.fingerprint()

    def check(self, action: Action, reader: Reader) -> tuple[Diagnostic, ...]:
        """See the port."""
        return self._inner.check(action, reader)

    def run(self, action: Action, reader: Reader) -> StepResult:
        """See the port."""
        result = self._inner.run(action, reader)
        shown = self._inner.shown(action.id)
        if shown is not None and "html" in result.outputs:
            self._shows(action.target, shown.blocks)
        return result
