"""Code of files that the paper shows: ``{.python include="train.py" lines="10-20"}``."""

from __future__ import annotations

import posixpath

from paperbuild.diagnostics import Diagnostic, Span, nearest
from paperbuild.errors import BuildError
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.excerpts import LANGUAGES, ExcerptError, excerpt
from paperbuild.paper.source import decode_text
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.origins import Artifacts
from paperbuild.render.protocol import BoundCode, ScannedInclude


class Includes:
    """The code blocks of one manuscript that show files. ``faults`` are what is wrong with them."""

    def __init__(self, manuscript: Manuscript, catalog: Catalog, artifacts: Artifacts) -> None:
        self._manuscript = manuscript
        self._catalog = catalog
        self._artifacts = artifacts
        self.faults: list[Diagnostic] = []

    def outputs(self) -> tuple[str, ...]:
        """Return the paths of those that targets make: to be required before any is read."""
        found = (self._made(include) for include in self._manuscript.found.includes)
        return tuple(dict.fromkeys(path for path in found if path))

    def absent(self) -> tuple[Diagnostic, ...]:
        """Return the faults of files that nobody makes and that are not there; outputs are not looked at."""
        missing = ((n, one) for n, one in enumerate(self._manuscript.found.includes) if self._path(one) is None)
        return tuple(self._missing(n, one) for n, one in missing)

    def resolve(self) -> tuple[BoundCode, ...]:
        """Return the code for each, in order; one with a fault is empty."""
        return tuple(self._resolve(n, include) for n, include in enumerate(self._manuscript.found.includes))

    def _resolve(self, index: int, include: ScannedInclude) -> BoundCode:
        path = self._path(include)
        if path is None:
            self.faults.append(self._missing(index, include))
            return BoundCode()
        try:
            text = decode_text(path, self._artifacts.read(path))
            found = excerpt(path, text, include.lines, include.part)
        except FileNotFoundError:
            self.faults.append(self._missing(index, include))
        except BuildError as error:
            self.faults.extend(error.diagnostics)
        except ExcerptError as fault:
            finding = fault.finding
            span = self._span(index, fault.key)
            self.faults.append(Diagnostic(finding.code, finding.message, span, notes=finding.notes, help=finding.help))
        else:
            return BoundCode(found.text, found.first, LANGUAGES.get(posixpath.splitext(path)[1].lstrip(".").lower(), ""))
        return BoundCode()

    def _candidates(self, include: ScannedInclude) -> tuple[str, ...]:
        """Return where the file may be: beside the paper, or in the project."""
        bases = dict.fromkeys((self._manuscript.folder, ""))
        return tuple(posixpath.normpath(posixpath.join(base, include.path)) for base in bases)

    def _made(self, include: ScannedInclude) -> str | None:
        return next((path for path in self._candidates(include) if self._catalog.maker(path) is not None), None)

    def _path(self, include: ScannedInclude) -> str | None:
        made = self._made(include)
        if made is not None or not include.path:
            return made
        return next((path for path in self._candidates(include) if self._artifacts.reader.exists(path)), None)

    def _missing(self, index: int, include: ScannedInclude) -> Diagnostic:
        if not include.path:
            return Diagnostic("PB290", "include names no file", self._span(index, "include"), help=('write include="train.py"',))
        near = nearest(self._candidates(include)[0], self._catalog.paths())
        helps = tuple(f"did you mean {path}?" for path in near) or ("mend the path: it is relative to the paper, or to the project",)
        return Diagnostic("PB290", f"there is no file {include.path} to include", self._span(index, "include"), help=helps)

    def _span(self, index: int, key: str) -> Span | None:
        """Return where the attribute ``key`` of the ``index``-th has its value."""
        manuscript, found = self._manuscript, self._manuscript.found.includes
        places = manuscript.lexical.includes
        if len(places) == len(found):
            setting = places[index].get(key) or places[index].get("include")
            if setting is not None:
                at = setting.place
                return manuscript.line_span(at.line, at.column, at.length)
        return manuscript.text_span(found[index].path)
