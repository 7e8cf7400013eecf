"""The press: typst in a process of its own, for ``watch``, where it typesets and draws for hours.

What typst keeps of the documents that it has seen cannot be freed but with its process. So there is one that can be ended: it starts with
the first request, or before one, and is replaced when it holds too much. It shares nothing with this process but two pipes, hence the
bytes and the diagnostics are those of a :class:`paperbuild.render.typst.Typesetter` (see :mod:`paperbuild.render.presswork`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from typing import IO

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError, InternalError, Interrupted
from paperbuild.render.marks import Place, nowhere
from paperbuild.render.presswork import Answer, Asked, Convert, Draw, Request, Typeset, decoded, read, write
from paperbuild.render.typst import DRAWN_DPI, Drawn, Job, Pdf, Typesetter

MEMORY_LIMIT = 200 << 20
"""How many bytes a press may hold before another one takes its place, which has to lay out all of the paper again: 6,000 words need 130 MB.
Where a paper alone needs most of the limit, it is so many times what its first PDF and first drawings took; of 60,000 words typst keeps
1.7 times that after twenty edits."""

_MOST, _GROWTH = 0.8, 1.8
_FRESH = 2  # documents
_PROGRAM = "import sys; sys.path[:] = sys.argv[2:]; from paperbuild.render.presswork import main; main(sys.argv[1])"
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_STARTS = 2
_LAST_WORDS = 8  # lines


class Press(Typesetter):
    """A typesetter in another process. Safe to use from several threads: they take turns.

    A press that dies is started once more, since every request is complete in itself. It reads its requests from a pipe and so ends by
    itself when this process does, however that ends. ``memory_limit`` is in bytes; see :data:`MEMORY_LIMIT`.
    """

    def __init__(self, memory_limit: int = MEMORY_LIMIT) -> None:
        super().__init__()
        self._memory_limit = memory_limit
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._folder = ""
        self._needed = 0  # bytes that this press held after the first two documents, mostly a PDF and its drawings
        self._documents = 0

    def pdf(self, job: Job) -> Pdf:
        """See :class:`paperbuild.render.typst.Typesetter`."""
        made = self._ask(Typeset(job), job.place).pdf
        if made is None:
            raise InternalError("the press made no PDF")
        return made

    def drawings(self, shown: Job | bytes) -> list[bytes]:
        """See :class:`paperbuild.render.typst.Typesetter`."""
        return list(self._ask(Draw(shown)).images)

    def drawn(
        self, figure: bytes, suffix: str, wanted: Drawn, width_in: float = 0.0, *, page: int = 1, dpi: int = DRAWN_DPI
    ) -> bytes:  # fmt: skip
        """See :class:`paperbuild.render.typst.Typesetter`."""
        return self._ask(Convert(figure, suffix, wanted, width_in, page, dpi)).images[0]

    def begin(self) -> None:
        """Start the press, so that it is ready by the time it is asked."""
        with self._lock, contextlib.suppress(OSError):  # whoever asks it is told
            if self._process is None and not self._closed:
                self._start()

    @property
    def pid(self) -> int:
        """Which process the press is now, 0 for none."""
        process = self._process
        return process.pid if process is not None else 0

    def close(self) -> None:
        """End the press for good, also in the middle of a request."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()

    def _ask(self, request: Request, place: Place = nowhere) -> Answer:
        """Return the answer.

        Raises:
            BuildError: what typst says of it, or the press died of it.
            OSError: it cannot write its files.
            Interrupted: the press was closed meanwhile.
        """
        with self._lock:
            answer = self._exchange(request, place)
            self._renew(type(request), answer.memory)
        if answer.failed is not None:
            raise OSError(*answer.failed)
        if answer.broken:
            raise InternalError(f"the press says: {answer.broken}")
        if answer.refused:
            raise BuildError(*answer.refused)
        return answer

    def _exchange(self, request: Request, place: Place) -> Answer:
        last_words: tuple[str, ...] = ()
        for _ in range(_STARTS):
            if self._closed:
                raise Interrupted
            try:
                process = self._process if self._process is not None and self._process.poll() is None else self._start()
                answer = _converse(process, request, place)
            except OSError as error:
                answer, last_words = None, (str(error),)
            except BaseException:
                self._end()  # it may be in the middle of something
                raise
            if answer is not None:
                return answer
            last_words = self._end() or last_words
        if self._closed:
            raise Interrupted
        raise BuildError(Diagnostic("PB518", "typst ended without an answer, twice", detail=last_words))

    def _renew(self, kind: type[Request], held: int) -> None:
        """Let another press take the place of this one where it holds too much: what it holds now cannot be freed otherwise."""
        if kind is not Convert:
            self._documents += 1
            if self._documents <= _FRESH:
                self._needed = held
                return
        is_long = self._needed > _MOST * self._memory_limit
        if held > (_GROWTH * self._needed if is_long else self._memory_limit):
            with contextlib.suppress(OSError):
                self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._end()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._folder = tempfile.mkdtemp(prefix="paperbuild-press-")
        self._needed = self._documents = 0
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, self._folder, *map(os.path.abspath, sys.path), _PACKAGES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        return self._process

    def _end(self) -> tuple[str, ...]:
        """End the press and remove its folder; return the last lines that it wrote to its standard error."""
        process, log, folder = self._process, self._log, self._folder
        self._process, self._log, self._folder = None, None, ""
        if process is not None:
            process.kill()  # it has nothing to lose
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what it did not take in it will never read
                        pipe.close()
            process.wait()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        if log is None:
            return ()
        with log:
            log.seek(0)
            return tuple(log.read().decode("utf-8", "replace").splitlines()[-_LAST_WORDS:])


def _converse(process: subprocess.Popen[bytes], request: Request, place: Place) -> Answer | None:
    """Return the answer, None where the press ended before it gave one.

    Raises:
        OSError: it ended before it had taken in the request.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    write(process.stdin, request)
    while (message := read(process.stdout)) is not None:
        try:
            answer: Asked | Answer = decoded(message, Asked | Answer)  # type: ignore[arg-type]
        except msgspec.ValidationError as error:
            raise InternalError(f"the press's answer has another shape: {error}") from error
        if isinstance(answer, Answer):
            return answer
        write(process.stdin, place(answer.generated))
    return None
