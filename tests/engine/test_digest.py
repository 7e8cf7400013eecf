"""Different values have different encodings, whatever their types and nesting."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.engine.digest import digest_of, encode

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def typed(value: object) -> object:
    """Return something equal exactly for values that are the same in type and content: Python takes 1, 1.0 and True for equal."""
    match value:
        case float():
            return ("float", "nan" if math.isnan(value) else value.hex())
        case tuple():
            return ("tuple", tuple(typed(item) for item in value))
        case dict():
            return ("dict", frozenset((key, typed(item)) for key, item in value.items()))
        case _:
            return (type(value).__name__, value)


@given(values, values)
@settings(deadline=None)
def test_two_values_share_an_encoding_only_where_they_are_the_same(one: object, other: object):
    assert (encode(one) == encode(other)) == (typed(one) == typed(other))  # type: ignore[arg-type] - as drawn


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
@settings(deadline=None)
def test_texts_cannot_run_into_each_other(one: list[str], other: list[str]):
    assert (encode(tuple(one)) == encode(tuple(other))) == (one == other)


def test_the_order_of_a_mapping_does_not_count_and_that_of_a_sequence_does():
    assert encode({"a": 1, "b": 2}) == encode({"b": 2, "a": 1})
    assert encode((1, 2)) != encode((2, 1))


def test_a_domain_keeps_digests_of_different_things_apart():
    assert digest_of("one", "x") != digest_of("other", "x")


def test_the_encoding_is_what_it_always_was():
    """A change here makes every key new: it needs a new KEY_VERSION, and a reason."""
    value = (None, True, 1, 1.5, "é", b"\0", ("x",), {"k": -1})
    assert encode(value) == b"t50:n0:b1:1i1:1f8:?\xf8\x00\x00\x00\x00\x00\x00s2:\xc3\xa9y1:\x00t4:s1:xm9:s1:ki2:-1"


def test_a_name_that_is_not_utf8_has_an_encoding():
    assert encode("\udcff") == b"s1:\xff"
