"""Why an action runs, as facts: what it is about, how that was and how it is; and the sentence that says so. Pure.

Whoever decides, tells, keeps or explains a reason has the same value of it; there are no words beside those of :attr:`Reason.text`.

=============  ===================  ========================================================================================
kind           subject              before, after
=============  ===================  ========================================================================================
never, gone                         it was never built; it was, and its result is not in the store any more
unknown                             nothing tells what it reads, so it runs each time
unobserved                          its last run was not watched, and the next one will be
refresh                             after: "always", "old", or "asked": somebody wants it again
command        ""                   the command's line
code           ""                   the text of the program that the command is about
parameter      its name             its value, with its type before it where it is no text
option         its name             as of a parameter; an option of a document
earlier        a target             what a document says of its result, which was, or is, not up to date (:mod:`.earlier`)
variable       its name             its value, or the digest of it
program        its name             a version; or "system", "environment" with a version, or the digest of a file
maker          its name             a version or a digest: of what makes documents
package        its name             version and digest of what is installed
shell, step    ""                   the shell; what makes a document
platform       ""                   the system and the machine
keys           ""                   the version of how keys are made
output         its name             its path: how the outputs are declared
cells          ""                   a digest; ``came``, ``went``, ``changed``: cells of what it needs
input, file    its path             the digest of its content: of a declared input, of a file that was read
folder         its path             a digest; ``came``, ``went``, ``changed``: files in it
listing        its path             a digest; ``came``, ``went``: names in a folder that was listed
modules        its folder           a digest; ``came``, ``went``: what Python would find there
absent         its path             after: what is there now, where nothing was
status         its path             "folder", or "file", its size in bytes, and "x" where it can be executed
link           its path             where it leads
lost           an output's path     before: the digest of the content that the store has lost; after: "damaged" where it is spoilt
displaced      an output's path     the digest of what should stand there, since no store keeps it; of what does
foreign        an output's path     before: the digest of what we published; somebody put something else there
restored       an output's path     before: the digest of what is put there, from the store; after: of what is there
waits          an action            after: that action's state; until it is up to date nobody can know
order          an action            what it made was read last time, and now it comes after this action
fault          a sentence           the action cannot run
=============  ===================  ========================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args

import msgspec

from paperbuild.phrases import listed

OfKey = Literal[
    "command", "code", "parameter", "option", "variable", "program", "package", "maker", "shell", "step", "platform", "keys", "output",
    "cells", "earlier",
]  # fmt: skip
OfTrace = Literal["input", "file", "folder", "listing", "modules", "absent", "status", "link"]
OfAction = Literal[
    "never", "gone", "unknown", "unobserved", "refresh", "lost", "displaced", "foreign", "restored", "waits", "order", "fault"
]
Kind = OfKey | OfTrace | OfAction

OF_FILES: frozenset[Kind] = frozenset(get_args(OfTrace))
"""Reasons that a file or a folder is another one."""

InventoryOf = Callable[[str], Mapping[str, str] | None]
"""Tells what the digest of several things stands for: their names, each with a digest of its own; None where nobody remembers."""

A_FOLDER = "a folder"
"""What stands in place of a digest where a folder was found and a file was looked for."""

MOST_SHOWN = 40
"""Characters of a value that a sentence shows."""

_DIGEST = re.compile(r"[0-9a-f]{32,}")


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason to run; the table above says what the fields mean for each ``kind``. None: there was, or is, no such thing."""

    kind: Kind
    subject: str = ""
    before: str | None = None
    after: str | None = None
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The reason as a clause without a full stop."""
        return _WORDS[self.kind](self) if self.kind in _WORDS else _PLAIN[self.kind]


def compared(reason: Reason, inventory: InventoryOf) -> Reason:
    """Return ``reason`` with what came, went and changed between what its digests stand for, as far as is known."""
    before, after = inventory(reason.before or ""), inventory(reason.after or "")
    if before is None or after is None:
        return reason
    return msgspec.structs.replace(
        reason,
        came=tuple(sorted(after.keys() - before.keys())),
        went=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )


def is_digest(value: str | None) -> bool:
    """Return whether ``value`` is a digest, which only another one can be compared with."""
    return value is not None and _DIGEST.fullmatch(value) is not None


# sentences


def _file(reason: Reason) -> str:
    if reason.after is None:
        return f"{reason.subject} is gone"
    return f"{reason.subject} is a folder now" if reason.after == A_FOLDER else f"{reason.subject} changed"


def _input(reason: Reason) -> str:
    change = "is a new input" if reason.before is None else "is no longer an input" if reason.after is None else "changed"
    inside = _differences(reason) if change == "changed" else ""
    return f"in {reason.subject.rstrip('/')}, {inside}" if inside else f"{reason.subject} {change}"


def _folder(reason: Reason) -> str:
    place = reason.subject.rstrip("/") or "."
    if reason.after is None:
        return f"the folder {place} is gone"
    inside = _differences(reason)
    return f"in {place}, {inside}" if inside else f"the files in {place} changed"


def _differences(reason: Reason) -> str:
    parts = ((reason.changed, "changed"), (reason.came, "appeared"), (reason.went, "is gone" if len(reason.went) == 1 else "are gone"))
    return listed([f"{listed(names)} {verb}" for names, verb in parts if names])


def _modules(reason: Reason) -> str:
    place = "" if reason.subject in {"", "."} else f"{reason.subject.rstrip('/')}/"
    if not reason.came and not reason.went:
        return f"the Python modules in {reason.subject.rstrip('/') or '.'} changed"
    found = f"{listed([place + name for name in reason.came])} appeared, which Python would import now"
    lost = f"{listed([place + name for name in reason.went])}, which Python could import, {'is' if len(reason.went) == 1 else 'are'} gone"
    return listed([*([found] if reason.came else []), *([lost] if reason.went else [])])


def _status(reason: Reason) -> str:
    before, after = ((value or "").split(" ") for value in (reason.before, reason.after))
    if reason.after is None:
        return f"{reason.subject} is gone"
    if before[0] != after[0]:
        return f"{reason.subject} is a {after[0]} now"
    if before[:2] != after[:2]:
        return f"the size of {reason.subject} changed from {before[1]} to {after[1]} bytes"
    return f"{reason.subject} {'can' if after[-1] == 'x' else 'cannot'} be executed now"


def _link(reason: Reason) -> str:
    if reason.after is None:
        return f"{reason.subject} is no link any more"
    return f"the link {reason.subject} leads to {_shown(reason.after)}, not to {_shown(reason.before or '')}"


def _program(reason: Reason) -> str:
    if reason.before is None or reason.after is None:
        return f"the program {reason.subject} is {'found now' if reason.before is None else 'not found any more'}"
    before, after = _of_program(reason.before), _of_program(reason.after)
    if is_digest(reason.before) != is_digest(reason.after):
        change = f"is {after} now" if is_digest(reason.before) else f"is not {before} any more"
        return f"the program {reason.subject} {change}"
    return f"the program {reason.subject} {_turn(before, after) or 'changed'}"


def _of_program(value: str) -> str:
    return {"system": "the system's", "present": "some"}.get(value, value.replace("environment ", "the environment's "))


def _package(reason: Reason) -> str:
    before, after = (_versions(value) for value in (reason.before, reason.after))
    if reason.before in {None, "absent"}:
        return f"the package {reason.subject} was installed"
    if reason.after in {None, "absent"}:
        return f"the package {reason.subject} was removed"
    if before == after:
        return f"the files of the package {reason.subject} {after} changed" if after else f"the package {reason.subject} changed"
    return f"the package {reason.subject} changed from {before} to {after}"


def _versions(fingerprint: str | None) -> str:
    """Return the versions in the fingerprint of a package; none where it is a digest alone."""
    return ", ".join(one.partition(" ")[0] for one in (fingerprint or "").split(", ") if " " in one)


def _named(word: str = "") -> Callable[[Reason], str]:
    def sentence(reason: Reason) -> str:
        subject = f"{word} {reason.subject}" if word else reason.subject.replace("_", " ")
        if reason.before is None or reason.after is None:
            return f"{subject} is new" if reason.before is None else f"{subject} went"
        return f"{subject} {_turn(reason.before, reason.after) or 'changed'}"

    return sentence


def _turn(before: str, after: str) -> str:
    """Return "changed from ... to ..."; nothing where the change is behind what is shown, or nobody can read it."""
    if _shown(before) == _shown(after) or is_digest(after) or is_digest(before):
        return ""
    return f"changed from {_shown(before)} to {_shown(after)}"


def _shown(value: str) -> str:
    text = plain_value(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def plain_value(value: str) -> str:
    """Return the value of a parameter without the name of its type."""
    kind, _, rest = value.partition(" ")
    return rest if kind in {"int", "float", "bool", "str"} else value


def _output(reason: Reason) -> str:
    change = "is new" if reason.before is None else "went" if reason.after is None else f"moved to {reason.after}"
    return f"the output {reason.subject} {change}"


def _restored(reason: Reason) -> str:
    return f"{reason.subject} {'is not there' if reason.after is None else 'holds another result'}"


def _waits(reason: Reason) -> str:
    if reason.after == "from the store":
        return f"what {reason.subject} made is elsewhere, and must come first"
    return f"{reason.subject} comes first, and {'cannot be had' if reason.after in _STUCK else 'is not up to date'}"


_STUCK = frozenset({"cannot run", "changed by hand"})


def _lost(reason: Reason) -> str:
    output = f"its output {reason.subject}".rstrip()
    return f"the store's copy of {output} is damaged" if reason.after else f"{output} is not in the store any more"


def _cells(reason: Reason) -> str:
    inside = _differences(reason)
    return f"of the cells of what it needs, {inside}" if inside else "the cells of what it needs changed"


_REFRESHED = {"always": "it is refreshed each time", "asked": "it was asked for again"}

_WORDS: Mapping[Kind, Callable[[Reason], str]] = {
    "refresh": lambda r: _REFRESHED.get(r.after or "", "its result is older than refresh allows"),
    "parameter": _named("parameter"),
    "option": _named("option"),
    "earlier": lambda r: f"{'it showed' if r.after is None else 'there is only'} an earlier result of {r.subject}",
    "variable": _named("the variable"),
    "maker": _named(),
    "program": _program,
    "package": _package,
    "output": _output,
    "cells": _cells,
    "input": _input,
    "file": _file,
    "folder": _folder,
    "listing": _folder,
    "modules": _modules,
    "absent": lambda r: f"{r.subject} appeared",
    "status": _status,
    "link": _link,
    "lost": _lost,
    "displaced": lambda r: f"its output {r.subject} is not in its place, and is not stored",
    "foreign": lambda r: f"{r.subject} was not made by paperbuild, or was changed since",
    "restored": _restored,
    "waits": _waits,
    "order": lambda r: f"{r.subject} comes after it now",
    "fault": lambda r: r.subject,
}  # fmt: skip

_PLAIN: Mapping[Kind, str] = {
    "never": "it has never been built",
    "gone": "its last result is not in the store any more",
    "unknown": "inputs unknown: it declares none, and nothing observes what it reads",
    "unobserved": "nothing observed its last run, and the next one will be observed",
    "command": "the command changed",
    "code": "its code changed",
    "shell": "the shell changed",
    "step": "it is made in another way",
    "platform": "this is another platform",
    "keys": "this paperbuild makes keys in another way",
}


def merged(reasons: Iterable[Reason]) -> Iterable[Reason]:
    """Yield ``reasons`` without what says the same of the same thing again: a declared input that was read, too."""
    seen: set[tuple[str, str]] = set()
    for reason in reasons:
        about = ("file" if reason.kind in {"input", "status"} else reason.kind, reason.subject.rstrip("/"))
        if about not in seen:
            seen.add(about)
            yield reason
