"""The files of a new project, filled from the texts that come along in ``texts/``.

Blanks in them are ``<<name>>``, and lines that begin with ``<%`` decide: what Markdown, TeX, Make, Python and TOML mean by braces stays
theirs.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import jinja2

TEXTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "texts")
LICENSES = ("MIT", "BSD-3-Clause", "CC-BY-4.0", "CC0-1.0")
SCHEMA = ".paperbuild.schema.json"
"""The file with the manifest's schema. It stands in the project, so that an editor needs no network to find it."""

_PLACES = {
    "paperbuild.toml": "paperbuild.toml",
    "paper.md": "paper.md",
    "references.bib": "references.bib",
    "experiments/walk.py": "walk.py",
    "Makefile": "Makefile",
    "README.md": "README.md",
    ".gitignore": "gitignore",
}
_BINDING = re.compile(r"\b(val|claim)=")  # in braces it would be taken for a slip in a reference
_MARKUP = re.compile(r"([\\`*_{}\[\]<>$@^~#|])")


class Start(msgspec.Struct, frozen=True):
    """What is known of a paper that is to begin. ``license`` is one of :data:`LICENSES`, "" for none."""

    title: str
    author: str
    year: int
    template: str = "article"
    license: str = ""


def new_project(start: Start) -> Mapping[str, str]:
    """Return the text of each file of a new project, by its path in it."""
    given = {
        "template": start.template,
        "license": start.license,
        "schema": SCHEMA,
        "title": as_markdown(start.title),
        "author": as_markdown(start.author),
    }
    quoted = given | {"title": _yaml(given["title"]), "author": _yaml(given["author"])}
    files = {place: filled(f"paper/{text}", quoted if text == "paper.md" else given) for place, text in _PLACES.items()}
    if start.license:
        files["LICENSE"] = filled(f"licenses/{start.license}", {"year": start.year, "holder": start.author})
    return files | {SCHEMA: schema()}


def filled(text: str, given: Mapping[str, object]) -> str:
    """Return the packaged text ``text`` (a path in ``texts/``) with its blanks filled; one that nobody fills is an error."""
    return _environment().get_template(text).render(given)


def packaged(text: str) -> str:
    """Return the packaged text ``text`` as it is."""
    with open(os.path.join(TEXTS, *text.split("/")), encoding="utf-8") as file:
        return file.read()


def schema() -> str:
    """Return the manifest's schema, for editors."""
    from paperbuild.paper.schema import json_schema

    return json_schema().decode()


def as_markdown(text: str) -> str:
    r"""Return Markdown that says ``text`` to the letter: ``a_b`` is written ``a\_b``."""
    return _BINDING.sub(r"\1\=", _MARKUP.sub(r"\\\1", text))


def title_of(name: str) -> str:
    """Return the title that a project in the folder ``name`` has until somebody finds a better one: "my-paper" is "My paper"."""
    words = re.sub(r"[-_\s]+", " ", name).strip()
    return words[:1].upper() + words[1:] or "A paper"


def plain(text: str) -> str:
    """Return ``text`` on one line, without characters that cannot be printed."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _yaml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON text without control characters is a YAML one


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # where something is filled

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEXTS),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no page is made here
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        keep_trailing_newline=True,
    )
