"""Who wrote it, as a title block and a running header show it: authors with the marks of their affiliations."""

from __future__ import annotations

from dataclasses import dataclass

from paperbuild.render.parts import Parts

_RUNNING_TITLE = 68
"""Characters of a running title: what fits beside the authors on one line of the narrowest page."""


@dataclass(frozen=True, slots=True)
class Place:
    """An affiliation with the number that its authors carry; ``name`` is a fragment."""

    mark: int
    name: str


@dataclass(frozen=True, slots=True)
class Writer:
    """An author with the numbers of the affiliations; no numbers where there is only one affiliation."""

    name: str
    plain: str
    marks: tuple[int, ...]
    orcid: str
    email: str
    corresponding: bool
    equal: bool


@dataclass(frozen=True, slots=True)
class Byline:
    """Authors and places in the order to print; ``running_title`` and ``running_authors`` are text, short enough for a header."""

    writers: tuple[Writer, ...]
    places: tuple[Place, ...]
    running_title: str
    running_authors: str


def byline(parts: Parts) -> Byline:
    """Return who wrote ``parts``: affiliations numbered in the order in which authors name them, unused ones last."""
    used = [key for author in parts.authors for key in author.affiliations]
    declared = {place.key: place for place in parts.affiliations}
    order = [key for key in dict.fromkeys((*used, *declared)) if key in declared]
    marks = {key: n for n, key in enumerate(order, 1)} if len(order) > 1 else {}
    writers = tuple(
        Writer(
            author.name,
            author.plain,
            tuple(sorted(marks[key] for key in set(author.affiliations) if key in marks)),
            author.orcid,
            author.email,
            author.corresponding,
            author.equal,
        )
        for author in parts.authors
    )
    places = tuple(Place(n, declared[key].name) for n, key in enumerate(order, 1))
    return Byline(writers, places, _shortened(parts.plain_title), _running([author.plain for author in parts.authors]))


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
