"""A graph as a picture: what is drawn as one, where it stands, and that the files are what they claim to be."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise
from random import Random

import pytest

from paperbuild.drawing.condensing import chained, condensed
from paperbuild.drawing.critical import critical_path
from paperbuild.drawing.diagram import Diagram, Link, Node
from paperbuild.drawing.dot import dot
from paperbuild.drawing.layers import layers
from paperbuild.drawing.outline import outline
from paperbuild.drawing.places import Sizes, places
from paperbuild.drawing.svg import svg
from paperbuild.engine.graph import Action, Command, Output, Step
from paperbuild.engine.queries import Situation, State
from paperbuild.engine.trace import Record
from paperbuild.terminal.outline import drawing

SVG = "{http://www.w3.org/2000/svg}"


def node(name: str, state: State = State.FRESH, *, document: bool = False) -> Node:
    recipe = Step("s", ()) if document else Command("true")
    return Node(name, (Situation(Action(name, name, recipe, (Output("o", f"{name}.out"),)), state, (), None),))


def of(links: str, *nodes: Node) -> Diagram:
    """A diagram of ``nodes``, and of ``maker>user`` for each word of ``links``."""
    pairs = [word.split(">") for word in links.split()]
    known = {one.name: one for one in nodes}
    for name in (name for pair in pairs for name in pair):
        known.setdefault(name, node(name))
    return Diagram.sorted(known.values(), (Link(user, maker, (f"{maker}.out",), ("inputs",), True, False) for maker, user in pairs))


def wide(columns: int, rows: int) -> Diagram:
    """Rows of targets, each with one before it, and a document that uses the last ones."""
    pairs = [f"l{c}-{r}>l{c + 1}-{r}" for c in range(columns - 1) for r in range(rows)] + [f"l{columns - 1}-{r}>paper" for r in range(rows)]
    return of(" ".join(pairs), node("paper", document=True))


def random_diagram(seed: int, count: int) -> Diagram:
    random = Random(seed)
    pairs = {(random.randrange(max(0, n - 60), n), n) for n in range(1, count) for _ in range(2)}
    return of(" ".join(f"{'abc'[a % 3]}{a}>{'abc'[b % 3]}{b}" for a, b in sorted(pairs)))


def cells(drawn: Diagram) -> set[str]:
    return {cell.action.id for one in drawn.nodes for cell in one.cells}


def in_order(drawn: Diagram) -> bool:
    place = {one.name: n for n, one in enumerate(drawn.nodes)}
    return all(place[link.maker] < place[link.user] for link in drawn.links)


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{SVG}text")]


# --- drawn together


def test_a_graph_that_can_be_looked_at_is_left_as_it_is():
    drawn = wide(3, 4)
    assert condensed(drawn) is drawn


def test_targets_whose_names_differ_in_numbers_are_drawn_together_step_by_step():
    found = condensed(wide(10, 100))
    names = [one.name for one in found.nodes]
    assert names == [*(f"l{c}-0 … l{c}-99" for c in range(10)), "paper"]
    assert [(link.maker[:2], link.user[:2]) for link in found.links] == [*((f"l{c}", f"l{c + 1}") for c in range(9)), ("l9", "pa")]
    assert len(found.links[0].paths) == 100


def test_what_stands_otherwise_is_not_hidden_among_its_like():
    drawn = of("", *(node(f"t{n}", State.FAILED if n == 7 else State.FRESH) for n in range(200)))
    assert [(one.name, one.state) for one in condensed(drawn).nodes] == [("t0 … t199", State.FRESH), ("t7", State.FAILED)]


@pytest.mark.parametrize("most", [1, 2, 7, 40, 120])
@pytest.mark.parametrize("seed", range(4))
def test_any_graph_is_condensed_to_what_is_wanted_without_circles_and_without_loss(seed: int, most: int):
    drawn = random_diagram(seed, 300)
    found = condensed(drawn, most)
    assert len(found.nodes) <= most
    assert cells(found) == cells(drawn)
    assert in_order(found)


def test_a_chain_is_one_node_and_whoever_takes_part_in_it_ends_it():
    found = chained(of("a>b b>c c>d d>e x>e"), lambda _: True)
    assert {one.name for one in found.nodes} == {"a … d", "e", "x"}
    short = of("a>b b>e x>e")
    assert {one.name for one in chained(short, lambda _: True).nodes} == {"a", "b", "e", "x"}


# --- where it stands


def test_makers_stand_left_of_what_uses_them_and_nothing_on_anything_else():
    drawn = random_diagram(1, 60)
    names = [one.name for one in drawn.nodes]
    found = layers(names, [(link.maker, link.user) for link in drawn.links])
    column = {vertex: n for n, vertices in enumerate(found.columns) for vertex in vertices}
    assert all(column[link.maker, -1] < column[link.user, -1] for link in drawn.links)
    placed = places(found, Sizes(dict.fromkeys(names, 100.0), 40.0, 50.0, 10.0))
    for vertices in found.columns:
        for one, other in pairwise(vertices):
            needed = 10.0 + (20.0 if one[1] < 0 else 0.0) + (20.0 if other[1] < 0 else 0.0)
            assert placed.middles[other][1] - placed.middles[one][1] >= needed - 1e-6


def test_lines_that_need_not_cross_do_not():
    found = layers(["a", "b", "c", "x", "y", "z"], [("a", "z"), ("b", "y"), ("c", "x")])
    place = {name: n for column in found.columns for n, (name, _) in enumerate(column)}
    assert [place[name] for name in "abc"] == [place[name] for name in "zyx"]


# --- files


def test_the_picture_is_well_formed_and_names_every_node_and_state():
    drawn = of("raw>fit fit>paper.pdf", node("raw", State.FAILED), node("fit", State.WAITING), node("paper.pdf", document=True))
    picture = svg(drawn)
    assert {"raw", "fit", "paper.pdf", "failed", "may run", "up to date"} <= set(texts(picture))
    root = ET.fromstring(picture)
    assert root.find(f"{SVG}title").text == "3 steps: 1 failed, 1 may run and 1 up to date"  # type: ignore[union-attr]  # it has one
    assert len([path for path in root.iter(f"{SVG}path") if path.get("marker-end")]) == 2
    assert picture == svg(drawn)


def test_names_cannot_break_the_picture_or_the_dot_file():
    drawn = of("", node('<b>&"\x07\ud800'))
    ET.fromstring(svg(drawn).encode("utf-8"))
    assert '"<b>&\\"' in dot(drawn)


def test_an_empty_project_is_a_picture_too():
    ET.fromstring(svg(Diagram((), ())))
    assert [*drawing(Diagram((), ()), 80)] == []


def test_a_sweep_is_a_pile_that_says_how_many_stand_how():
    several = tuple(
        Situation(Action(f"t[n={n}]", "t", Command("true"), (Output("o", f"{n}"),)), state, (), None)
        for n, state in enumerate((State.FRESH, State.FRESH, State.STALE))
    )
    drawn = Diagram((Node("t", several),), ())
    assert "1 of 3 stale" in texts(svg(drawn))
    (line,) = drawing(drawn, 80)
    assert "".join(text for text, _ in line).split() == ["◑", "t", "\N{MULTIPLICATION SIGN}3", "1", "stale,", "2", "up", "to", "date"]


def test_the_outline_shows_each_node_once_and_points_to_it_from_elsewhere():
    drawn = of("a>b a>c b>p.pdf c>p.pdf b>p.html", node("p.pdf", document=True), node("p.html", document=True))
    rows = [*outline(drawn, deepest=9)]
    assert sorted(row.nodes[0].name for row in rows if not row.where) == ["a", "b", "c", "p.html", "p.pdf"]
    assert [(row.where, [one.name for one in row.nodes]) for row in rows if row.where] == [("above", ["a"]), ("above", ["b"])]


def test_what_is_too_deep_for_the_terminal_goes_on_below():
    drawn = of(" ".join(f"t{n}>t{n + 1}" for n in range(30)))
    rows = [*outline(drawn, deepest=8)]
    assert sorted(row.nodes[0].name for row in rows if not row.where) == sorted(f"t{n}" for n in range(31))
    assert max(len(row.rails) for row in rows) <= 9
    assert all(sum(map(len, (text for text, _ in line))) <= 80 for line in drawing(drawn, 80))


# the longest chain


def timed(name: str, *seconds: float | None, document: bool = False) -> Node:
    """A node with a cell for each duration; None: nobody knows it."""
    recipe = Step("s", ()) if document else Command("true")

    def cell(n: int, took_s: float | None) -> Situation:
        record = None if took_s is None else Record("k", name, name, (), (), (), 0, took_s)
        return Situation(Action(f"{name}[n={n}]", name, recipe, (Output("o", f"{name}{n}"),)), State.FRESH, (), None, lambda: record)

    return Node(name, tuple(cell(n, took_s) for n, took_s in enumerate(seconds)))


def studied() -> Diagram:
    nodes = (
        timed("data", 5.0),
        timed("train", 60.0, 90.0, 30.0),
        timed("fast", 100.0),
        timed("plot", None),
        timed("paper", 2.0, document=True),
    )
    return of("data>train train>plot plot>paper fast>paper data>fast", *nodes)


def test_the_longest_chain_counts_of_a_sweep_its_longest_cell_and_names_what_nobody_knows():
    path = critical_path(studied())
    assert (path.names, path.duration_s, path.unknown) == (("data", "fast", "paper"), 107.0, ("plot",))
    assert path.text == "longest chain: data → fast → paper, 1 min 47 s; nobody knows how long plot takes"
    assert path.links(studied()) == {("data", "fast"), ("fast", "paper")}


def test_where_nothing_is_known_there_is_no_longest_chain():
    nodes = (timed("a", None), timed("b", 3.0))
    assert critical_path(of("a>b", *nodes)).text == ""
    assert critical_path(of("")).text == ""


@pytest.mark.parametrize("seed", range(20))
def test_no_chain_takes_longer_than_the_longest(seed: int):
    random = Random(seed)
    pairs = sorted({(random.randrange(n), n) for n in range(1, 12) for _ in range(2)})
    took = [random.choice([None, 1.0, 2.0, 5.0]) for _ in range(12)]
    drawn = of(" ".join(f"x{a}>x{b}" for a, b in pairs), *(timed(f"x{n}", took[n]) for n in range(12)))

    def longest(n: int) -> float:
        return (took[n] or 0) + max((longest(a) for a, b in pairs if b == n), default=0)

    path = critical_path(drawn)
    known = [name for name in path.names if took[int(name[1:])] is not None]
    assert not path.names or path.duration_s == max(map(longest, range(12))) == sum(took[int(name[1:])] or 0 for name in known)
    assert all((f"{a}", f"{b}") in {(f"x{p}", f"x{q}") for p, q in pairs} for a, b in pairwise(path.names))


def test_the_longest_chain_is_marked_in_every_form():
    drawn, path = studied(), critical_path(studied())
    picture = svg(drawn, path)
    ET.fromstring(picture)
    assert picture.count('class="chain"') == 3  # two links, and the key
    assert picture.count(" longest") == 3
    assert "longest chain: data → fast → paper, 1 min 47 s" in picture
    lines = ["".join(text for text, _ in line) for line in drawing(drawn, 100, path)]
    marked = {name for line in lines if "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}" in line for name in line.split() if name.isalpha()}
    assert marked & {"data", "train", "fast", "plot", "paper"} == {"data", "fast", "paper"}
    assert dot(drawn, path).count("penwidth=3") == 5


def test_the_chain_is_marked_where_targets_are_drawn_together():
    nodes = [timed(f"a{n}", float(n + 1)) for n in range(30)]
    drawn = of(" ".join(f"a{n}>end" for n in range(30)), *nodes, timed("end", 1.0))
    path = critical_path(drawn)
    shown = condensed(drawn, 5)
    assert path.names == ("a29", "end")
    assert path.links(shown) == {(shown.nodes[0].name, "end")}
