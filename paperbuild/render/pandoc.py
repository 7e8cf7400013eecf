"""The pandoc worker: one long-lived ``pandoc lua`` process behind pipes, which is asked as :mod:`paperbuild.render.protocol` has it.

A start costs a tenth of a second, a request milliseconds, so one worker serves a whole build. It opens no file of the project, which
:class:`paperbuild.engine.ports.Reader` could not see.
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
from typing import IO, TypeVar

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError, InternalError
from paperbuild.render.patches import Patch, Patched
from paperbuild.render.protocol import Block, Request, Scanned, Written

TIME_LIMIT_S = 120.0
"""How long one request may take: a book with a thousand references needs a tenth of it."""

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "filters")
_KEPT = ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LD_LIBRARY_PATH")  # what a process may need to start at all
_MEMORY = {"GHCRTS": "-O64m"}
"""Asks the runtime of pandoc, a Haskell program, to go through its old objects only once they fill this much: a paper of 60,000 words takes
a fifth less time than with half of it, and as long as with twice as much, which costs 60 MB. A pandoc that refuses to be asked ends at
once, and is started again without."""
_STARTS = 2


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
