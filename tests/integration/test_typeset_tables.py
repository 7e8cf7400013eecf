"""Tables in the PDF, measured: decimal points, heads on each page, notes, spanners, groups, pages that are turned."""

from __future__ import annotations

import re

import pypdfium2
import pytest

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.paper.catalog import Catalog
from paperbuild.render.documents import DocumentRunner

SCORES = b"""set,model,acc,acc_std,loss,p
birds,base,0.851,0.012,0.31,0.00312
birds,ours,1.0,0.103,10.125,1e-12
cats,base,0.0751,0.012,0.5,0.031
cats,ours,0.7,0.003,0.25,0.5
"""
LONG = b"name,x\n" + b"".join(b"row%d,%d.%d\n" % (n, n, n % 97) for n in range(150))


class Files:
    """A project in a dictionary."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def require(self, paths: object) -> None:
        pass

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def exists(self, path: str) -> bool:
        return path in self.files


@pytest.fixture(scope="module")
def runner():
    made = DocumentRunner(Catalog({}))
    yield made
    made.close()


def typeset(runner, text, **options):
    config = {"format": "pdf", "sources": "paper.md", "template": "article", **options}
    step = Step("document", tuple(sorted(config.items())))
    action = Action("paper.pdf", "paper", step, (Output("pdf", "_build/paper.pdf"),), inputs=("paper.md",))
    files = {"paper.md": b"---\ntitle: Tables\n---\n\n" + text.encode(), "scores.csv": SCORES, "long.csv": LONG}
    return runner.run(action, Files(files)).outputs["pdf"]


def is_accessible(pdf):
    return b"pdfuaid" in pdf


def lines(pdf, number=0):
    """Return the lines of a page, from top to bottom: each a list of its characters with their boxes (left, bottom, right, top)."""
    page = pypdfium2.PdfDocument(pdf)[number].get_textpage()
    text = page.get_text_range()
    found, line = [], []
    for at, char in enumerate(text):
        if char in "\r\n":
            if line:
                found.append(line)
            line = []
        elif not char.isspace():
            line.append((char, page.get_charbox(at)))
    return [*found, line]


def said(line):
    return "".join(char for char, _ in line)


def page_texts(pdf):
    return [page.get_textpage().get_text_range().replace("\r", "") for page in pypdfium2.PdfDocument(pdf)]


def points(pdf, pattern, nth=0):
    """Return the middle of the nth decimal point in each line that matches, in points from the left."""
    found = []
    for line in lines(pdf):
        if re.search(pattern, said(line)):
            boxes = [box for char, box in line if char in ".,"]
            found.append((boxes[nth][0] + boxes[nth][2]) / 2)
    return found


def are_one(places, count):
    assert len(places) == count
    return max(places) - min(places) < 0.3


def test_decimal_points_stand_below_each_other_also_in_bold_with_uncertainties_and_powers(runner):
    pdf = typeset(
        runner,
        '![S.](scores.csv){columns="model,acc,loss,p" format="acc±acc_std:.1%,p:.1e" best="acc:max,loss:max"}\n',
    )
    rows = "base|ours"
    assert are_one(points(pdf, rows, 0), 4)  # 85.1, 100.0, 7.5, 70.0
    assert are_one(points(pdf, rows, 1), 4)  # 1.2, 10.3, 1.2, 0.3
    assert are_one(points(pdf, rows, 2), 4)  # 0.31, 10.125, 0.5, 0.25
    assert are_one(points(pdf, rows, 3), 4)  # of the powers of ten
    signs = [next(box[0] for char, box in line if char == "±") for line in lines(pdf) if re.search(rows, said(line))]
    assert are_one(signs, 4)
    assert is_accessible(pdf)


def test_a_number_reads_in_one_piece(runner):
    pdf = typeset(runner, '![S.](scores.csv){columns="model,acc,loss" format="acc±acc_std:.1%" best="loss:max"}\n')
    words = " ".join(" ".join(page_texts(pdf)).replace("\N{NO-BREAK SPACE}", " ").split())
    assert "85.1 ± 1.2 % 0.31" in words
    assert "100.0 ± 10.3 % 10.125" in words


def test_a_markdown_table_of_class_decimal_is_aligned_in_the_language_of_the_paper(runner):
    table = "| Name | Wert |\n|:--|--:|\n| eins | 1,5 |\n| zwei | **12,25** |\n| drei | 3 |\n\n: Werte. {.decimal}\n"
    pdf = typeset(runner, table, lang="de")
    assert are_one(points(pdf, "eins|zwei"), 2)
    three = next(box[2] for line in lines(pdf) if "drei" in said(line) for char, box in line if char == "3")
    assert 0 < points(pdf, "eins")[0] - three < 2.5


def test_columns_without_the_class_are_left_as_they_are(runner):
    table = "| Name | Value |\n|:--|--:|\n| one | 1.5 |\n| two | 12.25 |\n\n: Values.\n"
    first, second = points(typeset(runner, table), "one|two")
    assert first - second > 2


def test_a_long_table_has_its_head_and_its_name_on_each_page(runner):
    pages = page_texts(typeset(runner, '![Many rows.](long.csv){#tbl:long header="name:Name,x:Value"}\n\nSee @tbl:long.\n'))
    assert len(pages) >= 3
    assert "continued" not in pages[0]
    for page in pages[1:-1]:
        assert page.index("Table\N{NO-BREAK SPACE}1 (continued)") < page.index("Name") < page.index("row")
    assert sum(len(re.findall(r"row\d+", page)) for page in pages) == 150


def test_the_mark_that_a_table_goes_on_is_in_the_language_of_the_paper(runner):
    pages = page_texts(typeset(runner, "![Viele Zeilen.](long.csv){#tbl:long}\n", lang="de"))
    assert "Tabelle\N{NO-BREAK SPACE}1 (Fortsetzung)" in pages[1]


def test_a_table_that_the_author_calls_long_may_break_though_it_is_short(runner):
    text = "Words.\n\n" * 32 + "![Rows.](long.csv){#tbl:a CLASS limit=14}\n"
    kept, broken = (page_texts(typeset(runner, text.replace("CLASS", word))) for word in ("", ".long"))
    assert "row0" not in kept[0]
    assert "row0" in broken[0]
    assert "row13" in broken[1]


def test_notes_stand_below_their_table_and_on_its_page(runner):
    pdf = typeset(runner, '![S.](scores.csv){columns="model,loss" notes="^a^ Trained twice."}\n')
    texts = [said(line) for line in lines(pdf)]
    assert texts.index(next(text for text in texts if "Trainedtwice" in text)) > max(n for n, text in enumerate(texts) if "ours" in text)
    assert is_accessible(pdf)


def test_groups_have_headings_and_spanners_stand_over_their_columns(runner):
    pdf = typeset(runner, '![S.](scores.csv){group=set columns="model,acc,loss" spanner="Quality:acc,loss"}\n')
    texts = [said(line) for line in lines(pdf)]
    order = [next(n for n, text in enumerate(texts) if word in text) for word in ("Quality", "modelacc", "birds", "cats")]
    assert order == sorted(order)
    place = {said(line): line for line in lines(pdf)}
    quality = place["Quality"]
    below = place["modelaccloss"]
    left, right = below[5][1][0], below[-1][1][2]
    assert left < quality[0][1][0] < quality[-1][1][2] < right
    assert is_accessible(pdf)


def test_a_sideways_table_has_a_page_that_is_turned(runner):
    pdf = typeset(runner, "Before.\n\n![S.](scores.csv){#tbl:s .sideways}\n\nAfter @tbl:s.\n")
    sizes = [page.get_size() for page in pypdfium2.PdfDocument(pdf)]
    texts = page_texts(pdf)
    at = next(n for n, text in enumerate(texts) if "cats" in text)
    assert sizes[at][0] > sizes[at][1]
    assert [width < height for n, (width, height) in enumerate(sizes) if n != at] == [True] * (len(sizes) - 1)
    assert "After Table" in texts[at + 1].replace("\N{NO-BREAK SPACE}", " ")
    assert is_accessible(pdf)


def test_a_table_that_is_wide_and_long_has_pages_of_one_column(runner):
    pdf = typeset(runner, "Before.\n\n![Rows.](long.csv){#tbl:s .wide .long}\n\nAfter.\n", columns=2)
    texts = page_texts(pdf)
    rows = [n for n, text in enumerate(texts) for _ in re.findall(r"row\d+", text)]
    assert len(rows) == 150
    assert len(set(rows)) >= 3
    assert "Before" not in texts[rows[0]]


def test_a_caption_above_a_narrow_table_takes_the_width_of_the_text(runner):
    caption = "A caption that is a good deal longer than the narrow table below it is wide"
    pdf = typeset(runner, f'![{caption}.](scores.csv){{#tbl:n columns="model"}}\n')
    assert any(caption.replace(" ", "") in said(line) for line in lines(pdf))
