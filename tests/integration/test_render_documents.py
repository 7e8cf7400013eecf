"""Whole documents on real pandoc and typst, from a project that exists in memory alone: nothing can be read past the reader."""

import io
import json
import re

import pypdf
import pytest

from paperbuild.diagnostics import Severity
from paperbuild.engine.graph import Action, Output, Step
from paperbuild.engine.ports import NotSettled
from paperbuild.errors import BuildError
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.scholarly import date_parts, timestamp_of

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40"/></svg>'
FILES = {
    "paper.md": rb"""---
title: "Accuracy of [90 %]{val=train.acc:.1%}"
author:
  - name: Ada Lovelace
    affiliation: 1
affiliations:
  - {index: 1, name: Engine Laboratory}
date: 2026-11-01
abstract: |
  We reach $p=\val{train.acc:.2f}$ [@knuth1984].
keywords: [one, two]
bibliography: refs.bib
---

# Results {#sec:results}

It is [0]{val="mean(runs.acc):.3f"}, see @fig:roc, @tbl:main and @eq:e. This is [better]{claim="train.acc > 0.5"}.

![The [0.9]{val=train.acc} curve.](figures/roc.svg){#fig:roc}

![Scores.](out/main.csv){#tbl:main columns="model,acc" header="model:Model,acc:Accuracy" format="acc:.1%"}

$$ a = b $$ {#eq:e}

# References
""",
    "refs.bib": b"@book{knuth1984, author={Donald E. Knuth}, title={The {TeX}book}, year={1984}, publisher={AW}}",
    "figures/roc.svg": SVG,
    "out/main.csv": b"model,acc,n\nours,0.912,10\nbase,0.85,10\n",
    "out/train.json": b'{"acc": 0.90, "bad": NaN}',
    "out/run0.json": b'{"acc": 0.5}',
    "out/run1.json": b'{"acc": 0.6}',
}
CATALOG = Catalog(
    {
        "train": CatalogTarget("train", (Cell("train", (("lr", 0.1),), (("train", "out/train.json"),)),), command="python train.py"),
        "runs": CatalogTarget(
            "runs",
            tuple(Cell(f"runs[seed={n}]", (("seed", n),), (("run", f"out/run{n}.json"),)) for n in (0, 1)),
            axes=("seed",),
            command="python run.py",
        ),
        "roc": CatalogTarget("roc", (Cell("roc", (), (("roc", "figures/roc.svg"), ("main", "out/main.csv"))),), command="python roc.py"),
    }
)


class MemoryReader:
    """A project in a dictionary; outputs of targets that are not in ``settled`` are refused."""

    def __init__(self, files, settled=frozenset({"train", "runs[seed=0]", "runs[seed=1]", "roc"})):
        self.files = files
        self.settled = settled
        self.read_paths = []

    def require(self, paths):
        makers = (CATALOG.maker(path) for path in paths)
        missing = dict.fromkeys(maker[1].action for maker in makers if maker and maker[1].action not in self.settled)
        if missing:
            raise NotSettled(tuple(missing))

    def read(self, path):
        self.require((path,))
        self.read_paths.append(path)
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def exists(self, path):
        return path in self.files


@pytest.fixture(scope="module")
def runner():
    made = DocumentRunner(CATALOG)
    yield made
    made.close()


def action(output, **options):
    config = {"format": output, "sources": "paper.md", "template": "article", **options}
    outputs = (Output(output, f"_build/paper.{output}"),)
    return Action(f"paper.{output}", "paper", Step("document", tuple(sorted(config.items()))), outputs, inputs=("paper.md",))


def render(runner, output, files=FILES, **options):
    return runner.run(action(output, **options), MemoryReader(files))


def faults(runner, text, output="html", **more):
    with pytest.raises(BuildError) as caught:
        render(runner, output, {**FILES, "paper.md": text.encode(), **more})
    return caught.value.diagnostics


