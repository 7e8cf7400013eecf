"""The pandoc worker on real pandoc: what it finds, what it writes, and that it dies with whoever started it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperbuild.errors import BuildError
from paperbuild.paper import positions
from paperbuild.paper.formats import Piece
from paperbuild.paper.source import scan
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import BoundCell, BoundGroup, BoundImage, BoundTable, BoundValue, Library, Request


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


def words(text):
    return BoundValue((Piece("text", text),), text)


def body(worker, text, target="html", **more):
    return worker.write(Request(text, target, **{"lang": "en", "number_sections": True, **more}))


def cell(text, **more):
    return BoundCell((Piece("text", text),), **more)


def small_table(*row):
    head = tuple(map(cell, "AB"[: len(row)]))
    return BoundTable(("left", "right")[: len(row)], head=(head,), groups=(BoundGroup((tuple(map(cell, row)),)),))


def kinds(written):
    return [(problem.kind, problem.text) for problem in written.problems]


def test_references_are_reported_in_the_order_in_which_they_are_answered(worker):
    text = (
        "---\ntitle: '[1]{val=a.t}'\n---\n\n# H [2]{val=a.h} {#sec:h}\n\n"
        "P [3]{val=a.p} $\\val[4]{a.m:.1\\%}$ [is]{claim='a.x > 1'}.[^n]\n\n[^n]: N [5]{val=a.n}\n\n![C [6]{val=a.c}](f.svg)\n"
    )
    found = worker.scan(text)
    assert [(mark.kind, mark.text, mark.literal, mark.where) for mark in found.references] == [
        ("value", "a.t", "1", "meta"),
        ("value", "a.h", "2", "body"),
        ("value", "a.p", "3", "body"),
        ("math-value", "a.m:.1\\%", "4", "body"),
        ("claim", "a.x > 1", "is", "body"),
        ("value", "a.n", "5", "body"),
        ("value", "a.c", "6", "body"),
    ]
    values = tuple(words(f"V{n}") for n in range(7))
    written = body(worker, text, values=values, images=(BoundImage("path", src="data:x"),))
    assert written.title == "V0"
    for n in (1, 2, 5, 6):
        assert f"V{n}" in written.body
    assert "a.p" not in written.body


def test_a_tagged_copy_surfaces_where_its_source_does(worker):
    text = (
        "A [1]{val=a.b} $\\val{c.d}$ `[2]{val=e.f}` ![9](f.svg){val=g.h} [x]{claim='a.b>1'}\n\n| [3]{val=i.j} | b |\n|--|--|\n| 1 | 2 |\n"
    )
    lexical = scan(text)
    tagged = positions.tag(lexical)
    match = positions.match(tagged, worker.scan(tagged.text, tagged.words).surfaced(), worker.scan(text).surfaced())
    assert match.exact
    assert [place.text for place in match.places] == ["a.b", "c.d", "a.b>1", "i.j"]
    assert [(lost.text, on) for lost, on in match.lost] == [("g.h", "Image")]


def test_macros_are_expanded_before_values_are_looked_for(worker):
    text = "\\newcommand{\\acc}{\\val{train.acc:.1\\%}}\n\n$p = \\acc$\n"
    assert [mark.text for mark in worker.scan(text).references] == ["train.acc:.1\\%"]


def test_values_carry_their_place_in_the_provenance_in_pages_alone(worker):
    text = "[9]{val=a.b} and $x=\\val{a.c}$\n"
    values = (BoundValue((Piece("text", "1.2e"), Piece("superscript", "3")), "x", 0), BoundValue((), "0.5", 1))
    page = body(worker, text, values=values).body
    assert '<span class="pb-value" data-pb="0">1.2e<sup>3</sup></span>' in page
    assert '<span class="pb-value" data-pb="1"><math alttext="x={0.5}"' in page
    assert body(worker, text, "typst", values=values).body == '1.2e#super[3] and #mq("x equals 0.5", $x = 0.5$);'


def test_a_data_table_takes_the_place_of_its_image_with_caption_and_id(worker):
    text = '![Scores](s.csv){#tbl:s columns="a"}\n\nSee @tbl:s.\n'
    table = BoundImage("table", table=small_table("x_1", "2"), provenance=3)
    page = body(worker, text, images=(table,))
    assert '<figure id="tbl:s" class="table" data-pb="3">' in page.body
    assert '<table class="data">' in page.body
    assert '<span class="caption-label"><a href="#tbl:s" class="anchor">Table 1.</a></span> Scores' in page.body
    assert '<td style="text-align: right;">2</td>' in page.body
    assert page.labels == {"1": "Table 1"}
    assert '"x_1", "2",' in body(worker, text, "typst", images=(table,)).body


def test_a_table_in_running_text_is_a_problem(worker):
    table = BoundImage("table", table=small_table("1"))
    assert kinds(body(worker, "Text ![S](s.csv) text.\n", images=(table,))) == [("inline-table", "s.csv")]


def test_a_name_at_the_end_of_a_sentence_names_no_reference_of_the_next(worker):
    text = "$$ x $$ {#eq:e}\n\nIn Equation @eq:e, eq. @eq:e. In the next chapter. @eq:e says so. No equation. @eq:e is one.\n"
    said = re.sub(r"<[^>]+>", "", body(worker, text).body).replace("\u00a0", " ")
    assert "In Equation (1), eq. (1). In the next chapter. Equation (1) says so. No equation. Equation (1) is one." in said


CROSS = """
# One {#sec:one}

