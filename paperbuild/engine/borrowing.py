"""Files that a target wrote without declaring them, and that another one reads: nobody knows then which must come first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.trace import Content, Item


def borrowed(action: Action, items: Iterable[Item], strays: Mapping[str, str], graph: Graph) -> tuple[Diagnostic, ...]:
    """Return an error for each file among ``items``, which ``action`` read, that is a stray of another.

    ``strays`` are the files that other actions were last seen to write and do not declare, each with the id of that action.
    """
    if not strays:
        return ()
    paths = dict.fromkeys(item.path for item in items if isinstance(item, Content))
    found = ((path, strays.get(path, "")) for path in paths)  # another thread may take one away meanwhile
    return tuple(
        _fault(action, path, graph.actions[writer])
        for path, writer in found
        if writer and writer != action.id and writer in graph.actions and graph.maker(path) is None
    )


def _fault(action: Action, path: str, writer: Action) -> Diagnostic:
    declare = f"add {path} to the outputs of {writer.target}"
    apart = "let each cell write a file of its own, and declare it"
    return Diagnostic(
        "PB445",
        f"{action.id} reads {path}, which {writer.id} writes without declaring it",
        action.span,
        notes=("nothing says that the one must come before the other",),
        help=(apart if writer.target == action.target else declare,),
    )
