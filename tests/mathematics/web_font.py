"""Makes the font in which pages set their mathematics, ``paper-math.woff2``, from New Computer Modern Math.

Run by hand, where fonttools and brotli are installed: ``python -m tests.mathematics.web_font NewCMMath-Book.otf``. The original comes
with typst's Python package, too, inside its library: ``python -m tests.mathematics.web_font typst``.

Taken out is what no formula uses. Changed is what browsers need otherwise than TeX and typst; the glyphs of letters and signs stay.

- Chromium reserves for a fence that stretches, and for a root, the width of its widest form. So the large forms are moved together: they
  lose blank space at their sides, and the widest ones are narrowed a little.
- Chromium sets a root that is built of pieces too low for its rule. So there are higher ready-made roots.
- Browsers place scripts as the font's constants say, without TeX's exception for single letters. With these constants the 2 of "(a+b)²"
  and the index of "y" stand where TeX puts them (drops of scripts: Computer Modern's own, 0.386 and 0.05 em).
- Chromium draws the smallest ready-made arrow that is long enough, past the ends of the arrow's own box; built of pieces, it has the length
  that is asked for.
- No browser stretches a combining tilde or caron; their spacing forms it stretches, given forms to stretch to.
- Primes in scripts and the round script letters are reached by features, which browsers look up for the letters' own script.
"""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables import otTables

TARGET = Path(__file__).parents[2] / "templates" / "article" / "fonts" / "paper-math.woff2"
FILTERS = Path(__file__).parents[2] / "paperbuild" / "render" / "filters"
_RANGES = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x2C6, 0x2DD), (0x391, 0x3F6), (0x2010, 0x201F), (0x2100, 0x214F), (0x2190, 0x22FF), (0x25A0, 0x25CB),
    (0x27E6, 0x27EF), (0x1D400, 0x1D607), (0x1D670, 0x1D7FF),
)  # fmt: skip
_WRITTEN = "math_*.lua mathml_*.lua physics.lua chemistry.lua units.lua"
_MARKS = (
    *range(0x300, 0x316), 0x32C, 0x330, 0x332, 0x338, *range(0x20D0, 0x20DD), 0x20E1, *range(0x2000, 0x200B), 0x202F, 0x205F,
    *range(0x2061, 0x2065),
)  # fmt: skip
_PIECES = [*range(0x239B, 0x23B8), *range(0x23DC, 0x23E2)]

# The most that a stretched form may be wide, in thousandths of an em: about the width of the form around a fraction.
_WIDEST = {
    "(": 690, ")": 690, "[": 472, "]": 472, "{": 690, "}": 690, "⟨": 660, "⟩": 660, "⌈": 528, "⌉": 528, "⌊": 528, "⌋": 528,
    "⟦": 750, "⟧": 750, "⟮": 660, "⟯": 660, "/": 964, "\\": 964,
}  # fmt: skip

# Whose smaller designs are kept, for scripts: letters, digits, usual operators, primes.
_SMALL = ((0x28, 0x3E), (0x61, 0x7A), (0x2032, 0x2034), (0x2057, 0x2057), (0x2212, 0x2212), (0x1D434, 0x1D467), (0x1D6FC, 0x1D71B))
_BEARING = 50  # white that stays at each side
_ROOT = 833
_HIGHER_ROOTS = (1.2, 1.4, 1.7, 2.0, 2.4)
_AXIS = 250


def characters() -> set[int]:
    """Return the characters that the font must have: blocks of mathematics, and every sign that the writers of formulas know."""
    found = {code for first, last in _RANGES for code in range(first, last + 1)} | set(_MARKS) | set(_PIECES)
    for pattern in _WRITTEN.split():
        for path in FILTERS.glob(pattern):
            found |= {ord(char) for char in path.read_text(encoding="utf-8") if ord(char) > 0x7E}
    return found


def original(name: str) -> TTFont:
    """Return the font at a path, or the one inside typst's library."""
    if name != "typst":
        return TTFont(name)
    import typst

    library = next(Path(typst.__file__).parent.glob("_typst*")).read_bytes()
    at = library.find(b"OTTO")
    while at >= 0:
        count = struct.unpack(">H", library[at + 4 : at + 6])[0]
        tables = [struct.unpack(">4sIII", library[at + 12 + 16 * n : at + 28 + 16 * n]) for n in range(count)] if count < 40 else []
        if tables and all(tag.strip().replace(b"/", b"").isalnum() for tag, *_ in tables):
            font = TTFont(io.BytesIO(library[at : at + max(offset + length for _, _, offset, length in tables)]))
            if font["name"].getDebugName(4) == "NewComputerModernMath-Book":
                return font
        at = library.find(b"OTTO", at + 4)
    raise SystemExit("typst's library has no NewComputerModernMath-Book")


