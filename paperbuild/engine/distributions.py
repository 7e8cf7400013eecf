"""One installed Python distribution: what its metadata say of it, and whether its files are still what was installed.

Formats: the "Recording installed projects" and core metadata specifications of PyPA, PEP 610.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from paperbuild.engine.digest import digest_bytes

Digest = Callable[[str], str | None]
"""Hashes the file at an absolute path: SHA-256 in hexadecimal, None where there is no file."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r";.*\bextra\b")
_NOTES = (".dist-info/INSTALLER", ".dist-info/REQUESTED", ".dist-info/direct_url.json", ".pyc")
_SLACK_NS = 2_000_000_000
"""How much later than RECORD a file may have been written by the installer."""


class Distribution(msgspec.Struct, frozen=True):
    """One installed distribution: its normalised name and its ``.dist-info`` folder."""

    name: str
    folder: str

    def text(self, file: str) -> str:
        """Return the text of one file of its metadata; empty where it has none."""
        try:
            with open(os.path.join(self.folder, file), encoding="utf-8", errors="replace") as opened:
                return opened.read()
        except OSError:
            return ""

    @property
    def version(self) -> str:
        """Its version, as the name of its folder says it."""
        return os.path.basename(self.folder).removesuffix(".dist-info").rpartition("-")[2]

    def fingerprint(self, digest: Digest) -> str:
        """Return version and content, the same for equal installations anywhere. ``digest`` hashes the file at a path.

        Content are the digests that RECORD holds, and those of files that were changed since; without RECORD, the metadata.
        """
        installed = self._installed()
        content = "".join(f"{path},{hash_}\n" for path, hash_, _ in installed) or self.text("METADATA")
        changed = "".join(f"{path}\0{digest(path)}\0" for path in (*self._changed(installed, digest), *self._sources()))
        return f"{self.version} {digest_bytes((content + changed).encode(errors='surrogateescape'))[:16]}"

    def _installed(self) -> list[tuple[str, str, str]]:
        """Return path, hash and size of each file that RECORD vouches for.

        Left out are scripts, which name the place of their environment, and what installers write about themselves.
        """
        import csv  # these three cost 2 ms, and most builds with nothing to do ask for no package

        rows = (row for row in csv.reader(self.text("RECORD").splitlines()) if len(row) == 3)
        vouched = ((path, hash_, size) for path, hash_, size in rows if hash_)
        return sorted(row for row in vouched if not row[0].startswith("../") and not row[0].endswith(_NOTES))

    def _changed(self, installed: Iterable[tuple[str, str, str]], digest: Digest) -> Iterator[str]:
        """Yield the paths of files that were edited in place: RECORD was written last, and knows nothing of that."""
        site = os.path.dirname(self.folder)
        try:
            written_ns = os.stat(os.path.join(self.folder, "RECORD")).st_mtime_ns + _SLACK_NS
        except OSError:
            return
        for path, hash_, size in installed:
            place = os.path.join(site, path)
            try:
                found = os.stat(place)
            except OSError:
                yield place
                continue
            if str(found.st_size) != size or (found.st_mtime_ns > written_ns and _encoded(digest(place)) != hash_):
                yield place

    def is_editable(self) -> bool:
        """Return whether its modules are where somebody works on them, and not where packages are."""
        return next(self._roots(), None) is not None

    def entries(self) -> Iterator[str]:
        """Yield the names that it has in the folder it is installed in, its metadata aside."""
        for line in self.text("RECORD").splitlines():
            first = line.partition(",")[0].strip('"').partition("/")[0]
            if first not in {"..", "__pycache__"} and not first.endswith((".dist-info", ".data")):
                yield first

    def modules(self) -> Iterator[str]:
        """Yield the names that it makes importable."""
        for folder in self._roots():
            yield from {name.partition(".")[0] for name in listed(folder) if name.endswith(".py") or "." not in name}
        for line in self.text("RECORD").splitlines():
            path = line.partition(",")[0].strip('"')
            first, slash, _ = path.partition("/")
            if slash and not first.endswith((".dist-info", ".data")) and first != "..":
                yield first
            elif not slash and first.endswith((".py", ".so", ".pyd")):
                yield first.partition(".")[0]

    def _roots(self) -> Iterator[str]:
        """Yield the folders that an editable install takes its modules from (PEP 610: ``direct_url.json``)."""
        text = self.text("direct_url.json")
        if not text:
            return
        from urllib.parse import unquote, urlsplit  # costs 3 ms, and few distributions need it

        try:
            import json

            told = json.loads(text)
            if told.get("dir_info", {}).get("editable"):
                place = unquote(urlsplit(told["url"]).path)
                yield from (place, os.path.join(place, "src"))
        except (ValueError, KeyError, AttributeError):
            return

    def _sources(self) -> Iterator[str]:
        """Yield the Python files of an editable install: it is what they are now, whatever was recorded."""
        for root in dict.fromkeys(self._roots()):
            for folder, folders, files in os.walk(root):
                folders[:] = sorted(name for name in folders if name.isidentifier() and name != "__pycache__")
                yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(".py"))

    def required(self) -> Iterator[str]:
        """Yield the names of the distributions that it needs, extras aside."""
        for line in self.text("METADATA").partition("\n\n")[0].splitlines():
            if line.startswith("Requires-Dist:") and not _EXTRA.search(line):
                match = _NAME.match(line.removeprefix("Requires-Dist:").strip())
                if match:
                    yield normalise(match[0])


def normalise(name: str) -> str:
    """Return the normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _encoded(digest: str | None) -> str:
    """Return a digest as RECORD has it."""
    import base64

    return "" if digest is None else f"sha256={base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip('=')}"


def listed(folder: str) -> list[str]:
    """Return the sorted names in ``folder``; none where there is no folder."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
