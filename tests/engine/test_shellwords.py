"""The words of a command, as a shell would take them."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.engine.shellwords import shell_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python a.py --x 'b c'", ["python", "a.py", "--x", "b c"]),
        ("a|b && c>d.txt 2>&1; e", ["a", "|", "b", "&&", "c", ">", "d.txt", "2", ">&", "1", ";", "e"]),
        ('echo "a \\" b" c\\ d e"f"\'g\'', ["echo", 'a " b', "c d", "efg"]),
        ("echo '' x", ["echo", "", "x"]),
        ("", []),
        ("it's open", ["it", "s", "open"]),
    ],
)
def test_words_and_operators(line: str, words: list[str]):
    assert shell_words(line) == words


@given(st.lists(st.text("ab c'\"\\$|;&<>()\n", max_size=6), max_size=5))
def test_quoted_words_come_back(words: list[str]):
    assert shell_words(shlex.join(words)) == words


@given(st.text("ab '\"\\|\n", max_size=60))
def test_any_text_has_words(line: str):
    assert all(isinstance(word, str) for word in shell_words(line))
