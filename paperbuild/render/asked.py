"""What a document's action asks for, read out of its recipe."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

import msgspec

from paperbuild.diagnostics import Span
from paperbuild.engine.earlier import StaleNote, short, told_of
from paperbuild.engine.graph import STALE, Action, Scalar, Step
from paperbuild.errors import InternalError

_OURS = frozenset(
    {
        "format",
        "sources",
        "template",
        "bibliography",
        "csl",
        "lang",
        "lenient",
        "profile",
        "pdf-standard",
        "pdf-engine",
        "pdf-engine-version",
    }
)


class Asked(msgspec.Struct, frozen=True):
    """What the action's recipe says. ``beside`` is the folder of the pictures beside the document, ``options`` are the template's.

    ``output`` is the name of a writer; ``stale`` tells by action which results are earlier ones.
    """

    output: str
    beside: str
    sources: tuple[str, ...]
    template: str
    bibliography: str
    csl: str
    lang: str
    options: Mapping[str, Scalar]
    span: Span | None
    lenient: bool = False
    standards: tuple[str, ...] = ()
    profile: str = ""
    stale: Mapping[str, StaleNote] = {}

    @classmethod
    def of(cls, action: Action) -> Asked:
        """Return what the step ``action`` asks for.

        Raises:
            InternalError: it is no document.
        """
        if not isinstance(action.recipe, Step):
            raise InternalError(f"{action.id} is no document")
        config = dict(action.recipe.config)
        output = str(config["format"])
        if output == "pdf" and config.get("pdf-engine") == "latex":
            output = "pdf by latex"
        options = {name: value for name, value in config.items() if name not in _OURS and not name.startswith(STALE)}
        bibliography, csl, lang = (str(config.get(name, "")) for name in ("bibliography", "csl", "lang"))
        sources = tuple(str(config["sources"]).split("\n"))
        template = str(config.get("template", "article"))
        lenient = config.get("lenient") is True
        standards = tuple(str(config.get("pdf-standard", "")).split())
        beside = "".join(posixpath.basename(made.path.rstrip("/")) for made in action.outputs[1:])
        profile = str(config.get("profile", ""))
        named = (bibliography, csl, lang, options, action.span, lenient, standards, profile)
        return cls(output, beside, sources, template, *named, told_of(config))

    @property
    def stale_targets(self) -> tuple[str, ...]:
        """The ids of the actions whose earlier results it rests on; where they are many, the names of their targets."""
        return short(dict.fromkeys(root for id_, one in self.stale.items() for root in (one.roots or (id_,))))
