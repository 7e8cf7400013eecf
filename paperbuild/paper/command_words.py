"""Which words of a command may name files of the project: a best effort, for commands whose inputs nobody declares or observes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from paperbuild.engine.shellwords import shell_words

_OPTION_VALUE = re.compile(r"(?:--?)?[A-Za-z_][\w.-]*=(.+)", re.DOTALL)
_NAME_CHARACTER = re.compile(r"[^\s();<>|&.,:]")
_BETWEEN_PARTS = re.compile(r"[,:]")
_SPACE = re.compile(r"[\s\x1c-\x1f]")
_CONTROL = re.compile(r"[\x00-\x1f]")
_REDIRECTIONS = frozenset({">", ">>", ">|", "&>", "&>>", ">&"})
_SEPARATORS = frozenset({"|", "|&", "||", "&&", "&", ";", "(", ")"})
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def mentioned_paths(line: str) -> tuple[str, ...]:
    """Return the words of the shell command ``line`` that could be paths in the project, normalised, each once.

    Counted are words, the right sides of ``--option=`` and ``NAME=``, parts between commas and colons, the words of a quoted
    command line, and the files of ``-m module``; not what output is redirected to, nor what ``tee`` writes. Whether they exist is
    for the caller to see.
    """
    paths = map(_project_path, dict.fromkeys(_candidates(line, depth=0)))
    return tuple(dict.fromkeys(path for path in paths if path is not None))


def _candidates(line: str, depth: int) -> Iterator[str]:
    before = program = ""
    for word in shell_words(line):
        written = before in _REDIRECTIONS or (program == "tee" and not word.startswith("-"))
        if word in _SEPARATORS:
            program = ""
        elif not program:
            program = word
        if written and word not in _SEPARATORS:
            before = word
            continue
        yield word
        if before == "-m" and _MODULE.fullmatch(word):
            path = word.replace(".", "/")
            yield from (f"{path}.py", f"{path}/__init__.py", f"{path}/__main__.py")
        value = _OPTION_VALUE.fullmatch(word)
        if value:
            yield value[1]
        yield from _BETWEEN_PARTS.split(value[1] if value else word)
        if depth < 2 and _SPACE.search(word):
            yield from _candidates(word, depth + 1)
        before = word


def _project_path(word: str) -> str | None:
    if len(word) > 1024 or word.startswith(("-", "/", "~", "$")) or not _NAME_CHARACTER.search(word) or _CONTROL.search(word):
        return None
    path = posixpath.normpath(word)
    return None if path in {".", ".."} or path.startswith("../") else path
