"""The words of a shell command, read without a shell. Pure."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""[;|&()<>]+                                            # control operators and redirections
      | (?: [^\s'"\\;|&()<>]+ | \\. | '[^']*' | "(?:[^"\\]|\\.)*" )+  # a word: plain, escaped and quoted parts
      | \S                                                   # a quote that is not closed""",
    re.VERBOSE | re.DOTALL,
)
_QUOTING = re.compile(r"""['"\\]""")
_PART = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^'"\\]+)""", re.DOTALL)


def shell_words(line: str) -> list[str]:
    """Return the words and operators of ``line`` as a shell takes them, without expanding anything.

    The standard library's lexer reads character by character, which for fifty commands costs as much as the rest of the manifest.
    """
    tokens = _TOKEN.findall(line)
    if any(token in {"'", '"', "\\"} for token in tokens):  # here documents, or prose in a script
        return re.split(r"[\s'\"();<>|&]+", line)
    return [_plain(token) if _QUOTING.search(token) else token for token in tokens]


def _plain(word: str) -> str:
    return "".join(a or re.sub(r"\\(.)", r"\1", b) or c or d for a, b, c, d in _PART.findall(word))
