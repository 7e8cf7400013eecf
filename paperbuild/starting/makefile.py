"""The rules of a Makefile: what is made from what, and how. Nothing is run, not even make.

``make -n -p`` would tell, too, but it runs what stands in ``$(shell …)`` and recipes that begin with ``+``; nobody was asked for that.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType

import msgspec
import msgspec.structs

from paperbuild.starting.make_text import ASSIGNMENT, CONDITIONAL, ONLY_MAKE_KNOWS, Scope, Unknown, expanded, matched, statements

NAMES = ("GNUmakefile", "makefile", "Makefile")
"""What make looks for, in its order."""

_DEEPEST = 8
_DEEDS = frozenset("all clean distclean help test tests check install lint format paper report figures data run setup venv env".split())  # noqa: SIM905
"""What targets are called that are no files, also where ``.PHONY`` does not say so."""


class Rule(msgspec.Struct, frozen=True):
    """How ``targets`` are made. ``recipe`` has its lines, put in; None where only make can tell them.

    ``pattern`` is the target as the Makefile has it where that is a pattern, and ``stem`` what ``%`` stands for. ``line`` is where the
    recipe's rule begins, from 1.
    """

    targets: tuple[str, ...]
    prerequisites: tuple[str, ...]
    recipe: tuple[str, ...] | None
    line: int
    pattern: str = ""
    stem: str = ""

    @property
    def command(self) -> str | None:
        """The recipe as one line of shell; None where only make can tell it."""
        if self.recipe is None:
            return None
        lines = [_shell(line) for line in self.recipe]
        return lines[0] if len(lines) == 1 else " && ".join(f"({line})" if re.search(r"[;&|]|\bcd\b", line) else line for line in lines)


class _Written(msgspec.Struct, frozen=True):
    """A rule as it stands there: words put in, the recipe not yet. ``grouped``: one run makes all targets."""

    targets: tuple[str, ...]
    prerequisites: tuple[str, ...]
    ordered: tuple[str, ...]
    recipe: tuple[str, ...]
    line: int
    pattern: str = ""
    grouped: bool = False


class Makefile(msgspec.Struct, frozen=True, dict=True):
    """A Makefile that was read. ``doubts`` are lines, from 1, that could not be understood, and that are left out."""

    path: str
    written: tuple[_Written, ...]
    scope: Scope
    doubts: tuple[int, ...]

    @cached_property
    def phony(self) -> frozenset[str]:
        """Targets that are no files."""
        return frozenset(word for rule in self.written if ".PHONY" in rule.targets for word in rule.prerequisites)

    @cached_property
    def named(self) -> tuple[str, ...]:
        """Every file that the rules name as a target or as what is needed, in their order."""
        words = (word for rule in self.written for word in (*rule.targets, *rule.prerequisites))
        return tuple(dict.fromkeys(_normal(word) for word in words if _is_file(word) and word not in self.phony))

    def rule_for(self, path: str, depth: int = 0) -> Rule | None:
        """Return how the file ``path`` is made; None where nothing says so."""
        is_folder = not posixpath.splitext(path)[1] and any(path in map(_normal, rule.ordered) for rule in self.written)
        if path in self.phony or is_folder:
            return None
        explicit = [rule for rule in self.written if path in map(_normal, rule.targets)]
        more = tuple(word for rule in explicit if not rule.recipe for word in rule.prerequisites)
        for rule in reversed(explicit):
            if rule.recipe:
                stem = matched(path, rule.pattern) or "" if rule.pattern else ""
                needed = tuple(word.replace("%", stem, 1) for word in rule.prerequisites)
                targets = tuple(map(_normal, rule.targets)) if rule.grouped else (path,)
                return self._made(rule, targets, (*needed, *more), stem)
        for rule in self.written if depth < _DEEPEST else ():
            found = self._by_pattern(rule, path, depth)
            if found is not None:
                return msgspec.structs.replace(found, prerequisites=tuple(dict.fromkeys((*found.prerequisites, *map(_normal, more)))))
        return None

    def _by_pattern(self, rule: _Written, path: str, depth: int) -> Rule | None:
        if rule.pattern or not rule.recipe:
            return None
        for pattern in (target for target in rule.targets if "%" in target):
            stem = matched(path, pattern)
            if not stem:
                continue
            needed = tuple(word.replace("%", stem, 1) for word in rule.prerequisites)
            if all(_normal(word) in self.scope.files or self.rule_for(_normal(word), depth + 1) for word in needed):
                targets = tuple(target.replace("%", stem, 1) for target in rule.targets)
                return self._made(msgspec.structs.replace(rule, pattern=pattern), targets, needed, stem)
        return None

    def is_file(self, rule: Rule) -> bool:
        """Return whether ``rule`` makes what it is called, though nobody says that it does not: recipes name the files that they make."""
        name = rule.targets[0]
        known = name in self.scope.files or bool(posixpath.splitext(name)[1]) or "/" in name
        return known or (name not in _DEEDS and any(name in line for line in rule.recipe or (name,)))

    def command_with(self, script: str) -> tuple[str, int] | None:
        """Return the command by which a rule that makes no file runs ``script``, and the rule's line; None where none does."""
        for rule in self.written:
            if not all(target in self.phony or target in _DEEDS for target in rule.targets):
                continue
            for line in self._made(rule, rule.targets or ("",), rule.prerequisites, "").recipe or ():
                named = re.search(rf"(?<![\w./-]){re.escape(script)}(?![\w/-])", line)
                folder, name = posixpath.split(script)
                inside = (
                    re.match(rf"[@\s]*cd\s+{re.escape(folder)}/?\s*(?:&&|;)\s.*(?<![\w./-]){re.escape(name)}\b", line) if folder else None
                )
                if named is not None or inside is not None:
                    return _shell(line), rule.line
        return None

    def _made(self, rule: _Written, targets: tuple[str, ...], prerequisites: tuple[str, ...], stem: str) -> Rule:
        needed = tuple(dict.fromkeys(prerequisites))
        automatic = {"@": targets[0], "<": " ".join(needed[:1]), "^": " ".join(needed), "+": " ".join(prerequisites), "*": stem,
                     "?": " ".join(needed), "%": "", "|": " ".join(rule.ordered)}  # fmt: skip
        scope = msgspec.structs.replace(self.scope, automatic=automatic)
        recipe: tuple[str, ...] | None
        try:
            recipe = tuple(line for line in (expanded(line, scope).strip() for line in rule.recipe) if line.lstrip("@-+ ").strip("# ") and
                           not line.lstrip("@-+ ").startswith("#"))  # fmt: skip
        except Unknown:
            recipe = None
        return Rule(tuple(map(_normal, targets)), tuple(map(_normal, needed)), recipe, rule.line, rule.pattern, stem)


