"""What is written for a page alone, on real pandoc: what keeps a line together, where it may break, what is said to those who listen."""

import html
import re

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Library, Request


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


@pytest.fixture
def body(worker):
    return lambda text: worker.write(Request(text, "html", lang="en", number_sections=True)).body


def joined(html):
    """What is kept on the line of a formula: its text, with M in the formula's place."""
    short = re.sub(r"<math.*?</math>", "M", html)
    return [re.sub("<[^>]+>", "", found) for found in re.findall(r'<span class="joined">(.*?)</span>', short)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("alone $x$ here", []),
        ("ends $x$.", ["M."]),
        ("($x$) and the $n$th", ["(M)", "Mth"]),
        ("a non-$x$-like", ["M-"]),
        ("a $x$-dimensional", ["M-"]),
        ("from $x$/$y$ on", ["M/"]),
        ("noted $x$.[^1]\n\n[^1]: N.", ["M.1"]),
        ("$a$$b$", ["MM"]),
        ("$$x$$", []),
    ],
)
def test_what_touches_a_formula_stays_on_its_line_up_to_the_next_hyphen(body, text, kept):
    assert joined(body(text)) == kept


def test_nothing_is_lost_around_formulas(body):
    text = re.sub(r"<math.*?</math>", "M", body("A (semi-$x$-like) $n$th; $x$/$y$ [$z$](#a) *$w$*, “$v$”. {#a}"))
    assert re.sub("<[^>]+>", "", text).split() == ["A", "(semi-M-like)", "Mth;", "M/M", "M", "M,", "“M”.", "{#a}"]


def test_an_address_that_is_shown_breaks_after_its_slashes_and_still_leads_there(body):
    html = body("<https://a.org/b/c?d=1&e=2> and [words](https://a.org/b/c)")
    assert '<a href="https://a.org/b/c?d=1&amp;e=2" class="uri">https://a.org/<wbr>b/' in html
    assert "<wbr>c<wbr>?d=1<wbr>&amp;e=2</a>" in html
    assert ">words</a>" in html


def test_long_names_in_code_break_after_their_parts_and_short_ones_do_not(body):
    assert "<wbr>" not in body("`short_name`")
    html = body("`a_long_name_of_a_function(<x>)`")
    assert "a_<wbr>long_<wbr>name" in html
    assert html.replace("<wbr>", "") == "<p><code>a_long_name_of_a_function(&lt;x&gt;)</code></p>"
    assert '<code class="x">' in body("`a_long_name_of_a_function()`{.x}")


