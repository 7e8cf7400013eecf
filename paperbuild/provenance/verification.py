"""Verifying: results are made once more, each by itself, and compared with what is recorded.

Every action is rerun with the recorded outputs of the others, so together the verdicts speak for the whole, and none waits for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.graph import Graph, Resources
from paperbuild.engine.index import Run
from paperbuild.engine.lookup import Lookup
from paperbuild.engine.queries import Situation, survey
from paperbuild.engine.rerun import Rerun
from paperbuild.engine.schedule import Schedule
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import BuildError, ExitCode, Interrupted
from paperbuild.events import ActionEnded, ActionStarted, BuildStarted, Listener, Outcome
from paperbuild.provenance.differences import Draw
from paperbuild.provenance.judging import Judge, VerifyOptions
from paperbuild.provenance.settling import Settlement, Settler
from paperbuild.provenance.verdicts import FAULTS, Verdict


def verify(
    graph: Graph, wanted: Sequence[str], workshop: Workshop, options: VerifyOptions, draw: Draw, listener: Listener
) -> tuple[Verdict, ...]:  # fmt: skip
    """Return the verdicts on the actions ``wanted``, in their order. Of the project nothing is changed but what settles adopted results.

    Raises:
        BuildError: something could not be read.
        Interrupted: the user asked to stop; what ran was ended.
    """
    workshop.prepare()
    try:
        return _Verifying(graph, workshop, options, draw).run(tuple(dict.fromkeys(wanted)), listener)
    except KeyboardInterrupt:
        _stop(workshop)
        raise Interrupted(Diagnostic("PB404", "interrupted; what ran was ended, and the project is as it was")) from None
    except BaseException:
        _stop(workshop)  # nothing goes on behind the back of whoever called
        raise
    finally:
        workshop.index.flush()


def outcome(verdicts: Iterable[Verdict]) -> ExitCode:
    """Return what verifying means as a whole.

    That something is different where a result did not come out again, or its record is not all that it depends on; that it failed where
    something that should have been rerun was not.
    """
    found = tuple(verdicts)
    if any(verdict.verdict in FAULTS for verdict in found):
        return ExitCode.DIFFERENT
    return ExitCode.FAILED if any(verdict.verdict == "not rerun" and not verdict.left_out for verdict in found) else ExitCode.OK


def _stop(workshop: Workshop) -> None:
    workshop.executor.cancel_all()
    workshop.lanes.drain()


class _Verifying:
    def __init__(self, graph: Graph, workshop: Workshop, options: VerifyOptions, draw: Draw) -> None:
        self._graph = graph
        self._workshop = workshop
        self._options = options
        self._judge = Judge(graph, workshop, options, draw)
        self._settler = Settler(workshop, self._judge)

    def run(self, wanted: Sequence[str], listener: Listener) -> tuple[Verdict, ...]:
        standing = {one.action.id: one for one in survey(self._graph, wanted, self._workshop)}
        found: dict[str, Verdict] = {}
        for id_ in wanted:
            why = self._why_not(standing[id_])
            if why:
                record = standing[id_].result
                found[id_] = self._judge.without_rerun(standing[id_].action, record, why, left_out=record is not None)
        schedule = self._schedule([id_ for id_ in wanted if id_ not in found])
        listener(BuildStarted(len(schedule.order)))
        while True:
            for id_ in schedule.arrivals():
                schedule.line_up(id_)
            while next_ := schedule.next():
                schedule.start(next_)
                self._start(standing[next_], listener)
            if not schedule.running:
                break
            id_, result = self._workshop.lanes.wait()
            if isinstance(result, BaseException):
                raise result
            assert isinstance(result, Settlement)
            found[id_] = self._settled(standing[id_], result)
            schedule.settle(id_)
            listener(ActionEnded(id_, Outcome.REUSED, found[id_].duration_s))
        return tuple(found[id_] for id_ in wanted)

    def _schedule(self, todo: Sequence[str]) -> Schedule:
        resources = {id_: self._graph.actions[id_].resources for id_ in todo}
        capacity = Resources(cpu=self._options.jobs, gpu=1, memory_bytes=self._options.memory_bytes)
        return Schedule(todo, dict.fromkeys(todo, ()), resources, capacity)

    def _why_not(self, situation: Situation) -> str:
        """Return why an action is not rerun; "" where it is."""
        action = situation.action
        if situation.result is None:
            reason = situation.reasons[0].text if situation.reasons else "it has never been built"
            return f"no result stands: {reason}"
        if action.id in self._options.named:
            return ""
        if action.heavy:
            return "it is heavy: name it to have it rerun"
        return "it is refreshed from time to time: name it to have it rerun" if action.refresh_s is not None else ""

    def _start(self, situation: Situation, listener: Listener) -> None:
        action, record = situation.action, situation.result
        assert record is not None

        def work() -> object:
            runs: list[Rerun] = []
            try:
                if record.adopted:
                    return self._settler.settlement(action, record, runs)
                return Settlement(self._judge.verdict(action, record, runs))
            except DamagedBlob as lost:
                return Settlement(self._judge.without_rerun(action, record, f"the store lost {lost}: build it again"))
            except BaseException as error:
                return error
            finally:
                if not self._options.keeps:
                    for area in {run.area for run in runs}:
                        self._workshop.fs.remove_tree(area)

        listener(ActionStarted(action.id, "it is verified", record.duration_s))
        self._workshop.lanes.start(action.id, work)

    def _settled(self, situation: Situation, settlement: Settlement) -> Verdict:
        """Put the record of a rerun in the place of one that was adopted, where it is settled by it; return the verdict."""
        record, workshop, verdict = settlement.record, self._workshop, settlement.verdict
        if record is None or situation.result is None:
            return verdict
        observer = self._judge.rerunner.observer
        shelf = Shelf(workshop.site, workshop.fs, workshop.store, workshop.index, observer, workshop.versions)
        reads = Lookup(workshop, observer, shelf).reads(record, self._graph)
        try:
            with workshop.lock.hold(f"{workshop.site.state}/lock"):
                workshop.store.add(record)
                workshop.store.forget(situation.result)  # it would hold on where the new one does not
        except BuildError as error:
            why = f"it stays adopted: {error.diagnostics[0].message}"
            return replace(verdict, verdict="not rerun", reasons=(why,), is_adopted=True)
        run = Run(record.key, record.name, record.finished_ns, record.duration_s, True, verdict.log, reads, record.strays)
        workshop.index.note_run(record.action, run)
        return replace(verdict, record=record.name)
