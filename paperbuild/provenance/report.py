"""What changed, as a page: one file that holds everything it shows, runs no script, and asks the network for nothing."""

from __future__ import annotations

import base64
import os
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from paperbuild.provenance import telling
from paperbuild.provenance.changes import Changes, PaperChange

if TYPE_CHECKING:
    import jinja2

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")


class Link(msgspec.Struct, frozen=True):
    """A part of the page: its id, its name, how many changes are in it, and whether one of them is a claim that does not hold."""

    id: str
    text: str
    n: int
    bad: bool = False


def report(changes: Changes, name: str) -> bytes:
    """Return the page that shows ``changes`` of the project ``name``: UTF-8, equal for equal changes."""
    from markupsafe import Markup

    with open(os.path.join(_FOLDER, "changes.css"), encoding="utf-8") as file:
        styles = file.read()
    targets = telling.grouped(target for target in changes.targets if target.kind != "no result")
    links = [link for n, paper in enumerate(changes.papers, 1) for link in _links(paper, f"p{n}-", len(changes.papers) > 1)]
    links += [Link("targets", "Targets", len(targets))] if targets else []
    page = _environment().get_template("changes.html.j2")
    return page.render(
        changes=changes, name=name, links=links, targets=targets, missing=tuple(telling.missing(changes)), told=telling,
        uri=_uri, styles=Markup(styles),  # noqa: S704 - our own file
    ).encode()  # fmt: skip


def _links(paper: PaperChange, at: str, several: bool) -> list[Link]:
    lead = f"{paper.name}: " if several else ""
    bad = any(telling.is_bad(claim) for claim in paper.claims)
    parts = (("claims", "Claims"), ("numbers", "Numbers"), ("tables", "Tables"), ("figures", "Figures"), ("prose", "Prose"))
    return [
        Link(at + key, lead + text, len(getattr(paper, key)), bad and key == "claims") for key, text in parts if getattr(paper, key)
    ]  # fmt: skip


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    loader = jinja2.FileSystemLoader(_FOLDER)
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
