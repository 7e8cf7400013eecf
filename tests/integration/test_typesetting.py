"""Real typst: what the article template makes of a paper, and what typst's complaints become."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pypdf
import pypdfium2  # type: ignore[import-untyped]  # it comes without types
import pytest
from msgspec.structs import replace

from paperbuild.diagnostics import Severity, Span
from paperbuild.errors import BuildError
from paperbuild.render.images import ImageKind, prepare
from paperbuild.render.marks import Generated
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.parts import Affiliation, Author, Parts, Provenance
from paperbuild.render.protocol import Request
from paperbuild.render.templates import Template, TemplateFinder
from paperbuild.render.typst import Job, Pdf, Typesetter, typst_job

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><rect width="200" height="100" fill="#0072B2"/></svg>'

BODY = r"""
= First <sec:first>
Text with #mq("x^2", $x^2$) and a note.#footnote[The note.]
See @fig:one, @tbl:one, @eq:one, @thm:one, @sec:first and @sec:more.

#mq("E = m c^2", $ E = m c^2 $, number: [S1]) <eq:one>

#theorem(title: [Name], number: "1")[The claim.

] <thm:one>
#theorem(kind: "definition", supplement: [Definition], number: "2")[A word.]
#proof[It follows.

]
#figure(image("one.svg", alt: "a blue box"), caption: [A box.]) <fig:one>

#subfigs(columns: 2, caption: [Two boxes.],
  subfig(image("one.svg", alt: "left"), caption: [Left.], id: "fig:pair-a"),
  subfig(image("one.svg", alt: "right"), caption: [Right.], id: "fig:pair-b", number: "b"),
) <fig:pair>

#wide[#figure(image("one.svg", alt: "wide", width: 100%), caption: [A wide box.]) <fig:wide>]

#figure(align(center)[#table(columns: 2, align: (left, right),
  table.header([Method], [Acc.],), table.hline(), [Ours], [93.2],
)], caption: [Results.], kind: table) <tbl:one>

- one
  - two
+ three

/ Term: what it means

```python
x = 1
```

#quote(block: true)[Quoted.]

#horizontalrule

#heading(level: 1, numbering: none)[References]
#references[
#entry[Knuth 1984. #emph[Literate Programming].] <ref-knuth>
#entry(margin: [[1]])[Numbered.]
]

