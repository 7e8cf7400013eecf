"""Title block: affiliations in the order in which authors name them, short running headers."""

from __future__ import annotations

import pytest

from paperbuild.render.byline import Note, byline, split_name
from paperbuild.render.parts import Affiliation, Author, Parts


def paper(*authors: Author, title: str = "A title", places: tuple[Affiliation, ...] = ()) -> Parts:
    return Parts("html", title, title, "", authors=authors, affiliations=places)


def test_affiliations_are_numbered_in_the_order_in_which_authors_name_them() -> None:
    who = byline(
        paper(
            Author("A", "A", ("second", "first")),
            Author("B", "B", ("third",)),
            places=(Affiliation("first", "F"), Affiliation("second", "S"), Affiliation("third", "T")),
        )
    )
    assert [place.name for place in who.places] == ["S", "F", "T"]
    assert [writer.marks for writer in who.writers] == [(1, 2), (3,)]


def test_an_only_affiliation_needs_no_numbers() -> None:
    who = byline(paper(Author("A", "A", ("x",)), places=(Affiliation("x", "X"),)))
    assert who.writers[0].marks == ()


def test_an_affiliation_that_nobody_declared_gets_no_number() -> None:
    who = byline(paper(Author("A", "A", ("x", "nowhere")), places=(Affiliation("x", "X"), Affiliation("y", "Y"))))
    assert who.writers[0].marks == (1,)
    assert [place.name for place in who.places] == ["X", "Y"]


def test_running_authors_are_both_of_two_and_the_first_of_more() -> None:
    one, two, three = (Author(name, name) for name in ("Ada", "Kurt", "Grace"))
    assert byline(paper()).running_authors == ""
    assert byline(paper(one, two)).running_authors == "Ada and Kurt"
    assert byline(paper(one, two, three)).running_authors == "Ada et al."


def test_a_long_title_runs_as_what_stands_before_its_colon_else_cut_between_words() -> None:
    assert byline(paper(title="A short one")).running_title == "A short one"
    assert byline(paper(title="Literate experiments: " + "word " * 20)).running_title == "Literate experiments"
    cut = byline(paper(title="word " * 40)).running_title
    assert cut.endswith("word…")
    assert len(cut) <= 69


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Lovelace", ("Ada", "Lovelace", "")),
        ("Ludwig van Beethoven", ("Ludwig", "van Beethoven", "")),
        ("Johannes Diderik van der Waals", ("Johannes Diderik", "van der Waals", "")),
        ("Lovelace, Ada King", ("Ada King", "Lovelace", "")),
        ("Martin Luther King Jr.", ("Martin Luther", "King", "Jr.")),
        ("King, Jr., Martin Luther", ("Martin Luther", "King", "Jr.")),
        ("Martin Luther King, Jr.", ("Martin Luther", "King", "Jr.")),
        ("Plato", ("", "Plato", "")),
        ("王小明", ("", "王小明", "")),
        ("", ("", "", "")),
    ],
)
def test_a_name_in_one_piece_has_the_parts_that_bibtex_would_see(name: str, parts: tuple[str, str, str]) -> None:
    assert split_name(name) == parts


def test_equal_notes_share_a_mark_and_an_own_symbol_is_taken_for_it() -> None:
    who = byline(
        paper(
            Author("A", "A", note="Now elsewhere."),
            Author("B", "B", note="Now elsewhere.", deceased=True),
            Author("C", "C", note="On leave.", symbol="§"),
        )
    )
    assert who.notes == (Note("a", "Now elsewhere."), Note("‡", "Deceased."), Note("§", "On leave."))
    assert [writer.signs for writer in who.writers] == [("a",), ("‡", "a"), ("§",)]
