"""From what a repository holds to the targets of its manifest, each with where it is known from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from paperbuild.starting.makefile import Makefile, Rule, is_document_rule
from paperbuild.starting.naming_scripts import Claim, data_named, writers
from paperbuild.starting.repository import Repository, Shown, runs

_MOST = 200
"""How many targets are proposed at most: whoever has more has a sweep that one should write down as one."""
_COMPUTING = (".ipynb", ".qmd", ".Rmd", ".rmd", ".Rnw")
_NO_RESULTS = frozenset({"venv", ".venv", "env", "node_modules", "__pycache__", "renv"})


class Trial(msgspec.Struct, frozen=True):
    """What running ``script`` once showed: the command, what it read of the project, what it wrote. ``fault`` is why it failed ("")."""

    script: str
    command: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    fault: str = ""


class Making(msgspec.Struct, frozen=True):
    """A target to propose: its command, outputs, inputs, and for each of them, and as a whole, from where that is known.

    ``rule`` is the Makefile's, where it is one's.
    """

    command: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    known: str
    command_known: str
    inputs_known: str
    script: str = ""
    rule: Rule | None = None


class Found(msgspec.Struct, frozen=True):
    """What is proposed. ``left_out`` are comments on what is there and is not; ``lost`` are files that are shown, and that nobody makes."""

    makings: tuple[Making, ...]
    left_out: tuple[str, ...] = ()
    lost: tuple[Shown, ...] = ()


def proposed(
    repository: Repository, shown: tuple[Shown, ...], documents: tuple[str, ...], makefile: Makefile | None, trials: tuple[Trial, ...] = ()
) -> Found:
    """Return how the files that are ``shown`` come about, and what leads to them.

    The Makefile's rules come first, then what was seen when scripts ran, then what scripts' texts say.
    """
    makings: list[Making] = []
    left_out: list[str] = []
    if makefile is not None:
        makings += _by_rules(makefile, tuple(one.path for one in shown), documents, left_out)
        left_out += (f"{makefile.path}:{line} is not understood here, and left to make" for line in makefile.doubts)
    made = {output for making in makings for output in making.outputs}
    for trial in trials:
        if trial.fault:
            left_out.append(f"{trial.script} failed when it was run: {trial.fault}")
            continue
        writes = tuple(path for path in trial.writes if path not in made and path not in documents)
        if writes and not (made & set(trial.writes)):
            makings.append(_seen(trial, writes))
            made |= set(writes)
    named = tuple(one.path for one in shown if one.path not in made)
    settled = {making.script for making in makings}
    makings += _by_mentions(repository, _claimed(repository, named, made, settled), makefile)
    left_out += (f"{path} computes by itself, and is no script" for path in sorted(repository.files) if path.endswith(_COMPUTING))
    made = {output for making in makings for output in making.outputs}
    lost = tuple(one for one in shown if one.path not in made and one.path not in repository.files)
    if len(makings) > _MOST:
        left_out.append(f"{len(makings) - _MOST} more")
    return Found(tuple(makings[:_MOST]), tuple(dict.fromkeys(left_out)), lost)


def _claimed(repository: Repository, shown: tuple[str, ...], made: set[str], settled: set[str]) -> dict[str, tuple[Claim, ...]]:
    """Return who names what is ``shown`` so as to write it, and, step by step, the data that those scripts and others leave for them."""
    claims: dict[str, tuple[Claim, ...]] = {}
    kept = tuple(path for path in sorted(repository.files) if path.endswith((".json", ".csv", ".tsv")) and path not in made)
    waiting = (*shown, *kept)
    asked: set[str] = set()
    while waiting:
        asked |= set(waiting)
        found = writers(repository, waiting)
        fresh = {path: tuple(c for c in ones if c.script not in settled and (c.writes or path in shown)) for path, ones in found.items()}
        claims |= {path: ones for path, ones in fresh.items() if ones}
        scripts = {ones[0].script for ones in fresh.values() if ones}
        named = (path for script in sorted(scripts) for path in data_named(repository, script))
        waiting = tuple(dict.fromkeys(path for path in named if path not in asked | made))
    return claims


def _by_rules(makefile: Makefile, shown: tuple[str, ...], documents: tuple[str, ...], left_out: list[str]) -> list[Making]:
    makings: dict[tuple[str, ...], Making] = {}
    waiting = [*makefile.named, *shown]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        if path.startswith(("..", "/", ".paperbuild/", "_build/", ".git/")) or _NO_RESULTS & set(path.split("/")):
            continue
        rule = makefile.rule_for(path)
        if rule is None or path in documents:
            continue
        waiting += rule.prerequisites
        if rule.recipe == () or not makefile.is_file(rule):
            continue
        where = f"{makefile.path}:{rule.line}"
        if is_document_rule(rule, documents):
            left_out.append(f"{where} makes {', '.join(rule.targets)}: documents are paperbuild's own work")
            seen |= set(rule.targets)
            continue
        makings.setdefault(rule.targets, _ruled(makefile, rule, where))
    return list(makings.values())


def _ruled(makefile: Makefile, rule: Rule, where: str) -> Making:
    command = rule.command
    inputs = tuple(path for path in rule.prerequisites if path not in makefile.phony and not path.startswith(("..", "/")))
    known = f"the rule at {where}"
    if command is None:
        return Making(
            f"make {rule.targets[0]}", rule.targets, inputs, known, "only make can tell its recipe", "its prerequisites", rule=rule
        )
    return Making(command, rule.targets, inputs, known, "its recipe", "its prerequisites", rule=rule)


def _seen(trial: Trial, writes: tuple[str, ...]) -> Making:
    inputs = tuple(dict.fromkeys((trial.script, *(path for path in trial.reads if path not in trial.writes))))
    known = f"{trial.script} was run once, in a copy"
    return Making(trial.command, writes, inputs, known, "it ended well so", "what it was seen to read", trial.script)


def _by_mentions(repository: Repository, claims: Mapping[str, tuple[Claim, ...]], makefile: Makefile | None) -> list[Making]:
    """Return a target for each script that probably writes something of what is shown."""
    chosen: dict[str, list[Claim]] = {}
    for found in claims.values():
        if found:
            chosen.setdefault(found[0].script, []).append(found[0])
    makings = []
    for script, mine in chosen.items():
        folder = next((claim.folder for claim in mine if claim.folder), "")
        others = sorted({other.script for claim in mine for other in claims[claim.path][1:]})
        at = ", ".join(f"{claim.path} at line {claim.line}" for claim in mine[:4])
        known = f"{script} names {at}" + (f"; so does {', '.join(others[:2])}" if others else "")
        command = runs(script, repository.texts[script], folder)
        told = "a guess: does it need arguments?" if _wants_arguments(repository.texts[script]) else "a guess"
        said = None if makefile is None else makefile.command_with(script)
        if makefile is not None and said is not None:
            command, told = said[0], f"as {makefile.path}:{said[1]} runs it"
        outputs = tuple(claim.path for claim in mine)
        makings.append(Making(command, outputs, (script,), known, told, "the script; on Linux what it reads is observed", script))
    return makings


def _wants_arguments(text: str) -> bool:
    return any(
        sign in text for sign in ("sys.argv", "argparse", "click.option", "commandArgs", "optparse", "ARGS", "$1", "docopt", "typer")
    )
