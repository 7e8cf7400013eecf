"""Settling results that were adopted: outputs that somebody put there, and that no run made under their key.

There is no trace of such a run. So it is given what is declared, what words of its command name, what it needs, and what its last run that
was watched had read; and where it turns out to look for more that the project has, it is given that and begun again. If its outputs come
out, what it was seen to read becomes its record.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from paperbuild.engine.coverage import told
from paperbuild.engine.graph import Action
from paperbuild.engine.reasons import A_FOLDER
from paperbuild.engine.rerun import Rerun
from paperbuild.engine.trace import Absent, Content, Item, Listing, Modules, Record, path_of
from paperbuild.engine.workshop import Workshop
from paperbuild.provenance.judging import Judge
from paperbuild.provenance.verdicts import Verdict

MOST_GIVEN = 20
"""How often a run is given what it looked for in vain, and begun again."""


class Settlement(msgspec.Struct, frozen=True):
    """The verdict on an adopted result, and the record that takes the place of the adopted one; None where it stays adopted."""

    verdict: Verdict
    record: Record | None = None


class Settler:
    """Settles adopted results, by verdicts of ``judge``."""

    def __init__(self, workshop: Workshop, judge: Judge) -> None:
        self._workshop = workshop
        self._judge = judge
        self._observer = judge.rerunner.observer

    def settlement(self, action: Action, record: Record, runs: list[Rerun]) -> Settlement:
        """Run ``action``, and return what that means for its adopted ``record``. The reruns are added to ``runs``.

        Raises:
            DamagedBlob: the store lost a recorded output.
        """
        given = _by_label(item for item in record.items if not isinstance(item, Absent)) | _by_label(self._read_before(action))
        conditions = self._judge.conditions(action, (), keeps_home=True)
        for _ in range(MOST_GIVEN):
            run = self._judge.rerunner.rerun(action, record, tuple(given.values()), conditions)
            runs.append(run)
            missed = _by_label(self._missed(run, action))
            if run.refusal or missed.items() <= given.items():
                break
            given |= missed
        verdict = self._judge.judged(action, record, run, conditions)
        if run.record is None or verdict.verdict not in {"identical", "within tolerance"}:
            return Settlement(verdict)
        untrue = [item for item in run.record.items if not self._observer.holds(item)]
        if untrue:
            reasons = tuple(f"{words}, and the project has something else there than its copy had" for words in told(untrue))
            return Settlement(replace(verdict, verdict="incomplete", reasons=reasons))
        # What it read outside by a path relative to the copy was not seen to be outside: what it was given there counts.
        outside = (item for item in given.values() if (path_of(item) or "").startswith(("/", "~")))
        items = tuple((_by_label(outside) | _by_label(run.record.items)).values())
        settled = replace(run.record, items=items, artifacts=record.artifacts, finished_ns=self._workshop.clock.now_ns())
        return Settlement(replace(verdict, verdict="adopted", is_adopted=False), settled)

    def _read_before(self, action: Action) -> Iterator[Item]:
        """Yield, as it is now, what the last run of ``action`` that was watched had read: it will probably read it again."""
        found = [one for one in self._workshop.store.all_records() if one.action == action.id and one.observed]
        for item in max(found, key=lambda one: one.finished_ns).items if found else ():
            yield from self._present(item, action)

    def _missed(self, run: Rerun, action: Action) -> Iterator[Item]:
        """Yield what of the project ``run``, of ``action``, looked for, and the copy had not, or had otherwise."""
        own = {output.path.rstrip("/") for output in action.outputs}
        for item in run.items:
            path = path_of(item)
            if path is not None and not path.startswith(("/", "~")) and path not in own and not self._observer.holds(item):
                yield from self._present(item, action)

    def _present(self, item: Item, action: Action) -> Iterator[Item]:
        """Yield what is there now where ``item`` was, so that a copy has it; of a folder that was listed the files in it, too.

        What ``action`` makes itself is not among them: where it begins, that is not there yet.
        """
        path = path_of(item)
        if path is None or not self._observer.exists(path):
            return
        digest = self._observer.file_digest(path)
        if digest is not None:
            yield Content(path, digest)
        elif isinstance(item, Modules):
            yield Modules(path, item.names, self._observer.modules_digest(path, item.names) or "")
        elif not path.startswith(("/", "~")):
            own = (output.path.rstrip("/") for output in action.outputs)
            own_here = {posixpath.basename(output) for output in own if (posixpath.dirname(output) or ".") == path}
            yield from self._folder(path, tuple(sorted({*own_here, *(item.without if isinstance(item, Listing) else ())})))

    def _folder(self, path: str, without: tuple[str, ...]) -> Iterator[Item]:
        yield Content(path, A_FOLDER)
        yield Listing(path, self._observer.names_digest(path, without) or "", without)
        for name in self._workshop.fs.names(self._observer.absolute(path)):
            inner = name if path == "." else f"{path}/{name}"
            digest = None if name in without else self._observer.file_digest(inner)
            if digest is not None:
                yield Content(inner, digest)


def _by_label(items: Iterable[Item]) -> dict[tuple[str, str], Item]:
    return {(type(item).__name__, path_of(item) or str(item)): item for item in items}
