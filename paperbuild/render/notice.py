"""What a document says of itself on its face where it was built with a profile: its numbers may be others than the paper's."""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "en": "Built with the profile “{}”",
    "de": "Gebaut mit dem Profil „{}“",
    "fr": "Construit avec le profil « {} »",
    "es": "Construido con el perfil «{}»",
}
"""Of the languages that the templates speak."""


def notice(profile: str, lang: str) -> str:
    """Return the line that stands on a document built with ``profile`` in its language, as text; "" where there is no profile."""
    language = lang.replace("_", "-").partition("-")[0].lower()
    return _WORDS.get(language, _WORDS["en"]).format(profile) if profile else ""
