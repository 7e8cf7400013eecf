"""Every template, with a short paper, the example, and a paper that has everything: what a person with a ruler would find wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.templates import TemplateFinder
from paperbuild.render.typst import Job, Typesetter
from tests import example
from tests.typesetting import measure

PAPERS = Path(__file__).parent.parent / "papers"
FLOATS = {"short": 2, "example": 7, "stress": 5}
CASES = [(template, paper) for template in TemplateFinder().names() for paper in FLOATS]


@pytest.fixture(scope="module")
def runner() -> Iterator[DocumentRunner]:
    made = DocumentRunner(example.expansion().catalog)
    yield made
    made.close()


@pytest.fixture(scope="module")
def document(runner: DocumentRunner, tmp_path_factory: pytest.TempPathFactory):
    @cache
    def rendered(template: str, paper: str) -> measure.Document:
        folder, source = PAPERS, f"{paper}/paper.md"
        if paper == "example":
            source = "paper.md"
            folder = example.drawn(example.built(tmp_path_factory), tmp_path_factory.mktemp("drawn") / "paper", template)
        config = (("format", "pdf"), ("sources", source), ("template", template))
        action = Action("paper.pdf", "paper", Step("document", config), (Output("pdf", "_build/paper.pdf"),), inputs=(source,))
        result = runner.run(action, example.Folder(folder))
        assert not result.warnings
        return measure.Document(result.outputs["pdf"], measure.GEOMETRIES[template])

    return rendered


@pytest.mark.parametrize(("template", "paper"), CASES)
def test_no_glyph_leaves_the_text_block(document, template, paper):
    assert not measure.outside(document(template, paper))


@pytest.mark.parametrize(("template", "paper"), CASES)
def test_no_heading_stands_last_on_a_page_or_in_a_column(document, template, paper):
    assert not measure.stranded_headings(document(template, paper))


@pytest.mark.parametrize(("template", "paper"), CASES)
def test_no_single_line_of_a_paragraph_stands_at_the_top_or_the_foot(document, template, paper):
    assert not measure.lone_lines(document(template, paper))


@pytest.mark.parametrize(("template", "paper"), CASES)
def test_lines_have_45_to_90_characters(document, template, paper):
    lengths = measure.line_lengths(document(template, paper))
    assert len(lengths) > 8
    assert min(lengths) >= 45
    assert max(lengths) <= 90


@pytest.mark.parametrize(("template", "paper"), CASES)
def test_floats_stand_within_two_pages_of_their_first_mention(document, template, paper):
    distances = measure.float_distances(document(template, paper))
    if paper == "stress":
        distances.pop("Table 4.1" if template == "report" else "Table 2")  # the catalogue, in a section of its own at the end
    assert len(distances) == FLOATS[paper]
    assert all(abs(pages) <= 2 for pages in distances.values())


@pytest.mark.parametrize("template", TemplateFinder().names())
@pytest.mark.parametrize("words", [5, 900])
def test_a_figure_that_moves_to_the_top_of_the_first_page_stands_below_the_title(runner, tmp_path, template, words):
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="150"><rect width="300" height="150" fill="#8ac"/></svg>'
    (tmp_path / "a.svg").write_text(picture)
    front = f"---\ntitle: A title\nauthor: An Author\nabstract: {'word ' * words}\n---\n\n"
    (tmp_path / "paper.md").write_text(f"{front}# One\n\n{'Few words are said. ' * 12}See @fig:a.\n\n![A picture](a.svg){{#fig:a}}\n")
    config = (("format", "pdf"), ("sources", "paper.md"), ("template", template))
    action = Action("paper.pdf", "paper", Step("document", config), (Output("pdf", "_build/paper.pdf"),), inputs=("paper.md",))
    made = measure.Document(runner.run(action, example.Folder(tmp_path)).outputs["pdf"], measure.GEOMETRIES[template])
    (title,) = measure.heights(made, "Title")
    assert all(height < title for height in measure.heights(made, "Caption"))
    assert all(height < title for height in measure.heights(made, "P"))


@pytest.mark.parametrize("template", TemplateFinder().names())
def test_the_stress_paper_is_as_long_and_as_full_as_it_says(document, template):
    pages = document(template, "stress")
    text = "".join(glyph.text for glyph in pages.glyphs)
    assert 5 <= max(glyph.page for glyph in pages.glyphs) + 1 <= 22
    for name in ("Смирнова", "Παπαδόπουλος", "ÁnhTuyết", "Świętosławski", "Çağlayan", "Łucja", "Цветанов"):
        assert name in text
    assert text.count("doi.org/10.") + text.count("doi:10.") >= 40


def test_the_citation_at_the_foot_of_joss_has_the_year_of_the_papers_date(document):
    foot = "".join(glyph.text for glyph in document("joss", "short").glyphs if glyph.page == 0 and glyph.bottom < 72)
    assert "Babbage(2026).Readingthesamebooktwice." in foot


# --- the measures themselves, on pages that are wrong on purpose


def typeset(source: str) -> measure.Document:
    page = (
        "#set page(width: 4in, height: 3in, margin: 1in)\n#set text(size: 10pt, costs: (widow: 0%, orphan: 0%))\n#set par(justify: true)\n"
    )
    data = Typesetter().pdf(Job(page + source, {})).data
    return measure.Document(data, measure.Geometry((4.0, 3.0), (1.0, 3.0), top=1.0, bottom=1.0))


SENTENCE = "A line of words that is long enough to be broken somewhere. "


def test_a_glyph_in_the_margin_is_seen():
    assert not measure.outside(typeset("Text."))
    assert measure.outside(typeset("Text.#place(dx: -.7in)[x]")) == ["page 1: 'x' at 21.8, 130.8"]


def test_a_heading_at_the_foot_is_seen():
    above = "#v(.82in)\n#show heading: set block(sticky: false)\n"
    assert measure.stranded_headings(typeset(f"{above}= Alone\n\nText.")) == ["page 1: Alone"]
    assert not measure.stranded_headings(typeset("= Together\n\nText."))


def test_lines_left_alone_are_seen():
    lines = "One \\ two \\ three \\ four \\ five \\ six"
    assert not measure.lone_lines(typeset(lines))
    assert measure.lone_lines(typeset(f"#v(.84in)\n{lines}")) == ["page 1: One"]
    assert measure.lone_lines(typeset(f"#v(.14in)\n{lines}")) == ["page 2: six"]


def test_the_characters_of_a_line_are_counted_with_its_spaces():
    lengths = measure.line_lengths(typeset(SENTENCE * 3))
    assert lengths
    assert all(abs(length - 33) < 6 for length in lengths)


def test_letters_that_stand_far_apart_make_no_more_characters():
    lines = typeset("#set text(tracking: 1pt)\nOne two three \\ four five six \\ seven.")
    assert [line.text for line in lines.lines(next(lines.paragraphs()))] == ["One two three", "four five six", "seven."]


def test_lines_are_counted_from_the_abstract_to_the_end_of_the_bibliography():
    small = "#text(size: 5pt)["
    front, abstract, body, references = (
        f"{small}{SENTENCE * 3}]",
        f"{small}Abstract {SENTENCE * 4}]",
        SENTENCE * 3,
        f"{small}{SENTENCE * 5}]",
    )
    lengths = measure.line_lengths(typeset(f"{front}\n\n{abstract}\n\n{body}\n\n= References\n\n{references}"))
    assert [len(lengths), sum(length > 50 for length in lengths)] == [12, 7]
    assert measure.line_lengths(typeset(f"{body}\n\n{references}"))[-4:] == lengths[-4:]


def test_a_float_far_from_its_mention_is_seen():
    source = "See Figure 1.\n#pagebreak()\n#pagebreak()\n#pagebreak()\n#figure(rect(), caption: [Far.])"
    assert measure.float_distances(typeset(source)) == {"Figure 1": 3}
