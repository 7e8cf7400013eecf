"""Formats: decimal rounding, once, half to even; the typography of running text, and TeX in math."""

from __future__ import annotations

import datetime as dt
import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.paper.data import Number
from paperbuild.paper.faults import Misfit, ReferenceFault
from paperbuild.paper.formats import (
    ENGLISH,
    FRENCH,
    GERMAN,
    Locale,
    Piece,
    Printable,
    Spread,
    doubts,
    locale_of,
    parse_format,
    render,
)
from paperbuild.paper.rounding import is_whole

NBSP, THIN, MINUS, TIMES = "\u00a0", "\u202f", "\u2212", "\u00d7"


def read(text: str) -> Number:
    return Number(float(text), text)


def shown(value: Printable | str, spec: str | None, locale: Locale = ENGLISH) -> str:
    number = read(value) if isinstance(value, str) else value
    return render(number, None if spec is None else parse_format(spec), locale).text


def tex(value: Printable | str, spec: str | None, locale: Locale = ENGLISH) -> str:
    number = read(value) if isinstance(value, str) else value
    return render(number, None if spec is None else parse_format(spec), locale).tex


@pytest.mark.parametrize(
    ("text", "spec", "expected"),
    [
        ("0.9135", ".1%", "91.4%"),  # Python's float gives 91.3
        ("2.675", ".2f", "2.68"),  # Python's float gives 2.67
        ("0.125", ".2f", "0.12"),
        ("0.375", ".2f", "0.38"),
        ("0.5", ".0f", "0"),
        ("1.5", ".0f", "2"),
        ("0.30", ".3f", "0.300"),
        ("1234567.891", ",.1f", "1,234,567.9"),
        ("1234567.891", "_.1f", f"1{THIN}234{THIN}567.9"),
        ("1000", ",d", "1,000"),
        ("100", ",d", "100"),
        ("3.0", "d", "3"),
        ("1e3", "d", "1000"),
        ("2.5", "f", "2.500000"),
        ("2.5", "+.1f", "+2.5"),
        ("-2.5", "+.1f", f"{MINUS}2.5"),
        ("-2.5", ".1f", f"{MINUS}2.5"),
        ("0.0213", ".1pp", "2.1"),
        ("-0.0213", "+.1pp pp", f"{MINUS}2.1{NBSP}pp"),
        ("12.34", ".1f ms", f"12.3{NBSP}ms"),
        ("91.2", ".1f %", f"91.2{NBSP}%"),
        ("0.5", ".3g", "0.5"),
        ("0.5", "#.3g", "0.500"),
        ("999.6", ".3g", f"1{NBSP}{TIMES}{NBSP}10^3"),
        ("99.96", ".3g", "100"),
        ("99.96", "#.3g", "100"),
        ("0.00012345", ".2g", "0.00012"),
        ("0.000012345", ".2g", f"1.2{NBSP}{TIMES}{NBSP}10^{MINUS}5"),
        ("0", ".3g", "0"),
        ("1234567", ",.7g", "1,234,567"),
        ("1234567", ".2e", f"1.23{NBSP}{TIMES}{NBSP}10^6"),
        ("9.996", ".2e", f"1.00{NBSP}{TIMES}{NBSP}10^1"),
        ("-0.00012", ".1e", f"{MINUS}1.2{NBSP}{TIMES}{NBSP}10^{MINUS}4"),
        ("0", ".1e", "0.0"),
        ("1e400", ".1e", f"1.0{NBSP}{TIMES}{NBSP}10^400"),
        ("0.0234", "p", "0.023"),
        ("0.0234", "=p", f"={NBSP}0.023"),
        ("0.0234", "=.2p", f"={NBSP}0.02"),
        ("0.00099", "=p", f"<{NBSP}0.001"),
        ("0.99999", "=p", f">{NBSP}0.999"),
        ("0.00099", "p", f"<{NBSP}0.001"),
        ("0", "p", f"<{NBSP}0.001"),
        ("0.001", "p", "0.001"),
        ("0.0123", ".2p", "0.01"),
        ("0.00123", ".2p", f"<{NBSP}0.01"),
        ("0.99999", "p", f">{NBSP}0.999"),
        ("1", "p", "1.000"),
        ("42", "words", "forty-two"),
        ("-3", "words", "minus three"),
        ("1205", "words", "one thousand two hundred and five"),
        ("100000", "words", "one hundred thousand"),
        ("0.30", None, "0.30"),
        ("-0.30", None, f"{MINUS}0.30"),
        ("1e-05", None, "1e-05"),
    ],
)
def test_a_number_is_written_as_its_format_says(text: str, spec: str | None, expected: str) -> None:
    assert shown(text, spec) == expected


