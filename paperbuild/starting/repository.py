"""What a repository holds, as values: its files, the texts of those that say something, and which of them is the paper."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

import msgspec

from paperbuild.paper.source import scan
from paperbuild.starting.makefile import NAMES

PICTURES = frozenset({".png", ".svg", ".pdf", ".jpg", ".jpeg", ".gif", ".eps", ".webp", ".tif", ".tiff"})
DATA = frozenset({".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".parquet", ".npz", ".npy", ".rds", ".txt", ".dat", ".tex"})
PROGRAMS: Mapping[str, str] = {".py": "python", ".r": "Rscript", ".jl": "julia", ".sh": "sh"}
"""What runs a script, by the suffix of its name in small letters."""

_MARKDOWN = (".md", ".markdown")
_LATEX = ".tex"
_ABOUT = frozenset(
    {
        "readme", "changelog", "changes", "contributing", "contributors", "license", "licence", "code_of_conduct", "authors", "history",
        "news", "security", "support", "todo",
    }
)  # fmt: skip
"""Documents about a repository, by their names in small letters: none of them is its paper."""
_NAMED = ("paper", "manuscript", "article", "main", "report", "thesis")
_FRONT = re.compile(r"\A---\s*\n.*?^(?:---|\.\.\.)\s*$", re.MULTILINE | re.DOTALL)


class Repository(msgspec.Struct, frozen=True):
    """The ``files`` and ``folders`` of a folder, relative to it, and the ``texts`` of scripts, documents and Makefiles among them."""

    files: frozenset[str]
    texts: Mapping[str, str]
    folders: frozenset[str] = frozenset()

    @property
    def scripts(self) -> tuple[str, ...]:
        """Files that can be run by themselves, sorted: no tests, no packaging."""
        return tuple(sorted(path for path in self.texts if posixpath.splitext(path)[1].lower() in PROGRAMS and not _is_machinery(path)))

    @property
    def makefile(self) -> str:
        """The Makefile that make would take; "" where there is none."""
        return next((name for name in NAMES if name in self.texts), "")


class Shown(msgspec.Struct, frozen=True):
    """A file that a document shows: its path in the repository, and the line where it does, from 1."""

    path: str
    line: int


def is_text(path: str) -> bool:
    """Return whether what ``path`` holds says how results are made or shown."""
    return path in NAMES or posixpath.splitext(path)[1].lower() in (*PROGRAMS, *_MARKDOWN, _LATEX, ".mk")


def papers(repository: Repository) -> tuple[str, ...]:
    """Return the documents that may be the paper; several where nothing tells which one it is.

    Markdown before LaTeX; what has front matter or shows figures before what has neither; among those, one with the name of a paper.
    """
    markdown = [path for path in repository.texts if path.lower().endswith(_MARKDOWN) and not _is_about(path)]
    likely = [path for path in markdown if _FRONT.match(repository.texts[path]) or shown(repository.texts[path], path)]
    latex = [path for path, text in repository.texts.items() if path.endswith(_LATEX) and "\\documentclass" in text]
    for found in (likely, latex if not likely else [], markdown):
        if found:
            named = [path for path in found if _stem(path) in _NAMED]
            best = [path for name in _NAMED for path in named if _stem(path) == name]
            return (best[0],) if best and [_stem(path) for path in named].count(_stem(best[0])) == 1 else tuple(sorted(named or found))
    return ()


def shown(text: str, path: str) -> tuple[Shown, ...]:
    """Return the files that the Markdown ``text`` of ``path`` shows, each once: pictures and data tables."""
    found = scan(text.replace("\r\n", "\n"))
    images = (image for image in found.destinations if image.is_image and "://" not in image.path and not image.path.startswith("data:"))
    placed = ((posixpath.normpath(posixpath.join(posixpath.dirname(path), image.path)), image.offset) for image in images)
    lines: dict[str, int] = {}
    for where, offset in placed:
        if not where.startswith(("..", "/")):
            lines.setdefault(where, found.text.count("\n", 0, offset) + 1)
    return tuple(Shown(where, line) for where, line in lines.items())


def runs(script: str, text: str, folder: str = "") -> str:
    """Return the command that runs ``script``, from the project's folder or from within ``folder``."""
    program = PROGRAMS[posixpath.splitext(script)[1].lower()]
    shell = re.match(r"#!.*\b(bash|zsh)\b", text)
    if program == "sh" and shell is not None:
        program = shell[1]
    name = posixpath.relpath(script, folder) if folder else script
    return f"cd {_quoted(folder)} && {program} {_quoted(name)}" if folder else f"{program} {_quoted(name)}"


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0].lower()


def _is_about(path: str) -> bool:
    return _stem(path) in _ABOUT or any(part in ("docs", "doc", ".github", "node_modules") for part in path.split("/")[:-1])


def _is_machinery(path: str) -> bool:
    name = posixpath.basename(path)
    folders = path.split("/")[:-1]
    named = name in ("setup.py", "conftest.py", "noxfile.py", "fabfile.py", "__init__.py", "__main__.py") or name.startswith("test_")
    return named or any(folder in ("tests", "test", "docs") for folder in folders)
