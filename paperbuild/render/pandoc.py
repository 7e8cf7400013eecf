"""The pandoc worker: one long-lived ``pandoc lua`` process behind pipes, and what it is asked.

A start costs a tenth of a second, a request milliseconds, so one worker serves a whole build. Requests carry everything (the paper,
bibliographies, the citation style): pandoc opens no file of the project, which :class:`paperbuild.engine.ports.Reader` could not see.
The protocol, and the two requests, stand in ``filters/worker.lua``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from types import MappingProxyType
from typing import IO, Literal, TypeVar

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError, InternalError
from paperbuild.paper.chunks import Seen
from paperbuild.paper.formats import Piece
from paperbuild.paper.positions import Surfaced
from paperbuild.render.parts import Format, Heading, Publication
from paperbuild.render.patches import Patch, Patched, Unit

TIME_LIMIT_S = 120.0
"""How long one request may take: a book with a thousand references needs a tenth of it."""

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "filters")
_KEPT = ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LD_LIBRARY_PATH")  # what a process may need to start at all
_MEMORY = {"GHCRTS": "-O64m"}
"""Asks the runtime of pandoc, a Haskell program, to go through its old objects only once they fill this much: a paper of 60,000 words takes
a fifth less time than with half of it, and as long as with twice as much, which costs 60 MB. A pandoc that refuses to be asked ends at
once, and is started again without."""
_STARTS = 2


class Mark(msgspec.Struct, frozen=True, rename={"where": "in"}):
    """A reference: ``kind`` is "value", "claim" or "math-value", ``literal`` the author's words for it."""

    seq: int
    kind: Literal["value", "claim", "math-value"]
    key: str
    text: str
    literal: str = ""
    where: str = "body"


class ScannedImage(msgspec.Struct, frozen=True, rename={"where": "in"}):
    """An image of the paper as the author wrote it; ``seq`` counts references and images together, ``where`` is "body" or "meta"."""

    seq: int
    path: str
    id: str = ""
    classes: tuple[str, ...] = ()
    attributes: Mapping[str, str] = {}
    where: str = "body"


class ScannedInclude(msgspec.Struct, frozen=True):
    """Code that stands in the file ``path``; ``lines`` and ``part`` say which of it, ``text`` is what stands in the paper."""

    path: str
    lines: str = ""
    part: str = ""
    text: str = ""
    id: str = ""


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with the paper. ``kind`` says what, ``text`` which, ``detail`` why; ``n`` counts images, libraries or lines from 1.

    In a formula, ``token`` is what cannot be read, and ``at`` where it stands in ``text``, in characters from 0; where ``n`` is a line,
    ``at`` is the column, from 1.
    """

    kind: str
    text: str
    n: int = 0
    detail: str = ""
    token: str = ""
    at: int = 0


class Scanned(msgspec.Struct, frozen=True):
    """What a paper holds, in the order in which :class:`Request` must answer it. ``meta`` is its metadata as plain data."""

    references: tuple[Mark, ...] = ()
    strays: tuple[Mapping[str, str], ...] = ()
    images: tuple[ScannedImage, ...] = ()
    citations: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    meta: Mapping[str, object] = {}
    chunks: tuple[Seen, ...] = ()
    includes: tuple[ScannedInclude, ...] = ()

    def surfaced(self) -> tuple[Surfaced, ...]:
        """Return the references, in order, and after them the codes of a tagged parse that surfaced elsewhere."""
        found = tuple(Surfaced(mark.kind, mark.key, mark.text, mark.where) for mark in self.references)
        return found + tuple(Surfaced("stray", item["key"], "", "body", item["node"]) for item in self.strays)


class Block(msgspec.Struct, frozen=True):
    """A block of a paper's text: what pandoc calls it ("Para"), and what it begins with in the source: its words, its code, a path."""

    kind: str
    text: str


