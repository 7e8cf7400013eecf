r"""What the usual slips in references look like, and what to write instead.

Pandoc drops or prints a reference it cannot read without a word (``Done![9]{val=a}``, ``{val=a b}``, a bare ``|`` in a table row).
:func:`faults` says for each candidate that is lost, and for each that stands where it must not, what is wrong and how to mend it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity, did_you_mean, nearest
from paperbuild.paper.attributes import fold
from paperbuild.paper.positions import Match
from paperbuild.paper.regions import Interval
from paperbuild.paper.source import Candidate, Scan, SourceMap

_QUOTES = re.compile("[\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb]")  # curly, low and angle quotes
_DEFINES = re.compile(r"\\(?:(?:re|provide)?newcommand\*?|(?:re)?newenvironment|[gex]?def|let|DeclareMathOperator\*?)(?![A-Za-z])")
_REDEFINES = re.compile(r"(?:\\(?:(?:re|provide)?newcommand\*?|DeclareMathOperator\*?)[ \t]*\{?|\\(?:[gex]?def|let)[ \t]*)\\\Z")
_HEADING = re.compile(r"[ \t>]*#{1,6}[ \t]")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*\r?")
_DELIMITERS = re.compile(r"^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:[|+][ \t]*:?-+:?[ \t]*)*\|?[ \t]*\r?$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"""\]\{[^{}\n]*?(?<![\w:.\-])(?P<key>[A-Za-z]{2,8})=(?P<value>"[^"{}\n]*"|'[^'{}\n]*'|[^\s"'{}]+)(?=[^{}\n]*\})""")
_NOTE = re.compile(r"(?<![\\!])\[\^(?P<label>[^\]\[\s^]{1,60})\](?P<defines>:?)")
_LIKE_A_REFERENCE = re.compile(r"""["']?(?:\w+\()*[A-Za-z_]\w*\.[A-Za-z_][\s\S]*""")
_EXPLICIT_ID = re.compile(r"\{[^{}]*#[\w:.\-]+[^{}]*\}[ \t#]*\r?\Z")


class Slip(msgspec.Struct, frozen=True):
    """What is wrong with one candidate; ``at`` and ``length`` where it is not the key itself."""

    code: str
    message: str
    help: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    at: int = -1
    length: int = 0


def has_slips(scan: Scan) -> bool:
    """Whether a live candidate breaks a rule that holds wherever it stands: the tagged parse must say whether it is code."""
    return any(_misuse(scan, group) for group in _groups(scan).values()) or any(True for _ in _misspelt(scan))


def faults(scan: Scan, sources: SourceMap, match: Match) -> tuple[Diagnostic, ...]:
    """Return everything wrong with how references are written, in source order, at most one per candidate."""
    found: dict[int, Slip] = {}
    around: list[Interval] = []
    for group in _groups(scan).values():
        for candidate, slip in _misuse(scan, group):
            if candidate.key not in match.in_code:
                found.setdefault(candidate.key, slip)
                around += (candidate.literal,) if slip.code == "PB258" and candidate.literal else ()
    for candidate, on in match.lost:
        known = found.get(candidate.key)
        shadowed = any(start <= candidate.key < end for start, end in around)  # lost because of the reference around it
        reason = None if shadowed or (known and known.code == "PB257") else lost(scan, candidate, on)
        if reason is not None:
            found[candidate.key] = reason
    words = {candidate.key: candidate for candidate in scan.candidates}
    told = {key: _diagnostic(sources, words[key], found[key]) for key in found}
    told |= {at: Diagnostic(slip.code, slip.message, sources.span(at, slip.length), help=slip.help) for at, slip in _misspelt(scan)}
    return tuple(told[at] for at in sorted(told))


def _diagnostic(sources: SourceMap, candidate: Candidate, slip: Slip) -> Diagnostic:
    at = slip.at if slip.at >= 0 else candidate.key
    length = slip.length or (len(candidate.word) if slip.at < 0 else 1)
    return Diagnostic(slip.code, slip.message, sources.span(at, length), notes=slip.notes, help=slip.help)


def _groups(scan: Scan) -> dict[int, list[Candidate]]:
    """Return the live candidates by the brace they stand behind."""
    groups: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in scan.live():
        groups[candidate.brace].append(candidate)
    return groups


def undefined_notes(scan: Scan, sources: SourceMap) -> tuple[Diagnostic, ...]:
    """Return a warning for each footnote mark that nothing defines: pandoc prints it as it stands."""
    marks = [
        mark for mark in _NOTE.finditer(scan.text) if not scan.regions.in_code(mark.start()) and not scan.regions.in_math(mark.start())
    ]
    defined = {
        mark["label"].casefold()
        for mark in marks
        if mark["defines"] and not scan.text[_line(scan.text, mark.start())[0] : mark.start()].strip(" >")
    }
    return tuple(
        Diagnostic(
            "PB272",
            f"this note is written nowhere: {mark[0]} stands in the text as it is",
            sources.span(mark.start(), len(mark[0])),
            Severity.WARNING,
            help=(*did_you_mean(mark["label"], defined), f"write it in a paragraph of its own: [^{mark['label']}]: The note."),
        )
        for mark in marks
        if mark["label"].casefold() not in defined and not mark["defines"]
    )


def _misspelt(scan: Scan) -> Iterator[tuple[int, Slip]]:
    """Yield attributes that look like references under a name that means nothing: pandoc would print the literal for ever."""
    for found in _ATTRIBUTE.finditer(scan.text):
        key = found["key"]
        meant = () if key in {"val", "claim"} else nearest(key, ("val", "value", "claim"), 1)
        if meant and _LIKE_A_REFERENCE.fullmatch(found["value"]) and not scan.regions.in_code(found.start("key")):
            word = "claim" if meant == ("claim",) else "val"
            message = f"{key} is no attribute of a reference"
            yield found.start("key"), Slip("PB254", message, (f"did you mean {word}={found['value']}?",), length=len(key))


# --- references that are read, and must not be written so ---------------------------------------------------------------------


def _misuse(scan: Scan, group: list[Candidate]) -> list[tuple[Candidate, Slip]]:
    """Return what is wrong with the references of one Span (or of one formula) even if pandoc reads them."""
    found: list[tuple[Candidate, Slip]] = []
    first = group[0]
    for other in group[1:]:
        both = f"both {first.word} and {other.word} on one span" if other.word != first.word else f"{first.word} twice on one span"
        found.append((other, Slip("PB257", both, help=("a span holds one reference: write two spans",))))
    for candidate in group:
        slip = _redefinition(scan, candidate) or _unquoted(candidate) or _empty(candidate) or _nested(scan, candidate)
        slip = slip or _unmatched(candidate) or _heading(scan, candidate)
        if slip is not None:
            found.append((candidate, slip))
    return found


def _redefinition(scan: Scan, candidate: Candidate) -> Slip | None:
    if candidate.kind != "math-value" or _REDEFINES.search(scan.text, max(0, candidate.key - 40), candidate.key) is None:
        return None
    return Slip("PB261", r"\val is paperbuild's and cannot be defined", (r"give your macro another name",))


def _unquoted(candidate: Candidate) -> Slip | None:
    if candidate.kind == "math-value" or candidate.quoted or candidate.malformed or re.fullmatch(r"[A-Za-z0-9_.:%+,()]*", candidate.raw):
        return None
    helps = (f"write {_quoted(candidate)}",)
    return Slip("PB255", f"this {candidate.word} needs quotes", helps, at=candidate.value, length=len(candidate.raw))


def _empty(candidate: Candidate) -> Slip | None:
    if candidate.text or candidate.malformed:
        return None
    return Slip("PB254", "an empty reference", (f"write what it refers to: {candidate.word}=target.key",))


def _nested(scan: Scan, candidate: Candidate) -> Slip | None:
    if candidate.literal is None:
        return None
    start, end = candidate.literal
    inner = scan.text[start:end]
    if "val" not in inner and "claim" not in inner:
        return None
    if any(start <= other.key < end and not other.exempt for other in scan.candidates):
        return Slip("PB258", "a reference around another reference", ("let each stand alone: put one after the other",))
    return None


def _unmatched(candidate: Candidate) -> Slip | None:
    if candidate.form != "span" or candidate.literal is not None or candidate.malformed:
        return None
    message = "the bracket that this reference closes is opened nowhere"
    return Slip("PB262", message, (r"write [literal]{…}; a bracket inside the literal is written \[ or \]",), at=candidate.brace - 1)


def _heading(scan: Scan, candidate: Candidate) -> Slip | None:
    if candidate.kind == "claim" or candidate.malformed or scan.regions.in_header(candidate.key):
        return None
    text = scan.text
    start, end = _line(text, candidate.key)
    line = text[start:end]
    if _HEADING.match(line) is None:
        following = _UNDERLINE.fullmatch(text, end + 1, _line(text, end + 1)[1]) if end < len(text) else None
        starts_paragraph = start == 0 or text[:start].endswith(("\n\n", "\n\r\n"))
        if following is None or not starts_paragraph or "|" in line:
            return None
    if _EXPLICIT_ID.search(line.rstrip()) is not None:
        return None
    return Slip(
        "PB260",
        "a heading with a value needs an id of its own",
        ("add one at its end: # Heading {#sec:name}",),
        ("the automatic id is made of the heading's words: it would change with the value",),
    )


# --- references that pandoc does not read --------------------------------------------------------------------------------------


def lost(scan: Scan, candidate: Candidate, on: str = "") -> Slip | None:
    """Return why a candidate is no reference in the parsed paper; None where that is as it should be (a macro nobody uses)."""
    if candidate.kind == "math-value" and _redefinition(scan, candidate) is None and _defined(scan, candidate):
        if "%" not in re.sub(r"\\%", "", candidate.raw):
            return None
        message = r"a bare % in a macro's definition is a TeX comment: the rest of the definition is lost"
        return Slip("PB263", message, (r"write \%",), at=candidate.value + candidate.raw.find("%"))
    slip = _formula(scan, candidate) or _malformed(scan, candidate) or _misplaced(scan, candidate, on)
    slip = slip or _in_formula(scan, candidate, on) or _brackets(scan, candidate) or _eaten(scan, candidate, on)
    if slip is not None:
        return slip
    where = f" (it ended in pandoc's {on})" if on else ""
    return Slip("PB263", f"this reference is lost{where}", (f"a reference stands in running text: [literal]{{{_quoted(candidate)}}}",))


def _defined(scan: Scan, candidate: Candidate) -> bool:
    paragraph = _paragraph(scan.text, candidate.key)[0]
    return _DEFINES.search(scan.text, paragraph, candidate.brace) is not None and not scan.regions.in_math(candidate.key)


def _formula(scan: Scan, candidate: Candidate) -> Slip | None:
    if candidate.kind != "math-value":
        return None
    redefined = _redefinition(scan, candidate)
    if redefined is not None:
        return redefined
    if candidate.malformed:
        return Slip("PB254", r"\val needs an expression in braces", (r"write \val{target.key:.2f}",), at=candidate.brace, length=4)
    span = f"[]{{{_quoted(candidate)}}}"
    if scan.regions.in_math(candidate.key):
        return None
    helps = [f"in running text write {span}"]
    before, after = scan.text[candidate.brace - 1 : candidate.brace], scan.text[candidate.value + len(candidate.raw) + 1 :][:2]
    if "$" in _around(scan.text, candidate):
        helps.append("a formula has no space after its first $ and none before its last, and no digit follows it")
    if before == "$" and after[:1] == "$" and after[1:].isdigit():
        helps.append("put a space or {} between the last $ and the digit")
    return Slip("PB256", r"\val stands outside of mathematics", tuple(helps), at=candidate.brace, length=4)


def _around(text: str, candidate: Candidate) -> str:
    start, end = _line(text, candidate.key)
    return text[start:end]


def _malformed(scan: Scan, candidate: Candidate) -> Slip | None:
    """Return the slip inside the braces that makes pandoc print them."""
    if not candidate.malformed:
        return None
    text, raw = scan.text, candidate.raw
    helps = [f"write {_quoted(candidate)}"]
    behind = text[candidate.key + len(candidate.word) : candidate.value]
    curly = _QUOTES.search(raw)
    if curly is not None:
        message, at = "curly quotes around a reference", candidate.value + curly.start()
    elif behind != "=":
        message, at = "no space may stand around the = of an attribute", candidate.key + len(candidate.word)
    elif raw[:1] in {'"', "'"} and raw.count(raw[0]) < 2:
        message, at = "the quote of this reference is not closed", candidate.value
    elif re.search(r"\s", raw):
        message, at = "an unquoted reference ends at its first space", candidate.value + len(raw.split()[0])
    else:
        message, at = "the braces of this reference cannot be read", candidate.brace
        helps.append("in braces stand #id, .class and key='value', separated by spaces; no blank line; a closing }")
    return Slip("PB254", message, tuple(helps), ("pandoc prints such braces as they stand",), at=at)


_PLACES = {
    "Image": ("an image", "put the reference into the caption: ![[literal]{%s}](file)"),
    "Link": ("a link", "put the reference inside: [[literal]{%s}](address)"),
    "Code": ("code", "write [literal]{%s} without the backticks"),
    "CodeBlock": ("a code block", "a reference stands in running text: [literal]{%s}"),
    "Header": ("a heading", "put the reference into its text: # Heading [literal]{%s} {#sec:name}"),
    "Div": ("a division", "a reference stands in running text: [literal]{%s}"),
    "Table": ("a table", "put the reference into the caption's text: : Caption [literal]{%s}"),
}


def _misplaced(scan: Scan, candidate: Candidate, on: str) -> Slip | None:
    """Return the slip of a reference on a node that cannot carry one (GRAMMAR rule 17)."""
    if candidate.form != "other" or candidate.kind == "math-value":
        return None
    text, brace = scan.text, candidate.brace
    before = text[max(0, brace - 1) : brace]
    node = on if on in _PLACES else _node_before(scan, candidate, before)
    if node:
        name, advice = _PLACES[node]
        return Slip("PB256", f"a reference cannot stand on {name}", (advice % _quoted(candidate),))
    if before in {" ", "\t", "\n"} and text[:brace].rstrip()[-1:] == "]" and "\n\n" not in text[len(text[:brace].rstrip()) : brace]:
        return Slip("PB254", "a space between ] and {", ("let them touch: [literal]{" + _quoted(candidate) + "}",), at=brace - 1)
    if before == "}":
        message = "a second pair of braces: only the first belongs to the span"
        return Slip("PB254", message, ("join both: {.class " + _quoted(candidate) + "}",), at=brace)
    return Slip("PB254", "braces without brackets before them", ("write [literal]{" + _quoted(candidate) + "}",), at=brace)


def _node_before(scan: Scan, candidate: Candidate, before: str) -> str:
    text, brace = scan.text, candidate.brace
    start, end = _line(text, brace)
    line = text[start:end].lstrip(" \t>")
    if before == ")":
        image = [d.is_image for d in scan.destinations if d.offset < brace]
        return "Image" if image and image[-1] else "Link"
    if before == "`":
        return "Code"
    if line.startswith(":::"):
        return "Div"
    if line.startswith("#"):
        return "Header"
    if line.startswith((":", "Table:", "table:")):
        return "Table"
    return ""


def _in_formula(scan: Scan, candidate: Candidate, on: str) -> Slip | None:
    if candidate.kind == "math-value" or not (on == "Math" or scan.regions.in_math(candidate.key)):
        return None
    opening = max((start for start, _ in scan.regions.math if start < candidate.key), default=candidate.key)
    message = "a dollar sign before this reference opens a formula that swallows it"
    escape = (r"write \$ for a dollar", r"inside a formula write \val{" + candidate.text + "}")
    return Slip("PB263", message, escape, at=opening)


def _brackets(scan: Scan, candidate: Candidate) -> Slip | None:
    """Return the slip before the literal: what stands there takes the brackets for itself."""
    unmatched = _unmatched(candidate)
    if unmatched is not None or candidate.literal is None:
        return unmatched
    text, opening = scan.text, candidate.literal[0] - 1
    before = text[max(0, opening - 1) : opening]
    if before == "!":
        message = "an exclamation mark before a bracket begins an image: the reference vanishes"
        return Slip("PB263", message, (rf"write \!{text[opening : candidate.brace]}{{…}}, or a space between",), at=opening - 1)
    if before == "]":
        message = "two pairs of brackets in a row are one link: the reference vanishes"
        return Slip("PB263", message, ("put a space between ][",), at=opening - 1, length=2)
    if before == "\\":
        return Slip("PB263", r"\[ is a bracket of the text: no span begins here", ("take the backslash out",), at=opening - 1)
    return None


def _eaten(scan: Scan, candidate: Candidate, on: str) -> Slip | None:
    """Return the slip of something around the span that ends or swallows it: a table's column, mathematics, raw text."""
    text = scan.text
    if candidate.kind != "math-value" and _in_bare_pipe(text, candidate):
        helps = (r"write \| inside the braces, or use the function's call form: mean(runs.acc)",)
        return Slip("PB259", "a bare | cuts this table row: what follows is lost", helps, at=_pipe(text, candidate))
    if on.startswith("Raw"):
        return Slip("PB256", "a reference cannot stand in raw TeX or HTML", ("write the passage as Markdown",))
    ends = (d.offset + len(d.raw) for d in scan.destinations)
    if any(end <= candidate.key < end + 300 and _in_title(text, end, candidate.key) for end in ends):
        return Slip("PB256", "a reference cannot stand in a title", ("put it into the caption or the text",))
    start, _ = _line(text, candidate.key)
    if scan.regions.in_header(candidate.key) and re.search(r"\s#", text[start : candidate.key]):
        return Slip(
            "PB263", "a # after a space begins a comment in YAML: the rest of the line is lost", ("put the value in single quotes",)
        )
    return None


def _in_title(text: str, behind: int, key: int) -> bool:
    return re.fullmatch(r"""[ \t\n]+(?:"[^"\n]*|'[^'\n]*|\([^()\n]*)""", text[behind:key]) is not None


def _in_bare_pipe(text: str, candidate: Candidate) -> bool:
    start, end = _paragraph(text, candidate.key)
    rules = _DELIMITERS.finditer(text, start, end)
    return _pipe(text, candidate) >= 0 and any("|" in rule.group() for rule in rules)


def _pipe(text: str, candidate: Candidate) -> int:
    """Return the offset of the first bare ``|`` inside the braces; -1 where there is none."""
    _, end = _line(text, candidate.key)
    found = re.compile(r"(?>(?:\\.|[^|}\n\\])*)\|").match(text, candidate.brace, end)
    return found.end() - 1 if found else -1


def _quoted(candidate: Candidate) -> str:
    r"""Return the attribute as it should be written: ``val="a b"``, strings inside in single quotes."""
    expression = fold(_QUOTES.sub("'", candidate.text).replace('"', "'").strip("'"))
    if re.fullmatch(r"[A-Za-z0-9_.:%+,()]+", expression):
        return f"{candidate.word}={expression}"
    return f'{candidate.word}="{expression}"'


def _line(text: str, offset: int) -> tuple[int, int]:
    end = text.find("\n", offset)
    return text.rfind("\n", 0, offset) + 1, end if end >= 0 else len(text)


def _paragraph(text: str, offset: int) -> tuple[int, int]:
    start, end = text.rfind("\n\n", 0, offset), text.find("\n\n", offset)
    return max(0, start), end if end >= 0 else len(text)
