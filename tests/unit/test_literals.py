"""Literals beside what they are bound to: agreement in whatever shape, and new values in the old shape. Rules 25 and 26 of the grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.paper.data import Number
from paperbuild.paper.formats import ENGLISH, FRENCH, GERMAN, Spread, parse_format, render
from paperbuild.paper.literals import agrees, renewed

NBSP, THIN, MINUS, TIMES = "\u00a0", "\u202f", "\u2212", "\u00d7"


def number(text):
    return Number(float(text), text)


def shown(text, spec="", locale=ENGLISH):
    value = Spread(*map(number, text.split("±"))) if "±" in text else number(text)
    return render(value, parse_format(spec) if spec else None, locale)


@pytest.mark.parametrize(
    ("literal", "value", "spec", "locale"),
    [
        ("91.2%", "0.912", ".1%", ENGLISH),
        ("91.2 %", "0.912", ".1%", ENGLISH),
        (f"91.2{NBSP}%", "0.912", ".1%", ENGLISH),
        (r"91.2\ \%", "0.912", ".1%", ENGLISH),
        ("**91.2** %", "0.912", ".1%", ENGLISH),
        ("$91.2$ %", "0.912", ".1%", ENGLISH),
        (r"$91{,}2\,\%$", "0.912", ".1%", GERMAN),
        ("91.2 ±\n0.3 %", "0.912±0.003", ".1%", ENGLISH),
        (r"91.2 \pm 0.3\,\%", "0.912±0.003", ".1%", ENGLISH),
        ("-14", "-14", "", ENGLISH),
        (f"{MINUS}14", "-14", "", ENGLISH),
        (f"1.5 {TIMES} 10^-5^", "0.000015", ".1e", ENGLISH),
        (r"1.5 \times 10^{-5}", "0.000015", ".1e", ENGLISH),
        ("12,345", "12345", ",d", ENGLISH),
        (f"12{THIN}345", "12345", ",d", FRENCH),
        ("< 0.001", "0.00001", ".3p", ENGLISH),
        ("five", "5", "words", ENGLISH),
    ],
)
def test_a_literal_agrees_in_every_shape(literal, value, spec, locale):
    assert agrees(literal, shown(value, spec, locale))
    assert renewed(literal, shown(value, spec, locale), is_math=False) == literal


@pytest.mark.parametrize(
    ("literal", "value", "spec"),
    [
        ("91.3%", "0.912", ".1%"),
        ("91.20%", "0.912", ".1%"),
        ("91.2", "0.912", ".1%"),
        ("about 91.2%", "0.912", ".1%"),
        ("14", "-14", ""),
        ("+14", "14", ""),
        ("12345", "12345", ",d"),
        ("six", "5", "words"),
        ("0.001", "0.00001", ".3p"),
    ],
)
def test_a_literal_that_says_something_else_does_not_agree(literal, value, spec):
    assert not agrees(literal, shown(value, spec))


@pytest.mark.parametrize(
    ("literal", "value", "spec", "new"),
    [
        ("91.2 %", "0.923", ".1%", "92.3 %"),
        (r"**91.2**\ \%", "0.923", ".1%", r"**92.3**\ \%"),
        ("$-14$", "-15", "", "$-15$"),
        (f"{MINUS}14", "-15", "", f"{MINUS}15"),
        ("-14", "-15", "", "-15"),
        ("-14", "15", "", "15"),
        ("14", "-15", "", f"{MINUS}15"),
        ("$14$", "-15", "", "$-15$"),
        (f"91.2{NBSP}±{NBSP}0.3 %", "0.905±0.012", ".1%", f"90.5{NBSP}±{NBSP}1.2 %"),
        (f"1.5 {TIMES} 10^-5^", "0.0025", ".1e", f"2.5 {TIMES} 10^-3^"),
        ("99,999", "100001", ",d", "100,001"),
        ("about a tenth", "0.123", ".1%", "12.3%"),
        ("0.5", "0.000012", ".1e", f"1.2 {TIMES} 10^{MINUS}5^"),
        ("0.123", "0.0001", ".3p", r"\< 0.001"),
        ("", "0.123", ".1%", "12.3%"),
    ],
)
def test_a_new_value_keeps_the_old_shape_where_that_fits(literal, value, spec, new):
    assert renewed(literal, shown(value, spec), is_math=False) == new
    assert agrees(new, shown(value, spec))


@pytest.mark.parametrize(
    ("literal", "value", "spec", "locale", "new"),
    [
        ("0.5", "0.00002", ".1e", ENGLISH, r"2.0 \times 10^{-5}"),
        (r"1{,}5\,\%", "0.016", ".1%", GERMAN, r"1{,}6\,\%"),
        ("", "-3", "", ENGLISH, "-3"),
        (r"1.0 \times 10^{-5}", "0.00002", ".1e", ENGLISH, r"2.0 \times 10^{-5}"),
    ],
)
def test_in_a_formula_a_new_value_is_tex(literal, value, spec, locale, new):
    assert renewed(literal, shown(value, spec, locale), is_math=True) == new


_NUMBERS = st.decimals(min_value=-99999, max_value=99999, places=3).map(str)


@given(_NUMBERS, _NUMBERS, st.sampled_from([".0f", ".2f", ",.1f", ".1%", ".3g", ".1e", "+.2f", ".1f ms"]), st.booleans())
def test_what_was_renewed_agrees_and_stays(old, new, spec, is_math):
    before, after = shown(old, spec), shown(new, spec)
    literal = renewed(before.tex if is_math else before.text, after, is_math=is_math)
    assert agrees(literal, after)
    assert renewed(literal, after, is_math=is_math) == literal
