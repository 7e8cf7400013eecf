"""Whatever is written into a literal, nothing else of the paper changes: in the source, and as pandoc reads it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.paper.agreement import is_outdated
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.paper.declarations import DocumentSpec
from paperbuild.paper.source import scan
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.proofreading import Proofreader
from paperbuild.render.syncing import Syncing

CATALOG = Catalog({"t": CatalogTarget("t", (Cell("t", (), (("main", "t.json"),)),))})
DOCUMENT = DocumentSpec("paper", ("paper.md",))
PLACES = (
    "Text [{}]{{val=t.{}}} here.",
    "*Text [{}]{{val=t.{}}}* here.",
    "# Head [{}]{{val=t.{}}} {{#sec:a{n}}}",
    "- item [{}]{{val=t.{}}}\n- item",
    "> quoted [{}]{{val=t.{}}}",
    "| a | b |\n|---|---|\n| [{}]{{val=t.{}}} | x |",
    "![Caption [{}]{{val=t.{}}}](a.svg)",
    "Note[^{n}].\n\n[^{n}]: A note with [{}]{{val=t.{}}}.",
    "[a link with [{}]{{val=t.{}}}](#sec:a)",
    "Term\n:   Definition [{}]{{val=t.{}}}",
    "---\nabstract{n}: |\n  Text [{}]{{val=t.{}}}.\n...",
    "---\ntitle{n}: 'Text [{}]{{val=t.{}}}'\n...",
    "+------------------------------------+---+\n| [{}]{{val=t.{}}}                   | x |\n+------------------------------------+---+",
    "a                                  b\n------------------------------  -----\n[{}]{{val=t.{}}}                x",
    "A cost of $5 and [{}]{{val=t.{}}}, and `[1]{{val=t.k0}}`.",
    "See [@key, p. [{}]{{val=t.{}}}].",
)
LITERALS = ("", "1", "9 %", "**12**", "old words")
VALUES = (
    st.integers(-999, 99999)
    | st.floats(-1, 1).map(lambda x: round(x, 3))
    | st.text(alphabet="ab 1.:#|*_[]{}$^~@<>'\"\\-!&`", min_size=1, max_size=8)
)


class Memory:
    """Files in memory, as a document reads them."""

    def __init__(self, files):
        self.files = files

    def require(self, paths):
        """Everything is there."""

    def read(self, path):
        return self.files[path]

    def exists(self, path):
        return path in self.files


@pytest.fixture(scope="module")
def worker():
    worker = PandocWorker()
    yield worker
    worker.close()


def spans(text):
    """Return the text without its live literals."""
    pieces, at = [], 0
    for candidate in scan(text).candidates:
        if candidate.literal is not None and not candidate.exempt:
            pieces.append(text[at : candidate.literal[0]])
            at = candidate.literal[1]
    return "".join((*pieces, text[at:]))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(LITERALS), VALUES), min_size=1, max_size=5))
def test_only_literals_change_and_they_say_what_they_are_to_say(worker, parts):
    text = "\n\n".join(place.format(literal, f"k{n}", n=n) for n, (place, literal, _) in enumerate(parts)) + "\n"
    reader = Memory({"paper.md": text.encode(), "t.json": json.dumps({f"k{n}": value for n, (_, _, value) in enumerate(parts)}).encode()})
    proofreader = Proofreader(CATALOG, reader, worker)
    proof = proofreader.parsed(DOCUMENT, proofreader.read(DOCUMENT))
    before = proofreader.manuscript(DOCUMENT).found
    synced = Syncing(proof, proofreader.manuscript(DOCUMENT).match, worker).synced()
    new = {path: changed for path, changed, _ in synced.files}.get("paper.md", text)
    assert "".join(spans(new).split()) == "".join(spans(text).split())
    after = worker.scan(new)
    assert [(mark.kind, mark.text, mark.where) for mark in after.references] == [(m.kind, m.text, m.where) for m in before.references]
    again = Proofreader(CATALOG, Memory({**reader.files, "paper.md": new.encode()}), worker)
    left = [item for item in again.parsed(DOCUMENT, again.read(DOCUMENT)).items if is_outdated(item, new)]
    assert len(left) <= len(synced.refused)
