"""JATS, parsed: structure, labels, and that every reference inside leads somewhere."""

from xml.etree import ElementTree as ET

import pytest

from .project import FILES, render

XLINK = "{http://www.w3.org/1999/xlink}"
MATH = "{http://www.w3.org/1998/Math/MathML}math"


def article(runner, *arguments, **options):
    return ET.fromstring(render(runner, "jats", *arguments, **options).outputs["jats"])


@pytest.fixture(scope="module")
def made(runner):
    return render(runner, "jats").outputs


@pytest.fixture(scope="module")
def root(made):
    return ET.fromstring(made["jats"])


def words(element):
    return " ".join("".join(element.itertext()).split())


def test_an_article_has_its_parts_in_order(root):
    assert root.tag == "article"
    assert [child.tag for child in root] == ["front", "body", "back"]
    assert [child.tag for child in root.find("back")] == ["app-group", "fn-group", "ref-list"]


def test_the_front_says_who_wrote_what_when(root):
    meta = root.find("front/article-meta")
    assert words(meta.find("title-group/article-title")) == "Numbers & their placesA note on the title."
    authors = [(c.findtext("name/surname"), c.findtext("name/given-names")) for c in meta.findall("contrib-group/contrib")]
    assert authors == [("Lovelace", "Ada"), ("Ćwik", "Łukasz")]
    assert meta.findtext("contrib-group/contrib/contrib-id") == "https://orcid.org/0000-0002-1825-0097"
    places = {aff.get("id"): words(aff) for aff in meta.findall("aff")}
    rids = [x.get("rid") for x in meta.findall("contrib-group/contrib")[0].findall("xref")]
    assert [places[rid] for rid in rids] == ["Engine Laboratory", "Institute for A & B"]
    assert [meta.findtext(f"pub-date/{part}") for part in ("year", "month", "day")] == ["2026", "11", "01"]
    assert [word.text for word in meta.findall("kwd-group/kwd")] == ["one & two", "three"]
    assert "100 %" in words(meta.find("abstract"))


@pytest.mark.parametrize(("date", "iso"), [("2026", "2026"), ("March 2026", "2026-03"), ("3 March 2026", "2026-03-03"), ("soon", None)])
def test_a_date_says_no_more_than_the_paper(runner, date, iso):
    found = article(runner, f"---\ntitle: T\ndate: {date}\n---\n\nWords.\n").find("front/article-meta/pub-date")
    assert (None if found is None else found.get("iso-8601-date")) == iso


def test_labels_are_the_numbers_of_every_format(root):
    for path, label in (
        ("body//sec[title='First']/label", "1"),
        ("body//sec[title='More']/label", "1.1"),
        ("back//app/label", "Appendix A"),
        ("body//fig-group/label", "Figure 2"),
        ("body//table-wrap/label", "Table 1"),
        ("body//statement/label", "Theorem 1"),
    ):
        assert root.find(path).text.replace("\u00a0", " ") == label
    assert [words(label) for label in root.findall("body//disp-formula/label")] == ["(1)", "(2), (3)"]
    assert [words(label).replace("\u00a0", " ") for label in root.findall("body//fig/label")] == ["Figure 1", "(a)", "(b)"]


def test_every_reference_inside_leads_to_an_element_and_every_id_is_its_own(root):
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert {xref.get("rid") for xref in root.iter("xref")} <= set(ids)
    assert {xref.get("ref-type") for xref in root.findall("body//xref")} >= {"fig", "table", "disp-formula", "sec", "statement", "fn"}


def test_pictures_lie_beside_the_article(made, root):
    named = {graphic.get(f"{XLINK}href") for graphic in root.iter("graphic")}
    assert named == {f"paper-media/{name}" for name in made["figures"]} == {f"paper-media/{n}.svg" for n in ("roc-curve", "one", "two")}


def test_formulas_are_tex_and_mathml(root):
    formulas = list(root.iter("disp-formula")) + list(root.iter("inline-formula"))
    assert len(formulas) == 6
    assert all(formula.find(f"alternatives/{MATH}") is not None and formula.findtext("alternatives/tex-math") for formula in formulas)


def test_notes_are_not_lost(root):
    text = words(root)
    for note in ("A note on the title.", "A footnote with", "In a caption."):
        assert note in text
    assert root.find("body//fig/caption/p/fn/p").text == "In a caption."


def test_references_stand_in_the_back_with_their_title(root):
    assert root.findtext("back/ref-list/title") == "References"
    assert "The TeXbook" in words(root.find("back/ref-list/ref[@id='ref-knuth1984']/mixed-citation"))


def test_what_an_author_writes_is_never_taken_for_markup(runner):
    picture = "![a < b](figures/one.svg){#fig:q alt='x < \"y\"'}"
    text = f"---\ntitle: 'A < B & C'\nauthor: 'X \\<y\\> & Z'\n---\n\n# D < E {{#sec:x}}\n\n`</sec>` &\n\n{picture}\n"
    found = article(runner, text, FILES)
    assert words(found.find("front/article-meta/title-group/article-title")) == "A < B & C"
    assert sorted(" ".join(found.find("front/article-meta/contrib-group").itertext()).split()) == ["&", "<y>", "X", "Z"]
    assert found.find("body/sec/title").text == "D < E"


def test_notes_of_a_table_are_its_foot(runner):
    text = "---\ntitle: T\n---\n\n| A | B |\n|---|---|\n| a | b |\n\n: T. {#tbl:t}\n\n::: table-notes\nBeware.\n:::\n"
    assert words(article(runner, text).find("body/table-wrap/table-wrap-foot/p")) == "Beware."
