"""Pages that follow their paper: byte for byte what a clean render gives, with the work of one section."""

import random

import pytest
from msgspec import structs

from paperbuild.engine.graph import Output
from paperbuild.errors import BuildError
from paperbuild.live.pages import shown, split
from paperbuild.paper.catalog import Catalog
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.incremental import FollowingRunner
from paperbuild.render.pandoc import PandocWorker
from tests.integration.following import CATALOG, CHUNKED, FILES, PAPER, RAISED, SVG, UNTITLED, Author, Reader, Unset, action


class Clean:
    """Renders each paper from the beginning, and what comes again but once: equal papers give equal pages, as other tests ask."""

    def __init__(self, runner):
        self._runner = runner
        self._known = {}

    def run(self, wanted, reader):
        key = wanted, tuple(sorted(reader.files.items()))
        if key not in self._known:
            try:
                self._known[key] = self._runner.run(wanted, reader)
            except BuildError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, BuildError):
            raise BuildError(*found.diagnostics)
        return found


@pytest.fixture(scope="module")
def clean():
    made = DocumentRunner(CATALOG)
    yield Clean(made)
    made.close()


@pytest.fixture(scope="module")
def live():
    made = FollowingRunner(DocumentRunner(CATALOG), memory_limit=2 << 30)  # begun anew, it would know nothing of the paper
    yield made
    made.close()


def render(runner, text=PAPER, files=FILES, **options):
    """Return the page and the warnings, or what went wrong."""
    try:
        result = runner.run(action(**options), Reader({**files, "paper.md": text.encode()}))
    except BuildError as error:
        return b"", error.diagnostics
    return result.outputs["html"], result.warnings


@pytest.fixture(scope="module")
def clean_pdf():
    made = DocumentRunner(CATALOG, typesetter=Unset())
    yield Clean(made)
    made.close()


@pytest.fixture(scope="module")
def live_pdf():
    made = FollowingRunner(DocumentRunner(CATALOG, typesetter=Unset()), memory_limit=2 << 30)
    yield made
    made.close()


def typst_source(runner, text):
    """Return what is to be typeset and the warnings, or what went wrong."""
    wanted = structs.replace(action(format="pdf"), id="paper.pdf", outputs=(Output("pdf", "_build/paper.pdf"),))
    try:
        result = runner.run(wanted, Reader({**FILES, "paper.md": text.encode()}))
    except BuildError as error:
        return b"", error.diagnostics
    return result.outputs["pdf"], result.warnings


def effort(live):
    return live.shown("paper.html").effort


@pytest.mark.parametrize("paper", ["usual", "raised", "untitled", "chunked"])
@pytest.mark.parametrize("edits", [40, pytest.param(600, marks=pytest.mark.slow)])
def test_after_any_edit_the_page_is_what_a_clean_render_gives(clean, live, paper, edits):
    author = Author(random.Random(edits), {"usual": PAPER, "raised": RAISED, "untitled": UNTITLED, "chunked": CHUNKED}[paper])
    followed = 0
    for _ in range(edits):
        before = author.text
        told = author.edit()
        got, wanted = render(live, author.text), render(clean, author.text)
        assert got == wanted, f"{told}\n\n{before}\n\n{author.text}"
        if got[0]:
            followed += not effort(live).whole
            blocks = live.shown("paper.html").blocks
            assert shown(blocks) == split(blocks.page.decode())
        elif author.dice.random() < 0.9:
            author.text = before
    assert followed > edits // 10  # else nothing was tested


@pytest.mark.parametrize("paper", ["usual", "raised"])
@pytest.mark.parametrize("edits", [30, pytest.param(400, marks=pytest.mark.slow)])
def test_after_any_edit_the_pdf_is_typeset_from_what_a_clean_render_gives(clean_pdf, live_pdf, paper, edits):
    author = Author(random.Random(edits), {"usual": PAPER, "raised": RAISED}[paper])
    followed = 0
    for _ in range(edits):
        before = author.text
        told = author.edit()
        got, wanted = typst_source(live_pdf, author.text), typst_source(clean_pdf, author.text)
        assert got == wanted, f"{told}\n\n{before}\n\n{author.text}"
        if got[0]:
            followed += not live_pdf.effort("paper.pdf").whole
        elif author.dice.random() < 0.9:
            author.text = before
    assert followed > edits // 10


