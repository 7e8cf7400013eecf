r"""A paper's text in sections, each of which pandoc reads alike alone and among the others. Pure: text comes in, values go out.

A section begins at a heading that starts a line behind a blank one. That is a boundary wherever nothing is open: a fence, a comment, a
division, a piece of TeX, a block of YAML. This is no Markdown parser: a text in which something *may* be open, or may be taken for the
end of something, has no sections at all, and whoever asks must take the paper whole.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec

_HEADING = re.compile(r"(#{1,6})[ \t]+(?=\S)(.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*(.*?)[ \t]*")
_ATTRIBUTE = r"""(?:[.#][\w:.\-]+|[\w\-]+=(?:"[^"{}\n]*"|[^\s"'{}]+))"""
_ATTRIBUTES = rf"\{{ *{_ATTRIBUTE}(?: +{_ATTRIBUTE})* *\}}"
_RUNS = re.compile(r"^[ \t>]*(?:`{3}|~{3}).*\.target\b", re.MULTILINE)
_SHOWS_A_FILE = re.compile(r"^[ \t>]*(?:`{3}|~{3}).*\binclude=", re.MULTILINE)
_OF_CODE = r"""(?:[.#][\w:.\-]+|[\w\-]+=(?:"[^"\\\n]*"|'[^'\\\n]*'|[^\s"'{}]+))"""
_INFO = re.compile(rf"|[A-Za-z][\w+\-]*|(?:[A-Za-z][\w+\-]* *)?\{{ *{_OF_CODE}(?: +{_OF_CODE})* *\}}|\{{=[a-z]+\}}")
_DIVISION = re.compile(rf" {{0,3}}:{{3,}}[ \t]*(?:(?P<opens>[A-Za-z][\w\-]*|{_ATTRIBUTES})[ \t]*:*)?[ \t]*")
_RULED = re.compile(r"[ \t]*(?:-[- \t]*){3,}|\.\.\.[ \t]*|={3,}[ \t]*|\+[-=+:]{2,}[ \t]*")
# What may hold the others: an escape, code, a formula, a comment, an address in angle brackets.
_INLINE = re.compile(
    r"""(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:[^`\n]|\n(?![ \t]*\n)|(?!(?P=ticks)(?!`))`)+?(?<!`)(?P=ticks)(?!`))"""
    r"""|(?P<display>\$\$(?:[^$\\]|\\[^\n])*?\$\$)|(?P<math>\$(?=\S)(?:[^$\\]|\\[^\n])*?(?<=\S)\$(?!\d))"""
    r"""|(?P<link><(?:https?://[^\s<>"']+|[\w.+\-]+@[\w.\-]+)>)|(?P<escape>\\[^\sA-Za-z])"""
    r"""|(?P<comment><!--(?!-?>)(?:(?!-->)[^\n]|\n(?! *\n))*-->)"""
)
_OPENS = re.compile(r"<[A-Za-z/!?]|-->|`|\(@")
_COMMAND = re.compile(r"\\[A-Za-z]")
_DELICATE_TEX = re.compile(
    r"\\(?:begin|end|input|include|appendix|title|author|date|maketitle|verb|lstinline|val|(?:re|provide)?newcommand|[gexl]?def|let|"
    r"(?:re)?newenvironment|newtheorem|Declare\w+|(?:New|Renew|Provide)DocumentCommand|iffalse|fi|if\w*)(?![A-Za-z])"
)
_DEFINES = re.compile(
    r"\\(?:(?:re|provide)?newcommand|[gex]?def|let|(?:re)?newenvironment|newtheorem|Declare\w+|(?:New|Renew|Provide)DocumentCommand)(?![A-Za-z])"
)
_LINK = re.compile(r"^[ >*+\-\d.)(]*\[(?!\^)[^\[\]\n]+\]:.*(?:\n(?! *\[)[ ]*[^\s#].*)*", re.MULTILINE)
_NOTE = re.compile(r"^ {0,3}\[\^([^\]\[\s^]+)\]:[^\n]*(?:\n(?! {0,3}\[\^)[ ]*[^\s][^\n]*|(?:\n *)+\n {4}[^\n]*)*", re.MULTILINE)
_NOTE_MARK = re.compile(r"\[\^([^\]\[\s^]+)\](?!:)")
_BRACKETED = re.compile(r"\[([^\[\]^@][^\[\]]*)\]")
_NESTED = re.compile(r"\[[^\[\]]*\[")
_END_ATTRIBUTES = re.compile(r"\{[^{}]*\}[ #]*$")
_GIVEN_ID = re.compile(r"#([^\s{}#]+)[^{}]*\}[ #]*$")
_PLAIN_HEADING = re.compile(r"(#{1,6} )([A-Za-z][A-Za-z0-9 ,:()]*?)((?: +\{[^{}\n]*\})?[ #]*)")
_ENDS = re.compile(r"\n *\n\Z")
_BLANK = re.compile(r"\n(?:[ \t]*\n)+")
_WORDS = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*")
_INDENT = "    "  # what is in so far belongs to an item of a list, or is code: it ends at the next heading, whatever it opens
_NO_LETTER = re.compile(r"[\W_]+")


class Section(msgspec.Struct, frozen=True, dict=True):
    """The ``text`` of a section, its heading (the first line) included; ``has_heading`` is false of what stands before the first one."""

    text: str
    has_heading: bool

    @cached_property
    def heading(self) -> str:
        """The line that it begins with, where that is a heading."""
        return self.text.partition("\n")[0] if self.has_heading else ""

    @property
    def letters(self) -> str:
        """The letters that the words of its heading begin with, for whoever finds a heading and asks whether it is this one."""
        said = self.heading.lstrip("# ")
        words = _WORDS.match(said)
        if words is None:
            return ""
        is_whole = said[words.end() : words.end() + 1] in {"", " "}
        return (words[0] if is_whole else words[0].rpartition(" ")[0]).replace(" ", "")

    @cached_property
    def links(self) -> tuple[str, ...]:
        """The definitions of link addresses, as they stand."""
        return tuple(found[0] for found in _LINK.finditer(self.text))

    @cached_property
    def notes(self) -> dict[str, str]:
        """The notes that are written here, as they stand, by their names."""
        return {found[1].casefold(): found[0] for found in _NOTE.finditer(self.text)}

    @cached_property
    def marks(self) -> frozenset[str]:
        """The names of the notes that are asked for here."""
        return frozenset(found[1].casefold() for found in _NOTE_MARK.finditer(self.text))

    @cached_property
    def bracketed(self) -> frozenset[str]:
        """The words in brackets, by which headings may be meant, as :func:`_folded` has them."""
        return frozenset(_folded(found[1]) for found in _BRACKETED.finditer(self.text))

    @cached_property
    def is_plain(self) -> bool:
        """Whether nothing in it is open at its end, or could close or change something outside, whatever stands there.

        What it shows of files is the whole paper's business.
        """
        return _is_closed(self.text, strict=True) and _SHOWS_A_FILE.search(self.text) is None

    @cached_property
    def code(self) -> tuple[str, ...]:
        """The blocks of fenced code that are targets; all of the text where it is not certain which."""
        count = len(_RUNS.findall(self.text))
        blocks = tuple(_chunks(self.text)) if count else ()
        return blocks if len(blocks) == count else (self.text,)


class Sections(msgspec.Struct, frozen=True, dict=True):
    """A paper's text: ``header`` (its front matter) and its sections, the first without a heading."""

    header: str
    sections: tuple[Section, ...]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each section begins in the paper's text."""
        lengths = (len(section.text) for section in self.sections)
        return tuple(itertools.accumulate(lengths, initial=len(self.header)))[:-1]

    def changed(self, text: str) -> tuple[int, Section] | None:
        """Return which section is another one in ``text``, and how it reads there; None where that is not just one."""
        if not text.startswith(self.header):
            return None
        last, end = len(self.sections) - 1, len(text)
        while last > 0 and text.endswith(self.sections[last].text, len(self.header), end):
            end -= len(self.sections[last].text)
            last -= 1
        at = len(self.header)
        for section in self.sections[:last]:
            if not text.startswith(section.text, at, end):
                return None
            at += len(section.text)
        section = Section(text[at:end], self.sections[last].has_heading)
        if boundaries(section.text, 0) != ([0] if section.has_heading else []):
            return None
        return (last, section) if last == len(self.sections) - 1 or _ENDS.search(text, at - 2 if at > 1 else 0, end) else None

    def around(self, index: int, section: Section) -> tuple[str, str] | None:
        """Return what ``section``, put in the place of the section ``index``, must be read between; None where it cannot be read alone.

        That is what of the other sections has an effect on it: macros before; addresses of links, the notes that it asks for and marks
        that ask for its notes behind.
        """
        before = self.sections[index]
        if not (section.is_plain and before.is_plain) or not self._may_be_headed(section, before):
            return None
        if section.links != before.links or section.code != before.code or not self._notes_stay(index, section, before):
            return None
        named = self._headings_named(index, section)
        if named is None:
            return None
        others = [other for n, other in enumerate(self.sections) if n != index]
        notes = {name: note for other in others for name, note in other.notes.items()}
        foreign = section.marks - section.notes.keys()
        if foreign - notes.keys() or foreign != before.marks - before.notes.keys():  # else a note may be one that nobody refers to
            return None
        behind = [*named, *(link for other in others for link in other.links), *(notes[name] for name in sorted(foreign))]
        behind += [f"[^{name}]" for name in sorted(section.notes) if any(name in other.marks for other in others)]  # else it is "not used"
        return "\n\n".join(self._macros(index)), "\n\n".join(behind)

    def _may_be_headed(self, section: Section, before: Section) -> bool:
        """Whether its heading is the same, or in other words that nobody refers to: plain words, which need nothing of the paper."""
        if section.heading == before.heading:
            return True
        new, old = (_PLAIN_HEADING.fullmatch(one.heading) for one in (section, before))
        if new is None or old is None or (new[1], new[3]) != (old[1], old[3]) or self._bracketed_headings:
            return False
        names = {_folded(new[2]), _folded(old[2])}
        return not any(names & one.bracketed for one in (section, *self.sections))

    def _notes_stay(self, index: int, section: Section, before: Section) -> bool:
        """Whether nobody else sees a change of the section's notes."""
        if section.notes == before.notes:
            return True
        elsewhere = [other for n, other in enumerate(self.sections) if n != index]
        names = section.notes.keys() | before.notes.keys()
        return not any(names & (other.marks | other.notes.keys()) for other in elsewhere)

    @cached_property
    def _headings(self) -> dict[str, tuple[int, ...]]:
        """The numbers of the sections whose headings have these words, or this id."""
        found: dict[str, tuple[int, ...]] = {}
        for n, section in enumerate(self.sections):
            words = _folded(_END_ATTRIBUTES.sub("", section.heading))
            for key in {words, *(_folded(given) for given in _GIVEN_ID.findall(section.heading))} - {""}:
                found[key] = (*found.get(key, ()), n)
        return found

    @cached_property
    def _bracketed_headings(self) -> bool:
        return any("[" in section.heading for section in self.sections)

    def _headings_named(self, index: int, section: Section) -> list[str] | None:
        """Return the headings of other sections that it may refer to by their words; None where it is not certain which.

        A heading in its own words has the id that pandoc makes of them only where nothing else could have it.
        """
        if self._bracketed_headings and _NESTED.search(section.text):
            return None
        named: dict[int, str] = {}
        for bracketed in _BRACKETED.finditer(section.text):
            holders = self._headings.get(_folded(bracketed[1]), ())
            if len(holders) > 1:
                return None
            named |= {n: self.sections[n].heading for n in holders if n != index}
        return [named[n] for n in sorted(named)]

    def _macros(self, index: int) -> list[str]:
        """Return the paragraphs before the section ``index`` in which TeX is defined."""
        if not self._defining:
            return []
        return [paragraph for n, paragraph in self._defining if n < index]

    @cached_property
    def _defining(self) -> tuple[tuple[int, str], ...]:
        return tuple(
            (n, paragraph.strip("\n"))
            for n, section in enumerate(self.sections)
            if _DEFINES.search(section.text)
            for paragraph in _BLANK.split(_without_code(section.text) or "")
            if _DEFINES.search(paragraph) and not _HEADING.match(paragraph)
        )


def split(text: str, header_end: int) -> Sections | None:
    """Return the sections of ``text``, whose front matter ends at ``header_end``; None where that is not certain."""
    if "\r" in text or "\t" in text or "\f" in text or "\v" in text or text.startswith("%"):
        return None
    starts = boundaries(text, header_end)
    ends = [*starts, len(text)]
    sections = [Section(text[header_end : ends[0]], False)]
    sections += [Section(text[start:end], True) for start, end in zip(starts, ends[1:], strict=True)]
    if not all(_is_closed(section.text, strict=False) for section in sections):
        return None
    return Sections(text[:header_end], tuple(sections))


def boundaries(text: str, start: int) -> list[int]:
    """Return where the headings stand at which sections begin, from ``start`` on: outside of fences and divisions."""
    found = []
    at, fence, depth, blank = start, "", 0, True
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end]
        if fence:
            fence = "" if _closes(line, fence) else fence
        elif line.lstrip(" ").startswith(("```", "~~~")) and not line.startswith(_INDENT):
            fence = _opened(line)
        elif line.startswith(":::"):
            division = _DIVISION.fullmatch(line)
            depth += (1 if division["opens"] else -1) if division else 0
        elif blank and not depth and line.startswith("#") and _HEADING.fullmatch(line):
            found.append(at)
        blank = not line.strip(" ")
        at = end + 1
    return found


def _opened(line: str) -> str:
    fence = _FENCE.fullmatch(line)
    return fence[1] if fence and _INFO.fullmatch(fence[2]) else ""


def _closes(line: str, fence: str) -> bool:
    closing = _FENCE.fullmatch(line)
    return closing is not None and not closing[2] and closing[1][0] == fence[0] and len(closing[1]) >= len(fence)


def _is_closed(text: str, *, strict: bool) -> bool:
    """Whether everything that ``text`` opens it closes, in ways that leave no doubt.

    What is not ``strict`` may besides hold what has an effect elsewhere: definitions of macros, numbered examples, TeX of its own.
    """
    prose = _without_code(text)
    if prose is None:
        return False
    return all(_is_balanced(paragraph, strict) for paragraph in _BLANK.split(prose))


def _without_code(text: str) -> str | None:
    """Return ``text`` without its fenced code and the lines of divisions; None where one is not closed or something looks like one."""
    kept: list[str] = []
    fence, depth = "", 0
    lines = text.split("\n")
    for n, line in enumerate(lines):
        if fence:
            if _closes(line, fence):
                fence = ""
            continue
        if ("```" in line or "~~~" in line) and not line.startswith(_INDENT):
            fence = _opened(line)
            if not fence:
                return None
            kept.append("")
            continue
        if ":::" in line:
            division = _DIVISION.fullmatch(line)
            depth += 0 if division is None else 1 if division["opens"] else -1
            if division is None or depth < 0:
                return None
            kept.append("")
            continue
        if _RULED.fullmatch(line) and not _is_harmless(lines, n):
            return None
        kept.append(line)
    return None if fence or depth else "\n".join(kept)


def _chunks(text: str) -> Iterator[str]:
    """Yield the fenced blocks of ``text`` that are targets, none of which is indented by much."""
    fence, block = "", ""
    for line in text.split("\n"):
        if fence:
            block += f"{line}\n"
            if _closes(line, fence):
                if _RUNS.match(block):
                    yield block
                fence = ""
        elif ("```" in line or "~~~" in line) and not line.startswith(_INDENT):
            fence, block = _opened(line), f"{line}\n"


def _is_harmless(lines: Sequence[str], n: int) -> bool:
    """Whether a line of dashes is a rule between paragraphs or the border of a grid table, and no table or YAML begins with it."""
    line = lines[n].strip(" ")
    before, after = (lines[k].strip(" ") if 0 <= k < len(lines) else "" for k in (n - 1, n + 1))
    if line.startswith("+"):
        return before.startswith(("|", "+")) or not before
    return not before and not after and len(line) < 5 and not line.startswith((".", "="))


def _is_balanced(paragraph: str, strict: bool) -> bool:
    if strict and _DELICATE_TEX.search(paragraph) and not _only_in_math(paragraph):
        return False
    prose = _INLINE.sub(" ", paragraph)
    found = _OPENS.search(prose)
    if found is not None and (strict or found[0] != "(@"):
        return False
    if "[" in prose or "]" in prose:
        depth = 0
        for char in prose:
            depth += (char == "[") - (char == "]")
            if depth < 0:
                return False
        if depth:
            return False
    if _COMMAND.search(prose) and prose.count("{") != prose.count("}"):
        return False
    return strict or r"\begin" not in prose or prose.count(r"\begin{") == prose.count(r"\end{")


def _only_in_math(paragraph: str) -> bool:
    r"""Whether the TeX that may have an effect elsewhere stands in formulas, where it has none: ``\begin{pmatrix}``."""
    bare = _INLINE.sub(" ", paragraph)
    return not _DELICATE_TEX.search(bare) and not _DEFINES.search(paragraph)


def _folded(words: str) -> str:
    return _NO_LETTER.sub("", words).casefold()
