"""The images of a paper: found in the project, and made into what the document's format shows."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity, nearest
from paperbuild.errors import BuildError, InternalError
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.formats import Locale
from paperbuild.paper.results import is_table
from paperbuild.render.images import Picture, is_remote, prepare
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.origins import Artifacts, Origin
from paperbuild.render.parts import Format
from paperbuild.render.protocol import BoundImage, ScannedImage
from paperbuild.render.typst import Typesetter

_LATEX_SUFFIXES = (".pdf", ".svg", ".png", ".jpg", ".jpeg")
"""What ``\\includegraphics{figure}`` may mean."""


_LENGTH = re.compile(r"\s*[\d.]+\s*(?:%|px|cm|mm|in|inch|pt|em)?\s*")


TEXT = "pb-text"
"""The class of what stands for a text that a chunk wrote: see ``filters/chunks.lua``."""


class Shown(msgspec.Struct, frozen=True):
    """An image as the document will have it; ``origin`` where a target made it."""

    bound: BoundImage
    origin: Origin | None = None

    def numbered(self, index: int) -> BoundImage:
        """Return what the worker is told, with the image's place in the provenance."""
        return msgspec.structs.replace(self.bound, provenance=index)


class Medium(msgspec.Struct, frozen=True):
    """What images are made ready for.

    ``beside`` is the folder beside the document where a reader finds them by their own names ("": nobody sees their names);
    ``conforms`` says whether the document must conform to PDF standards.
    """

    format: Format
    beside: str = ""
    conforms: bool = False


