"""Formulas in a real browser, in the page's font and style: what is wide, high and close together as TeX would have it."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from paperbuild.render.pandoc import PandocWorker
from tests.mathematics.drawing import converted, cropped, page_style

EM = 20.0


@pytest.fixture(scope="module")
def opened(browser):
    """Return a page with one displayed formula."""
    worker = PandocWorker()
    page = browser.new_page()

    def opened(tex):
        (fragment,), problems = converted(worker, [f"$${tex}$$"], "html")
        assert problems == []
        page.set_content(f"<!doctype html><meta charset=utf-8><style>{page_style()} math {{ font-size: {EM}px }}</style>{fragment}")
        page.evaluate("document.fonts.ready")
        return page

    yield opened
    page.close()
    worker.close()


@pytest.fixture
def show(opened):
    """Return the boxes, in em, of elements of a displayed formula: of all that the selector finds, in their order."""

    def boxes(tex, selector):
        found = [handle.bounding_box() for handle in opened(tex).query_selector_all(selector)]
        return [{key: value / EM for key, value in box.items()} for box in found]

    return boxes


@pytest.fixture
def draw(opened):
    """Return a picture of a displayed formula, without the white around it."""
    return lambda tex: cropped(Image.open(io.BytesIO(opened(tex).query_selector("math").screenshot())))


def right(box):
    return box["x"] + box["width"]


@pytest.mark.parametrize(("fence", "widest"), [("(", 0.7), ("[", 0.48), (r"\{", 0.7), (r"\langle", 0.67)])
def test_a_fence_around_a_fraction_is_no_wider_than_its_form(show, fence, widest):
    close = {"(": ")", "[": "]", r"\{": r"\}", r"\langle": r"\rangle"}[fence]
    first, last = show(rf"\left{fence} \frac{{a}}{{b}} \right{close}", "math > mrow > mo")
    assert first["height"] > 1.9
    assert max(first["width"], last["width"]) <= widest


def test_a_fence_stretches_around_an_integral_and_not_around_letters(show):
    assert show(r"\left( \int f \right)", "mo")[0]["height"] > 2
    assert show(r"\left( x + y \right)", "mo")[0]["height"] < 1.1


def test_a_big_fence_with_an_exponent_is_as_high_as_without(show):
    plain, raised = show(r"\biggl( x \biggr) + \biggr)^2", "mo[stretchy]")[1:]
    assert raised["height"] == pytest.approx(plain["height"], abs=0.05)
    assert raised["height"] > 2


def test_a_root_ends_where_what_is_under_it_ends(show):
    (root,), (letter,) = show(r"\sqrt{x}", "msqrt"), show(r"\sqrt{x}", "msqrt > mi")
    assert right(root) - right(letter) < 0.05


def test_what_follows_a_wide_lower_limit_is_close_to_it(show):
    limit, follower = show(r"\int_{\partial\Omega\cup\Gamma} f", "msub > mrow, math > mi")
    assert -0.1 < follower["x"] - right(limit) < 0.35


def test_a_negative_space_draws_together(show):
    apart, close = show(r"ab", "mi"), show(r"a\!b", "mi")
    assert (apart[1]["x"] - apart[0]["x"]) - (close[1]["x"] - close[0]["x"]) == pytest.approx(3 / 18, abs=0.02)


def test_a_tilde_grows_with_what_it_stands_over(draw):
    picture = draw(r"\widetilde{xyz}")
    tilde = cropped(picture.crop((0, 0, picture.width, round(0.25 * EM))))
    assert tilde.width > 1.1 * EM


def test_an_arrow_is_as_long_as_its_words_and_keeps_its_distance(show, draw):
    before, arrow, behind = show(r"A \xrightarrow{abcdef} B", "mover, math > mi")
    assert arrow["x"] - right(before) == pytest.approx(5 / 18, abs=0.06)
    assert behind["x"] - right(arrow) == pytest.approx(5 / 18, abs=0.06)
    picture = draw(r"\xrightarrow{abcdef}")
    assert picture.width == pytest.approx(arrow["width"] * EM, abs=0.2 * EM)


def test_exponents_behind_a_parenthesis_and_a_letter_are_equally_high(show):
    behind_letter, behind_fence = show(r"x^2 + (x)^2", "msup > mn")
    assert behind_letter["y"] == pytest.approx(behind_fence["y"], abs=0.05)


def test_prime_and_index_stand_above_each_other(show):
    index, prime = show(r"y'_i", "msubsup > :not(:first-child)")
    assert index["x"] == pytest.approx(prime["x"], abs=0.12)


def test_what_overlaps_to_the_left_takes_no_room(show):
    (word,), (bar,) = show(r"\mathllap{abc}|", "mpadded > mrow"), show(r"\mathllap{abc}|", "math > mo")
    assert right(word) == pytest.approx(bar["x"], abs=0.05)


def test_a_rule_runs_below_the_columns_that_it_names(show):
    widths = show(r"\begin{array}{ccc} a & b & c \\ \cline{2-3} d & e & f \end{array}", "mtd[style*=border-bottom]")
    assert len(widths) == 2


def test_a_high_root_meets_its_rule_and_high_fences_are_not_cut_off(draw):
    high = r"\begin{matrix} 1 \\ 2 \\ 3 \\ 4 \\ 5 \end{matrix}"
    picture = draw(rf"\sqrt{{{high}}}").point(lambda value: 255 if value > 128 else 0)
    dark = [x for x in range(picture.width) if 0 in [picture.getpixel((x, y)) for y in range(4)]]
    assert dark == list(range(dark[0], dark[0] + len(dark)))
    assert len(dark) > 0.5 * EM
    bracket = draw(rf"\left[ {high} \right]").point(lambda value: 255 if value > 128 else 0)

    def ink(rows):
        return max(sum(bracket.getpixel((x, y)) == 0 for x in range(bracket.width)) for y in rows)

    top, bottom = ink(range(3)), ink(range(bracket.height - 3, bracket.height))
    assert top == pytest.approx(bottom, abs=2)
    assert top > 0.3 * EM
