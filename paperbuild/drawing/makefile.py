r"""The targets of a project as rules of GNU make, for people who do not have paperbuild. Pure.

What make knows less of: contents (it compares times), folders (a stamp in ``.make/`` stands for one, since the time of a folder says
nothing of its files), and names with a line end. Of targets with several outputs all come of one run, which is what ``&:`` says (GNU make
4.3). In a target's name ``%`` must be escaped, or the rule is a pattern; among prerequisites of a rule that is none it must not.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action, Command
from paperbuild.engine.notebooks import EXECUTED
from paperbuild.engine.patterns import is_glob
from paperbuild.errors import BuildError

_STAMPS = ".make"
_SPECIAL = re.compile(r"([ #:*?\[\]])")
_IN_VARIABLES = {"=": "$(equals)", "~": "$(tilde)"}
_IMPOSSIBLE = re.compile(r"[\n\t();|]|\\[ #:*?\[\]%\\]|&$")


class Rule(msgspec.Struct, frozen=True):
    """One action with what it reads: ``inputs`` are files, folders and globs of the project, ``makers`` what it waits for."""

    action: Action
    inputs: tuple[str, ...]
    makers: tuple[Action, ...]


def makefile(rules: Sequence[Rule], environment: Mapping[str, str]) -> str:
    """Return the Makefile for ``rules``; ``environment`` are variables that a build gives every command.

    Raises:
        BuildError: a name cannot be written in a Makefile.
    """
    outputs = {output.path for rule in rules for output in rule.action.outputs}
    lines = [*_HEAD, *(f"export {name} := {_value(value)}" for name, value in environment.items()), ""]
    names = {path.rstrip("/") for path in outputs} | {"all"}
    targets = _targets(rules)
    named = {target: target not in names for target in targets}
    everything = [[target] if named[target] else _marks(rule.action) for target, several in targets.items() for rule in several]
    lines += [_wrapped("all:", dict.fromkeys(path for paths in everything for path in paths)), ""]
    for target, several in targets.items():
        lines += _aliases(target, several, is_named=named[target])
        for rule in several:
            lines += [*_rule(rule), ""]
    return "\n".join(lines)


_HEAD = (
    "# Written by: paperbuild graph --format make",
    "# For GNU make 4.3 or newer, called in this folder. It compares times where paperbuild compares contents.",
    ".DELETE_ON_ERROR:",
    ".SUFFIXES:",
    ".PHONY: all",
    "MAKEFLAGS += --no-builtin-rules",
    "equals := =",
    "tilde := ~",
)


def _targets(rules: Iterable[Rule]) -> Mapping[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.action.target, []).append(rule)
    return found


def _aliases(target: str, rules: Sequence[Rule], *, is_named: bool) -> Iterator[str]:
    """Yield what lets somebody name a target, where that ``is_named``, or a folder: ``make train``."""
    if is_named:
        yield f".PHONY: {_made(target)}"
        yield _wrapped(f"{_made(target)}:", [path for rule in rules for path in _marks(rule.action)])
        yield ""
    for rule in rules:
        for output in rule.action.outputs:
            if output.is_folder:
                yield f"{_made(output.path.rstrip('/'))}: {_needed([_stamp(rule.action)])}"


def _rule(rule: Rule) -> Iterator[str]:
    action = rule.action
    assert isinstance(action.recipe, Command)
    made = " ".join(_made(path) for path in _marks(action))
    needed = " ".join(filter(None, (_inputs(rule.inputs), " ".join(_needed(_marks(maker)) for maker in rule.makers))))
    for variable in action.variables:
        if variable.counted is not None:  # a secret is passed on by make as it is
            yield f"{made}: private export {variable.name} := {_value(variable.value)}"
    plain = _is_plain(action.recipe, _line(action))
    name = f"recipe.{_plain_name(action)}"
    if not plain:
        yield f"define {name}"
        yield _line(action).replace("$", "$$")
        yield "endef"
        yield f"{made}: private export PAPERBUILD_RECIPE = $({name})"
    yield f"{made} {'&:' if len(_marks(action)) > 1 else ':'} {needed}".rstrip()
    yield f"\t@{_shell(_cleared(action))}"
    yield f"\t{_shell(_line(action))}" if plain else f'\t{_shell(shlex.quote(action.recipe.shell))} -c "$$PAPERBUILD_RECIPE"'
    if _stamp(action) in _marks(action):
        yield f"\t@mkdir -p {_STAMPS} && touch {_shell(shlex.quote(_stamp(action)))}"


def _line(action: Action) -> str:
    """Return the command of ``action``; a notebook is executed by papermill's own program, where we are not."""
    recipe = action.recipe
    assert isinstance(recipe, Command)
    if not recipe.notebook:
        return recipe.line
    executed = next(output.path for output in action.outputs if output.name == EXECUTED)
    parameters = ("-y", msgspec.json.encode(dict(action.params)).decode()) if action.params else ()
    return shlex.join(("papermill", "--cwd", posixpath.dirname(recipe.notebook) or ".", *parameters, recipe.notebook, executed))


