"""A paper with everything in it that an edit can touch, and an author who writes at random: for the tests of incremental rendering."""

import re

from paperbuild.engine.graph import Action, Output, Step
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.render.typst import Pdf, Typesetter

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40" fill="teal"/></svg>'
PAPER = r"""---
title: "Accuracy of [90 %]{val=train.acc:.1%}"
author: Ada Lovelace
date: 2026-11-01
abstract: |
  We reach $p=\val{train.acc:.2f}$ [@knuth1984].
bibliography: refs.bib
---

A remark before the first heading, with $x^2$ and a [link by name].

# Introduction {#sec:intro}

It is [0]{val="train.acc:.3f"}, see @fig:roc, @tbl:main and @eq:e. This is [better]{claim="train.acc > 0.5"}.
Others said so, too [@knuth1984, p. 3; @lamport1994], and @knuth1984 most of all.[^one]

[^one]: A note about *nothing* with $y$ in it, and [@lamport1994].

Words "in quotes" -- with a dash... and `some code`, a_long_name and https://example.org/a.

## Details

![The [0.9]{val=train.acc} curve.](figures/roc.svg){#fig:roc}

$$ a = b + \frac{1}{n} $$ {#eq:e}

A paragraph of nothing but words, which is long enough to be changed here and there.

# Method

1. one
2. two, as in @sec:intro

- a list
- of things

| a | b |
|---|---|
| 1 | 2 |

: Values. {#tbl:main}

::: {.theorem #thm:main title="A name"}
All is well, by @eq:e.
:::

``` python
# a comment in code
def f(x):
    return x
```

## Details

See @thm:main, Figures [@fig:roc; @fig:two] and [the page](https://example.org "title").[^two] Then \textbf{bold} TeX, and $\alpha$.

![Another picture.](figures/two.svg){#fig:two width=50%}

[link by name]: https://example.org/name

# Results

More words follow. A term -- or two -- and a second sentence.[^three]

> A quotation of *someone*.

$$ c = d $$

Term

:   A definition with words.

    ``` r
    indented(code)
    ```

[^two]: The second note.

[^three]: The third note, in two paragraphs.

    This is the second, with `code`.

Some more prose at the end of the section, which refers to @sec:intro and to [Method].

# References

# Appendix {.appendix #sec:app}

As in @eq:e and @lamport1994.
"""
FILES = {
    "refs.bib": b"@book{knuth1984, author={Donald E. Knuth}, title={The {TeX}book}, year={1984}, publisher={AW}}\n"
    b"@book{lamport1994, author={Leslie Lamport}, title={LaTeX: a document preparation system}, year={1994}, publisher={AW}}\n",
    "figures/roc.svg": SVG,
    "figures/two.svg": SVG.replace(b"teal", b"maroon"),
    "out/train.json": b'{"acc": 0.90}',
    "out/said.txt": b"hello\n",
    "code.py": b"x = 1\ny = 2\n",
    "raised.csl": b"""<?xml version="1.0" encoding="utf-8"?>
<style xmlns="http://purl.org/net/xbiblio/csl" class="in-text" version="1.0">
<info><title>raised numbers</title><id>raised</id><updated>2020-01-01T00:00:00+00:00</updated></info>
<citation><layout vertical-align="sup" delimiter=","><text variable="citation-number"/></layout></citation>
<bibliography><layout suffix="."><text variable="citation-number" suffix=". "/><text variable="title"/></layout></bibliography></style>""",
}
RAISED = PAPER.replace("bibliography: refs.bib", "bibliography: refs.bib\ncsl: raised.csl\nlang: de")
UNTITLED = "# A title\n\n" + PAPER[PAPER.index("A remark before") :].replace("\n# ", "\n## ").replace("\n## Details", "\n### Details")
UNTITLED = re.sub(r"\[?@(?:knuth|lamport)[^\]\s]*(?:; @lamport1994)?(?:, p. 3; @lamport1994)?\]?", "somebody", UNTITLED)
"""The same without front matter and citations, its first heading the title."""
CHUNKED = (
    PAPER.replace(
        "More words follow. A term",
        """``` {.python .target #teal outputs="figures/two.svg" caption="A [0.9]{val=train.acc} square." label="fig:teal"}
draw()
```

More words follow, and @fig:teal. A term""",
    )
    .replace(
        "See @thm:main, Figures",
        """``` {.bash .target #said show=stdout stdout="out/said.txt"}
echo hello
```

See @thm:main, Figures""",
    )
    .replace("[link by name]: https", '``` {.python include="code.py" lines="2-"}\n```\n\n[link by name]: https')
)
"""The same with chunks, and a file of code that is shown."""
CATALOG = Catalog(
    {
        "train": CatalogTarget("train", (Cell("train", (("lr", 0.1),), (("train", "out/train.json"),)),), command="python train.py"),
        "roc": CatalogTarget("roc", (Cell("roc", (), (("roc", "figures/roc.svg"),)),), command="python roc.py"),
    }
)


