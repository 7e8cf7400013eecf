"""Tables through the worker: what every format gets of a data table, and where numbers are cut to be aligned."""

# ruff: noqa: RUF001 - the signs of printed numbers are what this is about

import pytest

from paperbuild.paper.formats import Piece
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import BoundCell, BoundGroup, BoundImage, BoundTable, Request


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


def cell(text, **more):
    return BoundCell((Piece("text", text),), **more)


def written(worker, table, target="typst", text="![C](s.csv){#tbl:s}\n", **more):
    made = worker.write(Request(text, target, images=(BoundImage("table", table=table),), lang="en", **more))
    assert made.problems == ()
    return made.body


def column(*texts, **more):
    rows = tuple((cell(text),) for text in texts)
    return BoundTable(("right",), decimal="1.", head=((cell("N"),),), groups=(BoundGroup(rows),), **more)


def numbers(body):
    return [line.strip().rstrip(",") for line in body.split("table.hline(),\n")[1].split("\n), kind")[0].splitlines()]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("91.25", '"91", ".25"'),
        ("-3", '"-3"'),
        ("−3.5 %", '"−3", ".5 %"'),
        ("12,345.6", '"12,345", ".6"'),
        ("12 345", '"12 345"'),
        ("< 0.001", '"< 0", ".001"'),
        ("(0.35)", '"(0", ".35)"'),
        (".5", '"", ".5"'),
        ("1.2 ± 0.03 %", '"1", ".2", " ± ", "0", ".03 %"'),
        ("1 ± 0.5", '"1", "", " ± ", "0", ".5"'),
        ("1.2 × 10⁻³", '"1", ".2", "", "", "", " × 10⁻³"'),
        ("(1.2 ± 0.1) × 10⁻³", '"(1", ".2", " ± ", "0", ".1)", " × 10⁻³"'),
        ("1.5e-3", '"1", ".5e-3"'),
        ("$12.50", '"$12", ".50"'),
        ("3.14 ms", '"3", ".14 ms"'),
    ],
)
def test_a_number_is_cut_at_its_point_its_sign_of_uncertainty_and_its_power(worker, text, parts):
    first, _ = numbers(written(worker, column(text, "1.23456")))
    assert first == f"dec(1, {parts})"


@pytest.mark.parametrize("text", ["n/a", "did not end", "no. 5"])
def test_what_is_no_number_stays_whole(worker, text):
    assert numbers(written(worker, column(text, "1.5", "10.25")))[0] == f'"{text}"'


def test_a_dash_stands_where_the_last_digit_before_the_point_does(worker):
    assert numbers(written(worker, column("1.5", "20.25", "–")))[2] == 'dec(1, "–")'


def test_numbers_of_one_shape_need_no_cutting_unless_one_is_bold(worker):
    assert numbers(written(worker, column("1.5", "20.5", "–"))) == ['"1.5"', '"20.5"', '"–"']
    bold = BoundTable(("right",), decimal="1.", groups=(BoundGroup(((cell("1.5", mark="best"),), (cell("2.5", mark="second"),))),))
    body = written(worker, bold)
    assert 'dec(1, "1", ".5", mark: strong)' in body
    assert 'dec(1, "2", ".5", mark: underline)' in body


def test_headings_and_notes_are_markdown_as_the_paper_is(worker):
    table = BoundTable(
        ("left",),
        head=((BoundCell(markdown=r"**W**<br>of @sec:x, $R^2$, \textit{x}"),),),
        groups=(BoundGroup(((cell("*as it is*"),), (BoundCell(markdown="*set*"),))),),
        notes="^a^ See [1](https://example.org).",
    )
    body = written(worker, table, text="# X {#sec:x}\n\n![C](s.csv){#tbl:s}\n")
    assert "#strong[W] \\\nof #link(<sec:x>)" in body
    assert "#emph[x]" in body
    assert 'mq("R squared"' in body
    assert '"*as it is*"' in body
    assert "[#emph[set]]" in body
    assert "notes: [#super[a] See" in body
    page = written(worker, table, "html", text="# X {#sec:x}\n\n![C](s.csv){#tbl:s}\n")
    assert "<strong>W</strong><br />" in page
    assert 'href="#sec:x"' in page
    assert '<div class="table-notes">\n<p><sup>a</sup> See' in page


def test_groups_spanners_and_spans_go_to_every_format_as_pandocs_own(worker):
    table = BoundTable(
        ("left", "left", "right"),
        head=((cell("S", down=2), BoundCell(markdown="Both", across=2)), (cell("M"), cell("A"))),
        groups=(
            BoundGroup(((cell("one", down=2), cell("m"), cell("1")), (cell("n"), cell("2")))),
            BoundGroup(((cell("two"), cell("m"), cell("3", value="3.1")),), heading=cell("Second")),
        ),
    )
    body = written(worker, table)
    assert 'table.cell(rowspan: 2, "S"), spanner(2, "Both")' in body
    assert 'table.cell(rowspan: 2, "one"), "m", "1",\n  "n", "2",\n  group-rule,\n  group(3, "Second"),' in body
    page = written(worker, table, "html")
    assert '<th rowspan="2"' in page
    assert '<th colspan="2" style="text-align: center;" scope="colgroup">Both</th>' in page
    assert '<th colspan="3" style="text-align: left;" scope="rowgroup">Second</th>' in page
    assert 'data-value="3.1"' in page


def test_a_markdown_table_takes_the_notes_behind_it(worker):
    text = "| a | b |\n|---|--:|\n| x | 1 |\n\n: C {#tbl:t}\n\n::: table-notes\nHere *they* are.\n:::\n\nSee @tbl:t.\n"
    made = worker.write(Request(text, "typst", lang="en"))
    assert "notes: [Here #emph[they] are.]," in made.body
    assert made.body.count("fitted-table(") == 1
    page = worker.write(Request(text, "html", lang="en")).body
    assert page.index("</table>") < page.index('<div class="table-notes">') < page.index("</figure>") < page.index("See <a")


def test_classes_say_where_a_table_stands(worker):
    def call(classes):
        return written(worker, column("1"), text=f"![C](s.csv){{#tbl:s {classes}}}\n")

    assert 'placement: auto, scope: "parent") <tbl:s>' in call(".wide")
    assert call(".sideways").startswith("#sideways[#figure(")
    assert "stays: true" in call(".sideways")
    assert call(".wide .long").startswith("#whole-pages[#figure(")
    assert "long: true" in call(".long")
    assert "placement" not in call(".long")