@pytest.mark.parametrize("spec", [".1f", "z.1f", ".0f", ".2%", ".1pp"])
def test_a_zero_after_rounding_loses_its_sign(spec: str) -> None:
    assert MINUS not in shown("-0.0000001", spec)
    assert shown("-0.0", "+.1f") == "+0.0"


def test_a_computed_value_is_rounded_from_the_shortest_text_of_its_double() -> None:
    assert shown(Number(2.675), ".2f") == "2.68"
    assert shown(Number(0.1 + 0.2), ".1f") == "0.3"


def test_a_superscript_is_a_piece_of_its_own() -> None:
    rendered = render(read("0.000012345"), parse_format(".2g s"))
    assert rendered.pieces == (
        Piece("text", f"1.2{NBSP}{TIMES}{NBSP}10"),
        Piece("superscript", f"{MINUS}5"),
        Piece("text", f"{NBSP}s"),
    )


@pytest.mark.parametrize(
    ("text", "spec", "expected"),
    [
        ("0.912", ".1%", r"91.2\%"),
        ("-2.5", ".1f", "-2.5"),
        ("1234.5", ",.1f", "1{,}234.5"),
        ("1234.5", "_.1f", r"1\,234.5"),
        ("0.000012345", ".2g", r"1.2 \times 10^{-5}"),
        ("12.5", ".1f m/s_0", r"12.5\,\text{m/s\_0}"),
        ("12.5", ".1f %", r"12.5\,\%"),
        ("0.0001", "p", "< 0.001"),
        ("0.02", "=p", "= 0.020"),
        ("1e-05", None, r"1 \times 10^{-5}"),
        ("-0.30", None, "-0.30"),
    ],
)
def test_in_math_a_number_is_tex(text: str, spec: str | None, expected: str) -> None:
    assert tex(text, spec) == expected


def test_text_in_math_is_escaped() -> None:
    assert tex_of_text("50% of {a}_b^c~\\&#$") == r"\text{50\% of \{a\}\_b\textasciicircum{}c\textasciitilde{}\textbackslash{}\&\#\$}"


def tex_of_text(text: str) -> str:
    return render(text, None).tex


def test_a_language_has_its_marks() -> None:
    assert shown("1234.56", ",.1f", GERMAN) == "1.234,6"
    assert shown("0.912", ".1%", GERMAN) == f"91,2{NBSP}%"
    assert shown("1234.56", ",.1f", FRENCH) == f"1{THIN}234,6"
    assert tex("1234.56", ",.1f", GERMAN) == "1.234{,}6"
    assert tex("0.912", ".1%", FRENCH) == r"91{,}2\,\%"
    assert (locale_of("de-AT"), locale_of("fr"), locale_of("en-GB"), locale_of("")) == (GERMAN, FRENCH, ENGLISH, ENGLISH)


