"""What is said instead of a formula, for those who listen."""

from __future__ import annotations

import re

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Request
from tests.mathematics.corpus import load

SPOKEN = {
    r"\sum_{i=1}^n x_i": "the sum from i equals 1 to n of x sub i",
    r"\int_0^1 f(x)\,\mathrm{d}x": "the integral from 0 to 1 of f open paren x close paren d x",
    r"\frac{1}{2}": "1 over 2",
    r"\frac{a+b}{c} + d": "the fraction a plus b over c end fraction plus d",
    r"\sqrt{x^2 + y^2} \le \sqrt[3]{z}": "the square root of x squared plus y squared end root is at most the cube root of z",
    r"x_{i+1}^{n-1}": "x sub i plus 1 end sub to the power n minus 1 end power",
    r"\hat{\beta} = (X^\top X)^{-1}": "beta hat equals open paren X transpose X close paren to the power minus 1 end power",
    r"\lim_{x \to 0} \sin^2 x": "the limit as x approaches 0 of sine squared of x",
    r"\arg\max_\theta L(\theta)": "arg the maximum over theta of L open paren theta close paren",
    r"V_{\max}": "V sub max",
    r"\left\| \mathbf{x} \right\|_2": "the norm of bold x sub 2",
    r"\left| \frac{a}{b} \right|": "the absolute value of a over b end absolute value",
    r"A \in \mathbb{R}^{n \times m}": "A in double-struck R to the power n times m end power",
    r"f'(x) + \dot{x} + \bar{X}_n": "f prime open paren x close paren plus x dot plus X bar sub n",
    r"\nabla\cdot\mathbf{E} \ne \nabla\times\mathbf{B}": "nabla dot bold E is not equal to nabla times bold B",
    r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}": "the matrix with rows a, b; c, d; end matrix",
    r"\begin{cases} 1 & x > 0 \\ 0 & \text{otherwise} \end{cases}": "cases: 1, x is greater than 0; 0, otherwise; end cases",
    r"\begin{aligned} a &= b \\ &= c \end{aligned}": "a equals b; equals c",
    r"\binom{n}{k} p^k": "n choose k p to the power k",
    r"\overbrace{a+b}^{n} \xrightarrow{d} c": "overbrace a plus b end brace labelled n arrow with d above c",
    r"\ce{H2O}, \quad \SI{3}{\metre}": "H sub 2 O, 3 m",
    r"\phantom{x} \textcolor{red}{y} \boxed{z}": "y z",
    r"P(A \mid B) \not\equiv \emptyset": "P open paren A given B close paren is not equivalent to the empty set",
}
_ALT = re.compile(r'#mq\("((?:[^"\\]|\\.)*)"')


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


def spoken(worker, tex, lang=""):
    written = worker.write(Request(f"${tex}$\n", "typst", lang=lang)).body
    return _ALT.search(written)[1].replace('\\"', '"').replace("\\\\", "\\")


@pytest.mark.parametrize("tex", SPOKEN)
def test_a_formula_is_said_in_words(worker, tex):
    assert spoken(worker, tex) == SPOKEN[tex]


def test_every_formula_has_words_and_no_tex_in_them(worker):
    formulas = [f for f in load() if not f.tex.startswith(r"\begin{")]
    said = {f.tex: spoken(worker, f.tex) for f in formulas}
    assert [tex for tex, words in said.items() if ("\\" in words and r"\backslash" not in tex) or not words.strip()] == []


def test_in_another_language_the_tex_is_what_is_said(worker):
    assert spoken(worker, r"x^2 \label{eq:x}", lang="de-AT") == "x^2"
    assert spoken(worker, "x^2", lang="en-GB") == "x squared"


def test_a_formula_that_cannot_be_read_is_said_as_it_stands(worker):
    assert spoken(worker, r"\frac{1}{\nowhere}") == r"\frac{1}{\nowhere}"


def test_a_figure_without_words_of_its_own_says_its_caption_with_formulas_in_words(worker):
    text = "![The sum $\\sum_i x_i$.](a.svg){#fig:a}\n"
    assert 'alt: "The sum the sum over i of x sub i.' in worker.write(Request(text, "typst")).body
    assert 'alt="The sum the sum over i of x sub i.' in worker.write(Request(text, "html")).body