def pdf_text(data):
    pages = pypdf.PdfReader(io.BytesIO(data)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def page_text(data):
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", data.decode())
    return " ".join(re.sub(r"<[^>]+>", "", text).replace("\u00a0", " ").split())


def test_a_page_shows_the_results_and_where_they_come_from(runner):
    page = render(runner, "html").outputs["html"]
    text = page_text(page)
    figure, sentence = "Figure 1. The 0.90 curve.", "It is 0.550, see Figure 1, Table 1 and Equation (1)."
    for words in ("Accuracy of 90.0%", sentence, figure, "91.2%", "Knuth 1984"):
        assert words in text
    provenance = json.loads(re.search(rb"<script[^>]*application/json[^>]*>(.*?)</script>", page, re.DOTALL)[1])
    told = [(entry["kind"], entry["label"], entry["target"], entry["output"]) for entry in provenance]
    assert told == [
        ("value", "90.0%", "train", "out/train.json"),
        ("value", "0.90", "train", "out/train.json"),
        ("value", "0.550", "runs[seed=0], runs[seed=1]", "out/run0.json\nout/run1.json"),
        ("value", "0.90", "train", "out/train.json"),
        ("figure", "Figure 1", "roc", "figures/roc.svg"),
        ("table", "Table 1", "roc", "out/main.csv"),
    ]
    assert [entry["index"] for entry in provenance] == list(range(6))
    assert provenance[0]["params"] == [["lr", "0.1"]]
    assert {entry["rerun"] for entry in provenance} == {
        "paperbuild verify train", "paperbuild verify 'runs[seed=0]' 'runs[seed=1]'", "paperbuild verify roc"
    }  # fmt: skip


def test_pdf_and_page_say_the_same_numbers(runner):
    pdf = pdf_text(render(runner, "pdf").outputs["pdf"])
    for words in ("Figure 1, Table 1 and Equation (1)", "Figure 1. The 0.90 curve.", "Table 1. Scores.", "0.550", "91.2%", "85.0%"):
        assert words in pdf


@pytest.mark.parametrize("output", ["pdf", "html"])
def test_equal_inputs_give_equal_bytes_in_another_process(runner, output):
    other = DocumentRunner(CATALOG)
    try:
        assert render(other, output).outputs == render(runner, output).outputs
    finally:
        other.close()


def test_everything_is_read_through_the_reader(runner):
    reader = MemoryReader(FILES)
    runner.run(action("html"), reader)
    assert set(reader.read_paths) >= set(FILES)


def test_what_is_not_settled_is_asked_for_all_at_once(runner):
    with pytest.raises(NotSettled) as caught:
        runner.run(action("pdf"), MemoryReader(FILES, settled=frozenset()))
    assert set(caught.value.actions) == {"train", "runs[seed=0]", "runs[seed=1]", "roc"}


def test_all_faults_of_a_paper_are_told_in_its_order_with_their_places(runner):
    text = """---
title: T
bibliography: refs.bib
csl: none.csl
---

It is [1]{val=trian.acc} and $x=\\val{train.ac}$.

NaN is [1]{val=train.bad:.1f}, see @fig:rco and [@knuth1948].

![A](figures/rco.svg){#fig:roc}

![B](out/main.csv){#tbl:b columns="model,ac"}

$$ \\frobnicate $$

![C](https://example.org/c.png)
"""
    found = faults(runner, text)
    assert [(d.code, d.span.line, d.span.text[d.span.column - 1 : d.span.column - 1 + d.span.length]) for d in found] == [
        ("PB543", 4, "none.csl"),
        ("PB211", 7, "trian"),
        ("PB212", 7, "ac"),
        ("PB221", 9, ".1f"),
        ("PB270", 9, "fig:rco"),
        ("PB542", 9, "knuth1948"),
        ("PB203", 11, "figures/rco.svg"),
        ("PB280", 13, "ac"),
        ("PB550", 15, "\\frobnicate"),
        ("PB521", 17, "https://example.org/c.png"),
    ]
    helps = {d.code: d.help for d in found}
    assert helps["PB203"] == ("did you mean figures/roc.svg (target roc)?",)
    assert helps["PB211"] == ("did you mean train?",)
    assert helps["PB542"] == ("did you mean knuth1984?",)


def test_a_malformed_bibliography_is_told_once_and_its_citations_not_at_all(runner):
    (fault,) = faults(runner, FILES["paper.md"].decode(), **{"refs.bib": b"@book{knuth1984,\n  title = {The {TeX}book,\n}\n"})
    assert (fault.code, fault.span.path, fault.span.line, fault.needed_by) == ("PB570", "refs.bib", 2, ("paper.html",))


def test_a_malformed_result_is_told_once_however_often_it_is_used(runner):
    (fault,) = faults(runner, "[1]{val=train.acc} [2]{val=train.acc:.1%}\n", **{"out/train.json": b'{"acc": }'})
    assert (fault.code, fault.span.path) == ("PB301", "out/train.json")


def test_front_matter_is_looked_at_before_pandoc_is(runner):
    (fault,) = faults(runner, "---\ntitle: [91]{val=a} x\n---\n\nText.\n")
    assert (fault.code, fault.span.line) == ("PB252", 2)


@pytest.mark.parametrize(("text", "code"), [(b"\n \n", "PB251"), (b"R\xe9sum\xe9\n", "PB250")])
def test_a_paper_that_is_empty_or_no_text_is_told_so(runner, text, code):
    with pytest.raises(BuildError) as caught:
        render(runner, "html", {**FILES, "paper.md": text})
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_a_missing_source_is_told_so(runner):
    with pytest.raises(BuildError) as caught:
        render(runner, "html", {})
    assert caught.value.diagnostics[0].code == "PB265"


def test_a_claim_that_does_not_hold_is_a_warning(runner):
    result = render(runner, "html", {**FILES, "paper.md": b'This is [better]{claim="train.acc > 0.95"}.\n'})
    (warning,) = result.warnings
    assert (warning.code, warning.severity, warning.span.column) == ("PB230", Severity.WARNING, 25)
    assert warning.notes == ("train.acc = 0.90",)
    assert "This is better." in page_text(result.outputs["html"])


def test_the_slip_that_pandoc_swallows_is_an_error(runner):
    (fault,) = faults(runner, "Done [9]{val=a b}.\n")
    assert fault.code == "PB254"


def test_paths_are_those_of_the_papers_folder_and_of_the_project(runner):
    files = {"sub/paper.md": b"![A](pic.svg)\n\n![B](figures/roc.svg)\n", "sub/pic.svg": SVG, "figures/roc.svg": SVG}
    result = runner.run(action("html", sources="sub/paper.md"), MemoryReader(files))
    assert result.outputs["html"].count(b"<img ") == 2


def test_several_sources_are_one_paper_and_keep_their_places(runner):
    files = {"a.md": b"# One {#sec:one}\n", "b.md": b"See @sec:one and @sec:two.\n"}
    with pytest.raises(BuildError) as caught:
        runner.run(action("html", sources="a.md\nb.md"), MemoryReader(files))
    (fault,) = caught.value.diagnostics
    assert (fault.span.path, fault.span.line, fault.span.column) == ("b.md", 1, 19)


def test_options_of_the_front_matter_and_of_the_manifest(runner):
    text = b"---\nnumber-sections: false\n---\n\n# One {#sec:one}\n\nSee @sec:one.\n"
    assert "See “One”." in page_text(render(runner, "html", {**FILES, "paper.md": text}).outputs["html"])
    numbered = render(runner, "html", {**FILES, "paper.md": text}, **{"number-sections": True})
    assert "See Section 1." in page_text(numbered.outputs["html"])
    (fault,) = faults(runner, "---\ncolumns: 3\n---\n\nText.\n")
    assert (fault.code, fault.span.line) == ("PB505", 2)


def test_numbers_follow_the_language(runner):
    text = b"---\nlang: de\n---\n\n[1]{val=train.acc:.1%}, siehe @fig:a.\n\n![B](figures/roc.svg){#fig:a}\n"
    assert "90,0 %, siehe Abbildung 1." in page_text(render(runner, "html", {**FILES, "paper.md": text}).outputs["html"])


def test_text_that_looks_like_markup_stays_text(runner):
    files = {**FILES, "out/main.csv": b'model,acc\n"<b>x</b> #y $z$ *w* _v_",1\n', "paper.md": b"![S](out/main.csv)\n"}
    assert b"&lt;b&gt;x&lt;/b&gt; #y $z$ *w* _v_" in render(runner, "html", files).outputs["html"]
    assert "<b>x</b> #y $z$ *w* _v_" in pdf_text(render(runner, "pdf", files).outputs["pdf"])


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("2026-11-01", 1793491200),
        ("1 November 2026", 1793491200),
        ("November 1, 2026", 1793491200),
        ("2026", 1767225600),
        ("soon", 0),
        ("", 0),
    ],
)
def test_the_documents_moment_is_its_date(date, moment):
    assert timestamp_of(date_parts(date)) == moment


