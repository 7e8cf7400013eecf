"""A diagram as an SVG file: one picture that is right in a browser, in a README and on paper, by day and by night. Pure.

Makers stand left, documents right. A node's state is told by a sign and its colour, by its words, and in full where the pointer rests
on it. Nothing in it moves, runs or is loaded: where it is shown as an image, all of it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from paperbuild.drawing.critical import NO_PATH, CriticalPath
from paperbuild.drawing.diagram import WORST_FIRST, Diagram, Link, Node
from paperbuild.drawing.layers import Vertex, layers
from paperbuild.drawing.places import Places, Sizes, places
from paperbuild.engine.queries import State
from paperbuild.phrases import duration_text, durations_text, listed

_HEIGHT = 44.0
_MARGIN = 20.0
_COLUMN_GAP = 56.0
_ROW_GAP = 14.0
_NARROWEST, _WIDEST = 96.0, 260.0
_MOST_NAMED = 8
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 has no place for them

_SIGNS: Mapping[State, str] = {
    State.FRESH: '<circle r="7"/><path class="cut" d="M-3.2 .2-.8 2.8 3.4-2.6"/>',
    State.ADOPTED: '<rect x="-6.5" y="-6.5" width="13" height="13" rx="2"/><path class="cut" d="M-3.2 .2-.8 2.8 3.4-2.6"/>',
    State.STORED: '<circle class="hollow" r="6"/><circle r="3"/>',
    State.STALE: '<circle class="hollow" r="6"/><path d="M0-6A6 6 0 0 1 0 6z"/>',
    State.NEVER: '<circle class="hollow" r="6"/>',
    State.UNKNOWN: '<circle class="hollow" r="6"/><path class="line" d="M-1.8-1.6a1.8 1.8 0 1 1 2.6 1.6Q0 .5 0 1.2M0 3.1v.2"/>',
    State.FAILED: '<circle r="7"/><path class="cut" d="M-2.6-2.6 2.6 2.6M2.6-2.6-2.6 2.6"/>',
    State.WAITING: '<circle class="hollow dotted" r="6"/><path class="line" d="M0-3.2V.4L2.2 1.8"/>',
    State.BLOCKED: '<circle r="7"/><path class="cut" d="M-3.4 0H3.4"/>',
    State.FOREIGN: '<path d="M0-7.2 7.4 6H-7.4z"/><path class="cut" d="M0-2.4V1.6M0 3.6v.2"/>',
}
"""Drawn, not letters: no font need have them, and none makes them larger."""

_MANNERS = {"link unread": "declared, not used", "link seen": "seen, not declared", "link": "declared"}
"""The classes of links, and what the key says of them, the weakest first."""

_TIP = """\
<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
<path class="tip" d="M0 .8 8 4 0 7.2z"/></marker>\
"""
_STYLE = """
svg { --back: #fff; --text: #1f2328; --soft: #59636e; --box: #f6f8fa; --edge: #d1d9e0; --line: #818b98;
  --fresh: #1a7f37; --amber: #9a6700; --red: #cf222e; --blue: #0969da; --violet: #8250df; --chain: #bf3989; color-scheme: light dark }
@media (prefers-color-scheme: dark) { svg { --back: #0d1117; --text: #f0f6fc; --soft: #9198a1; --box: #161b22; --edge: #3d444d;
  --line: #768390; --fresh: #3fb950; --amber: #d29922; --red: #f85149; --blue: #4493f8; --violet: #ab7df8; --chain: #db61a2 } }
.back { fill: var(--back) }
text { font: 13px system-ui, -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: var(--text) }
.name { font-weight: 600 } .more { font-size: 11.5px; fill: var(--soft) }
.box { fill: var(--box); stroke: var(--edge) } .fold { fill: none; stroke: var(--edge) }
.sign { fill: var(--tone) } .sign .hollow { fill: var(--back); stroke: var(--tone); stroke-width: 2 }
.sign .dotted { stroke-dasharray: 2.4 2.3 } .sign .line { fill: none; stroke: var(--tone); stroke-width: 1.7; stroke-linecap: round }
.sign .cut { fill: none; stroke: var(--back); stroke-width: 1.9; stroke-linecap: round; stroke-linejoin: round }
.part { fill: var(--tone) }
.link { fill: none; stroke: var(--line); stroke-width: 1.3 } .seen { stroke-dasharray: 5 3.5 } .unread { stroke: var(--edge) }
.link:hover { stroke: var(--text); stroke-width: 2.2 }
.tip { fill: var(--line) }
.chain { fill: none; stroke: var(--chain); stroke-width: 3; stroke-linecap: round; pointer-events: none }
.longest .box { stroke: var(--chain); stroke-width: 2 }
.up-to-date, .adopted, .from-the-store { --tone: var(--fresh) } .stale { --tone: var(--amber) }
.failed, .changed-by-hand, .cannot-run { --tone: var(--red) }
.never-built { --tone: var(--blue) } .inputs-unknown { --tone: var(--violet) } .may-run { --tone: var(--soft) }
"""


def svg(drawn: Diagram, path: CriticalPath = NO_PATH) -> str:
    """Return the diagram as the content of an SVG file, ``path`` marked."""
    marked = path.links(drawn)
    nodes = {node.name: node for node in drawn.nodes}
    widths = {node.name: _width(node) for node in drawn.nodes}
    sizes = Sizes(widths, _HEIGHT, _COLUMN_GAP, _ROW_GAP)
    documents = [node.name for node in drawn.nodes if not node.is_command]
    arranged = layers([*nodes], [(link.maker, link.user) for link in drawn.links], documents)
    placed = places(arranged, sizes)
    column = {vertex: placed.columns[n] for n, vertices in enumerate(arranged.columns) for vertex in vertices}
    key = _Key(drawn, path)
    width, height = max(placed.width, key.width), placed.height + key.height
    left = (width - placed.width) / 2
    size = f"{width + 2 * _MARGIN:g}", f"{height + 2 * _MARGIN:g}"
    frame = f'width="{size[0]}" height="{size[1]}" viewBox="{-_MARGIN:g} {-_MARGIN:g} {size[0]} {size[1]}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {frame}>',
        f"<title>{_text(_summary(drawn))}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="back" x="{-_MARGIN:g}" y="{-_MARGIN:g}" width="100%" height="100%"/>',
        _TIP,
        f'<g transform="translate({left:g} 0)">',
        *(
            _link(link, arranged.routes[link.maker, link.user], placed, column)
            for link in sorted(_weak_first(drawn.links), key=lambda link: (link.maker, link.user) in marked)
        ),
        *(_glow(arranged.routes[ends], ends, placed, column) for ends in sorted(marked)),
        *(_node(nodes[name], placed.middles[name, -1], column[name, -1], marked=path.has_node(nodes[name])) for name in nodes),
        "</g>",
        f'<g transform="translate(0 {placed.height:g})">{"".join(key.parts)}</g>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _weak_first(links: Iterable[Link]) -> list[Link]:
    """Return the links in the order in which they are drawn: where two run as one, the firmer is above."""
    return sorted(links, key=lambda link: [*_MANNERS].index(_manner(link)))


def _manner(link: Link) -> str:
    """Return the classes of a link."""
    return "link seen" if not link.declared else "link unread" if link.unread else "link"


def _glow(route: Iterable[Vertex], ends: tuple[str, str], placed: Places, column: Mapping[Vertex, tuple[float, float]]) -> str:
    """Return what lies over a link of the longest chain, below the nodes."""
    return f'<path class="chain" d="{_course(route, ends, placed, column)}"/>'


def _course(route: Iterable[Vertex], ends: tuple[str, str], placed: Places, column: Mapping[Vertex, tuple[float, float]]) -> str:
    """Return the way of a link from its maker to its user, the two ``ends``."""
    start, end = (ends[0], -1), (ends[1], -1)
    stops = [(column[start][1], placed.middles[start][1])]
    for point in route:
        stops += [(x, placed.middles[point][1]) for x in column[point]]
    stops.append((column[end][0] - 1, placed.middles[end][1]))
    path = f"M{stops[0][0]:.1f} {stops[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(stops):
        half = (to_x - x) / 2
        path += f"H{to_x:.1f}" if abs(y - to_y) < 0.05 else f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    return path


def _link(link: Link, route: Iterable[Vertex], placed: Places, column: Mapping[Vertex, tuple[float, float]]) -> str:
    path = _course(route, (link.maker, link.user), placed, column)
    told = f"{link.user} uses {listed(link.paths, _MOST_NAMED) if link.paths else 'what comes'} of {link.maker}"
    how = [*([f"declared: {listed(link.declared)}"] if link.declared else []), *(["seen in its last run"] if link.observed else [])]
    title = _text(f"{told} ({', '.join(how)})")
    return f'<path class="{_manner(link)}" marker-end="url(#tip)" d="{path}"><title>{title}</title></path>'


def _node(node: Node, middle: tuple[float, float], column: tuple[float, float], *, marked: bool = False) -> str:
    left, right = column
    width, top = right - left, middle[1] - _HEIGHT / 2
    parts = [
        f'<g class="node {_class(node.state)}{" longest" if marked else ""}" transform="translate({left:.1f} {top:.1f})">',
        f"<title>{_text(_told(node))}</title>",
    ]
    if len(node.cells) > 1:  # a pile of cards
        parts.append(f'<path class="fold" d="M5 -4.5V-5a3 3 0 0 1 3-3H{width:.1f}a4 4 0 0 1 4 4V{_HEIGHT - 8:g}a3 3 0 0 1-3 3h-.5"/>')
    parts.append(_box(node, width))
    parts.append(_sign(node.state, 19, _HEIGHT / 2))
    room = width - 44
    parts.append(f'<text class="name" x="34" y="19">{_text(_fitting(node.name, room, 7.4))}</text>')
    parts.append(f'<text class="more" x="34" y="34">{_text(_fitting(_more(node), room, 6.1))}</text>')
    if len(node.states) > 1:
        parts.extend(_shares(node, width))
    return "".join([*parts, "</g>"])


def _box(node: Node, width: float) -> str:
    if node.is_command:
        return f'<rect class="box" width="{width:.1f}" height="{_HEIGHT:g}" rx="6"/>'
    corner = 11  # a sheet of paper with its corner turned down
    sheet = f"M4 0H{width - corner:.1f}L{width:.1f} {corner}V{_HEIGHT - 4:g}a4 4 0 0 1-4 4H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4z"
    return f'<path class="box" d="{sheet}"/><path class="fold" d="M{width - corner:.1f} 0V{corner}H{width:.1f}"/>'


def _sign(state: State, x: float, y: float) -> str:
    return f'<g class="sign {_class(state)}" transform="translate({x:g} {y:g})">{_SIGNS[state]}</g>'


def _shares(node: Node, width: float) -> Iterator[str]:
    """Yield a bar at the foot of a node that shows how many of its cells stand how."""
    x, least = 6.0, 5.0
    whole = width - 12 - least * len(node.states)
    for state, count in node.states:
        part = least + whole * count / len(node.cells)
        yield f'<rect class="part {_class(state)}" x="{x:.1f}" y="{_HEIGHT - 4:g}" width="{part:.1f}" height="2.5"/>'
        x += part


def _class(state: State) -> str:
    return state.value.replace(" ", "-")


def _more(node: Node) -> str:
    """Return the second line of a node: how many cells stand how, and how long it takes."""
    (state, count), whole = node.states[0], len(node.cells)
    share = "" if whole == 1 else f"{whole} " if count == whole else f"{count} of {whole} "
    duration = "" if node.duration_s is None else f", {duration_text(node.duration_s)}"
    return f"{share}{state.value}{duration}"


def _told(node: Node) -> str:
    """Return what is told where the pointer rests on a node."""
    states = [f"{count} {state.value}" if len(node.cells) > 1 else state.value for state, count in node.states]
    lines = [f"{node.name}: {listed(states, len(states))}"]
    worst = next(cell for cell in node.cells if cell.state is node.state)
    if worst.reasons:
        lines.append(listed([reason.text for reason in worst.reasons], _MOST_NAMED))
    durations = [took_s for cell in node.cells if (took_s := cell.took_s) is not None]
    if durations:
        lines.append(f"took {durations_text(durations)}{' each' if len(durations) > 1 else ''}")
    lines.append(f"makes {listed([output.path for cell in node.cells for output in cell.action.outputs], _MOST_NAMED)}")
    return "\n".join(lines)


def _width(node: Node) -> float:
    around = 46 if node.is_command else 58  # a document has a corner to spare
    return min(_WIDEST, max(_NARROWEST, around + 7.4 * len(node.name), 46 + 6.1 * len(_more(node))))


def _fitting(text: str, room: float, each: float) -> str:
    """Return ``text``, without its middle where it has no room: what tells cells apart is at the end."""
    most = int(room / each)
    if len(text) <= most:
        return text
    return f"{text[: (most - 1) // 2]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (most - 1 - (most - 1) // 2) :]}"


def _text(text: str) -> str:
    return escape(_UNPRINTABLE.sub(lambda found: f"\\x{ord(found.group()):02x}", text))


def _summary(drawn: Diagram) -> str:
    cells = [cell for node in drawn.nodes for cell in node.cells]
    states = [(state, sum(cell.state is state for cell in cells)) for state in WORST_FIRST]
    return f"{len(cells)} steps: {listed([f'{count} {state.value}' for state, count in states if count], len(states)) or 'none'}"


class _Key:
    """The signs and lines that a drawing uses, explained below it."""

    def __init__(self, drawn: Diagram, path: CriticalPath) -> None:
        shown = {state for node in drawn.nodes for state, _ in node.states}
        self.parts: list[str] = []
        x, y = 8.0, 40.0
        for state in reversed(WORST_FIRST):
            if state in shown:
                self.parts.append(f'{_sign(state, x, y)}<text class="more" x="{x + 13:g}" y="{y + 4:g}">{state.value}</text>')
                x += 34 + 6.4 * len(state.value)
        for manner in (manner for manner in reversed(_MANNERS) if manner in set(map(_manner, drawn.links))):
            words = _MANNERS[manner]
            self.parts.append(f'<path class={quoteattr(manner)} d="M{x:g} {y:g}h28"/>')
            self.parts.append(f'<text class="more" x="{x + 36:g}" y="{y + 4:g}">{words}</text>')
            x += 58 + 6.4 * len(words)
        if path.text:
            y += 22 if self.parts else 0
            words = _text(path.text)
            self.parts.append(f'<path class="chain" d="M8 {y:g}h28"/><text class="more" x="44" y="{y + 4:g}">{words}</text>')
            x = max(x, 52 + 6.2 * len(path.text))
        self.width, self.height = x - 8, y + 6 if self.parts else 0.0
