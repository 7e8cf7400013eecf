"""Text that is no TOML: where, and what was probably meant."""

from __future__ import annotations

import re
import tomllib

from paperbuild.diagnostics import Diagnostic, Span, span_at
from paperbuild.errors import ManifestError

_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def load(data: bytes, path: str) -> tuple[dict[str, object], str]:
    """Return the content of the TOML text ``data`` and the text itself.

    Raises:
        ManifestError: it is not UTF-8, or not TOML.
    """
    text = _decode(data, path)
    try:
        return tomllib.loads(text), text
    except RecursionError:
        raise ManifestError(Diagnostic("PB101", "this is nested too deeply", span_at(path, text, 0))) from None
    except ValueError as error:
        raise ManifestError(_diagnosed(path, text, str(error))) from None


def _decode(data: bytes, path: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") and error.object != data else 0)
        before = data[:start].decode("utf-8", "replace").removeprefix("\ufeff")
        line = data[start:].split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
        raise ManifestError(
            Diagnostic(
                "PB100",
                f"this file is not UTF-8: the byte 0x{data[start]:02x} cannot stand here",
                span_at(path, before + line, len(before)),
                notes=("TOML is always UTF-8",),
                help=(f"save it as UTF-8, or run: iconv -f latin1 -t utf-8 {path}",),
            )
        ) from None


def _diagnosed(path: str, text: str, error: str) -> Diagnostic:
    found = _PLACE.fullmatch(error)
    if found is None:  # the only error without a place: a number longer than Python converts
        return Diagnostic("PB101", "a number has too many digits", span_at(path, text, 0), help=("write it in quotes, as text",))
    reason = found[1]
    lines = text.replace("\r\n", "\n").split("\n")
    if found[2] is None:
        last = len(lines) - 1 if lines[-1] or len(lines) == 1 else len(lines) - 2
        at, column = last, len(lines[last])
    else:
        at, column = int(found[2]) - 1, int(found[3]) - 1
    line = lines[at] if at < len(lines) else ""
    if reason.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate", "Cannot redefine", "Duplicate")):
        column = len(line) - len(line.lstrip())
        length = len(re.split(r"\s*=", line[column:], maxsplit=1)[0].rstrip())
        return Diagnostic("PB101", "this key or table stands twice", Span(path, at + 1, column + 1, max(1, length), line), help=_ONCE)
    span = Span(path, at + 1, min(column, len(line)) + 1, 1, line)
    return Diagnostic("PB101", f"this is not valid TOML: {_lowered(reason)}", span, help=_mend(reason, line, column))


_ONCE = ("keep one of the two, or join them",)


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _mend(reason: str, line: str, column: int) -> tuple[str, ...]:
    rest = line[column:].strip()
    if reason.startswith("Illegal character '\\n'"):
        return ('close the string with a quote on the same line, or write it in """triple quotes"""',)
    if reason.startswith("Expected newline or end of document after a statement") and line[:column].endswith("'") and "'" in line[column:]:
        return ("a ' ends this text, with a backslash before it, too: put the text between ''' and '''",)
    if reason.startswith("Unescaped"):
        return (r"in double quotes a backslash is written \\; in single quotes it stands for itself",)
    if reason.startswith("Invalid initial character for a key part") and not rest:
        return ("a table in braces stands on one line; longer ones get a header of their own, as in [target.train.params]",)
    if reason.startswith(("Unterminated", "Expected \"'''\"")):
        return ("a string further up is not closed",) if line[:column].count('"') % 2 == 0 else ("close the string with a quote",)
    if reason.startswith("Invalid value"):
        if not rest:
            return ("a value is missing here, or a list is not closed",)
        if "=" in line[:column] and line[:column].rstrip().endswith(("[", "{", ",")):
            rest = re.split(r"\s*[,\]}#]", rest, maxsplit=1)[0]
        return (f'text needs quotes: "{rest}"',) if rest and rest[0].isalpha() and len(rest) <= 60 and '"' not in rest else ()
    return ()
