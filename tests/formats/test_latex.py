"""LaTeX source: what it says, and that TeX sets it with the numbers that paperbuild counted."""

import re

import pytest

from .project import FILES, SVG, render
from .tex import compiled, needs_latex


@pytest.fixture(scope="module")
def made(runner):
    return render(runner, "latex").outputs


@pytest.fixture(scope="module")
def source(made):
    return made["latex"].decode()


def body(source):
    return source.partition("\\begin{document}")[2]


def of(runner, text, **options):
    return body(render(runner, "latex", text, **options).outputs["latex"].decode())


def test_figures_lie_beside_the_source_by_their_own_names(made, source):
    assert sorted(made["figures"]) == ["one.pdf", "roc-curve.pdf", "two.pdf"]
    assert all(data.startswith(b"%PDF-") for data in made["figures"].values())
    assert "\\includegraphics[width=0.5\\linewidth" in source
    assert "{paper-figures/roc-curve.pdf}" in source


def test_numbering_is_left_to_latex(source):
    for code in (
        "Figure~\\ref{fig:a}", "Table~\\ref{tbl:t}", "Equation~\\eqref{eq:e}", "Theorem~\\ref{thm:t}", "Section~\\ref{sec:more}",
        "\\label{fig:a}", "\\label{fig:p-b}", "\\begin{equation}\\label{eq:e}", "\\begin{theorem}[{Big}]\\label{thm:t}", "\\appendix",
        "\\section{First}\\label{sec:first}", "\\subsection{More}\\label{sec:more}",
    ):  # fmt: skip
        assert code in source


def test_a_footnote_in_a_caption_goes_behind_the_float(source):
    figure = re.search(r"\\begin\{figure\}.*?\\footnotetext\{In a caption\.\}", source, re.DOTALL)[0]
    assert "\\caption[A caption with $\\alpha$ and a note.]{A caption with $\\alpha$ and a note.\\protect\\footnotemark{}}" in figure
    assert figure.index("\\end{figure}") < figure.index("\\footnotetext")


def test_a_formula_belongs_to_its_paragraph(runner):
    text = of(runner, "Let\n\n$$ a $$ {#eq:a}\n\nwhere it goes on.\n\n$$ b $$\n\nA new one.\n")
    assert "Let\n\\begin{equation}\\label{eq:a}\na\n\\end{equation}\nwhere it goes on.\n\\[\nb\n\\]\n\nA new one." in text


def test_characters_that_tex_fonts_lack_are_commands(source):
    assert "5 \\ensuremath{\\pm} 2 \\ensuremath{\\mu}m \\ensuremath{\\leq} \\ensuremath{\\pi}\\_0" in " ".join(source.split())
    assert "Łukasz Ćwik" in source


def test_the_front_matter_is_escaped_and_complete(source):
    assert "\\title{Numbers \\& their \\emph{places}\\footnote{A note on the title.}}" in source
    assert "pdftitle={Numbers \\& their places}" in source
    assert "Ada Lovelace\\textsuperscript{1,2}" in source
    assert "\\textsuperscript{2}Institute for A \\& B" in source
    assert "one \\& two, three" in source
    assert "https://orcid.org/0000-0002-1825-0097" in source


def test_a_table_has_booktabs_rules_and_its_alignments(source):
    assert "\\begin{tabular}{@{}lr@{}}\n\\toprule\nName & Value \\\\\n\\midrule\na\\_1 & 1.5 \\\\\nb & 20.0 \\\\\n\\bottomrule" in source


def test_a_long_table_goes_over_pages_and_repeats_its_head(runner):
    rows = "\n".join(f"| {n} | x |" for n in range(60))
    text = of(runner, f"| A | B |\n|---|---|\n{rows}\n\n: Long. {{#tbl:l}}\n")
    assert "\\begin{longtable}" in text
    assert text.count("A & B \\\\") == 2
    assert "\\begin{table}" in of(runner, f"---\ncolumns: 2\n---\n\n| A | B |\n|---|---|\n{rows}\n\n: Long. {{#tbl:l}}\n")


def test_spans_of_rows_and_columns(runner):
    grid = "+---+---+---+\n| A | B     |\n|   +---+---+\n|   | 1 | 2 |\n+---+---+---+\n"
    text = of(runner, grid)
    assert "\\multirow{2}{*}{A}" in text
    assert "\\multicolumn{2}{c}{B}" in text


