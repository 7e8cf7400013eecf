"""Formulas on real pandoc and real typst: nothing is refused that authors write, and nothing is lost on the way."""

from pathlib import Path

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Request

SYMBOLS = """
otimes oplus ominus odot oslash cap cup bigcap bigcup bigotimes bigodot bigoplus sqcap sqcup uplus biguplus wedge vee
setminus leq geq neq equiv sim simeq approx cong propto ll gg subset subseteq nsubseteq supset in notin ni mid nmid
parallel perp models forall exists nexists nabla partial infty emptyset varnothing hbar ell Re Im aleph wp dagger
ddagger star ast circ bullet cdot to mapsto rightarrow Rightarrow Leftrightarrow iff implies hookrightarrow
rightharpoonup rightleftharpoons rightsquigarrow langle rangle lfloor rfloor lceil rceil lVert rVert llbracket
rrbracket vert Vert ldots cdots vdots ddots triangleq coloneqq arccos arg cos det dim exp gcd hom inf ker lim liminf
limsup ln log max min Pr sin sup tan int oint iint sum prod coprod circledast circleddash shortmid varlimsup surd S P
copyright angle measuredangle therefore because square blacksquare
""".split()  # noqa: SIM905 - a list of words reads as one

FORMULAS = [
    r"\|x\|_2",
    r"\left\|x\right\|",
    r"\big\|x\big\|",
    r"\operatorname*{arg\,min}_{x}",
    r"\begin{matrix}a&b\\c&d\end{matrix}",
    r"\begin{vmatrix}a&b\\c&d\end{vmatrix}",
    r"\begin{Vmatrix}a\\c\end{Vmatrix}",
    r"\begin{smallmatrix}a&b\end{smallmatrix}",
    r"\left[\begin{array}{cc|c}1&2&3\\ \hline 4&5&6\end{array}\right]",
    r"\begin{cases}1, & x>0\\ 0, & \text{otherwise}\end{cases}",
    r"\begin{rcases}a\\b\end{rcases}",
    r"\begin{align*}a&=b & c&=d\\ e&=f & g&=h\end{align*}",
    r"\begin{eqnarray}a&=&b\\c&=&d\end{eqnarray}",
    r"a &= b \\ c &= d",
    r"\Bigg\langle x\Bigg\rangle",
    r"\left.\frac{df}{dx}\right|_{x=0}",
    r"p(x|y)",
    r"\{x \mid x > 0\}",
    r"\ce{2H2 + O2 -> 2H2O}",
    r"\ce{SO4^2-}",
    r"\abs{x} + \norm{y} + \bra{a}\ket{b} + \braket{a|b}",
    r"\dv{f}{x} + \dv[2]{f}{x} + \pdv{f}{x}",
    r"\cfrac{1}{2} + \nicefrac12",
    r"a \bmod b \pmod{n}",
    r"\textcolor{red}{x} + \color{blue} y",
    r"\mathbbm{1} \mathds{1} \bm{x}",
    r"90\degree + 25^\circ",
    r"{\bf x} + {\rm d}x + {a \over b}",
    r"\text{if $x$; and (y) [z]}",
    r"\underset{x}{\arg\max} \overset{!}{=} \xrightarrow[b]{a} \substack{i\\j}",
    r"f(x;\theta), [a,b), (a,b]",
    r"x\!y\,z\:w\;v\quad u \hspace{1em} \kern 2pt",
    r"\perp\!\!\!\perp",
    r"\sideset{}{'}\sum",
    r"\boxed{x} \phantom{x} \smash{x} \cancel{x}",
    r"\SI{3}{\kilo\gram} \num{1e5}",
    r"a \xrightarrow{n \to \infty} b \xleftarrow[x]{\text{over}} c \xRightarrow{y} d \xmapsto[z]{} e",
    r"1{,}234 + \text{some {,} words} + \frac{0{,}5}{2} + x_{1{,}2}",
]


@pytest.fixture(scope="module")
def worker():
    made = PandocWorker()
    yield made
    made.close()


def paper(formulas):
    return "\n\n".join(f"$${formula}$$" for formula in formulas) + "\n"


ALL = [*(f"a \\{name} b" for name in SYMBOLS), *FORMULAS]


def test_every_formula_is_converted_for_pages(worker):
    written = worker.write(Request(paper(ALL), "html"))
    assert [problem.text for problem in written.problems] == []
    assert written.body.count("<math") >= len(ALL)  # formulas in lines have one for each cell


