"""A paper's source with its changes marked, and what is told of two editions: without a disk, without pandoc."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.paper import agreement
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.paper.edition import Cell as GridCell
from paperbuild.paper.edition import Edition, Exhibit, Grid, images
from paperbuild.paper.formats import ENGLISH
from paperbuild.paper.passages import passages
from paperbuild.paper.results import ResultCache
from paperbuild.paper.source import SourceMap, scan
from paperbuild.provenance.changes import Changes, PaperChange, Piece, Place, ProseChange, Revision
from paperbuild.provenance.comparing import aligned, prose_changes, reference_changes, relative
from paperbuild.provenance.exhibits import Side, exhibit_changes
from paperbuild.provenance.marking import Marks, marked
from paperbuild.provenance.summary import LIMIT, summary
from paperbuild.provenance.telling import excerpt, percent

CATALOG = Catalog({"t": CatalogTarget("t", (Cell("t", (), (("out", "t.json"),)),), (), "run")})


def edition(text, results=None, grids=None):
    found = scan(text)
    cache = ResultCache(lambda _: json.dumps(results or {}).encode())
    items = agreement.held(found.live(), agreement.Results(CATALOG, cache, ENGLISH))
    known = grids or {}
    shown = tuple(
        Exhibit("table", one.id, one.destination.path, one.caption, one.caption_at, one.destination.offset, grid=known.get(one.id))
        for one in images(found)
    )
    return Edition("paper", SourceMap.join([("paper.md", text)]), items, passages(found, items), shown)


class Told(Marks):
    """Marks that are easily seen."""

    def gone(self, text):
        return f"<-{text}->"

    def new(self, text):
        return f"<+{text}+>"


def shown(old, new, results=({}, {}), changed=()):
    sides = edition(old, results[0]), edition(new, results[1])
    (text,) = marked(*sides, aligned(*sides), Told("pdf"), changed)
    return text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("It is red.", "It is blue.", "It is <-red-> <+blue+>."),
        ("It is red.", "It is very red.", "It is <+very+> red."),
        ("It is very red.", "It is red.", "It is <-very-> red."),
        ("A *fine* day to be out.", "A *rainy* day to be out.", "A *<-fine-> <+rainy+>* day to be out."),
        ("It is a fine day here.", "It is *a* fine day here.", "It is <-a-> <+*a*+> fine day here."),
        ("So it is, they say [@a].", "So it is, they say [@a; @b].", "<-So it is, they say [@a].-> <+So it is, they say [@a; @b].+>"),
        ("# Old words here {#sec:x}", "# New words here {#sec:x}", "# <-Old-> <+New+> words here {#sec:x}"),
        ("- one thing\n- other thing", "- one thing\n- a third\n- other thing", "- one thing\n- <+a third+>\n- other thing"),
        ("- one thing\n- a third\n- other", "- one thing\n- other", "- one thing\n- <-a third->\n- other"),
        ("See ![A red bar.](a.svg){#fig:a}", "See ![A blue bar.](a.svg){#fig:a}", "See ![A <-red-> <+blue+> bar.](a.svg){#fig:a}"),
        ('It [is]{claim="t.a > 1"} here now.', 'It [is]{claim="t.a > 1"} there now.', 'It [is]{claim="t.a > 1"} <-here-> <+there+> now.'),
        ("```\na = 1\n```", "```\na = 2\n```", "```\na = 2\n```"),
    ],
)  # fmt: skip
def test_words_are_marked_where_they_stand_and_else_their_paragraph_is(old, new, expected):
    assert shown(old, new) == expected


def test_a_value_that_changed_is_marked_with_its_binding_in_place():
    text = "So it is [1]{val=t.a} of $x = \\val[2]{t.b}$ here."
    told = shown(text, text, ({"a": 1, "b": 2}, {"a": 3, "b": 4}))
    assert told == "So it is <-1-> <+[1]{val=t.a}+> of <-$x = 2$-> <+$x = \\val[2]{t.b}$+> here."


def test_a_value_with_a_power_went_with_its_power():
    text = "So it is []{val=t.a:.1g} here."
    assert shown(text, text, ({"a": 200000}, {"a": 3})).startswith("So it is <-2\u00a0\N{MULTIPLICATION SIGN}\u00a010^5^->")


def test_what_went_names_nothing_and_binds_nothing():
    old = 'Kept as it is.\n\nGone: [1]{val=t.a} as [so]{claim="t.a > 0"}, see [it](x.html) and @old2001, and @kept1999.\n'
    told = shown(old, "Kept as it is.\n\nBy @kept1999.\n", ({"a": 1}, {"a": 1}))
    assert "<-Gone: 1 as so, see it and \\@old2001, and @kept1999.->" in told


def test_a_paragraph_that_moved_went_there_and_came_here():
    first, second, third = "One two three four five six seven.", "Eight nine ten eleven twelve.", "All of it stays as it is."
    told = shown(f"{first}\n\n{second}\n\n{third}\n", f"{second}\n\n{third}\n\n{first}\n")
    assert told.split() == f"<-{first}-> {second} {third} <+{first}+>".split()


def test_a_figure_that_changed_says_so_in_its_caption():
    text = "![A bar.](a.svg){#fig:a}\n"
    assert shown(text, text, changed=("fig:a",)) == "![<+(changed)+> A bar.](a.svg){#fig:a}\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("2", "3", 0.5),
        ("-14", "-11", 3 / 14),
        ("0.91 ± 0.02", "0.90 ± 0.03", -0.01 / 0.91),
        ("0", "1", None),
        ("red", "blue", None),
        ("2025-01-02", "2026-01-02", None),
        ("1,000 ms", "900 ms", -0.1),
        ("8C4F", "9C", None),
    ],
)
def test_a_relative_change_is_one_of_numbers(old, new, expected):
    assert relative(old, new) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("share", "text"), [(0.5, "+50.0 %"), (-0.0044, "\N{MINUS SIGN}0.44 %"), (2.5, "+250 %"), (0.000001, "+<0.01 %"), (0, ""), (None, "")]
)  # fmt: skip
def test_a_relative_change_is_said_with_as_many_digits_as_tell_something(share, text):
    assert percent(share) == text


def test_what_stayed_is_cut_down_to_what_is_near_a_change():
    pieces = excerpt((Piece("a " * 100), Piece(" red", "gone"), Piece(" b" * 100)), 10)
    assert [piece.text for piece in pieces] == ["… a a a a ", " red", " b b b b …"]


def grid(*rows):
    return Grid(("model", "n", "acc"), tuple(tuple(GridCell(text) for text in row) for row in rows))


def tables(old, new):
    text = "![T](t.csv){#tbl:t}\n"
    sides = (Side(edition(text, grids={"tbl:t": one}), {}) for one in (old, new))
    return exhibit_changes(*sides, lambda _: None)[0]


def test_cells_are_found_by_what_their_rows_are_called_wherever_these_stand():
    (change,) = tables(grid(("a", "1", "0.5"), ("b", "2", "0.6")), grid(("b", "2", "0.7"), ("a", "1", "0.5"), ("c", "3", "0.1")))
    assert [(cell.row, cell.column, cell.old, cell.new) for cell in change.cells] == [("b", "acc", "0.6", "0.7")]
    assert (change.rows_new, change.rows_gone) == (("c",), ())
    assert tables(grid(("a", "1", "0.5")), grid(("a", "1", "0.5"))) == ()


def test_rows_that_are_called_the_same_are_told_apart_by_their_turn():
    (change,) = tables(grid(("a", "1", "0.5"), ("a", "2", "0.6")), grid(("a", "1", "0.5"), ("a", "2", "0.9")))
    assert [(cell.row, cell.column, cell.new) for cell in change.cells] == [("a (no. 2)", "acc", "0.9")]


def test_a_summary_fits_into_what_github_takes_however_much_changed_and_counts_the_rest():
    place = Place("paper.md", 1, "S")
    prose = tuple(ProseChange("new", place, (Piece("word @someone #1 <b> " * 90, "new"),)) for _ in range(400))
    changes = Changes(Revision("HEAD", "a" * 40), Revision("the work tree"), (PaperChange("paper", prose=prose),), ())
    text = summary(changes)
    assert 50_000 < len(text) < LIMIT
    assert "more: `paperbuild diff` shows all." in text
    assert text.count("<details>") == text.count("</details>")
    assert "@someone" not in text
    assert "#1" not in text
    assert "<b>" not in text


def test_editions_that_are_the_same_have_no_changes():
    text = '---\ntitle: T\n---\n\nSo [1]{val=t.a} and [yes]{claim="t.a > 0"}.\n'
    sides = edition(text, {"a": 1}), edition(text.replace("[1]", "[2]"), {"a": 1})
    found = aligned(*sides)
    assert list(prose_changes(*sides, found)) == []
    assert reference_changes(*sides, found) == ((), ())


SAID = ["red", "blue", "the", "of", "seen", "*fine*", "**so", "it**", "[@a]", "@b", "`code`", "$x$", "end.", "A,"]
SAID += ["[2]{val=t.a}", '[is]{claim="t.a > 0"}', "[to](x.html)"]
LEADS = ["", "", "", "# ", "- ", "1. ", "> ", "$$ a = b $$ {#eq:x} "]
passage = st.builds(
    lambda lead, said: lead + " ".join(said), st.sampled_from(LEADS), st.lists(st.sampled_from(SAID), min_size=1, max_size=9)
)
text = st.lists(passage, min_size=1, max_size=6).map("\n\n".join)


@given(text, text)
def test_without_what_is_marked_as_gone_the_marked_source_is_the_new_one(old, new):
    told = re.sub(r"<-.*?->", "", shown(old, new, ({"a": 1}, {"a": 2})), flags=re.DOTALL)
    assert bare(re.sub(r"<\+|\+>", "", told)) == bare(new)


def bare(source):
    """Return a source without white space, and without items that nothing is left of."""
    return re.sub(r"\s+", "", re.sub(r"^(?:- |1\. |> )\s*$", "", source, flags=re.MULTILINE))