@pytest.mark.parametrize(
    ("mean", "around", "spec", "expected", "expected_tex"),
    [
        (0.912, 0.004, ".3f", f"0.912{NBSP}±{NBSP}0.004", r"0.912 \pm 0.004"),
        (0.912, 0.004, ".1%", f"91.2{NBSP}±{NBSP}0.4{NBSP}%", r"91.2 \pm 0.4\,\%"),
        (-5.0, 0.25, "+.1f ms", f"{MINUS}5.0{NBSP}±{NBSP}0.2{NBSP}ms", r"-5.0 \pm 0.2\,\text{ms}"),
        (5.0, 0.25, "+.1f", f"+5.0{NBSP}±{NBSP}0.2", r"+5.0 \pm 0.2"),
        (0.00123, 0.00003, ".2e", f"(1.23{NBSP}±{NBSP}0.03){NBSP}{TIMES}{NBSP}10^{MINUS}3", r"(1.23 \pm 0.03) \times 10^{-3}"),
    ],
)
def test_a_mean_and_what_is_around_it_share_one_format(mean: float, around: float, spec: str, expected: str, expected_tex: str) -> None:
    spread = Spread(Number(mean), Number(around))
    assert shown(spread, spec) == expected
    assert tex(spread, spec) == expected_tex


@pytest.mark.parametrize(
    ("value", "spec", "expected"),
    [
        (dt.date(2024, 5, 3), "%-d %B %Y", "3 May 2024"),
        ("2024-05-03", "%d.%m.%Y", "03.05.2024"),
        (dt.datetime(2024, 5, 3, 9, 7), "%H:%M", "09:07"),  # noqa: DTZ001 - results have no zone
        ("2024-05-03T09:07:00", "%-H.%M", "9.07"),
        (dt.time(0, 5), "%-H:%M", "0:05"),
        (dt.date(2024, 5, 3), "100 %% %Y", "100 % 2024"),
        (dt.date(2024, 5, 3), None, "2024-05-03"),
    ],
)
def test_a_date_is_written_by_the_codes_of_strftime(value: Printable, spec: str | None, expected: str) -> None:
    assert render(value, None if spec is None else parse_format(spec)).text == expected


@pytest.mark.parametrize(
    ("spec", "offset", "words"),
    [
        ("", 0, "no format stands"),
        (">10.2f", 0, "alignment"),
        ("*^9f", 0, "alignment"),
        ("10.2f", 0, "width"),
        ("=.2f", 0, "alignment"),
        ("=+p", 0, "no sign"),
        ("08d", 0, "width"),
        (".2", 0, "no type"),
        (",", 0, "no type"),
        ("x", 0, "type x"),
        (".2F", 2, "type F"),
        ("n", 0, "type n"),
        (".2d", 0, "takes no .N"),
        ("#.2f", 0, "# keeps"),
        ("+p", 0, "no sign"),
        (".1fms", 3, "no format"),
        (".1f%", 3, "no format"),
        (".1%x", 3, "no format"),
        (".9999f", 1, "1000 digits"),
        ("%Q", 0, "%Q"),
        ("hello", 0, "no format"),
    ],
)
def test_what_is_no_format_is_an_error_that_says_how_to_write_one(spec: str, offset: int, words: str) -> None:
    with pytest.raises(ReferenceFault) as caught:
        parse_format(spec)
    assert caught.value.code == "PB220"
    assert caught.value.offset == offset
    assert words in caught.value.message
    assert caught.value.help or spec == ".9999f"


