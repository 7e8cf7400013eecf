r"""Raw TeX in Markdown, on the real worker: converted for every format, and what is not is told.

Each case is a piece of TeX and what of it must be found in the document; no case may leave a problem behind.
"""

import re

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import BoundImage, Library, Request

BIBLIOGRAPHY = Library(
    "biblatex",
    "@book{knuth1984, author={Knuth, Donald E.}, title={The TeXbook}, year={1984}}\n"
    "@article{two, author={van Gogh, Vincent and Gauguin, Paul}, title={Yellow}, year={1888}, doi={10.1000/ABC.1}}\n"
    "@article{many, author={A, A and B, B and C, C}, title={Crowd}, year={2001}, eprint={2101.00001v2}, eprinttype={arxiv}}\n",
)


@pytest.fixture(scope="module")
def worker():
    started = PandocWorker()
    yield started
    started.close()


def written(worker, text, target="html", lenient=False):
    scanned = worker.scan(text)
    images = tuple(BoundImage("path", src=image.path) for image in scanned.images)
    result = worker.write(Request(text, target, images=images, bibliography=(BIBLIOGRAPHY,)))
    if not lenient:
        assert [(problem.kind, problem.text, problem.detail) for problem in (*scanned.problems, *result.problems)] == []
    return result


def words(fragment):
    return " ".join(re.sub(r"<[^>]+>", "", fragment).replace("\u00a0", " ").split())


TEXT = {
    r"\emph{a} \textit{b} \textbf{c} \texttt{d} \textsf{e} \textsc{f} \underline{g}": "a b c d e f g",
    r"x\textsuperscript{2} y\textsubscript{i} \verb|a\_b| \fbox{in a box}": r"x2 yi a\_b in a box",
    r"{\bf bold *and* more} {\it slanted} {\color{red} red} {\small little} end": "bold *and* more slanted red little end",
    r"\resizebox{\textwidth}{!}{one} \scalebox{2}{two} \rotatebox[origin=c]{90}{three} \raisebox{1pt}{four}": "one two three four",
    r"\makebox[2cm][l]{one} \framebox{two} \colorbox{yellow}{three} \textcolor{red}{four} \mbox{five}": "one two three four five",
    r"\todo[inline]{do it} \hl{marked} \enquote{said}": "do it marked “said”",
    r"\SI{3}{\metre} \num{1e3} \qty{4}{\kg} \ang{30} 5\degree{}": "3 m 1 × 103 4 kg 30° 5°",  # noqa: RUF001 - what siunitx writes
    r"\href{https://x.org}{the site} \url{https://y.org} \path{a/b}": "the site https://y.org a/b",
    r"\LaTeX{} \ldots{} \S{} 3 50\% \checkmark{}": "LaTeX … § 3 50% ✓",
    r"a\vspace{1cm} b\noindent{} c\phantom{nothing} d \newpage": "a b c d",
    r"\newcommand{\tool}{\textsc{Tool}}\tool{} works, as \tool{} does": "Tool works, as Tool does",
}


@pytest.mark.parametrize("tex", TEXT)
def test_commands_in_running_text_keep_their_words(worker, tex):
    body = words(written(worker, f"Before {tex} after.").body).replace("&lt;", "<")
    assert re.sub(r" +", " ", body) == f"Before {TEXT[tex]} after."


BLOCKS = {
    "columns": (r"\begin{multicols}{2} Left and right. \end{multicols}", "Left and right."),
    "box": (r"\begin{tcolorbox}[title={A title}, colback=red] In the box. \end{tcolorbox}", "A title In the box."),
    "margins": (r"\begin{adjustwidth}{1cm}{2cm} Narrow. \end{adjustwidth}", "Narrow."),
    "lists": (
        r"\begin{itemize}[noitemsep]\item one \begin{enumerate}\item two\end{enumerate}\end{itemize}",
        "one two",
    ),
    "descriptions": (r"\begin{description}\item[K] three\end{description}", "K three"),
    "centre": (r"\begin{center}\small Amid.\end{center}", "Amid."),
    "quote": (r"\begin{quote}Quoted.\end{quote}", "Quoted."),
    "code": ('\\begin{lstlisting}[language=Python]\nx = "\\foo{1}"\n\\end{lstlisting}', 'x = "\\foo{1}"'),
    "heading": ("\\section*{Thanks} Said.\n\n\\paragraph{Funding} By none.", "Thanks Said. Funding By none."),
    "minipage": (r"\begin{minipage}[t]{0.4\textwidth} Half. \end{minipage}", "Half."),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_environments_keep_their_words_and_show_none_of_their_arguments(worker, case):
    tex, expected = BLOCKS[case]
    assert (
        words(written(worker, f"Start.\n\n{tex}\n\nEnd.\n").body.replace("<wbr>", "").replace("&quot;", '"')) == f"Start. {expected} End."
    )


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (r"\cite{knuth1984,two}", "(Knuth 1984; Gogh and Gauguin 1888)"),
        (r"\citep[see][p. 3]{knuth1984}", "(see Knuth 1984, 3)"),
        (r"\citet{knuth1984}", "Knuth (1984)"),
        (r"\textcite{knuth1984} \citeA{knuth1984}", "Knuth (1984) Knuth (1984)"),
        (r"\parencite{knuth1984} \autocite{knuth1984} \shortcite{knuth1984}", "(Knuth 1984) (Knuth 1984) (Knuth 1984)"),
        (r"\citeauthor{knuth1984} (\citeyear{knuth1984}) \citeyearpar{two}", "Knuth (1984) (1888)"),
        (r"\citeauthor{two}, \citeauthor*{many}", "van Gogh and Gauguin, A et al."),
        (r"@doi:10.1000/abc.1, [@arxiv:2101.00001]", "Gogh and Gauguin (1888), (A et al. 2001)"),
    ],
)
def test_citations_of_latex_and_by_identifiers_are_citations(worker, tex, expected):
    body = words(written(worker, f"By {tex}.").body).partition(" References ")[0].replace("van Gogh", "Gogh").replace("Van Gogh", "Gogh")
    assert body == f"By {expected}.".replace("van Gogh", "Gogh")