#start-appendix[Appendix]
#heading(level: 1, supplement: [Appendix], numbering: fixed("A"))[More] <sec:more>
The end.
"""


class NoFiles:
    """A project without templates."""

    def require(self, paths: object) -> None:
        pass

    def read(self, path: str) -> bytes:
        raise FileNotFoundError(path)

    def exists(self, path: str) -> bool:
        return False


@pytest.fixture(scope="module")
def template() -> Template:
    return TemplateFinder().find("article", NoFiles())


@pytest.fixture(scope="module")
def typesetter() -> Typesetter:
    return Typesetter()


def paper(template: Template, body: str = BODY, options: Mapping[str, str | int | float | bool] | None = None) -> Parts:
    chosen, faults = template.options(options or {})
    assert not faults
    return Parts(
        "typst",
        "On #emph[Papers]",
        "On Papers",
        body,
        authors=(
            Author("Ada Lovelace", "Ada Lovelace", ("a", "b"), "0000-0002-1825-0097", "ada@example.org", corresponding=True),
            Author("Kurt Gödel", "Kurt Gödel", ("b",), equal=True),
            Author("Grace Hopper", "Grace Hopper", equal=True),
        ),
        affiliations=(Affiliation("a", "London"), Affiliation("b", "Princeton")),
        date="November 2026",
        abstract="One paragraph.\n\nAnother.",
        keywords=('a "quoted" word', "builds"),
        options=chosen,
        provenance=(Provenance(0, "value", "93.2", "train", "python train.py", (("lr", "0.1"),), "m.json", "ab" * 32, "train.acc"),),
        plain_description="What it says",
        timestamp=1_790_000_000,
    )


def typeset(typesetter: Typesetter, template: Template, parts: Parts) -> Pdf:
    return typesetter.pdf(typst_job(parts, template, {"one.svg": SVG}))


def text_of(pdf: Pdf) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.data)).pages)


@pytest.mark.parametrize(
    "options", [{}, {"columns": 2}, {"line-numbers": True, "toc": True, "paper": "us-letter", "number-sections": False}]
)
def test_a_paper_with_everything_is_archival_and_accessible(
    typesetter: Typesetter, template: Template, options: Mapping[str, str | int | float | bool]
) -> None:
    pdf = typeset(typesetter, template, paper(template, options=options))
    assert pdf.standards == ("a-3a", "ua-1")
    assert pdf.warnings == ()


def test_numbers_and_references_agree(typesetter: Typesetter, template: Template) -> None:
    text = " ".join(text_of(typeset(typesetter, template, paper(template))).split()).replace("\N{NO-BREAK SPACE}", " ")
    assert "See Figure 1, Table 1, Equation (S1), Theorem 1, Section 1 and Appendix A." in text
    assert "Theorem 1 (Name)." in text
    assert "Definition 2." in text
    assert "Appendix A" in text


def starts_of(pdf: Pdf) -> list[tuple[float, str]]:
    """Return where the runs of text of the first page start, in points from its left edge."""
    found: list[tuple[float, str]] = []
    page = pypdf.PdfReader(io.BytesIO(pdf.data)).pages[0]
    page.extract_text(visitor_text=lambda text, cm, tm, _font, _size: found.append((cm[0] * tm[4] + cm[4], text.strip())))
    return [(x, text) for x, text in found if text]


WIDE = "a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r + s = 0"


def test_a_formula_wider_than_its_column_shrinks_instead_of_leaving_it(typesetter: Typesetter, template: Template) -> None:
    body = f'#mq("wide", $ {WIDE} $, number: [1]) <eq:one>\n\n@eq:one\n'
    pdf = typeset(typesetter, template, paper(template, body, {"columns": 2}))
    left = min(x for x, text in starts_of(pdf) if "Equation" in text)
    assert min(x for x, _ in starts_of(pdf)) >= left - 1


def test_long_names_go_on_in_the_next_line_and_are_copied_without_a_gap(typesetter: Typesetter, template: Template) -> None:
    name = "_".join(["name"] * 30)
    cells = "".join(f"[column\\_number\\_{n}], " for n in range(6))
    table = f"#figure(fitted-table(columns: 6, {cells}), kind: table)"
    text = text_of(typeset(typesetter, template, paper(template, f"`{name}`\n\n{table}\n", {"columns": 2})))
    assert "name_\nname_" in text
    assert "column_\nnumber_\n5" in text
    assert name in text.replace("\n", "")


def table_of(columns: int, widths: str = "", call: str = "fitted-table", rows: int = 3) -> str:
    cells = "".join(f"[{row}{column:02d}.5], " for row in range(1, rows + 1) for column in range(columns))
    header = "".join(f"[col\\_{n}], " for n in range(columns))
    return (
        f"#figure(align(center)[#{call}(columns: {widths or columns}, table.header({header}), table.hline(), {cells})], "
        "caption: [Numbers.], kind: table) <tbl:one>\n\n@tbl:one \n"
    )


def runs_of(pdf: Pdf) -> list[tuple[float, float, float, float, str]]:
    """Return the numbers of the table and where they stand on their page: left, top, right, bottom in points."""
    found = []
    for number, page in enumerate(pypdfium2.PdfDocument(pdf.data)):
        text = page.get_textpage()
        words = text.get_text_range()
        for match in re.finditer(r"\d{3}\.5", words):
            boxes = [text.get_charbox(at) for at in range(*match.span())]
            left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes) - 2000 * number
            found.append((left, max(box[3] for box in boxes) - 2000 * number, max(box[2] for box in boxes), bottom, match.group()))
    return found


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize(("count", "widths"), [(9, ""), (13, ""), (17, ""), (17, "(5.88%,) * 17"), (25, "")])
def test_numbers_of_a_wide_table_neither_touch_each_other_nor_leave_the_page(
    typesetter: Typesetter, template: Template, columns: int, count: int, widths: str
) -> None:
    pdf = typeset(typesetter, template, paper(template, table_of(count, widths), {"columns": columns}))
    assert pdf.standards == ("a-3a", "ua-1")
    found = runs_of(pdf)
    assert len(found) == 3 * count
    for at, (left, top, right, bottom, _) in enumerate(found):
        assert 40 < left < right < 555
        for other in found[:at]:
            assert left >= other[2] or right <= other[0] or bottom >= other[1] or top <= other[3]


@pytest.mark.parametrize(("count", "widths"), [(3, ""), (5, "(18%, auto, auto, auto, 20%)")])
@pytest.mark.parametrize("columns", [1, 2])
def test_a_table_that_fits_is_set_as_typst_sets_it(
    typesetter: Typesetter, template: Template, columns: int, count: int, widths: str
) -> None:
    options = {"columns": columns, "float-figures": False}
    papers = (paper(template, table_of(count, widths, call), options) for call in ("fitted-table", "table"))
    fitted, plain = (runs_of(typeset(typesetter, template, one)) for one in papers)
    assert fitted == plain


@pytest.mark.parametrize(
    ("rows", "call", "options", "moves"),
    [
        (3, "fitted-table", {}, True),
        (3, "fitted-table", {"float-figures": False}, False),
        (3, "fitted-table.with(long: true)", {}, False),
        (59, "fitted-table", {}, False),
    ],
)
def test_a_table_moves_to_an_edge_of_its_page_unless_it_may_break(
    typesetter: Typesetter, template: Template, rows: int, call: str, options: Mapping[str, bool], moves: bool
) -> None:
    body = f"Before.\n\n{table_of(3, call=call, rows=rows)}\n\nAfter.\n"
    page = " ".join(text_of(typeset(typesetter, template, paper(template, body, options))).split())
    between = page[page.index("Before.") : page.index("After.")]
    assert ("100.5" not in between) == moves


def test_code_with_long_lines_is_whole_and_goes_on_indented(typesetter: Typesetter, template: Template) -> None:
    code = "\n".join(["def f(x):", "    return " + " + ".join(f"number_{n}" for n in range(30)), "", "    # end"])
    pdf = typeset(typesetter, template, paper(template, f"```python\n{code}\n```\n"))
    edge = min(x for x, text in starts_of(pdf) if text.startswith("def"))
    assert "".join(code.split()) in "".join(text_of(pdf).split())
    assert all(x > edge + 10 for x, text in starts_of(pdf) if "number_" in text)
    assert pdf.standards == ("a-3a", "ua-1")


def test_a_table_too_wide_for_its_column_spans_both(typesetter: Typesetter, template: Template) -> None:
    found = runs_of(typeset(typesetter, template, paper(template, table_of(15), {"columns": 2})))
    assert max(right for _, _, right, _, _ in found) - min(left for left, *_ in found) > 340


def test_a_table_that_only_the_height_of_the_page_can_hold_stands_on_its_side(typesetter: Typesetter, template: Template) -> None:
    found = runs_of(typeset(typesetter, template, paper(template, table_of(36))))
    assert all(top - bottom > right - left for left, top, right, bottom, _ in found)


def test_a_table_that_the_author_calls_wide_is_fitted_where_it_is(typesetter: Typesetter, template: Template) -> None:
    wide = table_of(30).replace("kind: table", 'kind: table, placement: auto, scope: "parent"')
    found = runs_of(typeset(typesetter, template, paper(template, wide, {"columns": 2})))
    assert len(found) == 90
    assert all(40 < left < right < 555 and top - bottom < right - left for left, top, right, bottom, _ in found)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_table_that_no_page_can_hold_breaks_its_words(typesetter: Typesetter, template: Template, columns: int) -> None:
    text = text_of(typeset(typesetter, template, paper(template, table_of(60), {"columns": columns})))
    assert "Table 1. Numbers." in " ".join(text.split()).replace("\N{NO-BREAK SPACE}", " ")
    assert "159.5" not in text


def test_cells_that_span_rows_and_columns_a_digest_and_a_long_table_are_fitted(typesetter: Typesetter, template: Template) -> None:
    digest = "0f3a" * 16
    spanning = "table.cell(rowspan: 2)[a], table.cell(colspan: 2)[words of a cell], [b], [c]"
    head = f"#figure(fitted-table(columns: (auto, auto, 20%), table.header([One], [*Two*], [{digest}]), {spanning}), kind: table)"
    body = f"{head}\n\n#fitted-table(columns: 1, {f'[{digest * 2}], ' * 80})"
    pdf = typeset(typesetter, template, paper(template, body, {"columns": 2}))
    text = "".join(text_of(pdf).split())
    assert pdf.standards == ("a-3a", "ua-1")
    assert digest in text
    assert text.count(digest * 2) == 80


def test_a_reference_to_an_equation_is_a_link_in_the_colour_of_links(typesetter: Typesetter, template: Template) -> None:
    body = '#link(<eq:one>)[Equation~(1)]; and #link(<eq:one>)[(1)];\n#mq("a", $ a $, number: [1]) <eq:one>\n'
    pdf = typeset(typesetter, template, paper(template, body))
    assert "Equation (1) and (1)" in " ".join(text_of(pdf).split()).replace("\N{NO-BREAK SPACE}", " ")
    page = pypdf.PdfReader(io.BytesIO(pdf.data)).pages[0]
    drawing = page.get_contents()
    assert drawing is not None
    assert len(page.annotations or ()) == 4  # the address of the author and her iD are the others
    blue = b"0.08627451 0.2509804 0.47843137 scn"  # the ink of elements.typ
    assert drawing.get_data().count(blue) == 3  # the address, too
    assert pdf.standards == ("a-3a", "ua-1")


def test_the_pdf_knows_its_title_authors_and_keywords(typesetter: Typesetter, template: Template) -> None:
    about = pypdf.PdfReader(io.BytesIO(typeset(typesetter, template, paper(template)).data)).metadata
    assert about is not None
    assert about.title == "On Papers"
    assert about.author == "Ada Lovelace, Kurt Gödel, Grace Hopper"
    assert str(about["/Keywords"]) == 'a "quoted" word, builds'


def test_provenance_travels_in_the_pdf(typesetter: Typesetter, template: Template) -> None:
    reader = pypdf.PdfReader(io.BytesIO(typeset(typesetter, template, paper(template)).data))
    (entry,) = json.loads(reader.attachments["provenance.json"][0])
    assert entry["target"] == "train"
    assert entry["params"] == [["lr", "0.1"]]


def test_equal_jobs_make_equal_bytes_on_any_thread(typesetter: Typesetter, template: Template) -> None:
    job = typst_job(paper(template), template, {"one.svg": SVG})
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: typesetter.pdf(job).data, range(4)))
    assert len(set(made)) == 1


def test_the_moment_comes_from_the_paper_and_not_from_the_clock(typesetter: Typesetter, template: Template) -> None:
    first = typeset(typesetter, template, paper(template)).data
    other = typeset(typesetter, template, replace(paper(template), timestamp=1_700_000_000)).data
    assert first != other
    assert b"2026-09-21" in first
    assert b"2023-11-14" in other


def test_an_image_without_alternative_text_costs_accessibility_and_nothing_else(typesetter: Typesetter, template: Template) -> None:
    pdf = typeset(typesetter, template, paper(template, '#figure(image("one.svg"), caption: [A box.])'))
    assert pdf.standards == ("a-3b",)


def test_an_error_of_typst_is_told_with_the_marks_around_it(typesetter: Typesetter, template: Template) -> None:
    asked: list[Generated] = []

    def place(generated: Generated) -> Span:
        asked.append(generated)
        return Span("method.md", 14, 5)

    body = "// pb:12\nGood.\n\n// pb:140\nBad #nothing here.\n\n// pb:180\nGood."
    with pytest.raises(BuildError) as caught:
        typesetter.pdf(typst_job(paper(template, body), template, {}, place))
    (fault,) = caught.value.diagnostics
    assert fault.code == "PB510"
    assert fault.message == "unknown variable: nothing"
    assert fault.span == Span("method.md", 14, 5)
    assert asked == [Generated("Bad #nothing here.", 5, 140, 180)]
    assert fault.detail[0].endswith("Bad #nothing here.")


def test_all_errors_of_typst_are_told_and_none_names_the_private_folder(typesetter: Typesetter, template: Template) -> None:
    with pytest.raises(BuildError) as caught:
        typeset(typesetter, template, paper(template, "A @nowhere and @neither."))
    assert len(caught.value.diagnostics) == 2
    with pytest.raises(BuildError, match=r"file not found \(searched at gone.png\)"):
        typeset(typesetter, template, paper(template, '#image("gone.png")'))


def test_a_missing_font_is_an_error(typesetter: Typesetter, template: Template) -> None:
    with pytest.raises(BuildError) as caught:
        typeset(typesetter, template, paper(template, "Text.", {"font": "No Such Font"}))
    assert caught.value.diagnostics[0].code == "PB511"
    assert caught.value.diagnostics[0].severity is Severity.ERROR


def test_a_character_that_no_font_has_is_an_error_and_not_a_box(typesetter: Typesetter, template: Template) -> None:
    with pytest.raises(BuildError) as caught:
        typeset(typesetter, template, paper(template, "The word 漢字.\n"))
    fault = caught.value.diagnostics[0]
    assert fault.code == "PB512"
    assert fault.message == "no font has 漢 字"
    assert fault.span is None  # a character is looked for in the paper itself


def test_a_document_reads_nothing_outside_its_private_root(typesetter: Typesetter, template: Template) -> None:
    for path in ("/../fonts", "../../etc/hostname", "/etc/hostname"):
        with pytest.raises(BuildError):
            typeset(typesetter, template, paper(template, f'#read("{path}")'))


def test_no_package_is_downloaded(typesetter: Typesetter) -> None:
    with pytest.raises(BuildError):
        typesetter.pdf(Job('#import "@local/anything:1.0.0": *\n', {}))


def test_a_pdf_figure_becomes_svg_for_a_page_and_stays_for_the_pdf(typesetter: Typesetter, template: Template) -> None:
    figure = typesetter.pdf(Job("#set page(width: 144pt, height: 72pt, margin: 9pt)\nHello", {})).data
    drawn = prepare(figure, "figures/a.pdf", "html", typesetter)
    assert (drawn.kind, drawn.width_in, drawn.height_in) == (ImageKind.SVG, 2.0, 1.0)
    assert b"data:image/svg" not in drawn.data
    kept = prepare(figure, "figures/a.pdf", "typst", typesetter)
    assert kept.data == figure
    body = f'#figure(image("{kept.path}", alt: "hello"), caption: [A PDF.])\n'
    assert typesetter.pdf(typst_job(paper(template, body), template, {kept.path: kept.data})).standards == ()
    with pytest.raises(BuildError) as caught:
        typesetter.pdf(typst_job(paper(template, f"{body}The word 漢字."), template, {kept.path: kept.data}))
    assert [fault.code for fault in caught.value.diagnostics] == ["PB512"]


def test_a_broken_pdf_figure_is_an_error_that_names_it(typesetter: Typesetter) -> None:
    with pytest.raises(BuildError) as caught:
        prepare(b"%PDF-1.4\nnothing", "figures/a.pdf", "html", typesetter, Span("paper.md", 3, 1))
    (fault,) = caught.value.diagnostics
    assert fault.code == "PB520"
    assert fault.message.startswith("figures/a.pdf: ")
    assert fault.span == Span("paper.md", 3, 1)


def test_a_template_of_the_project_lays_out_its_own_way(typesetter: Typesetter) -> None:
    class Project(NoFiles):
        def read(self, path: str) -> bytes:
            if path == "templates/article/paper.typ.j2":
                return b'#import "article.typ": *\n= Mine: << title >>\n<< body >>'
            raise FileNotFoundError(path)

    template = TemplateFinder().find("article", Project())
    assert "Mine: On Papers" in text_of(typeset(typesetter, template, paper(template, "Text.")))


def test_a_title_abstract_or_name_with_markup_characters_is_data(typesetter: Typesetter, template: Template) -> None:
    odd = replace(
        paper(template, "Text."),
        plain_title='"\\#[x]\u2028\n',
        plain_description='#"]\\',
        keywords=("]#panic()", "\\"),
        authors=(Author("A", '"]#panic("x")\\', (), '"#', 'a"b@example.org', corresponding=True),),
        lang="en_GB",
    )
    assert typeset(typesetter, template, odd).data


def test_whatever_has_an_id_can_be_linked_to(typesetter: Typesetter, template: Template) -> None:
    text = "[a](#b1) [a](#b2) [a](#b3) [a](#b4) [a](#b5)\n\n`c`{#b1} [x](u){#b2} [s *t*]{#b3}\n\n::: {#b4}\nd\n:::\n\n```{#b5}\ncode\n```\n"
    worker = PandocWorker()
    try:
        body = worker.write(Request(text, "typst")).body
    finally:
        worker.close()
    assert len(pypdf.PdfReader(io.BytesIO(typeset(typesetter, template, paper(template, body)).data)).pages[0].annotations or ()) == 8
