"""Installed R packages: in which libraries R finds them, and what stands for the content of one.

Formats: "R Installation and Administration" (libraries, ``R_LIBS_SITE``), "Writing R Extensions" (``DESCRIPTION``, ``MD5``), and the
folders of renv (``renv/library``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.distributions import Digest, listed

R = "R"
"""What stands for R itself, with the packages that come along; no package can be called so."""

_NO_CONTENT = frozenset({"help", "html", "doc", "Meta", "DESCRIPTION", "INDEX"})
"""What is made anew by each installation, with its time and place, or is not looked at by code."""

_PACKAGE = r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]"
_USE = re.compile(rf"\b(?:library|require|requireNamespace|loadNamespace)\(\s*[\"']?({_PACKAGE})|\b({_PACKAGE}):::?")

_OF_INSTALLATION = ("Built:", "Packaged:")
"""Fields of DESCRIPTION that tell of one installation."""


class RPackages:
    """The packages of the R that ``which`` finds, for the project in ``root``. Looks at each library once; ``digest`` hashes files."""

    def __init__(self, which: Callable[[str], str | None], root: str, home: str, digest: Digest) -> None:
        self._which = which
        self._root = os.path.realpath(root) if root else ""
        self._home = home
        self.digest = digest
        self._libraries: tuple[str, ...] | None = None
        self._fingerprints: dict[str, str] = {}

    @property
    def libraries(self) -> tuple[str, ...]:
        """The folders in which R finds packages, in the order in which it looks; none where there is no R."""
        if self._libraries is None:
            base = self._base()
            self._libraries = () if base is None else tuple(dict.fromkeys((*self._kept_by_renv(), *self._shared(base))))
        return self._libraries

    @property
    def own(self) -> tuple[str, ...]:
        """Those of the libraries that lie in the project."""
        return tuple(library for library in self.libraries if self._root and library.startswith(f"{self._root}/"))

    def _kept_by_renv(self) -> Iterator[str]:
        """Yield the folders that renv keeps packages in: for a version of R and a platform, below a system since its version 1."""
        top = f"{self._root}/renv/library"
        if self._root and os.path.isdir(top):
            for here, folders, _ in os.walk(top):
                folders.sort()
                if os.path.basename(os.path.dirname(here)).startswith("R-"):
                    yield here
                    folders.clear()
                elif here.count("/") - top.count("/") > 3:
                    folders.clear()

    def _base(self) -> str | None:
        """Return the library that comes with R, None where there is no R."""
        for program in ("Rscript", "R"):
            found = self._which(program)
            for place in () if found is None else dict.fromkeys((os.path.realpath(found), found)):
                above = os.path.dirname(os.path.dirname(place))
                for library in (f"{above}/library", f"{above}/lib/R/library", f"{above}/lib64/R/library"):
                    if os.path.isfile(f"{library}/base/DESCRIPTION"):
                        return library
        return None

    def _shared(self, base: str) -> Iterator[str]:
        """Yield the libraries of the user, the machine and R itself."""
        short = ".".join(_field(_text(f"{base}/base/DESCRIPTION"), "Version").split(".")[:2])
        if self._home:
            users = f"{self._home}/R"
            yield from (f"{users}/{name}/{short}" for name in listed(users) if name.endswith("-library"))
        home = os.path.dirname(base)
        if home == "/usr/lib/R":  # as Debian has it
            yield "/usr/local/lib/R/site-library"
        yield f"{home}/site-library"
        yield base

    def owners(self, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Return (name, fingerprint) of each package among ``names``; those that come with R are R."""
        found: dict[str, str] = {}
        for name in filter(None, names):
            label = R if self._is_base(name) else name
            found[label] = self.fingerprint(label)
        return tuple(sorted(found.items()))

    def used(self, sources: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Return (name, fingerprint) of each package that the R files ``sources`` name, and of what those need; and of R itself."""
        todo = sorted({name for source in sources for name in _named(_text(source))})
        seen = {"base"}
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += (needed for folder in self._folders(name) for needed in _required(_text(f"{folder}/DESCRIPTION")))
        return self.owners(sorted(seen)) if self.libraries else ()

    def _folders(self, name: str) -> list[str]:
        return [f"{library}/{name}" for library in self.libraries if os.path.exists(f"{library}/{name}")]

    def _is_base(self, name: str) -> bool:
        text = _text(f"{self.libraries[-1]}/{name}/DESCRIPTION") if self.libraries else ""
        return _field(text, "License").startswith("Part of R ")

    def fingerprint(self, name: str) -> str:
        """Return version and content of the package ``name``, the same for equal installations anywhere.

        It is that of all libraries that have it: a script may have R look through them in another order. "absent" where none has it; of R
        itself the version.
        """
        known = self._fingerprints.get(name)
        if known is None:
            known = self._fingerprints[name] = self._fingerprint(name)
        return known

    def _fingerprint(self, name: str) -> str:
        if name == R:
            return _field(_text(f"{self.libraries[-1]}/base/DESCRIPTION"), "Version") if self.libraries else "absent"
        return ", ".join(dict.fromkeys(map(self._content, self._folders(name)))) or "absent"

    def _content(self, folder: str) -> str:
        told = _text(f"{folder}/DESCRIPTION")
        kept = "".join(f"{line}\n" for line in told.splitlines() if not line.startswith(_OF_INSTALLATION))
        # what an archive of CRAN lists of itself stands for its files; of a package installed from a folder they do so themselves
        content = _text(f"{folder}/MD5") or "".join(f"{path}\0{self.digest(f'{folder}/{path}')}\0" for path in _files(folder, ""))
        return f"{_field(told, 'Version') or 'unknown'} {digest_bytes((kept + content).encode(errors='surrogateescape'))[:16]}"


def _named(source: str) -> Iterator[str]:
    """Yield the packages that R code names; of a name that stands in a comment it does no harm to be counted."""
    for match in _USE.finditer(source):
        yield match[1] or match[2]


def _required(text: str) -> list[str]:
    """Return the packages that DESCRIPTION says are needed."""
    unfolded = re.sub(r"\n[ \t]+", " ", text)
    fields = (_field(unfolded, name) for name in ("Depends", "Imports", "LinkingTo"))
    names = (item.partition("(")[0].strip() for field in fields for item in field.split(","))
    return [name for name in names if name and name != R]


def _files(folder: str, inner: str) -> Iterator[str]:
    """Yield the paths of all files in ``folder`` that are content, relative to it."""
    for name in listed(os.path.join(folder, inner)):
        path = f"{inner}{name}"
        if inner or name not in _NO_CONTENT:
            if os.path.isdir(os.path.join(folder, path)):
                yield from _files(folder, f"{path}/")
            else:
                yield path


def _text(path: str) -> str:
    """Return the text of the file at ``path``; empty where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _field(text: str, name: str) -> str:
    """Return the value of a field of DESCRIPTION that fits in a line; empty where there is none."""
    start = f"{name}:"
    return next((line.removeprefix(start).strip() for line in text.splitlines() if line.startswith(start)), "")
