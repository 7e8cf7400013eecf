"""JATS: the XML in which journals and archives keep articles (ANSI/NISO Z39.96-2021, Journal Publishing tag set)."""

from __future__ import annotations

import datetime as dt
import re

from markupsafe import Markup

from paperbuild.render.parts import Parts
from paperbuild.render.templates import Template

_BACK = "<!--back-->"
"""What the worker puts between what belongs to the body and what belongs to the back."""


def jats_article(parts: Parts, template: Template) -> bytes:
    """Return the article of ``parts``: UTF-8, well-formed, equal for equal parts.

    Raises:
        BuildError: the template has no JATS form, or it is broken.
    """
    body, _, back = parts.body.partition(_BACK)
    context: dict[str, object] = {
        "lang": parts.lang,
        "notice": parts.notice,
        "title": Markup(_inline(parts.title)),  # noqa: S704 - fragments come from pandoc, which escaped what the author wrote
        "subtitle": Markup(_inline(parts.subtitle)),  # noqa: S704 - as above
        "authors": parts.authors,
        "affiliations": parts.affiliations,
        "places": {place.key: n for n, place in enumerate(parts.affiliations, 1)},
        "abstract": Markup(parts.abstract),  # noqa: S704 - as above
        "keywords": parts.keywords,
        "body": Markup(body.strip()),  # noqa: S704 - as above
        "back": Markup(back.strip()),  # noqa: S704 - as above
        **_date(parts),
    }
    return template.fill(template.settings.files.jats, context).encode()


def _inline(fragment: str) -> str:
    """Return a fragment of one paragraph without the paragraph."""
    return fragment.removeprefix("<p>").removesuffix("</p>")


def _date(parts: Parts) -> dict[str, str]:
    """Return the day, month and year that the paper's date names, and no more than it names; empty texts for the rest."""
    if not parts.timestamp:
        return {"year": "", "month": "", "day": "", "iso_date": ""}
    moment = dt.datetime.fromtimestamp(parts.timestamp, dt.UTC)
    named = len(re.findall(r"\w+", re.sub(r"<[^>]*>", "", parts.date)))
    iso = moment.strftime("%Y-%m-%d")[: (4, 7, 10)[min(named, 3) - 1]]
    year, month, day = (*iso.split("-"), "", "")[:3]
    return {"year": year, "month": month, "day": day, "iso_date": iso}
