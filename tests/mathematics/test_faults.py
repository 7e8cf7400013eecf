"""What a formula asks for that cannot be had is told at its place in the formula, never left out."""

from __future__ import annotations

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Request

# The formula, what is pointed at, and a word of what is said of it.
FAULTS = [
    (r"\begin{aligned} a &= b \\ \hline c &= d \end{aligned}", r"\hline", "no rule"),
    (r"\begin{cases} a & b \\ \cline{1-1} c & d \end{cases}", r"\cline", "no rule"),
    (r"\sum_{\substack{a \\ \hline b}} x", r"\hline", "no rule"),
    (r"\begin{pmatrix} a \\ \intertext{and} b \end{pmatrix}", r"\intertext", "no words"),
    (r"\begin{array}{cc} a & b \\ \cline{x} c & d \end{array}", "x", "no columns"),
    (r"\begin{array}{l@{\,=\,}l} a & b \end{array}", r"l@{\,=\,}l", "between columns"),
    (r"\begin{array}{>{\bfseries}l} a \end{array}", r">{\bfseries}l", "between columns"),
    (r"\begin{array}{lS} a & b \end{array}", "lS", "kind of column"),
    (r"\begin{array}{c} \multicolumn{x}{c}{a} \end{array}", "x", "number of columns"),
    (r"\SI[round-mode=places]{1.23}{\metre}", "round-mode", "option of siunitx"),
    (r"\num[per-mode=symbol, exponent-product=\cdot]{1e5}", "exponent-product", "option of siunitx"),
    (r"\SI{3}{\metre\per\parsnip}", r"\parsnip", "unknown unit"),
    (r"x + \DeclarePairedDelimiter{}{(}{)} y", r"\DeclarePairedDelimiter", "name is missing"),
    (r"\underaccent{ab}{x}", "ab", "no accent"),
    (r"\tensor{T}{ab}", "a", "index"),
    (r"\hspace{wide} x", "wide", "no length"),
    (r"a + \frac{b}{", "{", "never closed"),
    (r"a \unknown b", r"\unknown", "unknown"),
]


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


@pytest.mark.parametrize("target", ["html", "typst"])
@pytest.mark.parametrize(("tex", "token", "why"), FAULTS, ids=[tex for tex, _, _ in FAULTS])
def test_a_fault_is_told_with_its_place_in_the_formula(worker, target, tex, token, why):
    (problem,) = worker.write(Request(f"$${tex}$$\n", target)).problems
    assert problem.kind == "math"
    assert why in problem.detail
    assert problem.token == token
    assert tex[problem.at :].startswith(token)


TAGS = {
    r"$\ast$": "\u2217",
    "A": "A",
    r"A$'$": "A\u2032",
    r"\textbf{S} 1": "S 1",
    r"$\star$, Ü": "⋆, Ü",
    r"\nowhere": r"\nowhere",
}


@pytest.mark.parametrize(("tag", "shown"), TAGS.items())
@pytest.mark.parametrize("target", ["html", "jats"])
def test_a_tag_is_text_wherever_the_number_of_a_formula_is_shown(worker, target, tag, shown):
    body = worker.write(Request(rf"$$x = 1 \tag{{{tag}}}$$" + "\n", target)).body
    assert f"({shown})" in body


def test_a_tag_stays_tex_in_latex(worker):
    assert r"\tag{$\ast$}" in worker.write(Request(r"$$x = 1 \tag{$\ast$}$$" + "\n", "latex")).body


def test_delimiters_that_a_paper_declares_in_its_head_are_known_in_every_format(worker):
    head = "---\nheader-includes: |\n  \\DeclarePairedDelimiter{\\len}{\\lVert}{\\rVert}\n---\n\n"
    text = head + "$\\len{x} + \\len*{\\frac{a}{b}} + \\len[\\Big]{y}$\n"
    for target, sign in (("html", "‖"), ("typst", "bar.v.double"), ("latex", "\\Vert"), ("jats", "‖")):
        written = worker.write(Request(text, target))
        assert written.problems == (), target
        assert sign in written.body, target


def test_signs_of_unicode_become_commands_in_latex(worker):
    body = worker.write(Request("$\u03b1 ≤ \\text{weil β ∈ Ä} \u00d7 \\pdv{f}{x}$\n", "latex")).body
    assert body.strip() == r"$\alpha  \leq  \text{weil \ensuremath{\beta} \ensuremath{\in} Ä} \times  \frac{\partial {f}}{\partial {x}}$"


def test_ieee_lines_have_numbers_as_those_of_align(worker):
    text = "\\begin{IEEEeqnarray}{rCl} a &=& b \\label{eq:a} \\\\ c &=& d \\nonumber \\end{IEEEeqnarray}\n\nSee @eq:a.\n"
    page = worker.write(Request(text, "html")).body
    assert page.count('class="eqn-line"') == 2
    assert page.count("(1)") == 2
    assert "\\begin{eqnarray}" in worker.write(Request(text, "latex")).body