def _is_plain(recipe: Command, line: str) -> bool:
    """Return whether a command can stand in a recipe as it is: one line for make's own shell."""
    return recipe.shell == "/bin/sh" and "\n" not in line and not line.lstrip().startswith(("@", "-", "+")) and not line.endswith("\\")


def _cleared(action: Action) -> str:
    """Return the command after which an action starts as in a clean clone."""
    paths = [output.path.rstrip("/") for output in action.outputs]
    folders = dict.fromkeys(posixpath.dirname(path) or "." for path in paths)
    made = [folder for folder in folders if folder != "."]
    clear = f"rm -rf -- {shlex.join(paths)}"
    return f"{clear} && mkdir -p -- {shlex.join(made)}" if made else clear


def _marks(action: Action) -> list[str]:
    """Return the files whose times say when an action was made: its outputs, and one stamp for those that are folders."""
    files = [output.path for output in action.outputs if not output.is_folder]
    return [*files, _stamp(action)] if len(files) < len(action.outputs) else files


def _stamp(action: Action) -> str:
    return f"{_STAMPS}/{_plain_name(action)}"


def _plain_name(action: Action) -> str:
    """Return the id of ``action`` in letters that mean nothing to make, still another one for each action."""
    plain = re.sub(r"[^A-Za-z0-9.,+-]", "-", action.id)
    return plain if plain == action.id else f"{plain}{hashlib.sha256(action.id.encode()).hexdigest()[:6]}"


def _inputs(paths: Iterable[str]) -> str:
    found = []
    for path in paths:
        if path.endswith("/"):
            found.append(f"$(shell find {_shell(shlex.quote(path.rstrip('/')))} -type f)")
        elif is_glob(path):
            found.append(f"$(wildcard {path.replace('**/', '*/').replace('$', '$$').replace(' ', chr(92) + ' ')})")
        else:
            found.append(_needed([path]))
    return " ".join(found)


def _made(path: str) -> str:
    return _escaped(path).replace("%", "\\%")


def _wrapped(head: str, paths: Iterable[str]) -> str:
    """Return a rule without a recipe, of many lines where it is about much."""
    needed = [_escaped(path) for path in paths]
    line = f"{head} {' '.join(needed)}".rstrip()
    return line if len(line) <= 140 else " \\\n  ".join((head, *needed))


def _needed(paths: Iterable[str]) -> str:
    return " ".join(map(_escaped, paths))


def _escaped(path: str) -> str:
    if _IMPOSSIBLE.search(path):
        mend = ("give it a name without line ends, tabs, semicolons, bars, parentheses",)
        raise BuildError(Diagnostic("PB173", f"{path!r} cannot stand in a Makefile", help=mend))
    escaped = _SPECIAL.sub(r"\\\1", path.replace("$", "$$"))
    return "".join(_IN_VARIABLES.get(character, character) for character in escaped)


def _shell(line: str) -> str:
    return line.replace("$", "$$")


def _value(text: str) -> str:
    """Return the value of a variable of make; one that begins with a space begins with nothing, and then the space."""
    value = text.replace("$", "$$").replace("#", "\\#")
    return f"$(){value}" if value[:1].isspace() else value
