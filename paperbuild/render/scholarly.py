"""How search engines and reference managers know a paper: its date, its own BibTeX, the tags of its page, and linked data.

Tags: Google Scholar's inclusion guidelines (``citation_…``) and the Open Graph protocol (``og:…``). Linked data: schema.org's
ScholarlyArticle as JSON-LD.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator
from types import MappingProxyType

import msgspec

from paperbuild.render.parts import Affiliation, Author, Parts

_DATES = MappingProxyType(  # how dates are written, and how many of year, month and day they name
    {"%Y-%m-%d": 3, "%Y/%m/%d": 3, "%d %B %Y": 3, "%B %d, %Y": 3, "%d %b %Y": 3, "%B %Y": 2, "%Y-%m": 2, "%Y": 1}
)
_GROUP = re.compile(r"^the\b|\b(?:collaboration|consortium|developers|group|initiative|network|project|society|team)$", re.IGNORECASE)
_SPECIAL = MappingProxyType(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)
_SMALL = frozenset(
    ["a", "an", "and", "der", "des", "die", "das", "ein", "eine", "for", "from", "in", "la", "le", "les", "of", "on", "the", "to"]
)


def date_parts(date: str) -> tuple[int, ...]:
    """Return year, month and day of ``date``, as many of them as it names; nothing where it is no date."""
    for form, count in _DATES.items():
        try:
            found = dt.datetime.strptime(date.strip(), form).replace(tzinfo=dt.UTC)
        except ValueError:
            continue
        return (found.year, found.month, found.day)[:count]
    return ()


def timestamp_of(parts: tuple[int, ...]) -> int:
    """Return the moment of a date, midnight UTC of its first day in seconds since the epoch; 0 where there is none."""
    if not parts:
        return 0
    year, month, day = (*parts, 1, 1)[:3]
    return max(0, int(dt.datetime(year, month, day, tzinfo=dt.UTC).timestamp()))


class Tag(msgspec.Struct, frozen=True):
    """A ``<meta>`` of a page: ``kind`` is the attribute that names it, "name" or "property"."""

    kind: str
    name: str
    content: str


def head_tags(parts: Parts) -> tuple[Tag, ...]:
    """Return what the head of a page says of the paper, in the order in which it is read: each author's facts follow the author."""
    named = (("name", name, content) for name, content in _citation_tags(parts))
    shared = (("property", name, content) for name, content in _sharing_tags(parts))
    return tuple(Tag(kind, name, " ".join(content.split())) for kind, name, content in (*named, *shared) if content.strip())


def _citation_tags(parts: Parts) -> Iterator[tuple[str, str]]:
    where = parts.publication
    yield "citation_title", parts.plain_title
    for author in parts.authors:
        yield "citation_author", author.plain
        for place in _places(parts, author):
            yield "citation_author_institution", place.plain
        yield "citation_author_orcid", f"https://orcid.org/{author.orcid}" if author.orcid else ""
        yield "citation_author_email", author.email
    yield "citation_publication_date", "/".join(f"{part:02d}" for part in parts.published)
    yield "citation_journal_title", where.journal
    yield "citation_volume", where.volume
    yield "citation_issue", where.issue
    first, _, last = _page_range(where.pages).partition("-")
    yield "citation_firstpage", first
    yield "citation_lastpage", last
    yield "citation_publisher", where.publisher
    yield "citation_doi", where.doi
    yield "citation_language", parts.lang
    for word in parts.keywords:
        yield "citation_keywords", word
    yield "keywords", ", ".join(parts.keywords)


def _sharing_tags(parts: Parts) -> Iterator[tuple[str, str]]:
    yield "og:type", "article"
    yield "og:title", parts.plain_title
    yield "og:description", parts.plain_description
    yield "og:url", parts.publication.url
    yield "og:site_name", parts.publication.journal
    yield "article:published_time", _iso(parts.published)
    for author in parts.authors:
        yield "article:author", author.plain
    for word in parts.keywords:
        yield "article:tag", word


