"""What is done for speed is not seen: paragraphs that stay aside, and fragments that are written together, come out as they would alone."""

import re

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Request

PLAIN = "Nothing but words stand here, *some* set **apart**, number {}.\n\n"
BUSY = "Here $x_{}$ is a formula, and @sec:s{} a reference.^[A note.]\n\n"


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


def write(worker, text, target):
    return worker.write(Request(text, target, lang="en", number_sections=True))


@pytest.mark.parametrize("target", ["html", "typst", "latex"])
def test_paragraphs_of_words_stand_where_they_stood(worker, target):
    text = "".join(f"# Part {n} {{#sec:s{n}}}\n\n" + PLAIN.format(n) + BUSY.format(n, n) + PLAIN.format(n + 100) for n in range(12))
    body = write(worker, text, target).body
    assert re.findall(r"number (\d+)", body) == [str(k) for n in range(12) for k in (n, n + 100)]
    assert not re.search("[\U0010fffc-\U0010ffff]", body)


@pytest.mark.parametrize(("target", "emphasis"), [("html", "<em>some</em>"), ("typst", "#emph[some]"), ("latex", "\\emph{some}")])
def test_a_paragraph_of_words_is_written_as_beside_a_formula(worker, target, emphasis):
    alone = write(worker, PLAIN.format(1), target).body
    beside = write(worker, PLAIN.format(1) + "$x$", target).body
    assert emphasis in alone
    assert beside.startswith(alone)


def test_a_code_in_a_paragraph_of_words_is_found_by_a_tagged_parse(worker):
    found = worker.scan("Words and ჯჰჱ and words.\n", {"ჯჰჱ": "val"})
    assert [dict(stray) for stray in found.strays] == [{"node": "Str", "key": "ჯჰჱ"}]


@pytest.mark.parametrize("target", ["html", "typst", "latex"])
def test_headings_written_together_are_those_of_the_paper(worker, target):
    text = "# One *a*^[Note.]\n\nX.\n\n## Two\n\nX.\n\n# 3. `code` \n\nX.\n\n# Four[^n]\n\n[^n]: N.\n"
    outline = write(worker, text, target).outline
    assert [entry.number for entry in outline] == ["1", "1.1", "2", "3"]
    for word, entry in zip(("One", "^Two$", "code", "^Four$"), outline, strict=True):
        assert re.search(word, entry.text)


def test_a_title_with_a_note_keeps_it_apart_from_the_abstracts(worker):
    written = write(worker, "---\ntitle: T^[of the title]\nsubtitle: S\nabstract: A^[of the abstract]\n---\n\nBody.\n", "html")
    assert "of the title" in written.title
    assert "of the abstract" in written.abstract
    assert (written.subtitle, "of the" in written.body) == ("S", False)