class Reader:
    """A project in a dictionary, in which everything is settled."""

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


class Unset(Typesetter):
    """Gives back what it was to typeset: what comes of equal sources, other tests ask."""

    def pdf(self, job):
        return Pdf(job.source.encode(), ())


def action(**options):
    config = {"format": "html", "sources": "paper.md", "template": "article", **options}
    return Action(
        "paper.html", "paper", Step("document", tuple(sorted(config.items()))), (Output("html", "_build/paper.html"),), inputs=("paper.md",)
    )


_SPELT = """words estimate however, *emphasis* **strong** $z_1$ `code` state-of-the-art supercalifragilisticexpialidocious e.g.
"quoted" it's -- ... A 1.5 naïve 10% a/b x~1~ 2^nd^ \\* http://example.org/x?y=z § (see below) [span]{.mark}
[a_~_link](https://example.org/b) H~2~O <https://example.org/c>"""
WORDS = [word.replace("_~_", " ") for word in _SPELT.split()]
BLOCKS = r"""A new paragraph of words.
%%
## A new heading

With text.
%%
# Another part {#sec:other}

Text.
%%
$$ e = f $$ {#eq:new}
%%
$$ g = h $$
%%
See @eq:new.
%%
A citation [@lamport1994].
%%
As @knuth1984 said.
%%
A note.[^new]
%%
[^new]: What it says.
%%
Inline.^[A note in place.]
%%
![New.](figures/two.svg){#fig:new}
%%
![](figures/two.svg)
%%
[other name]: https://example.org/other
%%
A [link by name] again.
%%
[other name]
%%
| p | q |
|---|---|
| 3 | 4 |
%%
| p | q |
|---|---|
| 3 | 4 |

: New table. {#tbl:new}
%%
\newcommand{\foo}{\alpha}
%%
$\foo + \alpha$
%%
\begin{equation}
 x = 1 \label{eq:tex}
\end{equation}
%%
As \ref{eq:e} has it.
%%
\newpage
%%
\emph{TeX} words
%%
<!-- a comment -->
%%
<!-- a comment
with `code` and [half -->
%%
Words <!-- inside --> and more.
%%
<!-- one --> <!-- two -->
%%
<!-- half a comment
%%
-->
%%
<div class="x">
%%
</div>
%%
<b>bold</b>
%%
::: {.remark}
So it is.
:::
%%
:::
%%
::: x
%%
```
%%
``` python
x = 1
```
%%
~~~
%%
---
%%
***
%%
- item
%%
1. item
%%
> quote
%%
    indented code
%%
``` {.bash .target #new show="out/said.txt" outputs="out/said.txt" echo=false}
echo hello
```
%%
``` {.python include="code.py"}
```
%%
Setext
======
%%
Setext two
---
%%
(@) An example.
%%
(@good) A good one.
%%
As (@good) shows.
%%
Term
:   its definition
%%
: Caption for nothing
%%
[Introduction]
%%
[details]
%%
---
author: Other
---
%%
[]{val=train.acc}
%%
[9]{val="train.acc:.2f"}
%%
$\val{train.acc:.1f}$
%%
[x]{#here}
%%
See [here](#here).
%%
[text](#nowhere)
%%
@sec:app
%%
@tbl:main
%%
{#eq:lost}
%%
[@nobody2000]
%%
@fig:nothing
%%
\appendix
%%
\title{Other}
%%
\citet{knuth1984}
%%
  a   b
 --- ---
  1   2
%%
+---+---+
| a | b |
+---+---+
| 1 | 2 |
+---+---+
%%
![A [0]{val=train.acc} word.](figures/roc.svg)
%%
Space before a note. [^new] And after.
%%
Two  spaces.
%%
Line\
break.
%%
*half
%%
[half
%%
half]
%%
`half
%%
$half
%%
{half
%%
half}
%%
\half{
%%
[^half
%%
[@half
%%
![half](
%%
|half
%%
\textbf{half
%%
a\ b
%%
Ünïcode — «so»
%%
emoji 🎉
""".strip("\n").split("\n%%\n")