LIBRARIES = {
    "refs.bib": b"@book{k, author={Knuth, Donald}, title={T}, year={1984}, publisher={P}}",
    "refs.json": b'[{"id": "k", "type": "book", "title": "T", "author": [{"family": "Knuth"}], "issued": {"date-parts": [[1984]]}}]',
    "refs.yaml": b"references:\n- id: k\n  type: book\n  title: T\n  author: [{family: Knuth}]\n  issued: {year: 1984}\n",
    "refs.ris": b"TY  - BOOK\nID  - k\nAU  - Knuth, Donald\nTI  - T\nPY  - 1984\nER  - \n",
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_bibliographies_of_every_kind_are_read(runner, name):
    files = {"paper.md": f"---\nbibliography: {name}\n---\n\n[@k]\n".encode(), name: LIBRARIES[name]}
    assert "(Knuth 1984)" in page_text(render(runner, "html", files).outputs["html"])


def test_the_manifests_bibliography_and_style_come_before_the_papers(runner):
    files = {"paper.md": b"---\nbibliography: none.bib\n---\n\n[@k]\n", "lib/refs.bib": LIBRARIES["refs.bib"]}
    assert "Knuth" in page_text(render(runner, "html", files, bibliography="lib/refs.bib").outputs["html"])


OTHER_STYLE = b"""<style xmlns="http://purl.org/net/xbiblio/csl" class="in-text" version="1.0"><info><title>x</title></info>
<citation><layout prefix="{" suffix="}"><text variable="citation-number"/></layout></citation></style>"""


def test_the_templates_citation_style_is_for_papers_that_name_none(runner):
    refs = {"refs.bib": LIBRARIES["refs.bib"], "other.csl": OTHER_STYLE}
    cited = "Cited [@k]."
    plain = {"paper.md": f"---\nbibliography: refs.bib\n---\n\n{cited}\n".encode(), **refs}
    named = {"paper.md": f"---\nbibliography: refs.bib\ncsl: other.csl\n---\n\n{cited}\n".encode(), **refs}
    shown = {name: page_text(render(runner, "html", plain, template=name).outputs["html"]) for name in ("article", "twocolumn", "joss")}
    assert "Cited (Knuth 1984)." in shown["article"]
    assert "Cited [1]." in shown["twocolumn"]
    assert "Cited (Knuth, 1984)." in shown["joss"]
    assert "Cited {1}." in page_text(render(runner, "html", named, template="twocolumn").outputs["html"])
    assert "Cited {1}." in page_text(render(runner, "html", plain, template="twocolumn", csl="other.csl").outputs["html"])


STYLES = {
    "<style": "PB544",
    "<html/>": "PB544",
    '<style xmlns="http://purl.org/net/xbiblio/csl"><info><link href="http://x" rel="independent-parent"/></info></style>': "PB544",
}


@pytest.mark.parametrize("style", STYLES)
def test_a_style_that_cannot_be_used_is_told_with_the_reason(runner, style):
    (fault,) = faults(runner, "---\ncsl: s.csl\nbibliography: refs.bib\n---\n\n[@knuth1984]\n", **{"s.csl": style.encode()})
    assert fault.code == STYLES[style]


def test_a_missing_bibliography_is_told_once_at_its_name(runner):
    (fault,) = faults(runner, "---\nbibliography: [refs.bib, more.bib]\n---\n\n[@a] [@b]\n")
    assert (fault.code, fault.span.line, fault.span.column) == ("PB540", 2, 26)


def test_tex_that_cannot_be_converted_is_an_error_at_its_place_before_anything_is_run(runner):
    text = "Text.\n\nWords \\unknowncmd{with words} here.\n"
    (fault,) = faults(runner, text)
    assert (fault.code, fault.severity, fault.span.line, fault.span.column) == ("PB560", Severity.ERROR, 3, 7)
    early = runner.check(action("html"), MemoryReader({**FILES, "paper.md": text.encode()}, settled=frozenset()))
    assert early == (fault,)


@pytest.mark.parametrize("output", ["html", "pdf"])
def test_a_lenient_document_shows_it_as_it_is_and_warns(runner, output):
    text = "Text.\n\nWords \\unknowncmd{with words} here.\n"
    result = render(runner, output, {**FILES, "paper.md": text.encode()}, lenient=True)
    assert [(w.code, w.severity, w.span.line) for w in result.warnings] == [("PB560", Severity.WARNING, 3)]
    shown = (pdf_text if output == "pdf" else page_text)(result.outputs[output])
    assert r"\unknowncmd{with words}" in shown


def test_a_table_without_a_column_that_exists_is_told_as_that(runner):
    assert [fault.code for fault in faults(runner, '# A\n\n![t](out/main.csv){#tbl:t columns="nope"}\n')] == ["PB280"]


def test_a_prefix_that_counts_nothing_is_an_unknown_citation(runner):
    text = "# A\n\nSee @code:a.\n\n``` {.python #code:a}\nx\n```\n"
    assert [fault.code for fault in faults(runner, text, output="pdf")] == ["PB542"]
