"""The numbers of a paper's running text that may be results: no years, sections, pages, list numbers, dates, versions, identifiers.

Lexical, and cautious: what is left out here is never complained of. Code, formulas, links, citations, attributes, the words of references
and all front matter but title and abstract are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from paperbuild.paper import attributes
from paperbuild.paper.formats import Locale
from paperbuild.paper.regions import Interval
from paperbuild.paper.source import Scan

_HIDDEN = "\0"  # stands for a character that is not looked at
_TEXT_KEYS = frozenset({"title", "subtitle", "abstract"})
_KEY = re.compile(r"^([A-Za-z][\w-]*)[ \t]*:", re.MULTILINE)
_ELSEWHERE = re.compile(
    r"https?://[^\s)>\]]+|\b10\.\d{4,9}/[^\s)>\]]+|\b(?:doi|arxiv|isbn|issn|orcid|pmid)\b:?\s*[\w./\-]+|[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|</?[A-Za-z][^<>\n]*>|\[\^[^\]\n]*\]|(?<![\w\\])-?@\{?[\w:.#$%&\-+?<>~/]+\}?|\\[A-Za-z]+(?:\[[^\]\n]*\])?(?:\{[^{}\n]*\})*"
    r"|^[ \t>]*#{1,6}[ \t]+(?:[A-Z]|\d+)(?:\.\d+)*\.?(?=\s)|^[ \t>]*\(?(?:\d{1,9}|#)[.)](?=[ \t])|^\s*:{3,}.*$|^[ \t]*\[[^\]\n]+\]:.*$",
    re.MULTILINE | re.IGNORECASE,
)
_CITED = re.compile(r"(?:^|[\s;(\-])@[\w{]")
_WORD_BEFORE = re.compile(r"([^\W\d_][\w.'\u2019-]*|[§№#])[ \t\n\u00a0~]*\Z")
_NAMED_TEXT = """
section sections sec secs chapter chapters figure figures fig figs table tables tab equation equations eq eqs appendix algorithm
theorem lemma proposition corollary definition example step steps stage page pages pp p vol volume no number issue line lines row
rows column columns version ver v part phase seed seeds level layer layers item question version release python numpy pytorch cuda
ubuntu experiment study model cluster grant award licence license iso ieee rfc din chr chromosome room box route highway § № #
january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov
dec monday tuesday wednesday thursday friday saturday sunday
"""
_NAMED = frozenset(_NAMED_TEXT.split())
_FUNCTION_WORDS_TEXT = """
a about above across after all almost among an and approximately are around as at below between but by each even every exactly for
from had has have here in into is it its just less like more most nearly no of on only or our over per roughly since so some than
that the their then these they this those though through to total under until up was we were when where which while whose with
within without yet
"""
_FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_TEXT.split())
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_PERCENT = re.compile(
    r"(?P<space>[ \u00a0\u202f~]?\\?%|[ \u00a0]per[ ]?cent\b(?!age))|(?P<points>[ \u00a0](?:pp\b|percentage[ ]points?\b))"
)
_BAD_BEHIND = re.compile(
    rf"[\w{_HIDDEN}]|[-\N{{EN DASH}}/:^_°](?=\w)|\.\d|,\d|\^|\s?[\u00d7x*]\s?\d|[ \t]?(?:st|nd|rd|th|[ap]\.?m\.?)\b"
    rf"|[ \u00a0]?{_MONTH}\b|\]\("
)
_BAD_BEFORE = re.compile(rf"[\w{_HIDDEN}.,/:#$€£@^_~\\]\Z|[\w{_HIDDEN}%)][-\N{{EN DASH}}\N{{MINUS SIGN}}]\Z|\d\s?[\u00d7x*]\s?\Z")
_SENTENCE = re.compile(r"[.!?](?=\s)|\n[ \t>]*\n|\|")


class ProseNumber(msgspec.Struct, frozen=True):
    """A number in the text, from ``start`` to ``end``, a percent sign included.

    ``value`` is what the digits say, without a percent sign; ``decimals`` counts those behind the point. ``unit`` is "percent", "points"
    (of percent) or "", ``grouped`` says that thousands are set apart, and ``words`` are those of its sentence, in lower case.
    """

    start: int
    end: int
    text: str
    value: Decimal
    decimals: int
    unit: str
    grouped: bool
    words: tuple[str, ...]

    @property
    def significant(self) -> int:
        """How many digits say something: zeros that only fill places say nothing."""
        digits = re.sub(r"\D", "", format(abs(self.value), "f")).lstrip("0")
        return len(digits if self.decimals else digits.rstrip("0"))


def prose_numbers(scan: Scan, locale: Locale) -> tuple[ProseNumber, ...]:
    """Return the numbers of the text that may be results, in order. Linear in its length."""
    visible = _visible(scan)
    point, mark = re.escape(locale.decimal_point), re.escape(locale.thousands)
    digits = rf"(?:\d{{1,3}}(?:{mark}\d{{3}})+|\d+)(?:{point}\d+)?"
    pattern = re.compile(rf"(?P<sign>[-+\N{{MINUS SIGN}}]?)(?P<digits>{digits})")
    found = (_number(visible, match, locale) for match in pattern.finditer(visible))
    return tuple(number for number in found if number is not None)


def _number(text: str, match: re.Match[str], locale: Locale) -> ProseNumber | None:
    start, end = match.start("digits"), match.end()
    signed = bool(match["sign"]) and (match.start() == 0 or text[match.start() - 1] in " \t\n(|[\u00a0*")
    start = match.start() if signed else start
    if _BAD_BEFORE.search(text[max(0, start - 4) : start]) or (match["sign"] and not signed):
        return None
    behind = text[end : end + 24]
    percent = _PERCENT.match(behind)
    if percent is None and _BAD_BEHIND.match(behind):
        return None
    whole, _, fraction = match["digits"].partition(locale.decimal_point)
    plain = whole.replace(locale.thousands, "")
    grouped = plain != whole
    if not _may_be_result(text, start, (plain, fraction), is_plain=percent is None and not grouped):
        return None
    sign = "-" if signed and match["sign"] != "+" else ""
    unit = "" if percent is None else "points" if percent["points"] else "percent"
    last = end + (len(percent["space"]) if percent and percent["space"] and percent["space"].endswith("%") else 0)
    value = Decimal(f"{sign}{plain}{'.' if fraction else ''}{fraction}")
    return ProseNumber(start, last, text[start:last], value, len(fraction), unit, grouped, _sentence(text, start))


def _may_be_result(text: str, start: int, number: tuple[str, str], *, is_plain: bool) -> bool:
    """Return whether what stands before a number does not make a name, a date or a place in the paper of it."""
    whole, fraction = number
    if is_plain and not fraction and len(whole) == 4 and 1500 <= int(whole) <= 2100:
        return False  # a year
    if len(whole) > 1 and whole[0] == "0":
        return False  # a code
    before = _WORD_BEFORE.search(text[max(0, start - 40) : start])
    if before is None:
        return True
    word = before[1].rstrip(".")
    if word.lower() in _NAMED:
        return False
    names = word[0].isupper() and word.lower() not in _FUNCTION_WORDS and not word.isupper()
    # "Ubuntu 22.04", "Adult 3": a name; "AUC 0.913" and "Accuracy 91.2 %" are none.
    return not (names and is_plain and len(fraction) < 3)


def _sentence(text: str, at: int) -> tuple[str, ...]:
    low, high = max(0, at - 400), min(len(text), at + 300)
    start = max((mark.end() for mark in _SENTENCE.finditer(text, low, at)), default=low)
    line = text.rfind("\n", 0, at) + 1
    if text[line:at].lstrip(" >").startswith("|"):
        start = line  # a row of a table: its first cells say what it is about
    behind = _SENTENCE.search(text, at, high)
    end = behind.start() if behind else high
    return tuple(dict.fromkeys(word.lower() for word in re.findall(r"[^\W\d_]\w*", text[start:end])))


def _visible(scan: Scan) -> str:
    """Return the text with everything hidden that is not running text, offset for offset."""
    text = scan.text
    hidden: list[Interval] = [*scan.regions.code, *scan.regions.math, *_front_matter(scan)]
    hidden += [(candidate.literal[0] - 1, candidate.literal[1] + 1) for candidate in scan.candidates if candidate.literal is not None]
    hidden += [(place.offset, place.offset + len(place.raw)) for place in scan.destinations]
    hidden += [match.span() for match in _ELSEWHERE.finditer(text)]
    for close, opening in scan.regions.brackets.items():
        block = scan.regions.blocks.get(close + 1)
        if block is not None and re.search(r"\.literal\b", text[close + 1 : block.end]):
            hidden.append((opening, close))
        if _CITED.search(text, opening + 1, close) or _CITED.match(text[opening:close].replace("[", " ", 1)) or _follows_key(text, opening):
            hidden.append((opening, close))
    hidden += _braces(text)
    pieces: list[str] = []
    at = 0
    for start, end in sorted(hidden):
        if end > at:
            pieces += (text[at:start], re.sub(r"[^\n|]", _HIDDEN, text[max(start, at) : end]))
            at = end
    return "".join((*pieces, text[at:]))


def _follows_key(text: str, opening: int) -> bool:
    """Return whether a bracket holds the pages of a citation in the text: ``@key [p. 33]``."""
    return re.search(r"@[\w:.\-]+[ \t\n]$", text[max(0, opening - 80) : opening]) is not None


def _braces(text: str) -> Iterator[Interval]:
    at = text.find("{")
    while at >= 0:
        block = attributes.parse(text, at)
        end = block.end if block is not None else at + 1
        if block is not None:
            yield at, end
        at = text.find("{", end)


def _front_matter(scan: Scan) -> Iterator[Interval]:
    """Yield what of the front matter is no title and no abstract."""
    end = scan.regions.header_end
    keys = list(_KEY.finditer(scan.text, 0, end))
    yield 0, keys[0].start() if keys else end
    for n, key in enumerate(keys):
        behind = keys[n + 1].start() if n + 1 < len(keys) else end
        yield key.start(), key.end() if key[1].lower() in _TEXT_KEYS else behind
    if keys:
        yield scan.text.rfind("\n", 0, end - 1) + 1, end
