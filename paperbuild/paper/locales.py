"""How languages write numbers, dates and lists: separators, names of months and days, small numbers in words.

The facts are those of Unicode's CLDR, with a narrow space wherever it groups digits by a space. Of a language that is not here numbers
are written the English way; whatever needs its words is a fault, never English in the midst of another language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from paperbuild.paper.faults import Misfit

NO_BREAK = "\N{NO-BREAK SPACE}"
THIN = "\N{NARROW NO-BREAK SPACE}"

Plural = Literal["one", "exactly one", "up to one", "polish", "russian", "none"]
"""Which numbers take which form of a noun: see :mod:`paperbuild.paper.wording`."""


class Wording(msgspec.Struct, frozen=True):
    """The words of a language.

    ``months`` and ``days`` (from Monday) are as they stand in a date, the short ones too; ``numerals`` are those from zero on. ``last``
    stands between the last two of a list, ``comma`` between others; ``of`` in "three of five", "" where the language says it otherwise.
    """

    months: tuple[str, ...]
    short_months: tuple[str, ...]
    days: tuple[str, ...]
    short_days: tuple[str, ...]
    numerals: tuple[str, ...]
    last: str
    of: str
    plural: Plural
    comma: str = ", "


class Locale(msgspec.Struct, frozen=True):
    """How a language writes. ``percent`` is what follows a percentage, with its space if there is one; ``language`` a bare tag ("de")."""

    decimal_point: str = "."
    thousands: str = ","
    percent: str = "%"
    language: str = "en"

    @property
    def wording(self) -> Wording:
        """The words of the language.

        Raises:
            Misfit: PB221, they are not known here.
        """
        found = _WORDINGS.get(self.language)
        if found is None:
            known = ", ".join(sorted(_WORDINGS))
            raise Misfit("PB221", f"the words of the language {self.language} are not known here", notes=(f"known are {known}",))
        return found


def locale_of(language: str) -> Locale:
    """Return the locale of a BCP 47 language tag such as "de-AT"; numbers are English where the language is not known."""
    subtags = re.split(r"[-_]", language.lower())
    bare = {"no": "nb", "nn": "nb", "": "en"}.get(subtags[0], subtags[0])
    regions = (f"{bare}-{subtag}" for subtag in subtags[1:])
    marks = next((_MARKS[region] for region in regions if region in _MARKS), _MARKS.get(bare, _MARKS["en"]))
    return Locale(*marks, bare)


_ENGLISH, _TIGHT, _WIDE = (".", ",", "%"), (",", ".", "%"), (",", ".", f"{NO_BREAK}%")
_SPACED = (",", THIN, f"{NO_BREAK}%")
_SWISS = (".", "\N{RIGHT SINGLE QUOTATION MARK}", "%")
_MARKS: Mapping[str, tuple[str, str, str]] = {
    "en": _ENGLISH, "zh": _ENGLISH, "ja": _ENGLISH, "ko": _ENGLISH, "he": _ENGLISH, "th": _ENGLISH,
    "it": _TIGHT, "pt": _TIGHT, "nl": _TIGHT, "id": _TIGHT, "el": _TIGHT,
    "de": _WIDE, "es": _WIDE, "da": _WIDE, "ro": _WIDE, "hr": _WIDE, "sl": _WIDE,
    "sv": _SPACED, "nb": _SPACED, "fi": _SPACED, "cs": _SPACED, "sk": _SPACED, "ru": _SPACED,
    "pl": (",", THIN, "%"), "uk": (",", THIN, "%"), "hu": (",", THIN, "%"), "bg": (",", THIN, "%"),
    "fr": (",", THIN, f"{THIN}%"), "pt-pt": (",", THIN, "%"), "en-za": (",", THIN, "%"),
    "de-ch": _SWISS, "de-li": _SWISS, "it-ch": _SWISS, "es-mx": (".", ",", f"{NO_BREAK}%"),
}  # fmt: skip
"""Decimal point, separator of thousands, ending of a percentage."""

ENGLISH, GERMAN, FRENCH = locale_of("en"), locale_of("de"), locale_of("fr")


def _each(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_WORDINGS: Mapping[str, Wording] = MappingProxyType({
    "en": Wording(
        _each("January February March April May June July August September October November December"),
        _each("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        _each("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
        _each("Mon Tue Wed Thu Fri Sat Sun"),
        _each("zero one two three four five six seven eight nine ten eleven twelve"),
        " and ", " of ", "one",
    ),
    "de": Wording(
        _each("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
        _each("Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
        _each("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag"),
        _each("Mo. Di. Mi. Do. Fr. Sa. So."),
        _each("null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"),
        " und ", " von ", "one",
    ),
    "fr": Wording(
        _each("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
        _each("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
        _each("lundi mardi mercredi jeudi vendredi samedi dimanche"),
        _each("lun. mar. mer. jeu. ven. sam. dim."),
        _each("zéro un deux trois quatre cinq six sept huit neuf dix onze douze"),
        " et ", " sur ", "up to one",
    ),
    "es": Wording(
        _each("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
        _each("ene feb mar abr may jun jul ago sept oct nov dic"),
        _each("lunes martes miércoles jueves viernes sábado domingo"),
        _each("lun mar mié jue vie sáb dom"),
        _each("cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce"),
        " y ", " de ", "exactly one",
    ),
    "it": Wording(
        _each("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"),
        _each("gen feb mar apr mag giu lug ago set ott nov dic"),
        _each("lunedì martedì mercoledì giovedì venerdì sabato domenica"),
        _each("lun mar mer gio ven sab dom"),
        _each("zero uno due tre quattro cinque sei sette otto nove dieci undici dodici"),
        " e ", " su ", "one",
    ),
    "pt": Wording(
        _each("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"),
        _each("jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez."),
        _each("segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo"),
        _each("seg. ter. qua. qui. sex. sáb. dom."),
        _each("zero um dois três quatro cinco seis sete oito nove dez onze doze"),
        " e ", " de ", "up to one",
    ),
    "nl": Wording(
        _each("januari februari maart april mei juni juli augustus september oktober november december"),
        _each("jan feb mrt apr mei jun jul aug sep okt nov dec"),
        _each("maandag dinsdag woensdag donderdag vrijdag zaterdag zondag"),
        _each("ma di wo do vr za zo"),
        _each("nul een twee drie vier vijf zes zeven acht negen tien elf twaalf"),
        " en ", " van de ", "one",
    ),
    "sv": Wording(
        _each("januari februari mars april maj juni juli augusti september oktober november december"),
        _each("jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec."),
        _each("måndag tisdag onsdag torsdag fredag lördag söndag"),
        _each("mån tis ons tors fre lör sön"),
        _each("noll ett två tre fyra fem sex sju åtta nio tio elva tolv"),
        " och ", " av ", "one",
    ),
    "da": Wording(
        _each("januar februar marts april maj juni juli august september oktober november december"),
        _each("jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec."),
        _each("mandag tirsdag onsdag torsdag fredag lørdag søndag"),
        _each("man. tirs. ons. tors. fre. lør. søn."),
        _each("nul en to tre fire fem seks syv otte ni ti elleve tolv"),
        " og ", " af ", "exactly one",
    ),
    "nb": Wording(
        _each("januar februar mars april mai juni juli august september oktober november desember"),
        _each("jan. feb. mars apr. mai juni juli aug. sep. okt. nov. des."),
        _each("mandag tirsdag onsdag torsdag fredag lørdag søndag"),
        _each("man. tir. ons. tor. fre. lør. søn."),
        _each("null én to tre fire fem seks sju åtte ni ti elleve tolv"),
        " og ", " av ", "exactly one",
    ),
    "pl": Wording(
        _each("stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia"),
        _each("sty lut mar kwi maj cze lip sie wrz paź lis gru"),
        _each("poniedziałek wtorek środa czwartek piątek sobota niedziela"),
        _each("pon. wt. śr. czw. pt. sob. niedz."),
        _each("zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście"),
        " i ", "", "polish",
    ),
    "ru": Wording(
        _each("января февраля марта апреля мая июня июля августа сентября октября ноября декабря"),
        _each("янв. февр. мар. апр. мая июн. июл. авг. сент. окт. нояб. дек."),
        _each("понедельник вторник среда четверг пятница суббота воскресенье"),
        _each("пн вт ср чт пт сб вс"),  # noqa: RUF001 - Cyrillic is meant
        _each("ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать"),
        " и ", "", "russian",
    ),
    "zh": Wording(
        _each("一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月"),
        _each("1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月"),
        _each("星期一 星期二 星期三 星期四 星期五 星期六 星期日"),
        _each("周一 周二 周三 周四 周五 周六 周日"),
        _each("零 一 二 三 四 五 六 七 八 九 十 十一 十二"),
        "和", "", "none", "、",
    ),
    "ja": Wording(
        _each("1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月"),
        _each("1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月"),
        _each("月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日"),
        _each("月 火 水 木 金 土 日"),
        _each("零 一 二 三 四 五 六 七 八 九 十 十一 十二"),
        "、", "", "none", "、",
    ),
})  # fmt: skip