@pytest.mark.parametrize(
    ("value", "spec", "code"),
    [
        (Number(math.nan, "NaN"), ".1f", "PB221"),
        (Number(math.inf, "Infinity"), ".1f", "PB221"),
        (Number(math.nan, "NaN"), None, "PB221"),
        (Number(math.nan, ".nan"), ".1f", "PB221"),
        (None, ".1f", "PB221"),
        (True, ".1f", "PB221"),
        ("0.9", ".1f", "PB221"),
        ((Number(1),), ".1f", "PB221"),
        (read("3.5"), "d", "PB221"),
        (read("1.2"), "p", "PB221"),
        (read("3.5"), "words", "PB221"),
        (read("1e6"), "words", "PB221"),
        (read("1e5000"), ".1f", "PB221"),
        (read("1"), "%Y", "PB221"),
        ("soon", "%Y", "PB221"),
        (dt.date(2024, 5, 3), "%H", "PB221"),
        (dt.time(9, 5), "%Y", "PB221"),
        (Spread(Number(1.0), Number(0.1)), "words", "PB221"),
        (Spread(Number(1.0), Number(0.1)), "%Y", "PB221"),
        (Number(0.5), None, "PB222"),
        (Spread(Number(1.0), Number(0.1)), None, "PB222"),
        (None, None, "PB223"),
        (True, None, "PB223"),
        ((Number(1),), None, "PB223"),
        ({"a": None}, None, "PB223"),
        ("\ud800", None, "PB223"),
    ],
)
def test_what_does_not_fit_is_refused(value: Printable, spec: str | None, code: str) -> None:
    with pytest.raises(Misfit) as caught:
        render(value, None if spec is None else parse_format(spec))
    assert caught.value.code == code


def test_a_number_between_quotes_gets_the_help_that_it_needs() -> None:
    with pytest.raises(Misfit) as caught:
        render("0.912", parse_format(".1%"))
    assert "between quotes" in caught.value.help[0]


def test_a_computed_integer_and_a_text_need_no_format() -> None:
    assert shown(Number(12), None) == "12"
    assert render("forest", None).text == "forest"


@pytest.mark.parametrize(("value", "spec", "count"), [("91.2", ".1%", 1), ("-2", ".1pp", 1), ("1.5", ".1%", 0), ("91.2", ".1f", 0)])
def test_what_looks_like_a_percentage_already_is_warned_about(value: str, spec: str, count: int) -> None:
    found = doubts(read(value), parse_format(spec))
    assert [finding.code for finding in found] == ["PB224"] * count
    if count and spec == ".1%":
        assert "use .1f %" in found[0].help[0]


DECIMALS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=None).map(str) | st.tuples(
    st.integers(-(10**6), 10**6), st.integers(0, 8)
).map(lambda pair: str(Decimal(pair[0]).scaleb(-pair[1])))


@settings(max_examples=150, deadline=None)
@given(DECIMALS, st.integers(0, 12))
def test_fixed_formats_are_one_quantize_of_the_source_text(text: str, places: int) -> None:
    with localcontext() as context:
        context.prec = 200
        context.rounding = ROUND_HALF_EVEN
        exact = Decimal(text).quantize(Decimal(1).scaleb(-places)) + 0
        percent = (Decimal(text) * 100).quantize(Decimal(1).scaleb(-places)) + 0
        assert shown(text, f".{places}f").replace(MINUS, "-") == format(exact, "zf")
        assert shown(text, f".{places}%").replace(MINUS, "-") == format(percent, "zf") + "%"


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 15))
def test_significant_digits_and_powers_agree_with_decimal(value: float, places: int) -> None:
    with localcontext() as context:
        context.rounding = ROUND_HALF_EVEN
        context.prec = 2000
        expected = format(Decimal(repr(value)), f".{places}e")
        mantissa, power = expected.split("e")
        written = tex(Number(value), f".{places}e")
        if value == 0:
            assert written == mantissa.lstrip("-")
        else:
            assert written == rf"{mantissa} \times 10^{{{int(power)}}}"


@settings(max_examples=150, deadline=None)
@given(st.text("+z#,_.0123456789fegd%pxn ms:<^YdHq-", max_size=12), st.floats() | st.integers(-(10**30), 10**30))
def test_any_format_on_any_number_renders_or_is_a_fault(spec: str, value: float) -> None:
    try:
        rendered = render(Number(value), parse_format(spec))
    except (ReferenceFault, Misfit):
        return
    assert rendered.text
    assert rendered.tex


@settings(deadline=None)
@given(DECIMALS)
def test_being_whole_is_exact(text: str) -> None:
    number = Decimal(text)
    assert is_whole(number) == (number == number.to_integral_value())
