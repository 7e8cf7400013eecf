"""A paper with everything that formats must get right, in a project that exists in memory alone."""

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.paper.catalog import Catalog

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="96" height="64"><rect width="96" height="64" fill="teal"/></svg>'
PAPER = r"""---
title: "Numbers & their *places*[^t]"
author:
  - {name: Ada Lovelace, affiliation: [1, 2], orcid: 0000-0002-1825-0097, email: ada@example.org, corresponding: true}
  - {name: Łukasz Ćwik, affiliation: 2}
affiliations:
  - {index: 1, name: Engine Laboratory}
  - {index: 2, name: Institute for A & B}
date: 2026-11-01
abstract: |
  We reach 100 % of $x^2$ [@knuth1984].
keywords: [one & two, three]
bibliography: refs.bib
---

[^t]: A note on the title.

# First {#sec:first}

See @fig:a, @fig:p-b, @tbl:t, @eq:e, @thm:t and @sec:more; 5 ± 2 µm ≤ π_0, “quoted”, 10 % & more.[^n]

[^n]: A footnote with $y$.

![A caption with $\alpha$ and a note.[^c]](figures/roc curve.svg){#fig:a width=50%}

[^c]: In a caption.

$$ a = b $$ {#eq:e}

where $b$ is given.

\begin{align} c &= d \label{eq:two} \\ e &= f \end{align}

::: {#fig:p}
![One](figures/one.svg){#fig:p-a}
![Two](figures/two.svg){#fig:p-b}

Two of them.
:::

::: {.theorem #thm:t title="Big"}
Nothing is *lost*.
:::

::: proof
Look.
:::

## More {#sec:more}

| Name | Value |
|:-----|------:|
| a_1  |   1.5 |
| b    |  20.0 |

: Values. {#tbl:t}

`code_with{braces}`

``` python
def f(x):
    return x  # 100%
```

~~gone~~ H~2~O, <https://example.org/a_b?c=d&e=f>.

# References

# Extra {.appendix #sec:extra}

As in @sec:extra and @eq:two.
"""
FILES = {
    "paper.md": PAPER.encode(),
    "refs.bib": b"@book{knuth1984, author={Donald E. Knuth}, title={The {TeX}book}, year={1984}, publisher={Addison & Wesley}}",
    "figures/roc curve.svg": SVG,
    "figures/one.svg": SVG.replace(b"teal", b"navy"),
    "figures/two.svg": SVG.replace(b"teal", b"maroon"),
}
_BESIDE = {"latex": "paper-figures/", "jats": "paper-media/"}


class MemoryReader:
    """A project in a dictionary; nothing in it is any target's output."""

    def __init__(self, files):
        self.files = files

    def require(self, paths):
        pass

    def read(self, path):
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def exists(self, path):
        return path in self.files


def action(output, **options):
    config = {"format": output, "sources": "paper.md", "template": "article", **options}
    outputs = [Output(output, f"_build/paper.{output}")]
    if output in _BESIDE:
        outputs.append(Output("figures", f"_build/{_BESIDE[output]}"))
    return Action(f"paper.{output}", "paper", Step("document", tuple(sorted(config.items()))), tuple(outputs), inputs=("paper.md",))


def render(runner, output, text=None, files=FILES, **options):
    files = files if text is None else {**files, "paper.md": text.encode()}
    return runner.run(action(output, **options), MemoryReader(files))


EMPTY = Catalog({})
