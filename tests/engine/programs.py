"""Small programs that random tests give to commands, and what a clean build makes of them.

A program reads, asks, lists and decides by what it read; in the end it writes all that it heard into each of its outputs. It is told in
three ways: as a line for the executor in memory, as a line for a shell, and by :class:`Clean`, the oracle, which knows no store, no
traces and no order of builds.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import ClassVar

from paperbuild.engine.graph import Action
from paperbuild.engine.jobs import Ended, Job
from tests.engine.memory import ScriptedExecutor
from tests.engine.world import command, document

FOLDERS = ("dir", "new", "far", "far/x", "m3", "_build")
"""Every folder that can exist. Programs leave them out of what they list: those around outputs come and go."""


@dataclass(frozen=True)
class Take:
    """Reads ``path``; where nothing is there, the program fails."""

    path: str


@dataclass(frozen=True)
class Ask:
    """Asks whether ``path`` is there."""

    path: str


@dataclass(frozen=True)
class Names:
    """Lists the files in ``folder``."""

    folder: str


@dataclass(frozen=True)
class Choose:
    """Reads ``path``, and then ``then`` where it held an x, else ``other``."""

    path: str
    then: str
    other: str


@dataclass(frozen=True)
class Refuse:
    """Reads ``path``, and fails where it held "bad"."""

    path: str


@dataclass(frozen=True)
class Peek:
    """Asks whether ``path`` is there, and reads it if so. (Documents alone do.)"""

    path: str


Statement = Take | Ask | Names | Choose | Refuse | Peek


@dataclass(frozen=True)
class Target:
    """What a target is: its outputs, its program, and the files that it declares as inputs (None: it says nothing of them)."""

    outputs: tuple[str, ...]
    program: tuple[Statement, ...]
    inputs: tuple[str, ...] | None = None

    joint: ClassVar[str] = ","

    def action(self, id_: str, line: str) -> Action:
        """Return the action that runs ``line``."""
        return command(id_, line, " ".join(self.outputs), None if self.inputs is None else " ".join(self.inputs))

    def script(self) -> str:
        """Return the line for :class:`ProgramExecutor`."""
        words = [(type(statement).__name__.lower(), *vars(statement).values()) for statement in self.program]
        return "; ".join(map(shlex.join, (*words, ("give", *self.outputs))))

    def shell(self) -> str:
        """Return the line for a shell: all by itself, so that a run starts one process."""
        calls = [shlex.join((type(statement).__name__.lower(), *vars(statement).values())) for statement in self.program]
        folders = "|".join(FOLDERS)
        writes = []
        for n, output in enumerate(self.outputs):
            end = "'" * n
            writes.append(f"mkdir {output} && put {output}a {end!r}" if output.endswith("/") else f"put {output} {end!r}")
        return "\n".join((_SHELL.replace("FOLDERS", folders), *calls, "r=${r#,}", *writes))


@dataclass(frozen=True)
class Paper(Target):
    """A document: its program takes and peeks."""

    joint: ClassVar[str] = "|"

    def action(self, id_: str, line: str) -> Action:
        """Return the step; there is no ``line`` that it runs."""
        reads = (f"{'?' if isinstance(statement, Peek) else ''}{statement.path}" for statement in self.program)  # type: ignore[union-attr]
        return document(id_, " ".join(reads), inputs=" ".join(self.inputs or ()))

    def script(self) -> str:
        return ""

    def shell(self) -> str:
        return ""


_SHELL = """\
r=
load() { { IFS= read -r x || :; } < "$1" || exit 1; }
take() { load "$1"; r="$r,$x"; }
ask() { if [ -e "$1" ]; then r="$r,yes"; else r="$r,no"; fi; }
names() { n=; for f in "$1"/*; do f=${f#./}; case $f in FOLDERS|"$1/*"|'*') ;; *) n="$n ${f##*/}" ;; esac; done; r="$r,${n# }"; }
choose() { take "$1"; case $x in *x*) take "$2" ;; *) take "$3" ;; esac; }
refuse() { take "$1"; if [ "$x" = bad ]; then exit 1; fi; }
put() { printf '%s' "$r$2" > "$1"; }
"""


@dataclass
class ProgramExecutor(ScriptedExecutor):
    """Runs programs on files in memory."""

    heard: list[str] = field(default_factory=list)

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        self.heard.clear()
        return super().run(job, started)

    def _do(self, words: list[str], folder: str) -> bool:
        def at(path: str) -> str:
            return folder if path == "." else f"{folder}/{path.rstrip('/')}"

        def take(path: str) -> str:
            text = self._read(at(path)).decode()
            self.heard.append(text)
            return text

        match words:
            case ["take", path]:
                take(path)
            case ["ask", path]:
                self.heard.append("yes" if self._is_there(at(path)) else "no")
            case ["names", path]:
                self._seen.opened(at(path).encode(), os.O_RDONLY, 1)
                folders = {found.rpartition("/")[2] for found in FOLDERS if (found.rpartition("/")[0] or ".") == path}
                self.heard.append(" ".join(n for n in self.fs.names(at(path)) if n not in folders and not n.startswith(".")))
            case ["choose", path, then, other]:
                take(then if "x" in take(path) else other)
            case ["refuse", path]:
                return take(path) != "bad"
            case ["give", *outputs]:
                text = ",".join(self.heard)
                for n, output in enumerate(outputs):
                    if output.endswith("/"):
                        self._seen.made_folder(at(output).encode())
                        self.fs.make_folder(at(output))
                    place = f"{at(output)}/a" if output.endswith("/") else at(output)
                    self._write(place, f"{text}{chr(39) * n}".encode())
            case _:
                return super()._do(words, folder)
        return True


Item = tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """What becomes of a target in a clean clone: its files, or None where it fails, and why it must run again when it must.

    ``trace`` is what it met on its way, in order; ``reads`` are the targets whose outputs it met, ``around`` those that it met by nothing
    but the folders around their outputs. ``is_open`` says that one of the latter cannot be made: then it is made where such a folder is
    left from earlier, and else not. One that is ``circular`` waits for itself, and nobody knows what it would have met in the end.
    """

    files: Mapping[str, str] | None
    trace: tuple[Item, ...] = ()
    reads: frozenset[str] = frozenset()
    around: frozenset[str] = frozenset()
    is_open: bool = False
    circular: bool = False


class _CannotBeMade(Exception):  # noqa: N818 - never leaves this module
    """It fails, or what it reads cannot be made."""


class Clean:
    """What a clean build gives: ``files`` is what stands in the project and no target makes.

    Targets in ``taken`` cannot be made, because somebody put something of his own where their outputs belong.
    """

    def __init__(self, files: Mapping[str, str], targets: Mapping[str, Target], taken: AbstractSet[str] = frozenset()) -> None:
        self._files = files
        self._targets = targets
        self._taken = taken
        self._made: dict[str, Made] = {}
        self._stack: dict[str, bool] = {}

    def made(self, id_: str, *, around: bool = False) -> Made:
        """Return what becomes of ``id_``, which somebody reads, or where it is ``around`` met by nothing but the folders around it."""
        if id_ in self._stack:  # they wait for each other, unless it is by a folder that may be there from earlier
            after = [*self._stack.values()][[*self._stack].index(id_) + 1 :]
            return Made(None, is_open=around or any(after), circular=True)
        if id_ not in self._made:
            self._stack[id_] = around
            self._made[id_] = _Run(self, id_, self._targets[id_]).made()
            del self._stack[id_]
        return self._made[id_]

    def closure(self, wanted: AbstractSet[str], *, around: bool = False) -> frozenset[str]:
        """Return ``wanted`` and what they certainly read of others; with ``around`` all that may have been made for them."""
        found: set[str] = set()
        todo = [*wanted]
        while todo:
            id_ = todo.pop()
            if id_ not in found:
                found.add(id_)
                made = self.made(id_)
                if around and made.circular:
                    todo.extend(self._targets)
                if around or not (made.circular or made.is_open or id_ in self._taken):
                    todo.extend(made.reads)
                todo.extend(made.around if around else ())
        return frozenset(found)

    def maker(self, path: str) -> str | None:
        """Return the target that makes ``path``, or the folder that it is in."""
        for id_, target in self._targets.items():
            if any(path == output.rstrip("/") or (output.endswith("/") and path.startswith(output)) for output in target.outputs):
                return id_
        return None

    def makers_below(self, folder: str) -> frozenset[str]:
        """Return the targets that make something in ``folder``, however deep."""
        return frozenset(id_ for id_, target in self._targets.items() if any(output.startswith(f"{folder}/") for output in target.outputs))

    def makers_in(self, folder: str) -> frozenset[str]:
        """Return the targets that make something whose name stands in ``folder`` itself."""
        return frozenset(
            id_ for id_, target in self._targets.items() if any(_folder(output.rstrip("/")) == folder for output in target.outputs)
        )

    def file(self, path: str) -> str | None:
        """Return what is in a file that no target makes."""
        return self._files.get(path)

    def names_of_files(self, folder: str) -> set[str]:
        """Return the names in ``folder`` of what no target makes."""
        base = "" if folder == "." else f"{folder}/"
        return {path[len(base) :].partition("/")[0] for path in self._files if path.startswith(base)}

    def is_taken(self, id_: str) -> bool:
        """Return whether an output's place is not its own."""
        return id_ in self._taken


