"""A paper to measure with: prose, citations, figures, equations and tables in the proportions of a real one, the same each time.

At scale 1 it has about 6,000 words, 20 citations of a bibliography of 30, 8 figures (half of them SVG, half PNG, by matplotlib), 30
equations, 3 tables and cross-references to all of them; a scale of ten repeats everything ten times, with other words and other
names. Only Markdown and TeX that pandoc and typst take as they come, so that a peer without paperbuild can set the same file.
"""

from __future__ import annotations

import random
from pathlib import Path

WORDS = 6000
FIGURES, EQUATIONS, TABLES, ENTRIES, CITATIONS = 8, 30, 3, 30, 20
SECTIONS = ("Introduction", "Related work", "Problem", "Method", "Data", "Experiments", "Results", "Discussion")
_EVERY_FIGURE_DPI = 150

_SUBJECTS = (
    "the estimator", "our method", "the second experiment", "a larger sample", "the baseline", "each of the models", "the posterior mean",
    "this assumption", "the regularised objective", "a naive approach", "the held-out set", "the measured effect",
)  # fmt: skip
_VERBS = (
    "improves", "does not change", "explains most of", "is consistent with", "bounds", "approximates", "depends on", "dominates",
    "is compared with", "contradicts", "converges faster than", "is limited by",
)  # fmt: skip
_OBJECTS = (
    "the variance of the residuals", "what earlier work has found", "the error on unseen data", "the choice of the learning rate",
    "the expected loss", "the size of the batches", "the prior over the parameters", "the gradient's norm", "the cost of sampling",
    "the agreement between raters", "the asymptotic rate", "the number of free parameters",
)  # fmt: skip
_ENDINGS = (
    "in all settings that were tried", "as one would expect", "under mild conditions", "for *small* samples", "with **high** probability",
    "up to a constant factor", "once the data are centred", "at a fixed budget of computation", "although the difference is small",
    "which we discuss below", "when the sample is large", "as long as the penalty is positive",
)  # fmt: skip
_FORMULAS = (
    "\\hat{\\theta}_{%d} = \\arg\\min_{\\theta} \\frac{1}{n} \\sum_{i=1}^{n} \\ell(y_i, f_\\theta(x_i)) + \\lambda \\lVert\\theta\\rVert^2",
    "p_{%d}(\\theta \\mid x) = \\frac{p(x \\mid \\theta) \\, p(\\theta)}{\\int p(x \\mid \\theta') \\, p(\\theta') \\, d\\theta'}",
    "\\mathbb{E}[X_{%d}^2] = \\int_{-\\infty}^{\\infty} x^2 \\, \\frac{1}{\\sqrt{2\\pi}\\sigma} e^{-x^2 / 2\\sigma^2} \\, dx",
    "A_{%d} = \\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}, \\qquad \\det A = ad - bc",
    "\\begin{aligned} u_{%d} &= \\alpha x + \\beta y \\\\ v &= \\gamma x - \\delta y \\end{aligned}",
    "\\left| \\frac{\\partial f_{%d}}{\\partial x} \\right| \\leq \\sup_{t \\in [0, 1]} \\sqrt{1 + g(t)^2}",
)