def test_references_are_a_list_that_citations_lead_to(source):
    assert "\\hyperref[ref-knuth1984]{Knuth 1984}" in source
    assert "\\item\\phantomsection\\label{ref-knuth1984}\nKnuth, Donald E. 1984. \\emph{The {TeX}book}. Addison \\& Wesley." in source


def test_two_pictures_of_one_name_do_not_meet(runner):
    files = {**FILES, "a/x.svg": SVG, "b/x.svg": SVG.replace(b"teal", b"red")}
    made = render(runner, "latex", "![A](a/x.svg)\n\n![B](b/x.svg)\n\n![C](a/x.svg)\n", files).outputs
    assert sorted(made["figures"]) == ["x-2.pdf", "x.pdf"]
    assert re.findall(r"\{paper-figures/(.*?)\}", made["latex"].decode()) == ["x.pdf", "x-2.pdf", "x.pdf"]


def test_a_paper_without_pictures_has_an_empty_folder_of_them(runner):
    assert render(runner, "latex", "Words.\n").outputs["figures"] == {}


SAID = (
    "Figure 1. A caption",
    "Figure 2. Two of them.",
    "Table 1. Values.",
    "Theorem 1 (Big).",
    "See Figure 1, Figure 2b, Table 1, Equation (1), Theorem 1 and Section 1.1",
    "As in Appendix A and Equation (2).",
    "A Extra",
    "5 ± 2",
    "Ada Lovelace",
)


@needs_latex
def test_tex_sets_it_without_complaint_and_with_our_numbers(made, tmp_path):
    text, log = compiled(tmp_path, made)
    assert [words for words in SAID if words not in text] == []
    for complaint in ("undefined", "multiply defined", "Missing character"):
        assert complaint not in log


def test_long_lines_of_code_are_set_smaller_and_then_go_on_in_the_next_line(runner):
    fence = "```"
    assert "\\begin{verbatim}\nshort\n\\end{verbatim}" in of(runner, f"{fence}\nshort\n{fence}\n")
    assert "{\\footnotesize\n\\begin{verbatim}" in of(runner, f"{fence}\n{'x' * 85}\n{fence}\n")
    text = of(runner, f"{fence}\n  {'word ' * 30}\n{fence}\n")
    lines = re.search(r"\\scriptsize\n\\begin\{verbatim\}\n(.*?)\n\\end\{verbatim\}", text, re.DOTALL)[1].split("\n")
    assert max(map(len, lines)) <= 97
    assert lines[1].startswith("      word")
    assert " ".join(lines).split() == ["word"] * 30


def test_a_table_wider_than_its_line_is_set_smaller_or_gets_columns_that_wrap(runner):
    def table(words):
        return of(runner, f"| {words} | B |\n|---|---|\n| a | b |\n\n: T. {{#tbl:t}}\n")

    assert "\\small" not in table("A")
    assert "\\small\\setlength" in table("w" * 74)
    wrapped = table("word " * 40)
    assert "p{(\\linewidth - 2\\tabcolsep)" in wrapped
    assert "\\usepackage{calc}" in render(runner, "latex", f"| {'word ' * 40} | B |\n|---|---|\n| a | b |\n").outputs["latex"].decode()


def test_notes_of_a_table_stand_in_its_float(runner):
    text = of(runner, "| A | B |\n|---|---|\n| a | b |\n\n: T. {#tbl:t}\n\n::: table-notes\nBeware.\n:::\n")
    assert re.search(r"\\end\{tabular\}\}\n\\par\\smallskip\{\\footnotesize Beware\.\\par\}\n\\end\{table\}", text)


def test_letters_that_pdftex_lacks_ask_for_luatex(runner):
    assert render(runner, "latex", "Nguyễn\n").outputs["latex"].startswith(b"% !TeX program = lualatex\n")
    assert render(runner, "latex", "Łukasz ≤ Øystein\n").outputs["latex"].startswith(b"\\documentclass")


@pytest.mark.parametrize("abstract", ["", "abstract: Short.\n"])
def test_keywords_stand_there_once_with_and_without_an_abstract(runner, abstract):
    text = of(runner, f"---\ntitle: T\nkeywords: [one & two]\n{abstract}---\n\nWords.\n")
    assert text.count("\\textbf{Keywords:} one \\& two") == 1
