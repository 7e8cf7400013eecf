"""Title block: affiliations in the order in which authors name them, short running headers."""

from __future__ import annotations

from paperbuild.render.byline import byline
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
