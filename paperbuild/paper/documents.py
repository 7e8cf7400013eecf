"""From declarations to actions: each format of each document."""

from __future__ import annotations

from collections.abc import Iterable

from paperbuild.engine.graph import DOCUMENTS_FOLDER, Action, Output, Scalar, Step
from paperbuild.paper.declarations import DocumentSpec

DOCUMENT_STEP = "document"
"""The runner of documents."""


def document_actions(document: DocumentSpec, needs: Iterable[str] = (), formats: Iterable[str] | None = None) -> tuple[Action, ...]:
    """Return the actions that write ``document``, one per format (its own, or ``formats``); ``needs`` are ids of other actions."""
    needs = tuple(dict.fromkeys(needs))
    return tuple(_document_action(document, needs, name) for name in dict.fromkeys(document.formats if formats is None else formats))


_PLACES = {
    "pdf": (("pdf", "{}.pdf"),),
    "html": (("html", "{}.html"),),
    "latex": (("latex", "{}.tex"), ("figures", "{}-figures/")),
    "docx": (("docx", "{}.docx"),),
    "jats": (("jats", "{}.xml"), ("figures", "{}-media/")),
}
"""What each format writes: the document first, by the names of the outputs. LaTeX and JATS have their pictures beside them."""


def _document_action(document: DocumentSpec, needs: tuple[str, ...], output: str) -> Action:
    config: dict[str, Scalar] = {
        **{name: value for name, value in document.options if output == "pdf" or not name.startswith("pdf-")},
        "format": output,
        "sources": "\n".join(document.sources),
        "template": document.template,
    }
    return Action(
        id=f"{document.name}.{output}",
        target=document.name,
        recipe=Step(DOCUMENT_STEP, tuple(sorted(config.items()))),
        outputs=tuple(Output(name, f"{DOCUMENTS_FOLDER}/{place.format(document.name)}") for name, place in _PLACES[output]),
        inputs=document.sources,
        needs=needs,
        span=document.span,
    )