EDITS = {
    "a word": ("nothing but words", "nothing but other words"),
    "a word beside a citation": ("Others said so", "Others have said so"),
    "a word in a caption": ("Another picture", "Another large picture"),
    "a word in a note": ("A note about", "A long note about"),
    "a formula": ("with $y$ in it", "with $y^2$ in it"),
    "a numbered formula": (r"a = b + \frac{1}{n}", r"a = b - \frac{1}{n}"),
    "a cell": ("| 1 | 2 |", "| 1 | 25 |"),
    "code": ("return x", "return x + 1"),
    "a theorem": ("All is well", "All is very well"),
    "a list": ("- of things", "- of things\n- and more"),
    "another paragraph": ("## Details\n\n!", "## Details\n\nWords.\n\n!"),
    "a reference": ("which refers to @sec:intro", "which refers to @sec:app and @eq:e"),
    "words before the first heading": ("A remark before", "A short remark before"),
    "a link by the address of another section": ("with $x^2$ and a [link by name]", "and a [link by name]"),
    "TeX": (r"\textbf{bold} TeX", r"\textbf{bold} words"),
    "the end": ("As in @eq:e and", "As always in @eq:e and"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_inside_one_section_parses_that_section_alone(clean, live, what):
    text = PAPER.replace(" and to [Method]", "")
    render(live, text)
    edited = text.replace(*EDITS[what])
    assert edited != text
    assert render(live, edited) == render(clean, edited)
    took = effort(live)
    assert (took.whole, took.sections, took.citeproc) == ("", 1, 0)
    assert 1 <= took.blocks <= 2


MORE = {
    **FILES,
    "refs.bib": FILES["refs.bib"]
    + b"@article{hoare1969, author={C. A. R. Hoare}, title={An axiomatic basis}, year={1969}, journal={CACM}}\n"
    + b"@article{knuth1984b, author={Donald E. Knuth}, title={Literate programming}, year={1984}, journal={The Computer Journal}}\n",
}
CITING = {
    "a citation more": ("More words follow.", "More words follow [@knuth1984]."),
    "a citation with another page": ("@knuth1984, p. 3", "@knuth1984, p. 4"),
    "a citation less": ("Others said so, too [@knuth1984, p. 3; @lamport1994], and @knuth1984 most of all", "Others said so, too"),
    "a citation in another order": ("@knuth1984, p. 3; @lamport1994", "@lamport1994; @knuth1984, p. 3"),
    "a citation in a note": ("A note about", "A note [see @lamport1994, chap. 2] about"),
    "a work that was not cited before": ("More words follow.", "More words follow [@hoare1969]."),
    "a work that makes another ambiguous": ("More words follow.", "More words follow [@knuth1984b]."),
}


@pytest.mark.parametrize("what", CITING)
@pytest.mark.parametrize("style", ["authors", "raised numbers"])
def test_citations_are_asked_for_without_the_paper_around_them(clean, live, what, style):
    text = PAPER if style == "authors" else RAISED
    render(live, text, MORE)
    edited = text.replace(*CITING[what], 1)
    assert edited != text
    got = render(live, edited, MORE)
    assert got == render(clean, edited, MORE)
    took = effort(live)
    if (style, what) == ("authors", "a work that makes another ambiguous"):
        assert took.whole == "citations before the text"  # the abstract cites "Knuth 1984a" now
    else:
        assert (took.whole, took.sections, took.citeproc) == ("", 1, 1)
        assert took.blocks == {"a citation more": 1, "a work that was not cited before": 2}.get(what, took.blocks)  # with the list of works
    again = edited.replace("nothing but words", "nothing but some words")
    assert render(live, again, MORE) == render(clean, again, MORE)
    assert (effort(live).whole, effort(live).citeproc) == ("", 0)
    assert render(live, text, MORE) == render(clean, text, MORE)


COUNTING = {
    "an equation more": ("More words follow.", "More words follow.\n\n$$ z $$ {#eq:z}"),
    "an equation before others": ("Others said so", "As @eq:z says.\n\n$$ z $$ {#eq:z}\n\nOthers said so"),
    "an equation with a number of its own": ("Others said so", "$$ z \\tag{A} $$ {#eq:z}\n\nOthers said so"),
    "a note more": ("More words follow.", "More words follow.^[So it is.]"),
    "a note before others": ("Others said so", "Others^[Many, and $z$.] said so"),
    "a table before others": ("Others said so", "| p | q |\n|---|---|\n| 3 | 4 |\n\n: New. {#tbl:new}\n\nOthers said so"),
    "a theorem before others": ("Others said so", "::: {.lemma #lem:new}\nSo it is.\n:::\n\nOthers said so"),
    "a listing more": ("Others said so", "``` python\nx = 1\n```\n\nOthers said so"),
    "a named place": ("Others said so", "[Others]{#others} said so"),
}


@pytest.mark.parametrize("what", COUNTING)
def test_what_is_counted_is_counted_again_without_parsing_the_paper(clean, live, what):
    text = PAPER.replace("[^two]: The second note.\n\n", "").replace("and $\\alpha$.\n", "and $\\alpha$.\n\n[^two]: The second note.\n")
    render(live, text)
    edited = text.replace(*COUNTING[what], 1)
    assert edited != text
    assert render(live, edited) == render(clean, edited)
    assert (effort(live).whole, effort(live).sections, effort(live).citeproc) == ("", 1, 0)
    again = edited.replace("a second sentence", "one more sentence")
    assert render(live, again) == render(clean, again)
    assert effort(live).whole == ""
    back = text.replace("a second sentence", "one more sentence")
    assert render(live, back) == render(clean, back)
    assert effort(live).whole == ""


RENAMING = {
    "a heading with an id": ("# Introduction {#sec:intro}", "# An introduction: why (and how) {#sec:intro}"),
    "a heading without one": ("# Method\n", "# Methods and data\n"),
    "a deeper heading": ("# Results\n\nMore", "# The results\n\nMore"),
}


@pytest.mark.parametrize("what", RENAMING)
def test_a_heading_in_other_words_is_renamed_in_the_list_of_contents(clean, live, what):
    text = PAPER.replace(" and to [Method]", ", as [](#sec:intro) and \\nameref{sec:intro} do")
    render(live, text)
    edited = text.replace(*RENAMING[what], 1)
    assert edited != text
    assert render(live, edited) == render(clean, edited)
    assert (effort(live).whole, effort(live).sections) == ("", 1)
    again = edited.replace("nothing but words", "nothing but some words").replace("# Results", "# All results")
    for further in (edited.replace("nothing but words", "nothing but some words"), again):
        assert render(live, further) == render(clean, further)
    assert render(live, text) == render(clean, text)


GLOBAL = {
    "a link definition": ("https://example.org/name", "https://example.org/named"),
    "a link definition more": ("More words follow.", "More words follow.\n\n[link]: https://example.org/l"),
    "a note of another section": ("The second note", "The other note"),
    "a macro": ("More words follow.", "\\newcommand{\\foo}{x}\n\nMore words follow."),
    "a heading that is referred to": ("# Method", "# The method"),
    "a heading with the words of another": ("# Results", "# Details"),
    "a heading with markup": ("# Results", "# The *results*"),
    "a heading of another level": ("# Results", "## Results"),
    "a heading more": ("More words follow.", "## More\n\nWords follow."),
    "front matter": ("date: 2026-11-01", "date: 2026-11-02"),
    "a value more": ("More words follow.", "More than []{val=train.acc} words follow."),
    "a figure more": ("More words follow.", "![New.](figures/roc.svg)"),
    "half a comment": ("More words follow.", "More words <!-- follow."),
    "a fence that is not closed": ("More words follow.", "```\nMore words follow."),
    "a division that is not closed": ("More words follow.", "::: note\nMore words follow."),
    "two sections": ("e", "E"),
    "the title of the list": ("# References", "# Bibliography"),
}


@pytest.mark.parametrize("what", GLOBAL)
def test_an_edit_with_an_effect_elsewhere_gives_the_same_page_as_a_clean_render(clean, live, what):
    render(live)
    body = PAPER.index("# Introduction") if what == "two sections" else 0
    edited = PAPER[:body] + PAPER[body:].replace(*GLOBAL[what])
    assert edited != PAPER
    got = render(live, edited)
    assert got == render(clean, edited)
    assert effort(live).whole or not got[0]
    assert render(live) == render(clean)


def test_prose_beside_a_chunk_is_followed_and_a_chunk_makes_the_whole_page(clean, live):
    assert render(live, CHUNKED) == render(clean, CHUNKED)
    edited = CHUNKED.replace("More words follow", "Yet more words follow")
    assert render(live, edited) == render(clean, edited)
    assert not effort(live).whole
    other = edited.replace("draw()", "draw(teal)")
    assert render(live, other) == render(clean, other)
    assert effort(live).whole
    beside = other.replace("Another picture", "A picture")  # where a file of code is shown
    assert render(live, beside) == render(clean, beside)
    assert effort(live).whole
    files = {**FILES, "code.py": b"x = 1\ny = 3\n"}
    assert render(live, beside, files) == render(clean, beside, files)


def test_a_file_that_changed_besides_the_text_makes_the_whole_page_new(clean, live):
    render(live)
    edited = PAPER.replace("nothing but words", "nothing but some words")
    for name, data in (
        ("out/train.json", b'{"acc": 0.95}'),
        ("figures/two.svg", SVG),
        ("refs.bib", FILES["refs.bib"].replace(b"AW", b"MIT")),
    ):
        files = {**FILES, name: data}
        assert render(live, edited, files) == render(clean, edited, files)
        assert effort(live).whole == "something besides the text changed"
    templates = {**FILES, "templates/article/page.css": b"body { color: teal }"}
    assert render(live, edited, templates) == render(clean, edited, templates)
    assert b"color: teal" in live.shown("paper.html").blocks.page


def test_every_file_is_read_again_so_that_the_trace_is_whole(live):
    class Recording(Reader):
        def read(self, path):
            self.read_paths = {*getattr(self, "read_paths", ()), path}
            return super().read(path)

    def read(text):
        reader = Recording({**FILES, "paper.md": text.encode()})
        live.run(action(), reader)
        return reader.read_paths

    first = read(PAPER)
    assert read(PAPER.replace("nothing but words", "nothing but some words")) == first
    assert not effort(live).whole


def test_blocks_make_up_the_page_and_know_their_lines(live):
    page, _ = render(live)
    blocks = live.shown("paper.html").blocks
    assert (blocks.head + "\n".join(blocks.body) + blocks.tail).encode() == page
    assert all(len(html) for html in blocks.body)
    lines = PAPER.split("\n")
    told = {blocks.body[n][:4]: place.line for n, place in enumerate(blocks.places) if place}
    assert told
    for html, place in zip(blocks.body, blocks.places, strict=True):
        if html.startswith("<p>A paragraph of nothing but"):
            assert lines[place.line - 1].startswith("A paragraph of nothing but")
        if html.startswith("<h1") and "Method" in html:
            assert lines[place.line - 1] == "# Method"
    moved = PAPER.replace("Others said so", "A line.\n\nOthers said so")
    render(live, moved)
    after = live.shown("paper.html").blocks
    method = next(n for n, html in enumerate(after.body) if html.startswith("<h1") and "Method" in html)
    assert after.places[method].line == moved.split("\n").index("# Method") + 1
    assert after.places[method].path == "paper.md"
    changed = set(after.body) - set(blocks.body)
    assert len(changed) == 2


def test_warnings_move_with_their_lines(clean, live):
    text = PAPER.replace("train.acc > 0.5", "train.acc > 0.95")
    first = render(live, text)
    assert [warning.code for warning in first[1]] == ["PB230"]
    edited = text.replace("A remark before the first heading", "A line.\n\nA remark before the first heading")
    assert render(live, edited) == render(clean, edited)
    assert not effort(live).whole
    assert render(live, edited)[1][0].span.line == first[1][0].span.line + 2


def test_an_early_look_at_an_edit_is_the_edit_itself(live):
    render(live)
    edited = PAPER.replace("nothing but words", "nothing but some words")
    reader = Reader({**FILES, "paper.md": edited.encode()})
    assert live.check(action(), reader) == ()
    live.run(action(), reader)
    assert effort(live).sections == 1
    wrong = PAPER.replace("{val=train.acc}", "{val=trian.acc}")
    assert [fault.code for fault in live.check(action(), Reader({**FILES, "paper.md": wrong.encode()}))] == ["PB211"]


def test_an_edit_that_mends_a_fault_is_one_of_the_last_good_page(clean, live):
    render(live)
    for wrong in ("see @fig:rco", "see @fig:roc and [@nobody2000]", "see []{val=trian.acc}"):
        faulty = PAPER.replace("see @fig:roc", wrong)
        assert render(live, faulty) == render(clean, faulty)
        assert live.shown("paper.html").blocks.page == render(clean)[0]
        mended = PAPER.replace("see @fig:roc", "see also @fig:roc")
        assert render(live, mended) == render(clean, mended)
        assert not effort(live).whole
        render(live)


def test_a_worker_that_was_ended_is_no_loss(clean):
    runner = DocumentRunner(CATALOG)
    live = FollowingRunner(runner)
    try:
        render(live)
        runner.worker.close()
        edited = PAPER.replace("nothing but words", "nothing but some words")
        assert render(live, edited) == render(clean, edited)
        assert effort(live).whole == "nothing is known of the paper"
    finally:
        live.close()


@pytest.mark.parametrize(("limit", "fits", "too_much"), [(105, 150, 151), (120, 120, 121)], ids=["a long paper", "a short paper"])
def test_a_worker_that_holds_too_much_memory_is_started_anew(clean, limit, fits, too_much):
    class Heavy(PandocWorker):
        weight = 100

        def memory(self):
            return self.weight if super().memory() else 0

    worker = Heavy()
    live = FollowingRunner(DocumentRunner(CATALOG, worker=worker), memory_limit=limit)
    edits = [PAPER.replace("nothing but words", f"nothing but {n} words") for n in range(4)]
    try:
        assert worker.memory() == 0
        for weight, edited, whole in ((100, PAPER, True), (fits, edits[0], False), (too_much, edits[1], True), (100, edits[2], False)):
            worker.weight = weight
            assert render(live, edited) == render(clean, edited)
            assert bool(effort(live).whole) is whole
        assert PandocWorker.memory(worker) > 1 << 20
    finally:
        live.close()


def test_papers_in_several_files_and_other_shapes_are_followed(clean, live):
    def both(files):
        reader = Reader({**FILES, **files})
        made = action(sources="\n".join(files))
        got = live.run(made, reader).outputs["html"]
        assert got == clean.run(made, reader).outputs["html"]

    first, second = "# A title\n\nSome words.\n\n## One\n\nMore words.\n", "## Two\n\nAnd the last words.\n"
    both({"one.md": first.encode(), "two.md": second.encode()})
    both({"one.md": first.encode(), "two.md": second.replace("last", "very last").encode()})
    assert not effort(live).whole
    both({"one.md": first.replace("Some", "A few").encode(), "two.md": second.replace("last", "very last").encode()})
    assert not effort(live).whole
    both({"one.md": first.replace("A title", "Another title").encode(), "two.md": second.encode()})
    assert effort(live).whole


@pytest.mark.slow
def test_memory_stays_flat_in_a_thousand_edits():
    runner = DocumentRunner(Catalog({}))
    live = FollowingRunner(runner)
    text = "\n\n".join(f"# Part {n}\n\n" + "A paragraph of words, some of them *marked*, and $x_1$. " * 30 for n in range(20))
    held = []
    try:
        for n in range(1000):
            edited = (
                text.replace("some of them", f"some {n} of them", n % 300 + 1)
                if n % 5 == 0
                else text.replace("Part 7\n\nA", f"Part 7\n\nA {n}")
            )
            live.run(action(), Reader({"paper.md": edited.encode()}))
            held.append(runner.worker.memory())
    finally:
        live.close()
    assert max(held) < 700 << 20
    assert max(held[900:]) < 1.25 * max(held[100:300])