def write(folder: Path, scale: int = 1) -> Path:
    """Write paper.md, refs.bib and its figures into ``folder``; return the paper's path."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_figures(folder / "figures", FIGURES * scale)
    (folder / "refs.bib").write_text("\n".join(_entry(n) for n in range(ENTRIES * scale)))
    paper = folder / "paper.md"
    paper.write_text(_paper(scale))
    return paper


def _paper(scale: int) -> str:
    dice = random.Random(20)
    head = (
        "---\ntitle: A paper to measure with\nauthor:\n  - Ada Example\n  - Ben Sample\ndate: 2026-01-15\nbibliography: refs.bib\n"
        "abstract: |\n  We measure how long it takes to set a paper of a usual length.\n---\n"
    )
    pieces = [head]
    sections = len(SECTIONS) * scale
    floats = _floats(scale, dice)
    dice.shuffle(floats)
    paragraphs_each = 6
    words_each = WORDS * scale // (sections * paragraphs_each)
    for number in range(sections):
        pieces.append(f"# {SECTIONS[number % len(SECTIONS)]} {number + 1} {{#sec:s{number}}}\n")
        for nth in range(paragraphs_each):
            if nth == paragraphs_each // 2:
                pieces.append(f"## The details of part {number + 1}\n")
            pieces.append(_paragraph(dice, words_each))
            share = len(floats) * (number * paragraphs_each + nth + 1) // (sections * paragraphs_each)
            pieces.extend(floats[len(floats) * (number * paragraphs_each + nth) // (sections * paragraphs_each) : share])
    return "\n".join(pieces) + "\n# References\n"


def _paragraph(dice: random.Random, words: int) -> str:
    sentences: list[str] = []
    count = 0
    while count < words:
        parts = [dice.choice(choices) for choices in (_SUBJECTS, _VERBS, _OBJECTS)]
        if dice.random() < 0.6:
            parts.append(dice.choice(_ENDINGS))
        sentence = " ".join(parts)
        sentences.append(sentence[0].upper() + sentence[1:] + ".")
        count += len(sentence.split())
    lines, line = [], ""
    for word in " ".join(sentences).split():
        if len(line) + len(word) > 96:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line]) + "\n"


def _floats(scale: int, dice: random.Random) -> list[str]:
    """Return the figures, equations, tables and citations, each a block of its own, with a sentence that refers to it."""
    blocks = []
    for n in range(FIGURES * scale):
        suffix = "svg" if n % 2 == 0 else "png"
        caption = f"The error of run {n}, as it falls with the number of steps ($\\alpha = 0.{n % 9 + 1}$)."
        blocks.append(f"As @fig:f{n} shows, the error falls.\n\n![{caption}](figures/f{n}.{suffix}){{#fig:f{n} width=70%}}\n")
    for n in range(EQUATIONS * scale):
        formula = _FORMULAS[n % len(_FORMULAS)].replace("%d", str(n))
        blocks.append(f"This is what @eq:e{n} says:\n\n$$ {formula} $$ {{#eq:e{n}}}\n")
    for n in range(TABLES * scale):
        rows = "\n".join(f"| model {k} | {dice.random():.3f} | {dice.random():.3f} | {dice.randrange(10, 99)} |" for k in range(6))
        table = f"| model | accuracy | loss | steps |\n|:------|---------:|-----:|------:|\n{rows}\n\n: Results of set {n}. {{#tbl:t{n}}}\n"
        blocks.append(f"The figures are in @tbl:t{n}.\n\n{table}")
    return [*blocks, *(_citation(n, n % (len(SECTIONS) * scale)) for n in range(CITATIONS * scale))]


def _citation(n: int, section: int) -> str:
    return (
        f"Others have found the same [@key{n}, p. {n % 40 + 1}], and so did we, in @sec:s{section}.[^n{n}]\n\n"
        f"[^n{n}]: A remark about source {n}, which is shorter than the text.\n"
    )


def _entry(n: int) -> str:
    surnames = ("Adler", "Bauer", "Chen", "Dorsey", "Evans", "Fischer", "Garcia", "Huang", "Ito", "Jansen")
    return (
        f"@article{{key{n},\n  author = {{{surnames[n % 10]}, Anna and {surnames[(n * 7 + 3) % 10]}, Bo}},\n"
        f"  title = {{On the {n}th question of {{Bayesian}} estimation}},\n  journal = {{Journal of Measured Results}},\n"
        f"  year = {{{1980 + n % 45}}},\n  volume = {{{n % 30 + 1}}},\n  pages = {{{n * 3 + 1}--{n * 3 + 19}}},\n"
        f"  doi = {{10.1000/xyz{n}}}\n}}\n"
    )


def _write_figures(folder: Path, count: int) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "paperbuild"
    folder.mkdir(exist_ok=True)
    for n in range(count):
        dice = random.Random(n)
        fig, ax = plt.subplots(figsize=(4.5, 3), layout="constrained")
        for label in ("ours", "theirs", "neither"):
            decay = dice.uniform(0.005, 0.03)
            ax.plot([dice.gauss(2.718 ** (-decay * k), 0.02) for k in range(200)], label=label)
        ax.set(xlabel="step", ylabel="error", title=f"run {n}")
        ax.legend()
        suffix = "svg" if n % 2 == 0 else "png"
        fig.savefig(folder / f"f{n}.{suffix}", dpi=_EVERY_FIGURE_DPI, metadata={"Date": None} if suffix == "svg" else {"Software": None})
        plt.close(fig)