See @fig:a, @Fig:b, [-@fig:a], [@fig:a; @fig:b], Figure @fig:a, [see @tbl:t, left], @eq:e, @thm:t, @fig:s-b, @sec:app
and \\autoref{lab}, \\ref{eq:l}, \\eqref{eq:l}.

![A](a.svg){#fig:a}

![B \\label{lab}](b.svg){#fig:b}

$$ x $$ {#eq:e}

\\begin{equation}\\label{eq:l}
y
\\end{equation}

| a | b |
|---|---|
| 1 | 2 |

: T {#tbl:t}

::: {.theorem #thm:t title="Name"}
Body.
:::

::: {#fig:s}
![P](a.svg){#fig:s-a width=48%} ![Q](b.svg){#fig:s-b width=48%}

Both.
:::

# Extra {#sec:app .appendix}
"""


def test_cross_references_say_what_they_mean(worker):
    written = body(worker, CROSS, images=(BoundImage("path", src="i"),) * 4)
    assert kinds(written) == []
    start = written.body.index("<p>See")
    paragraph = written.body[start : written.body.index("</p>", start)]
    plain = " ".join("".join(part.partition(">")[2] for part in paragraph.split("<")).split())
    assert plain == (
        "See Figure 1, Figure 2, 1, Figures 1 and 2, Figure 1, see Table 1, left, Equation (1), Theorem 1, Figure 3b, Appendix A "
        "and Figure 2, 2, (2)."
    )
    assert [(h.number, h.id) for h in written.outline] == [("1", "sec:one"), ("A", "sec:app")]


def test_titles_of_theorems_and_proofs_are_text_like_any_other(worker):
    text = '::: {.lemma #lem:a title="Of $x$ and *y*"}\nBody.\n:::\n\n::: {.proof title="Proof of @lem:a"}\nDone.\n:::\n\n[](#lem:a)\n'
    typst = body(worker, text, "typst").body
    assert 'title: [Of #mq("x", $x$); and #emph[y]]' in typst
    assert "#proof(title: [Proof of #link(<lem:a>)[Lemma~1];])" in typst
    page = body(worker, text).body
    assert '<span class="theorem-label"><a href="#lem:a" class="anchor">Lemma 1 (Of <math' in page
    assert page.count("Lemma\u00a01</a>") == 2


def test_numbers_in_typst_are_told_and_not_counted(worker):
    written = body(worker, CROSS, "typst", images=(BoundImage("path", src="i"),) * 4).body
    assert "#link(<fig:a>)[Figure~1];" in written
    assert 'supplement: [Figure], numbering: fixed("1"), kind: image, caption: [A]) <fig:a>' in written
    assert "#link(<eq:e>)[Equation~(1)];" in written
    assert "number: [2]) <eq:l>" in written
    assert 'id: "fig:s-b", number: "b"' in written
    assert '#start-appendix([Appendix])\n#heading(level: 1, numbering: fixed("A"), supplement: [Appendix])[Extra] <sec:app>' in written


def test_what_leads_nowhere_is_a_problem_and_no_hole(worker):
    text = "# A {#sec:a}\n\n# B {#sec:a}\n\n@fig:none and [dead](#nowhere) and [@nobody2020].\n"
    assert sorted(kinds(body(worker, text, "typst"))) == [
        ("dangling-link", "nowhere"),
        ("duplicate-id", "sec:a"),
        ("unknown-citation", "nobody2020"),
        ("unresolved", "fig:none"),
    ]


BIB = Library("biblatex", "@book{knuth1984, author={Knuth, Donald E.}, title={The {TeX}book}, year={1984}, publisher={AW}}")
NUMERIC = """<?xml version="1.0"?><style xmlns="http://purl.org/net/xbiblio/csl" class="in-text" version="1.0">
<info><title>n</title><id>n</id><updated>2020-01-01T00:00:00+00:00</updated></info>
<citation><layout prefix="[" suffix="]"><text variable="citation-number"/></layout></citation>
<bibliography second-field-align="flush"><layout><text variable="citation-number" suffix="."/><text variable="title"/></layout>
</bibliography></style>"""


def test_citations_need_no_file(worker):
    page = body(worker, "As in [@knuth1984, p. 9].\n\n# References\n", bibliography=(BIB,)).body
    assert '(<a href="#ref-knuth1984" role="doc-biblioref">Knuth 1984, 9</a>)' in page
    assert page.count("References") == 1
    assert '<h1 class="unnumbered"' in page


def test_a_style_travels_with_the_request_and_does_not_stay(worker):
    text = "[@knuth1984]\n"
    assert "[<a" in body(worker, text, bibliography=(BIB,), csl=NUMERIC).body
    assert "#entry(margin: [\\1.])" in body(worker, text, "typst", bibliography=(BIB,), csl=NUMERIC).body
    assert "Knuth 1984" in body(worker, text, bibliography=(BIB,)).body


def test_raw_tex_is_read_and_not_dropped(worker):
    figure = "\\begin{figure}\n\\includegraphics{f.png}\n\\caption{Cap}\\label{fig:f}\n\\end{figure}"
    text = f"A \\textbf{{bold}}\\footnote{{A note.}} word.\n\n{figure}\n\n\\autoref{{fig:f}}\n"
    assert [image.path for image in worker.scan(text).images] == ["f.png"]
    page = body(worker, text, images=(BoundImage("path", src="data:y"),)).body
    assert "<strong>bold</strong>" in page
    assert "A note." in page
    assert '<figure id="fig:f">' in page
    assert "Figure\u00a01</a>" in page


def test_a_paper_cannot_make_pandoc_read_a_file(worker, tmp_path):
    secret = tmp_path / "secret.tex"
    secret.write_text("TOPSECRET")
    text = f"\\input{{{secret}}}\n\n\\include{{{secret}}}\n\n\\begin{{figure}}\\input{{{secret}}}\\end{{figure}}\n\n![x]({secret})\n"
    assert "TOPSECRET" not in body(worker, text, images=(BoundImage("path", src="z"),)).body


def test_a_title_that_stands_only_as_first_heading_is_the_title(worker):
    written = body(worker, "# The title\n\nText.\n\n## One\n\n## Two\n")
    assert written.plain_title == "The title"
    assert [(h.level, h.number, h.text) for h in written.outline] == [(1, "1", "One"), (1, "2", "Two")]


def test_a_call_of_typst_never_swallows_the_text_behind_it(worker):
    assert body(worker, "$x$(y) and $x$[z]{.q} and $a$.b\n", "typst").body.count(");") == 3


def test_equal_requests_have_equal_answers(worker):
    assert body(worker, CROSS, images=(BoundImage("path", src="i"),) * 4) == body(worker, CROSS, images=(BoundImage("path", src="i"),) * 4)


def test_many_threads_share_one_worker(worker):
    results = {}

    def ask(n):
        results[n] = worker.write(Request(f"Number {n}.\n", "html", lang="en")).body

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {n: f"<p>Number {n}.</p>" for n in range(8)}


def test_a_worker_that_was_killed_is_started_again():
    worker = PandocWorker()
    try:
        worker.version()
        (child,) = [p for p in psutil.Process().children() if p.pid == worker._process.pid]
        child.kill()
        child.wait(60)
        assert worker.write(Request("Hi.\n", "html")).body == "<p>Hi.</p>"
    finally:
        worker.close()


def test_a_request_that_takes_too_long_is_ended():
    worker = PandocWorker(time_limit_s=0.001)
    with pytest.raises(BuildError) as caught:
        worker.scan("word " * 20000)
    assert caught.value.diagnostics[0].code == "PB531"
    worker.close()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_no_pandoc_outlives_a_killed_build():
    code = (
        "import sys, time; from paperbuild.render.pandoc import PandocWorker; w = PandocWorker(); w.version();"
        "print(w._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        pid = int(parent.stdout.readline())
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(60)
        parent.stdout.close()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


HOSTILE = """
::: {.pb-meta field=author n=9}
Text.
:::

[a]{.eqn labels=x} [b]{.pb-value data-pb=7} [c]{label=z} ![d](f.svg){data-n=5 pb-number=3 .subfigure}

::: {.csl-entry #ref-x}
Entry.
:::

::: {#refs}
:::

::: {.theorem #thm:x title="*a* #b $c$ [d]"}
:::

[e](#ref-none) [f](#) []{#q} <sub>2</sub><br>**<b>x**</b> <img src="g.svg" width=10> </i>
"""


@pytest.mark.parametrize("target", ["typst", "html"])
def test_what_looks_like_our_own_marks_is_only_the_authors(worker, target):
    written = body(worker, HOSTILE, target, images=(BoundImage("path", src="i.svg"),) * 2)
    assert "Text." in written.body
    assert "data-pb" not in written.body
    assert written.authors == ()
    assert [image.path for image in worker.scan(HOSTILE).images] == ["f.svg", "g.svg"]


def test_html_that_every_format_has_is_taken_over(worker):
    written = body(worker, "H<sub>2</sub>O, x<sup>2</sup>, <b>bold *and*</b><br>next\n", "typst").body
    assert written == "H#sub[2]O, x#super[2], #strong[bold #emph[and]] \\\nnext"


@given(st.text(alphabet="#*_[]{}()<>$\\|@:!`~^\"'-= \nabvl.1&%", max_size=60))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_breaks_the_worker(worker, text):
    scanned = worker.scan(text)
    images = (BoundImage("path", src="i"),) * len(scanned.images)
    for target in ("typst", "html"):
        worker.write(Request(text, target, tuple(words("1") for _ in scanned.references), images, number_sections=True))


def test_tables_are_handed_to_the_template_to_be_fitted(worker):
    written = body(worker, "| a | b |\n|---|---|\n| \\#table(1) | table(2) |\n\n: The table(x). {#tbl:t}\n", "typst").body
    assert written.count("fitted-table(") == 1
    assert '"#table(1)", "table(2)",' in written
    assert "<tbl:t>" in written


def said(worker, references, body_="", **more):
    """Return what the references of one paragraph show, above what they refer to."""
    figures = "\n\n".join(f"![{name}](i.svg){{#fig:{name}}}" for name in "abcd")
    parts = " ".join(f"![{part}](i.svg){{#fig:s-{part}}}" for part in "xyz")
    equations = "\n\n".join(f"$$ {name} $$ {{#eq:{name}}}" for name in "efg")
    table = "| a |\n|---|\n| 1 |\n\n: T {#tbl:t}"
    text = f"{references}\n\n{figures}\n\n::: {{#fig:s}}\n{parts}\n\nParts.\n:::\n\n{equations}\n\n{table}\n\n{body_}"
    header = more.pop("header", "")
    images = (BoundImage("path", src="i"),) * len(worker.scan(text).images)
    written = body(worker, f"---\n{header}\n---\n\n{text}" if header else text, images=images, **more)
    paragraph = written.body[3 : written.body.index("</p>")]
    plain = "".join(part.partition(">")[2] for part in f">{paragraph}".split("<"))
    return " ".join(plain.replace("\n", " ").split())


RANGES = {
    "[@fig:a; @fig:b; @fig:c]": "Figures 1\N{EN DASH}3",
    "[@fig:c; @fig:a; @fig:b; @fig:a]": "Figures 1\N{EN DASH}3",
    "[@fig:a; @fig:b; @fig:d]": "Figures 1, 2, and 4",
    "[@fig:a; @fig:b]": "Figures 1 and 2",
    "[@fig:a; @fig:a]": "Figure 1",
    "[@fig:a; @fig:b; @fig:c; @fig:s]": "Figures 1\N{EN DASH}3 and 5",
    "[@fig:a; @tbl:t; @fig:b]": "Figures 1 and 2 and Table 1",
    "[@fig:a; @tbl:t; @eq:e]": "Figure 1, Table 1, and Equation (1)",
    "[@eq:e; @eq:f; @eq:g]": "Equations (1)\N{EN DASH}(3)",
    "[@fig:s-x; @fig:s-y; @fig:s-z]": "Figures 5a\N{EN DASH}c",
    "[@fig:s-x; @fig:s-z]": "Figures 5a and c",
    "[@fig:d; @fig:s-z]": "Figures 4 and 5c",
    "[-@fig:a; -@fig:b; -@fig:c]": "1\N{EN DASH}3",
    "Figures [@fig:a; @fig:b; @fig:c]": "Figures 1\N{EN DASH}3",
    "[see @fig:a; @fig:b, left]": "see Figures 1 and 2, left",
    "[e.g. @fig:a; or @fig:b]": "e.g. Figure 1 and or Figure 2",
    "\\cref{fig:a,fig:b,fig:c}": "Figures 1\N{EN DASH}3",
    "\\ref{eq:e}--\\eqref{eq:g}": "1\N{EN DASH}(3)",
}


@pytest.mark.parametrize("reference", RANGES)
def test_several_references_are_grouped_sorted_and_shortened_to_ranges(worker, reference):
    assert said(worker, reference).replace("\N{NO-BREAK SPACE}", " ") == RANGES[reference]


NAMES = {
    "short": ("[@fig:a; @fig:b; @fig:c] @eq:e @tbl:t @Fig:a", {"reference_names": "short"}, "Figs. 1\N{EN DASH}3 Eq. (1) Table 1 Figure 1"),
    "word": ("[@fig:a; @fig:b; @fig:c]", {"reference_range": "word"}, "Figures 1 to 3"),
    "own": ("@fig:a, [@fig:a; @fig:b], @Fig:a", {"header": "figPrefix: [fig., figs.]"}, "fig. 1, figs. 1 and 2, Fig. 1"),
    "own range": ("[@eq:e; @eq:f; @eq:g]", {"header": 'rangeDelim: " to "\neqnPrefix: eq.'}, "eq. (1) to (3)"),
    "de": ("[@fig:a; @fig:b; @fig:d]", {"lang": "de-CH"}, "Abbildungen 1, 2 und 4"),
    "fr": ("[@fig:a; @fig:b; @fig:c]", {"lang": "fr", "reference_range": "word"}, "Figures 1 à 3"),
    "ru": ("[@tbl:t; @fig:a]", {"lang": "ru"}, "Таблица 1 и Рисунок 1"),
    "zh": ("[@fig:a; @fig:b; @fig:d]", {"lang": "zh"}, "图 1、2 和 4"),
    "unknown": ("@fig:a", {"lang": "xx"}, "Figure 1"),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_are_those_of_the_language_or_the_papers_own(worker, case):
    reference, how, expected = NAMES[case]
    assert said(worker, reference, **how).replace("\N{NO-BREAK SPACE}", " ") == expected


def test_a_name_may_have_a_part_behind_the_number(worker):
    written = said(worker, "@sec:x, [@sec:x; @sec:y]", "# X {#sec:x}\n\n# Y {#sec:y}\n", lang="ja")
    assert written.replace("\N{NO-BREAK SPACE}", " ") == "第 1 節, 第 1 と 2 節"


SUPPLEMENT = """
# M {#sec:m}

![A](i.svg){#fig:m}

# A {.appendix #sec:a}

## B {#sec:b}

![B](i.svg){#fig:app}

# S {.supplement #sec:s}

## T {#sec:t}

![C](i.svg){#fig:sup}

$$ x $$ {#eq:s}

::: {#lem:s}
L.
:::
"""


def test_a_supplement_counts_anew_with_an_s(worker):
    references = "@fig:m, @sec:a, @sec:b, @fig:app, @sec:s, @sec:t, @fig:sup, @eq:s, @lem:s"
    expected = "Figure 6, Appendix A, Appendix A.1, Figure 7, Section S1, Section S1.1, Figure S1, Equation (S1), Lemma S1"
    assert said(worker, references, SUPPLEMENT).replace("\N{NO-BREAK SPACE}", " ") == expected


def test_a_whole_document_may_be_a_supplement(worker):
    written = said(worker, "@fig:a, @sec:m, @eq:e", "# M {#sec:m}\n", header="supplement: true")
    assert written.replace("\N{NO-BREAK SPACE}", " ") == "Figure S1, Section S1, Equation (S1)"


def test_numbers_may_start_anew_within_sections(worker):
    references = "@fig:a, @fig:m, @sec:a, @fig:app, @sec:s, @fig:sup, @eq:s, @lem:s"
    expected = "Figure 1, Figure 1.1, Appendix A, Figure A.1, Chapter S1, Figure S1.1, Equation (S1.1), Lemma S1.1"
    assert said(worker, references, SUPPLEMENT, number_within="chapter").replace("\N{NO-BREAK SPACE}", " ") == expected


LISTINGS = """
@lst:a, @lst:b, @lst:c and @lst:d.

```{.python #lst:a caption="One with $x$."}
a = 1
```

Listing: Another. {#lst:b}

```r
b <- 2
```

```{.sh #lst:c}
c
```

: Below.

Listing: Above. {#lst:d}

```
plain
```

Listing: no code follows.
"""


def test_listings_are_numbered_and_captioned_in_every_way_of_writing_them(worker):
    page = body(worker, LISTINGS).body
    assert "Listing\N{NO-BREAK SPACE}1</a>, " in page
    assert [page.count(f'<figure id="lst:{name}" class="listing">') for name in "abcd"] == [1, 1, 1, 1]
    assert '<figcaption>\n<span class="caption-label"><a href="#lst:a" class="anchor">Listing 1.</a></span> One with' in page
    assert "Listing 2.</a></span> Another.\n</figcaption>" in page
    assert page.count("caption-label") == 4
    assert "Listing 3.</a></span> Below." in page
    assert "Listing: no code follows." in page
    typst = body(worker, LISTINGS, "typst").body
    assert '], kind: raw, supplement: [Listing], numbering: fixed("2"), caption: [Another.]) <lst:b>' in typst


def test_more_than_twenty_six_appendices_keep_letters_apart(worker):
    written = body(worker, "\n\n".join(["# A {.appendix}", *("# More" for _ in range(27))]))
    assert [heading.number for heading in written.outline][-3:] == ["Z", "AA", "AB"]


LINES = r"""
@eq:a, @eq:b, [@eq:s; @eq:t], @eq:all and @eq:one.

\begin{align}
a &= b \label{eq:a} \\
  &= c \nonumber \\
f &= g
\end{align}

\begin{align}
a &= b \label{eq:b} \\
  &= c \nonumber \\
  &= d \tag{T}
\end{align}

\begin{subequations}\label{eq:all}
\begin{gather} s \label{eq:s} \\ t \label{eq:t} \end{gather}
\end{subequations}

$$\begin{align} u &= v \\ w &= x \end{align}$$ {#eq:one}
"""


def test_each_line_of_a_formula_has_the_number_that_it_asks_for(worker):
    written = body(worker, LINES)
    assert kinds(written) == []
    words = re.sub(r"<[^>]*>", "", written.body[: written.body.index("</p>")]).replace("\N{NO-BREAK SPACE}", " ")
    assert " ".join(words.split()) == "Equation (1), Equation (3), Equations (4a) and (4b), Equation (4) and Equation (5)."
    assert re.findall(r'"eqno">(?:<a [^>]*>)?([^<]*)<', written.body) == ["(1)", "", "(2)", "(3)", "", "(T)", "(4a)", "(4b)", "(5)"]
    assert re.findall(r'<span id="(eq:\w+)" class="eqn', written.body) == ["eq:a", "eq:b", "eq:all", "eq:s", "eq:t", "eq:one"]
    typst = body(worker, LINES, "typst").body
    assert '#equation-lines((right, left,), (cells: (("a", $ a $), ("equals b", $ = b $),), number: [1], id: "eq:a")' in typst
    assert '("t", $ t $),), number: [4b], id: "eq:t")) <eq:all>' in typst


def test_a_formula_whose_fences_reach_over_an_ampersand_has_one_number(worker):
    formula = r"\begin{align} \left( a &+ b \right) \label{eq:a} \\ c &= d \label{eq:b} \end{align}"
    written = body(worker, f"@eq:a and @eq:b\n\n{formula}\n")
    assert written.body.count("(1)</a>") == 3


def test_a_reference_among_citations_stands_in_their_brackets(worker):
    text = "[see @fig:a; @knuth1984, p. 9] and [@knuth1984; @fig:a]\n\n![A](i.svg){#fig:a}\n"
    written = body(worker, text, bibliography=(BIB,), images=(BoundImage("path", src="i"),))
    words = re.sub(r"<[^>]*>", "", written.body[: written.body.index("</p>")]).replace("\N{NO-BREAK SPACE}", " ")
    assert words == "(see Figure 1; Knuth 1984, 9) and (Knuth 1984; Figure 1)"
    assert kinds(written) == []


def test_parts_of_a_figure_share_its_width_by_the_number_of_columns(worker):
    text = "::: {#fig:a ncol=3}\n![A](i.svg) ![B](i.svg) ![C](i.svg){width=50%}\n:::\n"
    written = body(worker, text, images=(BoundImage("path", src="i"),) * 3)
    assert re.findall(r'style="width:(\d+%)"', written.body) == ["31%", "31%", "50%"]


def test_latexs_own_appendix_starts_the_appendices(worker):
    written = body(worker, "# One\n\n\\appendix\n\n# Proofs {#sec:p}\n\n# More\n\n@sec:p\n")
    assert [(heading.number, heading.text) for heading in written.outline] == [("1", "One"), ("A", "Proofs"), ("B", "More")]
    assert "Appendix\N{NO-BREAK SPACE}A</a>" in written.body
