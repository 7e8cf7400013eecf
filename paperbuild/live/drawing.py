"""A PDF's pages as drawings that a browser shows: made when somebody looks, and only those travel that changed.

Typst draws what it has just typeset in a fraction of the time, since its layout is kept; hence the typesetter of ``watch`` notes of which
job each PDF came. A PDF that was there before is drawn from itself, page by page.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections import OrderedDict
from typing import Any

import msgspec

from paperbuild.errors import PaperbuildError
from paperbuild.render.typst import DRAWN_DPI, Job, Pdf, Typesetter
from paperbuild.render.typst import Drawn as Wanted

_KEPT = 8
"""Of how many PDFs, and sketches of them, jobs and drawings are kept: those that are shown, and one before each, which a page may still be
asking for."""

_SIZE = re.compile(rb'<svg [^>]*?viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"')


class Drawn(msgspec.Struct, frozen=True):
    """One page: the digest of its drawing, and its size in points."""

    digest: str
    width: float
    height: float


class PageDrawer:
    """Draws PDFs, and keeps the last drawings. May be used from several threads; none waits for a drawing that it did not ask for."""

    def __init__(self, typesetter: Typesetter | None = None) -> None:
        self._lock = threading.Lock()
        self._at_work = threading.Lock()
        self._asked = ""
        self._typesetter = typesetter or Typesetter()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._made: OrderedDict[str, tuple[tuple[Drawn, ...], dict[str, bytes]]] = OrderedDict()

    @property
    def typesetter(self) -> Typesetter:
        """What it draws with."""
        return self._typesetter

    def note(self, pdf: bytes, job: Job) -> None:
        """Remember that ``pdf`` was made of ``job``."""
        digest = hashlib.sha256(pdf).hexdigest()
        with self._lock:
            sketched = next((token for token, one in self._jobs.items() if one is job and token in self._made), None)
            if sketched is not None:
                self._made[digest] = self._made[sketched]
                _forget(self._made)
            self._jobs[digest] = job
            _forget(self._jobs)

    def sketch(self, job: Job) -> str:
        """Draw ``job`` before there is a PDF of it; return what stands for that PDF's digest, "" where it cannot be drawn."""
        token = secrets.token_hex(32)
        with self._at_work:
            try:
                drawings = self._typesetter.drawings(job)
            except PaperbuildError:
                return ""
        with self._lock:
            self._jobs[token] = job
        self._keep(token, drawings)
        return token

    def is_asked(self, digest: str) -> bool:
        """Return whether the PDF with this digest is the last whose drawings were asked for."""
        return digest == self._asked

    def pages(self, digest: str, pdf: bytes) -> tuple[Drawn, ...]:
        """Return the drawings of the pages of ``pdf``, which has this ``digest``; none where it cannot be drawn."""
        self._asked = digest
        with self._at_work:
            with self._lock:
                job = self._jobs.get(digest)
                if digest in self._made:
                    self._made.move_to_end(digest)
                    return self._made[digest][0]
            try:
                return self._keep(digest, self._typesetter.drawings(job if job is not None else pdf))
            except PaperbuildError:
                return ()

    def drawing(self, digest: str) -> bytes | None:
        """Return the drawing with this digest, if it was made of late."""
        with self._lock:
            return next((files[digest] for _, files in self._made.values() if digest in files), None)

    def _keep(self, digest: str, drawings: list[bytes]) -> tuple[Drawn, ...]:
        digests = [hashlib.sha256(drawing).hexdigest() for drawing in drawings]
        pages = tuple(Drawn(name, *_size(drawing)) for name, drawing in zip(digests, drawings, strict=True))
        with self._lock:
            known = {name: drawing for _, files in self._made.values() for name, drawing in files.items()}  # most pages are as they were
            self._made[digest] = (pages, {name: known.get(name, drawing) for name, drawing in zip(digests, drawings, strict=True)})
            _forget(self._made)
        return pages


class NotingTypesetter(Typesetter):
    """The typesetter of ``drawer``, which is told what each PDF was made of."""

    def __init__(self, drawer: PageDrawer) -> None:
        super().__init__()
        self._drawer = drawer
        self._typesetter = drawer.typesetter

    def pdf(self, job: Job) -> Pdf:
        """See :class:`paperbuild.render.typst.Typesetter`."""
        made = self._typesetter.pdf(job)
        self._drawer.note(made.data, job)
        return made

    def drawings(self, shown: Job | bytes) -> list[bytes]:
        """See :class:`paperbuild.render.typst.Typesetter`."""
        return self._typesetter.drawings(shown)

    def drawn(
        self, figure: bytes, suffix: str, wanted: Wanted, width_in: float = 0.0, *, page: int = 1, dpi: int = DRAWN_DPI
    ) -> bytes:  # fmt: skip
        """See :class:`paperbuild.render.typst.Typesetter`."""
        return self._typesetter.drawn(figure, suffix, wanted, width_in, page=page, dpi=dpi)


def _size(drawing: bytes) -> tuple[float, float]:
    found = _SIZE.search(drawing[:2000])
    return (float(found[1]), float(found[2])) if found else (595.28, 841.89)


def _forget(kept: OrderedDict[str, Any]) -> None:
    while len(kept) > _KEPT:
        kept.popitem(last=False)
