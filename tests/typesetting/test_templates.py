"""Every template, with a short paper and with one that has everything: what a person with a ruler would find wrong with the pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.paper.catalog import Catalog
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.templates import TemplateFinder
from paperbuild.render.typst import Job, Typesetter
from tests.typesetting import measure

PAPERS = Path(__file__).parent.parent / "papers"
CASES = [(template, paper) for template in TemplateFinder().names() for paper in ("short", "stress")]


class Folder:
    """The papers, as the engine shows them to a document."""

    def require(self, paths: Iterable[str]) -> None:
        """Nothing here is any target's output."""

    def read(self, path: str) -> bytes:
        return (PAPERS / path).read_bytes()

    def exists(self, path: str) -> bool:
        return (PAPERS / path).is_file()


@pytest.fixture(scope="module")
def runner() -> Iterator[DocumentRunner]:
    made = DocumentRunner(Catalog({}))
    yield made
    made.close()


@pytest.fixture(scope="module")
def document(runner: DocumentRunner):
    @cache
    def rendered(template: str, paper: str) -> measure.Document:
        config = (("format", "pdf"), ("sources", f"{paper}/paper.md"), ("template", template))
        action = Action(
            f"{paper}.pdf", paper, Step("document", config), (Output("pdf", f"_build/{paper}.pdf"),), inputs=(f"{paper}/paper.md",)
        )
        result = runner.run(action, Folder())
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
    assert max(lengths) <= 92
    assert sum(length > 90 for length in lengths) <= 0.01 * len(lengths)


@pytest.mark.parametrize(("template", "paper"), CASES)
def test_floats_stand_within_two_pages_of_their_first_mention(document, template, paper):
    distances = measure.float_distances(document(template, paper))
    distances.pop("Table 4.1" if template == "report" else "Table 2", None)  # the catalogue, in a section of its own at the end
    assert len(distances) == {"short": 2, "stress": 5}[paper]
    assert all(abs(pages) <= 2 for pages in distances.values())


@pytest.mark.parametrize("template", TemplateFinder().names())
def test_the_stress_paper_is_as_long_and_as_full_as_it_says(document, template):
    pages = document(template, "stress")
    text = "".join(glyph.text for glyph in pages.glyphs)
    assert 5 <= max(glyph.page for glyph in pages.glyphs) + 1 <= 22
    for name in ("Смирнова", "Παπαδόπουλος", "ÁnhTuyết", "Świętosławski", "Çağlayan", "Łucja", "Цветанов"):
        assert name in text
    assert text.count("doi.org/10.") + text.count("doi:10.") >= 40


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


def test_a_float_far_from_its_mention_is_seen():
    source = "See Figure 1.\n#pagebreak()\n#pagebreak()\n#pagebreak()\n#figure(rect(), caption: [Far.])"
    assert measure.float_distances(typeset(source)) == {"Figure 1": 3}
