"""The lexical scan for chunks against pandoc's own reading of the same sources: what they disagree on is never passed over in silence."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperbuild.errors import BuildError
from paperbuild.paper.chunks import disagreements
from paperbuild.paper.source import scan
from paperbuild.render.pandoc import PandocWorker

HEAD = '{.python .target #a outputs="a.txt"}'

AGREED = {
    "backticks": (f"Text.\n\n``` {HEAD}\nx = 1\n\ny = 2\n```\n\nMore.\n", ["x = 1\n\ny = 2"]),
    "no blank lines around": (f"Text.\n```{HEAD}\nx = 1\n```\nMore.\n", ["x = 1"]),
    "tildes": (f"~~~ {HEAD}\n```\nx\n```\n~~~\n", ["```\nx\n```"]),
    "a longer fence around a shorter": (f"````` {HEAD}\n```` {{.python .target #b outputs=b}}\n````\n`````\n", None),
    "inside plain code": (f"~~~~ markdown\n``` {HEAD}\nx\n```\n~~~~\n", []),
    "a longer closing fence": (f"``` {HEAD}\nx\n```````\n", ["x"]),
    "a closing fence with blanks": (f"``` {HEAD}\nx\n```   \n\nText.\n", ["x"]),
    "a shorter fence does not close": (f"```` {HEAD}\nx\n```\ny\n````\n", ["x\n```\ny"]),
    "a tilde does not close backticks": (f"``` {HEAD}\nx\n~~~\ny\n```\n", ["x\n~~~\ny"]),
    "a closing fence indented by three": (f"``` {HEAD}\nx\n   ```\n\nText.\n", ["x"]),
    "an indented fence in the code": (f'``` {HEAD}\n"""\n    ```\n    """\n```\n\nText.\n', ['"""\n    ```\n    """']),
    "indented by two": (f"  ``` {HEAD}\n  x\n    y\n z\n  ```\n", ["x\n  y\nz"]),
    "indented code": (f"Text.\n\n    ``` {HEAD}\n    x\n    ```\n\nText.\n", []),
    "in a comment": (f"<!--\n``` {HEAD}\nx\n```\n-->\n\nText.\n", []),
    "behind a comment": (f"<!-- a -->\n\n``` {HEAD}\nx\n```\n", ["x"]),
    "in front matter": (f"---\ntitle: T\n# ``` {HEAD}\n---\n\n``` {HEAD}\nx\n```\n", ["x"]),
    "in a quotation": (f"> ``` {HEAD}\n> x\n>   y\n> ```\n", ["x\n  y"]),
    "in a list": (f"-   Item.\n\n    ``` {HEAD}\n    x\n      y\n    ```\n", ["x\n  y"]),
    "in a numbered list": (f"1. Item.\n\n   ``` {HEAD}\n   x\n   ```\n\n2. Item.\n", ["x"]),
    "in a division": (f"::: {{.note}}\n``` {HEAD}\nx\n```\n:::\n", ["x"]),
    "in a footnote": (f"A note.[^1]\n\n[^1]: See\n\n    ``` {HEAD}\n    x\n    ```\n", ["x"]),
    "tabs in the code": (f"``` {HEAD}\nif x:\n\ty = 1\n\t\tz\n```\n", ["if x:\n\ty = 1\n\t\tz"]),
    "line ends of another system": (f"``` {HEAD}\r\nx\r\ny\r\n```\r\n", ["x\ny"]),
    "no line end at the end": (f"``` {HEAD}\nx\n```", ["x"]),
    "no code": (f"``` {HEAD}\n```\n", [""]),
    "blank lines in the code": (f"``` {HEAD}\n\nx\n\n\n```\n", ["\nx\n\n"]),
    "the language in front": ('``` python {.target #a outputs="a.txt"}\nx\n```\n', ["x"]),
    "attributes over two lines": ('``` {.python .target #a\n  outputs="a.txt"}\nx\n```\n', ["x"]),
    "braces and quotes in attributes": ('``` {.python .target #a caption=\'a "b" {c} d\' outputs="a.txt"}\nx\n```\n', ["x"]),
    "braces in the code": (f"``` {HEAD}\nf'{{x}} {{{{y}}}}' # [1]{{val=a.b}}\n```\n", ["f'{x} {{y}}' # [1]{val=a.b}"]),
    "math before": (f"$$\na `` b\n$$\n\n``` {HEAD}\nx\n```\n", ["x"]),
    "inline code with backticks before": (f"A ``` b ``` c.\n\n``` {HEAD}\nx\n```\n", ["x"]),
    "a setext heading and a rule before": (f"Title\n=====\n\n---\n\n``` {HEAD}\nx\n```\n", ["x"]),
    "two of one name": (f"``` {HEAD}\nx\n```\n\n``` {HEAD}\ny\n```\n", ["x", "y"]),
    "a pipe table before": (f"| a | b |\n|---|---|\n| `c | d` |\n\n``` {HEAD}\nx\n```\n", ["x"]),
    "in a definition": (f"Term\n\n:   Text.\n\n    ``` {HEAD}\n    x\n    ```\n", ["x"]),
    "in a list in a list": (f"- a\n\n    - b\n\n        ``` {HEAD}\n        x\n          y\n        ```\n", ["x\n  y"]),
    "in a quotation in a list": (f"- a\n\n    > ``` {HEAD}\n    > x\n    > ```\n", ["x"]),
    "in a list in a quotation": (f"> - a\n>\n>     ``` {HEAD}\n>     x\n>     ```\n", ["x"]),
    "beside the mark of an item": (f"- ``` {HEAD}\n  x\n  ```\n", ["x"]),
    "in an item indented by a tab": (f"-\ta\n\n\t``` {HEAD}\n\tx\n\t```\n", ["x"]),
    "a comment begins in the code": (f"``` {HEAD}\n<!-- x\n```\n\nText --> more\n", ["<!-- x"]),
    "between tags": (f"<details>\n<summary>s</summary>\n\n``` {HEAD}\nx\n```\n\n</details>\n", ["x"]),
    "in a formula": (f"$$\n``` {HEAD}\nx\n```\n$$\n", []),
    "a line that begins like a fence": (f"``` python foo\nx\n```\n\n``` {HEAD}\nx\n```\n", ["x"]),
    "raw TeX before": (f"\\begin{{equation}}\nx\n\\end{{equation}}\n\n``` {HEAD}\nx\n```\n", ["x"]),
}