def read_makefile(text: str, path: str, files: Collection[str], texts: Mapping[str, str] = MappingProxyType({})) -> Makefile:
    """Return the Makefile ``text``, which stands at ``path``, beside ``files`` (paths relative to it); ``texts`` are those to include."""
    reading = _Reading(files, texts)
    reading.read(text)
    return Makefile(path, tuple(reading.written), reading.scope, tuple(sorted(set(reading.doubts))))


class _Reading:
    """Reads statements in their order, as make does: what a condition asks for is what was said before it."""

    def __init__(self, files: Collection[str], texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._variables: dict[str, str] = {}
        self._branches: list[bool | None] = []  # of the conditions around: is this branch taken? None: only make knows
        self._earlier: list[bool] = []  # was a branch before it taken?
        self.scope = Scope(self._variables, files)
        self.written: list[_Written] = []
        self.doubts: list[int] = []

    def read(self, text: str, at: int = 0, depth: int = 0) -> None:
        """Read ``text``, the Makefile itself or what its line ``at`` includes."""
        for number, logical, recipe in statements(text):
            line = at or number
            word = logical.split()[0]
            if CONDITIONAL.match(logical):
                self._condition(logical)
            elif False in self._branches:
                continue
            elif word in ("include", "-include", "sinclude"):
                self._include(logical, line, depth)
            elif word == "define":
                self.doubts.append(line)
                self._variables[logical.split()[1].rstrip("=") if len(logical.split()) > 1 else word] = ONLY_MAKE_KNOWS
            elif word not in ("export", "unexport", "vpath") or ASSIGNMENT.fullmatch(logical):
                self._statement(logical, recipe, line)

    def _statement(self, logical: str, recipe: tuple[str, ...], line: int) -> None:
        assignment = ASSIGNMENT.fullmatch(logical)
        try:
            if None in self._branches:
                raise Unknown(logical)
            if assignment is not None and not recipe:
                _assign(self._variables, assignment, self.scope)
            else:
                self.written += _rules(logical, recipe, line, self.scope)
        except Unknown:
            self.doubts.append(line)
            if assignment is not None:
                self._variables[assignment[1]] = ONLY_MAKE_KNOWS  # whoever uses it learns that
            elif None in self._branches:
                with contextlib.suppress(Unknown):
                    self.written += _rules(logical, (ONLY_MAKE_KNOWS,) if recipe else (), line, self.scope)

    def _condition(self, logical: str) -> None:
        word, _, rest = logical.partition(" ")
        if word == "endif":
            self._branches[-1:] = self._earlier[-1:] = []
        elif word != "else":
            self._branches.append(self._holds(word, rest.strip()))
            self._earlier.append(False)
        elif self._branches and self._branches[-1] is not None:
            self._earlier[-1] = self._earlier[-1] or self._branches[-1]
            further, _, question = rest.strip().partition(" ")
            self._branches[-1] = not self._earlier[-1] and (self._holds(further, question.strip()) if further else True)

    def _holds(self, word: str, rest: str) -> bool | None:
        try:
            if word in ("ifdef", "ifndef"):
                value = self._variables.get(expanded(rest, self.scope), "")
                return None if value == ONLY_MAKE_KNOWS else (value != "") is (word == "ifdef")
            pair = re.fullmatch(r"""\((.*),(.*)\)|["'](.*)["']\s+["'](.*)["']""", rest)
            if pair is None:
                return None
            one, other = (expanded(text, self.scope).strip() for text in pair.groups() if text is not None)
            return (one == other) is (word == "ifeq")
        except Unknown:
            return None

    def _include(self, logical: str, line: int, depth: int) -> None:
        word, _, rest = logical.partition(" ")
        try:
            names = expanded(rest, self.scope).split()
        except Unknown:
            names = [""]
        for name in names:
            if _normal(name) in self._texts and depth < _DEEPEST:
                self.read(self._texts[_normal(name)], line, depth + 1)
            elif word == "include" or not name:
                self.doubts.append(line)
                self.scope = msgspec.structs.replace(self.scope, is_whole=False)


def _assign(variables: dict[str, str], assignment: re.Match[str], scope: Scope) -> None:
    name, operator, value = assignment.groups()
    if operator == "!=":
        raise Unknown(name)
    if operator == "?=" and name in variables:
        return
    if operator in (":=", "::=", ":::="):
        value = expanded(value, scope).replace("$", "$$")
    variables[name] = f"{variables[name]} {value}" if operator == "+=" and name in variables else value


def _rules(logical: str, recipe: tuple[str, ...], line: int, scope: Scope) -> list[_Written]:
    head, colon, rest = _at_colon(logical)
    if not colon:
        return []
    rest, semicolon, first = rest.partition(";")
    commands = (*((first.strip(),) if semicolon and first.strip() else ()), *recipe)
    if ASSIGNMENT.fullmatch(rest.strip()):
        raise Unknown(rest)  # a variable for one target
    grouped = head.endswith("&")
    targets = tuple(expanded(head.rstrip("&"), scope).split())
    old = re.fullmatch(r"(\.\w+)(\.\w+)", targets[0]) if len(targets) == 1 and not rest.strip(":") else None
    if old is not None:  # a suffix rule: the older way to write a pattern
        return [_Written((f"%{old[2]}",), (f"%{old[1]}",), (), commands, line, "", True)]
    rest = rest.lstrip(":")
    pattern, static, needed = _at_colon(rest)
    words, _, ordered = expanded(needed if static else rest, scope).partition("|")
    static_pattern = expanded(pattern, scope).strip() if static else ""
    grouped = grouped or (not static and any("%" in target for target in targets))
    return [_Written(targets, tuple(words.split()), tuple(ordered.split()), commands, line, static_pattern, grouped)]


def _at_colon(text: str) -> tuple[str, str, str]:
    """Return ``text`` parted at its first colon outside of references."""
    depth = 0
    for at, character in enumerate(text):
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(character, 0)
        if character == ":" and depth == 0:
            return text[:at].strip(), ":", text[at + 1 :].strip()
    return text, "", ""


def _shell(line: str) -> str:
    """Return a line of a recipe as the shell gets it; a fault that ``-`` overlooks is overlooked."""
    marks = re.match(r"[@+\s-]*", line)
    rest = line[marks.end() :] if marks else line
    return f"{rest} || true" if marks and "-" in marks[0] else rest


def _normal(path: str) -> str:
    return posixpath.normpath(path)


def _is_file(word: str) -> bool:
    return "%" not in word and not word.startswith(
        (".PHONY", ".DEFAULT", ".SUFFIXES", ".DELETE", ".SECOND", ".PRECIOUS", ".ONESHELL", ".INTER")
    )


def is_document_rule(rule: Rule, documents: Iterable[str]) -> bool:
    """Return whether ``rule`` typesets a document, which is what paperbuild does itself."""
    words = " ".join(rule.recipe or ())
    typesets = re.search(r"\b(?:pdf|xe|lua)?latex(?:mk)?\b|\btectonic\b|\bpandoc\b|\bquarto\b|\brmarkdown\b|\bknitr?\b|\btypst\b", words)
    made = all(posixpath.splitext(target)[1].lower() in (".pdf", ".html", ".docx", ".tex") for target in rule.targets)
    return made and (typesets is not None or any(document in rule.prerequisites for document in documents))