class Author:
    """Someone who edits ``text``; each edit is one of many kinds, small ones more often."""

    def __init__(self, dice, text):
        self.dice = dice
        self.text = text
        self.kinds = [self.type_word] * 8 + [self.type_letter] * 4 + [self.delete_word] * 4 + [self.add_block] * 6
        self.kinds += [self.delete_paragraph, self.split_paragraph, self.join_paragraphs, self.swap, self.change_header, self.undo] * 2
        self.past = [text]

    def edit(self):
        if self.dice.random() < 0.12:  # else the paper would soon be one that nobody could follow
            self.text = self.past[0]
            return "back to the beginning"
        kind = self.dice.choice(self.kinds)
        told = kind()
        self.past = [self.past[0], *self.past[-30:], self.text]
        return f"{kind.__name__}: {told}"

    def place(self, pattern):
        """Return a random place of the body that matches."""
        found = list(re.finditer(pattern, self.text))
        body = [match for match in found if match.start() > self.text.find("\n---\n", 4) or not self.text.startswith("---")]
        return self.dice.choice(body or found)

    def put(self, start, end, words):
        self.text = self.text[:start] + words + self.text[end:]
        return words

    def type_word(self):
        at = self.place(r"(?<=\w) (?=\w)")
        return self.put(at.start(), at.end(), f" {self.dice.choice(WORDS)} ")

    def type_letter(self):
        at = self.place(r"\w")
        return self.put(at.start(), at.start(), self.dice.choice("abcdefgXYZ 0123.,;:!?-_*`$\"'()[]{}<>#@^~|\\\n&%/="))

    def delete_word(self):
        at = self.place(r"\w+ ?")
        return self.put(at.start(), at.end(), "")

    def add_block(self):
        at = self.place(r"\n\n")
        return self.put(at.start(), at.end(), f"\n\n{self.dice.choice(BLOCKS)}\n\n")

    def delete_paragraph(self):
        at = self.place(r"\n\n(?:(?!\n\n)[\s\S])+(?=\n\n)")
        return self.put(at.start(), at.end(), "")

    def split_paragraph(self):
        at = self.place(r"(?<=\w) (?=\w)")
        return self.put(at.start(), at.end(), "\n\n")

    def join_paragraphs(self):
        at = self.place(r"\n\n(?=\w)")
        return self.put(at.start(), at.end(), self.dice.choice(("\n", " ")))

    def swap(self):
        parts = self.text.split("\n\n")
        n = self.dice.randrange(2, len(parts) - 1)
        parts[n], parts[n - 1] = parts[n - 1], parts[n]
        self.text = "\n\n".join(parts)
        return n

    def change_header(self):
        self.text = self.text.replace(
            "author: Ada Lovelace", self.dice.choice(("author: Ada Lovelace", "author: Ada L.", "keywords: [a]\nauthor: Ada"))
        )
        return "front matter"

    def undo(self):
        self.text = self.dice.choice(self.past)
        return "undo"
