"""How search engines and reference managers know a paper."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from paperbuild.render.parts import Affiliation, Author, Parts, Publication
from paperbuild.render.scholarly import date_parts, head_tags, linked_data, own_bibtex

ADA = Author("Ada", "Ada Lovelace", ("1", "2"), "0000-0002-1825-0097", "ada@example.org", given="Ada", family="Lovelace")
JAN = Author("Jan", "Jan van der Berg Jr.", ("2",), given="Jan", family="van der Berg", suffix="Jr.")
PLACES = (Affiliation("1", "Engine Lab", "Engine Lab"), Affiliation("2", "Society & Co", "Society & Co", ror="05xpvk416"))
PAPER = Parts(
    format="html",
    title="On <em>engines</em>",
    plain_title="On the 50 % of engines_x & more",
    body="",
    authors=(ADA, JAN),
    affiliations=PLACES,
    keywords=("engines", "tables"),
    published=(2026, 11, 2),
    plain_description="What it says",
    publication=Publication("10.1/a_b", "Journal of Engines", "3", "4", "12–34", "Press", "https://example.org/p"),  # noqa: RUF001
)


@pytest.mark.parametrize(
    ("date", "parts"),
    [
        ("2026-11-02", (2026, 11, 2)),
        ("2 November 2026", (2026, 11, 2)),
        ("November 2026", (2026, 11)),
        ("2026", (2026,)),
        ("soon", ()),
        ("", ()),
    ],
)
def test_a_date_names_as_much_as_it_says(date: str, parts: tuple[int, ...]) -> None:
    assert date_parts(date) == parts


def test_the_papers_own_bibtex_has_all_that_is_known_and_escapes_what_tex_would_read() -> None:
    assert own_bibtex(PAPER) == (
        "@article{lovelace202650,\n"
        "  title = {{On the 50 \\% of engines\\_x \\& more}},\n"
        "  author = {Lovelace, Ada and van der Berg, Jr., Jan},\n"
        "  journal = {Journal of Engines},\n"
        "  year = {2026},\n"
        "  month = {11},\n"
        "  volume = {3},\n"
        "  number = {4},\n"
        "  pages = {12--34},\n"
        "  publisher = {Press},\n"
        "  doi = {10.1/a_b},\n"
        "  url = {https://example.org/p}\n"
        "}"
    )


def test_a_paper_without_a_journal_is_miscellaneous_and_a_group_is_no_person() -> None:
    group = Author("x", "The Example Collaboration", given="The Example", family="Collaboration")
    paper = replace(PAPER, authors=(group,), plain_title="A title", publication=Publication(), published=(2026,))
    assert own_bibtex(paper) == (
        "@misc{example2026title,\n  title = {{A title}},\n  author = {{The Example Collaboration}},\n  year = {2026}\n}"
    )
    assert linked_data(paper)["author"][0]["@type"] == "Organization"


def test_what_nobody_wrote_and_nobody_named_is_not_cited() -> None:
    assert own_bibtex(replace(PAPER, title="", authors=())) == ""


@pytest.mark.parametrize(("family", "key"), [("Ünsal", "unsal2026example"), ("王", "2026example"), ("O’Neil", "oneil2026example")])  # noqa: RUF001
def test_a_key_is_plain_ascii(family: str, key: str) -> None:
    author = Author(family, family, given="A.", family=family)
    assert own_bibtex(replace(PAPER, authors=(author,), plain_title="The Example", published=(2026,))).startswith(f"@article{{{key},")


def test_each_author_is_followed_by_the_facts_of_the_author_and_empty_ones_are_left_out() -> None:
    tags = [(tag.name, tag.content) for tag in head_tags(PAPER)]
    at = tags.index(("citation_author", "Ada Lovelace"))
    assert tags[at + 1 : at + 7] == [
        ("citation_author_institution", "Engine Lab"),
        ("citation_author_institution", "Society & Co"),
        ("citation_author_orcid", "https://orcid.org/0000-0002-1825-0097"),
        ("citation_author_email", "ada@example.org"),
        ("citation_author", "Jan van der Berg Jr."),
        ("citation_author_institution", "Society & Co"),
    ]
    facts = dict(tags)
    assert facts["citation_publication_date"] == "2026/11/02"
    assert (facts["citation_firstpage"], facts["citation_lastpage"]) == ("12", "34")
    assert facts["citation_doi"] == "10.1/a_b"
    assert facts["og:type"] == "article"
    bare = Parts(format="html", title="T", plain_title="T", body="")
    assert {tag.name for tag in head_tags(bare)} == {"citation_title", "citation_language", "og:type", "og:title"}


def test_linked_data_says_who_where_and_when() -> None:
    found = linked_data(PAPER)
    assert found["@type"] == "ScholarlyArticle"
    assert found["datePublished"] == "2026-11-02"
    assert found["identifier"] == "https://doi.org/10.1/a_b"
    assert found["author"][0] == {
        "@type": "Person",
        "@id": "https://orcid.org/0000-0002-1825-0097",
        "name": "Ada Lovelace",
        "givenName": "Ada",
        "familyName": "Lovelace",
        "affiliation": [
            {"@type": "Organization", "name": "Engine Lab"},
            {"@type": "Organization", "@id": "https://ror.org/05xpvk416", "name": "Society & Co"},
        ],
    }
