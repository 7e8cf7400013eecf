"""The rules of a Makefile: what is made from what, and how. Nothing is run, not even make.

``make -n -p`` would tell, too, but it runs what stands in ``$(shell …)`` and recipes that begin with ``+``; nobody was asked for that.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

import msgspec

from paperbuild.starting.make_text import Scope, Unknown, expanded, matched

NAMES = ("GNUmakefile", "makefile", "Makefile")
"""What make looks for, in its order."""

_ASSIGNMENT = re.compile(r"(?:(?:export|override|private)\s+)*([\w.%-]+)\s*(\?=|:::?=|::?=|\+=|!=|=)\s*(.*)", re.DOTALL)
_CONDITIONAL = re.compile(r"(ifeq|ifneq|ifdef|ifndef|else|endif)\b")
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

    def _made(self, rule: _Written, targets: tuple[str, ...], prerequisites: tuple[str, ...], stem: str) -> Rule:
        needed = tuple(dict.fromkeys(prerequisites))
        automatic = {"@": targets[0], "<": " ".join(needed[:1]), "^": " ".join(needed), "+": " ".join(prerequisites), "*": stem,
                     "?": " ".join(needed), "%": "", "|": " ".join(rule.ordered)}  # fmt: skip
        scope = Scope(self.scope.variables, self.scope.files, automatic)
        recipe: tuple[str, ...] | None
        try:
            recipe = tuple(line for line in (expanded(line, scope).strip() for line in rule.recipe) if line.lstrip("@-+ ").strip("# ") and
                           not line.lstrip("@-+ ").startswith("#"))  # fmt: skip
        except Unknown:
            recipe = None
        return Rule(tuple(map(_normal, targets)), tuple(map(_normal, needed)), recipe, rule.line, rule.pattern, stem)


def read_makefile(text: str, path: str, files: Collection[str]) -> Makefile:
    """Return the Makefile ``text``, which stands at ``path``, beside ``files`` (paths relative to it)."""
    variables: dict[str, str] = {}
    written: list[_Written] = []
    doubts: list[int] = []
    scope = Scope(variables, files)
    for line, logical, recipe in _statements(text, doubts):
        assignment = _ASSIGNMENT.fullmatch(logical)
        try:
            if assignment is not None and not recipe:
                _assign(variables, assignment, scope)
            elif re.match(r"-?s?include\b|export\b|unexport\b|vpath\b", logical):
                doubts += [line] if "include" in logical.split()[0] else []
            else:
                written += _rules(logical, recipe, line, scope)
        except Unknown:
            doubts.append(line)
            if assignment is not None:
                variables[assignment[1]] = "$(shell it)"  # whoever uses it learns that only make knows
    return Makefile(path, tuple(written), scope, tuple(sorted(set(doubts))))


def _assign(variables: dict[str, str], assignment: re.Match[str], scope: Scope) -> None:
    name, operator, value = assignment.groups()
    if operator == "!=":
        raise Unknown(name)
    if operator == "?=" and name in variables:
        return
    if operator in (":=", "::=", ":::="):
        value = expanded(value, scope).replace("$", "$$")
    variables[name] = f"{variables[name]} {value}" if operator == "+=" and name in variables else value


def _statements(text: str, doubts: list[int]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield each statement: its line, its text on one line without comment, and the lines of the recipe below it."""
    held: tuple[int, str] | None = None
    recipe: list[str] = []
    skipping = ""
    for number, line in _logical_lines(text):
        if skipping:
            skipping = "" if line.strip().startswith(skipping) else skipping
            continue
        if line.startswith("\t") and held is not None:
            recipe.append(line[1:])
            continue
        bare = re.sub(r"(?<!\\)#.*", "", line).replace("\\#", "#").strip()
        if not bare:
            continue
        if held is not None:
            yield (*held, tuple(recipe))
        held, recipe = None, []
        if bare.startswith("define "):
            doubts.append(number)
            skipping = "endef"
        elif _CONDITIONAL.match(bare):
            doubts.append(number)  # what stands in each branch is read: a paper's Makefile asks for the system, seldom for more
        else:
            held = number, bare
    if held is not None:
        yield (*held, tuple(recipe))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    lines = text.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        start, line = at, lines[at]
        while line.endswith("\\") and not line.endswith("\\\\") and at + 1 < len(lines):
            at += 1
            line = line[:-1].rstrip() + " " + lines[at].strip()
        yield start + 1, line
        at += 1


def _rules(logical: str, recipe: tuple[str, ...], line: int, scope: Scope) -> list[_Written]:
    head, colon, rest = _at_colon(logical)
    if not colon:
        return []
    rest, semicolon, first = rest.partition(";")
    commands = (*((first.strip(),) if semicolon and first.strip() else ()), *recipe)
    if _ASSIGNMENT.fullmatch(rest.strip()):
        raise Unknown(rest)  # a variable for one target
    grouped = head.endswith("&")
    targets = tuple(expanded(head.rstrip("&"), scope).split())
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
