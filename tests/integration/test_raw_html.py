"""Raw HTML, and raw blocks for single formats, on the real worker: the same words in every format, or a problem."""

import re

import pytest

from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import BoundImage, Request


@pytest.fixture(scope="module")
def worker():
    started = PandocWorker()
    yield started
    started.close()


def written(worker, text, target="html"):
    scanned = worker.scan(text)
    images = tuple(BoundImage("path", src=image.path) for image in scanned.images)
    return worker.write(Request(text, target, images=images)).body, [(p.kind, p.text, p.detail) for p in scanned.problems]


def words(fragment):
    return " ".join(re.sub(r"<[^>]+>", "", fragment.replace("<wbr>", "")).split())


TYPST = {
    'A <a href="https://x.org?a=1&amp;b=2">link *it*</a>.': 'A #link("https://x.org?a=1&b=2")[link #emph[it]].',
    "Press <kbd>Ctrl</kbd>, <q>said</q> <abbr title='x'>ABC</abbr>.": 'Press `Ctrl`, "said" ABC.',
    "H<sub>2</sub>O <b>bold <i>both</i></b> <u>x</u><br>next": "H#sub[2]O #strong[bold #emph[both]] #underline[x] \\\nnext",
    "Text <!-- a remark --> more.": "Text more.",
    '<ul><li>one</li><li>two <a href="#x">x</a></li></ul>': "- one\n- two x",
    "<h1 id='sec:x'>Head</h1>": "Head",
    "<center>\n\nAmid *it*.\n\n</center>": "Amid #emph[it].",
    "<details><summary>More</summary>\n\nText *x*.\n\n</details>": "#strong[More]\n\nText #emph[x].",
    "<blockquote>said</blockquote>": "#quote(block: true)[\nsaid\n]",
    "<hr>": "#horizontalrule",
    "<dl><dt>T</dt><dd>D</dd></dl>": "/ T",
}


@pytest.mark.parametrize("html", TYPST)
def test_html_means_the_same_in_the_pdf(worker, html):
    body, problems = written(worker, html, "typst")
    assert problems == [] or problems == [("dangling-link", "x", "")]
    assert TYPST[html] in re.sub(r"\n\s*\n+", "\n\n", body)


TABLE = """
<table><caption>Words</caption>
<tr><th>Name</th><th>Value</th></tr>
<tr><td>*one*</td><td>$x^2$ and @sec:a</td></tr>
<tr><td colspan="2">

- item

</td></tr>
</table>

# A {#sec:a}
"""


@pytest.mark.parametrize("target", ["html", "typst", "latex"])
def test_a_table_of_html_keeps_the_markdown_in_its_cells(worker, target):
    body, problems = written(worker, TABLE, target)
    assert problems == []
    emphasis = {"html": "<em>one</em>", "typst": "#emph[one]", "latex": "\\emph{one}"}[target]
    for part in ("Words", "Name", "Value", "item", emphasis):
        assert part in body
    assert ("x squared" if target == "typst" else "x^2") in body
    assert "@sec" not in body


def test_pictures_of_html_are_pictures_of_the_paper(worker):
    text = '<p align="center"><img src="a.png" width="50%"></p>\n\n<figure><img src="b.png"><figcaption>Two.</figcaption></figure>\n'
    assert [image.path for image in worker.scan(text).images] == ["a.png", "b.png"]
    assert "Two." in written(worker, text, "typst")[0]


def test_a_drawing_in_the_text_is_a_picture(worker):
    (image,) = worker.scan('<svg width="10" height="10"><circle r="3"/></svg>\n').images
    assert image.path.startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize("html", ['<iframe src="x"></iframe>', '<video src="a.mp4"></video>', "Choose <input type='text'> here."])
def test_what_only_a_page_shows_stays_there_and_is_told_for_the_others(worker, html):
    body, problems = written(worker, html)
    assert [(kind, detail) for kind, _, detail in problems] == [("raw-lost", "html")]
    assert "<mark>" not in body
    assert re.search("<(iframe|video|input)", body)
    assert "#highlight[" in written(worker, html, "typst")[0]


ALTERNATIVES = """
```{=latex}
\\begin{tikzpicture}\\draw (0,0);\\end{tikzpicture}
```

```{=html}
<b>for pages</b>
```
"""


@pytest.mark.parametrize(("target", "expected"), [("html", "<b>for pages</b>"), ("typst", "#strong[for pages]"), ("latex", "tikzpicture")])
def test_of_alternatives_each_format_takes_its_own_or_what_can_be_converted(worker, target, expected):
    body, problems = written(worker, ALTERNATIVES, target)
    assert problems == []
    assert expected in body
    assert ("tikz" in body) == (target == "latex")


def test_typst_alone_is_told_for_the_page_unless_it_only_lays_out(worker):
    assert written(worker, "```{=typst}\n#pagebreak()\n```\n\nText.\n")[1] == []
    body, problems = written(worker, "Alone `#sym.alpha`{=typst} here.")
    assert problems == [("raw-lost", "#sym.alpha", "typst")]
    assert "<mark><code>#sym.alpha</code></mark>" in body