def linked_data(parts: Parts) -> dict[str, object]:
    """Return the paper as a schema.org ScholarlyArticle, without what is not known."""
    where = parts.publication
    article: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "headline": parts.plain_title,
        "author": [_person(parts, author) for author in parts.authors],
        "datePublished": _iso(parts.published),
        "abstract": parts.plain_description,
        "keywords": list(parts.keywords),
        "inLanguage": parts.lang,
        "isPartOf": _known({"@type": "Periodical", "name": where.journal}) if where.journal else None,
        "publisher": {"@type": "Organization", "name": where.publisher} if where.publisher else None,
        "pagination": where.pages,
        "identifier": f"https://doi.org/{where.doi}" if where.doi else "",
        "url": where.url,
    }
    return _known(article)


def _person(parts: Parts, author: Author) -> dict[str, object]:
    places = [
        _known({"@type": "Organization", "@id": f"https://ror.org/{place.ror}" if place.ror else "", "name": place.plain})
        for place in _places(parts, author)
    ]
    group = _is_group(author)
    return _known(
        {
            "@type": "Organization" if group else "Person",
            "@id": f"https://orcid.org/{author.orcid}" if author.orcid else "",
            "name": author.plain,
            "givenName": "" if group else author.given,
            "familyName": "" if group else author.family,
            "affiliation": places,
            "url": author.url,
        }
    )


def own_bibtex(parts: Parts) -> str:
    """Return the BibTeX entry that cites this paper; "" where it has neither a title nor an author."""
    if not parts.authors and not parts.title:
        return ""
    where = parts.publication
    year, month = (*(str(part) for part in parts.published), "", "")[:2]
    fields = {
        "title": "{" + _tex(parts.plain_title) + "}",  # a style would set its names in lower case
        "author": " and ".join(_bibtex_name(author) for author in parts.authors),
        "journal": _tex(where.journal),
        "year": year,
        "month": month,
        "volume": _tex(where.volume),
        "number": _tex(where.issue),
        "pages": _tex(_page_range(where.pages).replace("-", "--")),
        "publisher": _tex(where.publisher),
        "doi": where.doi,
        "url": where.url,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@{'article' if where.journal else 'misc'}{{{_key(parts, year)},\n" + ",\n".join(lines) + "\n}"


def _key(parts: Parts, year: str) -> str:
    """Return a key as Google Scholar makes it: the first author's family name, the year, the first word of weight in the title."""
    first = parts.authors[0] if parts.authors else None
    name = "" if first is None else _weighty(first.plain) if _is_group(first) else _ascii(first.family or first.plain)
    return name + year + _weighty(parts.plain_title) or "paper"


def _weighty(words: str) -> str:
    """Return the first of ``words`` that is more than an article or a preposition."""
    plain = (_ascii(word) for word in re.split(r"[\s\u2010-\u2015-]+", words))
    return next((word for word in plain if word and word not in _SMALL), "")


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", plain.lower())


def _bibtex_name(author: Author) -> str:
    if _is_group(author) or not author.given:
        return "{" + _tex(author.plain) + "}"
    return ", ".join(_tex(part) for part in (author.family, author.suffix, author.given) if part)


def _is_group(author: Author) -> bool:
    return not author.orcid and _GROUP.search(author.plain) is not None


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))


def _places(parts: Parts, author: Author) -> Iterator[Affiliation]:
    by_key = {place.key: place for place in parts.affiliations}
    return (by_key[key] for key in author.affiliations if key in by_key)


def _page_range(pages: str) -> str:
    return re.sub(r"\s*[-\u2010-\u2015]+\s*", "-", pages.strip())


def _iso(parts: tuple[int, ...]) -> str:
    return "-".join(f"{part:02d}" for part in parts)


def _known(facts: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if value}
