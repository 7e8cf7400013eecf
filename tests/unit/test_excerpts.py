"""Which lines of a file a code block shows."""

import pytest

from paperbuild.paper.excerpts import ExcerptError, excerpt

SCRIPT = """\
import os


@cached
def step(x):
    # region inner
    y = x + 1
    # endregion
    return y


class Model:
    def fit(self):
        return 1

    async def step(self):
        pass
"""


@pytest.mark.parametrize(
    ("lines", "part", "first", "text"),
    [
        ("", "", 1, SCRIPT.rstrip("\n")),
        ("1", "", 1, "import os"),
        ("4-5", "", 4, "@cached\ndef step(x):"),
        ("16-", "", 16, "    async def step(self):\n        pass"),
        ("-2", "", 1, "import os\n"),
        ("4 \N{EN DASH} 5", "", 4, "@cached\ndef step(x):"),
        ("", "step", 4, "@cached\ndef step(x):\n    # region inner\n    y = x + 1\n    # endregion\n    return y"),
        ("", "Model.fit", 13, "def fit(self):\n    return 1"),
        ("", "inner", 7, "y = x + 1"),
    ],
)
def test_lines_and_parts_are_shown_as_they_stand(lines, part, first, text):
    found = excerpt("a.py", SCRIPT, lines, part)
    assert (found.first, found.text) == (first, text)


@pytest.mark.parametrize(
    ("lines", "part", "key", "words"),
    [
        ("0-2", "", "lines", "there are no lines 0-2"),
        ("5-4", "", "lines", "they end before they begin"),
        ("1-99", "", "lines", "a.py has 17 lines"),
        ("all", "", "lines", "lines cannot be all"),
        ("-", "", "lines", "lines cannot be -"),
        ("", "stop", "part", "a.py has no part stop"),
        ("1", "step", "part", "cannot go together"),
    ],
)
def test_lines_that_are_not_there_are_told(lines, part, key, words):
    with pytest.raises(ExcerptError, match=words) as caught:
        excerpt("a.py", SCRIPT, lines, part)
    assert caught.value.key == key


def test_the_nearest_part_is_offered():
    with pytest.raises(ExcerptError) as caught:
        excerpt("a.py", SCRIPT, "", "Model.fitt")
    assert caught.value.finding.help[0].startswith("did you mean Model.fit ")


def test_marks_work_in_any_language_and_a_file_that_is_no_python_is_no_fault():
    assert excerpt("a.R", "x\n# region fit\ny <- 1\n# endregion\n", "", "fit").text == "y <- 1"
    assert excerpt("a.cpp", "//region fit\nint y;\n//endregion\n", "", "fit").first == 2
    with pytest.raises(ExcerptError, match="no part fit"):
        excerpt("a.py", "def fit(:\n", "", "fit")
