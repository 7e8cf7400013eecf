"""From the words on the command line to the actions they mean."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from paperbuild.diagnostics import Diagnostic, did_you_mean
from paperbuild.engine.graph import Action, Command, Graph
from paperbuild.errors import UsageError

_CELLS = re.compile(r"(?P<target>[^\[\]]+)\[(?P<axes>[^\[\]]*)\]")


def selected(words: Iterable[str], graph: Graph, root: str, here: str) -> tuple[str, ...]:
    """Return the ids of the actions that ``words`` mean, each once, in the order given.

    A word is a target ("train": all its cells), some of its cells ("train[seed=0]", by any of the axes), an action's id
    ("paper.pdf"), or an output's path, relative to ``here`` or to the project's ``root``.

    Raises:
        UsageError: words that mean nothing, each with the nearest names.
    """
    found: dict[str, None] = {}
    faults = []
    for word in words:
        ids = _meant(word, graph, root, here)
        found.update(dict.fromkeys(ids))
        if not ids:
            faults.append(_unknown(word, graph))
    if faults:
        raise UsageError(*faults)
    return tuple(found)


def commands(graph: Graph) -> tuple[str, ...]:
    """Return the ids of all actions that are no documents."""
    return tuple(action.id for action in graph.actions.values() if isinstance(action.recipe, Command))


def _meant(word: str, graph: Graph, root: str, here: str) -> tuple[str, ...]:
    if word in graph.actions:
        return (word,)
    cells = tuple(action.id for action in graph.actions.values() if action.target == word)
    if cells:
        return cells
    match = _CELLS.fullmatch(word)
    if match is not None:
        pairs = [pair.partition("=") for pair in match["axes"].split(",")]
        wanted = {name.strip(): value.strip() for name, _, value in pairs}
        return tuple(a.id for a in graph.actions.values() if a.target == match["target"] and _fits(a, wanted))
    for path in (os.path.relpath(os.path.join(here, word), root), word):
        action = graph.maker(path.replace(os.sep, "/"))
        if action is not None:
            return (action.id,)
    return ()


def _fits(action: Action, wanted: dict[str, str]) -> bool:
    params = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in action.params}
    return all(params.get(name) == value for name, value in wanted.items())


def _unknown(word: str, graph: Graph) -> Diagnostic:
    targets = sorted({action.target for action in graph.actions.values()})
    paths = {output.path for action in graph.actions.values() for output in action.outputs}
    advice = did_you_mean(word, targets) or did_you_mean(word, {*graph.actions, *paths})
    if not advice:
        advice = (f"the targets are {', '.join(targets)}",) if targets else ("the manifest has no targets",)
    return Diagnostic("PB185", f"there is no target, action or output {word!r}", help=advice)
