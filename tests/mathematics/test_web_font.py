"""The font of the page's mathematics has what the formulas need."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import pytest
from fontTools.ttLib import TTFont

from paperbuild.render.pandoc import PandocWorker
from tests.mathematics.corpus import load
from tests.mathematics.drawing import converted, mathml
from tests.mathematics.web_font import TARGET, changed, characters, original, reduced

_INVISIBLE = {0xA0, 0x2009, 0x2061, 0xFE01}


@pytest.fixture(scope="module")
def font():
    return TTFont(TARGET)


def test_every_sign_that_the_writers_know_and_the_original_has_is_in_it(font):
    missing = characters() & set(original("typst").getBestCmap()) - set(font.getBestCmap())
    assert "".join(map(chr, sorted(missing))) == ""


def test_every_sign_of_every_formula_has_a_glyph(font):
    worker = PandocWorker()
    pages, _ = converted(worker, [formula.markdown for formula in load()], "html")
    worker.close()
    signs = {ord(char) for page in pages for math in mathml(page) for char in "".join(ET.fromstring(math).itertext())}
    assert {chr(code) for code in signs - set(font.getBestCmap()) - _INVISIBLE} == set()


@pytest.mark.slow
def test_the_font_is_what_its_program_makes_of_the_original(font):
    made = changed(reduced(original("typst")))
    data = io.BytesIO()
    made.save(data)
    again = TTFont(io.BytesIO(data.getvalue()))
    assert again.getGlyphOrder() == font.getGlyphOrder()
    assert again["hmtx"].metrics == font["hmtx"].metrics
    assert again.getBestCmap() == font.getBestCmap()


def test_no_large_fence_is_much_wider_than_the_one_around_a_fraction(font):
    variants = font["MATH"].table.MathVariants
    forms = dict(zip(variants.VertGlyphCoverage.glyphs, variants.VertGlyphConstruction, strict=True))
    for char, widest in (("(", 0.7), ("[", 0.48), ("{", 0.7), ("√", 0.84)):
        construction = forms[font.getBestCmap()[ord(char)]]
        names = [form.VariantGlyph for form in construction.MathGlyphVariantRecord]
        names += [part.glyph for part in construction.GlyphAssembly.PartRecords]
        assert max(font["hmtx"][name][0] for name in names) <= widest * 1000, char
