"""Why something runs, ran, or need not, as lines of a terminal: what changed, what comes before it, its last run, what follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from paperbuild.drawing.condensing import chained, condensed
from paperbuild.drawing.diagram import Node, diagram
from paperbuild.drawing.outline import Bend, Row, outline
from paperbuild.engine.explaining import Explained, Story, own_reasons
from paperbuild.engine.graph import Command, Graph
from paperbuild.engine.queries import SETTLED, Situation, State
from paperbuild.engine.reasons import Reason, is_digest
from paperbuild.engine.trace import Absent, Content, Item, Link, Listing, Modules, Package, Program, Record, Status, Tree
from paperbuild.phrases import age_text, durations_text, listed, moments_text
from paperbuild.terminal.outline import DIM, Part, deepest, elsewhere, rails
from paperbuild.terminal.states import SIGNS, TONES

Line = Sequence[Part]

_MOST_REASONS = 5
"""Reasons that are shown of each of the things that come before."""

_MOST_BEFORE = 40
"""Things that come before, in one tree."""

_MOST_OF_CELLS = 10
"""Reasons that are shown of several cells together."""

_MOST_LINES = 6
"""Changed lines of a program that are shown."""

_ENDS = {"made": "", "failed": ", and failed", "timed out": ", and was ended: over its time limit", "cancelled": ", and was cancelled"}

_HEADS = {
    State.FRESH: "is up to date",
    State.ADOPTED: "is up to date, by a result that was adopted, not run",
    State.STORED: "is up to date, by a result in the store, which is put into its place",
    State.NEVER: "must run",
    State.STALE: "must run",
    State.FAILED: "must run; its last run failed",
    State.UNKNOWN: "runs each time",
    State.WAITING: "may have to run: what it uses is not up to date",
    State.BLOCKED: "cannot run",
    State.FOREIGN: "cannot be put in its place, where something else stands",
}
_BEFORE = {
    State.NEVER: "must run",
    State.STALE: "must run",
    State.FAILED: "must run, and failed last time",
    State.UNKNOWN: "runs each time",
    State.WAITING: "may change",
    State.BLOCKED: "cannot run",
    State.FOREIGN: "cannot be put in its place",
}


class View(msgspec.Struct, frozen=True):
    """How an explanation is looked at: the width of the screen, the present in nanoseconds, whether each cell is told by itself."""

    width: int
    now_ns: int
    cells: bool = False


def explanation(explained: Explained, graph: Graph, view: View) -> Iterator[Line]:
    """Yield the lines that tell the stories; cells of one target with the same story are told as one."""
    printer = _Printer(explained, graph, view)
    for n, stories in enumerate(_alike(explained.stories, view)):
        if n:
            yield ()
        yield from printer.lines(stories)


def _alike(stories: Sequence[Story], view: View) -> Iterator[tuple[Story, ...]]:
    """Yield stories, those of cells that stand alike for reasons of the same kinds together."""
    groups: dict[object, list[Story]] = {}
    for story in stories:
        action = story.situation.action
        kinds = frozenset(reason.kind for cause in story.causes for reason in cause.reasons)
        about = action.id if view.cells or not _is_command(story.situation) else action.target
        groups.setdefault((about, story.situation.state, kinds), []).append(story)
    yield from map(tuple, groups.values())


def _is_command(situation: Situation) -> bool:
    return isinstance(situation.action.recipe, Command)


class _Printer:
    def __init__(self, explained: Explained, graph: Graph, view: View) -> None:
        self._explained = explained
        self._view = view
        self._cells = Counter(action.target for action in graph.actions.values() if isinstance(action.recipe, Command))
        self._targets = {action.id: action.target for action in graph.actions.values() if self._cells[action.target] > 1}

    def lines(self, stories: Sequence[Story]) -> Iterator[Line]:
        state = stories[0].situation.state
        own, tree = [*self._own(stories)], [*self._before(stories)]
        yield (SIGNS[state], TONES[state]), (f" {self._who(stories)} ", "1"), (f"{_HEADS[state]}{':' if own else ''}", "")
        yield from own
        if tree:
            yield (("  it uses", DIM),)
            yield from tree
        yield from ((("  ", ""), *line) for line in self._history(stories))
        affected = [*dict.fromkeys(id_ for story in stories for id_ in story.affected)]
        if affected:
            yield (("  then these may have to run: ", DIM), (listed(self._named(affected), 12), ""))

    def _own(self, stories: Sequence[Story]) -> Iterator[Line]:
        """Yield the reasons that are about the actions themselves, each once, with the cells that have it where not all do."""
        first: dict[tuple[str, str], Reason] = {}  # of those that are said alike
        said: dict[tuple[str, str], list[str]] = {}
        for story in stories:
            for reason in story.own:
                words = (reason.text, _turn(reason))
                first.setdefault(words, reason)
                said.setdefault(words, []).append(story.situation.action.id)
        cells = {first[words]: ids for words, ids in said.items()}
        most = len(cells) if len(stories) == 1 else _MOST_OF_CELLS
        for reason, ids in [*cells.items()][:most]:
            whose = "" if len(ids) == len(stories) else f"{listed(ids, 2)}: "
            yield (f"  - {whose}{reason.text}", ""), (_turn(reason), DIM)
            if reason.kind == "command":
                yield ("      was  ", DIM), (reason.before or "", "")
                yield ("      now  ", DIM), (reason.after or "", "")
            elif reason.kind == "code":
                yield from _changed_lines(reason)
        if len(cells) > most:
            yield ((f"  - and {len(cells) - most} more; --cells tells all", DIM),)

    def _who(self, stories: Sequence[Story]) -> str:
        ids = [story.situation.action.id for story in stories]
        target = stories[0].situation.action.target
        if len(ids) == 1 or len(ids) > self._cells[target]:
            return listed(ids)
        if len(ids) == self._cells[target]:
            return f"{target} (all {len(ids)} cells)"
        return listed(ids) if len(ids) <= 3 else f"{target} ({len(ids)} of {self._cells[target]} cells: {listed(ids, 2)})"

    def _named(self, ids: Sequence[str]) -> list[str]:
        """Return the names of actions, the target's for cells of a sweep."""
        return [*dict.fromkeys(self._targets.get(id_, id_) for id_ in ids)]

    # before

    def _before(self, stories: Sequence[Story]) -> Iterator[Line]:
        """Yield what comes before and is not up to date, as a tree that ends in what changed."""
        ids = {edge.maker for story in stories for cause in story.causes for edge in cause.chain}
        own = {story.situation.action.id for story in stories}
        if not ids - own:
            return
        concerned = [s for s in self._explained.situations if s.action.id in ids | own and s.state not in SETTLED]
        drawn = diagram(concerned, self._explained.lineage, cells=self._view.cells)
        if not self._view.cells:
            drawn = condensed(chained(drawn, lambda node: not any(own_reasons(c) or c.action.id in own for c in node.cells)), _MOST_BEFORE)
        for row in outline(drawn, deepest=deepest(self._view.width)):
            is_itself = row.bend is Bend.TOP and own.issuperset(cell.action.id for cell in row.nodes[0].cells)
            if not is_itself:
                yield from self._row(row)

    def _row(self, row: Row) -> Iterator[Line]:
        lead = f"  {rails(row)}"
        if row.where:
            yield (("  ", ""), *elsewhere(row, self._view.width - 2))
            return
        (node,) = row.nodes
        paths = f"{listed(row.link.paths, 2)} of " if row.link is not None and row.link.paths else ""
        words = ", ".join(_BEFORE[state] if len(node.states) == 1 else f"{count} {_BEFORE[state]}" for state, count in node.states)
        yield (lead, DIM), (SIGNS[node.state], TONES[node.state]), (f" {paths}", ""), (self._amount(node), "1"), (f" {words}", "")
        rest = "".join("\N{BOX DRAWINGS LIGHT VERTICAL}  " if goes_on else "   " for goes_on in (*row.rails, row.bend is Bend.MORE))
        reasons = [*dict.fromkeys(f"{reason.text}{_turn(reason)}" for cell in node.cells for reason in own_reasons(cell))]
        for text in reasons[:_MOST_REASONS]:
            yield (f"  {rest}", DIM), (f"  {text}", "")
        if len(reasons) > _MOST_REASONS:
            yield (f"  {rest}", DIM), (f"  and {len(reasons) - _MOST_REASONS} more reasons", DIM)

    def _amount(self, node: Node) -> str:
        if len(node.cells) == 1:
            return node.name
        targets = {cell.action.target for cell in node.cells}
        if len(targets) > 1:
            return f"{node.name} ({len(targets)} targets)"
        whole = self._cells[node.cells[0].action.target]
        return f"{node.name} ({'all ' if len(node.cells) == whole else f'{len(node.cells)} of '}{whole} cells)"

    # history

    def _history(self, stories: Sequence[Story]) -> Iterator[Line]:
        yield from self._last_run(stories)
        record = stories[0].situation.record
        if record is None:
            return
        execution = stories[0].execution
        if record.adopted:
            why = f": {record.reason}" if record.reason else ""
            yield (("adopted, not run: ", "33"), (f"taken from disk {self._moment([record.finished_ns])}{why}", ""))
            yield (("  by the record ", DIM), (f"{record.key}/{record.name}", ""))
        elif execution is None or execution.finished_ns != record.finished_ns:
            since = "; why is not remembered here" if execution is None else ""
            yield ((f"its result was made {self._moment(_made(stories))}, in {durations_text(_took(stories))}{since}", ""),)
        if stories[0].situation.state in SETTLED:
            yield ((f"unchanged since then: {_counted(record)}", ""),)
            if stories[0].unchanged:
                yield ((f"{listed(self._named(stories[0].unchanged))} ran since, and made the same", ""),)
        if not record.observed and not record.adopted and _is_command(stories[0].situation):
            yield (("not observed: ", "33"), ("it is taken to read what its inputs declare, its words name and it needs", ""))

    def _last_run(self, stories: Sequence[Story]) -> Iterator[Line]:
        known = [story.execution for story in stories if story.execution is not None]
        if not known:
            return
        first = known[0]
        took = f"{durations_text([one.duration_s for one in known])}{' each' if len(known) > 1 else ''}"
        status = "" if first.status is None else f", {_exit(first.status)}"
        alike = all((one.reasons, one.end, one.status) == (first.reasons, first.end, first.status) for one in known)
        told = f"{_ENDS[first.end]}{status}" if alike else ", not all for the same reasons"
        tone = "31" if alike and first.end != "made" else ""
        yield ("last ran ", DIM), (f"{self._moment([one.finished_ns for one in known])}, took {took}", ""), (told, tone)
        if alike and first.reasons:
            for n, reason in enumerate(first.reasons[:_MOST_REASONS]):
                yield ("  why: ", DIM) if n == 0 else ("       ", DIM), (f"{reason.text}{_turn(reason)}", "")
        if alike and first.end != "made" and first.log and len(known) == 1:
            yield ("  its log: ", DIM), (first.log, "")

    def _moment(self, moments: Sequence[int]) -> str:
        return f"{moments_text(moments)} ({age_text((self._view.now_ns - max(moments)) / 1e9)})"


