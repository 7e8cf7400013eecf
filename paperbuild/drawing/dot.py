"""A diagram in the DOT language of Graphviz, for whoever wants to lay it out in another way. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from paperbuild.drawing.critical import NO_PATH, CriticalPath
from paperbuild.drawing.diagram import Diagram, Node
from paperbuild.phrases import duration_text


def dot(drawn: Diagram, path: CriticalPath = NO_PATH) -> str:
    """Return the diagram as a DOT file. Edges run from what makes to what uses; the class of a node is its state; ``path`` is bold."""
    return "\n".join(("digraph paper {", *(f"  {line}" for line in _lines(drawn, path)), "}", ""))


def _lines(drawn: Diagram, path: CriticalPath) -> Iterator[str]:
    links = path.links(drawn)
    if path.text:
        yield f"label={_quoted(path.text)}"
    yield "rankdir=LR"
    yield 'node [shape=box, style=rounded, fontname="sans-serif"]'
    for node in drawn.nodes:
        shape = "" if node.is_command else ", shape=note"
        shape += ", penwidth=3" if path.has_node(node) else ""
        yield f"{_quoted(node.name)} [label={_quoted(_label(node))}, class={_quoted(node.state.value)}{shape}]"
    for link in drawn.links:
        style = "" if link.declared else ", style=dashed"
        style += ", penwidth=3" if (link.maker, link.user) in links else ""
        yield f"{_quoted(link.maker)} -> {_quoted(link.user)} [tooltip={_quoted(chr(10).join(link.paths))}{style}]"


def _label(node: Node) -> str:
    states = ", ".join(state.value if count == len(node.cells) else f"{count} {state.value}" for state, count in node.states)
    count = f"{len(node.cells)} \N{MULTIPLICATION SIGN} " if len(node.cells) > 1 else ""
    duration = "" if node.duration_s is None else f", {duration_text(node.duration_s)}"
    return f"{node.name}\n{count}{states}{duration}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
