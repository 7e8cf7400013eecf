"""Globs: a table of what they match, and a naive matcher that must agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.engine import patterns


@pytest.mark.parametrize(
    ("pattern", "path", "matched"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "data/a.csv", False),
        ("*.csv", ".hidden.csv", False),
        (".*.csv", ".hidden.csv", True),
        ("data/*.csv", "data/a.csv", True),
        ("data/*", "data/a\nb", True),
        ("data/**", "data/a/b/c.txt", True),
        ("data/**", "data/.git/c.txt", False),
        ("**/*.csv", "a.csv", True),
        ("**/*.csv", "x/y/a.csv", True),
        ("**/*.csv", "x/.y/a.csv", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("run-[0-9].txt", "run-7.txt", True),
        ("run-[0-9].txt", "run-x.txt", False),
        ("run-[!0-9].txt", "run-x.txt", True),
        ("run-[^0].txt", "run-^.txt", True),
        ("[]x]", "]", True),
        ("[z-a]", "b", False),
        ("[!z-a]", "b", True),
        ("[[x]", "[", True),
        ("[a&&b]", "&", True),
        ("[a\\]", "\\", True),
        ("[a-]", "-", True),
        ("?", "é", True),
        ("a?b", "a/b", False),
        ("[!x]", "/", False),
        ("[+-9]x", "/x", False),
        ("a[b", "a[b", True),
        ("a**b", "axxb", True),
        ("a.csv", "axcsv", False),
    ],
)
def test_what_a_glob_matches(pattern: str, path: str, matched: bool):
    assert patterns.matches(pattern, path) is matched


@pytest.mark.parametrize(
    ("declared", "output", "covered"),
    [
        ("runs/", "runs/1/m.json", True),
        ("runs/", "runs.json", False),
        ("runs/*.json", "runs/1.json", True),
        ("runs/*.json", "runs/", True),
        ("runs/*", "runs/1/m.json", False),
        ("runs/*/", "runs/1/m.json", True),
        ("runs/*/", "runs/1/", True),
        ("runs/*/m.json", "runs/1/", True),
        ("runs/**/m.json", "runs/1/2/", True),
        ("*.py", "model/", False),
        ("*/m.json", "model/", True),
        ("*/m.json", "model/deep/", False),
        ("data/*.csv", "results/", False),
        ("**", "model/", True),
        ("**/*.csv", ".cache/", False),
        ("**/.cache/*", ".cache/", True),
    ],
)
def test_which_outputs_a_declared_input_covers(declared: str, output: str, covered: bool):
    assert patterns.covers(declared, output) is covered


@pytest.mark.parametrize(
    "name", ["a.pyc", "__pycache__", "#a.md#", ".a.swp", "paper.md~", ".git", ".paperbuild", ".paperbuild-0a-1", "4913"]
)
def test_what_is_never_an_input(name: str):
    assert patterns.is_ignored(name)


@pytest.mark.parametrize("name", ["a.py", "git", "paperbuild-1", "a~b", ".gitignore", "49130"])
def test_what_looks_like_it_but_is_an_input(name: str):
    assert not patterns.is_ignored(name)


def naive(pattern: str, name: str) -> bool:
    """Match one name by trying every way, without regular expressions."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(naive(pattern[1:], name[n:]) for n in range(len(name) + 1))
    closing = pattern.find("]", 3 if pattern[1:2] == "!" else 2)
    if pattern[0] == "[" and closing > 0:
        inside, negated = pattern[1:closing], False
        if inside[0] == "!":
            inside, negated = inside[1:], True
        accepted, at = set(), 0
        while at < len(inside):
            if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
                accepted |= {chr(n) for n in range(ord(inside[at]), ord(inside[at + 2]) + 1)}
                at += 3
            else:
                accepted.add(inside[at])
                at += 1
        return bool(name) and (name[0] in accepted) is not negated and naive(pattern[closing + 1 :], name[1:])
    return bool(name) and (pattern[0] in {"?", name[0]}) and naive(pattern[1:], name[1:])


def naive_path(names: list[str], path: list[str]) -> bool:
    if not names:
        return not path
    if names == ["**"]:
        return bool(path) and not any(name.startswith(".") for name in path)
    if names[0] == "**":
        return naive_path(names[1:], path) or (bool(path) and not path[0].startswith(".") and naive_path(names, path[1:]))
    if not path or (path[0].startswith(".") and not names[0].startswith(".")):
        return False
    return naive(names[0], path[0]) and naive_path(names[1:], path[1:])


words = st.text("ab.[]*?!-^\\\n&~|", min_size=1, max_size=5)
globs = st.lists(words | st.just("**"), min_size=1, max_size=3)
paths = st.lists(st.text("ab.[]!-^\\\n&~|*?", min_size=1, max_size=3).filter(lambda name: name not in {".", ".."}), min_size=1, max_size=3)


@given(globs, paths)
@settings(max_examples=120, deadline=None)
def test_a_glob_matches_what_the_naive_matcher_does(pattern: list[str], path: list[str]):
    assert patterns.matches("/".join(pattern), "/".join(path)) == naive_path(pattern, path)


@given(globs, paths, paths)
@settings(max_examples=100, deadline=None)
def test_a_glob_that_matches_something_below_a_folder_reaches_below_it(pattern: list[str], folder: list[str], rest: list[str]):
    if patterns.matches("/".join(pattern), "/".join(folder + rest)):
        assert patterns.reaches_below("/".join(pattern), "/".join(folder))


@given(st.text("[]-!az^\\", max_size=8))
@settings(deadline=None)
def test_any_text_is_a_pattern_that_compiles(text: str):
    assert isinstance(patterns.matches(text, "a"), bool)
