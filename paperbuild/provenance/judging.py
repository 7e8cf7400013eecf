"""Coming to a verdict: one action is made once more, and what comes of it is compared with what is recorded."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from paperbuild.engine.conditions import Conditions, Machine, as_built, varied_for_command, varied_for_step
from paperbuild.engine.coverage import told, unnamed
from paperbuild.engine.graph import Action, Command, Graph
from paperbuild.engine.rerun import Rerun, Rerunner
from paperbuild.engine.trace import Item, Record
from paperbuild.engine.workshop import Workshop
from paperbuild.provenance.differences import Draw
from paperbuild.provenance.outputs import Compared, Side, compare_outputs
from paperbuild.provenance.verdicts import OutputVerdict, Verdict, Word


class VerifyOptions(msgspec.Struct, frozen=True):
    """How to verify.

    ``place`` is an absolute folder for copies, which stay there where ``keeps`` says so. ``jobs`` and ``memory_bytes`` are as in a build.
    ``once``: what came out otherwise is not rerun a second time, which tells what by. ``named`` are the actions that were asked for by
    name: heavy ones, and those that are to be refreshed, are not rerun otherwise.
    """

    place: str
    machine: Machine
    jobs: int = 1
    memory_bytes: int = 0
    keeps: bool = False
    once: bool = False
    named: frozenset[str] = frozenset()


class Judge:
    """Comes to verdicts on actions of ``graph``. May be used from several threads at once."""

    def __init__(self, graph: Graph, workshop: Workshop, options: VerifyOptions, draw: Draw) -> None:
        self._workshop = workshop
        self._options = options
        self._draw = draw
        self._name = posixpath.basename(workshop.site.root) or "project"
        self._revision = workshop.versions.revision()
        self.rerunner = Rerunner(workshop, graph, options.place)

    def verdict(self, action: Action, record: Record, runs: list[Rerun]) -> Verdict:
        """Rerun ``action`` in a copy that holds what its ``record`` names, and a second time where it came out otherwise.

        The reruns are added to ``runs``; their copies are the caller's to remove.

        Raises:
            DamagedBlob: the store lost a recorded output.
        """
        conditions = self.conditions(action, record.items)
        runs.append(self.rerunner.rerun(action, record, record.items, conditions))
        found = self.judged(action, record, runs[0], conditions)
        if found.verdict != "different" or found.cause or self._options.once:
            return found
        return replace(found, cause=self._cause(action, record, runs, conditions))

    def conditions(self, action: Action, items: Iterable[Item], *, keeps_home: bool = False) -> Conditions:
        """Return the conditions under which ``action``, which is known to read ``items``, is rerun."""
        if not isinstance(action.recipe, Command):
            return varied_for_step(self._name)
        environment = self._workshop.environment
        packages = environment.surroundings().grouped
        in_home = any(environment.home and place.startswith(f"{environment.home}/.local/lib") for place in packages)
        return varied_for_command(self._name, self._options.machine, items, keeps_home=in_home or keeps_home)

    def without_rerun(self, action: Action, record: Record | None, why: str, *, left_out: bool = False) -> Verdict:
        """Return the verdict on an action that was not rerun."""
        return replace(self._blank(action, record, "not rerun"), reasons=(why,), left_out=left_out)

    def judged(self, action: Action, record: Record, run: Rerun, conditions: Conditions) -> Verdict:
        """Return the verdict that ``run`` means; what a difference is by is left open.

        Raises:
            DamagedBlob: the store lost a recorded output.
        """
        if run.refusal:
            return self.without_rerun(action, record, run.refusal)
        reasons = self._reasons(action, record, run)
        found = replace(
            self._blank(action, record, "different"),
            varied=conditions.varied,
            duration_s=round(run.duration_s, 3),
            log=run.log,
            kept=run.root if self._options.keeps else "",
        )
        if run.denied:
            return replace(found, reasons=reasons, cause="it depends on where the project lies")
        if run.record is None:
            failure = run.failure[0]
            return replace(found, reasons=(*reasons, failure.message), detail=failure.detail)
        outputs = self._compared(action, record, run)
        named = next((one for one in outputs if one.comparison.agreement == "different" and one.names), None)
        cause = f"{named.path} names {named.names}" if named is not None else ""
        return replace(found, verdict=_word(outputs, reasons), reasons=reasons, outputs=tuple(map(_told, outputs)), cause=cause)

    def _reasons(self, action: Action, record: Record, run: Rerun) -> tuple[str, ...]:
        """Return in words what ``run`` did that its record does not name."""
        gaps: tuple[Item, ...] = ()
        if record.observed and run.is_observed:
            gaps = unnamed(run.items, record.items, self.rerunner.declared(action))
        unknown = (f"{words}, which its record does not name" for words in told(gaps))
        denied = (f"it wanted {path} by its absolute path" for path in run.denied)
        return (*unknown, *denied)

    def _compared(self, action: Action, record: Record, run: Rerun) -> tuple[Compared, ...]:
        assert run.record is not None
        workshop = self._workshop
        folder, home = "the folder in which it was made", "the home of who made it"
        then = Side(workshop.fs, workshop.store, workshop.site.root, {folder: workshop.site.root, home: workshop.environment.home})
        now = Side(workshop.fs, run.store, run.root, {folder: run.area})
        return compare_outputs(action, (record.artifacts, then), (run.record.artifacts, now), self._draw)

    def _cause(self, action: Action, record: Record, runs: list[Rerun], conditions: Conditions) -> str:
        """Run ``action`` a second time, under a build's conditions; return what that says of how it came out the first time."""
        first, second = runs[0], self.rerunner.rerun(action, record, record.items, as_built(self._name))
        runs.append(second)
        if second.refusal:
            return ""
        if second.record is None:
            return "it failed a second time" if first.record is None else "a second time it failed"
        if all(one.comparison.agreement != "different" for one in self._compared(action, record, second)):
            others = [name for name in conditions.varied if name != "folder"]
            return f"under a build's conditions it came out as recorded: it depends on its {' or its '.join(others)}, or on chance"
        if first.record is not None and _digests(first.record) == _digests(second.record):
            return "it came out the same twice: by something that nobody observes, such as the network, the date, or the system's libraries"
        return "it comes out differently each time"

    def _blank(self, action: Action, record: Record | None, word: Word) -> Verdict:
        moment = datetime.fromtimestamp(self._workshop.clock.now_ns() // 1_000_000_000, UTC)
        return Verdict(
            action=action.id,
            target=action.target,
            verdict=word,
            recorded_s=0.0 if record is None else round(record.duration_s, 3),
            key="" if record is None else record.key,
            record="" if record is None else record.name,
            verified=moment.isoformat().replace("+00:00", "Z"),
            revision=self._revision,
            is_adopted=record is not None and record.adopted,
        )


def _word(outputs: Iterable[Compared], reasons: tuple[str, ...]) -> Word:
    agreements = {one.comparison.agreement for one in outputs}
    if "different" in agreements:
        return "different"
    if reasons:
        return "incomplete"
    return "within tolerance" if "within tolerance" in agreements else "identical"


def _told(one: Compared) -> OutputVerdict:
    found = one.comparison
    return OutputVerdict(one.name, one.path, found.agreement, found.differences, found.count, found.note)


def _digests(record: Record) -> tuple[tuple[str, str, bool], ...]:
    return tuple((artifact.name, artifact.digest, artifact.executable) for artifact in record.artifacts)
