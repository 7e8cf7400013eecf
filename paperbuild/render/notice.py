"""What a document says of itself on its face: that it was built with a profile, that it shows results which are not up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_WORDS: Mapping[str, str] = {
    "en": "Built with the profile “{}”",
    "de": "Gebaut mit dem Profil „{}“",
    "fr": "Construit avec le profil « {} »",
    "es": "Construido con el perfil «{}»",
}
"""Of the languages that the templates speak."""

_STALE: Mapping[str, tuple[str, str]] = {
    "en": ("Not up to date: earlier results of {}", "and {} more"),
    "de": ("Nicht aktuell: frühere Ergebnisse von {}", "und {} weiteren"),
    "fr": ("Pas à jour : résultats antérieurs de {}", "et {} autres"),
    "es": ("No actualizado: resultados anteriores de {}", "y {} más"),
}

_MOST_NAMED = 4


def notice(profile: str, stale: Sequence[str], lang: str) -> str:
    """Return the line that stands on a document in its language, as text; "" where there is nothing to be said.

    It was built with ``profile`` ("" for none), and rests on earlier results of the targets ``stale``.
    """
    language = lang.replace("_", "-").partition("-")[0].lower()
    parts = [_WORDS.get(language, _WORDS["en"]).format(profile)] if profile else []
    if stale:
        words, more = _STALE.get(language, _STALE["en"])
        rest = f" {more.format(len(stale) - _MOST_NAMED)}" if len(stale) > _MOST_NAMED else ""
        parts.append(words.format(f"{', '.join(stale[:_MOST_NAMED])}{rest}"))
    return " · ".join(parts)
