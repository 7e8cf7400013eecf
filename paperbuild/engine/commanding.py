"""One attempt at a command: from clearing the places of its outputs to publishing them.

Whatever goes wrong, the outputs that stood before stand again.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import msgspec
import msgspec.structs

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine import notebooks
from paperbuild.engine.astray import astray
from paperbuild.engine.checkpoints import Checkpoints
from paperbuild.engine.code_files import put
from paperbuild.engine.findings import Findings, Reading
from paperbuild.engine.graph import CODE, Action, Command, text_of
from paperbuild.engine.index import FINE_STEP_NS, End
from paperbuild.engine.jobs import Elsewhere, Ended, Job, Permission, Seen, Watch
from paperbuild.engine.journal import Entry
from paperbuild.engine.keys import index_of, params_of
from paperbuild.engine.logs import Log, failure, given_folder, new_log, slug
from paperbuild.engine.ports import Surroundings
from paperbuild.engine.process import MARK
from paperbuild.engine.running import Attempt, Cancelled, Changed, Failed, Made, Needs, Result
from paperbuild.engine.sending import disowned, errand_for, look_anew, lost, moved_there, noted, skew, taken_up, touched_since, unreachable
from paperbuild.engine.supplying import supplies_of
from paperbuild.engine.trace import Absent, Artifact, Content, EnvironmentVariable, Item, Listing, Package, Tree, path_of
from paperbuild.engine.tracing.heard import UNHEARD, VARIABLE, heard
from paperbuild.errors import BuildError

MOST_UNSETTLED = 2000
"""How many outputs a watcher is told not to let be touched."""


MOST_RESTED_ON = 100
"""How many files are looked at while a command waits elsewhere; others are looked at once it has run, as all are."""


class CommandAttempt(Attempt):
    """An attempt at a command."""

    _entry: Entry
    """What is in the journal of it, or would be."""

    def _run(self) -> Result:
        recipe = self._action.recipe
        assert isinstance(recipe, Command)
        running = self._taken_up()
        if running is None:
            self._bring()
            try:
                cleared = self._shelf.set_aside(self._action)
            except BuildError as refused:
                return Failed(refused.diagnostics, is_ours=False)
            running = msgspec.structs.replace(cleared, phase="running")
        self._entry = running
        try:
            result = self._run_cleared(recipe, running)
        except BaseException:
            self._shelf.undo(self._entry)
            raise
        if isinstance(result, Made):
            self._shelf.forget(self._entry)
        elif not (isinstance(result, Failed) and result.goes_on):
            self._shelf.undo(self._entry)
        if isinstance(result, Changed):
            self._look_closely(result.path)
        return result

    def _bring(self) -> None:
        """Have what the command probably reads in the tree, as far as it is away: all that is, where nobody would see it be missed."""
        away = self._workshop.away
        if not away:
            return
        if self._action.observe == "off" or self._workshop.executor.blind():
            wanted = {*away.outputs()}
        else:
            wanted = {*self.wanted}
            named = (*(path for path, _ in self._keys.inputs(self._action)), *self._keys.words(self._action))
            last = self._workshop.index.last_run(self._action.id)
            records = self._workshop.store.records(self._keyed.key)
            known = (item for record in records for item in record.items)
            paths = {path: isinstance(item, Listing) for item in known if (path := path_of(item)) is not None}
            for path in named:
                wanted.update(away.touched(self._inside(path), below=True))
            for path in last.reads if last else ():
                wanted.update(away.touched(self._inside(path), listed=True))
            for path, is_listed in paths.items():
                wanted.update(away.touched(self._inside(path), listed=is_listed))
        away.bring(filter(self._has_settled, wanted))

    def _missed(self, reading: Reading, seen: Seen | None) -> tuple[str, ...]:
        """Return the outputs away that the command may have looked for: where nobody saw it, elsewhere perhaps, all."""
        away = self._workshop.away
        found = () if not away else away.outputs() if seen is None else reading.touched_away(seen, away)
        return tuple(filter(self._has_settled, found))

    def _has_settled(self, path: str) -> bool:
        """Return whether the output ``path`` is another's that is up to date."""
        maker = self._graph.maker(path.rstrip("/"))
        return maker is not None and maker.id in self._settled and maker.id != self._action.id

    def _inside(self, path: str) -> str:
        """Return where in the project ``path`` leads; as it is, where that is nowhere."""
        return self._observer.inside(path) or path

    def _run_cleared(self, recipe: Command, entry: Entry) -> Result:
        """Run the command where nothing stands at its outputs, and publish what it makes."""
        log = self._log()
        checkpoints = Checkpoints(self._workshop, self._observer, slug(self._action.id), self._keyed.key)
        job, before = self._begun(recipe, entry, log, checkpoints)
        ended = self._execute(job, partial(self._started, entry, job, before))
        if ended.unreachable:
            return Failed(unreachable(self._action, ended), ended.duration_s, goes_on=True)
        if ended.overtaken:
            return Changed(self._observer.portable(ended.overtaken), began=False)
        if ended.elsewhere is not None:
            look_anew(self._action, self._workshop)
        reading = self._reading(ended.elsewhere)
        seen = ended.seen if ended.seen is not None and not ended.seen.blind else None
        told = self._told(job)
        unsettled = reading.unsettled(seen or told, self._settled)
        away = self._missed(reading, seen)
        if (unsettled or away) and not ended.cancelled:
            checkpoints.wipe()
            return Needs(
                tuple(sorted(unsettled)), tuple(sorted(away))
            )  # whatever came of it, it saw what an earlier build left, or nothing
        outdated = reading.outdated_bytecode(seen or told)
        if outdated and not ended.cancelled:
            for path in outdated:
                self._workshop.fs.unlink(path)
            checkpoints.wipe()
            return Changed(self._observer.portable(outdated[0]))
        spoilt = self._spoilt(reading.written(seen or told))
        findings = reading.findings(seen or told)
        if seen is None:
            findings = self._unobserved(before or self._supposed(), findings)
        failed = self._failed(ended, log, spoilt, findings)
        if failed is not None:
            self._note_end(ended, log)
            checkpoints.tell(findings.items)
            return failed
        still = findings.lasting
        altered = findings.changed or self._moved_elsewhere(ended, still, watched=seen is not None) or checkpoints.doubtful(still)
        changed = Changed(altered) if altered else self._changed(still)
        if changed is not None:
            checkpoints.wipe()
            return changed
        faults = self._borrowed(still)
        if faults:
            self._note_end(ended, log)
            return Failed(faults, ended.duration_s)
        self._publish(findings, self._shelf.collect(self._action, log.shown), ended.duration_s, log.shown)
        if self._keeps_checkpoints:
            checkpoints.tell(still)
        else:
            checkpoints.wipe()
        return Made(ended.duration_s, (*self._blindness(ended), *astray(self._action, findings)), findings.spent)

    def _moved_elsewhere(self, ended: Ended, items: tuple[Item, ...], *, watched: bool) -> str:
        """Return a path that another machine read as another file, perhaps, than the ``items`` say: "" for none, and for what ran here."""
        portable, sent = self._observer.portable, self._entry.sent
        if sent is None:
            return ""
        unseen = "" if watched else touched_since(sent.errand, self._workshop.fs, portable)  # what it read hours ago
        return moved_there(ended.elsewhere, items, portable) or unseen

    def _begun(self, recipe: Command, entry: Entry, log: Log, checkpoints: Checkpoints) -> tuple[Job, Mapping[str, Item] | None]:
        """Return the job, to be run or, where ``entry`` was sent by an earlier build, waited for; and what it is supposed to read."""
        if entry.sent is None:
            job = self._job(recipe, log.path, checkpoints.open(self._probable()))
            return job, None if self._is_watched(job) and job.errand is None else self._supposed()
        known = taken_up(entry, log, self._workshop.fs)
        if known is None:
            self._workshop.executor.recall((entry.sent.errand,))
            raise BuildError(disowned(self._action, entry.sent))
        checkpoints.go_on(dict(known.environment)[MARK])
        return known, dict(entry.sent.supposed)

    def _taken_up(self) -> Entry | None:
        """Return the run of this action that an earlier build sent elsewhere, if it is under this key; one under another key is ended."""
        entry = self._shelf.sent.get(self._action.id)
        if entry is None or entry.sent is None:
            return None
        if entry.sent.key != self._keyed.key:
            self._workshop.executor.recall((entry.sent.errand,))
            self._shelf.undo(entry)
            entry = None
        del self._shelf.sent[self._action.id]
        return entry

    def _look_closely(self, path: str) -> None:
        """Have the digest of the file at ``path``, whose status changed, known for the next attempt.

        That can tell then whether its content changed, too: ``chmod`` leaves it as it is. A digest is trusted only of a file
        that is older than the steps in which time is counted.
        """
        if self._workshop.executor.rest(2 * FINE_STEP_NS / 1e9):
            self._observer.file_digest(path)

    def _started(self, entry: Entry, job: Job, before: Mapping[str, Item] | None, group: int, identity: str) -> None:
        """Note where the command is before its first instruction."""
        if job.errand is None:
            begun = msgspec.structs.replace(entry, group=group, identity=identity)
        else:
            begun = noted(entry, job, identity, self._keyed.key, before)
        self._entry = self._shelf.journal.write(begun)
        self._shelf.make_room(begun)

    def _failed(self, ended: Ended, log: Log, spoilt: tuple[Diagnostic, ...], findings: Findings) -> Result | None:
        """Return why nothing can come of a command that has ended; None where all is well so far."""
        if ended.cancelled:
            return Cancelled()
        if ended.lost:
            where = self._entry.sent.errand.executor if self._entry.sent else self._action.on
            return Failed((lost(self._action, where, ended, log, self._workshop.fs),), ended.duration_s, by_itself=True)
        if spoilt:
            return Failed(spoilt, ended.duration_s)
        differs = skew(self._action, ended.elsewhere, findings.items, self._observer.portable)
        if differs is not None:
            return Failed((differs,), ended.duration_s)
        if ended.seen is not None and ended.seen.denied:
            return Failed((_undeclared(self._action, tuple(map(self._observer.portable, ended.seen.denied)), log),), ended.duration_s)
        if ended.timed_out or ended.status != 0:
            fault = failure(self._action, ended, log, self._workshop.fs, self._given)
            unseen = tuple(warning.message for warning in self._blindness(ended))
            return Failed((replace(fault, notes=(*fault.notes, *unseen)),), ended.duration_s, by_itself=True)
        faults = self._shelf.faults(self._action, log.shown)
        return Failed(faults, ended.duration_s, by_itself=True) if faults else None

    def _note_end(self, ended: Ended, log: Log) -> None:
        """Remember how a command ended that made nothing one can use."""
        end: End = "cancelled" if ended.cancelled else "timed out" if ended.timed_out else "failed"
        self._note_failure(end, ended.duration_s, ended.status, log.shown)

    def _spoilt(self, written: Mapping[str, str]) -> tuple[Diagnostic, ...]:
        """Put back the outputs of others that the command changed, maker by maker; return an error for each."""
        faults = []
        for other, path in sorted(written.items()):
            last = self._workshop.index.last_run(other)
            record = None if last is None else self._workshop.store.record(last.key, last.record)
            if record is not None and not self._shelf.in_place(record.artifacts):
                self._shelf.put_back(record.artifacts)
                faults.append(_trespass(self._action, path, other))
        return tuple(faults)

    def _log(self) -> Log:
        return new_log(self._workshop, slug(self._action.id))

    def _execute(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        return self._workshop.executor.run(job, started)

    def _probable(self) -> Iterator[Item]:
        """Yield what the command probably reads, where somebody asks: it takes a while to find out."""
        yield from self._supposed().values()
        yield from self._read_before()

    def _job(self, recipe: Command, log: str, checkpoints: str) -> Job:
        given, watch = self._environment() | {"PAPERBUILD_CHECKPOINTS": checkpoints}, None
        environment = {**given, **self._workshop.environment.hook(given), VARIABLE: UNHEARD}
        if self._action.observe != "off":
            del environment[VARIABLE]
            surroundings = self._workshop.environment.surroundings()
            if self._action.on or self._workshop.executor.blind():  # whether commands can be watched elsewhere is known only there
                environment[VARIABLE] = f"{self._given}/heard"
            root = self._workshop.fs.real(self._workshop.site.root)
            permission = self._permission(root, surroundings) if self._strict or self._action.observe == "strict" else None
            unsettled = tuple(f"{root}/{path}" for path in self._unsettled())
            watch = Watch(f"{root}/", surroundings.dropped, surroundings.grouped, unsettled, permission)
        variables = tuple(sorted(environment.items()))
        limit_s = self._action.resources.time_s
        errand = errand_for(self._action, self._workshop)
        if errand is not None and errand.executor in self._workshop.carried:
            outputs = tuple(output.path for output in self._action.outputs)
            errand = msgspec.structs.replace(errand, supplies=self._supplies(), outputs=outputs)
        elif errand is not None:
            errand = msgspec.structs.replace(errand, rests_on=tuple(itertools.islice(self._rests_on(), MOST_RESTED_ON)))
        return Job(self._action.id, recipe.line, recipe.shell, self._workshop.site.root, variables, log, limit_s, watch, errand=errand)

    def _supplies(self) -> tuple[str, ...]:
        """Return what goes along where the project's folder is not seen."""
        last, store = self._workshop.index.last_run(self._action.id), self._workshop.store
        record = None if last is None else store.record(last.key, last.record)
        records = (*store.records(self._keyed.key), *(() if record is None else (record,)))
        named = (*(path for path, _ in self._keys.inputs(self._action)), *self._keys.words(self._action))
        return supplies_of(self._action, self._graph, named, (item for one in records for item in one.items))

    def _rests_on(self) -> Iterator[str]:
        """Yield the files that nobody makes and that the command is known to read: a change of one means another key."""
        for path in (*(path for path, _ in self._keys.inputs(self._action)), *self._keys.words(self._action)):
            absolute = _absolute(self._workshop.site.root, path)
            stat = self._workshop.fs.stat(absolute) if self._graph.maker(path) is None else None
            if stat is not None and not stat.is_folder:
                yield absolute

    def _permission(self, root: str, surroundings: Surroundings) -> Permission:
        """Return what a strict command may do: read what it declares, names and needs, and write its outputs."""
        named = (*(path for path, _ in self._keys.inputs(self._action)), *self._keys.supposed(self._action))
        state = self._workshop.site.state
        given, checkpoints = f"{self._given}/", f"{state}/checkpoints/{slug(self._action.id)}/"
        inputs = tuple(_absolute(root, path) for path in named)
        outputs = tuple(f"{root}/{output.path}" for output in self._action.outputs)
        readable = (*surroundings.dropped, *surroundings.grouped, given, *inputs)
        return Permission(
            tuple(dict.fromkeys(readable)),
            (*surroundings.scratch, checkpoints, f"{given}bytecode/", f"{given}code/", f"{given}jupyter/", *outputs),
        )

    def _unsettled(self) -> tuple[str, ...]:
        """Return the outputs that nobody may touch yet. Of very many none: what was touched is looked at afterwards in any case."""
        away = self._workshop.away.outputs() if self._workshop.away else ()
        count = len(self._graph.actions) - len(self._settled)
        if count + len(away) > MOST_UNSETTLED:
            return ()
        unsettled = itertools.filterfalse(self._settled.__contains__, reversed(self._graph.actions))  # mostly the last of them
        others = {*itertools.islice(unsettled, count)} - {self._action.id}
        return (*(output.path for id_ in sorted(others) for output in self._graph.actions[id_].outputs), *away)

    def _told(self, job: Job) -> Seen:
        """Return what Pythons told of themselves where nobody watched them."""
        path, fs = dict(job.environment).get(VARIABLE, ""), self._workshop.fs
        if job.watch is None or not path or fs.stat(path) is None:
            return Seen()
        data = fs.read(path)
        fs.unlink(path)
        return heard(data, job.watch)

    def _is_watched(self, job: Job) -> bool:
        return job.watch is not None and not self._workshop.executor.blind()

    def _reading(self, elsewhere: Elsewhere | None = None) -> Reading:
        workshop = self._workshop
        private = (workshop.site.state, workshop.fs.real(workshop.site.state))
        return Reading(self._action, self._graph, self._observer, workshop.fs, workshop.environment, private, elsewhere=elsewhere)

    def _supposed(self) -> Mapping[str, Item]:
        """Return by path what the command is supposed to read, as it is before it runs."""
        found: dict[str, Item] = {}
        own = tuple(output.path for output in self._action.outputs)
        for path in self._keys.supposed(self._action):
            tree = self._observer.folder_digest(path, as_input=True, without=own)
            digest = tree or self._observer.file_digest(path.rstrip("/"))
            found[path] = Absent(path) if digest is None else Content(path, digest) if tree is None else Tree(path, digest)
        return found

    def _unobserved(self, before: Mapping[str, Item], told: Findings) -> Findings:
        """Return what a command that nothing observed is taken to depend on. Words of it that became files are its own writing.

        What its Pythons ``told`` comes on top: it is true, and not all.
        """
        there = [path for path, item in before.items() if not isinstance(item, Absent)]
        sources = [file for path in (*(path for path, _ in self._keys.inputs(self._action)), *there) for file in self._observer.files(path)]
        environment = self._workshop.environment
        packages = (Package(*found) for found in environment.packages(self._action, sources))
        variables = (EnvironmentVariable(name, environment.value_digest(name)) for name in environment.files.values())
        declared = set(self._action.inputs or ())
        absent = (path for path, item in before.items() if isinstance(item, Absent) and path not in declared)
        appeared = {path for path in absent if self._observer.exists(path)} | set(told.strays)
        strays = (path for path in sorted(appeared) if not any(path.startswith(f"{other.rstrip('/')}/") for other in appeared))
        items = dict.fromkeys((*before.values(), *packages, *variables, *told.items))
        return Findings(tuple(items), told.reads, strays=tuple(strays), observed=False)

    def _blindness(self, ended: Ended) -> tuple[Diagnostic, ...]:
        """Return a warning where this command could not be watched though others can."""
        if ended.seen is None or not ended.seen.blind or self._workshop.executor.blind():
            return ()
        declared = self._action.inputs is not None
        notes = ("what its inputs declare and its words name is taken for what it reads",) if declared else ()
        mend = 'say observe = "off"' if declared else 'declare its inputs and say observe = "off"'
        help_ = (f"{mend} in the target {self._action.target}: else it runs each time",)
        message = f"{self._action.id} could not be watched: {ended.seen.blind}"
        return (Diagnostic("PB416", message, self._action.span, Severity.WARNING, notes=notes, help=help_),)

    @property
    def _given(self) -> str:
        """The folder of what the command is given."""
        return given_folder(self._workshop.site.state, self._action.id)

    def _environment(self) -> dict[str, str]:
        """Return the command's environment, with its parameters and its index of cells in files and variables."""
        folder, recipe = self._given, self._action.recipe
        self._workshop.fs.make_folder(folder)
        given = dict(self._workshop.environment.given(self._action))
        for name, data in (("params", params_of(self._action)), ("index", index_of(self._action, self._graph))):
            path = f"{folder}/{name}.json"
            self._workshop.fs.write(path, data)
            given[f"PAPERBUILD_{name.upper()}"] = path
        if isinstance(recipe, Command) and recipe.code is not None:
            given[CODE] = put(recipe.code, folder, self._workshop.fs)
        if isinstance(recipe, Command) and recipe.notebook:
            data = self._workshop.fs.read(self._observer.absolute(recipe.notebook))
            given[CODE] = notebooks.put(recipe.notebook, data, folder, self._workshop.fs)
            given[notebooks.RUNNER] = notebooks.runner()
        if given.get("PYTHONPYCACHEPREFIX", "").startswith(f"{self._workshop.site.state}/"):
            given["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"  # empty, or a program that writes bytecode reads what an earlier run wrote
            self._workshop.fs.remove_tree(given["PYTHONPYCACHEPREFIX"])
        for name, value in self._action.params:
            given[f"PAPERBUILD_PARAM_{re.sub(r'[^A-Za-z0-9_]', '_', name).upper()}"] = text_of(value)
        return given

    def _publish(self, findings: Findings, artifacts: tuple[Artifact, ...], duration_s: float, log: str = "") -> None:
        super()._publish(findings, artifacts, duration_s, log)
        self._shelf.own(artifacts)

    def _assumed(self) -> Findings:
        return self._unobserved(self._supposed(), Findings(self._read_before()))

    def _read_before(self) -> tuple[Item, ...]:
        """Return what the last run under this key, or else under any, was seen to look at, as it is now."""
        store, last = self._workshop.store, self._workshop.index.last_run(self._action.id)
        record = next(iter(store.records(self._keyed.key)), None)
        record = record or (None if last is None else store.record(last.key, last.record))
        now = (self._observer.again(item) for item in (() if record is None else record.items))
        return tuple(item for item in now if item is not None and not self._comes_after(item))

    def _comes_after(self, item: Item) -> bool:
        """Return whether ``item`` is an output of an action that waits for this one by now."""
        path = path_of(item)
        maker = None if path is None else self._graph.maker(path)
        return maker is not None and bool(self._graph.path(maker.id, self._action.id))


def _trespass(action: Action, path: str, other: str) -> Diagnostic:
    return Diagnostic(
        "PB444",
        f"{action.id} changed {path}, which is an output of {other}",
        action.span,
        notes=(f"what {other} had made of it is back",),
        help=(f"let {action.target} write a file of its own, and declare it in its outputs",),
    )


def _absolute(root: str, path: str) -> str:
    slash = "/" if path.endswith("/") else ""
    return path if path.startswith("/") else posixpath.normpath(f"{root}/{path}") + slash


def _undeclared(action: Action, paths: Sequence[str], log: Log) -> Diagnostic:
    shown = f"{paths[0]} and {len(paths) - 1} more" if len(paths) > 1 else paths[0]
    rule = 'observe = "strict" permits only what inputs, outputs, needs and the words of the command name'
    help_ = (f"add it to the inputs of {action.target}, or to its outputs if it is written",)
    message = f"{action.id} wanted {shown}, which it does not declare"
    if len(paths) == 1 and paths[0] in (action.inputs or ()):
        message, help_ = f"{action.id} wanted to change {shown}, which is an input", ("let it write another file, and declare that",)
    return Diagnostic(
        "PB442",
        message,
        action.span,
        notes=(rule, f"the whole log is {log.shown}"),
        help=help_,
        detail=tuple(paths[:12]) if len(paths) > 1 else (),
    )