def test_nocite_lists_a_reference_that_nothing_mentions(worker):
    assert "Crowd" in written(worker, r"Text.\nocite{many}").body


def test_an_identifier_that_the_bibliography_lacks_is_an_unknown_citation(worker):
    result = written(worker, "By @doi:10.99/none.", lenient=True)
    assert [(problem.kind, problem.text) for problem in result.problems] == [("unknown-citation", "doi:10.99/none")]


FIGURES = r"""
\begin{figure*}[t]\centering\fbox{\includegraphics[width=0.5\linewidth]{a.png}}\caption{One \emph{caption}.}\label{fig:one}\end{figure*}

\begin{wrapfigure}{r}{0.4\textwidth}\includegraphics[width=\columnwidth]{b.png}\caption{Two.}\label{fig:two}\end{wrapfigure}

\begin{figure}
\subfloat[Left.]{\includegraphics[width=.4\textwidth]{c.png}\label{fig:left}}
\subfigure[Right.]{\includegraphics{d.png}}
\caption{Three.}\label{fig:three}
\end{figure}

\begin{figure}
\begin{minipage}{.4\textwidth}\includegraphics{e.png}\caption{Four.}\label{fig:four}\end{minipage}
\begin{minipage}{.4\textwidth}\includegraphics{f.png}\caption{Five.}\label{fig:five}\end{minipage}
\end{figure}

See \autoref{fig:one}, \cref{fig:two}, \ref{fig:left}, \autoref{fig:five}.
"""


def test_figures_of_every_kind_keep_picture_caption_and_label(worker):
    body = written(worker, FIGURES).body
    assert re.findall(r'<img src="(\w)\.png"', body) == list("abcdef")
    assert [words(caption) for caption in re.findall(r"<figcaption>(.*?)</figcaption>", body)] == [
        "Figure 1. One caption.",
        "Figure 2. Two.",
        "(a) Left.",
        "(b) Right.",
        "Figure 3. Three.",
        "Figure 4. Four.",
        "Figure 5. Five.",
    ]
    assert words(body).endswith("See Figure 1, Figure 2, 3a, Figure 5.")
    assert re.findall(r"width: ?([\d.]+%)", body)[:2] == ["50.0%", "100.0%"]
    assert 'class="wide"' in body


TABLES = r"""
\begin{table*}[h]\centering\small\setlength{\tabcolsep}{3pt}
\caption{Numbers.}\label{tab:n}
\begin{threeparttable}
\begin{tabular}{@{}lr@{}}\toprule Name & \multicolumn{1}{c}{Value} \\ \cmidrule(lr){1-2} \rowcolor{gray} one & \cellcolor{red}1 \\
\multirow{2}{*}{two} & 2 \\ \bottomrule\end{tabular}
\begin{tablenotes}\item A note.\end{tablenotes}
\end{threeparttable}
\end{table*}

See \autoref{tab:n}.
"""


def test_a_table_keeps_its_cells_caption_label_and_notes(worker):
    body = words(written(worker, TABLES).body)
    for part in ("Table 1. Numbers.", "Name", "Value", "one", "two", "A note.", "See Table 1."):
        assert part in body
    assert "lr" not in body
    assert "1-2" not in body


def test_theorems_have_their_names_titles_and_labels_and_one_number(worker):
    text = (
        "\\newtheorem{thm}{Theorem}\n\n\\begin{thm}[Euler]\\label{thm:e} All is well. \\end{thm}\n\n"
        "\\begin{proof}[Proof of \\ref{thm:e}] So. \\end{proof}\n\nBy \\autoref{thm:e}.\n"
    )
    body = words(written(worker, text).body)
    assert body == "Theorem 1 (Euler). All is well. Proof of 1. So. By Theorem 1."


