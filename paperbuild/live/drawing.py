"""A PDF's pages as drawings that a browser shows: made when somebody looks, and only those travel that changed.

Typst draws what it has just typeset in a fraction of the time, since its layout is kept; hence the typesetter of ``watch`` notes of which
job each PDF came. A PDF that was there before is drawn from itself, page by page.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import threading
from collections import OrderedDict
from typing import Any

import msgspec

from paperbuild.errors import BuildError
from paperbuild.render.typst import Job, Pdf, Typesetter

_KEPT = 4
"""Of how many PDFs jobs and drawings are kept: those that are shown, and one before each, which a page may still be asking for."""

_MOST_PAGES = 2000
_SIZE = re.compile(rb'<svg [^>]*?viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"')


class Drawn(msgspec.Struct, frozen=True):
    """One page: the digest of its drawing, and its size in points."""

    digest: str
    width: float
    height: float


class PageDrawer:
    """Draws PDFs, and keeps the last drawings. May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._typesetter = _Drawing()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._made: OrderedDict[str, tuple[tuple[Drawn, ...], dict[str, bytes]]] = OrderedDict()

    def note(self, pdf: bytes, job: Job) -> None:
        """Remember that ``pdf`` was made of ``job``."""
        with self._lock:
            self._jobs[hashlib.sha256(pdf).hexdigest()] = job
            _forget(self._jobs)

    def pages(self, digest: str, pdf: bytes) -> tuple[Drawn, ...]:
        """Return the drawings of the pages of ``pdf``, which has this ``digest``; none where it cannot be drawn."""
        with self._lock:
            if digest in self._made:
                self._made.move_to_end(digest)
                return self._made[digest][0]
            job = self._jobs.get(digest)
            drawings = self._typesetter.of_job(job) if job is not None else self._typesetter.of_pdf(pdf)
            digests = [hashlib.sha256(drawing).hexdigest() for drawing in drawings]
            pages = tuple(Drawn(name, *_size(drawing)) for name, drawing in zip(digests, drawings, strict=True))
            self._made[digest] = (pages, dict(zip(digests, drawings, strict=True)))
            _forget(self._made)
            return pages

    def drawing(self, digest: str) -> bytes | None:
        """Return the drawing with this digest, if it was made of late."""
        with self._lock:
            return next((files[digest] for _, files in self._made.values() if digest in files), None)


class NotingTypesetter(Typesetter):
    """Tells ``drawer`` what each PDF was made of."""

    def __init__(self, drawer: PageDrawer) -> None:
        super().__init__()
        self._drawer = drawer

    def pdf(self, job: Job) -> Pdf:
        """See :class:`paperbuild.render.typst.Typesetter`."""
        made = super().pdf(job)
        self._drawer.note(made.data, job)
        return made


class _Drawing(Typesetter):
    def of_job(self, job: Job) -> list[bytes]:
        with tempfile.TemporaryDirectory(prefix="paperbuild-") as folder:
            _, compiler = self._compiler(job, folder)
            made = compiler.compile(format="svg", timestamp=job.timestamp)
        return [page for page in (made if isinstance(made, list) else [made]) if page is not None]

    def of_pdf(self, pdf: bytes) -> list[bytes]:
        drawings: list[bytes] = []
        while len(drawings) < _MOST_PAGES:
            try:
                drawings.append(self.drawn(pdf, "pdf", "svg", page=len(drawings) + 1))
            except BuildError:  # there is no such page, or none at all
                break
        return drawings


def _size(drawing: bytes) -> tuple[float, float]:
    found = _SIZE.search(drawing[:2000])
    return (float(found[1]), float(found[2])) if found else (595.28, 841.89)


def _forget(kept: OrderedDict[str, Any]) -> None:
    while len(kept) > _KEPT:
        kept.popitem(last=False)