DISPUTED = {
    "in preformatted HTML": f"<pre>\n``` {HEAD}\nx\n```\n</pre>\n",
    "beside the mark of a definition": f"Term\n:   ``` {HEAD}\n    x\n    ```\n",
    "in a script": f"<script>\n``` {HEAD}\nx\n```\n</script>\n",
    "in an environment of TeX": f"\\begin{{verbatim}}\n``` {HEAD}\nx\n```\n\\end{{verbatim}}\n",
    "in a block of YAML in the text": f"Text.\n\n---\nabstract: |\n  ``` {HEAD}\n  x\n  ```\n---\n",
}


@pytest.fixture(scope="module")
def worker():
    worker = PandocWorker()
    yield worker
    worker.close()


def both(text, worker):
    return scan(text).chunks, worker.scan(text).chunks


@pytest.mark.parametrize("case", AGREED)
def test_the_scan_finds_what_pandoc_reads(case, worker):
    text, codes = AGREED[case]
    found, seen = both(text, worker)
    assert [*disagreements(found, seen)] == []
    assert len(found) == len(seen)
    if codes is not None:
        assert [chunk.code for chunk in found] == codes == [other.text for other in seen]


@pytest.mark.parametrize("case", DISPUTED)
def test_what_pandoc_reads_otherwise_is_told(case, worker):
    found, seen = both(DISPUTED[case], worker)
    assert [*disagreements(found, seen)] or any(chunk.slip for chunk in found)


PIECES = (
    *("Text.", "", "", "    indented", "> quoted", "-   item", "    item goes on", "1. item", "<!--", "-->", "```", "````", "~~~"),
    *("``` python", f"``` {HEAD}", f"   ``` {HEAD}", f"> ``` {HEAD}", f"    ``` {HEAD}", f"~~~~ {HEAD}", "> ```", "    ```", "~~~~"),
    *("x = 1", "\ty", ":::", "::: {.a}", "<pre>", "</pre>", "$$", "---", "`", "``", "| a | b |", "\\begin{verbatim}", "\\end{verbatim}"),
    *("[^1]:", "<div>", "</div>", "# Heading"),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=14))
def test_no_disagreement_about_any_text_is_silent(worker, pieces):
    try:
        found, seen = both("\n".join(pieces) + "\n", worker)
    except BuildError:
        return  # pandoc refuses it altogether
    ours = sorted((chunk.name, chunk.code) for chunk in found if not chunk.slip)
    theirs = sorted((other.id, other.text) for other in seen)
    if ours != theirs:
        assert [*disagreements(found, seen)], pieces
