"""Who wrote it, as a title block and a running header show it: authors with the marks of their affiliations and notes."""

from __future__ import annotations

import string

import msgspec
import msgspec.structs

from paperbuild.render.parts import Author, Parts

_RUNNING_TITLE = 68
"""Characters of a running title: what fits beside the authors on one line of the narrowest page."""


class Place(msgspec.Struct, frozen=True):
    """An affiliation with the number that its authors carry; ``name`` is a fragment."""

    mark: int
    name: str
    ror: str = ""
    url: str = ""


class Note(msgspec.Struct, frozen=True):
    """A remark on an author, below the byline: ``text`` belongs to those who carry ``mark``."""

    mark: str
    text: str


class Writer(msgspec.Struct, frozen=True):
    """An author with the numbers of the affiliations; no numbers where there is only one affiliation.

    ``signs`` are the marks that stand for something else than an affiliation, a correspondence or an equal contribution: those of
    :class:`Note`, and the author's own symbol.
    """

    name: str
    plain: str
    marks: tuple[int, ...]
    orcid: str
    email: str
    corresponding: bool
    equal: bool
    signs: tuple[str, ...] = ()
    url: str = ""
    degrees: tuple[str, ...] = ()


class Byline(msgspec.Struct, frozen=True):
    """Authors and places in the order to print; ``running_title`` and ``running_authors`` are text, short enough for a header."""

    writers: tuple[Writer, ...]
    places: tuple[Place, ...]
    running_title: str
    running_authors: str
    notes: tuple[Note, ...] = ()


_PARTICLES = frozenset(
    {
        "van",
        "von",
        "de",
        "der",
        "den",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "du",
        "la",
        "le",
        "zu",
        "zum",
        "ter",
        "ten",
        "af",
        "bin",
        "ibn",
        "al",
    }
)
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})


def named(author: Author) -> Author:
    """Return ``author`` with the parts of the name: those that the paper gives, or those that it is split into."""
    if author.family:
        return author
    given, family, suffix = split_name(author.plain)
    return msgspec.structs.replace(author, given=given, family=family, suffix=suffix)


def split_name(name: str) -> tuple[str, str, str]:
    """Return given name, family name and suffix of a ``name`` in one piece, as BibTeX reads it.

    The last word is the family's, with the lower-case particles before it; "Family, Given" and "Family, Jr., Given" are understood. A
    name of one word, or in a script without spaces, is a family name.
    """
    parts = [part.strip() for part in name.split(",")]
    if len(parts) == 3:
        return parts[2], parts[0], parts[1]
    if len(parts) == 2 and parts[1].lower() not in _SUFFIXES:
        return parts[1], parts[0], ""
    words = parts[0].split()
    suffix = parts[1] if len(parts) == 2 else ""
    if not suffix and len(words) > 2 and words[-1].lower() in _SUFFIXES:
        suffix = words.pop()
    first = max(0, len(words) - 1)
    while first > 1 and words[first - 1] in _PARTICLES:
        first -= 1
    return " ".join(words[:first]), " ".join(words[first:]), suffix


def byline(parts: Parts) -> Byline:
    """Return who wrote ``parts``: affiliations numbered in the order in which authors name them, unused ones last."""
    used = [key for author in parts.authors for key in author.affiliations]
    declared = {place.key: place for place in parts.affiliations}
    order = [key for key in dict.fromkeys((*used, *declared)) if key in declared]
    marks = {key: n for n, key in enumerate(order, 1)} if len(order) > 1 else {}
    notes = _notes(parts)
    writers = tuple(
        Writer(
            name=who.name,
            plain=who.plain,
            marks=tuple(sorted(marks[key] for key in set(who.affiliations) if key in marks)),
            orcid=who.orcid,
            email=who.email,
            corresponding=who.corresponding,
            equal=who.equal,
            signs=tuple(dict.fromkeys(sign for sign in (who.symbol, *(notes[text] for text in _said_of(who, parts.lang))) if sign)),
            url=who.url,
            degrees=who.degrees,
        )
        for who in parts.authors
    )
    places = tuple(Place(n, declared[key].name, declared[key].ror, declared[key].url) for n, key in enumerate(order, 1))
    told = tuple(Note(mark, text) for text, mark in notes.items())
    return Byline(writers, places, _shortened(parts.plain_title), _running([who.plain for who in parts.authors]), told)


_DECEASED = {
    "en": "Deceased.",
    "de": "Verstorben.",
    "fr": "Décès.",
    "es": "Fallecimiento.",
    "it": "Deceduto.",
    "pt": "Falecimento.",
    "nl": "Overleden.",
}


def _said_of(who: Author, lang: str) -> tuple[str, ...]:
    """Return the remarks on one author."""
    deceased = _DECEASED.get(lang[:2].lower(), _DECEASED["en"]) if who.deceased else ""
    return tuple(text for text in (deceased, who.note) if text)


def _notes(parts: Parts) -> dict[str, str]:
    """Return the mark of each note: the symbol of the first author who has it, else a letter; an equal note is one note."""
    marks: dict[str, str] = {}
    letters = iter(string.ascii_lowercase)
    for who in parts.authors:
        for text in _said_of(who, parts.lang):
            if text not in marks:
                own = who.symbol if text == who.note else "‡"
                marks[text] = own or next(letters, "*")
    return marks


def _shortened(title: str) -> str:
    title = " ".join(title.split())
    if len(title) <= _RUNNING_TITLE:
        return title
    before_colon = title.partition(":")[0]
    if 12 <= len(before_colon) <= _RUNNING_TITLE:
        return before_colon
    cut = title[:_RUNNING_TITLE].rsplit(" ", 1)[0].rstrip(" ,;:–—-")  # noqa: RUF001 - dashes that titles have
    return cut + "…"


def _running(names: list[str]) -> str:
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names)