def test_headings_of_columns_and_of_rows_have_a_scope(body):
    html = body("| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert re.findall(r"<th( [^>]*)?>(\w)", html) == [(' scope="col"', "a"), (' scope="col"', "b")]


def test_notes_do_not_take_the_id_of_a_heading(body):
    html = body("# Footnotes\n\nText.[^1]\n\n[^1]: N.\n")
    assert re.findall(r'<(\w+)[^>]* id="footnotes"', html) == ["h1"]
    assert 'role="doc-endnotes"' in html


def test_an_image_without_words_is_passed_over_and_one_with_words_is_read(body):
    html = body("Here ![](a.png) and ![Words](b.png).")
    assert re.findall(r'alt="([^"]*)"', html) == ["", "Words"]


def test_a_paragraph_with_a_long_word_is_told_from_others(body):
    assert '<span class="long-word">Supercalifragilisticexpialidocious,</span>' in body("A Supercalifragilisticexpialidocious, it is.")
    assert "long-word" not in body("A state-of-the-art/everything-everywhere name, *ordinary* words and https://example.org/0123456789.")


def anchors(html):
    """What links to itself: the words of each link, formulas as M, and where it leads."""
    short = re.sub(r"<math.*?</math>", "M", html)
    found = re.findall(r'<a href="#([^"]*)" class="anchor">(.*?)</a>', short)
    return [(re.sub("<[^>]+>", "", words), id_) for id_, words in found]


def test_what_names_a_thing_links_to_it(body):
    html = body(
        "# Method $x$ {#sec:m}\n\n![Cap.](a.png){#fig:a}\n\n$$ a $$ {#eq:r}\n\n"
        "::: {.theorem #thm:t title='Name'}\nWords.\n:::\n\n| a |\n|---|\n| 1 |\n\n: Numbers. {#tbl:n}\n"
    )
    assert anchors(html) == [
        ("1 Method M", "sec:m"),
        ("Figure 1.", "fig:a"),
        ("(1)", "eq:r"),
        ("Theorem 1 (Name).", "thm:t"),
        ("Table 1.", "tbl:n"),
    ]
    assert all(f'id="{id_}"' in html for _, id_ in anchors(html))


def test_what_has_a_number_but_no_id_gets_one_that_is_free(body):
    html = body("![Cap.](a.png)\n\n# Figure 2\n\n![Other.](b.png)\n\n\\begin{equation} a \\end{equation}\n")
    assert [id_ for _, id_ in anchors(html)] == ["figure-1", "figure-2", "figure-2-bis", "equation-1"]


def test_a_link_in_a_heading_stays_one_and_stands_in_no_other(body):
    html = body("# See [this](https://a.org) now {#s}\n\n# [All](https://a.org) of it {#t .unnumbered}\n\n# Noted[^1] {#u}\n\n[^1]: N.\n")
    assert anchors(html) == [("1 See", "s"), ("2 Noted", "u")]
    assert html.count('href="https://a.org"') == 2


def test_parts_of_a_figure_without_ids_get_none(body):
    html = body("::: {#fig:two}\n![One.](a.png)\n\n![Two.](b.png)\n\nBoth.\n:::\n")
    assert anchors(html) == [("Figure 1.", "fig:two")]


LIBRARY = Library(
    "biblatex",
    "@article{knuth1984, author={Knuth, Donald E.}, title={{Less < more}}, journaltitle={The Computer Journal}, "
    "date={1984}, pages={97--111}, doi={10.1093/comjnl/27.2.97}}\n@book{other, author={O}, title={Never cited}, date={2001}}",
)


def test_the_cited_references_stand_below_their_list_as_bibtex(worker):
    written = worker.write(Request("As @knuth1984 says.\n", "html", bibliography=(LIBRARY,), lang="en"))
    found = re.findall(r'<code data-key="([^"]*)">(.*?)</code>', written.body, re.DOTALL)
    assert [key for key, _ in found] == ["knuth1984"]
    text = html.unescape(found[0][1])
    assert text.startswith("@article{knuth1984,\n  author = {Knuth, Donald E.},\n")
    for line in ("title = {{{Less} \\textless{} more}}", "pages = {97--111}", "doi = {10.1093/comjnl/27.2.97}"):
        assert f"  {line}" in text
    assert written.body.index('id="refs"') < written.body.index('<details class="bibtex references-bibtex">')
    assert "bibtex" not in worker.write(Request("As @knuth1984 says.\n", "typst", bibliography=(LIBRARY,), lang="en")).body


def test_a_paper_that_cites_nothing_has_no_bibtex(body):
    assert "bibtex" not in body("Words.\n")


@pytest.mark.parametrize(
    "front",
    [
        "doi: https://doi.org/10.1/x\njournal: J\nvolume: 3\npages: 1-2",
        "citation:\n  doi: 10.1/x\n  container-title: J\n  volume: 3\n  page: 1-2",
        "DOI: 'doi:10.1/x'\njournal:\n  title: J\nvolume: '3'\npages: 1-2",
    ],
)
def test_where_a_paper_appeared_is_read_in_the_ways_that_papers_say_it(worker, front):
    found = worker.write(Request(f"---\n{front}\n---\n\nWords.\n", "html", lang="en")).publication
    assert (found.doi, found.journal, found.volume, found.pages) == ("10.1/x", "J", "3", "1-2")
