import tomllib

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.paper.toml_positions import Path, offset_inside, places

SAMPLE = '''\
# a comment with = and [brackets]
title = "a \\"b\\" # no comment"
"quoted key" = 'x'
a . b."c d" = 1979-05-27 07:32:00
list = [ 1, [2, 3], # inside
  { deep = """
two \\
   lines""" }, ]

[target.train] # header
run = \'\'\'it's\'\'\'
params = { lr = 0.1, "se\\u0065d" = [0, 1] }

[[point]]
x = 1
[[point]]
x = 2
[point.inner]
y = 3

[target]
z = +inf
'''


def at(text: str, path: Path) -> str:
    start, length = places(text)[path].value
    return text[start : start + length]


def key(text: str, path: Path) -> str:
    start, length = places(text)[path].key
    return text[start : start + length]


def items(value: object, path: Path = ()) -> list[tuple[Path, object]]:
    inner: list[tuple[Path, object]] = []
    if isinstance(value, dict):
        inner = [((*path, name), item) for name, item in value.items()]
    elif isinstance(value, list):
        inner = [((*path, n), item) for n, item in enumerate(value)]
    return inner + [pair for here, item in inner for pair in items(item, here)]


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (("title",), '"a \\"b\\" # no comment"'),
        (("quoted key",), "'x'"),
        (("a", "b", "c d"), "1979-05-27 07:32:00"),
        (("list", 1, 0), "2"),
        (("list", 2, "deep"), '"""\ntwo \\\n   lines"""'),
        (("target", "train", "params", "seed", 1), "1"),
        (("target", "train"), "[target.train]"),
        (("target",), "[target]"),
        (("point", 1, "x"), "2"),
        (("point", 1, "inner", "y"), "3"),
        (("target", "z"), "+inf"),
    ],
)
def test_a_value_is_found_where_it_is_written(path: Path, written: str) -> None:
    assert at(SAMPLE, path) == written


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (("quoted key",), '"quoted key"'),
        (("a", "b"), "b"),
        (("target", "train"), "train"),
        (("target", "train", "params", "seed"), '"se\\u0065d"'),
        (("list", 1), "[2, 3]"),
    ],
)
def test_a_key_is_found_as_it_is_written(path: Path, written: str) -> None:
    assert key(SAMPLE, path) == written


def test_every_value_of_a_document_has_a_place() -> None:
    assert {path for path, _ in items(tomllib.loads(SAMPLE))} <= set(places(SAMPLE))


def test_windows_line_ends_do_not_move_anything() -> None:
    text = SAMPLE.replace("\n", "\r\n")
    assert at(text, ("point", 1, "x")) == "2"
    assert set(places(text)) == set(places(SAMPLE))


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\r\x00\x7f"), max_size=8)
_SCALARS = st.one_of(st.integers(-(2**62), 2**62), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), _TEXT)
_TREES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=12)


@given(st.dictionaries(_TEXT, _TREES, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_stands_at_a_place_is_the_value(document: dict[str, object]) -> None:
    text = tomlkit.dumps(document)
    parsed = tomllib.loads(text)
    found = places(text)
    for path, value in items(parsed):
        if not isinstance(value, dict | list):
            start, length = found[path].value
            assert tomllib.loads(f"x = {text[start : start + length]}") == {"x": value}


@pytest.mark.parametrize("literal", ["'a\\b'", '"a\\tb\\u00e9\\\\x\\"y"', '"""\r\nline\r\n\\   \n  next"""', "'''\nit's'''", '""'])
def test_each_character_of_a_string_is_found_in_its_literal(literal: str) -> None:
    value = tomllib.loads(f"x = {literal}")["x"]
    starts = [offset_inside(literal, 0, index) for index in range(len(value))]
    assert starts == sorted(set(starts))
    for index, character in enumerate(value):
        if character.isalnum() and character.isascii():
            assert literal[starts[index]] == character