ALGORITHM = r"""
\begin{algorithm}[H]
\caption{Euclid's}\label{alg:euclid}
\begin{algorithmic}[1]
\Require $a, b$ % not shown
\While{$b \ne 0$}
  \State swap \Comment{each time}
  \If{done} \State \Return $a$ \ElsIf{lost} \State weep \Else \State go on \EndIf
\EndWhile
\end{algorithmic}
\end{algorithm}
"""


def test_an_algorithm_is_numbered_and_its_lines_are_indented(worker):
    body = written(worker, ALGORITHM + "\nSee \\autoref{alg:euclid}.\n").body
    lines = [re.sub(r"<[^>]+>", "", line) for line in body.partition("line-block")[2].replace("\n", "").split("<br />")]
    depths = [len(line) - len(line.lstrip("\u2003")) for line in lines]
    assert depths == [0, 0, 1, 1, 2, 1, 2, 1, 2, 1, 0] or depths[1:] == [0, 1, 1, 2, 1, 2, 1, 2, 1, 0]
    assert words(body).endswith("See Algorithm 1.")
    for part in ("Require:", "while", "▷ each time", "else if lost then", "weep", "end if", "end while"):
        assert part in words(body)
    assert "not shown" not in body


def test_algorithm2e_is_read_too(worker):
    tex = (
        "\\begin{algorithm2e}\n\\KwIn{a list}\n\\eIf{sorted}{stop\\;}{\\For{each \\KwTo end}{swap\\;}}\n\\caption{Sort}\n\\end{algorithm2e}"
    )
    body = words(written(worker, tex).body)
    assert "Input: a list" in body
    assert re.search(r"if sorted then\s*stop\s*else\s*for each to end do\s*swap\s*end for\s*end if", body.replace("\u2003", " "))


@pytest.mark.parametrize("style", ["  - \\newcommand{\\dataset}{Iris}", "  ```{=latex}\n  \\newcommand{\\dataset}{Iris}\n  ```"])
def test_macros_of_the_front_matter_apply_in_text_and_formulas(worker, style):
    bar = " |" if "```" in style else ""
    yaml = f"---\ntitle: T\nheader-includes:{bar}\n{style}\n---\n"
    body = written(worker, yaml + "\nOn \\dataset{} and $\\mathrm{\\dataset}$.\n").body
    assert "On Iris" in body
    assert "dataset" not in body


def test_macros_of_a_raw_block_apply_in_what_is_raw_and_in_formulas(worker):
    text = "```{=latex}\n\\newcommand{\\vect}[1]{\\mathbf{#1}}\n\\DeclareMathOperator{\\rank}{rank}\n```\n\nIn $\\rank \\vect{x}$.\n"
    assert "rank" in words(written(worker, text).body)


def test_title_authors_and_abstract_may_stand_in_tex(worker):
    text = "\\title{The \\emph{title}}\n\\author{Ada \\and Bo}\n\\maketitle\n\n\\begin{abstract}\nIn short.\n\\end{abstract}\n\nText.\n"
    result = written(worker, text)
    assert (result.plain_title, [author.plain for author in result.authors]) == ("The title", ["Ada", "Bo"])
    assert (words(result.abstract), words(result.body)) == ("In short.", "Text.")


def test_names_and_pages_of_what_is_referred_to(worker):
    text = "# On method {#sec:m}\n\nIn \\nameref{sec:m}, page \\pageref{sec:m}.\n"
    assert "In On method, page" in words(written(worker, text).body)
    assert "counter(page).at" in written(worker, text, "typst").body


@pytest.mark.parametrize(
    ("tex", "lost"),
    [
        (r"Some \unheard{lost words} here.", r"\unheard{lost words}"),
        (r"\begin{center}kept \strange{lost}\end{center}", r"\strange{lost}"),
        (r"\begin{tikzpicture}\draw (0,0);\end{tikzpicture}", r"\begin{tikzpicture}\draw (0,0);\end{tikzpicture}"),
        (r"\input{chapter}", r"\input{chapter.tex}"),
    ],
)
def test_what_cannot_be_converted_is_told_and_stays_as_marked_source(worker, tex, lost):
    (problem,) = worker.scan(tex).problems
    assert (problem.kind, problem.detail) == ("tex-vanished", lost)
    assert f"<mark><code>{lost}</code></mark>" in written(worker, tex, lenient=True).body.replace("<wbr>", "").replace("<wbr/>", "")


def test_tex_that_cannot_even_be_read_is_told(worker):
    tex = r"\begin{center} of \textbf{x \end{center}"
    (problem,) = worker.scan(f"```{{=latex}}\n{tex}\n```\n").problems
    assert (problem.kind, problem.text) == ("tex-vanished", tex)
    assert "unexpected" in problem.detail


def test_a_group_behind_a_switch_of_layout_is_kept(worker):
    body = written(worker, "\\begin{figure}\\centering{\\includegraphics{a.png}}\\caption{C}\\end{figure}\n").body
    assert 'src="a.png"' in body