def reduced(font: TTFont) -> TTFont:
    """Return the font with nothing but ``characters`` and what they stretch to, under the name that its licence asks for."""
    small = {font.getBestCmap().get(code) for first, last in _SMALL for code in range(first, last + 1)}
    for record in font["GSUB"].table.FeatureList.FeatureRecord:
        for lookup in record.Feature.LookupListIndex if record.FeatureTag == "ssty" else ():
            for table in font["GSUB"].table.LookupList.Lookup[lookup].SubTable:
                table.alternates = {name: forms[:1] for name, forms in table.alternates.items() if name in small}
    options = subset.Options(
        layout_features=["ssty", "dtls"],
        desubroutinize=True,
        notdef_outline=True,
        drop_tables=["FFTM", "PfEd"],
        legacy_kern=False,
        hinting=False,
    )
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters() & set(font.getBestCmap()) | {0xFE01})
    subsetter.subset(font)
    names = {1: "Paper Math", 2: "Book", 3: "PaperMath-Book", 4: "Paper Math", 6: "PaperMath-Book", 16: "Paper Math", 17: "Book"}
    for record in font["name"].names:
        if record.nameID in names:
            record.string = names[record.nameID]
    font["CFF "].cff.fontNames[0] = "PaperMath-Book"
    return font


class Glyphs:
    """The glyphs of a font, to be measured and moved."""

    def __init__(self, font: TTFont) -> None:
        self._font, self._moved = font, set[str]()
        self._strings = font["CFF "].cff.topDictIndex[0].CharStrings
        self.of = font.getBestCmap()

    def width(self, name: str) -> int:
        return int(self._font["hmtx"][name][0])

    def ink(self, names: list[str]) -> tuple[float, float]:
        """Return where the ink of glyphs that stand below each other begins and ends, from left to right."""
        glyphs, boxes = self._font.getGlyphSet(), []
        for name in names:
            pen = BoundsPen(glyphs)
            glyphs[name].draw(pen)
            boxes.append(pen.bounds)
        return min(box[0] for box in boxes), max(box[2] for box in boxes)

    def add(self, name: str, model: str, factor: float) -> None:
        """Add a glyph: another one, drawn out from the axis of fractions upwards and downwards."""
        width, bearing = self._font["hmtx"][model]
        pen = T2CharStringPen(width, self._font.getGlyphSet())
        self._font.getGlyphSet()[model].draw(TransformPen(pen, (1, 0, 0, factor, 0, _AXIS * (1 - factor))))
        old = self._strings[model]
        self._strings.charStringsIndex.append(pen.getCharString(old.private, old.globalSubrs))
        self._strings.charStrings[name] = len(self._strings.charStringsIndex) - 1
        self._font["CFF "].cff.topDictIndex[0].charset.append(name)
        self._font["hmtx"][name] = (width, bearing)

    def place(self, names: list[str], scale: float, shift: float, width: int) -> None:
        """Set the widths of glyphs, and let each x of theirs become ``x * scale + shift``. What was placed once stays."""
        glyphs = self._font.getGlyphSet()
        for name in names:
            if name in self._moved:
                continue
            self._moved.add(name)
            pen = T2CharStringPen(width, glyphs)
            glyphs[name].draw(TransformPen(pen, (scale, 0, 0, 1, shift, 0)))
            old = self._strings[name]
            self._strings[name] = pen.getCharString(old.private, old.globalSubrs)
            self._font["hmtx"][name] = (width, round(self._font["hmtx"][name][1] * scale + shift))


def stretched(construction: Any, base: str) -> list[list[str]]:
    """Return the forms that a glyph stretches to; the last may be several pieces."""
    forms = [[record.VariantGlyph] for record in construction.MathGlyphVariantRecord if record.VariantGlyph != base]
    if construction.GlyphAssembly:
        forms.append([part.glyph for part in construction.GlyphAssembly.PartRecords])
    return forms


def narrow_fences(glyphs: Glyphs, vertical: dict[str, Any]) -> None:
    """Let no stretched form of a fence be wider than ``_WIDEST``."""
    for char, widest in _WIDEST.items():
        name = glyphs.of[ord(char)]
        construction = vertical[name]
        if char in "/\\":  # the longest slashes are wider than any formula is high
            construction.MathGlyphVariantRecord = construction.MathGlyphVariantRecord[:5]
        for form in stretched(construction, name):
            width = max(map(glyphs.width, form))
            if width <= widest:
                continue
            left, right = glyphs.ink(form)
            scale = min(1.0, (widest - 2 * _BEARING) / (right - left))
            white = widest - (right - left) * scale
            before = min(max(white * left / (left + width - right), _BEARING), white - _BEARING)
            glyphs.place(form, scale, before - left * scale, widest)