def test_every_formula_is_converted_for_typst_which_takes_it(worker):
    import typst

    written = worker.write(Request(paper(ALL), "typst"))
    assert [problem.text for problem in written.problems] == []
    head = '#import "/elements.typ": equation-lines, mq\n'
    template = Path(__file__).parents[2] / "templates" / "article"
    assert typst.compile((head + written.body).encode(), root=str(template), ignore_system_fonts=True)[:5] == b"%PDF-"


MEANS = [
    (r"\|x\|", 'class("normal", ‖) x class("normal", ‖)'),
    (r"|x|", r'class("normal", \|) x class("normal", \|)'),
    (r"\operatorname*{argmin}_x", 'attach(op("argmin", limits: #true), b: x)'),
    (r"\begin{matrix}a&b\end{matrix}", "display(mat(delim: #none, row-gap: #.35em, column-gap: #1em, a, b))"),
    (r"\otimes", "⊗"),
    (r"\Bigg\langle", r'class("normal", lr(size: #3em, \⟨))'),
    (r"\ce{H2O}", "attach(upright(H), b: 2) upright(O)"),
    (r"\textcolor{red}{x}", 'text(fill: #rgb("#FF0000"), x)'),
    (r"1{,}234", r'1 class("normal", \,) 234'),
    (r"a \text{ if } b", 'a" if "b'),
    (r"f(x,y)", r"f \( x \, y \)"),
]


@pytest.mark.parametrize(("formula", "expected"), MEANS)
def test_what_pandoc_gets_wrong_is_put_right(worker, formula, expected):
    written = worker.write(Request(f"${formula}$\n", "typst")).body
    assert written.endswith(f'", ${expected}$);')


def test_a_comma_in_braces_is_no_punctuation_in_pages(worker):
    written = worker.write(Request("$1{,}234$ and $a, b$\n", "html")).body
    assert '<mn>1</mn><mo lspace="0" rspace="0">,</mo><mn>234</mn>' in written
    assert written.count("<mo>,</mo>") == 1


@pytest.mark.parametrize("target", ["typst", "html"])
def test_what_cannot_be_converted_is_a_problem_that_names_the_command(worker, target):
    (problem,) = worker.write(Request("$a + \\frobnicate{x}$\n", target)).problems
    assert (problem.kind, problem.text, problem.detail) == ("math", "a + \\frobnicate{x}", "unknown")
    assert (problem.at, problem.token) == (4, "\\frobnicate")


def test_a_fence_around_nothing_tall_does_not_stretch_and_one_around_a_fraction_does(worker):
    low = worker.write(Request("$\\left(x\\right)$\n", "html")).body
    assert '<mo form="prefix" stretchy="false">(</mo><mi>x</mi><mo form="postfix" stretchy="false">)</mo>' in low
    assert '<mo form="prefix">(</mo><mfrac>' in worker.write(Request("$\\left(\\frac xy\\right)$\n", "html")).body


def test_the_bars_of_a_norm_are_the_sign_of_a_norm_and_parallel_stays_a_relation(worker):
    written = worker.write(Request("$\\|x\\| \\parallel y$\n", "html")).body
    assert (written.count(">‖</mo>"), written.count(">∥</mo>")) == (2, 1)


def test_a_tag_replaces_the_number_and_takes_none(worker):
    text = "$$ x \\tag{A1} $$ {#eq:a}\n\n$$ y $$ {#eq:b}\n\n@eq:a, @eq:b\n"
    page = worker.write(Request(text, "html", lang="en")).body
    assert "Equation\u00a0(A1)</a>" in page
    assert "Equation\u00a0(1)</a>" in page


@pytest.mark.parametrize("start", [r"\frac", r"\begin{pmatrix}", r"\left(", "{" * 200, r"\val", r"\abs{", r"\ce{" + "^" * 50, r"\qty["])
def test_half_a_formula_is_a_problem_and_never_a_crash(worker, start):
    for target in ("typst", "html"):
        worker.write(Request(f"$${start}$$\n", target))


def test_a_formula_of_four_hundred_terms_is_converted(worker):
    long = " + ".join(f"x_{{{n}}}" for n in range(400))
    assert worker.write(Request(f"$${long}$$\n", "typst")).problems == ()
