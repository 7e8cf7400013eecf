"""Values in words of the paper's language: numbers, "three of five", the form of a noun that belongs to a number, lists with an "and"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from paperbuild.paper.faults import Misfit
from paperbuild.paper.locales import Locale, Plural
from paperbuild.paper.number_words import in_english
from paperbuild.paper.rounding import is_whole


def in_words(number: Decimal, locale: Locale) -> str:
    """Return ``number`` in words: in English below a million, else up to twelve, beyond which prose has digits.

    Raises:
        Misfit: PB221, there are no such words.
    """
    if locale.language == "en":
        return in_english(number)
    numerals = locale.wording.numerals
    if not is_whole(number) or not 0 <= number < len(numerals):
        message = f"in the language {locale.language} only whole numbers from 0 to {len(numerals) - 1} can be written in words"
        raise Misfit("PB221", message, help=("use d, or .1f",))
    return numerals[int(number)]


def some_of(part: Decimal, whole: Decimal, locale: Locale) -> str:
    """Return "three of five".

    Raises:
        Misfit: PB221, there are no such words.
    """
    between = locale.wording.of
    if not between:
        message = f"how the language {locale.language} says 'three of five' is not known here"
        raise Misfit("PB221", message, help=("write a reference for each number",))
    return f"{in_words(part, locale)}{between}{in_words(whole, locale)}"


def in_a_list(parts: Sequence[str], locale: Locale) -> tuple[str, ...]:
    """Return what stands behind each of ``parts`` but the last: "A, B and C". Where one has a comma itself, semicolons part them.

    Raises:
        Misfit: PB221, the language's word for "and" is not known.
    """
    wording = locale.wording
    comma = "; " if wording.comma == ", " and any("," in part for part in parts) else wording.comma
    return (*(comma,) * (len(parts) - 2), *(wording.last,) * (len(parts) > 1))


def plural(number: Decimal, forms: Sequence[str], locale: Locale) -> str:
    """Return which of ``forms`` belongs to ``number``: in the order of CLDR, "one", then "few" where the language has it, then the rest.

    Raises:
        Misfit: PB217, the language has not so many forms; PB221, its rule is not known.
    """
    rule = locale.wording.plural
    needed = _FORMS.get(rule, (2,))
    if len(forms) not in needed:
        told = " or ".join(map(str, needed))
        message = (
            f"in the language {locale.language} a noun has {told} form{'' if needed == (1,) else 's'} beside a number, not {len(forms)}"
        )
        raise Misfit("PB217", message, help=('in English: plural(n, "run", "runs")',) if locale.language == "en" else ())
    chosen = _RULES[rule](number.copy_abs())
    if chosen >= len(forms):
        raise Misfit("PB217", "a number with a fraction takes a form of its own: give it as the fourth one")
    return forms[chosen]


def _has_digits_behind(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent < 0


def _one(number: Decimal) -> int:
    return 0 if number == 1 and not _has_digits_behind(number) else 1


def _exactly_one(number: Decimal) -> int:
    return 0 if number == 1 else 1


def _up_to_one(number: Decimal) -> int:
    return 0 if number < 2 else 1


def _polish(number: Decimal) -> int:
    if _has_digits_behind(number):
        return 3
    if number == 1:
        return 0
    return 1 if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else 2


def _russian(number: Decimal) -> int:
    if _has_digits_behind(number):
        return 3
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else 2


_RULES: Mapping[Plural, Callable[[Decimal], int]] = {
    "one": _one,
    "exactly one": _exactly_one,
    "up to one": _up_to_one,
    "polish": _polish,
    "russian": _russian,
    "none": lambda _: 0,
}
_FORMS: Mapping[Plural, tuple[int, ...]] = {"polish": (3, 4), "russian": (3, 4), "none": (1,)}