def narrow_roots(glyphs: Glyphs, vertical: dict[str, Any]) -> None:
    """Let all forms of the root be as wide as the smallest; the end of its stroke, where the rule goes on, stays in its place."""
    name = glyphs.of[0x221A]
    for form in stretched(vertical[name], name):
        left, right = glyphs.ink(form)
        end = _ROOT + right - max(map(glyphs.width, form))
        scale = (end - _BEARING) / (right - left)
        glyphs.place(form, scale, end - right * scale, _ROOT)


def add_higher_roots(font: TTFont, glyphs: Glyphs, vertical: dict[str, Any]) -> None:
    """Add roots beyond the highest ready-made one: that one, drawn out upwards and downwards."""
    variants = vertical[glyphs.of[0x221A]]
    highest = variants.MathGlyphVariantRecord[-1]
    order = list(font.getGlyphOrder())
    for factor in _HIGHER_ROOTS:
        name = f"radical.x{round(10 * factor)}"
        glyphs.add(name, highest.VariantGlyph, factor)
        record = otTables.MathGlyphVariantRecord()
        record.VariantGlyph, record.AdvanceMeasurement = name, round(highest.AdvanceMeasurement * factor)
        variants.MathGlyphVariantRecord.append(record)
        order.append(name)
    variants.VariantCount = len(variants.MathGlyphVariantRecord)
    font.setGlyphOrder(order)


def stretch_across(font: TTFont, glyphs: Glyphs) -> None:
    """Arrows of pieces alone; forms for the spacing tilde and caron; an arrow above letters that has a width."""
    variants = font["MATH"].table.MathVariants
    across = dict(zip(variants.HorizGlyphCoverage.glyphs, variants.HorizGlyphConstruction, strict=True))
    for name, construction in across.items():
        if construction.GlyphAssembly and name in {glyphs.of.get(code) for code in (*range(0x2190, 0x2200), 0x27F5, 0x27F6)}:
            construction.MathGlyphVariantRecord = [record for record in construction.MathGlyphVariantRecord if record.VariantGlyph == name]
            construction.VariantCount = len(construction.MathGlyphVariantRecord)
    for spacing, combining in ((0x2DC, 0x303), (0x2C7, 0x30C)):
        model = across[glyphs.of[combining]]
        own = otTables.MathGlyphConstruction()
        own.GlyphAssembly, own.VariantCount = None, model.VariantCount
        own.MathGlyphVariantRecord = []
        for record in model.MathGlyphVariantRecord:
            form = otTables.MathGlyphVariantRecord()
            form.AdvanceMeasurement = record.AdvanceMeasurement
            form.VariantGlyph = record.VariantGlyph if record.VariantGlyph != glyphs.of[combining] else glyphs.of[spacing]
            own.MathGlyphVariantRecord.append(form)
        across[glyphs.of[spacing]] = own
    order = sorted(across, key=font.getGlyphID)
    variants.HorizGlyphCoverage.glyphs = order
    variants.HorizGlyphConstruction = [across[name] for name in order]
    variants.HorizGlyphCount = len(order)
    arrow = glyphs.of[0x20D7]
    left, right = glyphs.ink([arrow])
    glyphs.place([arrow], 1, -left, round(right - left))
    accents = font["MATH"].table.MathGlyphInfo.MathTopAccentAttachment
    if arrow in accents.TopAccentCoverage.glyphs:
        accents.TopAccentAttachment[accents.TopAccentCoverage.glyphs.index(arrow)].Value -= round(left)


def changed(font: TTFont) -> TTFont:
    """Return the font with what browsers need."""
    glyphs = Glyphs(font)
    variants = font["MATH"].table.MathVariants
    vertical = dict(zip(variants.VertGlyphCoverage.glyphs, variants.VertGlyphConstruction, strict=True))
    narrow_fences(glyphs, vertical)
    narrow_roots(glyphs, vertical)
    add_higher_roots(font, glyphs, vertical)
    stretch_across(font, glyphs)
    constants = font["MATH"].table.MathConstants
    constants.SuperscriptBaselineDropMax.Value, constants.SubscriptBaselineDropMin.Value = 386, 50
    scripts = {record.ScriptTag: record.Script for record in font["GSUB"].table.ScriptList.ScriptRecord}
    for tag in ("DFLT", "latn"):
        if tag in scripts:
            scripts[tag].DefaultLangSys = scripts["math"].DefaultLangSys
    return font


def main(name: str) -> None:
    """Write the font."""
    font = changed(reduced(original(name)))
    font.flavor = "woff2"
    font["head"].modified = font["head"].created  # the same original gives the same bytes
    font.recalcTimestamp = False
    font.save(TARGET)
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size} bytes, {len(font.getBestCmap())} characters\n")


if __name__ == "__main__":
    main(sys.argv[1])