class _Run:
    """One target, run where everything that it reads has been made."""

    def __init__(self, clean: Clean, id_: str, target: Target) -> None:
        self._clean = clean
        self._id = id_
        self._target = target
        self._heard: list[str] = []
        self._trace: list[Item] = []
        self._reads: set[str] = set()
        self._around: set[str] = set()

    def made(self) -> Made:
        files: dict[str, str] | None = None
        with contextlib.suppress(_CannotBeMade):
            self._declared()
            for statement in self._target.program:
                self._step(statement)
            files = None if self._clean.is_taken(self._id) else self._given()
        read = [self._clean.made(other) for other in sorted(self._reads)]
        met = [self._clean.made(other, around=True) for other in sorted(self._around)]
        is_open = any(made.is_open for made in (*read, *met)) or any(made.files is None for made in met)
        circular = files is None and any(made.circular for made in read)
        return Made(files, tuple(self._trace), frozenset(self._reads), frozenset(self._around), is_open, circular)

    def _declared(self) -> None:
        """Declared inputs are part of the key, and must be there before anything runs; all that make them settle first."""
        paths = self._target.inputs or ()
        for maker in (self._clean.maker(path) for path in paths):
            if maker is not None:
                self._need(maker)
        for path in paths:
            text = self._text(path)
            if text is None:
                raise _CannotBeMade
            self._trace.append(("input", path, text))

    def _need(self, maker: str) -> Mapping[str, str]:
        self._reads.add(maker)
        files = self._clean.made(maker).files
        if files is None:
            raise _CannotBeMade
        return files

    def _text(self, path: str) -> str | None:
        """Return what is in the file at ``path``, in the end; None where there is none."""
        maker = self._clean.maker(path)
        if maker is None:
            return self._clean.file(path)
        return None if maker == self._id else self._need(maker).get(path)

    def _is_folder(self, path: str) -> bool:
        """Return whether a folder is at ``path`` once everything in it is made."""
        if self._clean.maker(path) == self._id:
            return False
        if self._clean.names_of_files(path) or self._id in self._clean.makers_below(path):
            return True
        makers = self._clean.makers_below(path)
        self._around |= makers
        return bool(makers)

    def _note(self, *item: str) -> None:
        path = item[1]
        if self._clean.maker(path) != self._id:
            self._trace.append(item)

    def _take(self, path: str) -> str:
        text = self._text(path)
        if text is None:
            self._note("absent", path)
            raise _CannotBeMade
        self._note("content", path, text)
        self._heard.append(text)
        return text

    def _step(self, statement: Statement) -> None:
        match statement:
            case Take(path):
                self._take(path)
            case Ask(path):
                self._ask(path)
            case Names(folder):
                self._list(folder)
            case Choose(path, then, other):
                self._take(then if "x" in self._take(path) else other)
            case Refuse(path):
                if self._take(path) == "bad":
                    raise _CannotBeMade
            case Peek(path):
                self._peek(path)

    def _peek(self, path: str) -> None:
        text = self._text(path)
        if text is None:
            self._note("absent", path)
        else:
            self._take(path)

    def _ask(self, path: str) -> None:
        text = self._text(path)
        if text is not None:
            self._note("status", path, str(len(text)))
        elif path in FOLDERS and self._is_folder(path):
            self._note("status", path, "folder")
        else:
            self._note("absent", path)
            self._heard.append("no")
            return
        self._heard.append("yes")

    def _list(self, folder: str) -> None:
        maker = self._clean.maker(folder)
        if maker == self._id:  # its own, which is not there yet
            self._heard.append("")
            return
        if maker is not None:
            names = {path.removeprefix(f"{folder}/") for path in self._need(maker)}
        else:
            others = self._clean.makers_in(folder) - {self._id}
            for other in sorted(others):
                self._need(other)
            if not self._is_folder(folder) and folder != ".":
                self._note("absent", folder)
                self._heard.append("")
                return
            made = (output for other in others for output in self._clean._targets[other].outputs)
            names = self._clean.names_of_files(folder) - self._holders(folder)
            names |= {output.rstrip("/").rpartition("/")[2] for output in made if _folder(output.rstrip("/")) == folder}
        self._note("listing", folder, *sorted(names))
        self._heard.append(" ".join(sorted(name for name in names if (name if folder == "." else f"{folder}/{name}") not in FOLDERS)))

    def _holders(self, folder: str) -> set[str]:
        """Return the names in ``folder`` of folders that are there for outputs."""
        base = "" if folder == "." else f"{folder}/"
        paths = (output for target in self._clean._targets.values() for output in target.outputs)
        inner = (path[len(base) :].rstrip("/") for path in paths if path.startswith(base))
        return {path.partition("/")[0] for path in inner if "/" in path} | ({"_build"} if folder == "." else set())

    def _given(self) -> dict[str, str]:
        text = self._target.joint.join(self._heard)
        outputs = enumerate(self._target.outputs)
        return {f"{output}a" if output.endswith("/") else output: f"{text}{chr(39) * n}" for n, output in outputs}


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "."