class BoundValue(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands for a reference: ``pieces`` in text, ``tex`` in mathematics; nothing of either leaves the author's words.

    ``stale`` says that it is of a result that is not up to date.
    """

    pieces: tuple[Piece, ...] = ()
    tex: str = ""
    provenance: int | None = None
    stale: bool = False


class BoundCell(msgspec.Struct, frozen=True, omit_defaults=True):
    """A cell of a data table: ``pieces``, or ``markdown`` to be read by pandoc.

    ``mark`` is "best" or "second" where the cell is set off, ``value`` what it is sorted by where that is not its text; ``across`` and
    ``down`` count the columns and rows that it takes.
    """

    pieces: tuple[Piece, ...] = ()
    markdown: str = ""
    mark: Literal["", "best", "second"] = ""
    value: str | None = None
    across: int = 1
    down: int = 1


class BoundGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows of a table that belong together, under a heading where there is one; a row lacks the cells that one above it covers."""

    rows: tuple[tuple[BoundCell, ...], ...] = ()
    heading: BoundCell | None = None


class BoundTable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A data table. ``align`` has "left", "right" or "center" for each column; ``notes`` are Markdown.

    ``decimal`` names the columns, from 1, whose numbers are set with their decimal points below each other, each with the sign that
    is the point there: "2. 4,". The first ``row_heads`` cells of a row head it.
    """

    align: tuple[str, ...] = ()
    decimal: str = ""
    head: tuple[tuple[BoundCell, ...], ...] = ()
    groups: tuple[BoundGroup, ...] = ()
    row_heads: int = 0
    notes: str = ""


class BoundImage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What becomes of an image: a picture at ``src``, a table, or a text to be shown as it is."""

    kind: Literal["path", "table", "text"]
    src: str = ""
    table: BoundTable | None = None
    provenance: int | None = None
    text: str = ""


class BoundCode(msgspec.Struct, frozen=True, omit_defaults=True):
    """Code of a file: ``text`` begins with its line ``first``; ``language`` is what its name tells."""

    text: str = ""
    first: int = 1
    language: str = ""


class Library(msgspec.Struct, frozen=True):
    """A bibliography's text, and which of pandoc's readers takes it ("biblatex", "csljson", "ris", …)."""

    format: str
    text: str


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """A paper to write. ``values``, ``images`` and ``includes`` answer :class:`Scanned` one by one.

    ``csl`` is a style's XML ("" for the default).

    ``number_within`` is "", "section" or "chapter": floats are numbered anew within each heading of level 1, which is called so.
    ``reference_names`` and ``caption_names`` are "long" or "short" ("Fig. 1"), ``reference_range`` is "dash" or "word" ("1 to 3").
    ``offsets``, one for each of :meth:`PandocWorker.blocks`, become marks in front of the blocks (see :mod:`paperbuild.render.marks`); -1
    becomes none. ``sections`` follows the paper: it has the letters that each of its sections' headings begins with,
    and ``revision`` is a number that no request before had; what is kept under the number ``replaces`` is forgotten.
    """

    text: str
    format: Format
    values: tuple[BoundValue, ...] = ()
    images: tuple[BoundImage, ...] = ()
    includes: tuple[BoundCode, ...] = ()
    bibliography: tuple[Library, ...] = ()
    csl: str = ""
    lang: str = ""
    number_sections: bool = False
    columns: int = 1
    needs_alt: bool = False
    number_within: str = ""
    reference_names: str = "long"
    caption_names: str = "long"
    reference_range: str = "dash"
    offsets: tuple[int, ...] = ()
    sections: tuple[str, ...] | None = None
    revision: int = 0
    replaces: int = 0


class WrittenAuthor(msgspec.Struct, frozen=True):
    """An author as :class:`paperbuild.render.parts.Author` has it."""

    name: str
    plain: str
    affiliations: tuple[str, ...] = ()
    orcid: str = ""
    email: str = ""
    corresponding: bool = False
    equal: bool = False
    given: str = ""
    family: str = ""
    suffix: str = ""
    url: str = ""
    symbol: str = ""
    note: str = ""
    degrees: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    funders: tuple[str, ...] = ()
    deceased: bool = False


class WrittenAffiliation(msgspec.Struct, frozen=True):
    """An affiliation as :class:`paperbuild.render.parts.Affiliation` has it."""

    key: str
    name: str
    plain: str = ""
    institution: str = ""
    department: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    ror: str = ""
    url: str = ""


class Written(msgspec.Struct, frozen=True, rename="kebab"):
    """A paper in its target format: fragments, the outline, and what went wrong. ``labels`` says how the n-th image (from 1) is called.

    A paper that is followed has ``units`` and ``notes`` instead of a body (see :mod:`paperbuild.render.patches`), and in ``unfollowed`` why
    no section of it can be written by itself ("" where one can); ``cited`` counts the runs of citeproc.
    """

    body: str
    title: str = ""
    subtitle: str = ""
    date: str = ""
    abstract: str = ""
    plain_title: str = ""
    plain_abstract: str = ""
    plain_date: str = ""
    keywords: tuple[str, ...] = ()
    authors: tuple[WrittenAuthor, ...] = ()
    affiliations: tuple[WrittenAffiliation, ...] = ()
    outline: tuple[Heading, ...] = ()
    problems: tuple[Problem, ...] = ()
    labels: Mapping[str, str] = {}
    citation_keys: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    theorems: tuple[tuple[str, str], ...] = ()
    document: bytes = b""
    preamble: str = ""
    publication: Publication = Publication()
    units: tuple[Unit, ...] = ()
    notes: str = ""
    unfollowed: str = ""
    cited: int = 0


class _Version(msgspec.Struct, frozen=True):
    version: str


class _Converted(msgspec.Struct, frozen=True):
    text: str


class _Answer(msgspec.Struct, frozen=True):
    ok: bool
    result: msgspec.Raw = msgspec.Raw()
    error: str = ""


_answers = msgspec.json.Decoder(_Answer)  # before there are threads: see paperbuild.engine.tracing.executor
R = TypeVar("R")


class PandocWorker:
    """Pandoc, started with the first request. Safe to use from several threads: they take turns.

    A worker that dies is started once more, since every request is complete in itself. It reads its requests from a pipe and so ends
    by itself when this process does, however that ends.
    """

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def version(self) -> str:
        """Return pandoc's version."""
        return self._ask({"op": "ping"}, _Version).version

    def scan(self, text: str, codes: Mapping[str, str] | None = None) -> Scanned:
        """Return what the paper ``text`` holds. ``codes`` are the keys of a tagged parse and the word that each one replaces.

        Raises:
            BuildError: pandoc cannot read it.
        """
        return self._ask({"op": "scan", "text": text, "codes": dict(codes or {})}, Scanned)

    def blocks(self, text: str) -> tuple[Block, ...]:
        """Return the blocks of the paper ``text`` in order, in the same order in which :attr:`Request.offsets` has them."""
        return self._ask({"op": "blocks", "text": text}, tuple[Block, ...])

    def write(self, request: Request, files: Mapping[str, bytes] = MappingProxyType({})) -> Written:
        """Return the paper in its target format; what is wrong with it is among its problems.

        ``files`` are what a format that pandoc writes whole needs besides: its pictures and its reference document.

        Raises:
            BuildError: pandoc cannot do it.
        """
        return self._ask({"op": "write", **msgspec.structs.asdict(request)}, Written, files)

    def patch(self, patch: Patch) -> Patched:
        """Return one section of a followed paper written anew, or why that cannot be.

        Raises:
            BuildError: pandoc cannot do it.
        """
        return self._ask({"op": "patch", **msgspec.structs.asdict(patch)}, Patched)

    def from_latex(self, text: str) -> str:
        """Return the LaTeX document ``text`` as Markdown with front matter.

        Raises:
            BuildError: pandoc cannot read it.
        """
        return self._ask({"op": "from_latex", "text": text}, _Converted).text

    def begin(self) -> None:
        """Start the worker, so that it is ready by the time it is asked.

        Raises:
            BuildError: there is no pandoc.
        """
        with self._lock:
            if self._process is None:
                self._start(_MEMORY)

    def memory(self) -> int:
        """Return how many bytes of memory the worker holds; 0 where that is not known."""
        process = self._process
        if process is None:
            return 0
        try:
            with open(f"/proc/{process.pid}/statm") as numbers:
                return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return 0

    def close(self) -> None:
        """End the worker. It starts again should it be asked again."""
        with self._lock:
            if self._process is not None:
                _kill(self._process)  # between two requests it has nothing to lose, and tidying up takes it 20 ms
            self._end()

    def _ask(self, payload: Mapping[str, object], answer_type: type[R], files: Mapping[str, bytes] = MappingProxyType({})) -> R:
        fields = {key: value for key, value in payload.items() if key == "text" or value not in (None, "")}
        data = msgspec.json.encode(fields | ({"files": tuple(files)} if files else {}))
        with self._lock:
            answer, document = self._exchange((data, *files.values()))
        if not answer.ok:
            raise BuildError(_refusal(answer.error))
        try:
            result = msgspec.json.decode(answer.result, type=answer_type)
        except msgspec.ValidationError as error:
            raise InternalError(f"the pandoc worker's answer has another shape: {error}") from error
        return msgspec.structs.replace(result, document=document) if document and isinstance(result, Written) else result

    def _exchange(self, parts: Sequence[bytes]) -> tuple[_Answer, bytes]:
        """Send one request and return its answer and the document that came with it.

        The worker is started where none is alive, and once more where it died of this one.
        """
        for start in range(_STARTS):
            process = self._process if self._process is not None and self._process.poll() is None else self._start({} if start else _MEMORY)
            expired = threading.Event()
            timer = threading.Timer(self._time_limit_s, _expire, (process, expired))
            timer.daemon = True
            timer.start()
            try:
                answered = _converse(process, parts)
            finally:
                timer.cancel()
            if answered is not None:
                return _answers.decode(answered[0]), b"".join(answered[1:])
            last_words = self._end()
            if expired.is_set():
                raise BuildError(
                    Diagnostic(
                        "PB531", f"pandoc was at it for more than {self._time_limit_s:g} s", help=("split the paper into several files",)
                    )
                )
        raise BuildError(Diagnostic("PB532", "pandoc ended without an answer, twice", detail=last_words))

    def _start(self, asked: Mapping[str, str]) -> subprocess.Popen[bytes]:
        self._end()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        nowhere = os.path.join(_FOLDER, "none")  # pandoc looks for its own data there, and finds nothing
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {**asked, "LC_ALL": "C.UTF-8", "HOME": nowhere, "XDG_DATA_HOME": nowhere, "APPDATA": nowhere}
        try:
            self._process = subprocess.Popen(
                [_program(), "lua", os.path.join(_FOLDER, "worker.lua"), _FOLDER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=_FOLDER,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            help_ = ("install paperbuild again: pip install --force-reinstall pypandoc_binary",)
            raise BuildError(Diagnostic("PB532", f"pandoc cannot be started: {error}", help=help_)) from None
        return self._process

    def _end(self) -> tuple[str, ...]:
        """End the worker and return the last lines that it wrote to its standard error."""
        process, log = self._process, self._log
        self._process = self._log = None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what it did not take in it will never read
                        pipe.close()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                _kill(process)
                process.wait()
        if log is None:
            return ()
        with log:
            log.seek(0)
            return tuple(log.read().decode("utf-8", "replace").splitlines()[-8:])


def _program() -> str:
    """Return the pandoc that came with paperbuild: another one on PATH would write other documents under the same key.

    pypandoc itself prefers the newest that it finds, and runs every candidate to learn its version.
    """
    found = find_spec("pypandoc")
    for folder in (found.submodule_search_locations or ()) if found else ():
        for name in ("pandoc", "pandoc.exe"):
            path = os.path.join(folder, "files", name)
            if os.path.isfile(path):
                return path
    raise FileNotFoundError("the package pypandoc_binary holds no pandoc")


def _converse(process: subprocess.Popen[bytes], parts: Sequence[bytes]) -> list[bytes] | None:
    """Send one frame and return the parts of the next; None where the process ended."""
    requests, answers = process.stdin, process.stdout
    assert requests is not None
    assert answers is not None
    try:
        requests.write(b" ".join(b"%d" % len(part) for part in parts) + b"\n")
        for part in parts:
            requests.write(part)
        requests.flush()
        sizes = [int(size) for size in answers.readline().split()]
        answered = [answers.read(size) for size in sizes]
    except (OSError, ValueError):
        return None
    return answered if answered and [len(part) for part in answered] == sizes else None


def _expire(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
    expired.set()
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _refusal(error: str) -> Diagnostic:
    """Return the diagnostic for what pandoc said when it gave up: its first line, without Lua's traceback."""
    lines: Sequence[str] = [line for line in error.split("stack traceback:", maxsplit=1)[0].splitlines() if line.strip()]
    message = lines[0].strip() if lines else "no reason given"
    return Diagnostic("PB530", f"pandoc cannot read this: {message}", detail=tuple(lines[1:6]))