class Figures:
    """Makes the images of one manuscript ready for one format.

    ``files`` are those that the document needs, by what it calls them; ``faults`` what went wrong.
    """

    def __init__(self, manuscript: Manuscript, catalog: Catalog, artifacts: Artifacts, medium: Medium) -> None:
        self._manuscript = manuscript
        self._catalog = catalog
        self._artifacts = artifacts
        self._target: Format = medium.format
        self._beside = medium.beside
        self._conforms = medium.conforms
        self.files: dict[str, bytes] = {}
        self.faults: list[Diagnostic] = []

    def outputs(self) -> tuple[str, ...]:
        """Return the paths of the images that targets make: to be required before any is read."""
        found = (self._made(image) for image in self._manuscript.found.images)
        return tuple(dict.fromkeys(path for path in found if path))

    def absent(self) -> tuple[Diagnostic, ...]:
        """Return the faults of images that are no target's output and no file; outputs are not looked at."""
        local = ((n, image) for n, image in enumerate(self._manuscript.found.images) if not image.path.startswith("data:"))
        return tuple(self._missing(image, n) for n, image in local if not is_remote(image.path) and self._path(image) is None)

    def show(self, typesetter: Typesetter, locale: Locale) -> list[Shown]:
        """Return all images, in order; one that cannot be shown is among ``faults`` and stands for itself."""
        shown = []
        for index, image in enumerate(self._manuscript.found.images):
            self.faults.extend(self._sizes(index, image))
            try:
                shown.append(self._show(index, image, typesetter, locale))
            except BuildError as error:
                self.faults.extend(error.diagnostics)
                shown.append(Shown(BoundImage("path", src="missing")))
        return shown

    def _show(self, index: int, image: ScannedImage, typesetter: Typesetter, locale: Locale) -> Shown:
        span = self._manuscript.image_span(index)
        if image.path.startswith("data:"):
            return self._picture(_data_uri(image.path), "data:", index, typesetter)
        if is_remote(image.path):
            return self._picture(self._artifacts.fetched(image.path, span), image.path, index, typesetter)
        path = self._path(image)
        if path is None:
            raise BuildError(self._missing(image, index))
        made = self._catalog.maker(path) is not None
        try:
            data = self._artifacts.read(path)
        except FileNotFoundError:  # a file in a folder that some target makes
            raise BuildError(self._not_made(path, index)) from None
        if TEXT in image.classes:
            return Shown(BoundImage("text", text=data.decode("utf-8", "replace").rstrip()))
        if not is_table(path):
            shown = self._picture(data, path, index, typesetter)
            return Shown(shown.bound, Origin(image.seq, "figure", path, image.path, (path,))) if made else shown
        from paperbuild.paper.results import load_table
        from paperbuild.render.tables import Place, shown_table  # with all that tables need: most figures are none

        place = Place(span, lambda name, offset, length: self._manuscript.attribute_span(index, name, offset, length))
        bound, faults = shown_table(path, load_table(path, data), image.attributes, locale, place)
        if any(fault.severity is Severity.ERROR for fault in faults):
            raise BuildError(*faults)
        self.faults.extend(faults)
        return Shown(bound, Origin(image.seq, "table", path, image.path, (path,)) if made else None)

    def _sizes(self, index: int, image: ScannedImage) -> Iterator[Diagnostic]:
        for name in ("width", "height"):
            value = image.attributes.get(name, "auto")
            if value != "auto" and not _LENGTH.fullmatch(value):
                span = self._manuscript.attribute_span(index, name, 0, len(value))
                help_ = ("write 60%, 8cm, 80mm, 3in, 240px, 180pt or 15em",)
                notes = ("the picture keeps its own size",)
                yield Diagnostic("PB526", f"{value} is no {name}", span, Severity.WARNING, notes=notes, help=help_)

    def _picture(self, data: bytes, path: str, index: int, typesetter: Typesetter) -> Shown:
        picture = prepare(data, path, self._target, typesetter, self._manuscript.image_span(index), conforms=self._conforms)
        name = self._named(picture, path) if self._beside else picture.path
        self.files[name] = picture.data
        return Shown(BoundImage("path", src=name))

    def _named(self, picture: Picture, path: str) -> str:
        """Return the path beside the document of a picture made of the file ``path``: its own name, in letters that every program takes."""
        stem = posixpath.splitext(posixpath.basename(path))[0]
        plain = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-") or "picture"
        for n in itertools.count(1):
            name = f"{self._beside}/{plain}{f'-{n}' if n > 1 else ''}.{picture.kind.value}"
            if self.files.get(name, picture.data) == picture.data:
                return name
        raise InternalError("no name is free")

    def _candidates(self, image: ScannedImage) -> tuple[str, ...]:
        """Return the project paths that an image's destination may mean: from the paper's folder first, then from the root."""
        written = unquote(image.path.partition("?")[0] if "://" in image.path else image.path)
        bases = dict.fromkeys((self._manuscript.folder, ""))
        return tuple(posixpath.normpath(posixpath.join(base, written)) for base in bases)

    def _made(self, image: ScannedImage) -> str | None:
        return next((path for path in self._candidates(image) if self._catalog.maker(path) is not None), None)

    def _path(self, image: ScannedImage) -> str | None:
        made = self._made(image)
        if made is not None:
            return made
        reader = self._artifacts.reader
        for path in self._candidates(image):
            if path in {"", "."}:
                continue
            if reader.exists(path):
                return path
            if not posixpath.splitext(path)[1]:
                found = next((path + suffix for suffix in _LATEX_SUFFIXES if reader.exists(path + suffix)), None)
                if found:
                    return found
        return None

    def _not_made(self, path: str, index: int) -> Diagnostic:
        who = _maker_words(self._catalog, path)
        mend = ("mend the path, or the script that writes the files of this folder",)
        return Diagnostic("PB203", f"{path} is not there: {who} did not make it", self._manuscript.image_span(index), help=mend)

    def _missing(self, image: ScannedImage, index: int) -> Diagnostic:
        span = self._manuscript.image_span(index)
        if not image.path.strip():
            return Diagnostic("PB203", "an image without a file", span, help=("write its path between the parentheses",))
        near = nearest(self._candidates(image)[0], self._catalog.paths())
        help_lines = [f"did you mean {path} ({_maker_words(self._catalog, path)})?" for path in near]
        if not help_lines:
            help_lines = [f"put the file at {self._candidates(image)[0]}, or name it in a target's outputs"]
        return Diagnostic("PB203", f"{image.path} is in no target's outputs and is no file", span, help=tuple(help_lines))


def _maker_words(catalog: Catalog, path: str) -> str:
    maker = catalog.maker(path)
    return f"target {maker[0].name}" if maker else "a file"


def _data_uri(uri: str) -> bytes:
    header, _, payload = uri.partition(",")
    data = unquote_to_bytes(payload)
    if not header.endswith(";base64"):
        return data
    import base64
    import binascii

    try:
        return base64.b64decode(data)
    except binascii.Error:
        return b""


def image_labels(shown: list[Shown], labels: Mapping[str, str]) -> dict[int, str]:
    """Return what the reader sees of each bound image ("Figure 1"), by its turn in reading order."""
    return {item.origin.seq: labels.get(str(n), "") for n, item in enumerate(shown, 1) if item.origin is not None}