def _made(stories: Sequence[Story]) -> list[int]:
    return [story.situation.record.finished_ns for story in stories if story.situation.record is not None]


def _took(stories: Sequence[Story]) -> list[float]:
    return [took_s for story in stories if (took_s := story.situation.took_s) is not None]


def _changed_lines(reason: Reason) -> Iterator[Line]:
    """Yield the first lines that a program lost and got."""
    import difflib

    before, after = ((text or "").split("\n") for text in (reason.before, reason.after))
    changed = [line for line in difflib.ndiff(before, after) if line.startswith(("- ", "+ "))]
    for line in changed[:_MOST_LINES]:
        yield ("      was  " if line.startswith("-") else "      now  ", DIM), (line[2:], "")
    if len(changed) > _MOST_LINES:
        yield ((f"      and {len(changed) - _MOST_LINES} more lines", DIM),)


def _turn(reason: Reason) -> str:
    """Return the old and the new digest of a file, short; nothing where the sentence says it all."""
    before, after = (value[:8] if is_digest(value) and value else "" for value in (reason.before, reason.after))
    if reason.kind not in {"file", "input"} or not (before or after):
        return ""
    return f" ({before or 'nothing'} \N{RIGHTWARDS ARROW} {after or 'nothing'})"


def _exit(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    import signal

    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


_COUNTED: tuple[tuple[str, tuple[type[Item], ...]], ...] = (
    ("file", (Content,)),
    ("folder", (Tree, Listing, Modules)),
    ("status", (Status, Link)),
    ("missing file", (Absent,)),
    ("program", (Program,)),
    ("package", (Package,)),
)


def _counted(record: Record) -> str:
    """Return how much a result depends on: "3 files, 2 packages and 1 program"."""
    declared = {name for name, _ in record.components if name.startswith("input:")}
    files = declared | {f"input:{item.path}" for item in record.items if isinstance(item, Content)}
    parts = []
    for word, kinds in _COUNTED:
        count = len(files) if word == "file" else sum(isinstance(item, kinds) for item in record.items)
        if count:
            parts.append(f"{count} {_plural(word, count)}")
    command = any(name == "command" for name, _ in record.components)
    return listed(["its command" if command else "how it is made", *parts], len(parts) + 1)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}es" if word.endswith("s") else f"{word}s"
